//! Tests of `explain` with tokens from standard input and from the command line.

use super::{key_words, run, run_with, with_recorded};
use base64::Engine as _;
use serde_json::Value;

#[test]
fn token_from_standard_input_and_as_an_argument_has_the_same_tree() {
    with_recorded("samba-mit-krb5", |recording, case| {
        let keys = key_words(recording, case);
        let words: Vec<&str> = ["explain"].into_iter().chain(keys.iter().map(String::as_str)).collect();
        let octets = case.bytes().unwrap();
        let base64 = base64::engine::general_purpose::STANDARD.encode(&octets);
        let of_input = run_with(&[&words[..], &["-"]].concat(), &octets);
        let of_word = run(&[&words[..], &[&base64]].concat());
        assert_eq!((of_input.code, of_input.err.as_str()), (0, ""));
        assert!(of_input.out.starts_with("✓ accepted: alice@CONTOSO.TEST"), "{}", of_input.out);
        assert!(of_input.out.contains("\n✓ Key\n") && of_input.out.contains("\n✓ Replay\n"), "{}", of_input.out);
        assert_eq!((of_word.code, of_word.out), (0, of_input.out));
    });
}

#[test]
fn refused_token_exits_1_and_its_tree_shows_the_failed_check() {
    with_recorded("samba-mit-krb5-clock", |recording, case| {
        let keys = key_words(recording, case);
        let words: Vec<&str> = ["explain"].into_iter().chain(keys.iter().map(String::as_str)).collect();
        let ran = run_with(&[&words[..], &["-"]].concat(), &case.bytes().unwrap());
        assert_eq!((ran.code, ran.err.as_str()), (1, ""));
        assert!(ran.out.starts_with("✗ refused: clock-skew, at "), "{}", ran.out);
        assert!(ran.out.contains("├ ✗ Client's clock\n│   refused  clock-skew (look at: time)\n"), "{}", ran.out);
    });
}

#[test]
fn web_address_instead_of_a_token_prints_where_to_find_a_token() {
    let of_input = run_with(&["explain", "--at", "0", "-"], b"https://www.example.test/");
    assert_eq!((of_input.code, of_input.err.as_str()), (1, ""));
    let of_word = run(&["explain", "https://www.example.test/"]);
    assert_eq!((of_word.code, of_word.out.as_str()), (2, ""));
    for said in [of_input.out, of_word.err] {
        assert!(said.contains("\nThis is a web address. The token is never in the address."), "{said}");
        assert!(said.contains("\nIn the browser, open the developer tools (F12)"), "{said}");
    }
}

#[test]
fn json_contains_the_verdict_and_every_stage_of_each_token() {
    for (id, code) in [("samba-mit-krb5", None), ("samba-mit-krb5-clock", Some("clock-skew"))] {
        with_recorded(id, |recording, case| {
            let keys = key_words(recording, case);
            let words: Vec<&str> = ["explain", "--json"].into_iter().chain(keys.iter().map(String::as_str)).collect();
            let ran = run_with(&[&words[..], &["-"]].concat(), &case.bytes().unwrap());
            assert_eq!((ran.code, ran.err.as_str()), (i32::from(code.is_some()), ""));
            let told: Value = serde_json::from_str(&ran.out).unwrap();
            assert_eq!((&told["accepted"], &told["code"]), (&code.is_none().into(), &code.into()));
            assert_eq!((&told["at"], &told["advice"]), (&case.now().seconds().into(), &Value::Null));
            let identity = told["identity"].as_str().unwrap_or_default();
            assert_eq!(identity.starts_with("alice@CONTOSO.TEST (S-1-5-"), code.is_none(), "{identity}");
            let stages = told["stages"].as_array().unwrap();
            let named = |title: &str| stages.iter().find(|stage| stage["title"] == title).unwrap();
            assert_eq!(named("Key")["passed"], true);
            let clock = named("Authenticator")["children"].as_array().unwrap();
            let clock = clock.iter().find(|check| check["title"] == "Client's clock").unwrap();
            assert_eq!((&clock["passed"], &clock["failure"]["code"]), (&code.is_none().into(), &code.into()));
            assert_eq!(named("Replay")["passed"], if code.is_none() { true.into() } else { Value::Null });
        });
    }
    let ran = run_with(&["explain", "--json", "-"], b"https://www.example.test/");
    let told: Value = serde_json::from_str(&ran.out).unwrap();
    assert!(told["advice"].as_str().unwrap().starts_with("This is a web address."), "{}", ran.out);
}
