//! The service that decides on a request, and makes the response if the inner service does not get the request.

use super::challenge;
use super::extensions::{ConnectionInfo, ConnectionNegotiation, NotSignedIn, forget_identity};
use super::future::{Answer, Headers, NegotiateFuture, Refusal};
use super::responses::{EmptyResponses, Responses};
use super::settings::{Demand, Settings};
use super::source::Decided;
use crate::accept::{Arrival, Negotiation};
use crate::error::{Error, NegotiationCause};
use crate::http::{SignInStep, SignedIn};
use crate::negotiate::{Refused, RoundTrips};
use crate::observe;
use crate::replay::AsyncReplayCache;
use crate::time::UnixTime;
use crate::validator::Validator;
use ::http::header::AUTHORIZATION;
use ::http::request::Parts;
use ::http::{HeaderMap, HeaderValue, Request, Response, StatusCode, Version};
use core::fmt;
use core::task::{Context, Poll};
use std::sync::Arc;
use tower_service::Service;

/// A service that signs users in before its inner service runs. [`NegotiateLayer`](super::NegotiateLayer) makes this service.
///
/// For a request with a token, the inner service is cloned. The original instance, which is ready, waits for the decision,
/// and is then called. If the future is dropped, or the request is refused, this instance never runs.
#[derive(Clone)]
#[must_use]
pub struct Negotiate<S, R = EmptyResponses> {
    inner: S,
    settings: Arc<Settings>,
    responses: R,
}

impl<S, R> Negotiate<S, R> {
    pub(super) const fn new(inner: S, settings: Arc<Settings>, responses: R) -> Self {
        Self { inner, settings, responses }
    }
}

impl<S, R, ReqBody, ResBody> Service<Request<ReqBody>> for Negotiate<S, R>
where
    S: Service<Request<ReqBody>, Response = Response<ResBody>> + Clone,
    R: Responses<ResBody> + Clone,
    ResBody: Default,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = NegotiateFuture<S, ReqBody, ResBody, R>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, request: Request<ReqBody>) -> Self::Future {
        let (mut parts, body) = request.into_parts();
        if let Err(answer) = self.settings.admit_page(&mut parts) {
            return NegotiateFuture::answered(Refusal { answer, request: parts }, &self.responses);
        }
        match self.settings.token(&parts.headers) {
            Ok(token) => {
                let next = self.inner.clone();
                let ready = core::mem::replace(&mut self.inner, next);
                let decision = self.settings.source.decide(Arc::clone(&self.settings), token, parts);
                NegotiateFuture::deciding(decision, ready, body, self.responses.clone())
            }
            Err(step) => match self.settings.decide_without_token(step, parts) {
                Ok((parts, headers)) => {
                    NegotiateFuture::running(self.inner.call(Request::from_parts(parts, body)), headers)
                }
                Err(refusal) => NegotiateFuture::answered(refusal, &self.responses),
            },
        }
    }
}

impl Settings {
    /// Removes an identity that the extensions already held, and refuses a request that a page of another site made.
    fn admit_page(&self, request: &mut Parts) -> Result<(), Answer> {
        forget_identity(&mut request.extensions);
        hide_tokens(&mut request.headers);
        let Some(check) = &self.cross_site else { return Ok(()) };
        check.check(request).map_err(|why| {
            (self.on_cross_site)(&why, request);
            Answer { status: StatusCode::FORBIDDEN, headers: Headers::default() }
        })
    }

    fn token(&self, headers: &HeaderMap) -> Result<Vec<u8>, SignInStep> {
        // A browser's first request has no `Authorization` header. The layer challenges such a request without the
        // validator.
        if headers.contains_key(AUTHORIZATION) { self.source.token(headers) } else { Err(SignInStep::Challenge) }
    }

    /// Awaits the decision on a request with a token.
    pub(super) async fn decide<R: AsyncReplayCache>(
        &self,
        validator: &Validator<R>,
        token: &[u8],
        mut parts: Parts,
    ) -> Decided {
        let now = (self.clock)();
        let (kept, negotiation) = self.kept(&parts, now);
        let round_trips = match kept {
            Kept::Nowhere => RoundTrips::One,
            Kept::InCookie { .. } | Kept::WithConnection(_) => RoundTrips::Many(negotiation.as_ref()),
        };
        // Without `ConnectionInfo`, the request has no channel and no address. A policy that demands a channel or an address
        // refuses the request.
        let info = parts.extensions.get::<ConnectionInfo>();
        let arrival = info.map_or(Arrival::at(now), |info| info.arrival(now));
        let step = validator.sign_in_by_token(token, round_trips, &(self.randomness)(), arrival).await;
        let was_continued = negotiation.is_some();
        match self.respond(step, &mut parts, &kept, was_continued, now) {
            Ok(headers) => Ok((parts, headers)),
            Err(answer) => Err(Refusal { answer, request: parts }),
        }
    }

    /// Decides on a request without a token.
    fn decide_without_token(&self, step: SignInStep, mut parts: Parts) -> Decided {
        let now = (self.clock)();
        let (kept, negotiation) = self.kept(&parts, now);
        match self.respond(step, &mut parts, &kept, negotiation.is_some(), now) {
            Ok(headers) => Ok((parts, headers)),
            Err(answer) => Err(Refusal { answer, request: parts }),
        }
    }

