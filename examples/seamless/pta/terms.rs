//! The terms of a job, to which the sealed password and the agent's ticket are bound.
//!
//! A password that was sealed under other terms does not open. A ticket that was made for other terms has other channel
//! bindings, so the validator refuses it.

use crate::agent::AgentId;
use crate::encoding::Fixed;
use crate::seal::KeyId;
use crate::time::Time;
use crate::user::{Tenant, User};
use kerberos_sso::ChannelBindings;
use sha2::{Digest as _, Sha256};

/// The number of a job.
pub type JobId = Fixed<16>;

/// Everything that the server and the agent agree on for one attempt of a job.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Terms {
    /// The tenant of the user and of the agent.
    pub tenant: Tenant,
    /// The agent that has claimed the job.
    pub agent: AgentId,
    /// The sealing key of that agent. The password is sealed to this key.
    pub key: KeyId,
    /// The job.
    pub job: JobId,
    /// The user, with the name as the user typed it.
    pub user: User,
    /// The time at which the password was sealed.
    pub issued: Time,
    /// The time after which the agent does not begin the job.
    pub expires: Time,
    /// Octets that the server uses for this job only.
    pub nonce: Fixed<32>,
}

impl Terms {
    /// Returns the SHA-256 of all terms, each with its length before it. Without the lengths, the terms `ab`, `c` would
    /// have the same digest as the terms `a`, `bc`.
    #[must_use]
    pub fn digest(&self) -> [u8; 32] {
        let (issued, expires) = (self.issued.millis().to_be_bytes(), self.expires.millis().to_be_bytes());
        let parts: [&[u8]; 9] = [
            self.tenant.as_str().as_bytes(),
            self.agent.as_bytes(),
            self.key.as_bytes(),
            self.job.as_bytes(),
            self.user.kind.name().as_bytes(),
            self.user.name.as_str().as_bytes(),
            &issued,
            &expires,
            self.nonce.as_bytes(),
        ];
        let mut hash = Sha256::new();
        for part in parts {
            hash.update(u64::try_from(part.len()).unwrap_or(u64::MAX).to_be_bytes());
            hash.update(part);
        }
        hash.finalize().into()
    }

    /// Returns the application data of the channel bindings (RFC 2743 section 1.1.6) with which the agent makes its
    /// AP-REQ.
    #[must_use]
    pub fn application_data(&self) -> Vec<u8> {
        [PREFIX, &self.digest()].concat()
    }

    /// Returns the channel bindings that the ticket of the agent must have.
    pub fn bindings(&self) -> ChannelBindings {
        ChannelBindings::new(&self.application_data())
    }
}

/// The prefix that names the type of the channel binding (RFC 5056). The digest of the terms follows the prefix.
const PREFIX: &[u8] = b"kerberos-sso-pta:";

#[cfg(test)]
#[allow(clippy::unwrap_used)]
pub(crate) mod tests {
    use super::*;
    use crate::seal::SealingKey;
    use std::collections::HashSet;

    pub(crate) fn terms() -> Terms {
        Terms {
            tenant: Tenant::new("contoso.test").unwrap(),
            agent: AgentId::from_random([1; 16]),
            key: SealingKey::from_random(&[2; 32]).public().id(),
            job: JobId::new([3; 16]),
            user: User::parse("alice@contoso.test").unwrap(),
            issued: Time::from_millis(1_795_000_000_123),
            expires: Time::from_millis(1_795_000_005_123),
            nonce: Fixed::new([4; 32]),
        }
    }

    /// Returns copies of the terms. In each copy, a different term is changed.
    pub(crate) fn others() -> Vec<Terms> {
        let terms = terms();
        let (issued, expires) = (Time::from_millis(1), Time::from_millis(2));
        let account = User { kind: crate::Kind::Account, ..terms.user.clone() };
        vec![
            Terms { tenant: Tenant::new("contoso.tes").unwrap(), ..terms.clone() },
            Terms { agent: AgentId::from_random([9; 16]), ..terms.clone() },
            Terms { key: SealingKey::from_random(&[9; 32]).public().id(), ..terms.clone() },
            Terms { job: JobId::new([9; 16]), ..terms.clone() },
            Terms { user: User::parse("bob@contoso.test").unwrap(), ..terms.clone() },
            Terms { user: account, ..terms.clone() },
            Terms { issued, ..terms.clone() },
            Terms { expires, ..terms.clone() },
            Terms { nonce: Fixed::new([9; 32]), ..terms },
        ]
    }

    #[test]
    fn each_term_changes_the_digest() {
        let digests: HashSet<_> = others().iter().chain([&terms()]).map(Terms::digest).collect();
        assert_eq!(digests.len(), 10);
    }

    #[test]
    fn digest_is_the_sha_256_of_all_terms_with_the_length_before_each_term() {
        let terms = terms();
        let mut octets = Vec::new();
        for part in [
            b"contoso.test".as_slice(),
            terms.agent.as_bytes(),
            terms.key.as_bytes(),
            &[3; 16],
            b"principal",
            b"alice@contoso.test",
            &1_795_000_000_123_u64.to_be_bytes(),
            &1_795_000_005_123_u64.to_be_bytes(),
            &[4; 32],
        ] {
            octets.extend(u64::try_from(part.len()).unwrap().to_be_bytes());
            octets.extend(part);
        }
        assert_eq!(terms.digest().as_slice(), Sha256::digest(octets).as_slice());
        assert!(terms.application_data().starts_with(b"kerberos-sso-pta:"));
    }
}
