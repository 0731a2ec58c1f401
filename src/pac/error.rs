//! The errors of a PAC, and of what it says about the user.

use super::buffer_type::BufferType;
use crate::bounded_text::BoundedText;
use crate::crypto::ChecksumType;
use crate::sid::Sid;
use crate::time::UnixTime;
use thiserror::Error;

/// Octets of a PAC that do not have the form of MS-PAC.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("{what} at byte {at}: {problem}")]
#[non_exhaustive]
pub struct PacMalformed {
    /// The structure or field, by its name in the specification (`KERB_VALIDATION_INFO.GroupIds`).
    pub what: &'static str,
    /// Offset from the start of the PAC, or of decompressed claims.
    pub at: usize,
    /// The problem there.
    pub problem: PacProblem,
}

/// The reason why a PAC cannot be used: [`Pac::verify`](crate::pac::Pac::verify) rejects it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum PacError {
    /// The PAC does not have the form that MS-PAC demands.
    #[error("the PAC is malformed: {0}")]
    Malformed(PacMalformed),
    /// A signature of the PAC is missing or does not verify.
    #[error("the PAC cannot be trusted: {0}")]
    Signature(PacSignature),
}

impl From<PacMalformed> for PacError {
    fn from(malformed: PacMalformed) -> Self {
        Self::Malformed(malformed)
    }
}

/// The problem with a field of a PAC.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum PacProblem {
    /// The octets end before the field does, or before the elements that a count announces.
    #[error("the bytes end too early")]
    Truncated,
    /// More octets follow where the structure must end.
    #[error("{0} bytes too many")]
    TrailingBytes(usize),
    /// There are more octets than the limit.
    #[error("{size} bytes, more than the limit of {limit}")]
    TooLarge {
        /// How many there are, or are said to be.
        size: usize,
        /// How many there may be.
        limit: usize,
    },
    /// There are more elements than the limit.
    #[error("more than {0} elements")]
    TooMany(usize),
    /// The version is not 0.
    #[error("version {0} instead of 0")]
    Version(u32),
    /// A buffer does not begin at a multiple of eight octets.
    #[error("it is not aligned to eight bytes")]
    Alignment,
    /// An offset points into the header, or past the end.
    #[error("it lies in the header or past the end")]
    Offset,
    /// Two buffers share octets.
    #[error("it overlaps another buffer")]
    Overlap,
    /// There is a second buffer, or PAC, of which there may be one.
    #[error("there is more than one")]
    Duplicate,
    /// A buffer is missing that must be there.
    #[error("there is none")]
    Missing,
    /// A field does not have the length that it must have.
    #[error("{found} bytes where {expected} belong")]
    Size {
        /// The length the field must have.
        expected: usize,
        /// The length it has.
        found: usize,
    },
    /// The header is not that of type serialization version 1 in little-endian order (MS-RPCE section 2.2.6).
    #[error("the serialization header is not that of version 1, little-endian")]
    SerializationHeader,
    /// A pointer is null where there must be something.
    #[error("a null pointer")]
    NullPointer,
    /// A pointer has the number of another one.
    #[error("a pointer that was used before")]
    RepeatedReferent,
    /// An array has another count, offset or maximum than its structure says.
    #[error("an array of another size than its structure says")]
    Conformance,
    /// A string has an odd length, or one beyond its maximum, or no end.
    #[error("a string of an impossible length")]
    StringLength,
    /// A text has a NUL or half a surrogate pair.
    #[error("text that is not UTF-16 or holds a NUL")]
    Text,
    /// A SID has another revision or more than 15 sub-authorities.
    #[error("not a SID")]
    Sid,
    /// A SID is not that of a domain, where one must stand: `S-1-5-21-` and three numbers.
    #[error("{sid} is not the SID of a domain (S-1-5-21-x-y-z){}", authority_of(*sid))]
    NoDomain {
        /// This is the SID.
        sid: Sid,
    },
    /// UserId is zero. By MS-PAC section 2.5, the user's SID is then the first of ExtraSids.
    #[error("it is 0: the account is from outside of the domain")]
    NoUser,
    /// A number is unknown.
    #[error("the unknown value {0}")]
    Value(u32),
    /// Compressed octets cannot be decompressed.
    #[error("it does not decompress")]
    Compression,
}

