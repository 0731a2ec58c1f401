//! The test realm, which has a name, one account with its keys, and a counter of its tokens.

use super::authenticator::{AuthenticatorParts, ChecksumParts, GssChecksumParts};
use super::framing::{SpnegoParts, TokenFraming};
use super::pac::MEMBER;
use super::ticket::{KeyParts, TicketParts};
use super::{LogonInfoParts, PacParts, TestToken, TimeText, seed};
use crate::crypto::{EncType, Key, KeyUsage};
use crate::keys::{Account, KeySet, ServiceKey};
use crate::pac::{AccountControl, FileTime, UserFlags};
use crate::sid::Sid;
use crate::time::UnixTime;
use crate::wire::krb5::TicketFlags;
use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec;
use alloc::vec::Vec;
use core::sync::atomic::{AtomicU64, Ordering};

/// A realm with one account, for which it issues tickets.
///
/// To test two accounts, two key versions or two realms, use two `TestRealm`s:
///
/// ```
/// use kerberos_sso::KeySet;
/// use kerberos_sso::testing::TestRealm;
///
/// let before = TestRealm::new("CONTOSO.TEST").with_kvno(1);
/// let after = before.clone().with_kvno(2);
/// let other = TestRealm::new("FABRIKAM.TEST");
/// let both = after.account().with_keys(before.account().keys().iter().cloned()); // one account with two key versions
/// let keys = KeySet::from_accounts([both, other.account()])?;
/// assert_eq!(keys.accounts().count(), 2);
/// # Ok::<(), kerberos_sso::keys::DuplicateAccount>(())
/// ```
///
/// The account has a key of every type that this crate supports. The keys are derived from the realm, the account and the key
/// version, so equal realms have equal keys.
#[derive(Clone, Debug)]
pub struct TestRealm {
    name: String,
    account: String,
    kvno: u32,
    domain_sid: Sid,
    active_directory: bool,
    /// The number of tokens that the realm has issued. A realm and its clones share this number.
    issued: Arc<AtomicU64>,
}

impl TestRealm {
    /// The default time of a token: 2026-11-21T08:00:00Z. [`TestToken::at`] sets another time.
    pub const NOW: UnixTime = UnixTime::from_seconds(1_795_248_000);

    /// Makes the realm `name` with an account `SERVICE$`, whose keys have version 1.
    #[must_use]
    pub fn new(name: &str) -> Self {
        Self {
            name: name.into(),
            account: "SERVICE$".into(),
            kvno: 1,
            domain_sid: domain_sid_of(name),
            active_directory: false,
            issued: Arc::default(),
        }
    }

    /// Sets another name of the account. The account with this name has other keys.
    #[must_use]
    pub fn with_account(self, account: &str) -> Self {
        Self { account: account.into(), ..self }
    }

    /// Sets the key version after a change of the account's password. The new version has other keys.
    #[must_use]
    pub fn with_kvno(self, kvno: u32) -> Self {
        Self { kvno, ..self }
    }

    /// Makes the realm a domain of Active Directory. Every ticket then has a PAC ([`pac_for`](Self::pac_for)), and the
    /// [account](Self::account) demands a PAC of this domain.
    ///
    /// ```
    /// use kerberos_sso::testing::TestRealm;
    /// use kerberos_sso::{Policy, Validator, replay::NoReplayCache};
    ///
    /// let realm = TestRealm::new("CONTOSO.TEST").of_active_directory();
    /// let validator = Validator::new(realm.key_set(), Policy::default(), NoReplayCache);
    /// let accepted = validator.validate_ticket(&realm.ticket_for("alice").mint(), TestRealm::NOW)?;
    /// assert_eq!(accepted.identity().sid(), Some(realm.user_sid("alice")));
    ///
    /// let without = realm.ticket_for("alice").without_pac().mint();
    /// assert_eq!(validator.validate_ticket(&without, TestRealm::NOW).unwrap_err().code(), "pac-missing");
    /// # Ok::<(), kerberos_sso::Error>(())
    /// ```
    #[must_use]
    pub fn of_active_directory(self) -> Self {
        Self { active_directory: true, ..self }
    }

