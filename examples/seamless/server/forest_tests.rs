//! Tests with users of a forest of several domains. The server's account is in the root domain.

#![allow(clippy::unwrap_used, clippy::as_conversions, clippy::cast_possible_truncation)]

use crate::app::App;
use crate::{browser, clock, limits};
use axum::http::{HeaderValue, Request};
use axum::{Router, body::to_bytes};
use kerberos_sso::testing::{TestRealm, TestToken};
use kerberos_sso::{Keytab, Sid};
use serde_json::json;
use std::sync::Arc;
use tempfile::TempDir;
use tower::ServiceExt as _;

const ROOT: &str = "CONTOSO.TEST";
const CHILD: &str = "CHILD.CONTOSO.TEST";
const GRANDCHILD: &str = "GRAND.CHILD.CONTOSO.TEST";

/// The domain of the server's account. The KDC of this domain issues all tickets for the account.
fn root() -> TestRealm {
    TestRealm::new(ROOT).with_account("AZUREADSSOACC$").of_active_directory()
}

fn sid_of(realm: &str) -> Sid {
    TestRealm::new(realm).domain_sid()
}

/// Returns a keytab with the keys of the account.
fn keytab() -> Vec<u8> {
    Keytab::encode([&root().account()], TestRealm::NOW).unwrap().to_vec()
}

/// Returns a server whose tenant has these domains in `forest_domains`.
async fn server(domains: &[&str]) -> Router {
    let folder = TempDir::new().unwrap();
    std::fs::write(folder.path().join("sso.keytab"), keytab()).unwrap();
    let domains: serde_json::Map<_, _> =
        domains.iter().map(|realm| ((*realm).into(), sid_of(realm).to_string().into())).collect();
    let tenant = json!({
        "name": "contoso.test", "realm": ROOT, "account": "AZUREADSSOACC$", "keytab": "sso.keytab", "kdc": "127.0.0.1:1",
        "domain_sids": [sid_of(ROOT).to_string()], "forest_domains": domains,
    });
    let config = folder.path().join("seamless.json");
    std::fs::write(&config, json!({ "tenants": [tenant] }).to_string()).unwrap();
    limits::around(browser::routes(), Arc::new(App::for_tests(Some(&config)).await))
}

/// Returns a ticket for a user of `realm`. The user's SID is of the domain `of`, and `transited` lists the realms of the
/// authentication path. The authenticator's time is after the server's start, because the server refuses authenticators
/// from before its start.
fn ticket(realm: &str, of: &str, transited: &str) -> TestToken {
    let now = clock::now();
    let user = sid_of(of).join(1105).unwrap();
    let token = root().ticket_for("carl").service("HTTP/autologon.microsoftazuread-sso.com").at(now);
    let mut token = token.sent_at(now.saturating_add_seconds(10)).client_realm(realm).pac(|pac| pac.user(user));
    token.ticket.transited = (1, transited.into());
    token
}

async fn answer(server: &Router, mut request: Request<String>) -> (u16, String) {
    request.headers_mut().insert("host", HeaderValue::from_static("sso.test"));
    let response = server.clone().oneshot(request).await.unwrap();
    let (status, body) = (response.status().as_u16(), to_bytes(response.into_body(), 1 << 20).await.unwrap());
    (status, String::from_utf8(body.to_vec()).unwrap())
}

async fn sign_in(server: &Router, token: TestToken) -> u16 {
    let request = Request::get("/contoso.test/winauth/sso").header("authorization", token.header());
    answer(server, request.body(String::new()).unwrap()).await.0
}

#[tokio::test]
async fn users_of_configured_forest_domains_sign_in_by_ticket() {
    let server = server(&[CHILD, GRANDCHILD]).await;
    assert_eq!(sign_in(&server, ticket(ROOT, ROOT, "")).await, 200);
    assert_eq!(sign_in(&server, ticket(CHILD, CHILD, "")).await, 200);
    assert_eq!(sign_in(&server, ticket(GRANDCHILD, GRANDCHILD, CHILD)).await, 200);
}

#[tokio::test]
async fn ticket_of_an_unknown_domain_or_through_an_unknown_realm_is_refused() {
    let alone = server(&[]).await;
    assert_eq!(sign_in(&alone, ticket(ROOT, ROOT, "")).await, 200);
    assert_eq!(sign_in(&alone, ticket(CHILD, CHILD, "")).await, 403);
    let without_child = server(&[GRANDCHILD]).await;
    assert_eq!(sign_in(&without_child, ticket(GRANDCHILD, GRANDCHILD, "")).await, 200);
    assert_eq!(sign_in(&without_child, ticket(GRANDCHILD, GRANDCHILD, CHILD)).await, 403);
    let forest = server(&[CHILD]).await;
    assert_eq!(sign_in(&forest, ticket("FABRIKAM.TEST", "FABRIKAM.TEST", "")).await, 403);
    assert_eq!(sign_in(&forest, ticket(CHILD, CHILD, "FABRIKAM.TEST")).await, 403);
    for (realm, of) in [(CHILD, ROOT), (ROOT, CHILD), (CHILD, "FABRIKAM.TEST")] {
        assert_eq!(sign_in(&forest, ticket(realm, of, "")).await, 403, "{realm} {of}");
    }
}

/// `CHILD\carl` and `CONTOSO\carl` are different users.
#[tokio::test(start_paused = true)]
async fn user_name_of_another_forest_domain_selects_the_tenant_but_the_password_is_sent_to_no_kdc() {
    let server = server(&[CHILD]).await;
    for (typed, is_of_other_domain) in
        [(r"CHILD\carl", true), ("carl@child.contoso.test", true), (r"CONTOSO\carl", false), ("carl", false)]
    {
        let escaped = typed.replace('@', "%40").replace('\\', "%5C");
        let hint = Request::get(format!("/?login_hint={escaped}")).body(String::new()).unwrap();
        assert_eq!(answer(&server, hint).await.0, 200, "{typed}");
        let form = Request::post("/contoso.test/password").header("content-type", "application/x-www-form-urlencoded");
        // The server refuses an empty password without asking the KDC.
        let (status, page) = answer(&server, form.body(format!("name={escaped}&password=")).unwrap()).await;
        assert_eq!((status, page.contains("Passwords of your domain")), (403, is_of_other_domain), "{typed}");
    }
}
