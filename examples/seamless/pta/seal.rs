//! Seals a password to one agent: HPKE (RFC 9180) in base mode with DHKEM(X25519, HKDF-SHA256), HKDF-SHA256 and
//! ChaCha20-Poly1305.
//!
//! The digest of the job's terms is the associated data. The plaintext is the length of the password in two octets, the
//! password, and zeros up to a multiple of 128 octets. So the length of a sealed password reveals little about the password.
//!
//! The same HPKE context exports the key of the agent's answer ([`AnswerKey`]).

mod answer;

pub use answer::AnswerKey;

use crate::encoding::{Fixed, Octets};
use crate::terms::Terms;
use hpke::aead::ChaCha20Poly1305;
use hpke::kdf::HkdfSha256;
use hpke::kem::X25519HkdfSha256;
use hpke::rand_core::{TryCryptoRng, TryRng};
use hpke::{Deserializable as _, Kem as _, OpModeR, OpModeS, Serializable as _, setup_receiver, setup_sender_with_rng};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use std::convert::Infallible;
use std::fmt;
use thiserror::Error;
use zeroize::Zeroizing;

/// The private sealing key of an agent. Its memory is overwritten when it is dropped.
pub struct SealingKey(Zeroizing<[u8; 32]>);

/// The public sealing key of an agent: a point of X25519 (RFC 7748).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct SealingPublicKey(Fixed<32>);

/// The SHA-256 of a public sealing key. The agent's certificate names the key by this value.
pub type KeyId = Fixed<32>;

/// Octets that only the holder of one private key can open.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Sealed {
    /// The encapsulated key.
    pub enc: Fixed<32>,
    /// The ciphertext with its tag.
    pub ct: Ciphertext,
}

/// A sealed password or challenge.
pub type Ciphertext = Octets<{ MAX_PLAINTEXT + TAG }>;

/// The number of the KEM in the register of RFC 9180 section 7.1.
pub const KEM: u16 = 0x0020;

/// The largest size of a password, in octets. Passwords in Active Directory have 256 characters at most.
pub const MAX_PASSWORD: usize = 1_024;

/// The reason why octets could not be sealed or opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum SealError {
    /// The password is empty, or longer than [`MAX_PASSWORD`].
    #[error("the password has {0} octets; a password has 1 to {MAX_PASSWORD}")]
    PasswordLength(usize),
    /// The public key is no usable point of X25519.
    #[error("the sealing key of the agent cannot be used")]
    UnusableKey,
    /// The octets were sealed to another key or for another job, or somebody changed them.
    #[error("the sealed octets do not open with this key for this job")]
    CannotOpen,
}

impl SealingKey {
    /// Derives a key from 32 random octets (RFC 9180 section 7.1.3).
    #[must_use]
    pub fn from_random(random: &[u8; 32]) -> Self {
        let (private, _) = X25519HkdfSha256::derive_keypair(random);
        Self(Zeroizing::new(private.to_bytes().into()))
    }

    /// Takes the octets of a private key, as [`secret`](Self::secret) returns them.
    #[must_use]
    pub fn from_secret(octets: [u8; 32]) -> Self {
        Self(Zeroizing::new(octets))
    }

    /// Returns the octets of the private key, for the agent's own file.
    #[must_use]
    pub fn secret(&self) -> &[u8; 32] {
        &self.0
    }

    /// Returns the public key.
    ///
    /// # Panics
    /// Never: X25519 takes any 32 octets as a private key.
    #[expect(clippy::expect_used, reason = "X25519 takes any 32 octets as a private key (RFC 7748 section 5)")]
    #[must_use]
    pub fn public(&self) -> SealingPublicKey {
        SealingPublicKey(Fixed::new(X25519HkdfSha256::sk_to_pk(&self.key().expect("32 octets")).to_bytes().into()))
    }

    /// Opens the password of a job. Returns the password and the key of the answer.
    ///
    /// # Errors
    /// Returns [`SealError::CannotOpen`] unless the password was sealed to this key under exactly these terms.
    pub fn open_password(&self, terms: &Terms, sealed: &Sealed) -> Result<(Zeroizing<Vec<u8>>, AnswerKey), SealError> {
        let (plaintext, answer) = self.open(INFO, &terms.digest(), sealed)?;
        let (length, rest) = plaintext.split_first_chunk::<2>().ok_or(SealError::CannotOpen)?;
        let (password, zeros) =
            rest.split_at_checked(usize::from(u16::from_be_bytes(*length))).ok_or(SealError::CannotOpen)?;
        let is_padding = zeros.iter().all(|octet| *octet == 0) && plaintext.len().is_multiple_of(BLOCK);
        if !is_padding || password.is_empty() || password.len() > MAX_PASSWORD {
            return Err(SealError::CannotOpen);
        }
        Ok((Zeroizing::new(password.to_vec()), answer))
    }

    /// Opens the challenge with which the server checks that the agent has this key.
    ///
    /// # Errors
    /// Returns [`SealError::CannotOpen`] unless the challenge was sealed to this key.
    pub fn open_challenge(&self, sealed: &Sealed) -> Result<Fixed<32>, SealError> {
        let (opened, _) = self.open(CHALLENGE, self.public().id().as_bytes(), sealed)?;
        opened.as_slice().try_into().map(Fixed::new).map_err(|_| SealError::CannotOpen)
    }

