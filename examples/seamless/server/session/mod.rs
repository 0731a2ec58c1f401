//! The sessions of signed-in users, in the store. Only the browser has the cookie of a session. The cookie is 32 random
//! octets.
//!
//! From the cookie and the server's secret, the server derives the session's name in the store and the key that seals the
//! session (HKDF). So an attacker who can read the store can neither use a session nor see its user. An attacker who can write
//! to the store cannot make a session. The number of sessions of each user is limited. When the limit is reached, the user's
//! oldest session ends.
//!
//! When a user signs out, the server marks the session as ended, and deletes it. The mark lasts until the session would
//! have ended. A store that loses its last writes in a failover may bring the session back. The server then still
//! refuses the session, because the mark was on the replicas before the server told the user of the sign-out.
//!
//! While the store cannot be reached:
//! - A session that this node read in the last [`CACHE_TIME`] seconds stays valid.
//! - With [`WithoutStore::Passwords`], the server keeps new sessions in the memory of this node, each for
//!   [`LOCAL_TIME`] seconds at most.

mod id;
#[cfg(test)]
mod tests;

pub(crate) use id::SessionId;

use crate::authenticated::Authenticated;
use crate::clock;
use crate::metrics::STAGE;
use crate::oidc::ConversationId;
use crate::store::{Key, Kind, Locator, Memory, Records, Sealer, StoreError, UserIndex, When, WithoutStore};
use kerberos_sso::{SessionIdentity, Sid, UnixTime};
use seamless_pta::AgentId;
use serde::{Deserialize, Serialize};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tracing::{Instrument as _, debug_span};

/// The user who signed in, the tenant, and the method of the sign-in.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Session {
    pub(crate) tenant: Arc<str>,
    pub(crate) identity: SessionIdentity,
    /// The NetBIOS name of the user's domain, for the page.
    pub(crate) domain: Option<String>,
    pub(crate) method: Method,
    /// The time at which the user signed in to the KDC, in seconds since 1970. A ticket has the time of the user's first
    /// sign-in to the KDC (RFC 4120 section 5.3, `authtime`).
    pub(crate) authenticated: i64,
    /// Whether the user entered a one-time code.
    pub(crate) is_proved: bool,
    /// The sign-in in which the session began, if an application asked for the sign-in.
    pub(crate) conversation: Option<ConversationId>,
    /// The identifier of the user's stay. A stay lasts from a sign-in to a sign-out, and further sign-ins of the user
    /// in the browser belong to the same stay. Grants without the scope `offline_access` end with the stay.
    pub(crate) stay: Locator,
    began: i64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Method {
    Kerberos,
    /// This server asked the directory about the password.
    Password,
    /// This server checked the password with a verifier of the directory.
    PasswordHash,
    /// The server itself made the ticket, in the built-in test realm.
    TestTicket,
    /// This agent asked the directory about the password.
    PassThrough(AgentId),
}

impl Method {
    /// Returns whether a ticket of the user's computer proved who the user is.
    pub(crate) const fn is_by_ticket(self) -> bool {
        matches!(self, Self::Kerberos | Self::TestTicket)
    }

    /// Returns the agent that validated the password.
    pub(crate) const fn agent(self) -> Option<AgentId> {
        match self {
            Self::PassThrough(agent) => Some(agent),
            _ => None,
        }
    }
}

/// The stage of a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Stage {
    /// The user must still enter a one-time code. Until then the session gives no access.
    AwaitsProof,
    SignedIn,
}

pub(crate) struct Sessions {
    lifetime: Duration,
    shared: Entries,
    /// The sessions that began while the shared store could not be asked.
    local: Option<Entries>,
    /// The sessions that this node has read from the shared store. An entry counts for [`CACHE_TIME`] seconds.
    recent: Mutex<HashMap<Locator, Recent>>,
}

/// The store's records of sessions, and the list of each user's sessions.
struct Entries {
    records: Records,
    of_user: UserIndex,
}

/// A session in the store, with the time at which it ends, in seconds since 1970.
#[derive(Clone, Serialize, Deserialize)]
struct Stored {
    session: Arc<Session>,
    stage: Stage,
    end: i64,
}

