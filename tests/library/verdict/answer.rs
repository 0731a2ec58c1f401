//! The answer to an accepted client: the AP-REP, its framing, and the context that both sides share then. `rasn` reads the
//! answers, as the client of `kerberos_sso::testing` would.
#![cfg_attr(not(feature = "rc4"), allow(dead_code, unused_imports, reason = "tests with RC4 are left out"))]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    clippy::panic
)]

use crate::common;

use common::dialogue::{assert_shared, dce_style, our_sequence_number, random, random_octets, without};
use common::{NOW, Server, all_etypes};
use kerberos_sso::crypto::{EncType, KeyUsage};
use kerberos_sso::testing::{
    ApRepParts, ChecksumParts, KeyParts, Krb5Message, MechToken, NegTokenRespParts, SpnegoParts, TestClient, TestToken,
    TokenFraming, Unproven, if_relevant, mech,
};
use kerberos_sso::{
    Answer, Policy, Randomness, UnixTime, negotiate::Step, policy::AcceptorSubkeyPolicy, ticket::GssFlags,
};

/// The weakest first.
const BY_STRENGTH: [EncType; 5] = [
    EncType::RC4_HMAC,
    EncType::AES128_CTS_HMAC_SHA1_96,
    EncType::AES128_CTS_HMAC_SHA256_128,
    EncType::AES256_CTS_HMAC_SHA1_96,
    EncType::AES256_CTS_HMAC_SHA384_192,
];

fn answer_to(server: &Server, token: &TestToken) -> Answer {
    server.check(&token.mint()).expect("it is accepted").answer(&random(1))
}

/// The AP-REP that answers the token, which proves the server.
fn ap_rep_to(server: &Server, token: &TestToken) -> ApRepParts {
    let answer = answer_to(server, token);
    TestClient::of(token).ap_rep(answer.token().expect("there is an answer")).unwrap().expect("there is an AP-REP")
}

fn random_key(etype: EncType) -> KeyParts {
    KeyParts { keytype: etype.0, keyvalue: random_octets(1)[16..][..etype.key_len().unwrap()].to_vec() }
}

fn lenient() -> Server {
    Server::with_policy(all_etypes())
}

fn with_subkey(etype: EncType, mut token: TestToken) -> TestToken {
    let keyvalue = vec![0xA5; etype.key_len().unwrap()];
    token.authenticator.subkey = Some(KeyParts { keytype: etype.0, keyvalue });
    token
}

/// RFC 4537: the list in an AD-IF-RELEVANT, as section 3 wants it.
fn listing(etypes: &[i32], mut token: TestToken) -> TestToken {
    token.authenticator.authorization_data.push(if_relevant(&[(129, etype_list(etypes))]));
    token
}

fn etype_list(etypes: &[i32]) -> Vec<u8> {
    rasn::der::encode(&etypes.to_vec()).unwrap()
}

mod ap_rep {
    use super::*;

    #[test]
    fn it_holds_the_clients_time_a_key_and_a_number() {
        let server = Server::new();
        for etype in &BY_STRENGTH[1..] {
            let token = server.good().session_etype(*etype).sent_at(NOW.with_micros(123_456).unwrap());
            let expected = ApRepParts {
                pvno: 5,
                msg_type: 15,
                ctime: NOW.into(),
                cusec: 123_456,
                subkey: Some(random_key(*etype)),
                seq_number: Some(our_sequence_number(1)),
                etype: etype.0.into(),
                kvno: None,
                usage: KeyUsage::AP_REP_ENC_PART,
            };
            assert_eq!(ap_rep_to(&server, &token), expected);
        }
    }

    /// The client's, to the microsecond, however far from ours.
    #[test]
    fn its_time_is_the_clients() {
        let server = Server::new();
        for (seconds, micros) in [(0, 0), (-300, 999_999), (300, 1)] {
            let time = NOW.saturating_add_seconds(seconds);
            let token = server.good().sent_at(time.with_micros(micros).unwrap());
            let ap_rep = ap_rep_to(&server, &token);
            assert_eq!((ap_rep.ctime, ap_rep.cusec), (time.into(), i64::from(micros)));
        }
    }

