//! Tests of a mechListMIC in the first token. A client that sends this MIC has a complete context after its
//! first token.

use super::*;

fn with_mic(token: TestToken) -> (TestToken, TestClient, SecurityContext) {
    let client = TestClient::of(&token);
    let mut context = client.context(None);
    let mic = context.get_mic(&client.mech_types);
    (token.spnego(|spnego| spnego.mech_list_mic = Some(mic)), client, context)
}

#[cfg(feature = "rc4")]
#[test]
fn mic_in_the_first_token_is_answered_with_a_mic() {
    let host = Host::with_policy(crate::common::all_etypes());
    for etype in AES.into_iter().chain([EncType::RC4_HMAC]) {
        for token in [host.good(), prefers_ntlm(host.good())] {
            let token = without(GssFlags::MUTUAL, token.session_etype(etype));
            let (token, client, mut context) = with_mic(token);
            let (_, answer) = host.ends(&token.mint(), None);
            let reply = NegTokenRespParts::decode(answer.token().unwrap()).unwrap();
            assert_eq!(shape_of(&reply), (COMPLETED, Some(mech::MS_KRB5), false, true));
            context.verify_mic(&client.mech_types, &reply.mech_list_mic.unwrap()).unwrap();
            assert_shared(&mut context, &mut answer.into_context());
        }
    }
}

/// Old clients write a sequence number of 2³¹ or more as a negative INTEGER. The reader uses the 32 bits of this
/// INTEGER as the sequence number (RFC 4120 section 5.5.1).
#[test]
fn negative_sequence_number_is_read_as_its_32_bits() {
    let host = Host::new();
    for (written, number) in [(-1, u32::MAX), (-(1 << 31), 1 << 31), (0x7FFF_FFFF, 0x7FFF_FFFF)] {
        let mut token = host.good();
        token.authenticator.seq_number = Some(written);
        let (_, answer) = host.ends(&token.mint(), None);
        let client = TestClient::of(&token);
        assert_eq!(client.seq_number, number);
        // Like a client, a server may write its sequence number as a negative INTEGER.
        let ap_rep = client.ap_rep(answer.token().unwrap()).unwrap().unwrap();
        let [as_negative, as_number] = [written, number.into()].map(|seq_number| {
            let context = client.context(Some(&ApRepParts { seq_number: Some(seq_number), ..ap_rep.clone() }));
            format!("{context:?}")
        });
        assert_eq!(as_negative, as_number);
        assert!(as_number.contains(&number.to_string()), "{as_number}");

        let mut context = client.complete(answer.token()).unwrap();
        assert_shared(&mut context, &mut answer.into_context());
    }
}

/// NegTokenInit2 of MS-SPNG has negHints in the field [3] and mechListMIC in the field [4].
#[test]
fn mic_behind_the_neg_hints_of_a_neg_token_init2_is_answered() {
    let host = Host::new();
    let (token, ..) = with_mic(without(GssFlags::MUTUAL, host.good()));
    let token = token.spnego(|spnego| spnego.neg_hints = kerberos_sso::testing::NegHints::NotDefined);
    let (_, answer) = host.ends(&token.mint(), None);
    assert!(NegTokenRespParts::decode(answer.token().unwrap()).unwrap().mech_list_mic.is_some());
}

#[test]
fn wrong_mic_in_the_first_token_is_refused() {
    let host = Host::new();
    let (good, ..) = with_mic(without(GssFlags::MUTUAL, host.good()));
    let (other, ..) = with_mic(without(GssFlags::MUTUAL, host.good()));
    let mic_of = |token: &TestToken| match &token.framing {
        TokenFraming::Spnego(spnego) => spnego.mech_list_mic.clone().unwrap(),
        _ => panic!("the framing is SPNEGO"),
    };
    let mut wrong: Vec<Vec<u8>> = (0..mic_of(&good).len()).map(|length| mic_of(&good)[..length].to_vec()).collect();
    wrong.push([mic_of(&good), vec![0]].concat());
    wrong.push(mic_of(&other));
    for bit in 0..8 * mic_of(&good).len() {
        let mut flipped = mic_of(&good);
        flipped[bit / 8] ^= 1 << (bit % 8);
        wrong.push(flipped);
    }
    for mic in wrong {
        let token = good.clone().spnego(|spnego| spnego.mech_list_mic = Some(mic.clone()));
        assert_eq!(host.refuses(&token.mint(), None).code(), "negotiation", "{mic:02x?}");
    }
    let list_changed = good.clone().spnego(|spnego| drop(spnego.mech_types.pop()));
    assert_eq!(host.refuses(&list_changed.mint(), None).code(), "negotiation");
    host.assert_ends(&good.mint(), None);
}
