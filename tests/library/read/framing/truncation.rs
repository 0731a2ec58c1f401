//! Tokens and messages that are cut short, or that have trailing octets.

use super::*;

#[test]
fn every_prefix_of_a_token_is_malformed() {
    let server = Server::new();
    let hinted = server.good().spnego(|spnego| spnego.neg_hints = NegHints::NotDefined);
    let framings = [TokenFraming::ApReq, TokenFraming::Krb5(mech::KRB5.into())];
    for token in framings.map(|framing| server.good().framed(framing)).into_iter().chain([server.good(), hinted]) {
        let token = token.mint();
        assert!(server.check(&token).is_ok());
        for length in 0..token.len() {
            assert_malformed(&server.check(&token[..length]).unwrap_err(), &format!("{length} bytes"));
        }
    }
}

#[test]
fn every_prefix_of_a_plaintext_is_malformed() {
    let server = Server::new();
    for (message, der, send) in messages(&server) {
        for length in 0..der.len() {
            let error = server.check(&send(der[..length].to_vec())).unwrap_err();
            assert_malformed(&error, &format!("{length} bytes of {message}"));
        }
    }
}

#[test]
fn message_or_token_with_trailing_octets_is_malformed() {
    let server = Server::new();
    for (message, der, send) in messages(&server) {
        let error = server.check(&send([&der[..], &[0]].concat())).unwrap_err();
        let at = der.len();
        assert_eq!(error, malformed(message, at, Problem::TrailingBytes(1)));
    }
    let token = [server.good().mint(), vec![0, 0]].concat();
    let at = token.len() - 2;
    assert_eq!(server.check(&token).unwrap_err(), malformed("InitialContextToken", at, Problem::TrailingBytes(2)));
}
