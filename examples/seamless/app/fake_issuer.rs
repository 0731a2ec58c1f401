//! An issuer in the test process: it signs any claims that a test wants, and remembers the requests of the application.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::arithmetic_side_effects)]

use crate::config::Config;
use crate::cookies::{Cookie, Cookies};
use crate::http_client::HttpClient;
use crate::limits::routes;
use crate::serve::serve_routes;
use crate::shared::Application;
use axum::extract::State;
use axum::http::header::{AUTHORIZATION, CONTENT_TYPE, COOKIE, LOCATION, SET_COOKIE};
use axum::http::{HeaderMap, Request, Response, StatusCode};
use axum::response::{IntoResponse, Response as Answer};
use axum::routing::{get, post};
use axum::{Json, Router};
use base64::Engine as _;
use base64::prelude::{BASE64_STANDARD, BASE64_URL_SAFE_NO_PAD};
use hmac::{Hmac, KeyInit as _, Mac as _};
use openidconnect::url::{Url, form_urlencoded};
use rsa::pkcs1v15::SigningKey;
use rsa::signature::{SignatureEncoding as _, Signer as _};
use rsa::traits::PublicKeyParts as _;
use rsa::{RsaPrivateKey, rand_core};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use std::cell::Cell;
use std::collections::HashMap;
use std::future::pending;
use std::net::Ipv4Addr;
use std::sync::{Arc, LazyLock, Mutex};
use std::time::{Duration, SystemTime};
use tokio::net::TcpListener;

pub(crate) const SECRET: &str = "the secret of the client";

thread_local! {
    /// The clock of the test that runs on this thread. All tasks of a test run on one thread.
    static TIME: Cell<u64> = const { Cell::new(1_800_000_000) };
}

pub(crate) fn seconds() -> u64 {
    TIME.get()
}

pub(crate) fn now() -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(seconds())
}

pub(crate) fn advance(by: u64) {
    TIME.set(seconds() + by);
}

/// An RSA key that signs tokens.
pub(crate) struct Key(RsaPrivateKey);

/// The issuer's key.
pub(crate) static KEY: LazyLock<Key> = LazyLock::new(Key::new);
/// A key that is not the issuer's.
pub(crate) static OTHER_KEY: LazyLock<Key> = LazyLock::new(Key::new);

impl Key {
    fn new() -> Self {
        Self(RsaPrivateKey::new(&mut rand_core::OsRng, 2048).unwrap())
    }

    pub(crate) fn jwk(&self, name: &str) -> Value {
        let number = |number: &rsa::BigUint| BASE64_URL_SAFE_NO_PAD.encode(number.to_bytes_be());
        let (n, e) = (number(self.0.n()), number(self.0.e()));
        json!({ "kty": "RSA", "use": "sig", "alg": "RS256", "kid": name, "n": n, "e": e })
    }

    /// Returns a JWT with an RS256 signature, even if its header names another algorithm.
    pub(crate) fn sign(&self, header: &Value, claims: &Value) -> String {
        let text = unsigned(header, claims);
        let signature = SigningKey::<rsa::sha2::Sha256>::new(self.0.clone()).sign(text.as_bytes());
        format!("{text}.{}", BASE64_URL_SAFE_NO_PAD.encode(signature.to_bytes()))
    }
}

/// Returns the header and the claims of a JWT, without the signature.
pub(crate) fn unsigned(header: &Value, claims: &Value) -> String {
    let [header, claims] = [header, claims].map(|part| BASE64_URL_SAFE_NO_PAD.encode(part.to_string()));
    format!("{header}.{claims}")
}

/// Returns a JWT with an HS256 signature.
pub(crate) fn sign_with_secret(secret: &[u8], header: &Value, claims: &Value) -> String {
    let text = unsigned(header, claims);
    let mut mac = Hmac::<Sha256>::new_from_slice(secret).unwrap();
    mac.update(text.as_bytes());
    format!("{text}.{}", BASE64_URL_SAFE_NO_PAD.encode(mac.finalize().into_bytes()))
}

/// Changes members of an object. `null` removes a member.
pub(crate) fn change(object: &mut Value, changes: &Value) {
    let members = object.as_object_mut().unwrap();
    for (name, value) in changes.as_object().unwrap() {
        if value.is_null() {
            members.remove(name)
        } else {
            members.insert(name.clone(), value.clone())
        };
    }
}

/// The behaviour that a test may change, and the requests that the issuer remembers.
pub(crate) struct Book {
    pub(crate) is_up: bool,
    pub(crate) keys: Vec<Value>,
    /// Makes the ID token from its header and its claims.
    pub(crate) sign: Box<dyn Fn(Value, Value) -> String + Send>,
    pub(crate) fetches_of_keys: usize,
    /// The number of requests to the token endpoint.
    pub(crate) redemptions: usize,
    /// The authorization request of each code.
    codes: HashMap<String, HashMap<String, String>>,
}

#[derive(Clone)]
pub(crate) struct Issuer {
    pub(crate) identifier: String,
    pub(crate) book: Arc<Mutex<Book>>,
}

