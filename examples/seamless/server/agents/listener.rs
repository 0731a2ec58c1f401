//! The listener for agents. Agents authenticate by a certificate in TLS 1.3. Only an agent that enrols has no certificate.
//!
//! If a client shows no certificate, its connection moves from the table of the agents' connections to a small table
//! for enrolments. So an attacker who can reach the listener can prevent enrolments, but cannot keep enrolled agents
//! from working.
//!
//! Each connection has a number. When a connection ends, its requests and jobs are lost at once, and another agent gets the
//! jobs.

use super::authority::serial;
use super::{Agents, routes, time};
use crate::clock;
use crate::config::AgentsConfig;
use crate::connections::Connections;
use crate::forwarded::Proxies;
use crate::metrics::Metrics;
use crate::serve::{ConnectionLimits, Place, Stopping, serve_http, shake_hands};
use axum::Router;
use rcgen::{KeyPair, PKCS_ECDSA_P256_SHA256};
use rustls::crypto::ring::default_provider;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::version::TLS13;
use rustls::{RootCertStore, ServerConfig};
use seamless_pta::Time;
use seamless_pta::certificate::{AgentCertificate, Authority};
use seamless_pta::message::NodeUrl;
use seamless_pta::queue::ConnectionId;
use seamless_pta::time::SERVER_CERTIFICATE_LIFE;
use std::net::IpAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::time::sleep;
use tokio_rustls::TlsAcceptor;

/// The TLS certificate of this node. The node replaces the certificate when half of its life has passed. The
/// certificate's key is in memory only.
pub(super) struct NodeTls {
    /// The names and addresses of this node.
    names: Vec<String>,
    current: Mutex<(Arc<ServerConfig>, Time)>,
}

impl NodeTls {
    pub(super) fn new(config: &AgentsConfig, authority: &Authority, now: Time) -> Result<Self, String> {
        let first = config.nodes.first().and_then(|node| NodeUrl::parse(node)).ok_or("agents: nodes: there is none")?;
        let names = vec![host(first.authority()).to_owned()];
        let made = Self::make(&names, authority, now)?;
        Ok(Self { names, current: Mutex::new((made, now)) })
    }

    /// Returns the settings with the present certificate, for new connections.
    fn current(&self, authority: &Authority, now: Time) -> Arc<ServerConfig> {
        let mut current = self.current.lock().unwrap_or_else(PoisonError::into_inner);
        if now >= current.1.after(SERVER_CERTIFICATE_LIFE.checked_div(2).unwrap_or_default()) {
            match Self::make(&self.names, authority, now) {
                Ok(made) => *current = (made, now),
                Err(error) => tracing::error!("the listener for agents keeps its old certificate: {error}"),
            }
        }
        Arc::clone(&current.0)
    }

    fn make(names: &[String], authority: &Authority, now: Time) -> Result<Arc<ServerConfig>, String> {
        let key = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256).map_err(|error| error.to_string())?;
        let own = authority.issue_for_node(&key, names, serial(), now).map_err(|error| error.to_string())?;
        let [own, root] = [&own, authority.certificate()].map(|one| CertificateDer::from(one.as_bytes().to_vec()));
        let key = PrivateKeyDer::try_from(key.serialize_der())?;
        let (provider, mut roots) = (Arc::new(default_provider()), RootCertStore::empty());
        roots.add(root.clone()).map_err(|error| error.to_string())?;
        let agents = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), Arc::clone(&provider));
        let agents = agents.allow_unauthenticated().build().map_err(|error| error.to_string())?;
        let config = ServerConfig::builder_with_provider(provider).with_protocol_versions(&[&TLS13]);
        let config = config.map_err(|error| error.to_string())?.with_client_cert_verifier(agents);
        // The chain has the root certificate, because an agent that enrols compares this certificate with the pin in
        // the enrolment token.
        let mut config = config.with_single_cert(vec![own, root], key).map_err(|error| error.to_string())?;
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(Arc::new(config))
    }
}

/// Returns the host of `HOST:PORT`, without the brackets of an address.
fn host(authority: &str) -> &str {
    match authority.strip_prefix('[') {
        Some(rest) => rest.split(']').next().unwrap_or(rest),
        None => authority.split(':').next().unwrap_or(authority),
    }
}

