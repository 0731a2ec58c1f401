//! The list of a user's newest entries of one kind. The list limits the number of these entries. When a new entry
//! exceeds the limit, the server deletes the oldest entry.

use super::{Change, Key, Kind, Records, StoreError};
use kerberos_sso::UnixTime;
use serde::{Deserialize, Serialize};

/// The lists of all users.
#[derive(Clone)]
pub(crate) struct UserIndex {
    records: Records,
    kind: Kind,
    most: usize,
}

/// The octets from which the key of a listed entry is made.
pub(crate) type Locator = [u8; 16];

/// An entry in the list of a user, with its end in seconds since 1970. The list has the oldest entry first.
#[derive(Clone, Serialize, Deserialize)]
struct Listed {
    locator: Locator,
    end: i64,
}

impl UserIndex {
    /// Makes lists of entries of `kind`, of at most `most` entries for each user.
    pub(crate) const fn new(records: Records, kind: Kind, most: usize) -> Self {
        Self { records, kind, most }
    }

    /// Adds an entry to the list of a user. The octets in `user` differ for each user and for each list.
    pub(crate) async fn add(
        &self,
        user: &[&[u8]],
        locator: Locator,
        end: UnixTime,
        now: UnixTime,
    ) -> Result<(), StoreError> {
        let change = |listed: Option<Vec<Listed>>| {
            let mut listed = listed.unwrap_or_default();
            listed.retain(|one| one.end > now.seconds());
            let excess = listed.len().saturating_add(1).saturating_sub(self.most);
            let dropped: Vec<_> = listed.drain(..excess.min(listed.len())).collect();
            listed.push(Listed { locator, end: end.seconds() });
            let last = listed.iter().map(|one| one.end).max().unwrap_or_default();
            (Change::Put(listed, UnixTime::from_seconds(last)), dropped)
        };
        for dropped in self.records.update(&self.key(user), change).await? {
            self.records.delete(&Key::new(self.kind, &dropped.locator)).await?;
        }
        Ok(())
    }

    /// Removes an entry from the list of a user.
    pub(crate) async fn remove(&self, user: &[&[u8]], locator: Locator) -> Result<(), StoreError> {
        let change = |listed: Option<Vec<Listed>>| {
            let mut listed = listed.unwrap_or_default();
            let Some(last) = listed.iter().map(|one| one.end).max() else { return (Change::Keep, ()) };
            listed.retain(|one| one.locator != locator);
            (Change::Put(listed, UnixTime::from_seconds(last)), ())
        };
        self.records.update(&self.key(user), change).await
    }

    fn key(&self, user: &[&[u8]]) -> Key {
        let kind = [self.kind.letter()];
        let parts: Vec<&[u8]> = [&kind[..]].into_iter().chain(user.iter().copied()).collect();
        Key::new(Kind::OfUser, &self.records.secret().name(&parts))
    }
}
