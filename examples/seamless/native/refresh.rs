//! Refresh tokens. The server accepts each token once and replaces it by the next token of its family. If a client sends a used
//! token again, the family ends, because one of two clients with that token must have stolen it (RFC 9700 section 4.14.2).

use super::assertion::Subject;
use crate::clock;
use kerberos_sso::UnixTime;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// The tenant, the client and the user of a sign-in for which the server issues tokens.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Grant {
    pub(super) tenant: Arc<str>,
    pub(super) client_id: String,
    pub(super) subject: Subject,
}

#[derive(Default)]
pub(super) struct RefreshTokens(Mutex<HashMap<u128, Family>>);

struct Family {
    grant: Arc<Grant>,
    /// The secret part of the family's current token, the only token of the family that the server accepts.
    secret: u128,
    end: UnixTime,
}

impl RefreshTokens {
    /// Begins a family and returns its first token.
    pub(super) fn begin(&self, grant: Arc<Grant>, now: UnixTime) -> String {
        let (id, secret) = (random(), random());
        let mut families = self.families();
        make_room(&mut families, now);
        families.insert(id, Family { grant, secret, end: now.saturating_add_seconds(LIFETIME) });
        written(id, secret)
    }

    /// Returns the grant of a token, and the token that replaces it. Returns `None` if the token is not the current token of
    /// its family, has expired, or belongs to another client or tenant. In these cases, the family ends.
    pub(super) fn rotate(
        &self,
        token: &str,
        tenant: &str,
        client_id: &str,
        now: UnixTime,
    ) -> Option<(Arc<Grant>, String)> {
        let (id, secret) = read(token)?;
        let mut families = self.families();
        let family = families.get_mut(&id)?;
        let is_good = family.secret == secret && family.end >= now;
        if !is_good || (&*family.grant.tenant, &*family.grant.client_id) != (tenant, client_id) {
            families.remove(&id);
            return None;
        }
        family.secret = random();
        Some((Arc::clone(&family.grant), written(id, family.secret)))
    }

    fn families(&self) -> MutexGuard<'_, HashMap<u128, Family>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Makes room for a new family. If there is no room, the function drops the expired families. If no family has expired,
/// the function drops the oldest family, whose client must sign in again. The function looks at all families, which
/// takes less time than one signature.
fn make_room(families: &mut HashMap<u128, Family>, now: UnixTime) {
    if families.len() < MAX_FAMILIES {
        return;
    }
    families.retain(|_, family| family.end >= now);
    if families.len() >= MAX_FAMILIES {
        let oldest = families.iter().min_by_key(|(_, family)| family.end).map(|(id, _)| *id);
        oldest.and_then(|id| families.remove(&id));
    }
}

fn random() -> u128 {
    u128::from_ne_bytes(clock::random())
}

fn written(id: u128, secret: u128) -> String {
    format!("{id:032x}{secret:032x}")
}

fn read(token: &str) -> Option<(u128, u128)> {
    let is_one = token.len() == 64 && token.bytes().all(|byte| byte.is_ascii_hexdigit());
    let (id, secret) = token.split_at_checked(32).filter(|_| is_one)?;
    Some((u128::from_str_radix(id, 16).ok()?, u128::from_str_radix(secret, 16).ok()?))
}

/// The lifetime of a family, in seconds: one working day. After that, the user needs a ticket again.
const LIFETIME: i64 = 10 * 60 * 60;

const MAX_FAMILIES: usize = 10_000;

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::indexing_slicing)]
mod tests {
    use super::*;

    fn grant() -> Arc<Grant> {
        let text = |text: &str| text.to_owned();
        let subject = Subject { sid: text("S-1-5-21-1-2-3-4"), upn: text("a@b"), immutable_id: text("c") };
        Arc::new(Grant { tenant: "t".into(), client_id: text("app"), subject })
    }

    const NOW: UnixTime = UnixTime::from_seconds(1_000);

    #[test]
    fn second_use_of_a_refresh_token_is_refused_and_ends_its_family() {
        let tokens = RefreshTokens::default();
        let first = tokens.begin(grant(), NOW);
        let (found, second) = tokens.rotate(&first, "t", "app", NOW).unwrap();
        assert_eq!(found, grant());
        let (_, third) = tokens.rotate(&second, "t", "app", NOW).unwrap();
        assert!(tokens.rotate(&first, "t", "app", NOW).is_none());
        assert!(tokens.rotate(&third, "t", "app", NOW).is_none(), "the family has ended");
    }

    #[test]
    fn refresh_token_of_another_client_or_tenant_or_expired_or_malformed_is_refused() {
        for (tenant, client, now) in
            [("u", "app", NOW), ("t", "other", NOW), ("t", "app", UnixTime::from_seconds(1_000_000))]
        {
            let tokens = RefreshTokens::default();
            let token = tokens.begin(grant(), NOW);
            assert!(tokens.rotate(&token, tenant, client, now).is_none());
            assert!(tokens.rotate(&token, "t", "app", NOW).is_none());
        }
        for rubbish in ["", "x", &"0".repeat(64), &"+".repeat(64), &"é".repeat(32)] {
            assert!(RefreshTokens::default().rotate(rubbish, "t", "app", NOW).is_none());
        }
    }

    #[test]
    fn family_beyond_the_limit_drops_the_oldest_family() {
        let tokens = RefreshTokens::default();
        let oldest = tokens.begin(grant(), NOW);
        let all: Vec<_> = (0..MAX_FAMILIES).map(|_| tokens.begin(grant(), UnixTime::from_seconds(1_001))).collect();
        assert!(tokens.rotate(&oldest, "t", "app", NOW).is_none());
        assert!(tokens.rotate(&all[1], "t", "app", NOW).is_some());
    }
}
