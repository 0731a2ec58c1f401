//! An account of a directory, its keys, and whom those may vouch for.

use super::service_key::{PacKey, Prepared};
use super::{Password, Salt, ServiceKey};
use crate::crypto::{Checksummer, Cipher, EncType, Key, KeyUsage, StringToKeyError};
use crate::sid::Sid;
use alloc::boxed::Box;
use alloc::vec::Vec;
use core::fmt;
use once_cell::race::OnceBox;

/// An account that this server shares keys with, and what a ticket under one of them may say.
///
/// Whoever holds a key of the account, its KDC above all, can write any ticket for it. So the account says which realms'
/// users its keys may vouch for: its own realm's, and no other's unless named; and, if given, which domains' SIDs.
///
/// It is small, since a server may hold a million of them: what few accounts have is apart.
#[derive(Debug)]
pub struct Account {
    /// Its realm, and its name behind it.
    names: Box<str>,
    realm_length: u32,
    directory: Directory,
    keys: Box<[ServiceKey]>,
    prepared: PreparedKeys,
    trust: Option<Box<Trust>>,
}

/// What is said of an account besides its name and keys.
#[derive(Clone, Debug, Default)]
struct Trust {
    services: Vec<Box<str>>,
    client_realms: Vec<Box<str>>,
    domain_sids: Vec<Sid>,
    /// Realms whose users have SIDs of certain domains only, and those domains, which are no other realm's.
    bound_domains: Vec<(Box<str>, Sid)>,
    krbtgt_keys: Vec<Checksummer>,
}

/// What is prepared of the keys under which tickets have verified, in the keys' order.
#[derive(Default)]
struct PreparedKeys(OnceBox<Box<[OnceBox<Prepared>]>>);

impl fmt::Debug for PreparedKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PreparedKeys(..)")
    }
}

/// What keeps an account.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Directory {
    Any,
    /// Its KDC puts a PAC into every ticket.
    ActiveDirectory,
}

impl Account {
    /// The account `name` of `realm`, without keys. In Active Directory that is a sAMAccountName (`AZUREADSSOACC$`), in
    /// other realms the service's principal (`HTTP/www.example.com`). Realms are compared byte by byte.
    #[must_use]
    pub fn new(name: &str, realm: &str) -> Self {
        Self {
            names: [realm, name].concat().into(),
            realm_length: u32::try_from(realm.len()).unwrap_or(u32::MAX),
            directory: Directory::Any,
            keys: Box::default(),
            prepared: PreparedKeys::default(),
            trust: None,
        }
    }

    /// Adds a key. The same key of the same version a second time changes nothing, but that it serves for as long as either.
    #[must_use]
    pub fn with_key(mut self, key: ServiceKey) -> Self {
        self.add_key(key);
        self
    }

    /// Adds the keys of `etypes` that the account has under `password`.
    ///
    /// # Errors
    /// [`StringToKeyError`] if one of `etypes` is none that this crate supports.
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

    /// Names a service principal name of this account (`HTTP/www.example.com`), so that its keys are tried first on tickets
    /// for it. Needed only where one realm has many accounts here: a ticket never says which account it is for.
    #[must_use]
    pub fn with_service(mut self, service: &str) -> Self {
        self.trust_mut().services.push(service.into());
        self
    }

    /// Lets the keys of this account vouch for users of another realm besides its own: a trusted domain of the same
    /// forest, or a trusted forest. Where several accounts share a key, say so on each of them: which of them a ticket is
    /// for is the sender's word.
    #[must_use]
    pub fn with_client_realm(mut self, realm: &str) -> Self {
        self.trust_mut().client_realms.push(realm.into());
        self
    }

    /// Lets the keys of this account vouch for SIDs of this domain (`S-1-5-21-…`, without a RID). With none named, for any;
    /// as soon as one is, the user's SID in a PAC must be of a domain that is. Name all domains of the forest, and those
    /// of trusted forests whose users may sign in: a realm alone says nothing about the SIDs that its tickets claim. Where a
    /// server serves several forests, it must: only so can no forest's administrator write the SID of another's user.
    #[must_use]
    pub fn with_domain_sid(mut self, domain: Sid) -> Self {
        self.trust_mut().domain_sids.push(domain);
        self
    }

