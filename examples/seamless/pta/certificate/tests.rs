#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

use super::*;
use crate::message::Csr;
use crate::seal::{SealingKey, SealingPublicKey};
use crate::time::CERTIFICATE_LIFE;
use rcgen::{KeyPair, PKCS_ECDSA_P256_SHA256, PKCS_ECDSA_P384_SHA384, PKCS_ED25519, PublicKeyData as _};

const NOW: Time = Time::from_seconds(1_795_000_000);

fn authority() -> Authority {
    Authority::make(Serial::new([1; 16]), NOW).unwrap()
}

fn sealing_key() -> SealingPublicKey {
    SealingKey::from_random(&[1; 32]).public()
}

fn request(key: &KeyPair) -> Request {
    Request::read(&make_request(key, &sealing_key()).unwrap(), sealing_key()).unwrap()
}

fn p256() -> KeyPair {
    KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256).unwrap()
}

fn issued(role: Role, serial: Serial) -> crate::message::Certificate {
    let (tenant, agent) = (Tenant::new("contoso.test").unwrap(), AgentId::from_random([5; 16]));
    authority().issue(&request(&p256()), (&tenant, role, agent), serial, NOW).unwrap()
}

#[test]
fn certificate_names_tenant_role_agent_and_sealing_key_and_ends_after_seven_days() {
    for role in [Role::Pta, Role::Phs] {
        let read = AgentCertificate::read(issued(role, Serial::new([7; 16])).as_bytes()).unwrap();
        let expected = AgentCertificate {
            tenant: Tenant::new("contoso.test").unwrap(),
            role,
            agent: AgentId::from_random([5; 16]),
            key: sealing_key().id(),
            serial: Serial::new([7; 16]),
            not_after: NOW.after(CERTIFICATE_LIFE),
        };
        assert_eq!(read, expected);
    }
}

#[test]
fn serial_number_that_begins_with_zeros_is_read_whole() {
    let mut octets = [9; 16];
    octets[..3].fill(0);
    let read = AgentCertificate::read(issued(Role::Pta, Serial::new(octets)).as_bytes()).unwrap();
    assert_eq!(read.serial, Serial::new(octets));
}

#[test]
fn certificates_of_the_authority_and_of_a_node_are_refused_as_certificates_of_an_agent() {
    let authority = authority();
    let names = ["n1.contoso.test".to_owned(), "127.0.0.1".to_owned()];
    let node = authority.issue_for_node(&p256(), &names, Serial::new([3; 16]), NOW).unwrap();
    for certificate in [authority.certificate(), &node] {
        assert_eq!(AgentCertificate::read(certificate.as_bytes()), Err(NotOfAgent));
    }
    let (_, read) = X509Certificate::from_der(node.as_bytes()).unwrap();
    let names = &read.subject_alternative_name().unwrap().unwrap().value.general_names;
    assert_eq!(names.as_slice(), [GeneralName::DNSName("n1.contoso.test"), GeneralName::IPAddress(&[127, 0, 0, 1])]);
}

#[test]
fn truncated_certificate_and_certificate_with_extra_octets_are_refused() {
    let whole = issued(Role::Pta, Serial::new([7; 16])).as_bytes().to_vec();
    for at in 0..whole.len() {
        assert_eq!(AgentCertificate::read(&whole[..at]), Err(NotOfAgent), "{at}");
    }
    assert_eq!(AgentCertificate::read(&[&whole[..], &[0]].concat()), Err(NotOfAgent));
}

#[test]
fn stored_authority_is_read_back_with_the_same_key_and_pin() {
    let made = authority();
    let read = Authority::read(made.certificate().as_bytes(), &made.secret_key()).unwrap();
    assert_eq!(read.pin(), made.pin());
    let node = read.issue_for_node(&p256(), &["n1".into()], Serial::new([3; 16]), NOW).unwrap();
    let (_, node) = X509Certificate::from_der(node.as_bytes()).unwrap();
    let (_, root) = X509Certificate::from_der(made.certificate().as_bytes()).unwrap();
    assert!(node.verify_signature(Some(root.public_key())).is_ok());
    assert!(root.is_ca() && root.issuer() == node.issuer());
}

#[test]
fn request_for_another_sealing_key_is_refused() {
    let other = SealingKey::from_random(&[2; 32]).public();
    let csr = make_request(&p256(), &sealing_key()).unwrap();
    assert_eq!(Request::read(&csr, other).unwrap_err(), RequestError::SealingKey);
    let without = rcgen::CertificateParams::default().serialize_request(&p256()).unwrap();
    let without = Csr::new(without.der().to_vec()).unwrap();
    assert_eq!(Request::read(&without, sealing_key()).unwrap_err(), RequestError::SealingKey);
}

#[test]
fn request_with_a_key_of_another_type_is_refused() {
    for algorithm in [&PKCS_ECDSA_P384_SHA384, &PKCS_ED25519] {
        let csr = make_request(&KeyPair::generate_for(algorithm).unwrap(), &sealing_key()).unwrap();
        assert_eq!(Request::read(&csr, sealing_key()).unwrap_err(), RequestError::KeyType);
    }
}

/// The signature covers the keys and the names, but not the encoding of the signature algorithm. The parser accepts
/// some encodings of this algorithm that are not DER. So a few changed requests are still read.
#[test]
fn changed_request_is_refused_or_names_the_same_keys() {
    let csr = make_request(&p256(), &sealing_key()).unwrap().as_bytes().to_vec();
    let public_key = |csr: Vec<u8>| {
        let request = Request::read(&Csr::new(csr)?, sealing_key()).ok()?;
        Some(request.public_key.der_bytes().to_vec())
    };
    let whole = public_key(csr.clone()).unwrap();
    for at in 0..csr.len() {
        let mut changed = csr.clone();
        changed[at] ^= 0x01;
        assert!(public_key(changed).is_none_or(|key| key == whole), "{at}");
        assert_eq!(public_key(csr[..at].to_vec()), None, "{at}");
    }
}

#[test]
fn debug_output_of_the_authority_shows_its_pin_only() {
    let authority = authority();
    assert_eq!(format!("{authority:?}"), format!("Authority({})", authority.pin()));
}
