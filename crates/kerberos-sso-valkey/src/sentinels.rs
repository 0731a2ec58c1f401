//! Asks the sentinels for the master.

use crate::address::{Certificates, info};
use crate::error::StoreError;
use crate::link::Address;
use crate::nodes::ask;
use redis::{ConnectionInfo, Value};
use std::fmt;
use std::time::Duration;
use tokio::task::JoinSet;

/// The sentinels that watch one master. A cache of [`ValkeyReplayCache::sentinel`](crate::ValkeyReplayCache::sentinel)
/// asks the sentinels without this type. This type is for a program that keeps other data in the same master.
///
/// ```no_run
/// # async fn connect() -> Result<(), kerberos_sso_valkey::StoreError> {
/// use kerberos_sso_valkey::Sentinels;
/// use std::time::Duration;
///
/// let sentinels = Sentinels::new("sso", ["redis://sso:secret@10.0.0.5:26379", "redis://sso:secret@10.0.0.6:26379"])?;
/// let (host, port) = sentinels.master(Duration::from_secs(1)).await?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct Sentinels {
    service: String,
    nodes: Vec<ConnectionInfo>,
}

impl Sentinels {
    /// Reads the addresses of all sentinels of the master `service`. An address is `redis://[USER:PASSWORD@]HOST[:PORT]`, or
    /// `rediss://…` for TLS.
    ///
    /// # Errors
    /// Returns [`StoreError::Address`] if an address cannot be used.
    pub fn new<'a>(service: &str, addresses: impl IntoIterator<Item = &'a str>) -> Result<Self, StoreError> {
        Self::read(service, addresses, &Certificates::default())
    }

    /// Reads the addresses of all sentinels. Each address must be of the form `rediss://…`. The sentinels must have a
    /// certificate of this certificate authority, in PEM.
    ///
    /// # Errors
    /// Returns [`StoreError::Address`] if an address or the certificate cannot be used.
    #[cfg(feature = "tls")]
    pub fn with_root_certificate<'a>(
        service: &str,
        addresses: impl IntoIterator<Item = &'a str>,
        pem: &[u8],
    ) -> Result<Self, StoreError> {
        let certificates = redis::TlsCertificates { client_tls: None, root_cert: Some(pem.into()) };
        Self::read(service, addresses, &Certificates(Some(certificates)))
    }

    fn read<'a>(
        service: &str,
        addresses: impl IntoIterator<Item = &'a str>,
        certificates: &Certificates,
    ) -> Result<Self, StoreError> {
        let nodes = addresses.into_iter().map(|address| info(address, certificates)).collect::<Result<_, _>>()?;
        Ok(Self::of(service, nodes))
    }

    pub(crate) fn of(service: &str, nodes: Vec<ConnectionInfo>) -> Self {
        Self { service: service.into(), nodes }
    }

    /// Asks all sentinels for the master, and returns the host and the port that more than half of all sentinels name. Each
    /// sentinel has the time `limit` for its answer.
    ///
    /// A sentinel on the wrong side of a network partition still names the old master. The old and the new master could then
    /// both accept writes.
    ///
    /// # Errors
    /// Returns [`StoreError::NoNode`] if no majority names one master.
    pub async fn master(&self, limit: Duration) -> Result<(String, u16), StoreError> {
        let mut asked = JoinSet::new();
        for node in self.nodes.clone() {
            let question = redis::cmd("SENTINEL").arg("GET-MASTER-ADDR-BY-NAME").arg(&self.service).to_owned();
            asked.spawn(async move { ask(&node, &question, limit).await });
        }
        let mut named: Vec<Address> = Vec::new();
        let mut last = None;
        while let Some(answer) = asked.join_next().await {
            match answer {
                Ok(Ok(answer)) => named.extend(parse(&answer)),
                Ok(Err(error)) => last = Some(error),
                Err(_) => {}
            }
        }
        let votes = |master: &Address| named.iter().filter(|named| *named == master).count();
        let majority = (self.nodes.len() / 2).saturating_add(1);
        let elected = named.iter().find(|master| votes(master) >= majority).cloned();
        let service = &self.service;
        elected.ok_or_else(|| StoreError::NoNode {
            reason: match last {
                Some(error) => format!("fewer than {majority} sentinels name one master of {service}; {error}"),
                None => format!("fewer than {majority} sentinels name one master of {service}"),
            },
        })
    }
}

/// Prints the service without the addresses, because an address may contain a password.
impl fmt::Debug for Sentinels {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sentinels").field("service", &self.service).finish_non_exhaustive()
    }
}

/// Reads the answer of a sentinel: host and port, or null if the sentinel does not know the service.
fn parse(answer: &Value) -> Option<Address> {
    let (host, port): (String, u16) = redis::from_redis_value_ref(answer).ok()?;
    Some((host, port))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sentinels_answer_is_read_as_host_and_port() {
        let text = |text: &str| Value::BulkString(text.into());
        assert_eq!(parse(&Value::Array(vec![text("10.0.0.1"), text("6379")])), Some(("10.0.0.1".into(), 6379)));
        assert_eq!(parse(&Value::Nil), None);
        assert_eq!(parse(&Value::Array(vec![text("10.0.0.1"), text("70000")])), None);
    }
}
