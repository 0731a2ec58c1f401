//! Tests of the flow over the routes, with the built-in test realm: from the request of an application to its tokens.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::arithmetic_side_effects)]

mod app_passwords;
mod attacks;
mod back_channel;
mod client_assertions;
mod cors;
mod end_session;
mod endpoints;
mod es256;
mod front_channel;
mod other_origin;
mod password_grant;
mod pushed;
mod tickets;
mod tokens;
mod version2;

use super::test_realm::APP_SECRET;
use crate::app::App;
use crate::store::Records;
use crate::{app_password, browser, clock, limits, native, oidc};
use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::{HeaderMap, Request};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use kerberos_sso::testing::TestRealm;
use serde_json::Value;
use sha2::{Digest as _, Sha256};
use std::collections::BTreeMap;
use std::sync::Arc;
use tower::ServiceExt as _;

/// A server with the test realm.
struct Server {
    routes: Router,
    realm: TestRealm,
    app: Arc<App>,
}

/// A browser, with its cookies.
struct Browser<'s> {
    server: &'s Server,
    cookies: BTreeMap<String, String>,
}

struct Answer {
    status: u16,
    headers: HeaderMap,
    body: String,
}

impl Server {
    async fn new(change: impl FnOnce(&mut App)) -> Self {
        Self::on(Records::for_tests(), change).await
    }

    /// Returns a server whose state is in `records`.
    async fn on(records: Records, change: impl FnOnce(&mut App)) -> Self {
        let mut app = App::on(records, None).await;
        change(&mut app);
        let realm = app.tenants.test_tenant().unwrap().test_realm.unwrap();
        let routes = browser::routes().merge(app_password::routes()).merge(native::routes()).merge(oidc::routes());
        let app = Arc::new(app);
        Self { routes: limits::around(routes, Arc::clone(&app)), realm, app }
    }

    async fn send(&self, method: &str, path: &str, headers: &[(&str, &str)], body: &str) -> Answer {
        self.send_to("sso.test", method, path, headers, body).await
    }

    async fn send_to(&self, host: &str, method: &str, path: &str, headers: &[(&str, &str)], body: &str) -> Answer {
        let request = Request::builder().method(method).uri(path).header("host", host);
        let request = headers.iter().fold(request, |request, (name, value)| request.header(*name, *value));
        let response = self.routes.clone().oneshot(request.body(Body::from(body.to_owned())).unwrap()).await.unwrap();
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        let body = to_bytes(response.into_body(), 1 << 20).await.unwrap();
        Answer { status, headers, body: String::from_utf8(body.to_vec()).unwrap() }
    }

    /// Sends a form of the sample application to the token endpoint.
    async fn token(&self, fields: &[(&str, &str)]) -> (u16, Value) {
        self.token_of("app", Some(APP_SECRET), fields).await
    }

    async fn token_of(&self, client: &str, secret: Option<&str>, fields: &[(&str, &str)]) -> (u16, Value) {
        let credentials = [("client_id", Some(client)), ("client_secret", secret)];
        let fields =
            fields.iter().copied().chain(credentials.into_iter().filter_map(|(name, value)| Some((name, value?))));
        let answer = self.send("POST", "/contoso.test/oauth2/token", &[FORM], &encoded(fields)).await;
        (answer.status, serde_json::from_str(&answer.body).unwrap_or_default())
    }

    async fn user_info(&self, token: &str) -> (u16, Value) {
        let headers = [("authorization", &*format!("Bearer {token}"))];
        let answer = self.send("GET", "/contoso.test/oauth2/userinfo", &headers, "").await;
        (answer.status, serde_json::from_str(&answer.body).unwrap_or_default())
    }

    /// Exchanges the code in a redirect to the application for tokens, and returns the response.
    async fn tokens(&self, answer: &Answer) -> (u16, Value) {
        let code = answer.field("code").unwrap();
        let fields = [("grant_type", "authorization_code"), ("code", &*code), ("redirect_uri", CALLBACK), VERIFIER];
        self.token(&fields).await
    }
}

impl Answer {
    fn location(&self) -> &str {
        self.headers.get("location").map(|value| value.to_str().unwrap()).unwrap_or_default()
    }

