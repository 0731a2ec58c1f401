//! Tests of well-known attacks on sign-in for applications. Other files test three more attacks. Their tests are:
//! - login cross-site request forgery: `page_of_another_browser_begins_again_and_its_form_signs_nobody_in`
//! - open redirect: `unknown_client_or_redirect_uri_sends_the_browser_nowhere`
//! - code injection: `code_of_another_client_or_redirect_uri_or_verifier_is_refused`

use super::*;

/// Session fixation: the attacker gives the user's browser a session before the user signs in.
#[tokio::test]
async fn sign_in_gives_a_new_session_to_a_browser_that_has_one_already() {
    let server = Server::new(|_| {}).await;
    let (mut attacker, mut user) = (Browser::new(&server), Browser::new(&server));
    attacker.sign_in("mallory", "").await;
    for planted in [attacker.cookies["seamless_session"].clone(), "0".repeat(64)] {
        user.cookies.insert("seamless_session".into(), planted.clone());
        let begun = user.authorize("prompt=login").await;
        let page = user.follow(&begun).await;
        assert_eq!(user.by_ticket(&page, "alice", true).await.status, 200);
        assert_ne!(user.cookies["seamless_session"], planted);
        attacker.cookies.insert("seamless_session".into(), planted);
        let answer = attacker.authorize("prompt=none").await;
        assert_eq!(answer.field("error").as_deref(), Some("login_required"), "the planted session is nobody's");
    }
}

/// Mix-up: the attacker sends what one tenant has issued to another tenant (RFC 9700 section 4.4).
#[tokio::test]
async fn session_and_page_and_code_and_token_of_a_tenant_are_refused_at_another_tenant() {
    let server = Server::new(|app| app.tenants.add("fabrikam.test", "FABRIKAM.TEST", &app.records)).await;
    let mut browser = Browser::new(&server);
    let of_other = |path: &str| path.replacen("contoso.test", "fabrikam.test", 1);
    let begun = browser.authorize("").await;
    assert_eq!(browser.get(&of_other(begun.location())).await.status, 400, "the page");
    let answer = browser.sign_in("alice", "").await;
    let path = format!("/fabrikam.test/oauth2/authorize?{}&prompt=none", encoded(REQUEST));
    assert_eq!(browser.get(&path).await.field("error").as_deref(), Some("login_required"), "the session");
    let code = answer.field("code").unwrap();
    let credentials = [("client_id", "app"), ("client_secret", APP_SECRET)];
    let fields = [("grant_type", "authorization_code"), ("code", &*code), ("redirect_uri", CALLBACK), VERIFIER];
    let form = encoded(fields.into_iter().chain(credentials));
    assert_eq!(server.send("POST", "/fabrikam.test/oauth2/token", &[FORM], &form).await.status, 400, "the code");
    let (_, tokens) = server.tokens(&browser.authorize("").await).await;
    let bearer = format!("Bearer {}", tokens["access_token"].as_str().unwrap());
    for (tenant, status) in [("contoso.test", 200), ("fabrikam.test", 401)] {
        let path = format!("/{tenant}/oauth2/userinfo");
        assert_eq!(server.send("GET", &path, &[("authorization", &*bearer)], "").await.status, status, "{tenant}");
    }
    let mut key_sets = Vec::new();
    for tenant in ["contoso.test", "fabrikam.test"] {
        let metadata = server.send("GET", &format!("/{tenant}/.well-known/openid-configuration"), &[], "").await.body;
        let metadata: Value = serde_json::from_str(&metadata).unwrap();
        assert_eq!(metadata["issuer"], format!("http://sso.test/{tenant}"));
        let keys = server.send("GET", &format!("/{tenant}/discovery/keys"), &[], "").await.body;
        key_sets.push(serde_json::from_str::<Value>(&keys).unwrap()["keys"][0]["kid"].clone());
    }
    assert_ne!(key_sets[0], key_sets[1]);
}

/// Clickjacking: no page may be in a frame (RFC 9700 section 4.16).
#[tokio::test]
async fn no_page_may_be_in_a_frame() {
    let server = Server::new(|app| app.tenants.require_proof_of("olga")).await;
    let mut browser = Browser::new(&server);
    let begun = browser.authorize("").await;
    let sign_in = browser.follow(&begun).await;
    let form_post = browser.sign_in("alice", "response_mode=form_post").await;
    let question = browser.authorize("login_hint=bob%40contoso.test").await;
    let question = browser.follow(&question).await;
    let mut olga = Browser::new(&server);
    let proof = olga.sign_in("olga", "").await;
    assert!(question.body.contains("Which account?") && proof.body.contains("One more step"));
    let refused = browser.get("/contoso.test/oauth2/authorize").await;
    let (own, common) = (browser.get("/").await, Browser::new(&server).get("/common/oauth2/authorize").await);
    for page in [sign_in, form_post, question, proof, refused, own, common] {
        let policy = page.headers.get("content-security-policy").unwrap().to_str().unwrap();
        assert!(policy.contains("frame-ancestors 'none'"), "{policy}: {}", page.body);
    }
}
