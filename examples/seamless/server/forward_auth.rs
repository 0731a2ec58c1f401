//! The sign-in for applications behind a reverse proxy. For each request of a browser, the proxy sends `GET
//! /{tenant}/forward-auth` to this server. nginx does this by `auth_request`, and Traefik by ForwardAuth.
//!
//! If the user has a session of the tenant, the response has the status 200 and headers for the application. These are
//! `Remote-User` (the UPN), `Remote-Name`, `Remote-Sid`, and `Remote-Groups` (separated by commas). In a value, `%`, `,` and
//! every octet that is not printable ASCII are percent-encoded. If not all groups fit, the response also has
//! `Remote-Groups-Incomplete: true`. The proxy must replace these headers in the requests to the application, because a client
//! can send them.
//!
//! Without a session, the response leads to the sign-in page. A navigation gets the status 302 if the query has
//! `mode=redirect`, or if a trusted proxy sent `X-Forwarded-Uri`. Every other request gets the status 401, with a `Location`,
//! too. The response never has a challenge, because a browser must not send a ticket over the connection of a proxy.
//!
//! The session cookie belongs to one host. So the proxied host must have the server's paths, too: the proxy sends
//! `/TENANT/…`, `/proof`, `/sign-out`, `/signed-out.js`, `/style.css` and `/sign-in.js` to this server. The
//! configuration names each proxied host in `hosts`, and the proxy in `proxies`. Applications on other hosts use OpenID
//! Connect. After the sign-in, the browser goes only to a path of the host on which the user signed in.
//!
//! ```nginx
//! location ~ ^/(contoso\.test/|proof$|sign-out$|signed-out\.js$|style\.css$|sign-in\.js$) {
//!     proxy_pass http://127.0.0.1:8080;
//!     proxy_set_header X-Forwarded-For $remote_addr;
//!     proxy_set_header X-Forwarded-Proto $scheme;
//!     proxy_set_header X-Forwarded-Host $http_host;
//! }
//! location = /auth {
//!     internal;
//!     proxy_pass http://127.0.0.1:8080/contoso.test/forward-auth;
//!     proxy_pass_request_body off;
//!     proxy_set_header Content-Length "";
//!     proxy_set_header X-Forwarded-For $remote_addr;
//!     proxy_set_header X-Forwarded-Proto $scheme;
//!     proxy_set_header X-Forwarded-Host $http_host;
//!     proxy_set_header X-Forwarded-Method $request_method;
//!     proxy_set_header X-Forwarded-Uri "";
//!     proxy_set_header X-Original-URI $request_uri;
//! }
//! location / {
//!     auth_request /auth;
//!     auth_request_set $user $upstream_http_remote_user;
//!     auth_request_set $sid $upstream_http_remote_sid;
//!     auth_request_set $groups $upstream_http_remote_groups;
//!     auth_request_set $sign_in $upstream_http_location;
//!     proxy_set_header Remote-User $user;
//!     proxy_set_header Remote-Sid $sid;
//!     proxy_set_header Remote-Groups $groups;
//!     proxy_set_header Remote-Name "";
//!     proxy_set_header Remote-Groups-Incomplete "";
//!     error_page 401 =302 $sign_in;
//!     proxy_pass http://127.0.0.1:3000;
//! }
//! ```
//!
//! ```yaml
//! http:
//!   routers:
//!     sign-in:
//!       rule: PathPrefix(`/contoso.test/`) || PathRegexp(`^/(proof|sign-out|signed-out\.js|style\.css|sign-in\.js)$`)
//!       service: sign-in
//!     application:
//!       rule: PathPrefix(`/`)
//!       middlewares: [signed-in]
//!       service: application
//!   middlewares:
//!     signed-in:
//!       forwardAuth:
//!         address: http://127.0.0.1:8080/contoso.test/forward-auth
//!         authResponseHeaders: [Remote-User, Remote-Name, Remote-Sid, Remote-Groups, Remote-Groups-Incomplete]
//!   services:
//!     sign-in: { loadBalancer: { servers: [{ url: http://127.0.0.1:8080 }] } }
//!     application: { loadBalancer: { servers: [{ url: http://127.0.0.1:3000 }] } }
//! ```

