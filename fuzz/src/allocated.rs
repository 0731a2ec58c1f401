//! Limits the memory that a call allocates.

/// Runs a call, and asserts that at no moment more than `limit` octets are allocated for the call.
pub fn at_most<T>(limit: usize, run: impl FnOnce() -> T) -> T {
    let mut value = None;
    let allocated = allocation_counter::measure(|| value = Some(run()));
    assert!(allocated.bytes_max <= u64::try_from(limit).unwrap(), "more than {limit} octets: {allocated:?}");
    value.unwrap()
}

/// Returns the limit for a token of `length` octets, as in `tests/library/evidence/mutation.rs`.
pub const fn for_token(length: usize) -> usize {
    4 * length + 64 * 1024
}