    /// Returns a field of the authorization response, from the query of the redirect URI.
    fn field(&self, name: &str) -> Option<String> {
        let query = self.location().strip_prefix(CALLBACK)?.strip_prefix('?')?;
        form_urlencoded::parse(query.as_bytes()).find(|(key, _)| key == name).map(|(_, value)| value.into_owned())
    }

    /// Returns the value of an attribute of the page, or an empty text.
    fn attribute(&self, name: &str) -> String {
        let found = self.body.split_once(&format!("{name}=\"")).and_then(|(_, rest)| rest.split('"').next());
        found.unwrap_or_default().replace("&#x2f;", "/")
    }

    /// Returns the value of the hidden field `request`.
    fn request(&self) -> &str {
        let (_, rest) = self.body.split_once("name=\"request\" type=\"hidden\" value=\"").unwrap();
        rest.split('"').next().unwrap()
    }
}

impl<'s> Browser<'s> {
    fn new(server: &'s Server) -> Self {
        Self { server, cookies: BTreeMap::new() }
    }

    async fn send(&mut self, method: &str, path: &str, headers: &[(&str, &str)], body: &str) -> Answer {
        let cookies: Vec<_> = self.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
        let cookies = cookies.join("; ");
        let headers: Vec<_> = headers.iter().copied().chain([("cookie", &*cookies)]).collect();
        let answer = self.server.send(method, path, &headers, body).await;
        for cookie in answer.headers.get_all("set-cookie") {
            let (name, value) = cookie.to_str().unwrap().split(';').next().unwrap().split_once('=').unwrap();
            self.cookies.insert(name.into(), value.into());
        }
        self.cookies.retain(|_, value| !value.is_empty());
        answer
    }

    async fn get(&mut self, path: &str) -> Answer {
        self.send("GET", path, &[], "").await
    }

    async fn post(&mut self, path: &str, fields: &[(&str, &str)]) -> Answer {
        self.send("POST", path, &[FORM], &encoded(fields.iter().copied())).await
    }

    /// Sends the authorization request of the sample application with the further parameters `more`.
    async fn authorize(&mut self, more: &str) -> Answer {
        self.get(&format!("/contoso.test/oauth2/authorize?{}&{more}", encoded(REQUEST))).await
    }

    /// Follows a redirect to another page of the server.
    async fn follow(&mut self, answer: &Answer) -> Answer {
        assert!(answer.status == 303 && answer.location().starts_with('/'), "{} {}", answer.status, answer.location());
        self.get(answer.location()).await
    }

    /// Signs in on the page of a conversation, by a ticket that the browser sends in the background.
    async fn by_ticket(&mut self, page: &Answer, name: &str, by_user: bool) -> Answer {
        let ticket = self.server.realm.ticket_for(name).service("HTTP/autologon.microsoftazuread-sso.com");
        let ticket = ticket.at(clock::now()).mutual().header();
        let path = format!("/contoso.test/winauth/sso?request={}&by_user={by_user}", page.request());
        self.send("GET", &path, &[("authorization", &*ticket)], "").await
    }

    /// Begins a sign-in for the application, sends a ticket of `name`, and returns the redirect to the application.
    async fn sign_in(&mut self, name: &str, more: &str) -> Answer {
        let begun = self.authorize(more).await;
        let page = self.follow(&begun).await;
        assert_eq!(self.by_ticket(&page, name, false).await.status, 200, "{}", page.body);
        self.get(begun.location()).await
    }
}

fn encoded<'a>(fields: impl IntoIterator<Item = (&'a str, &'a str)>) -> String {
    form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish()
}

fn claims(token: &Value) -> Value {
    let payload = token.as_str().unwrap().split('.').nth(1).unwrap();
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(payload).unwrap()).unwrap()
}

const FORM: (&str, &str) = ("content-type", "application/x-www-form-urlencoded");
const CALLBACK: &str = "http://127.0.0.1:8081/callback";
const ISSUER: &str = "http://sso.test/contoso.test";
/// The example of RFC 7636 appendix B.
const VERIFIER: (&str, &str) = ("code_verifier", "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk");

const REQUEST: [(&str, &str); 8] = [
    ("client_id", "app"),
    ("redirect_uri", CALLBACK),
    ("response_type", "code"),
    ("scope", "openid profile groups"),
    ("state", "a state"),
    ("nonce", "n"),
    ("code_challenge", "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"),
    ("code_challenge_method", "S256"),
];

