//! Shows how far a run is: a bar on a terminal, or one line each minute in the log.

use std::io::{IsTerminal as _, Write as _};
use std::time::{Duration, Instant};

pub(crate) struct Progress {
    /// The number of objects that earlier runs have sent.
    before: usize,
    /// The number of objects of this run.
    total: usize,
    sent: usize,
    taken: u64,
    refused: usize,
    began: Instant,
    shown: Option<Instant>,
    is_terminal: bool,
}

impl Progress {
    pub(crate) fn new(before: usize, total: usize) -> Self {
        let is_terminal = std::io::stderr().is_terminal();
        Self { before, total, sent: 0, taken: 0, refused: 0, began: Instant::now(), shown: None, is_terminal }
    }

    /// Notes that the server has the first `sent` objects.
    pub(crate) fn sent(&mut self, sent: usize, taken: u64, refused: usize) {
        self.sent = sent;
        self.taken = self.taken.saturating_add(taken);
        self.refused = self.refused.saturating_add(refused);
        let pause = if self.is_terminal { BAR_EVERY } else { LINE_EVERY };
        if self.shown.is_none_or(|shown| shown.elapsed() >= pause) {
            self.show();
        }
    }

    pub(crate) fn end(&mut self) {
        if self.total > 0 {
            self.show();
        }
        if self.is_terminal && self.total > 0 {
            eprintln!();
        }
    }

    fn show(&mut self) {
        self.shown = Some(Instant::now());
        let left = self.left().map_or_else(String::new, |left| format!(", {left} left"));
        let [sent, total] = [self.sent, self.total].map(|count| count.saturating_add(self.before));
        if self.is_terminal {
            eprint!("\r{} {sent} of {total}{left}   ", bar(sent, total));
            let _ = std::io::stderr().flush();
        } else {
            let (taken, refused) = (self.taken, self.refused);
            tracing::info!(sent, total, taken, refused, "password hashes are sent{left}");
        }
    }

    /// Returns the time that the remaining objects need at the present speed.
    fn left(&self) -> Option<String> {
        let rest = self.total.checked_sub(self.sent).filter(|rest| *rest > 0 && self.sent > 0)?;
        let spent = self.began.elapsed().as_secs();
        let seconds = spent.checked_mul(u64::try_from(rest).ok()?)?.checked_div(u64::try_from(self.sent).ok()?)?;
        Some(if seconds < 120 { format!("{seconds} s") } else { format!("{} min", seconds.div_ceil(60)) })
    }
}

fn bar(sent: usize, total: usize) -> String {
    let full = sent.saturating_mul(WIDTH).checked_div(total).unwrap_or(WIDTH).min(WIDTH);
    format!("[{}{}]", "=".repeat(full), " ".repeat(WIDTH.saturating_sub(full)))
}

const WIDTH: usize = 30;
const BAR_EVERY: Duration = Duration::from_millis(200);
const LINE_EVERY: Duration = Duration::from_mins(1);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn filled_cells_of_the_bar_show_the_fraction_of_the_objects_that_were_sent() {
        for (sent, total, full) in [(0, 10, 0), (5, 10, 15), (10, 10, 30), (0, 0, 30)] {
            assert_eq!(bar(sent, total).matches('=').count(), full, "{sent} of {total}");
        }
    }
}
