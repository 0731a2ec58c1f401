use super::*;
use crate::context::{MessageKey, SecurityContext};
use crate::crypto::{EncType, Key};
use crate::wire::gss::GssFlags;
use alloc::vec;

fn established(role: Role) -> Established {
    Established {
        role,
        key: Key::new(EncType::RC4_HMAC, &[5; 16]).unwrap(),
        message_key: MessageKey::Initial,
        flags: GssFlags::default(),
        send_sequence: 0,
        receive_sequence: 0,
    }
}

/// Returns a client's Wrap token with the data `data`, which already has its padding.
fn padded(protection: Protection, data: &[u8]) -> Vec<u8> {
    let client = Rc4::new(&established(Role::Initiator)).unwrap();
    let (start, confounder) = (wrap_start(protection), [0xC0; CONFOUNDER]);
    let checksum = checksum(&client.wrap_mic, start, &[&confounder, data]);
    let mut sealed = [&confounder, data].concat();
    if protection == Protection::Confidentiality {
        client.streams.apply_to_message(0, [&mut sealed[..]]);
    }
    let mut token = Vec::new();
    append_framing(&mut token, FIELDS.checked_add(sealed.len()).unwrap());
    for part in [&start[..], &client.encrypted_number(0, checksum), &checksum, &sealed] {
        token.extend_from_slice(part);
    }
    token
}

/// RFC 1964 section 1.2.2.3 allows one to eight octets of padding.
#[test]
fn padding_of_one_to_eight_octets_is_accepted_and_other_padding_is_refused() {
    for protection in [Protection::Integrity, Protection::Confidentiality] {
        for count in 0..=10_u8 {
            for message in [&b"message"[..], b""] {
                let data = [message, &vec![count; usize::from(count)]].concat();
                let mut out = vec![1, 2, 3];
                let mut server = SecurityContext::new(established(Role::Acceptor));
                let taken = server.unwrap_any(&padded(protection, &data), &mut out);
                if (1..=8).contains(&count) {
                    assert_eq!((taken, &out[3..]), (Ok(protection), message), "{count}");
                } else {
                    assert_eq!((taken.unwrap_err().code(), &out[..]), ("malformed", &[1, 2, 3][..]), "{count}");
                }
            }
        }
    }
}

#[test]
fn padding_is_refused_if_an_octet_is_not_the_padding_length() {
    for count in 1..=8_u8 {
        let whole = [b"m", &vec![count; usize::from(count)][..]].concat();
        assert_eq!(unpadded(&whole), Some(1));
        for at in 1..whole.len() {
            let mut changed = whole.clone();
            changed[at] ^= 0x10;
            assert_eq!(unpadded(&changed), None, "{count} {at}");
        }
        // The padding claims more octets than the data has.
        assert_eq!(unpadded(&whole[2..]), None);
    }
}
