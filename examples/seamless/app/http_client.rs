//! The HTTP client that asks the issuer. It follows no redirect, so an answer of the issuer cannot send the client to
//! another server. Each request has its own connection, and limits on its time and on the size of its response.

use crate::config::{Config, ConfigError, protected};
use axum::body::Bytes;
use axum::http::{Request, Response};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use openidconnect::AsyncHttpClient;
use openidconnect::url::Url;
use rustls::crypto::ring;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use rustls::{ClientConfig, RootCertStore};
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::timeout;

pub(crate) struct HttpClient {
    client: Client<HttpsConnector<HttpConnector>, Full<Bytes>>,
}

impl HttpClient {
    pub(crate) fn new(config: &Config) -> Result<Self, TrustError> {
        let provider = ring::default_provider();
        let builder = HttpsConnectorBuilder::new();
        let builder = match &config.certificates {
            None if config.has_tls() => builder.with_provider_and_native_roots(provider)?,
            certificates => {
                let roots = certificates.as_deref().map_or_else(|| Ok(RootCertStore::empty()), read)?;
                let tls = ClientConfig::builder_with_provider(Arc::new(provider)).with_safe_default_protocol_versions();
                builder.with_tls_config(tls?.with_root_certificates(roots).with_no_client_auth())
            }
        };
        let connector = builder.https_or_http().enable_http1().build();
        let client = Client::builder(TokioExecutor::new()).pool_max_idle_per_host(0).build(connector);
        Ok(Self { client })
    }

    /// Sends a request, and returns the response after its whole body has arrived.
    pub(crate) async fn send(&self, request: Request<Vec<u8>>) -> Result<Response<Vec<u8>>, HttpError> {
        let asked = request.uri().to_string();
        let request = request.map(|body| Full::new(Bytes::from(body)));
        let answered = async {
            // An issuer must not name an endpoint without TLS.
            protected(&Url::parse(&asked).map_err(|_| ConfigError::Address(asked.clone()))?)?;
            let response =
                self.client.request(request).await.map_err(|error| HttpError::NoConnection(innermost(&error)))?;
            let (parts, body) = response.into_parts();
            let body = Limited::new(body, MAX_BODY_SIZE)
                .collect()
                .await
                .map_err(|error| HttpError::Body(error.to_string()))?;
            Ok(Response::from_parts(parts, body.to_bytes().to_vec()))
        };
        let answer = timeout(REQUEST_TIME, answered).await.unwrap_or(Err(HttpError::TooLong));
        answer.inspect_err(|error| tracing::warn!("{asked}: {error}"))
    }
}

impl<'c> AsyncHttpClient<'c> for HttpClient {
    type Error = HttpError;
    type Future = Pin<Box<dyn Future<Output = Result<Response<Vec<u8>>, HttpError>> + Send + 'c>>;

    fn call(&'c self, request: Request<Vec<u8>>) -> Self::Future {
        Box::pin(self.send(request))
    }
}

/// Reads the certificates of the authorities that the client trusts.
fn read(certificates: &[u8]) -> Result<RootCertStore, TrustError> {
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_slice_iter(certificates) {
        roots.add(certificate.map_err(|_| TrustError::Unreadable)?)?;
    }
    if roots.is_empty() { Err(TrustError::Unreadable) } else { Ok(roots) }
}

/// Returns the text of the innermost error, which says what happened. The outer errors say only which step failed.
pub(crate) fn innermost(error: &dyn std::error::Error) -> String {
    error.source().map_or_else(|| error.to_string(), innermost)
}

/// The reason why a request has no response.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum HttpError {
    #[error(transparent)]
    Address(#[from] ConfigError),
    #[error("no connection: {0}")]
    NoConnection(String),
    #[error("the response cannot be read: {0}")]
    Body(String),
    #[error("no response within {} seconds", REQUEST_TIME.as_secs())]
    TooLong,
}

