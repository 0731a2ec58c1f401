//! A store in Valkey or Redis, which several nodes share. Each operation is one command on one key. A mark, and a write that
//! records a single use, also wait for a replica.
//!
//! If no answer comes, a write fails. The server does not try again, because the store may have done the write. A
//! second command would then find the effect of the first, and its answer would be wrong: `SET … NX` would report that
//! the entry was already there. Only the client of a cluster may send a command again, to another node. Even then, the
//! store never answers a second use of a value as it answers the first use.

use super::nodes::{Authority, Connection, Connector, Master, Nodes};
use super::replication::Replication;
use super::{Key, Pending, Store, StoreError, When, bounded};
use kerberos_sso::UnixTime;
use redis::{Cmd, FromRedisValue, RedisError, RedisResult};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Mutex;
use tokio::time::{Instant, timeout};

pub(crate) struct Valkey(Arc<Link>);

/// The connection. A separate task may close the connection.
struct Link {
    connector: Connector,
    state: Mutex<Result<Open, Closed>>,
}

struct Open {
    connection: Connection,
    /// The time at which the sentinels were last asked whether they still name this master.
    checked: Instant,
}

/// The state without a connection. Until `until`, the server opens no connection, and refuses operations for `reason`.
/// Otherwise every request would wait for a store that does not answer.
struct Closed {
    until: Instant,
    reason: String,
}

impl Valkey {
    /// Makes the store without a connection. The first operation opens the connection.
    pub(crate) fn new(nodes: &Nodes, authority: &Authority) -> Result<Self, String> {
        let state = Mutex::new(Err(Closed { until: Instant::now(), reason: String::new() }));
        Ok(Self(Arc::new(Link { connector: nodes.connector(authority)?, state })))
    }

    async fn ask<T: FromRedisValue>(&self, command: &Cmd) -> Result<T, StoreError> {
        let mut connection = self.connection().await?;
        self.answered(connection.ask(command)).await
    }

    /// Waits for an answer, and closes the connection if the command fails.
    async fn answered<T>(&self, asked: impl Future<Output = RedisResult<T>>) -> Result<T, StoreError> {
        match timeout(ANSWER_TIME, asked).await {
            Ok(Ok(answer)) => Ok(answer),
            Ok(Err(error)) => Err(self.failed(&error).await),
            Err(_) => Err(self.close(Closed::for_a_while("Valkey did not answer in time")).await),
        }
    }

    /// Does a write that a failover must not undo, and waits until one replica has the write (`WAIT`). If the master has no
    /// replicas, this function does not wait, because no node that missed the write can take over. Returns `None` if the
    /// condition of the write did not apply.
    ///
    /// The client of a cluster may open another connection after the write, and `WAIT` on that connection does not wait
    /// for the write. So this function also asks the master for the name and the length of its stream of writes. A
    /// replica must then have confirmed this length of the same stream.
    async fn ask_for_good<T: FromRedisValue>(&self, command: Cmd, key: &Key) -> Result<Option<T>, StoreError> {
        let mut connection = self.connection().await?;
        let asked = connection.ask_both([command, replication()], key);
        let (answer, described): (Option<T>, String) = self.answered(asked).await?;
        let before = Replication::read(&described).ok_or(StoreError::Unconfirmed)?;
        if answer.is_none() || !before.has_replicas() {
            return Ok(answer);
        }
        // Until the replicas answer, the master answers no other command of this connection.
        let mut wait = redis::cmd("WAIT");
        wait.arg(1).arg(CONFIRM_MILLISECONDS);
        let (_, described): (i64, String) = self.answered(connection.ask_both([wait, replication()], key)).await?;
        let is_confirmed = Replication::read(&described).is_some_and(|after| after.confirms(&before));
        is_confirmed.then_some(answer).ok_or(StoreError::Unconfirmed)
    }

    /// Does a write to an entry. If the entry records a single use, the write waits for a replica.
    async fn write<T: FromRedisValue>(&self, command: Cmd, key: &Key) -> Result<Option<T>, StoreError> {
        if key.is_of_one_use() { self.ask_for_good(command, key).await } else { self.ask(&command).await }
    }

    async fn connection(&self) -> Result<Connection, StoreError> {
        let mut state = self.0.state.lock().await;
        match &mut *state {
            Ok(open) => {
                let now = Instant::now();
                if let Connection::Named(_, master) = &open.connection
                    && now.duration_since(open.checked) >= CHECK_EVERY
                {
                    open.checked = now;
                    tokio::spawn(Arc::clone(&self.0).check(master.clone()));
                }
                return Ok(open.connection.clone());
            }
            Err(closed) if Instant::now() < closed.until => return Err(StoreError::Unreachable(closed.reason.clone())),
            Err(_) => {}
        }
        let reason = match timeout(CONNECT_TIME, self.0.connector.connect()).await {
            Ok(Ok(connection)) => {
                *state = Ok(Open { connection: connection.clone(), checked: Instant::now() });
                return Ok(connection);
            }
            Ok(Err(error)) => error.to_string(),
            Err(_) => "Valkey did not answer in time".into(),
        };
        *state = Err(Closed::for_a_while(&reason));
        Err(StoreError::Unreachable(reason))
    }

