//! Tests which tokens the API accepts.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::arithmetic_side_effects)]

use crate::config::Config;
use crate::fake_issuer::{
    KEY, OTHER_KEY, Scene, access_header, advance, change, seconds, sign_with_secret, start, unsigned,
};
use crate::http_client::HttpClient;
use axum::http::header::{AUTHORIZATION, WWW_AUTHENTICATE};
use axum::http::{Request, Response};
use serde_json::{Value, json};

/// The API, and the claims of a token that the API accepts.
struct Api {
    scene: Scene,
    claims: Value,
}

impl Api {
    async fn start() -> Self {
        let scene = Scene::start().await;
        let claims = scene.issuer.access_claims(&format!("{}/api", scene.address));
        Self { scene, claims }
    }

    /// Signs the token that the API accepts, with these changes in its header and its claims.
    fn token(&self, header: &Value, claims: &Value) -> String {
        let (mut all_of_header, mut all_claims) = (access_header(), self.claims.clone());
        change(&mut all_of_header, header);
        change(&mut all_claims, claims);
        KEY.sign(&all_of_header, &all_claims)
    }

    async fn ask(&self, token: &str) -> (u16, String) {
        answer(&call(&self.scene.address, &[&format!("Bearer {token}")]).await)
    }

    /// Sends the token that the API accepts, with these changes in its claims. Returns the status and the challenge of
    /// the response.
    async fn with(&self, claims: Value) -> (u16, String) {
        self.ask(&self.token(&json!({}), &claims)).await
    }
}

async fn call(address: &str, authorization: &[&str]) -> Response<Vec<u8>> {
    let http = HttpClient::new(&Config::new("http://localhost/", address, "").unwrap()).unwrap();
    let request = Request::get(format!("{address}/api/me"));
    let request = authorization.iter().fold(request, |request, value| request.header(AUTHORIZATION, *value));
    http.send(request.body(Vec::new()).unwrap()).await.unwrap()
}

fn answer(response: &Response<Vec<u8>>) -> (u16, String) {
    let challenge = response.headers().get(WWW_AUTHENTICATE).map(|value| value.to_str().unwrap().to_owned());
    (response.status().as_u16(), challenge.unwrap_or_default())
}

fn accepted() -> (u16, String) {
    (200, String::new())
}

fn refused(reason: &str) -> (u16, String) {
    (401, format!("Bearer error=\"invalid_token\", error_description=\"{reason}\", scope=\"api.read\""))
}

#[tokio::test]
async fn valid_token_gets_200_and_the_claims_of_the_token() {
    let api = Api::start().await;
    let response = call(&api.scene.address, &[&format!("bearer {}", api.token(&json!({}), &json!({})))]).await;
    assert_eq!(response.status(), 200);
    let expected = json!({
        "subject": "pairwise", "upn": "anna@contoso.test", "sid": "S-1-5-21-1-2-3-1104",
        "groups": ["S-1-5-21-1-2-3-513"], "client": "app", "scope": "openid profile api.read", "acr": "urn:kerberos-sso:acr:single", "amr": ["wia"],
        "auth_time": seconds(), "expires": seconds() + 3600,
    });
    assert_eq!(serde_json::from_slice::<Value>(response.body()).unwrap(), expected);
    assert_eq!(response.headers()["cache-control"], "no-store");
}

#[tokio::test]
async fn token_for_several_audiences_is_accepted_if_the_api_is_one_of_them() {
    let api = Api::start().await;
    let own = format!("{}/api", api.scene.address);
    assert_eq!(api.with(json!({ "aud": ["https://other.test", own] })).await, accepted());
    assert_eq!(api.with(json!({ "aud": ["https://other.test"] })).await, refused("the token is for another audience"));
}

#[tokio::test]
async fn id_token_is_refused() {
    let api = Api::start().await;
    let token = api.token(&json!({ "typ": "JWT" }), &json!({ "aud": "app", "nonce": "n" }));
    assert_eq!(api.ask(&token).await, refused("the token is not of the type that is needed here"));
}

