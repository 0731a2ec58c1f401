//! The bounds of an account: the users for whom its keys may vouch.
//!
//! Every holder of such a key can write any ticket for the account. The bounds therefore limit what a ticket may state: the
//! user's realm, the domain of the user's SID, and the user's groups.

use super::{Account, Directory};
use crate::crypto::{Checksummer, Key, KeyUsage};
use crate::sid::Sid;
use alloc::boxed::Box;
use alloc::sync::Arc;
use alloc::vec::Vec;

/// The bounds of one account. By default, the keys vouch for the users of the account's realm, with SIDs of every
/// domain.
#[derive(Clone, Debug, Default)]
pub(super) struct Trust {
    pub(super) client_realms: Vec<Box<str>>,
    /// The domains whose SIDs the keys may vouch for, in the account's own forest and in other forests.
    pub(super) domain_sids: Vec<Sid>,
    /// The domains whose SIDs are tied to a realm.
    pub(super) domains: Vec<Domain>,
    pub(super) krbtgt_keys: Vec<KrbtgtKey>,
}

/// A key of the KDC.
#[derive(Clone, Debug)]
pub(super) struct KrbtgtKey {
    /// The key, to compare the bounds of accounts.
    key: Key,
    checksummer: Checksummer,
}

impl KrbtgtKey {
    pub(super) fn new(key: &Key) -> Self {
        Self { key: key.clone(), checksummer: key.checksummer(KeyUsage::PAC_SIGNATURE) }
    }
}

/// A domain whose SID is tied to its realm. Users of this realm must have SIDs of this domain, and users of other
/// realms must not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Domain {
    pub(super) realm: Box<str>,
    pub(super) sid: Sid,
    pub(super) forest: Forest,
}

/// The forest of a domain, relative to the forest of the account.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Forest {
    /// The forest of the account. The domains of a forest trust each other, and the KDC of one domain may vouch for users
    /// of all domains.
    Own,
    /// A trusted forest, which may vouch for its own users only.
    Trusted(SidFilter),
}

/// Who ignores or removes SIDs of the account's own forest in the PACs of another forest's users.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum SidFilter {
    /// This crate ignores SIDs of other domains than the user's own domain.
    Here,
    /// The KDC removes these SIDs (MS-PAC section 4.1.2.2). The domain-local groups of the account's own forest then
    /// count, because the KDC adds them itself.
    Kdc,
}

/// A key that several accounts with different bounds hold. The bounds of all these accounts apply to tickets with this
/// key. Otherwise the client could choose the account, because the client can change the service's name and realm in a
/// ticket.
#[derive(Clone, Debug)]
pub(super) struct SharedKey {
    /// The index of the key in the account that has this shared key.
    pub(super) index: usize,
    /// The bounds of all accounts that hold the key, without duplicates.
    pub(super) bounds: Arc<[OwnedBounds]>,
}

/// A copy of the bounds of one account.
#[derive(Clone, Debug)]
pub(super) struct OwnedBounds {
    tenant: Option<Box<str>>,
    realm: Box<str>,
    directory: Directory,
    trust: Option<Trust>,
}

/// The bounds of one account, borrowed to check a ticket.
#[derive(Clone, Copy, Debug)]
pub(super) struct Bounds<'a> {
    pub(super) tenant: Option<&'a str>,
    pub(super) realm: &'a str,
    pub(super) directory: Directory,
    pub(super) trust: Option<&'a Trust>,
}

impl OwnedBounds {
    pub(super) fn bounds(&self) -> Bounds<'_> {
        let tenant = self.tenant.as_deref();
        Bounds { tenant, realm: &self.realm, directory: self.directory, trust: self.trust.as_ref() }
    }
}

/// The bounds of a ticket: the bounds of all accounts that hold the key that opened the ticket.
#[derive(Clone, Copy, Debug)]
pub(crate) struct TicketBounds<'a> {
    account: &'a Account,
    key: usize,
}

impl<'a> TicketBounds<'a> {
    pub(crate) const fn new(account: &'a Account, key: usize) -> Self {
        Self { account, key }
    }

