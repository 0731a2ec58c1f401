//! The Privilege Attribute Certificate (MS-PAC): what Active Directory says about a user, in the ticket.
//!
//! [`Pac`] is a PAC of which nothing was verified and nothing can be read. [`Pac::verify`] checks the signatures and then
//! decodes it: [`VerifiedPac`] has the contents. [`Validator::authorize`](crate::Validator::authorize) has the ticket, and
//! checks that the contents agree with it and that the key may vouch for such a user.
//!
//! Texts, SIDs and groups stay where they are in the ticket. They are decoded when the caller asks for them.

mod account_kind;
mod attributes_info;
mod buffer_type;
mod claims;
mod client_info;
mod compression;
mod container;
mod delegation_info;
mod device_info;
pub(crate) mod error;
mod fault;
mod field;
mod file_time;
mod groups;
mod logon_info;
mod ndr;
mod reader;
mod signature;
#[cfg(all(test, feature = "testing"))]
mod tests;
mod ticket_signature;
mod upn_dns_info;

pub use crate::wide_text::WideText;
pub use account_kind::AccountKind;
pub use attributes_info::PacAttributes;
pub use buffer_type::BufferType;
pub use claims::{Claim, ClaimSource, ClaimValues, EncodedClaims};
pub use client_info::ClientInfo;
pub use container::Pac;
pub use delegation_info::DelegationInfo;
pub use device_info::DeviceInfo;
pub use file_time::FileTime;
pub use groups::{Group, GroupAttributes};
pub use logon_info::{AccountControl, LogonInfo, UserFlags};
pub use signature::{KdcKeys, KdcSignatures, SignatureState};
pub(crate) use signature::{KdcKeysOf, SignatureKey};
pub use upn_dns_info::{UpnDnsInfo, UpnFlags};

use crate::crypto::Checksummer;
use crate::sid::Sid;
use crate::span::Span;
use client_info::ClientInfoLayout;
use container::{buffer_types, find};
use core::fmt;
use error::PacError;
use fault::{Fault, Kind};
use logon_info::LogonInfoLayout;
use upn_dns_info::UpnDnsInfoLayout;

/// A PAC whose server signature was verified, and whose buffers have the form that MS-PAC gives them.
#[derive(Clone, Copy)]
#[must_use]
pub struct VerifiedPac<'a> {
    bytes: &'a [u8],
    layout: PacLayout,
}

/// Prints the user's SID, and how many buffers there are.
impl fmt::Debug for VerifiedPac<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("VerifiedPac")
            .field("user_sid", &self.logon_info().map(|logon| logon.user_sid()))
            .field("buffers", &self.buffer_types().len())
            .finish_non_exhaustive()
    }
}

/// Where everything is in a verified PAC.
#[derive(Clone, Copy, Debug)]
pub(crate) struct PacLayout {
    table: Span,
    kdc_signatures: KdcSignatures,
    client_info: ClientInfoLayout,
    logon_info: Option<LogonInfoLayout>,
    upn_dns_info: Option<UpnDnsInfoLayout>,
    attributes: Option<PacAttributes>,
    requestor: Option<Span>,
    delegation_info: Option<Span>,
}

