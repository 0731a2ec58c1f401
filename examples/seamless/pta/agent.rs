//! An agent in the server's registry: its certificates, its keys, and its states.
//!
//! `enrolled → active ⇄ silent`. An agent is `enrolled` until it has proved that it holds its sealing key. In each of
//! these states, an agent can become `draining`, `revoked` or `locked`. A revoked or locked agent can never again take
//! a job, answer a job, or renew its certificate.
//!
//! Each renewal raises the generation by one. If somebody copies the agent's folder, the copy and the original renew
//! from the same generation. The later of the two requests then names a generation that is no longer the present one.
//! The registry locks the agent, because it cannot know which of the two machines has the copy.

use crate::certificate::{Role, Serial};
use crate::encoding::Fixed;
use crate::message::{Csr, Health, Host, Kdc, ProgramVersion, Take};
use crate::seal::{KeyId, SealingPublicKey};
use crate::time::{OVERLAP, SILENT_AFTER, Time};
use crate::user::Tenant;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use sha2::{Digest as _, Sha256};
use std::fmt;
use thiserror::Error;

/// The number of an agent: a random UUID (RFC 9562 section 5.4).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AgentId([u8; 16]);

impl AgentId {
    /// Makes a number from random octets.
    #[must_use]
    pub const fn from_random(random: [u8; 16]) -> Self {
        let number = u128::from_be_bytes(random);
        let version = number & !(0xF << 76) | (0x4 << 76);
        Self((version & !(0x3 << 62) | (0x2 << 62)).to_be_bytes())
    }

    /// Reads the form `xxxxxxxx-xxxx-4xxx-yxxx-xxxxxxxxxxxx` with small letters.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let digits: String = text.split('-').collect();
        let octets = u128::from_str_radix(&digits, 16).ok()?.to_be_bytes();
        Some(Self::from_random(octets)).filter(|id| id.to_string() == text)
    }

    /// Returns the octets of the number.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 16] {
        &self.0
    }
}

impl fmt::Display for AgentId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, octet) in self.0.iter().enumerate() {
            let hyphen = if matches!(at, 4 | 6 | 8 | 10) { "-" } else { "" };
            write!(f, "{hyphen}{octet:02x}")?;
        }
        Ok(())
    }
}

impl fmt::Debug for AgentId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

impl Serialize for AgentId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for AgentId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        crate::encoding::from_text(deserializer, "the UUID of an agent", Self::parse)
    }
}

/// The registry's entry for one agent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Agent {
    id: AgentId,
    tenant: Tenant,
    role: Role,
    host: Host,
    version: ProgramVersion,
    standing: Standing,
    generation: u32,
    current: Credential,
    /// The credential before the last renewal, and the time until which the agent may use it.
    previous: Option<(Credential, Time)>,
    enrolled: Time,
    seen: Option<Sighting>,
}

/// The part of an agent's state that does not depend on the time. A decision of an administrator or a wrong renewal
/// changes this part.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Standing {
    Serving,
    Draining,
    Revoked,
    Locked,
}

/// The state of an agent, as the administrator's list shows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// The agent has a certificate, but has not asked for a job yet.
    Enrolled,
    /// The agent asks for jobs.
    Active,
    /// The agent has not asked for a job for [`SILENT_AFTER`], or its clock and its KDC's clock are too far apart.
    Silent,
    /// The agent may answer its last jobs, and gets no new ones.
    Draining,
    /// An administrator has revoked the agent.
    Revoked,
    /// Two machines have used the identity of the agent.
    Locked,
}

impl State {
    /// All states.
    pub const ALL: [Self; 6] =
        [Self::Enrolled, Self::Active, Self::Silent, Self::Draining, Self::Revoked, Self::Locked];

    /// Returns the name of the state.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Enrolled => "enrolled",
            Self::Active => "active",
            Self::Silent => "silent",
            Self::Draining => "draining",
            Self::Revoked => "revoked",
            Self::Locked => "locked",
        }
    }
}

/// One certificate of an agent with its sealing key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Credential {
    serial: Serial,
    key: SealingPublicKey,
    not_after: Time,
    /// The SHA-256 of the request for the certificate, by which the server recognises a repeated request.
    csr_sha256: Fixed<32>,
    /// The SHA-256 of the challenge, until the agent has sent the opened challenge.
    unproved: Option<Fixed<32>>,
}

/// The last request of an agent for a job.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Sighting {
    /// The time of the request.
    pub at: Time,
    /// The address from which the request came.
    pub address: String,
    /// The state of the agent's KDC.
    pub health: Health,
}

/// A certificate that the server makes for an agent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Issued {
    /// The serial number of the certificate.
    pub serial: Serial,
    /// The sealing key that the certificate names.
    pub key: SealingPublicKey,
    /// The time at which the certificate expires.
    pub not_after: Time,
    /// The octets that the server seals to the sealing key. The agent returns them to prove that it holds the private
    /// key.
    pub challenge: Fixed<32>,
}