    /// Returns whether the ticket may name a user of `realm`. A ticket whose key belongs to accounts of two tenants may
    /// name no user, because the client could choose the tenant.
    pub(crate) fn vouch_for(self, realm: &[u8]) -> bool {
        let tenant = self.account.tenant();
        self.all(|bounds| bounds.tenant == tenant && bounds.vouch_for(realm))
    }

    /// Returns the realms of the accounts that hold the key.
    pub(crate) fn realms(self) -> impl Iterator<Item = &'a str> {
        self.bounds().map(|bounds| bounds.realm)
    }

    /// Returns whether the authentication path may include `realm`, although the KDC did not state that it checked the
    /// path.
    pub(crate) fn let_transit(self, realm: &[u8]) -> bool {
        self.all(|bounds| bounds.let_transit(realm))
    }

    /// Returns whether the PAC may name an account of `domain`.
    pub(crate) fn vouch_for_domain(self, domain: &Sid) -> bool {
        self.all(|bounds| bounds.vouch_for_domain(domain))
    }

    /// Returns whether the PAC may name an account of `domain` for a user of `realm`.
    pub(crate) fn vouch_for_domain_of(self, realm: &[u8], domain: &Sid) -> bool {
        self.all(|bounds| bounds.vouch_for_domain_of(realm, domain))
    }

    /// Returns whether a membership in the group `sid` grants a user of `realm` no rights.
    pub(crate) fn is_foreign(self, realm: &[u8], sid: &Sid) -> bool {
        !self.all(|bounds| !bounds.is_foreign(realm, sid))
    }

    /// Returns whether the bounds require a SID, so that the ticket must have a PAC.
    pub(crate) fn need_sid(self) -> bool {
        !self.all(|bounds| !bounds.need_sid())
    }

    /// Returns whether one of the accounts is an account of Active Directory, whose KDC puts a PAC into every ticket.
    pub(crate) fn are_of_active_directory(self) -> bool {
        !self.all(|bounds| bounds.directory == Directory::Any)
    }

    /// Returns one list of KDC keys for each account that has KDC keys. The KDC signatures of a PAC must verify with a
    /// key from each list.
    pub(crate) fn krbtgt_keys(self) -> impl Iterator<Item = impl Iterator<Item = &'a Checksummer> + Clone> {
        let keys = self.bounds().map(Bounds::krbtgt_keys).filter(|keys| !keys.is_empty());
        keys.map(|keys| keys.iter().map(|key| &key.checksummer))
    }

    pub(crate) fn have_krbtgt_keys(self) -> bool {
        !self.all(|bounds| bounds.krbtgt_keys().is_empty())
    }

    /// Returns whether `holds` returns true for the bounds of all accounts that hold the key.
    fn all(self, holds: impl Fn(Bounds<'a>) -> bool) -> bool {
        self.bounds().all(holds)
    }

    fn bounds(self) -> impl Iterator<Item = Bounds<'a>> {
        let shared = self.account.shared_keys().iter().find(|shared| shared.index == self.key);
        let own = shared.is_none().then(|| self.account.bounds());
        own.into_iter().chain(shared.into_iter().flat_map(|shared| shared.bounds.iter()).map(OwnedBounds::bounds))
    }
}

impl<'a> Bounds<'a> {
    /// Returns whether a ticket may name a user of `realm`. Realms are compared octet by octet: a realm with the same
    /// ending, or with letters of different case, is another realm.
    pub(super) fn vouch_for(self, realm: &[u8]) -> bool {
        self.realm.as_bytes() == realm || self.client_realms().iter().any(|allowed| allowed.as_bytes() == realm)
    }

    /// Returns whether the authentication path may include `realm`, although the KDC did not state that it checked the
    /// path. The KDCs of Windows never state in a ticket that they checked the path (MS-KILE section 3.1.5.4). The path
    /// may include the account's realm and the domains of its forest. The path must not include a realm of another
    /// forest, because the KDC of that realm could name users of every realm for which the account's keys vouch.
    pub(super) fn let_transit(self, realm: &[u8]) -> bool {
        let is_realm = |domain: &Domain| domain.forest == Forest::Own && domain.realm.as_bytes() == realm;
        self.realm.as_bytes() == realm || self.domains().iter().any(is_realm)
    }

