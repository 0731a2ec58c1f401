//! An account of a directory, its keys, and the users for whom these may vouch.

use super::service_key::{PacKey, Prepared};
use super::trust::{Bounds, Domain, Forest, KrbtgtKey, SharedKey, SidFilter, Trust};
use super::{Password, Salt, ServiceKey};
use crate::bounded_text::BoundedText;
use crate::crypto::{Cipher, EncType, Key, StringToKeyError};
use crate::sid::Sid;
use crate::time::UnixTime;
use alloc::boxed::Box;
use alloc::vec::Vec;
use core::fmt;
use hashbrown::HashMap;
use once_cell::race::OnceBox;

/// An account whose keys this server holds, and what a ticket under one of them may say.
///
/// A holder of such a key, above all the KDC, can write any ticket for the account. So the account names the realms whose
/// users its keys may vouch for: its own realm, and others only by [`with_client_realm`](Self::with_client_realm). It may
/// also name the domains of their SIDs ([`with_domain_sid`](Self::with_domain_sid)).
///
/// ```
/// use kerberos_sso::crypto::{EncType, Key};
/// use kerberos_sso::{Account, ServiceKey};
///
/// let key = Key::from_hex(EncType::AES128_CTS_HMAC_SHA1_96, "000102030405060708090a0b0c0d0e0f")?;
/// let account = Account::new("AZUREADSSOACC$", "CONTOSO.TEST")
///     .of_active_directory()
///     .with_key(ServiceKey::new(key, Some(3)))
///     .with_service("HTTP/autologon.microsoftazuread-sso.com")
///     .with_domain_sid("S-1-5-21-1-2-3".parse()?);
/// assert_eq!(account.keys()[0].kvno(), Some(3));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Account {
    names: Names,
    directory: Directory,
    keys: Box<[ServiceKey]>,
    prepared: PreparedKeys,
    settings: Option<Box<Settings>>,
}

/// Realm and name in one allocation. With two, an account of six keys takes 406 octets instead of 398, and
/// [`KeySet`](super::KeySet) promises less than 400.
#[derive(Clone, Debug)]
struct Names {
    realm_then_name: Box<str>,
    realm_length: usize,
}

impl Names {
    fn new(realm: &str, name: &str) -> Self {
        Self { realm_then_name: [realm, name].concat().into(), realm_length: realm.len() }
    }

    fn realm(&self) -> &str {
        self.both().0
    }

    fn name(&self) -> &str {
        self.both().1
    }

    /// The text was joined where it is split, so the split cannot panic.
    fn both(&self) -> (&str, &str) {
        self.realm_then_name.split_at(self.realm_length)
    }
}

/// The settings that few accounts have. They are apart, because a server may hold a million accounts. An account without
/// them has empty lists.
#[derive(Clone, Debug, Default)]
struct Settings {
    tenant: Option<Box<str>>,
    services: Vec<Box<str>>,
    trust: Trust,
    /// The keys that accounts with other bounds hold, too.
    shared_keys: Vec<SharedKey>,
}

/// The prepared form of each key under which a ticket has verified, in the order of the keys.
#[derive(Default)]
struct PreparedKeys(OnceBox<Box<[OnceBox<Prepared>]>>);

impl fmt::Debug for PreparedKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PreparedKeys(..)")
    }
}

/// The directory that holds an account.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Directory {
    /// The account is Active Directory's or another's.
    Any,
    /// Its KDC puts a PAC into every ticket.
    ActiveDirectory,
}

impl Account {
    /// Makes the account `name` of `realm`, without keys. In Active Directory the name is a sAMAccountName (`AZUREADSSOACC$`), in
    /// other realms the principal of the service (`HTTP/www.example.com`). Realms are compared octet by octet.
    #[must_use]
    pub fn new(name: &str, realm: &str) -> Self {
        Self {
            names: Names::new(realm, name),
            directory: Directory::Any,
            keys: Box::default(),
            prepared: PreparedKeys::default(),
            settings: None,
        }
    }

    /// Adds a key. If the account holds the same key of the same version, no second one is added: the key then serves until
    /// the later of the two ends.
    #[must_use]
    pub fn with_key(mut self, key: ServiceKey) -> Self {
        self.add_keys(&[key]);
        self
    }

