//! The clients of the built-in test realm, for the sample application and for trials. The secret may be public, because
//! a sign-in with the test realm proves nothing about the user.

use super::clients::RegisteredClient;
use serde_json::{Value, json};
use std::net::SocketAddr;

/// The secret of the sample application in the test realm.
pub(crate) const APP_SECRET: &str = "app-secret-of-the-test-realm";

const APP_SECRET_SHA256: &str = "31553f884066df5473b978aeda37fb98394899ba77ac597daab1930114994491";

/// Returns the registration of the sample application, whose address is `app`, and that of a native client.
pub(crate) fn clients(app: Option<SocketAddr>) -> Vec<RegisteredClient> {
    let origin = format!("http://{}", app.unwrap_or(([127, 0, 0, 1], 8081).into()));
    let mut clients: [Value; 2] = [
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
    // The sample application can receive logout tokens only if this server also runs the application.
    if let (Some(_), Some(app)) = (app, clients.first_mut().and_then(Value::as_object_mut)) {
        app.insert("backchannel_logout_uri".into(), format!("{origin}/backchannel-logout").into());
    }
    clients.into_iter().filter_map(|client| serde_json::from_value(client).ok()).collect()
}
