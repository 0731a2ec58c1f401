//! Bad input in the later legs of a conversation: second and last tokens, and what was kept, changed in every byte.
//!
//! As in `mutation.rs`: nothing panics, nobody else signs in, and memory stays within four times what came in and 64 KiB, on
//! a stack of 256 KiB. There is no replay cache, so that nothing is refused for having come before.
#![cfg(all(feature = "testing", feature = "rc4"))]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    clippy::panic
)]

mod common;

use common::dialogue::{dce_style, krb5_token, last_word, prefers_ntlm, random, without};
use common::{NOW, Server, all_etypes};
use kerberos_sso::crypto::EncType;
use kerberos_sso::testing::{MechToken, NegTokenRespParts, TestClient, TestToken, TokenFraming};
use kerberos_sso::{Accepted, Answer, Connection, Error, GssFlags, Negotiation, Turn};

/// A leg that ends a conversation, and what was kept for it.
struct Leg {
    server: Server,
    name: &'static str,
    token: Vec<u8>,
    state: Vec<u8>,
}

impl Leg {
    /// The verdict on a leg with this token and state, within the bounds of memory.
    fn judge(&self, token: &[u8], state: &[u8]) -> Option<Result<Turn, Error>> {
        let mut verdict = None;
        let allocated = allocation_counter::measure(|| {
            let negotiation = Negotiation::from_bytes(state).ok();
            verdict = negotiation.map(|negotiation| {
                self.server.validator.converse(token, Some(&negotiation), &Connection::default(), &random(2), NOW)
            });
        });
        let limit = 4 * (token.len() + state.len()) + 64 * 1024;
        assert!(allocated.bytes_max <= u64::try_from(limit).unwrap(), "{}: {allocated:?}", self.name);
        verdict
    }

    fn ends(&self, token: &[u8], state: &[u8]) -> Option<(Accepted, Answer)> {
        match self.judge(token, state) {
            Some(Ok(Turn::Accepted(accepted, answer))) => Some((accepted, answer)),
            _ => None,
        }
    }
}

fn server() -> Server {
    Server::with_policy(all_etypes())
}

fn next(server: &Server, token: &[u8], state: Option<&[u8]>) -> (Vec<u8>, Vec<u8>) {
    let negotiation = state.map(|state| Negotiation::from_bytes(state).unwrap());
    let turn = server.validator.converse(token, negotiation.as_ref(), &Connection::default(), &random(1), NOW).unwrap();
    let Turn::Next(next) = turn else { panic!("it goes on") };
    (next.token().to_vec(), next.into_negotiation().to_bytes())
}

/// The second leg of a client that was asked for its token.
fn second(etype: EncType, change: impl FnOnce(TestToken) -> TestToken, name: &'static str) -> Leg {
    let server = server();
    let token = server.good().session_etype(etype).spnego(|spnego| spnego.mech_token = MechToken::Absent);
    let token = change(token);
    let (_, state) = next(&server, &token.mint(), None);
    let client = TestClient::of(&token);
    let mutual = client.flags.contains(GssFlags::MUTUAL);
    let second = NegTokenRespParts {
        response_token: Some(krb5_token(&token)),
        mech_list_mic: (!mutual).then(|| client.context(None).get_mic(&client.mech_types)),
        ..NegTokenRespParts::default()
    };
    Leg { server, name, token: second.mint(), state }
}

/// The last leg of a client that confirms with a MIC, with an AP-REP, or with both.
fn last(etype: EncType, change: impl FnOnce(TestToken) -> TestToken, name: &'static str) -> Leg {
    let server = server();
    let token = change(server.good().session_etype(etype));
    let (reply, state) = next(&server, &token.mint(), None);
    let client = TestClient::of(&token);
    let ap_rep = client.ap_rep(&reply).unwrap().unwrap();
    let third_leg = client.flags.contains(GssFlags::DCE_STYLE);
    let third_leg = third_leg.then(|| client.third_leg(&ap_rep).mint(&client.session_key, &[3; 16]));
    let mut context = client.context(Some(&ap_rep));
    let token = match (&token.framing, third_leg) {
        (TokenFraming::Spnego(_), response_token) => {
            NegTokenRespParts { response_token, ..last_word(context.get_mic(&client.mech_types)) }.mint()
        }
        (_, third_leg) => third_leg.unwrap(),
    };
    Leg { server, name, token, state }
}

fn legs() -> Vec<Leg> {
    let aes = EncType::AES256_CTS_HMAC_SHA1_96;
    let of = |etype| {
        [
            second(etype, |token| token, "second"),
            second(etype, |token| without(GssFlags::MUTUAL, prefers_ntlm(token)), "second with a MIC"),
            last(etype, prefers_ntlm, "last with a MIC"),
            last(etype, |token| dce_style(token.framed(TokenFraming::ApReq)), "third"),
            last(etype, |token| dce_style(prefers_ntlm(token)), "third with a MIC"),
        ]
    };
    of(aes).into_iter().chain(of(EncType::RC4_HMAC)).collect()
}

