//! The answer of an agent to a job.

use super::V1;
use crate::encoding::{Fixed, Octets, Text};
use crate::terms::JobId;
use crate::verdict::{Fault, Refusal, Told};
use serde::{Deserialize, Serialize};

/// `POST /agents/v1/answer`. Only the owner of the job can read the agent's [`Word`]. The other nodes and the broker see only
/// that there is an answer, and its length.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", tag = "answer")]
pub enum Answer {
    /// The agent opened the job.
    Sealed {
        /// The version of the message.
        v: V1,
        /// The job.
        job: JobId,
        /// The nonce with which the [`Word`] is encrypted.
        nonce: Fixed<12>,
        /// The [`Word`], sealed with the [`AnswerKey`](crate::seal::AnswerKey) of the job.
        word: SealedWord,
    },
    /// The agent could not open the job, so it has no key to seal a word. Anybody can forge this answer.
    Unopened {
        /// The version of the message.
        v: V1,
        /// The job.
        job: JobId,
    },
}

/// What an agent tells the owner of a job.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", tag = "verdict")]
pub enum Word {
    /// The KDC issued a ticket.
    Ticket {
        /// The AP-REQ in GSS framing, with the channel bindings of the job.
        token: Ticket,
        /// The time that the agent needed, in milliseconds.
        ms: u32,
    },
    /// The directory refused the password.
    Refused {
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
        /// The reason.
        code: Fault,
        /// The cause in words, without the password, for the log.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        detail: Option<Text<256>>,
    },
}

/// A ticket with its authenticator. The library reads tokens of up to 64 KiB.
pub type Ticket = Octets<{ 64 * 1024 }>;

/// A sealed [`Word`]. The longest word has a [`Ticket`] of 64 KiB, in base64.
pub type SealedWord = Octets<{ 88 * 1024 }>;

impl Answer {
    /// Returns the job that the answer is for.
    #[must_use]
    pub const fn job(&self) -> JobId {
        match self {
            Self::Sealed { job, .. } | Self::Unopened { job, .. } => *job,
        }
    }
}
