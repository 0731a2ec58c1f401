//! Tests of the layer's own responses: with bodies that the server sets, and for calls of gRPC.

use super::{authorized, body, challenge, layer, request, send};
use crate::common::dialogue::Host;
use axum::Router;
use axum::body::{Body, HttpBody as _};
use axum::http::{HeaderName, Request, Response, StatusCode};
use axum::response::{Html, IntoResponse as _};
use axum::routing::any;
use kerberos_sso::Sid;
use kerberos_sso::http::SealingKey;
use kerberos_sso::testing::MechToken;
use kerberos_sso::tower::RequireGroupLayer;

const EVIL: (&str, &str) = ("origin", "https://evil.example");

#[tokio::test]
async fn response_has_the_servers_body_and_the_layers_status_and_challenge() {
    let host = Host::new();
    let layer = layer(&host).with_responses(|status, request| {
        (StatusCode::OK, Html(format!("{status} at {}", request.uri))).into_response()
    });
    let app = Router::new().route("/", any(|| async { "done" })).layer(layer);
    for (sent, status, challenged, text) in [
        (request("GET", &[]), 401, Some("Negotiate"), "401 Unauthorized at /"),
        (authorized(request("GET", &[]), "Negotiate"), 403, None, "403 Forbidden at /"),
        (request("POST", &[EVIL]), 403, None, "403 Forbidden at /"),
    ] {
        let response = send(&app, sent).await;
        assert_eq!((response.status().as_u16(), challenge(&response)), (status, challenged));
        assert_eq!(response.headers()["content-type"], "text/html; charset=utf-8");
        assert_eq!(body(response).await, text);
    }
    let response = send(&app, authorized(request("GET", &[]), &host.good().header())).await;
    assert_eq!(body(response).await, "done", "the service's own response stays");
}

fn of(response: &Response<Body>, name: &'static str) -> Option<String> {
    let value = response.headers().get(HeaderName::from_static(name));
    value.map(|value| value.to_str().unwrap().to_owned())
}

/// Returns the status, `grpc-status` and content type of a response, which must have no messages.
fn grpc(response: &Response<Body>) -> (u16, Option<String>, Option<String>) {
    assert!(response.body().is_end_stream());
    (response.status().as_u16(), of(response, "grpc-status"), of(response, "content-type"))
}

fn status(number: &str) -> (u16, Option<String>, Option<String>) {
    (200, Some(number.into()), Some("application/grpc".into()))
}

#[tokio::test]
async fn grpc_call_gets_its_status_without_messages_and_the_challenge_as_metadata() {
    let host = Host::new();
    let with_bodies = layer(&host).with_responses(|_, _| "a page".into_response());
    let route = || Router::new().route("/", any(|| async { "done" }));
    for app in [route().layer(layer(&host)), route().layer(with_bodies)] {
        for content_type in ["application/grpc", "application/grpc+proto", "Application/gRPC;x=1"] {
            let call = || request("POST", &[("content-type", content_type), ("te", "trailers")]);
            let challenged = send(&app, call()).await;
            assert_eq!((grpc(&challenged), challenge(&challenged)), (status("16"), Some("Negotiate")));
            let refused = send(&app, authorized(call(), "Negotiate")).await;
            assert_eq!((grpc(&refused), challenge(&refused)), (status("7"), None));
        }
    }
}

#[tokio::test]
async fn grpc_call_of_a_user_who_is_no_member_is_permission_denied() {
    let host = Host::new();
    let group: Sid = "S-1-5-21-9-9-9-512".parse().unwrap();
    let app = |guard| Router::new().route("/", any(|| async { "done" })).layer(guard);
    let call = || request("POST", &[("content-type", "application/grpc")]);
    let signed_in = app(RequireGroupLayer::new(group)).layer(layer(&host));
    let refused = send(&signed_in, authorized(call(), &host.good().header())).await;
    assert_eq!((refused.status().as_u16(), of(&refused, "grpc-status")), (200, Some("7".into())));
    let without_layer = send(&app(RequireGroupLayer::new(group)), call()).await;
    assert_eq!(grpc(&without_layer), status("13"));
}

#[tokio::test]
async fn grpc_call_that_must_continue_gets_the_token_and_the_cookie_as_metadata() {
    let host = Host::new();
    let layer = layer(&host).with_continuation_cookie(SealingKey::new([7; 32]), "negotiate");
    let app = Router::new().route("/", any(|| async { "done" })).layer(layer);
    let offer = host.good().spnego(|spnego| spnego.mech_token = MechToken::Absent).header();
    let asked = send(&app, authorized(request("POST", &[("content-type", "application/grpc")]), &offer)).await;
    assert_eq!(grpc(&asked), status("16"));
    assert!(challenge(&asked).unwrap().starts_with("Negotiate "));
    assert!(of(&asked, "set-cookie").unwrap().starts_with("negotiate="));
}

/// A browser answers a challenge automatically only if the status is 401.
#[tokio::test]
async fn response_to_another_content_type_than_grpc_has_an_http_status() {
    let host = Host::new();
    let app = Router::new().route("/", any(|| async { "done" })).layer(layer(&host));
    for content_type in
        ["application/grpc-web+proto", "application/grpc-web", "application/grpcx", "application/json", ""]
    {
        let response = send(&app, request("POST", &[("content-type", content_type)])).await;
        assert_eq!((response.status().as_u16(), of(&response, "grpc-status")), (401, None), "{content_type}");
    }
}

/// Over HTTP/2 the response ends with its head, as Trailers-Only of gRPC requires.
#[tokio::test]
async fn grpc_response_ends_with_its_head_over_http_2() {
    let host = Host::new();
    let app = Router::new().route("/", any(|| async { "done" })).layer(layer(&host));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move { axum::serve(listener, app).await });
    let io = hyper_util::rt::TokioIo::new(tokio::net::TcpStream::connect(address).await.unwrap());
    let executor = hyper_util::rt::TokioExecutor::new();
    let (mut sender, connection) = hyper::client::conn::http2::handshake(executor, io).await.unwrap();
    tokio::spawn(connection);
    let call = Request::post(format!("http://{address}/")).header("content-type", "application/grpc");
    let response = sender.send_request(call.body(Body::empty()).unwrap()).await.unwrap().map(Body::new);
    assert_eq!((grpc(&response), challenge(&response)), (status("16"), Some("Negotiate")));
}
