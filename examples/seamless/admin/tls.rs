//! TLS to the directory and to the nodes. The tool always checks the certificate.

use crate::ldap_error::DirectoryError;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use rustls::{ClientConfig, RootCertStore};
use std::path::Path;
use std::sync::Arc;

/// Makes the settings of TLS. With `ca`, the tool trusts only the authorities of this file. Without `ca`, the tool
/// trusts the authorities of this machine.
///
/// # Errors
/// Returns [`DirectoryError::Authorities`] if there is no authority to trust.
pub fn config(ca: Option<&Path>) -> Result<Arc<ClientConfig>, DirectoryError> {
    let failed = |error: String| DirectoryError::Authorities(error);
    let mut roots = RootCertStore::empty();
    match ca {
        Some(path) => {
            let in_file = |error: String| failed(format!("{}: {error}", path.display()));
            for certificate in CertificateDer::pem_file_iter(path).map_err(|error| in_file(error.to_string()))? {
                let certificate = certificate.map_err(|error| in_file(error.to_string()))?;
                roots.add(certificate).map_err(|error| in_file(error.to_string()))?;
            }
        }
        None => {
            roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        }
    }
    if roots.is_empty() {
        return Err(failed("there is none".into()));
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
    let config = config.map_err(|error| failed(error.to_string()))?;
    Ok(Arc::new(config.with_root_certificates(roots).with_no_client_auth()))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn file_without_a_certificate_is_an_error() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("ca.pem");
        std::fs::write(&path, "no certificate").unwrap();
        for path in [path, folder.path().join("missing.pem")] {
            assert!(matches!(config(Some(&path)), Err(DirectoryError::Authorities(_))));
        }
    }
}
