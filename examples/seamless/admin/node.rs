//! The nodes of the sign-in server. The operators' listener of a node says at `/healthz` which keys the node has.

use kerberos_sso::UnixTime;
use rustls::pki_types::ServerName;
use rustls::{ClientConfig, ClientConnection, StreamOwned};
use serde::Deserialize;
use std::io::{Read, Write};
use std::net::{TcpStream, ToSocketAddrs as _};
use std::sync::Arc;
use std::time::Duration;
use thiserror::Error;

/// The requests to nodes that the commands use.
pub trait Nodes {
    /// Asks a node for its state.
    ///
    /// # Errors
    /// Returns the [`NodeError`] of this node.
    fn health(&mut self, url: &str) -> Result<Health, NodeError>;
}

/// What a node says about itself at `/healthz`.
#[derive(Clone, Debug, Default, Deserialize)]
pub struct Health {
    /// The warnings of the node.
    #[serde(default)]
    pub warnings: Vec<Warning>,
    /// The tenants of the node.
    #[serde(default)]
    pub tenants: Vec<TenantHealth>,
}

/// A warning of a node.
#[derive(Clone, Debug, Deserialize)]
pub struct Warning {
    /// The tenant.
    #[serde(default)]
    pub tenant: String,
    /// The code.
    pub code: String,
    /// The text.
    #[serde(default)]
    pub text: String,
    /// What to do.
    #[serde(default)]
    pub remedy: String,
}

/// The state of a tenant on a node. The counters count since the start of the node.
#[derive(Clone, Debug, Default, Deserialize)]
pub struct TenantHealth {
    /// The name of the tenant.
    #[serde(default)]
    pub tenant: String,
    /// The realm of the account.
    pub realm: String,
    /// The account name.
    pub account: String,
    /// The keys that the node uses.
    #[serde(default)]
    pub keys: Vec<LoadedKey>,
    /// The timestamp of the newest entry of the node's keytab, in seconds since 1970.
    #[serde(default)]
    pub newest_key: Option<i64>,
    /// The number of sign-ins with an RC4 ticket.
    #[serde(default)]
    pub rc4_sign_ins: u64,
    /// The number of refused tickets whose key version the node does not have.
    #[serde(default)]
    pub unknown_kvno: u64,
    /// The number of tickets from a realm that the tenant does not name.
    #[serde(default)]
    pub foreign_realm: u64,
    /// The number of tickets that a key of the account decrypts, although they name a key version which the node does
    /// not have.
    #[serde(default)]
    pub forged_kvno: u64,
    /// The number of sign-ins of administrators.
    #[serde(default)]
    pub administrator_sign_ins: u64,
}

/// A key that a node uses.
#[derive(Clone, Debug, Deserialize)]
pub struct LoadedKey {
    /// The version.
    pub kvno: Option<u32>,
    /// The type, like `aes256-cts-hmac-sha1-96`.
    #[serde(default)]
    pub etype: String,
}

impl Health {
    /// Returns the tenant of an account.
    #[must_use]
    pub fn tenant(&self, realm: &str, account: &str) -> Option<&TenantHealth> {
        self.tenants
            .iter()
            .find(|tenant| tenant.realm.eq_ignore_ascii_case(realm) && tenant.account.eq_ignore_ascii_case(account))
    }

    /// Returns whether the node uses the key of this version.
    #[must_use]
    pub fn has_key(&self, realm: &str, account: &str, kvno: u32) -> bool {
        self.tenant(realm, account).is_some_and(|tenant| tenant.keys.iter().any(|key| key.kvno == Some(kvno)))
    }
}

impl TenantHealth {
    /// Returns whether the node uses the key `kvno` of a keytab whose newest entry was written at `written`. The
    /// version alone is not enough: the node may still have another key of this version, from an earlier rollover that
    /// somebody gave up.
    #[must_use]
    pub fn uses(&self, kvno: u32, written: UnixTime) -> bool {
        let is_new = self.newest_key.is_none_or(|newest| newest >= written.seconds());
        is_new && self.keys.iter().any(|key| key.kvno == Some(kvno))
    }
}

