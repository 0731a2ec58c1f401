//! Tests the tree of `explain` with every recorded token, and with changed tokens.

#![cfg_attr(not(feature = "rc4"), allow(dead_code, unused_imports, reason = "tests with RC4 are left out"))]
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::arithmetic_side_effects, clippy::panic)]

#[path = "../../../tests/recorded/mod.rs"]
mod recorded;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use kerberos_sso::replay::{Admission, NoReplayCache, ReplayEntry, ReplayLimit};
use kerberos_sso::{UnixTime, Validator};
use kerberos_sso_cli::explain::{Admit, Advice, Examiner, Explanation, Mark, Node, Pasted};
use recorded::{Case, Form, Outcome, Recording};
use std::collections::BTreeSet;

#[cfg(feature = "rc4")]
#[test]
fn tree_of_a_refused_token_has_one_failed_node_with_the_expected_code() {
    let mut codes = BTreeSet::new();
    for (recording, case) in &cases(&recorded::load_all().unwrap()) {
        let explanation = explain(recording, case, &pasted(case));
        let failed = failures(&explanation.stages);
        let found: Vec<_> =
            failed.iter().filter_map(|node| node.failure.as_ref()).map(|failure| failure.code).collect();
        match case.outcome() {
            Outcome::Accept(_) => assert!(found.is_empty(), "{}: {found:?}", case.id),
            Outcome::Reject(code) => assert_eq!(found, [code], "{}", case.id),
        }
        assert!(failed.iter().all(|node| node.title != "Another check"), "{}: {failed:?}", case.id);
        codes.extend(found);
    }
    assert!(codes.len() >= 30, "{codes:?}");
}

#[cfg(feature = "rc4")]
#[test]
fn failed_node_is_in_the_stage_of_its_code() {
    let recordings = recorded::load_all().unwrap();
    for (recording, case) in &cases(&recordings) {
        let Outcome::Reject(code) = case.outcome() else { continue };
        let Some((_, expected)) = WHERE.iter().find(|(listed, _)| *listed == code) else { continue };
        let explanation = explain(recording, case, &pasted(case));
        let stage = explanation.stages.iter().find(|stage| stage.mark == Mark::Failed).unwrap();
        assert!(expected.iter().any(|title| stage.title.starts_with(title)), "{}: {code} in {}", case.id, stage.title);
    }
}

#[test]
fn checks_after_the_failed_check_have_not_passed() {
    for (recording, case) in &cases(&recorded::load_all().unwrap()) {
        let explanation = explain(recording, case, &pasted(case));
        let leaves = leaves(&explanation.stages);
        let behind = leaves.iter().skip_while(|node| node.mark != Mark::Failed).skip(1);
        let passed: Vec<_> = behind.filter(|node| node.mark == Mark::Passed).collect();
        assert!(passed.is_empty(), "{}: {passed:?}", case.id);
    }
}

#[cfg(feature = "rc4")]
#[test]
fn tree_of_an_accepted_token_has_no_unreached_check_and_shows_the_sid_of_the_user() {
    for (recording, case) in &cases(&recorded::load_all().unwrap()) {
        let Outcome::Accept(expect) = case.outcome() else { continue };
        let explanation = explain(recording, case, &pasted(case));
        assert!(leaves(&explanation.stages).iter().all(|node| node.value != "not reached"), "{}", case.id);
        assert!(explanation.outcome.unwrap().contains(&expect.client.realm), "{}", case.id);
        let text: String = explanation.stages.iter().map(ToString::to_string).collect();
        let sid = expect.pac.as_ref().and_then(|pac| pac.user_sid.as_ref());
        assert!(sid.is_none_or(|sid| text.contains(sid)), "{}", case.id);
    }
}

#[test]
fn answer_of_the_replay_cache_decides_the_stage_replay() {
    let recordings = recorded::load_all().unwrap();
    let cases = cases(&recordings);
    let (recording, case) = cases.iter().find(|(_, case)| matches!(case.outcome(), Outcome::Accept(_))).unwrap();
    let (validator, pasted) = (recording.validator(case).unwrap(), pasted(case));
    for (admission, code) in [
        (Some(Admission::New), None),
        (Some(Admission::Seen), Some("replay")),
        (Some(Admission::TooOld), Some("replay")),
        (Some(Admission::Full(ReplayLimit::Cache)), Some("replay-cache-full")),
        (Some(Admission::Failed), Some("replay-cache-failed")),
        (None, None),
    ] {
        let asked = |_: &ReplayEntry<'_>| admission.unwrap();
        let admit: Option<Admit<'_>> = if admission.is_some() { Some(&asked) } else { None };
        let examiner = Examiner { validator: &validator, arrival: case.now().into(), admit };
        let explanation = examiner.explain(&pasted);
        let last = explanation.stages.last().unwrap();
        assert_eq!(last.title, "Replay");
        assert_eq!(failures(&explanation.stages).first().map(|node| node.failure.as_ref().unwrap().code), code);
    }
}

