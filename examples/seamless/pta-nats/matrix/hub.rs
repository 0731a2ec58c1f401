//! A broker in memory. A test can cut and restore the connections of nodes to this broker.

use crate::broker::{Broker, Link, NotDelivered, Request};
use futures_util::StreamExt as _;
use futures_util::stream::{self, BoxStream};
use seamless_pta::queue::Pending;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard};
use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::Instant;

/// The broker.
#[derive(Default)]
pub(super) struct Hub(Mutex<Inner>);

#[derive(Default)]
struct Inner {
    next: u64,
    subscriptions: Vec<Subscription>,
    /// The requests that have no reply yet.
    asked: HashMap<String, oneshot::Sender<Vec<u8>>>,
    /// All messages so far, each with its subject.
    frames: Vec<(String, Vec<u8>)>,
}

struct Subscription {
    of: u64,
    subject: String,
    group: Option<&'static str>,
    link: watch::Receiver<Link>,
    tell: mpsc::UnboundedSender<Request>,
}

/// A connection of one node.
pub(super) struct Wire {
    number: u64,
    hub: Arc<Hub>,
    link: watch::Sender<Link>,
}

impl Hub {
    pub(super) fn connect(self: &Arc<Self>) -> Arc<Wire> {
        let (number, (link, _)) = (self.inner().number(), watch::channel(Link::Since(Instant::now())));
        Arc::new(Wire { number, hub: Arc::clone(self), link })
    }

    pub(super) fn frames(&self) -> Vec<(String, Vec<u8>)> {
        self.inner().frames.clone()
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap()
    }
}

impl Inner {
    fn number(&mut self) -> u64 {
        self.next += 1;
        self.next
    }
}

impl Wire {
    /// Ends the connection, and all requests of this node that have no reply yet.
    pub(super) fn cut(&self) {
        self.link.send_replace(Link::Away);
        let inbox = format!("inbox.{}.", self.number);
        self.hub.inner().asked.retain(|reply, _| !reply.starts_with(&inbox));
    }

    /// Connects again.
    pub(super) fn join(&self) {
        self.link.send_replace(Link::Since(Instant::now()));
    }

    fn is_cut(&self) -> bool {
        *self.link.borrow() == Link::Away
    }
}

impl Broker for Wire {
    fn request(&self, subject: String, body: Vec<u8>) -> Pending<'_, Result<Vec<u8>, NotDelivered>> {
        let (tell, told) = oneshot::channel();
        let sent = {
            let mut inner = self.hub.inner();
            inner.subscriptions.retain(|subscription| !subscription.tell.is_closed());
            let number = inner.number();
            let reply = format!("inbox.{}.{number}", self.number);
            inner.frames.push((subject.clone(), body.clone()));
            let is_meant =
                |to: &&Subscription| to.subject == subject && to.of != self.number && *to.link.borrow() != Link::Away;
            let to: Vec<_> = inner.subscriptions.iter().filter(is_meant).collect();
            // The requests go to the nodes of a group in turn.
            let at = usize::try_from(number).unwrap().checked_rem(to.len());
            let to = at.and_then(|at| to.get(at)).map(|to| to.tell.clone());
            let is_sent = to.is_some_and(|to| to.send(Request { body, reply: reply.clone() }).is_ok());
            inner.asked.insert(reply, tell);
            is_sent
        };
        Box::pin(async move {
            if !sent {
                return Err(NotDelivered::NoResponders);
            }
            match told.await {
                Ok(reply) => Ok(reply),
                Err(_) => std::future::pending().await,
            }
        })
    }

    fn reply(&self, to: String, body: Vec<u8>) -> Pending<'_, ()> {
        if !self.is_cut() {
            let mut inner = self.hub.inner();
            inner.frames.push((to.clone(), body.clone()));
            let _ = inner.asked.remove(&to).map(|tell| tell.send(body));
        }
        Box::pin(async {})
    }

    fn subscribe(&self, subject: String, group: Option<&'static str>) -> Pending<'_, BoxStream<'static, Request>> {
        let (tell, told) = mpsc::unbounded_channel();
        let (of, link) = (self.number, self.link.subscribe());
        self.hub.inner().subscriptions.push(Subscription { of, subject, group, link, tell });
        let requests = stream::unfold(told, |mut told| async move { Some((told.recv().await?, told)) });
        Box::pin(async move { requests.boxed() })
    }

    fn link(&self) -> watch::Receiver<Link> {
        self.link.subscribe()
    }
}

/// Returns the groups of all subscriptions to a subject.
pub(super) fn groups(hub: &Hub, subject: &str) -> Vec<Option<&'static str>> {
    let inner = hub.inner();
    inner.subscriptions.iter().filter(|one| one.subject == subject).map(|one| one.group).collect()
}