/// A signature of a PAC that does not hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("the signature {buffer_type} {cause}")]
#[non_exhaustive]
pub struct PacSignature {
    /// The buffer that holds it.
    pub buffer_type: BufferType,
    /// The reason.
    pub cause: SignatureCause,
}

/// The reason why a signature does not hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum SignatureCause {
    /// The PAC has no such signature.
    #[error("is missing")]
    Missing,
    /// No key of the signer makes signatures of its type. A type without a key, as in MS14-068, is one of these.
    #[error("is of type {0}, which no key held for it makes")]
    Type(ChecksumType),
    /// No key of its type makes this signature of these octets.
    #[error("does not verify")]
    Wrong,
}

/// What is missing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum MissingPac {
    /// The ticket's authorization data holds no PAC.
    #[error("the ticket carries no PAC")]
    Pac,
    /// The PAC has no LOGON_INFO, as that of a KDC which is not Active Directory.
    #[error("the ticket's PAC has no LOGON_INFO, so it says no SID")]
    LogonInfo,
}

/// What in a PAC contradicts the ticket or the rest of the PAC.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum PacMismatch {
    /// CLIENT_INFO names another client.
    #[error("it is for the client {pac:?}, and the ticket for {ticket:?}")]
    ClientName {
        /// The PAC's.
        pac: BoundedText,
        /// The ticket's.
        ticket: BoundedText,
    },
    /// CLIENT_INFO has another time.
    #[error("it is for the authtime {}, and the ticket has {ticket}", DisplayTime(*.pac))]
    AuthTime {
        /// The PAC's, if it is an instant.
        pac: Option<UnixTime>,
        /// The ticket's.
        ticket: UnixTime,
    },
    /// Another account asked for the TGT (CVE-2021-42287).
    #[error("it was requested by {requestor}, and is about {user}")]
    Requestor {
        /// PAC_REQUESTOR's.
        requestor: Sid,
        /// LOGON_INFO's.
        user: Sid,
    },
    /// UPN_DNS_INFO is about another account.
    #[error("its UPN_DNS_INFO is about {upn}, and its LOGON_INFO about {user}")]
    UpnSid {
        /// UPN_DNS_INFO's.
        upn: Sid,
        /// LOGON_INFO's.
        user: Sid,
    },
}

/// The SID that is of a domain which the account may not vouch for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum DomainClaim {
    /// The user's SID.
    #[error("a user")]
    User,
    /// An extra SID.
    #[error("a membership in a group")]
    ExtraSid,
    /// The SID of the resource groups' domain.
    #[error("a membership in a resource group")]
    ResourceGroup,
}

/// The reason why an account is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum AccountCause {
    /// The account is that of a computer, a managed service, a domain controller or a trust.
    #[error("it is a computer's, not a person's")]
    Computer,
    /// The account is Guest (501), krbtgt (502) or another one of the system itself.
    #[error("it is one of the system's own")]
    System,
    /// The account is disabled.
    #[error("it is disabled")]
    Disabled,
    /// The user logged on as a guest.
    #[error("it was logged on as a guest")]
    Guest,
}

/// Says whose SID it is, where that is well known.
fn authority_of(sid: Sid) -> &'static str {
    match (sid.authority(), sid.sub_authorities()) {
        (12, [1, ..]) => ", but one of Microsoft Entra ID",
        (5, [32, ..]) => ", but that of BUILTIN",
        _ => "",
    }
}

struct DisplayTime(Option<UnixTime>);

impl core::fmt::Display for DisplayTime {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match self.0 {
            Some(time) => time.fmt(f),
            None => f.write_str("never"),
        }
    }
}
