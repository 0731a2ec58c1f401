//! A connection to a node: HTTP/1.1 over TLS 1.3, directly or through a proxy.

use crate::folder::{FolderError, Identity};
use crate::pin::Pinned;
use crate::proxy::Proxy;
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::body::Bytes;
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper::{Method, Request, StatusCode};
use hyper_util::rt::TokioIo;
use rustls::crypto::ring::default_provider;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::version::TLS13;
use rustls::{ClientConfig, RootCertStore};
use seamless_pta::enrolment::Pin;
use seamless_pta::message::{MAX_BODY, Malformed, NodeUrl};
use std::sync::Arc;
use std::time::Duration;
use thiserror::Error;
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;

pub(crate) struct Connection {
    sender: SendRequest<Full<Bytes>>,
    host: String,
    /// The task that sends and receives the octets. The task ends when the connection is dropped.
    _moving: JoinSet<()>,
}

#[derive(Debug, Error)]
pub(crate) enum ConnectionError {
    #[error("{0}")]
    Folder(#[from] FolderError),
    #[error("{node} cannot be reached: {why}")]
    Unreachable { node: String, why: String },
    #[error("the TLS connection cannot be set up: {0}")]
    Tls(String),
    #[error("the node did not answer in time")]
    TimedOut,
    #[error("the connection has ended: {0}")]
    Ended(String),
    #[error("{0}")]
    Malformed(#[from] Malformed),
    /// The node refuses the request. The text comes from the node, with control characters escaped.
    #[error("the node refuses ({status}): {text}")]
    Refused { status: StatusCode, text: String },
}

/// Returns the settings of TLS with which the agent shows its certificate.
pub(crate) fn tls_of(identity: &Identity) -> Result<Arc<ClientConfig>, ConnectionError> {
    let unusable = |error: rustls::Error| ConnectionError::Tls(error.to_string());
    let mut roots = RootCertStore::empty();
    for root in identity.chain.certificates() {
        roots.add(root.as_bytes().to_vec().into()).map_err(unusable)?;
    }
    let key = PrivateKeyDer::try_from(identity.keys.tls_der()?.to_vec()).map_err(|_| FolderError::Keys)?;
    let certificate = CertificateDer::from(identity.certificate.as_bytes().to_vec());
    let config = ClientConfig::builder_with_provider(Arc::new(default_provider())).with_protocol_versions(&[&TLS13]);
    let config = config.map_err(unusable)?.with_root_certificates(roots);
    config.with_client_auth_cert(vec![certificate], key).map(Arc::new).map_err(unusable)
}

/// Returns the settings of TLS with which the agent enrols.
pub(crate) fn tls_of_pin(pin: Pin) -> Result<Arc<ClientConfig>, ConnectionError> {
    let provider = Arc::new(default_provider());
    let config = ClientConfig::builder_with_provider(Arc::clone(&provider)).with_protocol_versions(&[&TLS13]);
    let config = config.map_err(|error| ConnectionError::Tls(error.to_string()))?.dangerous();
    let config = config.with_custom_certificate_verifier(Arc::new(Pinned::new(pin, provider)));
    Ok(Arc::new(config.with_no_client_auth()))
}

impl Connection {
    pub(crate) async fn open(
        node: &NodeUrl,
        tls: Arc<ClientConfig>,
        proxy: Option<&Proxy>,
    ) -> Result<Self, ConnectionError> {
        let unreachable = |why: String| ConnectionError::Unreachable { node: node.as_str().into(), why };
        match timeout(CONNECT_TIME, Self::connect(node, tls, proxy)).await {
            Ok(connected) => connected.map_err(|error| unreachable(error.to_string())),
            Err(_) => Err(unreachable("it did not answer in time".into())),
        }
    }

    async fn connect(node: &NodeUrl, tls: Arc<ClientConfig>, proxy: Option<&Proxy>) -> std::io::Result<Self> {
        let (host, port) = host_and_port(node.authority());
        let to = format!("{host}:{port}");
        let stream = match proxy {
            Some(proxy) => proxy.connect(&to).await?,
            None => TcpStream::connect(&to).await?,
        };
        let name = ServerName::try_from(host.trim_matches(['[', ']']).to_owned()).map_err(std::io::Error::other)?;
        let stream = TlsConnector::from(tls).connect(name, stream).await?;
        let (sender, connection) = handshake(TokioIo::new(stream)).await.map_err(std::io::Error::other)?;
        let mut moving = JoinSet::new();
        moving.spawn(async move {
            let _ = connection.await;
        });
        Ok(Self { sender, host: node.authority().into(), _moving: moving })
    }

    /// Sends a request, and returns the status and the body of the response if it is a success.
    pub(crate) async fn send(
        &mut self,
        method: Method,
        path: &str,
        body: Vec<u8>,
        wait: Duration,
    ) -> Result<(StatusCode, Bytes), ConnectionError> {
        timeout(wait, self.exchange(method, path, body)).await.unwrap_or(Err(ConnectionError::TimedOut))
    }

    async fn exchange(
        &mut self,
        method: Method,
        path: &str,
        body: Vec<u8>,
    ) -> Result<(StatusCode, Bytes), ConnectionError> {
        let ended = |error: &dyn std::fmt::Display| ConnectionError::Ended(error.to_string());
        let request = Request::builder().method(method).uri(format!("/agents/v1/{path}")).header("host", &self.host);
        let request = request.header("content-type", "application/json").body(Full::from(body));
        let request = request.map_err(|error| ended(&error))?;
        self.sender.ready().await.map_err(|error| ended(&error))?;
        let response = self.sender.send_request(request).await.map_err(|error| ended(&error))?;
        let status = response.status();
        let body = Limited::new(response.into_body(), MAX_BODY).collect().await.map_err(|error| ended(&error))?;
        let body = body.to_bytes();
        if status.is_success() {
            return Ok((status, body));
        }
        let text = String::from_utf8_lossy(&body).trim().chars().take(MAX_TEXT).collect::<String>();
        Err(ConnectionError::Refused { status, text: text.escape_debug().to_string() })
    }
}

fn host_and_port(authority: &str) -> (&str, &str) {
    let after_address = authority.rfind(']').unwrap_or_default();
    match authority.rsplit_once(':') {
        Some((host, port)) if host.len() > after_address => (host, port),
        _ => (authority, "443"),
    }
}

const CONNECT_TIME: Duration = Duration::from_secs(10);
const MAX_TEXT: usize = 200;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn port_of_a_node_is_443_unless_its_address_has_a_port() {
        for (authority, expected) in [
            ("n1:8443", ("n1", "8443")),
            ("n1", ("n1", "443")),
            ("[::1]:8443", ("[::1]", "8443")),
            ("[::1]", ("[::1]", "443")),
        ] {
            assert_eq!(host_and_port(authority), expected);
        }
    }
}
