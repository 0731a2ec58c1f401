//! The smart lockout. After ten wrong passwords for a name within ten minutes, the server refuses every password for this name
//! for a minute. Each further wrong password doubles this time, up to an hour.
//!
//! The server counts wrong passwords for each tenant and account, even if the account does not exist. The server knows the
//! account of a principal name after the user's first right password: see `account_names`. All nodes share the
//! counters. Attempts from an address from which the user signed in within the last thirty days have a separate
//! counter. So an attacker at another address cannot lock the user out at the user's address. The directory should lock
//! an account only after 20 wrong passwords or more. Then an attacker at this server cannot lock the account in the
//! directory.
//!
//! The server also counts the wrong passwords of each address, for all names together: see `limits` in `config.rs`. If a user
//! signed in from an address before, wrong passwords of other users at this address do not lock the user out. Each node
//! checks the passwords of one name one after the other. After a wrong password, the next check begins when the server
//! has sent the refusal.
//!
//! An attempt counts as wrong until the directory has answered. So simultaneous requests cannot try more passwords than
//! successive requests.

use crate::account_names::AccountNames;
use crate::clock;
use crate::rate::holder;
use crate::store::{Change, Key, Kind, Memory, Records, StoreError, When};
use crate::turns::{Turn, Turns};
use crate::user_name::UserName;
use kerberos_sso::{SessionIdentity, UnixTime};
use serde::{Deserialize, Serialize};
use std::net::IpAddr;
use std::sync::Arc;

/// The wrong passwords of all names and addresses.
pub(crate) struct Lockout {
    names: AccountNames,
    shared: Records,
    /// The counters that this node uses while the shared store cannot be asked.
    local: Records,
    /// The number of wrong passwords of one address, within [`WINDOW`], after which the first pause begins.
    max_of_address: u32,
    turns: Arc<Turns>,
}

/// An attempt that the server counted before it asked the directory.
pub(crate) struct Attempt {
    /// The account name under which the attempt is counted, in lower case.
    name: String,
    of_name: Counted,
    of_address: Option<Counted>,
    known_address: Option<Key>,
}

impl Attempt {
    /// Returns whether this attempt is counted under the account name of this user. If the attempt is counted under
    /// another name, the user typed a principal name or an alternate name that begins with that other user's account
    /// name.
    pub(crate) fn is_of(&self, identity: &SessionIdentity) -> bool {
        identity.account_name.as_deref().unwrap_or(&identity.name).to_lowercase() == self.name
    }
}

/// An attempt that the server has counted in the [`Tries`] of a name or of an address.
struct Counted {
    key: Key,
    max_wrong: u32,
    before: Tries,
}

/// The lock that refuses an attempt, with the number of seconds until the lock ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Locked {
    Name(i64),
    Address(i64),
}

/// The wrong passwords of one name or one address. Times are seconds since 1970.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Tries {
    /// The number of wrong passwords since `first`.
    wrong: u32,
    first: i64,
    /// The number of pauses so far. After the first pause, each wrong password begins a longer pause.
    pauses: u32,
    /// The end of the pause.
    until: i64,
    /// The last three wrong passwords of the name, if the server itself checks the passwords. Each password is stored
    /// as a number that the server computes from the derived octets with its secret.
    #[serde(default)]
    recent: [Option<u64>; 3],
}

/// The result of an attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    Right,
    Wrong,
    /// The password is wrong, and the server itself derived these octets from the password. Each of the last three
    /// wrong passwords counts once, even if it comes again, because a program may send an old password again and again.
    WrongDerived([u8; 32]),
    /// The directory did not check the password.
    Unchecked,
}

impl Lockout {
    pub(crate) fn new(shared: Records, max_of_address: u32) -> Self {
        let local = shared.in_store(Arc::new(Memory::new(clock::now).with_max_entries(MAX_LOCAL)));
        Self { names: AccountNames::new(shared.clone()), shared, local, max_of_address, turns: Arc::default() }
    }

    /// Counts an attempt with a password of the directory, or returns the lock that refuses the attempt.
    pub(crate) async fn begin(
        &self,
        tenant: &str,
        user: &UserName,
        address: Option<IpAddr>,
        now: UnixTime,
    ) -> Result<Attempt, Locked> {
        self.begin_with([b"password", b"address"], tenant, user, address, now).await
    }

    /// Counts an attempt with an app password. Wrong app passwords lock only the app passwords of the name. A right app
    /// password makes the client's address a known address of the user for app passwords, but not for passwords of the
    /// directory.
    pub(crate) async fn begin_app_password(
        &self,
        tenant: &str,
        user: &UserName,
        address: Option<IpAddr>,
        now: UnixTime,
    ) -> Result<Attempt, Locked> {
        self.begin_with([b"app password", b"address of app password"], tenant, user, address, now).await
    }

