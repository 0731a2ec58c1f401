//! Tests of sign-out by an application.

use super::{APP_SECRET, Answer, Browser, FORM, Server, encoded};

const END: &str = "/contoso.test/oauth2/end_session";
const BYE: (&str, &str) = ("post_logout_redirect_uri", "http://127.0.0.1:8081/");

/// Signs `name` in, and returns the ID token of the application.
async fn id_token(browser: &mut Browser<'_>, name: &str) -> String {
    let answer = browser.sign_in(name, "").await;
    browser.server.tokens(&answer).await.1["id_token"].as_str().unwrap().to_owned()
}

impl Browser<'_> {
    async fn end_session(&mut self, fields: &[(&str, &str)]) -> Answer {
        self.get(&format!("{END}?{}", encoded(fields.iter().copied()))).await
    }

    async fn has_session(&mut self) -> bool {
        self.authorize("prompt=none").await.field("code").is_some()
    }
}

#[tokio::test]
async fn id_token_of_the_sessions_user_ends_the_session_and_leads_to_the_registered_uri_with_the_state() {
    let server = Server::new(|_| {}).await;
    for state in [None, Some(("state", "a b"))] {
        let mut browser = Browser::new(&server);
        let token = id_token(&mut browser, "alice").await;
        let fields: Vec<_> = [("id_token_hint", &*token), BYE].into_iter().chain(state).collect();
        let answer = browser.end_session(&fields).await;
        let expected = if state.is_some() { "http://127.0.0.1:8081/?state=a+b" } else { "http://127.0.0.1:8081/" };
        assert_eq!((answer.status, answer.location()), (303, expected));
        assert!(!browser.cookies.contains_key("seamless_session") && !browser.has_session().await);
    }
}

#[tokio::test]
async fn id_token_without_a_uri_gives_the_page_that_says_the_user_is_signed_out() {
    let server = Server::new(|_| {}).await;
    let mut browser = Browser::new(&server);
    let token = id_token(&mut browser, "alice").await;
    let page = browser.end_session(&[("id_token_hint", &token)]).await;
    assert!(page.status == 200 && page.body.contains("You are signed out"), "{}", page.body);
    assert!(!browser.has_session().await);
}

#[tokio::test]
async fn request_without_the_users_id_token_asks_the_user_and_only_the_button_ends_the_session() {
    let server = Server::new(|_| {}).await;
    let of_bob = id_token(&mut Browser::new(&server), "bob").await;
    for hint in [None, Some(("id_token_hint", &*of_bob))] {
        let mut browser = Browser::new(&server);
        browser.sign_in("alice", "").await;
        let fields: Vec<_> = [("client_id", "app"), BYE, ("state", "s")].into_iter().chain(hint).collect();
        let page = browser.end_session(&fields).await;
        assert!(page.status == 200 && page.body.contains("Sign out?"), "{}", page.body);
        assert!(page.body.contains("alice@CONTOSO.TEST") && page.body.contains("Sample application"));
        let policy = page.headers.get("content-security-policy").unwrap().to_str().unwrap();
        assert!(policy.contains("form-action 'self' http://127.0.0.1:8081;"), "{policy}");
        assert!(browser.has_session().await);
        let fields = encoded([("request", page.request())]);
        let foreign = [FORM, ("origin", "http://127.0.0.1:8081")];
        let forged = browser.send("POST", "/contoso.test/sign-out", &foreign, &fields).await;
        assert_eq!((forged.status, browser.has_session().await), (403, true));
        let answer = browser.post("/contoso.test/sign-out", &[("request", page.request())]).await;
        assert_eq!((answer.status, answer.location()), (303, "http://127.0.0.1:8081/?state=s"));
        assert!(!browser.has_session().await);
    }
}

#[tokio::test]
async fn form_of_an_applications_page_begins_the_sign_out_and_the_servers_page_reads_the_cookie() {
    let server = Server::new(|_| {}).await;
    let mut browser = Browser::new(&server);
    let token = id_token(&mut browser, "alice").await;
    let form = encoded([("id_token_hint", &*token), BYE]);
    let foreign = [FORM, ("origin", "https://app.test"), ("sec-fetch-site", "cross-site")];
    let begun = server.send("POST", END, &foreign, &form).await;
    assert!(begun.location().starts_with("/contoso.test/sign-out?request=") && browser.has_session().await);
    assert_eq!(browser.follow(&begun).await.location(), "http://127.0.0.1:8081/");
    assert!(!browser.has_session().await);
}

