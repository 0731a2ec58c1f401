//! The order of the checks: cheap checks come first, and checks without a key come before checks with a key.

use crate::common;

use common::refusals::{IN_ORDER, server};
use kerberos_sso::Error;

#[test]
fn each_single_change_of_the_good_token_is_refused_with_a_different_error() {
    let server = server();
    let mut errors: Vec<Error> = Vec::new();
    for (code, change) in IN_ORDER {
        let error = server.refusal(change);
        assert_eq!(error.code(), code, "{error}");
        assert!(!errors.contains(&error), "{error}");
        errors.push(error);
    }
}

#[test]
fn token_with_two_faults_is_refused_with_the_error_of_the_earlier_check() {
    let server = server();
    for (index, (_, earlier)) in IN_ORDER.iter().enumerate() {
        let expected = server.refusal(*earlier);
        for (code, later) in &IN_ORDER[index..] {
            let error = server.refusal(|token| {
                later(token);
                earlier(token);
            });
            assert_eq!(error.code(), expected.code(), "before {code}");
            assert_eq!(error.blame(), expected.blame(), "before {code}");
        }
    }
}

/// The errors tell a client without the account's key nothing about the contents of a ticket. The errors tell a client
/// without the session key nothing about the contents of the authenticator.
#[test]
fn ciphertext_under_a_wrong_key_gives_the_same_error_whatever_its_plaintext() {
    let server = server();
    let foreign = IN_ORDER[6].1;
    let expected = server.refusal(foreign);
    for (_, inside) in &IN_ORDER[7..] {
        let error = server.refusal(|token| {
            inside(token);
            foreign(token);
        });
        assert_eq!(error, expected);
    }
    let foreign = IN_ORDER[18].1;
    let expected = server.refusal(foreign);
    for (_, inside) in &IN_ORDER[19..] {
        let error = server.refusal(|token| {
            inside(token);
            foreign(token);
        });
        assert_eq!(error, expected);
    }
}
