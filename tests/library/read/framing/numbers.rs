//! Numbers on the wire: versions, types, and numbers that a cast would truncate.

use super::*;

#[test]
fn message_with_a_wrong_version_or_message_type_is_malformed() {
    let server = Server::new();
    let refusal = |change: &dyn Fn(&mut TestToken), place: &dyn Fn(&TestToken) -> usize| {
        let mut token = server.good().framed(TokenFraming::ApReq);
        let _accepted = server.check(&token.mint()).unwrap();
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
fn etype_is_not_truncated_to_fewer_bits() {
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
fn kvno_and_seq_number_of_more_than_32_bits_are_malformed() {
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

/// The client of sspi-rs pads `cusec` with zeros to four octets. MIT krb5 and Heimdal accept such padding in every field.
#[test]
fn integer_with_leading_zero_octets_is_read_as_its_number() {
    let server = Server::new();
    let token = server.good().framed(TokenFraming::ApReq);
    for padded in [&[0, 5][..], &[0, 0, 0, 5], &[0, 0, 0, 0, 0, 0, 0, 5]] {
        let mut ap_req = Tlv::parse(&token.ap_req());
        ap_req.set(&[0, 0, 0], padded);
        assert!(server.check(&ap_req.encode()).is_ok(), "{padded:02X?}");
    }
    let mut authenticator = Tlv::parse(&token.authenticator.plaintext());
    let (cusec, seq_number) = (place_of(&mut authenticator, 0xA4), place_of(&mut authenticator, 0xA7));
    authenticator.set(&[0, cusec, 0], [0x00, 0x0B, 0xC6, 0x14]);
    authenticator.set(&[0, seq_number, 0], [0x00, 0x00, 0x00, 0x07]);
    let accepted = server.check(&with_authenticator(&token, authenticator.encode())).unwrap();
    assert_eq!(accepted.authenticator().time().micros(), 771_604);
    assert_eq!(accepted.authenticator().sequence_number(), Some(7));
}

/// Returns the index of a field among the fields of a message.
fn place_of(message: &mut Tlv, tag: u8) -> usize {
    message.at(&[0]).children().iter().position(|field| field.tag == tag).unwrap()
}

/// An INTEGER of more than eight octets is malformed, even if its value is small.
#[test]
fn integer_without_octets_or_of_nine_octets_is_malformed() {
    let server = Server::new();
    let ap_req = server.good().framed(TokenFraming::ApReq).ap_req();
    let (_, at) = offsets(&ap_req, &[0, 0, 0]);
    for bad in [&[][..], &[0, 0, 0, 0, 0, 0, 0, 0, 5]] {
        let error = server.refusal_of_ap_req(|ap_req| ap_req.set(&[0, 0, 0], bad));
        assert_eq!(error, malformed("AP-REQ.pvno", at, Problem::Number), "{bad:02X?}");
    }
}

/// If no flag is set, minikerberos and encoders that cut trailing zero bits write an empty BIT STRING. The missing bits
/// are zero (RFC 4120 section 5.2.8).
#[test]
fn empty_bit_string_of_flags_is_read_as_no_flags() {
    let server = Server::new();
    let token = server.good().framed(TokenFraming::ApReq);
    let mut ap_req = Tlv::parse(&token.ap_req());
    ap_req.set(&[0, 2, 0], [0]);
    assert!(server.check(&ap_req.encode()).is_ok());
    let mut token = server.good();
    let mut part = Tlv::parse(&token.ticket.plaintext());
    part.set(&[0, 0, 0], [0]);
    token.ticket.raw = Some(part.encode());
    assert_eq!(server.check(&token.mint()).unwrap().ticket().flags().bits(), 0);
}

/// KerberosFlags may have more than 32 bits: `KerberosFlags ::= BIT STRING (SIZE (32..MAX))` (RFC 4120 section 5.2.8).
#[test]
fn flags_of_more_than_32_bits_are_read_as_their_first_32_bits() {
    let server = Server::new();
    for further in [1, 4, 5, 200] {
        let longer = [&[0, 0, 0, 0, 0][..], &vec![0xFF; further]].concat();
        let mut ap_req = Tlv::parse(&server.good().framed(TokenFraming::ApReq).ap_req());
        ap_req.set(&[0, 2, 0], longer);
        assert!(server.check(&ap_req.encode()).is_ok(), "{further}");
        let mut token = server.good();
        let mut part = Tlv::parse(&token.ticket.plaintext());
        part.set(&[0, 0, 0], [&[0, 0x40, 0, 0, 0][..], &vec![0xFF; further]].concat());
        token.ticket.raw = Some(part.encode());
        assert_eq!(server.check(&token.mint()).unwrap().ticket().flags(), TicketFlags::FORWARDABLE, "{further}");
    }
}

#[test]
fn bit_string_with_a_wrong_number_of_unused_bits_is_malformed() {
    let server = Server::new();
    let token = server.good().framed(TokenFraming::ApReq);
    let (_, at) = offsets(&token.ap_req(), &[0, 2, 0]);
    let (_, flags_at) = offsets(&token.ticket.plaintext(), &[0, 0, 0]);
    for bad in [&[][..], &[1], &[8, 0], &[8, 1, 2, 3, 4]] {
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
