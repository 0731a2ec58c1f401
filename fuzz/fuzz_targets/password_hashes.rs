//! Fuzzes what a source of password hashes sends and reads: a batch, a verifier, an object in LDIF, and a line of a
//! dump. The target checks that a batch is within the limits, and that it is the same after it is written and read
//! again.
//!
//! The first octet of an input chooses which of the four texts the rest is.
#![no_main]

use kerberos_sso_fuzz::printed;
use libfuzzer_sys::fuzz_target;
use seamless_phs::batch::{MAX_RECORDS, MAX_SIZE, Received};
use seamless_phs::ldif::{self, Directory};
use seamless_phs::{Batch, Verifier, secretsdump};
use std::collections::HashSet;

fuzz_target!(|input: &[u8]| {
    let Some((kind, text)) = input.split_first() else { return };
    let as_text = std::str::from_utf8(text);
    match (kind % 4, as_text) {
        (0, _) => check_batch(text),
        (1, Ok(text)) => check_verifier(text),
        (2, Ok(text)) => check_object(text),
        (3, Ok(text)) => check_line(text),
        _ => {}
    }
});

fn check_batch(text: &[u8]) {
    match Batch::parse(text) {
        Ok(Received { batch, refused }) => {
            assert!(text.len() <= MAX_SIZE && batch.records.len() <= MAX_RECORDS && refused.len() <= MAX_RECORDS);
            let objects: HashSet<_> = batch.records.iter().map(|record| record.object.0).collect();
            assert_eq!(objects.len(), batch.records.len());
            let written = serde_json::to_vec(&batch).unwrap();
            let again = Batch::parse(&written).unwrap();
            assert!(again.refused.is_empty());
            assert_eq!(serde_json::to_vec(&again.batch).unwrap(), written);
        }
        Err(error) => printed::bounded_text(&error.to_string()),
    }
}

fn check_verifier(text: &str) {
    match text.parse::<Verifier>() {
        Ok(verifier) => {
            let written = verifier.to_text();
            assert_eq!(*written.parse::<Verifier>().unwrap().to_text(), *written);
            assert!(!format!("{verifier:?}").contains(text));
        }
        Err(error) => printed::harmless(&error),
    }
}

fn check_object(text: &str) {
    for alternate in [None, Some("mail")] {
        if let Err(error) = ldif::read(text, Directory { lockout_seconds: Some(60), alternate }) {
            printed::harmless(&error);
        }
    }
}

fn check_line(text: &str) {
    let domain = "S-1-5-21-1-2-3".parse().unwrap();
    match secretsdump::read(text, domain, 1) {
        Ok(Some(change)) => assert!(change.account.is_some_and(|account| account.sid.domain() == Some(domain))),
        Ok(None) => {}
        Err(error) => printed::harmless(&error),
    }
}
