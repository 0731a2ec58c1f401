//! Octets that look random and are the same in every run.

use alloc::vec::Vec;
use sha2::{Digest, Sha512};

/// Returns `length` octets, at most 64, that are derived from `label` and `parts`. The octets are the same on every machine.
pub(super) fn bytes(length: usize, label: &str, parts: &[&[u8]]) -> Vec<u8> {
    let mut hash = Sha512::new_with_prefix(label);
    for part in parts {
        let size = u64::try_from(part.len()).unwrap_or(u64::MAX);
        hash.update(size.to_be_bytes());
        hash.update(part);
    }
    hash.finalize().iter().copied().take(length).collect()
}

/// Returns sixteen derived octets as a confounder.
pub(super) fn confounder(label: &str, serial: u64) -> [u8; 16] {
    let mut confounder = [0; 16];
    for (place, byte) in confounder.iter_mut().zip(bytes(16, label, &[&serial.to_be_bytes()])) {
        *place = byte;
    }
    confounder
}

/// Returns three numbers that are derived from `label` and `parts`.
pub(super) fn numbers(label: &str, parts: &[&[u8]]) -> [u32; 3] {
    let mut numbers = [0; 3];
    for (number, bytes) in numbers.iter_mut().zip(bytes(12, label, parts).chunks_exact(4)) {
        *number = bytes.iter().fold(0, |number, byte| (number << 8) | u32::from(*byte));
    }
    numbers
}

#[cfg(test)]
mod tests;
