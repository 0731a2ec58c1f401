//! The sentences of the remedies. [`SERVICE`](super::remedy::SERVICE) marks the places where a remedy fills in the service.

use super::{
    AccountCause, AddressCause, Error, EtypeCause, HeaderProblem, Integrity, KerberosOffer, KeyRole, KeyVersion,
    MissingPac, Misuse, NameCause, NegotiationCause, NoKeyCause, PacMalformed, PacProblem, PacSignature, Part,
    ReplayCacheFault, ReplayCause, ServiceClaim, SignatureCause, TransitedCause,
};
use crate::limits::MAX_TOKEN_SIZE;
use crate::pac::BufferType;
use crate::replay::ReplayLimit;

/// Returns the sentences of the remedy for an error.
#[expect(clippy::too_many_lines, reason = "the function is a table of sentences")]
pub(super) const fn words(error: &Error) -> Option<&'static str> {
    Some(match error {
        Error::NotNegotiate(HeaderProblem::OtherScheme) => {
            "Answer 401 with \"WWW-Authenticate: Negotiate\" so that a client that can use Kerberos uses it."
        }
        Error::NotNegotiate(HeaderProblem::NoToken) => {
            "The client sent the word Negotiate without a token. A browser without a ticket does the same. Check \
             the client's tickets with klist on the client, or find the program that sends the word alone."
        }
        Error::NotNegotiate(HeaderProblem::Wrapped) => {
            "Let the client's program write the base64 in one line: \"base64 -w 0\" and not \"base64\", b64encode and not \
             encodebytes in Python, Base64FormattingOptions.None in .NET."
        }
        Error::NotNegotiate(HeaderProblem::Unpadded) => {
            "Let the client's program keep the \"=\" at the end of the base64 (RFC 4648 section 4). If the program keeps the \
             \"=\", a proxy or the web server has cut the header: raise the header limit."
        }
        Error::NotNegotiate(HeaderProblem::Base64) => {
            "Let the client's program write base64 with \"+\" and \"/\" (RFC 4648 section 4; not the URL-safe \
             alphabet), and no other text after the base64. If a proxy cuts headers or joins two header lines, let the \
             proxy forward headers unchanged."
        }
        Error::NotNegotiate(HeaderProblem::Several) => {
            "Let the client send one Negotiate value, and let no proxy join it with another header line."
        }
        Error::TooLarge { limit, .. } if *limit >= MAX_TOKEN_SIZE => {
            "The user is in very many groups, or the client forwards a ticket-granting ticket. No policy accepts a \
             larger token: put the user in fewer groups, or clear \"trusted for delegation\" on the service's account."
        }
        Error::TooLarge { .. } => TOO_LARGE,
        Error::Ntlm { offer: KerberosOffer::NotOffered, .. } => NTLM,
        Error::Ntlm { .. } | Error::NegoEx { offer: KerberosOffer::AlsoOffered } => {
            "The client prefers another mechanism although it could use Kerberos. Check the order of security \
             packages on the client, and that the client can get a ticket for this service (klist get {service})."
        }
        Error::NegoEx { .. } => NEGOEX,
        Error::Iakerb => {
            "The client reaches no KDC. Let the client reach a domain controller (VPN, DNS SRV records _kerberos._tcp) or \
             a KDC proxy (MS-KKDCP). This server does not relay messages to a KDC."
        }
        Error::NoKerberos { .. } => {
            "Enable Kerberos in the client's Negotiate settings, and check that the client is a member of the domain or \
             holds a ticket (klist)."
        }
        Error::NoToken => {
            "Let the server ask the client for its ticket (Validator::converse; RoundTrips::Many over HTTP), or let the client \
             send the ticket with its first token."
        }
        Error::UserToUser => {
            "Register the service name on a computer or service account that has keys of its own. A client falls back to \
             user-to-user if the name belongs to a user account without keys."
        }
        Error::UnsupportedEtype { role: KeyRole::Ticket, cause: EtypeCause::NotImplemented, .. } => ETYPE_OF_TICKET,
        Error::UnsupportedEtype { role: KeyRole::Subkey, .. } | Error::Rc4Refused { role: KeyRole::Subkey } => SUBKEY,
        Error::UnsupportedEtype { cause: EtypeCause::NotImplemented, .. } => {
            "Let the KDC issue AES session keys: set msDS-SupportedEncryptionTypes of the service account to 24, or set \
             permitted_enctypes in the client's krb5.conf."
        }
        Error::UnsupportedEtype { .. } => {
            "Add the type to the policy's ticket etypes or session etypes, or change msDS-SupportedEncryptionTypes of \
             the service account so that the KDC issues a type that the policy lists."
        }
        Error::Rc4Refused { role: KeyRole::Ticket } => RC4_TICKET,
        Error::Rc4Refused { .. } => RC4_SESSION,
        Error::NoKey(no_key) => match no_key.cause {
            NoKeyCause::Realm { .. } => REALM_NOT_HELD,
            NoKeyCause::RealmCase { .. } => {
                "Spell the realm in the key set as the ticket spells it. A realm of Active Directory is the upper-case \
                 DNS name of the domain (ktpass and ktutil do not correct the case)."
            }
            NoKeyCause::EncType { .. } => ETYPE_NOT_HELD,
            NoKeyCause::NotConsidered { .. } => LEFT_OUT,
            NoKeyCause::Retired { .. } => {
                "The server no longer uses the previous key. If clients still use tickets under the previous key, keep \
                 that key until these tickets have ended (10 hours by default)."
            }
            NoKeyCause::StrictVersion { .. } => {
                "Export the key of that version, or let the policy treat the version as a hint (the default)."
            }
        },
        Error::KeyVersion(KeyVersion { left_out: 1.., .. })
        | Error::Integrity(Integrity::Ticket { left_out: 1.., .. }) => LEFT_OUT,
        Error::KeyVersion(KeyVersion { of_another_principal: true, .. })
        | Error::Integrity(Integrity::Ticket { of_another_principal: true, .. }) => ANOTHER_PRINCIPAL,
        Error::KeyVersion(key_version) if key_version.newer => {
            "The account's password was changed after these keys were exported. Export a new keytab, or derive the \
             keys from the new password, and keep the old keys until their tickets have ended (10 hours by default)."
        }
        Error::KeyVersion(_) => {
            "The client holds a ticket from before the last password change. Keep the previous key until its tickets \
             have ended (10 hours by default). On this client, get a new ticket: \"klist purge\" and a new sign-in (on \
             Linux \"kinit\")."
        }
        Error::Integrity(Integrity::Ticket { .. }) => TICKET_DOES_NOT_OPEN,
        Error::ServiceRefused { claim: ServiceClaim::ClientTarget, .. } => {
            "If clients reach this server under that name, add the name to the policy's services. If not, an attacker \
             has forwarded a request that a client made for another service of this account: give each service an \
             account of its own."
        }
        Error::ServiceRefused { .. } => {
            "If clients reach this server under that name, add the name to the policy's services. If not, find out why \
             the KDC gave clients a ticket for another service."
        }
        Error::UntrustedRealm { .. } => {
            "If users of that realm may sign in here, name the realm with the SID of its domain: \
             Account::with_forest_domain for a domain of the account's own forest, Account::with_trusted_domain for a \
             domain of another forest. A realm that is no domain has no SID: use Account::with_client_realm. A trust \
             between the realms alone does not let these users sign in. If the realm is the account's own, another \
             account with the same key may not vouch for the realm, or belongs to another tenant: give each account a \
             key of its own."
        }
        Error::ClientMismatch(_) | Error::Checksum(_) => {
            "A correct client does not send such a request. Find out which program sent the request, and report the fault \
             to the maintainers of that program."
        }
        Error::ClockSkew { .. } => CLOCK,
        Error::TicketExpired { .. } => {
            "Let the client get a new ticket (lock and unlock Windows, or kinit). If the ticket is new, this server's \
             clock is ahead: check its time synchronisation."
        }
        Error::TicketNotYetValid { .. } => {
            "This server's clock is behind the KDC's, or the ticket is postdated. Check time synchronisation here and \
             on the domain controllers."
        }
        Error::TicketInvalid => {
            "Let the client have the postdated ticket validated by the KDC (kinit -v) before it uses the ticket."
        }
        Error::TicketLifetime { seconds: ..0, .. } => {
            "No KDC writes a ticket that ends before it starts: the maker of this ticket holds a key of this service's \
             account. Change the account's password, and find out who knew the old password. If the KDC is not \
             Active Directory, report this to its maintainers."
        }
        Error::TicketLifetime { .. } => {
            "Lower the maximum ticket lifetime in the realm's Kerberos policy, or raise the maximum in this server's \
             policy. A lifetime of years is a sign of a forged ticket."
        }
        Error::AddressMismatch(AddressCause::NoIpAddress) => {
            "No server can compare a NetBIOS name with the address of a connection. Ignore addresses in this policy \
             (the default)."
        }
        Error::AddressMismatch(AddressCause::Unknown) => {
            "Let the program give the client's address (Arrival::with_client_address), or ignore addresses in this policy \
             (the default)."
        }
        Error::AddressMismatch(_) => {
            "The client asked for a ticket bound to its address, and its request came through NAT or a proxy. Set \
             noaddresses = true in the client's krb5.conf, or ignore addresses in this policy (the default)."
        }
        Error::Transited(TransitedCause::Realms(_)) => TRANSITED_REALMS,
        Error::Transited(TransitedCause::Unreadable(_)) => {
            "Let the KDC check the realms: it then sets TRANSITED-POLICY-CHECKED, and this server does not read the \
             list. If the KDC is a KDC of Windows, which checks no realms, report the list to the maintainers of this \
             server."
        }
        Error::AuthorizationData { part: Part::Authenticator, .. } => {
            "A service must refuse restrictions that it does not know (RFC 4120 section 5.2.6). Let the client's program wrap the \
             element in AD-IF-RELEVANT if a service may safely ignore the element."
        }
        Error::AuthorizationData { .. } => {
            "A service must refuse restrictions that it does not know (RFC 4120 section 5.2.6). Let the KDC wrap the \
             element in AD-IF-RELEVANT if a service may safely ignore the element."
        }
        Error::ChannelBinding => {
            "A proxy that ends TLS before this server changes the channel: give the policy the bindings of the \
             certificate that clients see. A client in Java (outside of LDAP) or Perl writes another type of address \
             into its bindings: allow such bindings (BindingAddressPolicy::AllowNull). If neither is the cause, an \
             attacker relayed this request."
        }
        Error::ChannelBindingMissing(_) => {
            "Enable Extended Protection on the client (Windows: SuppressExtendedProtection = 0; MIT and browsers on \
             Linux send no bindings), or lower the level of this policy."
        }
        Error::Delegation(_) => {
            "Let the user sign in directly, or allow delegated tickets in this policy (DelegationPolicy::Allow)."
        }
        Error::PacMissing(MissingPac::Pac) => PAC_MISSING,
        Error::PacMissing(_) => {
            "The KDC is not Active Directory, or knows no SID of this user. If that is intended, accept names without \
             SIDs (Server::in_realm of kerberos-sso-server; otherwise PacPolicy::VerifyIfPresent, or \
             PacPolicy::AllowAbsent where a rule of this server needs a PAC)."
        }
        Error::PacSignature(PacSignature { cause: SignatureCause::Type(_), .. }) => PAC_SIGNATURE_TYPE,
        Error::PacSignature(PacSignature {
            buffer_type: BufferType::TICKET_CHECKSUM | BufferType::FULL_CHECKSUM,
            cause: SignatureCause::Missing,
        }) => PAC_SIGNATURE_MISSING,
        Error::PacSignature(_) => {
            "The KDC may have signed the PAC with a key of this account that this server does not have: export all keys \
             of the account. If this server has krbtgt keys, check that these keys are current, and include those of \
             the read-only domain controllers. Otherwise the PAC was forged or altered."
        }
        Error::PacMalformed(PacMalformed { problem: PacProblem::NoDomain { .. } | PacProblem::NoUser, .. }) => {
            NO_DOMAIN
        }
        Error::PacMalformed(PacMalformed { problem: PacProblem::TooLarge { .. } | PacProblem::TooMany(_), .. }) => {
            "The PAC is larger than any PAC that domain controllers are known to write. Put the user in fewer groups. \
             If that does not help, report this to the maintainers of this library."
        }
        Error::PacMalformed(_) | Error::PacMismatch(_) => {
            "No domain controller writes such a PAC. The maker of the ticket holds a key of this service's account: \
             change the account's password, and find out who knew the old password. If the KDC is not Active \
             Directory, report this to its maintainers."
        }
        Error::UntrustedDomain { .. } => {
            "If that domain belongs to the account's forest, name its SID in the account's domain SIDs \
             (Account::with_domain_sid). If the domain belongs to another forest whose users may sign in, name the \
             domain together with its realm (Account::with_trusted_domain). All accounts that share a key must allow \
             the domain. If users of the domain may not sign in, the maker of this ticket holds a key of the account, \
             or SID filtering is off on a trust."
        }
        Error::AccountRefused { cause: AccountCause::Disabled, .. } => {
            "If the account's user may sign in, enable the account. Then let the user get a new ticket (sign out and in, \
             or \"klist purge\"), because the old ticket still says that the account is disabled."
        }
        Error::AccountRefused { .. } => {
            "Sign in with a person's account, or let the policy accept such accounts (AccountPolicy::Any)."
        }
        Error::Replay(ReplayCause::OlderThanCache) => {
            "The server was started a moment ago, or its clock was set back: the server cannot know which authenticators \
             were used before that time. Such refusals end without any action within two clock skews."
        }
        Error::Negotiation(NegotiationCause::TooLate { .. }) => {
            "A single refusal of this kind needs no action: the client or the network was slow, and the client starts \
             again. If such refusals are frequent, look for a proxy that delays responses."
        }
        Error::Negotiation(NegotiationCause::NotKept) => {
            "Let the client send its ticket at once, with Kerberos first among its mechanisms. Or let the server keep \
             the state of negotiations itself, with the connection or in a store."
        }
        Error::Negotiation(_) => {
            "Let the program pass each client's next token with the state of the same client's negotiation, and let no \
             proxy change the headers. If neither is the cause, an attacker on the network has changed the \
             negotiation."
        }
        Error::Replay(_) => {
            "One request was delivered twice (a proxy retries, or the server validates one header twice), or an attacker \
             repeated the request of another client. A client makes a new authenticator for every request."
        }
        Error::ReplayCacheFull(ReplayLimit::ClientShare) => {
            "One client signs in more often than the replay cache allows (with_client_share): find the cause, or raise \
             the share. The client's entries become free within two clock skews, as its authenticators expire."
        }
        Error::ReplayCacheFull(ReplayLimit::Cache) => {
            "Give the replay cache more entries: it needs one entry for each sign-in within two clock skews."
        }
        Error::ReplayCacheFailed(ReplayCacheFault::ClockSkew { .. }) => {
            "Make the replay cache with the longest clock skew of the policies that share it (MemoryReplayCache::new \
             with Policy::clock_skew). Until then all requests under a policy with a longer skew are refused."
        }
        Error::ReplayCacheFailed(_) => {
            "Check the shared store that holds the replay cache. Until the store answers, requests are refused."
        }
        Error::Misuse(Misuse::NoBindings) => {
            "Let the program give the bindings of the server's certificate (Policy::with_channel_bindings) or of the connection \
             (Arrival::with_channel_bindings), or lower the level of this policy."
        }
        Error::NameRefused { cause: NameCause::Anonymous, .. } => {
            "Let the client get a ticket in a user's name (kinit without -n)."
        }
        Error::Malformed(_) | Error::NameRefused { .. } | Error::Integrity(_) => return None,
    })
}

