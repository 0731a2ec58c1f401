//! Writes the unprotected parts of recorded per-message tokens. The octets of each recorded message count up from zero.

use super::{Seeds, testvectors};
use crate::recorded::from_hex;
use kerberos_sso::crypto::EncType;
use kerberos_sso_fuzz::input::part;
use serde_json::Value;

pub(crate) fn write(seeds: &Seeds) {
    for name in ["mit", "heimdal"] {
        let file = std::fs::read(testvectors().join(format!("messages/{name}.json"))).unwrap();
        let file: Value = serde_json::from_slice(&file).unwrap();
        for context in file["contexts"].as_array().unwrap() {
            of_context(seeds, context);
        }
    }
}

fn of_context(seeds: &Seeds, context: &Value) {
    let etype = context["etype"].as_i64().unwrap();
    let key = EncType::SUPPORTED.iter().position(|supported| i64::from(supported.0) == etype).unwrap();
    let is_dce = context["flags"].as_i64().unwrap() & 0x1000 != 0;
    let start = [u8::try_from(key).unwrap(), if is_dce { 4 } else { 0 }];
    let mut all = start.to_vec();
    for (index, token) in context["tokens"].as_array().unwrap().iter().enumerate() {
        if token["from"] != "initiator" || token["length"].as_u64().unwrap() > 20 {
            continue;
        }
        let record = if etype == i64::from(EncType::RC4_HMAC.0) { of_rfc4757(token) } else { of_rfc4121(token) };
        let name = format!("{}-{index}", context["id"].as_str().unwrap());
        seeds.add("message", &name, &[&start[..], &record].concat());
        all.extend(record);
    }
    seeds.add("message", context["id"].as_str().unwrap(), &all);
}

fn kind(token: &Value) -> u8 {
    match (token["kind"].as_str(), token["confidential"].as_bool()) {
        (Some("mic"), _) => 0,
        (_, Some(false)) => 1,
        _ => 2,
    }
}

fn message(token: &Value) -> Vec<u8> {
    (0..token["length"].as_u64().unwrap()).map(|octet| u8::try_from(octet).unwrap()).collect()
}

/// Returns the header with the flag of the acceptor's subkey, and the message. The target adds the encrypted copy of
/// the header.
fn of_rfc4121(token: &Value) -> Vec<u8> {
    let mut parts = from_hex(token["token"].as_str().unwrap()).unwrap()[..16].to_vec();
    parts[2] |= 4;
    parts.extend(message(token));
    let kind = kind(token);
    [&[if kind == 2 { 6 } else { kind }], &part(&parts)[..]].concat()
}

/// Returns the first octets, the sequence number of a client's token, and the message. A Wrap token also has a
/// confounder and padding.
fn of_rfc4757(token: &Value) -> Vec<u8> {
    let octets = from_hex(token["token"].as_str().unwrap()).unwrap();
    let inner = octets.windows(2).position(|pair| pair == [1, 1] || pair == [2, 1]).unwrap();
    let mut parts = octets[inner..inner + 8].to_vec();
    parts.extend([0, 0, 0, 1, 0, 0, 0, 0]);
    match kind(token) {
        0 => parts.extend(message(token)),
        _ => parts.extend([&[0xC0; 8], &message(token)[..], &[1]].concat()),
    }
    [&[kind(token)], &part(&parts)[..]].concat()
}
