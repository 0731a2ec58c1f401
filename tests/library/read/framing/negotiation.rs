//! SPNEGO's NegTokenInit.

use super::*;

/// Encodes a NegTokenInit of these fields in the framing of SPNEGO.
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
fn mechanism_list_that_is_absent_or_empty_is_malformed() {
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
    let no_fields = spnego(Vec::new());
    let at = no_fields.len();
    assert_eq!(server.check(&no_fields).unwrap_err(), malformed("NegTokenInit.mechTypes", at, Problem::Truncated));
}

/// The definition of NegTokenInit ends in an extension marker (RFC 4178 section 4.2.1, MS-SPNG section 2.2.1).
#[test]
fn extension_fields_of_neg_token_init_are_ignored() {
    let server = Server::new();
    let kerberos = server.good().framed(TokenFraming::Krb5(mech::KRB5.into())).mint();
    let with = |further: &[Tlv]| spnego([&[mech_types(&[mech::KRB5]), mech_token(&kerberos)], further].concat());
    let extension = |tag: u8| Tlv::of(tag, vec![Tlv::bytes(0x04, [1])]);
    for further in [vec![extension(0xA5)], vec![extension(0xBE)], vec![extension(0xA5), extension(0xA6)]] {
        assert!(server.check(&with(&further)).is_ok(), "{further:02X?}");
    }
    // An extension field has a constructed context-specific tag of one octet. A field that NegTokenInit defines is not
    // an extension when it comes out of order.
    for tag in [0xA0, 0xA1, 0xA2, 0x85, 0x30, 0x65, 0xBF, 0xE5] {
        for further in [vec![extension(tag)], vec![extension(0xA5), extension(tag)]] {
            let token = with(&further);
            let (at, _) = offsets(&token, &[1, 0, 1 + further.len()]);
            let problem = Problem::TrailingBytes(extension(tag).encode().len());
            assert_eq!(server.check(&token).unwrap_err(), malformed("NegTokenInit", at, problem), "{further:02X?}");
        }
    }
    let mut cut = extension(0xA5);
    cut.raw_length = Some(vec![4]);
    let token = with(&[cut]);
    let at = token.len() - 3;
    assert_eq!(server.check(&token).unwrap_err(), malformed("NegTokenInit", at, Problem::Truncated));
}

#[test]
fn offer_of_kerberos_without_a_mech_token_is_refused_as_no_token() {
    let server = Server::new();
    let error = server.refusal(|token| *token = token.clone().spnego(|spnego| spnego.mech_token = MechToken::Absent));
    assert_eq!(error, Error::NoToken);
}

#[test]
fn empty_mech_token_is_malformed() {
    let server = Server::new();
    let token = server.good().spnego(|spnego| spnego.mech_token = MechToken::Raw(Vec::new())).mint();
    assert_eq!(server.check(&token).unwrap_err(), malformed("token", token.len(), Problem::Empty));
}

fn response(fields: Vec<Tlv>) -> Tlv {
    Tlv::of(0xA1, vec![Tlv::of(0x30, fields)])
}

#[test]
fn first_token_that_is_a_neg_token_resp_is_out_of_place() {
    let server = Server::new();
    let out_of_place = malformed("NegotiationToken", 0, Problem::OutOfPlace);
    let kerberos = server.good().framed(TokenFraming::Krb5(mech::KRB5.into())).mint();
    for fields in [vec![], vec![mech_token(&[])], vec![mech_token(&kerberos)], vec![mech_token(&server.good().mint())]]
    {
        assert_eq!(server.check(&response(fields).encode()).unwrap_err(), out_of_place);
    }
    let framed = Tlv::of(0x60, vec![Tlv::bytes(0x06, mech::SPNEGO), response(vec![])]).encode();
    let (at, _) = offsets(&framed, &[1]);
    assert_eq!(server.check(&framed).unwrap_err(), malformed("NegotiationToken", at, Problem::OutOfPlace));
}

/// A client sends NTLM in a NegTokenResp if another server has challenged the client with NTLM.
#[test]
fn ntlm_in_a_neg_token_resp_is_reported_as_ntlm() {
    let server = Server::new();
    let authenticate = mech_token(b"NTLMSSP\0\x03\0\0\0");
    let error = server.check(&response(vec![authenticate]).encode()).unwrap_err();
    let (message, offer) = (NtlmMessage::Authenticate, KerberosOffer::NotOffered);
    assert_eq!(error, Error::Ntlm { message, offer });
}

#[test]
fn mechanism_list_is_malformed_when_it_is_longer_than_the_limit() {
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

/// The reader stops at the limit, for a list of any length.
#[test]
fn list_of_ten_thousand_mechanisms_is_malformed_at_the_first_one_over_the_limit() {
    let server = Server::new();
    let token = spnego(vec![mech_types(&[&[0x2B, 0x06][..]].repeat(10_000)), mech_token(&[])]);
    assert!(token.len() < MAX_TOKEN_SIZE);
    let (at, _) = offsets(&token, &[1, 0, 0, 0, MAX_MECHANISMS]);
    let problem = Problem::TooMany(MAX_MECHANISMS);
    assert_eq!(server.check(&token).unwrap_err(), malformed("NegTokenInit.mechTypes", at, problem));
}

#[test]
fn kerberos_token_is_out_of_place_when_the_list_does_not_offer_kerberos() {
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

/// The path to the OCTET STRING of mechToken: InitialContextToken, NegotiationToken, NegTokenInit, and its second field.
const MECH_TOKEN: [usize; 4] = [1, 0, 1, 0];

#[test]
fn initial_token_with_a_tok_id_other_than_ap_req_is_malformed() {
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
fn octets_that_do_not_begin_like_any_token_are_unrecognised() {
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
fn first_token_that_is_an_ap_rep_is_out_of_place() {
    let error = Server::new().check(&[0x6F, 0x03, 0x02, 0x01, 0x05]).unwrap_err();
    assert_eq!(error, malformed("token", 0, Problem::OutOfPlace));
}