    /// Adds keys, as [`with_key`](Self::with_key) does: those of another version, for example.
    #[must_use]
    pub fn with_keys(mut self, keys: impl IntoIterator<Item = ServiceKey>) -> Self {
        self.add_keys(&keys.into_iter().collect::<Vec<_>>());
        self
    }

    /// Labels the account with the tenant that it belongs to. The label comes out with the verdict:
    /// [`Accepted::tenant`](crate::Accepted::tenant).
    ///
    /// A server of several tenants labels every account, and compares the label with the tenant that the client asks for.
    /// A tenant that brings its own keys can name any realm, and then writes tickets for users of that realm. So let a tenant
    /// prove first that the realm is its own, by a record in the DNS for example.
    ///
    /// The client could choose between two tenants whose accounts share a key. So every ticket under such a key is refused, as
    /// `untrusted-realm`. Accounts of two tenants that have the same password share their RC4 key, which has no salt.
    #[must_use]
    pub fn with_tenant(mut self, label: &str) -> Self {
        self.settings_mut().tenant = Some(label.into());
        self
    }

    /// Adds the keys of `etypes` that the account has under `password`.
    ///
    /// # Errors
    /// [`StringToKeyError::Unsupported`] if this crate does not support one of `etypes`.
    pub fn with_password(
        self,
        password: &Password,
        salt: &Salt,
        etypes: &[EncType],
        kvno: Option<u32>,
    ) -> Result<Self, StringToKeyError> {
        etypes
            .iter()
            .try_fold(self, |account, etype| Ok(account.with_key(ServiceKey::new(password.key(*etype, salt)?, kvno))))
    }

    /// Names a service principal name of this account (`HTTP/www.example.com`). The account's keys are then tried first on
    /// tickets for that service. A server needs this only where it holds many accounts of one realm: a ticket never names its
    /// account.
    ///
    /// This restricts nothing. To accept tickets for some services only, use
    /// [`Policy::with_services`](crate::Policy::with_services).
    #[must_use]
    pub fn with_service(mut self, service: &str) -> Self {
        self.settings_mut().services.push(service.into());
        self
    }

    /// Lets the keys of this account vouch for users of another realm. In a forest use
    /// [`with_forest_domain`](Self::with_forest_domain), and for a realm outside of the forest
    /// [`with_trusted_domain`](Self::with_trusted_domain): both tie the realm to the SID of its domain. This is for realms of
    /// other KDCs, which have no SIDs. A user of such a realm may be in groups of this account's domain.
    ///
    /// No realm that is named here may lie on the way of another realm's users, unless
    /// [`Policy::with_transited_realms`](crate::Policy::with_transited_realms) lists it, too.
    ///
    /// If several accounts share a key, name the realm on each of them: what one of them does not allow is refused.
    #[must_use]
    pub fn with_client_realm(mut self, realm: &str) -> Self {
        self.trust_mut().client_realms.push(realm.into());
        self
    }

    /// Lets the keys of this account vouch for SIDs of this domain (`S-1-5-21-…`, without a RID). An account without such
    /// domains vouches for all. With one or more, every ticket must have a PAC, and the user's SID in it must be of a named
    /// domain.
    ///
    /// Name all domains of the forest. The realm of a ticket does not limit the SIDs that it claims. A server of several
    /// forests must name the domains: otherwise the administrator of one forest can write the SID of another forest's user.
    ///
    /// If several accounts share a key, name the domains on each of them: what one of them does not allow is refused.
    #[must_use]
    pub fn with_domain_sid(mut self, domain: Sid) -> Self {
        self.trust_mut().domain_sids.push(domain);
        self
    }

