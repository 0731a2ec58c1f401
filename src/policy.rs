//! The policy: the rules that a server adds to the demands of the protocol. The name of each setting that weakens a check
//! says which check it weakens.

use crate::crypto::{ChecksumType, EncType};
use crate::limits::MAX_TOKEN_SIZE;
use crate::wire::gss::ChannelBindings;
use alloc::boxed::Box;
use alloc::vec::Vec;
use core::time::Duration;

/// The rules of a [`Validator`](crate::Validator).
///
/// [`Policy::default`] suits a service in a domain. [`Policy::seamless_sso`] is for a server of Microsoft Entra Seamless SSO.
///
/// ```
/// use kerberos_sso::Policy;
/// use std::time::Duration;
///
/// let policy = Policy::default()
///     .with_services(["HTTP/www.example.com"])
///     .with_clock_skew(Duration::from_secs(120));
/// assert_eq!(policy.clock_skew(), Duration::from_secs(120));
/// ```
#[derive(Clone, Debug)]
#[must_use]
pub struct Policy {
    pub(crate) max_token_size: usize,
    pub(crate) clock_skew: i64,
    pub(crate) max_ticket_lifetime: Option<i64>,
    pub(crate) ticket_etypes: EncTypes,
    pub(crate) session_etypes: EncTypes,
    pub(crate) kvno: KvnoPolicy,
    pub(crate) services: Option<Vec<Box<str>>>,
    pub(crate) transited: TransitedPolicy,
    transited_realms: Vec<Box<str>>,
    pub(crate) bindings: Vec<ChannelBindings>,
    pub(crate) binding_level: BindingLevel,
    pub(crate) binding_addresses: BindingAddressPolicy,
    pub(crate) addresses: AddressPolicy,
    pub(crate) delegation: DelegationPolicy,
    pub(crate) pac: Option<PacPolicy>,
    pub(crate) kdc_signatures: KdcSignaturePolicy,
    pub(crate) accounts: AccountPolicy,
    pub(crate) foreign_sids: ForeignSidPolicy,
    pub(crate) acceptor_subkey: AcceptorSubkeyPolicy,
    pub(crate) krb_errors: KrbErrorPolicy,
}

/// Allows 5 minutes of clock skew, AES, tickets of up to 24 hours, and any service. The default policy compares channel
/// bindings if the client and the server both give channel bindings.
impl Default for Policy {
    fn default() -> Self {
        Self {
            max_token_size: MAX_TOKEN_SIZE,
            clock_skew: 5 * 60,
            max_ticket_lifetime: Some(24 * 60 * 60),
            ticket_etypes: EncTypes::AES,
            session_etypes: EncTypes::AES,
            kvno: KvnoPolicy::Hint,
            services: None,
            transited: TransitedPolicy::RequireChecked,
            transited_realms: Vec::new(),
            bindings: Vec::new(),
            binding_level: BindingLevel::IfPresent,
            binding_addresses: BindingAddressPolicy::Unspecified,
            addresses: AddressPolicy::Ignore,
            delegation: DelegationPolicy::Allow,
            pac: None,
            kdc_signatures: KdcSignaturePolicy::RequireAll,
            accounts: AccountPolicy::Any,
            foreign_sids: ForeignSidPolicy::Separate,
            acceptor_subkey: AcceptorSubkeyPolicy::Always,
            krb_errors: KrbErrorPolicy::Never,
        }
    }
}

impl Policy {
    /// Makes the policy of Microsoft Entra Seamless SSO. The policy accepts tickets of at most ten hours for the two service
    /// names of `AZUREADSSOACC$`. A ticket must have the PAC of a person's account. The policy rejects delegated tickets, and
    /// tickets with which a service signed the user in (S4U2Self). If the account names the domains of its forest, the policy
    /// also rejects tickets with groups of other domains.
    pub fn seamless_sso() -> Self {
        Self::default()
            .with_max_ticket_lifetime(Some(Duration::from_secs(10 * 60 * 60)))
            .with_services(SEAMLESS_SSO_SERVICES)
            .with_delegation(DelegationPolicy::Refuse)
            .with_pac(PacPolicy::Require)
            .with_accounts(AccountPolicy::PeopleOnly)
            .with_foreign_sids(ForeignSidPolicy::Refuse)
    }

