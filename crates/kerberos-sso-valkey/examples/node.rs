//! One of several web servers that share a replay cache.
//!
//! Run: `cargo run --release -p kerberos-sso-valkey --example node -- --listen ADDR:PORT --keytab FILE --store
//! redis://HOST:PORT[,redis://HOST:PORT…] [--first-start] [--skew SECONDS] [--max-lifetime none]`
//!
//! One address is a single server; several addresses are the seeds of a cluster. The answer to a GET without a token is 401
//! with `Negotiate`. The answer to a GET with a token is 200 with the user's name, or 403 with the code of the refusal.
//!
//! Further options:
//! - `--sentinel SERVICE`: the addresses are sentinels, which know the master as SERVICE.
//! - `--master-credentials USER:PASSWORD`: the user and the password for the master that the sentinels name.
//! - `--ca FILE`: trusts this certificate authority for `rediss://` addresses (with `--features kerberos-sso-valkey/tls`).
//! - `--strict-start`: after a loss, also refuses authenticators of clients with a fast clock.
//! - `--timeout MILLISECONDS`: the longest time that a request waits for the store.
//! - `--metrics ADDR:PORT`: serves the counts of the cache's answers at this address, as text for Prometheus.
#![allow(clippy::print_stdout, reason = "this is a program")]

