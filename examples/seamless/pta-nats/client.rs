//! Implements [`Broker`] by a client of NATS.

use crate::broker::{Broker, Link, NotDelivered, Request};
use crate::subject::{NodeName, inbox};
use async_nats::client::RequestErrorKind;
use async_nats::{Client, ConnectOptions, Event};
use futures_util::StreamExt as _;
use futures_util::stream::{self, BoxStream};
use seamless_pta::message::MAX_BODY;
use seamless_pta::queue::Pending;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use thiserror::Error;
use tokio::sync::watch;
use tokio::time::Instant;

/// How a node reaches the broker.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Access {
    /// The address: `nats://broker:4222`, without a user or a password.
    pub url: String,
    /// The certificates for mutual TLS. Without them, only a broker on the loopback interface can be used.
    pub tls: Option<Tls>,
}

/// The certificates for mutual TLS, as files in PEM.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tls {
    /// The certificates of the authorities that may issue the broker's certificate. The node trusts no other authority.
    pub ca: PathBuf,
    /// The certificate of the node.
    pub certificate: PathBuf,
    /// The key of the node.
    pub key: PathBuf,
}

/// The reason why a node cannot use a broker.
#[derive(Debug, Error)]
pub enum ConnectError {
    /// A file of the certificates cannot be read.
    #[error("{path}: {error}", path = .path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// The cause.
        error: std::io::Error,
    },
    /// The text is not an address of a broker, the address has a user or a password, or it names another machine and
    /// there is no TLS.
    #[error(
        "{0:?} is no address of a broker, such as nats://broker:4222; without TLS the broker must be \
         on the loopback interface"
    )]
    Address(String),
    /// The client did not start.
    #[error("the client of the broker did not start: {0}")]
    Client(#[from] async_nats::ConnectError),
}

/// A connection to NATS, which reconnects by itself.
#[derive(Debug)]
pub(crate) struct Connection {
    client: Client,
    link: watch::Receiver<Link>,
}

impl Connection {
    /// Begins to connect. If the broker cannot be reached, the client tries again until it succeeds.
    pub(crate) async fn begin(access: &Access, node: &NodeName) -> Result<Self, ConnectError> {
        let address: async_nats::ServerAddr =
            access.url.parse().map_err(|_| ConnectError::Address(access.url.clone()))?;
        let is_here = matches!(address.host(), "localhost" | "127.0.0.1" | "::1" | "[::1]");
        if access.tls.is_none() && !is_here || address.has_user_pass() {
            return Err(ConnectError::Address(access.url.clone()));
        }
        let (tell, link) = watch::channel(Link::Away);
        let tell = Arc::new(tell);
        let mut options = ConnectOptions::new()
            .name(format!("seamless {node}"))
            .custom_inbox_prefix(inbox(node))
            .no_echo()
            .ignore_discovered_servers()
            .retry_on_initial_connect()
            .ping_interval(PING)
            .connection_timeout(CONNECT)
            .request_timeout(None)
            .reconnect_delay_callback(delay)
            .event_callback(move |event| {
                note(&event, &tell);
                async {}
            });
        if let Some(tls) = &access.tls {
            for path in [&tls.ca, &tls.certificate, &tls.key] {
                std::fs::metadata(path).map_err(|error| ConnectError::File { path: path.clone(), error })?;
            }
            options = options
                .require_tls(true)
                .add_root_certificates(tls.ca.clone())
                .add_client_certificate(tls.certificate.clone(), tls.key.clone());
        }
        Ok(Self { client: options.connect(address).await?, link })
    }
}

