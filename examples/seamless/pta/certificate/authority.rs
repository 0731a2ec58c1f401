//! The authority that signs the certificates of agents and of nodes. The authority's key is in the server's store, and
//! never on an agent.

use super::{Request, Role, Serial, URN, name_of_key};
use crate::agent::AgentId;
use crate::encoding::Fixed;
use crate::enrolment::Pin;
use crate::message::Certificate;
use crate::time::{AUTHORITY_LIFE, CERTIFICATE_LIFE, CLOCK_SKEW, SERVER_CERTIFICATE_LIFE, Time};
use crate::user::Tenant;
use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose, PKCS_ECDSA_P256_SHA256, SanType, SerialNumber, date_time_ymd,
};
use sha2::{Digest as _, Sha256};
use std::fmt;
use std::time::Duration;
use thiserror::Error;
use zeroize::Zeroizing;

/// The authority with its private key.
pub struct Authority {
    certificate: Certificate,
    issuer: Issuer<'static, KeyPair>,
}

/// The reason why a certificate was not made.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum IssueError {
    /// The stored authority cannot be read.
    #[error("the certificate or the key of the authority cannot be used: {0}")]
    Authority(String),
    /// The certificate cannot be written.
    #[error("the certificate cannot be made: {0}")]
    Certificate(String),
}

impl Authority {
    /// Makes an authority. The key comes from the operating system's randomness.
    ///
    /// # Errors
    /// Returns [`IssueError`] if the operating system has no randomness or the time is out of range.
    pub fn make(serial: Serial, now: Time) -> Result<Self, IssueError> {
        let key = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256).map_err(of_authority)?;
        let mut params = params("kerberos-sso agents", serial, now, AUTHORITY_LIFE)?;
        params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
        let certificate = params.self_signed(&key).map_err(of_authority)?;
        Self::of(certificate.der(), key)
    }

    /// Reads the certificate in DER and the key in PKCS #8.
    ///
    /// # Errors
    /// Returns [`IssueError::Authority`] if the certificate or the key cannot be read.
    pub fn read(certificate: &[u8], key: &[u8]) -> Result<Self, IssueError> {
        let key = KeyPair::try_from(key).map_err(of_authority)?;
        Self::of(certificate, key)
    }

    fn of(certificate: &[u8], key: KeyPair) -> Result<Self, IssueError> {
        let issuer = Issuer::from_ca_cert_der(&certificate.into(), key).map_err(of_authority)?;
        let certificate = Certificate::new(certificate.to_vec());
        let certificate = certificate.ok_or_else(|| IssueError::Authority("the certificate is too long".into()))?;
        Ok(Self { certificate, issuer })
    }

    /// Returns the certificate of the authority.
    #[must_use]
    pub const fn certificate(&self) -> &Certificate {
        &self.certificate
    }

    /// Returns the private key in PKCS #8, for the server's sealed store.
    #[must_use]
    pub fn secret_key(&self) -> Zeroizing<Vec<u8>> {
        Zeroizing::new(self.issuer.key().serialize_der())
    }

    /// Returns the SHA-256 of the certificate, which enrolment tokens have.
    #[must_use]
    pub fn pin(&self) -> Pin {
        Fixed::new(Sha256::digest(self.certificate.as_bytes()).into())
    }

    /// Signs the certificate of an agent, which is valid for seven days.
    ///
    /// # Errors
    /// Returns [`IssueError::Certificate`] if the certificate cannot be written.
    pub fn issue(
        &self,
        request: &Request,
        (tenant, role, agent): (&Tenant, Role, AgentId),
        serial: Serial,
        now: Time,
    ) -> Result<Certificate, IssueError> {
        let mut params = params(tenant.as_str(), serial, now, CERTIFICATE_LIFE)?;
        let own = format!("{URN}{tenant}:{}:{agent}", role.name());
        let uri = |name: String| name.try_into().map(SanType::URI).map_err(of_certificate);
        params.subject_alt_names = vec![uri(own)?, uri(name_of_key(&request.sealing_key.id()))?];
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
        let signed = params.signed_by(&request.public_key, &self.issuer).map_err(of_certificate)?;
        whole(signed.der())
    }

    /// Signs the certificate that a node shows to agents, with the names or addresses of the node. The certificate is
    /// valid for 30 days.
    ///
    /// # Errors
    /// Returns [`IssueError::Certificate`] if a name is no DNS name or the certificate cannot be written.
    pub fn issue_for_node(
        &self,
        key: &KeyPair,
        names: &[String],
        serial: Serial,
        now: Time,
    ) -> Result<Certificate, IssueError> {
        let name = names.first().map_or("", String::as_str);
        let mut params = params(name, serial, now, SERVER_CERTIFICATE_LIFE)?;
        // An IP address becomes an address entry, and any other name becomes a DNS name.
        params.subject_alt_names = CertificateParams::new(names).map_err(of_certificate)?.subject_alt_names;
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        let signed = params.signed_by(key, &self.issuer).map_err(of_certificate)?;
        whole(signed.der())
    }
}

/// Shows the pin, but no key.
impl fmt::Debug for Authority {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Authority({})", self.pin())
    }
}

fn params(subject: &str, serial: Serial, now: Time, life: Duration) -> Result<CertificateParams, IssueError> {
    let at = |time: Time| {
        let since = Duration::from_secs(time.seconds()).try_into().ok();
        let at = since.and_then(|since| date_time_ymd(1970, 1, 1).checked_add(since));
        at.ok_or_else(|| IssueError::Certificate("the time is out of range".into()))
    };
    let mut params = CertificateParams::default();
    params.distinguished_name = DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, subject);
    params.serial_number = Some(SerialNumber::from_slice(serial.as_bytes()));
    params.not_before = at(now.before(CLOCK_SKEW))?;
    params.not_after = at(now.after(life))?;
    params.use_authority_key_identifier_extension = true;
    Ok(params)
}

fn whole(der: &[u8]) -> Result<Certificate, IssueError> {
    Certificate::new(der.to_vec()).ok_or_else(|| IssueError::Certificate("it is too long".into()))
}

fn of_authority(error: impl fmt::Display) -> IssueError {
    IssueError::Authority(error.to_string())
}

fn of_certificate(error: impl fmt::Display) -> IssueError {
    IssueError::Certificate(error.to_string())
}
