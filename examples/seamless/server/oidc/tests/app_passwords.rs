//! Tests of app passwords: the page on which users make them, and the password grant that accepts them.

use super::password_grant::{asking, grant, mail};
use super::*;
use crate::authenticated::Authenticated;
use crate::native::tests::username_mixed::kdc;
use crate::session::{Method, Session};
use tokio::time::Instant;

const PAGE: &str = "/contoso.test/app-passwords";

/// A server with app passwords, and with a mail server as a client.
async fn server(more: &str, change: impl FnOnce(&mut App)) -> Server {
    Server::new(|app| {
        app.tenants.register(&mail(more));
        app.tenants.allow_app_passwords("{}");
        change(app);
    })
    .await
}

impl Browser<'_> {
    /// Signs in with a ticket of a user who signed in to the KDC `seconds` ago. By default, users of the test realm
    /// signed in to the KDC ten minutes ago.
    async fn with_ticket(&mut self, name: &str, seconds: i64) {
        let ticket = self.server.realm.ticket_for(name).service("HTTP/autologon.microsoftazuread-sso.com");
        let ticket = ticket
            .at(clock::now().saturating_add_seconds(600_i64.saturating_sub(seconds)))
            .sent_at(clock::now())
            .mutual()
            .header();
        let answer = self.send("GET", "/contoso.test/winauth/sso", &[("authorization", &*ticket)], "").await;
        assert_eq!(answer.status, 200, "{}", answer.body);
    }

    /// Makes an app password, and returns its text.
    async fn make(&mut self, name: &str) -> String {
        let made = self.post(PAGE, &[("name", name)]).await;
        assert_eq!(made.status, 200, "{}", made.body);
        let (_, rest) = made.body.split_once("<code class=\"secret\">").unwrap();
        rest.split('<').next().unwrap().to_owned()
    }

    async fn revoke(&mut self, id: &str) {
        let revoked = self.post(&format!("{PAGE}/revoke"), &[("id", id)]).await;
        assert_eq!((revoked.status, revoked.location()), (303, PAGE), "{}", revoked.body);
    }

    /// Returns the identifiers of the user's app passwords on the page.
    async fn ids(&mut self) -> Vec<String> {
        let page = self.get(PAGE).await;
        let parts = page.body.split("name=\"id\" type=\"hidden\" value=\"").skip(1);
        parts.map(|part| part.split('"').next().unwrap().to_owned()).collect()
    }
}

#[tokio::test]
async fn page_exists_only_if_the_tenant_has_app_passwords_and_sends_a_user_without_session_to_the_sign_in() {
    let without = Server::new(|app| app.tenants.register(&mail(""))).await;
    assert_eq!(without.send("GET", PAGE, &[], "").await.status, 404);
    let server = server("", |_| {}).await;
    let mut browser = Browser::new(&server);
    let to_sign_in = browser.get(PAGE).await;
    let page = browser.follow(&to_sign_in).await;
    assert!(page.body.contains("value=\"&#x2f;contoso.test&#x2f;app-passwords\""), "{}", page.body);
    browser.with_ticket("alice", 540).await;
    assert_eq!(browser.get(to_sign_in.location()).await.location(), PAGE);
    let shown = browser.get(PAGE).await;
    assert!(shown.status == 200 && shown.body.contains("You have no app passwords."), "{}", shown.body);
    assert!(browser.get("/").await.body.contains(&format!("href=\"{PAGE}\"")));
    let no_client = Server::new(|app| app.tenants.allow_app_passwords("{}")).await;
    let mut browser = Browser::new(&no_client);
    browser.with_ticket("alice", 540).await;
    assert!(!browser.get("/").await.body.contains(PAGE), "no client takes app passwords");
}

