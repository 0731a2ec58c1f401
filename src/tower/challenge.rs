//! The challenges of the layer: the reason for a challenge, and the remedy if the client does not answer with a ticket.
//!
//! HTTP keeps no state between two requests. A client without a ticket for this host sends no further request, or repeats its
//! request unchanged. So a request alone does not show whether its client was challenged before.

use super::host::Host;
use crate::error::{Error, Remedy};
use crate::observe;
use ::http::header::AUTHORIZATION;
use ::http::request::Parts;
use core::fmt;

/// The reason why a client is challenged.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ChallengeCause {
    /// The request carries no credentials. The request is a browser's first request, or any request of a client that has no
    /// ticket for this host.
    NoCredentials,
    /// The request carries only credentials of another scheme, such as Basic or Bearer.
    OtherScheme,
    /// The server asked the client to continue a negotiation, but the request carries no token.
    NegotiationAbandoned,
}

impl ChallengeCause {
    fn of(request: &Parts, was_continued: bool) -> Self {
        match (was_continued, request.headers.contains_key(AUTHORIZATION)) {
            (true, _) => Self::NegotiationAbandoned,
            (false, true) => Self::OtherScheme,
            (false, false) => Self::NoCredentials,
        }
    }

    /// Returns the checks that an administrator can make if the client does not sign in after the challenge.
    #[must_use]
    pub const fn remedy(&self) -> Remedy<'static> {
        Remedy::new(match self {
            Self::NoCredentials => NO_CREDENTIALS,
            Self::OtherScheme => {
                "The client or a proxy adds other credentials to the request, a password or a bearer token, in the \
                 place of the ticket. Remove these credentials from the client's settings for this host."
            }
            Self::NegotiationAbandoned => {
                "The client got the server's token, but did not continue. Check that the client can get a ticket for \
                 this host (klist get {service} on the client), and that no proxy removes the WWW-Authenticate or \
                 Authorization field."
            }
        })
    }
}

impl fmt::Display for ChallengeCause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NoCredentials => "the client is challenged: its request carries no credentials",
            Self::OtherScheme => "the client is challenged: its request carries credentials of another scheme only",
            Self::NegotiationAbandoned => "the client is challenged: it did not continue its negotiation",
        })
    }
}

/// Reports that the client of `request` is challenged, and returns the reason.
pub(super) fn report(request: &Parts, was_continued: bool) -> ChallengeCause {
    let cause = ChallengeCause::of(request, was_continued);
    let host = Host::of(request).map(|host| host.name);
    let is_usual = cause == ChallengeCause::NoCredentials;
    observe::challenged(&cause, is_usual, cause.remedy(), host);
    cause
}

/// Reports that the client has no ticket for the host of `request`. The event of the refusal does not have the host, so
/// this second event has the host.
pub(super) fn report_answer(error: &Error, request: &Parts) {
    if matches!(error, Error::Ntlm { .. } | Error::NegoEx { .. } | Error::Iakerb | Error::NoKerberos { .. }) {
        observe::no_ticket(error, Host::of(request).map(|host| host.name));
    }
}

const NO_CREDENTIALS: &str = "\
If the client signs in next, do nothing: a browser sends no ticket before a challenge. Otherwise the usual causes are, \
most frequent first: (1) the browser does not trust this host: put it into the Local Intranet zone, or into \
AuthServerAllowlist of Chrome or Edge; (2) no account, or two accounts, have a service principal name of this host: \
\"setspn -Q {service}\" must find exactly one; (3) the client is not joined to the domain, its user is a local user, \
or the client does not reach a domain controller (VPN): \"klist get {service}\" on the client shows which of these. On \
Linux, \"kvno {service}\" shows it.";