    fn open(&self, info: &[u8], aad: &[u8], sealed: &Sealed) -> Result<(Zeroizing<Vec<u8>>, AnswerKey), SealError> {
        let enc = hpke_key(sealed.enc.as_bytes()).ok_or(SealError::CannotOpen)?;
        let key = self.key().ok_or(SealError::CannotOpen)?;
        let mut context =
            setup_receiver::<ChaCha20Poly1305, HkdfSha256, X25519HkdfSha256>(&OpModeR::Base, &key, &enc, info)
                .map_err(|_| SealError::CannotOpen)?;
        let opened = context.open(sealed.ct.as_bytes(), aad).map(Zeroizing::new);
        let answer = AnswerKey::exported(|to| context.export(answer::CONTEXT, to));
        Ok((opened.map_err(|_| SealError::CannotOpen)?, answer.map_err(|_| SealError::CannotOpen)?))
    }

    fn key(&self) -> Option<<X25519HkdfSha256 as hpke::Kem>::PrivateKey> {
        <X25519HkdfSha256 as hpke::Kem>::PrivateKey::from_bytes(self.0.as_slice()).ok()
    }
}

impl fmt::Debug for SealingKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SealingKey(..)")
    }
}

impl SealingPublicKey {
    /// Returns the identifier of this key.
    #[must_use]
    pub fn id(&self) -> KeyId {
        Fixed::new(Sha256::digest(self.0.as_bytes()).into())
    }

    /// Returns the octets of the point.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 32] {
        self.0.as_bytes()
    }

    /// Seals a password under the terms of a job. Returns the sealed password and the key of the answer. `random` must be 32
    /// random octets that are not used for anything else.
    ///
    /// # Errors
    /// Returns an error for an empty password, a password that is too long, and a key that is no usable point.
    pub fn seal_password(
        &self,
        terms: &Terms,
        password: &[u8],
        random: Zeroizing<[u8; 32]>,
    ) -> Result<(Sealed, AnswerKey), SealError> {
        let wrong_length = SealError::PasswordLength(password.len());
        if password.is_empty() || password.len() > MAX_PASSWORD {
            return Err(wrong_length);
        }
        let length = u16::try_from(password.len()).map_err(|_| wrong_length)?;
        let mut plaintext = Zeroizing::new(Vec::with_capacity(MAX_PLAINTEXT));
        plaintext.extend(length.to_be_bytes());
        plaintext.extend(password);
        let padded = plaintext.len().next_multiple_of(BLOCK);
        plaintext.resize(padded, 0);
        self.seal(INFO, &terms.digest(), &plaintext, random)
    }

    /// Seals the challenge with which the server checks that the agent has the private key.
    ///
    /// # Errors
    /// Returns [`SealError::UnusableKey`] for a key that is no usable point.
    pub fn seal_challenge(&self, challenge: &Fixed<32>, random: Zeroizing<[u8; 32]>) -> Result<Sealed, SealError> {
        self.seal(CHALLENGE, self.id().as_bytes(), challenge.as_bytes(), random).map(|(sealed, _)| sealed)
    }

    fn seal(
        &self,
        info: &[u8],
        aad: &[u8],
        plaintext: &[u8],
        random: Zeroizing<[u8; 32]>,
    ) -> Result<(Sealed, AnswerKey), SealError> {
        let key: <X25519HkdfSha256 as hpke::Kem>::PublicKey =
            hpke_key(self.as_bytes()).ok_or(SealError::UnusableKey)?;
        let (enc, mut context) = setup_sender_with_rng::<ChaCha20Poly1305, HkdfSha256, X25519HkdfSha256>(
            &OpModeS::Base,
            &key,
            info,
            &mut Once(random),
        )
        .map_err(|_| SealError::UnusableKey)?;
        let ct = context.seal(plaintext, aad).map_err(|_| SealError::UnusableKey)?;
        let ct = Ciphertext::new(ct).ok_or(SealError::UnusableKey)?;
        let answer = AnswerKey::exported(|to| context.export(answer::CONTEXT, to));
        let answer = answer.map_err(|_| SealError::UnusableKey)?;
        Ok((Sealed { enc: Fixed::new(enc.to_bytes().into()), ct }, answer))
    }
}

fn hpke_key<K: hpke::Deserializable>(octets: &[u8]) -> Option<K> {
    K::from_bytes(octets).ok()
}

/// A random number generator that returns the octets with which it was made. DHKEM asks the generator once, for 32
/// octets. If DHKEM asked for more octets, the generator would return the SHA-256 of the octets before.
struct Once(Zeroizing<[u8; 32]>);

impl TryRng for Once {
    type Error = Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        let mut octets = [0; 4];
        self.try_fill_bytes(&mut octets)?;
        Ok(u32::from_le_bytes(octets))
    }

    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        let mut octets = [0; 8];
        self.try_fill_bytes(&mut octets)?;
        Ok(u64::from_le_bytes(octets))
    }

    fn try_fill_bytes(&mut self, to: &mut [u8]) -> Result<(), Infallible> {
        for part in to.chunks_mut(32) {
            part.iter_mut().zip(self.0.iter()).for_each(|(to, from)| *to = *from);
            self.0 = Zeroizing::new(Sha256::digest(self.0.as_slice()).into());
        }
        Ok(())
    }
}

impl TryCryptoRng for Once {}

const INFO: &[u8] = b"kerberos-sso-pta/1";
const CHALLENGE: &[u8] = b"kerberos-sso-pta/1 challenge";
const BLOCK: usize = 128;
const TAG: usize = 16;

/// The size of the longest password with its length, rounded up to a multiple of [`BLOCK`].
const MAX_PLAINTEXT: usize = (MAX_PASSWORD + 2).next_multiple_of(BLOCK);

#[cfg(test)]
mod tests;
