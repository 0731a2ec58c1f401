//! The service: a request to a step, and the step to what the client gets.

use super::extensions::{ConnectionFacts, ConnectionNegotiation, NotSignedIn};
use super::future::{Headers, NegotiateFuture};
use super::layer::{Demand, Settings};
use super::source::Turns;
use crate::accept::Negotiation;
use crate::error::{Error, NegotiationCause};
use crate::http::{FallBack, SignInStep, SignedIn};
use crate::observe;
use crate::time::UnixTime;
use ::http::header::AUTHORIZATION;
use ::http::request::Parts;
use ::http::{HeaderValue, Request, Response, StatusCode, Version};
use core::task::{Context, Poll};
use std::sync::Arc;
use tower_service::Service;

/// Signs users in before the service that it holds. Made by [`NegotiateLayer`](super::NegotiateLayer).
#[derive(Clone, Debug)]
pub struct Negotiate<S> {
    inner: S,
    settings: Arc<Settings>,
}

impl<S> Negotiate<S> {
    pub(super) const fn new(inner: S, settings: Arc<Settings>) -> Self {
        Self { inner, settings }
    }
}

impl<S, ReqBody, ResBody> Service<Request<ReqBody>> for Negotiate<S>
where
    S: Service<Request<ReqBody>, Response = Response<ResBody>>,
    ResBody: Default,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = NegotiateFuture<S::Future, ResBody>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, request: Request<ReqBody>) -> Self::Future {
        let (mut parts, body) = request.into_parts();
        match self.settings.admit(&mut parts) {
            Ok(headers) => NegotiateFuture::running(self.inner.call(Request::from_parts(parts, body)), headers),
            Err((status, headers)) => NegotiateFuture::answered(status, headers),
        }
    }
}

impl Settings {
    /// What the inner service's response gets besides its own headers; or what is answered without the service.
    fn admit(&self, parts: &mut Parts) -> Result<Headers, (StatusCode, Headers)> {
        let now = (self.clock)();
        let (place, turns) = self.place(parts, now);
        let step = self.decide(parts, &turns, now);
        let headers = Headers { www_authenticate: step.www_authenticate().and_then(sensitive), set_cookie: None };
        match step {
            SignInStep::SignedIn(signed_in) => {
                self.let_in(*signed_in, parts);
                Ok(self.cleared(&place, headers))
            }
            SignInStep::Challenge => {
                self.leave_out(NotSignedIn::NotAsked, parts, StatusCode::UNAUTHORIZED, self.cleared(&place, headers))
            }
            SignInStep::FallBack(fall_back) => self.fall_back(fall_back, parts, self.cleared(&place, headers)),
            SignInStep::Continue(leg) => match self.keep(leg.into_negotiation(), &place, now) {
                Ok(set_cookie) => Err((StatusCode::UNAUTHORIZED, Headers { set_cookie, ..headers })),
                Err(unkept) => self.fall_back(unkept, parts, self.cleared(&place, Headers::default())),
            },
        }
    }

    fn decide(&self, parts: &Parts, turns: &Turns, now: UnixTime) -> SignInStep {
        // Every browser's first request: it takes no validator, and nothing of the operating system's randomness.
        if !parts.headers.contains_key(AUTHORIZATION) {
            return SignInStep::Challenge;
        }
        let facts = parts.extensions.get::<ConnectionFacts>();
        let connection = facts.map(ConnectionFacts::connection).unwrap_or_default();
        self.source.decide(&parts.headers, turns, &connection, &(self.randomness)(), now)
    }

    fn let_in(&self, signed_in: SignedIn, parts: &mut Parts) {
        (self.on_signed_in)(&signed_in, parts);
        parts.extensions.insert(signed_in.identity().to_owned());
        parts.extensions.insert(Arc::new(signed_in.into_accepted()));
    }

    fn fall_back(
        &self,
        fall_back: FallBack,
        parts: &mut Parts,
        headers: Headers,
    ) -> Result<Headers, (StatusCode, Headers)> {
        (self.on_fall_back)(&fall_back, parts);
        let why = NotSignedIn::Failed(Arc::new(fall_back.into_error()));
        self.leave_out(why, parts, StatusCode::FORBIDDEN, headers)
    }

    fn leave_out(
        &self,
        why: NotSignedIn,
        parts: &mut Parts,
        status: StatusCode,
        headers: Headers,
    ) -> Result<Headers, (StatusCode, Headers)> {
        match self.demand {
            Demand::SignedIn => Err((status, headers)),
            Demand::Everybody => {
                parts.extensions.insert(why);
                // Whether to challenge is the service's own choice.
                Ok(Headers { www_authenticate: None, ..headers })
            }
        }
    }
}

/// Where a conversation is kept between two requests.
enum Place {
    Nowhere,
    Cookie { brought: bool },
    Connection(ConnectionNegotiation),
}

impl Settings {
    /// Where the client's conversation has its place, and what was there.
    fn place(&self, parts: &Parts, now: UnixTime) -> (Place, Turns) {
        if let Some(cookie) = &self.cookie {
            let brought = cookie.read(&parts.headers);
            let kept = brought.and_then(|sealed| cookie.key.open(sealed, now));
            return (Place::Cookie { brought: brought.is_some() }, Turns::Many(kept));
        }
        match parts.extensions.get::<ConnectionNegotiation>() {
            Some(place) if parts.version <= Version::HTTP_11 => {
                (Place::Connection(place.clone()), Turns::Many(place.take()))
            }
            _ => (Place::Nowhere, Turns::One),
        }
    }

    /// Keeps a conversation, and says which cookie that takes, if any.
    fn keep(&self, negotiation: Negotiation, place: &Place, now: UnixTime) -> Result<Option<HeaderValue>, FallBack> {
        let cookie = match (place, &self.cookie) {
            (Place::Connection(place), _) => {
                place.keep(negotiation);
                return Ok(None);
            }
            // Other randomness than the answer's: see `SealingKey::seal`.
            (Place::Cookie { .. }, Some(cookie)) => cookie.set(&negotiation, &(self.randomness)(), now),
            _ => None,
        };
        cookie.map(Some).ok_or_else(|| {
            let error = Error::Negotiation(NegotiationCause::NotKept);
            observe::refused(&error, None);
            FallBack::from(error)
        })
    }

    /// A conversation that is over leaves no cookie.
    fn cleared(&self, place: &Place, headers: Headers) -> Headers {
        match (place, &self.cookie) {
            (Place::Cookie { brought: true }, Some(cookie)) => Headers { set_cookie: cookie.remove(), ..headers },
            _ => headers,
        }
    }
}

/// Marked so, a value is neither printed nor, in HTTP/2, kept for compression.
fn sensitive(value: &str) -> Option<HeaderValue> {
    let mut value = HeaderValue::try_from(value).ok()?;
    value.set_sensitive(true);
    Some(value)
}
