//! An account of a directory, its keys, and the users for whom the keys may vouch.

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

/// An account whose keys this server holds, with its bounds: the users that tickets for this account may name.
///
/// The KDC, and any other holder of such a key, can write any ticket for the account. An account therefore has a list of
/// realms, and its keys may vouch only for users of these realms. A ticket for a user of another realm is refused. The
/// default is the account's own realm only, and [`with_client_realm`](Self::with_client_realm) adds other realms. An
/// account may also have a list of domains, to which the users' SIDs must belong
/// ([`with_domain_sid`](Self::with_domain_sid)).
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

/// The realm and the name, in one allocation. With two allocations, an account of six keys would take 406 octets, but
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

    /// Returns the realm and the name. `realm_length` is the length of the realm before the name, so the split cannot
    /// panic.
    fn both(&self) -> (&str, &str) {
        self.realm_then_name.split_at(self.realm_length)
    }
}

/// The settings that few accounts have. The settings are a separate allocation to save memory, because a server may
/// hold a million accounts. For an account without settings, all lists are empty.
#[derive(Clone, Debug, Default)]
struct Settings {
    tenant: Option<Box<str>>,
    services: Vec<Box<str>>,
    trust: Trust,
    /// The keys that accounts with other bounds also hold.
    shared_keys: Vec<SharedKey>,
}

/// The prepared forms of the keys, in the order of the keys. A key has a prepared form after a ticket has verified with
/// the key.
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
    /// Any directory. Its KDC may write tickets without a PAC.
    Any,
    /// Active Directory, whose KDC puts a PAC into every ticket.
    ActiveDirectory,
}

impl Account {
    /// Makes the account `name` of `realm`, without keys. In Active Directory, the name is a sAMAccountName
    /// (`AZUREADSSOACC$`). In other realms, the name is the principal of the service (`HTTP/www.example.com`). Realms
    /// are compared octet by octet.
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

    /// Adds a key. If the account already holds the same key with the same version, the key is not added a second time.
    /// The held key then opens tickets until the later of the two end times.
    #[must_use]
    pub fn with_key(mut self, key: ServiceKey) -> Self {
        self.add_keys(&[key]);
        self
    }

    /// Adds keys, for example the keys of another version, as [`with_key`](Self::with_key) does.
    #[must_use]
    pub fn with_keys(mut self, keys: impl IntoIterator<Item = ServiceKey>) -> Self {
        self.add_keys(&keys.into_iter().collect::<Vec<_>>());
        self
    }

    /// Labels the account with the tenant that owns it. For an accepted request,
    /// [`Accepted::tenant`](crate::Accepted::tenant) returns the label.
    ///
    /// A server that serves several tenants labels every account, and compares the label with the tenant that the client
    /// requests. A tenant that provides its own keys can name any realm, and can then write tickets for users of that
    /// realm. A tenant must therefore first prove that it owns the realm, for example with a record in the DNS.
    ///
    /// If accounts of two tenants share a key, the client could choose the tenant. Every ticket with such a key is
    /// therefore refused with the code `untrusted-realm`. Two accounts with the same password share their RC4 key,
    /// because RC4 keys have no salt.
    #[must_use]
    pub fn with_tenant(mut self, label: &str) -> Self {
        self.settings_mut().tenant = Some(label.into());
        self
    }

    /// Adds the account's keys of the types `etypes`, derived from `password`.
    ///
    /// # Errors
    /// Returns [`StringToKeyError::Unsupported`] if this crate does not support one of `etypes`.
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

    /// Adds a service principal name of this account (`HTTP/www.example.com`). The server then tries this account's
    /// keys first on tickets for that service. Only a server with many accounts of one realm needs such names, because a
    /// ticket does not name the account whose key encrypts it.
    ///
    /// The name does not restrict the accepted services. To accept tickets for some services only, use
    /// [`Policy::with_services`](crate::Policy::with_services).
    #[must_use]
    pub fn with_service(mut self, service: &str) -> Self {
        self.settings_mut().services.push(service.into());
        self
    }

    /// Lets the keys of this account vouch for users of another realm, whose KDC does not use SIDs. For a realm in the
    /// account's forest, use [`with_forest_domain`](Self::with_forest_domain) instead. For an Active Directory realm
    /// outside of the forest, use [`with_trusted_domain`](Self::with_trusted_domain). Both functions tie the realm to
    /// the SID of its domain. A user of a realm that is added here may be in groups of this account's domain.
    ///
    /// The realm must not be on the authentication path of users of another realm, unless
    /// [`Policy::with_transited_realms`](crate::Policy::with_transited_realms) also lists the realm.
    ///
    /// If several accounts share a key, add the realm to each of them, because a ticket must satisfy the bounds of all
    /// of them.
    #[must_use]
    pub fn with_client_realm(mut self, realm: &str) -> Self {
        self.trust_mut().client_realms.push(realm.into());
        self
    }