use crate::app::{App, Shared};
use crate::autologon::Autologon;
use crate::browser::{browser_cookie, session, ticket_use};
use crate::client::{Client, Way};
use crate::destination::{Destination, ReturnPath, forward_auth_address};
use crate::oidc::{BrowserId, User};
use crate::pages::SignInPage;
use crate::session::{Session, Stage};
use crate::tenants::Tenant;
use axum::extract::{Query, State};
use axum::http::header::LOCATION;
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use axum::response::{IntoResponse as _, Redirect, Response};
use serde::Deserialize;
use std::fmt::Write as _;
use std::sync::Arc;

#[derive(Deserialize)]
pub(crate) struct Mode {
    #[serde(default)]
    mode: String,
}

/// Answers the proxy: names the user whose browser sent the request, or leads to the sign-in page.
pub(crate) async fn check(
    State(app): State<Shared>,
    tenant: Tenant,
    client: Client,
    headers: HeaderMap,
    Query(Mode { mode }): Query<Mode>,
) -> Response {
    match session_of(&app, &tenant, &headers).await {
        Some((session, true)) => match User::of_session(&session.identity) {
            Some(user) => user_headers(&tenant, &user).into_response(),
            None => (StatusCode::FORBIDDEN, "The user has no SID, so the server cannot identify the account.\n")
                .into_response(),
        },
        _ => to_sign_in(&app, &tenant, &client, &headers, mode == "redirect"),
    }
}

/// Returns the browser's session of this tenant, and whether the user has entered the one-time code if one is demanded.
async fn session_of(app: &App, tenant: &Tenant, headers: &HeaderMap) -> Option<(Arc<Session>, bool)> {
    let (_, session, stage) = session(app, headers).await.filter(|(_, session, _)| session.tenant == tenant.name)?;
    let is_proved = session.is_proved || !tenant.proofs.are_needed(session.identity.sid);
    Some((session, stage == Stage::SignedIn && is_proved))
}

fn user_headers(tenant: &Tenant, user: &User) -> HeaderMap {
    let names: Vec<_> =
        user.groups.iter().map(|sid| tenant.group_names.get(sid).cloned().unwrap_or(sid.to_string())).collect();
    let (groups, is_whole) = joined(&names);
    let values = [
        ("remote-user", Some(encoded(&user.upn))),
        ("remote-name", user.name.as_deref().map(encoded)),
        ("remote-sid", Some(user.sid.to_string())),
        ("remote-groups", Some(groups)),
        ("remote-groups-incomplete", (!is_whole).then(|| "true".into())),
    ];
    let header = |(name, value): (&'static str, Option<String>)| {
        Some((HeaderName::from_static(name), HeaderValue::try_from(value?).ok()?))
    };
    values.into_iter().filter_map(header).collect()
}

/// Joins names by commas, up to [`MAX_GROUPS`] octets, and returns whether all names fit.
fn joined(names: &[String]) -> (String, bool) {
    let mut text = String::new();
    for name in names {
        let name = encoded(name);
        let length = text.len().saturating_add(name.len()).saturating_add(1);
        if length > MAX_GROUPS {
            return (text, false);
        }
        text.push_str(if text.is_empty() { "" } else { "," });
        text.push_str(&name);
    }
    (text, true)
}

/// Encodes a value for a header and for a list. `%`, `,` and every octet that is not printable ASCII are percent-encoded.
fn encoded(value: &str) -> String {
    let mut text = String::new();
    for octet in value.trim().bytes() {
        match octet {
            b'%' | b',' => _ = write!(text, "%{octet:02X}"),
            b' '..=b'~' => text.push(octet.into()),
            _ => _ = write!(text, "%{octet:02X}"),
        }
    }
    text
}

