//! Sends logout tokens to clients (OpenID Connect Back-Channel Logout 1.0).
//!
//! The addresses come only from the configuration. Their scheme is `https`, or `http` on loopback. The server follows
//! no redirect. If the client does not answer a request within [`TIME`], this try has failed. `sign_out_messages.rs`
//! makes the tokens, and repeats failed tries.

use axum::body::Body;
use axum::http::header::CONTENT_TYPE;
use axum::http::{Method, Request, StatusCode};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use rustls::crypto::ring;
use rustls::{ClientConfig, RootCertStore};
use std::error::Error;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;

/// Sends logout tokens to clients. All clones share one limit: together they send at most [`MAX_MESSAGES`] messages at
/// the same time.
#[derive(Clone)]
pub(crate) struct BackChannel {
    client: Client<HttpsConnector<HttpConnector>, Body>,
    places: Arc<Semaphore>,
}

/// The result of a try to send a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    Done,
    /// The client cannot be reached or has a fault, so the server tries again.
    Again,
    /// The client refuses the message, so the server does not try again.
    Refused,
}

impl BackChannel {
    /// Makes a sender. If `tls` is true, the sender can use TLS, and trusts the certification authorities that the
    /// operating system trusts.
    ///
    /// # Errors
    /// Returns an error if the certificates of the operating system cannot be read.
    pub(crate) fn new(tls: bool) -> Result<Self, Box<dyn Error>> {
        if tls {
            let builder = HttpsConnectorBuilder::new().with_provider_and_native_roots(ring::default_provider())?;
            return Ok(Self::of(builder.https_or_http().enable_http1().build()));
        }
        Self::trusting(RootCertStore::empty())
    }

    fn trusting(roots: RootCertStore) -> Result<Self, Box<dyn Error>> {
        let tls = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()));
        let tls = tls.with_safe_default_protocol_versions()?.with_root_certificates(roots).with_no_client_auth();
        let builder = HttpsConnectorBuilder::new().with_tls_config(tls);
        Ok(Self::of(builder.https_or_http().enable_http1().build()))
    }

    fn of(connector: HttpsConnector<HttpConnector>) -> Self {
        let client = Client::builder(TokioExecutor::new()).pool_max_idle_per_host(0).build(connector);
        Self { client, places: Arc::new(Semaphore::new(MAX_MESSAGES)) }
    }

    /// Waits until the sender sends no message.
    #[cfg(test)]
    pub(crate) async fn is_idle(&self) {
        let all = u32::try_from(MAX_MESSAGES).unwrap_or(u32::MAX);
        drop(self.places.acquire_many(all).await);
    }

    /// Returns permits to send at most `most` messages now.
    pub(super) fn places(&self, most: usize) -> Vec<OwnedSemaphorePermit> {
        let place = || Arc::clone(&self.places).try_acquire_owned().ok();
        std::iter::from_fn(place).take(most).collect()
    }

    /// Sends a message to a client, and does not repeat a failed try.
    pub(super) async fn attempt(&self, address: &str, body: &str) -> Outcome {
        let request = Request::builder().method(Method::POST).uri(address);
        let request = request.header(CONTENT_TYPE, "application/x-www-form-urlencoded");
        let Ok(request) = request.body(Body::from(body.to_owned())) else { return Outcome::Refused };
        match timeout(TIME, self.client.request(request)).await {
            Ok(Ok(response)) => outcome_of(response.status()),
            Ok(Err(_)) | Err(_) => Outcome::Again,
        }
    }
}

/// Returns the outcome for a status. By section 2.8 of the specification, the status 200 means success, and some
/// frameworks send 204 instead.
fn outcome_of(status: StatusCode) -> Outcome {
    if status == StatusCode::OK || status == StatusCode::NO_CONTENT {
        Outcome::Done
    } else if status.is_server_error() || status == StatusCode::TOO_MANY_REQUESTS {
        Outcome::Again
    } else {
        Outcome::Refused
    }
}

/// The longest time of one try.
const TIME: Duration = Duration::from_secs(5);

/// The largest number of messages that this node sends at the same time.
const MAX_MESSAGES: usize = 256;

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::config::{Bindings, TlsConfig};
    use crate::connections::Connections;
    use crate::forwarded::Proxies;
    use crate::metrics::Metrics;
    use crate::serve::{Stop, serve};
    use crate::tls::Tls;
    use axum::Router;
    use axum::routing::post;
    use rcgen::{CertifiedKey, generate_simple_self_signed};
    use std::fs;
    use std::net::Ipv4Addr;
    use tempfile::TempDir;
    use tokio::net::TcpListener;

    #[tokio::test]
    async fn client_with_tls_gets_the_message_only_if_its_certificate_is_trusted() {
        let folder = TempDir::new().unwrap();
        let CertifiedKey { cert, signing_key } = generate_simple_self_signed(["127.0.0.1".to_owned()]).unwrap();
        let [certificate, key] = ["certificate.pem", "key.pem"].map(|name| folder.path().join(name));
        fs::write(&certificate, cert.pem()).unwrap();
        fs::write(&key, signing_key.serialize_pem()).unwrap();
        let tls = Tls::open(&TlsConfig { certificate, key, channel_bindings: Bindings::default() }).unwrap();
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let (address, (_stop, stopping)) = (listener.local_addr().unwrap(), Stop::new());
        let routes = Router::new().route("/", post(|| async {}));
        let connections = Connections::new(9, 9, Proxies::default(), Metrics::new());
        tokio::spawn(serve(listener, Some(tls), routes, connections, stopping));
        let mut roots = RootCertStore::empty();
        let untrusting = BackChannel::trusting(roots.clone()).unwrap();
        assert_eq!(untrusting.attempt(&format!("https://{address}/"), "x").await, Outcome::Again);
        roots.add(cert.der().clone()).unwrap();
        let trusting = BackChannel::trusting(roots).unwrap();
        assert_eq!(trusting.attempt(&format!("https://{address}/"), "x").await, Outcome::Done);
        assert_eq!(trusting.attempt(&format!("https://{address}/other"), "x").await, Outcome::Refused);
    }

    #[test]
    fn message_is_delivered_only_by_200_or_204_and_is_sent_again_only_after_429_or_5xx() {
        for (status, expected) in [
            (200, Outcome::Done),
            (204, Outcome::Done),
            (201, Outcome::Refused),
            (302, Outcome::Refused),
            (307, Outcome::Refused),
            (400, Outcome::Refused),
            (429, Outcome::Again),
            (500, Outcome::Again),
            (503, Outcome::Again),
        ] {
            assert_eq!(StatusCode::from_u16(status).map(outcome_of).ok(), Some(expected), "{status}");
        }
    }
}