impl Broker for Connection {
    fn request(&self, subject: String, body: Vec<u8>) -> Pending<'_, Result<Vec<u8>, NotDelivered>> {
        Box::pin(async move {
            let reply = self.client.request(subject, body.into()).await.map_err(|error| match error.kind() {
                RequestErrorKind::NoResponders => NotDelivered::NoResponders,
                _ => NotDelivered::Away,
            })?;
            Ok(bounded(&reply.payload))
        })
    }

    fn reply(&self, to: String, body: Vec<u8>) -> Pending<'_, ()> {
        Box::pin(async move {
            if let Err(error) = self.client.publish(to, body.into()).await {
                tracing::warn!(%error, "a reply to another node was not sent");
            }
        })
    }

    fn subscribe(&self, subject: String, group: Option<&'static str>) -> Pending<'_, BoxStream<'static, Request>> {
        Box::pin(async move {
            let subscribed = match group {
                Some(group) => self.client.queue_subscribe(subject, group.to_owned()).await,
                None => self.client.subscribe(subject).await,
            };
            match subscribed {
                Ok(messages) => messages
                    .filter_map(async |message| {
                        Some(Request { body: bounded(&message.payload), reply: message.reply?.into_string() })
                    })
                    .boxed(),
                Err(error) => {
                    tracing::error!(%error, "the node cannot subscribe");
                    stream::empty().boxed()
                }
            }
        })
    }

    fn link(&self) -> watch::Receiver<Link> {
        self.link.clone()
    }
}

/// Copies a message. A message that is too long becomes empty, and every reader refuses an empty message.
fn bounded(payload: &[u8]) -> Vec<u8> {
    if payload.len() <= MAX_BODY { payload.to_vec() } else { Vec::new() }
}

/// Stores the state of the connection, and logs what an operator must know.
fn note(event: &Event, link: &watch::Sender<Link>) {
    match event {
        Event::Connected => {
            tracing::info!("the broker can be reached");
            link.send_replace(Link::Since(Instant::now()));
        }
        Event::Disconnected | Event::Closed => {
            tracing::warn!("the broker cannot be reached; only the agents of this node serve");
            link.send_replace(Link::Away);
        }
        Event::ServerError(error) => tracing::warn!(%error, "the broker refuses"),
        Event::ClientError(error) => tracing::debug!(%error, "the broker cannot be reached"),
        Event::SlowConsumer(_) => tracing::warn!("this node is too slow for its messages; the broker drops them"),
        Event::LameDuckMode | Event::Draining => tracing::info!("the broker stops soon"),
    }
}

/// Returns the time before an attempt to connect: 50 ms at first, and each time twice as long, up to 400 ms.
fn delay(attempt: usize) -> Duration {
    let doublings = attempt.saturating_sub(1).min(3);
    FIRST_DELAY.saturating_mul(u32::try_from(1_usize << doublings).unwrap_or(1))
}

const FIRST_DELAY: Duration = Duration::from_millis(50);
/// The time between two pings. The client ends a connection after two pings without an answer.
const PING: Duration = Duration::from_secs(2);
const CONNECT: Duration = Duration::from_secs(2);

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn client_tries_again_after_50_100_200_and_then_400_milliseconds() {
        assert_eq!([1, 2, 3, 4, 5, 1_000].map(|attempt| delay(attempt).as_millis()), [50, 100, 200, 400, 400, 400]);
    }

    #[tokio::test]
    async fn address_of_another_machine_without_tls_and_address_with_a_password_are_refused() {
        let node = NodeName::parse("n1").unwrap();
        for url in ["nats://192.0.2.1:4222", "nats://broker.test:4222", "nats://u:p@127.0.0.1:4222", "not an address"] {
            let refused = Connection::begin(&Access { url: url.into(), tls: None }, &node).await;
            assert!(matches!(refused, Err(ConnectError::Address(_))), "{url}");
        }
    }

    #[tokio::test]
    async fn error_about_a_missing_file_names_the_file() {
        let missing = || PathBuf::from("/nonexistent/ca.pem");
        let tls = Some(Tls { ca: missing(), certificate: missing(), key: missing() });
        let access = Access { url: "nats://broker.test:4222".into(), tls };
        let refused = Connection::begin(&access, &NodeName::parse("n1").unwrap()).await.unwrap_err();
        assert!(refused.to_string().starts_with("/nonexistent/ca.pem: "), "{refused}");
    }
}