fn on_small_stacks(run: impl Fn(&Leg) + Sync) {
    let (legs, run) = (legs(), &run);
    std::thread::scope(|scope| {
        for half in legs.chunks(legs.len() / 2) {
            let run_half = move || half.iter().for_each(run);
            std::thread::Builder::new().stack_size(256 * 1024).spawn_scoped(scope, run_half).unwrap();
        }
    });
}

/// Every byte of `bytes` turned into others.
fn changed(bytes: &[u8]) -> impl Iterator<Item = (usize, Vec<u8>)> {
    (0..bytes.len()).flat_map(move |index| {
        let values = (0..8).map(move |bit| bytes[index] ^ (1 << bit)).chain([0x00, 0xFF, bytes[index].wrapping_add(1)]);
        values.filter(move |value| *value != bytes[index]).map(move |value| {
            let mut changed = bytes.to_vec();
            changed[index] = value;
            (index, changed)
        })
    })
}

fn is_alice(accepted: &Accepted) -> bool {
    accepted.identity().to_string() == "alice@CONTOSO.TEST"
}

#[test]
fn every_leg_ends_its_conversation() {
    for leg in legs() {
        let (accepted, _) = leg.ends(&leg.token, &leg.state).unwrap();
        assert!(is_alice(&accepted), "{}", leg.name);
    }
}

#[test]
fn no_prefix_of_a_leg_is_accepted() {
    on_small_stacks(|leg| {
        for length in 0..leg.token.len() {
            assert!(matches!(leg.judge(&leg.token[..length], &leg.state), Some(Err(_))), "{}: {length}", leg.name);
        }
    });
}

#[test]
fn a_changed_byte_signs_in_nobody_else() {
    on_small_stacks(|leg| {
        for (index, token) in changed(&leg.token) {
            let accepted = leg.ends(&token, &leg.state);
            assert!(accepted.is_none_or(|(accepted, _)| is_alice(&accepted)), "{}: byte {index}", leg.name);
        }
    });
}

/// In a last word, all that may change is what nothing depends on: the state that the client says to be in; and in the frame of RC4's MIC, which
/// nothing signs, the bit that tells the two names of the mechanism apart.
#[test]
fn a_changed_last_word_is_refused() {
    on_small_stacks(|leg| {
        let is_last = leg.name.starts_with("last") || leg.name.starts_with("third");
        for (index, token) in changed(&leg.token).filter(|_| is_last) {
            let Some((_, answer)) = leg.ends(&token, &leg.state) else { continue };
            let neg_state =
                leg.token.windows(5).position(|window| window == [0xA0, 3, 0x0A, 1, 0]).unwrap_or(token.len());
            // Its contents, or its number, if that becomes the one of supportedMech.
            let in_state = index > neg_state + 1 && index < neg_state + 5 || index == neg_state && token[index] == 0xA1;
            let renames = index >= 3 && token[index - 3..].starts_with(&[0x2A, 0x86, 0x48, 0x82, 0xF7, 0x12]);
            assert!(in_state || renames, "{}: byte {index}", leg.name);
            let mut context = answer.into_context();
            let (_, unchanged) = leg.ends(&leg.token, &leg.state).unwrap();
            assert_eq!(context.get_mic(b"alice"), unchanged.into_context().get_mic(b"alice"));
        }
    });
}

/// What is kept is the server's own, and must be kept from others. Even so, who changes it makes nobody else of the client.
#[test]
fn a_changed_state_signs_in_nobody_else() {
    on_small_stacks(|leg| {
        for (index, state) in changed(&leg.state) {
            let accepted = leg.ends(&leg.token, &state);
            assert!(accepted.is_none_or(|(accepted, _)| is_alice(&accepted)), "{}: byte {index}", leg.name);
        }
        for length in 0..leg.state.len() {
            assert!(leg.ends(&leg.token, &leg.state[..length]).is_none(), "{}: {length}", leg.name);
        }
    });
}

/// What is kept is a secret: bytes that grow would leave copies behind.
#[test]
fn a_state_is_written_in_one_piece() {
    for leg in legs() {
        let negotiation = Negotiation::from_bytes(&leg.state).unwrap();
        let allocated = allocation_counter::measure(|| assert_eq!(negotiation.to_bytes(), leg.state));
        assert_eq!(allocated.count_total, 1, "{}", leg.name);
    }
}

/// Each leg of one conversation with what was kept of another.
#[test]
fn legs_of_different_conversations_do_not_mix() {
    let legs = legs();
    for (at, leg) in legs.iter().enumerate() {
        for (other_at, other) in legs.iter().enumerate().filter(|(other_at, _)| *other_at != at) {
            let taken = leg.ends(&other.token, &leg.state);
            // A request of its own needs no more of the state than the mechanisms that were offered.
            let is_request = leg.name.starts_with("second") && leg.name == other.name;
            assert_eq!(taken.is_some(), is_request, "{at} {}, {other_at} {}", leg.name, other.name);
        }
    }
}