impl<'a> Pac<'a> {
    /// Verifies the server signature under one of `server_keys`, and then decodes the PAC. The keys are those of the service's
    /// account, prepared for [`KeyUsage::PAC_SIGNATURE`](crate::crypto::KeyUsage::PAC_SIGNATURE); only those that make
    /// signatures of its type are tried.
    ///
    /// If keys of the KDC are given, the KDC's signatures must hold as well. The one over the server signature must be
    /// there. It covers whether the others are.
    ///
    /// # Errors
    /// [`PacError::Signature`]; and [`PacError::Malformed`] for a signature that has not the length of its type, and for
    /// everything that cannot be decoded. [`Error`](crate::Error) has a `From` for both.
    pub fn verify<'k>(
        self,
        server_keys: impl IntoIterator<Item = &'k Checksummer>,
        kdc_keys: Option<KdcKeys<'_>>,
    ) -> Result<VerifiedPac<'a>, PacError> {
        self.verify_under(server_keys, kdc_keys.map(KdcKeysOf::from))
    }

    /// Verifies the signatures, and decodes nothing.
    pub(crate) fn check_signatures(
        &self,
        server_keys: impl IntoIterator<Item: SignatureKey>,
        kdc_keys: Option<KdcKeysOf<'_, impl IntoIterator<Item: SignatureKey> + Clone>>,
    ) -> Result<KdcSignatures, PacError> {
        signature::verify(self, server_keys, kdc_keys)
    }

    /// Verifies and decodes as [`verify`](Self::verify) does, under keys that need not be prepared.
    pub(crate) fn verify_under(
        &self,
        server_keys: impl IntoIterator<Item: SignatureKey>,
        kdc_keys: Option<KdcKeysOf<'_, impl IntoIterator<Item: SignatureKey> + Clone>>,
    ) -> Result<VerifiedPac<'a>, PacError> {
        let kdc_signatures = self.check_signatures(server_keys, kdc_keys)?;
        match PacLayout::decode(self, kdc_signatures) {
            Ok(layout) => Ok(VerifiedPac { bytes: self.bytes, layout }),
            Err(fault) => Err(fault.within(self.bytes).into()),
        }
    }
}

impl PacLayout {
    fn decode(pac: &Pac<'_>, kdc_signatures: KdcSignatures) -> Result<Self, Fault> {
        let Pac { bytes, table, ref buffers } = *pac;
        let span = |buffer_type| buffers.get(buffer_type);
        // MS-PAC section 2.4: one PAC_CLIENT_INFO must be there. Without it nothing ties the PAC to its ticket.
        let missing = || Fault::new(BufferType::CLIENT_INFO.field(), 0, Kind::Missing);
        let client_info = span(BufferType::CLIENT_INFO).ok_or_else(missing)?;
        let requestor = span(BufferType::REQUESTOR);
        if let Some(requestor) = requestor {
            attributes_info::check_requestor(bytes, requestor)?;
        }
        let delegation_info = span(BufferType::DELEGATION_INFO);
        let device_info = span(BufferType::DEVICE_INFO);
        if delegation_info.is_some() || device_info.is_some() {
            Self::check_rare(bytes, delegation_info, device_info)?;
        }
        Ok(Self {
            table,
            kdc_signatures,
            client_info: ClientInfoLayout::read(bytes, client_info)?,
            logon_info: span(BufferType::LOGON_INFO).map(|at| LogonInfoLayout::read(bytes, at)).transpose()?,
            upn_dns_info: span(BufferType::UPN_DNS_INFO).map(|at| UpnDnsInfoLayout::read(bytes, at)).transpose()?,
            attributes: span(BufferType::ATTRIBUTES_INFO).map(|at| PacAttributes::read(bytes, at)).transpose()?,
            requestor,
            delegation_info,
        })
    }

    /// Reads the buffers that few tickets have, to know that they are well formed.
    #[cold]
    fn check_rare(pac: &[u8], delegation_info: Option<Span>, device_info: Option<Span>) -> Result<(), Fault> {
        if let Some(delegation_info) = delegation_info {
            DelegationInfo::read(pac, delegation_info)?;
        }
        if let Some(device_info) = device_info {
            DeviceInfo::read(pac, device_info)?;
        }
        Ok(())
    }

    /// Returns the packet form of the SID of the user's domain, and the user in it.
    pub(crate) fn user<'a>(&self, pac: &'a [u8]) -> Option<(&'a [u8], u32)> {
        self.logon_info.as_ref().map(|layout| layout.user(pac))
    }
}

impl<'a> VerifiedPac<'a> {
    /// Puts together the octets and the layout of a PAC that was verified.
    pub(crate) const fn from_parts(bytes: &'a [u8], layout: &PacLayout) -> Self {
        Self { bytes, layout: *layout }
    }

