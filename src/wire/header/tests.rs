use super::*;
use base64::engine::general_purpose::STANDARD;

#[test]
fn scheme_is_accepted_in_upper_and_lower_case() {
    for value in ["Negotiate YII=", "negotiate YII=", "NEGOTIATE \t YII=", "  Negotiate YII= \t"] {
        assert_eq!(decode(value.as_bytes(), 100).unwrap(), [0x60, 0x82], "{value:?}");
    }
}

#[test]
fn authorization_value_without_a_token_is_refused_with_its_reason() {
    for (value, problem) in [
        ("", HeaderProblem::OtherScheme),
        ("Basic dXNlcjpwYXNz", HeaderProblem::OtherScheme),
        ("NTLM TlRMTVNTUAAB", HeaderProblem::OtherScheme),
        ("Negotiated YII=", HeaderProblem::OtherScheme),
        ("Negotiate\u{A0}YII=", HeaderProblem::OtherScheme),
        ("Negotiate", HeaderProblem::NoToken),
        ("Negotiate   ", HeaderProblem::NoToken),
        ("Negotiate YII", HeaderProblem::Unpadded),
        ("Negotiate YA", HeaderProblem::Unpadded),
        ("Negotiate Y", HeaderProblem::Base64),
        ("Negotiate YA=", HeaderProblem::Base64),
        ("Negotiate YIJ=", HeaderProblem::Base64),
        ("Negotiate YI I=", HeaderProblem::Wrapped),
        ("Negotiate YII=\r\n YII=", HeaderProblem::Wrapped),
        ("Negotiate YI\nI", HeaderProblem::Wrapped),
        ("Negotiate YII=\r\nX: y", HeaderProblem::Base64),
        ("Negotiate YII=, Basic eA==", HeaderProblem::Base64),
        ("Negotiate YI_-", HeaderProblem::Base64),
    ] {
        assert_eq!(decode(value.as_bytes(), 100).unwrap_err(), HeaderFault::Problem(problem), "{value:?}");
    }
}

/// The vector engine decodes 32 octets at a time, and the scalar engine decodes one octet at a time. The two engines
/// must return the same result for every octet at every offset and for every length.
#[test]
fn vector_engine_decodes_every_value_as_the_scalar_engine_does() {
    for length in 0..100 {
        let token: Vec<u8> = (0..length).map(|octet: u8| octet.wrapping_mul(83)).collect();
        let mut value = encode(&token).into_bytes();
        assert_eq!(value, alloc::format!("Negotiate {}", STANDARD.encode(&token)).into_bytes());
        let all = value.len();
        for at in (10..all).filter(|at| length > 90 || at + 8 > all) {
            let good = value[at];
            // `decode` trims white space from the end of the header, and the scalar engine does not.
            for octet in (0..=u8::MAX).filter(|octet| !octet.is_ascii_whitespace()) {
                value[at] = octet;
                assert_eq!(decode(&value, 100).ok(), STANDARD.decode(&value[10..]).ok(), "{length} {at} {octet}");
            }
            value[at] = good;
        }
    }
}

#[test]
fn authorization_value_over_the_size_limit_is_refused_before_decoding() {
    let at_limit = STANDARD.encode([0x60; 100]);
    let value = alloc::format!("Negotiate {at_limit}");
    assert_eq!(decode(value.as_bytes(), 100).unwrap().len(), 100);
    // The length of this header allows tokens of 100 to 102 octets. The exact size of a token is checked later, when
    // the token is read.
    assert!(decode(value.as_bytes(), 99).is_err());
    let rubbish = alloc::format!("Negotiate {}", "!".repeat(1_000_000));
    assert!(matches!(decode(rubbish.as_bytes(), 65_536).unwrap_err(), HeaderFault::TooLarge { size: 750_000, .. }));
}
