//! Object identifiers in the notation of numbers with dots.

use core::fmt;

/// An object identifier, given as the contents of its DER encoding (X.690 section 8.19). `Display` writes its numbers
/// with dots between them. A number that is cut off, or has more than 64 bits, is shown as `…`.
pub(crate) struct Dotted<'a>(pub(crate) &'a [u8]);

impl fmt::Display for Dotted<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut numbers = self.0.split_inclusive(|octet| octet & 0x80 == 0).map(base_128);
        match numbers.next() {
            // The first number encodes the first two arcs, and the first arc is 0, 1 or 2. In each branch, the number
            // is at least as large as the constant that is subtracted.
            Some(Some(first @ 0..40)) => write!(f, "0.{first}")?,
            Some(Some(first @ 40..80)) => write!(f, "1.{}", first.wrapping_sub(40))?,
            Some(Some(first)) => write!(f, "2.{}", first.wrapping_sub(80))?,
            Some(None) => f.write_str("2.…")?,
            None => f.write_str("0.0")?,
        }
        numbers.try_for_each(|number| match number {
            Some(number) => write!(f, ".{number}"),
            None => f.write_str(".…"),
        })
    }
}

/// Returns the number that these base-128 octets encode. Returns `None` if the number has more than 64 bits, or its
/// last octet is missing.
fn base_128(octets: &[u8]) -> Option<u64> {
    octets.last().filter(|last| **last & 0x80 == 0)?;
    octets.iter().try_fold(0_u64, |number, octet| Some(number.checked_mul(128)? | u64::from(octet & 0x7F)))
}

#[cfg(test)]
mod tests;
