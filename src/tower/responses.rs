//! The responses that a layer sends without its inner service: 401, 403 and 500, and their forms in gRPC.

use ::http::header::CONTENT_TYPE;
use ::http::request::Parts;
use ::http::{HeaderMap, HeaderName, HeaderValue, Response, StatusCode};

/// A type that makes the responses that a layer sends without its inner service.
///
/// A function that gets the status and the head of the request implements this trait: see
/// [`with_responses`](super::NegotiateLayer::with_responses).
pub trait Responses<B> {
    /// Returns the response for a status.
    fn response(&self, status: StatusCode, request: &Parts) -> Response<B>;
}

/// A type that makes responses with an empty body.
#[derive(Clone, Copy, Debug, Default)]
pub struct EmptyResponses;

impl<B: Default> Responses<B> for EmptyResponses {
    fn response(&self, _: StatusCode, _: &Parts) -> Response<B> {
        Response::new(B::default())
    }
}

impl<B, F: Fn(StatusCode, &Parts) -> Response<B>> Responses<B> for F {
    fn response(&self, status: StatusCode, request: &Parts) -> Response<B> {
        self(status, request)
    }
}

/// Makes the response with `status` for the client of `request`. The server's function cannot change the status.
pub(super) fn respond<B: Default>(responses: &impl Responses<B>, status: StatusCode, request: &Parts) -> Response<B> {
    if is_grpc(&request.headers) {
        return trailers_only(status);
    }
    let mut response = responses.response(status, request);
    *response.status_mut() = status;
    response
}

/// Returns whether a request is a gRPC call. A gRPC-Web call does not count as a gRPC call, because a browser makes the
/// call, and answers a challenge if the status is 401.
fn is_grpc(headers: &HeaderMap) -> bool {
    let parts = headers.get(CONTENT_TYPE).and_then(|value| value.as_bytes().split_at_checked(GRPC.len()));
    parts.is_some_and(|(media_type, rest)| {
        media_type.eq_ignore_ascii_case(GRPC.as_bytes()) && matches!(rest.first(), None | Some(b'+' | b';'))
    })
}

/// Makes a gRPC response without messages: the status is a header, and no body follows (Trailers-Only).
fn trailers_only<B: Default>(status: StatusCode) -> Response<B> {
    let mut response = Response::new(B::default());
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(GRPC));
    response.headers_mut().insert(GRPC_STATUS, HeaderValue::from_static(grpc_status(status)));
    response
}

/// Returns the gRPC status: UNAUTHENTICATED, PERMISSION_DENIED or, for a mistake in the server, INTERNAL.
fn grpc_status(status: StatusCode) -> &'static str {
    match status {
        StatusCode::UNAUTHORIZED => "16",
        StatusCode::FORBIDDEN => "7",
        _ => "13",
    }
}

const GRPC: &str = "application/grpc";
const GRPC_STATUS: HeaderName = HeaderName::from_static("grpc-status");
