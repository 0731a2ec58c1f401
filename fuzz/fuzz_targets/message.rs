//! Fuzzes per-message tokens. The client has the key, and protects any header and data. The target checks that the
//! server returns the message that the client protected, and that it returns no message twice if the context detects
//! replays. If the server refuses a token, the buffer with the token must not change.
//!
//! An input is an octet for the key's encryption type, an octet for the context's flags, and records. A record is an
//! octet for the kind of the token, and its parts: the first octets of the token, and the data.
#![no_main]

use kerberos_sso::SecurityContext;
use kerberos_sso::context::{MessageError, Protection};
use kerberos_sso::crypto::{EncType, Key};
use kerberos_sso::testing::security_contexts;
use kerberos_sso::ticket::GssFlags;
use kerberos_sso_fuzz::input::Input;
use kerberos_sso_fuzz::{allocated, printed, rc4_token, rfc4121_token, server};
use libfuzzer_sys::fuzz_target;
use std::sync::LazyLock;

static KEYS: LazyLock<[Key; 5]> = LazyLock::new(|| EncType::SUPPORTED.map(|etype| server::realm().key(etype)));

fuzz_target!(|octets: &[u8]| {
    let mut input = Input::new(octets);
    let key = &KEYS[usize::from(input.octet()) % KEYS.len()];
    let flags = flags(input.octet());
    let (mut client, mut server) = security_contexts(key, flags);
    let mut taken = Vec::new();
    while !input.is_empty() {
        let kind = input.octet();
        let token = Token::made(key, flags, kind, input.part());
        if token.is_taken(&mut server) {
            taken.push(token);
        }
    }
    let numbers_repeat = taken.iter().any(|token| token.rc4_number >= 1 << 31) && !flags.contains(GssFlags::SEQUENCE);
    if [GssFlags::REPLAY, GssFlags::SEQUENCE].into_iter().any(|flag| flags.contains(flag)) && !numbers_repeat {
        assert!(!taken.iter().any(|token| token.is_taken(&mut server)), "a token was taken twice");
    }
    check_answers(octets, &mut server, &mut client, flags);
});

/// Returns the flags that the lowest three bits of `octet` choose from GSS_C_REPLAY_FLAG, GSS_C_SEQUENCE_FLAG and
/// GSS_C_DCE_STYLE.
fn flags(octet: u8) -> GssFlags {
    let all = [GssFlags::REPLAY, GssFlags::SEQUENCE, GssFlags::DCE_STYLE];
    let chosen = all.into_iter().enumerate().filter(|(bit, _)| octet >> bit & 1 != 0);
    GssFlags::from_bits(chosen.fold(0, |bits, (_, flag)| bits | flag.bits()))
}

/// A token, and the message that the server should find in it.
struct Token {
    octets: Vec<u8>,
    sent: Sent,
    /// The sequence number of a token under an RC4 key, and zero for other tokens. RC4 numbers have only 32 bits and
    /// wrap around. After a number in the upper half, the server accepts the numbers of earlier tokens again.
    rc4_number: u32,
}

enum Sent {
    Mic(Vec<u8>),
    Wrap(Protection, Vec<u8>),
    /// The token is not protected, so the server must refuse it.
    Forged,
}

impl Token {
    /// Makes a token of this kind: a MIC token, a signed Wrap token, a sealed Wrap token, or an unprotected token.
    fn made(key: &Key, flags: GssFlags, kind: u8, part: &[u8]) -> Self {
        if kind % 4 == 3 {
            return Self::new(part.to_vec(), Sent::Forged);
        }
        if key.etype() == EncType::RC4_HMAC {
            Self::of_rfc4757(key, kind, part)
        } else {
            Self::of_rfc4121(key, flags, kind, part)
        }
    }

    fn new(octets: Vec<u8>, sent: Sent) -> Self {
        Self { octets, sent, rc4_number: 0 }
    }

