//! The request with which an agent enrols.

use super::V1;
use crate::encoding::{Octets, Text};
use crate::enrolment::Token;
use crate::seal::SealingPublicKey;
use serde::{Deserialize, Serialize};

/// `POST /agents/v1/enrol`, without a certificate of the agent. The agent authenticates the server by the pin in the
/// token.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Enrol {
    /// The version of the message.
    pub v: V1,
    /// The token that an administrator made for this agent.
    pub token: Token,
    /// The request for a certificate, with the name of the sealing key.
    pub csr: Csr,
    /// The public key to which the server seals passwords for this agent.
    pub seal_key: SealingPublicKey,
    /// The name of the agent's machine, for the administrator's list.
    pub host: Host,
    /// The version of the agent's program.
    pub version: ProgramVersion,
}

/// A certification request (PKCS #10, RFC 2986), in DER.
pub type Csr = Octets<4_096>;

/// The name of a machine.
pub type Host = Text<255>;

/// The version of a program, like `0.1.0`.
pub type ProgramVersion = Text<64>;
