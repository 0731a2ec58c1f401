//! Compares the rate of code flows through the sign-in server with the rate of the flows' token signatures alone.
//!
//! A flow is an authorization request with the cookie of a session, and a token request with the code. The answer has an access
//! token and an ID token, so the server makes two signatures. No flow uses Kerberos: the client begins the session with one
//! ticket before the flows.
//!
//! A round measures the server with its state on disk, and then with its state in Redis. Each measurement has two parts:
//! first full load, and then flows that begin at half of the rate of the full load. After the servers, each [`Signer`]
//! makes pairs of signatures on all cores. The first round is not counted. The client runs on the same cores as the
//! server.

mod client;
mod signers;

use crate::Outcome;
use crate::load::Pace;
use crate::seamless::{Server, State};
use crate::table::{micros, quantile};
use client::Client;
use signers::{Signer, signers};
use std::path::Path;
use std::time::{Duration, Instant};

/// The figures of one server, with one entry for each round.
#[derive(Default)]
struct Figures {
    /// Flows a second.
    rates: Vec<f64>,
    /// The CPU time of the server for a flow, in microseconds.
    cpu: Vec<f64>,
    /// The times of all flows at full load, in microseconds.
    full: Vec<f64>,
    /// The times of all flows at half load, in microseconds.
    half: Vec<f64>,
}

/// Measures a release build of the sign-in server, with its state on disk and in Valkey or Redis.
#[tokio::main(flavor = "current_thread")]
pub async fn measure(seamless: &str, rounds: usize) -> Outcome<()> {
    let mut servers = vec![started(Path::new(seamless), State::Disk).await?];
    match started(Path::new(seamless), State::Redis).await {
        Ok(server) => servers.push(server),
        Err(reason) => eprintln!("left out the state in redis-server: {reason}"),
    }
    let signers = signers()?;
    let mut pairs: Vec<[Vec<f64>; 2]> = signers.iter().map(|_| Default::default()).collect();
    for round in 0..=rounds {
        for (server, client, figures) in &mut servers {
            let next = turn(server, client).await?;
            if round > 0 {
                figures.add(next);
            }
        }
        for (signer, pairs) in signers.iter().zip(&mut pairs) {
            let (rate, cpu) = signer.pairs(TURN)?;
            if round > 0 {
                pairs[0].push(rate);
                pairs[1].push(micros(cpu));
            }
        }
    }
    println!("\n{rounds} rounds of {} s, {CONNECTIONS} connections\n", TURN.as_secs());
    print_servers(&servers);
    print_signers(&signers, &pairs, &servers[0].2);
    Ok(())
}

type Measured = (Server, Client, Figures);

async fn started(seamless: &Path, state: State) -> Outcome<Measured> {
    let server = Server::start(seamless, state, 1).await?;
    let client = Client::signed_in(&server).await?;
    Ok((server, client, Figures::default()))
}

/// Measures one server at full load and at half load.
async fn turn(server: &Server, client: &Client) -> Outcome<Figures> {
    let (before, begin) = (server.cpu_time()?, Instant::now());
    let full = client.run(Pace::Full, TURN).await?;
    let (spent, took) = (server.cpu_time()?.saturating_sub(before), begin.elapsed());
    let rate = full.len() as f64 / took.as_secs_f64();
    let half = client.run(Pace::Each(Duration::from_secs_f64(2.0 / rate)), TURN).await?;
    Ok(Figures { rates: vec![rate], cpu: vec![micros(spent) / full.len() as f64], full, half })
}

impl Figures {
    fn add(&mut self, round: Self) {
        self.rates.extend(round.rates);
        self.cpu.extend(round.cpu);
        self.full.extend(round.full);
        self.half.extend(round.half);
    }
}

fn print_servers(servers: &[Measured]) {
    println!("| state | flows a second | CPU µs of a flow | p50, p99 ms | p50, p99 ms at half load |");
    println!("|---|---|---|---|---|");
    for (server, _, figures) in servers {
        let [full, half] = [&figures.full, &figures.half].map(|times| {
            let [p50, p99] = [0.5, 0.99].map(|part| quantile(times, part) / 1000.0);
            format!("{p50:.1}, {p99:.1}")
        });
        println!("| {} | {} | {} | {full} | {half} |", server.state, spread(&figures.rates), spread(&figures.cpu));
    }
}

/// Prints the figures of each signer. The last column is the rate of the first server's flows, divided by the rate of
/// the signer's pairs.
fn print_signers(signers: &[Signer], pairs: &[[Vec<f64>; 2]], flows: &Figures) {
    println!("\n| two signatures | pairs a second | CPU µs of a pair | the flows reach |");
    println!("|---|---|---|---|");
    for (signer, [rates, cpu]) in signers.iter().zip(pairs) {
        let parts: Vec<f64> = flows.rates.iter().zip(rates).map(|(flows, pairs)| flows / pairs).collect();
        let reach = quantile(&parts, 0.5);
        println!("| {} | {} | {} | {reach:.2} |", signer.name, spread(rates), spread(cpu));
    }
}

/// Returns the median, and the lowest and the highest value.
fn spread(rounds: &[f64]) -> String {
    let [lowest, median, highest] = [0.0, 0.5, 1.0].map(|part| quantile(rounds, part));
    format!("{median:.0} ({lowest:.0} to {highest:.0})")
}

/// The time of one measurement.
const TURN: Duration = Duration::from_secs(2);

const CONNECTIONS: usize = 16;
