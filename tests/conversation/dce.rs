//! The client answers our AP-REP with one of its own.

use super::*;

/// The first leg, and what the client makes of it: its third leg as plain data, and its context.
fn begun(host: &Host, token: &TestToken, state: Option<&[u8]>) -> (Kept, ApRepParts, SecurityContext) {
    let first = match state {
        None => host.goes_on(&token.mint(), None),
        Some(state) => host.goes_on(&second_leg(token).mint(), Some(state)),
    };
    let client = TestClient::of(token);
    let ap_rep = client.ap_rep(&first.token).unwrap().unwrap();
    let number = if state.is_none() { 1 } else { 2 };
    assert_eq!(ap_rep.seq_number, Some(our_sequence_number(number)));
    let context = client.context(Some(&ap_rep));
    (first, client.third_leg(&ap_rep), context)
}

fn minted(token: &TestToken, third_leg: &ApRepParts) -> Vec<u8> {
    third_leg.mint(&token.authenticator.key, &[3; 16])
}

/// Ends a conversation by a third leg with a MIC, which is answered by one.
fn ended_with_mics(
    host: &Host,
    token: &TestToken,
    first: &Kept,
    third_leg: &ApRepParts,
    context: &mut SecurityContext,
) -> kerberos_sso::Answer {
    let mech_types = TestClient::of(token).mech_types;
    let last = NegTokenRespParts {
        response_token: Some(minted(token, third_leg)),
        mech_list_mic: Some(context.get_mic(&mech_types)),
        ..NegTokenRespParts::default()
    };
    let (_, answer) = host.ends(&last.mint(), Some(&first.state));
    let reply = NegTokenRespParts::decode(answer.token().unwrap()).unwrap();
    assert_eq!(outline(&reply), (COMPLETED, None, false, true));
    context.verify_mic(&mech_types, &reply.mech_list_mic.unwrap()).unwrap();
    answer
}

fn share(etype: EncType, client: &mut SecurityContext, server: &mut SecurityContext) {
    if etype == EncType::RC4_HMAC {
        // Its Wrap tokens of DCE style are not taken; its MICs are as always.
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
fn three_legs_without_spnego() {
    let host = Host::with_policy(crate::common::all_etypes());
    for etype in AES.into_iter().chain([EncType::RC4_HMAC]) {
        for (framing, named) in
            [(TokenFraming::ApReq, Framing::ApReq), (TokenFraming::Krb5(mech::KRB5.into()), Framing::Krb5)]
        {
            for token in mutual_and_not(&dce_style(host.good().session_etype(etype).framed(framing.clone()))) {
                let (first, third_leg, mut context) = begun(&host, &token, None);
                let (accepted, answer) = host.ends(&minted(&token, &third_leg), Some(&first.state));
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
fn three_legs_in_spnego() {
    let host = Host::with_policy(crate::common::all_etypes());
    for etype in AES.into_iter().chain([EncType::RC4_HMAC]) {
        let token = dce_style(host.good().session_etype(etype));
        let (first, third_leg, mut context) = begun(&host, &token, None);
        assert_eq!(outline(&first.reply()), (INCOMPLETE, Some(mech::MS_KRB5), true, false));
        let last =
            NegTokenRespParts { response_token: Some(minted(&token, &third_leg)), ..NegTokenRespParts::default() };
        let (accepted, answer) = host.ends(&last.mint(), Some(&first.state));
        assert_eq!(accepted.framing(), Framing::Spnego);
        let reply = NegTokenRespParts::decode(answer.token().unwrap()).unwrap();
        assert_eq!(outline(&reply), (COMPLETED, None, false, false));
        share(etype, &mut context, &mut answer.into_context());
    }
}

/// RFC 4178 section 5 c: the client's MIC goes with the last token of the mechanism, and ours answers it.
#[cfg(feature = "rc4")]
#[test]
fn the_client_confirms_with_its_third_leg() {
    let host = Host::with_policy(crate::common::all_etypes());
    for etype in AES.into_iter().chain([EncType::RC4_HMAC]) {
        for asked in [false, true] {
            let mut token = dce_style(prefers_ntlm(host.good().session_etype(etype)));
            let state = asked.then(|| {
                token = token.clone().spnego(|spnego| spnego.mech_token = MechToken::Absent);
                host.goes_on(&token.mint(), None).state
            });
            let (first, third_leg, mut context) = begun(&host, &token, state.as_deref());
            let expected = if asked { (INCOMPLETE, None) } else { (REQUEST_MIC, Some(mech::MS_KRB5)) };
            assert_eq!(outline(&first.reply()), (expected.0, expected.1, true, false));

            let answer = ended_with_mics(&host, &token, &first, &third_leg, &mut context);
            share(etype, &mut context, &mut answer.into_context());
        }
    }
}

/// Where the exchange is optional, it is for the client to begin it.
#[test]
fn a_mic_that_is_not_due_is_answered() {
    let host = Host::new();
    let token = dce_style(host.good());
    let (first, third_leg, mut context) = begun(&host, &token, None);
    let answer = ended_with_mics(&host, &token, &first, &third_leg, &mut context);
    assert_shared(&mut context, &mut answer.into_context());
}

/// MIT's clients send the time at which they make it, Heimdal's that of their authenticator.
#[test]
fn the_time_of_the_third_leg_is_not_looked_at() {
    let host = Host::new();
    let token = dce_style(host.good().framed(TokenFraming::ApReq));
    let (first, third_leg, _) = begun(&host, &token, None);
    let later = ApRepParts { ctime: "20261121080002Z".into(), cusec: 17, ..third_leg };
    host.ends(&minted(&token, &later), Some(&first.state));
}
