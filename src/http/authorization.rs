//! The `Authorization` values of a request (RFC 9110 section 11.6.2): in, all of them; out, the one token for this crate.
//!
//! What the token says is not looked at.

use crate::error::{Error, HeaderProblem, KerberosOffer, NtlmMessage};
use crate::observe;
use crate::validator::Validator;
use alloc::vec::Vec;

impl<R> Validator<R> {
    /// The token among the `Authorization` values of a request. `None` if none of them is for Negotiate: then the client
    /// may be challenged.
    ///
    /// Other schemes, as Basic and Bearer, are none of this crate's business, and may stand beside Negotiate in values of
    /// their own. RFC 9110 section 11.6.2 lets a value hold one scheme: a list is not taken apart.
    ///
    /// # Errors
    /// `not-negotiate` for two Negotiate values, a list with one, or one without a token; `too-large`; `ntlm` for that scheme.
    pub fn negotiate_token<V: AsRef<[u8]>>(
        &self,
        authorization: impl IntoIterator<Item = V>,
    ) -> Result<Option<Vec<u8>>, Error> {
        let chosen = choose(authorization);
        observe::outcome(&chosen, None);
        chosen?.map(|value| self.decode_header(value)).transpose()
    }
}

/// The one value for this crate.
fn choose<V: AsRef<[u8]>>(authorization: impl IntoIterator<Item = V>) -> Result<Option<V>, Error> {
    let (mut negotiate, mut ntlm) = (None, None);
    for value in authorization {
        match Credentials::of(value.as_ref()) {
            Credentials::Negotiate if negotiate.is_none() => negotiate = Some(value),
            Credentials::Negotiate | Credentials::List => return Err(Error::NotNegotiate(HeaderProblem::Several)),
            Credentials::Ntlm(message) => ntlm = Some(message),
            Credentials::Other => {}
        }
    }
    match (&negotiate, ntlm) {
        (None, Some(message)) => Err(Error::Ntlm { message, offer: KerberosOffer::NotOffered }),
        _ => Ok(negotiate),
    }
}

/// One value, by its scheme.
enum Credentials {
    Negotiate,
    Ntlm(NtlmMessage),
    /// Another scheme, and a Negotiate one after a comma: two lines that a proxy made one.
    List,
    Other,
}

impl Credentials {
    fn of(value: &[u8]) -> Self {
        let (scheme, rest) = split(value);
        if scheme.eq_ignore_ascii_case(b"Negotiate") {
            Self::Negotiate
        } else if value.split(|octet| *octet == b',').skip(1).any(is_negotiate) {
            Self::List
        } else if scheme.eq_ignore_ascii_case(b"NTLM") {
            Self::Ntlm(ntlm_message(rest))
        } else {
            Self::Other
        }
    }
}

fn is_negotiate(part: &[u8]) -> bool {
    split(part).0.eq_ignore_ascii_case(b"Negotiate")
}

/// The scheme, and what follows it.
fn split(value: &[u8]) -> (&[u8], &[u8]) {
    let value = value.trim_ascii();
    let end = value.iter().position(|octet| matches!(octet, b' ' | b'\t')).unwrap_or(value.len());
    let (scheme, rest) = value.split_at_checked(end).unwrap_or((value, &[]));
    (scheme, rest.trim_ascii_start())
}

/// Signature and MessageType of MS-NLMP section 2.2.1 are twelve octets, and sixteen characters of base64.
fn ntlm_message(encoded: &[u8]) -> NtlmMessage {
    match encoded.first_chunk::<16>() {
        Some(b"TlRMTVNTUAABAAAA") => NtlmMessage::Negotiate,
        Some(b"TlRMTVNTUAACAAAA") => NtlmMessage::Challenge,
        Some(b"TlRMTVNTUAADAAAA") => NtlmMessage::Authenticate,
        _ => NtlmMessage::Unknown,
    }
}
