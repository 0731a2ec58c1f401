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
    #[error("no account of that realm is held, {held}")]
    Realm {
        /// Accounts of these realms are held.
        held: HeldRealms,
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
    /// Keys of the type are held, but only by accounts that are not considered: beyond the first
    /// [`MAX_UNNAMED_ACCOUNTS`](crate::limits::MAX_UNNAMED_ACCOUNTS) of the realm, and without the name of the ticket's service.
    #[error("{held} held, and no account considered has a key of that type")]
    NotConsidered {
        /// These keys are held.
        held: HeldKeys,
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
    "no key of the right version for {wanted}: {held} held, and {} open the ticket, which is {}newer than every key held{}",
    if *.tried == 1 { "the one tried does not" } else { "those tried do not" },
    if *.newer { "" } else { "not " },
    LeftOut(*.left_out)
)]
#[non_exhaustive]
pub struct KeyVersion {
    /// The ticket needs this key.
    pub wanted: WantedKey,
    /// These keys are held.
    pub held: HeldKeys,
    /// So many keys were tried.
    pub tried: usize,
    /// So many more keys were held and not tried, as in
    /// [`Integrity::Ticket`](crate::error::Integrity::Ticket::left_out).
    pub left_out: usize,
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
        write!(f, "{} with ", AccountAndMore(&self.account, self.accounts))?;
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

/// The first few of the realms that a key set holds, in the order of their octets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HeldRealms {
    listed: [Option<BoundedText>; Self::LISTED],
    total: usize,
}

impl HeldRealms {
    /// The most realms that are listed.
    pub const LISTED: usize = 2;

    /// Lists the first of `realms` by their octets, and counts `total`.
    pub(super) fn new<'a>(realms: impl Iterator<Item = &'a str>, total: usize) -> Self {
        let mut first: [Option<&str>; Self::LISTED] = [None; Self::LISTED];
        for realm in realms {
            let mut carried = Some(realm);
            for slot in &mut first {
                // An empty slot takes what is carried.
                if slot.is_none() || *slot > carried {
                    core::mem::swap(slot, &mut carried);
                }
                if carried.is_none() {
                    break;
                }
            }
        }
        Self { listed: first.map(|realm| realm.map(BoundedText::new)), total }
    }

    /// Returns the realms that are listed.
    pub fn iter(&self) -> impl Iterator<Item = BoundedText> + '_ {
        self.listed.iter().flatten().copied()
    }

    /// Returns how many realms are held, listed or not.
    #[must_use]
    pub const fn total(&self) -> usize {
        self.total
    }
}

impl fmt::Display for HeldRealms {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.total == 0 {
            return f.write_str("and the key set is empty");
        }
        f.write_str("but of ")?;
        for (index, realm) in self.iter().enumerate() {
            let separator = if index > 0 { ", " } else { "" };
            write!(f, "{separator}{realm}")?;
        }
        match self.total.checked_sub(self.iter().count()) {
            Some(more @ 1..) => write!(f, " and {more} more"),
            _ => Ok(()),
        }
    }
}

/// Prints an account, and how many more there are. The number counts the account, too.
pub(crate) struct AccountAndMore<'a>(pub(crate) &'a BoundedText, pub(crate) usize);

impl fmt::Display for AccountAndMore<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "account {}", self.0)?;
        match self.1.checked_sub(1) {
            Some(others @ 1..) => write!(f, " (and {others} more)"),
            _ => Ok(()),
        }
    }
}

/// Prints how many keys were held and not tried, if there are any.
pub(crate) struct LeftOut(pub(crate) usize);

impl fmt::Display for LeftOut {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            0 => Ok(()),
            1 => f.write_str("; one more key is held and was not tried"),
            more => write!(f, "; {more} more keys are held and were not tried"),
        }
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
