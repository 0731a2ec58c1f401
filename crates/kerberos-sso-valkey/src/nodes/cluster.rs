//! The masters of a cluster, and the slots that they serve.

use super::{Nodes, Topology, address, ask};
use crate::cache::names_no_host;
use crate::error::StoreError;
use crate::link::Address;
use crate::slot::SLOTS;
use kerberos_sso::UnixTime;
use redis::{ConnectionInfo, Value};
use std::sync::PoisonError;
use tokio::task::JoinSet;

/// The master of each slot, from the latest answer of a node to `CLUSTER SLOTS`.
#[derive(Debug, Default)]
pub(crate) struct SlotMap {
    masters: Vec<Address>,
    slots: Vec<Slot>,
}

/// One slot.
#[derive(Clone, Copy, Debug, Default)]
struct Slot {
    /// The index of the slot's master in `masters`.
    master: Option<usize>,
    /// Whether a command to the master failed. If so, the cache asks the nodes for the slots before it uses this master
    /// again.
    is_doubted: bool,
    /// An earlier master may have forgotten the authenticators that it admitted up to this instant. A later master received
    /// only the keys that the earlier master still had.
    whole_after: Option<UnixTime>,
}

impl SlotMap {
    pub(crate) fn masters(&self) -> Vec<Address> {
        self.masters.clone()
    }

    pub(crate) fn master_of(&self, slot: u16) -> Option<Address> {
        let slot = self.slots.get(usize::from(slot)).filter(|slot| !slot.is_doubted)?;
        self.masters.get(slot.master?).cloned()
    }

    /// Returns the instant up to which earlier masters of a slot may have forgotten authenticators.
    pub(crate) fn whole_after(&self, slot: u16) -> Option<UnixTime> {
        self.slots.get(usize::from(slot))?.whole_after
    }

    /// Notes that `to` is the master of a slot now. The last master of the slot may have forgotten authenticators up to
    /// `lost_until`.
    pub(crate) fn move_slot(&mut self, slot: u16, to: &Address, lost_until: Option<UnixTime>) {
        let place = self.place_of(to);
        if let Some(slot) = self.slots.get_mut(usize::from(slot)) {
            let whole_after = slot.whole_after.max(lost_until);
            *slot = Slot { master: Some(place), is_doubted: false, whole_after };
        }
    }

    /// Marks the slots of a node as doubted: the node may not be their master any more.
    pub(crate) fn forget(&mut self, node: &Address) {
        let Some(place) = self.masters.iter().position(|master| master == node) else { return };
        for slot in self.slots.iter_mut().filter(|slot| slot.master == Some(place)) {
            slot.is_doubted = true;
        }
    }

    /// Replaces the masters by those of `latest`. The cache does not know which authenticators the earlier master of a
    /// slot forgot between the last contact and the move of the slot. So a slot whose master has changed may have lost
    /// authenticators up to `now`.
    fn renew(&mut self, latest: Self, now: UnixTime) {
        let earlier = std::mem::replace(self, latest);
        let (masters, earlier_masters) = (&self.masters, &earlier.masters);
        for (slot, before) in self.slots.iter_mut().zip(&earlier.slots) {
            let last = before.master.and_then(|place| earlier_masters.get(place));
            let has_moved = last.is_some() && last != slot.master.and_then(|place| masters.get(place));
            slot.whole_after = if has_moved { before.whole_after.max(Some(now)) } else { before.whole_after };
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
        let mut map = Self { masters: Vec::new(), slots: vec![Slot::default(); usize::from(SLOTS)] };
        for range in answer.as_sequence()? {
            let [Value::Int(first), Value::Int(last), master, ..] = range.as_sequence()? else { return None };
            let [host, Value::Int(port), ..] = master.as_sequence()? else { return None };
            let host = match redis::from_redis_value_ref::<Option<String>>(host).ok()? {
                // Without a host, the master has the same host as the node that was asked.
                None => asked.0.clone(),
                Some(name) if names_no_host(&name) => asked.0.clone(),
                Some(name) => name,
            };
            let place = map.place_of(&(host, u16::try_from(*port).ok()?));
            let end = usize::try_from(*last).ok()?.checked_add(1)?;
            let served = Slot { master: Some(place), ..Slot::default() };
            map.slots.get_mut(usize::try_from(*first).ok()?..end)?.fill(served);
        }
        Some(map)
    }
}

impl Nodes {
    /// Asks the nodes of a cluster at the same time, and takes the first answer with the masters of all slots.
    pub(super) async fn ask_for_slots(&self) -> Result<(), StoreError> {
        let asked = self.asking_for_slots.share(async {
            let map = self.slot_map().await?;
            // Nodes that have left the cluster are forgotten, because other processes may get their addresses.
            self.locked_met().retain(|address, _| map.masters.contains(address));
            self.slots.write().unwrap_or_else(PoisonError::into_inner).renew(map, (self.settings.clock)());
            Ok(())
        });
        asked.await
    }

    async fn slot_map(&self) -> Result<SlotMap, StoreError> {
        let (limit, mut asked) = (self.settings.connect_timeout, JoinSet::new());
        for info in self.cluster_nodes() {
            asked.spawn(async move {
                let answer = ask(&info, redis::cmd("CLUSTER").arg("SLOTS"), limit).await?;
                SlotMap::parse(&answer, &address(info.addr())).ok_or_else(|| StoreError::Engine {
                    node: info.addr().to_string(),
                    reason: "the answer to CLUSTER SLOTS cannot be read".into(),
                })
            });
        }
        let mut last = StoreError::NoNode { reason: "no node of the cluster is named".into() };
        while let Some(answer) = asked.join_next().await {
            match answer {
                Ok(Ok(map)) => return Ok(map),
                Ok(Err(error)) => last = error,
                Err(_) => {}
            }
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
        map.move_slot(3, &("c".into(), 9), None);
        assert_eq!(map.master_of(3), Some(("c".into(), 9)));
        assert_eq!(map.master_of(4), Some(("a".into(), 1)));
        map.forget(&("a".into(), 1));
        assert_eq!((map.master_of(3), map.master_of(4)), (Some(("c".into(), 9)), None));
    }
}
