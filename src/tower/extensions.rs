//! What the layer finds among a request's extensions, and what it leaves there.

use crate::accept::{Connection, Negotiation};
use crate::error::Error;
use crate::wire::gss::ChannelBindings;
use core::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};

/// What the server knows of a connection. Whoever accepts connections puts it among the extensions of their requests.
///
/// Behind a proxy that ends TLS, the channel is the one between the client and the proxy, whose bindings are the same for
/// every connection where they are of its certificate (`tls-server-end-point`): name them in the policy.
#[derive(Clone, Debug, Default)]
pub struct ConnectionFacts {
    bindings: Option<Arc<[ChannelBindings]>>,
    client_address: Option<IpAddr>,
}

impl ConnectionFacts {
    /// The bindings of the connection's channel, of which the client may send any: [`Connection::channel_bindings`].
    #[must_use]
    pub fn channel_bindings(self, bindings: impl Into<Arc<[ChannelBindings]>>) -> Self {
        Self { bindings: Some(bindings.into()), ..self }
    }

    /// The client's address: [`Connection::client_address`].
    #[must_use]
    pub fn client_address(self, address: IpAddr) -> Self {
        Self { client_address: Some(address), ..self }
    }

    pub(super) fn connection(&self) -> Connection<'_> {
        let connection = Connection::default().channel_bindings(self.bindings.as_deref().unwrap_or_default());
        match self.client_address {
            Some(address) => connection.client_address(address),
            None => connection,
        }
    }
}

/// The place for what is kept between two requests of one connection. Whoever accepts connections makes one for each, and
/// puts it among the extensions of its requests.
///
/// It is used over HTTP/1.1 alone, and only where nobody else's requests come over the same connection: not behind a proxy.
/// HTTP/2 has requests of one connection at the same time, so that one's state would be taken by another.
#[derive(Clone, Debug, Default)]
pub struct ConnectionNegotiation(Arc<Mutex<Option<Negotiation>>>);

impl ConnectionNegotiation {
    /// An empty place.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    pub(super) fn take(&self) -> Option<Negotiation> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    pub(super) fn keep(&self, negotiation: Negotiation) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(negotiation);
    }
}

/// Why a request has no identity, for a route that is [optional](super::NegotiateLayer::optional).
#[derive(Clone, Debug)]
pub enum NotSignedIn {
    /// It carries no Negotiate value, and may be challenged: 401 and `WWW-Authenticate: Negotiate`.
    NotAsked,
    /// It was refused: for the log, and not for the client, which must not be challenged.
    Failed(Arc<Error>),
}
