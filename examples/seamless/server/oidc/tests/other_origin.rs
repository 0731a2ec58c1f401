//! Tests of sign-in pages with another origin than the autologon host. Browsers send tickets only to this host.

use super::*;
use base64::engine::general_purpose::STANDARD;
use kerberos_sso::testing::{NegTokenRespParts, TestClient, mech};

const AUTOLOGON: &str = "http://autologon.microsoftazuread-sso.com";
const PAGES: &str = "http://sso.test";

async fn server() -> Server {
    Server::new(|app| app.autologon = Some(AUTOLOGON.into())).await
}

/// Sends the request that the script of `page` would send to the autologon host. The browser sends no cookie to that
/// host.
async fn ask(server: &Server, page: &Answer, origin: Option<&str>, ticket: Option<&str>) -> Answer {
    let fields = [("request", page.request()), ("page", &*page.attribute("data-page"))];
    let path = format!("/contoso.test/winauth/sso?{}", encoded(fields));
    let headers = [("origin", origin), ("authorization", ticket)].into_iter();
    let headers: Vec<_> = headers.filter_map(|(name, value)| Some((name, value?))).collect();
    server.send_to("autologon.microsoftazuread-sso.com", "GET", &path, &headers, "").await
}

fn ticket(server: &Server, name: &str) -> String {
    let ticket = server.realm.ticket_for(name).service("HTTP/autologon.microsoftazuread-sso.com");
    ticket.at(clock::now()).mutual().header()
}

/// Opens the sign-in page of the sample application. Returns the address of this page, and the page.
async fn page(browser: &mut Browser<'_>) -> (String, Answer) {
    let begun = browser.authorize("").await;
    let page = browser.follow(&begun).await;
    (begun.location().to_owned(), page)
}

async fn exchange(browser: &mut Browser<'_>, handover: &str, page: &Answer) -> Answer {
    let fields = [("handover", handover), ("request", page.request())];
    browser.post("/contoso.test/winauth/exchange", &fields).await
}

