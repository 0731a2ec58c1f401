//! Channel bindings (RFC 2743 section 1.1.6, RFC 4121 section 4.1.1.2): which connection a request was made for.

use crate::wire::certificate::{CertificateError, server_end_point};
use md5::{Digest, Md5};
use subtle::ConstantTimeEq;

/// The bindings of one channel, as the hash that a client puts into its authenticator.
///
/// For TLS the application data is a type, a colon and the type's bytes (RFC 5056, RFC 5929): for a server certificate
/// `tls-server-end-point:` and the certificate's hash.
#[derive(Clone, Copy, Debug)]
pub struct ChannelBindings {
    md5: [u8; 16],
}

impl ChannelBindings {
    /// Bindings without addresses, as every TLS client makes them.
    #[must_use]
    pub fn new(application_data: &[u8]) -> Self {
        Self::of("", application_data)
    }

    /// `tls-server-end-point` (RFC 5929 section 4): the server's certificate, in DER, as it is in the handshake. It is what
    /// Windows, browsers and LDAP clients send, and the same for all connections to a server; while a certificate is being
    /// replaced, give the bindings of both.
    ///
    /// The hash is the one that the certificate is signed with, SHA-256 instead of MD5 and SHA-1. The RFC defines none for
    /// Ed25519 and Ed448, and clients differ: Chromium and what computes it with OpenSSL (libpq, curl) have none, Java takes
    /// SHA-256, GnuTLS takes SHA-512 for Ed25519. A server with such a certificate takes [`Self::tls_exporter`], or makes
    /// with [`Self::new`] what its clients send. Java takes SHA-256 for RSASSA-PSS of any hash, too.
    ///
    /// # Errors
    ///
    /// [`CertificateError`] if the bytes are no certificate, or RFC 5929 defines no hash for its signature.
    pub fn tls_server_end_point(certificate_der: &[u8]) -> Result<Self, CertificateError> {
        Ok(Self::of("tls-server-end-point:", &server_end_point(certificate_der)?))
    }

    /// `tls-exporter` (RFC 9266), for TLS 1.3 and for TLS 1.2 with extended master secret: the 32 bytes of keying material
    /// that the connection exports for the label `EXPORTER-Channel-Binding` with an empty context.
    #[must_use]
    pub fn tls_exporter(keying_material: &[u8; 32]) -> Self {
        Self::of("tls-exporter:", keying_material)
    }

    /// `tls-unique` (RFC 5929 section 3): the `verify_data` of the first Finished message of the connection's last
    /// handshake, the client's, or the server's where a session was resumed.
    ///
    /// `None` unless it has the twelve bytes of TLS 1.0 to 1.2 (RFC 5246 section 7.4.9): TLS 1.3, whose Finished is longer,
    /// has no such binding (RFC 8446 appendix C.5), and nothing at all is what a library gives before the handshake ends.
    #[must_use]
    pub fn tls_unique(verify_data: &[u8]) -> Option<Self> {
        (verify_data.len() == 12).then(|| Self::of("tls-unique:", verify_data))
    }

    fn of(prefix: &str, data: &[u8]) -> Self {
        // Address types and lengths, all zero, then the application data with its length, little-endian. The length field
        // has 32 bits. Longer data cannot be sent: the hash of such bindings matches no client's.
        let length = u32::try_from(prefix.len().saturating_add(data.len())).unwrap_or(u32::MAX);
        let mut md5 = Md5::new();
        md5.update([0; 16]);
        md5.update(length.to_le_bytes());
        md5.update(prefix);
        md5.update(data);
        Self { md5: md5.finalize().into() }
    }

    /// Whether `sent` is the hash of these bindings, in constant time: a request must not be a way to guess them.
    pub(crate) fn matches(&self, sent: &[u8; 16]) -> bool {
        self.md5.ct_eq(sent).into()
    }
}

/// Whether a client's hash says that it binds to nothing, which is no secret.
pub(crate) fn is_absent(sent: &[u8; 16]) -> bool {
    *sent == [0; 16]
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::indexing_slicing)]
mod tests {
    use super::*;
    use crate::crypto::records::for_each;

    #[test]
    fn application_data_begins_with_the_type() {
        let same = |one: ChannelBindings, application_data: &[&[u8]]| {
            assert!(one.matches(&ChannelBindings::new(&application_data.concat()).md5));
        };
        same(ChannelBindings::tls_exporter(&[7; 32]), &[b"tls-exporter:", &[7; 32]]);
        same(ChannelBindings::tls_unique(&[7; 12]).unwrap(), &[b"tls-unique:", &[7; 12]]);
        for_each(include_str!("../../../testvectors/bindings/server_end_point.txt"), 19, |record| {
            let bindings = ChannelBindings::tls_server_end_point(&record.octets("Certificate")).unwrap();
            same(bindings, &[b"tls-server-end-point:", &record.octets("Hash")]);
            let _ = record.octets("Signed");
        });
    }

    /// TLS 1.3 has 32 or 48 bytes, SSL 3.0 had 36, and an unfinished handshake has none.
    #[test]
    fn tls_unique_has_twelve_bytes() {
        for length in (0..=48).filter(|length| *length != 12) {
            assert!(ChannelBindings::tls_unique(&[7; 48][..length]).is_none(), "{length}");
        }
    }
}
