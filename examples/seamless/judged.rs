//! Tickets that the server judged a few minutes ago, kept so that `/explain/own` can show each user how the ticket was judged.
//!
//! A ticket stays a secret after this server has accepted it, because another server of the same account may not know its
//! authenticator yet. So only a server that explains tickets keeps any tickets, a few of them, for a few minutes. No page shows
//! a kept ticket.

use crate::session::SessionId;
use kerberos_sso::UnixTime;
use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use zeroize::Zeroizing;

/// The kept tickets, by the session that each ticket began.
#[derive(Default)]
pub(crate) struct JudgedTickets(Mutex<HashMap<SessionId, Kept>>);

/// The value of a header `Authorization`, and the time at which it came.
#[derive(Clone)]
pub(crate) struct JudgedTicket {
    pub(crate) authorization: Zeroizing<Vec<u8>>,
    pub(crate) at: UnixTime,
}

struct Kept {
    ticket: JudgedTicket,
    ends: Instant,
}

impl JudgedTickets {
    /// Keeps a ticket. If there is no room, the oldest kept ticket is dropped. A header of more than [`MAX_SIZE`] octets is not
    /// kept.
    pub(crate) fn keep(&self, id: SessionId, ticket: JudgedTicket) {
        let now = Instant::now();
        let Some(ends) = now.checked_add(KEPT_FOR) else { return };
        if ticket.authorization.len() > MAX_SIZE {
            return;
        }
        let mut kept = self.kept(now);
        if kept.len() >= MAX_KEPT {
            let oldest = kept.iter().min_by_key(|(_, one)| one.ends).map(|(id, _)| *id);
            oldest.and_then(|id| kept.remove(&id));
        }
        kept.insert(id, Kept { ticket, ends });
    }

    pub(crate) fn find(&self, id: SessionId) -> Option<JudgedTicket> {
        self.kept(Instant::now()).get(&id).map(|kept| kept.ticket.clone())
    }

    pub(crate) fn contains(&self, id: SessionId) -> bool {
        self.kept(Instant::now()).contains_key(&id)
    }

    /// Drops the ticket of a session that ends.
    pub(crate) fn forget(&self, id: SessionId) {
        self.kept(Instant::now()).remove(&id);
    }

    /// Moves the ticket of a session that continues under another id.
    pub(crate) fn rename(&self, id: SessionId, new: SessionId) {
        let mut kept = self.kept(Instant::now());
        if let Some(ticket) = kept.remove(&id) {
            kept.insert(new, ticket);
        }
    }

    /// Drops the tickets whose time is over, and returns the rest.
    fn kept(&self, now: Instant) -> MutexGuard<'_, HashMap<SessionId, Kept>> {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        kept.retain(|_, one| one.ends > now);
        kept
    }
}

const KEPT_FOR: Duration = Duration::from_mins(5);

const MAX_KEPT: usize = 64;

/// The largest header that is kept, in octets. The header of a user in a thousand groups has 13 kB, or 25 kB with a forwarded
/// ticket.
const MAX_SIZE: usize = 32 * 1024;

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn id(number: usize) -> SessionId {
        format!("{number:032x}").parse().unwrap()
    }

    fn ticket(size: usize) -> JudgedTicket {
        JudgedTicket { authorization: vec![b'a'; size].into(), at: UnixTime::from_seconds(0) }
    }

    #[test]
    fn ticket_is_found_by_its_session_until_the_session_ends() {
        let tickets = JudgedTickets::default();
        tickets.keep(id(1), ticket(MAX_SIZE));
        assert!(tickets.contains(id(1)) && tickets.find(id(2)).is_none());
        tickets.rename(id(1), id(2));
        assert!(!tickets.contains(id(1)) && tickets.find(id(2)).unwrap().authorization.len() == MAX_SIZE);
        tickets.forget(id(2));
        assert!(!tickets.contains(id(2)));
    }

    #[test]
    fn ticket_is_dropped_after_five_minutes() {
        let (tickets, now) = (JudgedTickets::default(), Instant::now());
        tickets.keep(id(1), ticket(1));
        assert_eq!(tickets.kept(now).len(), 1);
        let later = Instant::now().checked_add(KEPT_FOR).unwrap();
        assert_eq!(tickets.kept(later).len(), 0);
    }

    #[test]
    fn long_header_is_not_kept_and_the_65th_ticket_drops_one() {
        let tickets = JudgedTickets::default();
        tickets.keep(id(0), ticket(MAX_SIZE.saturating_add(1)));
        assert!(!tickets.contains(id(0)));
        for number in 0..=MAX_KEPT {
            tickets.keep(id(number), ticket(1));
        }
        assert_eq!((0..=MAX_KEPT).filter(|number| tickets.contains(id(*number))).count(), MAX_KEPT);
        assert!(tickets.contains(id(MAX_KEPT)));
    }
}
