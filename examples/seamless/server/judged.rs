//! Keeps tickets for a few minutes, so that `/explain/own` can show each user how the server decided on the user's
//! ticket.
//!
//! A ticket stays a secret after this server has accepted it, because another server of the same account may still accept its
//! authenticator. So only a server that explains tickets keeps tickets, and only a few tickets for a few minutes. No page
//! shows a kept ticket.

use crate::session::SessionId;
use kerberos_sso::UnixTime;
use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use zeroize::Zeroizing;

/// The kept tickets, by the session that each ticket began.
#[derive(Default)]
pub(crate) struct JudgedTickets(Mutex<HashMap<SessionId, Kept>>);

/// The value of a header `Authorization`, and the time at which the server received it.
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
    pub(crate) fn keep(&self, id: &SessionId, ticket: JudgedTicket) {
        self.keep_at(id, ticket, Instant::now());
    }

    fn keep_at(&self, id: &SessionId, ticket: JudgedTicket, now: Instant) {
        let Some(ends) = now.checked_add(KEPT_FOR) else { return };
        if ticket.authorization.len() > MAX_SIZE {
            return;
        }
        let mut kept = self.kept(now);
        if kept.len() >= MAX_KEPT {
            let oldest = kept.iter().min_by_key(|(_, one)| one.ends).map(|(id, _)| id.clone());
            oldest.and_then(|id| kept.remove(&id));
        }
        kept.insert(id.clone(), Kept { ticket, ends });
    }

    pub(crate) fn find(&self, id: &SessionId) -> Option<JudgedTicket> {
        self.kept(Instant::now()).get(id).map(|kept| kept.ticket.clone())
    }

    pub(crate) fn contains(&self, id: &SessionId) -> bool {
        self.kept(Instant::now()).contains_key(id)
    }

    /// Drops the ticket of a session that ends.
    pub(crate) fn forget(&self, id: &SessionId) {
        self.kept(Instant::now()).remove(id);
    }

    /// Moves the ticket of a session that continues under another id.
    pub(crate) fn rename(&self, id: &SessionId, new: &SessionId) {
        let mut kept = self.kept(Instant::now());
        if let Some(ticket) = kept.remove(id) {
            kept.insert(new.clone(), ticket);
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
        format!("{number:064x}").parse().unwrap()
    }

    fn ticket(size: usize) -> JudgedTicket {
        JudgedTicket { authorization: vec![b'a'; size].into(), at: UnixTime::from_seconds(0) }
    }

    #[test]
    fn ticket_is_found_by_its_session_until_the_session_ends() {
        let tickets = JudgedTickets::default();
        tickets.keep(&id(1), ticket(MAX_SIZE));
        assert!(tickets.contains(&id(1)) && tickets.find(&id(2)).is_none());
        tickets.rename(&id(1), &id(2));
        assert!(!tickets.contains(&id(1)) && tickets.find(&id(2)).unwrap().authorization.len() == MAX_SIZE);
        tickets.forget(&id(2));
        assert!(!tickets.contains(&id(2)));
    }

    #[test]
    fn ticket_of_a_session_with_a_new_id_is_dropped_five_minutes_after_it_was_kept() {
        let (tickets, now) = (JudgedTickets::default(), Instant::now());
        tickets.keep_at(&id(1), ticket(1), now);
        tickets.rename(&id(1), &id(2));
        let after = |time| now.checked_add(time).unwrap();
        assert_eq!(tickets.kept(after(Duration::from_nanos(299_999_999_999))).len(), 1);
        assert_eq!(tickets.kept(after(Duration::from_mins(5))).len(), 0);
    }

    #[test]
    fn header_is_kept_up_to_32_kibibytes() {
        let tickets = JudgedTickets::default();
        tickets.keep(&id(0), ticket(32_768));
        tickets.keep(&id(1), ticket(32_769));
        assert_eq!([id(0), id(1)].map(|id| tickets.contains(&id)), [true, false]);
    }

    #[test]
    fn sixty_fifth_ticket_drops_the_oldest_ticket_only() {
        let (tickets, now) = (JudgedTickets::default(), Instant::now());
        for number in 0..65 {
            // The ticket with the number 30 came first.
            let seconds = u64::from(number != 30);
            let came = now.checked_add(Duration::from_secs(seconds)).unwrap();
            tickets.keep_at(&id(number), ticket(1), came);
            assert_eq!(tickets.contains(&id(30)), (30..64).contains(&number), "{number}");
        }
        assert!((0..65).filter(|number| *number != 30).all(|number| tickets.contains(&id(number))));
    }
}
