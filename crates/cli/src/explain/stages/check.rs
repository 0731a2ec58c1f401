//! The checks of a stage in their order, and their results for a request.

use crate::explain::{Mark, Node};
use kerberos_sso::Error;

/// A stage with the facts that are known in it, and its checks.
pub(super) struct Stage {
    title: &'static str,
    facts: Vec<Node>,
    checks: Vec<Check>,
}

/// One check, and the errors that mean that this check failed.
pub(super) struct Check {
    title: &'static str,
    /// The values that the check compares.
    value: String,
    fails_with: fn(&Error) -> bool,
    /// The mark of the check if it does not fail.
    mark: Mark,
}

impl Stage {
    pub(super) fn new(title: &'static str, facts: Vec<Node>, checks: Vec<Check>) -> Self {
        Self { title, facts, checks }
    }

    fn into_node(self, mut nodes: Vec<Node>) -> Node {
        let mut children = self.facts;
        children.append(&mut nodes);
        Node::stage(self.title, children)
    }
}

impl Check {
    #[expect(clippy::needless_pass_by_value, reason = "callers pass values that they make for this call")]
    pub(super) fn new(title: &'static str, value: impl ToString, fails_with: fn(&Error) -> bool) -> Self {
        Self { title, value: value.to_string(), fails_with, mark: Mark::Passed }
    }

    /// Marks the check as not made, unless the check fails.
    pub(super) fn skipped(self) -> Self {
        Self { mark: Mark::Untold, ..self }
    }

    fn judged(&self, progress: &mut Progress<'_>) -> Node {
        match *progress {
            Progress::Open(Some(error)) if (self.fails_with)(error) => {
                *progress = Progress::Ended;
                Node::failed(self.title, &self.value, error)
            }
            Progress::Open(_) => Node::new(self.mark, self.title, &self.value),
            Progress::Ended => Node::fact(self.title, "not reached"),
        }
    }
}

/// The progress of a request through the checks.
enum Progress<'e> {
    /// Every check so far has passed. The error, if there is one, is the error of a later check.
    Open(Option<&'e Error>),
    Ended,
}

/// Returns the nodes of `stages`. If one of these stages has refused the request, `error` is its error.
pub(super) fn judge(stages: Vec<Stage>, error: Option<&Error>) -> Vec<Node> {
    let mut progress = Progress::Open(error);
    let mut nodes = Vec::new();
    for stage in stages {
        let judged = stage.checks.iter().map(|check| check.judged(&mut progress)).collect();
        nodes.push(stage.into_node(judged));
    }
    if let Progress::Open(Some(error)) = progress {
        // None of the checks in `stages` has this error, so the program does not know which check refused the request.
        nodes.push(Node::failed("Another check", "", error));
    }
    nodes
}
