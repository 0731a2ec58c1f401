//! Compares the number of calls per second of the replay cache with that of a bare `SET key 1 NX PXAT` to the same server.
//!
//! Run: `cargo run --release -p kerberos-sso-valkey --example store_speed -- --store redis://HOST:PORT [--processes N] [--at-once N]
//! [--rounds N] [--seconds N]`
//!
//! In each round, the processes first call the cache, then send the bare command, for the same time and with the same number
//! of calls at once. Both kinds of calls use the same client crate, and one connection for each process. At the end, the
//! processes repeat both kinds of calls at half of their median rates, and the program prints the response times.
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "this is a program")]
#![allow(clippy::arithmetic_side_effects, reason = "the measured numbers are far from the limits")]

use kerberos_sso::UnixTime;
use kerberos_sso::replay::{Admission, AsyncReplayCache as _, ReplayClient, ReplayEntry, ReplayTag};
use kerberos_sso_valkey::ValkeyReplayCache;
use redis::aio::MultiplexedConnection;
use std::error::Error;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant, SystemTime};
use tokio::task::JoinSet;

type Outcome<T> = Result<T, Box<dyn Error + Send + Sync>>;

const SKEW: Duration = Duration::from_secs(300);
/// The kinds of calls: through the cache, or as a bare command.
const WAYS: [&str; 2] = ["cache", "bare"];

/// The values of the command line.
#[derive(Clone)]
struct Arguments {
    store: String,
    processes: usize,
    at_once: usize,
    rounds: usize,
    seconds: u64,
    /// The kind of call that this process measures; `None` in the process that starts the other processes.
    way: Option<String>,
    /// The number of calls per second of this process; zero means as many as possible.
    rate: u64,
}

/// One kind of call, with its connection to the store.
#[derive(Clone)]
enum Caller {
    Cache(ValkeyReplayCache),
    Bare(MultiplexedConnection),
}

impl Caller {
    async fn connect(arguments: &Arguments, is_cache: bool) -> Outcome<Self> {
        if is_cache {
            // One process makes fewer calls than this number. With a larger cache, the program would measure the allocation of
            // memory.
            let entries = usize::try_from(arguments.seconds)? * 100_000;
            let cache = ValkeyReplayCache::single(&arguments.store, SKEW).with_entries(entries).with_timeout(SKEW);
            return Ok(Self::Cache(cache.first_start().connect().await?));
        }
        let client = redis::Client::open(arguments.store.as_str())?;
        Ok(Self::Bare(client.get_multiplexed_async_connection().await?))
    }

    /// Stores a new tag. Fails if the store does not answer that the tag is new.
    async fn call(&mut self, tag: [u8; 16]) -> Outcome<()> {
        let now: UnixTime = SystemTime::now().into();
        match self {
            Self::Cache(cache) => {
                let until = now.saturating_add_seconds(300);
                // Each call has a different client, as most sign-ins have.
                let name = format!("user{}", u128::from_be_bytes(tag) >> 96);
                let client = ReplayClient::Name { realm: b"EXAMPLE.TEST", name: name.as_bytes() };
                match cache.admit(&ReplayEntry::new(ReplayTag::from_bytes(tag), now, until, client), now).await {
                    Admission::New => Ok(()),
                    other => Err(format!("{other:?}, {:?}", cache.fault()).into()),
                }
            }
            Self::Bare(connection) => {
                let key = [b"{}r".as_slice(), &tag].concat();
                let until = now.saturating_add_seconds(306).seconds() * 1_000;
                let mut command = redis::cmd("SET");
                command.arg(key).arg(1).arg("NX").arg("PXAT").arg(until);
                let () = command.query_async(connection).await?;
                Ok(())
            }
        }
    }
}

/// Calls the store or the cache for some seconds. Prints the number of calls, and the p50, the p99 and the maximum of the
/// response times in microseconds.
///
/// If the caller sets a rate, each call has a scheduled time, and its response time begins at the scheduled time.
async fn measure(arguments: &Arguments, is_cache: bool) -> Outcome<()> {
    let caller = Caller::connect(arguments, is_cache).await?;
    let mut seed = [0; 16];
    getrandom::fill(&mut seed)?;
    let (began, next) = (Instant::now(), Arc::new(AtomicU64::new(0)));
    let ends = began + Duration::from_secs(arguments.seconds);
    let interval = Duration::from_secs(1).checked_div(u32::try_from(arguments.rate)?);
    let mut tasks: JoinSet<Outcome<Vec<u32>>> = JoinSet::new();
    for _ in 0..arguments.at_once {
        let (mut caller, next) = (caller.clone(), Arc::clone(&next));
        tasks.spawn(async move {
            let mut times = Vec::new();
            loop {
                let number = next.fetch_add(1, Ordering::Relaxed);
                let appointed =
                    interval.map(|interval| began + interval.saturating_mul(u32::try_from(number).unwrap_or(u32::MAX)));
                if let Some(appointed) = appointed {
                    tokio::time::sleep_until(appointed.into()).await;
                }
                let from = appointed.unwrap_or_else(Instant::now);
                if from >= ends {
                    return Ok(times);
                }
                // The tags of all calls differ, and look as random as the octets of a MAC.
                let spread = u128::from(number.wrapping_mul(0x9E37_79B9_7F4A_7C15)) << 64;
                caller.call((spread ^ u128::from_be_bytes(seed)).to_be_bytes()).await?;
                times.push(u32::try_from(from.elapsed().as_micros())?);
            }
        });
    }
    let mut times = Vec::new();
    while let Some(done) = tasks.join_next().await {
        times.extend(done??);
    }
    times.sort_unstable();
    let at = |percent: usize| times.get(times.len() * percent / 100).or(times.last()).copied().unwrap_or(0);
    println!("{} {} {} {}", times.len(), at(50), at(99), at(100));
    Ok(())
}

