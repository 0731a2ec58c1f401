//! Which keys may open a ticket, and in which order they are tried; and what to say when none does.
//!
//! The ticket's shell is the only thing to go by, and nobody vouches for it. Its realm and etype are hard conditions. Its
//! service name and kvno are hints: one account has many service names, and a kvno is wrong after a restore of the
//! directory, in a keytab made by hand, and wherever only its last 8 bits were kept.

use super::{Account, KeySet, ServiceKey};
use crate::crypto::EncType;
use crate::error::{Excerpt, HeldKey, HeldKeys, KeyVersion, NoKey, NoKeyCause, WantedKey};
use crate::krb5::PrincipalName;
use crate::limits::MAX_CANDIDATE_KEYS;
use crate::policy::KvnoPolicy;
use crate::time::UnixTime;
use alloc::sync::Arc;

/// What a ticket's shell says about the key that it needs. Nobody vouches for any of it.
#[derive(Clone, Copy, Debug)]
pub struct KeyQuery<'a> {
    /// The service's realm.
    pub realm: &'a str,
    /// The service.
    pub service: PrincipalName<'a>,
    /// The ticket's encryption type.
    pub etype: EncType,
    /// The key version; a negative number on the wire keeps its 32 bits.
    pub kvno: Option<u32>,
}

impl KeyQuery<'_> {
    fn wanted(&self) -> WantedKey {
        WantedKey {
            service: Excerpt::display(&self.service),
            realm: Excerpt::new(self.realm),
            etype: self.etype,
            kvno: self.kvno,
        }
    }

    /// Zero is what a KDC that keeps no versions sends.
    fn version(&self) -> Option<u32> {
        self.kvno.filter(|version| *version != 0)
    }
}

/// A key to try, and the account that it belongs to.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Candidate<'k> {
    pub(crate) account: &'k Arc<Account>,
    pub(crate) key: &'k ServiceKey,
    rank: Rank,
}

/// Smaller is tried first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Rank {
    service: ServiceMatch,
    version: VersionMatch,
    /// Later versions first.
    age: u32,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum ServiceMatch {
    Named,
    NotNamed,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum VersionMatch {
    Same,
    Unknown,
    /// The same last 8 bits, which is all that an old keytab keeps.
    SameLowByte,
    Other,
}

/// The keys to try on one ticket, best first: never more than [`MAX_CANDIDATE_KEYS`].
#[derive(Debug)]
pub(crate) struct Candidates<'k> {
    sorted: [Option<Candidate<'k>>; MAX_CANDIDATE_KEYS],
}

impl<'k> Candidates<'k> {
    /// The keys of `keys` that may open the ticket which `query` describes.
    pub(crate) fn choose(keys: &'k KeySet, query: &KeyQuery<'_>, kvno_policy: KvnoPolicy, now: UnixTime) -> Self {
        let mut candidates = Self { sorted: [None; MAX_CANDIDATE_KEYS] };
        for account in keys.realm(query.realm) {
            let service = service_match(account, query.service);
            for key in account.keys().iter().filter(|key| key.etype() == query.etype && key.serves_at(now)) {
                let version = version_match(key.kvno(), query.version());
                if kvno_policy == KvnoPolicy::Strict && version > VersionMatch::Unknown {
                    continue;
                }
                let age = u32::MAX.saturating_sub(key.kvno().unwrap_or(0));
                candidates.insert(Candidate { account, key, rank: Rank { service, version, age } });
            }
        }
        candidates
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &Candidate<'k>> {
        self.sorted.iter().flatten()
    }

    /// Whether a key of the very version that the ticket names is among them, or one whose version is not known.
    pub(crate) fn hold_version(&self) -> bool {
        self.iter().any(|candidate| candidate.rank.version <= VersionMatch::Unknown)
    }

    /// Keeps the array sorted; the last falls out where it is full.
    fn insert(&mut self, candidate: Candidate<'k>) {
        let mut carried = candidate;
        for place in &mut self.sorted {
            match place {
                Some(held) if held.rank <= carried.rank => {}
                Some(held) => core::mem::swap(held, &mut carried),
                None => {
                    *place = Some(carried);
                    return;
                }
            }
        }
    }
}

/// Service names of Active Directory do not depend on case; it is a hint, so this serves other realms as well.
fn service_match(account: &Account, service: PrincipalName<'_>) -> ServiceMatch {
    let named = core::iter::once(account.name()).chain(account.services()).any(|name| service.is_service(name));
    if named { ServiceMatch::Named } else { ServiceMatch::NotNamed }
}

fn version_match(held: Option<u32>, wanted: Option<u32>) -> VersionMatch {
    match (held, wanted) {
        (Some(held), Some(wanted)) if held == wanted => VersionMatch::Same,
        (None, _) | (_, None) => VersionMatch::Unknown,
        (Some(held), Some(wanted)) if held & 0xFF == wanted & 0xFF => VersionMatch::SameLowByte,
        _ => VersionMatch::Other,
    }
}

/// Why [`Candidates::choose`] found nothing.
pub(crate) fn no_key_diagnosis(keys: &KeySet, query: &KeyQuery<'_>, now: UnixTime) -> NoKey {
    let accounts = keys.realm(query.realm);
    let cause = if accounts.is_empty() {
        match keys.other_case_of(query.realm) {
            Some(held) => NoKeyCause::RealmCase { held: Excerpt::new(held) },
            None => NoKeyCause::Realm { realms: keys.realm_count() },
        }
    } else {
        let held = held_keys(accounts, query);
        let of_type = |key: &ServiceKey| key.etype() == query.etype && key.serves_at(now);
        let has_type = accounts.iter().any(|account| account.keys().iter().any(of_type));
        if has_type { NoKeyCause::StrictVersion { held } } else { NoKeyCause::EncType { held } }
    };
    NoKey { wanted: query.wanted(), cause }
}

/// What to say when `tried` keys, all of other versions than the ticket names, do not open it.
pub(crate) fn version_diagnosis(keys: &KeySet, query: &KeyQuery<'_>, tried: usize) -> KeyVersion {
    let accounts = keys.realm(query.realm);
    let newest = accounts.iter().flat_map(|account| account.keys()).filter_map(ServiceKey::kvno).max();
    KeyVersion { wanted: query.wanted(), held: held_keys(accounts, query), tried, newer: query.version() > newest }
}

/// The keys of the account that the service name points to, or of the first.
fn held_keys(accounts: &[Arc<Account>], query: &KeyQuery<'_>) -> HeldKeys {
    let likely = accounts
        .iter()
        .find(|account| service_match(account, query.service) == ServiceMatch::Named)
        .or_else(|| accounts.first());
    let (name, keys) = likely.map_or(("", &[][..]), |account| (account.name(), account.keys()));
    let keys = keys.iter().map(|key| HeldKey { etype: key.etype(), kvno: key.kvno() });
    HeldKeys::new(name, accounts.len(), keys)
}
