//! One of several web servers that share a replay cache.
//!
//! Run: `cargo run --release -p kerberos-sso-valkey --example node -- --listen ADDR:PORT --keytab FILE --store
//! redis://HOST:PORT[,redis://HOST:PORT…] [--first-start] [--skew SECONDS] [--max-lifetime none]`
//!
//! One address is a single server; several addresses are the seeds of a cluster. The answer to a GET without a token is 401
//! with `Negotiate`. The answer to a GET with a token is 200 with the user's name, or 403 with the code of the refusal.
#![allow(clippy::print_stdout, reason = "this is a program")]

use axum::http::{StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use axum::{Router, routing::get};
use kerberos_sso::http::{RoundTrips, SignInStep};
use kerberos_sso::{KeySet, Policy, Randomness, UnixTime, Validator};
use kerberos_sso_valkey::ValkeyReplayCache;
use std::error::Error;
use std::time::{Duration, SystemTime};

/// The values of the command line.
struct Arguments {
    listen: String,
    keytab: String,
    store: Vec<String>,
    is_first_start: bool,
    policy: Policy,
}

/// The state that all requests share.
struct Node {
    validator: Validator<ValkeyReplayCache>,
}

impl Node {
    /// Answers a request by its `Authorization` values.
    async fn answer(&self, authorization: impl IntoIterator<Item: AsRef<[u8]>>) -> Response {
        let mut octets = [0; 64];
        if getrandom::fill(&mut octets).is_err() {
            return StatusCode::INTERNAL_SERVER_ERROR.into_response();
        }
        let now: UnixTime = SystemTime::now().into();
        let randomness = Randomness::new(octets);
        let step = self.validator.sign_in_async(authorization, RoundTrips::One, &randomness, now).await;
        let status = StatusCode::from_u16(step.status()).unwrap_or(StatusCode::FORBIDDEN);
        let text = match &step {
            SignInStep::SignedIn(signed_in) => format!("{}\n", signed_in.identity()),
            SignInStep::FallBack(refused) => format!("{}\n", refused.code()),
            _ => String::new(),
        };
        let challenge = step.www_authenticate().map(|value| [(header::WWW_AUTHENTICATE, value)]);
        match challenge {
            Some(challenge) => (status, challenge, text).into_response(),
            None => (status, text).into_response(),
        }
    }
}

fn arguments() -> Result<Arguments, Box<dyn Error>> {
    use lexopt::prelude::*;
    let (mut listen, mut keytab, mut store, mut is_first_start) = (None, None, Vec::new(), false);
    let mut policy = Policy::default();
    let mut parser = lexopt::Parser::from_env();
    while let Some(argument) = parser.next()? {
        match argument {
            Long("listen") => listen = Some(parser.value()?.string()?),
            Long("keytab") => keytab = Some(parser.value()?.string()?),
            Long("store") => store.extend(parser.value()?.string()?.split(',').map(String::from)),
            Long("first-start") => is_first_start = true,
            Long("skew") => policy = policy.with_clock_skew(Duration::from_secs(parser.value()?.parse()?)),
            Long("max-lifetime") => {
                let text = parser.value()?.string()?;
                let lifetime = if text == "none" { None } else { Some(Duration::from_secs(text.parse()?)) };
                policy = policy.with_max_ticket_lifetime(lifetime);
            }
            other => return Err(other.unexpected().into()),
        }
    }
    let missing = "usage: node --listen ADDR:PORT --keytab FILE --store redis://HOST:PORT[,…] [--first-start] \
                   [--skew SECONDS] [--max-lifetime SECONDS|none]";
    if store.is_empty() {
        return Err(missing.into());
    }
    Ok(Arguments { listen: listen.ok_or(missing)?, keytab: keytab.ok_or(missing)?, store, is_first_start, policy })
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    tracing_subscriber::fmt().with_writer(std::io::stderr).init();
    let Arguments { listen, keytab, store, is_first_start, policy } = arguments()?;
    let addresses: Vec<&str> = store.iter().map(String::as_str).collect();
    let cache = match addresses.as_slice() {
        [one] => ValkeyReplayCache::single(one, policy.clock_skew()),
        several => ValkeyReplayCache::cluster(several.iter().copied(), policy.clock_skew()),
    };
    let cache = cache.with_entries(1_000_000).with_client_share(u16::MAX);
    let cache = if is_first_start { cache.first_start() } else { cache }.connect().await?;
    // The keytab was made for this server alone, so the server may use every key in it.
    let keys = KeySet::from_whole_keytab(&std::fs::read(keytab)?)?;
    let node: &'static Node = Box::leak(Box::new(Node { validator: Validator::new(keys, policy, cache) }));
    let answer = move |request: axum::extract::Request| async move {
        let values = request.headers().get_all(header::AUTHORIZATION).into_iter();
        let values: Vec<Vec<u8>> = values.map(|value| value.as_bytes().to_vec()).collect();
        node.answer(values).await
    };
    let app = Router::new().route("/", get(answer)).fallback(get(answer));
    let listener = tokio::net::TcpListener::bind(listen).await?;
    println!("http://{}/", listener.local_addr()?);
    Ok(axum::serve(listener, app).await?)
}
