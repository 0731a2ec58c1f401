//! Tests of cross-site requests: a page of another site makes a request, and the browser adds the ticket automatically.

use super::{authorized, challenge, layer, request, send, status, with_fields};
use crate::common::dialogue::Host;
use axum::Router;
use axum::http::{Method, Request, StatusCode};
use axum::routing::any;
use kerberos_sso::tower::{CrossSite, InvalidOrigin, NegotiateLayer};
use std::sync::{Arc, Mutex};
use tower_http::cors::CorsLayer;

fn app(layer: NegotiateLayer) -> Router {
    Router::new().route("/", any(|| async { "done" })).layer(layer)
}

/// Sends a request with a fresh ticket.
async fn signed_in(host: &Host, app: &Router, method: &str, fields: &[(&str, &str)]) -> u16 {
    status(app, authorized(request(method, fields), &host.good().header())).await
}

const EVIL: (&str, &str) = ("origin", "https://evil.example");
const OWN: (&str, &str) = ("origin", "https://www.contoso.test");
const APP: (&str, &str) = ("origin", "https://app.example.com");

#[tokio::test]
async fn cross_site_post_gets_403_and_its_token_stays_unused() {
    let host = Host::new();
    let app = app(layer(&host));
    let token = host.good().header();
    for fields in [&[("sec-fetch-site", "cross-site")][..], &[EVIL]] {
        let refused = send(&app, authorized(request("POST", fields), &token)).await;
        assert_eq!((refused.status(), challenge(&refused)), (StatusCode::FORBIDDEN, None), "{fields:?}");
    }
    assert_eq!(status(&app, authorized(request("POST", &[OWN]), &token)).await, 200, "the request is no replay");
}

#[tokio::test]
async fn cross_site_request_is_refused_by_its_header_fields_for_each_unsafe_method() {
    let host = Host::new();
    let app = app(layer(&host).with_trusted_origin("https://app.example.com").unwrap());
    let site = |value| ("sec-fetch-site", value);
    for method in ["POST", "PUT", "PATCH", "DELETE", "CONNECT", "MERGE"] {
        for (fields, expected) in [
            (&[][..], 200),
            (&[site("same-origin")], 200),
            (&[site("none")], 200),
            (&[site("same-site")], 403),
            (&[site("cross-site")], 403),
            (&[site("")], 403),
            (&[site("Same-Origin")], 403),
            (&[site("same-origin"), site("cross-site")], 403),
            (&[site("cross-site"), OWN], 403),
            (&[site("cross-site"), APP], 200),
            (&[site("same-site"), APP], 200),
            (&[site("cross-site"), EVIL], 403),
            (&[site("same-origin"), OWN], 200),
            (&[OWN], 200),
            (&[("origin", "http://WWW.contoso.test")], 200),
            (&[("origin", "https://www.contoso.test:443")], 200),
            (&[("origin", "https://www.contoso.test:8443")], 403),
            (&[("origin", "https://contoso.test")], 403),
            (&[("origin", "https://www.contoso.test.evil.example")], 403),
            (&[("origin", "null")], 403),
            (&[("origin", "")], 403),
            (&[APP], 200),
            (&[("origin", "http://app.example.com")], 403),
            (&[EVIL], 403),
            (&[OWN, EVIL], 403),
            (&[APP, EVIL], 403),
        ] {
            assert_eq!(signed_in(&host, &app, method, fields).await, expected, "{method} {fields:?}");
        }
    }
}

#[tokio::test]
async fn cross_site_request_of_a_safe_method_is_accepted() {
    let host = Host::new();
    let app = app(layer(&host));
    for method in ["GET", "HEAD", "OPTIONS", "TRACE"] {
        assert_eq!(signed_in(&host, &app, method, &[EVIL, ("sec-fetch-site", "cross-site")]).await, 200, "{method}");
    }
}

/// A WebSocket begins with a GET. CORS does not prevent a page of another site from reading the messages of a
/// WebSocket.
#[tokio::test]
async fn cross_site_websocket_gets_403() {
    let host = Host::new();
    let app = app(layer(&host));
    let upgrade = [("connection", "Upgrade"), ("upgrade", "websocket")];
    for (origin, expected) in [(EVIL, 403), (("origin", "null"), 403), (OWN, 200)] {
        assert_eq!(signed_in(&host, &app, "GET", &[&upgrade[..], &[origin]].concat()).await, expected, "{origin:?}");
    }
    assert_eq!(signed_in(&host, &app, "GET", &upgrade).await, 200, "the client is not a browser");
}

