//! Tests that compare this crate's reader with `rasn-kerberos`. Both readers must read the same values in a request
//! that both accept.
//!
//! The tests do not compare requests that only one reader accepts. A separate test shows each known difference.

#![allow(clippy::print_stdout)]

use crate::anatomy;
mod changed;
mod differences;
mod opinion;
use crate::recorded;
mod written;

use anatomy::{Anatomy, element};
use kerberos_sso::crypto::{EncType, Key, KeyUsage};
use kerberos_sso::replay::NoReplayCache;
use kerberos_sso::{
    Accepted, Account, KeySet, Policy, PrincipalName, ServiceKey, UnixTime, Validator,
    ticket::{AuthorizationElement, HostAddress, TicketFlags},
};
use opinion::Opinion;
use proptest::prelude::*;
use proptest::strategy::ValueTree as _;
use proptest::test_runner::{Config, TestRunner};
use rasn::types::{BitString, GeneralString};
use rasn_kerberos as oracle;
use recorded::{Case, Form, Outcome, Recording};
use std::time::Duration;

#[cfg(feature = "rc4")]
#[test]
fn accepted_recorded_tokens_have_the_same_values_in_both_readers() {
    let mut alike = 0;
    let mut refused = Vec::new();
    for_each_accepted(|recording, case, token| {
        let accepted = recording.validator(case).unwrap().validate_ticket(token, case.now()).unwrap();
        match Opinion::on(&token[Anatomy::of(token).ap_req], &recording.raw_keys(case).unwrap()) {
            Ok(opinion) => {
                opinion.compare(&accepted);
                alike += 1;
            }
            Err(_) => refused.push((case.id.clone(), accepted.identity().to_owned())),
        }
    });
    println!("{alike} tokens read alike; refused by rasn-kerberos: {refused:?}");
    assert!(alike > 100);
    for (id, identity) in refused {
        assert!(identity.name.bytes().any(|byte| REFUSED_IN_NAMES.contains(&byte)), "{id} for another reason");
    }
}

/// The test compares the unencrypted fields of all recorded tokens, including tokens that the server refuses.
#[test]
fn recorded_requests_have_the_same_unencrypted_fields_in_both_readers() {
    let lenient = Validator::new(
        KeySet::default(),
        Policy::default().with_ticket_etypes(&EncType::SUPPORTED).with_session_etypes(&EncType::SUPPORTED),
        NoReplayCache,
    );
    let mut alike = 0;
    for_each_token(|_, _, token| {
        let Ok(request) = lenient.read(token) else { return };
        let theirs: oracle::ApReq = rasn::der::decode(&token[Anatomy::of(token).ap_req]).unwrap();
        let query = request.key_query();
        compare_name(query.service, &theirs.ticket.sname);
        assert_eq!(query.realm().as_bytes(), theirs.ticket.realm.as_bytes());
        assert_eq!(query.etype.0, theirs.ticket.enc_part.etype);
        assert_eq!(query.kvno, theirs.ticket.enc_part.kvno);
        alike += 1;
    });
    assert!(alike > 100);
}

fn compare_name(ours: PrincipalName<'_>, theirs: &oracle::PrincipalName) {
    assert_eq!(ours.name_type().0, theirs.r#type);
    assert!(ours.components().map(str::as_bytes).eq(theirs.string.iter().map(GeneralString::as_bytes)));
}

fn text(text: &str) -> Vec<u8> {
    element(0x1B, text.as_bytes())
}

fn general(text: &str) -> GeneralString {
    GeneralString::from_bytes(text.as_bytes()).unwrap()
}

fn time(offset: i64) -> oracle::KerberosTime {
    let instant = NOW.saturating_add_seconds(offset).to_string();
    oracle::KerberosTime(instant.parse().unwrap())
}

fn seconds(time: &oracle::KerberosTime) -> i64 {
    time.0.timestamp()
}

fn flags(bits: u32) -> BitString {
    BitString::from_slice(&bits.to_be_bytes())
}

/// Returns the first 32 bits, with bit 0 of the RFC as the most significant bit.
fn bits(flags: &BitString) -> u32 {
    flags.iter().by_vals().chain([false; 32]).take(32).fold(0, |bits, bit| bits << 1 | u32::from(bit))
}

fn service_key() -> Key {
    Key::new(EncType::AES256_CTS_HMAC_SHA1_96, &[0xA5; 32]).unwrap()
}

fn encrypt(key: &Key, usage: KeyUsage, plaintext: &[u8]) -> Vec<u8> {
    let mut ciphertext = Vec::new();
    key.cipher(usage).encrypt(&[9; 16], plaintext, &mut ciphertext);
    ciphertext
}

fn open(key: &Key, usage: KeyUsage, ciphertext: &[u8]) -> Option<Vec<u8>> {
    let mut room = vec![0; ciphertext.len()];
    let plaintext = key.cipher(usage).decrypt(ciphertext, &mut room).ok()?;
    Some(room[plaintext].to_vec())
}

fn for_each_accepted(mut check: impl FnMut(&Recording, &Case, &[u8])) {
    for_each_token(|recording, case, token| {
        if matches!(case.outcome(), Outcome::Accept(_)) {
            check(recording, case, token);
        }
    });
}

fn for_each_token(mut check: impl FnMut(&Recording, &Case, &[u8])) {
    let decoder = Validator::new(KeySet::default(), Policy::default(), NoReplayCache);
    for recording in &recorded::load_all().unwrap() {
        for case in &recording.cases {
            let bytes = case.bytes().unwrap();
            match case.form {
                Form::Token => check(recording, case, &bytes),
                Form::Header => {
                    let Ok(token) = decoder.decode_header(&bytes) else { continue };
                    check(recording, case, &token);
                }
            }
        }
    }
}

fn deterministic() -> proptest::test_runner::TestRng {
    proptest::test_runner::TestRng::deterministic_rng(proptest::test_runner::RngAlgorithm::ChaCha)
}

/// The current time in the tests: 2026-11-21T08:00:00Z.
const NOW: UnixTime = UnixTime::from_seconds(1_795_248_000);

/// The AP option `use-session-key`, bit 1 of RFC 4120 section 5.5.1.
const USE_SESSION_KEY: u32 = 1 << 30;

/// The checksum type of the GSS checksum (RFC 4121 section 4.1.1).
const GSS_CHECKSUM: i32 = 0x8003;

const REFUSED_IN_NAMES: std::ops::RangeInclusive<u8> = 0x80..=0xA0;
