//! What can be wrong with a PAC, and with what it says of the user.

use super::BoundedText;
use crate::crypto::ChecksumType;
use crate::pac::BufferType;
use crate::sid::Sid;
use crate::time::UnixTime;
use thiserror::Error;

/// Bytes of a PAC that are not what MS-PAC says must stand there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("{what} at byte {at}: {problem}")]
pub struct PacMalformed {
    /// The structure or field, by its name in the specification (`KERB_VALIDATION_INFO.GroupIds`).
    pub what: &'static str,
    /// Offset from the start of the PAC, or of decompressed claims.
    pub at: usize,
    /// What is wrong there.
    pub problem: PacProblem,
}

/// What is wrong with a field of a PAC.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum PacProblem {
    /// The bytes end before the field does; a count of more elements than there are bytes for, too.
    #[error("the bytes end too early")]
    Truncated,
    /// More bytes follow where the structure must end.
    #[error("{0} bytes too many")]
    TrailingBytes(usize),
    /// More bytes than the limit.
    #[error("{size} bytes, more than the limit of {limit}")]
    TooLarge {
        /// How many there are, or are said to be.
        size: usize,
        /// How many there may be.
        limit: usize,
    },
    /// More elements than anybody sends.
    #[error("more than {0} elements")]
    TooMany(usize),
    /// Not version 0.
    #[error("version {0} instead of 0")]
    Version(u32),
    /// A buffer that does not begin at a multiple of eight bytes.
    #[error("it is not aligned to eight bytes")]
    Alignment,
    /// An offset into the header, or past the end.
    #[error("it lies in the header or past the end")]
    Offset,
    /// Two buffers share bytes.
    #[error("it overlaps another buffer")]
    Overlap,
    /// There is a second one.
    #[error("there is more than one")]
    Duplicate,
    /// There must be one.
    #[error("there is none")]
    Missing,
    /// A field whose bytes do not have the length they must have.
    #[error("{found} bytes where {expected} belong")]
    Size {
        /// The length the field must have.
        expected: usize,
        /// The length it has.
        found: usize,
    },
    /// Not type serialization version 1 in little-endian order (MS-RPCE section 2.2.6).
    #[error("the serialization header is not that of version 1, little-endian")]
    SerializationHeader,
    /// A null pointer where there must be something.
    #[error("a null pointer")]
    NullPointer,
    /// A pointer that stands for what another one stands for.
    #[error("a pointer that was used before")]
    RepeatedReferent,
    /// An array whose count, offset or maximum is not what its structure says.
    #[error("an array of another size than its structure says")]
    Conformance,
    /// A string whose length is odd, or longer than its maximum, or without its end.
    #[error("a string of an impossible length")]
    StringLength,
    /// Text with a NUL or half a surrogate pair.
    #[error("text that is not UTF-16 or holds a NUL")]
    Text,
    /// A SID of another revision, or with more than 15 sub-authorities, or without room for a RID.
    #[error("not a SID")]
    Sid,
    /// A user ID of zero.
    #[error("it names no user")]
    NoUser,
    /// A number that stands for nothing.
    #[error("the unknown value {0}")]
    Value(u32),
    /// Compressed bytes that cannot be decompressed.
    #[error("it does not decompress")]
    Compression,
}

/// A signature of a PAC that does not hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("the signature {buffer_type} {cause}")]
pub struct PacSignature {
    /// Which one.
    pub buffer_type: BufferType,
    /// Why not.
    pub cause: SignatureCause,
}

/// Why a signature does not hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum SignatureCause {
    /// There is none.
    #[error("is missing")]
    Missing,
    /// It is of a type that no key of the signer's makes; of one that no key enters, as in MS14-068.
    #[error("is of type {0}, which no key held for it makes")]
    Type(ChecksumType),
    /// It is not that of these bytes under any key of its type.
    #[error("does not verify")]
    Wrong,
}

/// What is not there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum MissingPac {
    /// The ticket's authorization data holds no PAC.
    #[error("the ticket carries no PAC")]
    Pac,
    /// The PAC says nothing of the user, as that of a KDC which is not Active Directory.
    #[error("the ticket's PAC has no LOGON_INFO, so it says no SID")]
    LogonInfo,
}

/// What contradicts the ticket, or itself, in a PAC.
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
    /// Somebody else asked for the TGT (CVE-2021-42287).
    #[error("it was requested by {requestor}, and is about {user}")]
    Requestor {
        /// PAC_REQUESTOR's.
        requestor: Sid,
        /// LOGON_INFO's.
        user: Sid,
    },
    /// UPN_DNS_INFO is about somebody else.
    #[error("its UPN_DNS_INFO is about {upn}, and its LOGON_INFO about {user}")]
    UpnSid {
        /// UPN_DNS_INFO's.
        upn: Sid,
        /// LOGON_INFO's.
        user: Sid,
    },
}

/// Which SID is of a domain that the account may not vouch for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum DomainClaim {
    /// The user's own.
    #[error("a user")]
    User,
    /// One of the extra SIDs.
    #[error("a membership in a group")]
    ExtraSid,
    /// The resource groups'.
    #[error("a membership in a resource group")]
    ResourceGroup,
}

/// Why an account is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum AccountCause {
    /// A computer, a managed service account, a domain controller, or a trust.
    #[error("it is a computer's, not a person's")]
    Computer,
    /// Guest (501), krbtgt (502) and the other accounts of the system itself.
    #[error("it is one of the system's own")]
    System,
    /// The account is disabled.
    #[error("it is disabled")]
    Disabled,
    /// The user logged on as a guest.
    #[error("it was logged on as a guest")]
    Guest,
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