use axum::http::{StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use axum::{Router, routing::get};
use kerberos_sso::http::{RoundTrips, SignInStep};
use kerberos_sso::{KeySet, Policy, Randomness, UnixTime, Validator};
use kerberos_sso_valkey::{Builder, Outcomes, ValkeyReplayCache};
use std::error::Error;
use std::fmt::Write as _;
use std::time::{Duration, SystemTime};

const USAGE: &str = "usage: node --listen ADDR:PORT --keytab FILE --store redis://HOST:PORT[,…] [--first-start] \
    [--skew SECONDS] [--max-lifetime SECONDS|none] [--sentinel SERVICE] [--master-credentials USER:PASSWORD] [--ca FILE] \
    [--strict-start] [--timeout MILLISECONDS] [--metrics ADDR:PORT]";

/// The values of the command line.
#[derive(Default)]
struct Arguments {
    listen: String,
    keytab: String,
    store: Vec<String>,
    is_first_start: bool,
    policy: Policy,
    sentinel: Option<String>,
    master_credentials: Option<String>,
    ca: Option<String>,
    is_strict_start: bool,
    timeout: Option<Duration>,
    metrics: Option<String>,
}

impl Arguments {
    fn parse() -> Result<Self, Box<dyn Error>> {
        use lexopt::prelude::*;
        let mut given = Self::default();
        let mut parser = lexopt::Parser::from_env();
        while let Some(argument) = parser.next()? {
            match argument {
                Long("listen") => given.listen = parser.value()?.string()?,
                Long("keytab") => given.keytab = parser.value()?.string()?,
                Long("store") => given.store.extend(parser.value()?.string()?.split(',').map(String::from)),
                Long("first-start") => given.is_first_start = true,
                Long("skew") => {
                    given.policy = given.policy.with_clock_skew(Duration::from_secs(parser.value()?.parse()?));
                }
                Long("max-lifetime") => {
                    let text = parser.value()?.string()?;
                    let lifetime = if text == "none" { None } else { Some(Duration::from_secs(text.parse()?)) };
                    given.policy = given.policy.with_max_ticket_lifetime(lifetime);
                }
                Long("sentinel") => given.sentinel = Some(parser.value()?.string()?),
                Long("master-credentials") => given.master_credentials = Some(parser.value()?.string()?),
                Long("ca") => given.ca = Some(parser.value()?.string()?),
                Long("strict-start") => given.is_strict_start = true,
                Long("timeout") => given.timeout = Some(Duration::from_millis(parser.value()?.parse()?)),
                Long("metrics") => given.metrics = Some(parser.value()?.string()?),
                other => return Err(other.unexpected().into()),
            }
        }
        if given.listen.is_empty() || given.keytab.is_empty() || given.store.is_empty() {
            return Err(USAGE.into());
        }
        Ok(given)
    }

    /// Returns the replay cache before it connects to its store.
    fn cache(&self) -> Result<Builder, Box<dyn Error>> {
        let addresses: Vec<&str> = self.store.iter().map(String::as_str).collect();
        let skew = self.policy.clock_skew();
        let mut cache = match (&self.sentinel, addresses.as_slice()) {
            (Some(service), sentinels) => ValkeyReplayCache::sentinel(service, sentinels.iter().copied(), skew),
            (None, [one]) => ValkeyReplayCache::single(one, skew),
            (None, several) => ValkeyReplayCache::cluster(several.iter().copied(), skew),
        };
        if let Some(credentials) = &self.master_credentials {
            let (user, password) = credentials.split_once(':').ok_or(USAGE)?;
            cache = cache.with_master_credentials(user, password);
        }
        if let Some(file) = &self.ca {
            #[cfg(feature = "tls")]
            let trusting = cache.with_root_certificate(&std::fs::read(file)?);
            #[cfg(not(feature = "tls"))]
            let trusting = Err(format!("--ca {file} needs --features kerberos-sso-valkey/tls"))?;
            cache = trusting;
        }
        if let Some(timeout) = self.timeout {
            cache = cache.with_timeout(timeout);
        }
        if self.is_strict_start {
            cache = cache.with_strict_start();
        }
        if self.is_first_start {
            cache = cache.first_start();
        }
        Ok(cache.with_entries(1_000_000).with_client_share(u16::MAX))
    }
}

/// The state that all requests share.
struct Node {
    validator: Validator<ValkeyReplayCache>,
}

impl Node {
    /// Answers a request with these values of the header `Authorization`.
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

/// Returns the counts of the cache's answers in the text format of Prometheus.
fn metrics(cache: &ValkeyReplayCache) -> Result<String, std::fmt::Error> {
    let outcomes = cache.outcomes();
    let mut text = String::from("# TYPE kerberos_sso_replay_answers_total counter\n");
    for (outcome, count) in outcomes.by_name() {
        writeln!(text, "kerberos_sso_replay_answers_total{{outcome=\"{outcome}\"}} {count}")?;
    }
    writeln!(text, "# TYPE kerberos_sso_replay_store_seconds histogram")?;
    let mut sum = 0_u64;
    for (group, count) in outcomes.answers_within.iter().enumerate() {
        sum = sum.saturating_add(*count);
        let limit = Outcomes::LIMITS.get(group).map_or("+Inf".into(), |limit| limit.as_secs_f64().to_string());
        writeln!(text, "kerberos_sso_replay_store_seconds_bucket{{le=\"{limit}\"}} {sum}")?;
    }
    writeln!(text, "kerberos_sso_replay_store_seconds_count {sum}")?;
    writeln!(text, "kerberos_sso_replay_store_seconds_sum {}", outcomes.waited.as_secs_f64())?;
    writeln!(text, "# TYPE kerberos_sso_replay_store_up gauge")?;
    writeln!(text, "kerberos_sso_replay_store_up {}", u8::from(cache.fault().is_none()))?;
    Ok(text)
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    tracing_subscriber::fmt().with_writer(std::io::stderr).init();
    let arguments = Arguments::parse()?;
    let cache = arguments.cache()?.connect().await?;
    if let Some(address) = &arguments.metrics {
        let (listener, counted) = (tokio::net::TcpListener::bind(address).await?, cache.clone());
        let answer = move || async move { metrics(&counted).map_err(|_| StatusCode::INTERNAL_SERVER_ERROR) };
        let app = Router::new().route("/metrics", get(answer));
        tokio::spawn(async move { axum::serve(listener, app).await });
    }
    // The keytab was made for this server alone, so the server may use every key in it.
    let keys = KeySet::from_whole_keytab(&std::fs::read(&arguments.keytab)?)?;
    let node: &'static Node = Box::leak(Box::new(Node { validator: Validator::new(keys, arguments.policy, cache) }));
    let answer = move |request: axum::extract::Request| async move {
        let values = request.headers().get_all(header::AUTHORIZATION).into_iter();
        let values: Vec<Vec<u8>> = values.map(|value| value.as_bytes().to_vec()).collect();
        node.answer(values).await
    };
    let app = Router::new().route("/", get(answer)).fallback(get(answer));
    let listener = tokio::net::TcpListener::bind(&arguments.listen).await?;
    println!("http://{}/", listener.local_addr()?);
    Ok(axum::serve(listener, app).await?)
}
