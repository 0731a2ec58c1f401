//! Tests of the token for a refused client. By default the token is the same for every reason. Under
//! `KrbErrorPolicy::AfterProof` the token has an error code of RFC 4120 section 7.5.9, if the client has proved its
//! identity.

use crate::common;

use common::dialogue::{Host, dce_style, final_token, krb5_token, prefers_ntlm, random};
use common::refusals::{IN_ORDER, KRB_ERROR_CODES, REJECT, framings, policy};
use common::{NOW, Server};
use kerberos_sso::replay::MemoryReplayCache;
use kerberos_sso::testing::{
    Krb5Message, KrbErrorParts, MechToken, NegTokenRespParts, TestClient, TestToken, TokenFraming, Unproven, mech,
};
use kerberos_sso::{
    Error, KeySet, Policy, Refused, UnixTime, Validator, error::NegotiationCause, policy::KrbErrorPolicy,
};

/// Returns the token for the client whose token the server refuses.
fn rejection(server: &Server, token: &[u8]) -> Option<Vec<u8>> {
    server.validate(token).expect_err("the token is refused").token().map(Vec::from)
}

mod by_default {
    use super::*;

    #[test]
    fn client_gets_the_same_reject_token_for_every_reason() {
        let server = Server::with_policy(policy());
        for (code, change) in IN_ORDER {
            let mut token = server.good();
            change(&mut token);
            assert_eq!(rejection(&server, &token.mint()).as_deref(), Some(&REJECT[..]), "{code}");
        }
    }

    /// The protocol of a client without SPNEGO has no reject message. The client learns of the refusal from the HTTP
    /// status or the closed connection.
    #[test]
    fn client_without_spnego_gets_no_rejection_token() {
        let server = Server::with_policy(policy());
        for framing in &framings()[1..] {
            for (code, change) in &IN_ORDER[1..] {
                let mut token = server.good().framed(framing.clone());
                change(&mut token);
                assert_eq!(rejection(&server, &token.mint()), None, "{code}");
            }
        }
    }

    #[test]
    fn client_gets_the_same_reject_token_for_a_replay_as_for_other_reasons() {
        let host = Host::new();
        let token = host.good().mint();
        host.assert_ends(&token, None);
        let refused = host.refused(&token, None);
        assert_eq!((refused.code(), refused.token()), ("replay", Some(&REJECT[..])));
    }

    /// The server answers in SPNEGO when the token begins like a SPNEGO token.
    #[test]
    fn token_without_a_request_is_rejected_in_spnego_when_it_begins_like_spnego() {
        let server = Server::new();
        let good = server.good().mint();
        let offer = server.good().spnego(|spnego| {
            spnego.mech_types = vec![mech::NTLM.into()];
            spnego.mech_token = MechToken::Raw(b"NTLMSSP\0\x01\0\0\0".into());
        });
        let resp = NegTokenRespParts { response_token: Some(vec![1]), ..NegTokenRespParts::default() };
        for token in [offer.mint(), resp.mint(), vec![0xA1]] {
            assert_eq!(rejection(&server, &token).as_deref(), Some(&REJECT[..]), "{token:02x?}");
        }
        for token in [&b""[..], b"NTLMSSP\0\x01\0\0\0", b"NEGOEXTS", b"GET / HTTP/1.1", &good[..good.len() - 1]] {
            assert_eq!(rejection(&server, token), None, "{token:02x?}");
        }
    }

