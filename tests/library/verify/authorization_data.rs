//! Authorization data: an element of unknown type outside of AD-IF-RELEVANT is critical, and the request is refused.

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

/// Types that the server does not know. The server does not open the containers AD-KDC-ISSUED (4) and AD-AND-OR (5) of RFC
/// 4120 section 5.2.6, so their types are unknown, too.
const UNKNOWN: [i32; 11] = [0, 2, 3, 4, 5, 7, 64, 512, -1, i32::MIN, i32::MAX];

/// Types of elements that describe the client, or are meant for other parties. The server accepts these elements even
/// if they are critical.
const HARMLESS: [i32; 8] = [8, 9, 128, 129, 141, 142, 143, 144];

#[test]
fn critical_element_of_unknown_type_is_refused() {
    let server = Server::new();
    for (part, put) in BOTH_PARTS {
        for ad_type in UNKNOWN {
            let error = server.refusal(|token| put(token, vec![(ad_type, vec![1])]));
            assert_eq!(error, Error::AuthorizationData { part, ad_type });
            let after_others = vec![(128, vec![0]), if_relevant(&[(-9, vec![])]), (ad_type, vec![])];
            let error = server.refusal(|token| put(token, after_others));
            assert_eq!(error, Error::AuthorizationData { part, ad_type });
        }
    }
}

#[test]
fn element_of_unknown_type_in_ad_if_relevant_is_ignored() {
    let server = Server::new();
    for (_, put) in BOTH_PARTS {
        for ad_type in UNKNOWN {
            server.assert_accepts(|token| put(token, vec![if_relevant(&[(ad_type, vec![1])])]));
            let deeper = if_relevant(&[if_relevant(&[(ad_type, vec![1])])]);
            server.assert_accepts(|token| put(token, vec![deeper]));
        }
    }
}

#[test]
fn critical_element_of_a_harmless_type_is_accepted() {
    let server = Server::new();
    for ad_type in HARMLESS {
        // In a ticket, the authorize stage would read an element of type 128 as a PAC, and one octet is no PAC.
        if ad_type != 128 {
            server.assert_accepts(|token| token.ticket.authorization_data = vec![(ad_type, vec![1])]);
        }
        server.assert_accepts(|token| token.authenticator.authorization_data = vec![(ad_type, vec![1])]);
    }
}

#[test]
fn containers_nested_deeper_than_the_limit_are_malformed() {
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
fn container_with_other_contents_than_elements_is_malformed() {
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
