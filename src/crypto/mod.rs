//! The cryptography of Kerberos: encryption types 17, 18 (RFC 3962), 19, 20 (RFC 8009) and 23 (RFC 4757).
//!
//! Type 23 needs the feature `rc4`, which is on by default.
//!
//! A [`Key`] is made from octets or, with [`string_to_key()`], from a password. For each [`KeyUsage`], a key makes a
//! [`Cipher`], which decrypts and encrypts, and a [`Checksummer`]. The two hold keys that are derived for the usage.
//! Decryption and checksums do not allocate memory.
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
//! The policy decides which encryption types are allowed. The caller passes random octets as arguments. The primitives
//! are from `RustCrypto`. The parts that Kerberos defines (n-fold, key derivation, ciphertext stealing) are tested with
//! the vectors of the RFCs.

// Primitives.
mod aes_cts;
mod hmac_sha1;
mod mac;
mod parts;
mod rfc3961;
mod scheme;
mod zeroing;

// Numbers and names.
mod checksum_type;
mod enc_type;
mod key_usage;

// Encryption types.
mod rfc3962;
#[cfg(feature = "rc4")]
mod rfc4757;
mod rfc8009;

// The keys, ciphers and checksums that the rest of the crate uses.
mod checksum;
mod cipher;
mod key;
mod key_ref;
mod string_to_key;

#[cfg(test)]
pub(crate) mod records;

pub use checksum::{Checksum, Checksummer, RunningChecksum, WrongChecksum};
pub use checksum_type::ChecksumType;
pub use cipher::Cipher;
pub(crate) use cipher::mac_of;
pub use enc_type::{EncType, UnknownEncType};
pub use key::{InvalidKey, Key};
pub(crate) use key_ref::KeyRef;
pub use key_usage::KeyUsage;
#[cfg(feature = "rc4")]
pub(crate) use mac::same;
pub(crate) use parts::part;
#[cfg(feature = "rc4")]
pub(crate) use rfc4757::{GssStreams, Rc4Confounder};
pub use scheme::{Confounder, DecryptError};
pub use string_to_key::{MAX_ITERATIONS, StringToKeyError, string_to_key, string_to_key_utf16};
