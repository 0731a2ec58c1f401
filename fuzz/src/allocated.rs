//! Bounded allocation: the memory that a call takes for an input of a given length.

/// Runs the call, which may hold at most `limit` octets at a time.
pub fn at_most<T>(limit: usize, run: impl FnOnce() -> T) -> T {
    let mut value = None;
    let allocated = allocation_counter::measure(|| value = Some(run()));
    assert!(allocated.bytes_max <= u64::try_from(limit).unwrap(), "more than {limit} octets: {allocated:?}");
    value.unwrap()
}

/// The bound of `tests/library/evidence/mutation.rs` for a token of `length` octets.
pub const fn for_token(length: usize) -> usize {
    4 * length + 64 * 1024
}
