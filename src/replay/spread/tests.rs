use super::*;
use alloc::collections::BTreeSet;

/// The largest cache has 256 shards of 2²¹ buckets. If hashes of one shard could not reach all buckets, the last bits
/// of their indices would be alike. So the test compares the last six bits of the indices.
#[test]
fn hashes_of_one_shard_are_spread_over_all_its_buckets() {
    const SHARDS: usize = 256;
    for wanted in [0, 1, SHARDS - 1] {
        let hashes = (1..=1_u64 << 18).map(second);
        let of_shard = hashes.filter(|hash| shard(*hash, SHARDS) == wanted);
        let last_bits: BTreeSet<_> = of_shard.map(|hash| index(hash, 1 << 21) % 64).collect();
        assert_eq!(last_bits.len(), 64, "shard {wanted}");
    }
}

#[test]
fn index_of_any_hash_is_below_the_count() {
    for count in [1, 2, 3, 64, 1_000, usize::MAX] {
        assert_eq!(index(0, count), 0);
        assert_eq!(index(u64::MAX, count), count - 1);
    }
}
