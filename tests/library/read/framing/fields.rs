//! Fields that are missing, come twice or are out of order, and the offset in the error.

use super::*;

#[test]
fn message_with_a_repeated_or_swapped_or_added_field_is_malformed() {
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

/// Returns the paths of the SEQUENCEs with fields, and the paths of the fields. A SEQUENCE OF is left out, because it may
/// hold the same element twice.
fn structures(tree: &Tlv) -> Vec<Vec<usize>> {
    let has_fields = |path: &Vec<usize>| {
        let mut tree = tree.clone();
        let element = tree.at(path);
        element.tag & 0x20 != 0 && (element.tag != 0x30 || element.children().iter().all(|child| child.tag >= 0xA0))
    };
    tree.paths().into_iter().filter(has_fields).collect()
}

#[test]
fn message_without_a_mandatory_field_is_malformed() {
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
fn error_has_the_offset_of_the_field() {
    let server = Server::new();
    let ap_req = server.good().framed(TokenFraming::ApReq).ap_req();
    let swapped = server.refusal_of_ap_req(|ap_req| ap_req.at(&[0]).children().swap(0, 1));
    let (at, _) = offsets(&ap_req, &[0, 0]);
    let problem = Problem::UnexpectedTag { expected: 0xA0, found: 0xA1 };
    assert_eq!(swapped, malformed("AP-REQ.pvno", at, problem));
}

/// The offset in the error includes the octets of the framing before the AP-REQ.
#[test]
fn offset_in_the_error_counts_from_the_start_of_the_token_in_every_framing() {
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
