//! The certificates of agents and of the nodes to which agents connect (RFC 5280). One authority of the server signs
//! all these certificates.
//!
//! The common name in the subject of an agent's certificate is the tenant. The subject alternative names are two URIs:
//! - `urn:kerberos-sso:TENANT:ROLE:UUID` names the agent and its role.
//! - `ni:///sha-256;HASH` (RFC 6920) has the SHA-256 of the agent's sealing key. So the certificate binds the sealing
//!   key to the TLS key.

mod authority;
mod request;
#[cfg(test)]
mod tests;

pub use authority::{Authority, IssueError};
pub use request::{Request, RequestError, make_request};

use crate::agent::AgentId;
use crate::encoding::Fixed;
use crate::seal::KeyId;
use crate::time::Time;
use crate::user::Tenant;
use serde::{Deserialize, Serialize};
use thiserror::Error;
use x509_parser::prelude::{FromDer as _, GeneralName, X509Certificate};

/// The serial number of a certificate: 16 octets, of which the first bit is zero (RFC 5280 section 4.1.2.2).
pub type Serial = Fixed<16>;

/// What an agent may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// Pass-through authentication: the agent takes jobs.
    Pta,
    /// Password hash synchronisation: the agent sends verifiers.
    Phs,
}

impl Role {
    /// Returns the name of the role.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Pta => "pta",
            Self::Phs => "phs",
        }
    }

    /// Reads the name of a role.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        [Self::Pta, Self::Phs].into_iter().find(|role| role.name() == name)
    }
}

/// The contents of an agent's certificate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AgentCertificate {
    /// The tenant of the agent.
    pub tenant: Tenant,
    /// What the agent may do.
    pub role: Role,
    /// The number of the agent.
    pub agent: AgentId,
    /// The sealing key of the agent.
    pub key: KeyId,
    /// The serial number of the certificate.
    pub serial: Serial,
    /// The time at which the certificate expires.
    pub not_after: Time,
}

/// The error for a certificate that the server does not make for agents.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("the certificate is not one that the server makes for agents")]
pub struct NotOfAgent;

impl AgentCertificate {
    /// Reads a certificate whose chain the TLS handshake has checked.
    ///
    /// # Errors
    /// Returns [`NotOfAgent`] if the octets are no certificate, or if the certificate has a purpose or names that the
    /// server does not write for agents.
    pub fn read(der: &[u8]) -> Result<Self, NotOfAgent> {
        Self::of(der).ok_or(NotOfAgent)
    }

    fn of(der: &[u8]) -> Option<Self> {
        let (rest, certificate) = X509Certificate::from_der(der).ok()?;
        let purpose = certificate.extended_key_usage().ok()??.value;
        let is_client = purpose.client_auth && !purpose.server_auth && !purpose.any && purpose.other.is_empty();
        if !rest.is_empty() || certificate.is_ca() || !is_client {
            return None;
        }
        let names = &certificate.subject_alternative_name().ok()??.value.general_names;
        let [GeneralName::URI(name), GeneralName::URI(key)] = names.as_slice() else { return None };
        let mut parts = name.strip_prefix(URN)?.splitn(3, ':');
        let (tenant, role, agent) = (parts.next()?, parts.next()?, parts.next()?);
        let mut subjects = certificate.subject().iter_common_name();
        let subject = subjects.next()?.as_str().ok().filter(|_| subjects.next().is_none())?;
        Some(Self {
            tenant: Tenant::new(tenant).filter(|_| subject == tenant)?,
            role: Role::parse(role)?,
            agent: AgentId::parse(agent)?,
            key: key_of_name(key)?,
            serial: serial(certificate.raw_serial())?,
            not_after: Time::from_seconds(u64::try_from(certificate.validity().not_after.timestamp()).ok()?),
        })
    }
}

/// Returns the name of a sealing key (RFC 6920 section 3).
fn name_of_key(key: &KeyId) -> String {
    format!("{NI}{key}")
}

fn key_of_name(name: &str) -> Option<KeyId> {
    KeyId::parse(name.strip_prefix(NI)?)
}

/// Reads a serial number. DER leaves out leading zeros, so the octets may be fewer than 16.
fn serial(octets: &[u8]) -> Option<Serial> {
    let mut serial = [0; 16];
    let start = serial.len().checked_sub(octets.len())?;
    serial.get_mut(start..)?.copy_from_slice(octets);
    Some(Serial::new(serial))
}

const URN: &str = "urn:kerberos-sso:";
const NI: &str = "ni:///sha-256;";
