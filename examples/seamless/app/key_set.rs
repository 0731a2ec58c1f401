//! The keys with which the issuer signs access tokens (RFC 7517).

use crate::access_token::Refusal;
use crate::http_client::innermost;
use crate::issuer::{RETRY, is_younger};
use crate::shared::Application;
use axum::http::{Request, StatusCode};
use jwt_simple::algorithms::RS256PublicKey;
use serde::Deserialize;
use std::collections::HashMap;
use std::time::{Duration, SystemTime};
use tokio::sync::Mutex;

/// The keys of the issuer's last answer. The application does not store a failure.
pub(crate) struct KeySet {
    found: Mutex<Option<Found>>,
}

struct Found {
    keys: HashMap<String, RS256PublicKey>,
    at: SystemTime,
}

/// The reason why the API has no key for a token.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum NoKey {
    #[error(transparent)]
    Refused(#[from] Refusal),
    #[error("the issuer's keys are not available: {0}")]
    Unavailable(String),
}

impl KeySet {
    pub(crate) fn new() -> Self {
        Self { found: Mutex::new(None) }
    }

    /// Returns the key whose key ID (`kid`) is `name`. If the key ID is unknown, asks the issuer for its keys, but at
    /// most once a minute. With this limit, forged tokens cannot make the API ask the issuer again and again.
    pub(crate) async fn key(&self, name: &str, app: &Application) -> Result<RS256PublicKey, NoKey> {
        let now = (app.now)();
        // The task holds the lock until the issuer has answered, so simultaneous requests ask the issuer only once.
        let mut found = self.found.lock().await;
        if let Some(found) = found.as_ref() {
            let known = found.keys.get(name);
            if is_younger(found.at, if known.is_some() { LIFETIME } else { RETRY }, now) {
                return Ok(known.ok_or(Refusal::Key)?.clone());
            }
        }
        let keys = fetch(app).await.map_err(NoKey::Unavailable)?;
        let key = keys.get(name).cloned();
        *found = Some(Found { keys, at: now });
        Ok(key.ok_or(Refusal::Key)?)
    }
}

/// Asks the issuer for its keys.
async fn fetch(app: &Application) -> Result<HashMap<String, RS256PublicKey>, String> {
    let metadata = app.issuer.metadata(&app.http, (app.now)()).await.map_err(|error| innermost(&error))?;
    let request = Request::get(metadata.jwks_uri().as_str()).body(Vec::new()).map_err(|error| error.to_string())?;
    let response = app.http.send(request).await.map_err(|error| error.to_string())?;
    if response.status() != StatusCode::OK {
        return Err(response.status().to_string());
    }
    read(response.body()).map_err(|error| error.to_string())
}

/// Reads the RSA keys for RS256. Skips other keys, and keys that it cannot read, so one faulty key does not hide the
/// other keys.
fn read(text: &[u8]) -> Result<HashMap<String, RS256PublicKey>, serde_json::Error> {
    let set: Set = serde_json::from_slice(text)?;
    let named = |key: &serde_json::Value| {
        let name = key.get("kid")?.as_str()?.to_owned();
        Some((name, RS256PublicKey::from_jwk(&key.to_string()).ok()?))
    };
    Ok(set.keys.iter().filter_map(named).take(MAX_KEYS).collect())
}

#[derive(Deserialize)]
struct Set {
    keys: Vec<serde_json::Value>,
}

/// The age of the keys at which the API asks the issuer for its current keys. After the issuer has withdrawn a key, the
/// API accepts this key for at most this time.
const LIFETIME: Duration = Duration::from_mins(10);
const MAX_KEYS: usize = 16;

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::fake_issuer::{KEY, change};
    use serde_json::json;

    #[test]
    fn only_rs256_keys_with_a_name_are_read() {
        let good = KEY.jwk("good");
        let differing = |changes| {
            let mut key = good.clone();
            change(&mut key, &changes);
            key
        };
        let set = json!({ "keys": [
            differing(json!({ "kid": "other algorithm", "alg": "PS256" })),
            differing(json!({ "kid": null })),
            differing(json!({ "kid": "to encrypt", "use": "enc" })),
            json!({ "kty": "oct", "kid": "secret", "k": "AAAA" }),
            good,
        ] });
        let keys = read(set.to_string().as_bytes()).unwrap();
        assert_eq!(keys.keys().collect::<Vec<_>>(), ["good"]);
    }
}