    #[test]
    fn client_gets_the_same_reject_token_at_each_token_of_a_negotiation() {
        let host = Host::new();
        let asked = host.continues(&host.good().spnego(|spnego| spnego.mech_token = MechToken::Absent).mint(), None);
        let awaits_mic = host.continues(&prefers_ntlm(host.good()).mint(), None);
        let awaits_ap_rep = host.continues(&dce_style(host.good()).mint(), None);
        for kept in [asked, awaits_mic, awaits_ap_rep] {
            for last in [final_token(vec![4; 28]).mint(), NegTokenRespParts::default().mint(), vec![0xA1, 0]] {
                let refused = host.refused(&last, Some(&kept.state));
                assert_eq!(refused.token(), Some(&REJECT[..]), "{refused}");
            }
        }
        let kept = host.continues(&dce_style(host.good().framed(TokenFraming::ApReq)).mint(), None);
        let refused = host.refused(&kept.token, Some(&kept.state));
        assert_eq!(*refused.error(), Error::Negotiation(NegotiationCause::ApRep));
        assert_eq!(refused.token(), None);
    }

    #[test]
    fn test_client_reads_the_rejection_as_a_reject() {
        let server = Server::new();
        let mut token = server.good();
        token.authenticator.cname = "bob".into();
        let refused = server.validate(&token.mint()).unwrap_err();
        assert_eq!(TestClient::of(&token).complete(refused.token()).unwrap_err(), Unproven::Rejected);
        assert_eq!(refused.www_authenticate().as_deref(), Some("Negotiate oQcwBaADCgEC"));
        let bare = server.validate(&token.framed(TokenFraming::ApReq).mint()).unwrap_err();
        assert_eq!(bare.www_authenticate(), None);
    }
}

mod after_proof {
    use super::*;

    fn server() -> Server {
        Server::with_policy(policy().with_krb_errors(KrbErrorPolicy::AfterProof))
    }

    /// Returns every field of the KRB-ERROR for `token`.
    fn krb_error(token: &TestToken, error_code: i32) -> KrbErrorParts {
        KrbErrorParts {
            pvno: 5,
            msg_type: 30,
            ctime: Some(token.authenticator.ctime.clone()),
            cusec: Some(token.authenticator.cusec),
            stime: NOW.into(),
            susec: 0,
            error_code,
            crealm: None,
            cname: None,
            realm: token.ticket.realm.clone(),
            sname: token.ticket.sname.clone(),
            e_text: None,
            e_data: None,
        }
    }

    #[test]
    fn krb_error_has_the_code_of_the_reason_for_the_refusal() {
        let server = server();
        for ((code, change), expected) in IN_ORDER.into_iter().zip(KRB_ERROR_CODES) {
            let mut token = server.good();
            change(&mut token);
            let reply = NegTokenRespParts::decode(&rejection(&server, &token.mint()).unwrap()).unwrap();
            let message = reply.response_token.as_deref().map(Krb5Message::decode);
            let framing = message.as_ref().map(|message| message.framing.clone().expect("the KRB-ERROR has a framing"));
            assert_eq!(framing, expected.map(|_| (mech::KRB5.to_vec(), Krb5Message::KRB_ERROR)), "{code}");
            let error = message.map(|message| KrbErrorParts::decode(&message.message).expect("a KRB-ERROR"));
            assert_eq!(error, expected.map(|code| krb_error(&token, code)), "{code}");
            let rest = NegTokenRespParts { response_token: None, ..reply };
            assert_eq!(rest.mint(), REJECT, "{code}");
        }
    }

    #[test]
    fn krb_error_has_the_framing_of_the_request() {
        let server = server();
        for framing in &framings()[1..] {
            let mut token = server.good().framed(framing.clone());
            token.authenticator.ctime = "20261121080501Z".into();
            let rejected = rejection(&server, &token.mint()).unwrap();
            let expected = match framing {
                TokenFraming::Krb5(oid) => Some((oid.clone(), Krb5Message::KRB_ERROR)),
                _ => None,
            };
            let message = Krb5Message::decode(&rejected);
            assert_eq!(message.framing, expected);
            assert_eq!(KrbErrorParts::decode(&message.message), Some(krb_error(&token, 37)));
        }
        for inner in [MechToken::ApReq, MechToken::Krb5(mech::MS_KRB5.into())] {
            let mut token = server.good().spnego(|spnego| spnego.mech_token = inner.clone());
            token.authenticator.ctime = "20261121080501Z".into();
            let reply = NegTokenRespParts::decode(&rejection(&server, &token.mint()).unwrap()).unwrap();
            let message = Krb5Message::decode(&reply.response_token.unwrap());
            let framed = matches!(inner, MechToken::Krb5(_));
            assert_eq!(message.framing, framed.then(|| (mech::MS_KRB5.to_vec(), Krb5Message::KRB_ERROR)));
            assert_eq!(KrbErrorParts::decode(&message.message), Some(krb_error(&token, 37)));
        }
    }

