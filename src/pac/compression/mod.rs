//! The compression of claims (MS-XCA). Claims are decompressed only when the caller asks for them.
//!
//! Input: compressed octets, and the decompressed size that the PAC announces. Output: exactly this number of octets. The
//! module allocates memory only as it decompresses octets, so a false size in the PAC costs no memory.

mod lznt1;
mod xpress_huffman;

pub(super) use lznt1::lznt1;
pub(super) use xpress_huffman::xpress_huffman;

use alloc::vec::Vec;

/// The octets that are already decompressed, and the size of the complete output.
#[derive(Debug)]
struct Output {
    bytes: Vec<u8>,
    size: usize,
}

impl Output {
    const fn new(size: usize) -> Self {
        Self { bytes: Vec::new(), size }
    }

    /// Returns the number of octets that the output still lacks. `bytes` never has more than `size` octets, so the
    /// difference does not saturate.
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

    /// Repeats `length` octets that begin `distance` octets before the end of the output. The function copies the
    /// octets one by one, because the copy may overlap its source.
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

    /// Returns the octets if their number is `size`.
    fn finish(self) -> Option<Vec<u8>> {
        (self.left() == 0).then_some(self.bytes)
    }
}