    /// Sets another domain SID.
    #[must_use]
    pub fn with_domain_sid(self, domain_sid: Sid) -> Self {
        Self { domain_sid, ..self }
    }

    /// Returns the SID of the realm's domain. The default SID is derived from the realm's name.
    #[must_use]
    pub const fn domain_sid(&self) -> Sid {
        self.domain_sid
    }

    /// Returns the SID of a user or computer of this realm. The SID is derived from the name.
    #[must_use]
    pub fn user_sid(&self, client: &str) -> Sid {
        self.domain_sid.join(rid_of(client)).unwrap_or(self.domain_sid)
    }

    /// Returns the realm's name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Returns the account's key of type `etype`.
    ///
    /// # Panics
    /// Panics if this crate does not support `etype`.
    #[must_use]
    pub fn key(&self, etype: EncType) -> Key {
        let kvno = self.kvno.to_be_bytes();
        let parts = [self.name.as_bytes(), self.account.as_bytes(), &etype.0.to_be_bytes(), &kvno];
        key_of(etype, "service key", &parts)
    }

    /// Returns the key of type `etype` of the KDC's account `krbtgt`, for [`Account::with_krbtgt_key`].
    ///
    /// # Panics
    /// Panics if this crate does not support `etype`.
    #[must_use]
    pub fn krbtgt_key(&self, etype: EncType) -> Key {
        key_of(etype, "krbtgt key", &[self.name.as_bytes(), &etype.0.to_be_bytes()])
    }

    /// Returns the account with all its keys. The keys have the realm's key version.
    #[must_use]
    pub fn account(&self) -> Account {
        let key = |etype: &EncType| ServiceKey::new(self.key(*etype), Some(self.kvno));
        let account =
            EncType::SUPPORTED.iter().map(key).fold(Account::new(&self.account, &self.name), Account::with_key);
        if self.active_directory { account.of_active_directory().with_domain_sid(self.domain_sid) } else { account }
    }

    /// Makes the PAC that a KDC of Active Directory would write for `client`. The client is a user who is in the group Domain
    /// Users and authenticated to the KDC. The server signature is made with the service's key. The KDC's signatures are made
    /// with the KDC's AES-256 key.
    #[must_use]
    pub fn pac_for(&self, client: &str) -> PacParts {
        PacParts::new(self.logon_info(client), &self.name, &self.krbtgt_key(EncType::AES256_CTS_HMAC_SHA1_96))
    }

    /// Returns a key set that opens the tickets of this realm.
    #[must_use]
    pub fn key_set(&self) -> KeySet {
        KeySet::from(self.account())
    }

    /// Makes a token in which `client` asks for the service `HTTP/www.<realm>` at [`TestRealm::NOW`]. `client` is a user, or
    /// a service such as `HTTP/host`.
    ///
    /// The token is valid, uses AES-256, and is in SPNEGO as Windows sends it. Each call makes a new session key, so no token
    /// is a replay of another token.
    #[must_use]
    pub fn ticket_for(&self, client: &str) -> TestToken {
        let serial = self.issued.fetch_add(1, Ordering::Relaxed);
        let etype = EncType::AES256_CTS_HMAC_SHA1_96;
        let session_key = self.session_key(etype, serial);
        let ticket = self.ticket(client, etype, &session_key, serial);
        let authenticator = authenticator(&ticket, session_key, serial);
        let token = TestToken {
            realm: self.clone(),
            serial,
            pvno: 5,
            msg_type: 14,
            ap_options: 0,
            ticket,
            authenticator,
            framing: TokenFraming::Spnego(SpnegoParts::default()),
        };
        token.at(Self::NOW)
    }

    pub(super) fn session_key(&self, etype: EncType, serial: u64) -> Key {
        key_of(etype, "session key", &[self.name.as_bytes(), &serial.to_be_bytes()])
    }

