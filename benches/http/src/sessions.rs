//! Measures what live sessions cost: the memory of the store for each session, and that of the sign-in server.
//!
//! Each session is that of another user, who signs in by a ticket with 20 groups. At each tenth of the sessions, the program prints
//! the memory of both processes. At the end it counts the entries of the store by their kind, and asks for the page of every
//! thousandth session.

use crate::Outcome;
use crate::connection::Connection;
use crate::seamless::{Server, State};
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::time::Instant;
use tokio::task::JoinSet;

/// Begins sessions at a release build of the sign-in server, with its state in Redis.
#[tokio::main(flavor = "current_thread")]
pub async fn measure(seamless: &str, count: usize) -> Outcome<()> {
    let server = Arc::new(Server::start(Path::new(seamless), State::Redis, TENANTS).await?);
    let redis = server.redis().ok_or("the state is not in Redis")?;
    server.ready(&mut Connection::open(&server.address.to_string()).await?).await?;
    // The first sign-ins fill buffers and caches that stay.
    begin(&server, "first", 0..1000).await?;
    let (store, memory) = (used_memory(redis)?, server.memory()?);
    println!("at the start: the store takes {}, the server takes {}", megabytes(store), megabytes(memory));
    let (step, mut kept) = (count.div_ceil(10), Vec::new());
    for from in (0..count).step_by(step) {
        let (to, start) = ((from + step).min(count), Instant::now());
        kept.extend(begin(&server, "user", from..to).await?);
        let (rate, now) = ((to - from) as f64 / start.elapsed().as_secs_f64(), used_memory(redis)?);
        println!(
            "{to} sessions: the store takes {}, the server takes {}; {rate:.0} sign-ins a second",
            megabytes(now),
            megabytes(server.memory()?),
        );
    }
    let grown = used_memory(redis)?.saturating_sub(store);
    println!(
        "{:.0} bytes of the store for each session, with the entries that end before it",
        grown as f64 / count as f64
    );
    for (kind, (entries, bytes)) in entries(redis)? {
        println!("kind {kind}: {entries} entries, {:.0} bytes each", bytes as f64 / entries as f64);
    }
    let mut connection = Connection::open(&server.address.to_string()).await?;
    let mut greeted = 0;
    for (user, cookies) in &kept {
        greeted += usize::from(server.greets(&mut connection, cookies, user).await?);
    }
    println!("the server showed the page of {greeted} of {} sessions", kept.len());
    Ok(())
}

/// Begins a session for each user number in `users`. Returns the user and the cookies of every thousandth session.
async fn begin(
    server: &Arc<Server>,
    name: &'static str,
    users: std::ops::Range<usize>,
) -> Outcome<Vec<(String, String)>> {
    let mut tasks = JoinSet::new();
    for first in users.clone().take(CONNECTIONS) {
        let (server, users) = (Arc::clone(server), (first..users.end).step_by(CONNECTIONS));
        tasks.spawn(async move {
            let mut connection = Connection::open(&server.address.to_string()).await?;
            let mut kept = Vec::new();
            for number in users {
                let user = format!("{name}{number}");
                let cookies = server.sign_in(&mut connection, &user, number).await?;
                if number % 1000 == 0 {
                    kept.push((user, cookies));
                }
            }
            Outcome::Ok(kept)
        });
    }
    let mut kept = Vec::new();
    while let Some(of_one) = tasks.join_next().await {
        kept.extend(of_one??);
    }
    Ok(kept)
}

fn used_memory(redis: SocketAddr) -> Outcome<u64> {
    let info = ask(redis, &["INFO", "memory"])?;
    let used = info.lines().find_map(|line| line.strip_prefix("used_memory:")).ok_or("no used_memory")?;
    Ok(used.trim().parse()?)
}

/// Returns the number of entries and their bytes for each kind, whose letter comes after `{}` in the name of an entry.
fn entries(redis: SocketAddr) -> Outcome<BTreeMap<String, (u64, u64)>> {
    let (mut kinds, mut cursor) = (BTreeMap::<String, (u64, u64)>::new(), String::from("0"));
    loop {
        let part = ask(redis, &["EVAL", COUNT, "0", &cursor])?;
        let mut lines = part.lines();
        cursor = lines.next().ok_or("no cursor")?.into();
        while let (Some(kind), Some(entries), Some(bytes)) = (lines.next(), lines.next(), lines.next()) {
            let sum = kinds.entry(kind.into()).or_default();
            *sum = (sum.0 + entries.parse::<u64>()?, sum.1 + bytes.parse::<u64>()?);
        }
        if cursor == "0" {
            return Ok(kinds);
        }
    }
}

fn ask(redis: SocketAddr, command: &[&str]) -> Outcome<String> {
    let mut cli = Command::new("redis-cli");
    cli.args(["-h", &redis.ip().to_string(), "-p", &redis.port().to_string()]).args(command);
    Ok(String::from_utf8(cli.output()?.stdout)?)
}

fn megabytes(bytes: u64) -> String {
    format!("{:.1} MB", bytes as f64 / 1e6)
}

/// Counts some thousand entries from a cursor on. A count of all entries at once would keep the server waiting for
/// Redis.
const COUNT: &str = "
    local found, sums = redis.call('SCAN', ARGV[1], 'COUNT', 20000), {}
    for _, key in ipairs(found[2]) do
        local kind = string.sub(key, 3, 3)
        sums[kind] = sums[kind] or {0, 0}
        sums[kind][1] = sums[kind][1] + 1
        sums[kind][2] = sums[kind][2] + (redis.call('MEMORY', 'USAGE', key) or 0)
    end
    local answer = {found[1]}
    for kind, sum in pairs(sums) do
        table.insert(answer, kind)
        table.insert(answer, sum[1])
        table.insert(answer, sum[2])
    end
    return answer
";

const CONNECTIONS: usize = 16;

/// The number of tenants. Each tenant's replay cache has a bounded memory. The cache of a single tenant would be full
/// before the end.
const TENANTS: usize = 9;
