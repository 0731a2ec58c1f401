//! Tests of bad input in the later tokens of a negotiation: second and final tokens, and the kept state, are changed in
//! every octet.
//!
//! As in `mutation.rs`, no input causes a panic or signs in another user. A step needs at most four times the input's
//! size plus 64 KiB of memory, and a stack of 256 KiB is enough. The servers have no replay cache, so they refuse no
//! token as a replay.
#![cfg(feature = "rc4")]

use crate::common;

use common::dialogue::{dce_style, final_token, krb5_token, prefers_ntlm, random, without};
use common::{NOW, Server, all_etypes};
use kerberos_sso::crypto::EncType;
use kerberos_sso::testing::{MechToken, NegTokenRespParts, TestClient, TestToken, TokenFraming};
use kerberos_sso::{
    Accepted, Answer, Refused,
    negotiate::{Negotiation, Step},
    ticket::GssFlags,
};

/// A token that ends a negotiation, and the state that was kept for it.
struct Sample {
    server: Server,
    name: &'static str,
    token: Vec<u8>,
    state: Vec<u8>,
}

impl Sample {
    /// Returns the step for this token and state, and asserts that the memory stays within its limit. Returns `None` if
    /// `state` does not parse as a [`Negotiation`].
    fn step(&self, token: &[u8], state: &[u8]) -> Option<Result<Step, Refused>> {
        let mut step = None;
        let allocated = allocation_counter::measure(|| {
            let negotiation = Negotiation::from_bytes(state).ok();
            step = negotiation
                .map(|negotiation| self.server.validator.converse(token, Some(&negotiation), &random(2), NOW));
        });
        let limit = 4 * (token.len() + state.len()) + 64 * 1024;
        assert!(allocated.bytes_max <= u64::try_from(limit).unwrap(), "{}: {allocated:?}", self.name);
        step
    }

    fn ends(&self, token: &[u8], state: &[u8]) -> Option<(Accepted, Answer)> {
        match self.step(token, state) {
            Some(Ok(Step::Accepted(accepted, answer))) => Some((accepted, answer)),
            _ => None,
        }
    }
}

fn server() -> Server {
    Server::with_policy(all_etypes())
}

fn next(server: &Server, token: &[u8], state: Option<&[u8]>) -> (Vec<u8>, Vec<u8>) {
    let negotiation = state.map(|state| Negotiation::from_bytes(state).unwrap());
    let step = server.validator.converse(token, negotiation.as_ref(), &random(1), NOW).unwrap();
    let Step::Continue(next) = step else { panic!("the negotiation continues") };
    (next.token().to_vec(), next.into_negotiation().to_bytes())
}

/// Returns the second token of a client whose NegTokenInit had no mechToken.
fn second(etype: EncType, change: impl FnOnce(TestToken) -> TestToken, name: &'static str) -> Sample {
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
    Sample { server, name, token: second.mint(), state }
}

/// Returns the final token of a client: a MIC, an AP-REP, or both.
fn last(etype: EncType, change: impl FnOnce(TestToken) -> TestToken, name: &'static str) -> Sample {
    let server = server();
    let token = change(server.good().session_etype(etype));
    let (reply, state) = next(&server, &token.mint(), None);
    let client = TestClient::of(&token);
    let ap_rep = client.ap_rep(&reply).unwrap().unwrap();
    let is_dce = client.flags.contains(GssFlags::DCE_STYLE);
    let client_ap_rep = is_dce.then(|| client.confirmation(&ap_rep).mint(&client.session_key, &[3; 16]));
    let mut context = client.context(Some(&ap_rep));
    let token = match (&token.framing, client_ap_rep) {
        (TokenFraming::Spnego(_), response_token) => {
            NegTokenRespParts { response_token, ..final_token(context.get_mic(&client.mech_types)) }.mint()
        }
        (_, client_ap_rep) => client_ap_rep.unwrap(),
    };
    Sample { server, name, token, state }
}

