//! Verifies the server at the enrolment. The agent trusts only the authority whose certificate has the SHA-256 that the
//! enrolment token names.

use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{CertificateError, DigitallySignedStruct, Error, RootCertStore, SignatureScheme};
use seamless_pta::Fixed;
use seamless_pta::enrolment::Pin;
use sha2::{Digest as _, Sha256};
use std::sync::Arc;

/// Verifies that the chain of a server's certificate has the authority that the pin names.
#[derive(Debug)]
pub(crate) struct Pinned {
    pin: Pin,
    provider: Arc<CryptoProvider>,
}

impl Pinned {
    pub(crate) const fn new(pin: Pin, provider: Arc<CryptoProvider>) -> Self {
        Self { pin, provider }
    }
}

impl ServerCertVerifier for Pinned {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let is_pinned = |one: &&CertificateDer<'_>| Fixed::new(Sha256::digest(one.as_ref()).into()).is(&self.pin);
        let unknown = || Error::InvalidCertificate(CertificateError::UnknownIssuer);
        let authority = intermediates.iter().find(is_pinned).ok_or_else(unknown)?;
        let mut roots = RootCertStore::empty();
        roots.add(authority.clone().into_owned())?;
        let chain = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), Arc::clone(&self.provider)).build();
        let chain = chain.map_err(|error| Error::General(error.to_string()))?;
        chain.verify_server_cert(end_entity, &[], server_name, ocsp_response, now)
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls12_signature(message, cert, dss, &self.provider.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, cert, dss, &self.provider.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use rcgen::KeyPair;
    use rustls::crypto::ring::default_provider;
    use seamless_pta::certificate::{Authority, Serial};
    use std::time::Duration;

    #[test]
    fn server_is_trusted_only_with_the_right_name_and_a_certificate_of_the_pinned_authority() {
        let now = crate::clock::now();
        let [own, other] = [1, 2].map(|serial| Authority::make(Serial::new([serial; 16]), now).unwrap());
        let verified = |pin: Pin, signer: &Authority, shown: &Authority, name: &'static str| {
            let key = KeyPair::generate().unwrap();
            let node = signer.issue_for_node(&key, &["n1".into()], Serial::new([3; 16]), now).unwrap();
            let [node, shown] = [&node, shown.certificate()].map(|one| CertificateDer::from(one.as_bytes().to_vec()));
            let at = UnixTime::since_unix_epoch(Duration::from_secs(now.seconds()));
            let pinned = Pinned::new(pin, Arc::new(default_provider()));
            pinned.verify_server_cert(&node, &[shown], &name.try_into().unwrap(), &[], at).is_ok()
        };
        assert!(verified(own.pin(), &own, &own, "n1"));
        assert!(!verified(own.pin(), &own, &own, "n2"), "another name");
        assert!(!verified(other.pin(), &own, &own, "n1"), "another pin");
        assert!(!verified(own.pin(), &other, &own, "n1"), "the pinned authority did not sign");
        assert!(!verified(own.pin(), &other, &other, "n1"), "another authority");
    }
}
