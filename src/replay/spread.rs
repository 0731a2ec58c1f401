//! The distribution of hashes over shards, and over the elements of a shard.

/// Maps a hash evenly to `0..count`, by the most significant bits of the hash.
#[expect(
    clippy::expect_used,
    reason = "a `usize` has at most 64 bits, and the upper 64 bits of the product are below `count`"
)]
pub(super) fn index(hash: u64, count: usize) -> usize {
    let count = u128::try_from(count).expect("a `usize` has at most 64 bits");
    // Both factors have 64 bits, so the product does not saturate.
    let product = u128::from(hash).saturating_mul(count);
    usize::try_from(product >> 64).expect("an index below `count`")
}

/// Returns the index of the shard for a hash, out of `count` shards.
///
/// The index of the shard depends mainly on the lower half of the hash. [`index`] depends on the lower half only if
/// there are more than 2³² elements. So the hashes of one shard can select all of its elements.
pub(super) fn shard(hash: u64, count: usize) -> usize {
    index(hash.rotate_left(32), count)
}

/// Makes a second hash from a hash.
pub(super) fn second(hash: u64) -> u64 {
    hash.wrapping_mul(SPREAD)
}

/// An odd number without a pattern in its bits: 2⁶⁴ divided by the golden ratio.
const SPREAD: u64 = 0x9E37_79B9_7F4A_7C15;

#[cfg(test)]
mod tests;
