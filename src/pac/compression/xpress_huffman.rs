//! LZ77+Huffman (MS-XCA sections 2.1 and 2.2): the compression that Windows' KDC uses for claims.

use super::Output;
use alloc::vec::Vec;

/// Decompresses to exactly `size` octets. Returns `None` if the octets are malformed or too short.
pub(in super::super) fn xpress_huffman(compressed: &[u8], size: usize) -> Option<Vec<u8>> {
    let mut output = Output::new(size);
    let mut rest = compressed;
    while output.left() > 0 {
        let (table, stream) = rest.split_first_chunk::<TABLE>()?;
        rest = decompress_block(&Codes::new(table)?, stream, &mut output)?;
    }
    output.finish()
}

/// Decompresses one block: 64 KiB, or the rest of the output. Returns the octets after the block.
fn decompress_block<'a>(codes: &Codes, stream: &'a [u8], output: &mut Output) -> Option<&'a [u8]> {
    let end = output.bytes.len().saturating_add(BLOCK).min(output.size);
    let mut bits = Bits::new(stream)?;
    while output.bytes.len() < end {
        let symbol = codes.next(&mut bits)?;
        let Some(symbol) = symbol.checked_sub(256) else {
            output.push(u8::try_from(symbol).ok()?)?;
            continue;
        };
        let length = match_length(usize::from(symbol & 15), &mut bits)?;
        let distance_bits = u32::from(symbol >> 4);
        let distance = (1_usize << distance_bits).checked_add(usize::try_from(bits.take(distance_bits)).ok()?)?;
        output.repeat(distance, length)?;
    }
    Some(bits.rest)
}

/// Reads the length of a match. If the length is long, one or three extra octets contain it.
fn match_length(short: usize, bits: &mut Bits<'_>) -> Option<usize> {
    let length = match short {
        15 => match bits.byte()? {
            255 => usize::from(bits.pair()?).checked_sub(15)?,
            longer => usize::from(longer),
        }
        .checked_add(15)?,
        short => short,
    };
    length.checked_add(3)
}

/// Canonical Huffman codes. Codes of the same length are in the order of their symbols, and shorter codes come first.
struct Codes {
    /// The number of codes of each length.
    counts: [u16; MAX_LENGTH + 1],
    /// The symbols in the order of their codes.
    symbols: Vec<u16>,
}

impl Codes {
    /// Reads a code length of four bits for each symbol. Together the codes must cover all 2^15 bit patterns (section 2.2.4).
    fn new(table: &[u8; TABLE]) -> Option<Self> {
        let lengths = || table.iter().flat_map(|pair| [pair & 15, pair >> 4]).map(usize::from);
        let mut counts = [0_u16; MAX_LENGTH + 1];
        for length in lengths().filter(|length| *length > 0) {
            let count = counts.get_mut(length)?;
            *count = count.checked_add(1)?;
        }
        let used: usize =
            (1..).zip(counts.iter().skip(1)).map(|(length, count)| usize::from(*count) << (MAX_LENGTH ^ length)).sum();
        if used != 1 << MAX_LENGTH {
            return None;
        }
        let of_length =
            |wanted| (0..).zip(lengths()).filter(move |(_, length)| *length == wanted).map(|(symbol, _)| symbol);
        Some(Self { counts, symbols: (1..=MAX_LENGTH).flat_map(of_length).collect() })
    }

    fn next(&self, bits: &mut Bits<'_>) -> Option<u16> {
        let (mut code, mut first, mut index) = (0_usize, 0_usize, 0_usize);
        for (length, count) in (1..).zip(self.counts.iter().skip(1)) {
            code = (code << 1) | bits.peek(length);
            let offset = code.checked_sub(first)?;
            let count = usize::from(*count);
            if offset < count {
                bits.take(length);
                return self.symbols.get(index.checked_add(offset)?).copied();
            }
            index = index.checked_add(count)?;
            first = first.checked_add(count)? << 1;
        }
        None
    }
}

/// A reader of bits. In each 16-bit word, the reader begins with the highest bit. The reader has read one to two words in
/// advance. An extra octet is read from the position after these words.
struct Bits<'a> {
    next: u32,
    /// The number of unread bits in `next`, minus 16. If this number falls below zero, the reader reads another word.
    extra: i32,
    rest: &'a [u8],
}

impl<'a> Bits<'a> {
    fn new(stream: &'a [u8]) -> Option<Self> {
        let mut bits = Self { next: 0, extra: 16, rest: stream };
        bits.next = u32::from(bits.pair()?) << 16 | u32::from(bits.pair()?);
        Some(bits)
    }

    /// Returns the bit at `position`. The next bit has the position 1.
    fn peek(&self, position: u32) -> usize {
        usize::from(self.next.rotate_left(position) & 1 == 1)
    }

    /// Takes the next `count` bits, at most 15. After the last word, the function returns zeros, because only the size of the
    /// output determines the end of a message. For at most 15 bits, no operation saturates. For a count of zero, the shift by
    /// 32 gives zero.
    fn take(&mut self, count: u32) -> u32 {
        let taken = self.next.checked_shr(32_u32.saturating_sub(count)).unwrap_or(0);
        self.next <<= count;
        self.extra = self.extra.saturating_sub_unsigned(count);
        if self.extra < 0 {
            let word = u32::from(self.pair().unwrap_or(0));
            self.next |= word << self.extra.unsigned_abs();
            self.extra = self.extra.saturating_add(16);
        }
        taken
    }

    fn byte(&mut self) -> Option<u8> {
        let (byte, rest) = self.rest.split_first()?;
        self.rest = rest;
        Some(*byte)
    }

    fn pair(&mut self) -> Option<u16> {
        let (pair, rest) = self.rest.split_first_chunk()?;
        self.rest = rest;
        Some(u16::from_le_bytes(*pair))
    }
}

/// The number of octets that hold the 512 code lengths at the beginning of a block.
const TABLE: usize = 256;

/// The number of bits of the longest code.
const MAX_LENGTH: usize = 15;

/// The number of octets of a decompressed block.
const BLOCK: usize = 65_536;

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::indexing_slicing)]
mod tests;
