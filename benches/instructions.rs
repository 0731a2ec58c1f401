//! Decisions of each kind, for `benches/instructions`, which counts the processor's instructions in [`counted`].
//!
//! With the name of a kind: decides [`TIMES`] requests of that kind. Without: prints the names. As a bench: each once.
#![allow(clippy::unwrap_used, clippy::print_stdout, missing_docs)]

use kerberos_sso::crypto::EncType;
use kerberos_sso::replay::NoReplayCache;
use kerberos_sso::testing::{TestRealm, TestToken};
use kerberos_sso::{Accepted, ComputerAccount, Error, ForeignSidPolicy, KeySet, Password, Policy, UnixTime, Validator};
use std::hint::black_box;

const NOW: UnixTime = UnixTime::from_seconds(1_795_248_000);

/// `benches/instructions` divides by this.
const TIMES: usize = 100;

/// What is decided, by whom, and as what: a stable code, or `accepted`.
struct Case {
    name: String,
    validator: Validator<NoReplayCache>,
    request: Request,
    verdict: &'static str,
}

enum Request {
    Token(Vec<u8>),
    Header(String),
}

fn main() {
    let argument = std::env::args().skip(1).find(|argument| !argument.starts_with("--"));
    let smoke = std::env::args().any(|argument| argument == "--bench" || argument == "--test");
    for case in cases() {
        match &argument {
            Some(name) if *name == case.name => (0..TIMES).for_each(|_| decide(&case)),
            Some(_) => {}
            None if smoke => decide(&case),
            None => println!("{}", case.name),
        }
    }
}

fn decide(case: &Case) {
    let verdict = counted(&case.validator, black_box(&case.request));
    assert_eq!(verdict.as_ref().map_or_else(Error::code, |_| "accepted"), case.verdict, "{}", case.name);
    dropped(verdict);
}

#[inline(never)]
fn counted(validator: &Validator<NoReplayCache>, request: &Request) -> Result<Accepted, Error> {
    match request {
        Request::Token(token) => validator.validate_ticket(token, NOW),
        Request::Header(header) => validator.validate_header(header, NOW),
    }
}

/// Counted too: what an accepted request holds is overwritten.
#[inline(never)]
fn dropped(verdict: Result<Accepted, Error>) {
    drop(verdict);
}

fn cases() -> Vec<Case> {
    let mut cases = accepted();
    cases.extend(refused());
    cases
}

fn accepted() -> Vec<Case> {
    let realm = TestRealm::new("CONTOSO.TEST").with_account("AZUREADSSOACC$");
    let case = |name: String, request| Case {
        name,
        validator: Validator::new(realm.key_set(), Policy::default().allow_rc4(), NoReplayCache),
        request,
        verdict: "accepted",
    };
    let mut cases = Vec::new();
    for (name, etype) in ETYPES {
        let token = || realm.ticket_for("alice").etype(etype).session_etype(etype).at(NOW);
        cases.push(case(format!("{name}/bare"), Request::Token(token().mint())));
        cases.push(case(format!("{name}/pac"), Request::Token(with_pac(token()).mint())));
    }
    let token = realm.ticket_for("alice").at(NOW);
    cases.push(case("header/bare".into(), Request::Header(token.header())));
    cases
}

fn with_pac(token: TestToken) -> TestToken {
    token.pac(|pac| {
        pac.logon_info.full_name = "Alice Anderson".into();
        pac.logon_info.profile_path = r"\\files.contoso.test\profiles\alice".into();
        pac.logon_info.home_directory = r"\\files.contoso.test\home\alice".into();
        pac.groups(1100..1105);
    })
}

fn refused() -> Vec<Case> {
    let realm = TestRealm::new("CONTOSO.TEST").with_account("AZUREADSSOACC$");
    let token = with_pac(realm.ticket_for("alice").at(NOW)).mint();
    let rc4 = realm.ticket_for("alice").etype(EncType::RC4_HMAC).at(NOW).mint();
    let unknown = TestRealm::new("FABRIKAM.TEST").with_account("AZUREADSSOACC$").ticket_for("alice").at(NOW).mint();
    let computer = ComputerAccount::new("AZUREADSSOACC$", "CONTOSO.TEST");
    let other_key = KeySet::from_iter([computer.with_password(&Password::from_text("another"), Some(1))]);
    let rubbish = token.iter().rev().copied().collect();
    let policy = || Policy::default().foreign_sids(ForeignSidPolicy::Separate);
    let case = |name: &str, keys, token, verdict| Case {
        name: format!("refuse/{name}"),
        validator: Validator::new(keys, policy(), NoReplayCache),
        request: Request::Token(token),
        verdict,
    };
    vec![
        case("rubbish", realm.key_set(), rubbish, "malformed"),
        case("ntlm", realm.key_set(), b"NTLMSSP\0\x01\0\0\0\x97\x82\x08\xE2".to_vec(), "ntlm"),
        case("too-large", realm.key_set(), vec![0x60; 100_000], "too-large"),
        case("rc4", realm.key_set(), rc4, "rc4-refused"),
        case("unknown-realm", realm.key_set(), unknown, "no-key"),
        case("wrong-key", other_key, token, "integrity"),
    ]
}

const ETYPES: [(&str, EncType); 5] = [
    ("aes256-sha1", EncType::AES256_CTS_HMAC_SHA1_96),
    ("aes128-sha1", EncType::AES128_CTS_HMAC_SHA1_96),
    ("aes128-sha2", EncType::AES128_CTS_HMAC_SHA256_128),
    ("aes256-sha2", EncType::AES256_CTS_HMAC_SHA384_192),
    ("rc4", EncType::RC4_HMAC),
];
