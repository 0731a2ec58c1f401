//! Tests the sign-in of a user from the first page to the issuer and back, and the sign-out.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::arithmetic_side_effects)]

use crate::fake_issuer::{
    Browser, KEY, OTHER_KEY, Page, SECRET, Scene, advance, change, seconds, sign_with_secret, start, unsigned,
};
use openidconnect::url::Url;
use serde_json::{Value, json};
use std::collections::HashMap;

async fn scene() -> (Scene, Browser) {
    let scene = Scene::start().await;
    let browser = Browser::new(&scene.address);
    (scene, browser)
}

/// Returns the answer with another value of the parameter `name`, or without this parameter.
fn with(answer: &[(String, String)], name: &str, value: Option<&str>) -> Vec<(String, String)> {
    let others = answer.iter().filter(|(key, _)| key != name).cloned();
    others.chain(value.map(|value| (name.to_owned(), value.to_owned()))).collect()
}

/// Asserts that the sign-in failed with this text, and that there is no session.
fn assert_failed(page: &Page, browser: &Browser, status: u16, text: &str) {
    assert_eq!(page.status(), status, "{}", page.text());
    assert!(page.text().contains(text), "{}", page.text());
    assert!(
        page.text().contains("You are not signed in") && page.text().contains("href=\"/login\""),
        "{}",
        page.text()
    );
    assert!(!browser.has_session());
}

#[tokio::test]
async fn signed_in_user_sees_the_claims_of_the_id_token_and_the_answer_of_the_api() {
    let (scene, mut browser) = scene().await;
    let first = browser.get("/").await;
    assert!(first.text().contains("href=\"/login\">Sign in</a>") && !first.text().contains("Anna"), "{}", first.text());
    let answer = browser.begin(&scene.issuer).await;
    let back = browser.end(&answer).await;
    assert_eq!((back.status(), back.location()), (303, "/"));
    let home = browser.get("/").await;
    for text in [
        "Hello, Anna Schmidt",
        "anna@contoso.test",
        "S-1-5-21-1-2-3-513</code><span>Domain Users",
        "S-1-5-21-1-2-3-1200</code></li>",
        "Kerberos</span>",
        "2027-01-15 08:00:00 UTC",
        "200 OK</span> The API accepted",
        "&quot;client&quot;: &quot;app&quot;",
        "Call the API again",
        "Sign out",
    ] {
        assert!(home.text().contains(text), "{text} in {}", home.text());
    }
}

#[tokio::test]
async fn authorization_request_has_pkce_and_a_state_and_a_nonce_and_names_the_api() {
    let (scene, mut browser) = scene().await;
    let page = browser.get("/login?login_hint=anna%40contoso.test&prompt=login").await;
    assert_eq!(page.status(), 303);
    let address = Url::parse(page.location()).unwrap();
    assert!(page.location().starts_with(&format!("{}/oauth2/authorize?", scene.issuer.identifier)), "{address}");
    let mut parameters: HashMap<String, String> = address.query_pairs().into_owned().collect();
    for secret in ["state", "nonce", "code_challenge"] {
        assert_eq!(parameters.remove(secret).unwrap().len(), 43, "{secret}");
    }
    let expected = [
        ("response_type", "code"),
        ("client_id", "app"),
        ("redirect_uri", &format!("{}/callback", scene.address)),
        ("scope", "openid profile email groups api.read"),
        ("code_challenge_method", "S256"),
        ("resource", &format!("{}/api", scene.address)),
        ("login_hint", "anna@contoso.test"),
        ("prompt", "login"),
    ];
    assert_eq!(parameters, expected.map(|(name, value)| (name.to_owned(), value.to_owned())).into());
}

#[tokio::test]
async fn empty_hint_and_prompt_have_no_effect() {
    let (_scene, mut browser) = scene().await;
    let page = browser.get("/login?login_hint=&prompt=").await;
    assert!(!page.location().contains("login_hint") && !page.location().contains("prompt"), "{}", page.location());
}

#[tokio::test]
async fn link_with_an_unknown_prompt_or_a_repeated_parameter_is_refused() {
    let (_scene, mut browser) = scene().await;
    for link in ["/login?prompt=create", "/login?prompt=none%20login", "/login?prompt=none&prompt=login"] {
        assert_failed(&browser.get(link).await, &browser, 400, "does not support");
    }
}

#[tokio::test]
async fn answer_with_an_unknown_state_is_refused() {
    let (scene, mut browser) = scene().await;
    let answer = browser.begin(&scene.issuer).await;
    let wrong = browser.end(&with(&answer, "state", Some("guessed"))).await;
    assert_failed(&wrong, &browser, 400, "belongs to no sign-in");
    assert_failed(&browser.end(&with(&answer, "state", None)).await, &browser, 400, "lacks a parameter");
    assert_eq!(scene.issuer.book.lock().unwrap().redemptions, 0);
}

