//! The store of the server's state: entries that outlive the process, each with a time at which the entry ends.
//!
//! A store has four operations ([`Store`]), and each operation is atomic. So if two nodes change one entry at the same
//! time, only one node succeeds. These layers use the operations:
//! - [`secret`] and [`sealed`] encrypt every value. A reader of the store cannot read the values. The server recognises
//!   a value that it did not write.
//! - [`records`] reads and writes typed values.
//!
//! A store has one of these engines:
//! - [`disk`] is a file of this machine. This engine is the default.
//! - [`valkey`] is Valkey or Redis, which several nodes share.
//! - [`memory`] is the memory of this process. The server uses this engine while Valkey cannot be reached, and in tests.

mod disk;
mod epoch;
mod measured;
mod memory;
mod nodes;
mod open;
#[cfg(test)]
mod outage;
mod records;
mod replication;
mod sealed;
mod secret;
mod share;
mod single_use;
#[cfg(test)]
mod tests;
mod user_index;
mod valkey;

pub(crate) use epoch::{FOR_EVER, epoch};
pub(crate) use measured::Measured;
pub(crate) use memory::Memory;
pub(crate) use nodes::{Authority, Nodes};
pub(crate) use open::{Engine, WithoutStore, open};
#[cfg(test)]
pub(crate) use outage::Outage;
pub(crate) use records::{Change, Entry, Records};
pub(crate) use sealed::{Sealer, open_text, seal_text};
pub(crate) use secret::Secret;
pub(crate) use share::Shares;
pub(crate) use single_use::{SingleUses, Use};
pub(crate) use user_index::{Locator, UserIndex};

use kerberos_sso::UnixTime;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use thiserror::Error;

/// The atomic operations on entries. An entry that has ended counts as absent.
///
/// The operations are asynchronous, because the server asks Valkey over a network. The operations return boxed futures,
/// so that the server can hold an `Arc<dyn Store>`. The callers then do not depend on the engine.
pub(crate) trait Store: Send + Sync {
    /// Returns the value of an entry.
    fn get<'a>(&'a self, key: &'a Key) -> Pending<'a, Option<Vec<u8>>>;

    /// Writes an entry if `when` applies, and returns whether `when` applied. When the future is ready, all nodes see the
    /// entry, and a `kill -9` of this process does not undo the entry. If the entry [records a single
    /// use](Kind::is_of_one_use), a failover does not undo the entry, either.
    fn put<'a>(&'a self, key: &'a Key, value: Vec<u8>, end: UnixTime, when: When<'a>) -> Pending<'a, bool>;

    /// Writes an entry without a value. A failover does not undo the entry. The default implementation is for a store of one
    /// machine.
    fn mark<'a>(&'a self, key: &'a Key, end: UnixTime) -> Pending<'a, ()> {
        Box::pin(async move { self.put(key, Vec::new(), end, When::Always).await.map(drop) })
    }

    /// Deletes an entry and returns its value. If several callers delete one entry, only one caller gets the value. A failover
    /// does not bring back an entry that [records a single use](Kind::is_of_one_use).
    fn take<'a>(&'a self, key: &'a Key) -> Pending<'a, Option<Vec<u8>>>;
}

/// The future of a store's answer.
pub(crate) type Pending<'a, T> = Pin<Box<dyn Future<Output = Result<T, StoreError>> + Send + 'a>>;

/// The condition under which an entry is written.
#[derive(Clone, Copy, Debug)]
pub(crate) enum When<'a> {
    Always,
    /// The entry is absent.
    Absent,
    /// The entry has exactly this value.
    Holds(&'a [u8]),
}

/// The key of an entry: the kind of the entry, and octets that differ between the entries of a kind.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Key {
    octets: Vec<u8>,
    kind: Kind,
}

