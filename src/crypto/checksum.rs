//! Keyed checksums: `get_mic` and `verify_mic` of RFC 3961 for the checksum types of the supported keys.
//!
//! The caller adds a message in pieces, and gets the checksum or verifies a received checksum.

use core::fmt;

use hmac::digest::array::Array;
use hmac::digest::consts::{U16, U24};
use hmac::{Hmac, Mac};
#[cfg(feature = "rc4")]
use md5::{Digest, Md5};
use sha2::{Sha256, Sha384};

use super::checksum_type::ChecksumType;
use super::hmac_sha1::{self, HmacSha1};
#[cfg(feature = "rc4")]
use super::key_usage::KeyUsage;
use super::mac::same;
#[cfg(feature = "rc4")]
use super::parts::part;
#[cfg(feature = "rc4")]
use super::rfc4757;
use super::rfc8009::{Aes128Sha256, Aes256Sha384};
use super::{rfc3962, rfc8009};

/// A key that is prepared to make and verify checksums of one usage. [`Key::checksummer`](super::Key::checksummer)
/// returns a `Checksummer`.
#[derive(Clone)]
pub struct Checksummer {
    pub(super) checksum_type: ChecksumType,
    pub(super) prepared: Prepared,
}

#[derive(Clone)]
pub(super) enum Prepared {
    Sha1(HmacSha1),
    Sha256(Hmac<Sha256>),
    Sha384(Hmac<Sha384>),
    #[cfg(feature = "rc4")]
    Md5 {
        signing: Hmac<Md5>,
        usage: KeyUsage,
    },
}

impl Checksummer {
    /// Returns the checksum type, which the encryption type of the key determines.
    #[must_use]
    pub fn checksum_type(&self) -> ChecksumType {
        self.checksum_type
    }

    /// Returns the number of octets in a checksum.
    pub(crate) fn checksum_len(&self) -> u8 {
        match &self.prepared {
            Prepared::Sha1(_) => 12,
            Prepared::Sha256(_) => 16,
            Prepared::Sha384(_) => 24,
            #[cfg(feature = "rc4")]
            Prepared::Md5 { .. } => 16,
        }
    }

    /// Begins the checksum of a message.
    #[must_use]
    pub fn start(&self) -> RunningChecksum {
        RunningChecksum(match &self.prepared {
            Prepared::Sha1(key) => Running::Sha1(key.start()),
            Prepared::Sha256(key) => Running::Sha256(key.clone()),
            Prepared::Sha384(key) => Running::Sha384(key.clone()),
            #[cfg(feature = "rc4")]
            Prepared::Md5 { signing, usage } => {
                let message = Md5::new_with_prefix(rfc4757::message_type(*usage));
                Running::Md5 { signing: signing.clone(), message }
            }
        })
    }

    /// Verifies the checksum of a message that is given in one piece.
    ///
    /// # Errors
    ///
    /// Returns [`WrongChecksum`] as [`RunningChecksum::verify`] does.
    pub fn verify(&self, message: &[u8], checksum: &[u8]) -> Result<(), WrongChecksum> {
        let mut running = self.start();
        running.update(message);
        running.verify(checksum)
    }
}

impl fmt::Debug for Checksummer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Checksummer({})", self.checksum_type())
    }
}

/// The checksum of a message to which the caller can still add pieces.
#[derive(Clone)]
pub struct RunningChecksum(Running);

#[derive(Clone)]
enum Running {
    Sha1(hmac_sha1::Running),
    Sha256(Hmac<Sha256>),
    Sha384(Hmac<Sha384>),
    #[cfg(feature = "rc4")]
    Md5 {
        signing: Hmac<Md5>,
        message: Md5,
    },
}

impl RunningChecksum {
    /// Adds the next piece of the message.
    pub fn update(&mut self, piece: &[u8]) {
        match &mut self.0 {
            Running::Sha1(running) => running.update(piece),
            Running::Sha256(running) => running.update(piece),
            Running::Sha384(running) => running.update(piece),
            #[cfg(feature = "rc4")]
            Running::Md5 { message, .. } => message.update(piece),
        }
    }

    /// Ends the message and returns its checksum.
    #[must_use]
    pub fn finish(self) -> Checksum {
        Checksum(match self.0 {
            Running::Sha1(running) => Octets::Sha1(rfc3962::truncated(&running.finish())),
            Running::Sha256(running) => Octets::Sha256(rfc8009::checksum::<Aes128Sha256>(running)),
            Running::Sha384(running) => Octets::Sha384(rfc8009::checksum::<Aes256Sha384>(running)),
            #[cfg(feature = "rc4")]
            Running::Md5 { signing, message } => {
                Octets::Md5(signing.chain_update(message.finalize()).finalize().into_bytes().into())
            }
        })
    }

    /// Ends the message and compares its checksum with the received `checksum`, in constant time.
    ///
    /// # Errors
    ///
    /// Returns [`WrongChecksum`] if the checksums differ in an octet or in length.
    pub fn verify(self, checksum: &[u8]) -> Result<(), WrongChecksum> {
        if same(self.finish().as_ref(), checksum) { Ok(()) } else { Err(WrongChecksum) }
    }
}

impl fmt::Debug for RunningChecksum {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RunningChecksum")
    }
}

/// A finished checksum. [`as_ref`](AsRef::as_ref) returns the 12, 16 or 24 octets of the checksum.
#[derive(Clone, Copy, Debug)]
pub struct Checksum(Octets);

/// The octets of a checksum, cut to the length that messages contain.
#[derive(Clone, Copy, Debug)]
enum Octets {
    Sha1([u8; 12]),
    Sha256(Array<u8, U16>),
    Sha384(Array<u8, U24>),
    #[cfg(feature = "rc4")]
    Md5([u8; 16]),
}

impl Checksum {
    /// Returns the first eight octets. An RC4 per-message token contains only these eight octets.
    #[cfg(feature = "rc4")]
    pub(crate) fn first_eight(&self) -> [u8; 8] {
        match &self.0 {
            Octets::Sha1(octets) => part::<0, 8, 12>(octets),
            Octets::Sha256(octets) => part::<0, 8, 16>(&octets.0),
            Octets::Sha384(octets) => part::<0, 8, 24>(&octets.0),
            Octets::Md5(octets) => part::<0, 8, 16>(octets),
        }
    }
}

impl AsRef<[u8]> for Checksum {
    fn as_ref(&self) -> &[u8] {
        match &self.0 {
            Octets::Sha1(octets) => octets,
            Octets::Sha256(octets) => octets,
            Octets::Sha384(octets) => octets,
            #[cfg(feature = "rc4")]
            Octets::Md5(octets) => octets,
        }
    }
}

/// The error for a checksum that does not verify with this message, key and usage.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the checksum does not verify with this message, key and key usage")]
pub struct WrongChecksum;
