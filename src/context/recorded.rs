//! The tokens of `testvectors/messages`, which the libraries of MIT krb5 and Heimdal made, with the keys of their
//! contexts.
//!
//! The reader of these files panics at an unknown field, a missing field, or a wrong count.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::arithmetic_side_effects)]

use super::{Established, MessageKey, Protection, Role, SecurityContext};
use crate::crypto::{EncType, Key};
use crate::wire::gss::{GssChecksum, GssFlags};
use alloc::string::String;
use alloc::vec::Vec;
use serde::{Deserialize, Deserializer};

/// Returns the contexts whose encryption type the build supports. Without the feature `rc4`, these are the contexts
/// with AES keys.
pub(super) fn all() -> Vec<Context> {
    let files =
        [include_str!("../../testvectors/messages/mit.json"), include_str!("../../testvectors/messages/heimdal.json")];
    let contexts = files.into_iter().flat_map(|text| File::read(text).contexts);
    contexts.filter(|context| EncType(context.etype).is_supported()).collect()
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    schema: String,
    #[serde(rename = "source")]
    _source: Source,
    count: usize,
    contexts: Vec<Context>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
#[allow(dead_code, reason = "these fields are for people who read the file")]
struct Source {
    made_by: String,
    how: String,
    recorded_on: String,
}

impl File {
    fn read(text: &str) -> Self {
        let file: Self = serde_json::from_str(text).unwrap();
        assert_eq!(file.schema, "messages-v1");
        assert_eq!(file.contexts.iter().map(|context| context.tokens.len()).sum::<usize>(), file.count);
        file
    }
}

#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Context {
    pub(super) id: String,
    flags: u32,
    pub(super) etype: i32,
    #[serde(deserialize_with = "hex")]
    key: Vec<u8>,
    acceptor_subkey: bool,
    first: First,
    pub(super) tokens: Vec<Token>,
}

/// The first sequence numbers of the two sides.
#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct First {
    initiator: u32,
    acceptor: u32,
}

#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Token {
    pub(super) from: Side,
    pub(super) kind: Kind,
    confidential: bool,
    #[serde(rename = "call")]
    _call: String,
    length: usize,
    #[serde(rename = "token", deserialize_with = "hex")]
    pub(super) octets: Vec<u8>,
}

#[derive(Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Side {
    Initiator,
    Acceptor,
}

#[derive(Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Kind {
    Mic,
    Wrap,
}

impl Context {
    pub(super) fn key(&self) -> Key {
        Key::new(EncType(self.etype), &self.key).unwrap()
    }

    pub(super) fn established(&self, side: Side) -> Established {
        let (send_sequence, receive_sequence) = match side {
            Side::Initiator => (self.first.initiator, self.first.acceptor),
            Side::Acceptor => (self.first.acceptor, self.first.initiator),
        };
        Established {
            role: side.into(),
            key: self.key(),
            message_key: if self.acceptor_subkey { MessageKey::AcceptorSubkey } else { MessageKey::Initial },
            flags: flags(self.flags),
            send_sequence,
            receive_sequence,
        }
    }

    pub(super) fn side(&self, side: Side) -> SecurityContext {
        SecurityContext::new(self.established(side))
    }
}

impl Token {
    pub(super) fn message(&self) -> Vec<u8> {
        message(self.length)
    }

    pub(super) fn protection(&self) -> Protection {
        if self.confidential { Protection::Confidentiality } else { Protection::Integrity }
    }
}

impl Side {
    pub(super) fn other(self) -> Self {
        match self {
            Self::Initiator => Self::Acceptor,
            Self::Acceptor => Self::Initiator,
        }
    }
}

impl From<Side> for Role {
    fn from(side: Side) -> Self {
        match side {
            Side::Initiator => Self::Initiator,
            Side::Acceptor => Self::Acceptor,
        }
    }
}

/// Returns the message of `length` octets that a recorded token protects.
pub(super) fn message(length: usize) -> Vec<u8> {
    (0..length).map(|i| u8::try_from(i % 251).unwrap()).collect()
}

/// Makes context flags. The function writes a checksum with these flags and reads it, because no other code makes
/// flags.
pub(crate) fn flags(bits: u32) -> GssFlags {
    let mut checksum = [0; 24];
    checksum[0] = 16;
    checksum[20..].copy_from_slice(&(bits & !1).to_le_bytes());
    GssChecksum::read(&checksum).unwrap().flags
}

fn hex<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<u8>, D::Error> {
    let text = String::deserialize(deserializer)?;
    let pairs = (0..text.len()).step_by(2);
    pairs
        .map(|at| u8::from_str_radix(&text[at..at + 2], 16))
        .collect::<Result<_, _>>()
        .map_err(serde::de::Error::custom)
}
