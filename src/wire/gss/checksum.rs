//! The authenticator checksum of type 0x8003 (RFC 4121 section 4.1.1). This "checksum" is not a checksum, but contains
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
    /// The field Deleg, which is never empty here. The field should contain a KRB-CRED, but its contents are not
    /// checked yet.
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
    /// The checksum has fewer than the 24 octets of RFC 4121 section 4.1.1.
    #[error("it has {0} octets, fewer than the 24 that RFC 4121 demands")]
    Short(usize),
    /// The field Lgth is not 16.
    #[error("its channel binding field has {0} octets instead of 16")]
    BindingLength(u32),
    /// The delegation fields are incomplete: Dlgth exceeds the octets that follow, or a field is missing.
    #[error("its delegation fields are incomplete")]
    DelegationLength,
}

flags! {
    /// The context flags of RFC 4121 section 4.1.1.1: the features that the client requests for the context.
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
mod tests {
    use super::*;

    /// The checksum that curl sends. This checksum has no bindings, and has the flags mutual, sequence, replay,
    /// confidentiality and integrity.
    const CURL: [u8; 24] = [16, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x3E, 0, 0, 0];

    #[test]
    fn checksum_of_fewer_than_24_octets_is_refused() {
        let checksum = GssChecksum::read(&CURL).unwrap();
        assert_eq!(checksum.flags.bits(), 0x3E);
        assert_eq!(checksum.bindings, &[0; 16]);
        for length in 0..24 {
            assert_eq!(GssChecksum::read(&CURL[..length]).unwrap_err(), ChecksumCause::Short(length));
        }
    }

    #[test]
    fn binding_length_other_than_16_is_refused() {
        for length in [0, 15, 17, 0x1000_0010] {
            let mut changed = CURL;
            changed[..4].copy_from_slice(&u32::to_le_bytes(length));
            assert_eq!(GssChecksum::read(&changed).unwrap_err(), ChecksumCause::BindingLength(length));
        }
    }

    #[test]
    fn incomplete_delegation_fields_are_refused() {
        let mut delegating = CURL.to_vec();
        delegating[20] |= 1;
        let refused = Err(ChecksumCause::DelegationLength);
        for (tail, expected) in [
            (&[1][..], refused),
            (&[1, 0, 0], refused),
            (&[1, 0, 2, 0, 0x76], refused),
            (&[1, 0, 2, 0, 0x76, 0x00], Ok(Some(&[0x76, 0x00][..]))),
            (&[1, 0, 0xFF, 0xFF, 0x76, 0x00], refused),
            (&[1, 0, 1, 0, 0x76, 0, 0, 0, 1], Ok(Some(&[0x76]))), // extensions follow
        ] {
            let checksum = [&delegating, tail].concat();
            let delegated = GssChecksum::read(&checksum).map(|read| read.delegated.map(|deleg| deleg.0));
            assert_eq!(delegated, expected, "{tail:?}");
        }
    }

    #[test]
    fn delegation_flag_without_credentials_delegates_nothing() {
        let mut delegating = CURL.to_vec();
        delegating[20] |= 1;
        // Kerberos.NET sends no delegation fields. gokrb5 sends a DlgOpt and a Dlgth of 0. The last form has a DlgOpt
        // of 1.
        for tail in [&[][..], &[0, 0, 0, 0], &[1, 0, 0, 0]] {
            let checksum = [&delegating, tail].concat();
            let read = GssChecksum::read(&checksum).unwrap();
            assert!(read.flags.contains(GssFlags::DELEGATE) && read.delegated.is_none(), "{tail:?}");
        }
    }
}
