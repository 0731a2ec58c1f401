//! The trait of a broker, as the queue needs it. The client of NATS implements the trait, and so does a broker in
//! memory for the tests.

use futures_util::stream::BoxStream;
use seamless_pta::queue::Pending;
use std::fmt;
use tokio::sync::watch;
use tokio::time::Instant;

/// A connection to a broker of requests and replies, which delivers each message at most once.
///
/// A subscription does not get messages that its own connection sends.
pub trait Broker: Send + Sync + 'static {
    /// Sends a request to one of the subscribers of its subject, and returns the reply. If no reply comes, the future
    /// never ends.
    fn request(&self, subject: String, body: Vec<u8>) -> Pending<'_, Result<Vec<u8>, NotDelivered>>;

    /// Sends the reply to a request.
    fn reply(&self, to: String, body: Vec<u8>) -> Pending<'_, ()>;

    /// Returns the requests that come on a subject from now on. If several subscriptions have the same group, only one
    /// of them gets each request. After a lost connection, the next connection renews the subscription.
    fn subscribe(&self, subject: String, group: Option<&'static str>) -> Pending<'_, BoxStream<'static, Request>>;

    /// Returns a receiver of the connection's state, which reports each change.
    fn link(&self) -> watch::Receiver<Link>;
}

/// The state of the connection to the broker.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Link {
    /// The broker cannot be reached.
    Away,
    /// The connection to the broker has been open since this time.
    Since(Instant),
}

/// A request that came to a subscription.
pub struct Request {
    /// The message.
    pub body: Vec<u8>,
    /// The subject for the reply.
    pub reply: String,
}

/// Does not show the message, because it may have a sealed password.
impl fmt::Debug for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Request").field("octets", &self.body.len()).field("reply", &self.reply).finish()
    }
}

/// The reason why a request has no reply.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NotDelivered {
    /// No connection subscribes to the subject.
    NoResponders,
    /// The broker cannot be reached.
    Away,
}