/// The client of a connection: an agent, or a client without a certificate.
#[derive(Clone)]
pub(super) struct Peer {
    pub(super) address: IpAddr,
    pub(super) connection: ConnectionId,
    pub(super) certificate: Option<Arc<AgentCertificate>>,
    /// Tells a waiting request that the server stops.
    pub(super) stopping: Stopping,
}

/// Accepts connections of agents until the server stops.
pub(crate) async fn serve(
    listener: TcpListener,
    agents: Arc<Agents>,
    connections: Arc<Connections>,
    mut stopping: Stopping,
) {
    let routes = routes::routes(Arc::clone(&agents));
    let unproved =
        Connections::new(WITHOUT_CERTIFICATE, WITHOUT_CERTIFICATE_OF_ADDRESS, Proxies::default(), Metrics::new());
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = stopping.wait() => return,
        };
        match accepted {
            Ok((stream, from)) => {
                let Some((slot, gives_way)) = connections.admit(from.ip()) else { continue };
                let place = Place { address: from.ip(), slot, gives_way, stopping: stopping.clone() };
                let (agents, unproved) = (Arc::clone(&agents), Arc::clone(&unproved));
                tokio::spawn(serve_tls(stream, agents, unproved, routes.clone(), place));
            }
            Err(error) => {
                tracing::error!("no connection of an agent is accepted: {error}");
                sleep(AFTER_FAILURE).await;
            }
        }
    }
}

/// Ends the requests and jobs of a connection when the connection ends.
struct Connected {
    agents: Arc<Agents>,
    connection: ConnectionId,
}

impl Drop for Connected {
    fn drop(&mut self) {
        self.agents.gateway.closed(self.connection);
    }
}

async fn serve_tls(
    stream: TcpStream,
    agents: Arc<Agents>,
    unproved: Arc<Connections>,
    routes: Router,
    mut place: Place,
) {
    let acceptor = TlsAcceptor::from(agents.tls.current(&agents.authority, time(clock::now())));
    let Some(stream) = shake_hands(&acceptor, stream, &mut place, HANDSHAKE_TIME).await else { return };
    let shown = stream.get_ref().1.peer_certificates().and_then(|chain| chain.first());
    let certificate = match shown.map(|shown| AgentCertificate::read(shown)) {
        Some(Ok(certificate)) => Some(Arc::new(certificate)),
        // The certificate is that of a node, because the authority signs certificates of agents and of nodes only.
        Some(Err(_)) => return,
        None => {
            let Some((slot, gives_way)) = unproved.admit(place.address) else { return };
            (place.slot, place.gives_way) = (slot, gives_way);
            None
        }
    };
    let connection = CONNECTIONS.fetch_add(1, Ordering::Relaxed);
    let _connected = Connected { agents, connection };
    let life = if certificate.is_some() { AGENT_TIME } else { ENROLMENT_TIME };
    let peer = Peer { address: place.address, connection, certificate, stopping: place.stopping.clone() };
    let limits =
        ConnectionLimits { header_size: MAX_HEADER_SIZE, header_time: life, life, last_request: LAST_REQUEST_TIME };
    serve_http(stream, peer, routes, place, limits).await;
}

static CONNECTIONS: AtomicU64 = AtomicU64::new(0);

const HANDSHAKE_TIME: Duration = Duration::from_secs(10);
const MAX_HEADER_SIZE: usize = 16 * 1024;

/// The life of an agent's connection. The server checks the agent's certificate at each request. If the agent has a job when
/// the connection ends, another agent gets the job.
const AGENT_TIME: Duration = Duration::from_hours(24);

/// The longest life of a connection without a client certificate. The time is enough for an enrolment.
const ENROLMENT_TIME: Duration = Duration::from_secs(10);

/// The largest number of connections without a certificate, for all addresses together and for one address. These are
/// enough, because an agent needs such a connection for less than a second.
const WITHOUT_CERTIFICATE: usize = 64;
const WITHOUT_CERTIFICATE_OF_ADDRESS: usize = 8;

/// The time for a request that still runs when the life of its connection ends.
const LAST_REQUEST_TIME: Duration = Duration::from_secs(10);
const AFTER_FAILURE: Duration = Duration::from_millis(100);