const NTLM: &str = "\
The client fell back to NTLM because it could not get a Kerberos ticket for this host. The usual causes, most frequent \
first: (1) the URL names an IP address or a DNS alias: use the name that the service principal has, and not a \
CNAME to another name; (2) no account, or two accounts, have that service principal name: \"setspn -Q {service}\" \
must find exactly one; (3) the browser does not trust the site: put it into the Local Intranet zone, or into \
AuthServerAllowlist of Chrome or Edge; (4) the client does not reach a domain controller (VPN), or its user is a local \
user: \"klist get {service}\" on the client shows which of these two is the cause.";

const NEGOEX: &str = "\
The client tries NegoEx (PKU2U or a Microsoft account) because it got no Kerberos ticket for this host. Check that \
the client's user is a domain user, that the client reaches a domain controller, and that \"setspn -Q {service}\" \
finds exactly one account.";

const TOO_LARGE: &str = "\
The user is in very many groups, or the client forwards a ticket-granting ticket. Raise the policy's max_token_size (and \
the header limit of the web server and its proxies) up to 64 KiB, or put the user in fewer groups.";

const ETYPE_OF_TICKET: &str = "\
The account has keys of that obsolete type only, or its option \"Use Kerberos DES encryption types\" is set. Set \
msDS-SupportedEncryptionTypes of the service account to 24 (AES128 and AES256), clear that option, then change the \
account's password so that AES keys exist.";