    /// Sets the largest token that is read, in octets without base64. The maximum is [`MAX_TOKEN_SIZE`].
    pub fn with_max_token_size(self, octets: usize) -> Self {
        Self { max_token_size: octets.min(MAX_TOKEN_SIZE), ..self }
    }

    /// Sets the allowed clock skew between the client and the server, in whole seconds (RFC 4120 section 3.2.3). The client's
    /// time and the server's time may differ by at most this skew. A ticket is also accepted for one clock skew before its
    /// start and after its end.
    pub fn with_clock_skew(self, skew: Duration) -> Self {
        Self { clock_skew: whole_seconds(skew), ..self }
    }

    /// Sets the longest lifetime of a ticket. The server adds one clock skew to this lifetime. `None` accepts every lifetime.
    pub fn with_max_ticket_lifetime(self, lifetime: Option<Duration>) -> Self {
        Self { max_ticket_lifetime: lifetime.map(whole_seconds), ..self }
    }

    /// Sets the encryption types that tickets may have. Types that this crate does not support are left out.
    pub fn with_ticket_etypes(self, etypes: &[EncType]) -> Self {
        Self { ticket_etypes: EncTypes::of(etypes), ..self }
    }

    /// Sets the encryption types of session keys. In Active Directory, this type does not depend on the ticket's type.
    pub fn with_session_etypes(self, etypes: &[EncType]) -> Self {
        Self { session_etypes: EncTypes::of(etypes), ..self }
    }

    /// Accepts RC4 (etype 23) as well, for tickets and session keys. An attacker can search for the key of an RC4
    /// ticket offline, so allow RC4 only during a migration.
    #[cfg(feature = "rc4")]
    pub fn allow_rc4(self) -> Self {
        Self {
            ticket_etypes: self.ticket_etypes.with(EncType::RC4_HMAC),
            session_etypes: self.session_etypes.with(EncType::RC4_HMAC),
            ..self
        }
    }

    /// Sets how the server uses a ticket's key version number.
    pub fn with_kvno(self, kvno: KvnoPolicy) -> Self {
        Self { kvno, ..self }
    }

