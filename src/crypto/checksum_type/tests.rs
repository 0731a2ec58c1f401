use super::*;
use crate::crypto::EncType;
use alloc::string::ToString;

#[test]
fn display_of_a_checksum_type_has_its_name_and_number() {
    assert_eq!(ChecksumType::HMAC_MD5.to_string(), "hmac-md5 (-138)");
    assert_eq!(ChecksumType::GSSAPI.to_string(), "gssapi (32771)");
    assert_eq!(ChecksumType(99).to_string(), "unknown (99)");
}

#[test]
fn checksum_type_is_supported_exactly_if_a_supported_encryption_type_uses_it() {
    for number in -200..200 {
        let of_a_key = EncType::SUPPORTED.iter().any(|e| e.checksum_type() == Some(ChecksumType(number)));
        assert_eq!(ChecksumType(number).is_supported(), of_a_key, "{number}");
    }
    assert!(!ChecksumType::GSSAPI.is_supported());
}
