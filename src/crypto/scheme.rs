//! The operations of every encryption type with a key that is prepared for one usage.

use alloc::vec::Vec;
use core::ops::Range;

/// The random octets that begin every plaintext. RC4 uses the first eight.
pub type Confounder = [u8; 16];

/// An encryption type, under one key for one usage.
pub(super) trait Scheme {
    /// Returns how many octets a ciphertext has more than its plaintext.
    fn overhead(&self) -> usize;

    /// Decrypts `ciphertext` into `out`, which is as long, and returns where in `out` the plaintext lies.
    fn decrypt(&self, ciphertext: &[u8], out: &mut [u8]) -> Result<Range<usize>, DecryptError>;

    /// Decrypts `rest` in place, which follows `first`, and returns where in `rest` the plaintext lies.
    fn decrypt_in_place(&self, first: &[u8; 16], rest: &mut [u8]) -> Result<Range<usize>, DecryptError>;

    /// Encrypts a plaintext given in pieces and appends the ciphertext to `out`, which has the capacity.
    fn encrypt(&self, confounder: &Confounder, plaintext: &[&[u8]], out: &mut Vec<u8>);
}

/// Appends `first` and `pieces` to `out`, and returns both for encryption in place.
#[expect(clippy::expect_used, reason = "`first` was appended at `start`, so all of it lies after `start`")]
pub(super) fn append<'out, 'piece>(
    first: [u8; 16],
    pieces: impl IntoIterator<Item = &'piece [u8]>,
    out: &'out mut Vec<u8>,
) -> (&'out mut [u8; 16], &'out mut [u8]) {
    let start = out.len();
    out.extend_from_slice(&first);
    for piece in pieces {
        out.extend_from_slice(piece);
    }
    let (_, appended) = out.split_at_mut(start);
    appended.split_first_chunk_mut().expect("the first 16 octets were appended")
}

/// The error for a ciphertext that was not decrypted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DecryptError {
    /// The ciphertext is too short for a confounder and a MAC.
    #[error("the ciphertext has {actual} octets, and the shortest there is has {minimum}")]
    TooShort {
        /// The octets of the ciphertext.
        actual: usize,
        /// The octets of the shortest ciphertext of the key's type.
        minimum: usize,
    },
    /// The caller's buffer is shorter than the ciphertext.
    #[error("the output buffer has {available} octets and needs {needed}")]
    OutputTooSmall {
        /// The octets of the buffer.
        available: usize,
        /// The octets of the ciphertext.
        needed: usize,
    },
    /// The MAC is wrong: another key, another usage, or an altered message. The server cannot tell which of them.
    #[error("the message was not made with this key for this use, or was altered")]
    Integrity,
}
