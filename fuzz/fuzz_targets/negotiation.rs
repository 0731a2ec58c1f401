//! Fuzzes the state of a negotiation, sealed or unsealed, and the client's next token. The target checks that a state
//! is written as the octets from which it was read, and that a sealed state opens only for a limited time. It also
//! checks that only the user of a minted token signs in.
//!
//! An input is an octet, the state, and the token. The octet says whether the state is unsealed, sealed by the target,
//! or already sealed in the input. If the target seals the state, eight octets with the time of the sealing precede the
//! state.
#![no_main]

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use kerberos_sso::crypto::{EncType, Key, KeyUsage};
use kerberos_sso::http::SealingKey;
use kerberos_sso::limits::{MAX_SEALED_LENGTH, MAX_SEALED_SECONDS};
use kerberos_sso::negotiate::{Negotiation, Step};
use kerberos_sso_fuzz::input::Input;
use kerberos_sso_fuzz::server::{NOW, Server};
use kerberos_sso_fuzz::{allocated, printed, verdict};
use libfuzzer_sys::fuzz_target;
use std::sync::LazyLock;

static SERVER: LazyLock<Server> = LazyLock::new(Server::new);

static SEALING_KEY: LazyLock<SealingKey> = LazyLock::new(|| SealingKey::new(SECRET));

fuzz_target!(|input: &[u8]| {
    let mut input = Input::new(input);
    let form = input.octet() % 3;
    let (state, token) = (input.part(), input.rest());
    let negotiation = match form {
        0 => from_bytes(state),
        1 => opened(state),
        _ => SEALING_KEY.open(state, NOW),
    };
    let Some(negotiation) = negotiation else { return };
    printed::harmless_debug(&negotiation);
    let sealed = SEALING_KEY.seal(&negotiation, &verdict::RANDOMNESS, NOW);
    if let Some(sealed) = sealed {
        let opened = SEALING_KEY.open(&sealed, NOW).expect("it was just sealed");
        assert_eq!(opened.to_bytes(), negotiation.to_bytes());
        assert!(SEALING_KEY.open(&sealed[..sealed.len() - 1], NOW).is_none());
    }
    check_next(&negotiation, token);
});

/// Reads a state, and checks that the state is written as the same octets.
fn from_bytes(state: &[u8]) -> Option<Negotiation> {
    let limit = allocated::for_token(state.len());
    match allocated::at_most(limit, || Negotiation::from_bytes(state)) {
        Ok(negotiation) => {
            assert_eq!(negotiation.to_bytes(), state);
            Some(negotiation)
        }
        Err(error) => {
            printed::harmless_error(&error);
            None
        }
    }
}

/// Seals a plaintext with the server's key, and opens the sealed value.
fn opened(plaintext: &[u8]) -> Option<Negotiation> {
    let key = Key::new(EncType::AES256_CTS_HMAC_SHA384_192, &SECRET).unwrap();
    let mut ciphertext = Vec::new();
    key.cipher(SEALING).encrypt(&[0xC0; 16], plaintext, &mut ciphertext);
    let sealed = URL_SAFE_NO_PAD.encode(ciphertext);
    let limit = allocated::for_token(sealed.len());
    let opened = allocated::at_most(limit, || SEALING_KEY.open(&sealed, NOW));
    let expected = plaintext.split_first_chunk().and_then(|(time, state)| {
        let age = i128::from(i64::from_be_bytes(*time)) - i128::from(NOW.seconds());
        let is_fresh = age.unsigned_abs() <= MAX_SEALED_SECONDS.into() && sealed.len() <= MAX_SEALED_LENGTH;
        from_bytes(state).filter(|_| is_fresh)
    });
    let octets = |negotiation: &Option<Negotiation>| negotiation.as_ref().map(Negotiation::to_bytes);
    assert_eq!(octets(&opened), octets(&expected));
    opened
}

/// Checks the verdict on the client's next token.
fn check_next(negotiation: &Negotiation, token: &[u8]) {
    let limit = allocated::for_token(token.len() + negotiation.to_bytes().len());
    let converse = || SERVER.validator.converse(token, Some(negotiation), &verdict::RANDOMNESS, SERVER.arrival());
    match allocated::at_most(limit, converse) {
        Ok(Step::Accepted(accepted, answer)) => {
            verdict::check_accepted(&accepted);
            verdict::assert_is_the_user(&accepted);
            printed::harmless_debug(&answer);
        }
        Ok(Step::Continue(next)) => {
            let kept = next.negotiation().to_bytes();
            assert_eq!(Negotiation::from_bytes(&kept).unwrap().to_bytes(), kept);
        }
        Err(refused) => verdict::check_refused(&refused),
    }
}

const SECRET: [u8; 32] = [0x5E; 32];

/// The key usage of sealed states (`src/http/seal.rs`).
const SEALING: KeyUsage = KeyUsage(600);
