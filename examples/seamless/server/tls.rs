//! TLS that the server itself terminates. The certificate and its key are PEM files, which the server reads again when they
//! change.
//!
//! The channel bindings of the certificate (`tls-server-end-point`, RFC 5929 section 4) bind a ticket to the TLS connection. A
//! new connection has the new certificate, and an old connection keeps the certificate that it began with.

use crate::config::TlsConfig;
use kerberos_sso::ChannelBindings;
use rustls::ServerConfig;
use rustls::crypto::ring::default_provider;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use std::fs;
use std::path::Path;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;
use tokio_rustls::TlsAcceptor;
use zeroize::Zeroizing;

/// The certificate that new connections get.
pub(crate) struct Tls {
    files: TlsConfig,
    current: RwLock<Arc<Certificate>>,
}

/// One certificate with its key.
pub(crate) struct Certificate {
    config: Arc<ServerConfig>,
    /// The bindings of all connections with this certificate.
    bindings: Arc<[ChannelBindings]>,
}

/// The contents of the two files.
#[derive(PartialEq, Eq)]
struct Files {
    certificate: Vec<u8>,
    key: Zeroizing<Vec<u8>>,
}

impl Tls {
    pub(crate) fn open(files: &TlsConfig) -> Result<Arc<Self>, String> {
        let current = RwLock::new(Arc::new(Certificate::of(files, &Files::read(files)?)?));
        Ok(Arc::new(Self { files: files.clone(), current }))
    }

    pub(crate) fn current(&self) -> Arc<Certificate> {
        Arc::clone(&self.current.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Starts a thread that reads the files once a second for as long as the server runs.
    pub(crate) fn watch(self: &Arc<Self>) -> std::io::Result<()> {
        let tls = Arc::clone(self);
        let mut seen = Files::read(&self.files).ok();
        let watch = move || loop {
            std::thread::sleep(LOOK_EVERY);
            tls.look(&mut seen);
        };
        std::thread::Builder::new().name("certificate".into()).spawn(watch).map(drop)
    }

    /// Reads the files, and uses the new certificate if the files have changed. The two files may be replaced one after
    /// the other. So files that cannot be used cause only one error until they change again.
    fn look(&self, seen: &mut Option<Files>) {
        let files = Files::read(&self.files);
        if files.as_ref().ok() == seen.as_ref() {
            return;
        }
        match files.as_ref().map_err(String::clone).and_then(|files| Certificate::of(&self.files, files)) {
            Ok(certificate) => {
                *self.current.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(certificate);
                tracing::info!("certificate changed: new connections get the new certificate");
            }
            Err(error) => tracing::error!("the files cannot be used, so the certificate stays as it is: {error}"),
        }
        *seen = files.ok();
    }
}

impl Files {
    fn read(files: &TlsConfig) -> Result<Self, String> {
        let read = |path: &Path| fs::read(path).map_err(|error| format!("{}: {error}", path.display()));
        Ok(Self { certificate: read(&files.certificate)?, key: Zeroizing::new(read(&files.key)?) })
    }
}

impl Certificate {
    fn of(files: &TlsConfig, contents: &Files) -> Result<Self, String> {
        let in_file = |path: &Path, error: &dyn std::fmt::Display| format!("{}: {error}", path.display());
        let chain = CertificateDer::pem_slice_iter(&contents.certificate).collect::<Result<Vec<_>, _>>();
        let chain = chain.map_err(|error| in_file(&files.certificate, &error))?;
        let own = chain.first().ok_or_else(|| in_file(&files.certificate, &"no certificate in PEM"))?.clone();
        let key = PrivateKeyDer::from_pem_slice(&contents.key).map_err(|error| in_file(&files.key, &error))?;
        let config =
            ServerConfig::builder_with_provider(Arc::new(default_provider())).with_safe_default_protocol_versions();
        let config = config.map_err(|error| error.to_string())?.with_no_client_auth();
        let mut config = config.with_single_cert(chain, key).map_err(|error| in_file(&files.certificate, &error))?;
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        let bindings = ChannelBindings::tls_server_end_point(&own).map(|bindings| vec![bindings]);
        let bindings = bindings.unwrap_or_else(|error| {
            tracing::warn!(
                "tickets are not bound to the TLS connection: the certificate has no channel bindings: {error}"
            );
            Vec::new()
        });
        Ok(Self { config: Arc::new(config), bindings: bindings.into() })
    }

    pub(crate) fn acceptor(&self) -> TlsAcceptor {
        TlsAcceptor::from(Arc::clone(&self.config))
    }

    pub(crate) fn bindings(&self) -> Arc<[ChannelBindings]> {
        Arc::clone(&self.bindings)
    }
}

const LOOK_EVERY: Duration = Duration::from_secs(1);

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::app::App;
    use crate::connections::Connections;
    use crate::forwarded::Proxies;
    use crate::metrics::Metrics;
    use crate::serve::{Stop, serve};
    use crate::{browser, clock, limits};
    use kerberos_sso::testing::TestRealm;
    use rcgen::{CertifiedKey, generate_simple_self_signed};
    use rustls::{ClientConfig, RootCertStore};
    use sha2::{Digest as _, Sha256};
    use std::net::{Ipv4Addr, SocketAddr};
    use tempfile::TempDir;
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    use tokio::net::{TcpListener, TcpStream};
    use tokio_rustls::TlsConnector;
    use tokio_rustls::client::TlsStream;

    /// Files with a certificate of `sso.test`. The files are removed when the value is dropped.
    struct TestFiles {
        folder: TempDir,
    }

    impl TestFiles {
        fn new() -> (Self, CertificateDer<'static>) {
            let files = Self { folder: TempDir::new().unwrap() };
            let certificate = files.replace();
            (files, certificate)
        }

        fn config(&self) -> TlsConfig {
            TlsConfig {
                certificate: self.folder.path().join("certificate.pem"),
                key: self.folder.path().join("key.pem"),
                channel_bindings: crate::config::Bindings::default(),
            }
        }

        /// Writes another certificate with another key.
        fn replace(&self) -> CertificateDer<'static> {
            let CertifiedKey { cert, signing_key } = generate_simple_self_signed(["sso.test".to_owned()]).unwrap();
            fs::write(self.config().certificate, cert.pem()).unwrap();
            fs::write(self.config().key, signing_key.serialize_pem()).unwrap();
            cert.der().clone()
        }
    }

