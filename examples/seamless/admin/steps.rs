//! The steps of a command. Each step is printed when it is done.

use std::io::Write;

/// The output to which a command reports its steps.
pub trait Steps {
    /// Reports that a step is done, and its result.
    fn done(&mut self, what: &str, result: &str);

    /// Reports what a step would do (`--dry-run`).
    fn would(&mut self, what: &str);
}

/// Prints one line for each step.
#[derive(Debug)]
pub struct Printed<W> {
    out: W,
    is_json: bool,
}

impl<W: Write> Printed<W> {
    /// Makes an output that prints text or, if `is_json` is true, one JSON object a line.
    pub const fn new(out: W, is_json: bool) -> Self {
        Self { out, is_json }
    }

    fn line(&mut self, verb: &str, what: &str, result: &str) {
        let line = match (self.is_json, result.is_empty()) {
            (true, _) => serde_json::json!({ verb: what, "result": result }).to_string(),
            (false, true) => format!("{verb}: {what}"),
            (false, false) => format!("{verb}: {what}: {result}"),
        };
        // If the output is closed, the command still goes on, because work that stops halfway is worse than a line that
        // nobody reads.
        let _ = writeln!(self.out, "{line}").and_then(|()| self.out.flush());
    }
}

impl<W: Write> Steps for Printed<W> {
    fn done(&mut self, what: &str, result: &str) {
        self.line("done", what, result);
    }

    fn would(&mut self, what: &str) {
        self.line("would", what, "");
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn step_is_printed_as_one_line() {
        let mut lines = Vec::new();
        Printed::new(&mut lines, false).done("the keytab is written", "sso.keytab");
        Printed::new(&mut lines, true).would("create \"it\"");
        let lines = String::from_utf8(lines).unwrap();
        let (text, object) = lines.split_once('\n').unwrap();
        assert_eq!(text, "done: the keytab is written: sso.keytab");
        let (object, rest) = object.split_once('\n').unwrap();
        let object: serde_json::Value = serde_json::from_str(object).unwrap();
        assert_eq!((object, rest), (serde_json::json!({ "would": "create \"it\"", "result": "" }), ""));
    }
}
