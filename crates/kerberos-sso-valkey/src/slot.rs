//! The slot of a key in a cluster (Redis cluster specification, "Key distribution model").

/// How many slots a cluster has.
pub(crate) const SLOTS: u16 = 16_384;

/// Returns the slot of a key, which counts whole: this crate's keys begin with `{}`, an empty hash tag.
pub(crate) fn slot(key: &[u8]) -> u16 {
    // CRC-16/XMODEM: the polynomial 0x1021, from zero.
    let crc = key.iter().fold(0_u16, |crc, octet| {
        (0..8)
            .fold(crc ^ (u16::from(*octet) << 8), |crc, _| if crc & 0x8000 == 0 { crc << 1 } else { crc << 1 ^ 0x1021 })
    });
    crc % SLOTS
}

#[cfg(test)]
mod tests {
    use super::slot;

    /// The check value of the specification's appendix, and what `CLUSTER KEYSLOT` of Redis 7.0.15 says.
    #[test]
    fn slot_is_the_one_of_the_specification() {
        assert_eq!(slot(b"123456789"), 0x31C3);
        assert_eq!(slot(b"{}r0123456789abcdef"), 11_661);
    }
}