/// The data of an agent that enrols.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Newcomer {
    /// The number of the new agent.
    pub id: AgentId,
    /// The tenant of the enrolment token.
    pub tenant: Tenant,
    /// The role of the enrolment token.
    pub role: Role,
    /// The machine of the new agent.
    pub host: Host,
    /// The version of the agent's program.
    pub version: ProgramVersion,
}

/// The reason why an agent may not do what it asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum Denied {
    /// An administrator has revoked the agent.
    #[error("the agent is revoked; enrol it again with a new token")]
    Revoked,
    /// Two machines have used the identity of the agent.
    #[error("the agent is locked, because two machines have used its identity; find the copy, and enrol again")]
    Locked,
    /// An administrator drains the agent, so it gets no more jobs.
    #[error("the agent is draining and gets no jobs")]
    Draining,
    /// The certificate is not the agent's present one.
    #[error("the certificate is not the agent's present certificate")]
    Certificate,
    /// The certificate has expired.
    #[error("the certificate of the agent has expired; enrol the agent again")]
    Expired,
    /// The sealing key of the request is not the one that the agent's certificate names.
    #[error("the sealing key is not the key that the agent's certificate names")]
    Key,
    /// The agent has not proved that it holds its sealing key.
    #[error("the agent has not opened the challenge of its sealing key")]
    Unproved,
    /// An agent of this role takes no jobs.
    #[error("an agent of this role takes no jobs")]
    Role,
}

/// What the server does for a renewal that is allowed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Renewal {
    /// The server issues a certificate. The caller then stores what [`Agent::renewed`] returns.
    Issue,
    /// The agent repeats a request, because the response to the first copy was lost. The server issues another
    /// certificate for the request. The caller then stores what [`Agent::repeated`] returns.
    Repeat,
}

impl Agent {
    /// Makes the registry's entry for a new agent with its first certificate.
    #[must_use]
    pub fn enrol(newcomer: Newcomer, issued: &Issued, csr: &Csr, now: Time) -> Self {
        let Newcomer { id, tenant, role, host, version } = newcomer;
        let current = Credential::new(issued, csr);
        let (standing, generation) = (Standing::Serving, 1);
        Self {
            id,
            tenant,
            role,
            host,
            version,
            standing,
            generation,
            current,
            previous: None,
            enrolled: now,
            seen: None,
        }
    }

    /// Returns the state of the agent.
    #[must_use]
    pub fn state(&self, now: Time) -> State {
        match (self.standing, &self.seen) {
            (Standing::Revoked, _) => State::Revoked,
            (Standing::Locked, _) => State::Locked,
            (Standing::Draining, _) => State::Draining,
            (Standing::Serving, None) => State::Enrolled,
            (Standing::Serving, Some(seen)) if seen.is_heard(now) => State::Active,
            (Standing::Serving, Some(_)) => State::Silent,
        }
    }

    /// Checks that the agent may send requests with the certificate of its connection.
    ///
    /// # Errors
    /// Returns [`Denied`] for a revoked or locked agent, and for a certificate that is not the present one.
    pub fn may_speak(&self, serial: &Serial, now: Time) -> Result<(), Denied> {
        self.credential(serial, now).map(drop)
    }

    /// Records that the agent asks for a job, and returns the changed agent. The first request with a new sealing key must
    /// have the opened challenge.
    ///
    /// # Errors
    /// Returns [`Denied`] if the agent may take no job with this certificate and this key.
    pub fn take(mut self, serial: &Serial, take: &Take, address: &str, now: Time) -> Result<Self, Denied> {
        let credential = self.credential(serial, now)?;
        if self.role != Role::Pta {
            return Err(Denied::Role);
        }
        if self.standing == Standing::Draining {
            return Err(Denied::Draining);
        }
        if credential.key.id() != take.key {
            return Err(Denied::Key);
        }
        if let Some(expected) = credential.unproved {
            let proof = take.proof.map(|proof| hash(proof.as_bytes()));
            if !proof.is_some_and(|proof| proof.is(&expected)) {
                return Err(Denied::Unproved);
            }
            if self.current.serial == *serial {
                self.current.unproved = None;
            }
        }
        self.seen = Some(Sighting { at: now, address: address.into(), health: take.health });
        Ok(self)
    }

    /// Decides whether the agent may renew its certificate. `generation` comes from the agent's request.
    ///
    /// # Errors
    /// Returns [`Denied`] if the agent may not renew. After [`Denied::Locked`], the caller stores the agent that
    /// [`locked`](Self::locked) returns.
    pub fn may_renew(&self, serial: &Serial, generation: u32, csr: &Csr, now: Time) -> Result<Renewal, Denied> {
        let used = self.credential(serial, now)?;
        let is_current = self.current.serial == used.serial;
        if generation == self.generation && is_current {
            return Ok(Renewal::Issue);
        }
        let repeats = hash(csr.as_bytes()) == self.current.csr_sha256;
        if self.generation.checked_sub(1) == Some(generation) && !is_current && repeats {
            return Ok(Renewal::Repeat);
        }
        Err(Denied::Locked)
    }