#[cfg(feature = "rc4")]
const RC4_TICKET: &str = "\
Move the service account to AES: set its msDS-SupportedEncryptionTypes to 24 (AES128 and AES256), then change its \
password (for AZUREADSSOACC$: Update-AzureADSSOForest), since AES keys are made only at a password change; give this \
server the new keys. Tickets that clients hold stay RC4 until they end (10 hours), or until \"klist purge\". Until \
then allow_rc4() on the policy accepts these tickets.";

#[cfg(not(feature = "rc4"))]
const RC4_TICKET: &str = "\
Move the service account to AES: set its msDS-SupportedEncryptionTypes to 24 (AES128 and AES256), then change its \
password (for AZUREADSSOACC$: Update-AzureADSSOForest), since AES keys are made only at a password change; give this \
server the new keys. Tickets that clients hold stay RC4 until they end (10 hours), or until \"klist purge\". This \
build of the server has no RC4. A build with the feature \"rc4\" accepts these tickets if the policy has allow_rc4().";

#[cfg(feature = "rc4")]
const RC4_SESSION: &str = "\
The ticket itself may be AES: the KDC chose RC4 for the session key because the client or the account does not announce \
AES. Set msDS-SupportedEncryptionTypes of the service account to 24, and check that the client's policy \"Configure \
encryption types allowed for Kerberos\" includes AES. Until then allow_rc4() on the policy accepts such tickets.";

