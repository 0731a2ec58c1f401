//! An account of a directory, its keys, and the users for whom these may vouch.

use super::password::without_dollar;
use super::service_key::{PacKey, Prepared};
use super::{Password, Salt, ServiceKey};
use crate::crypto::{Checksummer, Cipher, EncType, Key, KeyUsage, StringToKeyError};
use crate::sid::Sid;
use alloc::boxed::Box;
use alloc::vec::Vec;
use core::fmt;
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
    trust: Option<Box<Trust>>,
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
struct Trust {
    services: Vec<Box<str>>,
    client_realms: Vec<Box<str>>,
    domain_sids: Vec<Sid>,
    /// Pairs of a realm and a domain. The realm's users have SIDs of that domain only, and no other realm's users have one.
    bound_domains: Vec<(Box<str>, Sid)>,
    krbtgt_keys: Vec<Checksummer>,
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
            trust: None,
        }
    }

    /// Adds a key. If the account holds the same key of the same version, no second one is added: the key then serves until
    /// the later of the two ends.
    #[must_use]
    pub fn with_key(mut self, key: ServiceKey) -> Self {
        self.add_key(key);
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
    #[must_use]
    pub fn with_service(mut self, service: &str) -> Self {
        self.trust_mut().services.push(service.into());
        self
    }

    /// Lets the keys of this account vouch for users of another realm: a trusted domain of the same forest, or a trusted
    /// forest. If several accounts share a key, name the realm on each of them: the sender of a ticket chooses the account.
    #[must_use]
    pub fn with_client_realm(mut self, realm: &str) -> Self {
        self.trust_mut().client_realms.push(realm.into());
        self
    }

    /// Lets the keys of this account vouch for SIDs of this domain (`S-1-5-21-…`, without a RID). An account without such
    /// domains vouches for all. With one or more, the user's SID in a PAC must be of a named domain.
    ///
    /// Name all domains of the forest, and the domains of trusted forests whose users may sign in. The realm of a ticket does
    /// not limit the SIDs that it claims. A server of several forests must name the domains: otherwise the administrator of
    /// one forest can write the SID of another forest's user.
    #[must_use]
    pub fn with_domain_sid(mut self, domain: Sid) -> Self {
        self.trust_mut().domain_sids.push(domain);
        self
    }

    /// Lets the keys of this account vouch for users of another realm, and ties that realm to the SID of its domain. The
    /// realm's users then have SIDs of that domain only, and users of other realms have none of it.
    ///
    /// Use this for a trusted forest, and name the domains of your own forest too. With
    /// [`with_client_realm`](Self::with_client_realm) and [`with_domain_sid`](Self::with_domain_sid) alone, the trusted
    /// forest's administrators could write your users' SIDs, unless your domain controllers filter them.
    #[must_use]
    pub fn with_trusted_domain(mut self, realm: &str, domain: Sid) -> Self {
        self.trust_mut().bound_domains.push((realm.into(), domain));
        self.with_client_realm(realm).with_domain_sid(domain)
    }

    /// Adds a key of the KDC itself, the account `krbtgt`. PACs must then bear valid signatures of the KDC. So a ticket that was
    /// made with this account's key alone (a "silver ticket") is refused.
    ///
    /// Name the keys of all types and versions in use, and those of read-only domain controllers. A holder of such a key can
    /// be any user of the realm: a service should not have it.
    #[must_use]
    pub fn with_krbtgt_key(mut self, key: &Key) -> Self {
        self.trust_mut().krbtgt_keys.push(key.checksummer(KeyUsage::PAC_SIGNATURE));
        self
    }

    /// Makes this an account of Active Directory, whose KDC puts a PAC into every ticket. A ticket without one is refused,
    /// unless the policy says otherwise. A [`ComputerAccount`] is such an account.
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

    /// Returns the other realms for whose users the keys may vouch.
    pub fn client_realms(&self) -> impl Iterator<Item = &str> {
        self.trust().flat_map(|trust| &trust.client_realms).map(|realm| &**realm)
    }

    /// Returns the domains for whose SIDs the keys may vouch. If there are none, the keys may vouch for all.
    #[must_use]
    pub fn domain_sids(&self) -> &[Sid] {
        self.trust.as_ref().map_or(&[], |trust| &trust.domain_sids)
    }

    pub(crate) fn krbtgt_keys(&self) -> &[Checksummer] {
        self.trust.as_ref().map_or(&[], |trust| &trust.krbtgt_keys)
    }

    pub(crate) const fn directory(&self) -> Directory {
        self.directory
    }

    pub(crate) fn services(&self) -> impl Iterator<Item = &str> {
        self.trust().flat_map(|trust| &trust.services).map(|service| &**service)
    }

    /// Returns whether a ticket under one of the keys may name a user of `realm`. Realms are compared octet by octet: one that
    /// only ends like ours, or differs in case, is another realm.
    pub(crate) fn vouches_for(&self, realm: &[u8]) -> bool {
        self.realm().as_bytes() == realm || self.client_realms().any(|allowed| allowed.as_bytes() == realm)
    }

    /// Returns whether a PAC under one of the keys may name an account of `domain`.
    pub(crate) fn vouches_for_domain(&self, domain: &Sid) -> bool {
        self.domain_sids().is_empty() || self.domain_sids().contains(domain)
    }

    /// Returns whether a PAC under one of the keys may say that a user of `realm` has an account of `domain`.
    pub(crate) fn vouches_for_domain_of(&self, realm: &[u8], domain: &Sid) -> bool {
        let mut tied =
            self.bound_domains().filter(|(bound, sid)| bound.as_bytes() == realm || sid == domain).peekable();
        let free = tied.peek().is_none();
        self.vouches_for_domain(domain) && (free || tied.any(|(bound, sid)| bound.as_bytes() == realm && sid == domain))
    }

    /// Returns whether the keys may not vouch for the domain of `sid`. SIDs that only say how the user signed in are never
    /// foreign.
    pub(crate) fn is_foreign(&self, sid: &Sid) -> bool {
        !sid.is_of_logon() && sid.domain().is_none_or(|domain| !self.vouches_for_domain(&domain))
    }

    /// Returns the keys that may have signed a PAC. Those of the version that opened the ticket come first: the KDC signed
    /// with that version, unless the server's configuration gives a wrong version.
    pub(crate) fn pac_keys(&self, kvno: Option<u32>) -> impl Iterator<Item = PacKey<'_>> {
        let of_version =
            move |same: bool| self.keys.iter().enumerate().filter(move |(_, key)| (key.kvno() == kvno) == same);
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

    pub(super) fn add_key(&mut self, key: ServiceKey) {
        match self.keys.iter_mut().find(|held| held.kvno() == key.kvno() && held.same_key(&key)) {
            Some(held) => held.extend_to(&key),
            // A move would leave the keys in memory that is given back. A copy lets the old keys be dropped, which wipes them.
            None => self.keys = self.keys.iter().cloned().chain([key]).collect(),
        }
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
            trust: self.trust.clone(),
        }
    }

    /// Adds the keys and settings of another entry for the same account.
    pub(super) fn merge(&mut self, other: Self) {
        other.keys.iter().for_each(|key| self.add_key(key.clone()));
        if let Some(trust) = other.trust {
            let (ours, theirs) = (self.trust_mut(), *trust);
            ours.services.extend(theirs.services);
            ours.client_realms.extend(theirs.client_realms);
            ours.domain_sids.extend(theirs.domain_sids);
            ours.bound_domains.extend(theirs.bound_domains);
            ours.krbtgt_keys.extend(theirs.krbtgt_keys);
        }
        if other.directory == Directory::ActiveDirectory {
            self.directory = Directory::ActiveDirectory;
        }
    }

    fn trust(&self) -> impl Iterator<Item = &Trust> {
        self.trust.iter().map(|trust| &**trust)
    }

    fn trust_mut(&mut self) -> &mut Trust {
        self.trust.get_or_insert_default()
    }

    fn bound_domains(&self) -> impl Iterator<Item = &(Box<str>, Sid)> {
        self.trust().flat_map(|trust| &trust.bound_domains)
    }
}

