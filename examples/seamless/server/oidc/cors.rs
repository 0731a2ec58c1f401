//! The pages of other origins that may use an endpoint (the CORS protocol of the Fetch standard).
//!
//! Every page may read the metadata and the key set. A page may use the endpoints that take tokens or codes if a client
//! of the tenant registered the page's origin. A page of another origin than the server's may read no other answer. The
//! answers never allow credentials, so a page of another origin cannot read the answer to a request with cookies.

use crate::app::{App, Shared};
use axum::extract::{Request, State};
use axum::http::header::{
    ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_ALLOW_ORIGIN,
    ACCESS_CONTROL_EXPOSE_HEADERS, ACCESS_CONTROL_MAX_AGE, ACCESS_CONTROL_REQUEST_METHOD, ORIGIN, VARY,
};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};

/// The pages that may read the server's answers at a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Readers<'p> {
    /// Pages of every origin.
    Everyone,
    /// Pages of the origins that the clients of this tenant registered.
    Registered(&'p str),
    /// Only pages of this server.
    Own,
}

fn readers(path: &str) -> Readers<'_> {
    let parts: Vec<&str> = path.split('/').skip(1).take(MAX_PARTS).collect();
    match *parts.as_slice() {
        [_, ".well-known", "openid-configuration"]
        | [_, "v2.0", ".well-known", "openid-configuration"]
        | [".well-known", "oauth-authorization-server", _]
        | [_, "discovery", "keys"] => Readers::Everyone,
        [tenant, "oauth2", "token" | "userinfo" | "revoke" | "groups"] | [tenant, "oauth2", "v2.0", "token"] => {
            Readers::Registered(tenant)
        }
        _ => Readers::Own,
    }
}

/// Returns whether a page of a registered origin may send forms to this path.
pub(crate) fn may_send(app: &App, path: &str, headers: &HeaderMap) -> bool {
    matches!(readers(path), Readers::Registered(tenant) if registered(app, tenant, headers).is_some())
}

/// Returns whether applications send their users to this path. Any page may send a form to such a path, just as any
/// page may link to it. This is safe, because a request for the path changes nothing, and a browser sends no cookie
/// with a form of another site.
pub(crate) fn begins(path: &str) -> bool {
    let parts: Vec<&str> = path.split('/').skip(1).take(MAX_PARTS).collect();
    matches!(
        *parts.as_slice(),
        [_, "oauth2", "authorize" | "end_session"] | [_, "oauth2", "v2.0", "authorize" | "logout"]
    )
}

/// Returns the origin of a request, if a client of the tenant registered it.
fn registered(app: &App, tenant: &str, headers: &HeaderMap) -> Option<HeaderValue> {
    let mut origins = headers.get_all(ORIGIN).iter();
    let origin = origins.next().filter(|_| origins.next().is_none())?;
    let tenant = app.tenants.of_path(tenant)?;
    origin.to_str().is_ok_and(|origin| tenant.clients.have_origin(origin)).then(|| origin.clone())
}

/// Answers the preflight requests of browsers, and names in each answer the origin whose pages may read it.
pub(crate) async fn apply(State(app): State<Shared>, request: Request, next: Next) -> Response {
    let (path, headers) = (request.uri().path(), request.headers());
    let (origin, methods) = match readers(path) {
        Readers::Everyone => (Some(HeaderValue::from_static("*")), "GET"),
        Readers::Registered(tenant) => (registered(&app, tenant, headers), "GET, POST"),
        Readers::Own => return next.run(request).await,
    };
    let is_preflight = request.method() == Method::OPTIONS && headers.contains_key(ACCESS_CONTROL_REQUEST_METHOD);
    let mut response = match (is_preflight, &origin) {
        (false, _) => next.run(request).await,
        (true, Some(_)) => preflight(methods),
        (true, None) => (StatusCode::FORBIDDEN, "No client registered this origin.\n").into_response(),
    };
    let headers = response.headers_mut();
    headers.append(VARY, HeaderValue::from_static("origin"));
    if let Some(origin) = origin {
        headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, origin);
        headers.insert(ACCESS_CONTROL_EXPOSE_HEADERS, HeaderValue::from_static("www-authenticate, x-request-id"));
    }
    response
}

fn preflight(methods: &'static str) -> Response {
    let headers = [
        (ACCESS_CONTROL_ALLOW_METHODS, methods),
        (ACCESS_CONTROL_ALLOW_HEADERS, "authorization, content-type"),
        (ACCESS_CONTROL_MAX_AGE, "600"),
    ];
    (StatusCode::NO_CONTENT, headers).into_response()
}

/// The largest number of parts into which a path is split. Each known path has fewer parts.
const MAX_PARTS: usize = 5;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn form_of_any_page_may_be_sent_to_the_endpoints_that_begin_a_sign_in_or_a_sign_out() {
        for (path, expected) in [
            ("/a.test/oauth2/authorize", true),
            ("/a.test/oauth2/end_session", true),
            ("/a.test/oauth2/v2.0/authorize", true),
            ("/a.test/oauth2/v2.0/logout", true),
            ("/a.test/oauth2/v2.0/token", false),
            ("/a.test/oauth2/v2.0/authorize/more", false),
            ("/a.test/sign-out", false),
            ("/a.test/oauth2/token", false),
            ("/sign-out", false),
        ] {
            assert_eq!(begins(path), expected, "{path}");
        }
    }

    #[test]
    fn pages_of_other_origins_may_not_read_answers_at_unknown_paths() {
        for (path, expected) in [
            ("/a.test/.well-known/openid-configuration", Readers::Everyone),
            ("/.well-known/oauth-authorization-server/a.test", Readers::Everyone),
            ("/a.test/discovery/keys", Readers::Everyone),
            ("/a.test/oauth2/token", Readers::Registered("a.test")),
            ("/a.test/oauth2/v2.0/token", Readers::Registered("a.test")),
            ("/a.test/oauth2/v2.0/token/more", Readers::Own),
            ("/a.test/v2.0/.well-known/openid-configuration", Readers::Everyone),
            ("/a.test/winauth/trust/2005/windowstransport", Readers::Own),
            ("/a.test/oauth2/userinfo", Readers::Registered("a.test")),
            ("/a.test/oauth2/revoke", Readers::Registered("a.test")),
            ("/a.test/oauth2/groups", Readers::Registered("a.test")),
            ("/a.test/oauth2/authorize", Readers::Own),
            ("/a.test/oauth2/introspect", Readers::Own),
            ("/a.test/oauth2/par", Readers::Own),
            ("/a.test/oauth2/end_session", Readers::Own),
            ("/a.test/oauth2/token/", Readers::Own),
            ("/a.test/sign-in", Readers::Own),
            ("/a.test/winauth/sso", Readers::Own),
            ("/", Readers::Own),
            ("*", Readers::Own),
        ] {
            assert_eq!(readers(path), expected, "{path}");
        }
    }
}
