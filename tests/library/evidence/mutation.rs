//! Tests of bad input: every accepted token is cut at every length, changed in every octet, and mixed with random
//! pieces of other tokens.
//!
//! No input causes a panic or signs in another user. A validation needs at most four times the token's size plus 64 KiB
//! of memory, and a stack of 256 KiB is enough. A changed token is accepted only if the change lies in a field that
//! `testvectors/unprotected.json` lists.

#![cfg(feature = "rc4")]
#![allow(clippy::print_stdout)]

use crate::anatomy;
use crate::recorded;

use anatomy::{Anatomy, element, elements, field, fields};
use kerberos_sso::crypto::{Cipher, EncType, Key, KeyUsage};
use kerberos_sso::replay::NoReplayCache;
use kerberos_sso::{Accepted, Refused, UnixTime, Validator};
use recorded::{Case, Form, Outcome, Recording};
use serde::Deserialize;
use std::collections::BTreeSet;
use std::ops::Range;

/// A recorded token that the server accepts, and the validator, the keys and the time of its validation.
struct Sample {
    id: String,
    token: Vec<u8>,
    validator: Validator<NoReplayCache>,
    now: UnixTime,
    keys: Vec<Key>,
    who: Who,
    effort: Effort,
}

/// How many other values the tests try in place of each octet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Effort {
    /// Outside of the ciphertexts, the tests try all values of an octet. Inside the ciphertexts, the tests flip each
    /// bit of an octet, and set all its bits to zero and to one.
    More,
    /// Outside of the ciphertexts, the tests flip each bit of an octet, and set all its bits to zero and to one. Inside
    /// the ciphertexts, the tests flip one bit of an octet, and flip all its bits.
    Less,
}

/// The user who signed in, and all other facts that the KDC or the client has encrypted.
#[derive(Debug, PartialEq)]
struct Who {
    name: Vec<String>,
    realm: String,
    facts: String,
}

#[test]
fn every_prefix_of_a_token_is_refused() {
    on_small_stacks(&samples(), |sample| {
        for length in 0..sample.token.len() {
            assert!(sample.judge(&sample.token[..length]).is_err(), "{}: the first {length} octets", sample.id);
        }
    });
}

#[test]
fn token_with_a_changed_octet_is_refused_unless_the_field_is_unprotected() {
    let accepted: BTreeSet<_> = on_small_stacks(&samples(), change_bytes).into_iter().flatten().collect();
    let named: Vec<_> = unprotected().into_iter().map(|entry| entry.field).collect();
    let stale: Vec<_> = named.iter().filter(|field| !accepted.contains(field.as_str())).collect();
    assert!(stale.is_empty(), "no change of these fields was accepted: {stale:?}");
}

/// Changes each octet, and returns the fields in which the server accepted a change.
fn change_bytes(sample: &Sample) -> BTreeSet<&'static str> {
    let unprotected: BTreeSet<String> = unprotected().into_iter().map(|entry| entry.field).collect();
    let anatomy = Anatomy::of(&sample.token);
    let mut accepted = BTreeSet::new();
    let mut changed = sample.token.clone();
    for index in 0..changed.len() {
        let original = changed[index];
        for value in values(&anatomy, index, original, sample.effort) {
            changed[index] = value;
            let Ok(verdict) = sample.judge(&changed) else { continue };
            let field = anatomy.field_at(index).filter(|field| unprotected.contains(*field));
            assert!(field.is_some(), "{}: byte {index} {original:#04x} → {value:#04x} is accepted", sample.id);
            assert_eq!(Who::of(&verdict), sample.who, "{}: byte {index}", sample.id);
            accepted.extend(field);
        }
        changed[index] = original;
    }
    accepted
}

/// Returns the values to which an octet is changed. Octets outside of the ciphertexts have a structure and get more
/// values.
fn values(anatomy: &Anatomy, index: usize, original: u8, effort: Effort) -> Vec<u8> {
    let in_cipher = anatomy.ticket_cipher.contains(&index) || anatomy.authenticator_cipher.contains(&index);
    let values: Vec<u8> = match (effort, in_cipher) {
        (Effort::More, false) => (0..=u8::MAX).collect(),
        (Effort::More, true) | (Effort::Less, false) => {
            (0..8).map(|bit| original ^ (1 << bit)).chain([0x00, 0xFF]).collect()
        }
        (Effort::Less, true) => vec![original ^ (1 << (index % 8)), !original],
    };
    values.into_iter().filter(|value| *value != original).collect()
}

