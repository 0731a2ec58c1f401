//! Channel bindings: what each level takes, and that another channel's never pass.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::arithmetic_side_effects, clippy::panic)]
#![allow(clippy::expect_used)]

use crate::common;

use common::Server;
use kerberos_sso::testing::{ChecksumParts, TestToken, TokenFraming, channel_bindings_md5, if_relevant};
use kerberos_sso::{
    ChannelBindings, Error, Policy,
    error::{BindingDemand, Misuse},
    policy::{BindingAddressPolicy, BindingLevel},
    ticket::BindingState,
};

const OURS: &[u8] = b"tls-server-end-point:\x11\x22\x33";
const RENEWED: &[u8] = b"tls-server-end-point:\x44\x55\x66";
const THEIRS: &[u8] = b"tls-server-end-point:\x11\x22\x34";

const LEVELS: [BindingLevel; 4] =
    [BindingLevel::Ignore, BindingLevel::IfPresent, BindingLevel::IfAdvertised, BindingLevel::Require];

/// A server whose channel is `OURS`, or `RENEWED` while its certificate is being replaced.
fn server(level: BindingLevel) -> Server {
    let bindings = [OURS, RENEWED].map(ChannelBindings::new);
    Server::with_policy(Policy::default().with_channel_bindings(bindings).with_binding_level(level))
}

fn check(server: &Server, change: impl FnOnce(&mut TestToken)) -> Result<BindingState, Error> {
    let mut token = server.good();
    change(&mut token);
    server.check(&token.mint()).map(|accepted| accepted.channel_bindings())
}

/// KERB_AP_OPTIONS (MS-KILE section 2.2.7) with these options, as Windows sends it.
fn ap_options(token: &mut TestToken, options: &[u8]) {
    token.authenticator.authorization_data = vec![if_relevant(&[(143, options.to_vec())])];
}

const CBT: [u8; 4] = 0x4000_u32.to_le_bytes();

#[test]
fn bindings_of_this_channel_match_at_every_level() {
    for level in LEVELS {
        let server = server(level);
        for bound in [OURS, RENEWED] {
            let state = check(&server, |token| *token = token.clone().bound_to(bound));
            let expected = if level == BindingLevel::Ignore { BindingState::Unchecked } else { BindingState::Matched };
            assert_eq!(state, Ok(expected), "{level:?}");
        }
    }
}

/// A request relayed from another TLS connection.
#[test]
fn bindings_of_another_channel_are_refused_at_every_level_that_looks() {
    for level in LEVELS {
        let state = check(&server(level), |token| *token = token.clone().bound_to(THEIRS));
        let expected =
            if level == BindingLevel::Ignore { Ok(BindingState::Unchecked) } else { Err(Error::ChannelBinding) };
        assert_eq!(state, expected, "{level:?}");
    }
}

#[test]
fn every_bit_of_the_bindings_counts() {
    let server = server(BindingLevel::IfPresent);
    for bit in 0..128 {
        let mut bindings = channel_bindings_md5(OURS);
        bindings[bit / 8] ^= 1 << (bit % 8);
        assert_eq!(server.refusal(|token| token.authenticator.gss.bindings = bindings), Error::ChannelBinding);
    }
}

#[test]
fn stripped_bindings_are_refused_where_required() {
    let require = server(BindingLevel::Require);
    let missing = Err(Error::ChannelBindingMissing(BindingDemand::Required));
    assert_eq!(check(&require, |token| *token = token.clone().bound_to(OURS)), Ok(BindingState::Matched));
    assert_eq!(check(&require, |token| token.authenticator.gss.bindings = [0; 16]), missing);
    let keyed = |token: &mut TestToken| {
        token.authenticator.cksum = ChecksumParts::keyed(&token.authenticator.key, b"");
    };
    assert_eq!(check(&require, keyed), missing);
    let absent = |token: &mut TestToken| {
        token.framing = TokenFraming::ApReq;
        token.authenticator.cksum = ChecksumParts::Absent;
    };
    assert_eq!(check(&require, absent), missing);
    for level in [BindingLevel::Ignore, BindingLevel::IfPresent, BindingLevel::IfAdvertised] {
        for change in [keyed, absent] {
            assert_eq!(check(&server(level), change), Ok(BindingState::Absent), "{level:?}");
        }
    }
}

#[test]
fn who_says_that_it_binds_must_bind_from_if_advertised_on() {
    for (level, expected) in [
        (BindingLevel::Ignore, Ok(BindingState::Absent)),
        (BindingLevel::IfPresent, Ok(BindingState::Absent)),
        (BindingLevel::IfAdvertised, Err(Error::ChannelBindingMissing(BindingDemand::Advertised))),
        (BindingLevel::Require, Err(Error::ChannelBindingMissing(BindingDemand::Required))),
    ] {
        assert_eq!(check(&server(level), |token| ap_options(token, &CBT)), expected, "{level:?}");
    }
    let bound = check(&server(BindingLevel::IfAdvertised), |token| {
        ap_options(token, &CBT);
        *token = token.clone().bound_to(OURS);
    });
    assert_eq!(bound, Ok(BindingState::Matched));
}

