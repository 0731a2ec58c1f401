use super::*;
use crate::crypto::records::for_each;
use alloc::string::String;

const CERTIFICATES: &str = include_str!("../../../testvectors/bindings/server_end_point.txt");
const UNDEFINED: &str = include_str!("../../../testvectors/bindings/server_end_point_undefined.txt");

#[test]
fn certificate_hash_equals_the_hash_that_other_programs_compute() {
    for_each(CERTIFICATES, 19, |record| {
        let name = String::from_utf8(record.octets("Signed")).unwrap();
        let hash = server_end_point(&record.octets("Certificate")).unwrap();
        assert_eq!(hash, record.octets("Hash"), "{name}");
    });
}

#[test]
fn certificate_without_exactly_one_known_hash_function_has_no_binding() {
    for_each(UNDEFINED, 4, |record| {
        let algorithm = BoundedText::new(&String::from_utf8(record.octets("Algorithm")).unwrap());
        let expected = match record.number("Known") {
            1 => CertificateError::Undefined { algorithm },
            _ => CertificateError::UnknownAlgorithm { algorithm },
        };
        let name = String::from_utf8(record.octets("Signed")).unwrap();
        assert_eq!(server_end_point(&record.octets("Certificate")), Err(expected), "{name}");
    });
}

#[test]
fn certificate_is_malformed_when_cut_or_followed_by_an_octet() {
    for_each(CERTIFICATES, 19, |record| {
        let certificate = record.octets("Certificate");
        for length in 0..certificate.len() {
            let cut = server_end_point(&certificate[..length]);
            assert!(matches!(cut, Err(CertificateError::Malformed(_))), "{length}");
        }
        let longer = server_end_point(&[&certificate[..], &[0]].concat());
        assert!(matches!(longer, Err(CertificateError::Malformed(_))));
        let _ = (record.octets("Signed"), record.octets("Hash"));
    });
}

/// A certificate with one changed octet is refused or hashed, and is never read past its end.
#[test]
fn changed_certificate_does_not_panic() {
    for_each(CERTIFICATES, 19, |record| {
        let mut certificate = record.octets("Certificate");
        for at in 0..certificate.len() {
            for mask in [0x01, 0x80, 0xFF] {
                certificate[at] ^= mask;
                let hash = server_end_point(&certificate);
                assert!(hash.is_err() || hash.is_ok_and(|hash| (28..=64).contains(&hash.len())));
                certificate[at] ^= mask;
            }
        }
        let _ = (record.octets("Signed"), record.octets("Hash"));
    });
}
