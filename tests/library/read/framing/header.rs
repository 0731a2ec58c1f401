//! The value of the `Authorization` header: its scheme and its base64 text.

use super::*;

fn refusal(change: impl FnOnce(String) -> String) -> Error {
    let server = Server::new();
    let header = server.good().header();
    assert!(server.validator.validate_header(header.as_bytes(), NOW).is_ok());
    server.validator.validate_header(change(header).as_bytes(), NOW).unwrap_err().into_error()
}

#[test]
fn base64_with_wrong_padding_or_wrong_characters_is_refused() {
    let base64 = Error::NotNegotiate(HeaderProblem::Base64);
    let unpadded = refusal(|header| header.strip_suffix('=').unwrap().into());
    assert_eq!(unpadded, Error::NotNegotiate(HeaderProblem::Unpadded));
    assert!(unpadded.remedy().unwrap().to_string().contains("\"=\""));
    assert_eq!(refusal(|header| header + "="), base64);
    for gap in [" ", "\r\n", "\t"] {
        let wrapped = refusal(|header| header.replacen("YI", &format!("Y{gap}I"), 1));
        assert_eq!(wrapped, Error::NotNegotiate(HeaderProblem::Wrapped));
        assert!(wrapped.remedy().unwrap().to_string().contains("in one line"));
    }
    assert_eq!(refusal(|header| header + "\r\nX-Forwarded-User: root"), base64);
    assert_eq!(refusal(|header| header + ", Basic eDp4"), base64);
    assert_eq!(refusal(|header| header.replacen("YI", "YI\0", 1)), base64);
}

/// The character before `=` has two bits that belong to no octet.
#[test]
fn base64_is_refused_when_its_unused_bits_are_not_zero() {
    let with_spare_bit = |mut header: String| {
        assert_eq!(header.pop(), Some('='));
        let last = header.pop().unwrap();
        let next = char::from(u8::try_from(last).unwrap() + 1);
        assert!(next.is_ascii_alphanumeric());
        header.extend([next, '=']);
        header
    };
    assert_eq!(refusal(with_spare_bit), Error::NotNegotiate(HeaderProblem::Base64));
}

#[test]
fn header_of_another_scheme_or_without_a_token_is_refused() {
    let other = Error::NotNegotiate(HeaderProblem::OtherScheme);
    assert_eq!(refusal(|_| "Basic dXNlcjpwYXNz".into()), other);
    assert_eq!(refusal(|header| header.replacen("Negotiate", "Kerberos", 1)), other);
    assert_eq!(refusal(|header| header.replacen("Negotiate ", "", 1)), other);
    assert_eq!(refusal(|_| String::new()), other);
    assert_eq!(refusal(|_| "Negotiate".into()), Error::NotNegotiate(HeaderProblem::NoToken));
    assert_eq!(refusal(|_| "Negotiate ".into()), Error::NotNegotiate(HeaderProblem::NoToken));
    assert_eq!(refusal(|header| header.replacen("Negotiate", "NTLM", 1)), other);
}
