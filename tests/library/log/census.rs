//! Tests of the census of encryption types, which tells an administrator when to switch RC4 off.
#![cfg(feature = "rc4")]

use crate::common;

use common::{NOW, Server, all_etypes};
use kerberos_sso::crypto::EncType;
use kerberos_sso::observe::EtypeCensus;
use kerberos_sso::testing::TestToken;
use kerberos_sso::{UnixTime, error::KeyRole};

const RC4: EncType = EncType::RC4_HMAC;
const AES: EncType = EncType::AES256_CTS_HMAC_SHA1_96;

fn decide(server: &Server, census: &EtypeCensus, token: &TestToken, at: UnixTime) {
    match server.check(&token.mint()) {
        Ok(accepted) => census.accepted(&accepted, at),
        Err(error) => census.refused(&error),
    }
}

fn lenient() -> Server {
    Server::with_policy(all_etypes())
}

/// Returns the role, name, realm and number of uses of each account that used RC4, and the seconds from `NOW` to the
/// last use.
fn uses(census: &EtypeCensus) -> Vec<(KeyRole, String, String, u64, i64)> {
    let row =
        |rc4: kerberos_sso::observe::Rc4Use| (rc4.role, rc4.name, rc4.realm, rc4.uses, rc4.last.seconds_since(NOW));
    census.rc4_uses().into_iter().map(row).collect()
}

#[test]
fn census_counts_tickets_and_session_keys_of_each_type() {
    let (server, census) = (lenient(), EtypeCensus::new(10));
    for (times, etype) in (1_usize..).zip(EncType::SUPPORTED) {
        for session in EncType::SUPPORTED.into_iter().take(times) {
            decide(&server, &census, &server.good().etype(etype).session_etype(session), NOW);
        }
    }
    for (times, etype) in (1_usize..).zip(EncType::SUPPORTED) {
        assert_eq!((census.tickets(etype), census.sessions(etype)), (times, 6 - times), "{etype}");
    }
    assert_eq!((census.tickets(EncType(3)), census.sessions(EncType(-1))), (0, 0));
}

#[test]
fn census_names_the_accounts_and_users_that_used_rc4() {
    let (server, census) = (lenient(), EtypeCensus::new(10));
    let alice = |ticket, session| server.good().etype(ticket).session_etype(session);
    let bob = server.realm.ticket_for("bob").at(NOW).etype(AES).session_etype(RC4);
    decide(&server, &census, &alice(AES, AES), NOW);
    assert_eq!(uses(&census), []);
    decide(&server, &census, &alice(RC4, AES), NOW);
    decide(&server, &census, &alice(AES, RC4), NOW.saturating_add_seconds(1));
    decide(&server, &census, &bob, NOW.saturating_add_seconds(3));
    decide(&server, &census, &alice(RC4, RC4), NOW.saturating_add_seconds(2));
    // A thread may report a use after other threads have reported later uses. The earlier use does not change the time
    // of the last use.
    decide(&server, &census, &bob, NOW);
    let realm = || "CONTOSO.TEST".to_owned();
    assert_eq!(
        uses(&census),
        [
            (KeyRole::Session, "bob".into(), realm(), 2, 3),
            (KeyRole::Ticket, "AZUREADSSOACC$".into(), realm(), 2, 2),
            (KeyRole::Session, "alice".into(), realm(), 2, 2),
        ]
    );
    assert_eq!(census.left_out(), 0);
}

#[test]
fn census_lists_names_up_to_its_limit_and_counts_the_other_uses() {
    let (server, census) = (lenient(), EtypeCensus::new(2));
    for name in ["alice", "bob", "carol", "dave", "alice"] {
        let token = server.realm.ticket_for(name).at(NOW).etype(AES).session_etype(RC4);
        decide(&server, &census, &token, NOW);
    }
    let names: Vec<_> = census.rc4_uses().into_iter().map(|rc4| (rc4.name, rc4.uses)).collect();
    assert_eq!(names, [("alice".into(), 2), ("bob".into(), 1)]);
    assert_eq!((census.left_out(), census.sessions(RC4)), (2, 5));
}

#[test]
fn census_counts_refusals_because_of_rc4_and_no_other_refusals() {
    let (server, census) = (Server::new(), EtypeCensus::new(10));
    for token in [
        server.good().etype(RC4),
        server.good().session_etype(RC4),
        server.good().session_etype(RC4),
        server.good().sent_at(UnixTime::from_seconds(0)),
    ] {
        decide(&server, &census, &token, NOW);
    }
    assert_eq!((census.rc4_refused(KeyRole::Ticket), census.rc4_refused(KeyRole::Session)), (1, 2));
    assert_eq!((census.tickets(RC4), uses(&census).len()), (0, 0));
}