#[cfg(not(feature = "rc4"))]
const RC4_SESSION: &str = "\
The ticket itself may be AES: the KDC chose RC4 for the session key because the client or the account does not \
announce AES. Set msDS-SupportedEncryptionTypes of the service account to 24, and check that the client's policy \
\"Configure encryption types allowed for Kerberos\" includes AES. This build of the server has no RC4. A build with \
the feature \"rc4\" accepts such tickets if the policy has allow_rc4().";

const REALM_NOT_HELD: &str = "\
The ticket is for an account of a realm of which this server has no keys. Check that clients reach the right server \
under this name: \"setspn -Q {service}\" shows the account, and so the realm. Then add that account's keytab, or its \
password, with that realm in upper case.";

const ETYPE_NOT_HELD: &str = "\
Export a keytab that also has a key of the ticket's type (ktpass -crypto All; ktutil with each type), or give the \
account's password, from which keys of every type are derived. If the account's types were just changed, clients keep \
their old tickets until these tickets end.";

const TICKET_DOES_NOT_OPEN: &str = "\
The keys held are not those that the KDC used. The likely causes, in this order: (1) the service name is registered on \
another account: \"setspn -Q {service}\" must find the account of these keys and no other; (2) the keys were derived \
from a wrong password, or, for AES, with a wrong salt: a computer account's salt is the upper-case realm, \"host\", \
the account's lower-case name without $, \".\" and the lower-case realm, for every service name; (3) the password was \
changed after the keys were exported, and the version number did not change. Otherwise the ticket is damaged or \
forged.";

