//! Reads the addresses of the store.

use crate::error::StoreError;
use redis::{ConnectionInfo, IntoConnectionInfo as _};

/// The certificates of TLS connections, if the caller sets any.
#[derive(Default)]
pub(crate) struct Certificates(#[cfg(feature = "tls")] pub(crate) Option<redis::TlsCertificates>);

/// Reads `redis://[USER:PASSWORD@]HOST[:PORT]`, or `rediss://…` for TLS.
pub(crate) fn info(address: &str, certificates: &Certificates) -> Result<ConnectionInfo, StoreError> {
    let unusable = |error: redis::RedisError| {
        // The text before the at sign may be a password, and the parameters of a Unix socket may contain a
        // password.
        let address = address.split_once('?').map_or(address, |(path, _)| path);
        let address = address.rsplit_once('@').map_or(address, |(_, host)| host);
        StoreError::Address { address: address.into(), reason: error.to_string() }
    };
    connection_info(address, certificates).map_err(unusable)
}

#[cfg(feature = "tls")]
fn connection_info(address: &str, certificates: &Certificates) -> redis::RedisResult<ConnectionInfo> {
    ensure_cryptography();
    let Some(certificates) = &certificates.0 else { return address.into_connection_info() };
    Ok(redis::Client::build_with_tls(address, certificates.clone())?.get_connection_info().clone())
}

#[cfg(not(feature = "tls"))]
fn connection_info(address: &str, _: &Certificates) -> redis::RedisResult<ConnectionInfo> {
    address.into_connection_info()
}

/// Makes `ring` the process's provider of cryptography for TLS, unless the process has chosen a provider.
///
/// Without a chosen provider, rustls panics at the first connection if the features of other crates enable no provider
/// or several providers.
#[cfg(feature = "tls")]
fn ensure_cryptography() {
    if rustls::crypto::CryptoProvider::get_default().is_none() {
        // This call fails if another thread has just chosen a provider. TLS then uses that provider.
        let _ = rustls::crypto::ring::default_provider().install_default();
    }
}