    /// Returns the headers that the layer adds to the inner service's response, or the layer's own response if the
    /// request does not reach the inner service.
    fn respond(
        &self,
        step: SignInStep,
        parts: &mut Parts,
        kept: &Kept,
        was_continued: bool,
        now: UnixTime,
    ) -> Result<Headers, Answer> {
        let headers = Headers { www_authenticate: step.www_authenticate().and_then(sensitive), set_cookie: None };
        match step {
            SignInStep::SignedIn(signed_in) => {
                self.let_in(*signed_in, parts);
                Ok(self.cleared(kept, headers))
            }
            SignInStep::Challenge => {
                self.report_challenge(parts, was_continued);
                self.leave_out(NotSignedIn::NotAsked, parts, StatusCode::UNAUTHORIZED, self.cleared(kept, headers))
            }
            SignInStep::FallBack(refused) => self.fall_back(&refused, parts, self.cleared(kept, headers)),
            SignInStep::Continue(next) => match self.keep(next.into_negotiation(), kept, now) {
                Ok(set_cookie) => {
                    Err(Answer { status: StatusCode::UNAUTHORIZED, headers: Headers { set_cookie, ..headers } })
                }
                Err(refused) => self.fall_back(&refused, parts, self.cleared(kept, Headers::default())),
            },
        }
    }

    /// Reports a challenge. An optional layer reports no challenge, because the service itself chooses whether it challenges
    /// the client.
    fn report_challenge(&self, request: &Parts, was_continued: bool) {
        if self.demand == Demand::SignedIn {
            (self.on_challenged)(&challenge::report(request, was_continued), request);
        }
    }

    fn let_in(&self, signed_in: SignedIn, parts: &mut Parts) {
        (self.on_signed_in)(&signed_in, parts);
        parts.extensions.insert(Arc::new(signed_in.identity().to_owned()));
        parts.extensions.insert(Arc::new(signed_in.into_accepted()));
    }

    fn fall_back(&self, refused: &Refused, parts: &mut Parts, headers: Headers) -> Result<Headers, Answer> {
        challenge::report_answer(refused.error(), parts);
        (self.on_fall_back)(refused, parts);
        let why = NotSignedIn::Failed(Arc::new(refused.error().clone()));
        self.leave_out(why, parts, StatusCode::FORBIDDEN, headers)
    }

    fn leave_out(
        &self,
        why: NotSignedIn,
        parts: &mut Parts,
        status: StatusCode,
        headers: Headers,
    ) -> Result<Headers, Answer> {
        match self.demand {
            Demand::SignedIn => Err(Answer { status, headers }),
            Demand::Everybody => {
                parts.extensions.insert(why);
                // The service itself chooses whether it challenges the client.
                Ok(Headers { www_authenticate: None, ..headers })
            }
        }
    }
}

/// The place where the state of a negotiation is kept between two requests.
enum Kept {
    Nowhere,
    InCookie {
        /// Whether the request had the cookie.
        brought: bool,
    },
    WithConnection(ConnectionNegotiation),
}

impl Settings {
    /// Returns the place that keeps the state of this client's negotiation, and the state in this place.
    fn kept(&self, parts: &Parts, now: UnixTime) -> (Kept, Option<Negotiation>) {
        if let Some(cookie) = &self.cookie {
            let brought = cookie.read(&parts.headers);
            let negotiation = brought.and_then(|sealed| cookie.key.open(sealed, now));
            return (Kept::InCookie { brought: brought.is_some() }, negotiation);
        }
        match parts.extensions.get::<ConnectionNegotiation>() {
            Some(connection) if parts.version <= Version::HTTP_11 => {
                (Kept::WithConnection(connection.clone()), connection.take())
            }
            _ => (Kept::Nowhere, None),
        }
    }

    /// Keeps the state of a negotiation. If the place is a cookie, returns the header that sets the cookie.
    fn keep(&self, negotiation: Negotiation, kept: &Kept, now: UnixTime) -> Result<Option<HeaderValue>, Refused> {
        let cookie = match (kept, &self.cookie) {
            (Kept::WithConnection(connection), _) => {
                connection.keep(negotiation);
                return Ok(None);
            }
            // The seal needs new randomness, because the answer has already used the randomness of this request: see
            // `SealingKey::seal`.
            (Kept::InCookie { .. }, Some(cookie)) => cookie.set(&negotiation, &(self.randomness)(), now),
            _ => None,
        };
        cookie.map(Some).ok_or_else(|| {
            let error = Error::Negotiation(NegotiationCause::NotKept);
            observe::refused(&error, None);
            Refused::before_token(error)
        })
    }

    /// Removes the cookie of a negotiation that is over.
    fn cleared(&self, kept: &Kept, headers: Headers) -> Headers {
        match (kept, &self.cookie) {
            (Kept::InCookie { brought: true }, Some(cookie)) => Headers { set_cookie: cookie.remove(), ..headers },
            _ => headers,
        }
    }
}

impl<S: fmt::Debug, R> fmt::Debug for Negotiate<S, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Negotiate")
            .field("inner", &self.inner)
            .field("settings", &self.settings)
            .finish_non_exhaustive()
    }
}

/// Marks the request's credentials, so that `Debug` of the request does not print them. Otherwise a reader of the log could
/// sign in with a token from the log.
fn hide_tokens(headers: &mut HeaderMap) {
    let values = headers.iter_mut().filter(|(name, _)| *name == AUTHORIZATION);
    values.for_each(|(_, value)| value.set_sensitive(true));
}

/// Makes a header value that `Debug` does not print and HTTP/2 does not keep for compression.
fn sensitive(value: String) -> Option<HeaderValue> {
    // A scheme and base64 have only visible ASCII characters, so the conversion always succeeds.
    let mut value = HeaderValue::try_from(value).ok()?;
    value.set_sensitive(true);
    Some(value)
}