    fn ticket(&self, client: &str, etype: EncType, session_key: &Key, serial: u64) -> TicketParts {
        let service = ["HTTP/www.", &self.name.to_lowercase()].concat();
        let flags = TicketFlags::FORWARDABLE.bits()
            | TicketFlags::RENEWABLE.bits()
            | TicketFlags::PRE_AUTHENT.bits()
            | TicketFlags::ENC_PA_REP.bits();
        TicketParts {
            tkt_vno: 5,
            realm: self.name.as_str().into(),
            sname: service.as_str().into(),
            etype: etype.0.into(),
            kvno: Some(self.kvno.into()),
            flags,
            session_key: session_key.into(),
            crealm: self.name.as_str().into(),
            cname: client.into(),
            transited: (1, Vec::new()),
            authtime: TimeText::from(Self::NOW),
            starttime: None,
            endtime: TimeText::from(Self::NOW),
            renew_till: None,
            caddr: None,
            pac: self.active_directory.then(|| self.pac_for(client)),
            authorization_data: Vec::new(),
            key: self.key(etype),
            usage: KeyUsage::TICKET,
            confounder: seed::confounder("ticket", serial),
            raw: None,
            raw_cipher: None,
        }
    }

    fn logon_info(&self, client: &str) -> LogonInfoParts {
        let now = FileTime::from(Self::NOW);
        LogonInfoParts {
            times: [now, FileTime::NEVER, FileTime::NEVER, now, now, FileTime::NEVER],
            effective_name: client.into(),
            full_name: String::new(),
            logon_script: String::new(),
            profile_path: String::new(),
            home_directory: String::new(),
            home_directory_drive: String::new(),
            logon_count: 1,
            bad_password_count: 0,
            user_id: rid_of(client),
            primary_group_id: DOMAIN_USERS,
            groups: vec![(DOMAIN_USERS, MEMBER)],
            user_flags: UserFlags::EXTRA_SIDS.bits(),
            logon_server: "DC1".into(),
            logon_domain_name: self.name.split('.').next().unwrap_or_default().into(),
            logon_domain_sid: self.domain_sid,
            account_control: AccountControl::NORMAL.bits(),
            extra_sids: vec![(Sid::AUTHENTICATION_ASSERTED, MEMBER)],
            resource_groups: None,
        }
    }
}

/// Makes a domain SID: `S-1-5-21-` and three numbers.
#[expect(clippy::expect_used, reason = "a SID has room for fifteen sub-authorities")]
fn domain_sid_of(realm: &str) -> Sid {
    let [a, b, c] = seed::numbers("domain SID", &[realm.as_bytes()]);
    Sid::new(5, &[21, a, b, c]).expect("four sub-authorities")
}

/// Makes a RID that is higher than the well-known RIDs and the first RIDs that a domain issues.
fn rid_of(client: &str) -> u32 {
    let [number, ..] = seed::numbers("RID", &[client.as_bytes()]);
    2000_u32.saturating_add(number % 1_000_000)
}

fn authenticator(ticket: &TicketParts, session_key: Key, serial: u64) -> AuthenticatorParts {
    AuthenticatorParts {
        authenticator_vno: 5,
        crealm: ticket.crealm.clone(),
        cname: ticket.cname.clone(),
        cksum: ChecksumParts::Gss,
        gss: GssChecksumParts::default(),
        cusec: 0,
        ctime: ticket.authtime.clone(),
        subkey: Some(KeyParts::from(&subkey(session_key.etype(), serial))),
        seq_number: Some(i64::try_from(serial % (1 << 30)).unwrap_or_default()),
        authorization_data: Vec::new(),
        etype: session_key.etype().0.into(),
        kvno: None,
        key: session_key,
        usage: KeyUsage::AP_REQ_AUTHENTICATOR,
        confounder: seed::confounder("authenticator", serial),
        raw: None,
        raw_cipher: None,
    }
}

pub(super) fn subkey(etype: EncType, serial: u64) -> Key {
    key_of(etype, "subkey", &[&serial.to_be_bytes()])
}

#[expect(clippy::expect_used, reason = "the documentation of every public caller says that this panics")]
fn key_of(etype: EncType, label: &str, parts: &[&[u8]]) -> Key {
    let length = etype.key_len().expect("a supported encryption type");
    Key::new(etype, &seed::bytes(length, label, parts)).expect("a key of its type's length")
}

/// The RID of the group Domain Users.
const DOMAIN_USERS: u32 = 513;
