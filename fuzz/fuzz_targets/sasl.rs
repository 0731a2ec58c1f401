//! Fuzzes a client's answer that chooses a security layer, and the buffers after it. The target checks that the layer
//! is one of the offered layers, and that the authorization identity is the sent identity. A refused buffer must not
//! change the server's buffer.
//!
//! An input is the key's encryption type, the offered layers, the largest buffer, the protection of the answer, the
//! answer, and records. A record is the protection and framing of a message, and the message.
#![no_main]

use kerberos_sso::SecurityContext;
use kerberos_sso::context::Protection;
use kerberos_sso::crypto::EncType;
use kerberos_sso::sasl::{Decoded, LayerNegotiation, Layers, Negotiated, SecurityLayer};
use kerberos_sso::testing::security_contexts;
use kerberos_sso::ticket::GssFlags;
use kerberos_sso_fuzz::input::Input;
use kerberos_sso_fuzz::{printed, server};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| {
    let mut input = Input::new(input);
    let key = server::realm().key(EncType::SUPPORTED[usize::from(input.octet()) % EncType::SUPPORTED.len()]);
    let (mut client, server) = security_contexts(&key, flags());
    let layers = Layers::from_bits(input.octet());
    let [high, middle, low] = input.array();
    let max_receive = usize::try_from(u32::from_be_bytes([0, high, middle, low])).unwrap();
    let (negotiation, challenge) = match LayerNegotiation::begin(server, layers, max_receive, &CONFOUNDER) {
        Ok(begun) => begun,
        Err(error) => return printed::harmless_error(&error),
    };
    let offered = negotiation.offered();
    assert_eq!(offered.bits() & !layers.bits(), 0);
    let announced = if offered == Layers::NONE { [0; 3] } else { [high, middle, low] };
    let mut message = Vec::new();
    assert!(client.unwrap(&challenge, Protection::Integrity, &mut message).is_ok());
    assert_eq!(message, [&[offered.bits()][..], &announced].concat());
    let protection = protection(input.octet());
    let answer = input.part();
    let mut token = Vec::new();
    client.wrap(answer, protection, &CONFOUNDER, &mut token);
    match negotiation.finish(&token) {
        Ok(negotiated) => check_layer(negotiated, offered, answer, &mut client, input),
        Err(error) => printed::harmless_error(&error),
    }
});

fn check_layer(negotiated: Negotiated, offered: Layers, answer: &[u8], client: &mut SecurityContext, mut input: Input) {
    let [chosen, size @ ..] = answer.first_chunk::<4>().expect("a layer and a size");
    assert!([1, 2, 4].contains(chosen) && chosen & offered.bits() == *chosen);
    let identity = negotiated.authorization_identity.unwrap_or_default();
    assert_eq!(identity.as_bytes(), &answer[4..]);
    let Some(mut layer) = negotiated.layer else {
        return assert_eq!(*chosen, Layers::NONE.bits());
    };
    let chosen = if *chosen == 2 { Protection::Integrity } else { Protection::Confidentiality };
    assert_eq!(layer.protection(), chosen);
    let max_send = usize::try_from(u32::from_be_bytes([0, size[0], size[1], size[2]])).unwrap();
    while !input.is_empty() {
        let kind = input.octet();
        let message = input.part();
        if !is_decoded(&mut layer, client, kind, message) {
            return;
        }
        check_encoded(&mut layer, client, message, max_send);
    }
}

/// Returns whether the layer accepts a message of the client. After an error, the server closes the connection.
fn is_decoded(layer: &mut SecurityLayer, client: &mut SecurityContext, kind: u8, message: &[u8]) -> bool {
    let protection = protection(kind);
    let mut buffer = vec![0; 4];
    client.wrap(message, protection, &CONFOUNDER, &mut buffer);
    let length = u32::try_from(buffer.len() - 4).unwrap();
    // The other bits of `kind` are added to the length. If one of these bits is set, the length is wrong.
    buffer[..4].copy_from_slice(&length.wrapping_add((kind >> 1).into()).to_be_bytes());
    let mut out = BEFORE.to_vec();
    let decoded = layer.decode(&buffer, &mut out);
    match decoded {
        Ok(Decoded::Message { consumed }) => {
            // An encrypted message is also signed, so a layer with integrity accepts it.
            let protects = protection == Protection::Confidentiality || protection == layer.protection();
            assert!(kind >> 1 == 0 && consumed == buffer.len() && protects);
            assert_eq!(out.strip_prefix(BEFORE), Some(message));
            true
        }
        Ok(Decoded::Incomplete { needed }) => {
            assert!(needed > buffer.len() && out == BEFORE);
            false
        }
        Err(error) => {
            printed::harmless_error(&error);
            assert_eq!(out, BEFORE, "a refused buffer changed the server's");
            false
        }
    }
}

/// Checks that the client can open the layer's buffer, and that the buffer is not larger than the client allows.
fn check_encoded(layer: &mut SecurityLayer, client: &mut SecurityContext, message: &[u8], max_send: usize) {
    let mut out = BEFORE.to_vec();
    if let Err(error) = layer.encode(message, &CONFOUNDER, &mut out) {
        printed::harmless_error(&error);
        assert!(out == BEFORE && message.len() > layer.max_message());
        return;
    }
    let buffer = out.strip_prefix(BEFORE).expect("it is appended");
    let (length, token) = buffer.split_first_chunk().expect("a length");
    assert_eq!(usize::try_from(u32::from_be_bytes(*length)), Ok(token.len()));
    assert!(token.len() <= max_send);
    let mut opened = Vec::new();
    assert_eq!(client.unwrap_any(token, &mut opened), Ok(layer.protection()));
    assert_eq!(opened, message);
}

fn protection(octet: u8) -> Protection {
    if octet & 1 == 0 { Protection::Integrity } else { Protection::Confidentiality }
}

fn flags() -> GssFlags {
    let all = [GssFlags::SEQUENCE, GssFlags::REPLAY, GssFlags::INTEGRITY, GssFlags::CONFIDENTIALITY];
    GssFlags::from_bits(all.into_iter().fold(0, |bits, flag| bits | flag.bits()))
}

const BEFORE: &[u8] = b"before";

const CONFOUNDER: [u8; 16] = [0xC0; 16];
