//! A client whose first choice is Kerberos and that sends no token at once.

use super::*;

fn offer(host: &Host) -> TestToken {
    host.good().spnego(|spnego| spnego.mech_token = MechToken::Absent)
}

#[test]
fn for_a_token_it_sends_one() {
    let host = Host::new();
    for token in mutual_and_not(&offer(&host)) {
        let asked = host.continues(&token.mint(), None);
        assert_eq!(shape_of(&asked.reply()), (INCOMPLETE, Some(mech::MS_KRB5), false, false));

        let (accepted, answer) = host.ends(&second_token(&token).mint(), Some(&asked.state));
        assert_eq!(accepted.identity().to_string(), "alice@CONTOSO.TEST");
        assert_eq!(accepted.framing(), Framing::Spnego);
        let mutual = accepted.wants_mutual();
        let reply = answer.token().unwrap().to_vec();
        assert_eq!(shape_of(&NegTokenRespParts::decode(&reply).unwrap()), (COMPLETED, None, mutual, false));
        let (_, mut context) = client_after(&token, &reply);
        assert_shared(&mut context, &mut answer.into_context());
    }
}

/// The identifier that is agreed on is the first of the two that the client offers.
#[test]
fn it_is_asked_under_its_own_identifier() {
    let host = Host::new();
    for (offered, agreed) in [(vec![mech::KRB5, mech::MS_KRB5], mech::KRB5), (vec![mech::MS_KRB5], mech::MS_KRB5)] {
        let token = offer(&host).spnego(|spnego| spnego.mech_types = offered.into_iter().map(Vec::from).collect());
        assert_eq!(host.continues(&token.mint(), None).reply().supported_mech.as_deref(), Some(agreed));
    }
}

#[test]
fn its_token_may_be_framed_under_either_identifier_or_bare() {
    let host = Host::new();
    for framing in [mech::KRB5, mech::MS_KRB5].map(|oid| TokenFraming::Krb5(oid.into())) {
        let token = offer(&host);
        let asked = host.continues(&token.mint(), None);
        let response = token.clone().framed(framing.clone()).mint();
        let second = NegTokenRespParts { response_token: Some(response), ..NegTokenRespParts::default() };
        let (_, answer) = host.ends(&second.mint(), Some(&asked.state));
        let reply = NegTokenRespParts::decode(answer.token().unwrap()).unwrap();
        let message = Krb5Message::decode(&reply.response_token.unwrap());
        let TokenFraming::Krb5(oid) = framing else { panic!() };
        assert_eq!(message.framing, Some((oid, Krb5Message::AP_REP)));
    }
    let token = offer(&host);
    let asked = host.continues(&token.mint(), None);
    let second = NegTokenRespParts { response_token: Some(token.ap_req()), ..NegTokenRespParts::default() };
    let (_, answer) = host.ends(&second.mint(), Some(&asked.state));
    let reply = NegTokenRespParts::decode(answer.token().unwrap()).unwrap();
    assert_eq!(Krb5Message::decode(&reply.response_token.unwrap()).framing, None);
}

/// A list that takes so many octets: Kerberos, and a mechanism with a long name.
fn with_list(token: TestToken, length: usize) -> TestToken {
    let token = token.spnego(|spnego| spnego.mech_types = vec![mech::KRB5.into(), vec![0x2A; length - 19]]);
    assert_eq!(TestClient::of(&token).mech_types.len(), length);
    token
}

/// For a client that has proved nothing, the server keeps a short list, or none.
#[test]
fn its_list_is_kept_up_to_the_limit() {
    let host = Host::new();
    for length in [MAX_KEPT_MECH_TYPES - 1, MAX_KEPT_MECH_TYPES] {
        let token = with_list(offer(&host), length);
        let asked = host.continues(&token.mint(), None);
        assert_eq!(asked.state.len(), 1 + length);
        let (accepted, _) = host.ends(&second_token(&token).mint(), Some(&asked.state));
        assert_eq!(accepted.identity().to_string(), "alice@CONTOSO.TEST");
    }
    let longer = |token| with_list(token, MAX_KEPT_MECH_TYPES + 1);
    assert_eq!(host.refuses(&longer(offer(&host)).mint(), None), Error::NoToken);
    let ntlm = |mut token: TestToken| {
        token = token.spnego(|spnego| spnego.mech_token = MechToken::Raw(b"NTLMSSP\0\x01\0\0\0".to_vec()));
        token.spnego(|spnego| spnego.mech_types.insert(0, mech::NTLM.into()))
    };
    let refused = host.refuses(&ntlm(with_list(offer(&host), MAX_KEPT_MECH_TYPES + 1 - 12)).mint(), None);
    assert_eq!(refused, Error::Ntlm { message: NtlmMessage::Negotiate, offer: KerberosOffer::AlsoOffered });
    host.continues(&ntlm(with_list(offer(&host), MAX_KEPT_MECH_TYPES - 12)).mint(), None);
    // With its ticket the client has proved who it is, and any list that fits a token is kept.
    let token = prefers_ntlm(longer(host.good()));
    let kept = host.continues(&token.mint(), None);
    let (client, mut context) = client_after(&token, &kept.token);
    host.assert_ends(&final_token(context.get_mic(&client.mech_types)).mint(), Some(&kept.state));
}

/// A client may begin the exchange where it is optional, if its context is complete.
#[test]
fn its_mic_is_answered() {
    let host = Host::new();
    assert_confirmed_at_once(&host, &without(GssFlags::MUTUAL, offer(&host)));
}
