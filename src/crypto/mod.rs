//! The cryptography of Kerberos: encryption types 17, 18 (RFC 3962), 19, 20 (RFC 8009) and 23 (RFC 4757).
//!
//! A [`Key`] is made from octets or, by [`string_to_key()`], from a password. For each [`KeyUsage`] it yields a [`Cipher`],
//! which decrypts and encrypts, and a [`Checksummer`]. Making them is where the derivations happen; using them allocates nothing.
//!
//! ```
//! use kerberos_sso::crypto::{EncType, Key, KeyUsage};
//!
//! let key = Key::new(EncType::AES128_CTS_HMAC_SHA1_96, &[7; 16])?;
//! let cipher = key.cipher(KeyUsage::TICKET);
//! let mut ciphertext = Vec::new();
//! let confounder = [9; 16]; // must be random
//! cipher.encrypt(&confounder, b"attack at dawn", &mut ciphertext);
//!
//! let mut buffer = vec![0; ciphertext.len()];
//! let plaintext = cipher.decrypt(&ciphertext, &mut buffer)?;
//! assert_eq!(&buffer[plaintext], b"attack at dawn");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! Which encryption types may be used is a policy's decision. Randomness is an argument. The primitives are `RustCrypto`'s;
//! what is Kerberos' own (n-fold, key derivation, ciphertext stealing) is held to the vectors of the RFCs.

mod aes_cts;
mod checksum;
mod checksum_type;
mod cipher;
mod enc_type;
mod hmac_sha1;
mod key;
mod key_usage;
mod rfc3961;
mod rfc3962;
mod rfc4757;
mod rfc8009;
mod string_to_key;

#[cfg(test)]
#[path = "../../tests/crypto_vectors/records.rs"]
pub(crate) mod records;

use subtle::ConstantTimeEq;

pub use checksum::{Checksum, Checksummer, RunningChecksum, WrongChecksum};
pub use checksum_type::ChecksumType;
pub(crate) use cipher::mac_of;
pub use cipher::{Cipher, Confounder, DecryptError};
pub use enc_type::{EncType, UnknownEncType};
pub use key::{InvalidKey, Key};
pub use key_usage::KeyUsage;
pub(crate) use rfc4757::GssStreams;
pub use string_to_key::{MAX_ITERATIONS, StringToKeyError, string_to_key, string_to_key_utf16};

/// Whether two MACs are the same, in a time that tells nothing but their lengths.
///
/// `subtle` compares slices by an opaque call for every octet; here it sees only what is left after all differences have
/// been gathered.
pub(crate) fn same(one: &[u8], other: &[u8]) -> bool {
    let differences = one.iter().zip(other).fold(0, |all, (a, b)| all | (a ^ b));
    one.len() == other.len() && differences.ct_eq(&0_u8).into()
}

/// Overwrites secrets. `zeroize` writes octet by octet; this is an ordinary fill, a few instructions, whose result the
/// compiler must assume to be looked at.
pub(crate) fn wipe(octets: &mut [u8]) {
    octets.fill(0);
    core::hint::black_box(octets);
}
