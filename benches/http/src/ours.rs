//! The server of the README: the layer on axum, without TLS and with TLS by rustls. The replay cache is in memory, or in a store.

use crate::Outcome;
use crate::servers::MEMORY;
use crate::tokens::SERVICE;
use axum::serve::Listener;
use axum::{Router, routing::get};
use kerberos_sso::Policy;
use kerberos_sso::tower::SharedIdentity;
use kerberos_sso_server::Server;
use kerberos_sso_valkey::ValkeyReplayCache;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::pki_types::pem::PemObject as _;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::server::TlsStream;

/// The number of authenticators that the replay cache can hold: more than the clients of a run make.
const ENTRIES: usize = 500_000;

async fn hello(user: SharedIdentity) -> String {
    format!("Hello {}\n", user.name)
}

/// Serves until the process is ended. Tickets need a PAC if the SID of a domain is given.
#[tokio::main]
pub async fn serve(
    keytab: &str,
    ports: [&str; 2],
    certificate: &str,
    key: &str,
    store: &str,
    domain: Option<&str>,
) -> Outcome<()> {
    let server = match domain {
        Some(domain) => Server::in_active_directory(SERVICE, domain.parse()?),
        None => Server::in_realm(SERVICE),
    };
    let layer = if store == MEMORY {
        server.with_replay_entries(ENTRIES).start(keytab)?.layer()
    } else {
        let cache = ValkeyReplayCache::single(store, Policy::default().clock_skew()).with_entries(ENTRIES);
        server.start_with(keytab, cache.first_start().connect().await?)?.layer()
    };
    let app = Router::new().route("/hello", get(hello)).layer(layer);
    let [plain, tls] = ports.map(|port| format!("127.0.0.1:{port}"));
    let certificates = CertificateDer::pem_file_iter(certificate)?.collect::<Result<_, _>>()?;
    let config = ServerConfig::builder()
        .with_no_client_auth()
        .with_single_cert(certificates, PrivateKeyDer::from_pem_file(key)?)?;
    let tls = Tls { sockets: TcpListener::bind(tls).await?, acceptor: TlsAcceptor::from(Arc::new(config)) };
    let with_tls = axum::serve(tls, app.clone());
    let without_tls = axum::serve(TcpListener::bind(plain).await?, app);
    tokio::try_join!(async { with_tls.await }, async { without_tls.await })?;
    Ok(())
}

/// Accepts TLS connections, and makes one handshake after another. The handshakes are not measured.
struct Tls {
    sockets: TcpListener,
    acceptor: TlsAcceptor,
}

impl Listener for Tls {
    type Io = TlsStream<TcpStream>;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Self::Io, Self::Addr) {
        loop {
            let (socket, address) = Listener::accept(&mut self.sockets).await;
            if let Ok(stream) = self.acceptor.accept(socket).await {
                return (stream, address);
            }
        }
    }

    fn local_addr(&self) -> io::Result<Self::Addr> {
        self.sockets.local_addr()
    }
}
