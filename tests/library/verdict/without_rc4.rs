//! Tests of a build without the feature `rc4`. A build without this feature knows the name of RC4 and refuses RC4
//! under every policy.
#![cfg(not(feature = "rc4"))]

use crate::common;

use common::{Server, all_etypes};
use kerberos_sso::crypto::{ChecksumType, EncType, InvalidKey, Key, StringToKeyError, string_to_key};
use kerberos_sso::error::KeyRole;
use kerberos_sso::testing::KeyParts;
use kerberos_sso::{ComputerAccount, Error, Password, Policy};

#[test]
fn rc4_has_a_name_but_is_not_supported_in_a_build_without_the_feature_rc4() {
    assert_eq!(EncType::RC4_HMAC.to_string(), "rc4-hmac (23)");
    assert_eq!("arcfour-hmac".parse(), Ok(EncType::RC4_HMAC));
    assert!(!EncType::RC4_HMAC.is_supported() && !ChecksumType::HMAC_MD5.is_supported());
    let enc_type = EncType::RC4_HMAC;
    assert_eq!(Key::new(enc_type, &[1; 16]).unwrap_err(), InvalidKey::Unsupported { enc_type });
    let refused = string_to_key(enc_type, "password", b"", None).unwrap_err();
    assert_eq!(refused, StringToKeyError::Unsupported { enc_type });
}

#[test]
fn computer_account_has_only_aes_keys_in_a_build_without_rc4() {
    let account = ComputerAccount::new("WEB$", "CONTOSO.TEST").with_password(&Password::from_text("secret"), None);
    assert_eq!(account.keys().len(), 2);
}

#[test]
fn refusal_of_a_ticket_under_rc4_says_that_the_build_has_no_rc4() {
    let lists_rc4 = Policy::default().with_ticket_etypes(&[EncType::RC4_HMAC, EncType::AES256_CTS_HMAC_SHA1_96]);
    for policy in [Policy::default(), all_etypes(), lists_rc4] {
        let server = Server::with_policy(policy);
        let error = server.refusal(|token| token.ticket.etype = EncType::RC4_HMAC.0.into());
        assert_eq!(error.code(), "rc4-refused");
        assert_eq!(error.to_string(), "the ticket's encryption is RC4 (rc4-hmac, 23), which this build does not have");
        assert!(error.remedy().unwrap().to_string().contains("This build of the server has no RC4"));
    }
}

#[test]
fn session_key_or_subkey_of_rc4_is_refused() {
    let server = Server::with_policy(all_etypes());
    let rc4 = || KeyParts { keytype: EncType::RC4_HMAC.0, keyvalue: vec![7; 16] };
    let session = server.refusal(|token| token.ticket.session_key = rc4());
    assert_eq!(session, Error::Rc4Refused { role: KeyRole::Session });
    let subkey = server.refusal(|token| token.authenticator.subkey = Some(rc4()));
    assert_eq!(subkey, Error::Rc4Refused { role: KeyRole::Subkey });
}
