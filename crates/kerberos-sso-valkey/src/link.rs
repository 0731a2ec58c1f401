//! A connection to one node that is fit to remember authenticators.

use crate::error::StoreError;
use crate::info::{Life, Node};
use crate::memory::{Memories, Memory};
use crate::settings::{CONNECT_TIMEOUT, Confirmation, MAX_CLOCK_OFFSET, Settings};
use kerberos_sso::UnixTime;
use redis::aio::{ConnectionLike as _, MultiplexedConnection};
use redis::{AsyncConnectionConfig, ConnectionInfo, ProtocolVersion, PushInfo, PushKind, Value};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::time::timeout;

/// The settings of a connection, without the address.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Demands {
    pub(crate) settings: Settings,
    /// Whether the operator states that no authenticator was admitted before.
    pub(crate) is_first_start: bool,
    /// Whether sentinels choose the master. If so, the cache demands that a master stops accepting writes when it has
    /// lost its replicas.
    pub(crate) is_watched_by_sentinels: bool,
}

/// A connection to a fit master. The master evicts no keys, its clock agrees with this server's clock, and this process
/// knows its [`Memory`].
#[derive(Debug)]
pub(crate) struct Link {
    node: String,
    connection: MultiplexedConnection,
    watch: Arc<Watch>,
    life: Life,
    memory: Arc<Memory>,
    demands: Demands,
}

/// The state that the node's push messages change.
#[derive(Debug, Default)]
struct Watch {
    losses: Mutex<Losses>,
    is_closed: AtomicBool,
}

/// The losses that the node's push messages reported. One lock guards both fields. With two locks, a message that
/// arrives while `INFO` is read could be lost.
#[derive(Debug, Default)]
struct Losses {
    /// The memory of the node, or `None` until this process has read `INFO`.
    memory: Option<Arc<Memory>>,
    was_emptied: bool,
}

/// The answer of a node about an authenticator.
#[derive(Debug)]
pub(crate) enum Reply {
    /// The authenticator is new, and the node has stored it.
    New,
    /// The node already had the authenticator.
    Seen,
    /// The authenticator may have been admitted before the node lost its memory.
    MayBeForgotten,
    /// The node has too little free memory to store the authenticator.
    Full,
    /// Another node serves this key from now on.
    Moved(Address),
    /// Another node, to which this key is moving, serves the key after `ASKING`.
    Ask(Address),
}

/// A node's host and port.
pub(crate) type Address = (String, u16);

impl Link {
    /// Connects to a node, and checks that the node is fit.
    pub(crate) async fn open(info: &ConnectionInfo, memories: &Memories, demands: Demands) -> Result<Self, StoreError> {
        let node = info.addr().to_string();
        let opening = Self::open_within(node.clone(), info, memories, demands);
        timeout(demands.settings.connect_timeout, opening).await.unwrap_or(Err(StoreError::TimedOut { node }))
    }

    async fn open_within(
        node: String,
        info: &ConnectionInfo,
        memories: &Memories,
        demands: Demands,
    ) -> Result<Self, StoreError> {
        let settings = demands.settings;
        let watch = Arc::new(Watch::default());
        let mut connection = connect(&node, info, &watch, settings).await?;
        let ask = |error| StoreError::of(&node, &error);
        // From now on, the node notifies this connection when a database is emptied. The notification comes before the
        // answers to later commands.
        let () = redis::cmd("CLIENT").arg("TRACKING").arg("ON").query_async(&mut connection).await.map_err(ask)?;
        let described = fit_node(&node, &mut connection, demands).await?;
        let memory = memories.of(&described, (settings.clock)(), demands.is_first_start);
        watch.attach(&memory, settings.clock);
        let link = Self { node, connection, watch, life: described.life, memory, demands };
        link.check_clock((settings.clock)()).await?;
        tracing::info!(
            node = link.node,
            process = link.life.process(),
            whole_after = ?link.memory.whole_after().map(UnixTime::seconds),
            "the replay store is connected; authenticators from whole_after or earlier are refused"
        );
        Ok(link)
    }

    /// Returns the node's host and port.
    pub(crate) fn node(&self) -> &str {
        &self.node
    }

    /// Returns the instant up to which the node may have forgotten the authenticators that it stored.
    pub(crate) fn whole_after(&self) -> Option<UnixTime> {
        self.memory.whole_after()
    }

