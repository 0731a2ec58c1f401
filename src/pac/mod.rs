//! The Privilege Attribute Certificate (MS-PAC): what Active Directory says about a user, in the ticket.
//!
//! [`Pac`] is a PAC as it was found: nothing in it can be read. [`Pac::verify`] checks the signatures and then decodes it:
//! [`VerifiedPac`] has the contents. That the contents fit the ticket, and that the key may vouch for such a user, is
//! checked where the ticket is: in [`Validator::authorize`](crate::Validator::authorize).
//!
//! Texts, SIDs and groups stay where they are in the ticket and are decoded when they are asked for.

mod attributes_info;
mod buffer_type;
mod claims;
mod client_info;
mod compression;
mod container;
mod delegation_info;
mod device_info;
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
mod wide_text;

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
pub(crate) use signature::SignatureKey;
pub use signature::{KdcKeys, KdcSignatures, SignatureState};
pub use upn_dns_info::{UpnDnsInfo, UpnFlags};
pub use wide_text::WideText;

use crate::crypto::Checksummer;
use crate::error::{Error, PacMalformed, PacProblem};
use crate::sid::Sid;
use crate::wire::der::{Full, Tell, Terse, Unread};
use client_info::ClientInfoLayout;
use container::{buffer_types, find};
use core::fmt;
use logon_info::LogonInfoLayout;
use reader::Place;
use upn_dns_info::UpnDnsInfoLayout;

/// A PAC whose server signature was verified, and that says what MS-PAC lets it say.
#[derive(Clone, Copy)]
pub struct VerifiedPac<'a> {
    bytes: &'a [u8],
    layout: PacLayout,
}

/// What buffers it has, and whose it is.
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
    table: Place,
    kdc_signatures: KdcSignatures,
    client_info: ClientInfoLayout,
    logon_info: Option<LogonInfoLayout>,
    upn_dns_info: Option<UpnDnsInfoLayout>,
    attributes: Option<PacAttributes>,
    requestor: Option<Place>,
    delegation_info: Option<Place>,
}

impl<'a> Pac<'a> {
    /// Verifies the server signature under whichever of `server_keys` makes signatures of its type, then decodes the PAC.
    /// The keys are those of the service's account, prepared for
    /// [`KeyUsage::PAC_SIGNATURE`](crate::crypto::KeyUsage::PAC_SIGNATURE).
    ///
    /// Where keys of the KDC are given, its signatures must hold as well: the one over the server signature must be there,
    /// and covers whether the others are.
    ///
    /// # Errors
    /// `pac-signature` and, for a signature of another length than its type's and for whatever cannot be decoded,
    /// `pac-malformed`.
    pub fn verify<'k>(
        self,
        server_keys: impl IntoIterator<Item = &'k Checksummer>,
        kdc_keys: Option<KdcKeys<'_>>,
    ) -> Result<VerifiedPac<'a>, Error> {
        self.verify_under(server_keys, kdc_keys)
    }

    /// As [`verify`](Self::verify), under keys that need not be prepared.
    pub(crate) fn verify_under(
        self,
        server_keys: impl IntoIterator<Item: SignatureKey>,
        kdc_keys: Option<KdcKeys<'_>>,
    ) -> Result<VerifiedPac<'a>, Error> {
        let kdc_signatures = signature::verify(&self, server_keys, kdc_keys)?;
        let layout = match PacLayout::decode::<Terse>(&self, kdc_signatures) {
            Ok(layout) => layout,
            Err(Unread) => PacLayout::decode::<Full>(&self, kdc_signatures)?,
        };
        Ok(VerifiedPac { bytes: self.bytes, layout })
    }
}

impl PacLayout {
    fn decode<D: Tell<PacMalformed>>(pac: &Pac<'_>, kdc_signatures: KdcSignatures) -> Result<Self, D::Told> {
        let Pac { bytes, table, buffers } = *pac;
        let place = |buffer_type| buffers.get(buffer_type);
        // MS-PAC section 2.4: one PAC_CLIENT_INFO must be there. Without it nothing ties the PAC to its ticket.
        let missing = || PacMalformed { what: "CLIENT_INFO", at: 0, problem: PacProblem::Missing };
        let client_info = place(BufferType::CLIENT_INFO).ok_or_else(|| D::tell(missing))?;
        let requestor = place(BufferType::REQUESTOR);
        if let Some(requestor) = requestor {
            attributes_info::check_requestor::<D>(bytes, requestor)?;
        }
        let delegation_info = place(BufferType::DELEGATION_INFO);
        if let Some(delegation_info) = delegation_info {
            DelegationInfo::read(bytes, delegation_info).map_err(|malformed| D::tell(|| malformed))?;
        }
        if let Some(device) = place(BufferType::DEVICE_INFO) {
            DeviceInfo::read(bytes, device).map_err(|malformed| D::tell(|| malformed))?;
        }
        Ok(Self {
            table,
            kdc_signatures,
            client_info: ClientInfoLayout::read::<D>(bytes, client_info)?,
            logon_info: place(BufferType::LOGON_INFO).map(|at| LogonInfoLayout::read::<D>(bytes, at)).transpose()?,
            upn_dns_info: place(BufferType::UPN_DNS_INFO)
                .map(|at| UpnDnsInfoLayout::read::<D>(bytes, at))
                .transpose()?,
            attributes: place(BufferType::ATTRIBUTES_INFO).map(|at| PacAttributes::read::<D>(bytes, at)).transpose()?,
            requestor,
            delegation_info,
        })
    }

