//! Tests of a client that prefers Kerberos and sends no token with its offer.

use super::*;

fn offer(host: &Host) -> TestToken {
    host.good().spnego(|spnego| spnego.mech_token = MechToken::Absent)
}

#[test]
fn client_that_offers_kerberos_without_a_token_is_accepted_after_its_second_token() {
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

/// The server chooses the first of the two Kerberos OIDs that the client offers.
#[test]
fn reply_to_an_offer_without_a_token_names_the_first_offered_kerberos_oid() {
    let host = Host::new();
    for (offered, agreed) in [(vec![mech::KRB5, mech::MS_KRB5], mech::KRB5), (vec![mech::MS_KRB5], mech::MS_KRB5)] {
        let token = offer(&host).spnego(|spnego| spnego.mech_types = offered.into_iter().map(Vec::from).collect());
        assert_eq!(host.continues(&token.mint(), None).reply().supported_mech.as_deref(), Some(agreed));
    }
}

#[test]
fn second_token_is_accepted_under_either_kerberos_oid_or_without_framing() {
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

/// Gives the token a MechTypeList of `length` octets: Kerberos, and a mechanism with a long OID.
fn with_list(token: TestToken, length: usize) -> TestToken {
    let token = token.spnego(|spnego| spnego.mech_types = vec![mech::KRB5.into(), vec![0x2A; length - 19]]);
    assert_eq!(TestClient::of(&token).mech_types.len(), length);
    token
}

/// For a client that has sent no ticket, the server keeps a MechTypeList only up to a limit.
#[test]
fn mech_type_list_of_a_client_without_a_ticket_is_kept_up_to_the_limit() {
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
    // A client that has sent its ticket has proved its identity, so the server keeps a longer list.
    let token = prefers_ntlm(longer(host.good()));
    let kept = host.continues(&token.mint(), None);
    let (client, mut context) = client_after(&token, &kept.token);
    host.assert_ends(&final_token(context.get_mic(&client.mech_types)).mint(), Some(&kept.state));
}

/// A client with a complete context may begin the exchange of MICs when the exchange is optional.
#[test]
fn mic_with_the_second_token_is_answered_with_a_mic() {
    let host = Host::new();
    assert_confirmed_at_once(&host, &without(GssFlags::MUTUAL, offer(&host)));
}
