//! Tests of the rotation by RRC, and in DCE style by RRC and EC.

use super::*;

/// Some rotations split the confounder, some rotate the body by its whole length or more, and one is the greatest value of
/// RRC. EC is zero, so the rotation in DCE style is the same.
#[test]
fn token_rotated_by_a_boundary_value_is_unwrapped() {
    let dce = GssFlags::DCE_STYLE.bits();
    for etype in &EncType::SUPPORTED[..4] {
        for (protection, flags) in [(PROTECTIONS[0], 0), (PROTECTIONS[1], 0), (PROTECTIONS[1], dce)] {
            let body = sides(*etype, 0, 0).0.wrap_size_limit(protection, 1_000);
            let body = 1_000 - 16 - body + 7;
            for rrc in [0, 1, 15, 16, 17, body - 17, body - 16, body - 15, body - 1, body, body + 1, 2 * body, 0xFFFF] {
                let (mut client, mut server) = sides(*etype, SEQUENCE | flags, 1);
                let mut token = wrapped(&mut client, b"message", protection);
                let (header, rest) = token.split_at_mut(16);
                assert_eq!(rest.len(), body);
                header[6..8].copy_from_slice(&u16::try_from(rrc).unwrap().to_be_bytes());
                rest.rotate_right(rrc % body);
                assert_eq!(unwrapped(&mut server, &token), Ok(b"message".to_vec()), "{etype} {protection:?} {rrc}");
            }
        }
    }
}

/// Windows rotates by EC + RRC, and this sum may have 17 bits.
#[test]
fn dce_style_token_rotated_by_a_17_bit_sum_is_unwrapped() {
    let key = Key::new(EncType::AES256_CTS_HMAC_SHA1_96, &[5; 32]).unwrap();
    for (ec, rrc) in [(0, 0xFFFF), (1, 0xFFFF), (16, 28), (0xFFF0, 0xFFFF), (0xFFFF, 0xFFFF)] {
        let [high, low] = u16::try_from(ec).unwrap().to_be_bytes();
        let [rrc_high, rrc_low] = u16::try_from(rrc).unwrap().to_be_bytes();
        let mut token = vec![5, 4, 6, 0xFF, high, low, rrc_high, rrc_low, 0, 0, 0, 0, 0, 0, 0, 1];
        let copy = [5, 4, 6, 0xFF, high, low, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1];
        let cipher = key.cipher(KeyUsage::GSS_INITIATOR_SEAL);
        cipher.encrypt_pieces(&CONFOUNDER, &[b"message", &vec![0; ec], &copy], &mut token);
        let body = &mut token[16..];
        body.rotate_right((ec + rrc) % body.len());
        let (_, mut server) = sides(EncType::AES256_CTS_HMAC_SHA1_96, SEQUENCE | GssFlags::DCE_STYLE.bits(), 1);
        assert_eq!(unwrapped(&mut server, &token), Ok(b"message".to_vec()), "{ec} {rrc}");
    }
}