impl Issuer {
    async fn start() -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let book = Book {
            is_up: true,
            keys: vec![KEY.jwk("one")],
            sign: Box::new(|header, claims| KEY.sign(&header, &claims)),
            fetches_of_keys: 0,
            redemptions: 0,
            codes: HashMap::new(),
        };
        let identifier = format!("http://{}/contoso.test", listener.local_addr().unwrap());
        let issuer = Self { identifier, book: Arc::new(Mutex::new(book)) };
        let routes = Router::new()
            .route("/contoso.test/.well-known/openid-configuration", get(metadata))
            .route("/contoso.test/discovery/keys", get(keys))
            .route("/contoso.test/oauth2/token", post(token))
            .route("/contoso.test/oauth2/groups", get(groups))
            .with_state(issuer.clone());
        tokio::spawn(serve_routes(routes, listener, pending()));
        issuer
    }

    /// Signs a user in, and returns the parameters of the answer.
    pub(crate) fn authorize(&self, location: &str) -> Vec<(String, String)> {
        let parameters: HashMap<String, String> = Url::parse(location).unwrap().query_pairs().into_owned().collect();
        let mut book = self.book.lock().unwrap();
        let (code, state) = (format!("code-{}", book.codes.len()), parameters["state"].clone());
        book.codes.insert(code.clone(), parameters);
        [("code", code), ("state", state), ("iss", self.identifier.clone())]
            .map(|(name, value)| (name.to_owned(), value))
            .into()
    }

    /// Returns the claims of an access token for the API of the application.
    pub(crate) fn access_claims(&self, audience: &str) -> Value {
        json!({
            "iss": self.identifier, "sub": "pairwise", "aud": audience, "client_id": "app",
            "iat": seconds(), "exp": seconds() + 3600, "jti": "1", "scope": "openid profile api.read", "upn": "anna@contoso.test", "oid": "S-1-5-21-1-2-3-1104",
            "groups": ["S-1-5-21-1-2-3-513"], "amr": ["wia"], "acr": "urn:kerberos-sso:acr:single",
            "auth_time": seconds(),
        })
    }

    fn id_claims(&self, nonce: &str, access_token: &str) -> Value {
        let digest: [u8; 32] = Sha256::digest(access_token).into();
        json!({
            "iss": self.identifier, "sub": "pairwise", "aud": "app", "nonce": nonce,
            "iat": seconds(), "exp": seconds() + 300,
            "at_hash": BASE64_URL_SAFE_NO_PAD.encode(&digest[..16]), "auth_time": seconds(), "amr": ["wia"],
            "acr": "urn:kerberos-sso:acr:single", "sid": "s", "tid": "contoso.test", "name": "Anna Schmidt",
            "preferred_username": "anna@contoso.test", "upn": "anna@contoso.test", "oid": "S-1-5-21-1-2-3-1104",
            "groups": ["S-1-5-21-1-2-3-513", "S-1-5-21-1-2-3-1200"],
        })
    }
}

pub(crate) fn access_header() -> Value {
    json!({ "typ": "at+jwt", "alg": "RS256", "kid": "one" })
}

async fn metadata(State(issuer): State<Issuer>) -> Answer {
    if !issuer.book.lock().unwrap().is_up {
        return StatusCode::SERVICE_UNAVAILABLE.into_response();
    }
    let at = |path| format!("{}{path}", issuer.identifier);
    Json(json!({
        "issuer": issuer.identifier,
        "authorization_endpoint": at("/oauth2/authorize"),
        "token_endpoint": at("/oauth2/token"),
        "jwks_uri": at("/discovery/keys"),
        "end_session_endpoint": at("/oauth2/end_session"),
        "response_types_supported": ["code"],
        "subject_types_supported": ["pairwise"],
        "id_token_signing_alg_values_supported": ["RS256", "HS256"],
    }))
    .into_response()
}

async fn keys(State(issuer): State<Issuer>) -> Answer {
    let mut book = issuer.book.lock().unwrap();
    book.fetches_of_keys += 1;
    Json(json!({ "keys": book.keys })).into_response()
}

/// Returns all groups of the user to a client that sends an access token.
async fn groups(headers: HeaderMap) -> Answer {
    let token = headers[AUTHORIZATION].to_str().unwrap().strip_prefix("Bearer ").unwrap().to_owned();
    assert_eq!(token.split('.').count(), 3);
    let all: Vec<_> = (1000..1250).map(|rid| format!("S-1-5-21-1-2-3-{rid}")).collect();
    Json(json!({ "groups": all })).into_response()
}