/// Every shortened or changed token has a tree, and the tree agrees with the verdict of `kerberos-sso`.
#[test]
fn tree_of_a_changed_or_shortened_token_has_the_verdict_of_the_validator() {
    let recordings = recorded::load_all().unwrap();
    let cases = cases(&recordings);
    for (recording, case) in cases.iter().filter(|(_, case)| case.form == Form::Token).step_by(23) {
        let validator = recording.validator(case).unwrap();
        let token = case.bytes().unwrap();
        for at in (0..token.len()).step_by(7) {
            let mut changed = token.clone();
            changed[at] ^= 1 << (at % 8);
            assert_agrees(&validator, &changed, case.now());
            assert_agrees(&validator, &token[..at], case.now());
        }
    }
}

#[test]
fn tree_of_a_text_without_a_token_has_one_failed_node() {
    let validator = Validator::staged(kerberos_sso::KeySet::default(), kerberos_sso::Policy::default());
    let long = vec![b'A'; 300_000];
    for text in
        [&b""[..], b" ", b"Negotiate", b"Negotiate ", b"Basic eA==", b"Authorization:", b"\xFF\xFE", b"YII=", &long]
    {
        let examiner = Examiner { validator: &validator, arrival: UnixTime::from_seconds(0).into(), admit: None };
        let explanation = examiner.explain(&Pasted::recognise(text));
        assert_eq!(failures(&explanation.stages).len(), 1, "{text:?}");
        assert!(explanation.outcome.is_err());
    }
}

#[test]
fn header_and_base64_are_recognised_despite_line_breaks_and_blanks_and_header_names() {
    for (text, value) in [
        ("Negotiate YII=", "Negotiate YII="),
        ("  negotiate\tYII=\r\n", "negotiate YII="),
        ("Authorization: Negotiate YII=", "Negotiate YII="),
        ("> authorization: Negotiate YI\r\nI=", "Negotiate YII="),
        ("Basic dXNlcjpwYXNz", "Basic dXNlcjpwYXNz"),
        ("Negotiate", "Negotiate "),
    ] {
        let Pasted::Header(found) = Pasted::recognise(text.as_bytes()) else { panic!("{text:?} is a header") };
        assert_eq!(String::from_utf8(found).unwrap(), value, "{text:?}");
    }
    for (text, token) in [("YII=", &[0x60, 0x82][..]), (" YI\r\nI= ", &[0x60, 0x82]), ("\u{60}\u{2}", &[0x60, 2])] {
        assert!(matches!(Pasted::recognise(text.as_bytes()), Pasted::Token(found) if found == token), "{text:?}");
    }
}

/// A server accepts these tokens as octets, in base64 and in a header.
#[cfg(feature = "rc4")]
#[test]
fn accepted_token_gets_no_advice_whether_octets_or_base64_or_header() {
    for (_, case) in &cases(&recorded::load_all().unwrap()) {
        let Outcome::Accept(_) = case.outcome() else { continue };
        let contents = case.bytes().unwrap();
        assert_eq!(Advice::on(&contents), None, "{}", case.id);
        if case.form == Form::Token {
            let encoded = STANDARD.encode(&contents);
            assert_eq!(Advice::on(encoded.as_bytes()), None, "{}", case.id);
            assert_eq!(Advice::on(format!("Negotiate {encoded}").as_bytes()), None, "{}", case.id);
        }
    }
}

/// Session keys and MACs would appear as long runs of digits, and tokens and ciphertexts as long runs of base64.
#[test]
fn tree_contains_no_key_and_no_mac_and_no_ciphertext() {
    for (recording, case) in &cases(&recorded::load_all().unwrap()) {
        let explanation = explain(recording, case, &pasted(case));
        let text: String = explanation.stages.iter().map(ToString::to_string).collect();
        let is_long = |run: &&str| run.len() >= 20 && run.bytes().any(|byte| byte.is_ascii_digit());
        let runs: Vec<_> = text.split(|c: char| !c.is_ascii_alphanumeric()).filter(is_long).collect();
        assert!(runs.is_empty(), "{}: {runs:?}", case.id);
    }
}

