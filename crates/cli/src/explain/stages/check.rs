//! Checks in the order in which they are made, and how far a request came through them.

use crate::explain::{Mark, Node};
use kerberos_sso::Error;

/// A stage: what is known there, and what is checked.
pub(super) struct Stage {
    title: &'static str,
    facts: Vec<Node>,
    checks: Vec<Check>,
}

/// One check, and by which refusals it fails.
pub(super) struct Check {
    title: &'static str,
    /// What was held against what.
    value: String,
    fails_with: fn(&Error) -> bool,
    /// Of one that does not fail.
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
    #[expect(clippy::needless_pass_by_value, reason = "callers would have to borrow what they make")]
    pub(super) fn new(title: &'static str, value: impl ToString, fails_with: fn(&Error) -> bool) -> Self {
        Self { title, value: value.to_string(), fails_with, mark: Mark::Passed }
    }

    /// A check that was not made if it has not failed.
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
            Progress::Ended => Node::fact(self.title, "not come to"),
        }
    }
}

/// How far it went.
enum Progress<'e> {
    /// Every check so far has passed, and this is what a later one fails with.
    Open(Option<&'e Error>),
    Ended,
}

/// The nodes of some stages of which one has refused with `error`, or none.
pub(super) fn judge(stages: Vec<Stage>, error: Option<&Error>) -> Vec<Node> {
    let mut progress = Progress::Open(error);
    let mut nodes = Vec::new();
    for stage in stages {
        let judged = stage.checks.iter().map(|check| check.judged(&mut progress)).collect();
        nodes.push(stage.into_node(judged));
    }
    if let Progress::Open(Some(error)) = progress {
        // A check that this program does not know yet.
        nodes.push(Node::failed("Another check", "", error));
    }
    nodes
}
