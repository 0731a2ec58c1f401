//! The request with which an agent renews its certificate.

use super::V1;
use super::enrol::Csr;
use crate::seal::SealingPublicKey;
use serde::{Deserialize, Serialize};

/// `POST /agents/v1/renew`, with the present certificate of the agent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Renew {
    /// The version of the message.
    pub v: V1,
    /// The request for a certificate with a new key.
    pub csr: Csr,
    /// The new sealing key.
    pub seal_key: SealingPublicKey,
    /// The generation of the present certificate. An old generation shows that somebody has copied the agent's folder.
    pub generation: u32,
}
