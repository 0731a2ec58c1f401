//! The client's MIC over the mechanisms that the client offered.

use super::*;

fn refusal_of(mic: impl FnOnce(&mut Begun) -> Option<Vec<u8>>) -> Error {
    let host = Host::new();
    let mut begun = Begun::mic(&host);
    let mic = mic(&mut begun);
    let last = NegTokenRespParts { mech_list_mic: mic, ..final_token(Vec::new()) };
    let error = begun.refuses(&host, &last.mint());
    // With the right MIC, the same negotiation is accepted.
    let mut again = Begun { context: begun.client.complete(Some(&begun.kept.token)).unwrap(), ..begun };
    let last = again.good_end();
    again.ends(&host, &last);
    error
}

#[test]
fn final_token_without_a_mic_is_refused() {
    assert_eq!(refusal_of(|_| None), NO_MIC);
    for state in [NegTokenRespParts::REJECT, NegTokenRespParts::ACCEPT_COMPLETED] {
        let host = Host::new();
        let begun = Begun::mic(&host);
        let last = NegTokenRespParts { neg_state: Some(state), ..NegTokenRespParts::default() };
        assert_eq!(begun.refuses(&host, &last.mint()), NO_MIC);
    }
}

/// The client sends the server's own MIC back.
#[test]
fn mic_of_the_server_that_the_client_sends_back_is_refused_as_reflected() {
    let error = refusal_of(|begun| begun.kept.reply().mech_list_mic);
    assert_eq!(error, mic_refused(MessageError::Reflected));
}

#[test]
fn mic_under_a_key_that_is_not_the_key_of_the_context_is_refused() {
    let error = refusal_of(|begun| Some(begun.client.context(None).get_mic(&begun.client.mech_types)));
    let (expected, found) = (MessageKey::AcceptorSubkey, MessageKey::Initial);
    assert_eq!(error, mic_refused(MessageError::WrongKey { expected, found }));
    let error = refusal_of(|begun| {
        let ap_rep = begun.ap_rep();
        let subkey = KeyParts { keytype: 18, keyvalue: vec![7; 32] };
        let mut context = begun.client.context(Some(&ApRepParts { subkey: Some(subkey), ..ap_rep }));
        Some(context.get_mic(&begun.client.mech_types))
    });
    assert_eq!(error, mic_refused(MessageError::Integrity));
}

#[test]
fn mic_over_other_octets_than_the_mechanism_list_is_refused() {
    let error = refusal_of(|begun| Some(begun.context.get_mic(&begun.client.mech_types[2..])));
    assert_eq!(error, mic_refused(MessageError::Integrity));
    let error = refusal_of(|begun| Some(begun.context.get_mic(b"")));
    assert_eq!(error, mic_refused(MessageError::Integrity));
}

#[test]
fn mic_with_the_sequence_number_of_the_second_message_is_refused() {
    let error = refusal_of(|begun| {
        let _first = begun.good_mic();
        Some(begun.good_mic())
    });
    assert!(matches!(error, Error::Negotiation(NegotiationCause::Mic(MessageError::Gap { .. }))), "{error}");
}

#[test]
fn wrap_token_instead_of_a_mic_is_refused() {
    let error = refusal_of(|begun| {
        let (mut wrapped, list) = (Vec::new(), begun.client.mech_types.clone());
        begun.context.wrap(&list, kerberos_sso::context::Protection::Integrity, &[0; 16], &mut wrapped);
        Some(wrapped)
    });
    assert!(matches!(error, Error::Negotiation(NegotiationCause::Mic(MessageError::WrongToken { .. }))), "{error}");
}

#[test]
fn mic_that_is_changed_or_cut_or_extended_is_refused() {
    let host = Host::with_policy(crate::common::all_etypes());
    for etype in EncType::SUPPORTED {
        let mut begun = Begun::of(&host, prefers_ntlm(host.good().session_etype(etype)));
        let mic = begun.good_mic();
        for bit in 0..8 * mic.len() {
            let mut flipped = mic.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            // The framing of RC4 tokens is not signed. The flipped bit turns the OID of Kerberos into Microsoft's OID of
            // Kerberos.
            if etype == EncType::RC4_HMAC && flipped[4..].starts_with(mech::MS_KRB5) {
                continue;
            }
            assert_eq!(begun.refuses(&host, &final_token(flipped).mint()).code(), "negotiation", "{etype} {bit}");
        }
        for length in 0..mic.len() {
            let cut = final_token(mic[..length].to_vec());
            assert_eq!(begun.refuses(&host, &cut.mint()).code(), "negotiation", "{etype} {length}");
        }
        let longer = final_token([&mic[..], &[0]].concat());
        assert_eq!(begun.refuses(&host, &longer.mint()).code(), "negotiation", "{etype}");
        begun.ends(&host, &final_token(mic).mint());
    }
}

/// The server has asked for MICs, and the client's second token is the last token of the mechanism. So the MIC must be in
/// this token (RFC 4178 section 5 c V).
#[test]
fn second_token_without_a_mic_is_refused_when_it_is_the_last_token_of_the_mechanism() {
    let host = Host::new();
    let absent = |token: TestToken| token.spnego(|spnego| spnego.mech_token = MechToken::Absent);
    let token = without(GssFlags::MUTUAL, absent(prefers_ntlm(host.good())));
    let asked = host.continues(&token.mint(), None);
    let client = TestClient::of(&token);
    let second = |mech_list_mic| {
        NegTokenRespParts { response_token: Some(krb5_token(&token)), mech_list_mic, ..NegTokenRespParts::default() }
            .mint()
    };
    assert_eq!(host.refuses(&second(None), Some(&asked.state)), NO_MIC);
    let mic = client.context(None).get_mic(&client.mech_types);
    let mut flipped = mic.clone();
    flipped[20] ^= 1;
    assert_eq!(host.refuses(&second(Some(flipped)), Some(&asked.state)), mic_refused(MessageError::Integrity));
    host.assert_ends(&second(Some(mic)), Some(&asked.state));
}

#[test]
fn client_ap_rep_without_a_mic_is_refused_when_a_mic_is_due() {
    let host = Host::new();
    let mut begun = Begun::dce_with_mic(&host);
    let ap_rep = begun.minted(&begun.client_ap_rep());
    let last = |mech_list_mic| {
        let response_token = Some(ap_rep.clone());
        NegTokenRespParts { response_token, mech_list_mic, ..NegTokenRespParts::default() }.mint()
    };
    assert_eq!(begun.refuses(&host, &last(None)), NO_MIC);
    let mic = begun.good_mic();
    let mut flipped = mic.clone();
    flipped[20] ^= 1;
    assert_eq!(begun.refuses(&host, &last(Some(flipped))), mic_refused(MessageError::Integrity));
    begun.ends(&host, &last(Some(mic)));
}

/// The negotiation does not need a MIC, but a MIC that the client sends must verify.
#[test]
fn wrong_mic_is_refused_even_when_no_mic_is_due() {
    let host = Host::new();
    let begun = Begun::of(&host, dce_style(host.good()));
    let last = NegTokenRespParts {
        response_token: Some(begun.minted(&begun.client_ap_rep())),
        mech_list_mic: Some(vec![4; 28]),
        ..NegTokenRespParts::default()
    };
    assert_eq!(begun.refuses(&host, &last.mint()).code(), "negotiation");
}