    /// Accepts tickets for these service principal names only (`HTTP/www.example.com`). The case of ASCII letters does not
    /// matter. By default the policy accepts any service of the accounts. An empty list accepts no ticket.
    ///
    /// `HTTP@www.example.com` and `HTTP/www.example.com@EXAMPLE.COM` mean the same service. The policy does not compare the
    /// realm.
    ///
    /// The service name in a ticket is not encrypted, so the client that sends the ticket can rewrite the name. A check
    /// of this name finds only wrong configurations. The check does not stop a client that has a ticket for another
    /// service of the account.
    ///
    /// A client of Windows or Heimdal also names the service in its authenticator
    /// ([`AuthenticatorFacts::client_target`](crate::ticket::AuthenticatorFacts::client_target)). Only the client can write
    /// the authenticator. The name in the authenticator must be in the list, too. So list every name under which clients ask
    /// for this server.
    pub fn with_services<'a>(self, services: impl IntoIterator<Item = &'a str>) -> Self {
        Self { services: Some(services.into_iter().map(service_name).collect()), ..self }
    }

    /// Accepts tickets for any service of the accounts.
    pub fn with_any_service(self) -> Self {
        Self { services: None, ..self }
    }

    /// Sets the channel bindings that all connections of this server share, such as `tls-server-end-point`. While a
    /// certificate is being replaced, give the bindings of both certificates. The caller gives the bindings of a single
    /// connection in the [`Arrival`](crate::Arrival). A client may use any of these bindings.
    pub fn with_channel_bindings(self, bindings: impl IntoIterator<Item = ChannelBindings>) -> Self {
        Self { bindings: bindings.into_iter().collect(), ..self }
    }

    /// Sets the level of channel binding: which clients must be bound to their channel.
    pub fn with_binding_level(self, level: BindingLevel) -> Self {
        Self { binding_level: level, ..self }
    }

    /// Sets the allowed types of the empty addresses in a client's channel bindings.
    pub fn with_binding_addresses(self, addresses: BindingAddressPolicy) -> Self {
        Self { binding_addresses: addresses, ..self }
    }

    /// Sets how tickets are checked if other realms lie between the client's realm and the service's realm.
    pub fn with_transited(self, transited: TransitedPolicy) -> Self {
        Self { transited, ..self }
    }

    /// Names the realms that may lie on an authentication path even if the KDC did not check the path (RFC 4120 section 2.7).
    /// A ticket is accepted if all realms on its path are named. Realms are compared octet by octet.
    ///
    /// The KDC of a realm on the path can name any user of every realm whose tickets pass through this KDC. So name a realm
    /// only if you trust its KDC to name these users. The account lists the realms whose users may sign in
    /// ([`Account::with_client_realm`](crate::Account::with_client_realm)). The client's realm, the account's realm and
    /// [domains of the account's forest](crate::Account::with_forest_domain) are always allowed on the path.
    ///
    /// ```
    /// // Users of FAR.TEST come by way of NEAR.TEST.
    /// let account = kerberos_sso::Account::new("HTTP/www.example.com", "EXAMPLE.COM").with_client_realm("FAR.TEST");
    /// let policy = kerberos_sso::Policy::default().with_transited_realms(["NEAR.TEST"]);
    /// ```
    pub fn with_transited_realms<'a>(self, realms: impl IntoIterator<Item = &'a str>) -> Self {
        Self { transited_realms: realms.into_iter().map(Into::into).collect(), ..self }
    }

    /// Sets whether the addresses in a ticket are compared with the client's address.
    pub fn with_addresses(self, addresses: AddressPolicy) -> Self {
        Self { addresses, ..self }
    }

    /// Sets how the server uses the PAC. The default is [`PacPolicy::Require`] for accounts of Active Directory
    /// ([`ComputerAccount`](crate::ComputerAccount), [`Account::of_active_directory`](crate::Account::of_active_directory)),
    /// and [`PacPolicy::VerifyIfPresent`] for other accounts.
    ///
    /// Every ticket must have a PAC if the server has a rule that only a PAC can satisfy. [`PacPolicy::AllowAbsent`] and
    /// [`PacPolicy::Ignore`] remove this demand. The rules are: [`AccountPolicy::PeopleOnly`], [`ForeignSidPolicy::Refuse`],
    /// [`DelegationPolicy::Refuse`], an account's [domains](crate::Account::with_domain_sid) or [keys of the
    /// KDC](crate::Account::with_krbtgt_key).
    pub fn with_pac(self, pac: PacPolicy) -> Self {
        Self { pac: Some(pac), ..self }
    }

    /// Sets the signatures of the KDC that a PAC must have. The setting applies to accounts with a [key of the
    /// KDC](crate::Account::with_krbtgt_key).
    pub fn with_kdc_signatures(self, kdc_signatures: KdcSignaturePolicy) -> Self {
        Self { kdc_signatures, ..self }
    }

    /// Sets the kinds of account that may sign in. Only a PAC shows the kind of an account.
    pub fn with_accounts(self, accounts: AccountPolicy) -> Self {
        Self { accounts, ..self }
    }

    /// Sets the treatment of memberships in groups of foreign domains. A domain is foreign if the account's keys may not
    /// vouch for it ([`Account::with_domain_sid`](crate::Account::with_domain_sid)).
    pub fn with_foreign_sids(self, foreign_sids: ForeignSidPolicy) -> Self {
        Self { foreign_sids, ..self }
    }

    /// Sets whether an AP-REP carries a subkey of this server.
    pub fn with_acceptor_subkey(self, acceptor_subkey: AcceptorSubkeyPolicy) -> Self {
        Self { acceptor_subkey, ..self }
    }

    /// Sets whether a refused client gets a KRB-ERROR.
    pub fn with_krb_errors(self, krb_errors: KrbErrorPolicy) -> Self {
        Self { krb_errors, ..self }
    }

    /// Sets whether delegated tickets are accepted.
    pub fn with_delegation(self, delegation: DelegationPolicy) -> Self {
        Self { delegation, ..self }
    }
}

