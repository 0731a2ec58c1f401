//! The selection and order of the keys that may open a ticket, and the diagnosis if none of the keys opens it.
//!
//! The selection uses the unencrypted fields of the ticket, which are not protected. A key must have the ticket's realm
//! and encryption type. The service name is only a hint, because one account has many service names. The kvno is only a
//! hint, because it may be wrong after a restore of the directory, and in a keytab that a person wrote. An old keytab
//! keeps only the last 8 bits of the kvno.

use super::diagnosis::{HeldKey, HeldKeys, HeldRealms, KeyVersion, NoKey, NoKeyCause, WantedKey};
use super::key_set::Realm;
use super::{Account, KeySet, ServiceKey};
use crate::bounded_text::BoundedText;
use crate::crypto::{DecryptError, EncType};
use crate::error::{Error, Integrity};
use crate::limits::{MAX_CANDIDATE_KEYS, MAX_UNNAMED_ACCOUNTS};
use crate::policy::KvnoPolicy;
use crate::time::UnixTime;
use crate::wire::krb5::{PrincipalName, Ticket};
use alloc::sync::Arc;
use core::fmt;
use core::ops::Range;

/// The key that a ticket needs, according to the ticket's unencrypted fields. These fields are not protected.
#[derive(Clone, Copy)]
pub struct KeyQuery<'a> {
    /// The octets of the realm, which are valid text. [`realm`](Self::realm) converts the octets only on demand,
    /// because an accepted request needs no conversion.
    pub(crate) realm: &'a [u8],
    /// The name of the service.
    pub service: PrincipalName<'a>,
    /// The encryption type of the ticket.
    pub etype: EncType,
    /// The key version. A negative number in the ticket is replaced with the unsigned number of the same 32 bits.
    pub kvno: Option<u32>,
}

impl<'a> KeyQuery<'a> {
    /// Returns the query for the key of `ticket`.
    pub(crate) const fn of(ticket: &Ticket<'a>) -> Self {
        let Ticket { realm, sname, enc_part } = *ticket;
        Self { realm, service: sname, etype: enc_part.etype, kvno: enc_part.kvno }
    }

    /// Returns the service's realm.
    #[must_use]
    #[expect(
        clippy::expect_used,
        clippy::missing_panics_doc,
        reason = "`KeyQuery::of` takes a `Ticket`, whose reader accepts only realms that are text"
    )]
    pub fn realm(&self) -> &'a str {
        core::str::from_utf8(self.realm).expect("a realm that was read as text")
    }

    fn wanted(&self) -> WantedKey {
        WantedKey {
            service: self.service.bounded(),
            realm: BoundedText::new(self.realm()),
            etype: self.etype,
            kvno: self.kvno,
        }
    }

    /// Returns the version. Returns `None` for version zero, which a KDC without key versions sends.
    fn version(&self) -> Option<u32> {
        self.kvno.filter(|version| *version != 0)
    }
}

impl fmt::Debug for KeyQuery<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { service, etype, kvno, .. } = self;
        write!(f, "KeyQuery({service} in {}, {etype}, kvno {kvno:?})", BoundedText::new(self.realm()))
    }
}

/// A key that the server tries on a ticket, and the account of the key.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Candidate<'k> {
    pub(crate) account: &'k Arc<Account>,
    pub(crate) key: &'k ServiceKey,
    /// The key's index in the account.
    pub(crate) index: usize,
    rank: Rank,
}

impl Candidate<'_> {
    /// Decrypts a ticket. If the ticket is the first that verifies with the key, `keys` keeps the prepared form of the
    /// key.
    pub(crate) fn decrypt(
        &self,
        ciphertext: &[u8],
        buffer: &mut [u8],
        keys: &KeySet,
    ) -> Result<Range<usize>, DecryptError> {
        if let Some(prepared) = self.account.prepared(self.index) {
            return prepared.decrypt(ciphertext, buffer);
        }
        let cipher = self.key.ticket_cipher();
        let plaintext = cipher.decrypt(ciphertext, buffer)?;
        keys.keep_prepared(self.account, self.index, cipher);
        Ok(plaintext)
    }
}

/// The rank of a candidate. The candidate with the smallest rank is tried first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Rank {
    service: ServiceMatch,
    version: VersionMatch,
    /// A number that is smaller for later versions. An unknown version counts as earlier than every known version.
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
    /// Only the last 8 bits of the versions are equal. An old keytab keeps only these bits.
    SameLowByte,
    Other,
}

/// The keys that the server tries on one ticket, in order of rank. The list has at most [`MAX_CANDIDATE_KEYS`] keys, and
/// contains no key twice.
#[derive(Debug)]
pub(crate) struct Candidates<'k> {
    sorted: [Option<Candidate<'k>>; MAX_CANDIDATE_KEYS],
    /// The number of keys that might open the ticket and are not in `sorted`.
    left_out: usize,
}