    /// Lets the keys of this account vouch for users of another domain of its own forest, and ties their realm to the SID of that
    /// domain. The realm's users then have SIDs of that domain only, and users of other realms have none of it. All domains of a
    /// forest trust each other, so a user of that realm may be in groups of every domain of the forest.
    ///
    /// The realm may also lie on the way of other users by the KDC's word. A user of a grandchild domain comes by way of the
    /// child, and the KDCs of Windows never say that they checked that (MS-KILE section 3.1.5.4).
    ///
    /// Name the domain of the account itself, too ([`with_domain_sid`](Self::with_domain_sid)): otherwise its users are refused.
    ///
    /// ```
    /// use kerberos_sso::Account;
    ///
    /// let account = Account::new("AZUREADSSOACC$", "CONTOSO.TEST")
    ///     .with_domain_sid("S-1-5-21-1-2-3".parse()?)
    ///     .with_forest_domain("CHILD.CONTOSO.TEST", "S-1-5-21-4-5-6".parse()?)
    ///     .with_forest_domain("GRAND.CHILD.CONTOSO.TEST", "S-1-5-21-7-8-9".parse()?);
    /// # let _ = account;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// If several accounts share a key, name the domain on each of them: what one of them does not allow is refused.
    #[must_use]
    pub fn with_forest_domain(self, realm: &str, domain: Sid) -> Self {
        self.with_tied_domain(realm, domain, Forest::Own)
    }

    /// Lets the keys of this account vouch for users of a trusted forest, and ties their realm to the SID of its domain. The
    /// realm's users then have SIDs of that domain only, and users of other realms have none of it.
    ///
    /// Of the groups in their PACs, only those of their own domain count. Groups of this account's forest and well-known SIDs
    /// (S-1-5-9, S-1-18-5) grant nothing: the trusted forest's administrators could have written them. The KDC of this
    /// account's domain should filter such SIDs (MS-PAC section 4.1.2.2). It copies the resource groups that come with the
    /// user (MS-KILE section 3.3.5.7.3), so without its filter a trusted forest names groups of your domain.
    /// Where it does filter, [`with_sid_filtered_domain`](Self::with_sid_filtered_domain) lets your domain-local groups count.
    ///
    /// The realm may not lie on the way of another realm's users, unless
    /// [`Policy::with_transited_realms`](crate::Policy::with_transited_realms) lists it: a KDC there could name your own users.
    ///
    /// Name the domains of your own forest, too ([`with_domain_sid`](Self::with_domain_sid)): otherwise your own users are
    /// refused.
    #[must_use]
    pub fn with_trusted_domain(self, realm: &str, domain: Sid) -> Self {
        self.with_tied_domain(realm, domain, Forest::Trusted(SidFilter::Here))
    }

    /// Lets the keys of this account vouch for users of a trusted forest as [`with_trusted_domain`](Self::with_trusted_domain)
    /// does, and states that this account's KDC filters the SIDs of that trust (MS-PAC section 4.1.2.2: the boundaries
    /// `CrossForest`, `External` and `Quarantined`).
    ///
    /// Groups of this account's forest then count for those users, as far as the KDC can have added them: domain-local groups,
    /// which are the groups from RID 1000 on and four below (517, 553, 571, 572). Domain Admins (512), Enterprise Admins (519)
    /// and the like never count for them. The KDC writes its domain-local groups as resource groups, or among the extra SIDs
    /// for a service without SID compression.
    ///
    /// If the KDC does not filter, a trusted forest's administrators can name any of these groups. Windows filters forest
    /// trusts and external trusts unless an administrator allowed SID history on them (`netdom trust /quarantine`,
    /// `/enablesidhistory`). Look it up before you state this.
    #[must_use]
    pub fn with_sid_filtered_domain(self, realm: &str, domain: Sid) -> Self {
        self.with_tied_domain(realm, domain, Forest::Trusted(SidFilter::Kdc))
    }

    fn with_tied_domain(mut self, realm: &str, sid: Sid, forest: Forest) -> Self {
        self.trust_mut().domains.push(Domain { realm: realm.into(), sid, forest });
        self.with_client_realm(realm).with_domain_sid(sid)
    }

    /// Adds a key of the KDC itself, the account `krbtgt`. Every ticket must then have a PAC with valid signatures of the KDC
    /// ([`KdcSignaturePolicy`](crate::policy::KdcSignaturePolicy)). So a ticket that was made with this account's key alone (a
    /// "silver ticket") is refused.
    ///
    /// Name the keys of all types and versions in use, and those of read-only domain controllers. A holder of such a key can
    /// be any user of the realm: a service should not have it.
    #[must_use]
    pub fn with_krbtgt_key(mut self, key: &Key) -> Self {
        self.trust_mut().krbtgt_keys.push(KrbtgtKey::new(key));
        self
    }

