//! Runs both sides of a handshake in one program, without a KDC. The client sends its token, and the server answers
//! with an AP-REP. The client then sends a sealed message.
//!
//! Run: `cargo run --example handshake`
#![allow(clippy::print_stdout, reason = "this is a program")]

use kerberos_sso::replay::MemoryReplayCache;
use kerberos_sso::testing::{TestClient, TestRealm};
use kerberos_sso::{Policy, Randomness, UnixTime, Validator, context::Protection, negotiate::Step};
use std::error::Error;

fn main() -> Result<(), Box<dyn Error>> {
    let now = UnixTime::from_seconds(1_795_248_000); // a server asks its clock: SystemTime::now().into()
    let realm = TestRealm::new("CONTOSO.TEST").with_account("AZUREADSSOACC$").of_active_directory();
    let (policy, started) = (Policy::default(), now.saturating_add_seconds(-60));
    let cache = MemoryReplayCache::new(60_000, policy.clock_skew(), started);
    let validator = Validator::new(realm.key_set(), policy, cache);

    let token = realm.ticket_for("alice").mutual().at(now);
    println!("client → server  {} bytes: a Kerberos token in SPNEGO", token.mint().len());

    let randomness = Randomness::new(random()?);
    let step = validator.converse(&token.mint(), None, &randomness, now)?;
    // At `Step::Continue`, a server sends the step's token, and keeps the step's negotiation for the client's next token.
    let Step::Accepted(accepted, answer) = step else { return Err("another token is needed".into()) };
    println!("                 accepted: {}", accepted.identity());
    println!("client ← server  {} bytes: accept-completed, with an AP-REP", answer.token().map_or(0, <[u8]>::len));

    let mut client = TestClient::of(&token).complete(answer.token())?;
    let mut server = answer.into_context();
    println!("                 the server has proved itself; both use a key of {}", server.etype());

    let (mut sealed, mut opened) = (Vec::new(), Vec::new());
    client.wrap(b"who is there?", Protection::Confidentiality, &random()?, &mut sealed);
    println!("client → server  {} bytes: a sealed message", sealed.len());
    server.unwrap(&sealed, Protection::Confidentiality, &mut opened)?;
    println!("                 it says: {}", String::from_utf8_lossy(&opened));
    if let Err(refused) = server.unwrap(&sealed, Protection::Confidentiality, &mut opened) {
        println!("                 again: {}: {refused}", refused.code());
    }
    Ok(())
}

fn random<const N: usize>() -> Result<[u8; N], getrandom::Error> {
    let mut octets = [0; N];
    getrandom::fill(&mut octets)?;
    Ok(octets)
}
