//! The errors of a PAC and of its contents.

use super::buffer_type::BufferType;
use crate::bounded_text::BoundedText;
use crate::crypto::ChecksumType;
use crate::sid::Sid;
use crate::time::UnixTime;
use thiserror::Error;

/// The error for a PAC that does not have the form that MS-PAC demands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("{what} at byte {at}: {problem}")]
#[non_exhaustive]
pub struct PacMalformed {
    /// The structure or field, by its name in the specification (`KERB_VALIDATION_INFO.GroupIds`).
    pub what: &'static str,
    /// The offset of the fault, from the start of the PAC or of the decompressed claims.
    pub at: usize,
    /// The problem at this offset.
    pub problem: PacProblem,
}

/// The reason why [`Pac::verify`](crate::pac::Pac::verify) rejects a PAC.
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
    /// The octets end within the field, or before the last of the announced elements.
    #[error("the bytes end too early")]
    Truncated,
    /// Octets follow the end of the structure.
    #[error("{0} bytes follow the end of the structure")]
    TrailingBytes(usize),
    /// The number of octets exceeds the limit.
    #[error("{size} bytes, more than the limit of {limit}")]
    TooLarge {
        /// The number of octets that were counted, or that the PAC announces.
        size: usize,
        /// The highest allowed number of octets.
        limit: usize,
    },
    /// The number of elements exceeds the limit.
    #[error("more than {0} elements")]
    TooMany(usize),
    /// The version is not 0.
    #[error("version {0} instead of 0")]
    Version(u32),
    /// A buffer does not begin at a multiple of eight octets.
    #[error("it is not aligned to eight bytes")]
    Alignment,
    /// An offset points into the header, or past the end.
    #[error("its offset points into the header or past the end")]
    Offset,
    /// Two buffers share octets.
    #[error("it overlaps another buffer")]
    Overlap,
    /// The PAC has two buffers of one type, or the ticket has two PACs.
    #[error("it occurs more than once")]
    Duplicate,
    /// A required buffer is missing.
    #[error("this buffer is missing")]
    Missing,
    /// A field does not have the required length.
    #[error("{found} bytes instead of {expected}")]
    Size {
        /// The required length of the field.
        expected: usize,
        /// The length that the field has.
        found: usize,
    },
    /// The header does not announce type serialization version 1 in little-endian order (MS-RPCE section 2.2.6).
    #[error("the serialization header is not version 1 in little-endian order")]
    SerializationHeader,
    /// A pointer is null, but the field must not be absent.
    #[error("the pointer is null")]
    NullPointer,
    /// Two pointers have the same referent ID.
    #[error("a pointer with the same referent ID as another pointer")]
    RepeatedReferent,
    /// The count, the offset or the maximum of an array differs from the value that the structure announces.
    #[error("the size of the array differs from the size in its structure")]
    Conformance,
    /// A string has an odd length, a length above its maximum, or no terminating NUL.
    #[error("a string of an impossible length")]
    StringLength,
    /// A text contains a NUL or half a surrogate pair.
    #[error("text that is not UTF-16 or holds a NUL")]
    Text,
    /// A SID has an unknown revision or more than 15 sub-authorities, or its length differs from the length that the
    /// SID announces.
    #[error("the bytes are not a SID")]
    Sid,
    /// A SID is not the SID of a domain (`S-1-5-21-` and three numbers), but the field requires the SID of a domain.
    #[error("{sid} is not the SID of a domain (S-1-5-21-x-y-z){}", authority_of(*sid))]
    NoDomain {
        /// The SID in the field.
        sid: Sid,
    },
    /// UserId is zero. By MS-PAC section 2.5, the user's SID is then the first SID of ExtraSids.
    #[error("it is 0, which means that the account is from outside of the domain")]
    NoUser,
    /// A number has a value that the specification does not define.
    #[error("the unknown value {0}")]
    Value(u32),
    /// Compressed octets cannot be decompressed.
    #[error("the compressed bytes cannot be decompressed")]
    Compression,
}

