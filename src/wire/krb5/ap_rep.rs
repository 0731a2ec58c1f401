//! AP-REP and EncAPRepPart (RFC 4120 section 5.5.2): the message by which a server authenticates itself. With DCE
//! style, the client answers with an AP-REP, too.

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
mod tests {
    use super::*;
    use core::ops::Range;

    const SUBKEY: [u8; 16] = *b"sixteen octets!!";

    fn time() -> UnixTime {
        UnixTime::from_seconds(1_795_248_000).with_micros(500_000).unwrap()
    }

    fn subkey() -> Key {
        Key::new(EncType::AES128_CTS_HMAC_SHA1_96, &SUBKEY).unwrap()
    }

    /// Returns the range of `part` in `whole`.
    fn place(whole: &[u8], part: &[u8]) -> Range<usize> {
        let start = whole.windows(part.len()).position(|window| window == part).unwrap();
        start..start.saturating_add(part.len())
    }

    #[test]
    fn encrypted_part_with_a_changed_octet_is_refused_or_read_as_changed() {
        let whole = EncApRepPart::write(time(), Some(&subkey()), 0x1234_5678);
        let text = place(&whole, b"20261121080000Z");
        let micros = place(&whole, &[2, 3, 0x07, 0xA1, 0x20]);
        let etype = place(&whole, &[2, 1, 17]).end.saturating_sub(1);
        let key = place(&whole, &SUBKEY);
        let number = place(&whole, &[2, 4, 0x12, 0x34, 0x56, 0x78]);
        let number = number.start.saturating_add(2)..number.end;
        for at in 0..whole.len() {
            assert!(EncApRepPart::read(&whole[..at]).is_err(), "{at}");
            for value in (0..=u8::MAX).filter(|value| *value != whole[at]) {
                let mut changed = whole.clone();
                changed[at] = value;
                let Ok(part) = EncApRepPart::read(&changed) else {
                    // The reader must accept every key and every key type. If an octet of the sequence number changes,
                    // the reader may refuse the part only for a change of the first octet.
                    assert!(!key.contains(&at) && at != etype, "{at} {value}");
                    assert!(!number.contains(&at) || at == number.start, "{at} {value}");
                    continue;
                };
                let subkey = part.subkey.unwrap();
                assert_eq!(subkey.etype.0, i32::from(i8::from_be_bytes([changed[etype]])));
                assert_eq!(subkey.value, &changed[key.clone()]);
                let octets: [u8; 4] = changed[number.clone()].try_into().unwrap();
                assert_eq!(part.seq_number, Some(u32::from_be_bytes(octets)));
                let says_another = at == etype || key.contains(&at) || number.contains(&at);
                assert!(says_another || text.contains(&at) || micros.contains(&at), "{at} {value}");
            }
        }
        assert!(EncApRepPart::read(&[&whole[..], &[0]].concat()).is_err());
    }

    #[test]
    fn ap_rep_with_a_changed_octet_is_refused_or_read_as_changed() {
        let mut writer = Writer::with_capacity(0);
        ApRep::write(&mut writer, EncType::AES128_CTS_HMAC_SHA1_96, &SUBKEY);
        let whole = writer.finish();
        let (etype, cipher) = (place(&whole, &[2, 1, 17]).end.saturating_sub(1), place(&whole, &SUBKEY));
        for at in 0..whole.len() {
            assert!(ApRep::read(Reader::new(&whole[..at])).is_err(), "{at}");
            for value in (0..=u8::MAX).filter(|value| *value != whole[at]) {
                let mut changed = whole.clone();
                changed[at] = value;
                match ApRep::read(Reader::new(&changed)) {
                    Ok(ApRep { enc_part }) => {
                        assert_eq!(enc_part.cipher, &changed[cipher.clone()]);
                        assert_eq!(enc_part.etype.0, i32::from(i8::from_be_bytes([changed[etype]])));
                        assert!(at == etype || cipher.contains(&at), "{at} {value}");
                    }
                    Err(_) => assert!(at != etype && !cipher.contains(&at), "{at} {value}"),
                }
            }
        }
    }

    /// The encrypted part contains a key, and a buffer that grows would leave a copy of the key in memory.
    #[test]
    fn longest_encrypted_part_fits_into_its_capacity() {
        let longest = time().with_micros(999_999).unwrap();
        let subkey = Key::new(EncType::AES256_CTS_HMAC_SHA1_96, &[0xFF; 32]).unwrap();
        let part = EncApRepPart::write(longest, Some(&subkey), u32::MAX);
        assert_eq!((part.len(), part.capacity()), (84, ENC_AP_REP_PART_ROOM));
    }
}