#[tokio::test]
async fn answer_in_another_browser_is_refused() {
    let (scene, mut browser) = scene().await;
    let answer = browser.begin(&scene.issuer).await;
    let mut without_cookie = Browser::new(&scene.address);
    assert_failed(&without_cookie.end(&answer).await, &without_cookie, 400, "belongs to no sign-in");
    let mut other = Browser::new(&scene.address);
    other.begin(&scene.issuer).await;
    assert_failed(&other.end(&answer).await, &other, 400, "belongs to no sign-in");
    assert_eq!(browser.end(&answer).await.status(), 303);
}

#[tokio::test]
async fn second_answer_to_the_same_request_is_refused() {
    let (scene, mut browser) = scene().await;
    let answer = browser.begin(&scene.issuer).await;
    assert_eq!(browser.end(&answer).await.status(), 303);
    let again = browser.end(&answer).await;
    assert_eq!(again.status(), 400);
    assert!(again.text().contains("it came twice"), "{}", again.text());
    assert_eq!(scene.issuer.book.lock().unwrap().redemptions, 1);
}

#[tokio::test]
async fn answer_after_ten_minutes_is_refused() {
    let (scene, mut browser) = scene().await;
    let answer = browser.begin(&scene.issuer).await;
    advance(600);
    assert_failed(&browser.end(&answer).await, &browser, 400, "belongs to no sign-in");
}

#[tokio::test]
async fn answer_of_another_issuer_is_refused_and_its_code_is_not_sent() {
    let (scene, mut browser) = scene().await;
    for iss in [Some("https://evil.example"), Some(""), None] {
        let answer = browser.begin(&scene.issuer).await;
        let page = browser.end(&with(&answer, "iss", iss)).await;
        assert_failed(&page, &browser, 400, "The answer is of another sign-in server");
    }
    assert_eq!(scene.issuer.book.lock().unwrap().redemptions, 0);
}

#[tokio::test]
async fn error_of_the_issuer_is_shown_with_what_to_do() {
    let (scene, mut browser) = scene().await;
    for (error, remedy) in [
        ("login_required", "Sign in with the button below, which lets it ask."),
        ("access_denied", "Sign in again with another account"),
        ("invalid_target", "The administrator must register"),
        ("temporarily_unavailable", "Try again in a moment."),
        ("unheard_of", "tell the administrator the code above"),
    ] {
        let mut answer = with(&browser.begin(&scene.issuer).await, "code", None);
        answer
            .extend([("error", error), ("error_description", "<i>why</i>")].map(|(a, b)| (a.to_owned(), b.to_owned())));
        let page = browser.end(&answer).await;
        assert_failed(&page, &browser, 400, &format!("refused: {error} (&lt;i&gt;why&lt;&#x2f;i&gt;)."));
        assert!(page.text().contains(remedy), "{}", page.text());
    }
}

#[tokio::test]
async fn error_without_a_state_of_this_browser_is_not_shown() {
    let (scene, mut browser) = scene().await;
    browser.begin(&scene.issuer).await;
    let page = browser.get("/callback?error=access_denied&error_description=Call+0900&state=guessed").await;
    assert_failed(&page, &browser, 400, "belongs to no sign-in");
    assert!(!page.text().contains("0900"), "{}", page.text());
}

#[tokio::test]
async fn answer_with_a_parameter_twice_is_refused() {
    let (scene, mut browser) = scene().await;
    let mut answer = browser.begin(&scene.issuer).await;
    answer.push(("code".to_owned(), "another".to_owned()));
    assert_failed(&browser.end(&answer).await, &browser, 400, "or has a parameter twice");
}

#[tokio::test]
async fn code_that_the_issuer_does_not_know_is_shown_as_a_failure() {
    let (scene, mut browser) = scene().await;
    let answer = browser.begin(&scene.issuer).await;
    let page = browser.end(&with(&answer, "code", Some("guessed"))).await;
    assert_failed(&page, &browser, 502, "gave no tokens for its code: Server returned error response: invalid_grant");
}

/// Signs a user in. The issuer makes these changes in the header and the claims of the ID token. Returns the page and
/// the browser.
async fn id_token(header: Value, claims: Value) -> (Page, Browser) {
    let (scene, mut browser) = scene().await;
    scene.change(|book| {
        book.sign = Box::new(move |mut all_of_header, mut all_claims| {
            change(&mut all_of_header, &header);
            change(&mut all_claims, &claims);
            KEY.sign(&all_of_header, &all_claims)
        });
    });
    let answer = browser.begin(&scene.issuer).await;
    (browser.end(&answer).await, browser)
}

