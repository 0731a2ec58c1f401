//! AP-REP and EncAPRepPart (RFC 4120 section 5.5.2): the message by which a server authenticates itself. In DCE style,
//! the client also answers with an AP-REP.

use super::{EncryptedData, EncryptionKey};
use crate::crypto::{EncType, Key};
use crate::time::UnixTime;
use crate::wire::der::{self, Fault, Field, Malformed, Reader, Writer, application, field, tag};
use alloc::vec::Vec;

/// A message that answers an AP-REQ.
///
/// ```asn1
/// AP-REP ::= [APPLICATION 15] SEQUENCE {
///     pvno     [0] INTEGER (5),
///     msg-type [1] INTEGER (15),
///     enc-part [2] EncryptedData -- EncAPRepPart
/// }
/// ```
#[derive(Clone, Copy, Debug)]
pub(crate) struct ApRep<'a> {
    pub(crate) enc_part: EncryptedData<'a>,
}

impl<'a> ApRep<'a> {
    /// The identifier octet of an AP-REP.
    pub(crate) const TAG: u8 = application(15);

    /// Reads an AP-REP that fills `message` to its end.
    pub(crate) fn read(message: Reader<'a>) -> Result<Self, Fault> {
        let mut fields = message.only_wrapped(Self::TAG, tag::SEQUENCE, field!("AP-REP"))?;
        fields.constant_field(0, 5, field!("AP-REP.pvno"))?;
        fields.constant_field(1, 15, field!("AP-REP.msg-type"))?;
        let enc_part = fields.structure(2, field!("AP-REP.enc-part"), EncryptedData::read)?;
        fields.end(field!("AP-REP"))?;
        Ok(Self { enc_part })
    }

    /// Writes an AP-REP around a ciphertext.
    pub(crate) fn write(writer: &mut Writer, etype: EncType, cipher: &[u8]) {
        writer.element(Self::TAG, |w| {
            w.sequence(|w| {
                w.field(2, |w| {
                    w.sequence(|w| {
                        w.field(2, |w| w.octets(cipher));
                        w.field(0, |w| w.integer(etype.0.into()));
                    });
                });
                w.field(1, |w| w.integer(15));
                w.field(0, |w| w.integer(5));
            });
        });
    }
}

/// The encrypted part of an AP-REP.
///
/// ```asn1
/// EncAPRepPart ::= [APPLICATION 27] SEQUENCE {
///     ctime      [0] KerberosTime,
///     cusec      [1] Microseconds,
///     subkey     [2] EncryptionKey OPTIONAL,
///     seq-number [3] UInt32 OPTIONAL
/// }
/// ```
#[derive(Clone, Copy, Debug)]
pub(crate) struct EncApRepPart<'a> {
    pub(crate) subkey: Option<EncryptionKey<'a>>,
    pub(crate) seq_number: Option<u32>,
}

impl<'a> EncApRepPart<'a> {
    /// Reads the plaintext of an AP-REP. No octet may follow the EncAPRepPart.
    pub(crate) fn read(plaintext: &'a [u8]) -> Result<Self, Malformed> {
        der::read(plaintext, Self::parse)
    }

    fn parse(plaintext: Reader<'a>) -> Result<Self, Fault> {
        const WHAT: Field = field!("EncAPRepPart");
        let mut fields = plaintext.only_wrapped(application(27), tag::SEQUENCE, WHAT)?;
        fields.time_field(0, field!("EncAPRepPart.ctime"))?;
        fields.field(1, field!("EncAPRepPart.cusec"), Reader::microseconds)?;
        let part = Self {
            subkey: fields.optional_structure(2, field!("EncAPRepPart.subkey"), EncryptionKey::read)?,
            seq_number: fields.optional_uint32_field(3, field!("EncAPRepPart.seq-number"))?,
        };
        fields.end(WHAT)?;
        Ok(part)
    }

    /// Writes the plaintext that answers an authenticator with the time `client_time`. The caller must zeroize the
    /// result, because it contains `subkey`.
    pub(crate) fn write(client_time: UnixTime, subkey: Option<&Key>, seq_number: u32) -> Vec<u8> {
        let mut writer = Writer::with_capacity(ENC_AP_REP_PART_ROOM);
        writer.element(application(27), |w| {
            w.sequence(|w| {
                w.field(3, |w| w.integer(seq_number.into()));
                if let Some(subkey) = subkey {
                    w.field(2, |w| write_key(w, subkey));
                }
                w.field(1, |w| w.integer(client_time.micros().into()));
                w.field(0, |w| w.time(client_time));
            });
        });
        writer.finish()
    }
}

fn write_key(writer: &mut Writer, key: &Key) {
    writer.sequence(|w| {
        w.field(1, |w| w.octets(key.expose_bytes()));
        w.field(0, |w| w.integer(key.etype().0.into()));
    });
}

/// A capacity that suffices for every EncAPRepPart. The longest EncAPRepPart has 84 octets, with a subkey of 32 octets.
const ENC_AP_REP_PART_ROOM: usize = 96;

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::indexing_slicing)]
mod tests;
