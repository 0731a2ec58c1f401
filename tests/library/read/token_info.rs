//! Tests of [`TokenInfo`]: the kinds of tokens, the token inside SPNEGO, and the AP-REQ.

use crate::common::Server;
use crate::common::dialogue::{final_token, krb5_token};
use kerberos_sso::crypto::EncType;
use kerberos_sso::limits::MAX_TOKEN_SIZE;
use kerberos_sso::negotiate::{TokenInfo, TokenShape};
use kerberos_sso::testing::{NegTokenRespParts, TokenFraming, mech};
use kerberos_sso::ticket::ApOptions;

/// Returns the realm, the authenticator's type and the options of the AP-REQ, if the AP-REQ can be read.
fn ap_req(info: &TokenInfo<'_>) -> Option<(String, EncType, u32)> {
    let options = info.ap_options().map(ApOptions::bits);
    let query = info.key_query().map(|query| query.realm().to_owned());
    Some((query?, info.authenticator_etype()?, options?))
}

/// Returns the expected values of a token with mutual authentication.
fn expected() -> (String, EncType, u32) {
    ("CONTOSO.TEST".into(), EncType::AES256_CTS_HMAC_SHA1_96, 1 << 29)
}

#[test]
fn info_of_a_first_token_in_spnego_shows_the_mechanisms_and_the_inner_token() {
    let token = Server::new().good().mutual().mint();
    let info = TokenInfo::of(&token);
    assert_eq!((info.shape(), info.inner()), (TokenShape::NegTokenInit, Some(TokenShape::Krb5)));
    assert_eq!(ap_req(&info), Some(expected()));
    let offered: Vec<_> = info.mechanisms().map(|offered| (offered.to_string(), offered.is_kerberos())).collect();
    assert_eq!(
        offered.iter().map(|(name, is_kerberos)| (name.as_str(), *is_kerberos)).collect::<Vec<_>>(),
        [
            ("Kerberos of Windows 2000 (1.2.840.48018.1.2.2)", true),
            ("Kerberos (1.2.840.113554.1.2.2)", true),
            ("NegoEx (1.3.6.1.4.1.311.2.2.30)", false),
            ("NTLM (1.3.6.1.4.1.311.2.2.10)", false),
        ]
    );
}

#[test]
fn info_of_a_later_token_in_spnego_shows_the_inner_token() {
    let inside = krb5_token(&Server::new().good().mutual());
    let token = NegTokenRespParts { response_token: Some(inside), ..NegTokenRespParts::default() }.mint();
    let info = TokenInfo::of(&token);
    assert_eq!((info.shape(), info.inner()), (TokenShape::NegTokenResp, Some(TokenShape::Krb5)));
    assert_eq!((ap_req(&info), info.mechanisms().count()), (Some(expected()), 0));
    let token = final_token(vec![1]).mint();
    let info = TokenInfo::of(&token);
    assert_eq!((info.shape(), info.inner(), ap_req(&info)), (TokenShape::NegTokenResp, None, None));
}

#[test]
fn info_of_a_token_without_spnego_shows_the_ap_req_of_the_token() {
    for (framing, shape, name) in [
        (TokenFraming::ApReq, TokenShape::ApReq, "AP-REQ without framing"),
        (TokenFraming::Krb5(mech::KRB5.into()), TokenShape::Krb5, "Kerberos in GSS framing"),
        (
            TokenFraming::Krb5(mech::MS_KRB5.into()),
            TokenShape::MsKrb5,
            "Kerberos in GSS framing (identifier of Windows 2000)",
        ),
    ] {
        let token = Server::new().good().mutual().framed(framing).mint();
        let info = TokenInfo::of(&token);
        assert_eq!((info.shape(), info.inner()), (shape, None));
        assert_eq!((ap_req(&info), info.mechanisms().count()), (Some(expected()), 0));
        assert_eq!(info.shape().to_string(), name);
    }
}

#[test]
fn token_info_reads_a_token_only_up_to_the_largest_size() {
    for (size, shape) in [(MAX_TOKEN_SIZE, TokenShape::Ntlm), (MAX_TOKEN_SIZE + 1, TokenShape::Unknown)] {
        let mut token = b"NTLMSSP\0\x01\0\0\0".to_vec();
        token.resize(size, 0);
        let info = TokenInfo::of(&token);
        assert_eq!((info.shape(), info.inner(), ap_req(&info)), (shape, None, None), "{size}");
    }
}
