//! The length octets of an element, in the shortest form (X.690 sections 8.1.3 and 10.1).

/// The length octets of an element.
#[derive(Clone, Copy, Debug)]
pub(crate) struct LengthOctets {
    /// The octets of the length are at the end of the array. The octet before the length contains the number of these
    /// octets.
    octets: [u8; 9],
    start: usize,
}

impl LengthOctets {
    /// Makes the length octets of an element whose contents have `length` octets.
    #[expect(
        clippy::indexing_slicing,
        clippy::arithmetic_side_effects,
        clippy::expect_used,
        reason = "a `usize` has at most 64 bits, so a length has at most 8 octets, and one more octet holds their count"
    )]
    pub(crate) fn of(length: usize) -> Self {
        let length = u64::try_from(length).expect("a number of 64 bits");
        let mut octets = [0; 9];
        octets[1..].copy_from_slice(&length.to_be_bytes());
        if length < 0x80 {
            return Self { octets, start: 8 };
        }
        let [count, ..] = (64 - length.leading_zeros()).div_ceil(8).to_le_bytes();
        let start = 8 - usize::from(count);
        octets[start] = 0x80 | count;
        Self { octets, start }
    }

    /// Returns the octets in their order.
    pub(crate) fn as_slice(&self) -> &[u8] {
        self.octets.split_at(self.start).1
    }
}

#[cfg(test)]
mod tests;