fn handover_of(answer: &Answer) -> String {
    let body: Value = serde_json::from_str(&answer.body).unwrap();
    body["handover"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn ticket_at_the_autologon_host_signs_in_at_the_pages_origin_without_a_cookie_of_the_autologon_host() {
    let server = server().await;
    let mut browser = Browser::new(&server);
    let (address, page) = page(&mut browser).await;
    assert_eq!(page.attribute("data-autologon"), format!("{AUTOLOGON}/contoso.test/winauth/sso"));
    let policy = page.headers.get("content-security-policy").unwrap().to_str().unwrap();
    assert!(policy.contains(&format!("connect-src 'self' {AUTOLOGON};")), "{policy}");
    let challenge = ask(&server, &page, Some(PAGES), None).await;
    assert_eq!(challenge.status, 401);
    let accepted = ask(&server, &page, Some(PAGES), Some(&ticket(&server, "alice"))).await;
    assert!(!accepted.headers.contains_key("set-cookie"), "{:?}", accepted.headers);
    for answer in [&challenge, &accepted] {
        let header = |name| answer.headers.get(name).unwrap().to_str().unwrap();
        assert_eq!(header("access-control-allow-origin"), PAGES);
        assert_eq!((header("access-control-allow-credentials"), header("vary")), ("true", "Origin"));
    }
    let handover = handover_of(&accepted);
    assert_eq!(exchange(&mut browser, &handover, &page).await.status, 200);
    assert!(browser.get(&address).await.field("code").is_some());
    assert_eq!(exchange(&mut browser, &handover, &page).await.status, 403, "a second use");
}

/// Returns the two messages of a client that prefers another mechanism than Kerberos. Such a client must confirm its
/// list of mechanisms in a second message (RFC 4178 section 5), which answers the server's challenge.
fn two_messages(server: &Server) -> (String, impl Fn(&Answer) -> String) {
    let ticket = server.realm.ticket_for("alice").service("HTTP/autologon.microsoftazuread-sso.com");
    let token = ticket.at(clock::now()).mutual().spnego(|spnego| spnego.mech_types.insert(0, mech::NTLM.to_vec()));
    let header = |octets: &[u8]| format!("Negotiate {}", STANDARD.encode(octets));
    let (first, client) = (header(&token.mint()), TestClient::of(&token));
    let second = move |challenge: &Answer| {
        let value = challenge.headers.get("www-authenticate").unwrap().to_str().unwrap();
        let answer = STANDARD.decode(value.strip_prefix("Negotiate ").unwrap()).unwrap();
        let mic = client.complete(Some(&answer)).unwrap().get_mic(&client.mech_types);
        let neg_state = Some(NegTokenRespParts::ACCEPT_COMPLETED);
        header(&NegTokenRespParts { neg_state, mech_list_mic: Some(mic), ..NegTokenRespParts::default() }.mint())
    };
    (first, second)
}

#[tokio::test]
async fn negotiation_of_two_messages_needs_no_cookie_of_the_autologon_host() {
    let server = server().await;
    let mut browser = Browser::new(&server);
    let (address, page) = page(&mut browser).await;
    let (first, second) = two_messages(&server);
    let challenge = ask(&server, &page, Some(PAGES), Some(&first)).await;
    assert!(challenge.status == 401 && !challenge.headers.contains_key("set-cookie"), "{:?}", challenge.headers);
    let accepted = ask(&server, &page, Some(PAGES), Some(&second(&challenge))).await;
    assert_eq!(accepted.status, 200, "{}", accepted.body);
    assert_eq!(exchange(&mut browser, &handover_of(&accepted), &page).await.status, 200);
    assert!(browser.get(&address).await.field("code").is_some());
}

#[tokio::test]
async fn state_of_a_negotiation_works_for_its_page_only_and_once() {
    let server = server().await;
    let (mut browser, mut other) = (Browser::new(&server), Browser::new(&server));
    let (_, page_of_user) = page(&mut browser).await;
    let (_, page_of_other) = page(&mut other).await;
    let (first, second) = two_messages(&server);
    let challenge = ask(&server, &page_of_user, Some(PAGES), Some(&first)).await;
    let message = second(&challenge);
    assert_eq!(ask(&server, &page_of_other, Some(PAGES), Some(&message)).await.status, 403, "of another page");
    assert_eq!(ask(&server, &page_of_user, Some(PAGES), Some(&message)).await.status, 200);
    assert_eq!(ask(&server, &page_of_user, Some(PAGES), Some(&message)).await.status, 403, "a second time");
}

#[tokio::test]
async fn negotiation_of_two_messages_works_on_the_page_of_the_autologon_host() {
    let server = server().await;
    let (_, page) = page(&mut Browser::new(&server)).await;
    let fields = [("request", page.request()), ("page", &*page.attribute("data-page"))];
    let path = format!("/contoso.test/winauth/sso?{}", encoded(fields));
    let send = async |message: &str| {
        let headers = [("sec-fetch-site", "same-origin"), ("authorization", message)];
        server.send_to("autologon.microsoftazuread-sso.com", "GET", &path, &headers, "").await
    };
    let (first, second) = two_messages(&server);
    let challenge = send(&first).await;
    assert!(challenge.status == 401 && !challenge.headers.contains_key("set-cookie"), "{:?}", challenge.headers);
    assert!(!handover_of(&send(&second(&challenge)).await).is_empty());
}

#[tokio::test]
async fn handover_is_refused_in_another_browser_and_on_the_page_of_another_request() {
    let server = server().await;
    let (mut attacker, mut user) = (Browser::new(&server), Browser::new(&server));
    let (_, attackers) = page(&mut attacker).await;
    let (_, users) = page(&mut user).await;
    let (_, another) = page(&mut attacker).await;
    for (is_user, of) in [(true, &users), (true, &attackers), (false, &another)] {
        let browser = if is_user { &mut user } else { &mut attacker };
        let accepted = ask(&server, &attackers, Some(PAGES), Some(&ticket(&server, "mallory"))).await;
        let refused = exchange(browser, &handover_of(&accepted), of).await;
        assert!([403, 409].contains(&refused.status), "{}", refused.status);
        assert!(!browser.cookies.contains_key("seamless_session"));
    }
}

#[tokio::test]
async fn autologon_host_answers_only_pages_of_the_public_address() {
    let server = server().await;
    let mut browser = Browser::new(&server);
    let (_, page) = page(&mut browser).await;
    for origin in
        [None, Some("http://evil.example"), Some("https://sso.test"), Some("http://sso.test:8080"), Some("null")]
    {
        let answer = ask(&server, &page, origin, Some(&ticket(&server, "alice"))).await;
        assert_eq!(answer.status, 403, "{origin:?}");
        assert_eq!(answer.headers.get("access-control-allow-origin").unwrap(), PAGES);
    }
    let without_a_page = Answer { body: page.body.replace("data-page", "data-x"), ..page };
    assert_eq!(ask(&server, &without_a_page, Some(PAGES), None).await.status, 409);
}

/// If a browser blocks the cookies of third parties, its request from a page of another origin to the autologon host
/// has no ticket. So the browser opens a page of the autologon host.
#[tokio::test]
async fn page_of_the_autologon_host_gets_a_handover_and_the_browser_returns_to_the_application() {
    let server = server().await;
    let mut browser = Browser::new(&server);
    let (address, page) = page(&mut browser).await;
    let host = "autologon.microsoftazuread-sso.com";
    let hop = server.send_to(host, "GET", "/contoso.test/winauth/hop", &[], "").await;
    let back = format!("data-back=\"{}/contoso.test/winauth/return\"", PAGES.replace('/', "&#x2f;"));
    assert!(hop.status == 200 && hop.body.contains(&back), "{}", hop.body);
    assert_eq!(server.send("GET", "/contoso.test/winauth/hop", &[], "").await.status, 404, "not on the pages' host");
    let fields = [("request", page.request()), ("page", &*page.attribute("data-page"))];
    let path = format!("/contoso.test/winauth/sso?{}", encoded(fields));
    let headers = [("sec-fetch-site", "same-origin"), ("authorization", &*ticket(&server, "alice"))];
    let accepted = server.send_to(host, "GET", &path, &headers, "").await;
    assert!(accepted.status == 200 && !accepted.headers.contains_key("set-cookie"));
    let handover = handover_of(&accepted);
    let path = |fields: &[(&str, &str)]| format!("/contoso.test/winauth/return?{}", encoded(fields.iter().copied()));
    let stolen = Browser::new(&server).get(&path(&[("handover", &handover), ("request", page.request())])).await;
    assert!(stolen.status == 303 && !stolen.headers.get("set-cookie").unwrap().to_str().unwrap().contains("session"));
    let accepted = server
        .send_to(
            host,
            "GET",
            &format!("/contoso.test/winauth/sso?{}", encoded(fields)),
            &[("sec-fetch-site", "same-origin"), ("authorization", &ticket(&server, "alice"))],
            "",
        )
        .await;
    let fields = [("handover", &*handover_of(&accepted)), ("request", page.request())];
    let answer = browser.get(&path(&fields)).await;
    assert_eq!(answer.location(), address);
    assert!(browser.get(&address).await.field("code").is_some());
}

#[tokio::test]
async fn failed_try_on_the_autologon_host_redirects_only_to_a_path_of_the_public_address() {
    let server = server().await;
    for (back, expected) in [
        ("/?login_hint=alice", "/?login_hint=alice"),
        ("https://evil.example/", "/"),
        ("//evil.example", "/"),
        ("/\\evil.example", "/"),
        ("", "/"),
    ] {
        let mut browser = Browser::new(&server);
        let answer = browser.get(&format!("/contoso.test/winauth/return?{}", encoded([("back", back)]))).await;
        assert_eq!((answer.status, answer.location()), (303, expected), "{back}");
        assert!(browser.cookies.contains_key("seamless_no_ticket"));
    }
}

#[tokio::test]
async fn page_reports_a_failed_try_and_the_next_page_asks_for_a_ticket_only_after_the_button() {
    let server = server().await;
    let mut browser = Browser::new(&server);
    let (address, page) = page(&mut browser).await;
    assert_eq!(page.attribute("data-ticket"), "background");
    assert_eq!(browser.post("/contoso.test/winauth/exchange", &[]).await.status, 204);
    assert_eq!(browser.get(&address).await.attribute("data-ticket"), "button");
}