/// Measures one kind of call with all processes at the same time. Returns the number of calls per second of all processes, and
/// the worst p50 and p99.
fn round(arguments: &Arguments, way: &str, rate: u64) -> Outcome<(u64, u64, u64)> {
    let start = || {
        let mut command = Command::new(std::env::current_exe()?);
        command.args(["--store", &arguments.store, "--way", way]);
        command.args(["--at-once", &arguments.at_once.to_string(), "--seconds", &arguments.seconds.to_string()]);
        command.args(["--rate", &rate.to_string()]);
        command.stdout(Stdio::piped()).spawn()
    };
    let children: Vec<_> = (0..arguments.processes).map(|_| start()).collect::<Result<_, _>>()?;
    let (mut calls, mut median, mut p99) = (0, 0, 0);
    for child in children {
        let output = child.wait_with_output()?;
        let text = String::from_utf8(output.stdout)?;
        let numbers: Vec<u64> = text.split_whitespace().map(str::parse).collect::<Result<_, _>>()?;
        let [count, at_half, at_99, _] = numbers[..] else { return Err("a process failed".into()) };
        (calls, median, p99) = (calls + count, median.max(at_half), p99.max(at_99));
    }
    Ok((calls / arguments.seconds, median, p99))
}

fn median<T: PartialOrd + Copy>(values: &[T]) -> Option<T> {
    let mut sorted = values.to_vec();
    sorted.sort_by(|a, b| a.partial_cmp(b).unwrap_or(std::cmp::Ordering::Equal));
    sorted.get(sorted.len() / 2).copied()
}

/// Measures both kinds of calls in alternating rounds, and prints the ratio of each round and the median ratio.
fn compare(arguments: &Arguments) -> Outcome<()> {
    let (mut rates, mut ratios) = ([Vec::new(), Vec::new()], Vec::new());
    for number in 1..=arguments.rounds {
        let [(cache, ..), (bare, ..)] = [round(arguments, WAYS[0], 0)?, round(arguments, WAYS[1], 0)?];
        let ratio = f64::from(u32::try_from(cache)?) / f64::from(u32::try_from(bare)?);
        println!("round {number}: cache {cache} calls/s, bare SET NX {bare} calls/s, ratio {ratio:.2}");
        rates[0].push(cache);
        rates[1].push(bare);
        ratios.push(ratio);
    }
    println!("median ratio {:.2}", median(&ratios).ok_or("no round")?);
    for (way, rates) in WAYS.iter().zip(&rates) {
        let half = median(rates).ok_or("no round")? / 2;
        let (calls, median, p99) = round(arguments, way, half / u64::try_from(arguments.processes)?)?;
        println!("{way} at half load, {calls} calls/s: p50 {median} µs, p99 {p99} µs");
    }
    Ok(())
}

fn arguments() -> Outcome<Arguments> {
    use lexopt::prelude::*;
    let mut given =
        Arguments { store: String::new(), processes: 2, at_once: 64, rounds: 7, seconds: 2, way: None, rate: 0 };
    let mut parser = lexopt::Parser::from_env();
    while let Some(argument) = parser.next()? {
        match argument {
            Long("store") => given.store = parser.value()?.string()?,
            Long("processes") => given.processes = parser.value()?.parse()?,
            Long("at-once") => given.at_once = parser.value()?.parse()?,
            Long("rounds") => given.rounds = parser.value()?.parse()?,
            Long("seconds") => given.seconds = parser.value()?.parse()?,
            Long("way") => given.way = Some(parser.value()?.string()?),
            Long("rate") => given.rate = parser.value()?.parse()?,
            other => return Err(other.unexpected().into()),
        }
    }
    if given.store.is_empty() {
        return Err(
            "usage: store_speed --store redis://HOST:PORT [--processes N] [--at-once N] [--rounds N] [--seconds N]"
                .into(),
        );
    }
    Ok(given)
}

fn main() -> Outcome<()> {
    let arguments = arguments()?;
    match &arguments.way {
        None => compare(&arguments),
        Some(way) => {
            let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
            runtime.block_on(measure(&arguments, way == WAYS[0]))
        }
    }
}
