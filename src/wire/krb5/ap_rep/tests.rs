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
fn encrypted_part_with_a_changed_octet_is_refused_or_read_with_the_change() {
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
                // The reader must accept every key and every key type. The reader may refuse a changed first octet of
                // the sequence number, but must accept every change of its other octets.
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
fn ap_rep_with_a_changed_octet_is_refused_or_read_with_the_change() {
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

/// The encrypted part contains a key. If the writer's buffer had to grow, a copy of the key would stay in memory.
#[test]
fn longest_encrypted_part_fits_into_the_first_capacity_of_the_writer() {
    let longest = time().with_micros(999_999).unwrap();
    let subkey = Key::new(EncType::AES256_CTS_HMAC_SHA1_96, &[0xFF; 32]).unwrap();
    let part = EncApRepPart::write(longest, Some(&subkey), u32::MAX);
    assert_eq!((part.len(), part.capacity()), (84, ENC_AP_REP_PART_ROOM));
}
