//! Example tokens for `/explain`. The tokens belong to the built-in test realm, even if the server has other tenants.
//! The server makes and validates these tokens with the keys of the test realm.

use crate::tenants::test_realm;
use kerberos_sso::policy::SEAMLESS_SSO_SERVICES;
use kerberos_sso::{Policy, UnixTime, Validator};

#[derive(Clone, Copy)]
pub(super) enum Example {
    Accepted,
    /// An NTLM message, which many clients send if they get no ticket.
    Ntlm,
}

impl Example {
    pub(super) fn of_name(name: &str) -> Option<Self> {
        match name {
            "accepted" => Some(Self::Accepted),
            "ntlm" => Some(Self::Ntlm),
            _ => None,
        }
    }

    /// Returns the value of an `Authorization` header, and the validator for it.
    pub(super) fn at(self, now: UnixTime) -> (String, Validator<()>) {
        let (realm, keys) = test_realm();
        let service = SEAMLESS_SSO_SERVICES.first().copied().unwrap_or_default();
        let header = match self {
            Self::Accepted => realm.ticket_for("alice").service(service).at(now).mutual().header(),
            Self::Ntlm => NTLM.into(),
        };
        (header, Validator::staged(keys, Policy::seamless_sso()))
    }
}

/// A NEGOTIATE_MESSAGE (MS-NLMP section 2.2.1.1) that a client without a domain sent.
const NTLM: &str = "Negotiate TlRMTVNTUAABAAAAB4IIogAAAAAAAAAAAAAAAAAAAAAGAgAAAAAADw==";