fn samples() -> Vec<Sample> {
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

fn on_small_stacks(run: impl Fn(&Sample) + Sync) {
    let (samples, run) = (samples(), &run);
    std::thread::scope(|scope| {
        for half in samples.chunks(samples.len() / 2) {
            let run_half = move || half.iter().for_each(run);
            std::thread::Builder::new().stack_size(256 * 1024).spawn_scoped(scope, run_half).unwrap();
        }
    });
}

/// Returns copies of `bytes`, each with one octet changed, and the index of the changed octet.
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
fn every_unchanged_token_ends_its_negotiation() {
    for sample in samples() {
        let (accepted, _) = sample.ends(&sample.token, &sample.state).unwrap();
        assert!(is_alice(&accepted), "{}", sample.name);
    }
}

#[test]
fn every_prefix_of_a_later_token_is_refused() {
    on_small_stacks(|sample| {
        for length in 0..sample.token.len() {
            assert!(
                matches!(sample.step(&sample.token[..length], &sample.state), Some(Err(_))),
                "{}: {length}",
                sample.name
            );
        }
    });
}

#[test]
fn later_token_with_a_changed_octet_never_signs_in_another_user() {
    on_small_stacks(|sample| {
        for (index, token) in changed(&sample.token) {
            let accepted = sample.ends(&token, &sample.state);
            assert!(accepted.is_none_or(|(accepted, _)| is_alice(&accepted)), "{}: byte {index}", sample.name);
        }
    });
}

/// The server accepts a changed final token only if the change is in the negState or in the mechanism OID of an RC4
/// MIC. The two OIDs of Kerberos differ in one bit, and an RC4 MIC does not cover this bit.
#[test]
fn final_token_with_a_changed_octet_is_refused_unless_the_octet_is_unprotected() {
    on_small_stacks(|sample| {
        let is_last = sample.name.starts_with("last") || sample.name.starts_with("third");
        for (index, token) in changed(&sample.token).filter(|_| is_last) {
            let Some((_, answer)) = sample.ends(&token, &sample.state) else { continue };
            let neg_state =
                sample.token.windows(5).position(|window| window == [0xA0, 3, 0x0A, 1, 0]).unwrap_or(token.len());
            // The change is in the contents of negState, or turns the field number of negState into the number of
            // supportedMech.
            let in_state = index > neg_state + 1 && index < neg_state + 5 || index == neg_state && token[index] == 0xA1;
            let renames = index >= 3 && token[index - 3..].starts_with(&[0x2A, 0x86, 0x48, 0x82, 0xF7, 0x12]);
            assert!(in_state || renames, "{}: byte {index}", sample.name);
            let mut context = answer.into_context();
            let (_, unchanged) = sample.ends(&sample.token, &sample.state).unwrap();
            assert_eq!(context.get_mic(b"alice"), unchanged.into_context().get_mic(b"alice"));
        }
    });
}

/// The server protects the state from other parties. Even a changed state never turns the client into another user.
#[test]
fn changed_state_never_signs_in_another_user() {
    on_small_stacks(|sample| {
        for (index, state) in changed(&sample.state) {
            let accepted = sample.ends(&sample.token, &state);
            assert!(accepted.is_none_or(|(accepted, _)| is_alice(&accepted)), "{}: byte {index}", sample.name);
        }
        for length in 0..sample.state.len() {
            assert!(sample.ends(&sample.token, &sample.state[..length]).is_none(), "{}: {length}", sample.name);
        }
    });
}

/// The state is a secret. A vector that grows would leave copies of the state in memory.
#[test]
fn state_is_encoded_with_one_allocation() {
    for sample in samples() {
        let negotiation = Negotiation::from_bytes(&sample.state).unwrap();
        let allocated = allocation_counter::measure(|| assert_eq!(negotiation.to_bytes(), sample.state));
        assert_eq!(allocated.count_total, 1, "{}", sample.name);
    }
}

/// The test uses each token of one negotiation with the state of another negotiation.
#[test]
fn token_with_the_state_of_another_negotiation_is_refused() {
    let samples = samples();
    for (at, sample) in samples.iter().enumerate() {
        for (other_at, other) in samples.iter().enumerate().filter(|(other_at, _)| *other_at != at) {
            let taken = sample.ends(&other.token, &sample.state);
            // A second token carries its own AP-REQ. From the state, the server needs only the offered mechanisms,
            // which are the same in both states.
            let is_request = sample.name.starts_with("second") && sample.name == other.name;
            assert_eq!(taken.is_some(), is_request, "{at} {}, {other_at} {}", sample.name, other.name);
        }
    }
}
