//! Tests of the answer to an accepted client: the AP-REP, its framing, and the security context of both sides. The
//! client of `kerberos_sso::testing` reads the answers with `rasn`.
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

/// The encryption types in order of strength, the weakest type first.
const BY_STRENGTH: [EncType; 5] = [
    EncType::RC4_HMAC,
    EncType::AES128_CTS_HMAC_SHA1_96,
    EncType::AES128_CTS_HMAC_SHA256_128,
    EncType::AES256_CTS_HMAC_SHA1_96,
    EncType::AES256_CTS_HMAC_SHA384_192,
];

fn answer_to(server: &Server, token: &TestToken) -> Answer {
    server.check(&token.mint()).expect("the token is accepted").answer(&random(1))
}

/// Returns the AP-REP that answers the token. The test client has verified that the AP-REP proves the server.
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

/// Adds a list of encryption types (RFC 4537) in an AD-IF-RELEVANT, as section 3 requires.
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
    fn ap_rep_holds_the_clients_time_a_subkey_and_a_sequence_number() {
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

    /// The AP-REP repeats the client's time to the microsecond, even when the clocks differ.
    #[test]
    fn ap_rep_has_the_time_of_the_authenticator() {
        let server = Server::new();
        for (seconds, micros) in [(0, 0), (-300, 999_999), (300, 1)] {
            let time = NOW.saturating_add_seconds(seconds);
            let token = server.good().sent_at(time.with_micros(micros).unwrap());
            let ap_rep = ap_rep_to(&server, &token);
            assert_eq!((ap_rep.ctime, ap_rep.cusec), (time.into(), i64::from(micros)));
        }
    }

    /// The form of the message does not show which key encrypts it, so the test tries to decrypt the message with each
    /// key.
    #[test]
    fn ap_rep_is_encrypted_under_the_session_key_and_not_under_the_subkey() {
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
    fn ap_rep_has_a_sequence_number_below_2_to_the_30th() {
        let server = Server::new();
        for (octet, number) in [(0x00, 0), (0xFF, (1 << 30) - 1), (0x80, 0x2020_2020)] {
            let token = server.good();
            let answer = server.check(&token.mint()).unwrap().answer(&Randomness::new([octet; 64]));
            let ap_rep = TestClient::of(&token).ap_rep(answer.token().unwrap()).unwrap().unwrap();
            assert_eq!(ap_rep.seq_number, Some(number));
        }
    }

    #[test]
    fn answer_contains_no_unencrypted_octets_of_the_randomness() {
        let server = Server::new();
        let answer = answer_to(&server, &server.good());
        let token = answer.token().unwrap();
        for octets in random_octets(1).windows(4) {
            assert!(!token.windows(4).any(|window| window == octets));
        }
    }

    #[test]
    fn ap_rep_for_another_request_is_no_proof_to_the_client() {
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

    /// The acceptor subkey has the type of the client's subkey, or of the session key if the client sends no subkey.
    #[cfg(feature = "rc4")]
    #[test]
    fn acceptor_subkey_has_the_type_of_the_key_that_the_client_uses() {
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

    /// The test pairs every type that a client may use with every type that a client may list (RFC 4537).
    #[cfg(feature = "rc4")]
    #[test]
    fn acceptor_subkey_has_the_listed_type_when_that_type_is_stronger() {
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
    fn acceptor_subkey_has_the_strongest_listed_type_in_any_order() {
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
    fn listed_types_that_the_policy_does_not_allow_are_ignored() {
        let aes128 = EncType::AES128_CTS_HMAC_SHA1_96;
        let policy = Policy::default().with_session_etypes(&[aes128, EncType::AES256_CTS_HMAC_SHA1_96]);
        let server = Server::with_policy(policy);
        let token = listing(&[20, 19, 18], server.good().session_etype(aes128));
        assert_eq!(ap_rep_to(&server, &token).subkey, Some(random_key(EncType::AES256_CTS_HMAC_SHA1_96)));
    }

    /// RFC 4537 requires the list in an AD-IF-RELEVANT. The server also reads a list that a client sends without
    /// AD-IF-RELEVANT.
    #[test]
    fn list_of_types_outside_of_ad_if_relevant_is_used() {
        let server = Server::new();
        let mut token = server.good();
        token.authenticator.authorization_data.push((129, etype_list(&[20])));
        assert_eq!(ap_rep_to(&server, &token).subkey_etype(), Some(EncType::AES256_CTS_HMAC_SHA384_192));
    }

    #[test]
    fn list_of_types_in_the_ticket_is_ignored() {
        let server = Server::new();
        let mut token = server.good();
        token.ticket.authorization_data.push(if_relevant(&[(129, etype_list(&[20]))]));
        assert_eq!(ap_rep_to(&server, &token).subkey_etype(), Some(EncType::AES256_CTS_HMAC_SHA1_96));
    }

    /// The list can only ask for a stronger key and does not affect the client's identity. A malformed list is
    /// therefore no reason to refuse the client.
    #[test]
    fn malformed_list_of_types_is_ignored() {
        let server = Server::new();
        let etype_for = |data: Vec<u8>| {
            let mut token = server.good();
            token.authenticator.authorization_data.push(if_relevant(&[(129, data)]));
            ap_rep_to(&server, &token).subkey_etype().unwrap().0
        };
        let list = etype_list(&[20, 19]);
        assert_eq!(etype_for(list.clone()), 20);
        for length in 0..list.len() {
            assert_eq!(etype_for(list[..length].to_vec()), 18, "the first {length} octets");
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
    fn ap_rep_has_no_subkey_when_the_policy_forbids_acceptor_subkeys() {
        let server = Server::with_policy(all_etypes().with_acceptor_subkey(AcceptorSubkeyPolicy::Never));
        for etype in BY_STRENGTH {
            let token = listing(&[20], server.good().session_etype(etype));
            assert_eq!(ap_rep_to(&server, &token).subkey, None);
        }
    }

    /// The subkey makes the server's AP-REP differ from the client's AP-REP.
    #[cfg(feature = "rc4")]
    #[test]
    fn ap_rep_of_dce_style_always_has_an_acceptor_subkey() {
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

    /// Under MS-KILE section 3.4.5.1 the AP-REP has no framing, even when the client's token has one.
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

    /// The test combines session keys of every type, every framing, mutual authentication, and policies of the acceptor
    /// subkey.
    #[cfg(feature = "rc4")]
    #[test]
    fn client_and_server_share_a_context_under_every_type_and_framing() {
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
    fn client_and_server_share_a_context_with_any_32_bit_sequence_number() {
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

    /// The context uses the last key that both sides agreed on: the acceptor subkey, the client's subkey, or the
    /// session key.
    #[cfg(feature = "rc4")]
    #[test]
    fn context_has_the_type_of_the_last_key_agreed_on() {
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
    fn context_has_the_gss_flags_of_the_client() {
        let server = Server::new();
        let token = without(GssFlags::SEQUENCE, server.good());
        let flags = answer_to(&server, &token).into_context().flags();
        assert_eq!(flags.bits(), token.authenticator.gss.flags);
    }

    /// Two answers to one request with different randomness make two contexts that do not verify each other's MICs.
    #[test]
    fn answer_with_other_randomness_has_another_context() {
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

/// Most negotiations end with the first step. That step then has the token of the answer.
#[test]
fn step_that_accepts_has_the_same_token_as_the_answer() {
    let server = Server::new();
    let time: UnixTime = NOW;
    for token in [server.good(), server.good().framed(TokenFraming::ApReq), without(GssFlags::MUTUAL, server.good())] {
        let step = server.validator.converse(&token.mint(), None, &random(1), time).unwrap();
        let Step::Accepted(accepted, answer) = step else { panic!("the negotiation has ended") };
        assert_eq!(answer.token(), accepted.answer(&random(1)).token());
        assert_eq!(answer.token(), answer_to(&server, &token).token());
    }
}