    /// The client would not see a difference in the message; so the test looks for it.
    #[test]
    fn it_is_under_the_session_key_and_not_under_the_subkey() {
        let server = Server::new();
        let token = server.good();
        let client = TestClient::of(&token);
        let reply = NegTokenRespParts::decode(answer_to(&server, &token).token().unwrap()).unwrap();
        let ap_rep = Krb5Message::decode(&reply.response_token.unwrap()).message;
        assert_ne!(client.subkey, Some(client.session_key.clone()));
        assert_eq!(ApRepParts::decode(&ap_rep, &client.subkey.unwrap()), None);
        assert!(ApRepParts::decode(&ap_rep, &client.session_key).is_some());
    }

    #[test]
    fn its_number_is_below_two_to_the_thirtieth() {
        let server = Server::new();
        for (octet, number) in [(0x00, 0), (0xFF, (1 << 30) - 1), (0x80, 0x2020_2020)] {
            let token = server.good();
            let answer = server.check(&token.mint()).unwrap().answer(&Randomness::new([octet; 64]));
            let ap_rep = TestClient::of(&token).ap_rep(answer.token().unwrap()).unwrap().unwrap();
            assert_eq!(ap_rep.seq_number, Some(number));
        }
    }

    #[test]
    fn nothing_random_but_the_client_can_read_it() {
        let server = Server::new();
        let answer = answer_to(&server, &server.good());
        let token = answer.token().unwrap();
        for octets in random_octets(1).windows(4) {
            assert!(!token.windows(4).any(|window| window == octets));
        }
    }

    #[test]
    fn another_clients_ap_rep_proves_nothing() {
        let server = Server::new();
        let (token, other) = (server.good(), server.good());
        let answer = answer_to(&server, &other);
        assert_eq!(TestClient::of(&token).complete(answer.token()).unwrap_err(), Unproven::NotOpened);
        let mut later = other.clone();
        later.authenticator.cusec = 1;
        assert_eq!(TestClient::of(&later).complete(answer.token()).unwrap_err(), Unproven::OtherTime);
    }
}

mod subkey {
    use super::*;

    /// What the client uses decides, be it a subkey or the session key: every pairing of both.
    #[cfg(feature = "rc4")]
    #[test]
    fn it_is_of_the_type_that_the_client_uses() {
        let server = lenient();
        for session in BY_STRENGTH {
            let token = server.good().session_etype(session);
            let mut bare = token.clone();
            bare.authenticator.subkey = None;
            assert_eq!(ap_rep_to(&server, &bare).subkey, unless_rc4(session), "{session}");
            for subkey in BY_STRENGTH {
                let token = with_subkey(subkey, token.clone());
                assert_eq!(ap_rep_to(&server, &token).subkey, unless_rc4(subkey), "{session}, {subkey}");
            }
        }
    }

    fn unless_rc4(etype: EncType) -> Option<KeyParts> {
        (etype != EncType::RC4_HMAC).then(|| random_key(etype))
    }

    /// RFC 4537: every type that a client may use, with every type that it may list.
    #[cfg(feature = "rc4")]
    #[test]
    fn a_stronger_type_is_taken_from_the_list() {
        let server = lenient();
        for (rank, current) in BY_STRENGTH.into_iter().enumerate() {
            for (listed_rank, listed) in BY_STRENGTH.into_iter().enumerate() {
                let token = listing(&[listed.0], server.good().session_etype(current));
                let expected = if listed_rank > rank { Some(random_key(listed)) } else { unless_rc4(current) };
                assert_eq!(ap_rep_to(&server, &token).subkey, expected, "{current}, {listed}");
            }
        }
    }

