//! The authenticator checksum of type 0x8003 (RFC 4121 section 4.1.1). The field is called a checksum, but contains
//! context flags, the hash of the channel bindings, and delegated credentials.

use crate::crypto::ChecksumType;
use crate::flags::flags;
use crate::unprinted::Unprinted;
use thiserror::Error;

/// The fields of the checksum of type 0x8003.
///
/// ```text
/// octets 0..4    Lgth   16
/// octets 4..20   Bnd    MD5 of the channel bindings, or zeros
/// octets 20..24  Flags
/// octets 24..26  DlgOpt 1         -- this and the next two only with GSS_C_DELEG_FLAG
/// octets 26..28  Dlgth
/// octets 28..    Deleg  KRB-CRED
/// then           Exts
/// ```
/// Numbers are little-endian. The encryption of the authenticator protects all fields.
#[derive(Clone, Copy, Debug)]
pub(crate) struct GssChecksum<'a> {
    /// The hash of the channel bindings. All zeros mean that the client sends no channel bindings.
    pub(crate) bindings: &'a [u8; 16],
    pub(crate) flags: GssFlags,
    /// The field Deleg, if it is not empty. The field should contain a KRB-CRED, but its contents are not checked yet.
    pub(crate) delegated: Option<Unprinted<&'a [u8]>>,
}

impl<'a> GssChecksum<'a> {
    pub(crate) fn read(value: &'a [u8]) -> Result<Self, ChecksumCause> {
        let short = ChecksumCause::Short(value.len());
        let (length, rest) = value.split_first_chunk::<4>().ok_or(short)?;
        let (bindings, rest) = rest.split_first_chunk::<16>().ok_or(short)?;
        let (flags, rest) = rest.split_first_chunk::<4>().ok_or(short)?;
        match u32::from_le_bytes(*length) {
            16 => {}
            other => return Err(ChecksumCause::BindingLength(other)),
        }
        let flags = GssFlags::from_bits(u32::from_le_bytes(*flags));
        let delegated = if flags.contains(GssFlags::DELEGATE) { delegation(rest)? } else { None };
        Ok(Self { bindings, flags, delegated: delegated.map(Unprinted) })
    }
}

/// Returns the field Deleg. Returns `None` if the client delegates no credentials.
///
/// Some clients set the flag and delegate no credentials. Kerberos.NET and old versions of sspi-rs omit the three
/// delegation fields, and gokrb5 writes the fields with a Dlgth of 0. MIT krb5 and Heimdal accept a checksum without
/// the fields.
fn delegation(fields: &[u8]) -> Result<Option<&[u8]>, ChecksumCause> {
    if fields.is_empty() {
        return Ok(None);
    }
    let deleg = deleg(fields).ok_or(ChecksumCause::DelegationLength)?;
    Ok(Some(deleg).filter(|deleg| !deleg.is_empty()))
}

/// Returns the field Deleg. Returns `None` if DlgOpt, Dlgth, or some of the Dlgth octets of Deleg are missing.
fn deleg(fields: &[u8]) -> Option<&[u8]> {
    let (_option, rest) = fields.split_first_chunk::<2>()?;
    let (length, rest) = rest.split_first_chunk::<2>()?;
    rest.get(..usize::from(u16::from_le_bytes(*length)))
}

/// The reason why the authenticator's checksum is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum ChecksumCause {
    /// The checksum's type uses no key, or does not belong to the encryption type of the session key.
    #[error("its type {0} is not the keyed checksum type of the session key")]
    Type(ChecksumType),
    /// The keyed checksum does not verify.
    #[error("the keyed checksum does not verify")]
    Wrong,
    /// The checksum has fewer than 24 octets (RFC 4121 section 4.1.1).
    #[error("it has {0} octets, but RFC 4121 demands at least 24")]
    Short(usize),
    /// The field Lgth is not 16.
    #[error("its channel binding field has {0} octets instead of 16")]
    BindingLength(u32),
    /// The delegation fields are incomplete: Dlgth exceeds the octets that follow, or a field is missing.
    #[error("its delegation fields are incomplete")]
    DelegationLength,
}

flags! {
    /// The context flags of RFC 4121 section 4.1.1.1. With these flags, the client requests features of the context.
    pub struct GssFlags(u32) {
        /// GSS_C_DELEG_FLAG: the client delegates credentials.
        const DELEGATE = 0x0001;
        /// GSS_C_MUTUAL_FLAG: the client asks for mutual authentication.
        const MUTUAL = 0x0002;
        /// GSS_C_REPLAY_FLAG: the receiver detects replayed messages.
        const REPLAY = 0x0004;
        /// GSS_C_SEQUENCE_FLAG: the receiver detects messages that are out of order.
        const SEQUENCE = 0x0008;
        /// GSS_C_CONF_FLAG: messages may be encrypted.
        const CONFIDENTIALITY = 0x0010;
        /// GSS_C_INTEG_FLAG: messages may be signed.
        const INTEGRITY = 0x0020;
        /// GSS_C_DCE_STYLE (RFC 4757 section 7.1): the client sends a third token.
        const DCE_STYLE = 0x1000;
        /// GSS_C_IDENTIFY_FLAG (RFC 4757 section 7.1): the server may identify the client, but not impersonate the
        /// client.
        const IDENTIFY = 0x2000;
        /// GSS_C_EXTENDED_ERROR_FLAG (RFC 4757 section 7.1): the client understands the extended error tokens of
        /// Windows.
        const EXTENDED_ERROR = 0x4000;
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::indexing_slicing)]
mod tests;