#[tokio::test]
async fn app_password_signs_its_user_in_until_it_is_revoked_and_its_tokens_end_with_it() {
    let server = server("", |_| {}).await;
    let mut browser = Browser::new(&server);
    browser.with_ticket("alice", 540).await;
    let text = browser.make("Mail on my telephone").await;
    let typed = text.replace('-', " ").to_uppercase();
    let (status, tokens) = grant(&server, "", "alice@contoso.test", &typed, "192.0.2.1").await;
    assert_eq!((status, &tokens["token_type"]), (200, &"Bearer".into()), "{tokens}");
    let id = claims(&tokens["id_token"]);
    assert_eq!((&id["upn"], &id["amr"]), (&"alice@contoso.test".into(), &serde_json::json!(["app_password"])));
    assert_eq!(id["acr"], "urn:kerberos-sso:acr:single");
    let access = tokens["access_token"].as_str().unwrap();
    let refresh = [("grant_type", "refresh_token"), ("refresh_token", tokens["refresh_token"].as_str().unwrap())];
    let (status, refreshed) = server.token_of("mail", Some(APP_SECRET), &refresh).await;
    assert_eq!((status, server.user_info(access).await.0), (200, 200), "{refreshed}");
    let page = browser.get(PAGE).await;
    assert!(page.body.contains("Mail on my telephone") && page.body.contains("last used 20"), "{}", page.body);
    assert!(!page.body.contains(&text), "the text is shown once");
    let ids = browser.ids().await;
    browser.revoke(&ids[0]).await;
    assert_eq!((browser.ids().await.len(), server.user_info(access).await.0), (0, 401));
    let refresh = [("grant_type", "refresh_token"), ("refresh_token", refreshed["refresh_token"].as_str().unwrap())];
    assert_eq!(server.token_of("mail", Some(APP_SECRET), &refresh).await.1["error"], "invalid_grant");
    let (status, error) = grant(&server, "", "alice@contoso.test", &text, "192.0.2.1").await;
    assert_eq!((status, &error["error"]), (400, &"invalid_grant".into()));
}

#[tokio::test(start_paused = true)]
async fn app_password_of_another_user_is_refused_after_the_fixed_time_and_cannot_be_revoked() {
    let server = server("", |_| {}).await;
    let (mut alice, mut bob) = (Browser::new(&server), Browser::new(&server));
    alice.with_ticket("alice", 540).await;
    bob.with_ticket("bob", 540).await;
    let text = alice.make("Mail").await;
    for name in ["bob@contoso.test", "nobody@contoso.test"] {
        let began = Instant::now();
        let (status, error) = grant(&server, "", name, &text, "").await;
        assert_eq!((status, &error["error"], began.elapsed().as_secs()), (400, &"invalid_grant".into(), 3), "{name}");
    }
    let id = alice.ids().await[0].clone();
    bob.revoke(&id).await;
    for rubbish in ["", "AAAA", "é"] {
        bob.revoke(rubbish).await;
    }
    for name in ["alice@contoso.test", "alice", r"CONTOSO\alice"] {
        assert_eq!(grant(&server, "", name, &text, "").await.0, 200, "{name}");
    }
}

#[tokio::test]
async fn user_with_a_secret_must_enter_a_code_to_make_an_app_password_which_then_needs_no_code() {
    let proof = r#""proof": true,"#;
    let server = server(proof, |app| app.tenants.require_proof_for("urn:other", "olga")).await;
    let mut olga = Browser::new(&server);
    olga.with_ticket("olga", 540).await;
    let page = olga.get(PAGE).await;
    assert!(page.body.contains("One more step"), "the page demands a code: {}", page.body);
    assert!(olga.post(PAGE, &[("name", "Mail")]).await.body.contains("One more step"));
    let request = page.request().replace("&#x2f;", "/");
    let proved = olga.post("/proof", &[("code", &one_time_code()), ("request", &request)]).await;
    assert_eq!(olga.follow(&proved).await.location(), PAGE);
    let text = olga.make("Mail").await;
    assert_eq!(grant(&server, "", "olga@contoso.test", &text, "").await.0, 200);
    let mut alice = Browser::new(&server);
    alice.with_ticket("alice", 540).await;
    let text = alice.make("Mail").await;
    let (status, error) = grant(&server, "/v2.0", "alice@contoso.test", &text, "").await;
    assert_eq!(
        (status, &error["error_codes"][0]),
        (400, &50_076.into()),
        "the client demands a code, and alice entered none"
    );
}

#[tokio::test]
async fn session_without_the_demanded_one_time_code_gets_the_page_that_asks_for_it() {
    let server = server("", |app| app.tenants.require_proof_of("olga")).await;
    let mut olga = Browser::new(&server);
    olga.with_ticket("olga", 540).await;
    let to_sign_in = olga.get(PAGE).await;
    assert!(olga.follow(&to_sign_in).await.body.contains("One more step"));
    assert_eq!(olga.post(PAGE, &[("name", "Mail")]).await.status, 303);
}