    /// Lets the keys of this account vouch for users of another realm, and ties that realm to the SID of its domain: its
    /// users have SIDs of that domain only, and users of no other realm have one of it. For a trusted forest this is the
    /// way: [`with_client_realm`](Self::with_client_realm) and [`with_domain_sid`](Self::with_domain_sid) alone would let
    /// its administrators write SIDs of ours, unless our domain controllers filter them. Name our own domains too.
    #[must_use]
    pub fn with_trusted_domain(mut self, realm: &str, domain: Sid) -> Self {
        self.trust_mut().bound_domains.push((realm.into(), domain));
        self.with_client_realm(realm).with_domain_sid(domain)
    }

    /// Gives a key of the KDC itself, the account `krbtgt`: PACs must then bear the KDC's signatures too, and a ticket that
    /// was made with nothing but this account's key (a "silver ticket") is refused. Name all types and versions in use,
    /// those of read-only domain controllers too. Whoever has this key can be anybody in the realm: a service should not.
    #[must_use]
    pub fn with_krbtgt_key(mut self, key: &Key) -> Self {
        self.trust_mut().krbtgt_keys.push(key.checksummer(KeyUsage::PAC_SIGNATURE));
        self
    }

    /// Says that this is an account of Active Directory, whose KDC puts a PAC into every ticket: one without is refused,
    /// unless the policy says otherwise. A [`ComputerAccount`] is one.
    #[must_use]
    pub fn of_active_directory(self) -> Self {
        Self { directory: Directory::ActiveDirectory, ..self }
    }

    /// Its name.
    #[must_use]
    pub fn name(&self) -> &str {
        self.realm_and_name().1
    }

    /// Its realm.
    #[must_use]
    pub fn realm(&self) -> &str {
        self.realm_and_name().0
    }

    /// Its keys, in the order they were added.
    #[must_use]
    pub fn keys(&self) -> &[ServiceKey] {
        &self.keys
    }

    /// The other realms whose users its keys may vouch for.
    pub fn client_realms(&self) -> impl Iterator<Item = &str> {
        self.trust().flat_map(|trust| &trust.client_realms).map(|realm| &**realm)
    }

    /// The domains whose SIDs its keys may vouch for; if there are none, any.
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

    /// Whether a ticket under one of its keys may name a user of `realm`. Byte for byte: a realm that merely ends like
    /// ours, or differs in case, is another realm.
    pub(crate) fn vouches_for(&self, realm: &[u8]) -> bool {
        self.realm().as_bytes() == realm || self.client_realms().any(|allowed| allowed.as_bytes() == realm)
    }

    /// Whether a PAC under one of its keys may name an account of `domain`.
    pub(crate) fn vouches_for_domain(&self, domain: &Sid) -> bool {
        self.domain_sids().is_empty() || self.domain_sids().contains(domain)
    }

    /// Whether a PAC under one of its keys may say that a user of `realm` has an account of `domain`.
    pub(crate) fn vouches_for_domain_of(&self, realm: &[u8], domain: &Sid) -> bool {
        let mut tied =
            self.bound_domains().filter(|(bound, sid)| bound.as_bytes() == realm || sid == domain).peekable();
        let free = tied.peek().is_none();
        self.vouches_for_domain(domain) && (free || tied.any(|(bound, sid)| bound.as_bytes() == realm && sid == domain))
    }

    /// Whether `sid` is of no domain that its keys may vouch for, if it names any, and does not just say how the user
    /// signed in.
    pub(crate) fn is_foreign(&self, sid: &Sid) -> bool {
        !sid.is_of_logon() && sid.domain().is_none_or(|domain| !self.vouches_for_domain(&domain))
    }

