//! Tests of `Identity` as an argument of axum's handlers.

use super::{authorized, body, challenge, layer, request, send};
use crate::common::dialogue::Host;
use axum::http::StatusCode;
use axum::routing::get;
use axum::{Extension, Router};
use kerberos_sso::Identity;
use kerberos_sso::tower::{IdentityRejection, NotSignedIn, SharedIdentity};
use std::sync::Arc;

fn app() -> Router {
    Router::new()
        .route("/", get(|user: Identity| async move { user.name }))
        .route("/shared", get(|user: SharedIdentity| async move { user.name.clone() }))
        .route("/optional", get(|user: Option<Identity>| async move { user.map_or("nobody".into(), |user| user.name) }))
        .route(
            "/optional-shared",
            get(|user: Option<SharedIdentity>| async move { user.map_or("nobody".into(), |user| user.name.clone()) }),
        )
}

const ROUTES: [&str; 4] = ["/", "/shared", "/optional", "/optional-shared"];

async fn seen(app: &Router, route: &str, authorization: Option<&str>) -> (u16, Option<String>, String) {
    let mut request = request("GET", &[]);
    *request.uri_mut() = route.parse().unwrap();
    let response = send(app, authorization.into_iter().fold(request, authorized)).await;
    (response.status().as_u16(), challenge(&response).map(str::to_owned), body(response).await)
}

#[tokio::test]
async fn handler_gets_the_identity_of_a_user_who_is_signed_in() {
    let host = Host::new();
    for app in [app().layer(layer(&host)), app().layer(layer(&host).optional())] {
        for route in ROUTES {
            let token = host.good().header();
            let (status, _, body) = seen(&app, route, Some(&token)).await;
            assert_eq!((status, body.as_str()), (200, "alice"), "{route}");
        }
    }
}

#[tokio::test]
async fn handler_behind_an_optional_layer_challenges_a_client_without_a_token() {
    let host = Host::new();
    let app = app().layer(layer(&host).optional());
    let challenged = (401, Some("Negotiate".to_owned()), String::new());
    for (route, expected) in [
        ("/", challenged.clone()),
        ("/shared", challenged),
        ("/optional", (200, None, "nobody".into())),
        ("/optional-shared", (200, None, "nobody".into())),
    ] {
        assert_eq!(seen(&app, route, None).await, expected, "{route}");
    }
}

#[tokio::test]
async fn handler_behind_an_optional_layer_does_not_challenge_a_client_that_failed() {
    let host = Host::new();
    let app = app().layer(layer(&host).optional());
    for (route, expected) in [
        ("/", (403, None, String::new())),
        ("/shared", (403, None, String::new())),
        ("/optional", (200, None, "nobody".into())),
        ("/optional-shared", (200, None, "nobody".into())),
    ] {
        assert_eq!(seen(&app, route, Some("Negotiate")).await, expected, "{route}");
    }
}

/// Without the layer no user can sign in. On such a route, a handler with an optional identity must not run as if the
/// client had sent no ticket.
#[tokio::test]
async fn handler_without_a_layer_answers_500() {
    for route in ROUTES {
        assert_eq!(seen(&app(), route, None).await, (500, None, String::new()), "{route}");
    }
}

/// A server with its own sessions puts the identity into the extensions of the request.
#[tokio::test]
async fn identity_of_a_session_is_extracted() {
    let host = Host::new();
    let (accepted, _) = host.ends(&host.good().mint(), None);
    let session = app().layer(Extension(Arc::new(accepted.identity().to_owned())));
    let none = app().layer(Extension(NotSignedIn::NotAsked));
    for route in ROUTES {
        assert_eq!(seen(&session, route, None).await, (200, None, "alice".into()), "{route}");
    }
    assert_eq!(seen(&none, "/", None).await.0, 401);
    assert_eq!(seen(&none, "/optional", None).await.2, "nobody");
}

#[tokio::test]
async fn shared_identity_is_the_same_allocation_as_the_extension() {
    let host = Host::new();
    let app = Router::new()
        .route(
            "/",
            get(|SharedIdentity(user): SharedIdentity, Extension(extension): Extension<Arc<Identity>>| async move {
                Arc::ptr_eq(&user, &extension).to_string()
            }),
        )
        .layer(layer(&host));
    assert_eq!(seen(&app, "/", Some(&host.good().header())).await.2, "true");
}

#[tokio::test]
async fn handler_without_a_layer_gets_a_rejection_with_status_500() {
    let app = Router::new().route(
        "/",
        get(|user: Result<Identity, IdentityRejection>| async move {
            let rejection = user.unwrap_err();
            assert_eq!(rejection.status(), StatusCode::INTERNAL_SERVER_ERROR);
            rejection.to_string()
        }),
    );
    assert_eq!(seen(&app, "/", None).await.2, "no layer before this handler signs users in");
}
