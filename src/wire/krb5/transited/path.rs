//! The realms on the hierarchical path between two realms (RFC 4120 section 1.2). A null subfield of a transited list
//! means these realms.

use crate::error::TransitedFault;

/// Calls `visit` for each realm between `start` and `end`. The path goes up to the lowest common ancestor of both
/// realms, and then down to `end`. Fails if the realms have no common ancestor. A realm counts as its own ancestor. The
/// function takes time linear in the number of visited realms and in the length of both names.
pub(super) fn each_between(
    start: &[u8],
    end: &[u8],
    visit: &mut dyn FnMut(&[u8]) -> Result<(), TransitedFault>,
) -> Result<(), TransitedFault> {
    let style = Style::of(start);
    if style != Style::of(end) {
        return Err(TransitedFault::NoWay);
    }
    let (start_depth, end_depth) = (style.depth(start), style.depth(end));
    let shared = style.shared_depth(start, end);
    if shared == 0 {
        return Err(TransitedFault::NoWay);
    }
    for depth in (shared..start_depth).rev().filter(|depth| *depth < end_depth || *depth > shared) {
        visit(style.above(start, depth))?;
    }
    for depth in shared.saturating_add(1)..end_depth {
        visit(style.above(end, depth))?;
    }
    Ok(())
}

/// The style of a realm's name (RFC 4120 section 6.1).
#[derive(Clone, Copy, PartialEq, Eq)]
enum Style {
    /// `CHILD.EXAMPLE.COM`, which is below `EXAMPLE.COM`.
    Domain,
    /// `/COM/EXAMPLE`, which is below `/COM`.
    X500,
}

impl Style {
    fn of(realm: &[u8]) -> Self {
        if realm.starts_with(b"/") { Self::X500 } else { Self::Domain }
    }

    const fn separator(self) -> u8 {
        match self {
            Self::Domain => b'.',
            Self::X500 => b'/',
        }
    }

    /// Returns the number of realms above this realm, plus one for the realm itself.
    fn depth(self, realm: &[u8]) -> usize {
        let parts = realm.split(|octet| *octet == self.separator()).count();
        match self {
            Self::Domain => parts,
            Self::X500 => parts.saturating_sub(1), // the part before the first separator is empty
        }
    }

    /// Returns the depth of the lowest common ancestor. A realm counts as its own ancestor. Returns zero if there is no
    /// common ancestor.
    fn shared_depth(self, one: &[u8], other: &[u8]) -> usize {
        let separates = |octet: &u8| *octet == self.separator();
        match self {
            Self::Domain => {
                let labels = one.rsplit(separates).zip(other.rsplit(separates));
                labels.take_while(|(one, other)| one == other).count()
            }
            Self::X500 => {
                // Both names begin with a separator, so the first component of both is empty.
                let components = one.split(separates).zip(other.split(separates)).skip(1);
                components.take_while(|(one, other)| one == other).count()
            }
        }
    }

    /// Returns the ancestor of `realm` that has the depth `depth`. `realm` counts as its own ancestor.
    fn above(self, realm: &[u8], depth: usize) -> &[u8] {
        let is_separator = |(_, octet): &(usize, &u8)| **octet == self.separator();
        let mut separators = realm.iter().enumerate().filter(is_separator).map(|(at, _)| at);
        match self {
            Self::Domain => {
                let before = separators.rev().nth(depth.saturating_sub(1));
                before.map_or(realm, |at| realm.get(at.saturating_add(1)..).unwrap_or_default())
            }
            Self::X500 => separators.nth(depth).map_or(realm, |at| realm.get(..at).unwrap_or_default()),
        }
    }
}
