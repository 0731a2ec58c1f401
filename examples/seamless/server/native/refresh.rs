//! Refresh tokens, in the store. All nodes together accept each token once and replace it by the next token of its
//! family. If a client sends a used token again, the family ends, because one of two clients with that token must have
//! stolen it (RFC 9700 section 4.14.2).

use super::assertion::Subject;
use crate::clock;
use crate::store::{Entry, Key, Kind, Locator, Records, StoreError, UserIndex, When};
use kerberos_sso::UnixTime;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

/// The tenant, the client and the user of a sign-in for which the server issues tokens.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Grant {
    pub(super) tenant: String,
    pub(super) client_id: String,
    pub(super) subject: Subject,
}

pub(crate) struct RefreshTokens {
    records: Records,
    of_user: UserIndex,
}

#[derive(Clone, Serialize, Deserialize)]
struct Family {
    grant: Grant,
    /// The SHA-256 digest of the secret part of the family's current token, the only token of the family that the
    /// server accepts.
    secret: [u8; 32],
    end: i64,
}

impl RefreshTokens {
    pub(crate) fn new(records: Records) -> Self {
        Self { of_user: UserIndex::new(records.clone(), Kind::RefreshFamily, MAX_OF_ONE_USER), records }
    }

    /// Begins a family and returns its first token.
    ///
    /// # Errors
    /// Returns an error if the store cannot be asked.
    pub(super) async fn begin(&self, grant: Grant, now: UnixTime) -> Result<String, StoreError> {
        let (id, secret): (Locator, [u8; 16]) = (clock::random(), clock::random());
        let end = now.saturating_add_seconds(LIFETIME);
        let user = [grant.tenant.as_bytes(), grant.subject.sid.as_bytes()];
        let family = Family { grant: grant.clone(), secret: digest(secret), end: end.seconds() };
        let key = Key::new(Kind::RefreshFamily, &id);
        // Both operations wait for the disk at the same time.
        let listed = self.of_user.add(&user, id, end, now);
        tokio::try_join!(listed, self.records.put(&key, &family, end, When::Absent))?;
        Ok(written(id, secret))
    }

    /// Returns the grant of a token, and the token that replaces it. Returns `None` if the token is not the current token of
    /// its family, has expired, or belongs to another client or tenant; the family then ends.
    ///
    /// # Errors
    /// Returns an error if the store cannot be asked.
    pub(super) async fn rotate(
        &self,
        token: &str,
        tenant: &str,
        client_id: &str,
        now: UnixTime,
    ) -> Result<Option<(Grant, String)>, StoreError> {
        let Some((id, secret)) = read(token) else { return Ok(None) };
        let key = Key::new(Kind::RefreshFamily, &id);
        let old: Entry<Family> = self.records.entry(&key).await?;
        let Some(family) = old.value.clone() else { return Ok(None) };
        let is_good = family.secret == digest(secret) && family.end > now.seconds();
        let is_of_client = (&*family.grant.tenant, &*family.grant.client_id) == (tenant, client_id);
        let next = clock::random();
        let new = Family { secret: digest(next), ..family };
        let end = UnixTime::from_seconds(new.end);
        // If another request with this token comes first, at any node, the entry is no longer the old entry.
        if is_good && is_of_client && self.records.replace(&key, &old, &new, end).await? {
            return Ok(Some((new.grant, written(id, next))));
        }
        self.records.delete(&key).await?;
        Ok(None)
    }
}

/// Returns the digest of a secret for the store. The comparison of two digests need not take constant time, because a
/// client cannot choose a digest.
fn digest(secret: [u8; 16]) -> [u8; 32] {
    Sha256::digest(secret).into()
}

fn written(id: Locator, secret: [u8; 16]) -> String {
    format!("{:032x}{:032x}", u128::from_be_bytes(id), u128::from_be_bytes(secret))
}

fn read(token: &str) -> Option<(Locator, [u8; 16])> {
    let is_one = token.len() == 64 && token.bytes().all(|byte| byte.is_ascii_hexdigit());
    let (id, secret) = token.split_at_checked(32).filter(|_| is_one)?;
    let octets = |digits| u128::from_str_radix(digits, 16).ok().map(u128::to_be_bytes);
    Some((octets(id)?, octets(secret)?))
}

/// The lifetime of a family, in seconds: one working day. After that, the user needs a ticket again.
const LIFETIME: i64 = 10 * 60 * 60;

/// The largest number of families of one user: the programs on some devices. When the limit is reached, the user's
/// oldest family ends.
const MAX_OF_ONE_USER: usize = 100;

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::indexing_slicing)]
mod tests {
    use super::*;
    use crate::native::assertion::tests::subject;
    use crate::store::{Memory, Secret};
    use std::sync::Arc;

    fn grant() -> Grant {
        Grant { tenant: "t".into(), client_id: "app".into(), subject: subject() }
    }

    /// Returns two nodes with one store.
    fn nodes() -> [RefreshTokens; 2] {
        let store = Arc::new(Memory::new(|| NOW));
        [(), ()].map(|()| RefreshTokens::new(Records::new(store.clone(), Secret::new([1; 32]))))
    }

    const NOW: UnixTime = UnixTime::from_seconds(1_000);

    #[tokio::test]
    async fn second_use_of_a_refresh_token_is_refused_and_ends_its_family_at_every_node() {
        let [a, b] = nodes();
        let first = a.begin(grant(), NOW).await.unwrap();
        let (found, second) = b.rotate(&first, "t", "app", NOW).await.unwrap().unwrap();
        assert_eq!(found, grant());
        let (_, third) = a.rotate(&second, "t", "app", NOW).await.unwrap().unwrap();
        assert_eq!(b.rotate(&first, "t", "app", NOW).await, Ok(None));
        assert_eq!(a.rotate(&third, "t", "app", NOW).await, Ok(None), "the family has ended");
    }

    #[tokio::test]
    async fn refresh_token_of_another_client_or_tenant_or_expired_or_malformed_is_refused() {
        for (tenant, client, seconds) in [("u", "app", 0), ("t", "other", 0), ("t", "app", LIFETIME)] {
            let [node, _] = nodes();
            let token = node.begin(grant(), NOW).await.unwrap();
            let now = NOW.saturating_add_seconds(seconds);
            assert_eq!(node.rotate(&token, tenant, client, now).await, Ok(None));
            assert_eq!(node.rotate(&token, "t", "app", NOW).await, Ok(None), "the family has ended");
        }
        let [node, _] = nodes();
        for rubbish in ["", "x", &"0".repeat(64), &"+".repeat(64), &"é".repeat(32)] {
            assert_eq!(node.rotate(rubbish, "t", "app", NOW).await, Ok(None));
        }
    }

    #[tokio::test]
    async fn family_beyond_the_users_limit_ends_the_users_oldest_family_only() {
        let [node, _] = nodes();
        let of_other = Grant { tenant: "u".into(), ..grant() };
        let other = node.begin(of_other, NOW).await.unwrap();
        let mut all = Vec::new();
        for _ in 0..=MAX_OF_ONE_USER {
            all.push(node.begin(grant(), NOW).await.unwrap());
        }
        assert_eq!(node.rotate(&all[0], "t", "app", NOW).await, Ok(None));
        assert!(node.rotate(&all[1], "t", "app", NOW).await.unwrap().is_some());
        assert!(node.rotate(&other, "u", "app", NOW).await.unwrap().is_some());
    }
}
