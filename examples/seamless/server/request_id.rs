//! Gives each request an id. The id is in each line of the log that the request causes, and in the header
//! `X-Request-Id` of the response.

use crate::app::{App, Shared};
use crate::client::Peer;
use crate::clock;
use axum::extract::{FromRequestParts, Request, State};
use axum::http::request::Parts;
use axum::http::{HeaderName, HeaderValue};
use axum::middleware::Next;
use axum::response::Response;
use std::convert::Infallible;
use tracing::Instrument as _;

/// The id of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct RequestId(pub(crate) String);

/// Gives the request an id: the id that a trusted proxy sent, or else a random id.
pub(crate) async fn give(State(app): State<Shared>, mut request: Request, next: Next) -> Response {
    let id = of_proxy(&app, &request).unwrap_or_else(|| format!("{:032x}", u128::from_be_bytes(clock::random())));
    request.extensions_mut().insert(RequestId(id.clone()));
    let span = tracing::info_span!("request", id);
    let mut response = next.run(request).instrument(span).await;
    app.metrics.responded(response.status());
    response.headers_mut().extend(HeaderValue::try_from(id).map(|id| (NAME, id)));
    response
}

/// Extracts the id of a request.
impl FromRequestParts<Shared> for RequestId {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &Shared) -> Result<Self, Infallible> {
        Ok(parts.extensions.get::<Self>().cloned().unwrap_or_else(|| Self(String::new())))
    }
}

/// Returns the id that a trusted proxy gave to the request, if the id has only letters, digits, `-`, `_` and `.`. Other
/// text could confuse a program that reads the log.
fn of_proxy(app: &App, request: &Request) -> Option<String> {
    let peer = request.extensions().get::<Peer>()?.address;
    let id = request.headers().get(NAME).filter(|_| app.proxies.contain(peer))?.to_str().ok()?;
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
    ((1..=MAX_SIZE).contains(&id.len()) && id.bytes().all(is_plain)).then(|| id.to_owned())
}

const NAME: HeaderName = HeaderName::from_static("x-request-id");

/// The largest number of octets of an id.
const MAX_SIZE: usize = 64;

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::forwarded::{Proxies, ProxyHeaders};
    use crate::{browser, limits};
    use axum::body::Body;
    use std::sync::Arc;
    use tower::ServiceExt as _;

    #[tokio::test]
    async fn id_of_a_trusted_proxy_is_kept_if_it_is_plain_and_every_other_request_gets_a_random_id() {
        let proxies = Proxies::new(vec!["10.0.0.1/32".parse().unwrap()], ProxyHeaders::XForwarded);
        let app = Arc::new(App { proxies, ..App::for_tests(None).await });
        let routes = limits::around(browser::routes(), app);
        let long = "a".repeat(65);
        let mut random = Vec::new();
        for (peer, sent, is_kept) in [
            ("10.0.0.1", "Req-1_a.b", true),
            ("10.0.0.1", "a b", false),
            ("10.0.0.1", "", false),
            ("10.0.0.1", &*long, false),
            ("192.0.2.9", "Req-1_a.b", false),
        ] {
            let peer = Peer { address: peer.parse().unwrap(), tls: None };
            let request =
                Request::get("/healthz").header("host", "sso.test").header("x-request-id", sent).extension(peer);
            let response = routes.clone().oneshot(request.body(Body::empty()).unwrap()).await.unwrap();
            let id = response.headers().get("x-request-id").unwrap().to_str().unwrap().to_owned();
            assert_eq!(id == sent, is_kept, "{sent}");
            random.extend((!is_kept).then_some(id));
        }
        random.dedup();
        assert!(random.len() == 4 && random.iter().all(|id| id.len() == 32), "{random:?}");
    }
}
