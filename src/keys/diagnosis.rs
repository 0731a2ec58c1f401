//! The diagnosis of a ticket for which no key is held: which key it needs, which keys are held, and the likely cause.

use crate::bounded_text::BoundedText;
use crate::crypto::EncType;
use crate::time::UnixTime;
use core::fmt;
use thiserror::Error;

/// Says that the key set holds no key that could open the ticket, and why. No key was tried.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("no key for {wanted}: {cause}")]
#[non_exhaustive]
pub struct NoKey {
    /// The ticket needs this key.
    pub wanted: WantedKey,
    /// This is the cause, with the keys that were held instead.
    pub cause: NoKeyCause,
}

/// The reason why no key was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum NoKeyCause {
    /// The key set holds no account of the ticket's realm.
    #[error("no account of that realm is held (other realms: {realms})")]
    Realm {
        /// The key set holds so many realms.
        realms: usize,
    },
    /// The key set spells the realm with other upper and lower case letters. Realms are compared octet by octet (RFC
    /// 4120 section 6.1), and Active Directory's realms are in upper case.
    #[error("the key set spells that realm {held}, and realms differ if their letters' case does")]
    RealmCase {
        /// The key set has this spelling.
        held: BoundedText,
    },
    /// Keys of the realm are held, but none of this encryption type.
    #[error("{held} held, none of that type")]
    EncType {
        /// These keys are held.
        held: HeldKeys,
    },
    /// Keys of the type are held, but all have retired (see
    /// [`ServiceKey::with_not_after`](crate::ServiceKey::with_not_after)).
    #[error("{held} held, and those of that type served until {last} only")]
    Retired {
        /// These keys are held.
        held: HeldKeys,
        /// The last of them retired at this time.
        last: UnixTime,
    },
    /// Keys of the type are held, but none of this version, and the policy tries no other version.
    #[error("{held} held, and the policy tries the named version only")]
    StrictVersion {
        /// These keys are held.
        held: HeldKeys,
    },
}

/// The error for a ticket whose key version is not held: keys of other versions were tried, and none of them opened it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error(
    "no key of the right version for {wanted}: {held} held, and {} open the ticket, which is {}newer than every key held",
    if *.tried == 1 { "the one tried does not" } else { "those tried do not" },
    if *.newer { "" } else { "not " }
)]
#[non_exhaustive]
pub struct KeyVersion {
    /// The ticket needs this key.
    pub wanted: WantedKey,
    /// These keys are held.
    pub held: HeldKeys,
    /// So many keys were tried.
    pub tried: usize,
    /// This says whether the ticket names a later version than any key held.
    pub newer: bool,
}

/// The key that a ticket needs, by the unencrypted fields of the ticket. Anyone can write these: they prove nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("service {service} of realm {realm}, type {etype}, {}", Version(*.kvno))]
#[non_exhaustive]
pub struct WantedKey {
    /// This is the service, its components joined with `/`.
    pub service: BoundedText,
    /// This is the service's realm.
    pub realm: BoundedText,
    /// This is the ticket's encryption type.
    pub etype: EncType,
    /// This is the key version, if the ticket names one.
    pub kvno: Option<u32>,
}

/// A key that was held.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct HeldKey {
    /// This is the key's encryption type.
    pub etype: EncType,
    /// This is the key's version, if it is known.
    pub kvno: Option<u32>,
}

/// The first few of the keys that were held for a realm.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct HeldKeys {
    account: BoundedText,
    accounts: usize,
    listed: [Option<HeldKey>; Self::LISTED],
    total: usize,
}

impl HeldKeys {
    /// The most keys that are listed.
    pub const LISTED: usize = 6;

    pub(crate) fn new(account: &str, accounts: usize, keys: impl Iterator<Item = HeldKey>) -> Self {
        let mut held = Self { account: BoundedText::new(account), accounts, listed: [None; Self::LISTED], total: 0 };
        for key in keys {
            // Keys beyond the first six are counted only.
            if let Some(slot) = held.listed.get_mut(held.total) {
                *slot = Some(key);
            }
            // Each key is in memory: a `usize` counts them all.
            held.total = held.total.wrapping_add(1);
        }
        held
    }

    pub(crate) fn none() -> Self {
        Self::new("", 0, core::iter::empty())
    }

    /// Returns the account for which the ticket was most likely made.
    #[must_use]
    pub const fn account(&self) -> BoundedText {
        self.account
    }

    /// Returns how many accounts of that realm are held.
    #[must_use]
    pub const fn accounts(&self) -> usize {
        self.accounts
    }

    /// Returns the keys that are listed.
    pub fn iter(&self) -> impl Iterator<Item = HeldKey> + '_ {
        self.listed.iter().flatten().copied()
    }

    /// Returns how many keys are held, listed or not.
    #[must_use]
    pub const fn total(&self) -> usize {
        self.total
    }
}

impl fmt::Display for HeldKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "account {}", self.account)?;
        if let Some(others @ 1..) = self.accounts.checked_sub(1) {
            write!(f, " (and {others} more)")?;
        }
        f.write_str(" with ")?;
        for (index, key) in self.iter().enumerate() {
            let separator = if index > 0 { ", " } else { "" };
            write!(f, "{separator}{} {}", key.etype, Version(key.kvno))?;
        }
        match self.total.checked_sub(Self::LISTED) {
            Some(more @ 1..) => write!(f, " and {more} more keys"),
            _ if self.total == 0 => f.write_str("no key"),
            _ => Ok(()),
        }
    }
}

impl fmt::Debug for HeldKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

struct Version(Option<u32>);

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Some(kvno) => write!(f, "version {kvno}"),
            None => f.write_str("no version"),
        }
    }
}