    /// Returns whether the connection has ended.
    pub(crate) fn is_closed(&self) -> bool {
        self.watch.is_closed.load(Ordering::Acquire)
    }

    /// Checks that the node answers, is still fit, and has been the master since this connection was opened.
    ///
    /// A node that became a replica and then a master again keeps its connections open. Meanwhile, another master may
    /// have admitted authenticators that the node does not have.
    pub(crate) async fn check(&self) -> Result<(), StoreError> {
        let settings = self.demands.settings;
        let mut connection = self.connection.clone();
        let checked = async {
            let described = fit_node(&self.node, &mut connection, self.demands).await?;
            if !described.life.has_the_history_of(&self.life) {
                let reason = "it has not always been the master since the connection was opened".into();
                return Err(StoreError::NotWritable { node: self.node.clone(), reason });
            }
            self.check_clock((settings.clock)()).await
        };
        let late = || StoreError::TimedOut { node: self.node.clone() };
        timeout(settings.connect_timeout, checked).await.unwrap_or_else(|_| Err(late()))
    }

    /// Asks the node for its time. A node whose clock is ahead deletes entries too early, so these entries count as
    /// forgotten.
    async fn check_clock(&self, now: UnixTime) -> Result<(), StoreError> {
        let (time, mut connection) = (redis::cmd("TIME"), self.connection.clone());
        let time: Value =
            time.query_async(&mut connection).await.map_err(|error| StoreError::of(&self.node, &error))?;
        self.judge_clock(&time, now)
    }

    /// Stores `key` until `forget_at` in one step, unless the node already has `key`.
    ///
    /// The command is sent once. If the answer is lost, the cache does not know whether the node stored the key. A
    /// second command would find the entry of the first command, so its answer would be wrong.
    pub(crate) async fn set_if_absent(&self, key: &[u8], entry: Entry, asks: bool) -> Result<Reply, StoreError> {
        if self.may_have_forgotten(entry.client_time) {
            return Ok(Reply::MayBeForgotten);
        }
        let mut commands = redis::pipe();
        if asks {
            commands.cmd("ASKING").ignore();
        }
        let milliseconds = entry.forget_at.seconds().saturating_mul(1_000);
        commands.cmd("SET").arg(key).arg(1).arg("NX").arg("PXAT").arg(milliseconds);
        let settings = self.demands.settings;
        let limit = wait_milliseconds(settings.timeout);
        match settings.confirmation {
            Confirmation::Master => {}
            Confirmation::Replicas(replicas) => drop(commands.cmd("WAIT").arg(replicas).arg(limit)),
            Confirmation::Disk { replicas } => drop(commands.cmd("WAITAOF").arg(1).arg(replicas).arg(limit)),
        }
        commands.cmd("TIME");
        let skipped = usize::from(asks);
        let count = commands.len().saturating_sub(skipped);
        let mut connection = self.connection.clone();
        let asked = connection.req_packed_commands(&commands, skipped, count);
        let answers = match timeout(settings.timeout, asked).await {
            Ok(answers) => answers.map_err(|error| StoreError::of(&self.node, &error))?,
            Err(_) => return Err(StoreError::TimedOut { node: self.node.clone() }),
        };
        let reply = self.judge(&answers, entry)?;
        // The node may have been emptied since the check above. The node notifies this connection of this before it
        // answers the commands.
        if matches!(reply, Reply::New) && self.may_have_forgotten(entry.client_time) {
            return Ok(Reply::MayBeForgotten);
        }
        Ok(reply)
    }

    fn may_have_forgotten(&self, client_time: UnixTime) -> bool {
        let Settings { start, clock_skew, .. } = self.demands.settings;
        self.memory.may_have_forgotten(client_time, start, clock_skew)
    }

    /// Reads the answers to `SET`, to `WAIT` or `WAITAOF` if the settings demand a confirmation, and to `TIME`.
    fn judge(&self, answers: &[Value], entry: Entry) -> Result<Reply, StoreError> {
        let (Some(set), Some(time)) = (answers.first(), answers.last()) else {
            return Err(self.odd("the answer is empty"));
        };
        let reply = match set {
            Value::Okay => Reply::New,
            Value::Nil => Reply::Seen,
            Value::ServerError(error) => return self.judge_refusal(error.clone()),
            _ => return Err(self.odd("the answer to SET cannot be read")),
        };
        self.judge_clock(time, entry.now)?;
        if matches!(reply, Reply::New) {
            self.judge_confirmation(answers.get(1))?;
        }
        Ok(reply)
    }

