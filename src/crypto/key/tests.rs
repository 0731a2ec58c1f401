#![allow(clippy::unwrap_used)]
use super::*;
use crate::crypto::mac::keyed;
use crate::crypto::records::{Record, for_each};
use crate::crypto::rfc3961::n_fold;
use crate::crypto::{rfc3962, rfc8009};
use aes::cipher::array::{Array, ArraySize};
use aes::cipher::consts::{U16, U24, U32};
use hmac::EagerHash;
use sha2::{Sha256, Sha384};

#[test]
fn key_is_read_from_hexadecimal_digits_of_either_case() {
    let digits = "00ff10A9bB3c4d5e6f708192a3b4c5d6";
    let octets = [0, 255, 16, 169, 187, 60, 77, 94, 111, 112, 129, 146, 163, 180, 197, 214];
    assert_eq!(
        Key::from_hex(EncType::AES128_CTS_HMAC_SHA1_96, digits).unwrap(),
        Key::new(EncType::AES128_CTS_HMAC_SHA1_96, &octets).unwrap()
    );
    for refused in ["0", "0g", "0x00", "0 ", "é"] {
        assert_eq!(Key::from_hex(EncType::AES128_CTS_HMAC_SHA1_96, refused).unwrap_err(), InvalidKey::Hex, "{refused}");
    }
    assert!(matches!(
        Key::from_hex(EncType::AES128_CTS_HMAC_SHA1_96, "00").unwrap_err(),
        InvalidKey::Length { actual: 1, .. }
    ));
}

#[test]
fn derived_keys_equal_the_vectors_of_mit_krb5_and_rfc_8009() {
    for_each(include_str!("../../../testvectors/crypto/derived_keys.txt"), 4, |record| {
        let key = Key::new(EncType(record.number("EncType")), &record.octets("Key")).unwrap();
        let usage = KeyUsage(record.number("Usage"));
        for (name, purpose) in [("Kc", 0x99), ("Ke", 0xAA), ("Ki", 0x55)] {
            assert_derived(&key, &usage.label(purpose), record, name);
        }
    });
}

fn sha2_derived<H: EagerHash, K: ArraySize, N: ArraySize>(key: &Array<u8, K>, label: &[u8]) -> Array<u8, N> {
    rfc8009::kdf::<H, N>(&keyed(key), label, &[]).clone()
}

fn assert_derived(key: &Key, label: &[u8], record: &mut Record, name: &str) {
    let mut derived = [0; 32];
    let expected = record.octets(name);
    let derived = derived.get_mut(..expected.len()).unwrap();
    match &key.0 {
        Secret::Aes128Sha1(key) => {
            derived.copy_from_slice(&rfc3962::derive_key::<aes::Aes128>(key.into(), n_fold(label)));
        }
        Secret::Aes256Sha1(key) => {
            derived.copy_from_slice(&rfc3962::derive_key::<aes::Aes256>(key.into(), n_fold(label)));
        }
        Secret::Aes128Sha256(key) => {
            derived.copy_from_slice(&sha2_derived::<Sha256, U16, U16>(key.into(), label));
        }
        Secret::Aes256Sha384(key) if expected.len() == 24 => {
            derived.copy_from_slice(&sha2_derived::<Sha384, U32, U24>(key.into(), label));
        }
        Secret::Aes256Sha384(key) => {
            derived.copy_from_slice(&sha2_derived::<Sha384, U32, U32>(key.into(), label));
        }
        #[cfg(feature = "rc4")]
        Secret::Rc4(_) => {}
    }
    assert_eq!(derived, expected, "{name} of {key:?}");
}
