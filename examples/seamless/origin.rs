//! The check that a form comes from a page of this server (against cross-site request forgery). The session cookie is also
//! `SameSite`.

use axum::extract::Request;
use axum::http::header::{HOST, ORIGIN};
use axum::http::{HeaderMap, Method, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};

/// Refuses POST requests that come from a page of another origin.
pub(crate) async fn check(request: Request, next: Next) -> Response {
    if request.method() == Method::POST && !is_own(request.headers()) {
        tracing::warn!(path = request.uri().path(), "a form from another origin is refused");
        return (StatusCode::FORBIDDEN, "This form was sent from another site.\n").into_response();
    }
    next.run(request).await
}

/// Returns whether a request comes from a page of this server, or from a client that is no browser. A browser sends `Origin`
/// with every POST, with the value `null` if it hides the origin. A client without `Origin` is usually no browser and has no
/// cookies to misuse. If a browser sends no `Origin`, its `Sec-Fetch-Site` decides.
pub(crate) fn is_own(headers: &HeaderMap) -> bool {
    let text = |value: Option<&axum::http::HeaderValue>| value.and_then(|value| value.to_str().ok()).map(str::to_owned);
    match (headers.contains_key(ORIGIN), text(headers.get(ORIGIN)), text(headers.get(HOST))) {
        (false, _, _) => headers.get("sec-fetch-site").is_none_or(|site| site == "same-origin" || site == "none"),
        (true, Some(origin), Some(host)) => {
            origin.split_once("://").is_some_and(|(_, authority)| authority.eq_ignore_ascii_case(&host))
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::HeaderValue;

    fn judge(headers: &[(&'static str, &'static str)]) -> bool {
        is_own(
            &headers
                .iter()
                .map(|(name, value)| ((*name).parse().unwrap_or(HOST), HeaderValue::from_static(value)))
                .collect(),
        )
    }

    #[test]
    fn form_is_refused_unless_its_origin_is_this_server() {
        let host = ("host", "sso.test:8080");
        assert!(judge(&[host]));
        assert!(judge(&[host, ("origin", "http://sso.test:8080")]));
        assert!(judge(&[host, ("origin", "https://SSO.test:8080")]));
        assert!(!judge(&[host, ("origin", "http://sso.test")]));
        assert!(!judge(&[host, ("origin", "http://evil.test")]));
        assert!(!judge(&[host, ("origin", "null")]));
        assert!(!judge(&[("origin", "http://sso.test:8080")]));
        assert!(!judge(&[host, ("sec-fetch-site", "cross-site")]));
    }
}