    /// Lets the keys of this account vouch for SIDs of this domain (`S-1-5-21-…`, without a RID). The keys of an account
    /// without named domains vouch for the SIDs of all domains. An account with named domains requires a PAC in every
    /// ticket, and the user's SID must belong to a named domain.
    ///
    /// Name all domains of the forest. The realm of a ticket does not limit the SIDs in its PAC. A server of several
    /// forests must name the domains. Otherwise an administrator of one forest can write tickets with the SID of
    /// another forest's user.
    ///
    /// If several accounts share a key, name the domains for each of them, because a ticket must satisfy the bounds of
    /// all of them.
    #[must_use]
    pub fn with_domain_sid(mut self, domain: Sid) -> Self {
        self.trust_mut().domain_sids.push(domain);
        self
    }

    /// Lets the keys of this account vouch for users of another domain of the account's forest, and ties the realm to the
    /// SID of that domain. Users of the realm must then have SIDs of that domain, and users of other realms must not. All
    /// domains of a forest trust each other, so a user of the realm may be in groups of every domain of the forest.
    ///
    /// The realm may also be on the authentication path of other users. For example, the path of a user of a grandchild
    /// domain includes the child domain. The KDCs of Windows never state in a ticket that they checked the path (MS-KILE
    /// section 3.1.5.4). So this crate accepts the path that the KDC lists.
    ///
    /// Also name the domain of the account itself ([`with_domain_sid`](Self::with_domain_sid)). Otherwise the users of
    /// that domain are refused.
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
    /// If several accounts share a key, add the domain to each of them, because a ticket must satisfy the bounds of all
    /// of them.
    #[must_use]
    pub fn with_forest_domain(self, realm: &str, domain: Sid) -> Self {
        self.with_tied_domain(realm, domain, Forest::Own)
    }

    /// Lets the keys of this account vouch for users of a domain of a trusted forest, and ties the realm to the SID of that
    /// domain. Users of the realm must then have SIDs of that domain, and users of other realms must not.
    ///
    /// Of the groups in the PACs of these users, only groups of the users' own domain count. Groups of this account's
    /// forest and well-known SIDs (S-1-5-9, S-1-18-5) do not count, because administrators of the trusted forest could
    /// have written them. The KDC of this account's domain should filter such SIDs (MS-PAC section 4.1.2.2). This KDC
    /// copies the resource groups from the user's ticket (MS-KILE section 3.3.5.7.3). Without the filter, a trusted
    /// forest could therefore name groups of your domain. If the KDC filters SIDs,
    /// [`with_sid_filtered_domain`](Self::with_sid_filtered_domain) lets your domain-local groups count.
    ///
    /// The realm must not be on the authentication path of users of another realm, because a KDC on the path could
    /// write tickets for your own users. [`Policy::with_transited_realms`](crate::Policy::with_transited_realms) lists
    /// exceptions.
    ///
    /// Also name the domains of your own forest ([`with_domain_sid`](Self::with_domain_sid)). Otherwise your own users
    /// are refused.
    #[must_use]
    pub fn with_trusted_domain(self, realm: &str, domain: Sid) -> Self {
        self.with_tied_domain(realm, domain, Forest::Trusted(SidFilter::Here))
    }

    /// Lets the keys of this account vouch for users of a trusted forest as
    /// [`with_trusted_domain`](Self::with_trusted_domain) does, and trusts the SID filter of this account's KDC. The
    /// KDC must filter the SIDs in tickets from that forest (MS-PAC section 4.1.2.2, boundaries `CrossForest`,
    /// `External` and `Quarantined`).
    ///
    /// Domain-local groups of this account's forest then count for those users, because this KDC adds such groups. A
    /// group counts as domain-local if its RID is 1000 or greater, or is 517, 553, 571 or 572. Groups such as Domain
    /// Admins (512) and Enterprise Admins (519) never count for those users. The KDC writes its domain-local groups as
    /// resource groups, or as extra SIDs if the service does not support SID compression.
    ///
    /// If the KDC does not filter SIDs, administrators of the trusted forest can name any of these groups. Windows
    /// filters forest trusts and external trusts unless an administrator has allowed SID history for the trust (`netdom
    /// trust /quarantine`, `/enablesidhistory`). Check the setting of the trust before you use this function.
    #[must_use]
    pub fn with_sid_filtered_domain(self, realm: &str, domain: Sid) -> Self {
        self.with_tied_domain(realm, domain, Forest::Trusted(SidFilter::Kdc))
    }

    fn with_tied_domain(mut self, realm: &str, sid: Sid, forest: Forest) -> Self {
        self.trust_mut().domains.push(Domain { realm: realm.into(), sid, forest });
        self.with_client_realm(realm).with_domain_sid(sid)
    }

    /// Adds a key of the KDC itself, the account `krbtgt`. Every ticket must then have a PAC with valid signatures of
    /// the KDC ([`KdcSignaturePolicy`](crate::policy::KdcSignaturePolicy)). A "silver ticket", which an attacker makes
    /// with this account's key alone, is then refused.
    ///
    /// Add the keys of all types and versions in use, and the keys of read-only domain controllers. A service should
    /// not normally hold a krbtgt key, because its holder can impersonate every user of the realm.
    #[must_use]
    pub fn with_krbtgt_key(mut self, key: &Key) -> Self {
        self.trust_mut().krbtgt_keys.push(KrbtgtKey::new(key));
        self
    }

