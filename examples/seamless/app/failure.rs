//! The reasons why a sign-in or a sign-out failed, and what the user can do.

use crate::http_client::innermost;
use crate::issuer::IssuerError;
use axum::http::StatusCode;
use openidconnect::ClaimsVerificationError;
use std::error::Error;

/// The reason why a sign-in or a sign-out failed. The text says what happened.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Failure {
    #[error("The link has sign-in parameters that this application does not support.")]
    Wish,
    #[error("The sign-in server does not answer: {0}.")]
    NoIssuer(String),
    #[error("The answer of the sign-in server lacks a parameter, or has a parameter twice.")]
    Answer,
    #[error("The answer belongs to no sign-in that began in this browser in the last ten minutes, or it came twice.")]
    NotBegunHere,
    #[error("The answer is of another sign-in server: {}.", .0.as_deref().unwrap_or("it names none"))]
    OtherIssuer(Option<String>),
    #[error("The sign-in server refused: {code}{}", described(.description.as_deref()))]
    Refused { code: String, description: Option<String> },
    #[error("The sign-in server gave no tokens for its code: {0}.")]
    NoTokens(String),
    #[error("The sign-in server gave no ID token.")]
    NoIdToken,
    #[error("The ID token cannot be accepted: {}.", innermost(.0))]
    IdToken(#[from] ClaimsVerificationError),
    #[error("The access token is not the token that the ID token names.")]
    OtherAccessToken,
    #[error("You are signed out here, but the sign-in server does not answer: {0}.")]
    StillSignedIn(String),
}

impl Failure {
    #[expect(clippy::needless_pass_by_value, reason = "for `map_err`")]
    pub(crate) fn no_issuer(error: IssuerError) -> Self {
        Self::NoIssuer(innermost(&error))
    }

    #[expect(clippy::needless_pass_by_value, reason = "for `map_err`")]
    pub(crate) fn still_signed_in(error: IssuerError) -> Self {
        Self::StillSignedIn(innermost(&error))
    }

    pub(crate) fn no_tokens(error: impl Error) -> Self {
        Self::NoTokens(innermost(&error))
    }

    pub(crate) const fn title(&self) -> &'static str {
        match self {
            Self::StillSignedIn(_) => "You are not signed out everywhere",
            _ => "You are not signed in",
        }
    }

    pub(crate) const fn status(&self) -> StatusCode {
        match self {
            Self::NoIssuer(_) | Self::StillSignedIn(_) => StatusCode::SERVICE_UNAVAILABLE,
            Self::NoTokens(_) | Self::NoIdToken | Self::IdToken(_) | Self::OtherAccessToken => StatusCode::BAD_GATEWAY,
            Self::Wish | Self::Answer | Self::NotBegunHere | Self::OtherIssuer(_) | Self::Refused { .. } => {
                StatusCode::BAD_REQUEST
            }
        }
    }

    /// Returns what the user can do.
    pub(crate) fn remedy(&self) -> &'static str {
        match self {
            Self::Wish => "Sign in with the button below.",
            Self::NoIssuer(_) => "The server may still be starting. Try again in a moment.",
            Self::Answer | Self::NotBegunHere => {
                "Sign in again with the button below. If this repeats, allow cookies for this application."
            }
            Self::OtherIssuer(_) => {
                "Do not continue at that server. Sign in again, and tell the administrator what you did before this error."
            }
            Self::Refused { code, .. } => remedy_of(code),
            Self::NoTokens(_) => {
                "Sign in again. If this repeats, the administrator must compare the client id and the secret."
            }
            Self::NoIdToken | Self::IdToken(_) | Self::OtherAccessToken => {
                "Sign in again. If this repeats, the administrator must compare the clocks and the issuer's address."
            }
            Self::StillSignedIn(_) => "Close all windows of the browser, or sign out at the sign-in server.",
        }
    }
}

/// Returns what a user can do about an error code (RFC 6749 section 4.1.2.1, OpenID Connect Core 3.1.2.6, RFC 8707
/// section 2).
fn remedy_of(code: &str) -> &'static str {
    match code {
        "login_required" | "interaction_required" | "account_selection_required" | "consent_required" => {
            "The server must ask you something. Sign in with the button below, which lets it ask."
        }
        "access_denied" => "Sign in again with another account, or ask the administrator for access.",
        "server_error" | "temporarily_unavailable" => "Try again in a moment.",
        "invalid_scope" | "invalid_target" | "unauthorized_client" => {
            "The administrator must register this application's scopes and its API at the sign-in server."
        }
        _ => "Sign in again. If this repeats, tell the administrator the code above.",
    }
}

fn described(description: Option<&str>) -> String {
    description.map_or_else(|| ".".to_owned(), |text| format!(" ({text})."))
}
