//! LZNT1 (MS-XCA section 2.5): chunks of up to 4096 octets. Each chunk is compressed independently.

use super::Output;
use alloc::vec::Vec;

/// Decompresses to exactly `size` octets. Returns `None` if the octets are malformed, or if the decompressed octets have
/// another size.
pub(in super::super) fn lznt1(compressed: &[u8], size: usize) -> Option<Vec<u8>> {
    let mut output = Output::new(size);
    let mut rest = compressed;
    while let Some((header, after)) = rest.split_first_chunk::<2>() {
        let header = u16::from_le_bytes(*header);
        if header == 0 {
            break;
        }
        let (chunk, after) = after.split_at_checked(usize::from(header & 0x0FFF).checked_add(1)?)?;
        match header >> 12 {
            COMPRESSED => decompress(chunk, &mut output)?,
            STORED => output.extend(chunk)?,
            _ => return None,
        }
        rest = after;
    }
    output.finish()
}

/// Decompresses one chunk. Each octet of flags precedes at most eight literals and matches. The lowest flag belongs to
/// the first literal or match. A flag that is set means a match.
fn decompress(mut chunk: &[u8], output: &mut Output) -> Option<()> {
    let start = output.bytes.len();
    while let Some((flags, mut rest)) = chunk.split_first() {
        for bit in 0..8 {
            rest = match rest {
                [] => break,
                [literal, after @ ..] if flags >> bit & 1 == 0 => {
                    output.push(*literal)?;
                    after
                }
                [low, high, after @ ..] => {
                    let done = output.bytes.len().checked_sub(start)?;
                    let (distance, length) = word(u16::from_le_bytes([*low, *high]), done);
                    if distance > done || done.checked_add(length)? > CHUNK {
                        return None;
                    }
                    output.repeat(distance, length)?;
                    after
                }
                [_] => return None,
            };
        }
        chunk = rest;
    }
    Some(())
}

/// Returns the distance and the length of a match, which share a word of 16 bits. `done` is the number of octets of the
/// chunk that are already decompressed. This number determines how many bits hold the distance, and how many bits hold
/// the length (section 2.5.1.4). The distance has 4 to 12 bits, so no operation saturates.
fn word(word: u16, done: usize) -> (usize, usize) {
    let distance_bits = (4..12).find(|bits| 1 << bits >= done).unwrap_or(12);
    let length_bits = 16_u32.saturating_sub(distance_bits);
    let length = word & (u16::MAX >> distance_bits);
    (usize::from(word >> length_bits).saturating_add(1), usize::from(length).saturating_add(3))
}

/// The upper four bits of a compressed chunk's header: bit 15 is set, and the signature is 3.
const COMPRESSED: u16 = 0b1011;
const STORED: u16 = 0b0011;

/// The highest number of octets in a decompressed chunk.
const CHUNK: usize = 4096;

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::indexing_slicing)]
mod tests;
