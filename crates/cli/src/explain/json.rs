//! Returns an explanation as a JSON object. Absent values are null.

use super::{Advice, Explanation, Failure, Mark, Node};
use kerberos_sso::{Refused, UnixTime};
use serde_json::{Value, json};

pub(super) fn explanation(explanation: &Explanation, advice: Option<Advice>, now: UnixTime) -> Value {
    json!({
        "accepted": explanation.outcome.is_ok(),
        "at": now.seconds(),
        "identity": explanation.outcome.as_ref().ok(),
        "code": explanation.outcome.as_ref().err().map(Refused::code),
        "advice": advice.map(|advice| advice.to_string()),
        "stages": nodes(&explanation.stages),
    })
}

fn nodes(nodes: &[Node]) -> Vec<Value> {
    nodes.iter().map(node).collect()
}

fn node(node: &Node) -> Value {
    json!({
        "passed": passed(node.mark),
        "title": node.title,
        "value": node.value,
        "failure": node.failure.as_ref().map(failure),
        "children": nodes(&node.children),
    })
}

/// Returns the result of a check; `None` for a fact, and for a check that was not made.
const fn passed(mark: Mark) -> Option<bool> {
    match mark {
        Mark::Passed => Some(true),
        Mark::Failed => Some(false),
        Mark::Untold => None,
    }
}

fn failure(failure: &Failure) -> Value {
    json!({
        "code": failure.code,
        "blame": failure.blame,
        "message": failure.because,
        "remedy": failure.remedy,
    })
}