#[tokio::test]
async fn origin_is_compared_with_the_authority_of_http_2() {
    let host = Host::new();
    let app = app(layer(&host));
    for (uri, fields, expected) in [
        ("https://www.contoso.test/", &[OWN][..], 200),
        ("https://www.contoso.test:8443/", &[("origin", "https://www.contoso.test:8443")], 200),
        ("https://www.contoso.test/", &[EVIL], 403),
        ("https://www.contoso.test/", &[EVIL, ("host", "evil.example")], 403),
        ("/", &[OWN], 403),
        ("/", &[OWN, ("host", "www.contoso.test"), ("host", "www.contoso.test")], 403),
        ("/", &[OWN, ("host", "www.contoso.test:x")], 403),
    ] {
        let request = with_fields(Request::post(uri), fields);
        assert_eq!(status(&app, authorized(request, &host.good().header())).await, expected, "{uri} {fields:?}");
    }
}

#[tokio::test]
async fn optional_service_does_not_run_for_a_cross_site_post() {
    let host = Host::new();
    let app = app(layer(&host).optional());
    assert_eq!(status(&app, request("POST", &[EVIL])).await, 403);
    assert_eq!(status(&app, request("POST", &[OWN])).await, 200);
}

#[tokio::test]
async fn cross_site_post_passes_without_the_check() {
    let host = Host::new();
    let app = app(layer(&host).without_cross_site_check().with_trusted_origin("https://app.example.com").unwrap());
    assert_eq!(signed_in(&host, &app, "POST", &[EVIL, ("sec-fetch-site", "cross-site")]).await, 200);
}

#[test]
fn origin_that_no_browser_writes_is_not_trusted() {
    let host = Host::new();
    for checked in [layer(&host), layer(&host).without_cross_site_check()] {
        for origin in ["", "null", "*", "app.example.com", "https://app.example.com/", "https://*.example.com"] {
            assert_eq!(checked.clone().with_trusted_origin(origin).unwrap_err(), InvalidOrigin, "{origin}");
        }
    }
}

#[tokio::test]
async fn cross_site_hook_gets_the_reason_and_the_method() {
    let host = Host::new();
    let log = Arc::new(Mutex::new(Vec::new()));
    let reasons = Arc::clone(&log);
    let layer = layer(&host)
        .on_fall_back(|refused, _| panic!("{refused}"))
        .on_cross_site(move |why, request| reasons.lock().unwrap().push((*why, request.method.clone())));
    let app = app(layer);
    for fields in [&[("sec-fetch-site", "cross-site")][..], &[EVIL], &[OWN]] {
        signed_in(&host, &app, "POST", fields).await;
    }
    assert_eq!(*log.lock().unwrap(), [(CrossSite::FetchSite, Method::POST), (CrossSite::Origin, Method::POST)]);
}

/// Before a cross-site request, the browser asks the server in a preflight whether the page may make the request. A
/// preflight carries no ticket.
#[tokio::test]
async fn preflight_is_answered_when_the_cors_layer_is_outside_of_the_negotiate_layer() {
    let host = Host::new();
    let cors = || {
        CorsLayer::new()
            .allow_origin(["https://app.example.com".parse().unwrap()])
            .allow_methods([Method::POST])
            .allow_credentials(true)
    };
    let sign_in = || layer(&host).with_trusted_origin("https://app.example.com").unwrap();
    let preflight = || request("OPTIONS", &[APP, ("access-control-request-method", "POST")]);

    let app = Router::new().route("/", any(|| async { "done" })).layer(sign_in()).layer(cors());
    let answer = send(&app, preflight()).await;
    assert_eq!((answer.status(), challenge(&answer)), (StatusCode::OK, None));
    assert_eq!(answer.headers()["access-control-allow-origin"], "https://app.example.com");
    let post = || request("POST", &[APP, ("sec-fetch-site", "cross-site")]);
    let challenged = send(&app, post()).await;
    assert_eq!((challenged.status(), challenge(&challenged)), (StatusCode::UNAUTHORIZED, Some("Negotiate")));
    let done = send(&app, authorized(post(), &host.good().header())).await;
    assert_eq!(
        (done.status(), &done.headers()["access-control-allow-credentials"]),
        (StatusCode::OK, &"true".parse().unwrap())
    );

    let wrong = Router::new().route("/", any(|| async { "done" })).layer(cors()).layer(sign_in());
    assert_eq!(status(&wrong, preflight()).await, 401, "for the browser this status forbids the request");
}
