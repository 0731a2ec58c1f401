//! The users for whom the keys of an account may vouch.
//!
//! Every holder of such a key can write any ticket for the account. So the settings here bound what is believed of a ticket:
//! the realm of its user, the domain of the user's SID, and the groups that count.

use super::{Account, Directory};
use crate::crypto::{Checksummer, Key, KeyUsage};
use crate::sid::Sid;
use alloc::boxed::Box;
use alloc::sync::Arc;
use alloc::vec::Vec;

/// The bounds of one account. Without any, the keys vouch for the users of the account's realm, with SIDs of every domain.
#[derive(Clone, Debug, Default)]
pub(super) struct Trust {
    pub(super) client_realms: Vec<Box<str>>,
    /// The domains of the account's own forest, and those of other forests.
    pub(super) domain_sids: Vec<Sid>,
    /// The domains that are tied to their realms.
    pub(super) domains: Vec<Domain>,
    pub(super) krbtgt_keys: Vec<KrbtgtKey>,
}

/// A key of the KDC.
#[derive(Clone, Debug)]
pub(super) struct KrbtgtKey {
    /// The key itself, to compare it with those of other accounts.
    key: Key,
    checksummer: Checksummer,
}

impl KrbtgtKey {
    pub(super) fn new(key: &Key) -> Self {
        Self { key: key.clone(), checksummer: key.checksummer(KeyUsage::PAC_SIGNATURE) }
    }
}

/// A domain and its realm. That realm's users have SIDs of that domain only, and no other realm's users have one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Domain {
    pub(super) realm: Box<str>,
    pub(super) sid: Sid,
    pub(super) forest: Forest,
}

/// The forest of a domain, as the account sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Forest {
    /// The account's own. Its domains trust each other, and the KDC of each is believed about all.
    Own,
    /// Another one, which is trusted to name its own users.
    Trusted(SidFilter),
}

/// Which side keeps SIDs of the account's own forest out of the PACs of another forest's users.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum SidFilter {
    /// This crate: no SID of another domain counts.
    Here,
    /// The KDC (MS-PAC section 4.1.2.2). What is left of the own forest are the domain-local groups that it has added.
    Kdc,
}

/// A key that accounts with different bounds hold. A client chooses by which of them its ticket is judged, since it can rewrite
/// the service's name and realm. So the bounds of all apply to tickets under that key.
#[derive(Clone, Debug)]
pub(super) struct SharedKey {
    /// The index of the key in the account that has this.
    pub(super) index: usize,
    /// The bounds of all that hold the key, each once.
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

/// The bounds of one account, as they are asked.
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

/// The bounds of a ticket: those of the account whose key opened it, and those of the other accounts that hold this key.
#[derive(Clone, Copy, Debug)]
pub(crate) struct TicketBounds<'a> {
    account: &'a Account,
    key: usize,
}

impl<'a> TicketBounds<'a> {
    pub(crate) const fn new(account: &'a Account, key: usize) -> Self {
        Self { account, key }
    }

    /// Returns whether the ticket may name a user of `realm`. No user is named by a ticket under a key that accounts of two
    /// tenants hold: the client would choose the tenant.
    pub(crate) fn vouch_for(self, realm: &[u8]) -> bool {
        let tenant = self.account.tenant();
        self.all(|bounds| bounds.tenant == tenant && bounds.vouch_for(realm))
    }

    /// Returns the realm of each account.
    pub(crate) fn realms(self) -> impl Iterator<Item = &'a str> {
        self.bounds().map(|bounds| bounds.realm)
    }

    /// Returns whether `realm` may lie between the client's realm and the service's by the KDC's word alone.
    pub(crate) fn let_transit(self, realm: &[u8]) -> bool {
        self.all(|bounds| bounds.let_transit(realm))
    }

    /// Returns whether the PAC may name an account of `domain`.
    pub(crate) fn vouch_for_domain(self, domain: &Sid) -> bool {
        self.all(|bounds| bounds.vouch_for_domain(domain))
    }

    /// Returns whether the PAC may say that a user of `realm` has an account of `domain`.
    pub(crate) fn vouch_for_domain_of(self, realm: &[u8], domain: &Sid) -> bool {
        self.all(|bounds| bounds.vouch_for_domain_of(realm, domain))
    }

    /// Returns whether `sid` grants nothing to a user of `realm`.
    pub(crate) fn is_foreign(self, realm: &[u8], sid: &Sid) -> bool {
        !self.all(|bounds| !bounds.is_foreign(realm, sid))
    }

    /// Returns whether a bound stands that only the SID in a PAC can satisfy.
    pub(crate) fn need_sid(self) -> bool {
        !self.all(|bounds| !bounds.need_sid())
    }

    /// Returns whether the KDC of an account's directory puts a PAC into every ticket.
    pub(crate) fn are_of_active_directory(self) -> bool {
        !self.all(|bounds| bounds.directory == Directory::Any)
    }

    /// Returns the keys of the KDC, apart for each account that names any: the signatures must hold under keys of each.
    pub(crate) fn krbtgt_keys(self) -> impl Iterator<Item = impl Iterator<Item = &'a Checksummer> + Clone> {
        let keys = self.bounds().map(Bounds::krbtgt_keys).filter(|keys| !keys.is_empty());
        keys.map(|keys| keys.iter().map(|key| &key.checksummer))
    }

    pub(crate) fn have_krbtgt_keys(self) -> bool {
        !self.all(|bounds| bounds.krbtgt_keys().is_empty())
    }

    /// Returns whether this holds for the bounds of each of the accounts.
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
    /// Returns whether a ticket may name a user of `realm`. Realms are compared octet by octet: one that only ends like ours,
    /// or differs in case, is another realm.
    pub(super) fn vouch_for(self, realm: &[u8]) -> bool {
        self.realm.as_bytes() == realm || self.client_realms().iter().any(|allowed| allowed.as_bytes() == realm)
    }

    /// Returns whether `realm` may lie between the client's realm and the account's by the KDC's word alone: it is the account's
    /// realm, or a domain of its forest. The KDCs of Windows never say that they checked the way (MS-KILE section 3.1.5.4). A
    /// KDC of another forest must not lie there: it could name users of every realm for which the account vouches.
    pub(super) fn let_transit(self, realm: &[u8]) -> bool {
        let is_realm = |domain: &Domain| domain.forest == Forest::Own && domain.realm.as_bytes() == realm;
        self.realm.as_bytes() == realm || self.domains().iter().any(is_realm)
    }

    /// Returns whether a PAC may name an account of `domain`.
    pub(super) fn vouch_for_domain(self, domain: &Sid) -> bool {
        self.domain_sids().is_empty() || self.domain_sids().contains(domain)
    }

    /// Returns whether a PAC may say that a user of `realm` has an account of `domain`.
    pub(super) fn vouch_for_domain_of(self, realm: &[u8], domain: &Sid) -> bool {
        let is_realm = |tied: &Domain| tied.realm.as_bytes() == realm;
        let mut tied = self.domains().iter().filter(|tied| is_realm(tied) || tied.sid == *domain).peekable();
        let free = tied.peek().is_none();
        self.vouch_for_domain(domain) && (free || tied.any(|tied| is_realm(tied) && tied.sid == *domain))
    }

    /// Returns whether `sid` grants nothing to a user of `realm`.
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

    /// Returns whether the bounds name a domain, which only the user's SID shows.
    pub(super) fn need_sid(self) -> bool {
        !self.domain_sids().is_empty()
    }

    /// Returns whether both accounts have the same bounds.
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

    /// Returns whether `domain` is one of the account's own forest. A trusted domain is not.
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