/// A signature of a PAC that is missing or does not verify.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("the signature {buffer_type} {cause}")]
#[non_exhaustive]
pub struct PacSignature {
    /// The buffer of the signature.
    pub buffer_type: BufferType,
    /// The reason why the signature is refused.
    pub cause: SignatureCause,
}

/// The reason why a signature is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum SignatureCause {
    /// The PAC does not have this signature.
    #[error("is missing")]
    Missing,
    /// No key that may verify this signature makes signatures of this type. A checksum type that uses no key causes
    /// this error, too (MS14-068).
    #[error("is of type {0}, but no key that may verify it makes signatures of this type")]
    Type(ChecksumType),
    /// The signature does not verify under any of the keys that make signatures of its type.
    #[error("does not verify")]
    Wrong,
}

/// The part that a ticket lacks: the PAC, or the LOGON_INFO in the PAC.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum MissingPac {
    /// The ticket's authorization data holds no PAC.
    #[error("the ticket carries no PAC")]
    Pac,
    /// The PAC has no LOGON_INFO. Some KDCs other than Active Directory write such a PAC.
    #[error("the ticket's PAC has no LOGON_INFO, so it does not contain the user's SID")]
    LogonInfo,
}

/// The field of a PAC that contradicts the ticket or another field of the PAC.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum PacMismatch {
    /// CLIENT_INFO and the ticket name different clients.
    #[error("it is for the client {pac:?}, but the ticket is for {ticket:?}")]
    ClientName {
        /// The client's name in the PAC.
        pac: BoundedText,
        /// The client's name in the ticket.
        ticket: BoundedText,
    },
    /// CLIENT_INFO and the ticket have different authtimes.
    #[error("it is for the authtime {}, but the ticket has the authtime {ticket}", DisplayTime(*.pac))]
    AuthTime {
        /// The authtime in the PAC; `None` if the field does not hold an instant.
        pac: Option<UnixTime>,
        /// The authtime of the ticket.
        ticket: UnixTime,
    },
    /// PAC_REQUESTOR and LOGON_INFO name different accounts: another account requested the TGT (CVE-2021-42287).
    #[error("{requestor} requested the TGT, but the PAC is about {user}")]
    Requestor {
        /// The SID in PAC_REQUESTOR.
        requestor: Sid,
        /// The user's SID in LOGON_INFO.
        user: Sid,
    },
    /// UPN_DNS_INFO and LOGON_INFO describe different accounts.
    #[error("its UPN_DNS_INFO is about {upn}, but its LOGON_INFO is about {user}")]
    UpnSid {
        /// The SID in UPN_DNS_INFO.
        upn: Sid,
        /// The user's SID in LOGON_INFO.
        user: Sid,
    },
}

/// The place of a refused SID in the PAC. The SID is refused because its domain is not one of the domains for which the
/// service account's keys may vouch.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum DomainClaim {
    /// The user's SID.
    #[error("a user")]
    User,
    /// A SID in ExtraSids.
    #[error("a membership in a group")]
    ExtraSid,
    /// The SID of the domain that has the resource groups.
    #[error("a membership in a resource group")]
    ResourceGroup,
}

/// The reason why an account is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum AccountCause {
    /// The account belongs to a computer, a managed service, a domain controller or a trust.
    #[error("it is the account of a computer, not of a person")]
    Computer,
    /// The account is a built-in account, with which no person signs in ([`System`](super::AccountKind::System)).
    #[error("it is a built-in account, with which no person signs in")]
    System,
    /// The account is disabled.
    #[error("it is disabled")]
    Disabled,
    /// The user logged on as a guest.
    #[error("the user logged on as a guest")]
    Guest,
}

/// Returns the end of an error text: the name of the authority of a well-known SID. The end is empty for other SIDs.
fn authority_of(sid: Sid) -> &'static str {
    match (sid.authority(), sid.sub_authorities()) {
        (12, [1, ..]) => ", but a SID of Microsoft Entra ID",
        (5, [32, ..]) => ", but the SID of BUILTIN",
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
