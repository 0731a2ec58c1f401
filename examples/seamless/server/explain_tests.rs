//! Tests of `/explain`: for a signed-in user, for a user without a token, and for pasted text that is no token.

#![allow(clippy::unwrap_used)]

use crate::app::App;
use crate::replay::Replays;
use crate::tenants::Tenants;
use crate::{browser, limits, native};
use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::{HeaderMap, HeaderValue, Request};
use std::sync::Arc;
use tower::ServiceExt as _;

struct Server(Router, Arc<App>);

struct Answer {
    status: u16,
    headers: HeaderMap,
    page: String,
}

impl Server {
    async fn new(change: impl FnOnce(App) -> App) -> Self {
        let app = Arc::new(change(App::for_tests(None).await));
        Self(limits::around(browser::routes().merge(native::routes()), Arc::clone(&app)), app)
    }

    async fn of_test_realm() -> Self {
        Self::new(|app| app).await
    }

    async fn get(&self, path: &str, cookie: &str) -> Answer {
        self.send(Request::get(path).header("cookie", cookie).body(Body::empty()).unwrap()).await
    }

    async fn post(&self, path: &str, cookie: &str, form: &str) -> Answer {
        let request = Request::post(path).header("cookie", cookie);
        let request = request.header("content-type", "application/x-www-form-urlencoded");
        self.send(request.body(form.to_owned().into()).unwrap()).await
    }

    async fn send(&self, mut request: Request<Body>) -> Answer {
        request.headers_mut().entry("host").or_insert(HeaderValue::from_static("sso.test"));
        let response = self.0.clone().oneshot(request).await.unwrap();
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        let body = to_bytes(response.into_body(), 1 << 20).await.unwrap();
        Answer { status, headers, page: String::from_utf8(body.to_vec()).unwrap() }
    }

    /// Signs in with a test ticket and returns the session cookie.
    async fn sign_in(&self, name: &str) -> String {
        let answer = self.post("/test-ticket", "", &format!("name={name}")).await;
        let cookie = answer.headers.get("set-cookie").unwrap().to_str().unwrap();
        cookie.split(';').next().unwrap().to_owned()
    }

    async fn explain(&self, token: &str) -> String {
        let escaped = token.replace('%', "%25").replace('+', "%2B").replace('&', "%26").replace(' ', "+");
        self.post("/explain", "", &format!("token={escaped}")).await.page
    }
}

/// Returns whether a page contains a base64 word of more than 200 characters, which may be a token.
fn holds_token(page: &str) -> bool {
    let is_base64 = |one: char| one.is_ascii_alphanumeric() || matches!(one, '+' | '/' | '=');
    page.replace("&#x2f;", "/").split(|one| !is_base64(one)).any(|word| word.len() > 200)
}

