//! Measures the time of validations. Each pass validates all tokens of a file, on several threads with one shared validator.
//!
//! ```text
//! cargo run --release --example throughput -- --keytab http.keytab --tokens tokens.bin --at 1795299534 --threads 2
//! ```
//! The file of tokens has the length of each token as a little-endian u32, followed by the token. Each pass prints one JSON
//! line.

#![allow(clippy::print_stdout, reason = "this is a program")]

use cpu_time::ProcessTime;
use kerberos_sso::replay::{MemoryReplayCache, NoReplayCache, ReplayCache};
use kerberos_sso::{KeySet, Policy, UnixTime, Validator, policy::PacPolicy};
use lexopt::{Arg, Parser, ValueExt as _};
use serde_json::json;
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::{Duration, Instant};
use zeroize::Zeroizing;

const USAGE: &str = "\
throughput --keytab FILE --tokens FILE [--at UNIX_SECONDS] [--skew SECONDS] [--max-lifetime SECONDS|none]
           [--pac require|verify|ignore] [--allow-rc4] [--replay] [--threads N] [--passes P]";

fn main() -> ExitCode {
    if std::env::args_os().skip(1).any(|word| word == "--help") {
        println!("{USAGE}");
        return ExitCode::SUCCESS;
    }
    match Arguments::parse(Parser::from_env()).map_err(|error| error.to_string()).and_then(|arguments| run(&arguments))
    {
        Ok(()) => ExitCode::SUCCESS,
        Err(problem) => {
            eprintln!("throughput: {problem}\n{USAGE}");
            ExitCode::from(2)
        }
    }
}

fn run(arguments: &Arguments) -> Result<(), String> {
    let keytab = Zeroizing::new(read(&arguments.keytab)?);
    let keys = Arc::new(KeySet::from_whole_keytab(&keytab).map_err(|error| error.to_string())?);
    let file = read(&arguments.tokens)?;
    let tokens = records(&file)?;
    for _ in 0..arguments.passes {
        let (keys, policy) = (Arc::clone(&keys), arguments.policy.clone());
        let measured = if arguments.replay {
            // The tokens may be older than this process, so the cache accepts authenticators of any age. All tokens may
            // belong to one client.
            let cache = MemoryReplayCache::new(tokens.len(), policy.clock_skew(), UnixTime::from_seconds(0))
                .taking_earlier_authenticators()
                .without_client_share();
            pass(&Validator::new(keys, policy, cache), &tokens, arguments)
        } else {
            pass(&Validator::new(keys, policy, NoReplayCache), &tokens, arguments)
        };
        println!("{}", measured.to_json(tokens.len(), arguments.threads));
    }
    Ok(())
}

/// The result of one pass over all tokens.
struct Measured {
    accepted: usize,
    wall: Duration,
    cpu: Duration,
}

impl Measured {
    fn to_json(&self, tokens: usize, threads: NonZeroUsize) -> serde_json::Value {
        json!({
            "tokens": tokens,
            "accepted": self.accepted,
            "wall_ns_per_token": per_token(self.wall, tokens),
            "cpu_ns_per_token": per_token(self.cpu, tokens),
            "threads": threads,
        })
    }
}

/// Returns the nanoseconds of one token, rounded to a tenth.
fn per_token(time: Duration, tokens: usize) -> f64 {
    let tokens = u32::try_from(tokens).map_or(f64::INFINITY, f64::from);
    (time.as_secs_f64() * 1e10 / tokens).round() / 10.0
}

fn pass<R: ReplayCache + Send + Sync>(validator: &Validator<R>, tokens: &[&[u8]], arguments: &Arguments) -> Measured {
    let now = arguments.at.unwrap_or_else(|| std::time::SystemTime::now().into());
    let share = tokens.len().div_ceil(arguments.threads.get()).max(1);
    let accepted =
        |tokens: &[&[u8]]| tokens.iter().filter(|token| validator.validate_ticket(token, now).is_ok()).count();
    let (start, cpu) = (Instant::now(), ProcessTime::now());
    let accepted = std::thread::scope(|scope| {
        let threads: Vec<_> = tokens.chunks(share).map(|share| scope.spawn(move || accepted(share))).collect();
        threads.into_iter().filter_map(|thread| thread.join().ok()).sum()
    });
    Measured { accepted, wall: start.elapsed(), cpu: cpu.elapsed() }
}

fn records(mut file: &[u8]) -> Result<Vec<&[u8]>, String> {
    let mut tokens = Vec::new();
    while !file.is_empty() {
        let (length, rest) = file.split_first_chunk().ok_or("a record is cut short")?;
        let length = usize::try_from(u32::from_le_bytes(*length)).map_err(|error| error.to_string())?;
        let (token, rest) = rest.split_at_checked(length).ok_or("a record is cut short")?;
        tokens.push(token);
        file = rest;
    }
    if tokens.is_empty() { Err("no tokens".into()) } else { Ok(tokens) }
}

struct Arguments {
    keytab: PathBuf,
    tokens: PathBuf,
    policy: Policy,
    at: Option<UnixTime>,
    threads: NonZeroUsize,
    passes: usize,
    replay: bool,
}

impl Arguments {
    fn parse(mut parser: Parser) -> Result<Self, lexopt::Error> {
        let (mut keytab, mut tokens) = (None, None);
        let mut policy = Policy::default();
        let (mut at, mut threads, mut passes, mut replay) = (None, NonZeroUsize::MIN, 1, false);
        while let Some(argument) = parser.next()? {
            match argument {
                Arg::Long("keytab") => keytab = Some(parser.value()?.into()),
                Arg::Long("tokens") => tokens = Some(parser.value()?.into()),
                Arg::Long("at") => at = Some(UnixTime::from_seconds(parser.value()?.parse()?)),
                Arg::Long("skew") => policy = policy.with_clock_skew(parser.value()?.parse_with(seconds)?),
                Arg::Long("max-lifetime") => {
                    policy = policy.with_max_ticket_lifetime(parser.value()?.parse_with(lifetime)?);
                }
                Arg::Long("pac") => policy = policy.with_pac(parser.value()?.parse_with(pac)?),
                Arg::Long("allow-rc4") => policy = policy.allow_rc4(),
                Arg::Long("replay") => replay = true,
                Arg::Long("threads") => threads = parser.value()?.parse()?,
                Arg::Long("passes") => passes = parser.value()?.parse()?,
                _ => return Err(argument.unexpected()),
            }
        }
        let (keytab, tokens) = (keytab.ok_or("--keytab is missing")?, tokens.ok_or("--tokens is missing")?);
        Ok(Self { keytab, tokens, policy, at, threads, passes, replay })
    }
}

fn seconds(text: &str) -> Result<Duration, std::num::ParseIntError> {
    text.parse().map(Duration::from_secs)
}

fn lifetime(text: &str) -> Result<Option<Duration>, std::num::ParseIntError> {
    if text == "none" { Ok(None) } else { seconds(text).map(Some) }
}

fn pac(text: &str) -> Result<PacPolicy, &'static str> {
    match text {
        "require" => Ok(PacPolicy::Require),
        "verify" => Ok(PacPolicy::AllowAbsent),
        "ignore" => Ok(PacPolicy::Ignore),
        _ => Err("the value must be require, verify or ignore"),
    }
}

fn read(path: &PathBuf) -> Result<Vec<u8>, String> {
    std::fs::read(path).map_err(|error| format!("{}: {error}", path.display()))
}
