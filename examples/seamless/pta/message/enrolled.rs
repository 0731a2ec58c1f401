//! The response to an enrolment and to a renewal.

use super::V1;
use super::bootstrap::NodeUrl;
use crate::agent::AgentId;
use crate::encoding::Octets;
use crate::seal::Sealed;
use crate::time::Time;
use crate::user::Tenant;
use serde::{Deserialize, Deserializer, Serialize};

/// The certificate of an agent, and what the agent needs to use it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Enrolled {
    /// The version of the message.
    pub v: V1,
    /// The number of the agent.
    pub agent: AgentId,
    /// The tenant for whose users the agent works.
    pub tenant: Tenant,
    /// The certificate of the agent.
    pub certificate: Certificate,
    /// The certificates of the authorities, which the agent trusts from now on.
    pub chain: Chain,
    /// The time at which the certificate expires, in milliseconds since 1970.
    pub not_after: Time,
    /// The time of the next renewal, in milliseconds since 1970.
    pub renew_at: Time,
    /// The generation of the certificate: 1 after the enrolment, and one more after each renewal.
    pub generation: u32,
    /// The nodes to which the agent may connect.
    #[serde(deserialize_with = "NodeUrl::list")]
    pub nodes: Vec<NodeUrl>,
    /// Octets that only the holder of the sealing key can open. The agent proves that it holds the key: it returns the
    /// opened octets with its first request for a job.
    pub challenge: Sealed,
}

/// A certificate (RFC 5280), in DER.
pub type Certificate = Octets<4_096>;

/// From one to four certificates of authorities. There are two authorities while a new one replaces the old one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct Chain(Vec<Certificate>);

impl Chain {
    /// Makes a chain of these certificates. Returns `None` if there is no certificate, or if there are more than four.
    #[must_use]
    pub fn new(certificates: Vec<Certificate>) -> Option<Self> {
        (1..=4).contains(&certificates.len()).then_some(Self(certificates))
    }

    /// Returns the certificates.
    pub fn certificates(&self) -> impl Iterator<Item = &Certificate> {
        self.0.iter()
    }
}

impl<'de> Deserialize<'de> for Chain {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let certificates = Vec::deserialize(deserializer)?;
        Self::new(certificates).ok_or_else(|| serde::de::Error::custom("from one to four certificates"))
    }
}
