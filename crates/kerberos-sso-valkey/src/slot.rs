//! The slot of a key in a cluster (Redis cluster specification, "Key distribution model").

/// The number of slots of a cluster.
pub(crate) const SLOTS: u16 = 16_384;

/// Returns the slot of a key. The whole key is hashed, because this crate's keys begin with `{}`, an empty hash tag.
pub(crate) fn slot(key: &[u8]) -> u16 {
    // CRC-16/XMODEM: the polynomial 0x1021, with the initial value zero.
    let crc = key.iter().fold(0_u16, |crc, octet| {
        (0..8)
            .fold(crc ^ (u16::from(*octet) << 8), |crc, _| if crc & 0x8000 == 0 { crc << 1 } else { crc << 1 ^ 0x1021 })
    });
    crc % SLOTS
}

#[cfg(test)]
mod tests {
    use super::slot;

    /// The expected values are the check value of the specification's appendix, and the answer of Redis 7.0.15 to
    /// `CLUSTER KEYSLOT`.
    #[test]
    fn slots_are_the_check_value_of_the_specification_and_the_answer_of_redis() {
        assert_eq!(slot(b"123456789"), 0x31C3);
        assert_eq!(slot(b"{}r0123456789abcdef"), 11_661);
    }
}
