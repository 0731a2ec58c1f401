//! A user who has proved who they are, by a ticket or by a password.

use crate::session::Method;
use kerberos_sso::{Accepted, SessionIdentity, UnixTime};

/// The user, and how and when the user signed in.
#[derive(Debug)]
pub(crate) struct Authenticated {
    pub(crate) identity: SessionIdentity,
    /// The NetBIOS name of the user's domain, if the PAC has it.
    pub(crate) domain: Option<String>,
    pub(crate) method: Method,
    /// The time at which the user signed in to the KDC, or the time at which this server checked the password.
    pub(crate) at: UnixTime,
}

impl Authenticated {
    /// Returns the user of an accepted ticket. A ticket has the time of the user's first sign-in to the KDC.
    pub(crate) fn by_ticket(accepted: &Accepted, method: Method) -> Self {
        Self::of(accepted, method, accepted.ticket().auth_time())
    }

    /// Returns the user of the ticket that the KDC has just issued for a password. The KDC's clock may differ from this
    /// server's clock, so the sign-in has the time of this server.
    pub(crate) fn by_password(accepted: &Accepted, method: Method, now: UnixTime) -> Self {
        Self::of(accepted, method, now)
    }

    fn of(accepted: &Accepted, method: Method, at: UnixTime) -> Self {
        let identity = accepted.identity();
        Self { identity: identity.to_session(), domain: identity.to_owned().logon_domain, method, at }
    }
}
