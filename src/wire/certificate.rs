//! The hash of a server's certificate for the channel binding `tls-server-end-point` (RFC 5929 section 4.1).
//!
//! To choose the hash function, the module reads the outermost SEQUENCE and `signatureAlgorithm` (RFC 5280 section
//! 4.1.1.2) of the certificate. The module does not verify the certificate, because the certificate is the server's
//! own.

use crate::bounded_text::BoundedText;
use crate::wire::der::{Fault, Field, Kind, Malformed, Reader, context, field, tag};
use crate::wire::oid::Dotted;
use alloc::vec::Vec;
use sha2::{Digest, Sha224, Sha256, Sha384, Sha512};
use thiserror::Error;

/// The reason why a certificate has no `tls-server-end-point` channel binding.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum CertificateError {
    /// The octets are not exactly one X.509 certificate in DER. A PEM file must be decoded first, because it holds the
    /// DER as base64.
    #[error("not a certificate in DER: {0}")]
    Malformed(Malformed),
    /// RFC 5929 section 4.1 defines no binding for certificates with this signature algorithm. The algorithm has no
    /// separate hash function (Ed25519, Ed448), or the signature uses two different hash functions (RSASSA-PSS).
    #[error("the certificate is signed with {algorithm}, for which RFC 5929 defines no tls-server-end-point binding")]
    Undefined {
        /// The object identifier of the signature algorithm.
        algorithm: BoundedText,
    },
    /// This crate does not know the hash function of the signature algorithm.
    #[error("the certificate is signed with {algorithm}, whose hash function this library does not know")]
    UnknownAlgorithm {
        /// The object identifier of the signature algorithm, or of the unknown algorithm in its parameters.
        algorithm: BoundedText,
    },
}

impl From<Malformed> for CertificateError {
    fn from(malformed: Malformed) -> Self {
        Self::Malformed(malformed)
    }
}

/// Hashes `certificate_der` with the hash function of its signature, or with SHA-256 if that function is MD5 or SHA-1.
pub(crate) fn server_end_point(certificate_der: &[u8]) -> Result<Vec<u8>, CertificateError> {
    Ok(match signature_hash(certificate_der).map_err(|error| error.within(certificate_der))? {
        Hash::Md5 | Hash::Sha1 | Hash::Sha256 => Sha256::digest(certificate_der).to_vec(),
        Hash::Sha224 => Sha224::digest(certificate_der).to_vec(),
        Hash::Sha384 => Sha384::digest(certificate_der).to_vec(),
        Hash::Sha512 => Sha512::digest(certificate_der).to_vec(),
    })
}

/// The reason why a certificate has no hash. The reason may be a fault of the reader, which [`within`](Self::within)
/// explains later.
enum NoHash {
    Fault(Fault),
    Named(CertificateError),
}

impl NoHash {
    fn within(self, certificate: &[u8]) -> CertificateError {
        match self {
            Self::Fault(fault) => fault.within(certificate).into(),
            Self::Named(error) => error,
        }
    }
}

impl From<Fault> for NoHash {
    fn from(fault: Fault) -> Self {
        Self::Fault(fault)
    }
}

/// A hash function of certificate signatures.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Hash {
    Md5,
    Sha1,
    Sha224,
    Sha256,
    Sha384,
    Sha512,
}

/// Returns the hash function with which a certificate is signed.
///
/// ```asn1
/// Certificate ::= SEQUENCE {
///     tbsCertificate     TBSCertificate,
///     signatureAlgorithm AlgorithmIdentifier,
///     signatureValue     BIT STRING
/// }
/// ```
fn signature_hash(certificate: &[u8]) -> Result<Hash, NoHash> {
    let mut fields = Reader::new(certificate).only(tag::SEQUENCE, field!("Certificate"))?;
    fields.element(tag::SEQUENCE, field!("Certificate.tbsCertificate"))?;
    let (oid, parameters) = algorithm_identifier(&mut fields, field!("Certificate.signatureAlgorithm"))?;
    fields.element(tag::BIT_STRING, field!("Certificate.signatureValue"))?;
    fields.end(field!("Certificate"))?;
    match oid {
        RSASSA_PSS => pss_hash(parameters),
        ED25519 | ED448 => {
            Err(NoHash::Named(CertificateError::Undefined { algorithm: BoundedText::displayed(&Dotted(oid)) }))
        }
        _ => find(&SIGNATURES, oid),
    }
}

/// Returns the hash function that a signature with these RSASSA-PSS parameters uses.
///
/// ```asn1
/// RSASSA-PSS-params ::= SEQUENCE { -- RFC 4055 section 3.1
///     hashAlgorithm    [0] AlgorithmIdentifier DEFAULT sha1,
///     maskGenAlgorithm [1] AlgorithmIdentifier DEFAULT mgf1 with sha1,
///     ...
/// }
/// ```
/// The mask generation function has its own hash function. If the two hash functions differ, RFC 5929 defines no hash
/// for the certificate.
fn pss_hash(parameters: Reader<'_>) -> Result<Hash, NoHash> {
    let mut fields = parameters.only(tag::SEQUENCE, field!("RSASSA-PSS-params"))?;
    let hash = match fields.optional(context(0), HASH_ALGORITHM)? {
        Some(field) => only_hash(field, HASH_ALGORITHM)?,
        None => Hash::Sha1,
    };
    let mask_hash = match fields.optional(context(1), MASK_GEN_ALGORITHM)? {
        Some(field) => mask_hash(field)?,
        None => Hash::Sha1,
    };
    if hash == mask_hash {
        Ok(hash)
    } else {
        Err(NoHash::Named(CertificateError::Undefined { algorithm: BoundedText::displayed(&Dotted(RSASSA_PSS)) }))
    }
}

