//! Keyed checksums: RFC 3961's `get_mic` and `verify_mic` for the checksum types that go with the supported keys.
//!
//! In: messages in as many pieces as the caller has. Out: the checksum, or whether one is right.

use core::fmt;

use hmac::{Hmac, Mac};
use md5::{Digest, Md5};
use sha2::{Sha256, Sha384};

use super::hmac_sha1::{self, HmacSha1};
use super::{ChecksumType, KeyUsage, rfc3962, rfc8009, same};

/// A key prepared to make and verify checksums of one usage: made by [`Key::checksummer`](super::Key::checksummer).
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
    Md5 { signing: Hmac<Md5>, usage: KeyUsage },
}

impl Checksummer {
    /// The checksum type it makes, which follows from the key's encryption type.
    #[must_use]
    pub fn checksum_type(&self) -> ChecksumType {
        self.checksum_type
    }

    /// Begins a message.
    #[must_use]
    pub fn start(&self) -> RunningChecksum {
        RunningChecksum(match &self.prepared {
            Prepared::Sha1(key) => Running::Sha1(key.start()),
            Prepared::Sha256(key) => Running::Sha256(key.clone()),
            Prepared::Sha384(key) => Running::Sha384(key.clone()),
            Prepared::Md5 { signing, usage } => {
                Running::Md5 { signing: signing.clone(), message: Md5::new_with_prefix(usage.rc4_message_type()) }
            }
        })
    }

    /// Verifies the checksum of a message in one piece.
    ///
    /// # Errors
    ///
    /// [`WrongChecksum`] as for [`RunningChecksum::verify`].
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

/// The checksum of a message of which some pieces may still be to come.
#[derive(Clone)]
pub struct RunningChecksum(Running);

#[derive(Clone)]
enum Running {
    Sha1(hmac_sha1::Running),
    Sha256(Hmac<Sha256>),
    Sha384(Hmac<Sha384>),
    Md5 { signing: Hmac<Md5>, message: Md5 },
}

impl RunningChecksum {
    /// Adds the next piece of the message.
    pub fn update(&mut self, piece: &[u8]) {
        match &mut self.0 {
            Running::Sha1(running) => running.update(piece),
            Running::Sha256(running) => running.update(piece),
            Running::Sha384(running) => running.update(piece),
            Running::Md5 { message, .. } => message.update(piece),
        }
    }

    /// Ends the message.
    #[must_use]
    pub fn finish(self) -> Checksum {
        match self.0 {
            Running::Sha1(running) => Checksum::new(rfc3962::truncated(&running.finish())),
            Running::Sha256(running) => Checksum::new(rfc8009::truncated(&running.finalize().into_bytes())),
            Running::Sha384(running) => Checksum::new(rfc8009::truncated(&running.finalize().into_bytes())),
            Running::Md5 { signing, message } => {
                Checksum::new(&signing.chain_update(message.finalize()).finalize().into_bytes())
            }
        }
    }

    /// Ends the message and compares its checksum with the one that came with it, in constant time.
    ///
    /// # Errors
    ///
    /// [`WrongChecksum`] if they differ, be it in length.
    pub fn verify(self, checksum: &[u8]) -> Result<(), WrongChecksum> {
        if same(self.finish().as_ref(), checksum) { Ok(()) } else { Err(WrongChecksum) }
    }
}

impl fmt::Debug for RunningChecksum {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RunningChecksum")
    }
}

/// A finished checksum: 12, 16 or 24 octets, to be had by [`as_ref`](AsRef::as_ref).
#[derive(Clone, Copy, Debug)]
pub struct Checksum {
    octets: [u8; 24],
    length: usize,
}

impl Checksum {
    fn new(checksum: &[u8]) -> Self {
        let mut octets = [0; 24];
        for (to, from) in octets.iter_mut().zip(checksum) {
            *to = *from;
        }
        Self { octets, length: checksum.len() }
    }
}

impl AsRef<[u8]> for Checksum {
    fn as_ref(&self) -> &[u8] {
        self.octets.get(..self.length).unwrap_or_default()
    }
}

/// The checksum is not that of the message under this key for this usage.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the checksum is not that of the message under this key for this use")]
pub struct WrongChecksum;
