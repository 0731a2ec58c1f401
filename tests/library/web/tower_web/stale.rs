//! Tests of identities that are in the extensions before the layer runs. Code behind the layer must see only what the
//! layer itself decided on the request.

use super::{authorized, body, layer, request, send};
use crate::common::dialogue::Host;
use axum::routing::get;
use axum::{Extension, Router};
use kerberos_sso::tower::NotSignedIn;
use kerberos_sso::{Accepted, Identity};
use std::sync::Arc;

async fn who(
    copied: Option<Extension<Identity>>,
    shared: Option<Extension<Arc<Identity>>>,
    accepted: Option<Extension<Arc<Accepted>>>,
    why: Option<Extension<NotSignedIn>>,
) -> String {
    let names = [
        copied.map(|identity| identity.0.name),
        shared.map(|identity| identity.name.clone()),
        accepted.map(|accepted| accepted.identity().name().to_string()),
        why.map(|why| match why.0 {
            NotSignedIn::NotAsked => "not asked".into(),
            NotSignedIn::Failed(error) => error.code().into(),
            other => format!("{other:?}"),
        }),
    ];
    names.map(|name| name.unwrap_or("-".into())).join(", ")
}

#[tokio::test]
async fn identity_from_before_the_layer_is_removed_when_no_user_signs_in() {
    let host = Host::new();
    let mallory = host.realm.ticket_for("mallory").at(host.now).mint();
    let (mallory, _) = host.ends(&mallory, None);
    let identity = mallory.identity().to_owned();
    let mallory = Arc::new(mallory);
    let app = Router::new().route("/", get(who)).layer(layer(&host).optional());
    let with_mallory = |authorization: Option<&str>| {
        let mut request = request("GET", &[]);
        request.extensions_mut().insert(identity.clone());
        request.extensions_mut().insert(Arc::new(identity.clone()));
        request.extensions_mut().insert(Arc::clone(&mallory));
        authorization.into_iter().fold(request, authorized)
    };
    let alice = host.good().header();
    for (authorization, expected) in [
        (None, "-, -, -, not asked"),
        (Some("Negotiate"), "-, -, -, not-negotiate"),
        (Some(alice.as_str()), "-, alice, alice, -"),
    ] {
        assert_eq!(body(send(&app, with_mallory(authorization)).await).await, expected);
    }
}

#[tokio::test]
async fn reason_from_before_the_layer_is_removed_when_a_user_signs_in() {
    let host = Host::new();
    let app = Router::new().route("/", get(who)).layer(layer(&host));
    let mut request = authorized(request("GET", &[]), &host.good().header());
    request.extensions_mut().insert(NotSignedIn::NotAsked);
    assert_eq!(body(send(&app, request).await).await, "-, alice, alice, -");
}

/// If a log line showed the token, a reader of the log could sign in with it.
#[tokio::test]
async fn debug_of_a_request_behind_the_layer_shows_no_token() {
    let host = Host::new();
    let token = host.good().header();
    let shown = |request: axum::extract::Request| async move { format!("{request:?}") };
    let app = Router::new().route("/", get(shown)).layer(layer(&host));
    let response = send(&app, authorized(request("GET", &[]), &token)).await;
    let shown = body(response).await;
    assert!(shown.contains("authorization") && !shown.contains(&token[20..60]), "{shown}");
}