    /// Returns the error of a command. After most errors, another node may be the master, so the server connects again.
    async fn failed(&self, error: &RedisError) -> StoreError {
        match error.code() {
            Some("OOM") => StoreError::Full,
            // Another program wrote a list or a set under the key of an entry. Only this entry cannot be read, so the
            // connection stays open.
            Some("WRONGTYPE") => StoreError::Unreachable(error.to_string()),
            _ => self.close(Closed { until: Instant::now(), reason: error.to_string() }).await,
        }
    }

    async fn close(&self, closed: Closed) -> StoreError {
        let reason = closed.reason.clone();
        *self.0.state.lock().await = Err(closed);
        StoreError::Unreachable(reason)
    }
}

impl Link {
    /// Closes the connection to `used` if most sentinels no longer name this master. A master that is cut off from its
    /// sentinels still answers, and has sessions that have ended at the new master.
    async fn check(self: Arc<Self>, used: Master) {
        if self.connector.still_names(&used).await {
            return;
        }
        let mut state = self.state.lock().await;
        if state.as_ref().is_ok_and(|open| matches!(&open.connection, Connection::Named(_, master) if *master == used))
        {
            let reason = "most sentinels no longer name this master".to_owned();
            tracing::warn!("the server asks the sentinels for the master of the state store again: {reason}");
            *state = Err(Closed { until: Instant::now(), reason });
        }
    }
}

impl Closed {
    fn for_a_while(reason: &str) -> Self {
        let now = Instant::now();
        Self { until: now.checked_add(PAUSE).unwrap_or(now), reason: reason.into() }
    }
}

impl Store for Valkey {
    fn get<'a>(&'a self, key: &'a Key) -> Pending<'a, Option<Vec<u8>>> {
        Box::pin(async {
            let mut command = redis::cmd("GET");
            command.arg(key.as_bytes());
            match self.ask(&command).await {
                // The connection may be to a server that has ended or is no longer the master. A second read is
                // harmless, because a read changes nothing.
                Err(StoreError::Unreachable(_)) => self.ask(&command).await,
                answered => answered,
            }
        })
    }

    fn put<'a>(&'a self, key: &'a Key, value: Vec<u8>, end: UnixTime, when: When<'a>) -> Pending<'a, bool> {
        Box::pin(async move {
            let (value, end, name) = (bounded(value)?, end.seconds().max(1), key.as_bytes());
            let mut command = redis::cmd(if let When::Holds(_) = when { "EVAL" } else { "SET" });
            match when {
                When::Holds(old) => command.arg(REPLACE).arg(1).arg(name).arg(old).arg(value).arg(end),
                When::Absent => command.arg(name).arg(value).arg("EXAT").arg(end).arg("NX"),
                When::Always => command.arg(name).arg(value).arg("EXAT").arg(end),
            };
            // `SET … NX` and the script answer nil if the condition does not apply.
            let answer: Option<String> = self.write(command, key).await?;
            Ok(answer.is_some())
        })
    }

    fn mark<'a>(&'a self, key: &'a Key, end: UnixTime) -> Pending<'a, ()> {
        Box::pin(async move {
            let mut command = redis::cmd("SET");
            command.arg(key.as_bytes()).arg("").arg("EXAT").arg(end.seconds().max(1));
            self.ask_for_good::<String>(command, key).await.map(drop)
        })
    }

    fn take<'a>(&'a self, key: &'a Key) -> Pending<'a, Option<Vec<u8>>> {
        Box::pin(async {
            let mut command = redis::cmd("GETDEL");
            command.arg(key.as_bytes());
            self.write(command, key).await
        })
    }
}

fn replication() -> Cmd {
    let mut command = redis::cmd("INFO");
    command.arg("replication");
    command
}

/// Writes a value if the entry has the expected value. Valkey runs a script as one step.
const REPLACE: &str = "if redis.call('GET', KEYS[1]) == ARGV[1] then \
    return redis.call('SET', KEYS[1], ARGV[2], 'EXAT', ARGV[3]) else return nil end";

/// The longest wait for an answer. A request of a client may need several answers and may take 15 seconds.
const ANSWER_TIME: Duration = Duration::from_secs(1);

/// The longest wait for a replica, in milliseconds. A replica that follows its master answers within some milliseconds.
const CONFIRM_MILLISECONDS: u32 = 200;

/// The longest wait for a connection. Sentinels and clusters need several connections.
const CONNECT_TIME: Duration = Duration::from_secs(2);

/// The shortest time between two checks that ask the sentinels for the master.
const CHECK_EVERY: Duration = Duration::from_secs(1);

/// The time for which the server does not connect again after a connection has failed.
const PAUSE: Duration = Duration::from_secs(1);
