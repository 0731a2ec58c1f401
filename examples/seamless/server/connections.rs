//! The table of all connections. Each address has a share of the table: the largest number of connections that the
//! address may have. A connection is idle while it waits for the head of a request. When an address has used its share,
//! its oldest idle connection gives way to its new connection. When the table is full, the oldest idle connection of
//! the address with most connections gives way. So one address cannot keep the clients of other addresses out.
//!
//! A trusted proxy has no share, because its connections carry the requests of many clients.

use crate::forwarded::Proxies;
use crate::metrics::{Fate, Metrics};
use crate::rate::holder;
use std::collections::{BTreeMap, HashMap};
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::oneshot;

pub(crate) struct Connections {
    /// The largest number of connections.
    total: usize,
    /// The largest number of connections of one address.
    share: usize,
    proxies: Proxies,
    metrics: Arc<Metrics>,
    table: Mutex<Table>,
}

#[derive(Default)]
struct Table {
    by_address: HashMap<IpAddr, BTreeMap<Number, Entry>>,
    count: usize,
    /// The number of events so far. An event with a smaller number is older.
    events: Number,
}

type Number = u64;

struct Entry {
    /// The number of requests that run on this connection.
    running: usize,
    /// The event at which the connection became idle.
    idle_since: Number,
    /// When this sender is dropped, the connection ends.
    _way: oneshot::Sender<()>,
}

/// The place of one connection in the table. The place is free again when this value is dropped.
pub(crate) struct Slot {
    connections: Arc<Connections>,
    address: IpAddr,
    number: Number,
}

/// A request that runs on a connection. The connection is idle again when this value is dropped.
pub(crate) struct Running(Arc<Slot>);

/// A receiver that a connection waits for: when the receiver ends, the connection must end, so that another connection
/// gets its place.
pub(crate) type GivesWay = oneshot::Receiver<()>;

impl Connections {
    pub(crate) fn new(total: usize, share: usize, proxies: Proxies, metrics: Arc<Metrics>) -> Arc<Self> {
        Arc::new(Self { total, share, proxies, metrics, table: Mutex::default() })
    }

    /// Takes a place for a new connection. Returns `None` if the table or the address's share is full, and no idle connection
    /// may give way.
    pub(crate) fn admit(self: &Arc<Self>, address: IpAddr) -> Option<(Arc<Slot>, GivesWay)> {
        let admitted = self.place(address);
        self.metrics.connection(if admitted.is_some() { Fate::Accepted } else { Fate::Refused });
        admitted
    }

    fn place(self: &Arc<Self>, address: IpAddr) -> Option<(Arc<Slot>, GivesWay)> {
        let address = if self.proxies.contain(address) { address.to_canonical() } else { holder(address) };
        let mut table = self.table();
        let own = table.by_address.get(&address).map_or(0, BTreeMap::len);
        if own >= self.share && !self.proxies.contain(address) {
            table.end_oldest_idle(address)?;
            self.metrics.connection(Fate::GaveWay);
        } else if table.count >= self.total {
            let largest = table.largest_with_idle(&self.proxies)?;
            table.end_oldest_idle(largest)?;
            self.metrics.connection(Fate::GaveWay);
        }
        let (way, gives_way) = oneshot::channel();
        let number = table.next_event();
        let entry = Entry { running: 0, idle_since: number, _way: way };
        table.by_address.entry(address).or_default().insert(number, entry);
        table.count = table.count.saturating_add(1);
        Some((Arc::new(Slot { connections: Arc::clone(self), address, number }), gives_way))
    }

    pub(crate) fn count(&self) -> usize {
        self.table().count
    }

    fn table(&self) -> MutexGuard<'_, Table> {
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Table {
    fn next_event(&mut self) -> Number {
        self.events = self.events.saturating_add(1);
        self.events
    }

    /// Returns the address with most connections among the addresses with an idle connection. The result is the address
    /// of a trusted proxy only if all idle connections are of trusted proxies.
    fn largest_with_idle(&self, proxies: &Proxies) -> Option<IpAddr> {
        let with_idle = self.by_address.iter().filter(|(_, entries)| entries.values().any(|entry| entry.running == 0));
        let size = |(address, entries): &(&IpAddr, &BTreeMap<_, _>)| (!proxies.contain(**address), entries.len());
        with_idle.max_by_key(size).map(|(address, _)| *address)
    }

    fn end_oldest_idle(&mut self, address: IpAddr) -> Option<()> {
        let entries = self.by_address.get(&address)?;
        let idle = entries.iter().filter(|(_, entry)| entry.running == 0);
        let (number, _) = idle.min_by_key(|(_, entry)| entry.idle_since)?;
        let number = *number;
        self.remove(address, number);
        Some(())
    }

    fn remove(&mut self, address: IpAddr, number: Number) {
        let Some(entries) = self.by_address.get_mut(&address) else { return };
        if entries.remove(&number).is_some() {
            self.count = self.count.saturating_sub(1);
        }
        if entries.is_empty() {
            self.by_address.remove(&address);
        }
    }

    fn entry(&mut self, slot: &Slot) -> Option<&mut Entry> {
        self.by_address.get_mut(&slot.address)?.get_mut(&slot.number)
    }
}

impl Slot {
    /// Records that a request runs on this connection. The request counts as running until the returned value is
    /// dropped.
    pub(crate) fn run(self: &Arc<Self>) -> Running {
        if let Some(entry) = self.connections.table().entry(self) {
            entry.running = entry.running.saturating_add(1);
        }
        Running(Arc::clone(self))
    }

