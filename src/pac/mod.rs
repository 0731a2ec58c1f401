//! The Privilege Attribute Certificate (MS-PAC): the facts about a user that Active Directory writes into the ticket.
//!
//! [`Pac`] is a PAC that is not verified yet. A `Pac` does not show its contents. [`Pac::verify`] verifies the
//! signatures and returns a [`VerifiedPac`], which shows the contents.
//! [`Validator::authorize`](crate::Validator::authorize) compares the contents with the ticket, and checks that the
//! service account's keys may vouch for the user.
//!
//! Some parts of a PAC decide about the sign-in: the table of buffers, the signatures, CLIENT_INFO, LOGON_INFO,
//! PAC_REQUESTOR and the SID in UPN_DNS_INFO. A PAC is refused if one of these parts cannot be read. The other buffers
//! only describe the user. Such a buffer is decoded, and can cause an error, only when the caller asks for it. So users
//! can still sign in if Microsoft changes the form of such a buffer.
//!
//! The module does not copy texts, SIDs and groups out of the ticket, and decodes them only when the caller asks for them.

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
#[cfg(test)]
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
use error::{PacError, PacMalformed};
use fault::{Fault, Kind};
use logon_info::LogonInfoLayout;

/// A PAC whose server signature was verified. The buffers that decide about the sign-in were read and have the form of MS-PAC.
/// The other buffers are decoded when the caller asks for them.
#[derive(Clone, Copy)]
#[must_use]
pub struct VerifiedPac<'a> {
    bytes: &'a [u8],
    layout: PacLayout,
}

/// Prints the user's SID and the number of buffers.
impl fmt::Debug for VerifiedPac<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("VerifiedPac")
            .field("user_sid", &self.logon_info().map(|logon| logon.user_sid()))
            .field("buffers", &self.buffer_types().len())
            .finish_non_exhaustive()
    }
}

/// The layout of a verified PAC: the table, and the buffers that decide about the sign-in.
#[derive(Clone, Copy, Debug)]
pub(crate) struct PacLayout {
    table: Span,
    kdc_signatures: KdcSignatures,
    client_info: ClientInfoLayout,
    logon_info: Option<LogonInfoLayout>,
    upn_sid: Option<Span>,
    requestor: Option<Span>,
}

impl<'a> Pac<'a> {
    /// Verifies the server signature, and then reads the buffers that decide about the sign-in. `server_keys` are the
    /// keys of the service's account, prepared for [`KeyUsage::PAC_SIGNATURE`](crate::crypto::KeyUsage::PAC_SIGNATURE).
    /// The function tries only the keys that make signatures of the server signature's type.
    ///
    /// If `kdc_keys` are given, the function also verifies the KDC's signatures. The KDC signature over the server signature
    /// must be present. The ticket signature and the full signature may be absent ([`VerifiedPac::kdc_signatures`]). The
    /// server signature covers the table of buffers, and the KDC signature covers the server signature. An attacker who holds
    /// only the service's key therefore cannot remove the ticket signature or the full signature.
    ///
    /// # Errors
    /// Returns [`PacError::Signature`] if a signature is missing or does not verify. Returns [`PacError::Malformed`] if
    /// a signature does not have the length of its type, or a buffer that decides about the sign-in cannot be read.
    /// [`Error`](crate::Error) implements `From<PacError>`.
    pub fn verify<'k>(
        self,
        server_keys: impl IntoIterator<Item = &'k Checksummer>,
        kdc_keys: Option<KdcKeys<'_>>,
    ) -> Result<VerifiedPac<'a>, PacError> {
        self.verify_under(server_keys, kdc_keys.map(KdcKeysOf::from))
    }

    /// Verifies the signatures, and decodes no other buffer.
    pub(crate) fn check_signatures(
        &self,
        server_keys: impl IntoIterator<Item: SignatureKey>,
        kdc_keys: Option<KdcKeysOf<'_, impl IntoIterator<Item: SignatureKey> + Clone>>,
    ) -> Result<KdcSignatures, PacError> {
        signature::verify(self, server_keys, kdc_keys)
    }

    /// Verifies and decodes the PAC like [`verify`](Self::verify), but also accepts keys that are not prepared.
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
        // MS-PAC section 2.4 requires one PAC_CLIENT_INFO. Without this buffer, the PAC could be moved to any ticket.
        let missing = || Fault::new(BufferType::CLIENT_INFO.field(), 0, Kind::Missing);
        let client_info = span(BufferType::CLIENT_INFO).ok_or_else(missing)?;
        let requestor = span(BufferType::REQUESTOR);
        if let Some(requestor) = requestor {
            attributes_info::check_requestor(bytes, requestor)?;
        }
        Ok(Self {
            table,
            kdc_signatures,
            client_info: ClientInfoLayout::read(bytes, client_info)?,
            logon_info: span(BufferType::LOGON_INFO).map(|at| LogonInfoLayout::read(bytes, at)).transpose()?,
            upn_sid: match span(BufferType::UPN_DNS_INFO) {
                Some(at) => upn_dns_info::find_sid(bytes, at)?,
                None => None,
            },
            requestor,
        })
    }

    /// Returns the packet form of the SID of the user's domain, and the RID of the user in that domain.
    pub(crate) fn user<'a>(&self, pac: &'a [u8]) -> Option<(&'a [u8], u32)> {
        self.logon_info.as_ref().map(|layout| layout.user(pac))
    }
}

