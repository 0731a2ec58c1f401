//! What comes before any key is used: size, framing, the shape of the messages.
#![cfg(feature = "testing")]
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::arithmetic_side_effects, clippy::panic)]
#![allow(clippy::expect_used)]

mod common;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use common::tlv::{Tlv, offsets};
use common::{NOW, Server, assert_malformed, malformed};
use kerberos_sso::crypto::EncType;
use kerberos_sso::limits::{
    MAX_AUTH_DATA_ELEMENTS, MAX_MECHANISMS, MAX_NAME_COMPONENTS, MAX_REALM_LENGTH, MAX_TOKEN_SIZE,
};
use kerberos_sso::testing::{MechToken, NegHints, TestToken, TokenFraming, if_relevant, mech};
use kerberos_sso::{
    Error, EtypeCause, HeaderProblem, KerberosOffer, KeyRole, NtlmMessage, Policy, Problem, TicketFlags,
};

/// Every field there is, so that every field can be damaged.
fn complete(server: &Server) -> TestToken {
    let mut token = server.good().framed(TokenFraming::ApReq).flags(TicketFlags::TRANSITED_POLICY_CHECKED);
    token.ticket.caddr = Some(vec![(2, vec![192, 0, 2, 1])]);
    token.ticket.transited.1 = b"A.TEST".to_vec();
    token.ticket.authorization_data = vec![if_relevant(&[(-1, vec![1])])];
    token.authenticator.authorization_data = vec![if_relevant(&[(-1, vec![1])])];
    token.authenticator.kvno = Some(1);
    token
}

