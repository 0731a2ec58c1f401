//! Formats a keytab entry as a line of text, and as JSON.

use crate::text::printable;
use kerberos_sso::crypto::EncType;
use kerberos_sso::keys::KeytabEntry;
use serde_json::{Value, json};
use std::fmt::Write as _;
use zeroize::Zeroizing;

/// Whether the command prints keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Keys {
    Hidden,
    Shown,
}

pub(super) const HEAD: &str = "\
KVNO Timestamp            Principal
---- -------------------- ------------------------------------------------------------";

/// Returns a line as `klist -k -e -t` writes it.
pub(super) fn line(entry: &KeytabEntry, keys: Keys) -> Zeroizing<String> {
    let etype = type_name(entry.etype);
    let unusable = if entry.key.is_some() { "" } else { ", which is not supported" };
    let head = format!("{:4} {} {} ({etype}{unusable})", entry.kvno, entry.timestamp, printable(&principal(entry)));
    match (keys, hex(entry)) {
        (Keys::Shown, Some(hex)) => {
            Zeroizing::new(format!("{head} --key {}:{}:{}", entry.etype.0, hex.as_str(), entry.kvno))
        }
        _ => Zeroizing::new(head),
    }
}

pub(super) fn json(entry: &KeytabEntry) -> Value {
    json!({
        "kvno": entry.kvno,
        "timestamp": entry.timestamp.seconds(),
        "principal": principal(entry),
        "name_type": entry.name_type.0,
        "etype": entry.etype.0,
        "etype_name": entry.etype.name(),
        "supported": entry.key.is_some(),
    })
}

pub(super) fn name(entry: &KeytabEntry) -> String {
    entry.components.join("/")
}

pub(super) fn principal(entry: &KeytabEntry) -> String {
    format!("{}@{}", name(entry), entry.realm)
}

pub(super) fn type_name(etype: EncType) -> String {
    etype.name().map_or_else(|| format!("etype {}", etype.0), String::from)
}

/// Returns the key in hexadecimal, if its encryption type is supported.
pub(super) fn hex(entry: &KeytabEntry) -> Option<Zeroizing<String>> {
    let octets = entry.key.as_ref()?.expose_bytes();
    // A string that grows would free memory that still holds digits of the key.
    let mut hex = Zeroizing::new(String::with_capacity(octets.len().saturating_mul(2)));
    for octet in octets {
        // Writing to a string never fails.
        let _ = write!(hex, "{octet:02x}");
    }
    Some(hex)
}