/// The reason for which a node does not say its state.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum NodeError {
    /// The address is no URL of a node.
    #[error("{url}: write the node like http://10.0.0.5:9100 or https://node1.contoso.test:9100")]
    Url {
        /// The address.
        url: String,
    },
    /// The URL is plain HTTP, and its address is not of this machine or of a private network.
    #[error("{url}: plain HTTP is allowed only to loopback and private addresses; use https")]
    Plain {
        /// The address.
        url: String,
    },
    /// No answer came.
    #[error("the node {url} does not answer: {error}")]
    Unreachable {
        /// The address.
        url: String,
        /// The error.
        error: String,
    },
    /// The answer is not the JSON of `/healthz`.
    #[error("the node {url} does not answer as the operators' listener does: {error}")]
    Answer {
        /// The address.
        url: String,
        /// The error.
        error: String,
    },
}

/// A client that asks the nodes over HTTP or HTTPS.
pub struct HttpNodes {
    tls: Arc<ClientConfig>,
}

impl std::fmt::Debug for HttpNodes {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("HttpNodes(..)")
    }
}

impl HttpNodes {
    /// Makes a client that trusts the authorities of `tls`.
    #[must_use]
    pub const fn new(tls: Arc<ClientConfig>) -> Self {
        Self { tls }
    }

    fn ask(&self, url: &NodeUrl, text: &str) -> Result<Vec<u8>, NodeError> {
        let failed = |error: std::io::Error| NodeError::Unreachable { url: text.into(), error: error.to_string() };
        let addresses: Vec<_> = (url.host, url.port).to_socket_addrs().map_err(failed)?.collect();
        if !url.is_tls && addresses.iter().any(|address| !is_near(address.ip())) {
            return Err(NodeError::Plain { url: text.into() });
        }
        let mut last = std::io::Error::new(std::io::ErrorKind::NotFound, "the name has no address");
        for address in addresses {
            match TcpStream::connect_timeout(&address, TIMEOUT) {
                Ok(stream) => {
                    stream.set_read_timeout(Some(TIMEOUT)).map_err(failed)?;
                    stream.set_write_timeout(Some(TIMEOUT)).map_err(failed)?;
                    return self.get(url, stream).map_err(failed);
                }
                Err(error) => last = error,
            }
        }
        Err(failed(last))
    }

    fn get(&self, url: &NodeUrl, mut stream: TcpStream) -> std::io::Result<Vec<u8>> {
        // The answer to a request of HTTP/1.0 ends with the connection, and is not chunked (RFC 9112 section 6.3).
        let request =
            format!("GET {}/healthz HTTP/1.0\r\nHost: {}\r\nConnection: close\r\n\r\n", url.path, url.authority);
        if !url.is_tls {
            return talk(&mut stream, &request);
        }
        let name = ServerName::try_from(url.host.to_owned()).map_err(std::io::Error::other)?;
        let connection = ClientConnection::new(Arc::clone(&self.tls), name).map_err(std::io::Error::other)?;
        talk(&mut StreamOwned::new(connection, stream), &request)
    }
}

impl Nodes for HttpNodes {
    fn health(&mut self, url: &str) -> Result<Health, NodeError> {
        let parsed = NodeUrl::parse(url).ok_or_else(|| NodeError::Url { url: url.into() })?;
        let answer = self.ask(&parsed, url)?;
        let broken = |error: &str| NodeError::Answer { url: url.into(), error: error.into() };
        let end = answer.windows(4).position(|four| four == b"\r\n\r\n").ok_or_else(|| broken("it is no HTTP"))?;
        let body = end.checked_add(4).and_then(|start| answer.get(start..)).unwrap_or_default();
        serde_json::from_slice(body).map_err(|error| broken(&error.to_string()))
    }
}

fn talk(stream: &mut (impl Read + Write), request: &str) -> std::io::Result<Vec<u8>> {
    stream.write_all(request.as_bytes())?;
    let mut answer = Vec::new();
    match stream.take(MAX_ANSWER).read_to_end(&mut answer) {
        // Some servers close the connection without the TLS alert `close_notify`. The tool notices a truncated answer,
        // because its JSON cannot be parsed.
        Err(error) if error.kind() == std::io::ErrorKind::UnexpectedEof => Ok(answer),
        read => read.map(|_| answer),
    }
}

/// Returns whether an address is of this machine or of a private network (RFC 1918, RFC 4193, link-local).
fn is_near(address: std::net::IpAddr) -> bool {
    match address.to_canonical() {
        std::net::IpAddr::V4(address) => address.is_loopback() || address.is_private() || address.is_link_local(),
        std::net::IpAddr::V6(address) => {
            address.is_loopback() || address.is_unique_local() || address.is_unicast_link_local()
        }
    }
}