/// The test uses one token of each ticket encryption type. The test tries all 255 other values of every octet of the
/// authenticator's ciphertext and of every fifth octet of the ticket's ciphertext.
#[test]
fn ciphertext_with_an_octet_of_any_other_value_is_refused() {
    on_a_small_stack(|| {
        let mut seen = BTreeSet::new();
        let samples = samples();
        for sample in samples.iter().filter(|sample| seen.insert(sample.key().etype())) {
            let anatomy = Anatomy::of(&sample.token);
            let mut changed = sample.token.clone();
            for index in anatomy.ticket_cipher.clone().step_by(5).chain(anatomy.authenticator_cipher.clone()) {
                let original = changed[index];
                for value in (0..=u8::MAX).filter(|value| *value != original) {
                    changed[index] = value;
                    let error = sample.judge(&changed).unwrap_err();
                    assert_eq!(error.code(), "integrity", "{}: byte {index} → {value:#04x}", sample.id);
                }
                changed[index] = original;
            }
        }
    });
}

/// A holder of the keys could change a plaintext and encrypt it again. The ticket and the authenticator both name the
/// client, so one changed plaintext never signs in another user.
#[test]
fn changed_plaintext_never_signs_in_another_user() {
    on_a_small_stack(|| {
        let mut seen = BTreeSet::new();
        let samples = samples();
        for sample in samples.iter().filter(|sample| seen.insert(sample.key().etype())) {
            let anatomy = Anatomy::of(&sample.token);
            let session_key = session_key(&sample.decrypt(sample.key(), KeyUsage::TICKET, &anatomy.ticket_cipher));
            sample.change_plaintext(sample.key(), KeyUsage::TICKET, &anatomy.ticket_cipher);
            sample.change_plaintext(&session_key, KeyUsage::AP_REQ_AUTHENTICATOR, &anatomy.authenticator_cipher);
        }
        println!("ticket etypes: {seen:?}");
    });
}

#[test]
fn random_octets_after_a_random_start_of_a_token_are_refused() {
    on_a_small_stack(|| {
        let samples = samples();
        let mut random = SplitMix(1);
        for round in 0..200_000 {
            let sample = &samples[random.below(samples.len())];
            let mut bytes = random.bytes(random.clone().below(300));
            // Every second input begins with the start of a recorded token, so that the reader gets past the first
            // octet.
            if round % 2 == 0 {
                let start = random.below(sample.token.len().min(200));
                bytes.splice(0..0, sample.token[..start].iter().copied());
            }
            assert!(sample.judge(&bytes).is_err());
        }
    });
}

/// The test replaces pieces of a token with pieces of the same token or of another token.
#[test]
fn token_with_replaced_pieces_never_signs_in_another_user() {
    on_a_small_stack(|| {
        let samples: Vec<_> = samples().into_iter().filter(|sample| sample.token.len() < LARGE).collect();
        let mut random = SplitMix(2);
        for _ in 0..100_000 {
            let sample = &samples[random.below(samples.len())];
            let other = &samples[random.below(samples.len())];
            let mut torn = sample.token.clone();
            for _ in 0..=random.below(3) {
                let piece = random.range(other.token.len());
                let hole = random.range(torn.len());
                torn.splice(hole, other.token[piece].iter().copied());
            }
            if let Ok(accepted) = sample.judge(&torn) {
                // The pieces may form the whole token of the other sample, which signs in the user of the other sample.
                assert!([&sample.who, &other.who].contains(&&Who::of(&accepted)), "{}", sample.id);
            }
        }
    });
}

/// CVE-2020-28196: a recursive reader overflows its stack at deep nesting.
#[test]
fn deeply_nested_token_is_refused_without_a_stack_overflow() {
    on_a_small_stack(|| {
        let samples = samples();
        for tag in [0x30, 0x60, 0x6E, 0xA0, 0x24] {
            let nested = (0..20_000).fold(Vec::new(), |inner: Vec<u8>, _| {
                let length = u16::try_from(inner.len()).unwrap_or(u16::MAX).to_be_bytes();
                if inner.len() > 60_000 { inner } else { [&[tag, 0x82, length[0], length[1]], &inner[..]].concat() }
            });
            assert_eq!(samples[0].judge(&nested).unwrap_err().code(), "malformed");
        }
    });
}

