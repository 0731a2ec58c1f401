//! The limits on the size and the time of a request and on the requests of one address, and the headers that protect
//! the pages.

use crate::app::Shared;
use crate::client::{self, Client};
use crate::native;
use crate::oidc;
use crate::origin;
use crate::request_id;
use axum::Router;
use axum::extract::{DefaultBodyLimit, Request, State};
use axum::http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, HeaderName, REFERRER_POLICY, RETRY_AFTER, X_CONTENT_TYPE_OPTIONS,
};
use axum::http::{HeaderValue, StatusCode};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse as _, Response};
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::time::timeout;

/// Applies the limits of a request to all routes.
pub(crate) fn around(routes: Router<Shared>, app: Shared) -> Router {
    routes
        .layer(middleware::from_fn_with_state(Arc::clone(&app), origin::check))
        .layer(middleware::from_fn_with_state(Arc::clone(&app), oidc::apply_cors))
        .layer(DefaultBodyLimit::max(MAX_BODY_SIZE))
        .layer(middleware::from_fn(in_time))
        .layer(middleware::from_fn_with_state(Arc::clone(&app), slow_down))
        .layer(middleware::from_fn_with_state(Arc::clone(&app), client::find))
        .layer(middleware::from_fn(native::answer_in_xml))
        .layer(middleware::from_fn(protect))
        .layer(middleware::from_fn_with_state(Arc::clone(&app), request_id::give))
        .with_state(app)
}

/// Limits the time of a request, including the time to read its body.
async fn in_time(request: Request, next: Next) -> Response {
    let response = timeout(REQUEST_TIME, next.run(request)).await;
    response.unwrap_or_else(|_| (StatusCode::REQUEST_TIMEOUT, "This took too long.\n").into_response())
}

/// Refuses the requests of an address that sends too many requests.
async fn slow_down(State(app): State<Shared>, client: Client, request: Request, next: Next) -> Response {
    let address = client.address.or(client.peer);
    if address.is_none_or(|address| app.rates.allow(address, Instant::now())) {
        return next.run(request).await;
    }
    (StatusCode::TOO_MANY_REQUESTS, [(RETRY_AFTER, "1")], "Too many requests came from your address.\n").into_response()
}

async fn protect(request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    for (name, value) in HEADERS {
        response.headers_mut().entry(name).or_insert(HeaderValue::from_static(value));
    }
    response
}

/// Returns the content security policy of a page. In addition to this origin, the page's forms may lead to the origin
/// `form`, and the page's script may send requests to the origin `connect`. Returns `None` if both origins are `None`,
/// because then the page has the policy of all pages.
pub(crate) fn content_security_policy(form: Option<&str>, connect: Option<&str>) -> Option<HeaderValue> {
    let origins = [("form-action 'self'", form), ("connect-src 'self'", connect)];
    let more: Vec<_> = origins.into_iter().filter_map(|(directive, origin)| Some((directive, origin?))).collect();
    if more.is_empty() {
        return None;
    }
    let policy = more.into_iter().fold(POLICY.to_owned(), |policy, (directive, origin)| {
        policy.replace(directive, &format!("{directive} {origin}"))
    });
    HeaderValue::try_from(policy).ok()
}

/// Returns the policy of a page that loads pages of these origins in frames.
pub(crate) fn policy_with_frames<'a>(origins: impl Iterator<Item = &'a str>) -> Option<HeaderValue> {
    let origins: BTreeSet<_> = origins.collect();
    let origins: Vec<_> = origins.into_iter().collect();
    HeaderValue::try_from(format!("{POLICY}; frame-src {}", origins.join(" "))).ok()
}

const POLICY: &str = "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; form-action 'self'; \
                      base-uri 'none'; frame-ancestors 'none'";

const HEADERS: [(HeaderName, &str); 5] = [
    (CONTENT_SECURITY_POLICY, POLICY),
    (X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (CACHE_CONTROL, "no-store"),
    // With `no-referrer`, browsers would send `Origin: null` with a form.
    (REFERRER_POLICY, "same-origin"),
    (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
];

const MAX_BODY_SIZE: usize = 128 * 1024;

/// The longest time of a request.
pub(crate) const REQUEST_TIME: Duration = Duration::from_secs(15);

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::app::App;
    use crate::browser;
    use crate::client::Peer;
    use crate::rate::Rates;
    use axum::body::Body;
    use tower::ServiceExt as _;

    async fn statuses(app: App, requests: &[(&str, &str)]) -> Vec<u16> {
        let (routes, mut statuses) = (around(browser::routes(), Arc::new(app)), Vec::new());
        for (peer, host) in requests {
            let peer = Peer { address: peer.parse().unwrap(), tls: None };
            let request = Request::get("/").header("host", *host).extension(peer).body(Body::empty()).unwrap();
            statuses.push(routes.clone().oneshot(request).await.unwrap().status().as_u16());
        }
        statuses
    }

    #[tokio::test]
    async fn requests_of_one_address_beyond_its_limit_get_429_and_another_address_gets_200() {
        let app = App { rates: Rates::new(1, 2), ..App::for_tests(None).await };
        let (a, b) = (("192.0.2.1", "sso.test"), ("192.0.2.2", "sso.test"));
        assert_eq!(statuses(app, &[a, a, a, b]).await, [200, 200, 429, 200]);
    }

    #[tokio::test]
    async fn host_of_another_site_gets_421() {
        let peer = "192.0.2.1";
        let requests = [(peer, "sso.test:8080"), (peer, "evil.example"), (peer, "localhost")];
        assert_eq!(statuses(App::for_tests(None).await, &requests).await, [200, 421, 200]);
    }
}
