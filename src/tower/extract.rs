//! The identity as an extractor of axum.

use super::absence::{Absence, identity_of};
use super::extensions::NotSignedIn;
use crate::identity::Identity;
use ::http::StatusCode;
use ::http::header::WWW_AUTHENTICATE;
use ::http::request::Parts;
use axum_core::extract::{FromRequestParts, OptionalFromRequestParts};
use axum_core::response::{IntoResponse, Response};
use core::fmt;
use core::future::Future;
use core::ops::Deref;
use std::sync::Arc;

/// Extracts a copy of the identity. [`SharedIdentity`] extracts the identity without a copy.
///
/// Without an identity the handler does not run: see [`IdentityRejection`].
///
/// ```
/// use kerberos_sso::Identity;
///
/// async fn hello(user: Identity) -> String {
///     format!("Hello {}", user.name)
/// }
/// let app: axum::Router = axum::Router::new().route("/", axum::routing::get(hello));
/// ```
impl<S: Sync> FromRequestParts<S> for Identity {
    type Rejection = IdentityRejection;

    fn from_request_parts(parts: &mut Parts, _: &S) -> impl Future<Output = Result<Self, IdentityRejection>> + Send {
        core::future::ready(required(parts).map(|identity| Self::clone(identity)))
    }
}

/// Extracts a copy of the identity. Extracts `None` behind an [optional](super::NegotiateLayer::optional) layer that accepted
/// a request without an identity.
///
/// If no sign-in layer ran, the handler does not run, because no user could sign in.
impl<S: Sync> OptionalFromRequestParts<S> for Identity {
    type Rejection = IdentityRejection;

    fn from_request_parts(
        parts: &mut Parts,
        _: &S,
    ) -> impl Future<Output = Result<Option<Self>, IdentityRejection>> + Send {
        core::future::ready(optional(parts).map(|identity| identity.map(|identity| Self::clone(identity))))
    }
}

/// The identity, shared with the request's extensions. A copy can be expensive: the [`Identity`] of a user in a thousand
/// groups has about 70,000 octets.
#[derive(Clone, Debug)]
#[must_use]
pub struct SharedIdentity(pub Arc<Identity>);

impl Deref for SharedIdentity {
    type Target = Identity;

    fn deref(&self) -> &Identity {
        &self.0
    }
}

/// Extracts the identity without a copy. Otherwise this extractor is like the extractor [`Identity`].
impl<S: Sync> FromRequestParts<S> for SharedIdentity {
    type Rejection = IdentityRejection;

    fn from_request_parts(parts: &mut Parts, _: &S) -> impl Future<Output = Result<Self, IdentityRejection>> + Send {
        core::future::ready(required(parts).map(|identity| Self(Arc::clone(identity))))
    }
}

/// Extracts the identity without a copy. Otherwise this extractor is like the extractor `Option<Identity>`.
impl<S: Sync> OptionalFromRequestParts<S> for SharedIdentity {
    type Rejection = IdentityRejection;

    fn from_request_parts(
        parts: &mut Parts,
        _: &S,
    ) -> impl Future<Output = Result<Option<Self>, IdentityRejection>> + Send {
        core::future::ready(optional(parts).map(|identity| identity.map(|identity| Self(Arc::clone(identity)))))
    }
}

fn required(request: &Parts) -> Result<&Arc<Identity>, IdentityRejection> {
    identity_of(request).map_err(|absence| IdentityRejection::reported(absence, request))
}

fn optional(request: &Parts) -> Result<Option<&Arc<Identity>>, IdentityRejection> {
    match identity_of(request) {
        Ok(identity) => Ok(Some(identity)),
        Err(Absence::NotSignedIn(_)) => Ok(None),
        Err(absence @ Absence::NoLayer) => Err(IdentityRejection::reported(absence, request)),
    }
}

/// The response to a request that has no identity, if the handler demands an identity.
///
/// | request | response |
/// |---|---|
/// | [not asked](super::NotSignedIn::NotAsked), behind an optional layer | 401 with a challenge |
/// | [failed](super::NotSignedIn::Failed), behind an optional layer | 403 |
/// | with neither an identity nor a reason: no layer ran | 500, and an event with the reason |
#[derive(Clone, Debug)]
#[must_use]
pub struct IdentityRejection(Absence);

impl IdentityRejection {
    fn reported(absence: Absence, request: &Parts) -> Self {
        absence.report(request);
        Self(absence)
    }

    /// Returns the status of the response.
    #[must_use]
    pub const fn status(&self) -> StatusCode {
        self.0.status()
    }
}

impl fmt::Display for IdentityRejection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match &self.0 {
            Absence::NoLayer => "no layer before this handler signs users in",
            Absence::NotSignedIn(NotSignedIn::NotAsked) => "the client is not signed in, and may be challenged",
            Absence::NotSignedIn(NotSignedIn::Failed(_)) => "the client could not sign in",
        })
    }
}

impl core::error::Error for IdentityRejection {}

impl IntoResponse for IdentityRejection {
    fn into_response(self) -> Response {
        let mut response = self.status().into_response();
        response.headers_mut().extend(self.0.www_authenticate().map(|value| (WWW_AUTHENTICATE, value)));
        response
    }
}
