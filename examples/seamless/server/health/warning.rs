//! The warnings for an administrator, and what the administrator should do.

use kerberos_sso::UnixTime;
use thiserror::Error;

/// A fault of an account's keys, or a sign that somebody else has a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub(crate) enum Warning {
    #[error("the newest key of the account is {days} days old")]
    KeyIsOld { days: i64 },
    #[error("the keytab has RC4 keys and no AES key")]
    NoAesKey,
    /// Any client can name any version, so this is a weak sign.
    #[error("tickets named a version of the account's key that the server does not have: {count}, the last at {last}")]
    UnknownKvno { count: u64, last: UnixTime },
    /// Any client can write such a ticket.
    #[error("tickets did not open under the key whose version they named: {count}, the last at {last}")]
    WrongKey { count: u64, last: UnixTime },
    /// The key opened the ticket, so the author of the ticket has the key.
    #[error(
        "a key of the account opened tickets that named a key version that no key has: {count}, the last at {last}"
    )]
    ForgedKvno { count: u64, last: UnixTime },
    #[error("no password hash has come from the directory yet")]
    NoHashes,
    #[error("the last password hashes came {hours} hours ago, and the server uses them for at most {most} hours")]
    HashesAreOld { hours: i64, most: i64 },
    #[error("tickets were of realms for which the account does not vouch: {count}, the last at {last}")]
    ForeignRealm { count: u64, last: UnixTime },
}

impl Warning {
    /// Returns the name of the warning for programs.
    pub(crate) const fn code(self) -> &'static str {
        match self {
            Self::KeyIsOld { .. } => "key-is-old",
            Self::NoAesKey => "no-aes-key",
            Self::UnknownKvno { .. } => "unknown-kvno",
            Self::WrongKey { .. } => "wrong-key",
            Self::ForgedKvno { .. } => "forged-kvno",
            Self::NoHashes => "no-hashes",
            Self::HashesAreOld { .. } => "hashes-are-old",
            Self::ForeignRealm { .. } => "foreign-realm",
        }
    }

    /// Returns what the administrator should do.
    pub(crate) const fn remedy(self) -> &'static str {
        match self {
            Self::KeyIsOld { .. } => "Give the account a new key: seamless-admin rollover.",
            Self::NoAesKey => "Give the account AES keys: seamless-admin rollover --etypes aes.",
            Self::UnknownKvno { .. } => {
                "If the account has a new key in the directory, give this server its keytab. If the account has no new \
                 key, somebody sends tickets under an old key, or forges tickets."
            }
            Self::WrongKey { .. } => {
                "If users cannot sign in, the keytab has another key than the directory: export it again. If users \
                 can sign in, somebody forges tickets without the key."
            }
            Self::ForgedKvno { .. } => {
                "A KDC names the version of the key that it used. If no person wrote the keytab, the key is stolen: give \
                 the account a new key, delete the old key from the keytab, and start the server again."
            }
            Self::NoHashes | Self::HashesAreOld { .. } => {
                "Look at the source: seamless-agent sync must run on a domain controller, and reach this server."
            }
            Self::ForeignRealm { .. } => {
                "If the realm is a domain of this forest, list it in forest_domains. If the realm is not, a client \
                 sends tickets of another forest, or somebody forges tickets with a stolen key."
            }
        }
    }
}