#[tokio::test]
async fn user_with_a_ticket_is_signed_in_and_the_applications_tokens_name_the_user() {
    let server = Server::new(|_| {}).await;
    let answer = Browser::new(&server).sign_in("alice", "").await;
    assert_eq!((answer.status, answer.field("state").as_deref()), (303, Some("a state")));
    assert_eq!(answer.field("iss").as_deref(), Some(ISSUER), "RFC 9207");
    let (status, tokens) = server.tokens(&answer).await;
    assert_eq!(
        (status, &tokens["token_type"], &tokens["scope"]),
        (200, &"Bearer".into(), &"groups openid profile".into())
    );
    let id = claims(&tokens["id_token"]);
    assert_eq!((&id["iss"], &id["aud"], &id["nonce"]), (&ISSUER.into(), &"app".into(), &"n".into()));
    assert_eq!((&id["upn"], &id["amr"][0]), (&"alice@contoso.test".into(), &"wia".into()));
    assert_eq!(id["oid"], server.realm.user_sid("alice").to_string());
    let access = tokens["access_token"].as_str().unwrap();
    let digest = Sha256::digest(access);
    assert_eq!(id["at_hash"], URL_SAFE_NO_PAD.encode(&digest[..16]));
    let (status, info) = server.user_info(access).await;
    assert_eq!((status, &info["sub"], &info["groups"]), (200, &id["sub"], &id["groups"]));
    assert_eq!(claims(&tokens["access_token"])["sub"], id["sub"]);
}

#[tokio::test]
async fn second_use_of_a_code_is_refused_and_ends_the_tokens_of_the_first_use() {
    let server = Server::new(|_| {}).await;
    let answer = Browser::new(&server).sign_in("alice", "").await;
    let (status, tokens) = server.tokens(&answer).await;
    let access = tokens["access_token"].as_str().unwrap();
    assert_eq!((status, server.user_info(access).await.0), (200, 200));
    let (status, error) = server.tokens(&answer).await;
    assert_eq!((status, &error["error"]), (400, &"invalid_grant".into()));
    assert_eq!(server.user_info(access).await.0, 401);
    let refresh = tokens["refresh_token"].as_str().unwrap();
    let fields = [("grant_type", "refresh_token"), ("refresh_token", refresh)];
    assert_eq!(server.token(&fields).await.1["error"], "invalid_grant");
}

#[tokio::test]
async fn code_of_another_client_or_redirect_uri_or_verifier_is_refused() {
    let server = Server::new(|_| {}).await;
    let mut browser = Browser::new(&server);
    browser.sign_in("alice", "").await;
    let wrong = ("code_verifier", "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXx");
    let uri = ("redirect_uri", CALLBACK);
    for (client, secret, fields) in [
        ("native", None, [Some(uri), Some(VERIFIER)]),
        ("app", Some(APP_SECRET), [Some(("redirect_uri", "http://127.0.0.1:8081/")), Some(VERIFIER)]),
        ("app", Some(APP_SECRET), [None, Some(VERIFIER)]),
        ("app", Some(APP_SECRET), [Some(uri), Some(wrong)]),
        ("app", Some(APP_SECRET), [Some(uri), None]),
    ] {
        let answer = browser.authorize("").await;
        let code = answer.field("code").unwrap();
        let code = [("grant_type", "authorization_code"), ("code", &*code)];
        let fields: Vec<_> = code.into_iter().chain(fields.into_iter().flatten()).collect();
        let (status, error) = server.token_of(client, secret, &fields).await;
        assert_eq!((status, &error["error"]), (400, &"invalid_grant".into()), "{client} {fields:?}");
        assert_eq!(server.tokens(&answer).await.0, 400, "the code has ended");
    }
    let without = REQUEST.into_iter().filter(|(name, _)| !name.starts_with("code_"));
    let answer = browser.get(&format!("/contoso.test/oauth2/authorize?{}", encoded(without))).await;
    assert_eq!(server.tokens(&answer).await.1["error"], "invalid_grant", "a verifier without a challenge");
}

