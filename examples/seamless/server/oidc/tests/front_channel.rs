//! Tests of sign-out through frames in the browser.

use super::{Answer, Browser, REQUEST, Server, claims, encoded};
use crate::app::App;
use serde_json::Value;

const FRAMED: &str = r#"{"id": "framed", "redirect_uris": ["http://127.0.0.1:8081/callback"],
    "frontchannel_logout_uri": "http://127.0.0.1:8081/bye?x=1", "post_logout_redirect_uris": ["http://127.0.0.1:8081/"]}"#;

fn register(app: &mut App) {
    app.tenants.register(FRAMED);
}

/// Signs alice in at the client that registered an address for a frame. Returns the client's ID token.
async fn id_token(browser: &mut Browser<'_>) -> String {
    browser.sign_in("alice", "").await;
    let request = REQUEST.map(|(name, value)| match name {
        "client_id" => (name, "framed"),
        "scope" => (name, "openid"),
        _ => (name, value),
    });
    let answer = browser.get(&format!("/contoso.test/oauth2/authorize?{}", encoded(request))).await;
    let code = answer.field("code").unwrap();
    let fields =
        [("grant_type", "authorization_code"), ("code", &*code), ("redirect_uri", super::CALLBACK), super::VERIFIER];
    browser.server.token_of("framed", None, &fields).await.1["id_token"].as_str().unwrap().to_owned()
}

/// Returns the address of the only frame.
fn frame(page: &Answer) -> String {
    assert_eq!(page.body.matches("<iframe").count(), 1, "{}", page.body);
    let (_, rest) = page.body.split_once("<iframe src=\"").unwrap();
    rest.split('"').next().unwrap().replace("&#x2f;", "/").replace("&amp;", "&")
}

#[tokio::test]
async fn sign_out_by_a_client_loads_its_frame_with_issuer_and_sid_and_then_goes_back_to_it() {
    let server = Server::new(register).await;
    let mut browser = Browser::new(&server);
    let token = id_token(&mut browser).await;
    let sid = claims(&Value::from(&*token))["sid"].as_str().unwrap().to_owned();
    let back = ("post_logout_redirect_uri", "http://127.0.0.1:8081/");
    let fields = encoded([("id_token_hint", &*token), back, ("state", "s")]);
    let page = browser.get(&format!("/contoso.test/oauth2/end_session?{fields}")).await;
    let expected = encoded([("iss", super::ISSUER), ("sid", &sid)]);
    assert_eq!((page.status, frame(&page)), (200, format!("http://127.0.0.1:8081/bye?x=1&{expected}")));
    let policy = page.headers.get("content-security-policy").unwrap().to_str().unwrap();
    assert!(
        policy.ends_with("; frame-src http://127.0.0.1:8081") && policy.starts_with("default-src 'none'"),
        "{policy}"
    );
    assert!(
        page.body.replace("&#x2f;", "/").contains("id=\"next\" href=\"http://127.0.0.1:8081/?state=s\""),
        "{}",
        page.body
    );
    assert!(!browser.cookies.contains_key("seamless_session"));
}

#[tokio::test]
async fn sign_out_on_the_servers_page_has_frames_only_for_clients_of_the_stay_that_registered_a_frame() {
    let server = Server::new(register).await;
    let mut browser = Browser::new(&server);
    browser.sign_in("alice", "").await;
    assert_eq!(browser.post("/sign-out", &[]).await.status, 303, "the client of this stay has no frame");
    id_token(&mut browser).await;
    let page = browser.post("/sign-out", &[]).await;
    assert!(page.status == 200 && page.body.contains("id=\"next\" href=\"&#x2f;\""), "{}", page.body);
    assert!(page.body.contains("/signed-out.js"), "{}", page.body);
    assert_eq!(browser.post("/sign-out", &[]).await.status, 303, "the stay has ended");
}

#[tokio::test]
async fn sign_out_without_a_next_address_has_the_frame_and_no_script() {
    let server = Server::new(register).await;
    let mut browser = Browser::new(&server);
    let token = id_token(&mut browser).await;
    let page =
        browser.get(&format!("/contoso.test/oauth2/end_session?{}", encoded([("id_token_hint", &*token)]))).await;
    assert!(frame(&page).starts_with("http://127.0.0.1:8081/bye?x=1&iss="), "{}", page.body);
    assert!(!page.body.contains("<script"), "{}", page.body);
}

#[tokio::test]
async fn sign_in_as_another_user_tells_the_clients_of_the_first_user() {
    let server = Server::new(register).await;
    let mut browser = Browser::new(&server);
    id_token(&mut browser).await;
    let begun = browser.authorize("prompt=select_account").await;
    let question = browser.follow(&begun).await;
    let page = browser.post("/contoso.test/sign-in/other", &[("request", question.request())]).await;
    assert!(page.status == 200 && page.body.contains("<iframe"), "{}", page.body);
    let next = page.body.split_once("id=\"next\" href=\"").unwrap().1.split('"').next().unwrap().replace("&#x2f;", "/");
    assert_eq!(browser.get(&next).await.attribute("data-ticket"), "button");
}