/// Returns the response that leads to the sign-in page. The request of a script is not redirected, because the script would
/// read the sign-in page in place of its answer.
fn to_sign_in(app: &App, tenant: &Tenant, client: &Client, headers: &HeaderMap, wants_redirect: bool) -> Response {
    let is_trusted = client.way == Way::TrustedProxy;
    let single = |name| {
        let mut values = headers.get_all(name).iter();
        values.next().filter(|_| values.next().is_none()).and_then(|value| value.to_str().ok())
    };
    let is_navigation = single("x-forwarded-method").is_none_or(|method| matches!(method, "GET" | "HEAD"))
        && single("sec-fetch-mode").is_none_or(|mode| mode == "navigate");
    let uri = single("x-forwarded-uri").or_else(|| single("x-original-uri")).filter(|_| is_trusted && is_navigation);
    let path = uri.and_then(ReturnPath::parse);
    let origin = client.origin().filter(|_| is_trusted).unwrap_or_else(|| app.address.clone());
    let location = format!("{origin}{}", forward_auth_address(&tenant.name, path.as_ref()));
    let redirects = wants_redirect || (is_trusted && headers.contains_key("x-forwarded-uri"));
    let status = if redirects && is_navigation { StatusCode::FOUND } else { StatusCode::UNAUTHORIZED };
    (status, [(LOCATION, location)]).into_response()
}

/// The query of the sign-in page.
#[derive(Deserialize)]
pub(crate) struct Wanted {
    #[serde(default)]
    request: String,
}

/// Shows the next page of a sign-in, or sends the browser to the path that the user wanted.
pub(crate) async fn sign_in(
    State(app): State<Shared>,
    tenant: Tenant,
    client: Client,
    headers: HeaderMap,
    Query(Wanted { request }): Query<Wanted>,
) -> Response {
    let path = ReturnPath::parse(&request);
    let destination = Destination::Path { tenant: tenant.name.to_string(), path };
    match session_of(&app, &tenant, &headers).await {
        Some((_, true)) => Redirect::to(destination.target()).into_response(),
        Some((session, false)) if tenant.proofs.has_secret(session.identity.sid) => {
            app.pages.proof(StatusCode::OK, &session, None, &destination)
        }
        Some(_) => {
            let text = "A one-time code is needed, and none is set up for your account. Ask your administrator.";
            app.pages.message(StatusCode::FORBIDDEN, "One more step is missing", text)
        }
        None => {
            let ticket = ticket_use(&app, &tenant, &client, &headers);
            let browser = app.cookies.browser_id(&headers).unwrap_or_else(BrowserId::random);
            let (destination, autologon) = (&destination, Autologon::of(&app, &tenant, &browser));
            let page =
                SignInPage { tenant: &tenant, name: "", error: None, ticket, destination, autologon: &autologon };
            (browser_cookie(&app, &browser, &headers), app.pages.sign_in(StatusCode::OK, &page)).into_response()
        }
    }
}