impl<'k> Candidates<'k> {
    /// Makes an empty list. The function makes the array element by element, because copying a constant would also copy
    /// the unused octets of each `None`.
    pub(crate) fn none() -> Self {
        Self { sorted: core::array::from_fn(|_| None), left_out: 0 }
    }

    /// Adds the keys of `keys` that may open the ticket of `query`. The function fills `self` and returns no list,
    /// because returning a list would copy its whole array.
    pub(crate) fn choose(&mut self, keys: &'k KeySet, query: &KeyQuery<'_>, kvno_policy: KvnoPolicy, now: UnixTime) {
        let Some(realm) = keys.realm(query.realm) else { return };
        for account in realm.with_service(query.service) {
            self.add(account, ServiceMatch::Named, query, kvno_policy, now);
        }
        for account in realm.accounts().iter().take(MAX_UNNAMED_ACCOUNTS) {
            self.add(account, ServiceMatch::NotNamed, query, kvno_policy, now);
        }
    }

    /// Adds those keys of one account that may open the ticket.
    fn add(
        &mut self,
        account: &'k Arc<Account>,
        service: ServiceMatch,
        query: &KeyQuery<'_>,
        kvno_policy: KvnoPolicy,
        now: UnixTime,
    ) {
        let keys = account.keys().iter().enumerate();
        for (index, key) in keys.filter(|(_, key)| key.etype() == query.etype && key.serves_at(now)) {
            let version = version_match(key.kvno(), query.version());
            if kvno_policy == KvnoPolicy::Strict && version > VersionMatch::Unknown {
                continue;
            }
            let age = !key.kvno().unwrap_or(0);
            self.insert(Candidate { account, key, index, rank: Rank { service, version, age } });
        }
    }

    /// Returns the candidates in order of rank. The empty elements are at the end of the array.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &Candidate<'k>> {
        self.sorted.iter().map_while(Option::as_ref)
    }

    pub(crate) fn into_iter(self) -> impl Iterator<Item = Candidate<'k>> {
        self.sorted.into_iter().flatten()
    }

    /// Returns whether a candidate has the version that the ticket names, or an unknown version.
    pub(crate) fn hold_version(&self) -> bool {
        self.iter().any(|candidate| candidate.rank.version <= VersionMatch::Unknown)
    }

    /// Returns the number of accounts that have a key among the candidates.
    fn accounts(&self) -> usize {
        let is_first = |(place, candidate): &(usize, &Candidate<'_>)| {
            !self.iter().take(*place).any(|earlier| Arc::ptr_eq(earlier.account, candidate.account))
        };
        self.iter().enumerate().filter(is_first).count()
    }

    /// Returns the number of keys of `realm` that might open the ticket and are not candidates. Each account that was
    /// not considered counts as one key. If all keys of the accounts that name the service are candidates, the number
    /// is zero.
    fn left_out(&self, realm: Realm<'_>) -> usize {
        let names = |candidate: &Candidate<'_>| candidate.rank.service == ServiceMatch::Named;
        let (first, last) = (self.sorted.first().and_then(Option::as_ref), self.sorted.last().and_then(Option::as_ref));
        if first.is_some_and(names) && !last.is_some_and(names) {
            return 0;
        }
        self.left_out.saturating_add(realm.accounts().len().saturating_sub(MAX_UNNAMED_ACCOUNTS))
    }

    fn insert(&mut self, candidate: Candidate<'k>) {
        match &mut self.sorted {
            [first @ None, ..] => *first = Some(candidate),
            _ => self.insert_among_others(candidate),
        }
    }

    /// Inserts a candidate in order of rank. If the list is full, the candidate with the greatest rank is dropped.
    ///
    /// A keytab contains the same key once for each service of an account. Only the copy with the smallest rank is
    /// kept, so that copies do not displace other keys.
    fn insert_among_others(&mut self, candidate: Candidate<'k>) {
        let mut carried = candidate;
        let is_copy = |held: &Candidate<'_>| held.key.same_key(candidate.key);
        if self.iter().any(|held| is_copy(held) && held.rank <= candidate.rank) {
            return;
        }
        for slot in &mut self.sorted {
            match slot {
                Some(held) if held.rank <= carried.rank => {}
                Some(held) => {
                    core::mem::swap(held, &mut carried);
                    if is_copy(&carried) {
                        return;
                    }
                }
                None => {
                    *slot = Some(carried);
                    return;
                }
            }
        }
        // The addition does not saturate, because all these keys are in memory.
        self.left_out = self.left_out.saturating_add(1);
    }
}

fn version_match(held: Option<u32>, wanted: Option<u32>) -> VersionMatch {
    match (held, wanted) {
        (Some(held), Some(wanted)) if held == wanted => VersionMatch::Same,
        (None, _) | (_, None) => VersionMatch::Unknown,
        (Some(held), Some(wanted)) if held & 0xFF == wanted & 0xFF => VersionMatch::SameLowByte,
        _ => VersionMatch::Other,
    }
}