#[tokio::test]
async fn token_of_another_type_is_refused() {
    let api = Api::start().await;
    for header in [json!({ "typ": "JWT" }), json!({ "typ": null }), json!({ "typ": "logout+jwt" })] {
        assert_eq!(
            api.ask(&api.token(&header, &json!({}))).await,
            refused("the token is not of the type that is needed here")
        );
    }
}

#[tokio::test]
async fn token_for_another_audience_is_refused() {
    let api = Api::start().await;
    let issuer = api.scene.issuer.identifier.clone();
    for audience in [json!(issuer), json!("https://other.test"), json!(api.scene.address), json!([]), json!(null)] {
        assert_eq!(api.with(json!({ "aud": audience })).await, refused("the token is for another audience"));
    }
}

#[tokio::test]
async fn token_of_another_issuer_is_refused() {
    let api = Api::start().await;
    let other_tenant = api.scene.issuer.identifier.replace("contoso", "fabrikam");
    let with_slash = format!("{}/", api.scene.issuer.identifier);
    for issuer in [json!(other_tenant), json!(with_slash), json!(null)] {
        assert_eq!(api.with(json!({ "iss": issuer })).await, refused("the token is of another issuer"));
    }
}

#[tokio::test]
async fn token_is_accepted_up_to_a_minute_before_and_after_its_validity() {
    let api = Api::start().await;
    assert_eq!(api.with(json!({ "exp": seconds() - 60 })).await, accepted());
    assert_eq!(api.with(json!({ "exp": seconds() - 61 })).await, refused("the token has expired"));
    assert_eq!(api.with(json!({ "nbf": seconds() + 60 })).await, accepted());
    assert_eq!(api.with(json!({ "nbf": seconds() + 61 })).await, refused("the token is not valid yet"));
    assert_eq!(api.with(json!({ "iat": seconds() + 61 })).await, refused("the token is not valid yet"));
}

#[tokio::test]
async fn token_whose_time_is_not_a_number_of_seconds_is_refused() {
    let api = Api::start().await;
    for time in [json!(-1), json!("1800003600"), json!([])] {
        assert_eq!(api.with(json!({ "exp": time })).await, refused("the token is not a JWT that can be read"));
    }
    assert_eq!(api.with(json!({ "nbf": u64::MAX })).await, refused("the token is not valid yet"));
}

#[tokio::test]
async fn token_without_a_required_claim_is_refused() {
    let api = Api::start().await;
    for claim in ["exp", "iat", "jti", "sub"] {
        let reason = "the token lacks a claim that every access token has";
        assert_eq!(api.with(json!({ claim: null })).await, refused(reason), "{claim}");
    }
    assert_eq!(api.with(json!({ "client_id": null })).await, refused("the token is not a JWT that can be read"));
}

#[tokio::test]
async fn token_with_another_algorithm_is_refused() {
    let api = Api::start().await;
    let header = |algorithm| json!({ "typ": "at+jwt", "alg": algorithm, "kid": "one" });
    let reason = "the token is not signed with RS256";
    let without_signature = format!("{}.", unsigned(&header("none"), &api.claims));
    assert_eq!(api.ask(&without_signature).await, refused(reason));
    let modulus = KEY.jwk("one")["n"].as_str().unwrap().to_owned();
    for secret in [modulus.as_bytes(), KEY.jwk("one").to_string().as_bytes(), b""] {
        let token = sign_with_secret(secret, &header("HS256"), &api.claims);
        assert_eq!(api.ask(&token).await, refused(reason));
    }
    for algorithm in ["PS256", "RS384", "rs256", "NONE"] {
        assert_eq!(api.ask(&api.token(&json!({ "alg": algorithm }), &json!({}))).await, refused(reason), "{algorithm}");
    }
}

#[tokio::test]
async fn token_with_a_wrong_signature_is_refused() {
    let api = Api::start().await;
    let reason = "the signature is not right";
    assert_eq!(api.ask(&OTHER_KEY.sign(&access_header(), &api.claims)).await, refused(reason));
    let right = api.token(&json!({}), &json!({}));
    let (_, signature) = right.rsplit_once('.').unwrap();
    let mut claims = api.claims.clone();
    change(&mut claims, &json!({ "upn": "administrator@contoso.test" }));
    assert_eq!(api.ask(&format!("{}.{signature}", unsigned(&access_header(), &claims))).await, refused(reason));
}

