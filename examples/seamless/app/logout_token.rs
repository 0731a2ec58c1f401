//! `/backchannel-logout`: the issuer says that a user has signed out (OpenID Connect Back-Channel Logout 1.0).

use crate::access_token::{Refusal, named_key};
use crate::key_set::NoKey;
use crate::shared::Shared;
use axum::Json;
use axum::extract::rejection::FormRejection;
use axum::extract::{Form, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};
use jwt_simple::algorithms::{RS256PublicKey, RSAPublicKeyLike as _};
use jwt_simple::prelude::{Duration, UnixTimeStamp, VerificationOptions};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::collections::HashMap;
use std::time::SystemTime;

/// The form of the issuer's message (section 2.5).
#[derive(Deserialize)]
pub(crate) struct Message {
    logout_token: String,
}

/// The claims of a logout token that RFC 7519 does not define (section 2.4).
#[derive(Serialize, Deserialize)]
struct Claims {
    sid: Option<String>,
    events: HashMap<String, Value>,
}

/// The user whose sessions end. If the token names a session at the issuer (`sid`), only the application's sessions
/// from this session end.
#[derive(Debug, PartialEq, Eq)]
struct Ended {
    subject: Option<String>,
    stay: Option<String>,
}

/// `POST /backchannel-logout`. The same message can come twice without harm, because the second message finds no
/// session.
pub(crate) async fn receive(State(app): State<Shared>, message: Result<Form<Message>, FormRejection>) -> Response {
    let Ok(Form(Message { logout_token })) = message else { return refused("the message has no logout token") };
    let key = match named_key(&logout_token) {
        Ok(name) => app.keys.key(&name, &app).await,
        Err(refusal) => Err(refusal.into()),
    };
    let judged = match key {
        Ok(key) => judge(&logout_token, &key, app.config.issuer.as_str(), &app.config.client_id, (app.now)()),
        Err(NoKey::Refused(refusal)) => Err(refusal),
        // This status tells the issuer to send the message again.
        Err(reason @ NoKey::Unavailable(_)) => {
            tracing::warn!("a logout token cannot be checked: {reason}");
            return StatusCode::SERVICE_UNAVAILABLE.into_response();
        }
    };
    match judged {
        Ok(ended) => {
            let sessions =
                app.sessions.forget(|session| ended.is_of(&session.user.subject, session.user.stay.as_deref()));
            tracing::info!(sessions, "the issuer says that a user has signed out");
            StatusCode::OK.into_response()
        }
        Err(refusal) => refused(&refusal.to_string()),
    }
}

impl Ended {
    fn is_of(&self, subject: &str, stay: Option<&str>) -> bool {
        let is_of_subject = self.subject.as_deref().is_none_or(|ended| ended == subject);
        is_of_subject && self.stay.as_deref().is_none_or(|ended| Some(ended) == stay)
    }
}

/// Validates a logout token with the issuer's key (section 2.6).
fn judge(token: &str, key: &RS256PublicKey, issuer: &str, client_id: &str, now: SystemTime) -> Result<Ended, Refusal> {
    let now = now.duration_since(SystemTime::UNIX_EPOCH).map_err(|_| Refusal::NotYetValid)?;
    let options = VerificationOptions {
        required_signature_type: Some(TYPE.to_owned()),
        allowed_issuers: Some([issuer.to_owned()].into()),
        allowed_audiences: Some([client_id.to_owned()].into()),
        time_tolerance: Some(Duration::from_secs(SKEW)),
        max_token_length: Some(MAX_SIZE),
        artificial_time: Some(UnixTimeStamp::from_secs(now.as_secs())),
        ..VerificationOptions::default()
    };
    let claims = key.verify_token::<Claims>(token, Some(options)).map_err(|error| Refusal::of(error.downcast_ref()))?;
    let Claims { sid, events } = claims.custom;
    let is_complete = claims.issued_at.is_some() && claims.expires_at.is_some() && claims.jwt_id.is_some();
    let names_a_user = sid.is_some() || claims.subject.is_some();
    let is_for_sign_out = events.get(EVENT).is_some_and(Value::is_object) && claims.nonce.is_none();
    if !is_complete || !names_a_user || !is_for_sign_out {
        return Err(Refusal::NoSignOut);
    }
    Ok(Ended { subject: claims.subject, stay: sid })
}

fn refused(reason: &str) -> Response {
    tracing::warn!("a logout token is refused: {reason}");
    (StatusCode::BAD_REQUEST, Json(json!({ "error": "invalid_request", "error_description": reason }))).into_response()
}

const TYPE: &str = "logout+jwt";
const EVENT: &str = "http://schemas.openid.net/event/backchannel-logout";
/// How far the clocks of the issuer and the application may differ, in seconds.
const SKEW: u64 = 60;
const MAX_SIZE: usize = 8 * 1024;
