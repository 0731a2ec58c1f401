//! AP-REP and EncAPRepPart (RFC 4120 section 5.5.2): what a server proves itself with, and in DCE style the client
//! once more.

use super::{EncryptedData, EncryptionKey};
use crate::crypto::{EncType, Key};
use crate::der::{Malformed, Reader, Writer, application, tag};
use crate::time::UnixTime;
use alloc::vec::Vec;

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
    /// Identifier octet of an AP-REP.
    pub(crate) const TAG: u8 = application(15);

    /// Reads an AP-REP that fills `message` to its end.
    pub(crate) fn read(message: Reader<'a>) -> Result<Self, Malformed> {
        let mut fields = message.only(Self::TAG, "AP-REP")?.only(tag::SEQUENCE, "AP-REP")?;
        fields.constant_field(0, 5, "AP-REP.pvno")?;
        fields.constant_field(1, 15, "AP-REP.msg-type")?;
        let enc_part = fields.field(2, "AP-REP.enc-part", EncryptedData::read)?;
        fields.end("AP-REP")?;
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
    /// Reads the plaintext of an AP-REP, which it must fill to the end.
    pub(crate) fn read(plaintext: &'a [u8]) -> Result<Self, Malformed> {
        const WHAT: &str = "EncAPRepPart";
        let mut fields = Reader::new(plaintext).only(application(27), WHAT)?.only(tag::SEQUENCE, WHAT)?;
        fields.time_field(0, "EncAPRepPart.ctime")?;
        fields.field(1, "EncAPRepPart.cusec", Reader::microseconds)?;
        let part = Self {
            subkey: fields.optional_field(2, "EncAPRepPart.subkey", EncryptionKey::read)?,
            seq_number: fields.optional_field(3, "EncAPRepPart.seq-number", Reader::uint32_or_negative)?,
        };
        fields.end(WHAT)?;
        Ok(part)
    }

    /// The plaintext that answers an authenticator of the time `client_time`. It holds `subkey`: wipe it.
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

/// The longest has 92 octets, with a subkey of 32.
const ENC_AP_REP_PART_ROOM: usize = 96;
