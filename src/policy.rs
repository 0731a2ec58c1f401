//! What a server accepts beyond what the protocol demands. Strict unless told otherwise; every weakening is spelled out.

use crate::crypto::EncType;
use crate::gss::ChannelBindings;
use crate::limits::MAX_TOKEN_SIZE;
use alloc::boxed::Box;
use alloc::vec::Vec;
use core::time::Duration;

/// The rules of a [`Validator`](crate::Validator), made once.
///
/// [`Policy::default`] suits a service in a domain; [`Policy::seamless_sso`] is the profile of Microsoft Entra Seamless
/// SSO. Methods take the policy and give it back changed.
#[derive(Clone, Debug)]
pub struct Policy {
    pub(crate) max_token_size: usize,
    pub(crate) clock_skew: i64,
    pub(crate) max_ticket_lifetime: Option<i64>,
    pub(crate) ticket_etypes: EncTypes,
    pub(crate) session_etypes: EncTypes,
    pub(crate) kvno: KvnoPolicy,
    pub(crate) services: Option<Vec<Box<str>>>,
    pub(crate) transited: TransitedPolicy,
    pub(crate) bindings: Vec<ChannelBindings>,
    pub(crate) binding_level: BindingLevel,
    pub(crate) addresses: AddressPolicy,
    pub(crate) delegation: DelegationPolicy,
    pub(crate) pac: Option<PacPolicy>,
    pub(crate) accounts: AccountPolicy,
    pub(crate) foreign_sids: ForeignSidPolicy,
    pub(crate) acceptor_subkey: AcceptorSubkeyPolicy,
    pub(crate) krb_errors: KrbErrorPolicy,
}

/// Five minutes of clock skew; AES only; tickets of at most 24 hours; any service of the accounts; bindings checked where
/// both sides have them.
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
            bindings: Vec::new(),
            binding_level: BindingLevel::IfPresent,
            addresses: AddressPolicy::Ignore,
            delegation: DelegationPolicy::Allow,
            pac: None,
            accounts: AccountPolicy::Any,
            foreign_sids: ForeignSidPolicy::Separate,
            acceptor_subkey: AcceptorSubkeyPolicy::Always,
            krb_errors: KrbErrorPolicy::Never,
        }
    }
}

impl Policy {
    /// The profile of Microsoft Entra Seamless SSO: the two service names of `AZUREADSSOACC$`, tickets of at most ten
    /// hours, none that is delegated or whose user only a service vouches for; a SID in a PAC, of a person; and, where the
    /// account names the domains of its forest, no membership in a group of any other.
    #[must_use]
    pub fn seamless_sso() -> Self {
        Self::default()
            .max_ticket_lifetime(Some(Duration::from_secs(10 * 60 * 60)))
            .services(SEAMLESS_SSO_SERVICES)
            .delegation(DelegationPolicy::Refuse)
            .pac(PacPolicy::Require)
            .accounts(AccountPolicy::PeopleOnly)
            .foreign_sids(ForeignSidPolicy::Refuse)
    }

    /// Largest token in bytes, before base64; at most [`MAX_TOKEN_SIZE`].
    #[must_use]
    pub fn max_token_size(self, bytes: usize) -> Self {
        Self { max_token_size: bytes.min(MAX_TOKEN_SIZE), ..self }
    }

    /// How far the client's clock may be from ours, either way, in whole seconds, inclusive (RFC 4120 section 3.2.3).
    /// Tickets may begin and end as much later or earlier.
    #[must_use]
    pub fn clock_skew(self, skew: Duration) -> Self {
        Self { clock_skew: whole_seconds(skew), ..self }
    }

    /// Longest time from a ticket's start to its end, to which one clock skew is added; `None` takes tickets of any length,
    /// as a forged one of ten years.
    #[must_use]
    pub fn max_ticket_lifetime(self, lifetime: Option<Duration>) -> Self {
        Self { max_ticket_lifetime: lifetime.map(whole_seconds), ..self }
    }

    /// The types of key that tickets may be encrypted in, instead of those before; types that this crate does not support
    /// are left out.
    #[must_use]
    pub fn ticket_etypes(self, etypes: &[EncType]) -> Self {
        Self { ticket_etypes: EncTypes::of(etypes), ..self }
    }

    /// The types of session key that tickets may hold, instead of those before. Active Directory chooses it apart from the ticket's own.
    #[must_use]
    pub fn session_etypes(self, etypes: &[EncType]) -> Self {
        Self { session_etypes: EncTypes::of(etypes), ..self }
    }

    /// Takes RC4 (etype 23) besides, for tickets and session keys. RC4 tickets can be attacked offline and are being
    /// retired; this is for the time of a migration.
    #[cfg(feature = "rc4")]
    #[must_use]
    pub fn allow_rc4(self) -> Self {
        Self {
            ticket_etypes: self.ticket_etypes.with(EncType::RC4_HMAC),
            session_etypes: self.session_etypes.with(EncType::RC4_HMAC),
            ..self
        }
    }

