//! The identity in the extensions of a request, or the reason why there is no identity.

use super::challenge;
use super::extensions::NotSignedIn;
use super::host::Host;
use crate::identity::Identity;
use crate::observe;
use ::http::request::Parts;
use ::http::{HeaderValue, StatusCode};
use std::sync::Arc;

/// The reason why a request has no identity.
#[derive(Clone, Debug)]
pub(super) enum Absence {
    /// The extensions hold neither an identity nor a reason. So no sign-in layer ran, and no client may be admitted.
    NoLayer,
    NotSignedIn(NotSignedIn),
}

/// Returns the identity that the layer inserted into the extensions of a request.
pub(super) fn identity_of(request: &Parts) -> Result<&Arc<Identity>, Absence> {
    request.extensions.get().ok_or_else(|| match request.extensions.get::<NotSignedIn>() {
        Some(why) => Absence::NotSignedIn(why.clone()),
        None => Absence::NoLayer,
    })
}

impl Absence {
    /// Reports that a request is refused because it has no identity. Reports nothing for a failed sign-in, because the layer
    /// has already reported the failure.
    pub(super) fn report(&self, request: &Parts) {
        match self {
            Self::NoLayer => observe::layer_missing(request.uri.path(), Host::of(request).map(|host| host.name)),
            Self::NotSignedIn(NotSignedIn::NotAsked) => {
                challenge::report(request, false);
            }
            Self::NotSignedIn(NotSignedIn::Failed(_)) => {}
        }
    }

    /// Returns the status of the response. A client whose sign-in failed is not challenged again.
    pub(super) const fn status(&self) -> StatusCode {
        match self {
            Self::NoLayer => StatusCode::INTERNAL_SERVER_ERROR,
            Self::NotSignedIn(NotSignedIn::NotAsked) => StatusCode::UNAUTHORIZED,
            Self::NotSignedIn(NotSignedIn::Failed(_)) => StatusCode::FORBIDDEN,
        }
    }

    /// Returns the challenge of the response. Returns `None` if the response has no challenge.
    pub(super) fn www_authenticate(&self) -> Option<HeaderValue> {
        match self {
            Self::NotSignedIn(NotSignedIn::NotAsked) => Some(HeaderValue::from_static("Negotiate")),
            Self::NoLayer | Self::NotSignedIn(NotSignedIn::Failed(_)) => None,
        }
    }
}