    /// The packet form of the SID of the user's domain, and the user in it.
    pub(crate) fn user<'a>(&self, pac: &'a [u8]) -> Option<(&'a [u8], u32)> {
        self.logon_info.as_ref().map(|layout| layout.user(pac))
    }
}

impl<'a> VerifiedPac<'a> {
    /// Puts a PAC together again that was verified and taken apart.
    pub(crate) const fn from_parts(bytes: &'a [u8], layout: &PacLayout) -> Self {
        Self { bytes, layout: *layout }
    }

    pub(crate) const fn into_layout(self) -> PacLayout {
        self.layout
    }

    /// The types of all buffers, in order.
    #[must_use]
    pub fn buffer_types(&self) -> impl ExactSizeIterator<Item = BufferType> + use<'a> {
        buffer_types(self.bytes, self.layout.table)
    }

    /// Whether there is an S4U_DELEGATION_INFO.
    pub(crate) const fn has_delegation_info(&self) -> bool {
        self.layout.delegation_info.is_some()
    }

    /// What is known of the KDC's own signatures.
    #[must_use]
    pub const fn kdc_signatures(&self) -> KdcSignatures {
        self.layout.kdc_signatures
    }

    /// CLIENT_INFO.
    #[must_use]
    pub fn client_info(&self) -> ClientInfo<'a> {
        self.layout.client_info.view(self.bytes)
    }

    /// LOGON_INFO, if there is one: Active Directory always writes it, other KDCs need not.
    #[must_use]
    pub fn logon_info(&self) -> Option<LogonInfo<'a>> {
        self.layout.logon_info.as_ref().map(|layout| LogonInfo::new(self.bytes, layout))
    }

    /// UPN_DNS_INFO, if there is one.
    #[must_use]
    pub fn upn_dns_info(&self) -> Option<UpnDnsInfo<'a>> {
        self.layout.upn_dns_info.map(|layout| layout.view(self.bytes))
    }

    /// PAC_REQUESTOR, if there is one: the SID of who asked for the TGT.
    #[must_use]
    pub fn requestor(&self) -> Option<Sid> {
        Sid::from_bytes(self.requestor_packet()?)
    }

    /// The packet form of [`requestor`](Self::requestor).
    pub(crate) fn requestor_packet(&self) -> Option<&'a [u8]> {
        self.layout.requestor.map(|requestor| requestor.of(self.bytes))
    }

    /// The packet form of [`UpnDnsInfo::sid`].
    pub(crate) fn upn_sid_packet(&self) -> Option<&'a [u8]> {
        self.layout.upn_dns_info.as_ref()?.sid_packet(self.bytes)
    }

    /// PAC_ATTRIBUTES_INFO, if there is one.
    #[must_use]
    pub const fn attributes(&self) -> Option<PacAttributes> {
        self.layout.attributes
    }

    /// S4U_DELEGATION_INFO, if there is one: a service acts in the user's name.
    #[must_use]
    pub fn delegation_info(&self) -> Option<DelegationInfo<'a>> {
        DelegationInfo::read(self.bytes, self.layout.delegation_info?).ok()
    }

    /// PAC_DEVICE_INFO, if there is one. Its SIDs are not held against the domains that the account may vouch for.
    #[must_use]
    pub fn device_info(&self) -> Option<DeviceInfo<'a>> {
        DeviceInfo::read(self.bytes, self.place(BufferType::DEVICE_INFO)?).ok()
    }

    /// PAC_CLIENT_CLAIMS_INFO, if it is not empty.
    #[must_use]
    pub fn client_claims(&self) -> Option<EncodedClaims<'a>> {
        self.claims(BufferType::CLIENT_CLAIMS_INFO)
    }

    /// PAC_DEVICE_CLAIMS_INFO, if it is not empty.
    #[must_use]
    pub fn device_claims(&self) -> Option<EncodedClaims<'a>> {
        self.claims(BufferType::DEVICE_CLAIMS_INFO)
    }

    /// Windows writes an empty buffer where there is nothing to claim.
    fn claims(&self, buffer_type: BufferType) -> Option<EncodedClaims<'a>> {
        let buffer = self.place(buffer_type).filter(|buffer| buffer.len() > 0)?;
        Some(EncodedClaims::new(self.bytes, buffer))
    }

    fn place(&self, buffer_type: BufferType) -> Option<Place> {
        find(self.bytes, self.layout.table, buffer_type)
    }
}