struct Recent {
    stored: Stored,
    read_at: UnixTime,
}

impl Sessions {
    pub(crate) fn new(records: Records, lifetime: Duration, without_store: WithoutStore) -> Self {
        let local = || records.in_store(Arc::new(Memory::new(clock::now).with_max_entries(MAX_LOCAL)));
        let local = (without_store == WithoutStore::Passwords).then(local).map(Entries::new);
        Self { lifetime, local, shared: Entries::new(records), recent: Mutex::default() }
    }

    pub(crate) const fn lifetime(&self) -> Duration {
        self.lifetime
    }

    /// Begins a session and returns its cookie. A session that waits for a one-time code ends after [`PROOF_TIME`].
    pub(crate) async fn begin(
        &self,
        session: Arc<Session>,
        stage: Stage,
        now: UnixTime,
    ) -> Result<SessionId, StoreError> {
        let lifetime = i64::try_from(self.lifetime.as_secs()).unwrap_or(i64::MAX);
        let lifetime = if stage == Stage::SignedIn { lifetime } else { PROOF_TIME.min(lifetime) };
        let id = SessionId::random();
        let stored = |lifetime| {
            let (session, end) = (Arc::clone(&session), now.saturating_add_seconds(lifetime).seconds());
            Stored { session, stage, end }
        };
        let new = stored(lifetime);
        let begun = self.shared.begin(&id, &new, now);
        match (begun.instrument(debug_span!(target: STAGE, "session")).await, &self.local) {
            (Err(StoreError::Unreachable(reason)), Some(local)) => {
                tracing::warn!("a new session is in the memory of this node only: {reason}");
                local.begin(&id, &stored(lifetime.min(LOCAL_TIME)), now).await?;
            }
            (begun, _) => begun?,
        }
        Ok(id)
    }

    /// Returns the session of a cookie. A value in the store that this server did not write is no session.
    pub(crate) async fn find(&self, id: &SessionId, now: UnixTime) -> Option<(Arc<Session>, Stage)> {
        let stored = match self.shared.find(id).await {
            Ok(Some(stored)) => {
                self.remember(self.shared.locator(id), &stored, now);
                Some(stored)
            }
            Ok(None) => {
                self.recents().remove(&self.shared.locator(id));
                None
            }
            Err(error) => {
                tracing::warn!("a session is looked up only in the memory of this node: {error}");
                self.recent(&self.shared.locator(id), now)
            }
        };
        let stored = match (stored, &self.local) {
            (None, Some(local)) => local.find(id).await.ok().flatten(),
            (stored, _) => stored,
        };
        stored.filter(|stored| stored.end > now.seconds()).map(|stored| (stored.session, stored.stage))
    }

    /// Ends a session and its stay, because its user signs out. If several callers end one session, only one caller gets
    /// the session.
    ///
    /// The stay ends first. So if the store fails in between, the session stays valid, and the user can sign out again.
    ///
    /// # Errors
    /// Returns an error if the store cannot be asked. A session of the shared store then stays valid.
    pub(crate) async fn end(&self, id: &SessionId, now: UnixTime) -> Result<Option<Arc<Session>>, StoreError> {
        let local = match &self.local {
            Some(local) => local.find(id).await?,
            None => None,
        };
        let is_local = local.is_some();
        let found = match local {
            Some(stored) => Some(stored),
            None => self.shared.read(id).await?.1,
        };
        if let Some(Stored { session, .. }) = &found {
            match self.end_stay(&session.stay, now).await {
                Err(StoreError::Unreachable(reason)) if is_local => {
                    tracing::warn!("a session of this node ends, but applications may keep their grants: {reason}");
                }
                done => done?,
            }
        }
        self.replace(id, now).await
    }

    async fn end_stay(&self, stay: &Locator, now: UnixTime) -> Result<(), StoreError> {
        // No grant that ends with the stay is valid for longer than a session that begins now. So the mark need not
        // last longer.
        let lifetime = i64::try_from(self.lifetime.as_secs()).unwrap_or(i64::MAX);
        let mark = Key::new(Kind::EndedSession, stay);
        self.shared.records.store().mark(&mark, now.saturating_add_seconds(lifetime)).await
    }

