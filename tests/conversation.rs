//! SPNEGO as a conversation (RFC 4178 section 5), and the three legs of DCE style (MS-KILE section 3.4.5.1). Every leg after
//! the first is heard by another node, from the bytes that were kept.
#![cfg(feature = "testing")]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    clippy::panic
)]

mod common;

use common::dialogue::{
    Host, Kept, assert_shared, dce_style, krb5_token, last_word, our_sequence_number, prefers_ntlm, without,
};
use kerberos_sso::crypto::EncType;
use kerberos_sso::limits::MAX_KEPT_MECH_TYPES;
use kerberos_sso::testing::{
    ApRepParts, Krb5Message, MechToken, NegTokenRespParts, SpnegoParts, TestClient, TestToken, TokenFraming, mech,
};
use kerberos_sso::{
    AcceptorSubkeyPolicy, Error, Framing, GssFlags, KerberosOffer, NtlmMessage, Policy, SecurityContext,
};

const AES: [EncType; 4] = [
    EncType::AES128_CTS_HMAC_SHA1_96,
    EncType::AES256_CTS_HMAC_SHA1_96,
    EncType::AES128_CTS_HMAC_SHA256_128,
    EncType::AES256_CTS_HMAC_SHA384_192,
];

/// Of either kind of client, one that wants the server to prove itself and one that does not.
fn mutual_and_not(token: &TestToken) -> [TestToken; 2] {
    [token.clone(), without(GssFlags::MUTUAL, token.clone())]
}

/// The second leg: the Kerberos token that the client was asked for.
fn second_leg(token: &TestToken) -> NegTokenRespParts {
    NegTokenRespParts { response_token: Some(krb5_token(token)), ..NegTokenRespParts::default() }
}

/// The client's context after a reply, whose MIC it verifies if there is one.
fn client_after(token: &TestToken, reply: &[u8]) -> (TestClient, SecurityContext) {
    let client = TestClient::of(token);
    let mut context = client.complete(Some(reply)).unwrap();
    if let Some(mic) = NegTokenRespParts::decode(reply).unwrap().mech_list_mic {
        context.verify_mic(&client.mech_types, &mic).unwrap();
    }
    (client, context)
}

/// Without an AP-REP to wait for, the client's MIC goes with its own token, and the server's comes back.
fn assert_confirmed_at_once(host: &Host, token: &TestToken) {
    let asked = host.goes_on(&token.mint(), None);
    let (client, mut context) = client_after(token, &asked.token);
    let mic = context.get_mic(&client.mech_types);
    let second = NegTokenRespParts { mech_list_mic: Some(mic), ..second_leg(token) };
    let (_, answer) = host.ends(&second.mint(), Some(&asked.state));
    let reply = NegTokenRespParts::decode(answer.token().unwrap()).unwrap();
    assert_eq!(outline(&reply), (COMPLETED, None, false, true));
    context.verify_mic(&client.mech_types, &reply.mech_list_mic.unwrap()).unwrap();
    assert_shared(&mut context, &mut answer.into_context());
}

/// What a reply says besides its tokens, and which of the two it has: responseToken and mechListMIC.
fn outline(reply: &NegTokenRespParts) -> (Option<u8>, Option<&[u8]>, bool, bool) {
    let tokens = (reply.response_token.is_some(), reply.mech_list_mic.is_some());
    (reply.neg_state, reply.supported_mech.as_deref(), tokens.0, tokens.1)
}

const COMPLETED: Option<u8> = Some(NegTokenRespParts::ACCEPT_COMPLETED);
const INCOMPLETE: Option<u8> = Some(NegTokenRespParts::ACCEPT_INCOMPLETE);
const REQUEST_MIC: Option<u8> = Some(NegTokenRespParts::REQUEST_MIC);

/// A client whose first choice is Kerberos and that sends no token at once.
mod asked {
    use super::*;

    fn offer(host: &Host) -> TestToken {
        host.good().spnego(|spnego| spnego.mech_token = MechToken::Absent)
    }

    #[test]
    fn for_a_token_it_sends_one() {
        let host = Host::new();
        for token in mutual_and_not(&offer(&host)) {
            let asked = host.goes_on(&token.mint(), None);
            assert_eq!(outline(&asked.reply()), (INCOMPLETE, Some(mech::MS_KRB5), false, false));

            let (accepted, answer) = host.ends(&second_leg(&token).mint(), Some(&asked.state));
            assert_eq!(accepted.identity().to_string(), "alice@CONTOSO.TEST");
            assert_eq!(accepted.framing(), Framing::Spnego);
            let mutual = accepted.wants_mutual();
            let reply = answer.token().unwrap().to_vec();
            assert_eq!(outline(&NegTokenRespParts::decode(&reply).unwrap()), (COMPLETED, None, mutual, false));
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
            assert_eq!(host.goes_on(&token.mint(), None).reply().supported_mech.as_deref(), Some(agreed));
        }
    }

