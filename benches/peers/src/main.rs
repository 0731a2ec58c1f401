//! Compares this crate with other acceptors, with the same tokens in alternating rounds.
//!
//! ```text
//! cargo run --release --manifest-path benches/peers/Cargo.toml [ROUNDS [KEYTAB TOKENS]]
//! ```
//! Without files, the program mints tokens for the present time, with and without a PAC of 1.2 kB. With files, the
//! tokens must be fresh tokens of a real KDC. The file TOKENS has the length of each token in four octets,
//! little-endian, followed by the token. Each acceptor decides every token once in a round, and the result is asserted.
//! The acceptors keep no replay cache, because the rounds repeat the tokens. If an acceptor can leave out the AP-REP,
//! it sends no AP-REP here.

mod mit;
mod ours;
mod pure;
mod sspi_rs;
mod tokens;

use std::error::Error;
use std::path::PathBuf;

type Outcome<T> = Result<T, Box<dyn Error>>;

/// An acceptor.
trait Peer {
    fn name(&self) -> &str;

    /// Decides every token once, and returns how many nanoseconds one token took on average.
    fn round(&mut self) -> Outcome<f64>;
}

fn main() -> Outcome<()> {
    let mut arguments = std::env::args().skip(1);
    let rounds = arguments.next().map_or(Ok(15), |rounds| rounds.parse())?;
    let files: Vec<PathBuf> = arguments.map(PathBuf::from).collect();
    let loads = match files.as_slice() {
        [] => vec![tokens::minted("without a PAC", false)?, tokens::minted("PAC of 1.2 kB", true)?],
        [keytab, tokens] => vec![tokens::recorded(keytab, tokens)?],
        _ => return Err("KEYTAB and TOKENS must be given together".into()),
    };
    for load in &loads {
        compare(load, rounds)?;
    }
    Ok(())
}

fn compare(load: &tokens::Load, rounds: usize) -> Outcome<()> {
    println!("{}: {} tokens of {} bytes, {rounds} rounds", load.name, load.tokens.len(), load.tokens[0].len());
    let mut peers: Vec<Box<dyn Peer + '_>> =
        vec![Box::new(ours::Ours::new(load)?), Box::new(pure::Krb5::new(load)?), Box::new(sspi_rs::SspiRs::new(load)?)];
    match mit::Mit::start(load) {
        Ok(mit) => peers.push(Box::new(mit)),
        Err(reason) => println!("  MIT krb5 is left out: {reason}"),
    }
    let mut figures = vec![Vec::new(); peers.len()];
    for _ in 0..rounds {
        for (peer, figures) in peers.iter_mut().zip(&mut figures) {
            figures.push(peer.round()?);
        }
    }
    let ours = median(&figures[0]);
    println!("  {:40} {:>9} {:>9} {:>7}", "", "best, ns", "median", "ratio");
    for (peer, figures) in peers.iter().zip(&figures) {
        let best = figures.iter().copied().fold(f64::INFINITY, f64::min);
        println!("  {:40} {best:>9.0} {:>9.0} {:>7.2}", peer.name(), median(figures), median(figures) / ours);
    }
    Ok(())
}

fn median(figures: &[f64]) -> f64 {
    let mut sorted = figures.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted[sorted.len() / 2]
}