    pub(crate) fn is_idle(&self) -> bool {
        self.connections.table().entry(self).is_none_or(|entry| entry.running == 0)
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let mut table = self.0.connections.table();
        let event = table.next_event();
        if let Some(entry) = table.entry(&self.0) {
            entry.running = entry.running.saturating_sub(1);
            entry.idle_since = event;
        }
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        self.connections.table().remove(self.address, self.number);
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::forwarded::ProxyHeaders;
    use tokio::sync::oneshot::error::TryRecvError;

    const A: &str = "192.0.2.1";
    const B: &str = "192.0.2.2";
    const C: &str = "192.0.2.3";
    const PROXY: &str = "10.0.0.1";

    fn table(total: usize, share: usize) -> Arc<Connections> {
        Connections::new(
            total,
            share,
            Proxies::new(vec!["10.0.0.1/32".parse().unwrap()], ProxyHeaders::default()),
            Metrics::new(),
        )
    }

    fn admit(connections: &Arc<Connections>, address: &str) -> Option<(Arc<Slot>, GivesWay)> {
        connections.admit(address.parse().unwrap())
    }

    fn admit_all(connections: &Arc<Connections>, address: &str, count: usize) -> Vec<(Arc<Slot>, GivesWay)> {
        (0..count).map(|_| admit(connections, address).unwrap()).collect()
    }

    fn is_ended((_, gives_way): &mut (Arc<Slot>, GivesWay)) -> bool {
        gives_way.try_recv() == Err(TryRecvError::Closed)
    }

    fn ended(connections: &mut [(Arc<Slot>, GivesWay)]) -> Vec<bool> {
        connections.iter_mut().map(is_ended).collect()
    }

    #[test]
    fn three_thousand_connections_of_one_address_leave_room_for_another_address() {
        let connections = table(768, 256);
        let mut of_a = admit_all(&connections, A, 3_000);
        assert_eq!(of_a.iter_mut().filter_map(|one| (!is_ended(one)).then_some(())).count(), 256);
        assert_eq!(connections.count(), 256);
        assert!(admit(&connections, B).is_some());
    }

    #[test]
    fn oldest_idle_connection_of_the_address_with_most_connections_gives_way_when_the_table_is_full() {
        let connections = table(6, 4);
        let (mut a, mut b) = (admit_all(&connections, A, 4), admit_all(&connections, B, 2));
        // The first connection of A serves a request, so it became idle later than the other connections of A.
        drop(a.first().unwrap().0.run());
        let _c = admit(&connections, C).unwrap();
        assert_eq!((ended(&mut a), ended(&mut b)), (vec![false, true, false, false], vec![false, false]));
        assert_eq!(connections.count(), 6);
    }

    #[test]
    fn connection_that_serves_a_request_never_gives_way() {
        let connections = table(3, 2);
        let (mut a, mut b) = (admit_all(&connections, A, 2), admit_all(&connections, B, 1));
        let running: Vec<_> = a.iter().map(|(slot, _)| slot.run()).collect();
        assert!(admit(&connections, A).is_none(), "A's share is in use");
        let _c = admit(&connections, C).unwrap();
        assert_eq!((ended(&mut a), ended(&mut b)), (vec![false, false], vec![true]));
        drop(running);
        assert!(admit(&connections, B).is_some() && is_ended(a.first_mut().unwrap()));
    }

    #[test]
    fn full_table_without_idle_connections_refuses_a_new_connection() {
        let connections = table(2, 2);
        let a = admit_all(&connections, A, 2);
        let running: Vec<_> = a.iter().map(|(slot, _)| slot.run()).collect();
        assert!(admit(&connections, B).is_none());
        drop((running, a));
        assert_eq!(connections.count(), 0);
        assert!(admit(&connections, B).is_some());
    }

    #[test]
    fn connections_of_a_trusted_proxy_may_exceed_the_share_and_give_way_last() {
        let connections = table(5, 2);
        let (mut proxy, mut a) = (admit_all(&connections, PROXY, 4), admit_all(&connections, A, 1));
        let _b = admit(&connections, B).unwrap();
        assert_eq!((ended(&mut a), ended(&mut proxy)), (vec![true], vec![false; 4]));
    }
}