/// Returns the hash function that the parameters of MGF1 name.
fn mask_hash(mut field: Reader<'_>) -> Result<Hash, NoHash> {
    let (oid, parameters) = algorithm_identifier(&mut field, MASK_GEN_ALGORITHM)?;
    field.end(MASK_GEN_ALGORITHM)?;
    match oid {
        MGF1 => only_hash(parameters, MASK_GEN_ALGORITHM),
        _ => Err(NoHash::Named(CertificateError::UnknownAlgorithm { algorithm: BoundedText::displayed(&Dotted(oid)) })),
    }
}

/// Returns the hash function that an AlgorithmIdentifier names. No octet may follow the AlgorithmIdentifier in
/// `reader`.
fn only_hash(mut reader: Reader<'_>, what: Field) -> Result<Hash, NoHash> {
    let (oid, _) = algorithm_identifier(&mut reader, what)?;
    reader.end(what)?;
    find(&HASHES, oid)
}

/// Reads an AlgorithmIdentifier. Returns the contents of the object identifier, and a reader of the parameters.
///
/// ```asn1
/// AlgorithmIdentifier ::= SEQUENCE {
///     algorithm  OBJECT IDENTIFIER,
///     parameters ANY DEFINED BY algorithm OPTIONAL
/// }
/// ```
fn algorithm_identifier<'a>(reader: &mut Reader<'a>, what: Field) -> Result<(&'a [u8], Reader<'a>), Fault> {
    let mut fields = reader.sequence(what)?;
    let oid = fields.element(tag::OID, what)?;
    if oid.is_empty() { Err(oid.error(what, Kind::Empty)) } else { Ok((oid.rest(), fields)) }
}

fn find(table: &[(&[u8], Hash)], oid: &[u8]) -> Result<Hash, NoHash> {
    let found = table.iter().find(|(named, _)| *named == oid).map(|(_, hash)| *hash);
    found.ok_or_else(|| {
        NoHash::Named(CertificateError::UnknownAlgorithm { algorithm: BoundedText::displayed(&Dotted(oid)) })
    })
}

const HASH_ALGORITHM: Field = field!("RSASSA-PSS-params.hashAlgorithm");
const MASK_GEN_ALGORITHM: Field = field!("RSASSA-PSS-params.maskGenAlgorithm");

/// 1.2.840.113549.1.1.10 (RFC 4055).
const RSASSA_PSS: &[u8] = &[0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 1, 1, 10];
/// 1.2.840.113549.1.1.8 (RFC 4055).
const MGF1: &[u8] = &[0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 1, 1, 8];
/// 1.3.101.112 (RFC 8410).
const ED25519: &[u8] = &[0x2B, 0x65, 0x70];
/// 1.3.101.113 (RFC 8410).
const ED448: &[u8] = &[0x2B, 0x65, 0x71];

/// The identifiers of hash functions (RFC 4055 section 2.1).
const HASHES: [(&[u8], Hash); 5] = [
    (&[0x2B, 0x0E, 3, 2, 0x1A], Hash::Sha1),
    (&[0x60, 0x86, 0x48, 1, 0x65, 3, 4, 2, 4], Hash::Sha224),
    (&[0x60, 0x86, 0x48, 1, 0x65, 3, 4, 2, 1], Hash::Sha256),
    (&[0x60, 0x86, 0x48, 1, 0x65, 3, 4, 2, 2], Hash::Sha384),
    (&[0x60, 0x86, 0x48, 1, 0x65, 3, 4, 2, 3], Hash::Sha512),
];

/// The identifiers of signature algorithms and their hash functions. The first seven identifiers mean RSA with PKCS #1
/// (RFC 4055 section 5, RFC 3279 section 2.2.1). Old Windows tools write the seventh identifier. The last five
/// identifiers mean ECDSA (RFC 5758 section 3.2).
const SIGNATURES: [(&[u8], Hash); 12] = [
    (&[0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 1, 1, 11], Hash::Sha256),
    (&[0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 1, 1, 12], Hash::Sha384),
    (&[0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 1, 1, 13], Hash::Sha512),
    (&[0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 1, 1, 14], Hash::Sha224),
    (&[0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 1, 1, 5], Hash::Sha1),
    (&[0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 1, 1, 4], Hash::Md5),
    (&[0x2B, 0x0E, 3, 2, 0x1D], Hash::Sha1),
    (&[0x2A, 0x86, 0x48, 0xCE, 0x3D, 4, 3, 2], Hash::Sha256),
    (&[0x2A, 0x86, 0x48, 0xCE, 0x3D, 4, 3, 3], Hash::Sha384),
    (&[0x2A, 0x86, 0x48, 0xCE, 0x3D, 4, 3, 4], Hash::Sha512),
    (&[0x2A, 0x86, 0x48, 0xCE, 0x3D, 4, 3, 1], Hash::Sha224),
    (&[0x2A, 0x86, 0x48, 0xCE, 0x3D, 4, 1], Hash::Sha1),
];

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::indexing_slicing)]
mod tests;