#[tokio::test]
async fn sign_in_of_eleven_minutes_ago_is_too_old_to_make_an_app_password_but_not_to_revoke_one() {
    let server = server("", |app| app.tenants.take_username_tokens("127.0.0.1:1")).await;
    let mut browser = Browser::new(&server);
    browser.with_ticket("alice", 660).await;
    let page = browser.get(PAGE).await;
    assert!(page.body.contains("Sign in again") && !page.body.contains("Make an app password"), "{}", page.body);
    let refused = browser.post(PAGE, &[("name", "Mail")]).await;
    assert_eq!(refused.location(), format!("{PAGE}/again"));
    let again = browser.follow(&refused).await;
    assert!(
        again.body.contains("value=\"alice@contoso.test\"") && again.body.contains("name=\"password\""),
        "{}",
        again.body
    );
    assert!(!again.body.contains("data-ticket"), "a ticket would be as old");
    assert!(browser.ids().await.is_empty());
    let mut other = Browser::new(&server);
    other.with_ticket("alice", 540).await;
    other.make("Mail").await;
    let id = browser.ids().await[0].clone();
    browser.revoke(&id).await;
    assert!(other.ids().await.is_empty());
}

#[tokio::test]
async fn twenty_first_app_password_and_a_bad_name_are_refused_with_the_reason() {
    let server = server("", |_| {}).await;
    let mut browser = Browser::new(&server);
    browser.with_ticket("alice", 540).await;
    for name in ["", "  ", "a\u{7}", &"a".repeat(65)] {
        let refused = browser.post(PAGE, &[("name", name)]).await;
        assert!(refused.status == 400 && refused.body.contains("Please give it a name"), "{name:?}");
    }
    for number in 0..20 {
        browser.make(&format!("<b>{number}</b>")).await;
    }
    let refused = browser.post(PAGE, &[("name", "more")]).await;
    assert!(refused.status == 409 && refused.body.contains("Revoke one first"), "{}", refused.body);
    assert!(refused.body.contains("&lt;b&gt;19&lt;") && !refused.body.contains("<b>"), "{}", refused.body);
    let ids = browser.ids().await;
    assert_eq!(ids.len(), 20);
    browser.revoke(&ids[7]).await;
    browser.make("more").await;
}

#[tokio::test]
async fn form_of_another_site_changes_no_app_password_and_the_page_is_neither_cached_nor_framed() {
    let server = server("", |_| {}).await;
    let mut browser = Browser::new(&server);
    browser.with_ticket("alice", 540).await;
    for path in [PAGE.to_owned(), format!("{PAGE}/revoke")] {
        let answer = browser.send("POST", &path, &[FORM, ("origin", "https://evil.test")], "name=x&id=x").await;
        assert_eq!(answer.status, 403, "{path}");
    }
    let page = browser.post(PAGE, &[("name", "Mail")]).await;
    let header = |name: &str| page.headers.get(name).unwrap().to_str().unwrap();
    assert_eq!((header("cache-control"), header("referrer-policy")), ("no-store", "same-origin"));
    assert!(header("content-security-policy").contains("frame-ancestors 'none'") && !page.body.contains("<script"));
}

/// The directory of this test refuses every password. So alice would be signed in only if the server wrongly accepted
/// the app password on these paths.
#[tokio::test(start_paused = true)]
async fn app_password_is_refused_on_the_sign_in_page_and_at_usernamemixed() {
    let kdc = kdc(24).await;
    let server = asking(&kdc, |app| app.tenants.allow_app_passwords("{}")).await;
    let mut browser = Browser::new(&server);
    browser.with_ticket("alice", 540).await;
    let text = browser.make("Mail").await;
    let form = encoded([("name", "alice@contoso.test"), ("password", &*text)]);
    let page = server.send("POST", "/contoso.test/password", &[FORM], &form).await;
    assert!(page.status == 403 && page.body.contains("The name or the password is not right."), "{}", page.body);
    let body = crate::native::tests::with_password("alice@contoso.test", &text);
    let fault = server.send("POST", "/contoso.test/winauth/trust/2005/usernamemixed", &[], &body).await;
    assert!(fault.status == 401 && fault.body.contains("AADSTS50126"), "{}", fault.body);
    assert_eq!(grant(&server, "", "alice@contoso.test", &text, "").await.0, 200);
}