const ANOTHER_PRINCIPAL: &str = "\
The ticket is for {service}, and the keys tried belong to another name. In a realm of MIT krb5 or FreeIPA, each name has \
keys of its own. Let clients use the name of the keys, or add {service} to this server and its keys to the keytab. In \
Active Directory, both names can belong to one account (\"setspn -Q {service}\" shows the account). Then its \
password was changed after these keys were exported: export a new keytab.";

const LEFT_OUT: &str = "\
The server tries only a few keys on one ticket and holds more keys for this realm, so the right key may not have been \
tried. Name the services of each account (Account::with_service): the server then tries the keys of the account that \
has the ticket's service first. This ticket is for {service}, and \"setspn -Q {service}\" names its account. Remove \
from the keytab the keys whose tickets have ended.";

const SUBKEY: &str = "\
The client chose this type by itself: the ticket and its session key have other types. Update the client, or let its \
configuration permit AES (permitted_enctypes in krb5.conf; on Windows the policy \"Configure encryption types allowed \
for Kerberos\").";

const CLOCK: &str = "\
Synchronise the clocks with the domain's: on the client \"w32tm /resync\" (Windows) or chronyd (Linux). If every \
client is refused, do the same on this server. Kerberos allows a difference of five minutes in both directions. A \
virtual machine that resumed from a snapshot often has a wrong clock.";

