//! Shows the work of a server for one request: from the `Authorization` header to a status and a user.
//! A real client sent this header to a server of a test domain. The example needs no network.
//!
//! Run: `cargo run --example server_step`
#![allow(clippy::print_stdout, clippy::expect_used, reason = "this is a program")]

use kerberos_sso::http::SignInStep;
use kerberos_sso::negotiate::RoundTrips;
use kerberos_sso::replay::MemoryReplayCache;
use kerberos_sso::{ComputerAccount, KeySet, Password, Policy, Randomness, UnixTime, Validator};

/// Returns the status, the `WWW-Authenticate` value, and the user.
fn respond(validator: &Validator<MemoryReplayCache>, authorization: &str, now: UnixTime) -> (u16, String, String) {
    let step = validator.sign_in([authorization], RoundTrips::One, &randomness(), now);
    let user = match &step {
        SignInStep::SignedIn(signed_in) => signed_in.identity().to_string(),
        SignInStep::FallBack(refused) => {
            eprintln!("{}: {refused}\n{}", refused.code(), refused.remedy().unwrap_or_default());
            String::new()
        }
        SignInStep::Challenge | SignInStep::Continue(_) => String::new(),
    };
    (step.status(), step.www_authenticate().unwrap_or_default(), user)
}

fn randomness() -> Randomness {
    let mut octets = [0; 64];
    getrandom::fill(&mut octets).expect("the operating system has randomness");
    Randomness::new(octets)
}

fn main() {
    // A server does this once, when it starts. The server can also use a keytab: KeySet::from_keytab(&bytes,
    // ["HTTP/www.contoso.test"]).
    let started = UnixTime::from_seconds(1_795_299_474); // a server asks its clock: SystemTime::now().into()
    let account = ComputerAccount::new("AZUREADSSOACC$", "CONTOSO.TEST");
    let account = account.with_password(&Password::from_text("Sso.Key.One.2026!"), Some(2));
    let keys = KeySet::from(account);
    let policy = Policy::seamless_sso();
    let replay = MemoryReplayCache::new(60_000, policy.clock_skew(), started);
    let validator = Validator::new(keys, policy, replay);

    // A server does this for every request. These requests arrive a minute after the start.
    let now = started.saturating_add_seconds(60);
    let header = include_str!("alice.header");
    for authorization in [header, header, "Basic YWxpY2U6c2VjcmV0"] {
        let (status, challenge, user) = respond(&validator, authorization, now);
        let scheme = authorization.split(' ').next().unwrap_or_default();
        println!("{scheme:9} → {status} {user} {challenge}");
    }
}
