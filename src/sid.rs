//! Security identifiers (MS-DTYP section 2.4.2).
//!
//! Input: the text of a SID, or its packet form, which is the octets of RPC_SID. Output: a [`Sid`]. Only the directory knows
//! the meaning of a SID, and whether the SID exists.

use alloc::vec::Vec;
use core::fmt;
use core::str::FromStr;
use thiserror::Error;

/// A security identifier: `S-1-5-21-397973807-962049227-2576849202-1103`.
///
/// The SID of an account is the SID of its domain with one more number at the end, the relative identifier (RID). Unlike a
/// name, a SID is never given to another account.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Sid {
    authority: [u8; 6],
    count: u8,
    /// The sub-authorities. The elements from index `count` on are zero, so that equal SIDs have equal fields.
    sub_authorities: [u32; Sid::MAX_SUB_AUTHORITIES],
}

impl Sid {
    /// The largest number of sub-authorities (MS-DTYP section 2.4.2.2).
    pub const MAX_SUB_AUTHORITIES: usize = 15;

    /// The SID that marks a user who authenticated to the KDC: AUTHENTICATION_AUTHORITY_ASSERTED_IDENTITY.
    pub const AUTHENTICATION_ASSERTED: Self = Self::of([0, 0, 0, 0, 0, 18], &[1]);

    /// The SID that marks a user whom a service named to the KDC, through S4U2Self: SERVICE_ASSERTED_IDENTITY.
    pub const SERVICE_ASSERTED: Self = Self::of([0, 0, 0, 0, 0, 18], &[2]);

    /// The packet form of [`SERVICE_ASSERTED`](Self::SERVICE_ASSERTED).
    pub(crate) const SERVICE_ASSERTED_PACKET: [u8; 12] = [1, 1, 0, 0, 0, 0, 0, 18, 2, 0, 0, 0];

    /// Makes a SID of revision 1. Returns `None` if the authority has more than 48 bits, or if there are more than 15
    /// sub-authorities.
    #[must_use]
    pub fn new(authority: u64, sub_authorities: &[u32]) -> Option<Self> {
        let [0, 0, authority @ ..] = authority.to_be_bytes() else { return None };
        (sub_authorities.len() <= Self::MAX_SUB_AUTHORITIES).then(|| Self::of(authority, sub_authorities))
    }