const TRANSITED_REALMS: &str = "\
If a realm is a domain of the account's own forest, name it with the SID of that domain (Account::with_forest_domain). \
If you trust another realm to vouch for the users of the client's realm, list that realm \
(Policy::with_transited_realms). Or let the KDC of the service's realm check the authentication path ([capaths] in its \
krb5.conf): the KDC then sets TRANSITED-POLICY-CHECKED. KDCs of Windows never set that flag.";

const PAC_MISSING: &str = "\
Check that the service account does not have the flag NO_AUTH_DATA_REQUIRED (0x2000000 in userAccountControl), and \
that the client does not ask for a ticket without a PAC (kinit --no-request-pac). A KDC that is not Active Directory \
sends no SIDs: if that is intended, accept names without SIDs (Server::in_realm of kerberos-sso-server; otherwise \
PacPolicy::VerifyIfPresent, or PacPolicy::AllowAbsent where a rule of this server needs a PAC).";

const PAC_SIGNATURE_TYPE: &str = "\
The KDC signs with a key of the service's account. This key may be of another type than the ticket's key: export all \
keys of the account (ktpass -crypto All), or give its password, from which every type is derived. A checksum that \
needs no key (CRC32, MD5) is a sign of a forged PAC (MS14-068).";

const PAC_SIGNATURE_MISSING: &str = "\
If the KDC is too old to write that signature, update the KDC: domain controllers write all signatures since the \
updates of November 2022, and Samba since 4.17. Until then KdcSignaturePolicy::AllowAbsent accepts a PAC without that \
signature. A ticket of an AS exchange (kinit -S) has no such signature: let the client get its ticket with a \
ticket-granting ticket. If neither is the cause, the PAC was made without the KDC.";

const NO_DOMAIN: &str = "\
This server accepts users of Active Directory domains only. S-1-12-1 is Microsoft Entra ID, S-1-5-32 is BUILTIN, and a \
UserId of 0 marks an account from outside of the domain. Let the user sign in with an account of a domain, or with \
another protocol (OpenID Connect for Entra ID). If the user has an account of a domain, find out which KDC made this \
ticket: a domain controller writes the SID of its domain here.";