impl Sample {
    fn of(recording: &Recording, case: &Case, token: Vec<u8>) -> Self {
        let validator = recording.validator(case).unwrap();
        let who = Who::of(&validator.validate_ticket(&token, case.now()).unwrap());
        let keys = recording.raw_keys(case).unwrap();
        Self { id: case.id.clone(), token, validator, now: case.now(), keys, who, effort: Effort::Less }
    }

    /// Returns the verdict on `bytes`, and asserts that the validation stays within its memory limit.
    fn judge(&self, bytes: &[u8]) -> Result<Accepted, Refused> {
        let mut verdict = None;
        let allocated = allocation_counter::measure(|| {
            verdict = Some(self.validator.validate_ticket(bytes, self.now));
        });
        let limit = 4 * bytes.len() + 64 * 1024;
        assert!(allocated.bytes_max <= u64::try_from(limit).unwrap(), "{}: {allocated:?}", self.id);
        verdict.unwrap()
    }

    /// Returns the key that opens the ticket.
    fn key(&self) -> &Key {
        let cipher = Anatomy::of(&self.token).ticket_cipher;
        self.keys.iter().find(|key| open(&key.cipher(KeyUsage::TICKET), &self.token[cipher.clone()]).is_some()).unwrap()
    }

    fn decrypt(&self, key: &Key, usage: KeyUsage, cipher: &Range<usize>) -> Vec<u8> {
        open(&key.cipher(usage), &self.token[cipher.clone()]).unwrap()
    }

    fn change_plaintext(&self, key: &Key, usage: KeyUsage, range: &Range<usize>) {
        let cipher = key.cipher(usage);
        let mut plaintext = self.decrypt(key, usage, range);
        for index in 0..plaintext.len() {
            let original = plaintext[index];
            for value in [0x01, 0x80, 0xFF].map(|mask| original ^ mask) {
                plaintext[index] = value;
                let mut encrypted = Vec::new();
                cipher.encrypt(&[7; 16], &plaintext, &mut encrypted);
                let mut token = self.token.clone();
                token[range.clone()].copy_from_slice(&encrypted);
                if let Ok(accepted) = self.judge(&token) {
                    let Who { name, realm, .. } = Who::of(&accepted);
                    assert_eq!((&name, &realm), (&self.who.name, &self.who.realm), "{}: {index}", self.id);
                }
            }
            plaintext[index] = original;
        }
    }
}

impl Who {
    fn of(accepted: &Accepted) -> Self {
        let (ticket, authenticator) = (accepted.ticket(), accepted.authenticator());
        let client = ticket.client();
        let times = (ticket.auth_time(), ticket.start_time(), ticket.end_time(), ticket.renew_till());
        let claims = (authenticator.time(), authenticator.subkey_etype(), authenticator.sequence_number());
        let channel = (authenticator.gss_flags(), accepted.channel_bindings(), accepted.session_etype());
        let data: Vec<_> = ticket.authorization_data().iter().map(|element| element.data).collect();
        Self {
            name: client.components().map(Into::into).collect(),
            realm: ticket.client_realm().into(),
            facts: format!("{:?}", (client.name_type(), ticket.flags(), times, claims, channel, data)),
        }
    }
}

fn samples() -> Vec<Sample> {
    let mut seen = BTreeSet::new();
    let recordings = recorded::load_all().unwrap();
    let cases = recordings.iter().flat_map(|recording| recording.cases.iter().map(move |case| (recording, case)));
    let accepted: Vec<_> = cases.filter(|(_, case)| matches!(case.outcome(), Outcome::Accept(_))).collect();
    let recorded =
        accepted.iter().map(|(recording, case)| Sample::of(recording, case, recorded_token(recording, case)));
    let (recording, case) = accepted.iter().find(|(_, case)| case.flags.iter().any(|flag| flag == "RawKrb5")).unwrap();
    let framed = Sample::of(recording, case, with_every_field_of_spnego(&recorded_token(recording, case)));
    let mut samples: Vec<_> = recorded.chain([framed]).filter(|sample| seen.insert(sample.token.clone())).collect();
    for sample in samples.iter_mut().step_by(3).filter(|sample| sample.token.len() < LARGE) {
        sample.effort = Effort::More;
    }
    samples
}

fn recorded_token(recording: &Recording, case: &Case) -> Vec<u8> {
    let bytes = case.bytes().unwrap();
    match case.form {
        Form::Token => bytes,
        Form::Header => recording.validator(case).unwrap().decode_header(&bytes).unwrap(),
    }
}

