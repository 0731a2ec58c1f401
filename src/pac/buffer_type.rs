//! The types of buffer in a PAC (MS-PAC section 2.4).

use super::field::Field;
use core::fmt;

/// The type of a buffer: ulType of a PAC_INFO_BUFFER. An unknown type is never an error, because Microsoft adds new types.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct BufferType(pub u32);

impl BufferType {
    /// KERB_VALIDATION_INFO: the account and its groups.
    pub const LOGON_INFO: Self = Self(1);
    /// PAC_CREDENTIAL_INFO: the user's NTLM hash, under a key that the service does not have.
    pub const CREDENTIAL_INFO: Self = Self(2);
    /// The signature under the service's key.
    pub const SERVER_CHECKSUM: Self = Self(6);
    /// The signature over the server signature, under the KDC's key.
    pub const KDC_CHECKSUM: Self = Self(7);
    /// PAC_CLIENT_INFO: the ticket's client and authtime.
    pub const CLIENT_INFO: Self = Self(10);
    /// S4U_DELEGATION_INFO: the services that have acted in the user's name.
    pub const DELEGATION_INFO: Self = Self(11);
    /// UPN_DNS_INFO: the user's principal name, and the DNS name of the user's domain.
    pub const UPN_DNS_INFO: Self = Self(12);
    /// PAC_CLIENT_CLAIMS_INFO: the directory's claims about the user.
    pub const CLIENT_CLAIMS_INFO: Self = Self(13);
    /// PAC_DEVICE_INFO: the device from which the user signed in.
    pub const DEVICE_INFO: Self = Self(14);
    /// PAC_DEVICE_CLAIMS_INFO: the directory's claims about that device.
    pub const DEVICE_CLAIMS_INFO: Self = Self(15);
    /// The signature over the ticket around the PAC, under the KDC's key.
    pub const TICKET_CHECKSUM: Self = Self(16);
    /// PAC_ATTRIBUTES_INFO: whether the client asked for a PAC.
    pub const ATTRIBUTES_INFO: Self = Self(17);
    /// PAC_REQUESTOR: the SID of the client that asked for the TGT.
    pub const REQUESTOR: Self = Self(18);
    /// The signature over the whole PAC, under the KDC's key.
    pub const FULL_CHECKSUM: Self = Self(19);

    /// The highest known type number plus one.
    pub(super) const NUMBERS: usize = 20;

    /// Returns the number of a known type. The function tests a bit of `KNOWN`: a `match` of the numbers would become a jump
    /// table. The processor would often mispredict the jump, because its target changes from buffer to buffer.
    pub(super) fn known(self) -> Option<usize> {
        let number = usize::try_from(self.0).ok()?;
        (number < Self::NUMBERS && KNOWN >> number & 1 != 0).then_some(number)
    }

    /// Returns the name of a known type. For an unknown type, returns `PAC_INFO_BUFFER`, the structure that contains the
    /// number.
    pub(super) const fn name(self) -> &'static str {
        self.field().name()
    }

    /// Returns the field for a fault that concerns the whole buffer.
    pub(super) const fn field(self) -> Field {
        match self {
            Self::LOGON_INFO => Field::LogonInfoBuffer,
            Self::CREDENTIAL_INFO => Field::CredentialInfoBuffer,
            Self::SERVER_CHECKSUM => Field::ServerChecksumBuffer,
            Self::KDC_CHECKSUM => Field::KdcChecksumBuffer,
            Self::CLIENT_INFO => Field::ClientInfoBuffer,
            Self::DELEGATION_INFO => Field::DelegationInfoBuffer,
            Self::UPN_DNS_INFO => Field::UpnDnsInfoBuffer,
            Self::CLIENT_CLAIMS_INFO => Field::ClientClaimsInfoBuffer,
            Self::DEVICE_INFO => Field::DeviceInfoBuffer,
            Self::DEVICE_CLAIMS_INFO => Field::DeviceClaimsInfoBuffer,
            Self::TICKET_CHECKSUM => Field::TicketChecksumBuffer,
            Self::ATTRIBUTES_INFO => Field::AttributesInfoBuffer,
            Self::REQUESTOR => Field::RequestorBuffer,
            Self::FULL_CHECKSUM => Field::FullChecksumBuffer,
            _ => Field::UnknownBuffer,
        }
    }
}

/// Prints `LOGON_INFO (1)`, or `unknown (20)`.
impl fmt::Display for BufferType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = if self.known().is_some() { self.name() } else { "unknown" };
        write!(f, "{name} ({})", self.0)
    }
}

const _: () = assert!(KNOWN >> BufferType::NUMBERS == 0, "a known type has a number beyond the table");

/// The set of the known numbers: bit `n` is set if `n` is a known number.
const KNOWN: u32 = {
    let types = [
        BufferType::LOGON_INFO,
        BufferType::CREDENTIAL_INFO,
        BufferType::SERVER_CHECKSUM,
        BufferType::KDC_CHECKSUM,
        BufferType::CLIENT_INFO,
        BufferType::DELEGATION_INFO,
        BufferType::UPN_DNS_INFO,
        BufferType::CLIENT_CLAIMS_INFO,
        BufferType::DEVICE_INFO,
        BufferType::DEVICE_CLAIMS_INFO,
        BufferType::TICKET_CHECKSUM,
        BufferType::ATTRIBUTES_INFO,
        BufferType::REQUESTOR,
        BufferType::FULL_CHECKSUM,
    ];
    let (mut known, mut rest): (u32, &[BufferType]) = (0, &types);
    while let [first, others @ ..] = rest {
        known |= 1 << first.0;
        rest = others;
    }
    known
};
