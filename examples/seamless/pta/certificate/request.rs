//! The request of an agent for a certificate (PKCS #10, RFC 2986).
//!
//! The server takes two things from a request: the public key of the agent, and the name of the sealing key. The
//! request is signed with the agent's private key, so the holder of this key has named the sealing key. The server
//! chooses everything else in the certificate.

use super::{key_of_name, name_of_key};
use crate::message::Csr;
use crate::seal::SealingPublicKey;
use rcgen::{
    CertificateParams, DistinguishedName, KeyPair, PKCS_ECDSA_P256_SHA256, PublicKeyData as _, SanType,
    SubjectPublicKeyInfo,
};
use thiserror::Error;
use x509_parser::prelude::{FromDer as _, GeneralName, ParsedExtension, X509CertificationRequest};

/// A certification request with a valid signature. The request names the sealing key that came in the same message.
#[derive(Debug)]
pub struct Request {
    pub(super) public_key: SubjectPublicKeyInfo,
    pub(super) sealing_key: SealingPublicKey,
}

/// The reason why a request is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum RequestError {
    /// The octets are no request.
    #[error("the certification request cannot be read")]
    Unreadable,
    /// The request was not signed with its own key.
    #[error("the signature of the certification request is wrong")]
    Signature,
    /// The key of the request is not an ECDSA key on P-256.
    #[error("the key of a certification request must be ECDSA on P-256")]
    KeyType,
    /// The request names no sealing key, or another sealing key than the message has.
    #[error("the certification request names another sealing key")]
    SealingKey,
}

/// Makes the request of an agent, signed with the agent's new key.
///
/// # Errors
/// Returns [`RequestError::Unreadable`] if the request cannot be written.
pub fn make_request(key: &KeyPair, sealing_key: &SealingPublicKey) -> Result<Csr, RequestError> {
    let mut params = CertificateParams::default();
    params.distinguished_name = DistinguishedName::new();
    let name = name_of_key(&sealing_key.id()).try_into().map_err(|_| RequestError::Unreadable)?;
    params.subject_alt_names = vec![SanType::URI(name)];
    let request = params.serialize_request(key).map_err(|_| RequestError::Unreadable)?;
    Csr::new(request.der().to_vec()).ok_or(RequestError::Unreadable)
}

impl Request {
    /// Reads a request, and checks that it names `sealing_key`.
    ///
    /// # Errors
    /// Returns [`RequestError`] unless the request has an ECDSA key on P-256, is signed with this key, and names the
    /// sealing key.
    pub fn read(csr: &Csr, sealing_key: SealingPublicKey) -> Result<Self, RequestError> {
        let (rest, request) =
            X509CertificationRequest::from_der(csr.as_bytes()).map_err(|_| RequestError::Unreadable)?;
        if !rest.is_empty() {
            return Err(RequestError::Unreadable);
        }
        let public_key = SubjectPublicKeyInfo::from_der(request.certification_request_info.subject_pki.raw);
        let public_key = public_key.map_err(|_| RequestError::KeyType)?;
        if public_key.algorithm() != &PKCS_ECDSA_P256_SHA256 {
            return Err(RequestError::KeyType);
        }
        request.verify_signature().map_err(|_| RequestError::Signature)?;
        let names = request.requested_extensions().into_iter().flatten().find_map(|extension| match extension {
            ParsedExtension::SubjectAlternativeName(names) => Some(&names.general_names),
            _ => None,
        });
        match names.map(Vec::as_slice) {
            Some([GeneralName::URI(name)]) if key_of_name(name) == Some(sealing_key.id()) => {
                Ok(Self { public_key, sealing_key })
            }
            _ => Err(RequestError::SealingKey),
        }
    }

    /// Returns the sealing key that the request names.
    #[must_use]
    pub const fn sealing_key(&self) -> SealingPublicKey {
        self.sealing_key
    }
}