/// Returns a Kerberos token in SPNEGO with NTLM in the MechTypeList, request flags and hints. No client sends all these
/// fields together, but the tests must change each of them.
fn with_every_field_of_spnego(krb5: &[u8]) -> Vec<u8> {
    let oids: [&[u8]; 3] = [
        &[0x2A, 0x86, 0x48, 0x82, 0xF7, 0x12, 1, 2, 2],
        &[0x2A, 0x86, 0x48, 0x86, 0xF7, 0x12, 1, 2, 2],
        &[0x2B, 6, 1, 4, 1, 0x82, 0x37, 2, 2, 0x0A],
    ];
    let mech_types = element(0x30, &oids.map(|oid| element(0x06, oid)).concat());
    let hint = element(0xA0, &element(0x1B, b"not_defined_in_RFC4178@please_ignore"));
    let fields = [
        element(0xA0, &mech_types),
        element(0xA1, &element(0x03, &[1, 0x62])),
        element(0xA2, &element(0x04, krb5)),
        element(0xA3, &element(0x30, &hint)),
    ];
    let init = element(0xA0, &element(0x30, &fields.concat()));
    element(0x60, &[element(0x06, &[0x2B, 6, 1, 5, 5, 2]), init].concat())
}

fn session_key(ticket: &[u8]) -> Key {
    let part = fields(ticket, elements(ticket, 0..ticket.len()).remove(0).contents);
    let key = fields(ticket, field(&part, 1).unwrap().whole.clone());
    let etype =
        ticket[field(&key, 0).unwrap().contents.clone()].iter().fold(0, |etype, byte| etype << 8 | i32::from(*byte));
    Key::new(EncType(etype), &ticket[field(&key, 1).unwrap().contents.clone()]).unwrap()
}

fn open(cipher: &Cipher, ciphertext: &[u8]) -> Option<Vec<u8>> {
    let mut room = vec![0; ciphertext.len()];
    let plaintext = cipher.decrypt(ciphertext, &mut room).ok()?;
    Some(room[plaintext].to_vec())
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct UnprotectedFields {
    schema: String,
    #[serde(rename = "note")]
    _note: String,
    fields: Vec<Unprotected>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Unprotected {
    field: String,
    reason: String,
}

fn unprotected() -> Vec<Unprotected> {
    let file: UnprotectedFields = serde_json::from_str(include_str!("../../../testvectors/unprotected.json")).unwrap();
    assert_eq!(file.schema, "unprotected-v1");
    assert!(file.fields.iter().all(|entry| !entry.reason.is_empty()));
    file.fields
}

/// Runs `run` for all samples in a few threads with stacks of `STACK` octets.
fn on_small_stacks<T: Send>(samples: &[Sample], run: impl Fn(&Sample) -> T + Sync) -> Vec<T> {
    let run = &run;
    std::thread::scope(|scope| {
        let shares = samples.chunks(samples.len().div_ceil(THREADS));
        let runs: Vec<_> = shares
            .map(|share| {
                let run_share = move || share.iter().map(run).collect::<Vec<_>>();
                std::thread::Builder::new().stack_size(STACK).spawn_scoped(scope, run_share).unwrap()
            })
            .collect();
        runs.into_iter().flat_map(|run| run.join().unwrap()).collect()
    })
}

fn on_a_small_stack<T: Send>(run: impl FnOnce() -> T + Send) -> T {
    std::thread::scope(|scope| {
        std::thread::Builder::new().stack_size(STACK).spawn_scoped(scope, run).unwrap().join().unwrap()
    })
}

/// The generator `SplitMix64`, which gives the same numbers in every run.
#[derive(Clone)]
struct SplitMix(u64);

impl SplitMix {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    fn below(&mut self, end: usize) -> usize {
        usize::try_from(self.next() % u64::try_from(end.max(1)).unwrap()).unwrap()
    }

    /// Returns a random range within `0..end`. Short ranges are more frequent than long ranges.
    fn range(&mut self, end: usize) -> Range<usize> {
        let start = self.below(end + 1);
        let longest = (end - start).min(1 << self.below(12));
        start..start + self.below(longest + 1)
    }

    fn bytes(&mut self, count: usize) -> Vec<u8> {
        (0..count).map(|_| self.next().to_le_bytes()[0]).collect()
    }
}

const STACK: usize = 256 * 1024;

const THREADS: usize = 4;

/// For a token of at least this number of octets, the tests try fewer values of each octet. The test that replaces
/// pieces leaves out these tokens.
const LARGE: usize = 4 * 1024;