    /// Its keys, for PACs: first those of the version that opened the ticket, which is the one that the KDC signed with
    /// unless the version was given wrongly.
    pub(crate) fn pac_keys(&self, kvno: Option<u32>) -> impl Iterator<Item = PacKey<'_>> {
        let of_version =
            move |same: bool| self.keys.iter().enumerate().filter(move |(_, key)| (key.kvno() == kvno) == same);
        let keys = of_version(true).chain(of_version(false));
        keys.map(|(index, key)| PacKey { key, prepared: self.prepared(index) })
    }

    /// What is kept for a key of it.
    pub(super) fn prepared(&self, key: usize) -> Option<&Prepared> {
        self.prepared.0.get()?.get(key)?.get()
    }

    /// Returns for how many of its keys something is kept prepared.
    pub(super) fn prepared_count(&self) -> usize {
        self.prepared.0.get().map_or(0, |keys| keys.iter().filter(|key| key.get().is_some()).count())
    }

    /// Keeps what was prepared for a key of it; `false` if that is kept already.
    pub(super) fn keep_prepared(&self, key: usize, ticket_cipher: Cipher) -> bool {
        let keys = self.prepared.0.get_or_init(|| Box::new(self.keys.iter().map(|_| OnceBox::new()).collect()));
        let prepared = |key| Box::new(Prepared::new(key, ticket_cipher));
        keys.get(key).zip(self.keys.get(key)).is_some_and(|(place, key)| place.set(prepared(key)).is_ok())
    }

    pub(super) fn add_key(&mut self, key: ServiceKey) {
        match self.keys.iter_mut().find(|held| held.kvno() == key.kvno() && held.same_key(&key)) {
            Some(held) => held.extend_to(&key),
            // Copied and dropped instead of moved, so that no key is left behind in memory that was given back.
            None => self.keys = self.keys.iter().cloned().chain([key]).collect(),
        }
        self.prepared = PreparedKeys::default();
    }

    /// Drops what is prepared of its keys.
    pub(super) fn without_prepared(self) -> Self {
        Self { prepared: PreparedKeys::default(), ..self }
    }

    /// Copies the account, without what is prepared of its keys.
    pub(super) fn copy(&self) -> Self {
        Self {
            names: self.names.clone(),
            realm_length: self.realm_length,
            directory: self.directory,
            keys: self.keys.clone(),
            prepared: PreparedKeys::default(),
            trust: self.trust.clone(),
        }
    }

    /// Takes over what another entry of the same account brings.
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

    fn realm_and_name(&self) -> (&str, &str) {
        let realm_length = usize::try_from(self.realm_length).unwrap_or(usize::MAX);
        self.names.split_at_checked(realm_length).unwrap_or((&self.names, ""))
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

/// A computer account of Active Directory, as `AZUREADSSOACC$` is one: it knows its salt rule, so its password is all
/// that its keys take.
///
/// ```
/// use kerberos_sso::{ComputerAccount, KeySet, Password};
///
/// let account = ComputerAccount::new("AZUREADSSOACC$", "CONTOSO.TEST");
/// let keys = KeySet::from_iter([account.with_password(&Password::from_text("Sso.Key.One.2026!"), None)]);
/// assert_eq!(keys.accounts().count(), 1);
/// ```
#[derive(Clone, Copy, Debug)]
pub struct ComputerAccount<'a> {
    name: &'a str,
    realm: &'a str,
}

impl<'a> ComputerAccount<'a> {
    /// The types of key that Active Directory derives from a password. A build without the feature `rc4` has no keys of the last.
    pub const ETYPES: [EncType; 3] =
        [EncType::AES256_CTS_HMAC_SHA1_96, EncType::AES128_CTS_HMAC_SHA1_96, EncType::RC4_HMAC];

    /// The computer account `name`, with or without its `$`, of the domain `realm`, in any case.
    #[must_use]
    pub fn new(name: &'a str, realm: &'a str) -> Self {
        Self { name: name.strip_suffix('$').unwrap_or(name), realm }
    }

    /// Its salt.
    #[must_use]
    pub fn salt(self) -> Salt {
        Salt::computer(self.name, self.realm)
    }

    /// The account with all keys that it has under `password`; `kvno` is the version of that password, if known.
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