    /// Returns whether a PAC may name an account of `domain`.
    pub(super) fn vouch_for_domain(self, domain: &Sid) -> bool {
        self.domain_sids().is_empty() || self.domain_sids().contains(domain)
    }

    /// Returns whether a PAC may name an account of `domain` for a user of `realm`.
    pub(super) fn vouch_for_domain_of(self, realm: &[u8], domain: &Sid) -> bool {
        let is_realm = |tied: &Domain| tied.realm.as_bytes() == realm;
        let mut tied = self.domains().iter().filter(|tied| is_realm(tied) || tied.sid == *domain).peekable();
        let free = tied.peek().is_none();
        self.vouch_for_domain(domain) && (free || tied.any(|tied| is_realm(tied) && tied.sid == *domain))
    }

    /// Returns whether a membership in the group `sid` grants a user of `realm` no rights.
    pub(super) fn is_foreign(self, realm: &[u8], sid: &Sid) -> bool {
        let of_realm = || self.trusted_domains().filter(|(trusted, _)| trusted.realm.as_bytes() == realm);
        if of_realm().next().is_none() {
            return !sid.is_of_logon() && sid.domain().is_none_or(|domain| !self.has_own_domain(&domain));
        }
        let is_theirs = || sid.domain().is_some_and(|domain| of_realm().any(|(trusted, _)| trusted.sid == domain));
        let is_filtered = || of_realm().all(|(_, filter)| filter == SidFilter::Kdc);
        let counts = sid.crosses_forests() || is_theirs() || is_filtered() && self.is_domain_local(sid);
        !counts
    }

    /// Returns whether the bounds name a domain. The user's SID in a PAC must then belong to a named domain.
    pub(super) fn need_sid(self) -> bool {
        !self.domain_sids().is_empty()
    }

    /// Returns whether the bounds of two accounts are equal.
    pub(super) fn same(self, other: Self) -> bool {
        let keys = |bounds: Self| bounds.krbtgt_keys().iter().map(|krbtgt_key| &krbtgt_key.key);
        self.tenant == other.tenant
            && self.realm == other.realm
            && self.directory == other.directory
            && self.client_realms() == other.client_realms()
            && self.domain_sids() == other.domain_sids()
            && self.domains() == other.domains()
            && keys(self).eq(keys(other))
    }

    /// Copies the bounds.
    pub(super) fn to_owned(self) -> OwnedBounds {
        OwnedBounds {
            tenant: self.tenant.map(Into::into),
            realm: self.realm.into(),
            directory: self.directory,
            trust: self.trust.cloned(),
        }
    }

    fn krbtgt_keys(self) -> &'a [KrbtgtKey] {
        self.trust.map_or(&[], |trust| &trust.krbtgt_keys)
    }

    /// Returns whether `domain` belongs to the account's own forest, and not to a trusted forest.
    fn has_own_domain(self, domain: &Sid) -> bool {
        self.vouch_for_domain(domain) && !self.trusted_domains().any(|(trusted, _)| trusted.sid == *domain)
    }

    /// Returns whether `sid` may be a domain-local group of the account's own forest.
    fn is_domain_local(self, sid: &Sid) -> bool {
        sid.may_be_domain_local() && sid.domain().is_some_and(|domain| self.has_own_domain(&domain))
    }

    fn client_realms(self) -> &'a [Box<str>] {
        self.trust.map_or(&[], |trust| &trust.client_realms)
    }

    fn domain_sids(self) -> &'a [Sid] {
        self.trust.map_or(&[], |trust| &trust.domain_sids)
    }

    fn domains(self) -> &'a [Domain] {
        self.trust.map_or(&[], |trust| &trust.domains)
    }

    /// Returns the domains of other forests.
    fn trusted_domains(self) -> impl Iterator<Item = (&'a Domain, SidFilter)> {
        self.domains().iter().filter_map(|domain| match domain.forest {
            Forest::Own => None,
            Forest::Trusted(filter) => Some((domain, filter)),
        })
    }
}
