//! The fault of the WS-Trust endpoints: SOAP 1.2 section 5.4, with the details of the Passport namespace in which clients look for
//! a number.

use super::assertion::instant;
use super::codes::Code;
use super::rst;
use super::templates;
use crate::clock;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse as _, Response};
use kerberos_sso::UnixTime;
use minijinja::context;
use std::borrow::Cow;

/// The reason why a client gets no token.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Fault {
    status: StatusCode,
    code: Code,
    /// The text after the number.
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
    /// The client has not signed in.
    pub(super) const fn authentication(status: StatusCode, code: Code) -> Self {
        Self { status, code, text: None, blame: Blame::FailedAuthentication }
    }

    /// The server cannot decide now.
    pub(super) const fn unavailable() -> Self {
        Self {
            status: StatusCode::SERVICE_UNAVAILABLE,
            code: Code::Unavailable,
            text: None,
            blame: Blame::RequestFailed,
        }
    }

    /// The request cannot be read.
    pub(super) const fn request(status: StatusCode, code: Code) -> Self {
        Self { status, code, text: None, blame: Blame::InvalidRequest }
    }

    /// Says more than the code.
    pub(super) fn because(self, text: impl Into<Cow<'static, str>>) -> Self {
        Self { text: Some(text.into()), ..self }
    }

    /// Returns the envelope of the fault.
    pub(super) fn respond(&self, headers: HeaderMap) -> Response {
        // A client without a ticket is challenged, and the log has that already.
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

/// Returns a response with an envelope, which caches must not store.
pub(super) fn soap(status: StatusCode, envelope: String) -> Response {
    let headers = [(CONTENT_TYPE, "application/soap+xml; charset=utf-8"), (CACHE_CONTROL, "no-store")];
    (status, headers, envelope).into_response()
}
