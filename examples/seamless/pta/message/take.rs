//! The request with which an agent asks for a job.

use super::V1;
use crate::encoding::Fixed;
use crate::seal::KeyId;
use serde::{Deserialize, Serialize};

/// `POST /agents/v1/take`. The node holds the request until there is a job.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Take {
    /// The version of the message.
    pub v: V1,
    /// The key that opens the job.
    pub key: KeyId,
    /// The opened challenge, which proves that the agent holds that key. Only the first request with the key has this
    /// field.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub proof: Option<Fixed<32>>,
    /// The number of jobs that the agent could take now.
    pub free: u16,
    /// The state of the agent's KDC.
    pub health: Health,
}

/// The state of an agent, for the administrator's list.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Health {
    /// Whether the agent's KDC answers.
    pub kdc: Kdc,
    /// The time of the KDC's last answer, in milliseconds.
    pub ms: u32,
}

/// The state of a KDC, as an agent found it last.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kdc {
    /// The agent has not asked the KDC yet.
    Unknown,
    /// The KDC answers.
    Ok,
    /// The KDC cannot be reached.
    Unreachable,
    /// The clocks of the agent and of the KDC are too far apart.
    ClockSkew,
}
