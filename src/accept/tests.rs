//! A reader that tells nothing takes what one that tells all takes, and nothing else.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)]
use super::hearing::{Heard, Located};
use super::negotiation::Negotiation;
use super::request::{Request, Turns};
use super::verdict::Verdict;
use crate::der::{Detail, Full, Reader, Terse};
use crate::krb5::{Authenticator, EncTicketPart};
use crate::policy::Policy;
use crate::spnego::{NegState, NegotiationReply};
use crate::testing::{MechToken, SpnegoParts, TestRealm, TestToken, TokenFraming};
use crate::time::UnixTime;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

fn token() -> TestToken {
    let realm = TestRealm::new("CONTOSO.TEST").with_account("AZUREADSSOACC$");
    realm.ticket_for("alice").at(UnixTime::from_seconds(1_795_248_000))
}

/// Every octet turned into others, and every beginning.
fn each_change(message: &[u8]) -> impl Iterator<Item = Vec<u8>> {
    let places = (0..message.len()).flat_map(|at| [0, 1, 0x7F, 0x80, 0x81, 0x82, 0xFF].map(|octet| (at, octet)));
    let others = places.map(|(at, octet)| {
        let mut other = message.to_vec();
        other[at] ^= octet;
        other
    });
    others.chain((0..message.len()).map(|length| message[..length].to_vec()))
}

/// What a request says, as far as it can be compared.
fn found<D: Verdict>(token: &[u8], negotiation: Option<&Negotiation>, policy: &Policy) -> Option<String> {
    match Located::<D>::find(token, negotiation, policy).ok()? {
        Located::ApReq(enclosed) => {
            let request = Request::parse(&enclosed, Turns::One).ok()?;
            Some(format!("{request:?}"))
        }
        Located::Offer(_) => Some(String::from("an offer")),
    }
}

#[test]
fn tokens() {
    let policy = Policy::default();
    for token in [token(), token().framed(TokenFraming::ApReq)] {
        for changed in each_change(&token.mint()) {
            let (terse, full) = (found::<Terse>(&changed, None, &policy), found::<Full>(&changed, None, &policy));
            assert_eq!(terse, full, "{changed:02X?}");
        }
    }
}

/// The second of a conversation, in which the client was asked for Kerberos; and the same without the first.
#[test]
fn tokens_that_follow() {
    let policy = Policy::default();
    let spnego = |mech_token| SpnegoParts { mech_token, ..SpnegoParts::default() };
    let first = token().framed(TokenFraming::Spnego(spnego(MechToken::Absent))).mint();
    let Heard::Offer(offer) = Heard::hear(&first, None, &policy).unwrap() else { panic!("a client without a ticket") };
    let negotiation = offer.accept().into_negotiation();
    let reply = NegotiationReply {
        state: NegState::AcceptIncomplete,
        supported_mech: None,
        response_token: Some(&token().framed(TokenFraming::ApReq).mint()),
        mech_list_mic: Some(&[4, 4, 0, 0]),
    };
    let second = reply.to_bytes();
    assert!(found::<Full>(&second, Some(&negotiation), &policy).is_some());
    for changed in each_change(&second).chain(each_change(&first)) {
        for negotiation in [None, Some(&negotiation)] {
            let terse = found::<Terse>(&changed, negotiation, &policy);
            assert_eq!(terse, found::<Full>(&changed, negotiation, &policy), "{changed:02X?}");
        }
    }
}

#[test]
fn plaintexts() {
    fn ticket<D: Detail>(plaintext: &[u8]) -> Option<String> {
        EncTicketPart::read(Reader::<D>::over(plaintext)).ok().map(|part| format!("{part:?}"))
    }
    fn authenticator<D: Detail>(plaintext: &[u8]) -> Option<String> {
        Authenticator::read(Reader::<D>::over(plaintext)).ok().map(|part| format!("{part:?}"))
    }
    for changed in each_change(&token().ticket.plaintext()) {
        assert_eq!(ticket::<Terse>(&changed), ticket::<Full>(&changed), "{changed:02X?}");
    }
    for changed in each_change(&token().authenticator.plaintext()) {
        assert_eq!(authenticator::<Terse>(&changed), authenticator::<Full>(&changed), "{changed:02X?}");
    }
}
