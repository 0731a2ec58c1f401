//! Channel bindings: the requests that each level accepts. Bindings of another channel are refused at every level that
//! compares bindings.

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

/// Returns a server with the bindings `OURS` of its certificate, and the bindings `RENEWED` of its next certificate.
fn server(level: BindingLevel) -> Server {
    let bindings = [OURS, RENEWED].map(ChannelBindings::new);
    Server::with_policy(Policy::default().with_channel_bindings(bindings).with_binding_level(level))
}

fn check(server: &Server, change: impl FnOnce(&mut TestToken)) -> Result<BindingState, Error> {
    let mut token = server.good();
    change(&mut token);
    server.check(&token.mint()).map(|accepted| accepted.channel_bindings())
}

/// Puts KERB_AP_OPTIONS (MS-KILE section 2.2.7) with these octets into the authenticator, as Windows does.
fn ap_options(token: &mut TestToken, options: &[u8]) {
    token.authenticator.authorization_data = vec![if_relevant(&[(143, options.to_vec())])];
}

const CBT: [u8; 4] = 0x4000_u32.to_le_bytes();

#[test]
fn bindings_of_this_channel_match_at_every_level_that_compares_bindings() {
    for level in LEVELS {
        let server = server(level);
        for bound in [OURS, RENEWED] {
            let state = check(&server, |token| *token = token.clone().bound_to(bound));
            let expected = if level == BindingLevel::Ignore { BindingState::Unchecked } else { BindingState::Matched };
            assert_eq!(state, Ok(expected), "{level:?}");
        }
    }
}

/// A request with bindings of another channel was relayed from another TLS connection.
#[test]
fn bindings_of_another_channel_are_refused_at_every_level_that_compares_bindings() {
    for level in LEVELS {
        let state = check(&server(level), |token| *token = token.clone().bound_to(THEIRS));
        let expected =
            if level == BindingLevel::Ignore { Ok(BindingState::Unchecked) } else { Err(Error::ChannelBinding) };
        assert_eq!(state, expected, "{level:?}");
    }
}

#[test]
fn bindings_with_any_bit_flipped_are_refused() {
    let server = server(BindingLevel::IfPresent);
    for bit in 0..128 {
        let mut bindings = channel_bindings_md5(OURS);
        bindings[bit / 8] ^= 1 << (bit % 8);
        assert_eq!(server.refusal(|token| token.authenticator.gss.bindings = bindings), Error::ChannelBinding);
    }
}