#[tokio::test(start_paused = true)]
async fn ten_wrong_app_passwords_lock_the_users_app_passwords_and_not_the_password_on_the_sign_in_page() {
    let kdc = kdc(24).await;
    let server = asking(&kdc, |app| app.tenants.allow_app_passwords("{}")).await;
    let mut browser = Browser::new(&server);
    browser.with_ticket("alice", 540).await;
    let (old, good) = (browser.make("Old").await, browser.make("Good").await);
    let id = browser.ids().await[0].clone();
    browser.revoke(&id).await;
    for _ in 0..10 {
        let (_, error) = grant(&server, "/v2.0", "alice@contoso.test", &old, "192.0.2.1").await;
        assert_eq!(error["error_codes"][0], 50_126);
    }
    for password in [&old, &good] {
        let (_, error) = grant(&server, "/v2.0", "alice@contoso.test", password, "192.0.2.1").await;
        assert_eq!(error["error_codes"][0], 50_053, "{error}");
    }
    let page = server.send("POST", "/contoso.test/password", &[FORM], "name=alice&password=guess").await;
    assert!(page.status == 403 && page.body.contains("is not right"), "{}", page.body);
}

#[tokio::test]
async fn app_passwords_end_if_the_configuration_blocks_the_user_or_turns_them_off() {
    let records = Records::for_tests();
    let node = async |config: Option<String>| {
        Server::on(records.clone(), |app| {
            app.tenants.register(&mail(""));
            if let Some(config) = &config {
                app.tenants.allow_app_passwords(config);
            }
        })
        .await
    };
    let first = node(Some("{}".into())).await;
    let mut browser = Browser::new(&first);
    browser.with_ticket("alice", 540).await;
    let text = browser.make("Mail").await;
    let (sid, users) = (first.realm.user_sid("alice"), first.realm.domain_sid().join(513).unwrap());
    let other = first.realm.user_sid("bob");
    for (config, status) in [
        (Some(format!(r#"{{"blocked": ["{other}"]}}"#)), 200),
        (Some(format!(r#"{{"blocked": ["{sid}"]}}"#)), 400),
        (Some(format!(r#"{{"blocked": ["{users}"]}}"#)), 400),
    ] {
        let (_, tokens) = grant(&first, "", "alice@contoso.test", &text, "").await;
        let refresh = [("grant_type", "refresh_token"), ("refresh_token", tokens["refresh_token"].as_str().unwrap())];
        let node = node(config.clone()).await;
        assert_eq!(grant(&node, "", "alice@contoso.test", &text, "").await.0, status, "{config:?}");
        assert_eq!(node.token_of("mail", Some(APP_SECRET), &refresh).await.0, status, "{config:?}");
    }
    // Without app passwords, the server treats this text as a password of the directory. The test realm has no
    // directory, so the password is refused.
    assert_eq!(grant(&node(None).await, "", "alice@contoso.test", &text, "").await.0, 400);
}

/// The app password of this test is two days old.
#[tokio::test]
async fn shortened_lifetime_ends_the_refresh_tokens_of_an_older_app_password() {
    let records = Records::for_tests();
    let node = async |days: u16| {
        Server::on(records.clone(), |app| {
            app.tenants.register(&mail(""));
            app.tenants.allow_app_passwords(&format!(r#"{{"days": {days}}}"#));
        })
        .await
    };
    let first = node(90).await;
    let (tenant, now) = (first.app.tenants.test_tenant().unwrap(), clock::now());
    let ticket = first.realm.ticket_for("alice").service("HTTP/autologon.microsoftazuread-sso.com").at(now);
    let accepted = tenant.validator().validate_ticket_async(&ticket.mint(), now).await.unwrap();
    let user = Authenticated::by_ticket(&accepted, Method::TestTicket);
    let (session, sid) = (Session::new(&tenant.name, user, None), first.realm.user_sid("alice"));
    let (config, made) = (tenant.app_passwords.clone().unwrap(), now.saturating_add_seconds(-2 * 86_400));
    let text = first.app.passwords.make(&config, &session, sid, "Mail", made).await.unwrap().unwrap();
    for (days, status) in [(90, 200), (3, 200), (2, 400), (1, 400)] {
        let (_, tokens) = grant(&first, "", "alice@contoso.test", &text, "").await;
        let refresh = [("grant_type", "refresh_token"), ("refresh_token", tokens["refresh_token"].as_str().unwrap())];
        let refreshed = node(days).await.token_of("mail", Some(APP_SECRET), &refresh).await;
        assert_eq!(refreshed.0, status, "{days}: {}", refreshed.1);
    }
}
