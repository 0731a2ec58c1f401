//! Compares two servers that differ only in the replay cache: our server with the cache in memory, and with it in
//! Redis.
//!
//! Each round measures each server at full load, and then at half of the rate of the full load. The first round is not
//! counted. The client, the servers and Redis run on the same cores.

use crate::load::{self, Headers, Pace};
use crate::servers::{Running, free_ports, start_both_caches};
use crate::table::{micros, quantile};
use crate::tokens::Tokens;
use crate::{Outcome, process, site};
use std::time::{Duration, Instant};

/// The figures of one server over all rounds.
#[derive(Default)]
struct Figures {
    /// Sign-ins a second, one for each round.
    rates: Vec<f64>,
    /// The times of all answers, in microseconds.
    full: Vec<f64>,
    half: Vec<f64>,
}

/// Measures the server with each of the two replay caches, with tokens that have a PAC.
#[tokio::main(flavor = "current_thread")]
pub async fn compare(rounds: usize) -> Outcome<()> {
    let tokens = Tokens::new(true);
    let site = site::Site::new(&tokens)?;
    let [address, _] = free_ports()?;
    let _redis = process::redis(&site.path("replay"), address).await?;
    let servers = start_both_caches(&site, &tokens, address).await?;
    let mut figures = [Figures::default(), Figures::default()];
    for round in 0..=rounds {
        for (server, figures) in servers.iter().zip(&mut figures) {
            let next = turn(server, &tokens.mint(SIGN_INS)?, &tokens.mint(SIGN_INS)?).await?;
            if round > 0 {
                figures.rates.extend(next.rates);
                figures.full.extend(next.full);
                figures.half.extend(next.half);
            }
        }
    }
    println!("| replay cache | sign-ins a second | p50, p99 ms | p50, p99 ms at half load |");
    println!("|---|---|---|---|");
    for (server, Figures { rates, full, half }) in servers.iter().zip(&figures) {
        let [lowest, median, highest] = [0.0, 0.5, 1.0].map(|part| quantile(rates, part));
        let [full, half] = [full, half].map(|times| {
            let [p50, p99] = [0.5, 0.99].map(|part| quantile(times, part) / 1000.0);
            format!("{p50:.2}, {p99:.2}")
        });
        println!("| {} | {median:.0} ({lowest:.0} to {highest:.0}) | {full} | {half} |", server.name);
    }
    Ok(())
}

/// Measures one server at full load and at half load.
async fn turn(server: &Running, for_full: &Headers, for_half: &Headers) -> Outcome<Figures> {
    let mut connections = load::connect(server.plain, None).await?;
    let begin = Instant::now();
    let full = connections.send(for_full, Pace::Full).await?;
    let rate = full.times.len() as f64 / begin.elapsed().as_secs_f64();
    let half = connections.send(for_half, Pace::Each(Duration::from_secs_f64(2.0 / rate))).await?;
    full.all_accepted(&server.name)?;
    half.all_accepted(&server.name)?;
    let [full, half] = [full, half].map(|answers| answers.times.into_iter().map(micros).collect());
    Ok(Figures { rates: vec![rate], full, half })
}

/// The number of sign-ins in each measurement.
const SIGN_INS: usize = 10_000;