    /// Reads the packet form. No octet may follow the SID.
    #[must_use]
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let ([revision, count, authority @ ..], encoded) = bytes.split_first_chunk::<8>()?;
        if Self::length([*revision, *count]) != Some(bytes.len()) {
            return None;
        }
        let mut sid = Self { authority: *authority, count: *count, sub_authorities: [0; Self::MAX_SUB_AUTHORITIES] };
        for (sub_authority, octets) in sid.sub_authorities.iter_mut().zip(encoded.chunks_exact(4)) {
            *sub_authority = u32::from_le_bytes(octets.try_into().ok()?);
        }
        Some(sid)
    }

    /// Returns the length of a packet form from its first two octets, the revision and the count.
    pub(crate) fn length([revision, count]: [u8; 2]) -> Option<usize> {
        if revision == 1 { Self::length_of(usize::from(count)) } else { None }
    }

    /// Returns the length of the packet form of a SID with `count` sub-authorities.
    pub(crate) fn length_of(count: usize) -> Option<usize> {
        if count > Self::MAX_SUB_AUTHORITIES { None } else { count.checked_mul(4)?.checked_add(8) }
    }

    /// Returns whether these octets are exactly the packet form of a SID.
    pub(crate) fn is_packet(bytes: &[u8]) -> bool {
        bytes.first_chunk().is_some_and(|head| Self::length(*head) == Some(bytes.len()))
    }

    /// Returns the packet form: the revision, the count, the authority in big-endian order, and the sub-authorities in
    /// little-endian order.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let sub_authorities = self.sub_authorities().iter().flat_map(|sub_authority| sub_authority.to_le_bytes());
        [1, self.count].into_iter().chain(self.authority).chain(sub_authorities).collect()
    }

    /// Returns the identifier authority. The authority is 5 in all SIDs that a domain issues.
    #[must_use]
    pub fn authority(&self) -> u64 {
        self.authority.iter().fold(0, |authority, byte| (authority << 8) | u64::from(*byte))
    }

    /// Returns the sub-authorities. The RID is the last sub-authority.
    #[must_use]
    pub fn sub_authorities(&self) -> &[u32] {
        // Every constructor limits the count, so the default is never used.
        self.sub_authorities.get(..usize::from(self.count)).unwrap_or_default()
    }

    /// Returns the last sub-authority.
    #[must_use]
    pub fn rid(&self) -> Option<u32> {
        self.sub_authorities().last().copied()
    }

    /// Returns this SID without its RID. For an account, this is the SID of its domain.
    #[must_use]
    pub fn domain(&self) -> Option<Self> {
        let (_, domain) = self.sub_authorities().split_last()?;
        Some(Self::of(self.authority, domain))
    }

    /// Returns the SID of the account with the RID `rid` in this domain. Returns `None` if this SID already has 15
    /// sub-authorities.
    #[must_use]
    pub fn join(mut self, rid: u32) -> Option<Self> {
        *self.sub_authorities.get_mut(usize::from(self.count))? = rid;
        self.count = self.count.checked_add(1)?;
        Some(self)
    }

    /// Returns whether this SID belongs to a domain. Such a SID begins with `S-1-5-21-` and the three numbers of the domain.
    /// SIDs that begin with `S-1-5-21-0-0-0` are well known and belong to no domain (RIDs 496 and 497 in MS-DTYP section
    /// 2.4.2.4).
    #[must_use]
    pub fn is_of_domain(&self) -> bool {
        match self.sub_authorities() {
            [21, 0, 0, 0, ..] => false,
            [21, _, _, _, ..] => self.authority() == 5,
            _ => false,
        }
    }

    /// Returns whether this SID is the SID of a domain itself: `S-1-5-21-` and three numbers.
    #[must_use]
    pub fn is_domain(&self) -> bool {
        self.is_of_domain() && self.sub_authorities().len() == 4
    }

    /// Returns whether this SID describes the logon and does not name an account.
    ///
    /// These SIDs are (MS-DTYP section 2.4.2.4, MS-PAC section 4.1.2.2):
    ///
    /// - all SIDs of authority 18, which say who asserted the identity, or how the user's key was trusted,
    /// - the claims of `S-1-5-21-0-0-0`,
    /// - Enterprise Domain Controllers, This Organization, Other Organization, and This Organization Certificate.
    ///
    /// The SIDs of BUILTIN and SYSTEM belong to a machine, and no KDC puts them into a ticket.
    pub(crate) fn is_of_logon(&self) -> bool {
        matches!(
            (self.authority(), self.sub_authorities()),
            (18, _) | (5, [21, 0, 0, 0, _] | [9 | 15 | 1000] | [65, _])
        )
    }

    /// Returns whether this SID only says how a user of another forest signed in, and grants no rights.
    ///
    /// Three SIDs are of this kind. S-1-18-1 and S-1-18-2 say whether the KDC or a service asserts the identity. The
    /// service's KDC adds the third SID, Other Organization (S-1-5-1000).
    pub(crate) fn crosses_forests(&self) -> bool {
        matches!((self.authority(), self.sub_authorities()), (18, [1 | 2]) | (5, [1000]))
    }

    /// Returns whether this SID can be a domain-local group. Groups that administrators make have RIDs from 1000 on. Four
    /// groups with lower RIDs are domain-local, too (MS-DTYP section 2.4.2.4): Cert Publishers, RAS and IAS Servers, and two
    /// groups for read-only domain controllers. The last two groups allow and deny the replication of passwords.
    pub(crate) fn may_be_domain_local(&self) -> bool {
        self.is_of_domain() && self.rid().is_some_and(|rid| rid >= 1000 || matches!(rid, 517 | 553 | 571 | 572))
    }

    /// Makes a SID from at most 15 sub-authorities. No caller gives more sub-authorities.
    #[expect(
        clippy::arithmetic_side_effects,
        reason = "each round uses one of the 15 elements of `to`, so the count is at most 15"
    )]
    const fn of(authority: [u8; 6], sub_authorities: &[u32]) -> Self {
        let mut sid = Self { authority, count: 0, sub_authorities: [0; Self::MAX_SUB_AUTHORITIES] };
        let mut from = sub_authorities;
        let mut to: &mut [u32] = &mut sid.sub_authorities;
        while let ([first, others @ ..], [free, rest @ ..]) = (from, to) {
            *free = *first;
            sid.count += 1;
            (from, to) = (others, rest);
        }
        sid
    }
}

