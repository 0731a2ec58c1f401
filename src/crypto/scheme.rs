//! The operations that every encryption type provides, with a key that is prepared for one usage.

use alloc::vec::Vec;
use core::ops::Range;

/// The random octets that are put before every plaintext. RC4 uses only the first eight octets.
pub type Confounder = [u8; 16];

/// An encryption type with one key for one usage.
pub(super) trait Scheme {
    /// Returns the number of octets that encryption adds to a plaintext.
    fn overhead(&self) -> usize;

    /// Decrypts `ciphertext` into `out`, which has the same length, and returns the range of the plaintext in `out`.
    fn decrypt(&self, ciphertext: &[u8], out: &mut [u8]) -> Result<Range<usize>, DecryptError>;

    /// Decrypts a ciphertext in place. `first` is the first 16 octets of the ciphertext, and `rest` is all octets after
    /// them. Returns the range of the plaintext in `rest`.
    fn decrypt_in_place(&self, first: &[u8; 16], rest: &mut [u8]) -> Result<Range<usize>, DecryptError>;

    /// Encrypts a plaintext given in pieces, and appends the ciphertext to `out`. The capacity of `out` must suffice.
    fn encrypt(&self, confounder: &Confounder, plaintext: &[&[u8]], out: &mut Vec<u8>);
}

/// Appends `first` and `pieces` to `out`, and returns the appended octets for encryption in place.
#[expect(clippy::expect_used, reason = "`first` was appended at `start`, so 16 octets follow `start`")]
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

/// The reason why a ciphertext could not be decrypted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DecryptError {
    /// The ciphertext is too short for a confounder and a MAC.
    #[error("the ciphertext has {actual} octets, fewer than the minimum of {minimum}")]
    TooShort {
        /// The number of octets in the ciphertext.
        actual: usize,
        /// The number of octets in the shortest ciphertext of the key's encryption type.
        minimum: usize,
    },
    /// The caller's buffer is shorter than the ciphertext.
    #[error("the output buffer has {available} octets and needs {needed}")]
    OutputTooSmall {
        /// The number of octets in the buffer.
        available: usize,
        /// The number of octets in the ciphertext.
        needed: usize,
    },
    /// The MAC is wrong. The message was encrypted with another key or for another usage, or was altered; the server
    /// cannot know which.
    #[error("the message was not encrypted with this key for this key usage, or was altered")]
    Integrity,
}