    /// Makes this an account of Active Directory, whose KDC puts a PAC into every ticket. A ticket without one is refused,
    /// unless the policy says otherwise. A [`ComputerAccount`](crate::ComputerAccount) is such an account.
    #[must_use]
    pub fn of_active_directory(self) -> Self {
        Self { directory: Directory::ActiveDirectory, ..self }
    }

    /// Returns the account's name.
    #[must_use]
    pub fn name(&self) -> &str {
        self.names.name()
    }

    /// Returns the account's realm.
    #[must_use]
    pub fn realm(&self) -> &str {
        self.names.realm()
    }

    /// Returns the keys in the order in which they were added.
    #[must_use]
    pub fn keys(&self) -> &[ServiceKey] {
        &self.keys
    }

    /// Returns the tenant that the account is labelled with.
    #[must_use]
    pub fn tenant(&self) -> Option<&str> {
        self.settings.as_ref().and_then(|settings| settings.tenant.as_deref())
    }

    /// Returns the other realms for whose users the keys may vouch.
    pub fn client_realms(&self) -> impl Iterator<Item = &str> {
        self.trust().into_iter().flat_map(|trust| &trust.client_realms).map(|realm| &**realm)
    }

    /// Returns the domains for whose SIDs the keys may vouch. If there are none, the keys may vouch for all.
    #[must_use]
    pub fn domain_sids(&self) -> &[Sid] {
        self.trust().map_or(&[], |trust| &trust.domain_sids)
    }

    /// Returns whether the KDC of the account's directory puts a PAC into every ticket
    /// ([`of_active_directory`](Self::of_active_directory)).
    #[must_use]
    pub fn is_of_active_directory(&self) -> bool {
        self.directory == Directory::ActiveDirectory
    }

    pub(crate) fn services(&self) -> impl Iterator<Item = &str> {
        self.settings.iter().flat_map(|settings| &settings.services).map(|service| &**service)
    }

