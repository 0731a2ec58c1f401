//! A layer that runs the service behind it for the members of a group only.

use super::absence::{Absence, identity_of};
use super::responses::{EmptyResponses, Responses, respond};
use crate::identity::Identity;
use crate::observe;
use crate::session_identity::SessionIdentity;
use crate::sid::Sid;
use ::http::header::WWW_AUTHENTICATE;
use ::http::request::Parts;
use ::http::{HeaderValue, Request, Response, StatusCode};
use core::fmt;
use core::future::Future;
use core::pin::Pin;
use core::task::{Context, Poll};
use pin_project_lite::pin_project;
use std::sync::Arc;
use tower_layer::Layer;
use tower_service::Service;

/// A layer that accepts the members of a group, and refuses all other users. The layer puts [`RequireGroup`] in front of the
/// service.
///
/// This layer must be inside [`NegotiateLayer`](super::NegotiateLayer), or inside the server's own layer for sessions. The
/// layer for sessions inserts the session's `Arc<SessionIdentity>` or `Arc<Identity>` into the extensions. Only memberships
/// that grant rights count ([`Identity::is_member_of`]).
///
/// The layer does not check the tenant. On a server with several tenants, first compare [`Identity::tenant`] with the
/// tenant to which the page belongs. A tenant that brings its own keys can write tickets with any group. To prevent
/// this, name the domains of the tenant's accounts ([`Account::with_domain_sid`](crate::Account::with_domain_sid)).
///
/// | request | response |
/// |---|---|
/// | of a member | the response of the service |
/// | of another user | 403 |
/// | [not asked](super::NotSignedIn::NotAsked), behind an optional layer | 401 with a challenge |
/// | [failed](super::NotSignedIn::Failed), behind an optional layer | 403 |
/// | with neither an identity nor a reason: no layer ran | 500 |
///
/// The log names the refused user and the group of which the user is not a member: see [`observe`].
///
/// ```
/// use axum::{Router, routing::get};
/// use kerberos_sso::tower::RequireGroupLayer;
/// use kerberos_sso::{Sid, WellKnownGroup};
///
/// # fn app(sign_in: kerberos_sso::tower::NegotiateLayer) -> Option<Router> {
/// let domain: Sid = "S-1-5-21-397973807-962049227-2576849202".parse().ok()?;
/// let admins = RequireGroupLayer::new(WellKnownGroup::DomainAdmins.of_domain(domain)?);
/// // The layer that is added last runs first.
/// let app: Router = Router::new().route("/admin", get(|| async { "Hello" })).layer(admins).layer(sign_in);
/// # Some(app)
/// # }
/// ```
#[derive(Clone)]
#[must_use]
pub struct RequireGroupLayer<R = EmptyResponses> {
    groups: Groups,
    responses: R,
}

/// The groups whose members are accepted. There is at least one group.
#[derive(Clone)]
struct Groups(Arc<[Sid]>);

impl RequireGroupLayer {
    /// Makes a layer that accepts the members of `group`.
    pub fn new(group: Sid) -> Self {
        Self { groups: Groups([group].into()), responses: EmptyResponses }
    }
}

impl<R> RequireGroupLayer<R> {
    /// Also accepts the members of `group`.
    pub fn or(self, group: Sid) -> Self {
        let groups = self.groups.0.iter().copied().chain([group]).collect();
        Self { groups: Groups(groups), ..self }
    }

    /// Sets the function that makes the responses: see
    /// [`NegotiateLayer::with_responses`](super::NegotiateLayer::with_responses).
    pub fn with_responses<F, B>(self, responses: F) -> RequireGroupLayer<F>
    where
        F: Fn(StatusCode, &Parts) -> Response<B> + Clone + Send + Sync + 'static,
    {
        RequireGroupLayer { groups: self.groups, responses }
    }
}

impl<S, R: Clone> Layer<S> for RequireGroupLayer<R> {
    type Service = RequireGroup<S, R>;

    fn layer(&self, inner: S) -> RequireGroup<S, R> {
        RequireGroup { inner, groups: self.groups.clone(), responses: self.responses.clone() }
    }
}