    /// Counts an attempt. `of_name` is a part of the key of the counter, and `of_known` is a part of the key of a known
    /// address. These parts differ between passwords of the directory and app passwords.
    async fn begin_with(
        &self,
        [of_name, of_known]: [&[u8]; 2],
        tenant: &str,
        user: &UserName,
        address: Option<IpAddr>,
        now: UnixTime,
    ) -> Result<Attempt, Locked> {
        let (name, tenant) = (self.names.of(tenant, user).await, tenant.as_bytes());
        let text = address.map(|address| address.to_string());
        let known_address = text.map(|text| {
            let named = self.shared.secret().name(&[of_known, tenant, name.as_bytes(), text.as_bytes()]);
            Key::new(Kind::KnownAddress, &named)
        });
        let is_known = match &known_address {
            Some(key) => self.shared.get::<()>(key).await.is_ok_and(|known| known.is_some()),
            None => false,
        };
        let of_address = match address.filter(|_| !is_known) {
            Some(address) => Some(self.count_address(address, now).await.map_err(Locked::Address)?),
            None => None,
        };
        let place: &[u8] = if is_known { b"known" } else { b"other" };
        let named = self.shared.secret().name(&[of_name, tenant, name.as_bytes(), place]);
        match self.count(Key::new(Kind::WrongPasswords, &named), MAX_WRONG, now).await {
            Ok(of_name) => Ok(Attempt { name, of_name, of_address, known_address }),
            Err(seconds) => {
                // The name is locked, so the directory does not check the password. The attempt does not count for the
                // address.
                if let Some(counted) = &of_address {
                    self.give_back(counted, now).await;
                }
                Err(Locked::Name(seconds))
            }
        }
    }

    /// Waits until this node checks no other password of the name.
    pub(crate) async fn turn(&self, attempt: &Attempt) -> Turn {
        self.turns.take(&attempt.of_name.key).await
    }

    async fn count_address(&self, address: IpAddr, now: UnixTime) -> Result<Counted, i64> {
        let text = holder(address).to_string();
        let key = Key::new(Kind::WrongPasswords, &self.shared.secret().name(&[b"from", text.as_bytes()]));
        // The users of one office sign in at the same time, from one address. Without turns, most changes of the entry would
        // fail.
        let _turn = self.turns.take(&key).await;
        self.count(key, self.max_of_address, now).await
    }

    /// Counts an attempt, or returns the number of seconds for which the name or the address is locked.
    async fn count(&self, key: Key, max_wrong: u32, now: UnixTime) -> Result<Counted, i64> {
        match self.update(&key, |tries| tries.unwrap_or_default().counted(max_wrong, now)).await {
            Ok(Ok(before)) => Ok(Counted { key, max_wrong, before }),
            Ok(Err(seconds)) => Err(seconds),
            // The store is full, or too many nodes change the entry at the same time.
            Err(error) => {
                tracing::error!("a password is refused, because the attempt cannot be counted: {error}");
                Err(PAUSE)
            }
        }
    }

    /// Records the result of an attempt. After a right password, the counter of the address keeps its earlier wrong
    /// passwords, because an attacker may have an account of their own.
    pub(crate) async fn end(&self, attempt: &Attempt, outcome: Outcome, now: UnixTime) {
        let is_repeated = match outcome {
            Outcome::Wrong => return,
            Outcome::WrongDerived(octets) => self.note_wrong(attempt, octets, now).await,
            Outcome::Right | Outcome::Unchecked => false,
        };
        if matches!(outcome, Outcome::WrongDerived(_)) && !is_repeated {
            return;
        }
        if let Some(counted) = &attempt.of_address {
            self.give_back(counted, now).await;
        }
        if is_repeated || outcome == Outcome::Unchecked {
            return self.give_back(&attempt.of_name, now).await;
        }
        if let Err(error) = self.forget(attempt, now).await {
            tracing::warn!("{NOT_COUNTED}: {error}");
        }
    }

    /// Remembers that the names of a user who has signed in by password are of one account. These are the names in the
    /// directory and the name that the user typed.
    pub(crate) async fn learn_names(&self, tenant: &str, typed: &UserName, identity: &SessionIdentity, now: UnixTime) {
        self.names.learn(tenant, typed, identity, now).await;
    }

    /// Records a wrong password as one of the last three wrong passwords of its name. Returns whether the password was
    /// already one of these three.
    async fn note_wrong(&self, attempt: &Attempt, octets: [u8; 32], now: UnixTime) -> bool {
        let name = self.shared.secret().name(&[b"wrong password", &octets]);
        let number = name.first_chunk().map(|octets| u64::from_be_bytes(*octets));
        let note = |tries: Option<Tries>| match tries {
            Some(tries) if number.is_some() && tries.recent.contains(&number) => (Change::Keep, true),
            Some(tries) => {
                let [first, second, _] = tries.recent;
                let tries = Tries { recent: [number, first, second], ..tries };
                (Change::Put(tries, tries.end(now)), false)
            }
            None => (Change::Keep, false),
        };
        match self.update(&attempt.of_name.key, note).await {
            Ok(is_repeated) => is_repeated,
            Err(error) => {
                tracing::warn!("{NOT_COUNTED}: {error}");
                false
            }
        }
    }

