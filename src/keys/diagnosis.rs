//! The diagnosis of a ticket for which the server holds no key: the needed key, the held keys, and the likely cause.

use crate::bounded_text::BoundedText;
use crate::crypto::EncType;
use crate::time::UnixTime;
use core::fmt;
use thiserror::Error;

/// The error for a ticket for which the key set holds no suitable key. No key was tried.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("no key for {wanted}: {cause}")]
#[non_exhaustive]
pub struct NoKey {
    /// The key that the ticket needs.
    pub wanted: WantedKey,
    /// The cause, with the keys or realms that the key set holds instead.
    pub cause: NoKeyCause,
}

/// The reason why no key was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum NoKeyCause {
    /// The key set holds no account of the ticket's realm.
    #[error("no account of that realm is held, {held}")]
    Realm {
        /// The realms whose accounts the key set holds.
        held: HeldRealms,
    },
    /// The key set has a realm that differs from the ticket's realm only in the case of letters. Realms are compared
    /// octet by octet (RFC 4120 section 6.1), and realms of Active Directory are in upper case.
    #[error("the key set spells that realm {held}, and the case of a realm's letters matters")]
    RealmCase {
        /// The realm as the key set spells it.
        held: BoundedText,
    },
    /// The key set holds keys of the realm, but no key of this encryption type.
    #[error("{held} held; no key has that type")]
    EncType {
        /// The keys held for the realm.
        held: HeldKeys,
    },
    /// The key set holds keys of this type, but all of them have retired (see
    /// [`ServiceKey::with_not_after`](crate::ServiceKey::with_not_after)).
    #[error("{held} held; the keys of that type opened tickets only until {last}")]
    Retired {
        /// The keys held for the realm.
        held: HeldKeys,
        /// The last second at which a key of this type opened tickets.
        last: UnixTime,
    },
    /// The key set holds keys of this type, but only in accounts that are not considered. The server considers the
    /// accounts that name the ticket's service, and the first
    /// [`MAX_UNNAMED_ACCOUNTS`](crate::limits::MAX_UNNAMED_ACCOUNTS) of the realm.
    #[error("{held} held; no account that is considered has a key of that type")]
    NotConsidered {
        /// The keys held for the realm.
        held: HeldKeys,
    },
    /// The key set holds keys of this type, but no key of this version, and the policy does not allow other versions.
    #[error("{held} held; no key has that version, and the policy does not allow other versions")]
    StrictVersion {
        /// The keys held for the realm.
        held: HeldKeys,
    },
}

/// The error for a ticket that names a key version of which the key set holds no key. Keys of other versions were
/// tried, and did not open the ticket.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error(
    "no key of the right version for {wanted}: {held} held, but {} open the ticket, whose version is {}newer than those held{}",
    if *.tried == 1 { "the key tried does not" } else { "the keys tried do not" },
    if *.newer { "" } else { "not " },
    LeftOut(*.left_out)
)]
#[non_exhaustive]
pub struct KeyVersion {
    /// The key that the ticket needs.
    pub wanted: WantedKey,
    /// The keys held for the realm.
    pub held: HeldKeys,
    /// The number of different keys that were tried.
    pub tried: usize,
    /// The number of other keys that are held and were not tried.
    /// [`Integrity::Ticket`](crate::error::Integrity::Ticket::left_out) says how these keys are counted.
    pub left_out: usize,
    /// Whether the key version that the ticket names is later than the versions of all held keys of its type.
    pub newer: bool,
    /// Whether the account of the held keys is a service principal (`HTTP/www.example.com`) that does not name the
    /// ticket's service ([`Account::with_service`](crate::Account::with_service)). In realms of MIT krb5 and FreeIPA,
    /// each service principal has keys of its own.
    pub of_another_principal: bool,
}

/// The key that a ticket needs, according to the unencrypted fields of the ticket. An attacker can write any values
/// into these fields.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("service {service} of realm {realm}, type {etype}, {}", Version(*.kvno))]
#[non_exhaustive]
pub struct WantedKey {
    /// The service, with `/` between the components of its name.
    pub service: BoundedText,
    /// The realm of the service.
    pub realm: BoundedText,
    /// The encryption type of the ticket.
    pub etype: EncType,
    /// The key version, if the ticket names one.
    pub kvno: Option<u32>,
}

/// A key that the key set holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct HeldKey {
    /// The encryption type of the key.
    pub etype: EncType,
    /// The version of the key, if the version is known.
    pub kvno: Option<u32>,
}

/// The first few keys that the key set holds for a realm.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct HeldKeys {
    account: BoundedText,
    accounts: usize,
    listed: [Option<HeldKey>; Self::LISTED],
    total: usize,
}

impl HeldKeys {
    /// The greatest number of keys that are listed.
    pub const LISTED: usize = 6;

    pub(crate) fn new(account: &str, accounts: usize, keys: impl Iterator<Item = HeldKey>) -> Self {
        let mut held = Self { account: BoundedText::new(account), accounts, listed: [None; Self::LISTED], total: 0 };
        for key in keys {
            // Keys after the first six are counted but not listed.
            if let Some(slot) = held.listed.get_mut(held.total) {
                *slot = Some(key);
            }
            // The addition does not wrap, because all keys are in memory.
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

    /// Returns the number of accounts of the ticket's realm in the key set.
    #[must_use]
    pub const fn accounts(&self) -> usize {
        self.accounts
    }

    /// Returns the listed keys.
    pub fn iter(&self) -> impl Iterator<Item = HeldKey> + '_ {
        self.listed.iter().flatten().copied()
    }

    /// Returns the number of held keys, including keys that are not listed.
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

/// The first few of the realms that a key set holds, sorted by their octets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HeldRealms {
    listed: [Option<BoundedText>; Self::LISTED],
    total: usize,
}

impl HeldRealms {
    /// The greatest number of realms that are listed.
    pub const LISTED: usize = 2;

    /// Lists the first few of `realms`, sorted by their octets. `total` is the number of all realms.
    pub(super) fn new<'a>(realms: impl Iterator<Item = &'a str>, total: usize) -> Self {
        let mut first: [Option<&str>; Self::LISTED] = [None; Self::LISTED];
        for realm in realms {
            let mut carried = Some(realm);
            for slot in &mut first {
                // `carried` goes into an empty slot, or changes places with a realm that sorts after it.
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

    /// Returns the listed realms.
    pub fn iter(&self) -> impl Iterator<Item = BoundedText> + '_ {
        self.listed.iter().flatten().copied()
    }

    /// Returns the number of held realms, including realms that are not listed.
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
        f.write_str("only accounts of ")?;
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

/// Displays an account, and the number of other accounts. The second field is the number of all accounts.
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

/// Displays the number of keys that are held and were not tried. Displays nothing if the number is zero.
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
