//! The service that the client names in its authenticator (MS-KILE section 3.2.5.8): the only protected name of the service.
//!
//! Windows refuses an authenticator that names another service than the ticket. MIT krb5, Heimdal and Samba ignore the name.
//! In this library, the name must be a service that the policy lists, like the unprotected name in the ticket. So a request
//! that was made for another service of the account is refused. If the policy lists no services, the name is not checked.
//!
//! A client may declare that the name comes from an untrusted source (KERB_AP_OPTIONS_UNVERIFIED_TARGET_NAME, 0x8000).
//! Such a name must also be a listed service.

use crate::error::{Error, ServiceClaim};
use crate::policy::Policy;
use crate::wire::der::{Malformed, Problem};
use crate::wire::krb5::ClientTarget;

/// The elements of the type KERB_AUTH_DATA_CLIENT_TARGET in an authenticator.
#[derive(Clone, Copy, Default)]
pub(super) enum FoundTarget<'a> {
    #[default]
    None,
    One(&'a [u8]),
    /// Several elements were found, so the authenticator does not name one service.
    Several,
}

impl<'a> FoundTarget<'a> {
    /// Adds an element that contains `data`.
    pub(super) fn add(&mut self, data: &'a [u8]) {
        *self = match self {
            Self::None => Self::One(data),
            Self::One(_) | Self::Several => Self::Several,
        };
    }

    fn read(self) -> Result<Option<ClientTarget<'a>>, Malformed> {
        match self {
            Self::None => Ok(None),
            Self::One(data) => ClientTarget::read(data).map(Some),
            Self::Several => Err(ClientTarget::malformed(Problem::TooMany(1))),
        }
    }
}

/// Rejects a request for a service that the policy does not list.
///
/// If the policy lists services, a name that cannot be read is refused as malformed. Only the client can have written such a
/// name, and no known client writes one. If the policy lists no services, such a name is ignored, as other acceptors do. The
/// acceptor may ignore the name because it lies in AD-IF-RELEVANT (RFC 4120 section 5.2.6.1).
pub(super) fn check_client_target<'a>(
    found: FoundTarget<'a>,
    policy: &Policy,
) -> Result<Option<ClientTarget<'a>>, Error> {
    let Some(services) = &policy.services else {
        return Ok(found.read().ok().flatten());
    };
    let target = found.read()?;
    match target {
        Some(target) if !services.iter().any(|allowed| target.is_service(allowed)) => {
            Err(Error::ServiceRefused { claim: ServiceClaim::ClientTarget, service: target.bounded() })
        }
        _ => Ok(target),
    }
}
