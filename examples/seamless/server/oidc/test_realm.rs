//! The clients of the built-in test realm, for the sample application and for trials. The secret is public, because the test
//! realm proves nobody.

use super::clients::RegisteredClient;
use serde_json::{Value, json};
use std::net::SocketAddr;

/// The secret of the sample application in the test realm.
pub(crate) const APP_SECRET: &str = "app-secret-of-the-test-realm";

const APP_SECRET_SHA256: &str = "31553f884066df5473b978aeda37fb98394899ba77ac597daab1930114994491";

/// Returns the sample application at `app`, and a native client.
pub(crate) fn clients(app: Option<SocketAddr>) -> Vec<RegisteredClient> {
    let origin = format!("http://{}", app.unwrap_or(([127, 0, 0, 1], 8081).into()));
    let clients: [Value; 2] = [
        json!({
            "id": "app",
            "name": "Sample application",
            "secret_sha256": APP_SECRET_SHA256,
            "redirect_uris": [format!("{origin}/callback")],
            "post_logout_redirect_uris": [format!("{origin}/")],
            "scopes": ["openid", "profile", "email", "groups", "offline_access", "api.read"],
            "resources": [format!("{origin}/api")],
            "grants": ["authorization_code", "refresh_token"],
        }),
        json!({
            "id": "native",
            "name": "Native client",
            "redirect_uris": ["http://127.0.0.1/callback"],
            "scopes": ["openid", "profile", "email", "groups", "offline_access", "api.read"],
            "resources": [format!("{origin}/api"), "urn:api"],
            "grants": ["authorization_code", "refresh_token", "urn:ietf:params:oauth:grant-type:saml1_1-bearer"],
        }),
    ];
    clients.into_iter().filter_map(|client| serde_json::from_value(client).ok()).collect()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::oidc::Clients;
    use crate::oidc::parameters::Parameters;
    use axum::http::HeaderMap;

    #[test]
    fn sample_application_is_authenticated_by_its_secret_and_the_native_client_without_one() {
        let clients = Clients::new(clients(None)).unwrap();
        for form in [format!("client_id=app&client_secret={APP_SECRET}"), "client_id=native".into()] {
            assert!(clients.authenticate(&HeaderMap::new(), &Parameters::parse(form.as_bytes())).is_ok(), "{form}");
        }
    }
}
