//! A reader that tells nothing takes what one that tells all takes, and nothing else.

#![allow(clippy::unwrap_used, clippy::indexing_slicing)]
use super::hearing::Located;
use super::request::{Request, Turns};
use super::verdict::Verdict;
use crate::der::{Detail, Full, Reader, Terse};
use crate::krb5::{Authenticator, EncTicketPart};
use crate::policy::Policy;
use crate::testing::{TestRealm, TestToken, TokenFraming};
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
    let changes = (0..message.len()).flat_map(|at| [0, 1, 0x7F, 0x80, 0x81, 0x82, 0xFF].map(|octet| (at, octet)));
    let changed = changes.map(|(at, octet)| {
        let mut changed = message.to_vec();
        changed[at] ^= octet;
        changed
    });
    changed.chain((0..message.len()).map(|length| message[..length].to_vec()))
}

/// What a request says, as far as it can be compared.
fn found<D: Verdict>(token: &[u8], policy: &Policy) -> Option<String> {
    match Located::<D>::find(token, None, policy).ok()? {
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
            assert_eq!(found::<Terse>(&changed, &policy), found::<Full>(&changed, &policy), "{changed:02X?}");
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
