//! What the tests of PACs share.
#![allow(dead_code, clippy::unwrap_used, clippy::indexing_slicing, clippy::arithmetic_side_effects)]

pub(crate) mod pac_fields;

use std::ops::Range;

pub(crate) fn unhex(text: &str) -> Vec<u8> {
    let digit = |c: u8| u8::try_from(char::from(c).to_digit(16).unwrap()).unwrap();
    text.as_bytes().chunks_exact(2).map(|pair| digit(pair[0]) << 4 | digit(pair[1])).collect()
}

/// Where the buffer of a type lies in a PAC.
pub(crate) fn buffer(pac: &[u8], buffer_type: u32) -> Option<Range<usize>> {
    let u32_at = |at: usize| u32::from_le_bytes(pac[at..at + 4].try_into().unwrap());
    let count = usize::try_from(u32_at(0)).unwrap();
    let entry = (0..count).map(|index| 8 + 16 * index).find(|entry| u32_at(*entry) == buffer_type)?;
    let (size, start) = (usize::try_from(u32_at(entry + 4)).unwrap(), usize::try_from(u32_at(entry + 8)).unwrap());
    Some(start..start + size)
}
