//! Unit tests of the module.

use super::*;

#[test]
fn default_share_is_one_fiftieth_of_the_entries_and_at_most_65535() {
    let most = 50 * usize::from(u16::MAX);
    assert_eq!(
        [most - 1, most, most + 50, MAX_ENTRIES].map(default_share),
        [u16::MAX - 1, u16::MAX, u16::MAX, u16::MAX]
    );
}

#[test]
fn cache_has_at_most_2_to_the_32_entries_and_2_to_the_24_if_usize_has_32_bits() {
    let bits = if cfg!(target_pointer_width = "64") { 32 } else { 24 };
    assert_eq!(u64::try_from(MAX_ENTRIES), Ok(1 << bits));
}