/// The reason why the certificates of the trusted authorities cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum TrustError {
    /// The operating system has no certificates that can be read.
    #[error("the certificates of the operating system cannot be read: {0}")]
    System(#[from] io::Error),
    /// The text has no certificate in PEM.
    #[error("the trusted authorities are not certificates in PEM")]
    Unreadable,
    /// The TLS library refuses a certificate.
    #[error("a certificate of a trusted authority cannot be used: {0}")]
    Refused(#[from] rustls::Error),
}

const MAX_BODY_SIZE: usize = 256 * 1024;
const REQUEST_TIME: Duration = Duration::from_secs(10);

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use rustls::pki_types::PrivateKeyDer;
    use std::net::Ipv4Addr;
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    use tokio::net::TcpListener;
    use tokio_rustls::TlsAcceptor;

    fn config() -> Config {
        Config::new("http://127.0.0.1:8080/contoso.test", "http://127.0.0.1:8081", "app").unwrap()
    }

    /// Returns a client that trusts only this certificate.
    fn trusting(certificate: &str) -> HttpClient {
        HttpClient::new(&config().trusting_only(certificate.into())).unwrap()
    }

    async fn get(client: &HttpClient, address: &str) -> Result<Vec<u8>, HttpError> {
        let response = client.send(Request::get(address).body(Vec::new()).unwrap()).await;
        response.map(Response::into_body)
    }

    /// Starts a server that sends `body` over TLS to each connection. Returns the server's address and certificate.
    async fn serve(body: &'static str) -> (String, String) {
        let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
        let key = PrivateKeyDer::try_from(made.signing_key.serialize_der()).unwrap();
        let config = rustls::ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![made.cert.der().clone()], key)
            .unwrap();
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let address = format!("https://localhost:{}/", listener.local_addr().unwrap().port());
        let acceptor = TlsAcceptor::from(Arc::new(config));
        tokio::spawn(async move {
            loop {
                let stream = listener.accept().await.unwrap().0;
                let Ok(mut stream) = acceptor.accept(stream).await else { continue };
                stream.read_buf(&mut Vec::with_capacity(4096)).await.unwrap();
                let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", body.len());
                // A client that does not read the body may close the connection, which is no error here.
                let _ = stream.write_all(format!("{head}{body}").as_bytes()).await;
            }
        });
        (address, made.cert.pem())
    }

    #[tokio::test]
    async fn server_whose_authority_is_not_trusted_gets_no_request() {
        let (address, certificate) = serve("of the issuer").await;
        assert_eq!(get(&trusting(&certificate), &address).await, Ok(b"of the issuer".to_vec()));
        let (_, other) = serve("").await;
        let refused = get(&trusting(&other), &address).await.unwrap_err();
        assert!(matches!(&refused, HttpError::NoConnection(why) if why.contains("certificate")), "{refused:?}");
    }

    #[tokio::test]
    async fn request_without_tls_is_refused_except_on_loopback() {
        let client = HttpClient::new(&config()).unwrap();
        let refused = get(&client, "http://192.0.2.1/token").await;
        assert_eq!(refused, Err(ConfigError::Unprotected("http://192.0.2.1/token".into()).into()));
    }

    #[tokio::test]
    async fn body_that_is_too_large_is_refused() {
        static LARGE: [u8; MAX_BODY_SIZE + 1] = [b' '; MAX_BODY_SIZE + 1];
        let (address, certificate) = serve(std::str::from_utf8(&LARGE).unwrap()).await;
        let refused = get(&trusting(&certificate), &address).await.unwrap_err();
        assert_eq!(refused, HttpError::Body("length limit exceeded".into()));
    }

    #[test]
    fn authorities_that_are_not_certificates_are_refused() {
        for text in ["", "no certificate", "-----BEGIN CERTIFICATE-----\nAAAA\n"] {
            assert!(
                matches!(HttpClient::new(&config().trusting_only(text.into())).err().unwrap(), TrustError::Unreadable),
                "{text}"
            );
        }
    }
}
