//! The answer of an agent to a job.

use super::V1;
use crate::encoding::{Octets, Text};
use crate::terms::JobId;
use crate::verdict::{Fault, Refusal, Told};
use serde::{Deserialize, Serialize};

/// `POST /agents/v1/answer`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", tag = "verdict")]
pub enum Answer {
    /// The KDC issued a ticket.
    Ticket {
        /// The version of the message.
        v: V1,
        /// The job.
        job: JobId,
        /// The AP-REQ in GSS framing, with the channel bindings of the job.
        token: Ticket,
        /// The time that the agent needed, in milliseconds.
        ms: u32,
    },
    /// The directory refused the password.
    Refused {
        /// The version of the message.
        v: V1,
        /// The job.
        job: JobId,
        /// The reason.
        code: Refusal,
        /// The NTSTATUS that the KDC sent, if it sent one.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        status: Option<u32>,
        /// Whether the directory had seen the password.
        told: Told,
    },
    /// The agent could not ask the directory.
    Failed {
        /// The version of the message.
        v: V1,
        /// The job.
        job: JobId,
        /// The reason.
        code: Fault,
        /// The cause in words, without the password, for the log.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        detail: Option<Text<256>>,
    },
}

/// A ticket with its authenticator. The library reads tokens of up to 64 KiB.
pub type Ticket = Octets<{ 64 * 1024 }>;

impl Answer {
    /// Returns the job that the answer is for.
    #[must_use]
    pub const fn job(&self) -> JobId {
        match self {
            Self::Ticket { job, .. } | Self::Refused { job, .. } | Self::Failed { job, .. } => *job,
        }
    }
}
