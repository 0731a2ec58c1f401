//! Channel bindings, which identify the connection for which a client made its request (RFC 2743 section 1.1.6, RFC
//! 4121 section 4.1.1.2).

use crate::wire::certificate::{CertificateError, server_end_point};
use md5::{Digest, Md5};
use subtle::ConstantTimeEq;

/// The bindings of one channel, as the hash that a client puts into its authenticator.
///
/// For TLS, the application data contains the name of a binding type, a colon, and the octets that the type defines
/// (RFC 5056, RFC 5929). For a server certificate, the application data is `tls-server-end-point:` and the
/// certificate's hash.
#[derive(Clone, Copy, Debug)]
#[must_use]
pub struct ChannelBindings {
    md5: [u8; 16],
    /// The hash of the bindings with the same application data, and with addresses of the type GSS_C_AF_NULLADDR.
    null_addresses: [u8; 16],
}

impl ChannelBindings {
    /// Makes bindings without addresses, as every TLS client makes them.
    pub fn new(application_data: &[u8]) -> Self {
        Self::of("", application_data)
    }

    /// Makes bindings of the type `tls-server-end-point` (RFC 5929 section 4). The argument is the certificate that the
    /// server sends in the TLS handshake, in DER.
    ///
    /// Windows, browsers and LDAP clients send this type. All connections to a server have the same bindings of this
    /// type. While a certificate is being replaced, give the bindings of both certificates.
    ///
    /// The hash function is the hash function of the certificate's signature, but SHA-256 replaces MD5 and SHA-1. For
    /// Ed25519 and Ed448, the RFC defines no hash function, and clients behave differently. Chromium and programs that
    /// use OpenSSL (libpq, curl) send no bindings of this type, Java uses SHA-256, and GnuTLS uses SHA-512 for Ed25519.
    /// A server with such a certificate uses [`Self::tls_exporter`], or gives the application data of its clients to
    /// [`Self::new`]. Java also uses SHA-256 for RSASSA-PSS with any hash function.
    ///
    /// # Errors
    ///
    /// Returns [`CertificateError`] if the octets are not a certificate, if RFC 5929 defines no hash for its signature,
    /// or if this crate does not know the signature algorithm.
    pub fn tls_server_end_point(certificate_der: &[u8]) -> Result<Self, CertificateError> {
        Ok(Self::of("tls-server-end-point:", &server_end_point(certificate_der)?))
    }

    /// Makes bindings of the type `tls-exporter` (RFC 9266), for TLS 1.3, and for TLS 1.2 with extended master secret.
    /// The argument is 32 octets of keying material, which the TLS library exports with the label
    /// `EXPORTER-Channel-Binding` and an empty context.
    pub fn tls_exporter(keying_material: &[u8; 32]) -> Self {
        Self::of("tls-exporter:", keying_material)
    }

    /// Makes bindings of the type `tls-unique` (RFC 5929 section 3). The argument is the `verify_data` of the first
    /// Finished message in the connection's latest handshake. The client sends this message in a full handshake, and
    /// the server sends it if the session was resumed.
    ///
    /// Returns `None` if the data does not have the twelve octets of TLS 1.0 to 1.2 (RFC 5246 section 7.4.9). TLS 1.3
    /// has a longer Finished message, and does not define this binding (RFC 8446 appendix C.5). Before the handshake
    /// ends, a TLS library returns no octets.
    #[must_use]
    pub fn tls_unique(verify_data: &[u8]) -> Option<Self> {
        (verify_data.len() == 12).then(|| Self::of("tls-unique:", verify_data))
    }

    fn of(prefix: &str, data: &[u8]) -> Self {
        Self {
            md5: hash(AddressesOfBindings::Unspecified, prefix, data),
            null_addresses: hash(AddressesOfBindings::Null, prefix, data),
        }
    }

    /// Returns whether `sent` is the hash of these bindings. The comparison takes constant time, so that an attacker
    /// cannot guess the hash octet by octet.
    pub(crate) fn matches(&self, sent: &[u8; 16]) -> bool {
        self.md5.ct_eq(sent).into()
    }

    /// Returns whether `sent` is the hash of these bindings with addresses of the type GSS_C_AF_NULLADDR. RFC 2744
    /// section 3.11 allows this type.
    pub(crate) fn match_with_null_addresses(&self, sent: &[u8; 16]) -> bool {
        self.null_addresses.ct_eq(sent).into()
    }
}

/// The address type that is written in bindings without addresses (RFC 2744 section 3.11).
#[derive(Clone, Copy)]
enum AddressesOfBindings {
    /// GSS_C_AF_UNSPEC.
    Unspecified,
    /// GSS_C_AF_NULLADDR.
    Null,
}

/// Hashes bindings. The hashed octets are the type and the length of two empty addresses, then the length and the
/// octets of the application data. All numbers are little-endian and have 32 bits. If the length of the data exceeds 32
/// bits, a client cannot send these bindings, and the hash from this function matches no request.
fn hash(addresses: AddressesOfBindings, prefix: &str, data: &[u8]) -> [u8; 16] {
    let length = u32::try_from(prefix.len().saturating_add(data.len())).unwrap_or(u32::MAX);
    let address_type: u32 = match addresses {
        AddressesOfBindings::Unspecified => 0,
        AddressesOfBindings::Null => 255,
    };
    let mut md5 = Md5::new();
    for _ in 0..2 {
        md5.update(address_type.to_le_bytes());
        md5.update([0; 4]);
    }
    md5.update(length.to_le_bytes());
    md5.update(prefix);
    md5.update(data);
    md5.finalize().into()
}

/// Returns whether a client's hash is all zeros, which means that the client sends no channel bindings. The comparison
/// need not take constant time, because zeros are not secret.
pub(crate) fn is_absent(sent: &[u8; 16]) -> bool {
    *sent == [0; 16]
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::indexing_slicing)]
mod tests;
