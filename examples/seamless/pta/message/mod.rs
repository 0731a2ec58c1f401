//! The bodies of the requests and responses between an agent and a node. Each body is JSON of at most [`MAX_BODY`]
//! octets. The reader refuses a body with an unknown field, a repeated field, another version or an oversized value.
//!
//! | request | body | response |
//! |---|---|---|
//! | `POST /agents/v1/enrol` | [`Enrol`] | [`Enrolled`] |
//! | `GET /agents/v1/bootstrap` | | [`Bootstrap`] |
//! | `POST /agents/v1/renew` | [`Renew`] | [`Enrolled`] |
//! | `POST /agents/v1/take` | [`Take`] | [`Job`], or no body if there is no job |
//! | `POST /agents/v1/answer` | [`Answer`] | no body |

mod answer;
mod bootstrap;
mod enrol;
mod enrolled;
mod job;
mod renew;
mod take;
#[cfg(test)]
mod tests;

pub use answer::{Answer, SealedWord, Ticket, Word};
pub use bootstrap::{Bootstrap, NodeUrl};
pub use enrol::{Csr, Enrol, Host, ProgramVersion};
pub use enrolled::{Certificate, Chain, Enrolled};
pub use job::{Job, NotOurs};
pub use renew::Renew;
pub use take::{Health, Kdc, Take};

use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use thiserror::Error;

/// A body of a request or a response.
pub trait Message: Serialize + DeserializeOwned + private::Sealed {}

mod private {
    #[expect(unnameable_types, reason = "no other crate can add a message")]
    pub trait Sealed {}
}

macro_rules! messages {
    ($($message:ty),*) => {
        $(impl private::Sealed for $message {}
        impl Message for $message {})*
    };
}

messages!(Enrol, Enrolled, Bootstrap, Renew, Take, Job, Answer);

/// The reason why a body is refused. The error repeats nothing of the body, which may have a token or a password.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum Malformed {
    /// The body is longer than [`MAX_BODY`].
    #[error("the message has {0} octets; a message has at most {MAX_BODY}")]
    TooLong(usize),
    /// The body has another version than [`VERSION`].
    #[error("the message has version {0}, and this program reads version {VERSION}; update the older program")]
    Version(u32),
    /// The body is not JSON, or does not have exactly the fields of its type.
    #[error("the message cannot be read at line {line}, column {column}")]
    Invalid {
        /// The line of the first error, from 1.
        line: usize,
        /// The column of the first error in this line.
        column: usize,
    },
}

/// Reads a body.
///
/// # Errors
/// Returns [`Malformed`] for a body that is not exactly a message of this type.
pub fn read<T: Message>(body: &[u8]) -> Result<T, Malformed> {
    if body.len() > MAX_BODY {
        return Err(Malformed::TooLong(body.len()));
    }
    let invalid = |error: serde_json::Error| Malformed::Invalid { line: error.line(), column: error.column() };
    // The version is checked first, because another version may have other fields.
    let Versioned { v } = serde_json::from_slice(body).map_err(invalid)?;
    if v != VERSION {
        return Err(Malformed::Version(v));
    }
    serde_json::from_slice(body).map_err(invalid)
}

/// Writes a body.
///
/// # Errors
/// Returns [`Malformed::TooLong`] for a message that every receiver would refuse.
pub fn write<T: Message>(message: &T) -> Result<Vec<u8>, Malformed> {
    let body = serde_json::to_vec(message).map_err(|_| Malformed::Invalid { line: 0, column: 0 })?;
    if body.len() > MAX_BODY { Err(Malformed::TooLong(body.len())) } else { Ok(body) }
}

#[derive(Deserialize)]
struct Versioned {
    v: u32,
}

/// The version of a message, which is always [`VERSION`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct V1;

impl Serialize for V1 {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_u32(VERSION)
    }
}

impl<'de> Deserialize<'de> for V1 {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let v = u32::deserialize(deserializer)?;
        if v == VERSION { Ok(Self) } else { Err(serde::de::Error::custom("another version")) }
    }
}

/// The largest size of a body, in octets.
pub const MAX_BODY: usize = 128 * 1024;

/// The version of all messages.
pub const VERSION: u32 = 1;
