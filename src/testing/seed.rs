//! Bytes that look random and are the same every time.

use alloc::vec::Vec;
use sha2::{Digest, Sha512};

/// `length` bytes, at most 64, that follow from `label` and `parts`.
pub(super) fn bytes(length: usize, label: &str, parts: &[&[u8]]) -> Vec<u8> {
    let mut hash = Sha512::new_with_prefix(label);
    for part in parts {
        hash.update(part.len().to_be_bytes());
        hash.update(part);
    }
    hash.finalize().iter().copied().take(length).collect()
}

/// Sixteen of them: a confounder.
pub(super) fn confounder(label: &str, serial: u64) -> [u8; 16] {
    let mut confounder = [0; 16];
    for (place, byte) in confounder.iter_mut().zip(bytes(16, label, &[&serial.to_be_bytes()])) {
        *place = byte;
    }
    confounder
}