#[tokio::test]
async fn refresh_token_is_rotated_and_ends_with_the_session_unless_the_access_is_offline() {
    let server = Server::new(|_| {}).await;
    for (scope, expected) in [("openid", 400), ("openid offline_access", 200)] {
        let mut browser = Browser::new(&server);
        let scope = REQUEST.map(|(name, value)| (name, if name == "scope" { scope } else { value }));
        let begun = browser.get(&format!("/contoso.test/oauth2/authorize?{}", encoded(scope))).await;
        let page = browser.follow(&begun).await;
        browser.by_ticket(&page, "alice", false).await;
        let (_, first) = server.tokens(&browser.get(begun.location()).await).await;
        let refresh = async |tokens: &Value| {
            let token = tokens["refresh_token"].as_str().unwrap().to_owned();
            server.token(&[("grant_type", "refresh_token"), ("refresh_token", &*token)]).await
        };
        let (status, second) = refresh(&first).await;
        assert_eq!((status, claims(&second["id_token"]).get("nonce")), (200, None));
        assert_eq!(claims(&second["id_token"])["sub"], claims(&first["id_token"])["sub"]);
        assert_eq!(browser.post("/sign-out", &[]).await.status, 303);
        assert_eq!(refresh(&second).await.0, expected, "{scope:?}");
    }
}

#[tokio::test]
async fn refreshed_token_has_no_scope_beyond_those_of_the_sign_in() {
    let server = Server::new(|_| {}).await;
    for (had, asked, expected) in [
        ("openid", "openid", Ok("openid")),
        ("openid", "offline_access openid", Ok("openid")),
        ("openid", "profile", Err("invalid_scope")),
        ("openid", "offline_access profile", Err("invalid_scope")),
        ("openid", "api.read offline_access openid", Err("invalid_scope")),
        ("openid", "offline_access", Err("invalid_scope")),
        ("openid", "", Ok("openid")),
        ("openid offline_access", "openid", Ok("openid")),
        ("openid offline_access", "openid offline_access", Ok("offline_access openid")),
        ("openid offline_access", "offline_access", Ok("offline_access")),
        ("openid offline_access", "offline_access profile", Err("invalid_scope")),
    ] {
        let mut browser = Browser::new(&server);
        let request = REQUEST.map(|(name, value)| (name, if name == "scope" { had } else { value }));
        let begun = browser.get(&format!("/contoso.test/oauth2/authorize?{}", encoded(request))).await;
        let page = browser.follow(&begun).await;
        browser.by_ticket(&page, "alice", false).await;
        let (_, first) = server.tokens(&browser.get(begun.location()).await).await;
        let token = first["refresh_token"].as_str().unwrap().to_owned();
        let fields = [("grant_type", "refresh_token"), ("refresh_token", &*token), ("scope", asked)];
        let (_, second) = server.token(&fields).await;
        let found = match second["access_token"].as_str() {
            Some(_) => Ok(claims(&second["access_token"])["scope"].as_str().unwrap().to_owned()),
            None => Err(second["error"].as_str().unwrap().to_owned()),
        };
        assert_eq!(found, expected.map(Into::into).map_err(Into::into), "{had:?} {asked:?}");
    }
}

#[tokio::test]
async fn refresh_token_is_still_good_after_a_refused_scope_or_resource_and_ends_after_its_use() {
    let server = Server::new(|_| {}).await;
    let (_, tokens) = server.tokens(&Browser::new(&server).sign_in("alice", "").await).await;
    let token = tokens["refresh_token"].as_str().unwrap();
    let fields = [("grant_type", "refresh_token"), ("refresh_token", token)];
    for (name, value, expected) in [("scope", "unknown", "invalid_scope"), ("resource", "urn:other", "invalid_target")]
    {
        let (status, error) = server.token(&[fields[0], fields[1], (name, value)]).await;
        assert_eq!((status, &error["error"]), (400, &expected.into()));
    }
    assert_eq!(server.token(&fields).await.0, 200);
    assert_eq!(server.token(&fields).await.1["error"], "invalid_grant");
}