    /// A server with the built-in test realm, on a listening socket with TLS.
    struct Server {
        address: SocketAddr,
        realm: TestRealm,
        _stop: Stop,
    }

    async fn server(tls: &Arc<Tls>) -> Server {
        let app = Arc::new(App::for_tests(None).await);
        let realm = app.tenants.test_tenant().unwrap().test_realm.unwrap();
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let (address, (stop, stopping)) = (listener.local_addr().unwrap(), Stop::new());
        let connections = Connections::new(9, 9, Proxies::default(), Metrics::new());
        tokio::spawn(serve(
            listener,
            Some(Arc::clone(tls)),
            limits::around(browser::routes(), app),
            connections,
            stopping,
        ));
        Server { address, realm, _stop: stop }
    }

    /// Opens a connection, for which the server must present `certificate`.
    async fn connect(server: &Server, certificate: &CertificateDer<'static>) -> TlsStream<TcpStream> {
        let mut roots = RootCertStore::empty();
        roots.add(certificate.clone()).unwrap();
        let config =
            ClientConfig::builder_with_provider(Arc::new(default_provider())).with_safe_default_protocol_versions();
        let config = config.unwrap().with_root_certificates(roots).with_no_client_auth();
        let stream = TcpStream::connect(server.address).await.unwrap();
        TlsConnector::from(Arc::new(config)).connect("sso.test".try_into().unwrap(), stream).await.unwrap()
    }

    /// Sends a ticket on a connection, and returns the status of the response. The ticket is bound to `certificate`, or
    /// to no certificate.
    async fn sign_in(
        server: &Server,
        stream: &mut TlsStream<TcpStream>,
        certificate: Option<&CertificateDer<'static>>,
    ) -> String {
        let token =
            server.realm.ticket_for("alice").service("HTTP/autologon.microsoftazuread-sso.com").at(clock::now());
        let token = match certificate {
            // The certificate's signature is ECDSA with SHA-256, so its channel bindings use SHA-256.
            Some(certificate) => {
                token.bound_to(&[b"tls-server-end-point:".as_slice(), &Sha256::digest(certificate)].concat())
            }
            None => token,
        };
        let head = format!(
            "GET /contoso.test/winauth/sso HTTP/1.1\r\nHost: sso.test\r\nAuthorization: {}\r\n\r\n",
            token.mutual().header()
        );
        stream.write_all(head.as_bytes()).await.unwrap();
        let mut response = Vec::new();
        while !response.ends_with(b"}") {
            assert_ne!(stream.read_buf(&mut response).await.unwrap(), 0);
        }
        String::from_utf8(response.get(9..12).unwrap().to_vec()).unwrap()
    }

    #[tokio::test]
    async fn new_connection_gets_the_new_certificate_and_refuses_a_ticket_that_is_bound_to_the_old_certificate() {
        let (files, first) = TestFiles::new();
        let tls = Tls::open(&files.config()).unwrap();
        let (server, mut seen) = (server(&tls).await, Files::read(&files.config()).ok());
        let mut old = connect(&server, &first).await;
        assert_eq!(sign_in(&server, &mut old, Some(&first)).await, "200");
        assert_eq!(sign_in(&server, &mut old, None).await, "200");
        let second = files.replace();
        tls.look(&mut seen);
        let mut new = connect(&server, &second).await;
        assert_eq!(sign_in(&server, &mut new, Some(&second)).await, "200");
        assert_eq!(sign_in(&server, &mut new, Some(&first)).await, "403");
        assert_eq!(sign_in(&server, &mut old, Some(&first)).await, "200", "the old connection keeps its certificate");
    }

    #[test]
    fn unusable_files_do_not_change_the_certificate() {
        let (files, _) = TestFiles::new();
        let tls = Tls::open(&files.config()).unwrap();
        let (mut seen, first) = (Files::read(&files.config()).ok(), tls.current());
        let key = fs::read(files.config().key).unwrap();
        files.replace();
        fs::write(files.config().key, key).unwrap();
        tls.look(&mut seen);
        assert!(Arc::ptr_eq(&tls.current(), &first), "a key of another certificate");
        fs::remove_file(files.config().certificate).unwrap();
        tls.look(&mut seen);
        assert!(Arc::ptr_eq(&tls.current(), &first), "no certificate");
        files.replace();
        tls.look(&mut seen);
        assert!(!Arc::ptr_eq(&tls.current(), &first));
    }

    #[test]
    fn error_of_an_unusable_file_names_the_file() {
        let (files, _) = TestFiles::new();
        fs::write(files.config().key, "no key").unwrap();
        let error = Tls::open(&files.config()).err().unwrap();
        assert!(error.contains("key.pem"), "{error}");
    }
}