/// The kinds of entries, each with a letter of its own. The letter `r` belongs to the replay cache of `kerberos-sso-valkey`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(u8)]
pub(crate) enum Kind {
    Session = b's',
    /// A mark that says that a user ended a session.
    EndedSession = b'x',
    /// The sign-in of a browser for an authorization request. The browser keeps the sealed value, and the store has no entry.
    Conversation = b'c',
    /// A page of the server's own host whose script sends a request to the autologon host. The page keeps the sealed
    /// value, and the store has no entry.
    Page = b'q',
    /// The sign-out of a browser, which an application asked for. The browser keeps the sealed value, and the store has no
    /// entry.
    Logout = b'l',
    /// The state of a negotiation for a page on another origin than the autologon host.
    Continuation = b'N',
    /// The session that the autologon host hands over to a page of another origin.
    Handover = b'h',
    /// The list of a user's sessions or grants.
    OfUser = b'u',
    UsedAssertion = b'a',
    /// The assertion with which a client was authenticated.
    ClientAssertion = b'C',
    /// The sign-in of a native client, for one token request. The client keeps the sealed value, and the store has no entry.
    DesktopSsoToken = b'd',
    /// The clients that the server must tell when a user's stay ends. A stay lasts from a sign-in to a sign-out.
    Participants = b'j',
    /// The messages about sign-outs that the server must still deliver to clients.
    LogoutMessages = b'M',
    /// An authorization request that its client pushed.
    PushedRequest = b'p',
    /// The grant that a client gets by a sign-in: a code, and then tokens.
    Grant = b'g',
    /// The one-time codes of an account.
    OneTimeCode = b'o',
    /// The wrong passwords of a user name.
    WrongPasswords = b'w',
    /// An address from which a user signed in.
    KnownAddress = b'n',
    /// The account name that belongs to a user principal name.
    AccountName = b'm',
    /// A count of a tenant's entries of one kind (`share.rs`).
    Share = b'v',
    /// An account with the verifier of its password.
    HashRecord = b'z',
    /// The accounts that claim a name.
    HashName = b'f',
    /// The sources of password hashes, and what each source has sent so far.
    HashSource = b'y',
    /// The list of a tenant's accounts with verifiers.
    HashObjects = b'Z',
    /// Keys that the server made.
    Keys = b'k',
    /// The time since which the store has lost no entries.
    Epoch = b'e',
    /// An authenticator that was admitted.
    Replay = b't',
    /// An agent that validates passwords.
    Agent = b'b',
    /// The identifiers of a tenant's agents.
    AgentsOfTenant = b'A',
    /// A token with which an agent may enrol.
    EnrolmentToken = b'i',
    /// An app password of a user.
    AppPassword = b'P',
    /// The list of a user's app passwords.
    AppPasswords = b'L',
    /// A mark that says that a user revoked an app password.
    EndedAppPassword = b'E',
}

impl Kind {
    #[expect(clippy::as_conversions, reason = "the discriminant is the letter, so no two kinds have the same letter")]
    const fn letter(self) -> u8 {
        self as u8
    }

    /// Returns whether a value could be used a second time if a failover undid the last write to an entry of this kind.
    const fn is_of_one_use(self) -> bool {
        matches!(self, Self::UsedAssertion | Self::OneTimeCode | Self::Grant | Self::Handover | Self::EnrolmentToken)
    }
}

impl Key {
    /// Makes the key from `{}`, the kind's letter and the first [`MAX_KEY`] octets of `octets`. With the empty hash tag `{}`,
    /// a cluster of Valkey hashes the whole key.
    pub(crate) fn new(kind: Kind, octets: &[u8]) -> Self {
        let octets = octets.iter().take(MAX_KEY).copied();
        Self { octets: b"{}".iter().copied().chain([kind.letter()]).chain(octets).collect(), kind }
    }

    pub(crate) fn as_bytes(&self) -> &[u8] {
        &self.octets
    }

    const fn is_of_one_use(&self) -> bool {
        self.kind.is_of_one_use()
    }
}

/// Shows the kind only. The octets may identify a user.
impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Key({}…)", self.octets.iter().take(3).copied().map(char::from).collect::<String>())
    }
}

/// The reason why the store did not do an operation.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub(crate) enum StoreError {
    /// The store may or may not have done the operation.
    #[error("the state store cannot be asked: {0}")]
    Unreachable(String),
    #[error("the state store is full; wait until entries end, or increase `maxmemory` of Valkey")]
    Full,
    #[error("a value of {0} octets is too long for the state store")]
    TooLong(usize),
    /// The server does not replace a value of another secret. Otherwise a node with a wrong secret would destroy the keys of
    /// the other nodes.
    #[error(
        "the state store has an entry of another secret ({0}); give all nodes the same secret, or delete the state of the old \
         secret"
    )]
    Foreign(&'static str),
    /// The master has the entry, but a failover may undo the entry.
    #[error("no replica of the state store has confirmed a write in time; check that the replicas follow their master")]
    Unconfirmed,
    /// Other nodes changed the entry each time that this request tried to change the entry.
    #[error("too many nodes changed one entry of the state store at the same time; try again")]
    Contended,
}

/// Refuses a value of more than [`MAX_VALUE`] octets.
fn bounded(value: Vec<u8>) -> Result<Vec<u8>, StoreError> {
    if value.len() <= MAX_VALUE { Ok(value) } else { Err(StoreError::TooLong(value.len())) }
}

/// The largest number of octets of a value. A session of a user in a thousand groups has 6 kB.
const MAX_VALUE: usize = 64 * 1024;

/// The largest number of octets of a key after the kind's letter.
const MAX_KEY: usize = 64;

/// The largest number of entries in the file, and in the memory. Valkey has its own limit, `maxmemory`.
const MAX_ENTRIES: u64 = 1_000_000;