#[tokio::test]
async fn id_token_with_a_wrong_claim_is_refused() {
    for (claims, reason) in [
        (json!({ "nonce": "other" }), "nonce mismatch"),
        (json!({ "nonce": null }), "missing nonce claim"),
        (json!({ "iss": "http://evil.example" }), "Invalid issuer"),
        (json!({ "aud": "another" }), "Invalid audiences"),
        (json!({ "aud": ["app", "another"] }), "Invalid audiences"),
        (json!({ "exp": seconds() }), "Expired"),
        (json!({ "at_hash": "AAAA" }), "The access token is not the token that the ID token names."),
    ] {
        let (page, browser) = id_token(json!({}), claims).await;
        assert_failed(&page, &browser, 502, reason);
    }
}

#[tokio::test]
async fn id_token_of_another_type_or_key_is_refused() {
    let (page, browser) = id_token(json!({ "typ": "at+jwt" }), json!({})).await;
    assert_failed(&page, &browser, 502, "JWT type");
    let (page, browser) = id_token(json!({ "kid": "two" }), json!({})).await;
    assert_failed(&page, &browser, 502, "No matching key found");
    let (scene, mut browser) = scene().await;
    scene.change(|book| book.sign = Box::new(|header, claims| OTHER_KEY.sign(&header, &claims)));
    let answer = browser.begin(&scene.issuer).await;
    assert_failed(&browser.end(&answer).await, &browser, 502, "Crypto error");
}

#[tokio::test]
async fn id_token_with_another_algorithm_is_refused() {
    type Signer = fn(&Value) -> String;
    let (scene, mut browser) = scene().await;
    let signers: [(&str, Signer); 2] = [
        ("No signature found", |claims| format!("{}.", unsigned(&json!({ "alg": "none" }), claims))),
        // The application must not use the client's secret as a key, even if the issuer's metadata names HS256.
        ("Disallowed signature algorithm", |claims| {
            sign_with_secret(SECRET.as_bytes(), &json!({ "alg": "HS256" }), claims)
        }),
    ];
    for (reason, signer) in signers {
        scene.change(|book| {
            book.sign = Box::new(move |_, mut claims| {
                change(&mut claims, &json!({ "at_hash": null }));
                signer(&claims)
            });
        });
        let answer = browser.begin(&scene.issuer).await;
        let page = browser.end(&answer).await;
        assert_failed(&page, &browser, 502, reason);
    }
}

#[tokio::test]
async fn new_key_of_the_issuer_is_fetched_when_an_id_token_names_it() {
    let (scene, mut browser) = scene().await;
    let answer = browser.begin(&scene.issuer).await;
    advance(60);
    scene.change(|book| {
        book.keys = vec![OTHER_KEY.jwk("two")];
        book.sign = Box::new(|mut header, claims| {
            change(&mut header, &json!({ "kid": "two" }));
            OTHER_KEY.sign(&header, &claims)
        });
    });
    assert_eq!(browser.end(&answer).await.status(), 303);
}

/// Signs in a user whose ID token refers to `endpoint` for the groups, and returns the page of the user.
async fn with_groups_at(endpoint: impl Fn(&Scene) -> String) -> Page {
    let (scene, mut browser) = scene().await;
    let endpoint = endpoint(&scene);
    scene.change(|book| {
        book.sign = Box::new(move |header, mut claims| {
            let sources = json!({ "src1": { "endpoint": endpoint } });
            let names = json!({ "groups": "src1" });
            change(&mut claims, &json!({ "groups": null, "_claim_names": names, "_claim_sources": sources }));
            KEY.sign(&header, &claims)
        });
    });
    let answer = browser.begin(&scene.issuer).await;
    assert_eq!(browser.end(&answer).await.status(), 303);
    browser.get("/").await
}

#[tokio::test]
async fn groups_that_are_too_many_for_a_token_are_fetched_from_the_issuers_endpoint() {
    let page = with_groups_at(|scene| format!("{}/oauth2/groups", scene.issuer.identifier)).await;
    for text in
        ["Groups <span class=\"count\">250</span>", "S-1-5-21-1-2-3-1249", "The sign-in server returned all groups"]
    {
        assert!(page.text().contains(text), "{text} in {}", page.text());
    }
}

#[tokio::test]
async fn user_is_signed_in_without_groups_if_the_endpoint_fails_or_is_not_the_issuers() {
    let page = with_groups_at(|scene| format!("{}/oauth2/unknown", scene.issuer.identifier)).await;
    assert!(page.text().contains("did not return your groups"), "{}", page.text());
    // The first of these endpoints is the application's own API, which would answer.
    for beyond in ["/api/me", ".evil/oauth2/groups"] {
        let page = with_groups_at(|scene| match beyond {
            "/api/me" => format!("{}{beyond}", scene.address),
            _ => format!("{}{beyond}", scene.issuer.identifier),
        });
        let page = page.await;
        assert!(page.text().contains("did not return your groups"), "{}", page.text());
    }
}

