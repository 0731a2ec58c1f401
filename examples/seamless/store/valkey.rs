//! A store in Valkey or Redis, which several nodes share. Each operation is one command on one key.
//!
//! The server never sends a command a second time, because the second command would find the effect of the first
//! command. If no answer comes, the operation fails. The store may have done the operation.

use super::{Key, Pending, Store, StoreError, When, bounded};
use kerberos_sso::UnixTime;
use redis::aio::MultiplexedConnection;
use redis::{AsyncConnectionConfig, Client, Cmd, FromRedisValue, RedisError};
use std::time::Duration;
use tokio::sync::Mutex;
use tokio::time::{Instant, timeout};

pub(crate) struct Valkey {
    client: Client,
    connection: Mutex<Connection>,
}

enum Connection {
    Open(MultiplexedConnection),
    /// There is no connection. The server does not connect before `until`. Otherwise every request would wait for a
    /// store that does not answer.
    Closed {
        until: Instant,
        reason: String,
    },
}

impl Valkey {
    /// Begins a store at `address`, which is `redis://[USER:PASSWORD@]HOST[:PORT]`. The first operation connects.
    pub(crate) fn new(address: &str) -> Result<Self, String> {
        let client = Client::open(address).map_err(|error| format!("`valkey` is not a valid address: {error}"))?;
        let connection = Connection::Closed { until: Instant::now(), reason: String::new() };
        Ok(Self { client, connection: Mutex::new(connection) })
    }

    async fn ask<T: FromRedisValue>(&self, command: &Cmd) -> Result<T, StoreError> {
        let mut connection = self.connection().await?;
        match timeout(ANSWER_TIME, command.query_async(&mut connection)).await {
            Ok(Ok(answer)) => Ok(answer),
            Ok(Err(error)) => Err(self.failed(&error).await),
            Err(_) => Err(StoreError::Unreachable("Valkey did not answer in time".into())),
        }
    }

    async fn connection(&self) -> Result<MultiplexedConnection, StoreError> {
        let mut connection = self.connection.lock().await;
        match &*connection {
            Connection::Open(open) => return Ok(open.clone()),
            Connection::Closed { until, reason } if Instant::now() < *until => {
                return Err(StoreError::Unreachable(reason.clone()));
            }
            Connection::Closed { .. } => {}
        }
        let config = AsyncConnectionConfig::new().set_connection_timeout(Some(CONNECT_TIME));
        match self.client.get_multiplexed_async_connection_with_config(&config).await {
            Ok(open) => {
                *connection = Connection::Open(open.clone());
                Ok(open)
            }
            Err(error) => {
                let reason = error.to_string();
                *connection = Connection::closed(&reason);
                Err(StoreError::Unreachable(reason))
            }
        }
    }

    /// Returns the error of a command. A connection that has ended is closed, and the next command connects again.
    async fn failed(&self, error: &RedisError) -> StoreError {
        if error.code() == Some("OOM") {
            return StoreError::Full;
        }
        if error.is_unrecoverable_error() {
            *self.connection.lock().await = Connection::Closed { until: Instant::now(), reason: error.to_string() };
        }
        StoreError::Unreachable(error.to_string())
    }
}

impl Connection {
    fn closed(reason: &str) -> Self {
        let now = Instant::now();
        Self::Closed { until: now.checked_add(PAUSE).unwrap_or(now), reason: reason.into() }
    }
}

impl Store for Valkey {
    fn get<'a>(&'a self, key: &'a Key) -> Pending<'a, Option<Vec<u8>>> {
        Box::pin(async {
            let mut command = redis::cmd("GET");
            self.ask(command.arg(key.as_bytes())).await
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
const CONNECT_TIME: Duration = Duration::from_secs(1);

/// The time after a connection failed in which the server does not connect again.
const PAUSE: Duration = Duration::from_secs(1);
