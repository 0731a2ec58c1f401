//! The figures of a server, and the table of all servers.

use crate::load::Answers;
use std::time::Duration;

/// The figures of one server, with one entry for each round.
pub struct Figures {
    name: String,
    plain: Vec<f64>,
    tls: Vec<f64>,
    times: Vec<f64>,
    /// The share of the CPU time that the kernel used.
    pub kernel: f64,
    /// The memory in bytes, after all rounds.
    pub memory: u64,
    /// The number of replayed tokens that the server refused.
    pub replays: usize,
    /// The number of damaged tokens that the server refused.
    pub damaged: usize,
}

impl Figures {
    pub fn new(name: &str) -> Self {
        let (plain, tls, times) = (Vec::new(), Vec::new(), Vec::new());
        Self { name: name.into(), plain, tls, times, kernel: 0.0, memory: 0, replays: 0, damaged: 0 }
    }

    /// Adds a round without TLS and a round with TLS: the CPU time of a request, and the answers.
    pub fn add(&mut self, plain: (Duration, Answers), tls: (Duration, Answers)) {
        self.plain.push(micros(plain.0));
        self.tls.push(micros(tls.0));
        self.times.extend(plain.1.times.into_iter().map(micros));
    }
}

/// Prints a Markdown table. The first server is ours. The figures are medians. The columns of the CPU time
/// also have the values of the lowest and of the highest round.
pub fn print(figures: &[Figures], refusals: usize) {
    println!(
        "| | CPU µs | times ours | kernel's | p50 ms | p99 ms | CPU µs, TLS | times ours | MB | replays, damaged |"
    );
    println!("|---|---|---|---|---|---|---|---|---|---|");
    let Some(ours) = figures.first() else { return };
    for server in figures {
        let Figures { name, kernel, memory, replays, damaged, .. } = server;
        let [(plain, times), (tls, times_tls)] = [beside(&server.plain, &ours.plain), beside(&server.tls, &ours.tls)];
        let [p50, p99] = [0.5, 0.99].map(|part| quantile(&server.times, part) / 1000.0);
        let (kernel, megabytes) = (kernel * 100.0, *memory as f64 / 1e6);
        let refused = if replays + damaged == 2 * refusals {
            "refused".into()
        } else {
            format!("{replays} and {damaged} of {refusals} refused")
        };
        println!(
            "| {name} | {plain} | {times:.1} | {kernel:.0} % | {p50:.2} | {p99:.2} | {tls} | {times_tls:.1} \
             | {megabytes:.0} | {refused} |"
        );
    }
}

/// Returns the figures of the rounds as text, and the ratio of their median to the median of our server.
fn beside(rounds: &[f64], ours: &[f64]) -> (String, f64) {
    let [lowest, median, highest] = [0.0, 0.5, 1.0].map(|part| quantile(rounds, part));
    (format!("{median:.1} ({lowest:.1} to {highest:.1})"), median / quantile(ours, 0.5))
}

/// Converts a time to microseconds.
pub fn micros(time: Duration) -> f64 {
    time.as_secs_f64() * 1e6
}

/// Returns the value below which the fraction `part` of the values lies.
pub fn quantile(values: &[f64], part: f64) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let index = (part * sorted.len() as f64) as usize;
    sorted.get(index.min(sorted.len().saturating_sub(1))).copied().unwrap_or(f64::NAN)
}
