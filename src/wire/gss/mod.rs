//! The GSS-API parts of the Kerberos mechanism: the framing of initial tokens (RFC 2743 section 3.1, RFC 4121 section
//! 4.1), and the checksum with flags and channel bindings (RFC 4121 section 4.1.1).

mod channel_bindings;
mod checksum;

pub use channel_bindings::ChannelBindings;
pub(crate) use channel_bindings::is_absent;
pub(crate) use checksum::GssChecksum;
pub use checksum::{ChecksumCause, GssFlags};

use crate::wire::der::{Fault, Field, Kind, Reader, Writer, application, field, tag};
use crate::wire::mechanism::Mechanism;
use alloc::vec::Vec;

/// A token with the GSS-API framing.
///
/// ```asn1
/// InitialContextToken ::= [APPLICATION 0] IMPLICIT SEQUENCE {
///     thisMech          MechType,
///     innerContextToken ANY DEFINED BY thisMech
/// }
/// ```
#[derive(Clone, Copy, Debug)]
pub(crate) struct InitialToken<'a> {
    pub(crate) mechanism: Mechanism,
    pub(crate) inner: Reader<'a>,
}

impl<'a> InitialToken<'a> {
    /// Reads a framed token. No octet may follow the token.
    pub(crate) fn read(token: Reader<'a>) -> Result<Self, Fault> {
        let mut contents = token.only(INITIAL_TAG, field!("InitialContextToken"))?;
        let oid = contents.element(tag::OID, field!("InitialContextToken.thisMech"))?;
        Ok(Self { mechanism: Mechanism::from_oid(oid.rest()), inner: contents })
    }
}

/// Writes a message of the context establishment with the GSS-API framing: the identifier of `mechanism`, then TOK_ID,
/// then the message.
pub(crate) fn frame(mechanism: Mechanism, tok_id: TokId, message: impl FnOnce(&mut Writer)) -> Vec<u8> {
    let mut writer = Writer::with_capacity(REPLY_ROOM);
    writer.element(INITIAL_TAG, |w| {
        message(w);
        w.raw(&tok_id.octets());
        w.oid(mechanism.oid());
    });
    writer.finish()
}

/// The kind of a message that an acceptor sends (RFC 4121 section 4.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum TokId {
    ApRep,
    KrbError,
}

impl TokId {
    const fn octets(self) -> [u8; 2] {
        match self {
            Self::ApRep => [0x02, 0x00],
            Self::KrbError => [0x03, 0x00],
        }
    }
}

/// Reads TOK_ID, the two octets before each message of the context establishment (RFC 4121 section 4.1). Returns the
/// AP-REQ after TOK_ID.
pub(crate) fn ap_req_message(mut inner: Reader<'_>) -> Result<Reader<'_>, Fault> {
    const WHAT: Field = field!("innerContextToken.TOK_ID");
    let start = inner;
    match inner.take(2, WHAT)? {
        [0x01, 0x00] => Ok(inner),
        // AP-REP and KRB-ERROR are an acceptor's answers, so an initial token must not contain them.
        [0x02 | 0x03, 0x00] => Err(start.error(WHAT, Kind::OutOfPlace)),
        _ => Err(start.error(WHAT, Kind::Unrecognised)),
    }
}

/// The identifier octet of an initial token.
pub(crate) const INITIAL_TAG: u8 = application(0);

/// The capacity for a reply, in octets. An AP-REP with a subkey has fewer than 200 octets. A KRB-ERROR with long names
/// may be longer.
const REPLY_ROOM: usize = 256;
