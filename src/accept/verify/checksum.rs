//! The authenticator's checksum (RFC 4121 section 4.1.1), which carries the context flags and the channel bindings.

use crate::accept::message::Message;
use crate::crypto::{ChecksumType, KeyRef, KeyUsage};
use crate::error::ChecksumCause;
use crate::unprinted::Unprinted;
use crate::wire::gss::{GssChecksum, GssFlags};
use crate::wire::krb5::Checksum;

/// The content of an accepted checksum.
#[derive(Clone, Copy, Debug)]
pub(super) struct CheckedChecksum<'a> {
    pub(super) flags: Option<GssFlags>,
    pub(super) bindings: &'a [u8; 16],
    /// The KRB-CRED of a client that delegates credentials.
    pub(super) delegated: Option<Unprinted<&'a [u8]>>,
}

/// Rejects a checksum that is neither of type 0x8003 nor keyed.
///
/// RFC 4121 section 4.1.1 demands a checksum of type 0x8003 in every GSS token. Some real clients send no checksum, and
/// MS-KILE section 3.4.5 accepts their tokens. Old versions of Samba send a keyed checksum over no octets; such a checksum
/// must verify.
///
/// In a bare AP-REQ, a keyed checksum covers data of the application. The library does not have these data, so it does not
/// verify the checksum. The encryption of the authenticator protects the checksum from changes.
///
/// `session_key` is called only for a keyed checksum.
pub(super) fn check_checksum<'a, 'k>(
    checksum: Option<Checksum<'a>>,
    message: Message,
    session_key: impl FnOnce() -> KeyRef<'k>,
) -> Result<CheckedChecksum<'a>, ChecksumCause> {
    let none = CheckedChecksum { flags: None, bindings: &[0; 16], delegated: None };
    let Some(checksum) = checksum else {
        return Ok(none);
    };
    if checksum.checksum_type == ChecksumType::GSSAPI {
        let gss = GssChecksum::read(checksum.value.0)?;
        return Ok(CheckedChecksum { flags: Some(gss.flags), bindings: gss.bindings, delegated: gss.delegated });
    }
    let session_key = session_key();
    if session_key.etype().checksum_type() != Some(checksum.checksum_type) {
        return Err(ChecksumCause::Type(checksum.checksum_type));
    }
    if message == Message::Bare {
        return Ok(none);
    }
    let verified = session_key.checksummer(KeyUsage::AP_REQ_AUTHENTICATOR_CHECKSUM).start().verify(&checksum.value);
    verified.map(|()| none).map_err(|_| ChecksumCause::Wrong)
}
