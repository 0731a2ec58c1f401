//! Limits the requests of each address by the generic cell rate algorithm (ITU-T I.371). An address may send `at_once`
//! requests in a burst, and after that `per_second` requests each second.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

pub(crate) struct Rates {
    /// The time after which an address may send one more request.
    interval: Duration,
    /// The time without requests after which an address may again send a whole burst.
    tolerance: Duration,
    /// For each address, the time from which the address may again send a whole burst, if it sends no request before.
    full_at: Mutex<HashMap<IpAddr, Instant>>,
}

impl Rates {
    pub(crate) fn new(per_second: u32, at_once: u32) -> Self {
        let interval = Duration::from_secs(1).checked_div(per_second).unwrap_or(Duration::from_secs(1));
        Self { interval, tolerance: interval.saturating_mul(at_once), full_at: Mutex::default() }
    }

    /// Counts a request, and returns whether the address may send the request now.
    pub(crate) fn allow(&self, address: IpAddr, now: Instant) -> bool {
        let mut full_at = self.full_at.lock().unwrap_or_else(PoisonError::into_inner);
        if full_at.len() >= MAX_ADDRESSES {
            full_at.retain(|_, full_at| *full_at > now);
        }
        let holder = holder(address);
        // When the table is full, all new addresses together count as one address.
        let is_known = full_at.len() < MAX_ADDRESSES || full_at.contains_key(&holder);
        let counted = full_at.entry(if is_known { holder } else { OTHERS }).or_insert(now);
        let Some(new) = (*counted).max(now).checked_add(self.interval) else { return false };
        let is_allowed = new.saturating_duration_since(now) <= self.tolerance;
        if is_allowed {
            *counted = new;
        }
        is_allowed
    }
}

/// Returns the address under which the requests of a client are counted. All addresses of an IPv6 subnet count as one address,
/// because a single host may have all addresses of a subnet (RFC 8273).
pub(crate) fn holder(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => Ipv6Addr::from_bits(address.to_bits() & SUBNET).into(),
        address @ IpAddr::V4(_) => address,
    }
}

/// The first 64 bits, the subnet of an IPv6 address (RFC 4291 section 2.5.4).
const SUBNET: u128 = u128::MAX << 64;

const OTHERS: IpAddr = IpAddr::V6(Ipv6Addr::UNSPECIFIED);

/// The largest number of addresses that have a count of their own.
const MAX_ADDRESSES: usize = 65_536;

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    const A: &str = "192.0.2.1";

    /// Sends `count` requests from an address, and returns the number of requests that are allowed.
    fn allowed(rates: &Rates, address: &str, count: u32, now: Instant) -> usize {
        let address = address.parse().unwrap();
        (0..count).filter(|_| rates.allow(address, now)).count()
    }

    #[test]
    fn address_sends_five_requests_at_once_and_then_two_each_second() {
        let (rates, start) = (Rates::new(2, 5), Instant::now());
        let at = |milliseconds| start.checked_add(Duration::from_millis(milliseconds)).unwrap();
        assert_eq!(allowed(&rates, A, 9, at(0)), 5);
        assert_eq!(allowed(&rates, A, 9, at(499)), 0);
        assert_eq!(allowed(&rates, A, 9, at(500)), 1);
        assert_eq!(allowed(&rates, A, 9, at(1_500)), 2);
        assert_eq!(allowed(&rates, A, 9, at(60_000)), 5);
    }

    #[test]
    fn each_ipv4_address_and_each_ipv6_subnet_has_its_own_count() {
        let (rates, now) = (Rates::new(1, 3), Instant::now());
        assert_eq!(allowed(&rates, A, 9, now), 3);
        assert_eq!(allowed(&rates, "::ffff:192.0.2.1", 9, now), 0);
        assert_eq!(allowed(&rates, "192.0.2.2", 9, now), 3);
        assert_eq!(allowed(&rates, "2001:db8:0:1::1", 2, now), 2);
        assert_eq!(allowed(&rates, "2001:db8:0:1:ffff::2", 9, now), 1);
        assert_eq!(allowed(&rates, "2001:db8:0:2::1", 9, now), 3);
    }

    #[test]
    fn new_addresses_share_one_count_while_the_table_is_full() {
        let (rates, start) = (Rates::new(1, 2), Instant::now());
        for number in 0..u32::try_from(MAX_ADDRESSES).unwrap() {
            assert!(rates.allow(IpAddr::V4(number.into()), start));
        }
        assert_eq!(allowed(&rates, "203.0.113.1", 1, start), 1);
        assert_eq!(allowed(&rates, "203.0.113.2", 2, start), 1);
        assert_eq!(allowed(&rates, "203.0.113.3", 2, start.checked_add(Duration::from_secs(2)).unwrap()), 2);
        assert!(rates.full_at.lock().unwrap().len() <= 2);
    }
}