/// The name of a message, its bytes, and a token that carries other bytes in their place.
type Message = (&'static str, Vec<u8>, Box<dyn Fn(Vec<u8>) -> Vec<u8>>);

/// The three messages with every field.
fn messages(server: &Server) -> [Message; 3] {
    let token = complete(server);
    assert!(server.check(&token.mint()).is_ok());
    let (ticket, authenticator) = (token.clone(), token.clone());
    [
        ("AP-REQ", token.ap_req(), Box::new(|bytes| bytes)),
        ("EncTicketPart", token.ticket.plaintext(), Box::new(move |bytes| with_ticket(&ticket, bytes))),
        ("Authenticator", token.authenticator.plaintext(), Box::new(move |b| with_authenticator(&authenticator, b))),
    ]
}

fn with_ticket(token: &TestToken, plaintext: Vec<u8>) -> Vec<u8> {
    let mut token = token.clone();
    token.ticket.raw = Some(plaintext);
    token.mint()
}

fn with_authenticator(token: &TestToken, plaintext: Vec<u8>) -> Vec<u8> {
    let mut token = token.clone();
    token.authenticator.raw = Some(plaintext);
    token.mint()
}

/// A SEQUENCE in a SEQUENCE, `depth` times, with lengths in the definite form.
fn nested_sequences(depth: usize) -> Vec<u8> {
    let mut reversed = Vec::new();
    for _ in 0..depth {
        let [.., high, low] = reversed.len().to_be_bytes();
        reversed.extend(match (high, low) {
            (0, 0..0x80) => vec![low],
            (0, _) => vec![low, 0x81],
            _ => vec![low, high, 0x82],
        });
        reversed.push(0x30);
    }
    assert!(reversed.len() < 0x1_0000);
    reversed.reverse();
    reversed
}

mod nesting {
    use super::*;

    /// CVE-2020-28196: MIT's ASN.1 decoder recursed without end.
    #[test]
    fn twenty_thousand_nested_sequences_need_no_stack() {
        let deep = std::thread::Builder::new().stack_size(256 * 1024).spawn(|| {
            let server = Server::new();
            let indefinite = [0x30, 0x80].repeat(20_000);
            let definite = nested_sequences(15_000);
            for deep in [indefinite, definite] {
                for token in everywhere(&server, &deep) {
                    assert_malformed(&server.check(&token).unwrap_err(), "nested");
                }
            }
        });
        deep.unwrap().join().unwrap();
    }

    /// Tokens that have `deep` in each place that takes any structure.
    fn everywhere(server: &Server, deep: &[u8]) -> Vec<Vec<u8>> {
        let good = server.good();
        let ticket = |change: &dyn Fn(&mut TestToken)| {
            let mut token = good.clone();
            change(&mut token);
            token.mint()
        };
        vec![
            deep.to_vec(),
            good.mint_around(deep.to_vec()),
            good.clone().framed(TokenFraming::Krb5(mech::KRB5.into())).mint_around(deep.to_vec()),
            ticket(&|token| token.framing = spnego_with(MechToken::Raw(deep.to_vec()))),
            ticket(&|token| token.ticket.raw = Some(deep.to_vec())),
            ticket(&|token| token.authenticator.raw = Some(deep.to_vec())),
            ticket(&|token| token.ticket.authorization_data = vec![(1, deep.to_vec())]),
            ticket(&|token| token.authenticator.authorization_data = vec![(1, deep.to_vec())]),
        ]
    }

    fn spnego_with(mech_token: MechToken) -> TokenFraming {
        TokenFraming::Spnego(kerberos_sso::testing::SpnegoParts { mech_token, ..Default::default() })
    }
}

mod lengths {
    use super::*;

    #[test]
    fn every_length_is_definite_and_minimal_and_within_four_octets() {
        let server = Server::new();
        for (message, der, send) in messages(&server) {
            for path in Tlv::parse(&der).paths() {
                for bad in bad_lengths() {
                    let mut tree = Tlv::parse(&der);
                    tree.at(&path).raw_length = Some(bad.clone());
                    let error = server.check(&send(tree.encode())).unwrap_err();
                    assert_malformed(&error, &format!("{message} {path:?} {bad:02X?}"));
                }
            }
        }
    }

    fn bad_lengths() -> Vec<Vec<u8>> {
        vec![
            vec![0x80],                            // indefinite
            vec![0x85, 0, 0, 0, 0, 1],             // five octets
            vec![0x84, 0xFF, 0xFF, 0xFF, 0xFF],    // 2^32 - 1
            vec![0x88, 0, 0, 0, 1, 0, 0, 0, 0],    // 2^32
            vec![0x89, 1, 0, 0, 0, 0, 0, 0, 0, 0], // 2^64
            vec![0x88, 255, 255, 255, 255, 255, 255, 255, 255],
            vec![0xFF],             // reserved
            vec![0x84, 0, 0, 0, 1], // not minimal
        ]
    }

    #[test]
    fn the_first_length_is_named_with_its_place() {
        let server = Server::new();
        let with_length = |bad: &[u8]| {
            let bad = bad.to_vec();
            server.refusal_of_ap_req(move |ap_req| ap_req.raw_length = Some(bad))
        };
        for bad in [&[0x80][..], &[0x85, 0, 0, 0, 2, 0], &[0x88, 0, 0, 0, 1, 0, 0, 0, 0], &[0xFF], &[0x81, 0x10]] {
            assert_eq!(with_length(bad), malformed("AP-REQ", 1, Problem::Length), "{bad:02X?}");
        }
        assert_eq!(with_length(&[0x84, 0xFF, 0xFF, 0xFF, 0xFF]), malformed("AP-REQ", 6, Problem::Truncated));
    }
}

mod truncation {
    use super::*;

    #[test]
    fn every_prefix_of_a_token_is_malformed() {
        let server = Server::new();
        let hinted = server.good().spnego(|spnego| spnego.neg_hints = NegHints::NotDefined);
        let framings = [TokenFraming::ApReq, TokenFraming::Krb5(mech::KRB5.into())];
        for token in framings.map(|framing| server.good().framed(framing)).into_iter().chain([server.good(), hinted]) {
            let token = token.mint();
            assert!(server.check(&token).is_ok());
            for length in 0..token.len() {
                assert_malformed(&server.check(&token[..length]).unwrap_err(), &format!("{length} bytes"));
            }
        }
    }

    #[test]
    fn every_prefix_of_a_plaintext_is_malformed() {
        let server = Server::new();
        for (message, der, send) in messages(&server) {
            for length in 0..der.len() {
                let error = server.check(&send(der[..length].to_vec())).unwrap_err();
                assert_malformed(&error, &format!("{length} bytes of {message}"));
            }
        }
    }

    #[test]
    fn nothing_may_follow() {
        let server = Server::new();
        for (message, der, send) in messages(&server) {
            let error = server.check(&send([&der[..], &[0]].concat())).unwrap_err();
            let at = der.len();
            assert_eq!(error, malformed(message, at, Problem::TrailingBytes(1)));
        }
        let token = [server.good().mint(), vec![0, 0]].concat();
        let at = token.len() - 2;
        assert_eq!(server.check(&token).unwrap_err(), malformed("InitialContextToken", at, Problem::TrailingBytes(2)));
    }
}

mod fields {
    use super::*;

    #[test]
    fn every_field_stands_once_and_in_its_place() {
        let server = Server::new();
        let mut variations = 0;
        for (message, der, send) in messages(&server) {
            let refuse = |what: &str, path: &[usize], tree: &Tlv| {
                let context = format!("{message} {path:?} {what}");
                assert_malformed(&server.check(&send(tree.encode())).expect_err(&context), &context);
            };
            for path in structures(&Tlv::parse(&der)) {
                let count = Tlv::parse(&der).at(&path).children().len();
                for index in 0..count {
                    let mut twice = Tlv::parse(&der);
                    let copy = twice.at(&path).children()[index].clone();
                    twice.at(&path).children().insert(index, copy);
                    refuse("twice", &path, &twice);
                    let mut swapped = Tlv::parse(&der);
                    swapped.at(&path).children().swap(index, (index + 1) % count);
                    if count > 1 {
                        refuse("swapped", &path, &swapped);
                    }
                    variations += 1;
                }
                let mut extended = Tlv::parse(&der);
                extended.at(&path).children().push(Tlv::of(0xAF, vec![Tlv::bytes(0x02, [1])]));
                refuse("extended", &path, &extended);
            }
        }
        assert!(variations > 60, "{variations}");
    }

    /// The paths of the SEQUENCEs that have fields, and of the fields, which hold one value. A SEQUENCE OF may have its
    /// elements twice.
    fn structures(tree: &Tlv) -> Vec<Vec<usize>> {
        let has_fields = |path: &Vec<usize>| {
            let mut tree = tree.clone();
            let element = tree.at(path);
            element.tag & 0x20 != 0 && (element.tag != 0x30 || element.children().iter().all(|child| child.tag >= 0xA0))
        };
        tree.paths().into_iter().filter(has_fields).collect()
    }

    #[test]
    fn a_mandatory_field_cannot_be_left_out() {
        let server = Server::new();
        for (message, der, send) in messages(&server) {
            let fields = Tlv::parse(&der).at(&[0]).children().len();
            let optional: &[usize] = match message {
                "EncTicketPart" => &[6, 8, 9, 10],
                "Authenticator" => &[3, 6, 7, 8],
                _ => &[],
            };
            for field in 0..fields {
                let mut without = Tlv::parse(&der);
                without.at(&[0]).children().remove(field);
                let checked = server.check(&send(without.encode()));
                assert_eq!(checked.is_ok(), optional.contains(&field), "{message} without {field}");
                if let Err(error) = checked {
                    assert_malformed(&error, message);
                }
            }
        }
    }

    #[test]
    fn the_offset_of_an_error_is_that_of_the_field() {
        let server = Server::new();
        let ap_req = server.good().framed(TokenFraming::ApReq).ap_req();
        let swapped = server.refusal_of_ap_req(|ap_req| ap_req.at(&[0]).children().swap(0, 1));
        let (at, _) = offsets(&ap_req, &[0, 0]);
        let problem = Problem::UnexpectedTag { expected: 0xA0, found: 0xA1 };
        assert_eq!(swapped, malformed("AP-REQ.pvno", at, problem));
    }

    /// From the start of the token, whatever is around the AP-REQ.
    #[test]
    fn an_offset_counts_from_the_start_of_the_token() {
        let server = Server::new();
        let framings = [TokenFraming::ApReq, TokenFraming::Krb5(mech::KRB5.into()), server.good().framing];
        for framing in framings {
            let mut token = server.good().framed(framing);
            token.pvno = 4;
            let (bytes, ap_req) = (token.mint(), token.ap_req());
            assert!(bytes.ends_with(&ap_req));
            let at = bytes.len() - ap_req.len() + offsets(&ap_req, &[0, 0, 0]).0;
            let problem = Problem::Value { expected: 5, found: 4 };
            assert_eq!(server.check(&bytes).unwrap_err(), malformed("AP-REQ.pvno", at, problem));
        }
    }
}

mod numbers {
    use super::*;

    #[test]
    fn versions_and_message_types_have_one_value() {
        let server = Server::new();
        let refusal = |change: &dyn Fn(&mut TestToken), place: &dyn Fn(&TestToken) -> usize| {
            let mut token = server.good().framed(TokenFraming::ApReq);
            server.check(&token.mint()).unwrap();
            change(&mut token);
            (server.check(&token.mint()).unwrap_err(), place(&token))
        };
        let ap_req = |path: &'static [usize]| move |token: &TestToken| offsets(&token.ap_req(), path).0;
        let value = |(error, at): (Error, usize), what, expected, found| {
            assert_eq!(error, malformed(what, at, Problem::Value { expected, found }));
        };
        for pvno in [261, 4, 6, -251, 5 - (1 << 32), 5 + (1 << 32)] {
            value(refusal(&|token| token.pvno = pvno, &ap_req(&[0, 0, 0])), "AP-REQ.pvno", 5, pvno);
            let tkt_vno = refusal(&|token| token.ticket.tkt_vno = pvno, &ap_req(&[0, 3, 0, 0, 0, 0]));
            value(tkt_vno, "Ticket.tkt-vno", 5, pvno);
            let vno = refusal(&|token| token.authenticator.authenticator_vno = pvno, &|token| {
                offsets(&token.authenticator.plaintext(), &[0, 0, 0]).0
            });
            value(vno, "Authenticator.authenticator-vno", 5, pvno);
        }
        for msg_type in [15, 12, 270, 14 + (1 << 32)] {
            value(refusal(&|token| token.msg_type = msg_type, &ap_req(&[0, 1, 0])), "AP-REQ.msg-type", 14, msg_type);
        }
    }

    #[test]
    fn an_etype_is_not_cut_to_fewer_bits() {
        let server = Server::new();
        let not_implemented = |role, etype| Error::UnsupportedEtype { role, etype, cause: EtypeCause::NotImplemented };
        assert_eq!(
            server.refusal(|token| token.ticket.etype = 65_536 + 18),
            not_implemented(KeyRole::Ticket, EncType(65_554))
        );
        assert_eq!(
            server.refusal(|token| token.ticket.session_key.keytype = 65_536 + 18),
            not_implemented(KeyRole::Session, EncType(65_554))
        );
        for wide in [(1 << 32) + 18, 18 - (1 << 32), 1 << 31, i64::MAX] {
            let mut token = server.good().framed(TokenFraming::ApReq);
            token.ticket.etype = wide;
            let (at, _) = offsets(&token.ap_req(), &[0, 3, 0, 0, 3, 0, 0, 0]);
            let error = server.check(&token.mint()).unwrap_err();
            assert_eq!(error, malformed("EncryptedData.etype", at, Problem::Number), "{wide}");
        }
    }

    #[test]
    fn a_kvno_has_32_bits() {
        let server = Server::new();
        for kvno in [1 << 32, -(1 << 31) - 1, i64::MIN] {
            assert_malformed(&server.refusal(|token| token.ticket.kvno = Some(kvno)), "kvno");
        }
        for kvno in [0, 1, 255, 256, i64::from(u32::MAX), -1, -(1 << 31)] {
            let accepted = server.accepts(|token| token.ticket.kvno = Some(kvno));
            assert_eq!(accepted.ticket_kvno().map(i64::from), Some(kvno.rem_euclid(1 << 32)));
        }
        for seq in [1 << 32, -(1 << 31) - 1] {
            assert_malformed(&server.refusal(|token| token.authenticator.seq_number = Some(seq)), "seq-number");
        }
        for seq in [0, i64::from(u32::MAX), -1, -(1 << 31)] {
            let accepted = server.accepts(|token| token.authenticator.seq_number = Some(seq));
            assert_eq!(accepted.authenticator().sequence_number().map(i64::from), Some(seq.rem_euclid(1 << 32)));
        }
    }

    #[test]
    fn an_integer_has_octets_and_no_padding() {
        let server = Server::new();
        let ap_req = server.good().framed(TokenFraming::ApReq).ap_req();
        let (_, at) = offsets(&ap_req, &[0, 0, 0]);
        for bad in [&[][..], &[0, 5], &[0xFF, 0x85], &[0, 0, 0, 0, 0, 0, 0, 0, 5]] {
            let error = server.refusal_of_ap_req(|ap_req| ap_req.set(&[0, 0, 0], bad));
            assert_eq!(error, malformed("AP-REQ.pvno", at, Problem::Number), "{bad:02X?}");
        }
    }

    #[test]
    fn a_bit_string_has_bits() {
        let server = Server::new();
        let token = server.good().framed(TokenFraming::ApReq);
        let (_, at) = offsets(&token.ap_req(), &[0, 2, 0]);
        let (_, flags_at) = offsets(&token.ticket.plaintext(), &[0, 0, 0]);
        for bad in [&[][..], &[0], &[8, 0], &[0, 1, 2, 3, 4, 5, 6, 7, 8, 9]] {
            let error = server.refusal_of_ap_req(|ap_req| ap_req.set(&[0, 2, 0], bad));
            assert_eq!(error, malformed("AP-REQ.ap-options", at, Problem::BitString), "{bad:02X?}");
            let error = server.refusal(|token| {
                let mut part = Tlv::parse(&token.ticket.plaintext());
                part.set(&[0, 0, 0], bad);
                token.ticket.raw = Some(part.encode());
            });
            assert_eq!(error, malformed("EncTicketPart.flags", flags_at, Problem::BitString), "{bad:02X?}");
        }
    }
}

mod negotiation {
    use super::*;

    /// NegTokenInit of these fields in the framing of SPNEGO.
    fn spnego(fields: Vec<Tlv>) -> Vec<u8> {
        let init = Tlv::of(0xA0, vec![Tlv::of(0x30, fields)]);
        Tlv::of(0x60, vec![Tlv::bytes(0x06, mech::SPNEGO), init]).encode()
    }

    fn mech_types(mechanisms: &[&[u8]]) -> Tlv {
        let oids = mechanisms.iter().map(|oid| Tlv::bytes(0x06, *oid)).collect();
        Tlv::of(0xA0, vec![Tlv::of(0x30, oids)])
    }

    fn mech_token(token: &[u8]) -> Tlv {
        Tlv::of(0xA2, vec![Tlv::bytes(0x04, token)])
    }

    #[test]
    fn the_mechanism_list_is_neither_absent_nor_empty() {
        let server = Server::new();
        let token = server.good().framed(TokenFraming::Krb5(mech::KRB5.into())).mint();
        assert!(server.check(&spnego(vec![mech_types(&[mech::KRB5]), mech_token(&token)])).is_ok());
        let absent = spnego(vec![mech_token(&token)]);
        let (at, _) = offsets(&absent, &[1, 0, 0]);
        let expected = Problem::UnexpectedTag { expected: 0xA0, found: 0xA2 };
        assert_eq!(server.check(&absent).unwrap_err(), malformed("NegTokenInit.mechTypes", at, expected));
        let empty = spnego(vec![mech_types(&[]), mech_token(&token)]);
        let (_, at) = offsets(&empty, &[1, 0, 0, 0]);
        assert_eq!(server.check(&empty).unwrap_err(), malformed("NegTokenInit.mechTypes", at, Problem::Empty));
        let nothing = spnego(Vec::new());
        let at = nothing.len();
        assert_eq!(server.check(&nothing).unwrap_err(), malformed("NegTokenInit.mechTypes", at, Problem::Truncated));
    }

    #[test]
    fn an_offer_of_kerberos_without_a_ticket_is_named() {
        let server = Server::new();
        let error =
            server.refusal(|token| *token = token.clone().spnego(|spnego| spnego.mech_token = MechToken::Absent));
        assert_eq!(error, Error::NoToken);
    }

    #[test]
    fn an_empty_ticket_is_malformed() {
        let server = Server::new();
        let token = server.good().spnego(|spnego| spnego.mech_token = MechToken::Raw(Vec::new())).mint();
        assert_eq!(server.check(&token).unwrap_err(), malformed("token", token.len(), Problem::Empty));
    }

    fn response(fields: Vec<Tlv>) -> Tlv {
        Tlv::of(0xA1, vec![Tlv::of(0x30, fields)])
    }

    #[test]
    fn nothing_begins_with_a_neg_token_resp() {
        let server = Server::new();
        let out_of_place = malformed("NegotiationToken", 0, Problem::OutOfPlace);
        let kerberos = server.good().framed(TokenFraming::Krb5(mech::KRB5.into())).mint();
        for fields in
            [vec![], vec![mech_token(&[])], vec![mech_token(&kerberos)], vec![mech_token(&server.good().mint())]]
        {
            assert_eq!(server.check(&response(fields).encode()).unwrap_err(), out_of_place);
        }
        let framed = Tlv::of(0x60, vec![Tlv::bytes(0x06, mech::SPNEGO), response(vec![])]).encode();
        let (at, _) = offsets(&framed, &[1]);
        assert_eq!(server.check(&framed).unwrap_err(), malformed("NegotiationToken", at, Problem::OutOfPlace));
    }

    /// Of a client that somebody else has challenged.
    #[test]
    fn ntlm_in_a_neg_token_resp_is_named() {
        let server = Server::new();
        let authenticate = mech_token(b"NTLMSSP\0\x03\0\0\0");
        let error = server.check(&response(vec![authenticate]).encode()).unwrap_err();
        let (message, offer) = (NtlmMessage::Authenticate, KerberosOffer::NotOffered);
        assert_eq!(error, Error::Ntlm { message, offer });
    }

    #[test]
    fn mechanisms_are_counted_up_to_the_limit() {
        let server = Server::new();
        let with = |count: usize| {
            server.good().spnego(|spnego| {
                let others = std::iter::repeat_n(mech::NTLM.to_vec(), count - 1);
                spnego.mech_types = others.chain([mech::KRB5.to_vec()]).collect();
            })
        };
        assert!(server.check(&with(MAX_MECHANISMS).mint()).is_ok());
        for count in [MAX_MECHANISMS + 1, 3_000, 4_000] {
            let token = with(count).mint();
            let (at, _) = offsets(&token, &[1, 0, 0, 0, MAX_MECHANISMS]);
            let problem = Problem::TooMany(MAX_MECHANISMS);
            assert_eq!(server.check(&token).unwrap_err(), malformed("NegTokenInit.mechTypes", at, problem), "{count}");
        }
    }

    /// However many there are, no more than the limit are looked at.
    #[test]
    fn ten_thousand_mechanisms_are_refused_at_the_limit() {
        let server = Server::new();
        let token = spnego(vec![mech_types(&[&[0x2B, 0x06][..]].repeat(10_000)), mech_token(&[])]);
        assert!(token.len() < MAX_TOKEN_SIZE);
        let (at, _) = offsets(&token, &[1, 0, 0, 0, MAX_MECHANISMS]);
        let problem = Problem::TooMany(MAX_MECHANISMS);
        assert_eq!(server.check(&token).unwrap_err(), malformed("NegTokenInit.mechTypes", at, problem));
    }

    #[test]
    fn kerberos_must_be_offered_where_it_is_sent() {
        let server = Server::new();
        let token = server.good().spnego(|spnego| spnego.mech_types = vec![mech::NTLM.into()]).mint();
        let (_, at) = offsets(&token, &MECH_TOKEN);
        assert_eq!(server.check(&token).unwrap_err(), malformed("NegTokenInit.mechToken", at, Problem::OutOfPlace));
    }

    #[test]
    fn spnego_in_spnego_is_refused() {
        let server = Server::new();
        let inner = server.good().mint();
        let nested = server.good().spnego(|spnego| {
            spnego.mech_types = vec![mech::SPNEGO.into(), mech::KRB5.into()];
            spnego.mech_token = MechToken::Raw(inner);
        });
        let token = nested.mint();
        let (_, at) = offsets(&token, &MECH_TOKEN);
        assert_eq!(server.check(&token).unwrap_err(), malformed("NegTokenInit.mechToken", at, Problem::OutOfPlace));
    }

    /// The OCTET STRING of mechToken: InitialContextToken, NegotiationToken, NegTokenInit, its second field.
    const MECH_TOKEN: [usize; 4] = [1, 0, 1, 0];

    #[test]
    fn only_an_ap_req_opens_a_context() {
        let server = Server::new();
        for (tok_id, problem) in [
            ([0x02, 0x00], Problem::OutOfPlace),
            ([0x03, 0x00], Problem::OutOfPlace),
            ([0x00, 0x01], Problem::Unrecognised),
            ([0x01, 0x01], Problem::Unrecognised),
        ] {
            let mut token = server.good().framed(TokenFraming::Krb5(mech::KRB5.into())).mint();
            let at = token.len() - server.good().ap_req().len() - 2;
            assert_eq!(token[at..at + 2], [0x01, 0x00]);
            token[at..at + 2].copy_from_slice(&tok_id);
            assert_eq!(server.check(&token).unwrap_err(), malformed("innerContextToken.TOK_ID", at, problem));
        }
    }

    #[test]
    fn bytes_of_no_form_are_unrecognised() {
        let server = Server::new();
        assert_eq!(server.check(&[]).unwrap_err(), malformed("token", 0, Problem::Empty));
        for first in 0..=u8::MAX {
            if ![0x60, 0x6E, 0x6F, 0xA1].contains(&first) {
                let error = server.check(&[first, 0x03, 0x02, 0x01, 0x05]).unwrap_err();
                assert_eq!(error, malformed("token", 0, Problem::Unrecognised), "{first:02X}");
            }
        }
    }

    #[test]
    fn an_ap_rep_begins_nothing() {
        let error = Server::new().check(&[0x6F, 0x03, 0x02, 0x01, 0x05]).unwrap_err();
        assert_eq!(error, malformed("token", 0, Problem::OutOfPlace));
    }
}

mod other_mechanisms {
    use super::*;

    const NTLM_NEGOTIATE: &[u8] = b"NTLMSSP\0\x01\0\0\0\x97\x82\x08\xE2";

    fn sent(server: &Server, mechanisms: &[&[u8]], mech_token: MechToken) -> Error {
        server.refusal(|token| {
            *token = token.clone().spnego(|spnego| {
                spnego.mech_types = mechanisms.iter().map(|oid| oid.to_vec()).collect();
                spnego.mech_token = mech_token;
            });
        })
    }

    #[test]
    fn ntlm_is_named_with_its_message() {
        let server = Server::new();
        for (kind, message) in [
            (1, NtlmMessage::Negotiate),
            (2, NtlmMessage::Challenge),
            (3, NtlmMessage::Authenticate),
            (4, NtlmMessage::Unknown),
        ] {
            let bytes = [b"NTLMSSP\0", &[kind, 0, 0, 0][..]].concat();
            let error = server.check(&bytes).unwrap_err();
            assert_eq!(error, Error::Ntlm { message, offer: KerberosOffer::NotOffered });
        }
        assert_eq!(
            server.check(b"NTLMSSP\0").unwrap_err(),
            Error::Ntlm { message: NtlmMessage::Unknown, offer: KerberosOffer::NotOffered }
        );
    }

    #[test]
    fn ntlm_in_spnego_says_whether_kerberos_was_offered() {
        let server = Server::new();
        let raw = || MechToken::Raw(NTLM_NEGOTIATE.into());
        let message = NtlmMessage::Negotiate;
        assert_eq!(sent(&server, &[mech::NTLM], raw()), Error::Ntlm { message, offer: KerberosOffer::NotOffered });
        assert_eq!(
            sent(&server, &[mech::NTLM, mech::KRB5], raw()),
            Error::Ntlm { message, offer: KerberosOffer::AlsoOffered }
        );
        assert_eq!(
            sent(&server, &[mech::NTLM], MechToken::Absent),
            Error::Ntlm { message: NtlmMessage::Offered, offer: KerberosOffer::NotOffered }
        );
    }

    #[test]
    fn negoex_is_named() {
        let server = Server::new();
        let raw = || MechToken::Raw(b"NEGOEXTS\0\0\0\0".into());
        assert_eq!(
            sent(&server, &[mech::NEGOEX, mech::MS_KRB5], raw()),
            Error::NegoEx { offer: KerberosOffer::AlsoOffered }
        );
        let not_offered = Error::NegoEx { offer: KerberosOffer::NotOffered };
        assert_eq!(sent(&server, &[mech::NEGOEX, mech::NTLM], raw()), not_offered);
        assert_eq!(sent(&server, &[mech::NEGOEX], MechToken::Absent), not_offered);
        assert_eq!(server.check(b"NEGOEXTS").unwrap_err(), not_offered);
    }

    #[test]
    fn iakerb_is_named() {
        let server = Server::new();
        assert_eq!(server.refusal(|token| token.framing = TokenFraming::Krb5(mech::IAKERB.into())), Error::Iakerb);
        assert_eq!(sent(&server, &[mech::IAKERB], MechToken::Absent), Error::Iakerb);
        let inside = MechToken::Krb5(mech::IAKERB.into());
        assert_eq!(sent(&server, &[mech::IAKERB, mech::KRB5], inside), Error::Iakerb);
    }

    #[test]
    fn user_to_user_is_named() {
        let server = Server::new();
        let framing = TokenFraming::Krb5(mech::USER_TO_USER.into());
        assert_eq!(server.refusal(|token| token.framing = framing), Error::UserToUser);
        assert_eq!(server.refusal(|token| token.ap_options |= 1 << 30), Error::UserToUser);
        assert_eq!(sent(&server, &[mech::USER_TO_USER], MechToken::Absent), Error::UserToUser);
    }

    #[test]
    fn an_offer_without_kerberos_is_counted() {
        let server = Server::new();
        let unknown: &[u8] = &[0x2B, 0x06, 0x01, 0x04, 0x01, 0x2A];
        let error = sent(&server, &[unknown, unknown, mech::SPNEGO], MechToken::Absent);
        assert_eq!(error, Error::NoKerberos { mechanisms: 3 });
        assert_eq!(
            server.refusal(|token| token.framing = TokenFraming::Krb5(unknown.into())),
            Error::NoKerberos { mechanisms: 1 }
        );
    }
}

mod size {
    use super::*;

    /// A valid token of exactly `size` bytes.
    fn of_size(server: &Server, size: usize) -> Vec<u8> {
        let with_padding = |padding: usize| {
            let mut token = server.good();
            token.ticket.authorization_data = vec![if_relevant(&[(-1, vec![0; padding])])];
            token.mint()
        };
        let token = with_padding(60_000);
        let token = with_padding(60_000 + size - token.len());
        assert_eq!(token.len(), size);
        token
    }

    #[test]
    fn a_token_of_the_largest_size_is_read_and_one_byte_more_is_not() {
        let server = Server::new();
        assert!(server.check(&of_size(&server, MAX_TOKEN_SIZE)).is_ok());
        let too_large = Error::TooLarge { size: MAX_TOKEN_SIZE + 1, limit: MAX_TOKEN_SIZE };
        assert_eq!(server.check(&of_size(&server, MAX_TOKEN_SIZE + 1)).unwrap_err(), too_large);
    }

    #[test]
    fn the_policy_lowers_the_limit_and_never_raises_it() {
        let size = Server::new().good().mint().len();
        let lowered = |limit| Server::with_policy(Policy::default().max_token_size(limit));
        let server = lowered(size);
        assert!(server.check(&server.good().mint()).is_ok());
        let server = lowered(size - 1);
        assert_eq!(server.check(&server.good().mint()).unwrap_err(), Error::TooLarge { size, limit: size - 1 });
        let server = lowered(usize::MAX);
        let too_large = Error::TooLarge { size: MAX_TOKEN_SIZE + 1, limit: MAX_TOKEN_SIZE };
        assert_eq!(server.check(&vec![0x60; MAX_TOKEN_SIZE + 1]).unwrap_err(), too_large);
    }

    #[test]
    fn size_comes_before_everything() {
        let server = Server::new();
        let too_large = Error::TooLarge { size: 1 << 20, limit: MAX_TOKEN_SIZE };
        assert_eq!(server.check(&vec![0; 1 << 20]).unwrap_err(), too_large);
        let header = ["Negotiate ", &"!".repeat(1 << 20)].concat();
        let too_large = Error::TooLarge { size: (1 << 18) * 3, limit: MAX_TOKEN_SIZE };
        assert_eq!(server.validator.validate_header(header.as_bytes(), NOW).unwrap_err(), too_large);
    }

    #[test]
    fn a_header_of_the_largest_token_is_read() {
        let server = Server::new();
        for (size, accepted) in [(MAX_TOKEN_SIZE, true), (MAX_TOKEN_SIZE + 1, false), (MAX_TOKEN_SIZE + 3, false)] {
            let header = ["Negotiate ", &STANDARD.encode(of_size(&server, size))].concat();
            let checked = server.validator.validate_header(header.as_bytes(), NOW);
            assert_eq!(checked.is_ok(), accepted, "{size}");
            if let Err(error) = checked {
                assert_eq!(error.code(), "too-large");
            }
        }
    }
}

mod header {
    use super::*;

    fn refusal(change: impl FnOnce(String) -> String) -> Error {
        let server = Server::new();
        let header = server.good().header();
        assert!(server.validator.validate_header(header.as_bytes(), NOW).is_ok());
        server.validator.validate_header(change(header).as_bytes(), NOW).unwrap_err()
    }

    #[test]
    fn base64_has_one_spelling() {
        let base64 = Error::NotNegotiate(HeaderProblem::Base64);
        assert_eq!(refusal(|header| header.strip_suffix('=').unwrap().into()), base64);
        assert_eq!(refusal(|header| header + "="), base64);
        assert_eq!(refusal(|header| header.replacen("YI", "Y I", 1)), base64);
        assert_eq!(refusal(|header| header + "\r\nX-Forwarded-User: root"), base64);
        assert_eq!(refusal(|header| header + ", Basic eDp4"), base64);
        assert_eq!(refusal(|header| header.replacen("YI", "YI\0", 1)), base64);
    }

    /// A character before `=` has two bits that no byte needs.
    #[test]
    fn base64_has_no_spare_bits() {
        let with_spare_bit = |mut header: String| {
            assert_eq!(header.pop(), Some('='));
            let last = header.pop().unwrap();
            let next = char::from(u8::try_from(last).unwrap() + 1);
            assert!(next.is_ascii_alphanumeric());
            header.extend([next, '=']);
            header
        };
        assert_eq!(refusal(with_spare_bit), Error::NotNegotiate(HeaderProblem::Base64));
    }

    #[test]
    fn other_schemes_are_told_apart() {
        let other = Error::NotNegotiate(HeaderProblem::OtherScheme);
        assert_eq!(refusal(|_| "Basic dXNlcjpwYXNz".into()), other);
        assert_eq!(refusal(|header| header.replacen("Negotiate", "Kerberos", 1)), other);
        assert_eq!(refusal(|header| header.replacen("Negotiate ", "", 1)), other);
        assert_eq!(refusal(|_| String::new()), other);
        assert_eq!(refusal(|_| "Negotiate".into()), Error::NotNegotiate(HeaderProblem::NoToken));
        assert_eq!(refusal(|_| "Negotiate ".into()), Error::NotNegotiate(HeaderProblem::NoToken));
        assert_eq!(refusal(|header| header.replacen("Negotiate", "NTLM", 1)), other);
    }
}

mod counts {
    use super::*;

    fn components(count: usize) -> Vec<Vec<u8>> {
        vec![b"a".to_vec(); count]
    }

    #[test]
    fn names_have_components_up_to_the_limit() {
        let server = Server::new();
        server.accepts(|token| token.ticket.sname.components = components(MAX_NAME_COMPONENTS));
        server.accepts(|token| {
            token.ticket.cname.components = components(MAX_NAME_COMPONENTS);
            token.authenticator.cname = token.ticket.cname.clone();
        });
        let mut token = server.good();
        token.ticket.cname.components = components(MAX_NAME_COMPONENTS + 1);
        let (at, _) = offsets(&token.ticket.plaintext(), &[0, 3, 0, 1, 0, MAX_NAME_COMPONENTS]);
        let too_many = Problem::TooMany(MAX_NAME_COMPONENTS);
        assert_eq!(server.check(&token.mint()).unwrap_err(), malformed("PrincipalName.name-string", at, too_many));
        let error = server.refusal(|token| token.ticket.sname.components = components(MAX_NAME_COMPONENTS + 1));
        assert_malformed(&error, "sname");
        let error = server.refusal(|token| token.authenticator.cname.components = components(MAX_NAME_COMPONENTS + 1));
        assert_malformed(&error, "cname");
    }

    #[test]
    fn realms_have_bytes_up_to_the_limit() {
        let server = Server::new();
        let longest = "R".repeat(MAX_REALM_LENGTH);
        let longer = "R".repeat(MAX_REALM_LENGTH + 1);
        let too_long = Problem::TooLong(MAX_REALM_LENGTH);
        assert_eq!(server.refusal(|token| token.ticket.realm = longest.clone().into()).code(), "no-key");
        assert_eq!(server.refusal(|token| token.ticket.crealm = longest.clone().into()).code(), "untrusted-realm");
        assert_eq!(server.refusal(|token| token.authenticator.crealm = longest.into()).code(), "client-mismatch");
        let mut token = server.good().framed(TokenFraming::ApReq);
        token.ticket.realm = longer.clone().into();
        let (at, _) = offsets(&token.ap_req(), &[0, 3, 0, 0, 1, 0]);
        assert_eq!(server.check(&token.mint()).unwrap_err(), malformed("Ticket.realm", at, too_long));
        let token = server.good().client_realm(longer.clone());
        let (at, _) = offsets(&token.ticket.plaintext(), &[0, 2, 0]);
        assert_eq!(server.check(&token.mint()).unwrap_err(), malformed("EncTicketPart.crealm", at, too_long));
        let mut token = server.good();
        token.authenticator.crealm = longer.into();
        let (at, _) = offsets(&token.authenticator.plaintext(), &[0, 1, 0]);
        assert_eq!(server.check(&token.mint()).unwrap_err(), malformed("Authenticator.crealm", at, too_long));
    }

    #[test]
    fn authorization_data_has_elements_up_to_the_limit() {
        let server = Server::new();
        let elements = |count: usize| vec![(128, vec![0]); count];
        let at_limit = elements(MAX_AUTH_DATA_ELEMENTS);
        let beyond = elements(MAX_AUTH_DATA_ELEMENTS + 1);
        let too_many = Problem::TooMany(MAX_AUTH_DATA_ELEMENTS);
        // Within AD-IF-RELEVANT; an element that is not known may be ignored there.
        let unknown = |count: usize| vec![if_relevant(&vec![(-1, vec![0]); count])];
        server.accepts(|token| token.ticket.authorization_data = unknown(MAX_AUTH_DATA_ELEMENTS));
        server.accepts(|token| token.authenticator.authorization_data = unknown(MAX_AUTH_DATA_ELEMENTS));
        server.accepts(|token| token.authenticator.authorization_data = at_limit.clone());
        for error in [
            server.refusal(|token| token.ticket.authorization_data = unknown(MAX_AUTH_DATA_ELEMENTS + 1)),
            server.refusal(|token| token.authenticator.authorization_data = unknown(MAX_AUTH_DATA_ELEMENTS + 1)),
        ] {
            let Error::Malformed(error) = error else { panic!("{error}") };
            assert_eq!((error.what, error.problem), ("AuthorizationData", too_many));
        }
        let Error::Malformed(error) = server.refusal(|token| token.ticket.authorization_data = beyond.clone()) else {
            panic!("a ticket with too many elements is malformed");
        };
        assert_eq!((error.what, error.problem), ("EncTicketPart.authorization-data", too_many));
    }

    #[test]
    fn addresses_are_counted() {
        let server = Server::new();
        let addresses = |count: usize| Some(vec![(2, vec![192, 0, 2, 1]); count]);
        server.accepts(|token| token.ticket.caddr = addresses(64));
        let error = server.refusal(|token| token.ticket.caddr = addresses(65));
        let Error::Malformed(error) = error else { panic!("{error}") };
        assert_eq!((error.what, error.problem), ("EncTicketPart.caddr", Problem::TooMany(64)));
    }
}