/// A service that accepts the members of a group. [`RequireGroupLayer`] makes this service.
#[derive(Clone)]
#[must_use]
pub struct RequireGroup<S, R = EmptyResponses> {
    inner: S,
    groups: Groups,
    responses: R,
}

impl<S, R, ReqBody, ResBody> Service<Request<ReqBody>> for RequireGroup<S, R>
where
    S: Service<Request<ReqBody>, Response = Response<ResBody>>,
    R: Responses<ResBody>,
    ResBody: Default,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = RequireGroupFuture<S::Future, ResBody>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, request: Request<ReqBody>) -> Self::Future {
        let (parts, body) = request.into_parts();
        let state = match self.groups.admit(&parts) {
            Ok(()) => State::Running { response: self.inner.call(Request::from_parts(parts, body)) },
            Err((status, challenge)) => {
                let mut response = respond(&self.responses, status, &parts);
                response.headers_mut().extend(challenge.map(|value| (WWW_AUTHENTICATE, value)));
                State::Answered { response: Some(response) }
            }
        };
        RequireGroupFuture { state }
    }
}

impl Groups {
    /// Accepts a request of a member. For every other request, returns the status of the response and its challenge.
    fn admit(&self, request: &Parts) -> Result<(), (StatusCode, Option<HeaderValue>)> {
        match User::of(request) {
            Ok(user) if self.0.iter().any(|group| user.is_member_of(*group)) => Ok(()),
            Ok(user) => {
                user.report(self);
                Err((StatusCode::FORBIDDEN, None))
            }
            Err(absence) => {
                absence.report(request);
                Err((absence.status(), absence.www_authenticate()))
            }
        }
    }
}

/// The user who makes a request.
enum User<'a> {
    /// The ticket of this request names the user.
    SignedIn(&'a Identity),
    /// The server's session names the user.
    OfSession(&'a SessionIdentity),
}

impl<'a> User<'a> {
    /// Returns the user of a request. If the request has a ticket and a session, the ticket names the user.
    fn of(request: &'a Parts) -> Result<Self, Absence> {
        match (identity_of(request), request.extensions.get::<Arc<SessionIdentity>>()) {
            (Ok(identity), _) => Ok(Self::SignedIn(identity)),
            (Err(_), Some(session)) => Ok(Self::OfSession(session)),
            (Err(absence), None) => Err(absence),
        }
    }

    fn is_member_of(&self, group: Sid) -> bool {
        match self {
            Self::SignedIn(identity) => identity.is_member_of(group),
            Self::OfSession(session) => session.is_member_of(group),
        }
    }

    fn report(&self, groups: &Groups) {
        match self {
            Self::SignedIn(user) => observe::not_member(&user.name, &user.realm, user.sid, groups),
            Self::OfSession(user) => observe::not_member(&user.name, &user.realm, user.sid, groups),
        }
    }
}

impl fmt::Display for Groups {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().enumerate().try_for_each(|(place, group)| {
            let separator = if place == 0 { "" } else { " or " };
            write!(f, "{separator}{group}")
        })
    }
}

pin_project! {
    /// The future of [`RequireGroup`].
    #[derive(Debug)]
    #[must_use]
    pub struct RequireGroupFuture<F, B> {
        #[pin]
        state: State<F, B>,
    }
}

pin_project! {
    #[project = StateProjection]
    #[derive(Debug)]
    enum State<F, B> {
        Answered { response: Option<Response<B>> },
        Running { #[pin] response: F },
    }
}

impl<F, B, E> Future for RequireGroupFuture<F, B>
where
    F: Future<Output = Result<Response<B>, E>>,
{
    type Output = Result<Response<B>, E>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        match self.project().state.project() {
            // A finished future has already returned its response. The contract of `Future` allows a finished future to stay
            // pending.
            StateProjection::Answered { response } => {
                response.take().map_or(Poll::Pending, |response| Poll::Ready(Ok(response)))
            }
            StateProjection::Running { response } => response.poll(context),
        }
    }
}

impl<R> fmt::Debug for RequireGroupLayer<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RequireGroupLayer({})", self.groups)
    }
}

impl<S: fmt::Debug, R> fmt::Debug for RequireGroup<S, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RequireGroup({}, {:?})", self.groups, self.inner)
    }
}