/// Gives tokens for a code, if the client, the verifier and the resource are right.
async fn token(State(issuer): State<Issuer>, headers: HeaderMap, body: String) -> Answer {
    let form: HashMap<String, String> = form_urlencoded::parse(body.as_bytes()).into_owned().collect();
    let mut book = issuer.book.lock().unwrap();
    book.redemptions += 1;
    let Some(asked) = book.codes.remove(&form["code"]) else {
        return (StatusCode::BAD_REQUEST, Json(json!({ "error": "invalid_grant" }))).into_response();
    };
    let secret = form_urlencoded::byte_serialize(SECRET.as_bytes()).collect::<String>();
    assert_eq!(headers[AUTHORIZATION], format!("Basic {}", BASE64_STANDARD.encode(format!("app:{secret}"))).as_str());
    assert_eq!(asked["code_challenge_method"], "S256");
    assert_eq!(asked["code_challenge"], BASE64_URL_SAFE_NO_PAD.encode(Sha256::digest(&form["code_verifier"])));
    assert_eq!((&form["resource"], &form["redirect_uri"]), (&asked["resource"], &asked["redirect_uri"]));
    let access_token = KEY.sign(&access_header(), &issuer.access_claims(&form["resource"]));
    let header = json!({ "typ": "JWT", "alg": "RS256", "kid": "one" });
    let id_token = (book.sign)(header, issuer.id_claims(&asked["nonce"], &access_token));
    let tokens = json!({
        "token_type": "Bearer", "expires_in": 3600, "access_token": access_token, "id_token": id_token,
        "scope": "openid profile email groups api.read",
    });
    Json(tokens).into_response()
}

/// An application with its issuer.
pub(crate) struct Scene {
    pub(crate) issuer: Issuer,
    /// The origin of the application.
    pub(crate) address: String,
}

impl Scene {
    pub(crate) async fn start() -> Self {
        let issuer = Issuer::start().await;
        Self { address: start(&issuer.identifier).await, issuer }
    }

    pub(crate) fn change(&self, change: impl FnOnce(&mut Book)) {
        change(&mut self.issuer.book.lock().unwrap());
    }
}

/// Starts an application with this issuer, and returns its origin.
pub(crate) async fn start(issuer: &str) -> String {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    let config = Config::new(issuer, &address, "app").unwrap().with_secret(SECRET);
    let app = Application::new(config, now).unwrap();
    tokio::spawn(serve_routes(routes(app), listener, pending()));
    address
}

/// A browser that keeps cookies and follows no redirect by itself.
pub(crate) struct Browser {
    http: HttpClient,
    address: String,
    pub(crate) cookies: HashMap<String, String>,
}

impl Browser {
    pub(crate) fn new(address: &str) -> Self {
        let http = HttpClient::new(&Config::new("http://localhost/", address, "").unwrap()).unwrap();
        Self { http, address: address.to_owned(), cookies: HashMap::new() }
    }

    pub(crate) async fn get(&mut self, path: &str) -> Page {
        self.send(Request::get(format!("{}{path}", self.address))).await
    }

    /// Posts a form without cookies, as the issuer does.
    pub(crate) async fn post_form(&self, path: &str, form: String) -> Page {
        let request = Request::post(format!("{}{path}", self.address));
        let request =
            request.header(CONTENT_TYPE, "application/x-www-form-urlencoded").body(form.into_bytes()).unwrap();
        Page(self.http.send(request).await.unwrap())
    }

    pub(crate) async fn post(&mut self, path: &str) -> Page {
        self.send(Request::post(format!("{}{path}", self.address))).await
    }

    async fn send(&mut self, request: axum::http::request::Builder) -> Page {
        let cookies: Vec<_> = self.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
        let request = request.header(COOKIE, cookies.join("; ")).body(Vec::new()).unwrap();
        let page = Page(self.http.send(request).await.unwrap());
        for cookie in page.0.headers().get_all(SET_COOKIE) {
            let (name, value) = cookie.to_str().unwrap().split(';').next().unwrap().split_once('=').unwrap();
            self.cookies.insert(name.to_owned(), value.to_owned());
        }
        page
    }

    /// Returns whether the browser has a session.
    pub(crate) fn has_session(&self) -> bool {
        let headers: HeaderMap =
            self.cookies.iter().map(|(name, value)| (COOKIE, format!("{name}={value}").parse().unwrap())).collect();
        Cookies::of_address(&self.address).find(&headers, Cookie::Session).is_some()
    }

    /// Begins a sign-in, and returns the parameters of the issuer's answer.
    pub(crate) async fn begin(&mut self, issuer: &Issuer) -> Vec<(String, String)> {
        issuer.authorize(self.get("/login").await.location())
    }

    /// Sends the issuer's answer to the application, as the browser does after the redirect.
    pub(crate) async fn end(&mut self, answer: &[(String, String)]) -> Page {
        let query = form_urlencoded::Serializer::new(String::new()).extend_pairs(answer).finish();
        self.get(&format!("/callback?{query}")).await
    }
}

/// A response with its whole body.
pub(crate) struct Page(pub(crate) Response<Vec<u8>>);

impl Page {
    pub(crate) fn status(&self) -> u16 {
        self.0.status().as_u16()
    }

    pub(crate) fn text(&self) -> &str {
        std::str::from_utf8(self.0.body()).unwrap()
    }

    pub(crate) fn location(&self) -> &str {
        self.0.headers()[LOCATION].to_str().unwrap()
    }
}
