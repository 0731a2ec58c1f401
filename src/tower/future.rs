//! The response of the layer: the layer's own response, or the inner service's response with the headers for the client.
//!
//! If a request has a token, the layer first decides whether the user may sign in. The inner service runs after this
//! decision.

use super::responses::{Responses, respond};
use super::source::{Decided, Decision};
use ::http::header::{SET_COOKIE, WWW_AUTHENTICATE};
use ::http::request::Parts;
use ::http::{HeaderValue, Request, Response, StatusCode};
use core::fmt;
use core::pin::Pin;
use core::task::{Context, Poll, ready};
use pin_project_lite::pin_project;
use tower_service::Service;

pin_project! {
    /// The future of [`Negotiate`](super::Negotiate).
    ///
    /// If this future is dropped before the decision is complete, no user is signed in and the inner service does not
    /// run.
    #[must_use]
    pub struct NegotiateFuture<S, A, B, R>
    where
        S: Service<Request<A>>,
    {
        #[pin]
        state: State<S, A, B, R>,
    }
}

pin_project! {
    #[project = StateProjection]
    enum State<S, A, B, R>
    where
        S: Service<Request<A>>,
    {
        Answered { response: Option<Response<B>> },
        Deciding { decision: Decision, inner: Option<(S, A)>, responses: R },
        Running { #[pin] response: S::Future, headers: Headers },
    }
}

/// The headers that the layer adds to a response.
#[derive(Debug, Default)]
pub(super) struct Headers {
    pub(super) www_authenticate: Option<HeaderValue>,
    pub(super) set_cookie: Option<HeaderValue>,
}

/// The layer's own response to a request. The inner service does not get the request.
pub(super) struct Answer {
    pub(super) status: StatusCode,
    pub(super) headers: Headers,
}

/// An answer, and the head of the request to which the answer belongs.
pub(super) struct Refusal {
    pub(super) answer: Answer,
    pub(super) request: Parts,
}

impl<S: Service<Request<A>>, A, B, R> NegotiateFuture<S, A, B, R> {
    /// Runs the inner service.
    pub(super) const fn running(response: S::Future, headers: Headers) -> Self {
        Self { state: State::Running { response, headers } }
    }

    /// Awaits the decision, and then runs `ready` unless the request is refused.
    pub(super) const fn deciding(decision: Decision, ready: S, body: A, responses: R) -> Self {
        Self { state: State::Deciding { decision, inner: Some((ready, body)), responses } }
    }
}

impl<S, A, B, R> NegotiateFuture<S, A, B, R>
where
    S: Service<Request<A>>,
    B: Default,
    R: Responses<B>,
{
    /// Answers without the inner service.
    pub(super) fn answered(refusal: Refusal, responses: &R) -> Self {
        Self { state: State::Answered { response: Some(refusal.into_response(responses)) } }
    }
}

impl<S, A, B, R> Future for NegotiateFuture<S, A, B, R>
where
    S: Service<Request<A>, Response = Response<B>>,
    B: Default,
    R: Responses<B>,
{
    type Output = Result<Response<B>, S::Error>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let mut state = self.project().state;
        loop {
            match state.as_mut().project() {
                // A finished future that is polled again may return `Pending`, by the contract of `Future`.
                StateProjection::Answered { response } => {
                    return response.take().map_or(Poll::Pending, |response| Poll::Ready(Ok(response)));
                }
                StateProjection::Deciding { decision, inner, responses } => {
                    let decided = ready!(decision.as_mut().poll(context));
                    let next = State::after(decided, inner.take(), responses);
                    state.set(next);
                }
                StateProjection::Running { response, headers } => {
                    let response = ready!(response.poll(context))?;
                    return Poll::Ready(Ok(core::mem::take(headers).around(response)));
                }
            }
        }
    }
}

impl<S, A, B, R> State<S, A, B, R>
where
    S: Service<Request<A>, Response = Response<B>>,
    B: Default,
    R: Responses<B>,
{
    /// Calls the inner service with an accepted request.
    fn after(decided: Decided, inner: Option<(S, A)>, responses: &R) -> Self {
        match (decided, inner) {
            (Ok((parts, headers)), Some((mut ready, body))) => {
                Self::Running { response: ready.call(Request::from_parts(parts, body)), headers }
            }
            (Err(refusal), _) => Self::Answered { response: Some(refusal.into_response(responses)) },
            // This case cannot occur: only this code takes the service, and the decision completes once.
            (Ok(_), None) => Self::Answered { response: None },
        }
    }
}

impl Refusal {
    fn into_response<B: Default>(self, responses: &impl Responses<B>) -> Response<B> {
        let Self { answer: Answer { status, headers }, request } = self;
        let mut response = respond(responses, status, &request);
        headers.put_into(&mut response);
        response
    }
}

impl Headers {
    /// Adds these headers to the inner service's response.
    fn around<B>(mut self, mut response: Response<B>) -> Response<B> {
        // A client would treat the final token in a 401 response as a request to continue the negotiation.
        if response.status() == StatusCode::UNAUTHORIZED {
            self.www_authenticate = None;
        }
        self.put_into(&mut response);
        response
    }

    fn put_into<B>(self, response: &mut Response<B>) {
        let headers = response.headers_mut();
        if let Some(value) = self.www_authenticate {
            headers.append(WWW_AUTHENTICATE, value);
        }
        if let Some(value) = self.set_cookie {
            headers.append(SET_COOKIE, value);
        }
    }
}

impl<S: Service<Request<A>>, A, B, R> fmt::Debug for NegotiateFuture<S, A, B, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = match self.state {
            State::Answered { .. } => "answered",
            State::Deciding { .. } => "deciding",
            State::Running { .. } => "running",
        };
        f.debug_tuple("NegotiateFuture").field(&state).finish()
    }
}
