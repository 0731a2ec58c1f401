//! The structures and fields of MS-PAC that an error names. A [`Fault`](super::fault::Fault) holds a [`Field`] instead of
//! the field's name, so that the fault is small.

macro_rules! fields {
    ($($field:ident = $name:literal,)*) => {
        /// A structure or field of MS-PAC.
        #[derive(Clone, Copy, Debug)]
        pub(super) enum Field {
            $($field,)*
        }

        impl Field {
            /// Returns the name of the field in the specification.
            pub(super) const fn name(self) -> &'static str {
                match self {
                    $(Self::$field => $name,)*
                }
            }
        }
    };
}

fields! {
    LogonInfoBuffer = "LOGON_INFO",
    CredentialInfoBuffer = "CREDENTIAL_INFO",
    ServerChecksumBuffer = "SERVER_CHECKSUM",
    KdcChecksumBuffer = "KDC_CHECKSUM",
    ClientInfoBuffer = "CLIENT_INFO",
    DelegationInfoBuffer = "DELEGATION_INFO",
    UpnDnsInfoBuffer = "UPN_DNS_INFO",
    ClientClaimsInfoBuffer = "CLIENT_CLAIMS_INFO",
    DeviceInfoBuffer = "DEVICE_INFO",
    DeviceClaimsInfoBuffer = "DEVICE_CLAIMS_INFO",
    TicketChecksumBuffer = "TICKET_CHECKSUM",
    AttributesInfoBuffer = "ATTRIBUTES_INFO",
    RequestorBuffer = "REQUESTOR",
    FullChecksumBuffer = "FULL_CHECKSUM",
    UnknownBuffer = "PAC_INFO_BUFFER",
    ClaimsArray = "CLAIMS_ARRAY",
    ClaimsSet = "CLAIMS_SET",
    ClaimsSetMetadata = "CLAIMS_SET_METADATA",
    Claim = "CLAIM_ENTRY",
    ClaimValues = "CLAIM_ENTRY.Values",
    EncodedClaimsSet = "ClaimsSet",
    Logon = "KERB_VALIDATION_INFO",
    LogonEffectiveName = "KERB_VALIDATION_INFO.EffectiveName",
    LogonExtraSids = "KERB_VALIDATION_INFO.ExtraSids",
    LogonFullName = "KERB_VALIDATION_INFO.FullName",
    LogonGroupIds = "KERB_VALIDATION_INFO.GroupIds",
    LogonHomeDirectory = "KERB_VALIDATION_INFO.HomeDirectory",
    LogonHomeDirectoryDrive = "KERB_VALIDATION_INFO.HomeDirectoryDrive",
    LogonDomainId = "KERB_VALIDATION_INFO.LogonDomainId",
    LogonDomainName = "KERB_VALIDATION_INFO.LogonDomainName",
    LogonScript = "KERB_VALIDATION_INFO.LogonScript",
    LogonServer = "KERB_VALIDATION_INFO.LogonServer",
    LogonProfilePath = "KERB_VALIDATION_INFO.ProfilePath",
    LogonResourceGroupDomainSid = "KERB_VALIDATION_INFO.ResourceGroupDomainSid",
    LogonResourceGroupIds = "KERB_VALIDATION_INFO.ResourceGroupIds",
    LogonUserId = "KERB_VALIDATION_INFO.UserId",
    TableBuffers = "PACTYPE.Buffers",
    TableVersion = "PACTYPE.Version",
    TableCount = "PACTYPE.cBuffers",
    AttributesFlags = "PAC_ATTRIBUTES_INFO.Flags",
    AttributesFlagsLength = "PAC_ATTRIBUTES_INFO.FlagsLength",
    Client = "PAC_CLIENT_INFO",
    ClientName = "PAC_CLIENT_INFO.Name",
    ClientNameLength = "PAC_CLIENT_INFO.NameLength",
    Device = "PAC_DEVICE_INFO",
    DeviceAccountDomainId = "PAC_DEVICE_INFO.AccountDomainId",
    DeviceAccountGroupIds = "PAC_DEVICE_INFO.AccountGroupIds",
    DeviceDomainGroup = "PAC_DEVICE_INFO.DomainGroup",
    DeviceExtraSids = "PAC_DEVICE_INFO.ExtraSids",
    RequestorUserSid = "PAC_REQUESTOR.UserSid",
    ReservedOctets = "ReservedField",
    ReservedType = "ReservedType",
    Delegation = "S4U_DELEGATION_INFO",
    DelegationTarget = "S4U_DELEGATION_INFO.S4U2proxyTarget",
    DelegationServices = "S4U_DELEGATION_INFO.S4UTransitedServices",
    UpnDnsDomainName = "UPN_DNS_INFO.DnsDomainName",
    UpnFlags = "UPN_DNS_INFO.Flags",
    UpnSamName = "UPN_DNS_INFO.SamName",
    UpnSid = "UPN_DNS_INFO.Sid",
    UpnText = "UPN_DNS_INFO.Upn",
}
