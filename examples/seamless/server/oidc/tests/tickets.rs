//! Tests of the networks and the groups for which a tenant accepts tickets.

use super::*;
use crate::client::Peer;
use kerberos_sso::Sid;

#[tokio::test]
async fn user_in_none_of_the_chosen_groups_is_not_signed_in_by_ticket() {
    let server = Server::new(|_| {}).await;
    let users: Sid = server.realm.domain_sid().join(513).unwrap();
    let admins: Sid = server.realm.domain_sid().join(512).unwrap();
    for (groups, status) in [(vec![], 200), (vec![users], 200), (vec![admins, users], 200), (vec![admins], 403)] {
        let server = Server::new(|app| app.tenants.limit_tickets(&[], &groups)).await;
        let mut browser = Browser::new(&server);
        let begun = browser.authorize("").await;
        let page = browser.follow(&begun).await;
        let answer = browser.by_ticket(&page, "alice", false).await;
        assert_eq!((answer.status, answer.body.contains("not-in-group")), (status, status == 403), "{groups:?}");
        assert_eq!(browser.cookies.contains_key("seamless_session"), status == 200);
    }
}

#[tokio::test]
async fn page_asks_for_a_ticket_in_the_chosen_networks_only() {
    for (networks, expected) in [(&[][..], "background"), (&["10.0.0.0/8"], "background"), (&["192.0.2.0/24"], "")] {
        let server = Server::new(|app| app.tenants.limit_tickets(networks, &[])).await;
        let peer = Peer { address: "10.1.2.3".parse().unwrap(), tls: None };
        let request = Request::get("/?domain_hint=contoso.test").header("host", "sso.test").extension(peer);
        let response = server.routes.clone().oneshot(request.body(Body::empty()).unwrap()).await.unwrap();
        let (headers, body) = (response.headers().clone(), to_bytes(response.into_body(), 1 << 20).await.unwrap());
        let page = Answer { status: 200, headers, body: String::from_utf8(body.to_vec()).unwrap() };
        assert_eq!(page.attribute("data-ticket"), expected, "{networks:?}: {}", page.body);
    }
}

/// The user has pressed "Someone else?". The computer's ticket may belong to the account that the user has just
/// rejected.
#[tokio::test]
async fn page_for_another_account_names_no_user_and_asks_for_a_ticket_only_after_a_button() {
    let server = Server::new(|_| {}).await;
    let mut browser = Browser::new(&server);
    let begun = browser.authorize("login_hint=bob%40contoso.test").await;
    let page = browser.follow(&begun).await;
    assert!(page.body.contains("bob@contoso.test") && page.body.contains("Someone else?"), "{}", page.body);
    let (_, link) = page.body.split_once("<p class=\"who\">").unwrap();
    let (_, link) = link.split_once("href=\"").unwrap();
    let link = link.split('"').next().unwrap().replace("&#x2f;", "/").replace("&amp;", "&");
    let other = browser.get(&link).await;
    assert_eq!((other.status, other.attribute("data-ticket").as_str()), (200, "button"), "{}", other.body);
    assert!(!other.body.contains("bob@contoso.test"), "{}", other.body);
    assert_eq!(browser.by_ticket(&other, "alice", true).await.status, 200);
    let question = browser.get(begun.location()).await;
    assert!(question.body.contains("Continue as alice"), "{}", question.body);
}

#[tokio::test]
async fn failed_try_with_a_ticket_is_remembered_until_a_ticket_is_accepted() {
    let server = Server::new(|_| {}).await;
    let mut browser = Browser::new(&server);
    let begun = browser.authorize("").await;
    let page = browser.follow(&begun).await;
    assert!(page.body.contains("data-ticket=\"background\""), "{}", page.body);
    let challenge = browser.get(&format!("/contoso.test/winauth/sso?request={}", page.request())).await;
    assert!(challenge.status == 401 && challenge.body.contains("\"code\":\"no-ticket\""), "{}", challenge.body);
    let page = browser.get(begun.location()).await;
    assert!(page.body.contains("data-ticket=\"button\""), "{}", page.body);
    assert_eq!(browser.by_ticket(&page, "alice", true).await.status, 200);
    assert!(!browser.cookies.contains_key("seamless_no_ticket"));
}