#[tokio::test]
async fn token_that_is_no_jwt_or_too_long_or_has_an_unknown_crit_is_refused() {
    let api = Api::start().await;
    let right = api.token(&json!({}), &json!({}));
    let with_four_parts = format!("{right}.a");
    for token in ["a", "a.b.c", "..", &with_four_parts, &"a".repeat(40_000)] {
        assert_eq!(api.ask(token).await, refused("the token is not a JWT that can be read"));
    }
    let groups: Vec<_> = (0..1500).map(|rid| format!("S-1-5-21-1-2-3-{rid}")).collect();
    assert_eq!(api.with(json!({ "groups": groups })).await, refused("the token is not a JWT that can be read"));
    let unknown_rule = api.token(&json!({ "crit": ["exp"] }), &json!({}));
    assert_eq!(api.ask(&unknown_rule).await, refused("the token is not a JWT that can be read"));
}

#[tokio::test]
async fn token_without_the_scope_gets_403() {
    let api = Api::start().await;
    let challenge = "Bearer error=\"insufficient_scope\", error_description=\"the token lacks the scope api.read\", \
                     scope=\"api.read\"";
    for scope in [json!(null), json!(""), json!("openid profile"), json!("api.readonly")] {
        assert_eq!(api.with(json!({ "scope": scope })).await, (403, challenge.to_owned()));
    }
}

#[tokio::test]
async fn request_without_a_token_gets_401_without_an_error_code() {
    let api = Api::start().await;
    let challenge = (401, "Bearer scope=\"api.read\"".to_owned());
    assert_eq!(answer(&call(&api.scene.address, &[]).await), challenge);
    for other in ["Basic YTpi", "Bearer", "Bearer ", ""] {
        assert_eq!(answer(&call(&api.scene.address, &[other]).await), challenge);
    }
}

#[tokio::test]
async fn request_with_two_tokens_gets_400() {
    let api = Api::start().await;
    let right = format!("Bearer {}", api.token(&json!({}), &json!({})));
    assert_eq!(call(&api.scene.address, &[&right, &right]).await.status(), 400);
}

#[tokio::test]
async fn unknown_key_makes_the_api_ask_for_keys_at_most_once_a_minute() {
    let api = Api::start().await;
    assert_eq!(api.with(json!({})).await, accepted());
    let fetched = || api.scene.issuer.book.lock().unwrap().fetches_of_keys;
    let (at_first, new) = (fetched(), api.token(&json!({ "kid": "two" }), &json!({})));
    api.scene.change(|book| book.keys.push(KEY.jwk("two")));
    for _ in 0..9 {
        assert_eq!(api.ask(&new).await, refused("the issuer has no key of this name"));
    }
    assert_eq!(fetched(), at_first);
    advance(60);
    assert_eq!(api.ask(&new).await, accepted());
    assert_eq!(fetched(), at_first + 1);
    let unknown = api.token(&json!({ "kid": "three" }), &json!({}));
    for _ in 0..9 {
        assert_eq!(api.ask(&unknown).await, refused("the issuer has no key of this name"));
    }
    assert_eq!(fetched(), at_first + 1);
}

#[tokio::test]
async fn withdrawn_key_is_refused_after_ten_minutes() {
    let api = Api::start().await;
    assert_eq!(api.with(json!({})).await, accepted());
    api.scene.change(|book| book.keys.clear());
    advance(599);
    assert_eq!(api.with(json!({})).await, accepted());
    advance(1);
    assert_eq!(api.with(json!({})).await, refused("the issuer has no key of this name"));
}

#[tokio::test]
async fn token_without_a_key_name_is_refused() {
    let api = Api::start().await;
    let token = api.token(&json!({ "kid": null }), &json!({}));
    assert_eq!(api.ask(&token).await, refused("the issuer has no key of this name"));
}

#[tokio::test]
async fn request_gets_503_while_the_issuer_does_not_answer() {
    let address = start("http://127.0.0.1:1/contoso.test").await;
    let api = Api::start().await;
    let right = format!("Bearer {}", api.token(&json!({}), &json!({})));
    assert_eq!(call(&address, &[&right]).await.status(), 503);
}