    /// Returns the keys that may have signed a PAC: those that serve at `now`. Those of the version that opened the ticket
    /// come first: the KDC signed with that version, unless the server's configuration gives a wrong version.
    pub(crate) fn pac_keys(&self, kvno: Option<u32>, now: UnixTime) -> impl Iterator<Item = PacKey<'_>> {
        let serving = move || self.keys.iter().enumerate().filter(move |(_, key)| key.serves_at(now));
        let of_version = move |same: bool| serving().filter(move |(_, key)| (key.kvno() == kvno) == same);
        let keys = of_version(true).chain(of_version(false));
        keys.map(|(index, key)| PacKey { key, prepared: self.prepared(index) })
    }

    /// Returns the prepared form of a key, if it is kept.
    pub(super) fn prepared(&self, key: usize) -> Option<&Prepared> {
        self.prepared.0.get()?.get(key)?.get()
    }

    /// Returns how many keys have a prepared form. Without a list of prepared keys there is none.
    pub(super) fn prepared_count(&self) -> usize {
        self.prepared.0.get().map_or(0, |keys| keys.iter().filter(|key| key.get().is_some()).count())
    }

    /// Keeps the prepared form of a key. Returns `false` if one is kept already.
    pub(super) fn keep_prepared(&self, key: usize, ticket_cipher: Cipher) -> bool {
        let keys = self.prepared.0.get_or_init(|| Box::new(self.keys.iter().map(|_| OnceBox::new()).collect()));
        let prepared = |key| Box::new(Prepared::new(key, ticket_cipher));
        keys.get(key).zip(self.keys.get(key)).is_some_and(|(cell, key)| cell.set(prepared(key)).is_ok())
    }

    /// Adds keys. One that is there in the same version is not added, but serves as long as the longer-lived of the two.
    ///
    /// Keys are copied, so that each copy is wiped where it lies: a move would leave them in memory that is given back.
    fn add_keys(&mut self, keys: &[ServiceKey]) {
        // Both count keys in memory: nothing saturates.
        let mut all: Vec<ServiceKey> = Vec::with_capacity(self.keys.len().saturating_add(keys.len()));
        // The indices of keys by type and version: a keytab may have many versions, and each key is compared with few others.
        let mut indices: HashMap<(EncType, Option<u32>), Vec<usize>> = HashMap::new();
        for key in self.keys.iter().chain(keys) {
            let indices = indices.entry((key.etype(), key.kvno())).or_default();
            let same = indices.iter().copied().find(|index| all.get(*index).is_some_and(|held| held.same_key(key)));
            if let Some(held) = same.and_then(|index| all.get_mut(index)) {
                held.extend_to(key);
            } else {
                indices.push(all.len());
                all.push(key.clone());
            }
        }
        // A vector with room to spare would be moved.
        self.keys = if all.len() == all.capacity() { all.into() } else { all.iter().cloned().collect() };
        self.prepared = PreparedKeys::default();
    }

    /// Drops the prepared forms of the keys.
    pub(super) fn without_prepared(self) -> Self {
        Self { prepared: PreparedKeys::default(), ..self }
    }

    /// Copies the account without the prepared forms of its keys.
    pub(super) fn copy(&self) -> Self {
        Self {
            names: self.names.clone(),
            directory: self.directory,
            keys: self.keys.clone(),
            prepared: PreparedKeys::default(),
            settings: self.settings.clone(),
        }
    }

    /// Returns whether both are the same account of the same tenant.
    pub(super) fn is_same_account(&self, other: &Self) -> bool {
        self.name() == other.name() && self.realm() == other.realm() && self.tenant() == other.tenant()
    }

    /// Returns, in a time that depends on the number of keys only, whether the account has this key in any version.
    pub(super) fn holds(&self, key: &ServiceKey) -> bool {
        self.keys.iter().any(|held| held.same_key(key))
    }

    /// Returns the bounds of the account by itself.
    pub(super) fn bounds(&self) -> Bounds<'_> {
        Bounds { tenant: self.tenant(), realm: self.realm(), directory: self.directory, trust: self.trust() }
    }

    /// Returns the keys that accounts with other bounds hold, too.
    pub(super) fn shared_keys(&self) -> &[SharedKey] {
        self.settings.as_ref().map_or(&[], |settings| &settings.shared_keys)
    }

    /// Sets the keys that accounts with other bounds hold, too.
    pub(super) fn set_shared_keys(&mut self, shared_keys: Vec<SharedKey>) {
        if !shared_keys.is_empty() || self.settings.is_some() {
            self.settings_mut().shared_keys = shared_keys;
        }
    }

    /// Adds the keys that `before` has beside those of this account, which is the same one. They serve until `last` at most.
    pub(super) fn with_retiring_keys(self, before: &Self, last: UnixTime) -> Self {
        let gone = before.keys.iter().filter(|key| !self.holds(key)).map(|key| key.clone().retire(last));
        let gone: Vec<ServiceKey> = gone.collect();
        self.with_keys(gone)
    }

    fn trust(&self) -> Option<&Trust> {
        self.settings.as_ref().map(|settings| &settings.trust)
    }

    fn trust_mut(&mut self) -> &mut Trust {
        &mut self.settings_mut().trust
    }

    fn settings_mut(&mut self) -> &mut Settings {
        self.settings.get_or_insert_default()
    }
}

/// Prints a line for each key, as `klist -ke` does for a keytab: version, principal, encryption type. A name that would not
/// print as itself is escaped.
impl fmt::Display for Account {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let principal = (BoundedText::new(self.name()), BoundedText::new(self.realm()));
        let (name, realm) = &principal;
        if self.keys.is_empty() {
            return write!(f, "   - {name}@{realm} (no key)");
        }
        for (index, key) in self.keys.iter().enumerate() {
            f.write_str(if index > 0 { "\n" } else { "" })?;
            match key.kvno() {
                Some(kvno) => write!(f, "{kvno:4} ")?,
                None => f.write_str("   ? ")?,
            }
            write!(f, "{name}@{realm} ({})", key.etype())?;
        }
        Ok(())
    }
}
