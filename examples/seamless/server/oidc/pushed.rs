//! `POST /{tenant}/oauth2/par`: accepts an authorization request from its client, before the client sends the user to
//! the server (RFC 9126). The browser then carries only a reference to the request. So the user cannot change the
//! request, and the server knows that the client made it.
//!
//! The store keeps a request for [`LIFETIME`] seconds, encrypted with a key that is derived from the reference. A
//! reference can be used once.

use super::authorization_request::{AuthorizationRequest, Refused};
use super::authorize::hinted_subject;
use super::client_authentication::authenticate;
use super::conversation::{BrowserId, Conversation};
use super::error::ErrorCode;
use super::token::{self, Fields, Refusal, refuse, respond};
use crate::app::{App, Shared};
use crate::clock;
use crate::store::{Key, Kind, Records, Sealer, StoreError, When};
use crate::tenants::Tenant;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use kerberos_sso::UnixTime;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// The prefix of a reference (RFC 9126 section 2.2).
pub(super) const PREFIX: &str = "urn:ietf:params:oauth:request_uri:";

/// A request, in the form in which the store has it.
#[derive(Serialize, Deserialize)]
struct Pushed {
    tenant: String,
    end: i64,
    request: AuthorizationRequest,
}

pub(super) async fn push(State(app): State<Shared>, tenant: Tenant, headers: HeaderMap, fields: Fields) -> Response {
    match answer(&app, &tenant, &headers, fields).await {
        Ok(answer) => respond(StatusCode::CREATED, answer),
        Err(refusal) => refuse(&tenant, &headers, refusal),
    }
}

async fn answer(app: &App, tenant: &Tenant, headers: &HeaderMap, fields: Fields) -> Result<Value, Refusal> {
    let parameters = token::parameters(fields)?;
    let now = clock::now();
    let client = authenticate(app, tenant, headers, &parameters, now).await?;
    if parameters.get("request_uri").is_some() {
        return Err(ErrorCode::InvalidRequest.because("a pushed request must have no request_uri").into());
    }
    let request = AuthorizationRequest::of_client(&parameters, client);
    let mut request = request.map_err(|(Refused::Page(error) | Refused::Client(_, error))| error)?;
    if let Some(token) = parameters.get("id_token_hint") {
        let subject = hinted_subject(app, tenant, &client.id, token).await;
        let wrong = || ErrorCode::InvalidRequest.because("id_token_hint is no ID token of this client");
        request.hinted_subject = Some(subject.ok_or_else(wrong)?);
    }
    // The address of the sign-in page will contain the request, so the request must not be too long.
    if Conversation::new(&tenant.name, &BrowserId::random(), request.clone(), now).seal(&app.records).is_none() {
        return Err(ErrorCode::InvalidRequest.because("the request is too long").into());
    }
    let request_uri = keep(&app.records, &tenant.name, request, now).await?;
    Ok(json!({ "request_uri": request_uri, "expires_in": LIFETIME }))
}

/// Stores a pushed request, and returns the `request_uri` that names the request.
async fn keep(
    records: &Records,
    tenant: &str,
    request: AuthorizationRequest,
    now: UnixTime,
) -> Result<String, StoreError> {
    let (reference, end): ([u8; 32], _) = (clock::random(), now.saturating_add_seconds(LIFETIME));
    let key = key(records, &reference);
    let pushed = Pushed { tenant: tenant.into(), end: end.seconds(), request };
    records.put_with(&Sealer::new(records.secret(), &reference, &key), &key, &pushed, end, When::Absent).await?;
    Ok(format!("{PREFIX}{}", URL_SAFE_NO_PAD.encode(reference)))
}

/// Returns the request that `request_uri` names, and deletes the request from the store. Returns `None` if the
/// `request_uri` is unknown, was used, has expired, or belongs to another client or tenant.
///
/// # Errors
/// Returns an error if the store cannot be asked.
pub(super) async fn take(
    records: &Records,
    request_uri: &str,
    (tenant, client_id): (&str, Option<&str>),
    now: UnixTime,
) -> Result<Option<AuthorizationRequest>, StoreError> {
    let text = request_uri.strip_prefix(PREFIX).filter(|text| text.len() == LENGTH);
    let reference: Option<[u8; 32]> = text.and_then(|text| URL_SAFE_NO_PAD.decode(text).ok()?.try_into().ok());
    let Some(reference) = reference else { return Ok(None) };
    let key = key(records, &reference);
    let pushed: Option<Pushed> = records.take_with(&Sealer::new(records.secret(), &reference, &key), &key).await?;
    let is_good = |pushed: &Pushed| {
        pushed.tenant == tenant && Some(&*pushed.request.client_id) == client_id && pushed.end > now.seconds()
    };
    Ok(pushed.filter(is_good).map(|pushed| pushed.request))
}

/// Returns the store's key for a request. The key does not reveal the reference to a reader of the store.
fn key(records: &Records, reference: &[u8; 32]) -> Key {
    Key::new(Kind::PushedRequest, &records.secret().name(&[b"pushed", reference]))
}

/// The time for which a client can use a `request_uri`, in seconds.
const LIFETIME: i64 = 60;

/// The length of 32 octets in base64url.
const LENGTH: usize = 43;

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::oidc::conversation::tests::request;

    const TENANT: &str = "a.test";

    #[tokio::test]
    async fn reference_gives_the_request_once_within_a_minute_to_its_client_and_tenant() {
        let (records, now) = (Records::for_tests(), clock::now());
        for (tenant, client, seconds, expected) in [
            (TENANT, Some("app"), 0, true),
            (TENANT, Some("app"), 59, true),
            (TENANT, Some("app"), 60, false),
            (TENANT, Some("other"), 0, false),
            (TENANT, None, 0, false),
            ("b.test", Some("app"), 0, false),
        ] {
            let uri = keep(&records, TENANT, request(), now).await.unwrap();
            let found = take(&records, &uri, (tenant, client), now.saturating_add_seconds(seconds)).await.unwrap();
            assert_eq!(found, expected.then(request), "{tenant} {client:?} {seconds}");
            assert_eq!(take(&records, &uri, (TENANT, Some("app")), now).await, Ok(None), "the second time");
        }
        for unknown in ["", "x", &"A".repeat(43), &"A".repeat(44), &"!".repeat(43)] {
            let found = take(&records, &format!("{PREFIX}{unknown}"), (TENANT, Some("app")), now).await;
            assert_eq!(found, Ok(None), "{unknown}");
        }
    }
}