    /// What a ticket's key version number decides.
    #[must_use]
    pub fn kvno(self, kvno: KvnoPolicy) -> Self {
        Self { kvno, ..self }
    }

    /// Takes tickets for these service principal names only (`HTTP/www.example.com`; letters of ASCII in any case). By
    /// default, those of whatever service the account has; an empty list takes none.
    ///
    /// Nothing protects the service name in a ticket: whoever sends the ticket can rewrite it. This finds
    /// misconfiguration, it keeps nobody out who holds a ticket for another service of the same account.
    #[must_use]
    pub fn services<'a>(self, services: impl IntoIterator<Item = &'a str>) -> Self {
        Self { services: Some(services.into_iter().map(Into::into).collect()), ..self }
    }

    /// Takes tickets for whatever service the account has.
    #[must_use]
    pub fn any_service(self) -> Self {
        Self { services: None, ..self }
    }

    /// The bindings of this server's channel where they are the same for all its connections, as
    /// `tls-server-end-point` is; several while a certificate is being replaced. Those of one connection, as where
    /// certificates differ by name, are given with [`Connection`](crate::Connection) instead: a client may send any of both.
    #[must_use]
    pub fn channel_bindings(self, bindings: impl IntoIterator<Item = ChannelBindings>) -> Self {
        Self { bindings: bindings.into_iter().collect(), ..self }
    }

    /// Which clients must be bound to their channel.
    #[must_use]
    pub fn binding_level(self, level: BindingLevel) -> Self {
        Self { binding_level: level, ..self }
    }

    /// What is asked of tickets that crossed other realms between the client's and the service's.
    #[must_use]
    pub fn transited(self, transited: TransitedPolicy) -> Self {
        Self { transited, ..self }
    }

    /// Whether the addresses in a ticket are held against the client's.
    #[must_use]
    pub fn addresses(self, addresses: AddressPolicy) -> Self {
        Self { addresses, ..self }
    }

    /// What becomes of the PAC. Unless this is called, [`PacPolicy::VerifyIfPresent`], and for accounts that are known to
    /// be of Active Directory ([`ComputerAccount`](crate::ComputerAccount),
    /// [`Account::of_active_directory`](crate::Account::of_active_directory)) [`PacPolicy::Require`].
    #[must_use]
    pub fn pac(self, pac: PacPolicy) -> Self {
        Self { pac: Some(pac), ..self }
    }

    /// Which kinds of account may sign in, as their PAC tells them apart. It cannot be told without one.
    #[must_use]
    pub fn accounts(self, accounts: AccountPolicy) -> Self {
        Self { accounts, ..self }
    }

    /// What becomes of memberships in groups of domains that the account may not vouch for.
    #[must_use]
    pub fn foreign_sids(self, foreign_sids: ForeignSidPolicy) -> Self {
        Self { foreign_sids, ..self }
    }

    /// Whether an AP-REP brings a key of this server's choice.
    #[must_use]
    pub fn acceptor_subkey(self, acceptor_subkey: AcceptorSubkeyPolicy) -> Self {
        Self { acceptor_subkey, ..self }
    }

    /// Whether a refused client is told why.
    #[must_use]
    pub fn krb_errors(self, krb_errors: KrbErrorPolicy) -> Self {
        Self { krb_errors, ..self }
    }

    /// Whether delegated tickets are taken.
    #[must_use]
    pub fn delegation(self, delegation: DelegationPolicy) -> Self {
        Self { delegation, ..self }
    }
}

/// What was set, for whoever explains a refusal.
impl Policy {
    /// The most seconds from a ticket's start to its end: the policy's, and one clock skew.
    pub(crate) fn ticket_lifetime_limit(&self) -> i64 {
        self.max_ticket_lifetime.map_or(i64::MAX, |limit| limit.saturating_add(self.clock_skew))
    }

    /// The most by which the client's clock may be wrong, in seconds; see [`clock_skew`](Self::clock_skew).
    #[must_use]
    pub const fn allowed_skew(&self) -> i64 {
        self.clock_skew
    }

    /// The longest life of a ticket, in seconds, without the clock skew that is added; see
    /// [`max_ticket_lifetime`](Self::max_ticket_lifetime).
    #[must_use]
    pub const fn allowed_lifetime(&self) -> Option<i64> {
        self.max_ticket_lifetime
    }

    /// The services whose tickets are taken; `None`: whatever the account has.
    #[must_use]
    pub fn allowed_services(&self) -> Option<impl Iterator<Item = &str>> {
        self.services.as_ref().map(|services| services.iter().map(|service| &**service))
    }