    fn judge_refusal(&self, error: redis::ServerError) -> Result<Reply, StoreError> {
        let is_full = error.code() == "OOM";
        let error = redis::RedisError::from(error);
        // A redirection has the address of the other node, and the slot.
        let address = error.redirect_node().and_then(|(address, _)| parse_address(address));
        match (error.kind(), address) {
            _ if is_full => Ok(Reply::Full),
            (redis::ErrorKind::Server(redis::ServerErrorKind::Moved), Some(address)) => Ok(Reply::Moved(address)),
            (redis::ErrorKind::Server(redis::ServerErrorKind::Ask), Some(address)) => Ok(Reply::Ask(address)),
            _ => Err(StoreError::of(&self.node, &error)),
        }
    }

    fn judge_clock(&self, time: &Value, now: UnixTime) -> Result<(), StoreError> {
        let (seconds, _): (i64, i64) =
            redis::from_redis_value_ref(time).map_err(|_| self.odd("the answer to TIME cannot be read"))?;
        let ours = (self.demands.settings.clock)();
        let allowed = |duration: Duration| i64::try_from(duration.as_secs()).unwrap_or(i64::MAX);
        let offset = seconds.saturating_sub(ours.seconds());
        if offset.saturating_abs() > allowed(MAX_CLOCK_OFFSET) {
            if offset > 0 {
                // The node's clock is fast, so the node has deleted entries that were still needed.
                self.memory.forget(ours);
            }
            return Err(StoreError::Clock { node: self.node.clone(), offset_seconds: offset });
        }
        // `now` is the time at which the request arrived, so this server's clock may be later than `now`. The margin of
        // an entry covers only the longest waits and the rounding, so a larger difference is refused.
        let waited = ours.seconds_since(now);
        let longest = allowed(CONNECT_TIMEOUT).saturating_add(allowed(MAX_CLOCK_OFFSET));
        if waited > longest || waited < allowed(MAX_CLOCK_OFFSET).saturating_neg() {
            return Err(StoreError::Clock { node: self.node.clone(), offset_seconds: waited });
        }
        Ok(())
    }

    fn judge_confirmation(&self, answer: Option<&Value>) -> Result<(), StoreError> {
        let odd = || self.odd("the answer to WAIT cannot be read");
        let (confirmed, demanded) = match (self.demands.settings.confirmation, answer) {
            (Confirmation::Master, _) => return Ok(()),
            (_, Some(Value::ServerError(error))) => return Err(StoreError::of(&self.node, &error.clone().into())),
            (Confirmation::Replicas(replicas), Some(answer)) => {
                (redis::from_redis_value_ref::<i64>(answer).map_err(|_| odd())?, i64::from(replicas))
            }
            (Confirmation::Disk { replicas }, Some(answer)) => {
                let (local, others): (i64, i64) = redis::from_redis_value_ref(answer).map_err(|_| odd())?;
                (local.saturating_add(others), i64::from(replicas).saturating_add(1))
            }
            (_, None) => return Err(odd()),
        };
        if confirmed < demanded {
            return Err(StoreError::Unconfirmed { node: self.node.clone(), confirmed, demanded });
        }
        Ok(())
    }

    fn odd(&self, reason: &str) -> StoreError {
        StoreError::Engine { node: self.node.clone(), reason: reason.into() }
    }
}

/// The times of an authenticator that the node stores.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Entry {
    pub(crate) client_time: UnixTime,
    pub(crate) forget_at: UnixTime,
    /// The time at which the request arrived.
    pub(crate) now: UnixTime,
}