/// The longest list of groups, in octets. nginx takes 4 KiB for all headers of a response by default.
const MAX_GROUPS: usize = 2 * 1024;

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::client::Peer;
    use crate::forwarded::{Proxies, ProxyHeaders};
    use crate::{browser, clock, limits};
    use axum::Router;
    use axum::body::{Body, to_bytes};
    use axum::http::Request;
    use kerberos_sso::testing::TestRealm;
    use tower::ServiceExt as _;

    const PROXY: &str = "10.0.0.1";
    const URI: (&str, &str) = ("x-forwarded-uri", "/reports?x=1&y=a%20b");
    const CHECK: &str = "/contoso.test/forward-auth";

    struct Server {
        routes: Router,
        realm: TestRealm,
    }

    impl Server {
        async fn new(change: impl FnOnce(&mut App)) -> Self {
            let proxies = Proxies::new(vec!["10.0.0.1/32".parse().unwrap()], ProxyHeaders::XForwarded);
            let mut app = App { proxies, ..App::for_tests(None).await };
            change(&mut app);
            let realm = app.tenants.test_tenant().unwrap().test_realm.unwrap();
            Self { routes: limits::around(browser::routes(), Arc::new(app)), realm }
        }

        async fn send(&self, method: &str, path: &str, peer: &str, headers: &[(&str, &str)]) -> Response {
            let peer = Peer { address: peer.parse().unwrap(), tls: None };
            let request = Request::builder().method(method).uri(path).header("host", "sso.test").extension(peer);
            let request = headers.iter().fold(request, |request, (name, value)| request.header(*name, *value));
            self.routes.clone().oneshot(request.body(Body::empty()).unwrap()).await.unwrap()
        }

        /// Signs `name` in by a ticket, as the sign-in page does, and returns the cookie.
        async fn cookie(&self, name: &str) -> String {
            let ticket = self.realm.ticket_for(name).service("HTTP/autologon.microsoftazuread-sso.com");
            let ticket = ticket.at(clock::now()).mutual().header();
            let path = "/contoso.test/winauth/sso?request=%2Freports";
            let response = self.send("GET", path, "192.0.2.1", &[("authorization", &ticket)]).await;
            assert_eq!(response.status(), 200);
            let cookie = response.headers().get("set-cookie").unwrap().to_str().unwrap();
            cookie.split(';').next().unwrap().to_owned()
        }
    }

    fn location(response: &Response) -> (u16, &str) {
        assert!(!response.headers().contains_key("www-authenticate"));
        let location = response.headers().get("location").map(|value| value.to_str().unwrap());
        (response.status().as_u16(), location.unwrap_or_default())
    }

    #[tokio::test]
    async fn session_of_the_tenant_gets_200_with_the_user_in_headers() {
        let server = Server::new(|_| {}).await;
        let cookie = server.cookie("alice").await;
        let response = server.send("GET", CHECK, PROXY, &[("cookie", &cookie), URI]).await;
        let header = |name| response.headers().get(name).map(|value| value.to_str().unwrap().to_owned());
        assert_eq!((response.status().as_u16(), header("remote-user")), (200, Some("alice@contoso.test".into())));
        assert_eq!(header("remote-sid"), Some(server.realm.user_sid("alice").to_string()));
        assert!(header("remote-groups").unwrap().split(',').all(|group| group.starts_with("S-1-")));
        assert_eq!(header("remote-groups-incomplete"), None);
    }

    #[tokio::test]
    async fn request_without_a_session_gets_302_by_mode_redirect_or_from_traefik_and_otherwise_401() {
        let server = Server::new(|_| {}).await;
        let page = "/contoso.test/forward-auth/sign-in";
        let wanted = format!("{page}?request=%2Freports%3Fx%3D1%26y%3Da%2520b");
        let (proto, host) = (("x-forwarded-proto", "https"), ("x-forwarded-host", "sso.test"));
        let from = ("x-forwarded-for", "192.0.2.7");
        let redirect = format!("{CHECK}?mode=redirect");
        for (path, peer, headers, expected) in [
            (CHECK, PROXY, vec![], (401, format!("http://sso.test{page}"))),
            (CHECK, PROXY, vec![URI], (302, format!("http://sso.test{wanted}"))),
            (CHECK, PROXY, vec![URI, from, proto, host], (302, format!("https://sso.test{wanted}"))),
            (CHECK, PROXY, vec![("x-original-uri", URI.1)], (401, format!("http://sso.test{wanted}"))),
            (&redirect, PROXY, vec![("x-original-uri", URI.1)], (302, format!("http://sso.test{wanted}"))),
            (CHECK, PROXY, vec![URI, ("x-forwarded-method", "POST")], (401, format!("http://sso.test{page}"))),
            (CHECK, PROXY, vec![URI, ("sec-fetch-mode", "cors")], (401, format!("http://sso.test{page}"))),
            // Only a trusted proxy may say which path the browser asked for.
            (CHECK, "192.0.2.1", vec![URI], (401, format!("http://sso.test{page}"))),
            (&redirect, "192.0.2.1", vec![URI], (302, format!("http://sso.test{page}"))),
            (CHECK, PROXY, vec![("x-forwarded-uri", "//evil.example/")], (302, format!("http://sso.test{page}"))),
            (CHECK, PROXY, vec![("cookie", "seamless_session=00")], (401, format!("http://sso.test{page}"))),
        ] {
            let response = server.send("GET", path, peer, &headers).await;
            assert_eq!(location(&response), (expected.0, &*expected.1), "{path} {peer} {headers:?}");
        }
        let other = [from, ("x-forwarded-host", "evil.example"), URI];
        assert_eq!(server.send("GET", CHECK, PROXY, &other).await.status(), 421);
        assert_eq!(server.send("POST", CHECK, PROXY, &[]).await.status(), 405);
    }

    #[tokio::test]
    async fn browser_goes_from_the_sign_in_page_to_the_wanted_path_and_to_no_other_host() {
        let server = Server::new(|_| {}).await;
        let page = server.send("GET", "/contoso.test/forward-auth/sign-in?request=%2Freports", PROXY, &[]).await;
        let status = page.status().as_u16();
        let body = to_bytes(page.into_body(), 1 << 20).await.unwrap();
        let body = String::from_utf8(body.to_vec()).unwrap();
        assert!(status == 200 && body.contains("name=\"request\" type=\"hidden\" value=\"&#x2f;reports\""), "{body}");
        let cookie = server.cookie("alice").await;
        for (wanted, expected) in [
            ("%2Freports%3Fx%3D1", "/reports?x=1"),
            ("%2F%2Fevil.example", "/"),
            ("%2F%5Cevil.example", "/"),
            ("https%3A%2F%2Fevil.example", "/"),
            ("%2Fa%0D%0Ax", "/"),
            ("", "/"),
        ] {
            let path = format!("/contoso.test/forward-auth/sign-in?request={wanted}");
            let response = server.send("GET", &path, PROXY, &[("cookie", &cookie)]).await;
            assert_eq!(location(&response), (303, expected), "{wanted}");
        }
    }

    #[tokio::test]
    async fn user_who_must_enter_a_code_gets_no_access_before_it() {
        let server = Server::new(|app| app.tenants.require_proof_of("olga")).await;
        let cookie = server.cookie("olga").await;
        let cookie = [("cookie", &*cookie)];
        assert_eq!(server.send("GET", CHECK, PROXY, &cookie).await.status(), 401);
        let page = server.send("GET", "/contoso.test/forward-auth/sign-in?request=%2Freports", PROXY, &cookie).await;
        let body = String::from_utf8(to_bytes(page.into_body(), 1 << 20).await.unwrap().to_vec()).unwrap();
        assert!(body.contains("One more step"), "{body}");
    }

    #[test]
    fn encoded_value_can_end_neither_its_header_nor_its_entry_in_a_list() {
        for (value, expected) in [
            ("alice@contoso.test", "alice@contoso.test"),
            ("J\u{fc}rgen O'Neil", "J%C3%BCrgen O'Neil"),
            ("a\r\nRemote-User: bob", "a%0D%0ARemote-User: bob"),
            ("Sales, EMEA 100%", "Sales%2C EMEA 100%25"),
            ("\u{7f}\0", "%7F%00"),
        ] {
            assert_eq!(encoded(value), expected);
            assert!(HeaderValue::try_from(encoded(value)).is_ok());
        }
    }

    #[test]
    fn groups_beyond_2048_octets_are_left_out_and_no_group_is_cut() {
        let names: Vec<_> = (0..98).map(|number| format!("S-1-5-21-1-2-3-{}", 10_000 + number)).collect();
        let (text, is_whole) = joined(names.get(..97).unwrap());
        assert!(is_whole && text.len() == 97 * 21 - 1 && text.ends_with(",S-1-5-21-1-2-3-10096"), "{text}");
        assert_eq!(joined(&names), (text, false));
        assert_eq!(joined(&[]), (String::new(), true));
    }
}