    /// Returns whether a stay goes on: the store has no mark that the stay has ended.
    ///
    /// # Errors
    /// Returns an error if the store cannot be asked.
    pub(crate) async fn stay_goes_on(records: &Records, stay: &Locator) -> Result<bool, StoreError> {
        Ok(records.store().get(&Key::new(Kind::EndedSession, stay)).await?.is_none())
    }

    /// Ends a session, but not its [stay](Session::stay), which can continue in a new session. If several callers end one session, only one caller gets the
    /// session.
    ///
    /// # Errors
    /// Returns an error if the store cannot be asked. The session then stays valid.
    pub(crate) async fn replace(&self, id: &SessionId, now: UnixTime) -> Result<Option<Arc<Session>>, StoreError> {
        let local = match &self.local {
            Some(local) => local.end(id).await?,
            None => None,
        };
        let stored = match local {
            Some(stored) => Some(stored),
            None => self.shared.end(id).await?,
        };
        self.recents().remove(&self.shared.locator(id));
        Ok(stored.filter(|stored| stored.end > now.seconds()).map(|stored| stored.session))
    }

    fn remember(&self, locator: Locator, stored: &Stored, now: UnixTime) {
        let mut recent = self.recents();
        if recent.len() >= MAX_RECENT {
            recent.retain(|_, one| is_recent(one, now));
        }
        if recent.len() < MAX_RECENT || recent.contains_key(&locator) {
            recent.insert(locator, Recent { stored: stored.clone(), read_at: now });
        }
    }

    fn recent(&self, locator: &Locator, now: UnixTime) -> Option<Stored> {
        self.recents().get(locator).filter(|one| is_recent(one, now)).map(|one| one.stored.clone())
    }

    fn recents(&self) -> MutexGuard<'_, HashMap<Locator, Recent>> {
        self.recent.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn is_recent(one: &Recent, now: UnixTime) -> bool {
    (0..CACHE_TIME).contains(&now.seconds_since(one.read_at))
}

impl Entries {
    fn new(records: Records) -> Self {
        Self { of_user: UserIndex::new(records.clone(), Kind::Session, MAX_OF_ONE_USER), records }
    }

    async fn begin(&self, id: &SessionId, stored: &Stored, now: UnixTime) -> Result<(), StoreError> {
        let (locator, end) = (self.locator(id), UnixTime::from_seconds(stored.end));
        let key = Key::new(Kind::Session, &locator);
        let sealer = self.sealer(id, &key);
        let sid = sid(&stored.session);
        let parts = parts(&stored.session, stored.stage, &sid);
        // The two operations run at the same time, so their waits for the store's disk overlap.
        let (listed, put) = tokio::join!(
            self.of_user.add(&parts, locator, end, now),
            self.records.put_with(&sealer, &key, stored, end, When::Absent)
        );
        listed.and(put.map(drop))
    }

    async fn find(&self, id: &SessionId) -> Result<Option<Stored>, StoreError> {
        let (is_marked, stored) = self.read(id).await?;
        Ok(stored.filter(|_| !is_marked))
    }

    /// Returns whether the session is marked as ended, and the record of the session. A failover may bring back the record of
    /// an ended session. The server sends both questions together, so they take the time of one question.
    async fn read(&self, id: &SessionId) -> Result<(bool, Option<Stored>), StoreError> {
        let locator = self.locator(id);
        let (key, mark) = (Key::new(Kind::Session, &locator), Key::new(Kind::EndedSession, &locator));
        let sealer = self.sealer(id, &key);
        let (marked, stored) = tokio::try_join!(self.records.store().get(&mark), self.records.get_with(&sealer, &key))?;
        Ok((marked.is_some(), stored))
    }

    async fn end(&self, id: &SessionId) -> Result<Option<Stored>, StoreError> {
        // The server makes no mark for a cookie without a record. Otherwise anybody could fill the store with marks.
        let (was_marked, Some(stored)) = self.read(id).await? else { return Ok(None) };
        let locator = self.locator(id);
        // A session that waits for a code gives no access, so it needs no mark. Without a mark, the user's next page
        // does not wait for replicas.
        if stored.stage == Stage::SignedIn {
            let mark = Key::new(Kind::EndedSession, &locator);
            self.records.store().mark(&mark, UnixTime::from_seconds(stored.end)).await?;
        }
        let key = Key::new(Kind::Session, &locator);
        let taken: Option<Stored> = self.records.take_with(&self.sealer(id, &key), &key).await?;
        if let Some(Stored { session, stage, .. }) = &taken {
            self.of_user.remove(&parts(session, *stage, &sid(session)), locator).await?;
        }
        Ok(taken.filter(|_| !was_marked))
    }