    async fn give_back(&self, counted: &Counted, now: UnixTime) {
        if let Err(error) = self.update(&counted.key, |tries| counted.given_back(tries, now)).await {
            tracing::warn!("{NOT_COUNTED}: {error}");
        }
    }

    /// Forgets the wrong passwords of a name, because its user signed in, and remembers the user's address.
    async fn forget(&self, attempt: &Attempt, now: UnixTime) -> Result<(), StoreError> {
        self.local.delete(&attempt.of_name.key).await?;
        self.shared.delete(&attempt.of_name.key).await?;
        if let Some(key) = &attempt.known_address {
            self.shared.put(key, &(), now.saturating_add_seconds(KNOWN_TIME), When::Always).await?;
        }
        Ok(())
    }

    /// Changes the tries in the store of all nodes. While the shared store cannot be asked, this node counts in its own
    /// memory.
    async fn update<R>(
        &self,
        key: &Key,
        mut change: impl FnMut(Option<Tries>) -> (Change<Tries>, R),
    ) -> Result<R, StoreError> {
        match self.shared.update(key, &mut change).await {
            Err(StoreError::Unreachable(_)) => self.local.update(key, change).await,
            done => done,
        }
    }
}

impl Counted {
    /// Returns the change that removes this attempt from the count.
    fn given_back(&self, tries: Option<Tries>, now: UnixTime) -> (Change<Tries>, ()) {
        let Some(tries) = tries else { return (Change::Keep, ()) };
        let Ok(counted) = self.before.with_wrong(self.max_wrong, now) else { return (Change::Keep, ()) };
        let is_last = tries.wrong == counted.wrong && tries.pauses == counted.pauses;
        let wrong = tries.wrong.saturating_sub(1);
        let new = if is_last { Tries { recent: tries.recent, ..self.before } } else { Tries { wrong, ..tries } };
        (Change::Put(new, new.end(now)), ())
    }
}

impl Tries {
    /// Counts an attempt. The result is the tries before the attempt. If the name or the address is locked, the result
    /// is the number of seconds until the lock ends.
    fn counted(self, max_wrong: u32, now: UnixTime) -> (Change<Self>, Result<Self, i64>) {
        match self.with_wrong(max_wrong, now) {
            Ok(new) => (Change::Put(new, new.end(now)), Ok(self)),
            Err(seconds) => (Change::Keep, Err(seconds)),
        }
    }

    /// Returns the tries after one more wrong password. If the name or the address is locked, returns the number of
    /// seconds until the lock ends.
    fn with_wrong(self, max_wrong: u32, now: UnixTime) -> Result<Self, i64> {
        let now = now.seconds();
        if now < self.until {
            return Err(self.until.saturating_sub(now));
        }
        let window_is_over = now.saturating_sub(self.first) >= WINDOW;
        let (wrong, first) = if window_is_over { (1, now) } else { (self.wrong.saturating_add(1), self.first) };
        if wrong < max_wrong && self.pauses == 0 {
            return Ok(Self { wrong, first, ..self });
        }
        let pause = PAUSE.checked_shl(self.pauses).unwrap_or(LONGEST_PAUSE).clamp(PAUSE, LONGEST_PAUSE);
        let pauses = self.pauses.saturating_add(1).min(MAX_PAUSES);
        Ok(Self { wrong, first, pauses, until: now.saturating_add(pause), recent: self.recent })
    }

    /// Returns the time at which the server forgets the tries. After a pause, the server forgets the tries after an hour
    /// without wrong passwords.
    fn end(self, now: UnixTime) -> UnixTime {
        let after_pause = self.until.saturating_add(LONGEST_PAUSE);
        let after_window = now.seconds().saturating_add(WINDOW);
        UnixTime::from_seconds(if self.pauses == 0 { after_window } else { after_pause.max(after_window) })
    }
}

/// The number of wrong passwords of one name, within [`WINDOW`], after which the first pause begins.
const MAX_WRONG: u32 = 10;

/// The time in which the server counts wrong passwords, in seconds.
const WINDOW: i64 = 10 * 60;

/// The first pause, in seconds. Each further pause is twice as long.
const PAUSE: i64 = 60;

/// The longest pause, in seconds.
const LONGEST_PAUSE: i64 = 60 * 60;

/// The number of pauses after which each further pause has the longest time.
const MAX_PAUSES: u32 = 6;

/// The time for which an address of a user stays known, in seconds.
const KNOWN_TIME: i64 = 30 * 24 * 60 * 60;

/// The largest number of counters in `local`.
const MAX_LOCAL: u64 = 20_000;

const NOT_COUNTED: &str = "the result of a password check cannot be recorded";

#[cfg(test)]
mod tests;
