//! The names by which the server finds accounts.
//!
//! An account has names of three kinds, and each kind has its own entries. So the account name of one account always
//! wins over the same principal name or alternate name of another account, whichever came first. An entry has all
//! objects that claim the name. So if one of two objects gives the name up, the name leads to the other object again.

use crate::store::{Change, FOR_EVER, Key, Kind, Records, Sealer, StoreError};
use crate::user_name::UserName;
use seamless_phs::{Account, ObjectId};
use std::sync::Arc;

/// The kinds of names, in the order in which the server looks for a typed name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Rank {
    /// The `sAMAccountName`, which the directory gives to one account of a domain only.
    Account,
    /// The `userPrincipalName`.
    Principal,
    /// The alternate name. In some directories, users can write this attribute of their own account.
    Alternate,
}

/// A name in small letters, with its kind.
pub(super) type Ranked = (Rank, String);

/// The names of a tenant's accounts.
#[derive(Clone)]
pub(super) struct Names {
    tenant: Arc<str>,
    realm: Arc<str>,
    records: Records,
}

impl Rank {
    const fn label(self) -> &'static [u8] {
        match self {
            Self::Account => b"account-name",
            Self::Principal => b"principal-name",
            Self::Alternate => b"alternate-name",
        }
    }
}

/// Returns all names of an account.
pub(super) fn of_account(account: &Account) -> Vec<Ranked> {
    let names = [
        (Rank::Account, Some(&account.name)),
        (Rank::Principal, account.upn.as_ref()),
        (Rank::Alternate, account.alternate.as_ref()),
    ];
    names.into_iter().filter_map(|(rank, name)| Some((rank, name?.to_lowercase()))).collect()
}

impl Names {
    pub(super) const fn new(tenant: Arc<str>, realm: Arc<str>, records: Records) -> Self {
        Self { tenant, realm, records }
    }

    /// Returns the names under which the server looks for a user's account, in their order. The account name, an at
    /// sign and the DNS name of the domain are always a valid user principal name (MS-ADTS section 5.1.1.1.1). For such
    /// a name, the server first looks for the part before the at sign as an account name.
    pub(super) fn of_user(&self, user: &UserName) -> Vec<Ranked> {
        let account = || (Rank::Account, user.clone().into_account().to_lowercase());
        let in_all = |name: &str| {
            [Rank::Account, Rank::Principal, Rank::Alternate].map(|rank| (rank, name.to_lowercase())).to_vec()
        };
        match user {
            UserName::DownLevel { .. } => vec![account()],
            UserName::Principal { name, .. } if user.leads_to(&self.realm, std::iter::empty()) => {
                [vec![account()], in_all(name)].concat()
            }
            UserName::Account(name) | UserName::Principal { name, .. } => in_all(name),
        }
    }

    /// Returns the objects that claim a name, the oldest claim first.
    pub(super) async fn claimants(&self, name: &Ranked) -> Result<Vec<ObjectId>, StoreError> {
        Ok(self.records.get(&self.key(name)).await?.unwrap_or_default())
    }

    /// Adds an object to those that claim a name, as the newest one.
    pub(super) async fn claim(&self, name: &Ranked, object: ObjectId) -> Result<(), StoreError> {
        let claim = |claimants: Option<Vec<ObjectId>>| {
            let mut claimants = claimants.unwrap_or_default();
            if claimants.last() == Some(&object) {
                return (Change::Keep, ());
            }
            claimants.retain(|one| *one != object);
            // A principal name or alternate name of several accounts leads to no account, so old claims may be dropped.
            // An account name leads to the object with the newest claim, and this claim stays in the list.
            let excess = claimants.len().saturating_add(1).saturating_sub(MAX_CLAIMANTS);
            claimants.drain(..excess.min(claimants.len()));
            claimants.push(object);
            (Change::Put(claimants, FOR_EVER), ())
        };
        self.records.update(&self.key(name), claim).await
    }

    /// Removes an object from those that claim a name. The entry of a name without claims is deleted.
    pub(super) async fn give_up(&self, name: &Ranked, object: ObjectId) -> Result<(), StoreError> {
        let key = self.key(name);
        let leave = |claimants: Option<Vec<ObjectId>>| {
            let mut claimants = claimants.unwrap_or_default();
            if !claimants.contains(&object) {
                return (Change::Keep, false);
            }
            claimants.retain(|one| *one != object);
            let is_empty = claimants.is_empty();
            (Change::Put(claimants, FOR_EVER), is_empty)
        };
        if !self.records.update(&key, leave).await? {
            return Ok(());
        }
        let sealer = Sealer::new(self.records.secret(), b"", &key);
        // Another object may have claimed the name since the update above. The deletion loses this claim, so this
        // function writes the claim again.
        for claimant in self.records.take_with::<Vec<ObjectId>>(&sealer, &key).await?.unwrap_or_default() {
            self.claim(name, claimant).await?;
        }
        Ok(())
    }

    fn key(&self, (rank, name): &Ranked) -> Key {
        let parts = [rank.label(), self.tenant.as_bytes(), name.as_bytes()];
        Key::new(Kind::HashName, &self.records.secret().name(&parts))
    }
}

/// The largest number of claims to one name.
const MAX_CLAIMANTS: usize = 8;
