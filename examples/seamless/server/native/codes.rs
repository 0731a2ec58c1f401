//! The numbers of errors (`AADSTS…`) that native clients read in faults and in OAuth errors. Microsoft's reference of
//! error codes defines the numbers and their names. The sentences are written for this server.
//!
//! The server does not use 81002, 81003 and 81008, which say only that a ticket could not be validated. The server does not
//! use 50034 (no such user), because this number would tell an attacker which accounts exist. An unknown user and a wrong
//! password both have the number 50126.

use crate::directory::Refusal;
use kerberos_sso::error::NoKeyCause;
use kerberos_sso::{Error, Refused};

/// An error, with the number that Microsoft's clients know for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
pub(crate) enum Code {
    InvalidAssertion = 50_013,
    UnknownInstance = 50_049,
    Locked = 50_053,
    PasswordExpired = 50_055,
    Disabled = 50_057,
    NoTenantNamed = 50_059,
    ProofNeeded = 50_076,
    WrongPassword = 50_126,
    InvalidGrant = 70_000,
    UnauthorizedClient = 70_001,
    UnsupportedGrantType = 70_003,
    InvalidScope = 70_011,
    TicketTooLarge = 81_001,
    NotAuthenticated = 81_004,
    PackageNotSupported = 81_005,
    NoAuthorizationHeader = 81_006,
    TenantIsNotOptIn = 81_007,
    BadAuthorizationHeader = 81_009,
    InvalidTicket = 81_010,
    UnknownSid = 81_011,
    NoUser = 81_013,
    InvalidStsRequest = 81_016,
    NoSuchTenant = 90_002,
    InvalidRequest = 90_004,
    Unavailable = 90_033,
    UnknownResource = 500_011,
    UnknownClient = 700_016,
}

impl Code {
    #[expect(clippy::as_conversions, reason = "the discriminant is the number, so no two codes have the same number")]
    pub(crate) const fn number(self) -> u32 {
        self as u32
    }

