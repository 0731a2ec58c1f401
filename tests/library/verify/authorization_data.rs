//! Authorization data: an element that is not understood restricts, unless its writer says that it may be ignored.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use crate::common;

use common::{Server, assert_malformed, malformed};
use kerberos_sso::limits::MAX_AUTH_DATA_DEPTH;
use kerberos_sso::testing::{TestToken, if_relevant};
use kerberos_sso::{
    Error,
    error::{Part, Problem},
};

type Elements = Vec<(i32, Vec<u8>)>;
type Put = fn(&mut TestToken, Elements);

const BOTH_PARTS: [(Part, Put); 2] = [
    (Part::Ticket, |token, elements| token.ticket.authorization_data = elements),
    (Part::Authenticator, |token, elements| token.authenticator.authorization_data = elements),
];

/// RFC 4120 section 5.2.6: AD-KDC-ISSUED and AD-AND-OR are 4 and 5; a container that is not looked into is not understood.
const NOT_UNDERSTOOD: [i32; 11] = [0, 2, 3, 4, 5, 7, 64, 512, -1, i32::MIN, i32::MAX];

/// What tells something about the client, or is meant for others.
const HARMLESS: [i32; 8] = [8, 9, 128, 129, 141, 142, 143, 144];

#[test]
fn critical_data_that_is_not_understood_is_refused() {
    let server = Server::new();
    for (part, put) in BOTH_PARTS {
        for ad_type in NOT_UNDERSTOOD {
            let error = server.refusal(|token| put(token, vec![(ad_type, vec![1])]));
            assert_eq!(error, Error::AuthorizationData { part, ad_type });
            let after_others = vec![(128, vec![0]), if_relevant(&[(-9, vec![])]), (ad_type, vec![])];
            let error = server.refusal(|token| put(token, after_others));
            assert_eq!(error, Error::AuthorizationData { part, ad_type });
        }
    }
}

#[test]
fn data_that_may_be_ignored_is_ignored_if_it_is_not_understood() {
    let server = Server::new();
    for (_, put) in BOTH_PARTS {
        for ad_type in NOT_UNDERSTOOD {
            server.assert_accepts(|token| put(token, vec![if_relevant(&[(ad_type, vec![1])])]));
            let deeper = if_relevant(&[if_relevant(&[(ad_type, vec![1])])]);
            server.assert_accepts(|token| put(token, vec![deeper]));
        }
    }
}

#[test]
fn data_that_takes_nothing_away_is_taken_anywhere() {
    let server = Server::new();
    for ad_type in HARMLESS {
        // What the bytes of a PAC in the ticket say is another stage's matter.
        if ad_type != 128 {
            server.assert_accepts(|token| token.ticket.authorization_data = vec![(ad_type, vec![1])]);
        }
        server.assert_accepts(|token| token.authenticator.authorization_data = vec![(ad_type, vec![1])]);
    }
}

#[test]
fn containers_lie_in_containers_up_to_the_limit() {
    let server = Server::new();
    let nested = |depth: usize| (0..depth).fold((-1, vec![1]), |inner, _| if_relevant(&[inner]));
    for (_, put) in BOTH_PARTS {
        server.assert_accepts(|token| put(token, vec![nested(MAX_AUTH_DATA_DEPTH)]));
        for depth in [MAX_AUTH_DATA_DEPTH + 1, 1_000] {
            let error = server.refusal(|token| put(token, vec![nested(depth)]));
            assert_eq!(error, malformed("AuthorizationData", 0, Problem::TooMany(MAX_AUTH_DATA_DEPTH)));
        }
    }
}

#[test]
fn a_container_holds_elements_and_nothing_else() {
    let server = Server::new();
    let (_, good) = if_relevant(&[(-1, vec![1])]);
    for (_, put) in BOTH_PARTS {
        server.assert_accepts(|token| put(token, vec![(1, good.clone())]));
        server.assert_accepts(|token| put(token, vec![(1, vec![0x30, 0x00])]));
        let trailing = [&good[..], &[0]].concat();
        for bad in [Vec::new(), vec![0x31, 0x00], vec![0x30, 0x01], trailing, vec![0x30, 0x02, 0x30, 0x00]] {
            let error = server.refusal(|token| put(token, vec![(1, bad.clone())]));
            assert_malformed(&error, &format!("{bad:02X?}"));
        }
    }
}
