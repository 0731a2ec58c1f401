//! The framing of the answer: SPNEGO, GSS-API or none, as in the client's token.

use super::*;

/// Returns the SPNEGO reply without its token, and the token with its mechanism OID and TOK_ID.
fn reply_to(token: &TestToken) -> (NegTokenRespParts, Krb5Message) {
    let answer = answer_to(&Server::new(), token);
    let reply = NegTokenRespParts::decode(answer.token().unwrap()).unwrap();
    let message = Krb5Message::decode(reply.response_token.as_ref().unwrap());
    (NegTokenRespParts { response_token: None, ..reply }, message)
}

fn completed(supported_mech: &[u8]) -> NegTokenRespParts {
    NegTokenRespParts {
        neg_state: Some(NegTokenRespParts::ACCEPT_COMPLETED),
        supported_mech: Some(supported_mech.into()),
        ..NegTokenRespParts::default()
    }
}

/// Windows offers the OID of Windows 2000 first but frames its token with the standard OID of Kerberos.
#[test]
fn spnego_reply_names_the_first_kerberos_oid_that_the_client_offers() {
    for (offered, mechanism) in [
        (vec![mech::MS_KRB5, mech::KRB5, mech::NEGOEX, mech::NTLM], mech::MS_KRB5),
        (vec![mech::KRB5, mech::MS_KRB5], mech::KRB5),
        (vec![mech::KRB5], mech::KRB5),
        (vec![mech::MS_KRB5], mech::MS_KRB5),
    ] {
        for inner in [mech::KRB5, mech::MS_KRB5] {
            let token = Server::new().good().spnego(|spnego| {
                spnego.mech_types = offered.iter().map(|oid| oid.to_vec()).collect();
                spnego.mech_token = MechToken::Krb5(inner.into());
            });
            let (reply, message) = reply_to(&token);
            assert_eq!(reply, completed(mechanism));
            assert_eq!(message.framing, Some((inner.to_vec(), Krb5Message::AP_REP)));
        }
    }
}

#[test]
fn spnego_around_a_bare_ap_req_is_answered_with_a_bare_ap_rep() {
    let token = Server::new().good().spnego(|spnego| spnego.mech_token = MechToken::ApReq);
    let (reply, message) = reply_to(&token);
    assert_eq!((reply, message.framing), (completed(mech::MS_KRB5), None));
}

#[test]
fn gss_token_is_answered_with_the_oid_of_the_request() {
    let server = Server::new();
    for oid in [mech::KRB5, mech::MS_KRB5] {
        let token = server.good().framed(TokenFraming::Krb5(oid.into()));
        let answer = answer_to(&server, &token);
        let message = Krb5Message::decode(answer.token().unwrap());
        assert_eq!(message.framing, Some((oid.to_vec(), Krb5Message::AP_REP)));
        assert!(ApRepParts::decode(&message.message, &token.authenticator.key).is_some());
    }
}

#[test]
fn bare_ap_req_is_answered_with_a_bare_ap_rep() {
    let server = Server::new();
    let token = server.good().framed(TokenFraming::ApReq);
    let answer = answer_to(&server, &token);
    assert!(ApRepParts::decode(answer.token().unwrap(), &token.authenticator.key).is_some());
}

/// Under MS-KILE section 3.4.5.1 the AP-REP has no framing, even when the client's token has a framing.
#[test]
fn ap_rep_of_dce_style_has_no_framing() {
    let server = Server::new();
    for framing in [TokenFraming::ApReq, TokenFraming::Krb5(mech::KRB5.into())] {
        let token = dce_style(server.good().framed(framing));
        let answer = answer_to(&server, &token);
        assert!(ApRepParts::decode(answer.token().unwrap(), &token.authenticator.key).is_some());
    }
    let (_, message) = reply_to(&dce_style(server.good()));
    assert_eq!(message.framing, None);
}

#[test]
fn client_without_the_mutual_flag_gets_no_ap_rep() {
    let server = Server::new();
    let token = without(GssFlags::MUTUAL, server.good());
    for framing in [TokenFraming::Krb5(mech::KRB5.into()), TokenFraming::ApReq] {
        let answer = answer_to(&server, &token.clone().framed(framing));
        assert_eq!((answer.token(), answer.www_authenticate()), (None, None));
    }
    let answer = answer_to(&server, &token);
    assert_eq!(NegTokenRespParts::decode(answer.token().unwrap()), Some(completed(mech::MS_KRB5)));
}

/// Without a GSS checksum, a client can ask for mutual authentication only by the AP options.
#[test]
fn mutual_required_option_is_used_only_without_a_gss_checksum() {
    let server = Server::new();
    let mut token = server.good().framed(TokenFraming::ApReq);
    token.authenticator.cksum = ChecksumParts::Absent;
    assert_eq!(answer_to(&server, &token).token(), None);
    token.ap_options = 1 << 29;
    let answer = answer_to(&server, &token);
    assert!(ApRepParts::decode(answer.token().unwrap(), &token.authenticator.key).is_some());
    // Anyone on the network can set the option. A client whose checksum lacks the mutual flag does not wait for an
    // AP-REP.
    let mut token = without(GssFlags::MUTUAL, server.good().framed(TokenFraming::ApReq));
    token.ap_options = 1 << 29;
    assert_eq!(answer_to(&server, &token).token(), None);
}

#[test]
fn answer_header_is_negotiate_and_the_token_in_base64() {
    use base64::Engine as _;
    let server = Server::new();
    let answer = answer_to(&server, &server.good());
    let expected = base64::engine::general_purpose::STANDARD.encode(answer.token().unwrap());
    assert_eq!(answer.www_authenticate().unwrap(), format!("Negotiate {expected}"));
}