    fn of_rfc4121(key: &Key, flags: GssFlags, kind: u8, part: &[u8]) -> Self {
        let mut part = Input::new(part);
        let header = part.array();
        let mut parts =
            rfc4121_token::Parts { header, data: part.rest(), dce_style: flags.contains(GssFlags::DCE_STYLE) };
        match kind % 4 {
            0 => Self::new(parts.mic(key), Sent::Mic(parts.data.to_vec())),
            1 => Self::new(parts.signed(key), Sent::Wrap(Protection::Integrity, parts.data.to_vec())),
            _ => {
                // If the bit 0x4 of `kind` is set, the copy of the header is correct. Otherwise, the last octets of the
                // input take the place of the copy.
                let copy = parts.protected_header();
                let data = if kind & 4 == 0 { parts.data.to_vec() } else { [parts.data, &copy].concat() };
                parts.data = &data;
                let filled = data.len().saturating_sub(copy.len() + usize::from(parts.ec()));
                let message = data[..filled].to_vec();
                Self::new(parts.sealed(key), Sent::Wrap(Protection::Confidentiality, message))
            }
        }
    }

    fn of_rfc4757(key: &Key, kind: u8, part: &[u8]) -> Self {
        let mut part = Input::new(part);
        let parts = rc4_token::Parts { start: part.array(), number: part.array(), data: part.rest() };
        let message = || {
            let padding = parts.data.last().copied().unwrap_or_default();
            let end = parts.data.len().saturating_sub(padding.into());
            parts.data.get(8..end).unwrap_or_default().to_vec()
        };
        let [a, b, c, d, ..] = parts.number;
        let rc4_number = u32::from_be_bytes([a, b, c, d]);
        let (octets, sent) = match kind % 4 {
            0 => (parts.mic(key), Sent::Mic(parts.data.to_vec())),
            1 => (parts.signed(key), Sent::Wrap(Protection::Integrity, message())),
            _ => (parts.sealed(key), Sent::Wrap(Protection::Confidentiality, message())),
        };
        Self { octets, sent, rc4_number }
    }

    /// Returns whether the server accepts the token by `verify_mic` or by `unwrap_any`.
    fn is_taken(&self, server: &mut SecurityContext) -> bool {
        let message = if let Sent::Mic(message) = &self.sent { message } else { &self.octets };
        let signed = allocated::at_most(LIMIT, || server.verify_mic(message, &self.octets));
        assert!(signed.is_err() || matches!(self.sent, Sent::Mic(_)), "the MIC is of another kind");
        let mut out = BEFORE.to_vec();
        let limit = 2 * (self.octets.len() + BEFORE.len()) + LIMIT;
        let opened = allocated::at_most(limit, || server.unwrap_any(&self.octets, &mut out));
        check_errors([signed.err(), opened.err()]);
        let Ok(found) = opened else {
            assert_eq!(out, BEFORE, "the refused token changed the buffer");
            return signed.is_ok();
        };
        let Sent::Wrap(protection, message) = &self.sent else { panic!("the token is of another kind") };
        assert_eq!((found, out.strip_prefix(BEFORE)), (*protection, Some(&message[..])));
        true
    }
}

fn check_errors(errors: [Option<MessageError>; 2]) {
    errors.iter().flatten().for_each(|error| printed::harmless_error(error));
}

/// Checks that the client can open the server's tokens, after any tokens that the server has read.
fn check_answers(message: &[u8], server: &mut SecurityContext, client: &mut SecurityContext, flags: GssFlags) {
    for protection in [Protection::Integrity, Protection::Confidentiality] {
        let (mut token, mut opened) = (BEFORE.to_vec(), BEFORE.to_vec());
        server.wrap(message, protection, &[0xC1; 16], &mut token);
        let token = token.strip_prefix(BEFORE).expect("it is appended");
        let limit = server.wrap_size_limit(protection, token.len());
        assert!((limit..=limit + 1).contains(&message.len()), "{} octets, and at most {limit}", message.len());
        assert_eq!(client.unwrap_any(token, &mut opened), Ok(protection), "{flags:?}");
        assert_eq!(opened.strip_prefix(BEFORE), Some(message));
    }
    let mic = server.get_mic(message);
    assert_eq!(client.verify_mic(message, &mic), Ok(()));
}

/// The contents of the server's buffer before a call.
const BEFORE: &[u8] = b"before";

/// How many octets the prepared keys of a context may allocate.
const LIMIT: usize = 16 * 1024;
