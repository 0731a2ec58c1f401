//! Compares the times of the kinds of requests: encryption types, numbers of groups, headers, refusals. Every round measures
//! every kind, so that other load on the machine affects all kinds equally. The times are the CPU time of the process.
//!
//! `cargo bench -p kerberos-sso-benches --bench kinds`. The bench prints the nanoseconds of the best and of the median
//! round, and the ratio of the median to the first kind's median. Each kind is one request, which is decided repeatedly
//! without a replay cache, so its octets stay in the processor's caches. The bench `ratio` decides different requests.
#![allow(clippy::unwrap_used, clippy::print_stdout, clippy::arithmetic_side_effects, missing_docs)]
#![allow(clippy::indexing_slicing, clippy::as_conversions, clippy::cast_precision_loss, reason = "a bench may round")]

mod cases;

use cases::{Case, cases};
use cpu_time::ProcessTime;
use std::hint::black_box;

/// The number of decisions of each kind in a round.
const TIMES: u32 = 300;

fn main() {
    // `-- --test` runs one round.
    let rounds = if std::env::args().any(|argument| argument == "--test") { 1 } else { 61 };
    let cases = cases();
    let mut figures = vec![Vec::with_capacity(rounds); cases.len()];
    for _ in 0..rounds {
        for (case, figures) in cases.iter().zip(&mut figures) {
            figures.push(round(case));
        }
    }
    for figures in &mut figures {
        figures.sort_by(f64::total_cmp);
    }
    let first = figures[0][rounds / 2];
    println!("{:24} {:>8} {:>8} {:>6}", "", "best, ns", "median", "times");
    for (case, figures) in cases.iter().zip(&figures) {
        let (best, median) = (figures[0], figures[rounds / 2]);
        println!("{:24} {best:>8.0} {median:>8.0} {:>6.2}", case.name, median / first);
    }
}

/// Returns the nanoseconds of one decision.
fn round(case: &Case) -> f64 {
    let start = ProcessTime::now();
    for _ in 0..TIMES {
        case.check(&black_box(case).decide());
    }
    start.elapsed().as_nanos() as f64 / f64::from(TIMES)
}