    #[test]
    fn of_several_the_strongest_is_taken_wherever_it_stands() {
        let server = lenient();
        let of = |etypes: &[i32]| {
            let token = server.good().session_etype(EncType::AES128_CTS_HMAC_SHA1_96);
            ap_rep_to(&server, &listing(etypes, token)).subkey_etype().unwrap().0
        };
        assert_eq!(of(&[18, 20, 19, 17, 23]), 20);
        assert_eq!(of(&[17, 19, 18]), 18);
        assert_eq!(of(&[23, 19]), 19);
        assert_eq!(of(&[16, 3, -133, i32::MIN, i32::MAX, 25, 26]), 17);
        assert_eq!(of(&[]), 17);
    }

    #[test]
    fn the_policy_bounds_the_list() {
        let aes128 = EncType::AES128_CTS_HMAC_SHA1_96;
        let policy = Policy::default().with_session_etypes(&[aes128, EncType::AES256_CTS_HMAC_SHA1_96]);
        let server = Server::with_policy(policy);
        let token = listing(&[20, 19, 18], server.good().session_etype(aes128));
        assert_eq!(ap_rep_to(&server, &token).subkey, Some(random_key(EncType::AES256_CTS_HMAC_SHA1_96)));
    }

    /// RFC 4537 wants it in AD-IF-RELEVANT; a client that forgets that is understood.
    #[test]
    fn the_list_need_not_be_in_a_container() {
        let server = Server::new();
        let mut token = server.good();
        token.authenticator.authorization_data.push((129, etype_list(&[20])));
        assert_eq!(ap_rep_to(&server, &token).subkey_etype(), Some(EncType::AES256_CTS_HMAC_SHA384_192));
    }

    #[test]
    fn a_list_in_the_ticket_says_nothing() {
        let server = Server::new();
        let mut token = server.good();
        token.ticket.authorization_data.push(if_relevant(&[(129, etype_list(&[20]))]));
        assert_eq!(ap_rep_to(&server, &token).subkey_etype(), Some(EncType::AES256_CTS_HMAC_SHA1_96));
    }

    /// It could only ask for a better key, and says nothing of who the client is.
    #[test]
    fn a_list_that_is_none_says_nothing() {
        let server = Server::new();
        let etype_for = |data: Vec<u8>| {
            let mut token = server.good();
            token.authenticator.authorization_data.push(if_relevant(&[(129, data)]));
            ap_rep_to(&server, &token).subkey_etype().unwrap().0
        };
        let list = etype_list(&[20, 19]);
        assert_eq!(etype_for(list.clone()), 20);
        for length in 0..list.len() {
            assert_eq!(etype_for(list[..length].to_vec()), 18, "the first {length} bytes");
        }
        assert_eq!(etype_for([&list[..], &[0]].concat()), 18);
        assert_eq!(etype_for(vec![0x30, 0x05, 0x02, 0x00, 0x02, 0x01, 0x14]), 18);
        assert_eq!(etype_for(vec![0x30, 0x03, 0x04, 0x01, 0x14]), 18);
        let most: Vec<i32> = (0..64).collect();
        assert_eq!(etype_for(etype_list(&most)), 20);
        let more: Vec<i32> = (0..65).collect();
        assert_eq!(etype_for(etype_list(&more)), 18);
    }

    #[cfg(feature = "rc4")]
    #[test]
    fn the_policy_can_leave_it_out() {
        let server = Server::with_policy(all_etypes().with_acceptor_subkey(AcceptorSubkeyPolicy::Never));
        for etype in BY_STRENGTH {
            let token = listing(&[20], server.good().session_etype(etype));
            assert_eq!(ap_rep_to(&server, &token).subkey, None);
        }
    }