#[tokio::test]
async fn signed_in_user_sees_the_verdict_on_their_own_ticket_only() {
    let server = Server::of_test_realm().await;
    let (alice, bob) = (server.sign_in("alice").await, server.sign_in("bob").await);
    for (cookie, name) in [(&alice, "alice"), (&bob, "bob")] {
        let who = server.get("/", cookie).await.page;
        assert!(who.contains(r#"href="/explain/own""#) && !holds_token(&who), "{who}");
        let own = server.get("/explain/own", cookie).await;
        let accepted = format!("Accepted: <strong>{name}@CONTOSO.TEST");
        assert!(own.status == 200 && own.page.contains(&accepted) && !holds_token(&own.page), "{}", own.page);
    }
    server.post("/sign-out", &alice, "").await;
    for cookie in [&*alice, "", "seamless_session=00000000000000000000000000000000"] {
        let own = server.get("/explain/own", cookie).await;
        assert!(own.status == 404 && !own.page.contains("Accepted"), "{cookie}: {}", own.page);
    }
}

#[tokio::test]
async fn second_sign_in_in_a_browser_ends_the_first_session_and_drops_its_ticket() {
    let server = Server::of_test_realm().await;
    let first = server.sign_in("alice").await;
    let second = server.post("/test-ticket", &first, "name=bob").await.headers;
    let second = second.get("set-cookie").unwrap().to_str().unwrap().split(';').next().unwrap();
    assert!(!server.1.judged.contains(&first.split('=').nth(1).unwrap().parse().unwrap()));
    assert_eq!(server.get("/explain/own", &first).await.status, 404);
    let own = server.get("/explain/own", second).await.page;
    assert!(own.contains("Accepted: <strong>bob@") && !own.contains("alice"), "{own}");
}

#[tokio::test]
async fn every_page_forbids_caches_frames_and_scripts_of_others() {
    let server = Server::of_test_realm().await;
    let alice = server.sign_in("alice").await;
    for path in ["/", "/explain", "/explain/own", "/explain/example/accepted", "/explain/example/other", "/nothing"] {
        let headers = server.get(path, &alice).await.headers;
        let text = |name| headers.get(name).map_or("", |value| value.to_str().unwrap());
        let policy = text("content-security-policy");
        assert!(policy.starts_with("default-src 'none'; ") && policy.ends_with("frame-ancestors 'none'"), "{path}");
        assert!(policy.contains("script-src 'self'; ") && !policy.contains("unsafe"), "{path}: {policy}");
        let others = ["cache-control", "x-content-type-options", "referrer-policy", "cross-origin-opener-policy"];
        assert_eq!(others.map(text), ["no-store", "nosniff", "same-origin", "same-origin"], "{path}");
    }
}

#[tokio::test]
async fn form_of_another_site_is_refused_and_does_not_sign_out() {
    let server = Server::of_test_realm().await;
    let alice = server.sign_in("alice").await;
    for path in ["/explain", "/sign-out", "/test-ticket", "/proof", "/contoso.test/password"] {
        for (name, value) in [("origin", "https://evil.test"), ("origin", "null"), ("sec-fetch-site", "cross-site")] {
            let request = Request::post(path).header("cookie", &*alice).header("host", "sso.test").header(name, value);
            let request = request.header("content-type", "application/x-www-form-urlencoded");
            let answer = server.send(request.body("token=a&name=bob&code=1&password=".into()).unwrap()).await;
            assert_eq!((answer.status, answer.headers.get("set-cookie")), (403, None), "{path} {name}: {value}");
        }
    }
    assert_eq!(server.get("/explain/own", &alice).await.status, 200);
}

#[tokio::test]
async fn form_of_explain_is_read_up_to_128_kibibytes() {
    let server = Server::of_test_realm().await;
    for (length, status) in [(131_072, 200), (131_073, 400)] {
        let form = format!("token={}", "A".repeat(length - 6));
        let answer = server.post("/explain", "", &form).await;
        assert_eq!((answer.status, answer.page.contains("was too long")), (status, status == 400), "{length}");
        assert!(!holds_token(&answer.page));
    }
}

#[tokio::test]
async fn own_ticket_is_not_shown_before_the_one_time_code() {
    let server = Server::new(|mut app| {
        app.tenants.require_proof_of("olga");
        app
    })
    .await;
    let waiting = server.sign_in("olga").await;
    assert_eq!(server.get("/explain/own", &waiting).await.status, 404);
}

#[tokio::test]
async fn server_without_explain_keeps_no_ticket_and_refuses_the_pages() {
    let server = Server::new(|app| App { explains: false, ..app }).await;
    let cookie = server.sign_in("alice").await;
    let id = cookie.split('=').nth(1).unwrap().parse().unwrap();
    assert!(!server.1.judged.contains(&id));
    assert!(!server.get("/", &cookie).await.page.contains("/explain"));
    for path in ["/explain", "/explain/own", "/explain/example/accepted"] {
        assert_eq!(server.get(path, &cookie).await.status, 403, "{path}");
    }
}

#[tokio::test]
async fn explanations_are_refused_and_not_linked_behind_a_proxy() {
    let server = Server::of_test_realm().await;
    let request = Request::post("/test-ticket").header("x-forwarded-for", "192.0.2.1");
    let request = request.header("content-type", "application/x-www-form-urlencoded");
    let through = server.send(request.body("name=alice".into()).unwrap()).await.headers;
    let through = through.get("set-cookie").unwrap().to_str().unwrap().split([';', '=']).nth(1).unwrap();
    assert!(!server.1.judged.contains(&through.parse().unwrap()), "the server keeps a ticket that no page may show");
    let cookie = server.sign_in("alice").await;
    for (path, status) in [("/", 200), ("/explain/own", 403), ("/explain/example/ntlm", 403)] {
        let request = Request::get(path).header("cookie", &*cookie).header("x-forwarded-for", "192.0.2.1");
        let answer = server.send(request.body(Body::empty()).unwrap()).await;
        assert!(answer.status == status && !answer.page.contains("/explain"), "{path}: {}", answer.page);
    }
}

#[tokio::test]
async fn page_after_a_test_ticket_says_that_nobody_proved_who_the_user_is() {
    let server = Server::of_test_realm().await;
    let cookie = server.sign_in("alice").await;
    let who = server.get("/", &cookie).await.page;
    assert!(who.contains("Test ticket") && who.contains("Nobody has proved who you are"), "{who}");
    assert!(!who.contains("your computer's ticket"), "{who}");
    for (path, button) in [("/", "alice"), ("/?login_hint=carol@contoso.test", "carol")] {
        let page = server.get(path, "").await.page;
        assert!(page.contains(&format!("Sign in as {button} of the test realm")), "{page}");
    }
}

#[tokio::test]
async fn example_token_is_validated_with_the_keys_of_the_test_realm() {
    let tenants = Tenants::of_realms(&["CONTOSO.TEST", "B.TEST"], &Replays::for_tests()).await;
    let of_config = Server::new(|app| App { tenants, ..app }).await;
    for server in [Server::of_test_realm().await, of_config] {
        let accepted = server.get("/explain/example/accepted", "").await.page;
        assert!(accepted.contains("Accepted: <strong>alice@CONTOSO.TEST") && holds_token(&accepted), "{accepted}");
        let ntlm = server.get("/explain/example/ntlm", "").await.page;
        assert!(ntlm.contains("Refused: <strong>ntlm<") && ntlm.contains("This is NTLM"), "{ntlm}");
        assert_eq!(server.get("/explain/example/other", "").await.status, 404);
    }
}

#[tokio::test]
async fn example_token_in_the_text_field_is_accepted_when_pasted() {
    let server = Server::of_test_realm().await;
    let page = server.get("/explain/example/accepted", "").await.page;
    let field = page.split("</textarea>").next().unwrap().rsplit('>').next().unwrap();
    let token = field.replace("&#x2f;", "/");
    let explained = server.explain(&token).await;
    assert!(explained.contains("Accepted: <strong>alice@CONTOSO.TEST"), "{token}: {explained}");
}

#[tokio::test]
async fn page_says_what_a_pasted_text_without_a_token_is_and_where_to_find_a_token() {
    let server = Server::of_test_realm().await;
    for (pasted, finding) in [
        ("", "Nothing was pasted."),
        ("hello world", "This is not a token."),
        ("https://sso.contoso.test/", "This is a web address."),
        ("Bearer eyJhbGciOiJIUzI1NiJ9.e30.abc", "This is a token of OAuth"),
        ("Authorization: Basic c2VjcmV0OnNlY3JldA==", "This is a user name with its password."),
        ("> GET / HTTP/1.1\r\n> Host: a.test", "This request has no Authorization header."),
        ("Negotiate", "This header holds no token."),
    ] {
        let page = server.explain(pasted).await;
        assert!(page.contains(finding) && page.contains("developer tools"), "{pasted:?}: {page}");
        assert!(!page.contains("Refused") && !page.contains("c2VjcmV0"), "{pasted:?}: {page}");
    }
}

#[tokio::test]
async fn page_recognises_and_refuses_a_cut_off_token_and_an_ntlm_token_and_a_later_message() {
    let server = Server::of_test_realm().await;
    for (pasted, finding, code) in [
        ("YIIGzgYGKwYBBQUCoII", "This token is cut off.", "malformed"),
        ("Negotiate TlRMTVNTUAABAAAAB4IIogAAAAAAAAAAAAAAAAAAAAAGAgAAAAAADw==", "This is NTLM", "ntlm"),
        ("oQMKAQA=", "This is a later message", "malformed"),
    ] {
        let page = server.explain(pasted).await;
        assert!(page.contains(finding) && page.contains(&format!("Refused: <strong>{code}<")), "{pasted:?}: {page}");
    }
}