    /// Returns the sentence of the code. The sentence tells no more than the number.
    const fn sentence(self) -> &'static str {
        match self {
            Self::InvalidAssertion => "The assertion is not valid.",
            Self::UnknownInstance => "This server does not know the authority.",
            Self::Locked => "The account is locked, or too many wrong passwords were sent for it or from this address.",
            Self::PasswordExpired => "The password has expired.",
            Self::Disabled => "The account is disabled or has expired, or may not sign in now.",
            Self::NoTenantNamed => "Neither the request nor its credentials name a tenant of this server.",
            Self::ProofNeeded => "This account must also enter a one-time code: sign in with a browser.",
            Self::WrongPassword => "Error validating credentials due to invalid username or password.",
            Self::InvalidGrant => "The grant is not valid.",
            Self::UnauthorizedClient => "The client is not registered for this grant type.",
            Self::UnsupportedGrantType => "The grant type is not supported.",
            Self::InvalidScope => "The scope is not valid.",
            Self::TicketTooLarge => "The user's Kerberos ticket is too large.",
            Self::NotAuthenticated => "The identity in the Kerberos ticket is not authenticated here.",
            Self::PackageNotSupported => "The authentication package is not supported: send a Kerberos ticket.",
            Self::NoAuthorizationHeader => "The request has no Authorization header with a Kerberos ticket.",
            Self::TenantIsNotOptIn => "Seamless SSO is not switched on for this tenant.",
            Self::BadAuthorizationHeader => "The Authorization header has a bad format.",
            Self::InvalidTicket => "The user's Kerberos ticket has expired or is not valid.",
            Self::UnknownSid => "No user has the security identifier of the Kerberos ticket.",
            Self::NoUser => "The server cannot identify a user by the Kerberos ticket.",
            Self::InvalidStsRequest => "Invalid STS request.",
            Self::NoSuchTenant => "This server has no such tenant.",
            Self::InvalidRequest => "The request is not valid.",
            Self::Unavailable => "The server cannot decide now. Try again later.",
            Self::UnknownResource => "The client is not registered for this resource.",
            Self::UnknownClient => "The client is not registered in this tenant.",
        }
    }

    /// Returns the text that clients read: the number, followed by `more`. Without `more`, the sentence of the code
    /// follows.
    pub(crate) fn text(self, more: Option<&str>) -> String {
        format!("AADSTS{}: {}", self.number(), more.unwrap_or_else(|| self.sentence()))
    }

    /// Returns the code of a refused ticket.
    pub(super) fn of_ticket(refused: &Refused) -> Self {
        match refused.error() {
            // A tenant without a keytab has a key set without accounts: Seamless SSO is not switched on.
            Error::NoKey(no_key) if matches!(no_key.cause, NoKeyCause::Realm { held } if held.total() == 0) => {
                Self::TenantIsNotOptIn
            }
            _ => Self::of_library(refused.code()).unwrap_or(Self::InvalidTicket),
        }
    }

    /// Returns the code for an error of the library with this name.
    fn of_library(name: &str) -> Option<Self> {
        Some(match name {
            "too-large" => Self::TicketTooLarge,
            "not-negotiate" | "malformed" | "no-token" | "negotiation" => Self::BadAuthorizationHeader,
            "ntlm" | "negoex" | "iakerb" | "no-kerberos" | "user-to-user" => Self::PackageNotSupported,
            "no-key" | "key-version" | "integrity" | "untrusted-realm" | "transited" | "account-refused"
            | "service-refused" | "name-refused" | "pac-missing" | "pac-malformed" | "pac-signature"
            | "pac-mismatch" | "client-mismatch" => Self::NotAuthenticated,
            "untrusted-domain" => Self::UnknownSid,
            "rc4-refused"
            | "unsupported-etype"
            | "clock-skew"
            | "ticket-expired"
            | "ticket-not-yet-valid"
            | "ticket-invalid"
            | "ticket-lifetime"
            | "address-mismatch"
            | "authorization-data"
            | "checksum"
            | "channel-binding"
            | "channel-binding-missing"
            | "delegation"
            | "replay" => Self::InvalidTicket,
            "replay-cache-full" | "replay-cache-failed" | "misuse" => Self::Unavailable,
            _ => return None,
        })
    }

    /// Returns the code of a refused password. Only a client that sent the right password learns the state of the account.
    pub(crate) const fn of_password(refusal: &Refusal) -> Self {
        match refusal {
            Refusal::WrongPassword
            | Refusal::UnknownUser
            | Refusal::AmbiguousName
            | Refusal::WrongHere { .. }
            | Refusal::BeforePassword(_) => Self::WrongPassword,
            Refusal::TooManyWrong { .. } | Refusal::TooManyFromAddress { .. } | Refusal::Locked => Self::Locked,
            Refusal::PasswordExpired | Refusal::MustChange => Self::PasswordExpired,
            Refusal::Disabled | Refusal::AccountExpired | Refusal::Restricted(_) | Refusal::Revoked => Self::Disabled,
            Refusal::OtherDomain => Self::NoTenantNamed,
            Refusal::NotConfigured => Self::TenantIsNotOptIn,
            Refusal::ClockSkew
            | Refusal::Busy
            | Refusal::Unreachable(_)
            | Refusal::Other(_)
            | Refusal::NotOurs(_)
            | Refusal::NoVerdict(_)
            | Refusal::Unanswered(_)
            | Refusal::NoVerifiers(_)
            | Refusal::NotOfJob { .. }
            | Refusal::OtherUser(_) => Self::Unavailable,
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn each_error_code_of_the_library_has_a_number() {
        let source = include_str!("../../../../src/error/code.rs");
        let names =
            source.split("=> (\"").skip(1).filter_map(|rest| rest.split_once("\", Blame::")).map(|(name, _)| name);
        let names: Vec<&str> = names.collect();
        assert!(names.len() > 40 && names.contains(&"replay"), "{names:?}");
        for name in names {
            assert!(Code::of_library(name).is_some(), "{name}");
        }
        assert_eq!(Code::of_library("another"), None);
    }

    #[test]
    fn refused_ticket_has_the_number_of_its_error() {
        for (name, number) in [
            ("too-large", 81_001),
            ("integrity", 81_004),
            ("key-version", 81_004),
            ("untrusted-realm", 81_004),
            ("ntlm", 81_005),
            ("malformed", 81_009),
            ("replay", 81_010),
            ("rc4-refused", 81_010),
            ("untrusted-domain", 81_011),
        ] {
            assert_eq!(Code::of_library(name).unwrap().number(), number, "{name}");
        }
    }

    #[test]
    fn refusal_has_the_number_of_a_wrong_password_unless_the_client_sent_the_right_password() {
        let locked = Refusal::BeforePassword(Box::new(Refusal::Locked));
        for refusal in [Refusal::WrongPassword, Refusal::UnknownUser, locked] {
            assert_eq!(Code::of_password(&refusal).number(), 50_126, "{refusal}");
        }
        for (refusal, number) in
            [(Refusal::Locked, 50_053), (Refusal::PasswordExpired, 50_055), (Refusal::Disabled, 50_057)]
        {
            assert_eq!(Code::of_password(&refusal).number(), number);
        }
    }

    #[test]
    fn text_is_the_number_with_the_given_sentence_or_else_the_sentence_of_the_code() {
        assert_eq!(Code::InvalidStsRequest.text(None), "AADSTS81016: Invalid STS request.");
        assert_eq!(Code::InvalidStsRequest.text(Some("no Body")), "AADSTS81016: no Body");
    }
}
