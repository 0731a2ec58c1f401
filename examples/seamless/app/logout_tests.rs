//! Tests what the application does when the issuer says that a user has signed out.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::arithmetic_side_effects)]

use crate::fake_issuer::{Browser, KEY, OTHER_KEY, Page, Scene, access_header, change, seconds};
use openidconnect::url::form_urlencoded;
use serde_json::{Value, json};

fn header() -> Value {
    json!({ "typ": "logout+jwt", "alg": "RS256", "kid": "one" })
}

fn claims(scene: &Scene) -> Value {
    json!({
        "iss": scene.issuer.identifier, "sub": "pairwise", "aud": "app", "iat": seconds(), "exp": seconds() + 120, "jti": "1",
        "sid": "s", "events": { "http://schemas.openid.net/event/backchannel-logout": {} },
    })
}

/// Returns an application in which a user is signed in, and the user's browser.
async fn signed_in() -> (Scene, Browser) {
    let scene = Scene::start().await;
    let mut browser = Browser::new(&scene.address);
    let answer = browser.begin(&scene.issuer).await;
    assert_eq!(browser.end(&answer).await.status(), 303);
    (scene, browser)
}

async fn send(browser: &Browser, token: &str) -> Page {
    let form = form_urlencoded::Serializer::new(String::new()).append_pair("logout_token", token).finish();
    browser.post_form("/backchannel-logout", form).await
}

async fn is_signed_in(browser: &mut Browser) -> bool {
    browser.get("/").await.text().contains("Hello, Anna")
}

#[tokio::test]
async fn logout_token_with_the_sid_or_the_subject_of_the_session_ends_it() {
    for changes in [json!({}), json!({ "sid": null }), json!({ "sub": null })] {
        let (scene, mut browser) = signed_in().await;
        let mut claims = claims(&scene);
        change(&mut claims, &changes);
        let page = send(&browser, &KEY.sign(&header(), &claims)).await;
        assert_eq!((page.status(), &page.0.headers()["cache-control"]), (200, &"no-store".parse().unwrap()));
        assert!(!is_signed_in(&mut browser).await, "{changes}");
    }
}

#[tokio::test]
async fn logout_token_with_another_sid_or_another_subject_ends_nothing() {
    let (scene, mut browser) = signed_in().await;
    for changes in [json!({ "sid": "other" }), json!({ "sub": "other" }), json!({ "sub": "other", "sid": null })] {
        let mut claims = claims(&scene);
        change(&mut claims, &changes);
        assert_eq!(send(&browser, &KEY.sign(&header(), &claims)).await.status(), 200);
        assert!(is_signed_in(&mut browser).await, "{changes}");
    }
}

#[tokio::test]
async fn token_that_is_not_a_logout_token_of_the_issuer_for_this_client_is_refused() {
    let (scene, mut browser) = signed_in().await;
    for (of_header, of_claims) in [
        (json!({ "typ": "JWT" }), json!({})),
        (json!({ "typ": "at+jwt" }), json!({})),
        (json!({ "typ": null }), json!({})),
        (json!({ "alg": "none" }), json!({})),
        (json!({ "kid": "two" }), json!({})),
        (json!({ "kid": null }), json!({})),
        (json!({}), json!({ "iss": "https://evil.example" })),
        (json!({}), json!({ "aud": "another" })),
        (json!({}), json!({ "aud": null })),
        (json!({}), json!({ "exp": seconds() - 120 })),
        (json!({}), json!({ "exp": null })),
        (json!({}), json!({ "iat": null })),
        (json!({}), json!({ "jti": null })),
        (json!({}), json!({ "sub": null, "sid": null })),
        (json!({}), json!({ "nonce": "n" })),
        (json!({}), json!({ "events": null })),
        (json!({}), json!({ "events": {} })),
        (json!({}), json!({ "events": { "http://schemas.openid.net/event/backchannel-logout": 1 } })),
    ] {
        let (mut header, mut claims) = (header(), claims(&scene));
        change(&mut header, &of_header);
        change(&mut claims, &of_claims);
        let page = send(&browser, &KEY.sign(&header, &claims)).await;
        assert_eq!(page.status(), 400, "{of_header} {of_claims}");
    }
    assert_eq!(send(&browser, &OTHER_KEY.sign(&header(), &claims(&scene))).await.status(), 400, "another key");
    let access = KEY.sign(&access_header(), &scene.issuer.access_claims("app"));
    assert_eq!(send(&browser, &access).await.status(), 400, "an access token");
    for form in ["", "logout_token=", "logout_token=x", "x=y"] {
        let status = browser.post_form("/backchannel-logout", form.into()).await.status();
        assert_eq!(status, 400, "{form}");
    }
    assert!(is_signed_in(&mut browser).await);
}

#[tokio::test]
async fn logout_token_gets_503_while_the_issuers_keys_cannot_be_read() {
    let scene = Scene::start().await;
    scene.change(|book| book.is_up = false);
    let browser = Browser::new(&scene.address);
    assert_eq!(send(&browser, &KEY.sign(&header(), &claims(&scene))).await.status(), 503);
}
