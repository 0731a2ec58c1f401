//! How claims are compressed (MS-XCA): read, and only where a caller asks for it.
//!
//! In: compressed bytes and the size that they are said to have. Out: as many bytes, no more. Memory grows with what has
//! been decompressed, not with what was promised.

mod lznt1;
mod xpress_huffman;

pub(super) use lznt1::lznt1;
pub(super) use xpress_huffman::xpress_huffman;

use alloc::vec::Vec;

/// Bytes under way to be decompressed, of which there will be `size`.
#[derive(Debug)]
struct Output {
    bytes: Vec<u8>,
    size: usize,
}

impl Output {
    const fn new(size: usize) -> Self {
        Self { bytes: Vec::new(), size }
    }

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

    /// Repeats `length` bytes from `distance` bytes back: one after the other, since they may overlap what they become.
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

    /// All bytes, if they are as many as was said.
    fn finish(self) -> Option<Vec<u8>> {
        (self.left() == 0).then_some(self.bytes)
    }
}