    /// The KRB-ERROR has the client's time and the server's time, each to the microsecond.
    #[test]
    fn krb_error_holds_the_times_of_client_and_server() {
        let mut server = server();
        server.now = NOW.with_micros(7).unwrap();
        let mut token = server.good().framed(TokenFraming::ApReq);
        token.authenticator.ctime = "20261121080501Z".into();
        token.authenticator.cusec = 999_999;
        let rejected = rejection(&server, &token.mint()).unwrap();
        let expected = KrbErrorParts { susec: 7, ..krb_error(&token, 37) };
        assert_eq!(KrbErrorParts::decode(&rejected), Some(expected));
    }

    /// The KRB-ERROR repeats the client's time, even when the client's clock is wrong by years.
    #[test]
    fn krb_error_repeats_the_time_of_the_client() {
        let server = server();
        for ctime in ["00000101000000Z", "19691231235959Z", "20380119031408Z", "99991231235959Z"] {
            let mut token = server.good().framed(TokenFraming::ApReq);
            token.authenticator.ctime = ctime.into();
            let rejected = rejection(&server, &token.mint()).unwrap();
            assert_eq!(KrbErrorParts::decode(&rejected), Some(krb_error(&token, 37)), "{ctime}");
        }
    }

    /// A KerberosTime has four digits for the year, so the server's time saturates at the years 0 and 9999.
    #[test]
    fn krb_error_has_a_server_time_between_the_years_0_and_9999() {
        for (seconds, stime, code) in [
            (i64::MIN, "00000101000000Z", 33),
            (-62_167_219_201, "00000101000000Z", 33),
            (-62_167_219_200, "00000101000000Z", 33),
            (-62_167_219_199, "00000101000001Z", 33),
            (253_402_300_798, "99991231235958Z", 32),
            (253_402_300_799, "99991231235959Z", 32),
            (253_402_300_800, "99991231235959Z", 32),
            (i64::MAX, "99991231235959Z", 32),
        ] {
            let mut server = server();
            let token = server.good().framed(TokenFraming::ApReq);
            server.now = UnixTime::from_seconds(seconds).with_micros(999_999).unwrap();
            let rejected = rejection(&server, &token.mint()).unwrap();
            let expected = KrbErrorParts { stime: stime.into(), susec: 999_999, ..krb_error(&token, code) };
            assert_eq!(KrbErrorParts::decode(&rejected), Some(expected), "{seconds}");
        }
    }

    #[test]
    fn krb_error_of_a_replay_has_the_code_34() {
        let server = server();
        let cache = MemoryReplayCache::new(10, Policy::default().clock_skew(), NOW).taking_earlier_authenticators();
        let policy = policy().with_krb_errors(KrbErrorPolicy::AfterProof);
        let validator = Validator::new(server.realm.key_set(), policy, cache);
        let token = server.good().framed(TokenFraming::ApReq);
        let _accepted = validator.validate_ticket(&token.mint(), NOW).unwrap();
        let refused = validator.validate_ticket(&token.mint(), NOW).unwrap_err();
        assert_eq!(KrbErrorParts::decode(refused.token().unwrap()), Some(krb_error(&token, 34)));
    }