#[tokio::test]
async fn session_id_is_new_at_each_sign_in_and_the_old_session_ends() {
    let (scene, mut browser) = scene().await;
    let answer = browser.begin(&scene.issuer).await;
    browser.end(&answer).await;
    let mut thief = Browser::new(&scene.address);
    thief.cookies = browser.cookies.clone();
    assert!(thief.get("/").await.text().contains("Anna"));
    let answer = browser.begin(&scene.issuer).await;
    browser.end(&answer).await;
    assert!(!thief.get("/").await.text().contains("Anna"));
    assert!(browser.get("/").await.text().contains("Anna"));
}

#[tokio::test]
async fn session_ends_after_an_hour() {
    let (scene, mut browser) = scene().await;
    let answer = browser.begin(&scene.issuer).await;
    browser.end(&answer).await;
    advance(3599);
    assert!(browser.get("/").await.text().contains("Anna"));
    advance(1);
    assert!(!browser.get("/").await.text().contains("Anna"));
}

#[tokio::test]
async fn signing_out_ends_the_applications_session_and_redirects_to_the_issuer() {
    let (scene, mut browser) = scene().await;
    let answer = browser.begin(&scene.issuer).await;
    browser.end(&answer).await;
    let mut copy = Browser::new(&scene.address);
    copy.cookies = browser.cookies.clone();
    let page = browser.post("/logout").await;
    assert_eq!(page.status(), 303);
    let address = Url::parse(page.location()).unwrap();
    assert!(page.location().starts_with(&format!("{}/oauth2/end_session?", scene.issuer.identifier)), "{address}");
    let parameters: HashMap<String, String> = address.query_pairs().into_owned().collect();
    assert_eq!(parameters["post_logout_redirect_uri"], format!("{}/", scene.address));
    assert_eq!(parameters["id_token_hint"].split('.').count(), 3);
    assert!(!browser.has_session());
    assert!(!copy.get("/").await.text().contains("Anna"));
    assert_eq!(browser.post("/logout").await.location(), "/");
}

#[tokio::test]
async fn signing_out_while_the_issuer_is_down_ends_the_applications_session_and_says_so() {
    let (scene, mut browser) = scene().await;
    let answer = browser.begin(&scene.issuer).await;
    browser.end(&answer).await;
    advance(600);
    scene.change(|book| book.is_up = false);
    let page = browser.post("/logout").await;
    assert_eq!(page.status(), 503);
    for text in ["You are not signed out everywhere", "HTTP status code 503", "sign out at the sign-in server"] {
        assert!(page.text().contains(text), "{text} in {}", page.text());
    }
    assert!(!browser.has_session());
}

#[tokio::test]
async fn link_does_not_sign_a_user_out() {
    let (scene, mut browser) = scene().await;
    let answer = browser.begin(&scene.issuer).await;
    browser.end(&answer).await;
    assert_eq!(browser.get("/logout").await.status(), 405);
    assert!(browser.get("/").await.text().contains("Anna"));
}

#[tokio::test]
async fn application_that_starts_before_its_issuer_signs_users_in_when_the_issuer_runs() {
    let (scene, mut browser) = scene().await;
    scene.change(|book| book.is_up = false);
    assert_eq!(browser.get("/").await.status(), 200);
    assert_failed(&browser.get("/login").await, &browser, 503, "may still be starting");
    scene.change(|book| book.is_up = true);
    let answer = browser.begin(&scene.issuer).await;
    assert_eq!(browser.end(&answer).await.status(), 303);
}

#[tokio::test]
async fn page_says_that_the_issuer_refuses_connections() {
    let mut browser = Browser::new(&start("http://127.0.0.1:1/contoso.test").await);
    assert_failed(&browser.get("/login").await, &browser, 503, "Connection refused");
}

#[tokio::test]
async fn headers_of_pages_forbid_frames_and_scripts_and_other_sites() {
    let (scene, mut browser) = scene().await;
    let issuer = Url::parse(&scene.issuer.identifier).unwrap().origin().ascii_serialization();
    for path in ["/", "/login", "/callback", "/style.css", "/api/me", "/nowhere"] {
        let page = browser.get(path).await;
        let header = |name| page.0.headers()[name].to_str().unwrap().to_owned();
        let policy = format!(
            "default-src 'none'; style-src 'self'; form-action 'self' {issuer}; base-uri 'none'; frame-ancestors 'none'"
        );
        assert_eq!(header("content-security-policy"), policy, "{path}");
        assert_eq!(header("x-content-type-options"), "nosniff", "{path}");
        assert_eq!(header("cache-control"), "no-store", "{path}");
        assert_eq!(header("referrer-policy"), "no-referrer", "{path}");
        assert_eq!(header("cross-origin-opener-policy"), "same-origin", "{path}");
    }
}