/// The SID of a domain: `S-1-5-21-` and three numbers. At least one of the numbers is not zero.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct DomainSid([u32; 3]);

impl DomainSid {
    /// Reads the packet form of a SID for which [`is_domain`](Sid::is_domain) is true.
    pub(crate) fn from_packet(packet: &[u8]) -> Option<Self> {
        match packet.split_first_chunk()? {
            ([1, 4, 0, 0, 0, 0, 0, 5, 21, 0, 0, 0], numbers) => Self::from_numbers(numbers.try_into().ok()?),
            _ => None,
        }
    }

    /// Reads the packet form of an account's SID. Returns the domain and the RID.
    pub(crate) fn split_account(packet: &[u8]) -> Option<(Self, u32)> {
        let (domain, rid) = packet.split_last_chunk()?;
        match domain.split_first_chunk()? {
            ([1, 5, 0, 0, 0, 0, 0, 5, 21, 0, 0, 0], numbers) => {
                Some((Self::from_numbers(numbers.try_into().ok()?)?, u32::from_le_bytes(*rid)))
            }
            _ => None,
        }
    }

    fn from_numbers([a0, a1, a2, a3, b0, b1, b2, b3, c0, c1, c2, c3]: [u8; 12]) -> Option<Self> {
        let numbers = [[a0, a1, a2, a3], [b0, b1, b2, b3], [c0, c1, c2, c3]].map(u32::from_le_bytes);
        (numbers != [0; 3]).then_some(Self(numbers))
    }

    /// Returns the SID of the domain itself.
    pub(crate) const fn sid(self) -> Sid {
        Sid { count: 4, ..self.account(0) }
    }

    /// Returns the SID of the account with the RID `rid` in this domain.
    pub(crate) const fn account(self, rid: u32) -> Sid {
        let Self([first, second, third]) = self;
        let sub_authorities = [21, first, second, third, rid, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
        Sid { authority: [0, 0, 0, 0, 0, 5], count: 5, sub_authorities }
    }
}

impl fmt::Debug for DomainSid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.sid(), f)
    }
}

/// Prints the SID as text. An authority of more than 32 bits is hexadecimal (MS-DTYP section 2.4.2.1).
impl fmt::Display for Sid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let authority = self.authority();
        match u32::try_from(authority) {
            Ok(authority) => write!(f, "S-1-{authority}")?,
            Err(_) => write!(f, "S-1-0x{authority:012X}")?,
        }
        self.sub_authorities().iter().try_for_each(|sub_authority| write!(f, "-{sub_authority}"))
    }
}

impl fmt::Debug for Sid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Reads a SID (`S-1-5-21-…`). No character may follow the SID.
impl FromStr for Sid {
    type Err = InvalidSid;

    fn from_str(text: &str) -> Result<Self, InvalidSid> {
        let mut parts = text.strip_prefix("S-1-").ok_or(InvalidSid)?.split('-');
        let authority = parts.next().and_then(parse_authority).ok_or(InvalidSid)?;
        let sid = Self::new(authority, &[]).ok_or(InvalidSid)?;
        parts.try_fold(sid, |sid, part| sid.join(parse_decimal(part)?)).ok_or(InvalidSid)
    }
}

/// The error for a text that is not a SID.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("the text is not a SID (S-1-5-21-…)")]
pub struct InvalidSid;

fn parse_authority(text: &str) -> Option<u64> {
    match text.strip_prefix("0x") {
        Some(digits) if digits.len() == 12 && digits.bytes().all(|digit| digit.is_ascii_hexdigit()) => {
            u64::from_str_radix(digits, 16).ok()
        }
        Some(_) => None,
        None => parse_decimal(text).map(u64::from),
    }
}

/// Parses a text of digits only, because the parser of `u32` also accepts a sign.
fn parse_decimal(text: &str) -> Option<u32> {
    text.bytes().all(|digit| digit.is_ascii_digit()).then(|| text.parse().ok())?
}

#[cfg(feature = "serde")]
impl serde::Serialize for Sid {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[cfg(feature = "serde")]
impl<'de> serde::Deserialize<'de> for Sid {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Text;
        impl serde::de::Visitor<'_> for Text {
            type Value = Sid;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a SID (S-1-5-21-…)")
            }

            fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Sid, E> {
                text.parse().map_err(E::custom)
            }
        }
        deserializer.deserialize_str(Text)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::indexing_slicing)]
mod tests;