#[test]
fn only_the_flag_of_ap_options_says_that_a_client_binds() {
    let server = server(BindingLevel::IfAdvertised);
    let missing = Err(Error::ChannelBindingMissing(BindingDemand::Advertised));
    for (options, expected) in [
        (&CBT[..], missing.clone()),
        (&[0xFF; 4][..], missing.clone()),
        (&[0xFF, 0xBF, 0xFF, 0xFF], Ok(BindingState::Absent)),
        (&[0, 0, 0x40, 0], Ok(BindingState::Absent)), // the other byte order
        (&[0; 4], Ok(BindingState::Absent)),
    ] {
        assert_eq!(check(&server, |token| ap_options(token, options)), expected, "{options:02X?}");
    }
    // Without the container around it, as some clients send it.
    let direct = check(&server, |token| token.authenticator.authorization_data = vec![(143, CBT.to_vec())]);
    assert_eq!(direct, missing);
    // In the ticket it says something about the request for the ticket, and nothing about this channel.
    let in_ticket = check(&server, |token| token.ticket.authorization_data = vec![if_relevant(&[(143, CBT.to_vec())])]);
    assert_eq!(in_ticket, Ok(BindingState::Absent));
}

/// The client of sspi-rs writes `40 00`. MIT krb5 and Heimdal refuse such options, with bindings or without.
#[test]
fn ap_options_of_another_length_excuse_no_missing_bindings() {
    let missing = Err(Error::ChannelBindingMissing(BindingDemand::Advertised));
    for options in [&[][..], &[0x40, 0x00], &CBT[..3], &[0; 3], &[0; 5], &[0; 8]] {
        let server = server(BindingLevel::IfAdvertised);
        assert_eq!(check(&server, |token| ap_options(token, options)), missing, "{options:02X?}");
        let bound = check(&server, |token| {
            ap_options(token, options);
            *token = token.clone().bound_to(OURS);
        });
        assert_eq!(bound, Ok(BindingState::Matched), "{options:02X?}");
        // They count together with options that can be read.
        let both = check(&server, |token| {
            let elements = [(143, vec![0; 4]), (143, options.to_vec())];
            token.authenticator.authorization_data = vec![if_relevant(&elements)];
        });
        assert_eq!(both, missing, "{options:02X?}");
    }
    let present = check(&server(BindingLevel::IfPresent), |token| ap_options(token, &[]));
    assert_eq!(present, Ok(BindingState::Absent));
}

#[test]
fn a_server_without_bindings_cannot_demand_any() {
    for level in LEVELS {
        let server = Server::with_policy(Policy::default().with_binding_level(level));
        let misused = Err(Error::Misuse(Misuse::NoBindings));
        let demands = level >= BindingLevel::IfAdvertised;
        let unbound = check(&server, |_| ());
        assert_eq!(unbound, if demands { misused.clone() } else { Ok(BindingState::Absent) }, "{level:?}");
        let bound = check(&server, |token| *token = token.clone().bound_to(OURS));
        assert_eq!(bound, if demands { misused } else { Ok(BindingState::Unchecked) }, "{level:?}");
    }
}

#[test]
fn bindings_of_the_connection_add_to_those_of_the_policy() {
    let mut server = server(BindingLevel::Require);
    server.channel_bindings = vec![ChannelBindings::new(THEIRS)];
    for bound in [OURS, RENEWED, THEIRS] {
        let state = check(&server, |token| *token = token.clone().bound_to(bound));
        assert_eq!(state, Ok(BindingState::Matched));
    }
    let state = check(&server, |token| *token = token.clone().bound_to(b"tls-server-end-point:"));
    assert_eq!(state, Err(Error::ChannelBinding));
}

/// RFC 2744 section 3.11 has two types for no address. Java (outside of LDAP) and Perl write the other one.
#[test]
fn bindings_with_null_addresses_match_only_where_the_policy_allows_them() {
    // The hash of OURS with the address type 255, twice.
    let with_null_addresses = |data: &[u8]| {
        let length = u32::try_from(data.len()).unwrap().to_le_bytes();
        let address = [255, 0, 0, 0, 0, 0, 0, 0];
        let hashed = <md5::Md5 as md5::Digest>::digest([&address[..], &address, &length, data].concat());
        <[u8; 16]>::from(hashed)
    };
    for level in LEVELS.into_iter().filter(|level| *level != BindingLevel::Ignore) {
        let policy = || {
            let ours = [OURS, RENEWED].map(ChannelBindings::new);
            Policy::default().with_channel_bindings(ours).with_binding_level(level)
        };
        let strict = Server::with_policy(policy());
        let allowing = Server::with_policy(policy().with_binding_addresses(BindingAddressPolicy::AllowNull));
        let sent = |data: &'static [u8]| {
            move |token: &mut TestToken| token.authenticator.gss.bindings = with_null_addresses(data)
        };
        assert_eq!(check(&strict, sent(OURS)), Err(Error::ChannelBinding), "{level:?}");
        assert_eq!(check(&allowing, sent(OURS)), Ok(BindingState::Matched), "{level:?}");
        assert_eq!(check(&allowing, sent(THEIRS)), Err(Error::ChannelBinding), "{level:?}");
        let usual = check(&allowing, |token| *token = token.clone().bound_to(OURS));
        assert_eq!(usual, Ok(BindingState::Matched), "{level:?}");
    }
}
