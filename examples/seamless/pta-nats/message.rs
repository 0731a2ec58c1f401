//! The bodies of the requests and replies between nodes, except for the jobs themselves. Each body is JSON of at most
//! [`MAX_BODY`] octets. A body with an unknown field, another version or an oversized value is refused.

use crate::subject::NodeName;
use seamless_pta::message::{Answer, MAX_BODY, V1};
use seamless_pta::terms::JobId;
use seamless_pta::{AgentId, KeyId};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

/// A job that waits for an agent. The subject of the message names the tenant. The offer has no credential, and no name
/// of a user.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Offer {
    /// The version of the message.
    pub v: V1,
    /// The number of the job.
    pub job: JobId,
    /// The agent that may not claim the job, because it had the first attempt.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub excluded: Option<AgentId>,
}

/// The reply to an offer. A node replies at once, even if none of its agents is free.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", tag = "reply")]
pub enum Reply {
    /// An agent has claimed the job. For [`HOLD`](seamless_pta::time::HOLD), the agent's node reserves a request of the
    /// agent for the job.
    Claim {
        /// The version of the message.
        v: V1,
        /// The job.
        job: JobId,
        /// The node to which the agent is connected.
        node: NodeName,
        /// The agent.
        agent: AgentId,
        /// The identifier of the agent's sealing key.
        key: KeyId,
    },
    /// All agents of this node have as many jobs as they can take.
    Busy {
        /// The version of the message.
        v: V1,
        /// The job.
        job: JobId,
    },
    /// This node has no agent that may claim the job.
    NoAgent {
        /// The version of the message.
        v: V1,
        /// The job.
        job: JobId,
    },
}

/// The reply to a job.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", tag = "reply")]
pub enum Delivered {
    /// The agent has answered.
    Answered {
        /// The version of the message.
        v: V1,
        /// The answer, as the agent sent it.
        answer: Answer,
    },
    /// The agent is gone, or its claim on the job has expired.
    Lost {
        /// The version of the message.
        v: V1,
        /// The job.
        job: JobId,
    },
}

impl Reply {
    /// Returns the job that was offered.
    #[must_use]
    pub const fn job(&self) -> JobId {
        match self {
            Self::Claim { job, .. } | Self::Busy { job, .. } | Self::NoAgent { job, .. } => *job,
        }
    }
}

/// Reads a body. Returns `None` for a body that is not exactly a message of this type.
pub(crate) fn read<T: DeserializeOwned>(body: &[u8]) -> Option<T> {
    if body.len() > MAX_BODY {
        return None;
    }
    serde_json::from_slice(body).ok()
}

/// Writes a body. Returns `None` if the body is longer than every receiver allows.
pub(crate) fn write<T: Serialize>(message: &T) -> Option<Vec<u8>> {
    serde_json::to_vec(message).ok().filter(|body| body.len() <= MAX_BODY)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use seamless_pta::{Fixed, Octets};

    const JOB: &str = "AQEBAQEBAQEBAQEBAQEBAQ";

    #[test]
    fn messages_are_written_and_read_in_their_json_forms() {
        let (v, job, agent) = (V1, Fixed::new([1; 16]), AgentId::from_random([2; 16]));
        let offer = Offer { v, job, excluded: None };
        assert_eq!(String::from_utf8(write(&offer).unwrap()).unwrap(), format!(r#"{{"v":1,"job":"{JOB}"}}"#));
        let claim = Reply::Claim { v, job, node: NodeName::parse("n2").unwrap(), agent, key: Fixed::new([3; 32]) };
        let expected = format!(
            r#"{{"reply":"claim","v":1,"job":"{JOB}","node":"n2","agent":"{agent}","key":"{}"}}"#,
            Fixed::new([3; 32])
        );
        assert_eq!(String::from_utf8(write(&claim).unwrap()).unwrap(), expected);
        assert_eq!(read::<Reply>(expected.as_bytes()), Some(claim));
    }

    #[test]
    fn body_is_refused_if_it_has_an_unknown_field_or_another_version_or_too_many_octets() {
        let read_offer = |text: String| read::<Offer>(text.as_bytes());
        assert!(read_offer(format!(r#"{{"v":1,"job":"{JOB}"}}"#)).is_some());
        for text in [
            format!(r#"{{"v":2,"job":"{JOB}"}}"#),
            format!(r#"{{"v":1,"job":"{JOB}","more":1}}"#),
            format!(r#"{{"v":1,"job":"{JOB}","job":"{JOB}"}}"#),
            format!(r#"{{"v":1,"job":"{JOB}A"}}"#),
            format!(r#"{{"v":1,"job":"{JOB}"}}{}"#, " ".repeat(MAX_BODY)),
            String::new(),
        ] {
            assert_eq!(read_offer(text.clone()), None, "{}", text.trim());
        }
        for text in [
            format!(r#"{{"reply":"busy","v":1,"job":"{JOB}","more":1}}"#),
            format!(r#"{{"reply":"yes","v":1,"job":"{JOB}"}}"#),
            format!(r#"{{"reply":"claim","v":1,"job":"{JOB}","node":"*","agent":"x","key":"y"}}"#),
        ] {
            assert_eq!(read::<Reply>(text.as_bytes()), None, "{text}");
        }
        let inner = format!(r#"{{"verdict":"refused","v":1,"job":"{JOB}","code":"locked","more":1}}"#);
        assert_eq!(read::<Delivered>(format!(r#"{{"reply":"answered","v":1,"answer":{inner}}}"#).as_bytes()), None);
    }

    /// The largest ticket that an agent can send has 64 KiB, which are 86 KiB in base64.
    #[test]
    fn answer_with_the_largest_ticket_fits_into_a_reply() {
        let (v, job) = (V1, Fixed::new([1; 16]));
        let answer =
            Answer::Sealed { v, job, nonce: Fixed::new([9; 12]), word: Octets::new(vec![7; 88 * 1024]).unwrap() };
        let reply = Delivered::Answered { v, answer };
        assert_eq!(read::<Delivered>(&write(&reply).unwrap()), Some(reply));
    }
}
