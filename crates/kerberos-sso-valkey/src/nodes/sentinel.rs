//! Asks the sentinels for the master.

use super::{Nodes, Topology, ask};
use crate::error::StoreError;
use crate::link::Address;
use redis::Value;
use tokio::task::JoinSet;

impl Nodes {
    /// Asks all sentinels for the master, and returns the master that more than half of all sentinels name.
    ///
    /// A sentinel on the wrong side of a network partition still names the old master. The old and the new master could then
    /// both admit the same authenticator.
    pub(super) async fn ask_for_master(&self) -> Result<Address, StoreError> {
        let asked = self.asking_for_master.share(async {
            if let Some(master) = self.known_master() {
                return Ok(master);
            }
            let master = self.master_by_majority().await?;
            self.note_master(Some(master.clone()));
            Ok(master)
        });
        asked.await
    }

    /// Asks the sentinels whether the master has changed. If the master has changed, or if no majority answers, the
    /// connection is not used any more.
    pub(crate) async fn check_master(&self) {
        let Some(used) = self.known_master() else { return };
        if self.master_by_majority().await.is_ok_and(|master| master == used) {
            return;
        }
        tracing::warn!(host = used.0, port = used.1, "most sentinels no longer name this master of the replay store");
        let link = self.node(&used).open_link();
        link.inspect(|link| self.drop_link(link));
        self.doubt(&used);
    }

    async fn master_by_majority(&self) -> Result<Address, StoreError> {
        let Topology::Sentinel { service, sentinels, .. } = &self.topology else {
            return Err(StoreError::NoNode { reason: "no sentinel is named".into() });
        };
        let (limit, mut asked) = (self.settings.connect_timeout, JoinSet::new());
        for sentinel in sentinels.clone() {
            let question = redis::cmd("SENTINEL").arg("GET-MASTER-ADDR-BY-NAME").arg(service).to_owned();
            asked.spawn(async move { ask(&sentinel, &question, limit).await });
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
        let majority = (sentinels.len() / 2).saturating_add(1);
        let elected = named.iter().find(|master| votes(master) >= majority).cloned();
        elected.ok_or_else(|| StoreError::NoNode {
            reason: match last {
                Some(error) => format!("fewer than {majority} sentinels name one master of {service}; {error}"),
                None => format!("fewer than {majority} sentinels name one master of {service}"),
            },
        })
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