#[tokio::test]
async fn refresh_token_ends_when_another_client_sends_it_with_a_wrong_scope() {
    let server = Server::new(|_| {}).await;
    let (_, tokens) = server.tokens(&Browser::new(&server).sign_in("alice", "").await).await;
    let fields = [("grant_type", "refresh_token"), ("refresh_token", tokens["refresh_token"].as_str().unwrap())];
    let (_, error) = server.token_of("native", None, &[fields[0], fields[1], ("scope", "unknown")]).await;
    assert_eq!(error["error"], "invalid_grant");
    assert_eq!(server.token(&fields).await.1["error"], "invalid_grant");
}

#[tokio::test]
async fn new_sign_in_of_the_same_user_keeps_the_access_tokens_and_a_sign_in_of_another_user_ends_them() {
    let server = Server::new(|_| {}).await;
    for (name, expected) in [("alice", 200), ("bob", 401)] {
        let mut browser = Browser::new(&server);
        let (_, tokens) = server.tokens(&browser.sign_in("alice", "").await).await;
        let begun = browser.authorize("prompt=login").await;
        let page = browser.follow(&begun).await;
        assert_eq!(browser.by_ticket(&page, name, true).await.status, 200);
        assert_eq!(server.user_info(tokens["access_token"].as_str().unwrap()).await.0, expected, "{name}");
        assert_eq!(browser.post("/sign-out", &[]).await.status, 303);
        assert_eq!(server.user_info(tokens["access_token"].as_str().unwrap()).await.0, 401, "{name}");
    }
}

#[tokio::test]
async fn userinfo_refuses_an_id_token_and_an_access_token_for_a_resource() {
    let server = Server::new(|_| {}).await;
    let answer = Browser::new(&server).sign_in("alice", "resource=http%3A%2F%2F127.0.0.1%3A8081%2Fapi").await;
    let (_, tokens) = server.tokens(&answer).await;
    assert_eq!(claims(&tokens["access_token"])["aud"], "http://127.0.0.1:8081/api");
    for name in ["id_token", "access_token", "refresh_token"] {
        assert_eq!(server.user_info(tokens[name].as_str().unwrap()).await.0, 401, "{name}");
    }
    let refresh = tokens["refresh_token"].as_str().unwrap();
    let fields = [("grant_type", "refresh_token"), ("refresh_token", refresh), ("resource", "urn:other")];
    assert_eq!(server.token(&fields).await.1["error"], "invalid_target");
}

#[tokio::test]
async fn prompt_none_gets_a_code_with_a_session_and_login_required_without_a_session() {
    let server = Server::new(|_| {}).await;
    let mut browser = Browser::new(&server);
    let answer = browser.authorize("prompt=none").await;
    assert_eq!(answer.field("error").as_deref(), Some("login_required"));
    assert_eq!(answer.field("state").as_deref(), Some("a state"));
    browser.sign_in("alice", "").await;
    assert!(browser.authorize("prompt=none").await.field("code").is_some());
    assert!(browser.authorize("prompt=none&login_hint=alice%40contoso.test").await.field("code").is_some());
    let other = browser.authorize("prompt=none&login_hint=bob%40contoso.test").await;
    assert_eq!(other.field("error").as_deref(), Some("login_required"));
}

#[tokio::test]
async fn prompt_login_takes_a_ticket_only_after_the_user_has_pressed_the_button() {
    let server = Server::new(|_| {}).await;
    let mut browser = Browser::new(&server);
    browser.sign_in("alice", "").await;
    let begun = browser.authorize("prompt=login").await;
    let page = browser.follow(&begun).await;
    assert!(page.body.contains("data-ticket=\"button\""), "{}", page.body);
    let silent = browser.by_ticket(&page, "alice", false).await;
    assert!(silent.status == 403 && silent.body.contains("login-prompt"), "{}", silent.body);
    assert_eq!(browser.by_ticket(&page, "alice", true).await.status, 200);
    assert!(browser.get(begun.location()).await.field("code").is_some());
}