    /// A client that changes one bit of the ciphertext of the ticket or the authenticator has not proved its identity.
    /// So the client gets no error code.
    #[test]
    fn client_with_an_altered_ticket_or_authenticator_gets_no_krb_error() {
        let server = server();
        let mut token = server.good().framed(TokenFraming::ApReq);
        token.authenticator.ctime = "20261121080501Z".into();
        let sent = |token: &TestToken| rejection(&server, &token.mint());
        assert!(sent(&token).is_some());
        let (ticket, authenticator) = (token.ticket.cipher(), token.authenticator.cipher());
        for bit in 0..8 * ticket.len() {
            let mut altered = ticket.clone();
            altered[bit / 8] ^= 1 << (bit % 8);
            let mut token = token.clone();
            token.ticket.raw_cipher = Some(altered);
            assert_eq!(sent(&token), None, "bit {bit} of the ticket");
        }
        for bit in 0..8 * authenticator.len() {
            let mut altered = authenticator.clone();
            altered[bit / 8] ^= 1 << (bit % 8);
            let mut token = token.clone();
            token.authenticator.raw_cipher = Some(altered);
            assert_eq!(sent(&token), None, "bit {bit} of the authenticator");
        }
        let (bytes, validator) = (token.mint(), &server.validator);
        let decide = |keys: &KeySet| -> Result<_, Refused> {
            validator.verify(validator.open_with(validator.read(&bytes)?, keys, NOW)?, NOW)
        };
        assert_eq!(decide(&server.realm.clone().with_kvno(2).key_set()).unwrap_err().token(), None);
        assert!(decide(&server.realm.key_set()).unwrap_err().token().is_some());
    }

    /// The KRB-ERROR for a later token answers the AP-REQ of the same negotiation.
    #[test]
    fn krb_error_for_a_later_token_has_the_code_of_the_reason_for_the_refusal() {
        let host = Host::with_policy(Policy::default().with_krb_errors(KrbErrorPolicy::AfterProof));
        let code_in = |refused: &Refused| {
            let token = NegTokenRespParts::decode(refused.token().unwrap()).unwrap().response_token.unwrap();
            KrbErrorParts::decode(&Krb5Message::decode(&token).message).unwrap().error_code
        };
        let mut token = host.good().spnego(|spnego| spnego.mech_token = MechToken::Absent);
        let asked = host.continues(&token.mint(), None);
        token.authenticator.ctime = "20261121080501Z".into();
        let second =
            NegTokenRespParts { response_token: Some(krb5_token(&token)), ..NegTokenRespParts::default() }.mint();
        assert_eq!(code_in(&host.refused(&second, Some(&asked.state))), 37);

        let kept = host.continues(&prefers_ntlm(host.good()).mint(), None);
        let last = final_token(vec![4; 28]).mint();
        assert_eq!(code_in(&host.refused(&last, Some(&kept.state))), 60);
    }

    /// The KRB-ERROR repeats the whole service name, even the longest name that a ticket may have.
    #[test]
    fn krb_error_repeats_a_service_name_of_40000_octets() {
        let server = Server::with_policy(Policy::default().with_krb_errors(KrbErrorPolicy::AfterProof));
        let name = ["HTTP/", &"x".repeat(40_000)].concat();
        let mut token = server.good().service(&name).framed(TokenFraming::ApReq);
        token.authenticator.ctime = "20261121080501Z".into();
        let rejected = rejection(&server, &token.mint()).unwrap();
        assert_eq!(KrbErrorParts::decode(&rejected), Some(krb_error(&token, 37)));
    }

    #[test]
    fn offer_without_a_token_is_rejected_without_a_krb_error() {
        let server = server();
        let token = server.good().spnego(|spnego| spnego.mech_token = MechToken::Absent).mint();
        assert_eq!(rejection(&server, &token).as_deref(), Some(&REJECT[..]));
        assert!(server.validator.converse(&token, None, &random(1), NOW).is_ok());
    }
}
