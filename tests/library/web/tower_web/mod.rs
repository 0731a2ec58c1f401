//! Tests of the layers for `tower` with the other parts of a web server: cross-site requests, CORS, sessions, groups,
//! gRPC and the log.

use crate::common;

mod challenges;
mod cross_site;
mod events;
mod extract;
mod groups;
mod responses;
mod stale;

use axum::Router;
use axum::body::Body;
use axum::http::header::{AUTHORIZATION, WWW_AUTHENTICATE};
use axum::http::request::Builder;
use axum::http::{Request, Response};
use common::NOW;
use common::dialogue::{Host, random};
use kerberos_sso::tower::NegotiateLayer;
use tower::ServiceExt as _;

fn layer(host: &Host) -> NegotiateLayer {
    NegotiateLayer::new(host.nodes[0].clone(), || NOW, || random(1))
}

/// Returns a request to `www.contoso.test` with these header fields.
fn request(method: &str, fields: &[(&str, &str)]) -> Request<Body> {
    let request = Request::builder().method(method).uri("/").header("host", "www.contoso.test");
    with_fields(request, fields)
}

fn with_fields(request: Builder, fields: &[(&str, &str)]) -> Request<Body> {
    let request = fields.iter().fold(request, |request, (name, value)| request.header(*name, *value));
    request.body(Body::empty()).unwrap()
}

fn authorized(mut request: Request<Body>, value: &str) -> Request<Body> {
    request.headers_mut().insert(AUTHORIZATION, value.parse().unwrap());
    request
}

async fn send(app: &Router, request: Request<Body>) -> Response<Body> {
    app.clone().oneshot(request).await.unwrap()
}

async fn status(app: &Router, request: Request<Body>) -> u16 {
    send(app, request).await.status().as_u16()
}

fn challenge(response: &Response<Body>) -> Option<&str> {
    response.headers().get(WWW_AUTHENTICATE).map(|value| value.to_str().unwrap())
}

async fn body(response: Response<Body>) -> String {
    let body = axum::body::to_bytes(response.into_body(), 1000).await.unwrap();
    String::from_utf8(body.to_vec()).unwrap()
}
