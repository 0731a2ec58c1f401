#![allow(clippy::unwrap_used)]
use super::*;
use alloc::string::ToString;

#[test]
fn display_of_an_encryption_type_has_its_name_and_number() {
    assert_eq!(EncType::AES256_CTS_HMAC_SHA1_96.to_string(), "aes256-cts-hmac-sha1-96 (18)");
    assert_eq!(EncType(-133).to_string(), "rc4-hmac-old (-133)");
    assert_eq!(EncType(99).to_string(), "unknown (99)");
}

#[test]
fn enc_type_is_read_from_numbers_names_and_aliases() {
    for (text, number) in [("18", 18), ("-128", -128), ("AES256-CTS", 18), ("arcfour-hmac", 23), ("rc4-hmac", 23)] {
        assert_eq!(text.parse::<EncType>().unwrap(), EncType(number), "{text}");
    }
    for text in ["", "aes", "2147483648", "aes256-cts-hmac-sha1-96 "] {
        assert_eq!(text.parse::<EncType>(), Err(UnknownEncType), "{text}");
    }
}

#[test]
fn every_enc_type_name_is_read_as_its_number() {
    for (number, name) in NAMES {
        assert_eq!(name.parse::<EncType>().unwrap(), EncType(*number));
        assert_eq!(EncType(*number).name(), Some(*name));
    }
}

#[test]
fn only_supported_enc_types_have_a_key_length_and_a_checksum_type() {
    for number in -200..200 {
        let enc_type = EncType(number);
        assert_eq!(enc_type.key_len().is_some(), enc_type.is_supported());
        assert_eq!(enc_type.checksum_type().is_some(), enc_type.is_supported());
    }
}