#[tokio::test]
async fn faulty_sign_out_request_is_refused_on_a_page_and_the_session_goes_on() {
    let server = Server::new(|_| {}).await;
    let mut browser = Browser::new(&server);
    let answer = browser.sign_in("alice", "").await;
    let (_, tokens) = server.tokens(&answer).await;
    let [id, access] = ["id_token", "access_token"].map(|name| tokens[name].as_str().unwrap());
    let (client, token) = (("client_id", "app"), ("id_token_hint", id));
    let uri = |uri| ("post_logout_redirect_uri", uri);
    for fields in [
        vec![BYE],
        vec![client, uri("http://127.0.0.1:8081/bye")],
        vec![client, uri("http://127.0.0.1:8082/")],
        vec![client, uri("https://evil.example/")],
        vec![token, uri("https://evil.example/")],
        vec![token, ("client_id", "native"), BYE],
        vec![("client_id", "unknown"), BYE],
        vec![("id_token_hint", access), BYE],
        vec![("id_token_hint", &id[1..]), BYE],
        vec![client, client, BYE],
        vec![token, BYE, BYE],
    ] {
        let page = browser.end_session(&fields).await;
        assert_eq!((page.status, page.location()), (400, ""), "{fields:?}");
        let form = [FORM, ("origin", "https://app.test")];
        assert_eq!(browser.send("POST", END, &form, &encoded(fields.clone())).await.status, 400, "{fields:?}");
    }
    for sealed in ["", "AAAA"] {
        assert_eq!(browser.get(&format!("/contoso.test/sign-out?request={sealed}")).await.status, 400);
        assert_eq!(browser.post("/contoso.test/sign-out", &[("request", sealed)]).await.status, 400);
    }
    assert!(browser.has_session().await);
}

/// After a form, browsers also compare the address of a redirect with `form-action`, even if the address has a private
/// scheme.
#[tokio::test]
async fn form_of_the_sign_out_page_may_redirect_to_the_private_scheme_of_a_native_client() {
    let native =
        r#"{"id": "private", "redirect_uris": ["test.app:/c"], "post_logout_redirect_uris": ["test.app:/bye"]}"#;
    let server = Server::new(|app| app.tenants.register(native)).await;
    let mut browser = Browser::new(&server);
    browser.sign_in("alice", "").await;
    let page = browser.end_session(&[("client_id", "private"), ("post_logout_redirect_uri", "test.app:/bye")]).await;
    let policy = page.headers.get("content-security-policy").unwrap().to_str().unwrap();
    assert!(policy.contains("form-action 'self' test.app:;"), "{policy}");
    let answer = browser.post("/contoso.test/sign-out", &[("request", page.request())]).await;
    assert_eq!((answer.status, answer.location()), (303, "test.app:/bye"));
}

#[tokio::test]
async fn browser_without_a_session_is_redirected_to_the_client_at_once() {
    let server = Server::new(|_| {}).await;
    let answer = Browser::new(&server).end_session(&[("client_id", "app"), BYE]).await;
    assert_eq!((answer.status, answer.location()), (303, "http://127.0.0.1:8081/"));
}

#[tokio::test]
async fn refresh_token_without_offline_access_ends_with_the_session_that_an_application_ends() {
    let server = Server::new(|_| {}).await;
    let mut browser = Browser::new(&server);
    let answer = browser.sign_in("alice", "").await;
    let (_, tokens) = server.tokens(&answer).await;
    browser.end_session(&[("id_token_hint", tokens["id_token"].as_str().unwrap())]).await;
    let refresh = tokens["refresh_token"].as_str().unwrap();
    let fields = [("grant_type", "refresh_token"), ("refresh_token", refresh)];
    assert_eq!(server.token_of("app", Some(APP_SECRET), &fields).await.1["error"], "invalid_grant");
    assert_eq!(server.user_info(tokens["access_token"].as_str().unwrap()).await.0, 401);
}

#[tokio::test]
async fn ticket_after_a_sign_out_signs_the_user_in_only_after_a_press_of_the_button() {
    let server = Server::new(|_| {}).await;
    let mut browser = Browser::new(&server);
    browser.sign_in("alice", "").await;
    assert_eq!(browser.post("/sign-out", &[]).await.status, 303);
    let page = browser.get("/").await;
    assert_eq!((page.status, &*page.attribute("data-ticket")), (200, "button"), "{}", page.body);
    let begun = browser.authorize("").await;
    assert_eq!(browser.follow(&begun).await.attribute("data-ticket"), "button");
}
