//! A web server that signs users in by their browsers' tickets, and shows a form to the other users.
//!
//! Run: `cargo run --example axum -- KEYTAB HTTP/this.host`, with a keytab and the service principal name of the entries to
//! use. Without arguments, the server has the key and the time of a recorded ticket, which it accepts once:
//! `curl -i -H "Authorization: $(cat examples/alice.header)" http://127.0.0.1:8080/`
#![allow(clippy::print_stdout, clippy::expect_used, reason = "this is a program")]

use axum::response::{Html, IntoResponse as _, Response};
use axum::{Extension, Router, http::StatusCode, routing::get};
use kerberos_sso::replay::MemoryReplayCache;
use kerberos_sso::tower::{NegotiateLayer, NotSignedIn};
use kerberos_sso::{ComputerAccount, Identity, KeySet, Password, Policy, Randomness, UnixTime, Validator};
use std::sync::Arc;
use std::time::SystemTime;

/// Returns the page of a signed-in user, or the form. A real server would begin a session with a cookie here.
async fn page(user: Option<Extension<Arc<Identity>>>, why: Option<Extension<NotSignedIn>>) -> Response {
    match (user, why) {
        (Some(Extension(user)), _) => format!("{} is signed in\n", user.name).into_response(),
        // A browser with a ticket answers the challenge without showing the form. A user without a ticket sees the form.
        (None, Some(Extension(NotSignedIn::NotAsked))) => {
            (StatusCode::UNAUTHORIZED, [("www-authenticate", "Negotiate")], FORM).into_response()
        }
        // A client whose token was refused gets the form without another challenge.
        (None, _) => FORM.into_response(),
    }
}

/// The form for the password. This example does not check passwords. `examples/seamless` checks passwords, and does not
/// trust unverified answers of a KDC.
const FORM: Html<&str> =
    Html("<form method=post action=/password><input name=user><input name=password type=password><button>Sign in");

fn randomness() -> Randomness {
    let mut octets = [0; 64];
    getrandom::fill(&mut octets).expect("the operating system has randomness");
    Randomness::new(octets)
}

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let (keys, clock, started): (_, fn() -> UnixTime, _) = if let Some(file) = std::env::args_os().nth(1) {
        let keytab = std::fs::read(file).expect("the keytab can be read");
        let service = std::env::args().nth(2).expect("the service principal name follows the keytab");
        let keys = KeySet::from_keytab(&keytab, [service.as_str()]).expect("the keytab has keys of the service");
        (keys, || SystemTime::now().into(), SystemTime::now().into())
    } else {
        let account = ComputerAccount::new("AZUREADSSOACC$", "CONTOSO.TEST");
        let account = account.with_password(&Password::from_text("Sso.Key.One.2026!"), Some(2));
        // The ticket was recorded within the minute after this time.
        let started = UnixTime::from_seconds(1_795_299_474);
        (KeySet::from(account), || UnixTime::from_seconds(1_795_299_534), started)
    };
    let policy = Policy::default();
    let replay = MemoryReplayCache::new(60_000, policy.clock_skew(), started);
    let layer = NegotiateLayer::new(Validator::new(keys, policy, replay), clock, randomness)
        .optional()
        .on_signed_in(|signed_in, request| println!("{}: {}", request.uri, signed_in.identity()))
        .on_fall_back(|refused, request| {
            println!("{}: {}: {refused}\n{}", request.uri, refused.code(), refused.remedy().unwrap_or_default());
        });
    let app = Router::new().route("/", get(page)).layer(layer);
    let listener = tokio::net::TcpListener::bind("127.0.0.1:8080").await.expect("the port is free");
    println!("http://127.0.0.1:8080/");
    axum::serve(listener, app).await.expect("it runs until it is stopped");
}