    /// Makes this account an account of Active Directory, whose KDC puts a PAC into every ticket. A ticket without a
    /// PAC is then refused, unless the policy accepts such tickets. A [`ComputerAccount`](crate::ComputerAccount)
    /// always makes an account of Active Directory.
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

    /// Returns the tenant with which the account is labelled, if it has a label.
    #[must_use]
    pub fn tenant(&self) -> Option<&str> {
        self.settings.as_ref().and_then(|settings| settings.tenant.as_deref())
    }

    /// Returns the realms, in addition to the account's own realm, for whose users the keys may vouch.
    pub fn client_realms(&self) -> impl Iterator<Item = &str> {
        self.trust().into_iter().flat_map(|trust| &trust.client_realms).map(|realm| &**realm)
    }

    /// Returns the domains whose SIDs the keys may vouch for. If the list is empty, the keys may vouch for the SIDs of
    /// all domains.
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

    /// Returns the keys that may have signed a PAC, which are the keys that open tickets at `now`. Keys of the version
    /// that opened the ticket come first, because the KDC signs with the same version. Keys of other versions follow,
    /// because the configured version of a key may be wrong.
    pub(crate) fn pac_keys(&self, kvno: Option<u32>, now: UnixTime) -> impl Iterator<Item = PacKey<'_>> {
        let serving = move || self.keys.iter().enumerate().filter(move |(_, key)| key.serves_at(now));
        let of_version = move |same: bool| serving().filter(move |(_, key)| (key.kvno() == kvno) == same);
        let keys = of_version(true).chain(of_version(false));
        keys.map(|(index, key)| PacKey { key, prepared: self.prepared(index) })
    }

    /// Returns the prepared form of a key, if the account keeps one.
    pub(super) fn prepared(&self, key: usize) -> Option<&Prepared> {
        self.prepared.0.get()?.get(key)?.get()
    }

    /// Returns the number of keys with a prepared form.
    pub(super) fn prepared_count(&self) -> usize {
        self.prepared.0.get().map_or(0, |keys| keys.iter().filter(|key| key.get().is_some()).count())
    }

    /// Keeps the prepared form of a key. Returns `false` if the account already keeps a prepared form of this key.
    pub(super) fn keep_prepared(&self, key: usize, ticket_cipher: Cipher) -> bool {
        let keys = self.prepared.0.get_or_init(|| Box::new(self.keys.iter().map(|_| OnceBox::new()).collect()));
        let prepared = |key| Box::new(Prepared::new(key, ticket_cipher));
        keys.get(key).zip(self.keys.get(key)).is_some_and(|(cell, key)| cell.set(prepared(key)).is_ok())
    }

    /// Adds keys. A key that the account already holds with the same version is not added. The held key then opens
    /// tickets until the later of the two end times.
    ///
    /// The function copies keys instead of moving them. Every copy is zeroized when it is dropped, but a move would
    /// leave the octets in freed memory.
    fn add_keys(&mut self, keys: &[ServiceKey]) {
        // The addition does not saturate, because both numbers count keys in memory.
        let mut all: Vec<ServiceKey> = Vec::with_capacity(self.keys.len().saturating_add(keys.len()));
        // The indices of keys by type and version. With this map, each key is compared with few other keys, even if a
        // keytab has many versions.
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
        // A vector with spare capacity is reallocated when it becomes a box, which can leave keys in freed memory.
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

    /// Returns whether both accounts have the same name, realm and tenant.
    pub(super) fn is_same_account(&self, other: &Self) -> bool {
        self.name() == other.name() && self.realm() == other.realm() && self.tenant() == other.tenant()
    }

    /// Returns whether the account has this key with any version. Each comparison takes constant time.
    pub(super) fn holds(&self, key: &ServiceKey) -> bool {
        self.keys.iter().any(|held| held.same_key(key))
    }

    /// Returns the bounds of this account, without the bounds of accounts that share keys with it.
    pub(super) fn bounds(&self) -> Bounds<'_> {
        Bounds { tenant: self.tenant(), realm: self.realm(), directory: self.directory, trust: self.trust() }
    }

    /// Returns this account's keys that accounts with other bounds also hold.
    pub(super) fn shared_keys(&self) -> &[SharedKey] {
        self.settings.as_ref().map_or(&[], |settings| &settings.shared_keys)
    }

    /// Sets the keys that accounts with other bounds also hold.
    pub(super) fn set_shared_keys(&mut self, shared_keys: Vec<SharedKey>) {
        if !shared_keys.is_empty() || self.settings.is_some() {
            self.settings_mut().shared_keys = shared_keys;
        }
    }

    /// Adds the keys that only `before` has, where `before` is this account in an older key set. The added keys open
    /// tickets until `last` at most.
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

/// Displays one line for each key, as `klist -ke` does for a keytab: version, principal and encryption type. Control
/// and invisible characters of names are escaped.
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
