//! Tests of a client that prefers another mechanism and begins with that mechanism.

use super::*;

const NTLM_NEGOTIATE: &[u8] = b"NTLMSSP\0\x01\0\0\0\x97\x82\x08\xE2";

fn ntlm_first(host: &Host) -> TestToken {
    prefers_ntlm(host.good()).spnego(|spnego| spnego.mech_token = MechToken::Raw(NTLM_NEGOTIATE.into()))
}

/// RFC 4178 section 4.2.2: a server may send `request-mic` in its first reply only. An MIT client changes to Kerberos
/// only after `request-mic`.
#[test]
fn client_that_begins_with_another_mechanism_is_accepted_after_its_mic() {
    let host = Host::new();
    let unknown = [0x2B, 0x06, 0x01, 0x04, 0x01, 0x82, 0x37, 0x7F];
    for (mechanism, token) in [
        (mech::NTLM, MechToken::Raw(NTLM_NEGOTIATE.into())),
        (mech::NTLM, MechToken::Absent),
        (mech::NEGOEX, MechToken::Raw(b"NEGOEXTS and so on".into())),
        (mech::IAKERB, MechToken::Absent),
        (&unknown, MechToken::Raw(vec![0x60, 0x0B, 0x06, 0x08, 0x2B, 6, 1, 4, 1, 0x82, 0x37, 0x7F, 7])),
        (&unknown, MechToken::Raw(b"whatever".into())),
        (&unknown, MechToken::Raw(Vec::new())),
    ] {
        let token = host.good().spnego(|spnego| {
            spnego.mech_types.insert(0, mechanism.into());
            spnego.mech_token = token;
        });
        let asked = host.continues(&token.mint(), None);
        assert_eq!(shape_of(&asked.reply()), (REQUEST_MIC, Some(mech::MS_KRB5), false, false));
        let second = host.continues(&second_token(&token).mint(), Some(&asked.state));
        let (client, mut context) = client_after(&token, &second.token);
        let (accepted, _) = host.ends(&final_token(context.get_mic(&client.mech_types)).mint(), Some(&second.state));
        assert_eq!(accepted.identity().to_string(), "alice@CONTOSO.TEST");
    }
}

#[cfg(feature = "rc4")]
#[test]
fn client_that_begins_with_ntlm_is_accepted_after_its_mic_under_every_encryption_type() {
    let host = Host::with_policy(crate::common::all_etypes());
    for etype in AES.into_iter().chain([EncType::RC4_HMAC]) {
        let token = ntlm_first(&host).session_etype(etype);
        let asked = host.continues(&token.mint(), None);
        let second = host.continues(&second_token(&token).mint(), Some(&asked.state));
        assert_eq!(shape_of(&second.reply()), (INCOMPLETE, None, true, true));

        let (client, mut context) = client_after(&token, &second.token);
        let last = final_token(context.get_mic(&client.mech_types));
        let (accepted, answer) = host.ends(&last.mint(), Some(&second.state));
        assert_eq!(accepted.identity().to_string(), "alice@CONTOSO.TEST");
        assert_eq!((accepted.framing(), accepted.wants_mutual()), (Framing::Spnego, true));
        assert_eq!((answer.token(), answer.www_authenticate()), (None, None));
        assert_shared(&mut context, &mut answer.into_context());
    }
}

/// This client has a complete context as soon as it sends its Kerberos token, so it sends its MIC with that token.
#[test]
fn client_without_the_mutual_flag_sends_its_mic_with_its_kerberos_token() {
    let host = Host::new();
    assert_confirmed_at_once(&host, &without(GssFlags::MUTUAL, ntlm_first(&host)));
}

/// RFC 4178 section 5: without integrity, the two sides exchange no MICs.
#[test]
fn client_that_begins_with_ntlm_and_without_the_integrity_flag_needs_no_mic() {
    let host = Host::new();
    for token in mutual_and_not(&without(GssFlags::INTEGRITY, ntlm_first(&host))) {
        let asked = host.continues(&token.mint(), None);
        let (accepted, answer) = host.ends(&second_token(&token).mint(), Some(&asked.state));
        let reply = NegTokenRespParts::decode(answer.token().unwrap()).unwrap();
        assert_eq!(shape_of(&reply), (COMPLETED, None, accepted.wants_mutual(), false));
    }
}

/// The client lists a stronger encryption type (RFC 4537). The server makes its MIC under a key of that type.
#[cfg(feature = "rc4")]
#[test]
fn mics_are_under_the_stronger_key_that_the_client_listed() {
    let host = Host::with_policy(crate::common::all_etypes());
    let etypes = rasn::der::encode(&vec![20, 23]).unwrap();
    let mut token = ntlm_first(&host).session_etype(EncType::RC4_HMAC);
    token.authenticator.authorization_data.push(kerberos_sso::testing::if_relevant(&[(129, etypes)]));
    let asked = host.continues(&token.mint(), None);
    let second = host.continues(&second_token(&token).mint(), Some(&asked.state));
    let (client, mut context) = client_after(&token, &second.token);
    let last = final_token(context.get_mic(&client.mech_types));
    let (_, answer) = host.ends(&last.mint(), Some(&second.state));
    let mut server = answer.into_context();
    assert_eq!(server.etype(), EncType::AES256_CTS_HMAC_SHA384_192);
    assert_shared(&mut context, &mut server);
}