/// Returns the reason why [`Candidates::choose`] found no key.
pub(crate) fn no_key_diagnosis(keys: &KeySet, query: &KeyQuery<'_>, kvno_policy: KvnoPolicy, now: UnixTime) -> NoKey {
    NoKey { wanted: query.wanted(), cause: no_key_cause(keys, query, kvno_policy, now) }
}

fn no_key_cause(keys: &KeySet, query: &KeyQuery<'_>, kvno_policy: KvnoPolicy, now: UnixTime) -> NoKeyCause {
    let Some(realm) = keys.realm(query.realm) else {
        return match keys.other_case_of(query.realm) {
            Some(held) => NoKeyCause::RealmCase { held: BoundedText::new(held) },
            None => NoKeyCause::Realm { held: HeldRealms::of(keys) },
        };
    };
    let held = HeldKeys::of(realm, query);
    let of_type =
        || realm.accounts().iter().flat_map(|account| account.keys()).filter(|key| key.etype() == query.etype);
    if of_type().any(|key| key.serves_at(now)) {
        // If the policy uses the version as a hint only, every key of a considered account is a candidate.
        return match kvno_policy {
            KvnoPolicy::Strict => NoKeyCause::StrictVersion { held },
            KvnoPolicy::Hint => NoKeyCause::NotConsidered { held },
        };
    }
    match of_type().filter_map(ServiceKey::not_after).max() {
        Some(last) => NoKeyCause::Retired { held, last },
        None => NoKeyCause::EncType { held },
    }
}

/// Returns the error for a ticket that no candidate opens.
#[cold]
pub(crate) fn not_opened_diagnosis(keys: &KeySet, query: &KeyQuery<'_>, candidates: &Candidates<'_>) -> Error {
    let (wanted, tried) = (query.wanted(), candidates.iter().count());
    let realm = keys.realm(query.realm);
    let left_out = realm.map_or(0, |realm| candidates.left_out(realm));
    if !candidates.hold_version() {
        // A key set without an account of the realm holds no key for the ticket.
        let held = realm.map_or_else(HeldKeys::none, |realm| HeldKeys::of(realm, query));
        let of_type = held.iter().filter(|key| key.etype == query.etype);
        let newest = of_type.filter_map(|key| key.kvno).max();
        let likely = realm.and_then(|realm| likely_account(realm, query));
        return Error::KeyVersion(KeyVersion {
            wanted,
            held,
            tried,
            left_out,
            newer: query.version() > newest,
            of_another_principal: likely.is_some_and(|account| is_another_principal(account, query)),
        });
    }
    let first = candidates.iter().next().map(|candidate| &**candidate.account);
    Error::Integrity(Integrity::Ticket {
        service: wanted.service,
        realm: wanted.realm,
        etype: query.etype,
        kvno: candidates.iter().find_map(|candidate| candidate.key.kvno().filter(|kvno| Some(*kvno) == query.kvno)),
        account: BoundedText::new(first.map_or("", Account::name)),
        accounts: candidates.accounts(),
        tried,
        left_out,
        of_another_principal: first.is_some_and(|account| is_another_principal(account, query)),
    })
}

/// Returns the account that names the ticket's service, or else the first account.
fn likely_account<'k>(realm: Realm<'k>, query: &KeyQuery<'_>) -> Option<&'k Account> {
    realm.with_service(query.service).first().or_else(|| realm.accounts().first()).map(|account| &**account)
}

/// Returns whether an account is a service principal that does not name the ticket's service. An account of Active
/// Directory has a name without a slash, and one key for all its services.
fn is_another_principal(account: &Account, query: &KeyQuery<'_>) -> bool {
    let mut names = account.services().chain([account.name()]);
    account.name().contains('/') && !names.any(|name| query.service.is_service(name))
}

impl HeldRealms {
    /// Lists the first few realms of a key set. The number of considered realms is limited, because any client can
    /// cause this work with a ticket of an unknown realm.
    fn of(keys: &KeySet) -> Self {
        Self::new(keys.realms().take(MAX_LOOKED_AT), keys.realm_count())
    }
}

/// The greatest number of realms that [`HeldRealms`] compares to list the first two. If a server has more realms, two
/// of them do not help the administrator.
const MAX_LOOKED_AT: usize = 64;

impl HeldKeys {
    /// Lists the keys of the account for which the ticket was most likely made. Keys of the ticket's type come first.
    fn of(realm: Realm<'_>, query: &KeyQuery<'_>) -> Self {
        let (accounts, likely) = (realm.accounts(), likely_account(realm, query));
        // Every realm of a key set has at least one account, so the default is not used.
        let (name, keys) = likely.map_or(("", &[][..]), |account| (account.name(), account.keys()));
        let (of_type, others) =
            (|key: &&ServiceKey| key.etype() == query.etype, |key: &&ServiceKey| key.etype() != query.etype);
        let keys = keys.iter().filter(of_type).chain(keys.iter().filter(others));
        let keys = keys.map(|key| HeldKey { etype: key.etype(), kvno: key.kvno() });
        Self::new(name, accounts.len(), keys)
    }
}