    /// It is how our AP-REP differs from the client's.
    #[cfg(feature = "rc4")]
    #[test]
    fn dce_style_always_has_one() {
        for policy in [AcceptorSubkeyPolicy::Never, AcceptorSubkeyPolicy::Always] {
            let server = Server::with_policy(all_etypes().with_acceptor_subkey(policy));
            for etype in BY_STRENGTH {
                let token = dce_style(server.good().session_etype(etype));
                assert_eq!(ap_rep_to(&server, &token).subkey, Some(random_key(etype)), "{etype}");
            }
            let token = listing(&[20], dce_style(server.good()));
            assert_eq!(ap_rep_to(&server, &token).subkey_etype().unwrap().0, 20);
        }
    }
}

mod framing {
    use super::*;

    /// The OID and TOK_ID around the AP-REP, and the answer without it.
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

    /// Windows offers the identifier of Windows 2000 first and frames its token with the other.
    #[test]
    fn spnego_is_answered_under_the_identifier_that_is_preferred() {
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
    fn the_mechanism_is_answered_under_its_own_identifier() {
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
    fn an_ap_req_alone_is_answered_with_an_ap_rep_alone() {
        let server = Server::new();
        let token = server.good().framed(TokenFraming::ApReq);
        let answer = answer_to(&server, &token);
        assert!(ApRepParts::decode(answer.token().unwrap(), &token.authenticator.key).is_some());
    }

    /// MS-KILE section 3.4.5.1, also where the client's own token was framed.
    #[test]
    fn dce_style_has_no_framing() {
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
    fn who_does_not_ask_gets_no_ap_rep() {
        let server = Server::new();
        let token = without(GssFlags::MUTUAL, server.good());
        for framing in [TokenFraming::Krb5(mech::KRB5.into()), TokenFraming::ApReq] {
            let answer = answer_to(&server, &token.clone().framed(framing));
            assert_eq!((answer.token(), answer.www_authenticate()), (None, None));
        }
        let answer = answer_to(&server, &token);
        assert_eq!(NegTokenRespParts::decode(answer.token().unwrap()), Some(completed(mech::MS_KRB5)));
    }

    /// Without a checksum of the mechanism, the AP options are all that a client can ask with.
    #[test]
    fn the_ap_options_ask_where_there_is_no_gss_checksum() {
        let server = Server::new();
        let mut token = server.good().framed(TokenFraming::ApReq);
        token.authenticator.cksum = ChecksumParts::Absent;
        assert_eq!(answer_to(&server, &token).token(), None);
        token.ap_options = 1 << 29;
        let answer = answer_to(&server, &token);
        assert!(ApRepParts::decode(answer.token().unwrap(), &token.authenticator.key).is_some());
        // Anybody on the way can set the option; a client whose checksum says otherwise does not wait for an answer.
        let mut token = without(GssFlags::MUTUAL, server.good().framed(TokenFraming::ApReq));
        token.ap_options = 1 << 29;
        assert_eq!(answer_to(&server, &token).token(), None);
    }

    #[test]
    fn a_header_is_negotiate_and_the_token() {
        use base64::Engine as _;
        let server = Server::new();
        let answer = answer_to(&server, &server.good());
        let expected = base64::engine::general_purpose::STANDARD.encode(answer.token().unwrap());
        assert_eq!(answer.www_authenticate().unwrap(), format!("Negotiate {expected}"));
    }
}

mod context {
    use super::*;

    fn both_ways(server: &Server, token: &TestToken) {
        let answer = answer_to(server, token);
        let mut client = TestClient::of(token).complete(answer.token()).unwrap();
        assert_shared(&mut client, &mut answer.into_context());
    }

    fn framings() -> [TokenFraming; 4] {
        let krb5 = |oid: &[u8]| TokenFraming::Krb5(oid.into());
        [TokenFraming::Spnego(SpnegoParts::default()), krb5(mech::KRB5), krb5(mech::MS_KRB5), TokenFraming::ApReq]
    }

    /// Session keys and subkeys of every type, every framing, mutual or not, a subkey of ours or not.
    #[cfg(feature = "rc4")]
    #[test]
    fn both_sides_have_the_same() {
        for policy in [AcceptorSubkeyPolicy::Always, AcceptorSubkeyPolicy::Never] {
            let server = Server::with_policy(all_etypes().with_acceptor_subkey(policy));
            for etype in BY_STRENGTH {
                for framing in framings() {
                    let mutual = server.good().session_etype(etype).framed(framing);
                    let mut without_subkey = mutual.clone();
                    without_subkey.authenticator.subkey = None;
                    let mut unnumbered = mutual.clone();
                    unnumbered.authenticator.seq_number = None;
                    for token in [&mutual, &without_subkey, &unnumbered] {
                        both_ways(&server, token);
                        both_ways(&server, &without(GssFlags::MUTUAL, token.clone()));
                        both_ways(&server, &listing(&[20, 18], token.clone()));
                        both_ways(&server, &listing(&[20, 18], without(GssFlags::MUTUAL, token.clone())));
                    }
                }
            }
        }
    }

    #[cfg(feature = "rc4")]
    #[test]
    fn the_clients_numbers_may_be_as_high_as_they_get() {
        let server = lenient();
        for etype in [EncType::RC4_HMAC, EncType::AES256_CTS_HMAC_SHA1_96] {
            for number in [0, 1, 0x7FFF_FFFF, 0x8000_0000, 0xFFFF_FFFF] {
                let mut token = server.good().session_etype(etype);
                token.authenticator.seq_number = Some(number);
                both_ways(&server, &token);
                both_ways(&server, &without(GssFlags::MUTUAL, token));
            }
        }
    }

    /// The key of the context is the strongest that both have agreed on.
    #[cfg(feature = "rc4")]
    #[test]
    fn its_type_is_that_of_the_last_key_chosen() {
        let server = lenient();
        let rc4 = server.good().session_etype(EncType::RC4_HMAC);
        let aes = with_subkey(EncType::AES128_CTS_HMAC_SHA1_96, rc4.clone());
        for (token, etype) in [
            (rc4.clone(), 23),
            (listing(&[18], rc4.clone()), 18),
            (aes.clone(), 17),
            (listing(&[20], aes.clone()), 20),
            (without(GssFlags::MUTUAL, listing(&[20], aes)), 17),
            (without(GssFlags::MUTUAL, rc4), 23),
        ] {
            assert_eq!(answer_to(&server, &token).into_context().etype().0, etype);
            both_ways(&server, &token);
        }
    }

    #[test]
    fn its_flags_are_the_clients() {
        let server = Server::new();
        let token = without(GssFlags::SEQUENCE, server.good());
        let flags = answer_to(&server, &token).into_context().flags();
        assert_eq!(flags.bits(), token.authenticator.gss.flags);
    }

    /// Two answers to one request would be two contexts; each has its own randomness.
    #[test]
    fn other_randomness_makes_another_context() {
        let server = Server::new();
        let token = server.good();
        let accepted = server.check(&token.mint()).unwrap();
        let [mut first, mut second] = [1, 2].map(|number| accepted.answer(&random(number)).into_context());
        let answer = accepted.answer(&random(1));
        let mut client = TestClient::of(&token).complete(answer.token()).unwrap();
        let mic = client.get_mic(b"alice");
        assert!(second.verify_mic(b"alice", &mic).is_err());
        assert!(first.verify_mic(b"alice", &mic).is_ok());
    }
}

/// For most clients the first step is the last, and has the token of the answer.
#[test]
fn the_step_that_accepts_has_the_token_of_the_answer() {
    let server = Server::new();
    let time: UnixTime = NOW;
    for token in [server.good(), server.good().framed(TokenFraming::ApReq), without(GssFlags::MUTUAL, server.good())] {
        let step = server.validator.converse(&token.mint(), None, &random(1), time).unwrap();
        let Step::Accepted(accepted, answer) = step else { panic!("it is over") };
        assert_eq!(answer.token(), accepted.answer(&random(1)).token());
        assert_eq!(answer.token(), answer_to(&server, &token).token());
    }
}