impl<'a> VerifiedPac<'a> {
    /// Makes a verified PAC from its octets and its layout.
    pub(crate) const fn from_parts(bytes: &'a [u8], layout: &PacLayout) -> Self {
        Self { bytes, layout: *layout }
    }

    pub(crate) const fn into_layout(self) -> PacLayout {
        self.layout
    }

    /// Returns the types of all buffers, in the order of the table.
    #[must_use]
    pub fn buffer_types(&self) -> impl ExactSizeIterator<Item = BufferType> + use<'a> {
        buffer_types(self.bytes, self.layout.table)
    }

    /// Returns whether the PAC has an S4U_DELEGATION_INFO, even if this buffer cannot be read.
    pub(crate) fn has_delegation_info(&self) -> bool {
        self.span(BufferType::DELEGATION_INFO).is_some()
    }

    /// Returns the state of the KDC's signatures.
    #[must_use]
    pub const fn kdc_signatures(&self) -> KdcSignatures {
        self.layout.kdc_signatures
    }

    /// Returns CLIENT_INFO.
    #[must_use]
    pub fn client_info(&self) -> ClientInfo<'a> {
        self.layout.client_info.view(self.bytes)
    }

    /// Returns LOGON_INFO, if the PAC has this buffer. Active Directory always writes LOGON_INFO, but other KDCs may omit it.
    #[must_use]
    pub fn logon_info(&self) -> Option<LogonInfo<'a>> {
        LogonInfo::new(self.bytes, self.layout.logon_info.as_ref()?)
    }

    /// Decodes UPN_DNS_INFO, if the PAC has this buffer.
    ///
    /// # Errors
    /// Returns [`PacMalformed`] if a text in the buffer cannot be read. The SID in the buffer was checked when the PAC
    /// was verified.
    pub fn upn_dns_info(&self) -> Result<Option<UpnDnsInfo<'a>>, PacMalformed> {
        self.decode(BufferType::UPN_DNS_INFO, UpnDnsInfo::read)
    }

    /// Returns PAC_REQUESTOR, the SID of the client that asked for the TGT. Returns `None` if the PAC does not have this
    /// buffer.
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
        self.layout.upn_sid.map(|sid| sid.of(self.bytes))
    }

    /// Decodes PAC_ATTRIBUTES_INFO, if the PAC has this buffer.
    ///
    /// # Errors
    /// Returns [`PacMalformed`] if the buffer cannot be read.
    pub fn attributes(&self) -> Result<Option<PacAttributes>, PacMalformed> {
        self.decode(BufferType::ATTRIBUTES_INFO, PacAttributes::read)
    }

    /// Decodes S4U_DELEGATION_INFO, if the PAC has this buffer. The buffer shows that a service acts in the user's name.
    /// [`DelegationPolicy::Refuse`](crate::policy::DelegationPolicy::Refuse) refuses the request even if the buffer cannot be
    /// read.
    ///
    /// # Errors
    /// Returns [`PacMalformed`] if the buffer cannot be read.
    pub fn delegation_info(&self) -> Result<Option<DelegationInfo<'a>>, PacMalformed> {
        self.decode(BufferType::DELEGATION_INFO, DelegationInfo::read)
    }

    /// Decodes PAC_DEVICE_INFO, if the PAC has this buffer. The library does not check that the service account's keys may
    /// vouch for the domains of the SIDs in this buffer.
    ///
    /// # Errors
    /// Returns [`PacMalformed`] if the buffer cannot be read.
    pub fn device_info(&self) -> Result<Option<DeviceInfo<'a>>, PacMalformed> {
        self.decode(BufferType::DEVICE_INFO, DeviceInfo::read)
    }

    /// Returns the claims in PAC_CLIENT_CLAIMS_INFO. Returns `None` if the PAC does not have this buffer, or the buffer is
    /// empty.
    #[must_use]
    pub fn client_claims(&self) -> Option<EncodedClaims<'a>> {
        self.claims(BufferType::CLIENT_CLAIMS_INFO)
    }

    /// Returns the claims in PAC_DEVICE_CLAIMS_INFO. Returns `None` if the PAC does not have this buffer, or the buffer is
    /// empty.
    #[must_use]
    pub fn device_claims(&self) -> Option<EncodedClaims<'a>> {
        self.claims(BufferType::DEVICE_CLAIMS_INFO)
    }

    /// Returns the claims in a buffer. An empty buffer counts as absent, because Windows writes an empty buffer if there are
    /// no claims.
    fn claims(&self, buffer_type: BufferType) -> Option<EncodedClaims<'a>> {
        let buffer = self.span(buffer_type).filter(|buffer| buffer.len() > 0)?;
        Some(EncodedClaims::new(self.bytes, buffer))
    }

    /// Decodes a buffer that does not decide about the sign-in.
    fn decode<T>(
        &self,
        buffer_type: BufferType,
        read: impl FnOnce(&'a [u8], Span) -> Result<T, Fault>,
    ) -> Result<Option<T>, PacMalformed> {
        let Some(buffer) = self.span(buffer_type) else { return Ok(None) };
        read(self.bytes, buffer).map(Some).map_err(|fault| fault.within(self.bytes))
    }

    fn span(&self, buffer_type: BufferType) -> Option<Span> {
        find(self.bytes, self.layout.table, buffer_type)
    }
}