/// The parts of a node's URL.
#[derive(Debug, PartialEq, Eq)]
struct NodeUrl<'a> {
    is_tls: bool,
    authority: &'a str,
    host: &'a str,
    port: u16,
    path: &'a str,
}

impl<'a> NodeUrl<'a> {
    fn parse(url: &'a str) -> Option<Self> {
        let (is_tls, rest) = match (url.strip_prefix("https://"), url.strip_prefix("http://")) {
            (Some(rest), _) => (true, rest),
            (None, Some(rest)) => (false, rest),
            (None, None) => return None,
        };
        let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
        let standard = if is_tls { 443 } else { 80 };
        let (host, port) = match authority.rsplit_once(':') {
            Some((host, port)) if !port.ends_with(']') => (host, port.parse().ok()?),
            _ => (authority, standard),
        };
        let host = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
        let is_clean = !host.is_empty() && !url.contains(char::is_whitespace) && !authority.contains('@');
        let path = path.trim_end_matches('/').trim_end_matches("/healthz");
        is_clean.then_some(Self { is_tls, authority, host, port, path })
    }
}

const TIMEOUT: Duration = Duration::from_secs(5);
const MAX_ANSWER: u64 = 1024 * 1024;

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use std::net::TcpListener;

    fn nodes() -> HttpNodes {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let tls = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
        HttpNodes::new(Arc::new(tls.with_root_certificates(rustls::RootCertStore::empty()).with_no_client_auth()))
    }

    /// Starts a node that sends `answer`, asks the node for its state, and returns what the tool reads.
    fn answered(answer: &'static str) -> Result<Health, NodeError> {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let server = std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            let (mut request, mut octet) = (Vec::new(), [0]);
            while !request.ends_with(b"\r\n\r\n") {
                stream.read_exact(&mut octet).unwrap();
                request.extend(octet);
            }
            assert!(request.starts_with(b"GET /healthz HTTP/1.0\r\n"));
            stream.write_all(answer.as_bytes()).unwrap();
        });
        let health = nodes().health(&url);
        server.join().unwrap();
        health
    }

    #[test]
    fn keys_are_read_from_the_health_of_a_node_with_warnings() {
        let health = answered(
            "HTTP/1.0 503 Service Unavailable\r\nContent-Type: application/json\r\n\r\n{\"status\":\"warning\",\
             \"warnings\":[{\"tenant\":\"contoso.test\",\"code\":\"key-is-old\",\"text\":\"x\"}],\"tenants\":[{\"tenant\":\
             \"contoso.test\",\"realm\":\"CONTOSO.TEST\",\"account\":\"AZUREADSSOACC$\",\"keys\":[{\"kvno\":3,\"etype\":\
             \"aes256-cts-hmac-sha1-96\"}],\"newest_key\":1795000000,\"rc4_sign_ins\":2}]}",
        )
        .unwrap();
        assert!(health.has_key("contoso.test", "azureadssoacc$", 3));
        assert!(!health.has_key("contoso.test", "azureadssoacc$", 4) && !health.has_key("B.TEST", "AZUREADSSOACC$", 3));
        assert_eq!((health.warnings.len(), health.tenants.first().unwrap().rc4_sign_ins), (1, 2));
    }

    #[test]
    fn answer_that_is_not_the_json_of_healthz_is_an_error() {
        assert!(matches!(answered("HTTP/1.0 200 OK\r\n\r\n<html>"), Err(NodeError::Answer { .. })));
        assert!(matches!(answered("nothing"), Err(NodeError::Answer { .. })));
    }

    #[test]
    fn plain_http_to_an_address_outside_of_private_networks_is_refused() {
        assert!(matches!(nodes().health("http://8.8.8.8:9100"), Err(NodeError::Plain { .. })));
        for url in ["ftp://a", "http://", "https://u@h", "http://h:x", "http://a b"] {
            assert!(matches!(nodes().health(url), Err(NodeError::Url { .. })), "{url}");
        }
    }

    #[test]
    fn port_and_path_of_a_url_are_read() {
        let read =
            |url| NodeUrl::parse(url).map(|url| (url.is_tls, url.host.to_owned(), url.port, url.path.to_owned()));
        assert_eq!(read("https://[::1]:9/ops/"), Some((true, "::1".into(), 9, "/ops".into())));
        assert_eq!(read("http://n1/healthz"), Some((false, "n1".into(), 80, String::new())));
    }
}
