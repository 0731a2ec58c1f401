//! The extensions of a request that the layer reads or inserts.

use crate::accept::{Accepted, Arrival, Negotiation};
use crate::error::Error;
use crate::identity::Identity;
use crate::time::UnixTime;
use crate::wire::gss::ChannelBindings;
use ::http::Extensions;
use core::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// The server's knowledge of a connection. The code that accepts connections inserts this value into the extensions of each
/// request.
///
/// Behind a proxy that terminates TLS, the channel is the connection between the client and the proxy. The bindings of the
/// proxy's certificate (`tls-server-end-point`) are the same for every connection, so give these bindings to the policy.
#[derive(Clone, Debug, Default)]
#[must_use]
pub struct ConnectionInfo {
    bindings: Arc<[ChannelBindings]>,
    client_address: Option<IpAddr>,
}

impl ConnectionInfo {
    /// Sets the bindings of the connection's channel: see [`Arrival::with_channel_bindings`].
    pub fn with_channel_bindings(self, bindings: impl Into<Arc<[ChannelBindings]>>) -> Self {
        Self { bindings: bindings.into(), ..self }
    }

    /// Sets the client's address: see [`Arrival::with_client_address`].
    pub fn with_client_address(self, address: IpAddr) -> Self {
        Self { client_address: Some(address), ..self }
    }

    pub(super) fn arrival(&self, now: UnixTime) -> Arrival<'_> {
        Arrival { now, bindings: &self.bindings, client_address: self.client_address }
    }
}

/// The state of a negotiation between two requests of one connection. The code that accepts connections makes a value for
/// each connection, and inserts it into the extensions of that connection's requests.
///
/// The layer uses this state over HTTP/1.1 only. This state is for connections that carry the requests of one client
/// only, so not for connections from a proxy. An HTTP/2 connection carries several requests at the same time, so a
/// request would use the state of another request.
#[derive(Clone, Debug, Default)]
pub struct ConnectionNegotiation(Arc<Mutex<Option<Negotiation>>>);

impl ConnectionNegotiation {
    /// Makes an empty state.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    pub(super) fn take(&self) -> Option<Negotiation> {
        self.lock().take()
    }

    pub(super) fn keep(&self, negotiation: Negotiation) {
        *self.lock() = Some(negotiation);
    }

    /// Locks the state. Each change replaces the whole state, so the state is complete even if the lock is poisoned.
    fn lock(&self) -> MutexGuard<'_, Option<Negotiation>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The reason why a request has no identity, for a route behind an [optional](super::NegotiateLayer::optional) layer.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum NotSignedIn {
    /// The request carries no `Negotiate` value. The route may challenge the client with 401 and `WWW-Authenticate:
    /// Negotiate`.
    ///
    /// A server with its own sessions inserts this value into the extensions of a request without a session, for the
    /// extractors and [`RequireGroupLayer`](super::RequireGroupLayer).
    NotAsked,
    /// The request was refused. The error is for the log, not for the client. The client must not be challenged again.
    Failed(Arc<Error>),
}

/// Removes every statement about whether a user is signed in. Only the layer's decision on this request may make such a
/// statement.
pub(super) fn forget_identity(extensions: &mut Extensions) {
    extensions.remove::<Identity>();
    extensions.remove::<Arc<Identity>>();
    extensions.remove::<Arc<Accepted>>();
    extensions.remove::<NotSignedIn>();
}
