//! A store in Valkey or Redis, which several nodes share. Each operation is one command on one key.
//!
//! If no answer comes, a write fails. The store may have done the write, so the server does not try again: its second
//! command would find the effect of the first command. Only the client of a cluster may send a command again, to
//! another node. Then too, the answer is never that a second use was the first.

use super::nodes::{Connection, Connector, Nodes};
use super::{Key, Pending, Store, StoreError, When, bounded};
use kerberos_sso::UnixTime;
use redis::{Cmd, FromRedisValue, RedisError};
use std::time::Duration;
use tokio::sync::Mutex;
use tokio::time::{Instant, timeout};

pub(crate) struct Valkey(Mutex<State>);

struct State {
    connector: Connector,
    connection: Result<Connection, Closed>,
}

/// There is no connection. The server does not connect before `until`. Otherwise every request would wait for a store
/// that does not answer.
struct Closed {
    until: Instant,
    reason: String,
}

impl Valkey {
    /// Begins a store. The first operation connects.
    pub(crate) fn new(nodes: &Nodes) -> Result<Self, String> {
        let connector = nodes.connector().map_err(|error| format!("`valkey` has no valid address: {error}"))?;
        let connection = Err(Closed { until: Instant::now(), reason: String::new() });
        Ok(Self(Mutex::new(State { connector, connection })))
    }

    async fn ask<T: FromRedisValue>(&self, command: &Cmd) -> Result<T, StoreError> {
        let mut connection = self.connection().await?;
        match timeout(ANSWER_TIME, connection.ask(command)).await {
            Ok(Ok(answer)) => Ok(answer),
            Ok(Err(error)) => Err(self.failed(&error).await),
            Err(_) => Err(self.close(Closed::for_a_while("Valkey did not answer in time")).await),
        }
    }

    async fn connection(&self) -> Result<Connection, StoreError> {
        let mut state = self.0.lock().await;
        match &state.connection {
            Ok(connection) => return Ok(connection.clone()),
            Err(closed) if Instant::now() < closed.until => return Err(StoreError::Unreachable(closed.reason.clone())),
            Err(_) => {}
        }
        let reason = match timeout(CONNECT_TIME, state.connector.connect()).await {
            Ok(Ok(connection)) => {
                state.connection = Ok(connection.clone());
                return Ok(connection);
            }
            Ok(Err(error)) => error.to_string(),
            Err(_) => "Valkey did not answer in time".into(),
        };
        state.connection = Err(Closed::for_a_while(&reason));
        Err(StoreError::Unreachable(reason))
    }

    /// Returns the error of a command. After most errors, another node may be the master, so the server connects again.
    async fn failed(&self, error: &RedisError) -> StoreError {
        match error.code() {
            Some("OOM") => StoreError::Full,
            // Another program wrote a list or a set under the key of an entry. The other entries are as before.
            Some("WRONGTYPE") => StoreError::Unreachable(error.to_string()),
            _ => self.close(Closed { until: Instant::now(), reason: error.to_string() }).await,
        }
    }

    async fn close(&self, closed: Closed) -> StoreError {
        let reason = closed.reason.clone();
        self.0.lock().await.connection = Err(closed);
        StoreError::Unreachable(reason)
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
                // The connection may be to a server that has ended or is no longer the master. Reading again changes
                // nothing.
                Err(StoreError::Unreachable(_)) => self.ask(&command).await,
                answered => answered,
            }
        })
    }

    fn put<'a>(&'a self, key: &'a Key, value: Vec<u8>, end: UnixTime, when: When<'a>) -> Pending<'a, bool> {
        Box::pin(async move {
            let (value, end, key) = (bounded(value)?, end.seconds().max(1), key.as_bytes());
            let mut command = redis::cmd(if let When::Holds(_) = when { "EVAL" } else { "SET" });
            match when {
                When::Holds(old) => command.arg(REPLACE).arg(1).arg(key).arg(old).arg(value).arg(end),
                When::Absent => command.arg(key).arg(value).arg("EXAT").arg(end).arg("NX"),
                When::Always => command.arg(key).arg(value).arg("EXAT").arg(end),
            };
            // `SET … NX` and the script answer nil if the condition does not apply.
            let answer: Option<String> = self.ask(&command).await?;
            Ok(answer.is_some())
        })
    }

    fn take<'a>(&'a self, key: &'a Key) -> Pending<'a, Option<Vec<u8>>> {
        Box::pin(async {
            let mut command = redis::cmd("GETDEL");
            self.ask(command.arg(key.as_bytes())).await
        })
    }
}

/// Writes a value if the entry has the expected value. Valkey runs a script as one step.
const REPLACE: &str = "if redis.call('GET', KEYS[1]) == ARGV[1] then \
    return redis.call('SET', KEYS[1], ARGV[2], 'EXAT', ARGV[3]) else return nil end";

/// The longest wait for an answer. A request of a client may need several answers and may take 15 seconds.
const ANSWER_TIME: Duration = Duration::from_secs(1);

/// The longest wait for a connection. Sentinels and clusters need several connections.
const CONNECT_TIME: Duration = Duration::from_secs(2);

/// The time after a connection failed in which the server does not connect again.
const PAUSE: Duration = Duration::from_secs(1);