    pub(crate) const fn into_layout(self) -> PacLayout {
        self.layout
    }

    /// Returns the types of all buffers, in order.
    #[must_use]
    pub fn buffer_types(&self) -> impl ExactSizeIterator<Item = BufferType> + use<'a> {
        buffer_types(self.bytes, self.layout.table)
    }

    /// Returns whether there is an S4U_DELEGATION_INFO.
    pub(crate) const fn has_delegation_info(&self) -> bool {
        self.layout.delegation_info.is_some()
    }

    /// Returns the state of the KDC's own signatures.
    #[must_use]
    pub const fn kdc_signatures(&self) -> KdcSignatures {
        self.layout.kdc_signatures
    }

    /// Returns CLIENT_INFO.
    #[must_use]
    pub fn client_info(&self) -> ClientInfo<'a> {
        self.layout.client_info.view(self.bytes)
    }

    /// Returns LOGON_INFO, if there is one: Active Directory always writes it, other KDCs need not.
    #[must_use]
    pub fn logon_info(&self) -> Option<LogonInfo<'a>> {
        LogonInfo::new(self.bytes, self.layout.logon_info.as_ref()?)
    }

    /// Returns UPN_DNS_INFO, if there is one.
    #[must_use]
    pub fn upn_dns_info(&self) -> Option<UpnDnsInfo<'a>> {
        self.layout.upn_dns_info.map(|layout| layout.view(self.bytes))
    }

    /// Returns PAC_REQUESTOR, if there is one: the SID of the client that asked for the TGT.
    #[must_use]
    pub fn requestor(&self) -> Option<Sid> {
        Sid::from_bytes(self.requestor_packet()?)
    }

    /// Returns the packet form of [`requestor`](Self::requestor).
    pub(crate) fn requestor_packet(&self) -> Option<&'a [u8]> {
        self.layout.requestor.map(|requestor| requestor.of(self.bytes))
    }

    /// Returns the packet form of [`UpnDnsInfo::sid`].
    pub(crate) fn upn_sid_packet(&self) -> Option<&'a [u8]> {
        self.layout.upn_dns_info.as_ref()?.sid_packet(self.bytes)
    }

    /// Returns PAC_ATTRIBUTES_INFO, if there is one.
    #[must_use]
    pub const fn attributes(&self) -> Option<PacAttributes> {
        self.layout.attributes
    }

    /// Returns S4U_DELEGATION_INFO, if there is one: a service acts in the user's name.
    #[must_use]
    pub fn delegation_info(&self) -> Option<DelegationInfo<'a>> {
        DelegationInfo::read(self.bytes, self.layout.delegation_info?).ok()
    }

    /// Returns PAC_DEVICE_INFO, if there is one. Nothing checks that the account may vouch for the domains of its SIDs.
    #[must_use]
    pub fn device_info(&self) -> Option<DeviceInfo<'a>> {
        DeviceInfo::read(self.bytes, self.span(BufferType::DEVICE_INFO)?).ok()
    }

    /// Returns PAC_CLIENT_CLAIMS_INFO, if it is not empty.
    #[must_use]
    pub fn client_claims(&self) -> Option<EncodedClaims<'a>> {
        self.claims(BufferType::CLIENT_CLAIMS_INFO)
    }

    /// Returns PAC_DEVICE_CLAIMS_INFO, if it is not empty.
    #[must_use]
    pub fn device_claims(&self) -> Option<EncodedClaims<'a>> {
        self.claims(BufferType::DEVICE_CLAIMS_INFO)
    }

    /// Windows writes an empty buffer where there is nothing to claim.
    fn claims(&self, buffer_type: BufferType) -> Option<EncodedClaims<'a>> {
        let buffer = self.span(buffer_type).filter(|buffer| buffer.len() > 0)?;
        Some(EncodedClaims::new(self.bytes, buffer))
    }

    fn span(&self, buffer_type: BufferType) -> Option<Span> {
        find(self.bytes, self.layout.table, buffer_type)
    }
}
