//! The NT hash of a password (MS-NLMP section 3.3.1): what a domain controller stores.

use kerberos_sso::Key;
use std::fmt;
use zeroize::Zeroizing;

/// The NT hash of a password. A person who has the hash can sign in with RC4, so the hash never leaves the directory's
/// network.
pub struct NtHash(Zeroizing<[u8; 16]>);

impl NtHash {
    /// Wraps a hash of the directory.
    #[must_use]
    pub fn new(octets: [u8; 16]) -> Self {
        Self(Zeroizing::new(octets))
    }

    /// Returns the hash of a password: MD4 of its UTF-16 code units.
    #[must_use]
    pub fn of_password(password: &str) -> Self {
        Self::new(Key::nt_hash(password))
    }

    /// Returns the UTF-16LE octets of the hash in upper-case hexadecimal digits.
    pub(crate) fn digits(&self) -> Zeroizing<[u8; 64]> {
        let mut digits = Zeroizing::new([0; 64]);
        let nibbles = self.0.iter().flat_map(|octet| [octet >> 4, octet & 0xF]);
        for (unit, nibble) in digits.chunks_exact_mut(2).zip(nibbles) {
            let digit =
                if nibble < 10 { b'0'.wrapping_add(nibble) } else { b'A'.wrapping_add(nibble.wrapping_sub(10)) };
            unit.copy_from_slice(&[digit, 0]);
        }
        digits
    }
}

/// Hides the hash.
impl fmt::Debug for NtHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("NtHash(..)")
    }
}
