//! Tests of DCE style: the client answers the server's AP-REP with another AP-REP.

use super::*;

/// Returns the state after the first token, the unencrypted fields of the client's AP-REP, and the client's context.
fn begun(host: &Host, token: &TestToken, state: Option<&[u8]>) -> (Kept, ApRepParts, SecurityContext) {
    let first = match state {
        None => host.continues(&token.mint(), None),
        Some(state) => host.continues(&second_token(token).mint(), Some(state)),
    };
    let client = TestClient::of(token);
    let ap_rep = client.ap_rep(&first.token).unwrap().unwrap();
    let number = if state.is_none() { 1 } else { 2 };
    assert_eq!(ap_rep.seq_number, Some(our_sequence_number(number)));
    let context = client.context(Some(&ap_rep));
    (first, client.confirmation(&ap_rep), context)
}

fn minted(token: &TestToken, client_ap_rep: &ApRepParts) -> Vec<u8> {
    client_ap_rep.mint(&token.authenticator.key, &[3; 16])
}

/// Ends a negotiation with the client's AP-REP and a MIC, which the server answers with its own MIC.
fn ended_with_mics(
    host: &Host,
    token: &TestToken,
    first: &Kept,
    client_ap_rep: &ApRepParts,
    context: &mut SecurityContext,
) -> kerberos_sso::Answer {
    let mech_types = TestClient::of(token).mech_types;
    let last = NegTokenRespParts {
        response_token: Some(minted(token, client_ap_rep)),
        mech_list_mic: Some(context.get_mic(&mech_types)),
        ..NegTokenRespParts::default()
    };
    let (_, answer) = host.ends(&last.mint(), Some(&first.state));
    let reply = NegTokenRespParts::decode(answer.token().unwrap()).unwrap();
    assert_eq!(shape_of(&reply), (COMPLETED, None, false, true));
    context.verify_mic(&mech_types, &reply.mech_list_mic.unwrap()).unwrap();
    answer
}

fn share(etype: EncType, client: &mut SecurityContext, server: &mut SecurityContext) {
    if etype == EncType::RC4_HMAC {
        // The library does not accept Wrap tokens of RC4 in DCE style. MICs of RC4 work as usual.
        let mic = client.get_mic(b"alice");
        server.verify_mic(b"alice", &mic).unwrap();
        let mic = server.get_mic(b"alice");
        client.verify_mic(b"alice", &mic).unwrap();
    } else {
        assert_shared(client, server);
    }
}

#[cfg(feature = "rc4")]
#[test]
fn client_of_dce_style_is_accepted_after_three_tokens_without_spnego() {
    let host = Host::with_policy(crate::common::all_etypes());
    for etype in AES.into_iter().chain([EncType::RC4_HMAC]) {
        for (framing, named) in
            [(TokenFraming::ApReq, Framing::ApReq), (TokenFraming::Krb5(mech::KRB5.into()), Framing::Krb5)]
        {
            for token in mutual_and_not(&dce_style(host.good().session_etype(etype).framed(framing.clone()))) {
                let (first, client_ap_rep, mut context) = begun(&host, &token, None);
                let (accepted, answer) = host.ends(&minted(&token, &client_ap_rep), Some(&first.state));
                assert_eq!(accepted.identity().to_string(), "alice@CONTOSO.TEST");
                assert_eq!((accepted.framing(), accepted.wants_mutual()), (named, true));
                assert_eq!(answer.token(), None);
                share(etype, &mut context, &mut answer.into_context());
            }
        }
    }
}

#[cfg(feature = "rc4")]
#[test]
fn client_of_dce_style_is_accepted_after_three_tokens_in_spnego() {
    let host = Host::with_policy(crate::common::all_etypes());
    for etype in AES.into_iter().chain([EncType::RC4_HMAC]) {
        let token = dce_style(host.good().session_etype(etype));
        let (first, client_ap_rep, mut context) = begun(&host, &token, None);
        assert_eq!(shape_of(&first.reply()), (INCOMPLETE, Some(mech::MS_KRB5), true, false));
        let last =
            NegTokenRespParts { response_token: Some(minted(&token, &client_ap_rep)), ..NegTokenRespParts::default() };
        let (accepted, answer) = host.ends(&last.mint(), Some(&first.state));
        assert_eq!(accepted.framing(), Framing::Spnego);
        let reply = NegTokenRespParts::decode(answer.token().unwrap()).unwrap();
        assert_eq!(shape_of(&reply), (COMPLETED, None, false, false));
        share(etype, &mut context, &mut answer.into_context());
    }
}

/// RFC 4178 section 5 c: the client sends its MIC with the last token of the mechanism. The server answers with its own
/// MIC.
#[cfg(feature = "rc4")]
#[test]
fn mic_that_comes_with_the_ap_rep_of_a_client_is_answered_with_a_mic() {
    let host = Host::with_policy(crate::common::all_etypes());
    for etype in AES.into_iter().chain([EncType::RC4_HMAC]) {
        for asked in [false, true] {
            let mut token = dce_style(prefers_ntlm(host.good().session_etype(etype)));
            let state = asked.then(|| {
                token = token.clone().spnego(|spnego| spnego.mech_token = MechToken::Absent);
                host.continues(&token.mint(), None).state
            });
            let (first, client_ap_rep, mut context) = begun(&host, &token, state.as_deref());
            let expected = if asked { (INCOMPLETE, None) } else { (REQUEST_MIC, Some(mech::MS_KRB5)) };
            assert_eq!(shape_of(&first.reply()), (expected.0, expected.1, true, false));

            let answer = ended_with_mics(&host, &token, &first, &client_ap_rep, &mut context);
            share(etype, &mut context, &mut answer.into_context());
        }
    }
}

/// When the exchange of MICs is optional, the client may begin the exchange.
#[test]
fn optional_mic_of_a_client_of_dce_style_is_answered_with_a_mic() {
    let host = Host::new();
    let token = dce_style(host.good());
    let (first, client_ap_rep, mut context) = begun(&host, &token, None);
    let answer = ended_with_mics(&host, &token, &first, &client_ap_rep, &mut context);
    assert_shared(&mut context, &mut answer.into_context());
}

/// An MIT client sends the time at which it makes its AP-REP. A Heimdal client sends the time of its authenticator.
#[test]
fn clients_ap_rep_may_have_a_later_time_than_the_authenticator() {
    let host = Host::new();
    let token = dce_style(host.good().framed(TokenFraming::ApReq));
    let (first, client_ap_rep, _) = begun(&host, &token, None);
    let later = ApRepParts { ctime: "20261121080002Z".into(), cusec: 17, ..client_ap_rep };
    host.assert_ends(&minted(&token, &later), Some(&first.state));
}