    /// Returns the octets of the session's name in the store.
    #[expect(clippy::expect_used, reason = "the server derives 32 octets, and a locator has fewer")]
    fn locator(&self, id: &SessionId) -> Locator {
        let derived = self.records.secret().derive(id.octets(), &[b"locator"]);
        derived.first_chunk().copied().expect("32 octets have 16 first octets")
    }

    fn sealer<'k>(&self, id: &SessionId, key: &'k Key) -> Sealer<'k> {
        Sealer::new(self.records.secret(), id.octets(), key)
    }
}

/// Returns the parts that name the list of a user's sessions. The sessions that wait for a one-time code are in a
/// second list, so they cannot displace a user's signed-in sessions.
fn parts<'s>(session: &'s Session, stage: Stage, sid: &'s str) -> [&'s [u8]; 5] {
    let stage: &[u8] = if stage == Stage::SignedIn { b"signed-in" } else { b"waiting" };
    // A user without a SID is known by the name and the realm.
    let (name, realm) = if sid.is_empty() { (&*session.identity.name, &*session.identity.realm) } else { ("", "") };
    [session.tenant.as_bytes(), stage, sid.as_bytes(), name.as_bytes(), realm.as_bytes()]
}

fn sid(session: &Session) -> String {
    session.identity.sid.map(|sid: Sid| sid.to_string()).unwrap_or_default()
}

impl Session {
    pub(crate) fn new(
        tenant: &Arc<str>,
        Authenticated { identity, domain, method, at }: Authenticated,
        conversation: Option<ConversationId>,
    ) -> Self {
        Self {
            tenant: Arc::clone(tenant),
            identity,
            domain,
            method,
            authenticated: at.seconds(),
            is_proved: false,
            conversation,
            stay: clock::random(),
            began: clock::now().seconds(),
        }
    }

    /// Returns this session with the stay of the user's earlier session, so that the stay goes on.
    pub(crate) fn after(self, earlier: &Self) -> Self {
        Self { stay: earlier.stay, ..self }
    }

    /// Returns whether two sessions are of one user.
    pub(crate) fn is_of_user_of(&self, other: &Self) -> bool {
        self.identity.sid.is_some() && (&self.tenant, self.identity.sid) == (&other.tenant, other.identity.sid)
    }

    pub(crate) const fn began(&self) -> UnixTime {
        UnixTime::from_seconds(self.began)
    }

    /// Returns the time at which the user last proved who they are: by a one-time code, or else at the sign-in to the KDC.
    pub(crate) const fn proved_at(&self) -> UnixTime {
        UnixTime::from_seconds(if self.is_proved { self.began } else { self.authenticated })
    }

    /// Returns the session after its user has entered a one-time code.
    pub(crate) fn proved(&self) -> Self {
        Self {
            tenant: Arc::clone(&self.tenant),
            identity: self.identity.clone(),
            domain: self.domain.clone(),
            is_proved: true,
            began: clock::now().seconds(),
            ..*self
        }
    }
}

/// The largest number of sessions of one user. This number is enough for some browsers and devices, and for some sessions that
/// the user forgot.
const MAX_OF_ONE_USER: usize = 20;

/// The time in which the user must enter a one-time code, in seconds.
const PROOF_TIME: i64 = 5 * 60;

/// The time for which a session that this node read stays valid without the store, in seconds.
const CACHE_TIME: i64 = 30;

/// The largest number of sessions that this node remembers in case the store cannot be asked.
const MAX_RECENT: usize = 10_000;

/// The longest lifetime of a session in the memory of this node, in seconds.
const LOCAL_TIME: i64 = 10 * 60;

/// The largest number of entries in the memory of this node: sessions, and lists of users.
const MAX_LOCAL: u64 = 20_000;