    #[test]
    fn its_token_may_be_framed_under_either_identifier_or_bare() {
        let host = Host::new();
        for framing in [mech::KRB5, mech::MS_KRB5].map(|oid| TokenFraming::Krb5(oid.into())) {
            let token = offer(&host);
            let asked = host.goes_on(&token.mint(), None);
            let response = token.clone().framed(framing.clone()).mint();
            let second = NegTokenRespParts { response_token: Some(response), ..NegTokenRespParts::default() };
            let (_, answer) = host.ends(&second.mint(), Some(&asked.state));
            let reply = NegTokenRespParts::decode(answer.token().unwrap()).unwrap();
            let message = Krb5Message::decode(&reply.response_token.unwrap());
            let TokenFraming::Krb5(oid) = framing else { panic!() };
            assert_eq!(message.framing, Some((oid, Krb5Message::AP_REP)));
        }
        let token = offer(&host);
        let asked = host.goes_on(&token.mint(), None);
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

    /// Who has proved nothing has a short list kept, or none.
    #[test]
    fn its_list_is_kept_up_to_the_limit() {
        let host = Host::new();
        for length in [MAX_KEPT_MECH_TYPES - 1, MAX_KEPT_MECH_TYPES] {
            let token = with_list(offer(&host), length);
            let asked = host.goes_on(&token.mint(), None);
            assert_eq!(asked.state.len(), 3 + length);
            let (accepted, _) = host.ends(&second_leg(&token).mint(), Some(&asked.state));
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
        host.goes_on(&ntlm(with_list(offer(&host), MAX_KEPT_MECH_TYPES - 12)).mint(), None);
        // With its ticket it has proved who it is, and any list that fits a token is kept.
        let token = prefers_ntlm(longer(host.good()));
        let kept = host.goes_on(&token.mint(), None);
        let (client, mut context) = client_after(&token, &kept.token);
        host.ends(&last_word(context.get_mic(&client.mech_types)).mint(), Some(&kept.state));
    }

    /// A client may begin the exchange where it is optional, if its context is complete.
    #[test]
    fn its_mic_is_answered() {
        let host = Host::new();
        assert_confirmed_at_once(&host, &without(GssFlags::MUTUAL, offer(&host)));
    }
}

/// A client that would rather use another mechanism, and begins with that.
mod persuaded {
    use super::*;

    const NTLM_NEGOTIATE: &[u8] = b"NTLMSSP\0\x01\0\0\0\x97\x82\x08\xE2";

    fn ntlm_first(host: &Host) -> TestToken {
        prefers_ntlm(host.good()).spnego(|spnego| spnego.mech_token = MechToken::Raw(NTLM_NEGOTIATE.into()))
    }

    /// RFC 4178 section 4.2.2: in the first reply, and nowhere else, a server says that it will want MICs. MIT's clients take
    /// Kerberos instead of their first choice only if it does.
    #[test]
    fn from_anything_else() {
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
            let asked = host.goes_on(&token.mint(), None);
            assert_eq!(outline(&asked.reply()), (REQUEST_MIC, Some(mech::MS_KRB5), false, false));
            let second = host.goes_on(&second_leg(&token).mint(), Some(&asked.state));
            let (client, mut context) = client_after(&token, &second.token);
            let (accepted, _) = host.ends(&last_word(context.get_mic(&client.mech_types)).mint(), Some(&second.state));
            assert_eq!(accepted.identity().to_string(), "alice@CONTOSO.TEST");
        }
    }

    #[test]
    fn it_confirms_what_it_offered() {
        let host = Host::with_policy(Policy::default().allow_rc4());
        for etype in AES.into_iter().chain([EncType::RC4_HMAC]) {
            let token = ntlm_first(&host).session_etype(etype);
            let asked = host.goes_on(&token.mint(), None);
            let second = host.goes_on(&second_leg(&token).mint(), Some(&asked.state));
            assert_eq!(outline(&second.reply()), (INCOMPLETE, None, true, true));

            let (client, mut context) = client_after(&token, &second.token);
            let last = last_word(context.get_mic(&client.mech_types));
            let (accepted, answer) = host.ends(&last.mint(), Some(&second.state));
            assert_eq!(accepted.identity().to_string(), "alice@CONTOSO.TEST");
            assert_eq!((accepted.framing(), accepted.wants_mutual()), (Framing::Spnego, true));
            assert_eq!((answer.token(), answer.header()), (None, None));
            assert_shared(&mut context, &mut answer.into_context());
        }
    }

    /// Its context is complete with its own token, so its MIC goes with that.
    #[test]
    fn without_mutual_authentication_it_confirms_at_once() {
        let host = Host::new();
        assert_confirmed_at_once(&host, &without(GssFlags::MUTUAL, ntlm_first(&host)));
    }

    /// RFC 4178 section 5: without integrity there are no MICs.
    #[test]
    fn without_integrity_it_confirms_nothing() {
        let host = Host::new();
        for token in mutual_and_not(&without(GssFlags::INTEGRITY, ntlm_first(&host))) {
            let asked = host.goes_on(&token.mint(), None);
            let (accepted, answer) = host.ends(&second_leg(&token).mint(), Some(&asked.state));
            let reply = NegTokenRespParts::decode(answer.token().unwrap()).unwrap();
            assert_eq!(outline(&reply), (COMPLETED, None, accepted.wants_mutual(), false));
        }
    }

    /// RFC 4537 in a negotiation: our MIC is already under the stronger key.
    #[test]
    fn to_a_stronger_key() {
        let host = Host::with_policy(Policy::default().allow_rc4());
        let etypes = rasn::der::encode(&vec![20, 23]).unwrap();
        let mut token = ntlm_first(&host).session_etype(EncType::RC4_HMAC);
        token.authenticator.authorization_data.push(kerberos_sso::testing::if_relevant(&[(129, etypes)]));
        let asked = host.goes_on(&token.mint(), None);
        let second = host.goes_on(&second_leg(&token).mint(), Some(&asked.state));
        let (client, mut context) = client_after(&token, &second.token);
        let last = last_word(context.get_mic(&client.mech_types));
        let (_, answer) = host.ends(&last.mint(), Some(&second.state));
        let mut server = answer.into_context();
        assert_eq!(server.etype(), EncType::AES256_CTS_HMAC_SHA384_192);
        assert_shared(&mut context, &mut server);
    }
}

/// A client that sends a Kerberos token although it would rather use another mechanism.
mod overruled {
    use super::*;

