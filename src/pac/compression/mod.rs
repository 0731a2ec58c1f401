//! The compression of claims (MS-XCA). Claims are decompressed only when the caller asks for them.
//!
//! In: compressed octets, and the size that the PAC gives for the decompressed ones. Out: as many octets, no more. Memory
//! grows with what was decompressed, not with the size that the PAC gives.

mod lznt1;
mod xpress_huffman;

pub(super) use lznt1::lznt1;
pub(super) use xpress_huffman::xpress_huffman;

use alloc::vec::Vec;

/// What was decompressed so far of `size` octets.
#[derive(Debug)]
struct Output {
    bytes: Vec<u8>,
    size: usize,
}

impl Output {
    const fn new(size: usize) -> Self {
        Self { bytes: Vec::new(), size }
    }

    /// Returns how many octets are missing. There are never more than `size`, so the difference does not saturate.
    fn left(&self) -> usize {
        self.size.saturating_sub(self.bytes.len())
    }

    fn push(&mut self, byte: u8) -> Option<()> {
        if self.left() == 0 {
            return None;
        }
        self.bytes.push(byte);
        Some(())
    }

    fn extend(&mut self, bytes: &[u8]) -> Option<()> {
        if bytes.len() > self.left() {
            return None;
        }
        self.bytes.extend_from_slice(bytes);
        Some(())
    }

    /// Repeats `length` octets from `distance` octets back. It copies one after the other, since the copy may overlap what it
    /// copies.
    fn repeat(&mut self, distance: usize, length: usize) -> Option<()> {
        if length > self.left() {
            return None;
        }
        for _ in 0..length {
            let from = self.bytes.len().checked_sub(distance)?;
            self.bytes.push(*self.bytes.get(from)?);
        }
        Some(())
    }

    /// Returns all octets, if there are `size` of them.
    fn finish(self) -> Option<Vec<u8>> {
        (self.left() == 0).then_some(self.bytes)
    }
}
