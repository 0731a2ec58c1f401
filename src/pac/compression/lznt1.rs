//! LZNT1 (MS-XCA section 2.5): chunks of up to 4096 octets. Each chunk is compressed independently.

use super::Output;
use alloc::vec::Vec;

/// Decompresses to exactly `size` octets. Returns `None` if the octets are malformed or have another size when decompressed.
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
/// chunk so far. This number determines how many bits are the distance and how many are the length (section 2.5.1.4).
/// The distance has 4 to 12 bits, so no operation saturates.
fn word(word: u16, done: usize) -> (usize, usize) {
    let distance_bits = (4..12).find(|bits| 1 << bits >= done).unwrap_or(12);
    let length_bits = 16_u32.saturating_sub(distance_bits);
    let length = word & (u16::MAX >> distance_bits);
    (usize::from(word >> length_bits).saturating_add(1), usize::from(length).saturating_add(3))
}

/// The upper four bits of a compressed chunk's header: bit 15 is set, and the signature is 3.
const COMPRESSED: u16 = 0b1011;
const STORED: u16 = 0b0011;

/// The highest number of octets of a decompressed chunk.
const CHUNK: usize = 4096;

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::indexing_slicing)]
mod tests {
    use super::*;

    /// The example of MS-XCA section 3.3.
    const EXAMPLE: [u8; 59] = [
        0x38, 0xb0, 0x88, 0x46, 0x23, 0x20, 0x00, 0x20, 0x47, 0x20, 0x41, 0x00, 0x10, 0xa2, 0x47, 0x01, 0xa0, 0x45,
        0x20, 0x44, 0x00, 0x08, 0x45, 0x01, 0x50, 0x79, 0x00, 0xc0, 0x45, 0x20, 0x05, 0x24, 0x13, 0x88, 0x05, 0xb4,
        0x02, 0x4a, 0x44, 0xef, 0x03, 0x58, 0x02, 0x8c, 0x09, 0x16, 0x01, 0x48, 0x45, 0x00, 0xbe, 0x00, 0x9e, 0x00,
        0x04, 0x01, 0x18, 0x90, 0x00,
    ];
    const PLAIN: &[u8] =
        b"F# F# G A A G F# E D D E F# F# E E F# F# G A A G F# E D D E F# E D D E E F# D E F# G F# D E F# G \
        F# E D E A F# F# G A A G F# E D D E F# E D D\0";

    #[test]
    fn lznt1_example_of_ms_xca_and_a_stored_chunk_decompress() {
        assert_eq!(lznt1(&EXAMPLE, PLAIN.len()).unwrap(), PLAIN);
        let stored = [&[0x02, 0x30][..], b"abc", &EXAMPLE, &[0, 0]].concat();
        assert_eq!(lznt1(&stored, PLAIN.len() + 3).unwrap(), [b"abc", PLAIN].concat());
    }

    #[test]
    fn lznt1_is_refused_with_a_wrong_size_or_a_cut_input() {
        for size in [0, 1, PLAIN.len() - 1, PLAIN.len() + 1, usize::MAX] {
            assert_eq!(lznt1(&EXAMPLE, size), None, "{size}");
        }
        for length in 0..EXAMPLE.len() {
            assert_eq!(lznt1(&EXAMPLE[..length], PLAIN.len()), None, "{length}");
        }
    }

    #[test]
    fn lznt1_match_outside_of_its_chunk_is_refused() {
        // The first match begins three octets back, after one literal. The second match makes the chunk longer than
        // 4096 octets.
        assert_eq!(lznt1(&[0x03, 0xB0, 0x02, 0x61, 0x00, 0x20], 4), None);
        assert_eq!(lznt1(&[0x03, 0xB0, 0x02, 0x61, 0xFF, 0x0F], 4099), None);
        assert_eq!(lznt1(&[0x03, 0xB0, 0x02, 0x61, 0xFC, 0x0F], 4096).unwrap().len(), 4096);
    }
}