    #[test]
    fn it_confirms_what_it_offered() {
        let host = Host::with_policy(Policy::default().allow_rc4());
        for etype in AES.into_iter().chain([EncType::RC4_HMAC]) {
            for token in mutual_and_not(&prefers_ntlm(host.good()).session_etype(etype)) {
                let first = host.goes_on(&token.mint(), None);
                let mutual = token.authenticator.gss.flags & GssFlags::MUTUAL.bits() != 0;
                assert_eq!(outline(&first.reply()), (REQUEST_MIC, Some(mech::MS_KRB5), mutual, true));

                let (client, mut context) = client_after(&token, &first.token);
                let last = last_word(context.get_mic(&client.mech_types));
                let (accepted, answer) = host.ends(&last.mint(), Some(&first.state));
                assert_eq!(accepted.identity().to_string(), "alice@CONTOSO.TEST");
                assert_eq!(answer.token(), None);
                assert_shared(&mut context, &mut answer.into_context());
            }
        }
    }

    #[test]
    fn without_a_subkey_of_ours_too() {
        let host = Host::with_policy(Policy::default().acceptor_subkey(AcceptorSubkeyPolicy::Never));
        let token = prefers_ntlm(host.good());
        let first = host.goes_on(&token.mint(), None);
        let (client, mut context) = client_after(&token, &first.token);
        let last = last_word(context.get_mic(&client.mech_types));
        let (_, answer) = host.ends(&last.mint(), Some(&first.state));
        assert_shared(&mut context, &mut answer.into_context());
    }

    #[test]
    fn without_integrity_it_confirms_nothing() {
        let host = Host::new();
        let token = without(GssFlags::INTEGRITY, prefers_ntlm(host.good()));
        let (_, answer) = host.ends(&token.mint(), None);
        let reply = NegTokenRespParts::decode(answer.token().unwrap()).unwrap();
        assert_eq!(outline(&reply), (COMPLETED, Some(mech::MS_KRB5), true, false));
    }

    /// Who waits for no more than one turn says that it is over, whatever the client thinks of that.
    #[test]
    fn where_there_is_one_turn_only() {
        let host = Host::new();
        let token = prefers_ntlm(host.good());
        let accepted = host.nodes[0].validate_ticket(&token.mint(), host.now).unwrap();
        let answer = accepted.answer(&common::dialogue::random(1));
        let reply = NegTokenRespParts::decode(answer.token().unwrap()).unwrap();
        assert_eq!(outline(&reply), (COMPLETED, Some(mech::MS_KRB5), true, false));
    }
}

/// A mechListMIC in the first token: of a client that is complete with it.
mod unasked {
    use super::*;

