//! Tests of the number of allocations: one for an accepted request, and none for a request that is refused before its
//! ticket is opened.

#![cfg_attr(not(feature = "rc4"), allow(dead_code, unused_imports, reason = "tests with RC4 are left out"))]
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::arithmetic_side_effects, clippy::print_stdout)]

use crate::anatomy;
use crate::recorded;

use anatomy::Anatomy;
use kerberos_sso::replay::MemoryReplayCache;
use kerberos_sso::{Accepted, Error, KeySet, Policy, Refused, UnixTime, Validator, error::KeyRole};
use recorded::{Case, Form, Outcome, Recording};
use std::collections::{BTreeMap, BTreeSet};

/// For any token, the validator allocates one buffer, which holds the plaintexts of the ticket and of the
/// authenticator. A header needs one more buffer for the decoded base64.
#[cfg(feature = "rc4")]
#[test]
fn accepted_request_needs_one_allocation() {
    let mut found: BTreeMap<&str, BTreeSet<u64>> = BTreeMap::new();
    for_each_case(|recording, case| {
        if let Outcome::Reject(_) = case.outcome() {
            return;
        }
        let validator = with_replay_cache(recording, case);
        let (verdict, allocations) = judge(&validator, case, &case.bytes().unwrap());
        let accepted = verdict.unwrap();
        let form = if case.form == Form::Header { "header" } else { "token" };
        assert_eq!(allocations, if case.form == Form::Header { 2 } else { 1 }, "{}: {}", case.id, accepted.identity());
        found.entry(form).or_default().insert(allocations);
    });
    println!("allocations of an accepted request: {found:?}");
}

/// The test uses the recorded refusals and prints the allocations by code. A request whose ticket is not opened needs
/// no buffer.
#[test]
fn recorded_request_that_is_refused_before_its_ticket_is_opened_allocates_nothing() {
    let mut found: BTreeMap<String, BTreeSet<u64>> = BTreeMap::new();
    for_each_case(|recording, case| {
        let (verdict, allocations) = judge(&with_replay_cache(recording, case), case, &case.bytes().unwrap());
        let Err(refused) = verdict else { return };
        let for_base64 = u64::from(case.form == Form::Header && refused.code() != "not-negotiate");
        let most = u64::from(!opens_no_ticket(refused.error()));
        assert!(allocations <= most + for_base64, "{}: {allocations} allocations for {}", case.id, refused.code());
        found.entry(refused.code().into()).or_default().insert(allocations - for_base64.min(allocations));
    });
    println!("allocations of a refusal, base64 left out: {found:?}");
}

/// Any client without a ticket can cause these refusals. The test states the inputs as octets, or makes them from one
/// valid token.
#[test]
fn refusal_that_a_client_without_a_ticket_can_cause_allocates_nothing() {
    let recordings = recorded::load_all().unwrap();
    let case = recordings.iter().flat_map(|recording| recording.cases.iter().map(move |case| (recording, case)));
    let (recording, case) = { case }.find(|(_, case)| case.id == "samba-aes256-aes256-mit-spnego").unwrap();
    let validator = with_replay_cache(recording, case);
    let token = case.bytes().unwrap();
    let realm = Anatomy::of(&token).unencrypted.into_iter().find(|(name, _)| *name == "Ticket.realm").unwrap().1;
    let mut other_realm = token.clone();
    other_realm[realm.start] ^= 1;
    for (bytes, code) in [
        (&token[..token.len() - 1], "malformed"),
        (b"rubbish", "malformed"),
        (b"", "malformed"),
        (b"NTLMSSP\0\x01\0\0\0", "ntlm"),
        (b"NEGOEXTS", "negoex"),
        (&vec![0x60; 70_000], "too-large"),
        (&other_realm, "no-key"),
    ] {
        let (verdict, allocations) = judge(&validator, case, bytes);
        assert_eq!((verdict.unwrap_err().code(), allocations), (code, 0));
    }
    let only_rc4 = Policy::default().with_ticket_etypes(&[kerberos_sso::crypto::EncType::RC4_HMAC]);
    let strict = Validator::new(KeySet::default(), only_rc4, cache());
    let (verdict, allocations) = judge(&strict, case, &token);
    assert_eq!((verdict.unwrap_err().code(), allocations), ("unsupported-etype", 0));
}

/// Returns whether the server returns `error` before it opens the ticket. The server then refuses the token's form,
/// encryption type or service, or has no key for the ticket.
fn opens_no_ticket(error: &Error) -> bool {
    match error {
        Error::Rc4Refused { role } | Error::UnsupportedEtype { role, .. } => *role == KeyRole::Ticket,
        Error::NotNegotiate(_)
        | Error::TooLarge { .. }
        | Error::Ntlm { .. }
        | Error::NegoEx { .. }
        | Error::Iakerb
        | Error::NoKerberos { .. }
        | Error::NoToken
        | Error::UserToUser
        | Error::NoKey(_)
        | Error::ServiceRefused { .. } => true,
        _ => false,
    }
}

/// Returns the verdict on the second request under a key, with the number of allocations. The first request under the
/// key prepares the key, and the validator keeps the prepared key.
fn judge(validator: &Validator<MemoryReplayCache>, case: &Case, bytes: &[u8]) -> (Result<Accepted, Refused>, u64) {
    let mut verdict = None;
    if let Ok(token) = if case.form == Form::Token { Ok(bytes.into()) } else { validator.decode_header(bytes) } {
        drop(validator.read(&token).and_then(|request| validator.open(request, case.now())));
    }
    let allocated = allocation_counter::measure(|| {
        verdict = Some(match case.form {
            Form::Token => validator.validate_ticket(bytes, case.now()),
            Form::Header => validator.validate_header(bytes, case.now()),
        });
    });
    (verdict.unwrap(), allocated.count_total)
}

fn with_replay_cache(recording: &Recording, case: &Case) -> Validator<MemoryReplayCache> {
    Validator::new(recording.keys(case).unwrap(), case.policy.policy(), cache())
}

fn cache() -> MemoryReplayCache {
    MemoryReplayCache::new(100, Policy::default().clock_skew(), UnixTime::from_seconds(0))
}

fn for_each_case(mut check: impl FnMut(&Recording, &Case)) {
    for recording in &recorded::load_all().unwrap() {
        recording.cases.iter().for_each(|case| check(recording, case));
    }
}
