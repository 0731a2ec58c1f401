//! The reasons why the realms on a ticket's authentication path are refused.

use super::BoundedText;
use crate::limits::{MAX_REALM_LENGTH, MAX_TRANSITED_REALMS, MAX_TRANSITED_SIZE};
use core::fmt;
use thiserror::Error;

/// The reason why the realms between the client's realm and the service's realm are refused. The ticket does not say that
/// the KDC checked these realms.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
#[expect(clippy::large_enum_variant, reason = "a box would allocate, and a refusal must not allocate")]
pub enum TransitedCause {
    /// The policy does not allow these realms on the authentication path.
    #[error("the policy does not allow these realms on the path: {0}")]
    Realms(TransitedRealms),
    /// The list of the realms cannot be read, so no realm can be checked.
    #[error("the list of these realms cannot be read: {0}")]
    Unreadable(TransitedFault),
}

/// The reason why the list of realms in a ticket cannot be read (RFC 4120 section 3.3.3.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum TransitedFault {
    /// The list has this tr-type. RFC 4120 defines only one type: 1, DOMAIN-X500-COMPRESS.
    #[error("the list is of type {0}, not DOMAIN-X500-COMPRESS (1)")]
    Type(i32),
    /// The list has more octets than [`MAX_TRANSITED_SIZE`].
    #[error("the list has more than {MAX_TRANSITED_SIZE} octets")]
    TooLong,
    /// The list names more realms than [`MAX_TRANSITED_REALMS`].
    #[error("the list names more than {MAX_TRANSITED_REALMS} realms")]
    TooMany,
    /// A name has more octets than [`MAX_REALM_LENGTH`].
    #[error("a name in the list has more than {MAX_REALM_LENGTH} octets")]
    NameTooLong,
    /// No character follows a backslash, or a name is empty, begins with a space, or holds a null octet.
    #[error("a name in the list is not well-formed")]
    Syntax,
    /// An abbreviated name can belong to several realms. Implementations read such a name in different ways.
    #[error("an abbreviated name in the list can be read in several ways")]
    Ambiguous,
    /// A null subfield means all realms between its two neighbours, but the two neighbours have no common hierarchy.
    #[error("the list leaves out the realms between two realms that have no common hierarchy")]
    NoWay,
}

/// The realms on a ticket's authentication path that the policy does not allow: their number, and the names of the first
/// realms.
#[derive(Clone, PartialEq, Eq)]
pub struct TransitedRealms {
    first: [BoundedText; Self::CAPACITY],
    count: usize,
}

impl TransitedRealms {
    /// The greatest number of realms whose names are kept.
    pub const CAPACITY: usize = 3;

    pub(crate) const NONE: Self = Self { first: [BoundedText::EMPTY; Self::CAPACITY], count: 0 };

    /// Adds a realm. Octets that are no UTF-8 become U+FFFD.
    pub(crate) fn add(&mut self, realm: &[u8]) {
        if let Some(name) = self.first.get_mut(self.count) {
            for chunk in realm.utf8_chunks() {
                name.append(chunk.valid());
                name.append(if chunk.invalid().is_empty() { "" } else { "\u{FFFD}" });
            }
        }
        self.count = self.count.saturating_add(1);
    }

    /// Returns the number of realms that are not allowed on the path. A realm that the path names twice counts twice.
    #[must_use]
    pub const fn count(&self) -> usize {
        self.count
    }

    /// Returns the names of the first [`CAPACITY`](Self::CAPACITY) realms.
    pub fn names(&self) -> impl Iterator<Item = &BoundedText> {
        self.first.iter().take(self.count)
    }
}

impl fmt::Display for TransitedRealms {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, name) in self.names().enumerate() {
            write!(f, "{}{name}", if index > 0 { ", " } else { "" })?;
        }
        match self.count.saturating_sub(Self::CAPACITY) {
            0 => Ok(()),
            more => write!(f, " and {more} more"),
        }
    }
}

impl fmt::Debug for TransitedRealms {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.names()).entry(&format_args!("{} in all", self.count)).finish()
    }
}