/// The values of a policy.
impl Policy {
    /// Returns the largest token that is read, in octets.
    #[must_use]
    pub const fn max_token_size(&self) -> usize {
        self.max_token_size
    }

    /// Returns the allowed clock skew between the client and the server, in both directions.
    #[must_use]
    pub const fn clock_skew(&self) -> Duration {
        Duration::from_secs(self.clock_skew.unsigned_abs())
    }

    /// Returns the longest lifetime of a ticket without the added clock skew, or `None` for any lifetime.
    #[must_use]
    pub fn max_ticket_lifetime(&self) -> Option<Duration> {
        self.max_ticket_lifetime.map(|seconds| Duration::from_secs(seconds.unsigned_abs()))
    }

    /// Returns the encryption types that tickets may have.
    pub fn ticket_etypes(&self) -> impl Iterator<Item = EncType> {
        EncType::SUPPORTED.into_iter().filter(|etype| self.ticket_etypes.contains(*etype))
    }

    /// Returns the encryption types that session keys may have.
    pub fn session_etypes(&self) -> impl Iterator<Item = EncType> {
        EncType::SUPPORTED.into_iter().filter(|etype| self.session_etypes.contains(*etype))
    }

    /// Returns the services whose tickets are accepted, or `None` for any service of the accounts.
    #[must_use]
    pub fn services(&self) -> Option<impl Iterator<Item = &str>> {
        self.services.as_ref().map(|services| services.iter().map(|service| &**service))
    }

    /// Returns whether this realm may lie on an authentication path that the KDC did not check.
    pub(crate) fn lists_transited(&self, realm: &[u8]) -> bool {
        self.transited_realms.iter().any(|listed| listed.as_bytes() == realm)
    }

    /// Returns whether the policy has a rule that only the SIDs in a PAC can satisfy.
    pub(crate) fn needs_sid(&self) -> bool {
        self.accounts == AccountPolicy::PeopleOnly || self.foreign_sids == ForeignSidPolicy::Refuse
    }

    /// Returns whether keys of an allowed encryption type make signatures of this type.
    pub(crate) fn allows_signatures(&self, checksum_type: ChecksumType) -> bool {
        self.ticket_etypes().any(|etype| etype.checksum_type() == Some(checksum_type))
    }

    /// Returns the largest number of seconds from a ticket's start to its end: the lifetime plus one clock skew.
    pub(crate) fn ticket_lifetime_limit(&self) -> i64 {
        // A limit that exceeds the range of times becomes `i64::MAX`, which no lifetime exceeds.
        self.max_ticket_lifetime.map_or(i64::MAX, |limit| limit.saturating_add(self.clock_skew))
    }
}

/// How the server uses a ticket's key version number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum KvnoPolicy {
    /// The number only decides which key is tried first.
    Hint,
    /// Only keys of exactly the ticket's key version, and keys of unknown version, are tried.
    Strict,
}

/// The level of channel binding: which clients must be bound to their channel if the server gives its own bindings. A client
/// that is bound to another channel is rejected at every level except [`BindingLevel::Ignore`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum BindingLevel {
    /// A client need not be bound to its channel, and the server compares no bindings.
    Ignore,
    /// A client need not be bound: a client without bindings is accepted. If the server gives no bindings, no bindings are
    /// compared.
    IfPresent,
    /// A client must be bound if it announces bindings in KERB_AP_OPTIONS (MS-KILE section 2.2.7), or if its options cannot
    /// be read. Modern Windows announces bindings even if it sends no bindings.
    IfAdvertised,
    /// Every client must be bound.
    Require,
}