    fn with_mic(token: TestToken) -> (TestToken, TestClient, SecurityContext) {
        let client = TestClient::of(&token);
        let mut context = client.context(None);
        let mic = context.get_mic(&client.mech_types);
        (token.spnego(|spnego| spnego.mech_list_mic = Some(mic)), client, context)
    }

    #[test]
    fn it_is_answered() {
        let host = Host::with_policy(Policy::default().allow_rc4());
        for etype in AES.into_iter().chain([EncType::RC4_HMAC]) {
            for token in [host.good(), prefers_ntlm(host.good())] {
                let token = without(GssFlags::MUTUAL, token.session_etype(etype));
                let (token, client, mut context) = with_mic(token);
                let (_, answer) = host.ends(&token.mint(), None);
                let reply = NegTokenRespParts::decode(answer.token().unwrap()).unwrap();
                assert_eq!(outline(&reply), (COMPLETED, Some(mech::MS_KRB5), false, true));
                context.verify_mic(&client.mech_types, &reply.mech_list_mic.unwrap()).unwrap();
                assert_shared(&mut context, &mut answer.into_context());
            }
        }
    }

    /// MS-SPNG moves it from [3] to [4].
    #[test]
    fn it_is_found_behind_hints() {
        let host = Host::new();
        let (token, ..) = with_mic(without(GssFlags::MUTUAL, host.good()));
        let token = token.spnego(|spnego| spnego.neg_hints = kerberos_sso::testing::NegHints::NotDefined);
        let (_, answer) = host.ends(&token.mint(), None);
        assert!(NegTokenRespParts::decode(answer.token().unwrap()).unwrap().mech_list_mic.is_some());
    }

    #[test]
    fn a_wrong_one_refuses() {
        let host = Host::new();
        let (good, ..) = with_mic(without(GssFlags::MUTUAL, host.good()));
        let (other, ..) = with_mic(without(GssFlags::MUTUAL, host.good()));
        let mic_of = |token: &TestToken| match &token.framing {
            TokenFraming::Spnego(spnego) => spnego.mech_list_mic.clone().unwrap(),
            _ => panic!("it is SPNEGO"),
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
        host.ends(&good.mint(), None);
    }
}

/// The client answers our AP-REP with one of its own.
mod dce {
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

    #[test]
    fn three_legs_without_spnego() {
        let host = Host::with_policy(Policy::default().allow_rc4());
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

    #[test]
    fn three_legs_in_spnego() {
        let host = Host::with_policy(Policy::default().allow_rc4());
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
    #[test]
    fn the_client_confirms_with_its_third_leg() {
        let host = Host::with_policy(Policy::default().allow_rc4());
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

                let client = TestClient::of(&token);
                let last = NegTokenRespParts {
                    response_token: Some(minted(&token, &third_leg)),
                    mech_list_mic: Some(context.get_mic(&client.mech_types)),
                    ..NegTokenRespParts::default()
                };
                let (_, answer) = host.ends(&last.mint(), Some(&first.state));
                let reply = NegTokenRespParts::decode(answer.token().unwrap()).unwrap();
                assert_eq!(outline(&reply), (COMPLETED, None, false, true));
                context.verify_mic(&client.mech_types, &reply.mech_list_mic.unwrap()).unwrap();
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
        let client = TestClient::of(&token);
        let last = NegTokenRespParts {
            response_token: Some(minted(&token, &third_leg)),
            mech_list_mic: Some(context.get_mic(&client.mech_types)),
            ..NegTokenRespParts::default()
        };
        let (_, answer) = host.ends(&last.mint(), Some(&first.state));
        let reply = NegTokenRespParts::decode(answer.token().unwrap()).unwrap();
        context.verify_mic(&client.mech_types, &reply.mech_list_mic.unwrap()).unwrap();
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
}

/// A client that begins anew is let do so, whatever was kept.
#[test]
fn a_first_token_needs_no_state() {
    let host = Host::new();
    let kept = host.goes_on(&prefers_ntlm(host.good()).mint(), None);
    let asked = host.goes_on(&host.good().spnego(|spnego| spnego.mech_token = MechToken::Absent).mint(), None);
    for state in [&kept.state, &asked.state] {
        for framing in [TokenFraming::Spnego(SpnegoParts::default()), TokenFraming::ApReq] {
            host.ends(&host.good().framed(framing).mint(), Some(state));
        }
        let again = host.goes_on(&prefers_ntlm(host.good()).mint(), Some(state));
        assert_ne!(again.state, *state);
    }
}
