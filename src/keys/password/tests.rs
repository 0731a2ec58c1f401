use super::*;
use crate::crypto::EncType;

const AES: EncType = EncType::AES256_CTS_HMAC_SHA1_96;

/// The `utf16_munged` conversion of Samba replaces the same units in the random passwords of computers.
#[test]
fn invalid_utf16_units_are_replaced_for_aes_and_kept_for_rc4() {
    let salt = Salt::computer("client$", "DOMAIN.COM");
    let key = |password: &Password, etype| password.key(etype, &salt).unwrap();
    for (units, text) in [
        (&[0x41, 0x0000, 0x42][..], "A\u{1}B"),
        (&[0x41, 0xD83D, 0x42], "A\u{FFFD}B"),
        (&[0xDE00], "\u{FFFD}"),
        (&[0xD83D, 0xDE00, 0xFFFF], "\u{1F600}\u{FFFF}"),
    ] {
        let (units, text) = (Password::from_utf16(units), Password::from_text(text));
        assert_eq!(key(&units, AES), key(&text, AES));
    }
    #[cfg(feature = "rc4")]
    {
        let (zero, one) = (Password::from_utf16(&[0]), Password::from_utf16(&[1]));
        assert_ne!(key(&zero, EncType::RC4_HMAC), key(&one, EncType::RC4_HMAC));
    }
}

#[test]
fn salt_of_every_kind_of_account_has_the_documented_form() {
    for (salt, expected) in [
        (Salt::computer("AzureADSSOAcc$", "contoso.test"), "CONTOSO.TESThostazureadssoacc.contoso.test"),
        (Salt::user("svc-Web", "contoso.test"), "CONTOSO.TESTsvc-Web"),
        (Salt::user("HTTP/www.contoso.test", "CONTOSO.TEST"), "CONTOSO.TESTHTTPwww.contoso.test"),
        (Salt::principal("HTTP/www.example.test", "Example.Test"), "Example.TestHTTPwww.example.test"),
        // Other common forms of the names of the same accounts.
        (Salt::computer("AZUREADSSOACC$@CONTOSO.TEST", "contoso.test"), "CONTOSO.TESThostazureadssoacc.contoso.test"),
        (Salt::computer(r"CONTOSO\AzureADSSOAcc$", "contoso.test"), "CONTOSO.TESThostazureadssoacc.contoso.test"),
        (Salt::computer("host/WEB.contoso.test", "contoso.test"), "CONTOSO.TESThostweb.contoso.test"),
        (Salt::computer("HOST/WEB", "contoso.test"), "CONTOSO.TESThostweb.contoso.test"),
        (Salt::user("svc-Web@contoso.test", "contoso.test"), "CONTOSO.TESTsvc-Web"),
        (Salt::user(r"CONTOSO\svc-Web", "contoso.test"), "CONTOSO.TESTsvc-Web"),
        (Salt::principal("HTTP/www.example.test@Example.Test", "Example.Test"), "Example.TestHTTPwww.example.test"),
        (Salt::principal("alice@other.test", "Example.Test"), "Example.Testalice@other.test"),
    ] {
        assert_eq!(salt.as_bytes(), expected.as_bytes());
    }
}