#[test]
fn request_without_bindings_is_refused_only_at_level_require() {
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
fn client_that_advertises_bindings_and_sends_none_is_refused_at_level_if_advertised() {
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
fn client_advertises_bindings_only_by_the_flag_in_ap_options_of_its_authenticator() {
    let server = server(BindingLevel::IfAdvertised);
    let missing = Err(Error::ChannelBindingMissing(BindingDemand::Advertised));
    for (options, expected) in [
        (&CBT[..], missing.clone()),
        (&[0xFF; 4][..], missing.clone()),
        (&[0xFF, 0xBF, 0xFF, 0xFF], Ok(BindingState::Absent)),
        (&[0, 0, 0x40, 0], Ok(BindingState::Absent)), // 0x4000 in big-endian
        (&[0; 4], Ok(BindingState::Absent)),
    ] {
        assert_eq!(check(&server, |token| ap_options(token, options)), expected, "{options:02X?}");
    }
    // Some clients send KERB_AP_OPTIONS without AD-IF-RELEVANT around it.
    let direct = check(&server, |token| token.authenticator.authorization_data = vec![(143, CBT.to_vec())]);
    assert_eq!(direct, missing);
    // KERB_AP_OPTIONS in a ticket describes the request for that ticket, and not this channel.
    let in_ticket = check(&server, |token| token.ticket.authorization_data = vec![if_relevant(&[(143, CBT.to_vec())])]);
    assert_eq!(in_ticket, Ok(BindingState::Absent));
}

/// The client of sspi-rs writes KERB_AP_OPTIONS of two octets, `40 00`, instead of four. MIT krb5 and Heimdal refuse
/// options of two octets, with or without bindings.
#[test]
fn client_with_ap_options_of_a_wrong_length_and_no_bindings_is_refused_at_level_if_advertised() {
    let missing = Err(Error::ChannelBindingMissing(BindingDemand::Advertised));
    for options in [&[][..], &[0x40, 0x00], &CBT[..3], &[0; 3], &[0; 5], &[0; 8]] {
        let server = server(BindingLevel::IfAdvertised);
        assert_eq!(check(&server, |token| ap_options(token, options)), missing, "{options:02X?}");
        let bound = check(&server, |token| {
            ap_options(token, options);
            *token = token.clone().bound_to(OURS);
        });
        assert_eq!(bound, Ok(BindingState::Matched), "{options:02X?}");
        // The server treats options of a wrong length as an advertisement even if other options in the authenticator
        // have the right length.
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
fn level_that_demands_bindings_gives_the_error_misuse_when_the_server_has_no_bindings() {
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
fn token_may_match_the_bindings_of_the_connection_or_the_bindings_of_the_policy() {
    let mut server = server(BindingLevel::Require);
    server.channel_bindings = vec![ChannelBindings::new(THEIRS)];
    for bound in [OURS, RENEWED, THEIRS] {
        let state = check(&server, |token| *token = token.clone().bound_to(bound));
        assert_eq!(state, Ok(BindingState::Matched));
    }
    let state = check(&server, |token| *token = token.clone().bound_to(b"tls-server-end-point:"));
    assert_eq!(state, Err(Error::ChannelBinding));
}

/// The connection's binding is often also a binding of the policy.
#[test]
fn bindings_that_the_policy_and_the_connection_both_give_match() {
    for hash in [channel_bindings_md5(OURS), md5_with_null_addresses(OURS)] {
        let policy = Policy::default().with_channel_bindings([ChannelBindings::new(OURS)]);
        let mut server = Server::with_policy(policy.with_binding_addresses(BindingAddressPolicy::AllowNull));
        server.channel_bindings = vec![ChannelBindings::new(OURS)];
        let state = check(&server, |token| token.authenticator.gss.bindings = hash);
        assert_eq!(state, Ok(BindingState::Matched));
    }
}

/// Returns the hash of bindings whose two addresses have the type 255.
fn md5_with_null_addresses(data: &[u8]) -> [u8; 16] {
    let length = u32::try_from(data.len()).unwrap().to_le_bytes();
    let address = [255, 0, 0, 0, 0, 0, 0, 0];
    <md5::Md5 as md5::Digest>::digest([&address[..], &address, &length, data].concat()).into()
}

/// RFC 2744 section 3.11 has two types for an empty address: GSS_C_AF_UNSPEC (0) and GSS_C_AF_NULLADDR (255). Java
/// (outside of LDAP) and Perl write the second type.
#[test]
fn bindings_with_null_addresses_match_only_when_the_policy_allows_them() {
    for level in LEVELS.into_iter().filter(|level| *level != BindingLevel::Ignore) {
        let policy = || {
            let ours = [OURS, RENEWED].map(ChannelBindings::new);
            Policy::default().with_channel_bindings(ours).with_binding_level(level)
        };
        let strict = Server::with_policy(policy());
        let allowing = Server::with_policy(policy().with_binding_addresses(BindingAddressPolicy::AllowNull));
        let sent = |data: &'static [u8]| {
            move |token: &mut TestToken| token.authenticator.gss.bindings = md5_with_null_addresses(data)
        };
        assert_eq!(check(&strict, sent(OURS)), Err(Error::ChannelBinding), "{level:?}");
        assert_eq!(check(&allowing, sent(OURS)), Ok(BindingState::Matched), "{level:?}");
        assert_eq!(check(&allowing, sent(THEIRS)), Err(Error::ChannelBinding), "{level:?}");
        let usual = check(&allowing, |token| *token = token.clone().bound_to(OURS));
        assert_eq!(usual, Ok(BindingState::Matched), "{level:?}");
    }
}