/// The allowed types of the empty addresses in a client's channel bindings (RFC 2744 section 3.11).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum BindingAddressPolicy {
    /// The type must be GSS_C_AF_UNSPEC (0), which Windows, MIT krb5, Heimdal and browsers write.
    Unspecified,
    /// The type may also be GSS_C_AF_NULLADDR (255), which Java (outside of LDAP) and Perl's GSSAPI write. For both
    /// types, the application data must be equal. So the request is bound to its channel.
    AllowNull,
}

/// The check of a ticket if other realms lie between the client's realm and the service's realm.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum TransitedPolicy {
    /// The KDC must have checked the realms on the authentication path, and must say so in the ticket (RFC 4120 section
    /// 3.2.3). Otherwise each of these realms must be named by [`Policy::with_transited_realms`] or
    /// [`Account::with_forest_domain`](crate::Account::with_forest_domain).
    RequireChecked,
    /// Any realm may lie on the authentication path, and the list of realms is ignored. KDCs of Windows do not check this
    /// list (MS-KILE section 3.1.5.4). So every KDC on the path can name any user of the account's client realms.
    /// `RequireChecked` with named realms is safer.
    TrustKdc,
}

/// Whether the server compares the addresses in a ticket with the client's address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum AddressPolicy {
    /// The addresses are ignored, because behind NAT and proxies they never equal the client's address.
    Ignore,
    /// A ticket that lists addresses is accepted from these addresses only.
    Check,
}

/// The treatment of delegated tickets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum DelegationPolicy {
    /// Delegated tickets are accepted.
    Allow,
    /// A ticket with the FORWARDED or PROXY flag is rejected. The server checks only these flags, so it does not notice
    /// a service that acts in the user's name by S4U2Proxy or S4U2Self. This setting is for realms whose KDC writes no
    /// PAC.
    RefuseByFlags,
    /// A ticket with the FORWARDED or PROXY flag is rejected. A ticket is also rejected if its PAC says that a service acts
    /// in the user's name (S4U_DELEGATION_INFO) or signed the user in (S-1-18-2). Some KDCs do not write S-1-18-2. Every
    /// ticket must have a PAC. This setting does not concern credentials that the client itself delegates
    /// ([`Accepted::delegates`](crate::Accepted::delegates)).
    Refuse,
}

/// How the server uses the PAC.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum PacPolicy {
    /// A ticket must have a PAC that verifies and holds the user's SID. In Active Directory a name does not identify a user
    /// for ever: an administrator may later give the name to another person.
    Require,
    /// A ticket whose PAC does not verify is rejected. In a ticket without a PAC, only the name identifies the user. A ticket
    /// must have a PAC if the account is of Active Directory, or if a rule exists that only a PAC can satisfy.
    /// [`Policy::with_pac`] lists these rules.
    VerifyIfPresent,
    /// A ticket whose PAC does not verify is rejected. A ticket without a PAC is accepted, even in Active Directory or if a
    /// rule exists that only a PAC can satisfy. These rules do not apply to a ticket without a PAC: computers and users of
    /// any domain can then sign in.
    AllowAbsent,
    /// The PAC is not read, and only the name identifies the user. The rules that only a PAC can satisfy apply to no ticket.
    Ignore,
}

/// The signatures of the KDC that a PAC must have, if the account names keys of the KDC. The signature over the server
/// signature must always be present and must verify. Every other KDC signature in the PAC must verify, too.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum KdcSignaturePolicy {
    /// The ticket signature and the full signature must be present (MS-PAC sections 2.8.3 and 2.8.4). Without the ticket
    /// signature, an attacker can move a PAC into a forged ticket. KDCs of Windows have written both signatures since the
    /// updates of November 2022, and Samba has written them since version 4.17. A ticket of an AS exchange (`kinit -S`) has
    /// no ticket signature, and is refused.
    RequireAll,
    /// The ticket signature and the full signature may be absent, for a KDC that does not write them.
    AllowAbsent,
}