#[tokio::test]
async fn ticket_of_a_user_whom_login_hint_does_not_name_leads_to_a_question() {
    let server = Server::new(|_| {}).await;
    let mut browser = Browser::new(&server);
    let question = browser.sign_in("alice", "login_hint=bob%40contoso.test").await;
    assert!(question.status == 200 && question.body.contains("Which account?"), "{}", question.body);
    assert!(question.body.contains("bob@contoso.test") && question.body.contains("alice@CONTOSO.TEST"));
    let answer = browser.post("/contoso.test/sign-in/continue", &[("request", question.request())]).await;
    assert_eq!(claims(&server.tokens(&answer).await.1["id_token"])["upn"], "alice@contoso.test");
    let other = browser.post("/contoso.test/sign-in/other", &[("request", question.request())]).await;
    let page = browser.follow(&other).await;
    assert!(page.body.contains("data-ticket=\"button\"") && page.body.contains("bob@contoso.test"), "{}", page.body);
    assert!(browser.authorize("prompt=none").await.field("error").is_some(), "the session has ended");
}

#[tokio::test]
async fn id_token_hint_of_another_user_leads_to_a_question_that_does_not_offer_the_sessions_account() {
    let server = Server::new(|_| {}).await;
    let (_, tokens) = server.tokens(&Browser::new(&server).sign_in("alice", "").await).await;
    let hint = tokens["id_token"].as_str().unwrap();
    let mut browser = Browser::new(&server);
    let question = browser.sign_in("bob", &format!("id_token_hint={hint}")).await;
    assert!(question.body.contains("Which account?") && !question.body.contains("/continue\""), "{}", question.body);
    let forced = browser.post("/contoso.test/sign-in/continue", &[("request", question.request())]).await;
    assert!(forced.status == 200 && forced.body.contains("Which account?"), "{}", forced.location());
    let none = browser.authorize(&format!("prompt=none&id_token_hint={hint}")).await;
    assert_eq!(none.field("error").as_deref(), Some("login_required"));
    let foreign = browser.authorize(&format!("id_token_hint={}", tokens["access_token"].as_str().unwrap())).await;
    assert_eq!(foreign.field("error").as_deref(), Some("invalid_request"));
}

#[tokio::test]
async fn form_post_sends_the_code_in_a_form_that_may_be_sent_to_the_client_only() {
    let server = Server::new(|_| {}).await;
    let mut browser = Browser::new(&server);
    let page = browser.sign_in("alice", "response_mode=form_post").await;
    assert!(page.status == 200 && page.location().is_empty());
    assert!(page.body.contains(&format!("action=\"{}\"", CALLBACK.replace('/', "&#x2f;"))), "{}", page.body);
    assert!(page.body.contains("name=\"code\"") && page.body.contains("name=\"iss\""), "{}", page.body);
    let policy = page.headers.get("content-security-policy").unwrap().to_str().unwrap();
    assert!(policy.contains("form-action 'self' http://127.0.0.1:8081;") && policy.contains("frame-ancestors 'none'"));
}

#[tokio::test]
async fn page_of_another_browser_begins_again_and_its_form_signs_nobody_in() {
    let server = Server::new(|_| {}).await;
    let (mut attacker, mut user) = (Browser::new(&server), Browser::new(&server));
    let begun = attacker.authorize("").await;
    let page = attacker.follow(&begun).await;
    assert_eq!(user.by_ticket(&page, "alice", false).await.status, 409);
    let form = user.post("/test-ticket", &[("name", "alice"), ("request", page.request())]).await;
    assert!(form.status == 303 && !user.cookies.contains_key("seamless_session"), "{}", form.location());
    let again = user.get(begun.location()).await;
    assert!(again.status == 303 && again.location() != begun.location(), "{}", again.location());
    let page = user.follow(&again).await;
    assert_eq!(user.by_ticket(&page, "alice", false).await.status, 200);
    for sealed in ["", "AAAA", &page.request()[1..]] {
        assert_eq!(user.get(&format!("/contoso.test/sign-in?request={sealed}")).await.status, 400, "{sealed}");
    }
    for sealed in ["\r\nx: y", "A&login_hint=b", "é"] {
        for path in ["/contoso.test/sign-in/other", "/test-ticket"] {
            let answer = user.post(path, &[("request", sealed), ("name", "alice")]).await;
            let request = encoded([("request", sealed)]);
            assert_eq!(
                (answer.status, answer.location()),
                (303, &*format!("/contoso.test/sign-in?{request}")),
                "{path}"
            );
        }
    }
}

