//! The diagnosis of a ticket for which no key serves: what was asked, what was held, and which of the usual causes it is.

use crate::bounded_text::BoundedText;
use crate::crypto::EncType;
use crate::time::UnixTime;
use core::fmt;
use thiserror::Error;

/// No key was held that could have opened the ticket: none was tried.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("no key for {wanted}: {cause}")]
pub struct NoKey {
    /// What the ticket needs.
    pub wanted: WantedKey,
    /// Why nothing was found, with what was held instead.
    pub cause: NoKeyCause,
}

/// Why no key was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum NoKeyCause {
    /// No account of the ticket's realm is in the key set.
    #[error("no account of that realm is held (other realms: {realms})")]
    Realm {
        /// How many realms the key set holds.
        realms: usize,
    },
    /// The realm is held in other letters. Realms compare byte by byte (RFC 4120 section 6.1), and those of Active
    /// Directory are upper case.
    #[error("the key set spells that realm {held}, and realms differ if their letters' case does")]
    RealmCase {
        /// The spelling held.
        held: BoundedText,
    },
    /// Keys of the realm are held, none of this type.
    #[error("{held} held, none of that type")]
    EncType {
        /// The keys held.
        held: HeldKeys,
    },
    /// Keys of the type are held, and all have retired (see [`ServiceKey::with_not_after`](crate::ServiceKey::with_not_after)).
    #[error("{held} held, and those of that type served until {last} only")]
    Retired {
        /// The keys held.
        held: HeldKeys,
        /// When the last of them retired.
        last: UnixTime,
    },
    /// Keys of the type are held, none of this version, and the policy tries no other.
    #[error("{held} held, and the policy tries the named version only")]
    StrictVersion {
        /// The keys held.
        held: HeldKeys,
    },
}

/// Keys of the right realm and type were held in other versions only, and none of them opens the ticket.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error(
    "no key of the right version for {wanted}: {held} held, and {} open the ticket, which is {}newer than every key held",
    if *.tried == 1 { "the one tried does not" } else { "those tried do not" },
    if *.newer { "" } else { "not " }
)]
pub struct KeyVersion {
    /// What the ticket needs.
    pub wanted: WantedKey,
    /// The keys held.
    pub held: HeldKeys,
    /// How many keys were tried.
    pub tried: usize,
    /// Whether the ticket names a later version than any key held.
    pub newer: bool,
}

/// What a ticket's shell asks for. Anybody can write that shell: it is no proof of anything.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("service {service} of realm {realm}, type {etype}, {}", Version(*.kvno))]
pub struct WantedKey {
    /// The service, components joined with `/`.
    pub service: BoundedText,
    /// The service's realm.
    pub realm: BoundedText,
    /// The ticket's encryption type.
    pub etype: EncType,
    /// The key version, if the ticket names one.
    pub kvno: Option<u32>,
}

/// A key that was held.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HeldKey {
    /// Its type.
    pub etype: EncType,
    /// Its version, if that is known.
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
            if let Some(place) = held.listed.get_mut(held.total) {
                *place = Some(key);
            }
            held.total = held.total.wrapping_add(1); // each key is in memory, so a `usize` counts them
        }
        held
    }

    pub(crate) fn none() -> Self {
        Self::new("", 0, core::iter::empty())
    }

    /// The account that the ticket most likely means.
    #[must_use]
    pub const fn account(&self) -> BoundedText {
        self.account
    }

    /// How many accounts of that realm are held.
    #[must_use]
    pub const fn accounts(&self) -> usize {
        self.accounts
    }

    /// The keys listed.
    pub fn iter(&self) -> impl Iterator<Item = HeldKey> + '_ {
        self.listed.iter().flatten().copied()
    }

    /// How many keys are held, listed or not.
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
