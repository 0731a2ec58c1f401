//! The masters of a cluster, and the slots that they serve.

use super::{Nodes, Topology, address, ask};
use crate::error::StoreError;
use crate::link::Address;
use crate::slot::SLOTS;
use redis::{ConnectionInfo, Value};
use std::sync::PoisonError;

/// The master of each slot, from the latest answer of a node to `CLUSTER SLOTS`.
#[derive(Debug, Default)]
pub(crate) struct SlotMap {
    masters: Vec<Address>,
    /// The index in `masters` of each slot's master.
    slots: Vec<Option<usize>>,
}

impl SlotMap {
    pub(crate) fn masters(&self) -> Vec<Address> {
        self.masters.clone()
    }

    pub(crate) fn master_of(&self, slot: u16) -> Option<Address> {
        let master = (*self.slots.get(usize::from(slot))?)?;
        self.masters.get(master).cloned()
    }

    pub(crate) fn move_slot(&mut self, slot: u16, to: &Address) {
        let place = self.place_of(to);
        if let Some(master) = self.slots.get_mut(usize::from(slot)) {
            *master = Some(place);
        }
    }

    /// Removes a node as the master of its slots.
    pub(crate) fn forget(&mut self, node: &Address) {
        let Some(place) = self.masters.iter().position(|master| master == node) else { return };
        for master in &mut self.slots {
            if *master == Some(place) {
                *master = None;
            }
        }
    }

    fn place_of(&mut self, master: &Address) -> usize {
        self.masters.iter().position(|known| known == master).unwrap_or_else(|| {
            self.masters.push(master.clone());
            self.masters.len().saturating_sub(1)
        })
    }

    /// Reads the answer to `CLUSTER SLOTS`. Each range has its first slot, its last slot, and its nodes, the master first.
    fn parse(answer: &Value, asked: &Address) -> Option<Self> {
        let mut map = Self { masters: Vec::new(), slots: vec![None; usize::from(SLOTS)] };
        for range in answer.as_sequence()? {
            let [Value::Int(first), Value::Int(last), master, ..] = range.as_sequence()? else { return None };
            let [host, Value::Int(port), ..] = master.as_sequence()? else { return None };
            let host = match redis::from_redis_value_ref::<Option<String>>(host).ok()? {
                // Without a host, the master has the same host as the node that was asked.
                None => asked.0.clone(),
                Some(name) if name.is_empty() || name == "?" => asked.0.clone(),
                Some(name) => name,
            };
            let place = map.place_of(&(host, u16::try_from(*port).ok()?));
            let end = usize::try_from(*last).ok()?.checked_add(1)?;
            map.slots.get_mut(usize::try_from(*first).ok()?..end)?.fill(Some(place));
        }
        Some(map)
    }
}

impl Nodes {
    /// Asks the nodes of a cluster, one after the other, until one node answers with the masters of all slots.
    pub(super) async fn ask_for_slots(&self) -> Result<(), StoreError> {
        let _alone = self.asking.lock().await;
        let question = redis::cmd("CLUSTER").arg("SLOTS").to_owned();
        let mut last = StoreError::NoNode { reason: "no node of the cluster is named".into() };
        for info in self.cluster_nodes() {
            let error = match ask(&info, &question, self.settings.connect_timeout).await {
                Ok(answer) => match SlotMap::parse(&answer, &address(info.addr())) {
                    Some(map) => {
                        *self.slots.write().unwrap_or_else(PoisonError::into_inner) = map;
                        return Ok(());
                    }
                    None => StoreError::Engine {
                        node: info.addr().to_string(),
                        reason: "the answer to CLUSTER SLOTS cannot be read".into(),
                    },
                },
                Err(error) => error,
            };
            last = error;
        }
        Err(last)
    }

    /// Returns the seeds, and the nodes that this process has met.
    fn cluster_nodes(&self) -> Vec<ConnectionInfo> {
        let Topology::Cluster { seeds, .. } = &self.topology else { return Vec::new() };
        let met: Vec<_> = self.locked_met().values().map(|node| node.info.clone()).collect();
        seeds.iter().cloned().chain(met).collect()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn text(text: &str) -> Value {
        Value::BulkString(text.into())
    }

    fn range(first: i64, last: i64, host: Value, port: i64) -> Value {
        Value::Array(vec![
            Value::Int(first),
            Value::Int(last),
            Value::Array(vec![host, Value::Int(port), text("id")]),
            Value::Array(vec![text("replica"), Value::Int(1), text("id")]),
        ])
    }

    fn asked() -> Address {
        ("seed".into(), 7_000)
    }

    #[test]
    fn slot_has_the_master_of_its_range() {
        let answer = Value::Array(vec![range(0, 99, text("a"), 1), range(100, 16_383, text("b"), 2)]);
        let map = SlotMap::parse(&answer, &asked()).unwrap();
        assert_eq!(map.master_of(99), Some(("a".into(), 1)));
        assert_eq!(map.master_of(100), Some(("b".into(), 2)));
        assert_eq!(map.master_of(16_383), Some(("b".into(), 2)));
    }

    #[test]
    fn master_without_a_host_has_the_host_of_the_node_that_was_asked() {
        for host in [Value::Nil, text(""), text("?")] {
            let map = SlotMap::parse(&Value::Array(vec![range(0, 0, host, 3)]), &asked()).unwrap();
            assert_eq!(map.master_of(0), Some(("seed".into(), 3)));
        }
    }

    #[test]
    fn slot_outside_of_all_ranges_has_no_master() {
        let map = SlotMap::parse(&Value::Array(vec![range(0, 5, text("a"), 1)]), &asked()).unwrap();
        assert_eq!(map.master_of(6), None);
        assert_eq!(SlotMap::default().master_of(6), None);
    }

    #[test]
    fn answer_with_a_slot_or_port_out_of_range_is_refused() {
        assert!(SlotMap::parse(&Value::Array(vec![range(0, 16_384, text("a"), 1)]), &asked()).is_none());
        assert!(SlotMap::parse(&Value::Array(vec![range(0, 1, text("a"), 65_536)]), &asked()).is_none());
        assert!(SlotMap::parse(&Value::Array(vec![range(3, 1, text("a"), 1)]), &asked()).is_none());
        assert!(SlotMap::parse(&Value::Okay, &asked()).is_none());
    }

    #[test]
    fn move_of_a_slot_changes_the_master_of_that_slot_only() {
        let mut map = SlotMap::parse(&Value::Array(vec![range(0, 5, text("a"), 1)]), &asked()).unwrap();
        map.move_slot(3, &("c".into(), 9));
        assert_eq!(map.master_of(3), Some(("c".into(), 9)));
        assert_eq!(map.master_of(4), Some(("a".into(), 1)));
        map.forget(&("a".into(), 1));
        assert_eq!((map.master_of(3), map.master_of(4)), (Some(("c".into(), 9)), None));
    }
}