/// Asks a node for `INFO`, and checks that the node is a master that keeps all its keys.
async fn fit_node(node: &str, connection: &mut MultiplexedConnection, demands: Demands) -> Result<Node, StoreError> {
    let ask = |error| StoreError::of(node, &error);
    let described: String = redis::cmd("INFO").arg("all").query_async(connection).await.map_err(ask)?;
    let node = node.to_owned();
    let described = match Node::parse(&described) {
        Ok(described) => described,
        Err(field) => return Err(StoreError::Engine { node, reason: format!("INFO has no usable field {field}") }),
    };
    if !described.is_master {
        return Err(StoreError::Replica { node });
    }
    if described.eviction != "noeviction" {
        return Err(StoreError::Evicts { node, policy: described.eviction });
    }
    let may_be_isolated = demands.settings.isolated_master_is_allowed;
    if demands.is_watched_by_sentinels && !described.demands_replicas && !may_be_isolated {
        return Err(StoreError::IsolatedMaster { node });
    }
    Ok(described)
}

/// Returns the time-out of `WAIT` and `WAITAOF`. For these commands, zero means an unlimited wait. During this wait,
/// the node answers no other command on the connection.
fn wait_milliseconds(timeout: Duration) -> i64 {
    i64::try_from(timeout.as_millis()).unwrap_or(i64::MAX).max(1)
}

/// Reads `host:port`.
fn parse_address(address: &str) -> Option<Address> {
    let (host, port) = address.rsplit_once(':')?;
    Some((host.into(), port.parse().ok()?))
}

/// Connects to a node, and passes the node's push messages to `watch`.
async fn connect(
    node: &str,
    info: &ConnectionInfo,
    watch: &Arc<Watch>,
    settings: Settings,
) -> Result<MultiplexedConnection, StoreError> {
    let watching = Arc::clone(watch);
    let seen = move |push: PushInfo| -> Result<(), std::convert::Infallible> {
        watching.see(&push, settings.clock);
        Ok(())
    };
    let protocol = info.redis_settings().clone().set_protocol(ProtocolVersion::RESP3).set_skip_set_lib_name();
    // TCP_NODELAY stays off: TCP may then hold a request back for one round trip while another request waits for its
    // answer. With TCP_NODELAY, a sign-in takes a fifth more CPU time than without it (`examples/store_speed.rs`).
    let client = redis::Client::open(info.clone().set_redis_settings(protocol))
        .map_err(|error| StoreError::Address { address: node.into(), reason: error.to_string() })?;
    // The time-out of the crate `redis` for an answer is off. Every use of the connection has a time-out of its own,
    // and a second timer would take time in each request.
    let config = AsyncConnectionConfig::new()
        .set_connection_timeout(Some(settings.connect_timeout))
        .set_response_timeout(None)
        .set_push_sender(seen);
    let connected = client.get_multiplexed_async_connection_with_config(&config).await;
    connected.map_err(|error| StoreError::of(node, &error))
}

impl Watch {
    fn see(&self, push: &PushInfo, clock: fn() -> UnixTime) {
        match (&push.kind, push.data.as_slice()) {
            (PushKind::Disconnection, _) => self.is_closed.store(true, Ordering::Release),
            // The message lists the keys that have changed. A null instead of the list means that a database was
            // emptied.
            (PushKind::Invalidate, [Value::Nil]) => {
                let mut losses = self.losses.lock().unwrap_or_else(PoisonError::into_inner);
                losses.was_emptied = true;
                losses.memory.iter().for_each(|memory| memory.forget(clock()));
            }
            _ => {}
        }
    }

    /// Makes each later push message about a loss change `memory`. If such a message came earlier, changes `memory`
    /// now.
    fn attach(&self, memory: &Arc<Memory>, clock: fn() -> UnixTime) {
        let mut losses = self.losses.lock().unwrap_or_else(PoisonError::into_inner);
        if losses.was_emptied {
            memory.forget(clock());
        }
        losses.memory = Some(Arc::clone(memory));
    }
}

#[cfg(test)]
mod tests {
    use super::wait_milliseconds;
    use std::time::Duration;

    #[test]
    fn time_out_of_the_command_wait_is_at_least_one_millisecond_because_zero_means_for_ever() {
        for (micros, milliseconds) in [(0, 1), (999, 1), (1_000, 1), (1_999, 1), (2_000, 2), (1_000_000, 1_000)] {
            assert_eq!(wait_milliseconds(Duration::from_micros(micros)), milliseconds, "{micros}");
        }
        assert_eq!(wait_milliseconds(Duration::MAX), i64::MAX);
    }
}
