//! The limits on sizes, times and connections of clients, and the headers that protect the pages.

use crate::app::Shared;
use crate::client_address::Peer;
use crate::origin;
use axum::Router;
use axum::extract::{DefaultBodyLimit, Request};
use axum::http::header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY, HeaderName, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS};
use axum::http::{HeaderValue, StatusCode};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse as _, Response};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::time::{sleep, timeout};
use tower::ServiceExt as _;

/// Applies the limits of a request to all routes.
pub(crate) fn around(routes: Router<Shared>) -> Router<Shared> {
    routes
        .layer(middleware::from_fn(origin::check))
        .layer(DefaultBodyLimit::max(MAX_BODY_SIZE))
        .layer(middleware::from_fn(in_time))
        .layer(middleware::from_fn(protect))
}

/// Serves HTTP/1.1 until the process ends. An error of a connection does not end the server.
pub(crate) async fn serve(listener: &TcpListener, routes: &Router) {
    let connections = Arc::new(Semaphore::new(MAX_CONNECTIONS));
    loop {
        let Ok(permit) = Arc::clone(&connections).acquire_owned().await else { return };
        match listener.accept().await {
            Ok((stream, peer)) => {
                let serving = serve_connection(stream, Peer(peer.ip()), routes.clone());
                tokio::spawn(async move {
                    serving.await;
                    drop(permit);
                });
            }
            Err(error) => {
                tracing::error!("no connection is accepted: {error}");
                sleep(AFTER_FAILURE).await;
            }
        }
    }
}

async fn serve_connection(stream: TcpStream, peer: Peer, routes: Router) {
    let routes = routes.map_request(move |mut request: axum::http::Request<Incoming>| {
        request.extensions_mut().insert(peer);
        request
    });
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new()).header_read_timeout(HEADER_TIME).max_buf_size(MAX_HEADER_SIZE);
    let mut connection = pin!(http.serve_connection(TokioIo::new(stream), TowerToHyperService::new(routes)));
    let ended = tokio::select! {
        ended = connection.as_mut() => Some(ended),
        () = sleep(CONNECTION_TIME) => None,
    };
    if ended.is_none() {
        connection.as_mut().graceful_shutdown();
        let _ = timeout(REQUEST_TIME, connection).await;
    }
}

/// Limits the time of a request, including the time to read its body.
async fn in_time(request: Request, next: Next) -> Response {
    let response = timeout(REQUEST_TIME, next.run(request)).await;
    response.unwrap_or_else(|_| (StatusCode::REQUEST_TIMEOUT, "This took too long.\n").into_response())
}

async fn protect(request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    for (name, value) in HEADERS {
        response.headers_mut().entry(name).or_insert(HeaderValue::from_static(value));
    }
    response
}

const HEADERS: [(HeaderName, &str); 5] = [
    (
        CONTENT_SECURITY_POLICY,
        "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; form-action 'self'; \
         base-uri 'none'; frame-ancestors 'none'",
    ),
    (X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (CACHE_CONTROL, "no-store"),
    // With `no-referrer`, browsers would send `Origin: null` with a form.
    (REFERRER_POLICY, "same-origin"),
    (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
];

/// A token of 64 KiB in base64, and room for the other headers.
const MAX_HEADER_SIZE: usize = 96 * 1024;
const MAX_BODY_SIZE: usize = 128 * 1024;
const MAX_CONNECTIONS: usize = 1024;
const HEADER_TIME: Duration = Duration::from_secs(10);
const REQUEST_TIME: Duration = Duration::from_secs(15);
const CONNECTION_TIME: Duration = Duration::from_mins(10);
const AFTER_FAILURE: Duration = Duration::from_millis(100);
