//! Counts of the encryption types that clients use, for an administrator who wants to disable RC4.
//!
//! Input: the server's decisions. Output: the counts, and a list of the accounts that still use RC4. The list has a limited
//! length.

use crate::accept::Accepted;
use crate::crypto::EncType;
use crate::error::{Error, KeyRole};
use crate::time::UnixTime;
use core::sync::atomic::{AtomicUsize, Ordering};
use hashbrown::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// A count of the encryption types of tickets and session keys, with a list of the accounts that still use RC4.
///
/// To disable RC4, first allow RC4 ([`Policy::allow_rc4`](crate::Policy::allow_rc4)), and report every decision to the
/// census. Then correct the accounts that [`rc4_uses`](Self::rc4_uses) lists:
///
/// - [`KeyRole::Ticket`] marks a service account of this server. The account has no AES keys, or the directory does not know
///   that the account accepts AES. Set its msDS-SupportedEncryptionTypes to 24 and change its password.
/// - [`KeyRole::Session`] marks a user. The user's computer does not offer AES, or the directory does not know that the
///   service account accepts AES.
///
/// If [`left_out`](Self::left_out) is not zero, the list was too short: make a census with a higher capacity. Wait
/// until the time [`last`](Rc4Use::last) of every entry of [`rc4_uses`](Self::rc4_uses) is old. A time is old if all
/// tickets that were issued until then have expired (after ten hours by default). For users who sign in rarely, also
/// wait for a whole working week. Then remove `allow_rc4`. From then on, [`rc4_refused`](Self::rc4_refused) shows
/// whether an account still uses RC4.
///
/// The counts begin at zero when the census is made. Several threads may use the census at the same time.
#[derive(Debug)]
pub struct EtypeCensus {
    tickets: Counts,
    sessions: Counts,
    refused_tickets: AtomicUsize,
    refused_sessions: AtomicUsize,
    left_out: AtomicUsize,
    capacity: usize,
    rc4: Mutex<HashMap<Rc4Key, Rc4Count>>,
}

type Counts = [AtomicUsize; EncType::SUPPORTED.len()];

#[derive(Debug, PartialEq, Eq, Hash)]
struct Rc4Key {
    role: KeyRole,
    name: String,
    realm: String,
}

#[derive(Debug)]
struct Rc4Count {
    uses: u64,
    last: UnixTime,
}

/// An account whose tickets or session keys use RC4.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Rc4Use {
    /// The role of the RC4 key: the ticket's key, which belongs to the service account, or the session key.
    pub role: KeyRole,
    /// The name of the service account or the user. The name is safe for a log, because characters that do not print as
    /// themselves are escaped.
    pub name: String,
    /// The account's realm.
    pub realm: String,
    /// The number of times that RC4 was used.
    pub uses: u64,
    /// The time when RC4 was last used.
    pub last: UnixTime,
}

impl EtypeCensus {
    /// Makes a census that lists at most `capacity` accounts. Each account needs about 200 octets.
    #[must_use]
    pub fn new(capacity: usize) -> Self {
        Self {
            tickets: Counts::default(),
            sessions: Counts::default(),
            refused_tickets: AtomicUsize::default(),
            refused_sessions: AtomicUsize::default(),
            left_out: AtomicUsize::default(),
            capacity,
            rc4: Mutex::default(),
        }
    }

    /// Counts a request that was accepted at `now`.
    pub fn accepted(&self, accepted: &Accepted, now: UnixTime) {
        let (opened_by, session) = (accepted.opened_by(), accepted.session_etype());
        count(&self.tickets, opened_by.etype());
        count(&self.sessions, session);
        if opened_by.etype() == EncType::RC4_HMAC {
            let account = opened_by.account();
            self.note(KeyRole::Ticket, account.name().into(), account.realm().into(), now);
        }
        if session == EncType::RC4_HMAC {
            let user = accepted.identity();
            self.note(KeyRole::Session, user.name().to_string(), user.realm().into(), now);
        }
    }

    /// Counts a refusal, if the reason for the refusal is RC4.
    pub fn refused(&self, error: &Error) {
        match error {
            Error::Rc4Refused { role: KeyRole::Ticket } => increment(&self.refused_tickets),
            Error::Rc4Refused { .. } => increment(&self.refused_sessions),
            _ => {}
        }
    }

    /// Returns the number of accepted tickets of this encryption type. The number is zero for a type that this crate does
    /// not support.
    #[must_use]
    pub fn tickets(&self, etype: EncType) -> usize {
        read(&self.tickets, etype)
    }

    /// Returns the number of accepted tickets whose session key is of this type. The number is zero for a type that this
    /// crate does not support.
    #[must_use]
    pub fn sessions(&self, etype: EncType) -> usize {
        read(&self.sessions, etype)
    }

    /// Returns the number of requests that were refused because of RC4. For [`KeyRole::Ticket`], the RC4 key was the
    /// ticket's key. For any other role, the RC4 key was the session key or the subkey.
    #[must_use]
    pub fn rc4_refused(&self, role: KeyRole) -> usize {
        match role {
            KeyRole::Ticket => self.refused_tickets.load(Ordering::Relaxed),
            _ => self.refused_sessions.load(Ordering::Relaxed),
        }
    }

    /// Returns the accounts that used RC4, the most recent use first.
    #[must_use]
    pub fn rc4_uses(&self) -> Vec<Rc4Use> {
        let rc4 = self.lock();
        let mut uses: Vec<_> = rc4.iter().map(|(key, count)| Rc4Use::new(key, count)).collect();
        drop(rc4);
        uses.sort_by(|a, b| b.last.cmp(&a.last).then_with(|| (&a.realm, &a.name).cmp(&(&b.realm, &b.name))));
        uses
    }

    /// Returns the number of uses of RC4 that are missing from [`rc4_uses`](Self::rc4_uses), because the list was full.
    #[must_use]
    pub fn left_out(&self) -> usize {
        self.left_out.load(Ordering::Relaxed)
    }

    /// Locks the list. A change of the list does not panic halfway, so the list is whole even if the lock is poisoned.
    fn lock(&self) -> MutexGuard<'_, HashMap<Rc4Key, Rc4Count>> {
        self.rc4.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn note(&self, role: KeyRole, name: String, realm: String, now: UnixTime) {
        let mut rc4 = self.lock();
        let key = Rc4Key { role, name, realm };
        if let Some(count) = rc4.get_mut(&key) {
            count.uses = count.uses.wrapping_add(1); // no program reaches 2⁶⁴ uses
            count.last = count.last.max(now);
        } else if rc4.len() < self.capacity {
            rc4.insert(key, Rc4Count { uses: 1, last: now });
        } else {
            increment(&self.left_out);
        }
    }
}

impl Rc4Use {
    fn new(key: &Rc4Key, count: &Rc4Count) -> Self {
        let (name, realm) = (key.name.clone(), key.realm.clone());
        Self { role: key.role, name, realm, uses: count.uses, last: count.last }
    }
}

fn place(counts: &Counts, etype: EncType) -> Option<&AtomicUsize> {
    EncType::SUPPORTED.iter().zip(counts).find(|(supported, _)| **supported == etype).map(|(_, count)| count)
}

fn count(counts: &Counts, etype: EncType) {
    // The place is never `None`: the keys of an accepted request have supported types.
    if let Some(count) = place(counts, etype) {
        increment(count);
    }
}

fn read(counts: &Counts, etype: EncType) -> usize {
    place(counts, etype).map_or(0, |count| count.load(Ordering::Relaxed))
}

fn increment(count: &AtomicUsize) {
    count.fetch_add(1, Ordering::Relaxed);
}
