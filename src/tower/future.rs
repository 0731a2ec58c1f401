//! The layer's response: its own, or that of the inner service with the headers for the client.

use ::http::header::{SET_COOKIE, WWW_AUTHENTICATE};
use ::http::{HeaderValue, Response, StatusCode};
use core::future::Future;
use core::pin::Pin;
use core::task::{Context, Poll, ready};
use pin_project_lite::pin_project;

pin_project! {
    /// The future of [`Negotiate`](super::Negotiate).
    #[derive(Debug)]
    #[must_use]
    pub struct NegotiateFuture<F, B> {
        #[pin]
        state: State<F, B>,
    }
}

pin_project! {
    #[project = StateProjection]
    #[derive(Debug)]
    enum State<F, B> {
        Answered { response: Option<Response<B>> },
        Running { #[pin] response: F, headers: Headers },
    }
}

/// The headers that a response gets in addition to its own.
#[derive(Debug, Default)]
pub(super) struct Headers {
    pub(super) www_authenticate: Option<HeaderValue>,
    pub(super) set_cookie: Option<HeaderValue>,
}

impl<F, B> NegotiateFuture<F, B> {
    pub(super) fn running(response: F, headers: Headers) -> Self {
        Self { state: State::Running { response, headers } }
    }

    /// Answers without the inner service.
    pub(super) fn answered(mut response: Response<B>, headers: Headers) -> Self {
        headers.put_into(&mut response);
        Self { state: State::Answered { response: Some(response) } }
    }
}

impl<F, B, E> Future for NegotiateFuture<F, B>
where
    F: Future<Output = Result<Response<B>, E>>,
{
    type Output = Result<Response<B>, E>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        match self.project().state.project() {
            // After its end the future has no response left. The contract of `Future` lets it stay pending then.
            StateProjection::Answered { response } => {
                response.take().map_or(Poll::Pending, |response| Poll::Ready(Ok(response)))
            }
            StateProjection::Running { response, headers } => {
                let mut response = ready!(response.poll(context))?;
                let mut headers = core::mem::take(headers);
                // A client would take the final token of a completed negotiation in a 401 for a request to continue.
                if response.status() == StatusCode::UNAUTHORIZED {
                    headers.www_authenticate = None;
                }
                headers.put_into(&mut response);
                Poll::Ready(Ok(response))
            }
        }
    }
}

impl Headers {
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