#[tokio::test]
async fn resource_that_demands_a_one_time_code_also_demands_it_in_a_session_that_began_without_a_code() {
    let resource = "resource=http%3A%2F%2F127.0.0.1%3A8081%2Fapi";
    let server = Server::new(|app| app.tenants.require_proof_for("http://127.0.0.1:8081/api", "olga")).await;
    let mut browser = Browser::new(&server);
    let answer = browser.sign_in("olga", "").await;
    assert_eq!(claims(&server.tokens(&answer).await.1["id_token"])["acr"], "urn:kerberos-sso:acr:single");
    let none = browser.authorize(&format!("prompt=none&{resource}")).await;
    assert_eq!(none.field("error").as_deref(), Some("interaction_required"));
    let begun = browser.authorize(resource).await;
    let page = browser.follow(&begun).await;
    assert!(page.body.contains("One more step"), "{}", page.body);
    let wrong = browser.post("/proof", &[("code", "000000"), ("request", page.request())]).await;
    assert_eq!((wrong.status, wrong.request()), (403, page.request()));
    let before = browser.cookies["seamless_session"].clone();
    let right = browser.post("/proof", &[("code", &one_time_code()), ("request", page.request())]).await;
    assert!(right.status == 303 && browser.cookies["seamless_session"] != before);
    let answer = browser.get(right.location()).await;
    let id = claims(&server.tokens(&answer).await.1["id_token"]);
    assert_eq!(
        (&id["acr"], &id["amr"]),
        (&"urn:kerberos-sso:acr:multi".into(), &serde_json::json!(["wia", "otp", "mfa"]))
    );
    let mut other = Browser::new(&server);
    let refused = other.sign_in("alice", resource).await;
    assert!(refused.status == 403 && refused.body.contains("none is set up"), "{}", refused.body);
}

/// Returns the one-time code that the user's authenticator app shows now.
fn one_time_code() -> String {
    let secret = totp_rs::Secret::Encoded("JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP".into()).to_bytes().unwrap();
    let totp = totp_rs::TOTP::new(totp_rs::Algorithm::SHA1, 6, 0, 30, secret).unwrap();
    totp.generate(clock::now().seconds().try_into().unwrap())
}

#[tokio::test]
async fn page_at_common_asks_for_a_name_if_no_hint_or_earlier_sign_in_names_the_tenant() {
    let server = Server::new(|_| {}).await;
    let mut browser = Browser::new(&server);
    let common = format!("/common/oauth2/authorize?{}", encoded(REQUEST));
    let page = browser.get(&common).await;
    assert!(page.status == 200 && page.body.contains("name=\"login_hint\""), "{}", page.body);
    assert!(page.body.contains("value=\"a state\""), "the form has the request: {}", page.body);
    let of_tenant = format!("/contoso.test/oauth2/authorize?{}", encoded(REQUEST));
    for hint in ["&login_hint=alice%40contoso.test", "&domain_hint=contoso.test"] {
        assert_eq!(browser.get(&format!("{common}{hint}")).await.location(), format!("{of_tenant}{hint}"));
    }
    assert_eq!(browser.get(&format!("{common}&login_hint=alice%40unknown.test")).await.status, 404);
    browser.sign_in("alice", "").await;
    assert_eq!(browser.get(&common).await.location(), of_tenant);
    assert_eq!(browser.get(&format!("{common}&prompt=select_account")).await.status, 200);
}

#[tokio::test]
async fn unknown_client_or_redirect_uri_sends_the_browser_nowhere() {
    let server = Server::new(|_| {}).await;
    let changed = |from: &str, to: &str| encoded(REQUEST).replace(from, to);
    for query in [
        String::new(),
        changed("client_id=app", "client_id=unknown"),
        changed("8081%2Fcallback", "8081%2Fcallback%2F"),
        changed("8081%2Fcallback", "8082%2Fcallback"),
        format!("{}&client_id=app", encoded(REQUEST)),
    ] {
        let answer = server.send("GET", &format!("/contoso.test/oauth2/authorize?{query}"), &[], "").await;
        assert_eq!((answer.status, answer.location()), (400, ""), "{query}");
    }
    let answer = server.send("POST", "/contoso.test/oauth2/authorize", &[FORM], &changed("code&", "token&")).await;
    assert_eq!(answer.field("error").as_deref(), Some("unsupported_response_type"));
}
