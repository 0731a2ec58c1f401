//! Parts of arrays.

/// Returns the `N` octets of `octets` that begin at offset `AT`.
#[inline]
pub(crate) fn part<const AT: usize, const N: usize, const LENGTH: usize>(octets: &[u8; LENGTH]) -> [u8; N] {
    const { assert!(AT <= LENGTH && N <= LENGTH - AT) };
    let mut part = [0; N];
    for (to, from) in part.iter_mut().zip(octets.iter().skip(AT)) {
        *to = *from;
    }
    part
}