/// A computer account of Active Directory, such as `AZUREADSSOACC$`. It knows the rule for its salt, so its keys follow from
/// its password alone.
///
/// ```
/// use kerberos_sso::{ComputerAccount, KeySet, Password};
///
/// let account = ComputerAccount::new("AZUREADSSOACC$", "CONTOSO.TEST");
/// let account = account.with_password(&Password::from_text("Sso.Key.One.2026!"), None);
/// let keys = KeySet::new().with_account(account);
/// assert_eq!(keys.accounts().count(), 1);
/// ```
#[derive(Clone, Copy, Debug)]
pub struct ComputerAccount<'a> {
    name: &'a str,
    realm: &'a str,
}

impl<'a> ComputerAccount<'a> {
    /// The types of key that Active Directory derives from a password. A build without the feature `rc4` makes no keys of the
    /// last type.
    pub const ETYPES: [EncType; 3] =
        [EncType::AES256_CTS_HMAC_SHA1_96, EncType::AES128_CTS_HMAC_SHA1_96, EncType::RC4_HMAC];

    /// Makes the computer account `name` of the domain `realm`, with or without the `$` and in any case.
    #[must_use]
    pub fn new(name: &'a str, realm: &'a str) -> Self {
        Self { name: without_dollar(name), realm }
    }

    /// Returns the account's salt.
    #[must_use]
    pub fn salt(self) -> Salt {
        Salt::computer(self.name, self.realm)
    }

    /// Makes the account with all keys that it has under `password`. `kvno` is the version of that password, if it is known.
    #[must_use]
    pub fn with_password(self, password: &Password, kvno: Option<u32>) -> Account {
        let account = Account::new(&[self.name, "$"].concat(), &self.realm.to_uppercase()).of_active_directory();
        let salt = self.salt();
        Self::ETYPES
            .iter()
            .filter_map(|etype| password.key(*etype, &salt).ok())
            .fold(account, |account, key| account.with_key(ServiceKey::new(key, kvno)))
    }
}
