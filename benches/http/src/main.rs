//! Measures the layer on axum beside Apache with mod_auth_gssapi and beside a Go server with gokrb5. With `flows`, measures the
//! code flows of a release build of the sign-in server ([`flows`]); with `sessions`, what live sessions cost ([`sessions`]);
//! with `store`, the layer with a shared replay store ([`store`]).
//!
//! ```text
//! cargo run --release --manifest-path benches/http/Cargo.toml [ROUNDS [SIGN-INS]]
//! cargo run --release --manifest-path benches/http/Cargo.toml flows SEAMLESS [ROUNDS]
//! cargo run --release --manifest-path benches/http/Cargo.toml sessions SEAMLESS [SESSIONS]
//! cargo run --release --manifest-path benches/http/Cargo.toml store [ROUNDS]
//! ``` The program mints SIGN-INS tokens before each round. Each server gets each token once, over eight connections
//! that stay open, as fast as the server answers. In each round, the program measures one server after another, first
//! without TLS and then with TLS. The first round is not counted. All servers run during the whole run, with the same
//! keytab, and log no accepted request. After the rounds, each server gets tokens that it has already accepted, and
//! damaged tokens.
//!
//! The CPU time is the sum over all processes of a server, as the kernel counts it for each process.

mod connection;
mod flows;
mod load;
mod ours;
mod process;
mod seamless;
mod servers;
mod sessions;
mod site;
mod store;
mod table;
mod tokens;

use load::{Answers, Pace};
use servers::Running;
use std::error::Error;
use std::time::Duration;
use table::Figures;
use tokens::Tokens;

type Outcome<T> = Result<T, Box<dyn Error + Send + Sync>>;

fn main() -> Outcome<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["serve", keytab, port, tls_port, certificate, key, store, ref domain @ ..] => {
            ours::serve(keytab, [port, tls_port], certificate, key, store, domain.first().copied())
        }
        ["flows", seamless] => flows::measure(seamless, 5),
        ["flows", seamless, rounds] => flows::measure(seamless, rounds.parse()?),
        ["sessions", seamless] => sessions::measure(seamless, 1_000_000),
        ["sessions", seamless, count] => sessions::measure(seamless, count.parse()?),
        ["store"] => store::compare(5),
        ["store", rounds] => store::compare(rounds.parse()?),
        [] => compare(5, SIGN_INS),
        [rounds] => compare(rounds.parse()?, SIGN_INS),
        [rounds, sign_ins] => compare(rounds.parse()?, sign_ins.parse()?),
        _ => Err(
            "arguments: [ROUNDS [SIGN-INS]], flows SEAMLESS [ROUNDS], sessions SEAMLESS [SESSIONS], or store [ROUNDS]"
                .into(),
        ),
    }
}

#[tokio::main(flavor = "current_thread")]
async fn compare(rounds: usize, sign_ins: usize) -> Outcome<()> {
    for (name, has_pac) in [("with a PAC", true), ("without a PAC", false)] {
        let tokens = Tokens::new(has_pac);
        println!("\nTokens {name}, of {} bytes; {rounds} rounds of {sign_ins} sign-ins", tokens.size());
        let figures = run(&tokens, rounds, sign_ins).await?;
        println!();
        table::print(&figures, REFUSALS);
    }
    Ok(())
}

/// Measures each server with `tokens`, which either all have a PAC or all have none.
async fn run(tokens: &Tokens, rounds: usize, sign_ins: usize) -> Outcome<Vec<Figures>> {
    let site = site::Site::new(tokens)?;
    let servers = servers::start_all(&site, tokens).await?;
    let mut figures: Vec<Figures> = servers.iter().map(|server| Figures::new(&server.name)).collect();
    for round in 0..=rounds {
        let (plain, tls) = (tokens.mint(sign_ins)?, tokens.mint(sign_ins)?);
        for (server, figures) in servers.iter().zip(&mut figures) {
            let without_tls = measure(server, None, &plain).await?;
            let with_tls = measure(server, Some(&site), &tls).await?;
            if round > 0 {
                figures.add(without_tls, with_tls);
            }
        }
    }
    let (once, damaged) = (tokens.mint(REFUSALS)?, tokens.damaged(REFUSALS)?);
    for (server, figures) in servers.iter().zip(&mut figures) {
        let mut connections = load::connect(server.plain, None).await?;
        connections.send(&once, Pace::Full).await?.all_accepted(&server.name)?;
        figures.replays = connections.send(&once, Pace::Full).await?.refused();
        figures.damaged = connections.send(&damaged, Pace::Full).await?.refused();
        figures.memory = process::memory(&server.processes()?)?;
        figures.kernel = process::kernel_share(&server.processes()?)?;
    }
    Ok(figures)
}

/// The number of sign-ins in a round.
const SIGN_INS: usize = 5000;

/// The number of replayed tokens that each server gets, and the number of damaged tokens.
const REFUSALS: usize = 1000;

/// Sends the tokens to one server, and returns the CPU time of a request and the time of each answer.
async fn measure(server: &Running, tls: Option<&site::Site>, tokens: &load::Headers) -> Outcome<(Duration, Answers)> {
    let address = if tls.is_some() { server.tls } else { server.plain };
    let mut connections = load::connect(address, tls).await?;
    let processes = server.processes()?;
    let before = process::cpu_time(&processes)?;
    let answers = connections.send(tokens, Pace::Full).await?;
    let spent = process::cpu_time(&processes)?.saturating_sub(before);
    if server.processes()? != processes {
        return Err(format!("{} started or ended a process in a round", server.name).into());
    }
    answers.all_accepted(&server.name)?;
    Ok((spent / u32::try_from(tokens.len())?, answers))
}