    /// Returns the agent with its new certificate, after [`may_renew`](Self::may_renew) has allowed the renewal.
    #[must_use]
    pub fn renewed(self, issued: &Issued, csr: &Csr, now: Time) -> Self {
        Self {
            previous: Some((self.current, now.after(OVERLAP))),
            current: Credential::new(issued, csr),
            generation: self.generation.saturating_add(1),
            ..self
        }
    }

    /// Returns the agent after a renewal whose response was lost, and for which the server made another certificate. The
    /// generation stays.
    #[must_use]
    pub fn repeated(self, issued: &Issued, csr: &Csr) -> Self {
        Self { current: Credential::new(issued, csr), ..self }
    }

    /// Makes the agent `draining`, because an administrator drains it. A revoked or locked agent stays as it is.
    #[must_use]
    pub fn draining(self) -> Self {
        self.with_standing(Standing::Draining)
    }

    /// Makes the agent `revoked`, because an administrator revokes it. A locked agent becomes revoked, too.
    #[must_use]
    pub fn revoked(self) -> Self {
        Self { standing: Standing::Revoked, ..self }
    }

    /// Makes the agent `locked`, because two machines have used its identity. A revoked agent stays revoked.
    #[must_use]
    pub fn locked(self) -> Self {
        self.with_standing(Standing::Locked)
    }

    fn with_standing(self, standing: Standing) -> Self {
        let is_over = matches!(self.standing, Standing::Revoked | Standing::Locked);
        Self { standing: if is_over { self.standing } else { standing }, ..self }
    }

    /// Returns the credential with this certificate, if the agent may still use it.
    fn credential(&self, serial: &Serial, now: Time) -> Result<&Credential, Denied> {
        match self.standing {
            Standing::Revoked => return Err(Denied::Revoked),
            Standing::Locked => return Err(Denied::Locked),
            Standing::Serving | Standing::Draining => {}
        }
        let previous = self.previous.iter().filter(|(_, until)| now < *until).map(|(credential, _)| credential);
        let mut known = [&self.current].into_iter().chain(previous);
        let credential = known.find(|credential| credential.serial == *serial).ok_or(Denied::Certificate)?;
        if now < credential.not_after { Ok(credential) } else { Err(Denied::Expired) }
    }

    /// Returns the sealing key with this identifier, if the server may seal a job to it.
    #[must_use]
    pub fn sealing_key(&self, id: &KeyId, now: Time) -> Option<SealingPublicKey> {
        let previous = self.previous.iter().filter(|(_, until)| now < *until).map(|(credential, _)| credential);
        let mut known = [&self.current].into_iter().chain(previous);
        let is_usable = |one: &&Credential| one.key.id() == *id && one.unproved.is_none() && now < one.not_after;
        known.find(is_usable).map(|one| one.key)
    }

    /// Returns the number of the agent.
    #[must_use]
    pub const fn id(&self) -> AgentId {
        self.id
    }

    /// Returns the tenant for whose users the agent works.
    #[must_use]
    pub const fn tenant(&self) -> &Tenant {
        &self.tenant
    }

    /// Returns what the agent may do.
    #[must_use]
    pub const fn role(&self) -> Role {
        self.role
    }

    /// Returns the machine that enrolled.
    #[must_use]
    pub const fn host(&self) -> &Host {
        &self.host
    }

    /// Returns the version of the program that enrolled.
    #[must_use]
    pub const fn version(&self) -> &ProgramVersion {
        &self.version
    }

    /// Returns the generation: 1 after the enrolment, and one more after each renewal.
    #[must_use]
    pub const fn generation(&self) -> u32 {
        self.generation
    }

    /// Returns the time at which the present certificate expires.
    #[must_use]
    pub const fn not_after(&self) -> Time {
        self.current.not_after
    }

    /// Returns the agent's last request for a job: its time, the address from which it came, and the health of the agent
    /// that it reported.
    #[must_use]
    pub const fn seen(&self) -> Option<&Sighting> {
        self.seen.as_ref()
    }

    /// Returns the time of the enrolment.
    #[must_use]
    pub const fn enrolled(&self) -> Time {
        self.enrolled
    }
}

impl Sighting {
    fn is_heard(&self, now: Time) -> bool {
        now < self.at.after(SILENT_AFTER) && self.health.kdc != Kdc::ClockSkew
    }
}

impl Credential {
    fn new(issued: &Issued, csr: &Csr) -> Self {
        Self {
            serial: issued.serial,
            key: issued.key,
            not_after: issued.not_after,
            csr_sha256: hash(csr.as_bytes()),
            unproved: Some(hash(issued.challenge.as_bytes())),
        }
    }
}

fn hash(octets: &[u8]) -> Fixed<32> {
    Fixed::new(Sha256::digest(octets).into())
}

#[cfg(test)]
mod tests;