    /// The largest token taken, in bytes.
    #[must_use]
    pub const fn allowed_token_size(&self) -> usize {
        self.max_token_size
    }

    /// The types of key that tickets may be encrypted in.
    pub fn allowed_ticket_etypes(&self) -> impl Iterator<Item = EncType> {
        EncType::SUPPORTED.into_iter().filter(|etype| self.ticket_etypes.contains(*etype))
    }

    /// The types of session key that tickets may hold.
    pub fn allowed_session_etypes(&self) -> impl Iterator<Item = EncType> {
        EncType::SUPPORTED.into_iter().filter(|etype| self.session_etypes.contains(*etype))
    }
}

/// What a ticket's key version number decides.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum KvnoPolicy {
    /// It says which key is tried first.
    Hint,
    /// Only keys of that very version, or of unknown version, are tried.
    Strict,
}

/// Which clients must be bound to their channel, where the server gives its own bindings. A client that is bound to
/// another channel is refused at every level but [`BindingLevel::Ignore`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum BindingLevel {
    /// None, and nothing is compared.
    Ignore,
    /// None: a client that binds to nothing is taken. Where the server gives no bindings, nothing is compared.
    IfPresent,
    /// Those that say so in KERB_AP_OPTIONS (MS-KILE section 2.2.7). Modern Windows says so even where it does not bind.
    IfAdvertised,
    /// All.
    Require,
}

/// What is asked of tickets that crossed other realms between the client's and the service's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum TransitedPolicy {
    /// The KDC must have checked those realms and say so (RFC 4120 section 3.2.3).
    RequireChecked,
    /// The account's client realms are decision enough. The KDCs of Windows check no such paths and never say that they did
    /// (MS-KILE section 3.3.5.7), so users of a forest whose tickets cross a third domain need this.
    TrustKdc,
}

/// Whether the addresses in a ticket are held against the client's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum AddressPolicy {
    /// They are not: behind NAT and proxies they never fit.
    Ignore,
    /// A ticket that names addresses is taken from those only.
    Check,
}

/// Whether delegated tickets are taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum DelegationPolicy {
    /// They are.
    Allow,
    /// They are not: a ticket with the FORWARDED or PROXY flag is refused, and one whose PAC says that a service acts in the
    /// user's name (S4U_DELEGATION_INFO) or signed the user in (S-1-18-2). KDCs that do not write that SID leave no mark of
    /// the latter, and a PAC that is ignored shows neither. Credentials that a client hands over to us are
    /// another matter: see [`Accepted::delegates`](crate::Accepted::delegates).
    Refuse,
}

/// What becomes of the PAC.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum PacPolicy {
    /// There must be one, it must verify, and it must say the user's SID. A name without a SID is no identity of Active
    /// Directory: names are given to other people in time.
    Require,
    /// If there is one it must verify, and a PAC that does not refuses the ticket. Without one the user is a name.
    VerifyIfPresent,
    /// It is not looked at, and the user is a name, whatever the PAC says.
    Ignore,
}

/// Which kinds of account may sign in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum AccountPolicy {
    /// All.
    Any,
    /// Those of people: no computers, managed service accounts or trusts, none of the system's own (Guest, krbtgt), no
    /// logon as guest, none that is disabled. Only a PAC tells: demand one.
    PeopleOnly,
}

/// What becomes of memberships in groups of domains that the account may not vouch for, where it names any.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ForeignSidPolicy {
    /// They are given apart from the others, and count for nothing.
    Separate,
    /// They refuse the ticket.
    Refuse,
}

/// Whether an AP-REP brings a key of this server's choice, which then protects the context's messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum AcceptorSubkeyPolicy {
    /// It does, as those of Windows and MIT krb5 do: of the strongest type that the client lists (RFC 4537) and
    /// [`Policy::session_etypes`] allows, else of the type the client uses. RC4 contexts get one only if the client lists an
    /// AES type.
    Always,
    /// It does not, but in DCE style, where it must. The messages are protected by the client's key.
    Never,
}

/// Whether a refused client is told why, with a KRB-ERROR.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum KrbErrorPolicy {
    /// It is not: every refusal looks the same.
    Never,
    /// It is, once its authenticator has proved that it owns its ticket: the code that RFC 4120 has for the reason, a plain
    /// KRB_ERR_GENERIC where the reason is this server's policy, and this server's time. For clients that set their clock by
    /// it, or get a new ticket. Who repeats what another client sent hears that it is a replay.
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

fn whole_seconds(duration: Duration) -> i64 {
    i64::try_from(duration.as_secs()).unwrap_or(i64::MAX)
}

/// The service principal names that Entra's setup registers on `AZUREADSSOACC$`.
pub const SEAMLESS_SSO_SERVICES: [&str; 2] =
    ["HTTP/autologon.microsoftazuread-sso.com", "HTTP/aadg.windows.net.nsatc.net"];