#[test]
fn tree_is_drawn_with_branches_and_wrapped_at_118_columns() {
    let inner = Node::stage("inner", vec![Node::new(Mark::Passed, "a", "1"), Node::fact("b", "")]);
    let text = Node::stage("outer", vec![inner, Node::fact("c", "w ".repeat(80))]).to_string();
    let lines: Vec<_> = text.lines().collect();
    assert_eq!(lines[..4], ["✓ outer", "├ ✓ inner", "│ ├ ✓ a: 1", "│ └ · b"]);
    assert!(lines[4].starts_with("└ · c: w w") && lines[5].starts_with("      w"));
    assert!(lines.iter().all(|line| line.chars().count() <= 118));
}

fn assert_agrees(validator: &Validator<NoReplayCache>, token: &[u8], now: UnixTime) {
    let examiner = Examiner { validator, arrival: now.into(), admit: None };
    let explanation = examiner.explain(&Pasted::Token(token.to_vec()));
    let judged = validator.validate_ticket(token, now);
    assert_eq!(explanation.outcome.as_ref().err(), judged.as_ref().err());
    let failed = failures(&explanation.stages);
    assert_eq!(failed.len(), usize::from(judged.is_err()));
    assert!(failed.iter().all(|node| node.title != "Another check"), "{failed:?}");
}

fn cases(recordings: &[Recording]) -> Vec<(&Recording, &Case)> {
    recordings.iter().flat_map(|recording| recording.cases.iter().map(move |case| (recording, case))).collect()
}

fn pasted(case: &Case) -> Pasted {
    match case.form {
        Form::Token => Pasted::Token(case.bytes().unwrap()),
        Form::Header => Pasted::Header(case.bytes().unwrap()),
    }
}

fn explain(recording: &Recording, case: &Case, pasted: &Pasted) -> Explanation {
    let validator = recording.validator(case).unwrap();
    Examiner { validator: &validator, arrival: case.now().into(), admit: None }.explain(pasted)
}

fn leaves(nodes: &[Node]) -> Vec<&Node> {
    let below = |node: &'_ Node| if node.children.is_empty() { None } else { Some(()) };
    nodes.iter().flat_map(|node| if below(node).is_some() { leaves(&node.children) } else { vec![node] }).collect()
}

fn failures(nodes: &[Node]) -> Vec<&Node> {
    leaves(nodes).into_iter().filter(|node| node.failure.is_some()).collect()
}

/// The stages in which each code may appear. The list names a stage by the beginning of its title.
const WHERE: [(&str, &[&str]); 30] = [
    ("not-negotiate", &["Authorization header"]),
    ("too-large", &["Authorization header", "Token", "SPNEGO"]),
    ("ntlm", &["Token", "SPNEGO"]),
    ("negoex", &["Token", "SPNEGO"]),
    ("iakerb", &["Token", "SPNEGO"]),
    ("no-kerberos", &["Token", "SPNEGO"]),
    ("user-to-user", &["SPNEGO", "AP-REQ"]),
    ("unsupported-etype", &["AP-REQ", "Ticket's contents"]),
    ("rc4-refused", &["AP-REQ", "Ticket's contents"]),
    ("service-refused", &["AP-REQ", "Authenticator"]),
    ("no-key", &["Key"]),
    ("key-version", &["Key"]),
    ("integrity", &["Key", "Authenticator"]),
    ("ticket-expired", &["Ticket"]),
    ("ticket-not-yet-valid", &["Ticket"]),
    ("ticket-invalid", &["Ticket"]),
    ("ticket-lifetime", &["Ticket"]),
    ("name-refused", &["Ticket"]),
    ("untrusted-realm", &["Ticket"]),
    ("transited", &["Ticket"]),
    ("delegation", &["Ticket", "User"]),
    ("clock-skew", &["Authenticator"]),
    ("channel-binding", &["Authenticator"]),
    ("channel-binding-missing", &["Authenticator"]),
    ("pac-missing", &["PAC", "User"]),
    ("pac-malformed", &["PAC"]),
    ("pac-signature", &["PAC"]),
    ("pac-mismatch", &["PAC", "User"]),
    ("untrusted-domain", &["User"]),
    ("account-refused", &["User"]),
];