/// The kinds of account that may sign in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum AccountPolicy {
    /// Every account may sign in.
    Any,
    /// Only accounts of people may sign in. Computers, managed service accounts, trusts, built-in accounts (Guest,
    /// krbtgt), guest logons and disabled accounts are refused. Only a PAC shows the kind, so every ticket needs a PAC.
    PeopleOnly,
}

/// The treatment of memberships in groups of foreign domains. A domain is foreign if the account names domains, and its keys
/// may not vouch for this domain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ForeignSidPolicy {
    /// The identity lists memberships in foreign groups separately, and they grant no rights.
    Separate,
    /// A ticket with such memberships is rejected. Only a PAC shows the memberships, so every ticket must have a PAC.
    Refuse,
}

/// Whether an AP-REP carries a subkey of this server. If so, the subkey protects the per-message tokens of the context.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum AcceptorSubkeyPolicy {
    /// The AP-REP carries a subkey, as an AP-REP of Windows or MIT krb5 does. The type of the subkey is the strongest type
    /// that the client lists (RFC 4537) and [`Policy::with_session_etypes`] allows. If there is no such type, the subkey has
    /// the type that the client uses. RC4 contexts get a subkey only if the client lists an AES type.
    Always,
    /// The AP-REP carries a subkey only in DCE style, because DCE style demands a subkey. Otherwise the client's subkey or
    /// the session key protects the messages.
    Never,
}

/// The rule that decides which refused clients get a KRB-ERROR.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum KrbErrorPolicy {
    /// No client gets a KRB-ERROR, so all refusals look the same.
    Never,
    /// A client gets a KRB-ERROR after its authenticator has proved that the client owns the ticket. The KRB-ERROR holds this
    /// server's time and the RFC 4120 code of the reason, or KRB_ERR_GENERIC if the reason is this server's policy. Clients
    /// then set their clock, or get a new ticket. An attacker learns that its token is a replay.
    AfterProof,
}

/// A set of the supported encryption types.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct EncTypes(u8);

impl EncTypes {
    const AES: Self = Self(0b0_1111);

    fn of(etypes: &[EncType]) -> Self {
        etypes.iter().fold(Self(0), |set, etype| set.with(*etype))
    }

    fn with(self, etype: EncType) -> Self {
        Self(self.0 | Self::bit(etype))
    }

    pub(crate) fn contains(self, etype: EncType) -> bool {
        self.0 & Self::bit(etype) != 0
    }

    const fn bit(etype: EncType) -> u8 {
        match etype {
            EncType::AES128_CTS_HMAC_SHA1_96 => 1,
            EncType::AES256_CTS_HMAC_SHA1_96 => 2,
            EncType::AES128_CTS_HMAC_SHA256_128 => 4,
            EncType::AES256_CTS_HMAC_SHA384_192 => 8,
            #[cfg(feature = "rc4")]
            EncType::RC4_HMAC => 16,
            _ => 0,
        }
    }
}

/// Returns a service principal name without its realm. A name of the form `HTTP@host` (RFC 2743 section 4.1) becomes
/// `HTTP/host`. Such a name has no `/` and no `$` before the `@`.
fn service_name(name: &str) -> Box<str> {
    match name.split_once('@') {
        Some((service, _)) if service.contains(['/', '$']) => service.into(),
        Some((service, host)) => [service, "/", host].concat().into(),
        None => name.into(),
    }
}

/// Returns the whole seconds of a duration. A duration that exceeds the range becomes `i64::MAX`, which means no limit.
fn whole_seconds(duration: Duration) -> i64 {
    i64::try_from(duration.as_secs()).unwrap_or(i64::MAX)
}

/// The service principal names that Entra's setup registers on `AZUREADSSOACC$`.
pub const SEAMLESS_SSO_SERVICES: [&str; 2] =
    ["HTTP/autologon.microsoftazuread-sso.com", "HTTP/aadg.windows.net.nsatc.net"];
