//! A job with its sealed password, for the one agent that has claimed it.

use super::V1;
use crate::agent::AgentId;
use crate::encoding::Fixed;
use crate::seal::{Ciphertext, KEM, KeyId, Sealed};
use crate::terms::{JobId, Terms};
use crate::time::Time;
use crate::user::{Kind, Tenant, User, UserName};
use serde::{Deserialize, Serialize};
use thiserror::Error;

/// The response to a request for a job.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Job {
    /// The version of the message.
    pub v: V1,
    /// The number of the job.
    pub job: JobId,
    /// The name of the user.
    pub name: UserName,
    /// The form of the name.
    pub kind: Kind,
    /// The time at which the password was sealed, in milliseconds since 1970.
    pub issued: Time,
    /// The time after which the agent does not begin the job, in milliseconds since 1970.
    pub expires: Time,
    /// Octets that the server uses for this job only.
    pub nonce: Fixed<32>,
    /// The number of the KEM, which is [`KEM`].
    pub kem: u16,
    /// The key to which the password is sealed.
    pub key: KeyId,
    /// The encapsulated key.
    pub enc: Fixed<32>,
    /// The sealed password.
    pub sealed: Ciphertext,
}

/// The reason why this agent cannot do a job.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum NotOurs {
    /// The job uses another KEM than [`KEM`].
    #[error("the job is sealed with KEM {0}, and this agent has KEM {KEM}")]
    Kem(u16),
    /// The name does not have the form that the job claims.
    #[error("the name of the job does not have the form that the job claims")]
    Name,
}

impl Job {
    /// Makes the message for the agent from the terms and from the password that was sealed under them.
    #[must_use]
    pub fn new(terms: &Terms, sealed: Sealed) -> Self {
        Self {
            v: V1,
            job: terms.job,
            name: terms.user.name.clone(),
            kind: terms.user.kind,
            issued: terms.issued,
            expires: terms.expires,
            nonce: terms.nonce,
            kem: KEM,
            key: terms.key,
            enc: sealed.enc,
            sealed: sealed.ct,
        }
    }

    /// Returns the terms of the job and the sealed password. `tenant` and `agent` are those of the agent that received
    /// the job.
    ///
    /// # Errors
    /// Returns [`NotOurs`] for another KEM, and for a name of another form than the job claims.
    pub fn terms(&self, tenant: &Tenant, agent: AgentId) -> Result<(Terms, Sealed), NotOurs> {
        if self.kem != KEM {
            return Err(NotOurs::Kem(self.kem));
        }
        let user = User { name: self.name.clone(), kind: self.kind };
        if !user.is_consistent() {
            return Err(NotOurs::Name);
        }
        let terms = Terms {
            tenant: tenant.clone(),
            agent,
            key: self.key,
            job: self.job,
            user,
            issued: self.issued,
            expires: self.expires,
            nonce: self.nonce,
        };
        Ok((terms, Sealed { enc: self.enc, ct: self.sealed.clone() }))
    }
}
