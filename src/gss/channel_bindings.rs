//! Channel bindings (RFC 2743 section 1.1.6, RFC 4121 section 4.1.1.2): which connection a request was made for.

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
        // Address types and lengths, all zero, then the application data with its length, little-endian. The length
        // field has 32 bits; no channel has that much to say about itself.
        let length = u32::try_from(application_data.len()).unwrap_or(u32::MAX);
        let mut md5 = Md5::new();
        md5.update([0; 16]);
        md5.update(length.to_le_bytes());
        md5.update(application_data);
        Self { md5: md5.finalize().into() }
    }

    /// Whether `sent` is the hash of these bindings, in constant time: a request must not be a way to guess them.
    pub(crate) fn matches(&self, sent: &[u8; 16]) -> bool {
        self.md5.ct_eq(sent).into()
    }
}

/// Whether a client's hash says that it binds to nothing.
pub(crate) fn is_absent(sent: &[u8; 16]) -> bool {
    sent.ct_eq(&[0; 16]).into()
}
