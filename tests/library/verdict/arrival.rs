//! Tests of the arrival of a token: its time, and the facts of its connection.

use crate::common;

use common::dialogue::random;
use common::{NOW, Server};
use kerberos_sso::http::SignInStep;
use kerberos_sso::negotiate::{RoundTrips, Step};
use kerberos_sso::policy::{AddressPolicy, BindingLevel};
use kerberos_sso::testing::TestToken;
use kerberos_sso::{Arrival, ChannelBindings, Policy, UnixTime};
use std::net::{IpAddr, Ipv4Addr};
use std::time::{Duration, SystemTime};

const EPOCH: SystemTime = SystemTime::UNIX_EPOCH;

fn system_time(time: UnixTime) -> SystemTime {
    let since_epoch = Duration::from_secs(time.seconds().unsigned_abs());
    EPOCH + since_epoch + Duration::from_micros(time.micros().into())
}

#[test]
fn arrival_made_from_a_unix_time_has_that_time() {
    for seconds in [i64::MIN, -1, 0, 1, NOW.seconds(), i64::MAX] {
        for micros in [0, 1, 999_999] {
            let time = UnixTime::from_seconds(seconds).with_micros(micros).unwrap();
            assert_eq!(Arrival::from(time).time(), time);
            assert_eq!(Arrival::at(time).time(), time);
        }
    }
}

#[test]
fn arrival_made_from_a_system_time_has_that_time_in_microseconds() {
    for seconds in [0, 1, NOW.seconds(), 253_402_300_800] {
        for micros in [0, 1, 999_999] {
            let time = UnixTime::from_seconds(seconds).with_micros(micros).unwrap();
            assert_eq!(Arrival::from(system_time(time)).time(), time);
        }
    }
    for before in [1, 86_400_u32] {
        let time = EPOCH - Duration::from_secs(before.into());
        assert_eq!(Arrival::from(time).time(), UnixTime::from_seconds(-i64::from(before)));
    }
    // The conversion cuts nanoseconds off.
    assert_eq!(Arrival::from(EPOCH + Duration::from_nanos(1_999)).time().micros(), 1);
}

#[test]
fn token_is_refused_when_it_arrives_one_second_outside_of_the_clock_skew() {
    let server = Server::new();
    let token = server.good().mint();
    for (seconds, accepted) in [(-301, false), (-300, true), (0, true), (300, true), (301, false)] {
        let time = NOW.saturating_add_seconds(seconds);
        let refused = |arrival: Arrival<'_>| server.validator.validate_ticket(&token, arrival).err();
        let code = refused(Arrival::at(time)).map(|refused| refused.code());
        assert_eq!(code, (!accepted).then_some("clock-skew"), "{seconds}");
        assert_eq!(refused(time.into()), refused(Arrival::at(time)));
        assert_eq!(refused(system_time(time).into()), refused(Arrival::at(time)));
    }
}

#[test]
fn every_call_accepts_a_unix_time_or_a_system_time_or_an_arrival() {
    /// Asserts that every call with an arrival accepts the token.
    fn calls<'c>(server: &Server, arrival: impl Into<Arrival<'c>> + Copy) {
        let (validator, token) = (&server.validator, server.good());
        let bytes = token.mint();
        assert!(validator.validate_ticket(&bytes, arrival).is_ok());
        assert!(validator.validate_header(token.header(), arrival).is_ok());
        assert!(matches!(validator.converse(&bytes, None, &random(1), arrival), Ok(Step::Accepted(..))));
        for round_trips in [RoundTrips::One, RoundTrips::Many(None)] {
            let step = validator.sign_in([token.header()], round_trips, &random(1), arrival);
            assert!(matches!(step, SignInStep::SignedIn(_)), "{step:?}");
        }
        let opened = validator.open(validator.read(&bytes).unwrap(), NOW).unwrap();
        assert!(validator.verify(opened, arrival).is_ok());
    }
    let server = Server::new();
    calls(&server, NOW);
    calls(&server, system_time(NOW));
    calls(&server, Arrival::at(NOW));
}

/// In either order of the two calls, neither setter resets the value that the other setter has set.
#[test]
fn arrival_keeps_channel_bindings_and_address_when_both_are_set() {
    let policy = Policy::default().with_binding_level(BindingLevel::Require).with_addresses(AddressPolicy::Check);
    let server = Server::with_policy(policy);
    let (bindings, address) = ([ChannelBindings::new(b"ours")], IpAddr::V4(Ipv4Addr::new(192, 0, 2, 7)));
    let mut token: TestToken = server.good().bound_to(b"ours");
    token.ticket.caddr = Some(vec![(2, vec![192, 0, 2, 7])]);
    let code = |arrival: Arrival<'_>| {
        server.validator.validate_ticket(&token.mint(), arrival).err().map(|refused| refused.code())
    };
    let arrival = Arrival::at(NOW);
    assert_eq!(code(arrival), Some("address-mismatch"));
    assert_eq!(code(arrival.with_client_address(address)), Some("misuse"));
    assert_eq!(code(arrival.with_channel_bindings(&bindings)), Some("address-mismatch"));
    let both = arrival.with_channel_bindings(&bindings).with_client_address(address);
    let both_reversed = arrival.with_client_address(address).with_channel_bindings(&bindings);
    for arrival in [both, both_reversed] {
        assert_eq!((code(arrival), arrival.time()), (None, NOW));
    }
}
