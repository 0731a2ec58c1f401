//! The fault of the WS-Trust endpoints (SOAP 1.2 section 5.4). Clients read the error number from the fault's details,
//! in the Passport namespace.

use super::assertion::instant;
use super::codes::Code;
use super::rst;
use super::soap_request::is_trust;
use super::templates;
use crate::clock;
use axum::extract::Request;
use axum::http::header::{CACHE_CONTROL, CONTENT_LENGTH, CONTENT_TYPE};
use axum::http::{HeaderMap, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use kerberos_sso::UnixTime;
use minijinja::context;
use std::borrow::Cow;

/// The reason why a client gets no token.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Fault {
    status: StatusCode,
    code: Code,
    /// The sentence after the error number, or `None` for the general sentence of the code.
    text: Option<Cow<'static, str>>,
    blame: Blame,
}

/// The code of SOAP 1.2 section 5.4.6, and the code of WS-Trust section 10.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Blame {
    FailedAuthentication,
    InvalidRequest,
    InvalidScope,
    RequestFailed,
    MustUnderstand,
    VersionMismatch,
}

impl Fault {
    /// Returns the fault for a client that has not signed in.
    pub(super) const fn authentication(status: StatusCode, code: Code) -> Self {
        Self { status, code, text: None, blame: Blame::FailedAuthentication }
    }

    /// Returns the fault for a request that the server cannot decide now, because a service that it needs has failed.
    pub(super) const fn unavailable() -> Self {
        Self {
            status: StatusCode::SERVICE_UNAVAILABLE,
            code: Code::Unavailable,
            text: None,
            blame: Blame::RequestFailed,
        }
    }

    /// Returns the fault for a request that cannot be read.
    pub(super) const fn request(status: StatusCode, code: Code) -> Self {
        Self { status, code, text: None, blame: Blame::InvalidRequest }
    }

    /// Returns the fault for a request that the server refused because of a limit, before the endpoint read the
    /// request.
    fn of_limit(status: StatusCode) -> Self {
        let fault = match status {
            StatusCode::TOO_MANY_REQUESTS | StatusCode::REQUEST_TIMEOUT => Self { status, ..Self::unavailable() },
            _ if status.is_server_error() => Self { status, ..Self::unavailable() },
            _ => Self::request(status, Code::InvalidStsRequest),
        };
        match status {
            StatusCode::TOO_MANY_REQUESTS => fault.because("Too many requests came from your address."),
            StatusCode::REQUEST_TIMEOUT => fault.because("The request took too long."),
            StatusCode::METHOD_NOT_ALLOWED => fault.because("The method of this endpoint is POST."),
            _ => fault,
        }
    }

    /// Replaces the general sentence of the error code by the precise sentence `text`.
    pub(super) fn because(self, text: impl Into<Cow<'static, str>>) -> Self {
        Self { text: Some(text.into()), ..self }
    }

    /// Returns the response with the envelope of the fault.
    pub(super) fn respond(&self, headers: HeaderMap) -> Response {
        // The log already has a line for the challenge that a client without a ticket gets.
        if self.code != Code::NoAuthorizationHeader {
            tracing::warn!(aadsts = self.code.number(), "a native client gets a fault: {}", self.sentence());
        }
        let mut response = match self.envelope(clock::now()) {
            Some(envelope) => soap(self.status, envelope),
            None => self.status.into_response(),
        };
        response.headers_mut().extend(headers);
        response
    }

    fn sentence(&self) -> String {
        self.code.text(self.text.as_deref())
    }

    pub(super) fn envelope(&self, now: UnixTime) -> Option<String> {
        let (code, subcode) = self.blame.names();
        let reason: Cow<'_, str> = match self.blame {
            Blame::FailedAuthentication => "Authentication Failure".into(),
            _ => self.sentence().into(),
        };
        let values = context! { code, subcode, reason, text => self.sentence(), now => instant(now) };
        templates::render("fault.xml", values)
    }
}

impl From<rst::Refusal> for Fault {
    fn from(refusal: rst::Refusal) -> Self {
        let blame = match refusal {
            rst::Refusal::InvalidRequest(_) => Blame::InvalidRequest,
            rst::Refusal::InvalidScope => Blame::InvalidScope,
            rst::Refusal::MustUnderstand => Blame::MustUnderstand,
            rst::Refusal::VersionMismatch => Blame::VersionMismatch,
        };
        Self {
            status: StatusCode::BAD_REQUEST,
            code: Code::InvalidStsRequest,
            text: Some(format!("Invalid STS request: {}", refusal.reason()).into()),
            blame,
        }
    }
}

impl Blame {
    const fn names(self) -> (&'static str, &'static str) {
        match self {
            Self::FailedAuthentication => ("Sender", "FailedAuthentication"),
            Self::InvalidRequest => ("Sender", "InvalidRequest"),
            Self::InvalidScope => ("Sender", "InvalidScope"),
            Self::RequestFailed => ("Receiver", "RequestFailed"),
            Self::MustUnderstand => ("MustUnderstand", ""),
            Self::VersionMismatch => ("VersionMismatch", ""),
        }
    }
}

/// Makes every response of the WS-Trust endpoints XML, even if another layer of the server made the response. The clients of
/// these endpoints read only XML.
pub(crate) async fn answer_in_xml(request: Request, next: Next) -> Response {
    let is_trust = is_trust(request.uri().path());
    let response = next.run(request).await;
    let is_soap =
        response.headers().get(CONTENT_TYPE).is_some_and(|kind| kind.as_bytes().starts_with(b"application/soap"));
    if !is_trust || is_soap {
        return response;
    }
    let (mut parts, _) = response.into_parts();
    parts.headers.remove(CONTENT_TYPE);
    parts.headers.remove(CONTENT_LENGTH);
    Fault::of_limit(parts.status).respond(parts.headers)
}

/// Returns a response with an envelope, which caches must not store.
pub(super) fn soap(status: StatusCode, envelope: String) -> Response {
    let headers = [(CONTENT_TYPE, "application/soap+xml; charset=utf-8"), (CACHE_CONTROL, "no-store")];
    (status, headers, envelope).into_response()
}
