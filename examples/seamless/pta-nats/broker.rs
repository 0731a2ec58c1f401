//! What the queue needs of a broker. The client of NATS is one, and the tests have one in memory.

use futures_util::stream::BoxStream;
use seamless_pta::queue::Pending;
use std::fmt;
use tokio::sync::watch;
use tokio::time::Instant;

/// A connection to a broker of requests and replies, which delivers each message at most once.
///
/// A subscription of a connection gets no message of the same connection.
pub trait Broker: Send + Sync + 'static {
    /// Sends a request to one of its receivers, and returns the reply. A request without a reply waits for ever.
    fn request(&self, subject: String, body: Vec<u8>) -> Pending<'_, Result<Vec<u8>, NotDelivered>>;

    /// Sends the reply to a request.
    fn reply(&self, to: String, body: Vec<u8>) -> Pending<'_, ()>;

    /// Returns the requests on a subject from now on. Of the subscriptions of one group, only one gets each request. A
    /// subscription outlives the connection: the next connection has it, too.
    fn subscribe(&self, subject: String, group: Option<&'static str>) -> Pending<'_, BoxStream<'static, Request>>;

    /// Returns the state of the connection, which the receiver can wait for.
    fn link(&self) -> watch::Receiver<Link>;
}

/// The state of the connection to the broker.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Link {
    /// The broker cannot be reached.
    Away,
    /// The broker can be reached since this time.
    Since(Instant),
}

/// A request that came to a subscription.
pub struct Request {
    /// The message.
    pub body: Vec<u8>,
    /// The subject for the reply.
    pub reply: String,
}

/// Shows no message: it may have a sealed password.
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
