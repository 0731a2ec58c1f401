//! The sessions of signed-in users. Each session has an id that only its browser knows. The number of sessions is limited for
//! each user and in total. When a limit is reached, the oldest session ends.

use crate::clock;
use kerberos_sso::Identity;
use std::collections::HashMap;
use std::fmt;
use std::str::FromStr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// The user who signed in, the tenant, and the method of the sign-in.
#[derive(Debug)]
pub(crate) struct Session {
    pub(crate) tenant: Arc<str>,
    pub(crate) identity: Identity,
    pub(crate) method: Method,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Method {
    Kerberos,
    Password,
    /// By a ticket that the server made itself, in the built-in test realm.
    TestTicket,
}

/// The stage of a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stage {
    /// The user must still enter a one-time code. Until then the session gives no access.
    AwaitsProof,
    SignedIn,
}

/// A session id of 128 random bits. The text form of the id is hexadecimal.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct SessionId(u128);

pub(crate) struct Sessions {
    lifetime: Duration,
    entries: Mutex<HashMap<SessionId, Entry>>,
}

struct Entry {
    session: Arc<Session>,
    stage: Stage,
    began: Instant,
    ends: Instant,
}

impl Sessions {
    pub(crate) fn new(lifetime: Duration) -> Self {
        Self { lifetime, entries: Mutex::default() }
    }

    pub(crate) const fn lifetime(&self) -> Duration {
        self.lifetime
    }

    /// Begins a session and returns its id. A session that waits for a one-time code ends after [`PROOF_TIME`].
    pub(crate) fn begin(&self, session: Arc<Session>, stage: Stage) -> SessionId {
        let lifetime = if stage == Stage::SignedIn { self.lifetime } else { PROOF_TIME.min(self.lifetime) };
        let began = Instant::now();
        let ends = began.checked_add(lifetime).unwrap_or(began);
        let id = SessionId(u128::from_ne_bytes(clock::random()));
        let mut entries = self.entries();
        make_room(&mut entries, &session, stage, began);
        entries.insert(id, Entry { session, stage, began, ends });
        id
    }

    pub(crate) fn find(&self, id: SessionId) -> Option<(Arc<Session>, Stage)> {
        let entries = self.entries();
        let entry = entries.get(&id).filter(|entry| entry.ends > Instant::now())?;
        Some((Arc::clone(&entry.session), entry.stage))
    }

    /// Ends a session, because its user signs out or gets a new session.
    pub(crate) fn end(&self, id: SessionId) -> Option<Arc<Session>> {
        self.entries().remove(&id).map(|entry| entry.session)
    }

    fn entries(&self) -> MutexGuard<'_, HashMap<SessionId, Entry>> {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Makes room for a new session. The function looks at all sessions, which takes less time than one signature. The limit for
/// each user counts waiting and signed-in sessions separately, so a user's waiting sessions end no signed-in session.
fn make_room(entries: &mut HashMap<SessionId, Entry>, session: &Session, stage: Stage, now: Instant) {
    entries.retain(|_, entry| entry.ends > now);
    let of_user = |entry: &Entry| entry.stage == stage && entry.session.is_of_same_user(session);
    if entries.values().filter(|entry| of_user(entry)).count() >= MAX_OF_ONE_USER {
        remove_oldest(entries, of_user);
    }
    if entries.len() >= MAX_SESSIONS {
        remove_oldest(entries, |_| true);
    }
}

fn remove_oldest(entries: &mut HashMap<SessionId, Entry>, among: impl Fn(&Entry) -> bool) {
    let oldest = entries.iter().filter(|(_, entry)| among(entry)).min_by_key(|(_, entry)| entry.began);
    if let Some(id) = oldest.map(|(id, _)| *id) {
        entries.remove(&id);
    }
}

impl Session {
    fn is_of_same_user(&self, other: &Self) -> bool {
        self.tenant == other.tenant && self.identity.sid == other.identity.sid
    }
}

impl fmt::Display for SessionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", self.0)
    }
}

impl FromStr for SessionId {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let is_id = text.len() == 32 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
        if is_id { u128::from_str_radix(text, 16).map(Self).map_err(|_| ()) } else { Err(()) }
    }
}

const MAX_SESSIONS: usize = 10_000;

/// The largest number of sessions of one user: some browsers and devices, and some sessions that the user forgot.
const MAX_OF_ONE_USER: usize = 20;

const PROOF_TIME: Duration = Duration::from_mins(5);

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::indexing_slicing)]
mod tests {
    use super::*;
    use crate::tenants::Tenants;
    use kerberos_sso::policy::SEAMLESS_SSO_SERVICES;

    fn session() -> Arc<Session> {
        let tenant = Tenants::of_test_realm().test_tenant().unwrap();
        let token = tenant.test_realm.as_ref().unwrap().ticket_for("alice").service(SEAMLESS_SSO_SERVICES[0]);
        let header = token.at(clock::now()).header();
        let accepted = tenant.validator().validate_header(header, clock::now()).unwrap();
        let identity = accepted.identity().to_owned();
        Arc::new(Session { tenant: tenant.name, identity, method: Method::Kerberos })
    }

    #[test]
    fn oldest_session_of_a_user_ends_only_for_a_new_session_of_the_same_stage() {
        let (sessions, session) = (Sessions::new(Duration::from_mins(1)), session());
        let first = sessions.begin(Arc::clone(&session), Stage::SignedIn);
        let waiting: Vec<_> =
            (0..=MAX_OF_ONE_USER).map(|_| sessions.begin(Arc::clone(&session), Stage::AwaitsProof)).collect();
        assert!(sessions.find(first).is_some());
        assert_eq!(waiting.iter().filter(|id| sessions.find(**id).is_some()).count(), MAX_OF_ONE_USER);
        for _ in 0..MAX_OF_ONE_USER {
            sessions.begin(Arc::clone(&session), Stage::SignedIn);
        }
        assert!(sessions.find(first).is_none());
    }
}
