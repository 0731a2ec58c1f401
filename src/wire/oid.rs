//! Object identifiers in their usual notation.

use core::fmt;

/// An object identifier, given as the contents of its DER encoding (X.690 section 8.19). `Display` writes its numbers
/// with dots between them. A number that is cut off, or has more than 64 bits, is shown as `…`.
pub(crate) struct Dotted<'a>(pub(crate) &'a [u8]);

impl fmt::Display for Dotted<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut numbers = self.0.split_inclusive(|octet| octet & 0x80 == 0).map(base_128);
        match numbers.next() {
            // The first number encodes two arcs, and the first arc is 0, 1 or 2. In each branch, the number is at least
            // as large as the constant that is subtracted.
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
mod tests {
    use super::*;
    use alloc::string::ToString;

    #[test]
    fn object_identifier_is_displayed_as_numbers_with_dots() {
        for (oid, text) in [
            (&[0x2A, 0x86, 0x48, 0x86, 0xF7, 0x12, 0x01, 0x02, 0x02][..], "1.2.840.113554.1.2.2"),
            (&[0x2B, 0x06, 0x01, 0x04, 0x01, 0x82, 0x37, 0x02, 0x02, 0x0A], "1.3.6.1.4.1.311.2.2.10"),
            (&[0x2B, 0x65, 0x70], "1.3.101.112"),
            (&[0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 1, 1, 10], "1.2.840.113549.1.1.10"),
            (&[0x00], "0.0"),
            (&[0x27], "0.39"),
            (&[0x4F], "1.39"),
            (&[0x50], "2.0"),
            (&[0x88, 0x37, 0x03], "2.999.3"),
            (&[0x2A, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0x7F, 0x01], "1.2.….1"),
            (&[0x2A, 0x86, 0x48, 0xCE, 0x3D, 0x04, 0x03, 0x82], "1.2.840.10045.4.3.…"),
            (&[], "0.0"),
        ] {
            assert_eq!(Dotted(oid).to_string(), text);
        }
    }
}
