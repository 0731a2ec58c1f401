//! The `Authorization` values of a request (RFC 9110 section 11.6.2), among which this module finds the Negotiate
//! token.

use crate::error::{Error, HeaderProblem, KerberosOffer, NtlmMessage};
use crate::negotiate::Refused;
use crate::observe;
use crate::validator::Validator;
use crate::wire::header::{is_negotiate, split_scheme};
use alloc::vec::Vec;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

impl<R> Validator<R> {
    /// Finds the Negotiate token among the `Authorization` values of a request. Returns `None` if no value has the scheme
    /// Negotiate: the server may then challenge the client.
    ///
    /// Values with other schemes, such as Basic and Bearer, are ignored. RFC 9110 section 11.6.2 allows one scheme in a
    /// value, so this method does not split a list.
    ///
    /// # Errors
    /// Returns [`Refused`] with `not-negotiate` for two Negotiate values, for a list with a Negotiate value, or for a
    /// Negotiate value without a token. Returns [`Refused`] with `too-large` for a token beyond the limit, and with
    /// `ntlm` for the scheme NTLM.
    pub fn negotiate_token<V: AsRef<[u8]>>(
        &self,
        authorization: impl IntoIterator<Item = V>,
    ) -> Result<Option<Vec<u8>>, Refused> {
        match choose(authorization) {
            Ok(chosen) => chosen.map(|value| self.decode_header(value)).transpose(),
            Err(error) => {
                observe::refused(&error, None);
                Err(Refused::before_token(error))
            }
        }
    }
}

/// Chooses the one Negotiate value.
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

/// One `Authorization` value, classified by its scheme.
enum Credentials {
    Negotiate,
    Ntlm(NtlmMessage),
    /// The value has another scheme, and holds Negotiate after a comma because a proxy joined two header lines.
    List,
    Other,
}

impl Credentials {
    fn of(value: &[u8]) -> Self {
        let (scheme, rest) = split_scheme(value);
        if is_negotiate(scheme) {
            Self::Negotiate
        } else if value.split(|octet| *octet == b',').skip(1).any(|part| is_negotiate(split_scheme(part).0)) {
            Self::List
        } else if scheme.eq_ignore_ascii_case(b"NTLM") {
            Self::Ntlm(ntlm_message(rest))
        } else {
            Self::Other
        }
    }
}

/// Returns the kind of an NTLM message, which its signature and type show. The signature and the type have twelve octets,
/// or sixteen characters of base64. A value that does not begin with such characters is an unknown message.
fn ntlm_message(encoded: &[u8]) -> NtlmMessage {
    let beginning = encoded.first_chunk::<16>().and_then(|beginning| STANDARD.decode(beginning).ok());
    beginning.map_or(NtlmMessage::Unknown, |message| NtlmMessage::of(&message))
}
