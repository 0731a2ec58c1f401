//! The state of a negotiation, which the server keeps between two tokens. The tests use states that were changed, are too
//! old, belong to another negotiation or were used before.

use super::*;

#[test]
fn state_that_was_used_before_is_refused_as_a_replay() {
    let host = Host::new();
    for mut begun in every_kind(&host) {
        let last = begun.good_end();
        begun.ends(&host, &last);
        assert_eq!(begun.refuses(&host, &last), Error::Replay(ReplayCause::Seen));
    }
}

/// The sequence number of an RC4 MIC is not signed (RFC 4757 section 7), so an attacker can write another number. A context
/// without GSS_C_SEQUENCE_FLAG accepts any higher number.
#[cfg(feature = "rc4")]
#[test]
fn final_token_with_a_rewritten_sequence_number_is_refused_as_a_replay() {
    let host = Host::with_policy(crate::common::all_etypes());
    let token = prefers_ntlm(host.good().session_etype(EncType::RC4_HMAC));
    let mut begun = Begun::of(&host, without(GssFlags::SEQUENCE, token));
    let mic = begun.good_mic();
    begun.ends(&host, &final_token(mic.clone()).mint());
    let mut respelled = mic;
    let number = respelled.len() - 16;
    respelled[number] ^= 0x40;
    assert_eq!(begun.refuses(&host, &final_token(respelled).mint()), Error::Replay(ReplayCause::Seen));
}

/// The server accepts the request in the first token only once, even before the negotiation ends.
#[test]
fn first_token_that_is_sent_again_is_refused_as_a_replay() {
    let host = Host::new();
    for mut begun in every_kind(&host) {
        assert_eq!(host.refuses(&begun.token.mint(), None), Error::Replay(ReplayCause::Seen));
        let last = begun.good_end();
        begun.ends(&host, &last);
        assert_eq!(host.refuses(&begun.token.mint(), None), Error::Replay(ReplayCause::Seen));
    }
}

#[test]
fn state_is_accepted_after_a_final_token_that_was_refused() {
    let host = Host::new();
    for mut begun in every_kind(&host) {
        let last = begun.good_end();
        let mut wrong = last.clone();
        *wrong.last_mut().unwrap() ^= 1;
        begun.refuses(&host, &wrong);
        begun.ends(&host, &last);
    }
}

#[test]
fn state_is_accepted_for_one_clock_skew_and_refused_a_second_later() {
    for (seconds, in_time) in [(0, true), (300, true), (-300, true), (301, false), (-301, false)] {
        let mut host = Host::new();
        let began = host.now;
        let mut conversations = every_kind(&host);
        host.now = began.saturating_add_seconds(seconds);
        for begun in &mut conversations {
            let last = begun.good_end();
            if in_time {
                begun.ends(&host, &last);
                // The replay cache remembers the end of the negotiation as long as the state would be accepted.
                assert_eq!(begun.refuses(&host, &last), Error::Replay(ReplayCause::Seen));
            } else {
                let cause = NegotiationCause::TooLate { began, now: host.now, allowed_seconds: 300 };
                assert_eq!(begun.refuses(&host, &last), Error::Negotiation(cause));
            }
        }
    }
}

/// The server checks the times of the ticket and the authenticator only once, when it answers the first token.
#[test]
fn negotiation_ends_even_when_the_ticket_has_expired_since_the_first_token() {
    let mut host = Host::new();
    let mut token = prefers_ntlm(host.good());
    token.ticket.starttime = None;
    token.ticket.endtime = host.now.saturating_add_seconds(-300).into();
    token.authenticator.ctime = host.now.saturating_add_seconds(-300).into();
    let mut begun = Begun::of(&host, token);
    host.now = host.now.saturating_add_seconds(10);
    let last = begun.good_end();
    begun.ends(&host, &last);
}

/// The server replaces its keys between two tokens.
#[test]
fn final_token_is_refused_when_the_keys_of_the_server_were_replaced() {
    let host = Host::new();
    for mut begun in every_kind(&host) {
        let last = begun.good_end();
        let negotiation = Negotiation::from_bytes(&begun.kept.state).unwrap();
        let other = host.nodes[1].with_keys(host.realm.clone().with_kvno(2).key_set());
        let refused = other.converse(&last, Some(&negotiation), &random(2), host.now).unwrap_err();
        assert_eq!(refused.code(), "key-version");
    }
}

#[test]
fn final_token_of_the_negotiation_of_another_client_is_refused() {
    let host = Host::new();
    let [mut alice, mut bob] =
        [host.good(), host.good().client("bob")].map(|token| Begun::of(&host, prefers_ntlm(token)));
    let (of_alice, of_bob) = (alice.good_end(), bob.good_end());
    // Both negotiations have the same randomness, and so the same acceptor subkey. Only the clients' sequence numbers
    // tell the MICs apart.
    assert!(matches!(
        alice.refuses(&host, &of_bob),
        Error::Negotiation(NegotiationCause::Mic(MessageError::Gap { .. }))
    ));
    alice.ends(&host, &of_alice);
    assert_eq!(host.ends(&of_bob, Some(&bob.kept.state)).0.identity().to_string(), "bob@CONTOSO.TEST");

    let [alice, mut bob] = [host.good(), host.good().client("bob")]
        .map(|token| Begun::of(&host, without(GssFlags::MUTUAL, prefers_ntlm(token))));
    let last = bob.good_end();
    assert_eq!(alice.refuses(&host, &last), mic_refused(MessageError::Integrity));

    let [mut alice, bob] = [host.good(), host.good().client("bob")]
        .map(|token| Begun::of(&host, dce_style(token.framed(TokenFraming::ApReq))));
    let last = alice.good_end();
    assert_eq!(bob.refuses(&host, &last), WRONG_AP_REP);
}

/// Returns the state with the list of mechanisms `after` instead of `before`.
fn with_list(state: &[u8], before: &[u8], after: &[u8]) -> Vec<u8> {
    assert_eq!(&state[1..][..before.len()], before);
    [&state[..1], after, &state[1 + before.len()..]].concat()
}

/// The MIC shows that a mechanism was removed from the client's offer. In this test, the mechanism was removed from the
/// kept state.
#[test]
fn mic_is_refused_when_a_mechanism_was_removed_from_the_kept_state() {
    let host = Host::new();
    for mut begun in [Begun::mic(&host), Begun::dce_with_mic(&host)] {
        let offered = begun.client.mech_types.clone();
        let shorter = begun.token.clone().spnego(|spnego| drop(spnego.mech_types.pop()));
        let other = with_list(&begun.kept.state, &offered, &TestClient::of(&shorter).mech_types);
        let last = begun.good_end();
        assert_eq!(host.refuses(&last, Some(&other)), mic_refused(MessageError::Integrity));
        begun.ends(&host, &last);
    }
}

#[test]
fn mic_is_refused_when_a_mechanism_was_removed_from_the_first_token() {
    let host = Host::new();
    // An attacker on the network removes the last mechanism from the client's list.
    let sent = prefers_ntlm(host.good());
    let arrived = sent.clone().spnego(|spnego| drop(spnego.mech_types.pop()));
    let kept = host.continues(&arrived.mint(), None);
    let client = TestClient::of(&sent);
    let mut context = client.complete(Some(&kept.token)).unwrap();
    let server_mic = kept.reply().mech_list_mic.unwrap();
    assert_eq!(context.verify_mic(&client.mech_types, &server_mic), Err(MessageError::Integrity));
    let last = final_token(context.get_mic(&client.mech_types)).mint();
    assert_eq!(host.refuses(&last, Some(&kept.state)), mic_refused(MessageError::Integrity));
}

#[test]
fn to_bytes_returns_the_octets_from_which_from_bytes_made_the_state() {
    let host = Host::new();
    let asked = host.continues(&host.good().spnego(|spnego| spnego.mech_token = MechToken::Absent).mint(), None);
    let states = every_kind(&host).map(|begun| begun.kept.state);
    for state in states.iter().chain([&asked.state]) {
        assert_eq!(Negotiation::from_bytes(state).unwrap().to_bytes(), *state);
    }
}

#[test]
fn from_bytes_refuses_a_state_of_another_format_version() {
    let host = Host::new();
    for begun in every_kind(&host) {
        let mut state = begun.kept.state;
        for version in (0..=u8::MAX).filter(|version| *version != state[0]).collect::<Vec<_>>() {
            state[0] = version;
            assert_eq!(Negotiation::from_bytes(&state).unwrap_err(), InvalidNegotiation);
        }
    }
}

/// If octets that were cut short are still a state, the server refuses the client's final token.
#[test]
fn state_that_was_cut_short_is_refused_or_accepts_no_final_token() {
    let host = Host::new();
    for mut begun in every_kind(&host) {
        let last = begun.good_end();
        for length in 0..begun.kept.state.len() {
            let Ok(negotiation) = Negotiation::from_bytes(&begun.kept.state[..length]) else { continue };
            let step = host.nodes[1].converse(&last, Some(&negotiation), &random(2), host.now);
            assert!(step.is_err(), "{length}");
        }
        begun.ends(&host, &last);
    }
    let asked = host.continues(&host.good().spnego(|spnego| spnego.mech_token = MechToken::Absent).mint(), None);
    for length in 0..asked.state.len() {
        assert_eq!(Negotiation::from_bytes(&asked.state[..length]).unwrap_err(), InvalidNegotiation, "{length}");
    }
}

#[test]
fn from_bytes_refuses_a_state_whose_mechanism_list_lacks_kerberos() {
    let host = Host::new();
    let begun = Begun::mic(&host);
    let list = &begun.client.mech_types;
    for other in [&[0x30, 0x03, 0x06, 0x01, 0x2A][..], &[0x30, 0x00], &[0x31, 0x00], &[0x30]] {
        let state = with_list(&begun.kept.state, list, other);
        assert_eq!(Negotiation::from_bytes(&state).unwrap_err(), InvalidNegotiation, "{other:?}");
    }
}

/// The number of octets before the AP-REQ in the state of a client that does not use SPNEGO. These octets hold the
/// version, the mark of an absent mechanism list, the number of the expected message, the time and the randomness.
const FIXED: usize = 1 + 1 + 1 + 8 + 64;

/// The version of the format of stored states.
const VERSION: u8 = 2;

/// Returns whether the octets are a state. Asserts that a state is written with the same octets again.
fn is_state(state: &[u8]) -> bool {
    let negotiation = Negotiation::from_bytes(state);
    assert!(negotiation.as_ref().is_ok_and(|read| read.to_bytes() == state) || negotiation.is_err());
    negotiation.is_ok()
}

#[test]
fn from_bytes_refuses_a_state_whose_request_is_longer_than_the_largest_token() {
    let begun = Begun::dce(&Host::new());
    for (size, fits) in
        [(0, true), (1, true), (MAX_TOKEN_SIZE - 1, true), (MAX_TOKEN_SIZE, true), (MAX_TOKEN_SIZE + 1, false)]
    {
        let mut state = begun.kept.state[..FIXED].to_vec();
        state.resize(FIXED + size, 0x6E);
        assert_eq!(is_state(&state), fits, "{size}");
    }
    for length in 0..FIXED {
        assert!(!is_state(&begun.kept.state[..length]), "{length}");
    }
}

#[test]
fn from_bytes_refuses_a_state_whose_mechanism_list_is_shorter_or_longer_than_its_header_says() {
    // The list has Kerberos, and a mechanism whose OID fills the rest of the list.
    let list = |length: usize| {
        let header =
            |tag: u8, length: usize| [&[tag, 0x82][..], &u16::try_from(length).unwrap().to_be_bytes()].concat();
        let kerberos = [&[6, 9], mech::KRB5].concat();
        [header(0x30, length - 4), kerberos, header(6, length - 19), vec![0x2A; length - 19]].concat()
    };
    let kept = |list: &[u8]| [&[VERSION], list].concat();
    for length in [0x120, 0xFFFE, 0xFFFF] {
        let list = list(length);
        assert_eq!(list.len(), length);
        assert!(is_state(&kept(&list)), "{length}");
        assert!(!is_state(&kept(&list[..length - 1])), "{length}");
        assert!(!is_state(&kept(&[&list[..], &[0]].concat())), "{length}");
        // The header of the list gives a length that is one octet too short or too long.
        for said in [length - 5, length - 3] {
            let header = [&[0x30, 0x82][..], &u16::try_from(said).unwrap().to_be_bytes()].concat();
            assert!(!is_state(&kept(&[&header, &list[4..]].concat())), "{length}");
        }
    }
    assert!(!is_state(&[]) && !is_state(&[VERSION]) && !is_state(&[VERSION, 0]) && !is_state(&[VERSION, 0, 0]));
}

#[test]
fn from_bytes_refuses_a_state_with_more_mechanisms_than_the_limit() {
    for (count, is_taken) in [(1, true), (MAX_MECHANISMS, true), (MAX_MECHANISMS + 1, false)] {
        let oids = [&[6, 9], mech::KRB5].concat().repeat(count);
        let list = [&[0x30, 0x82][..], &u16::try_from(oids.len()).unwrap().to_be_bytes(), &oids].concat();
        let list = if count == 1 { [&[0x30, 11][..], &oids].concat() } else { list };
        let state = [&[VERSION][..], &list].concat();
        assert_eq!(is_state(&state), is_taken, "{count}");
    }
}

#[test]
fn from_bytes_refuses_a_state_with_an_unknown_message_number() {
    let mut state = Begun::dce(&Host::new()).kept.state;
    for number in 0..=u8::MAX {
        state[2] = number;
        assert_eq!(is_state(&state), number < 3, "{number}");
    }
}

/// A state that was changed may name any time as the beginning of the negotiation.
#[test]
fn state_that_begins_at_a_distant_time_is_refused_as_too_late() {
    let host = Host::new();
    for seconds in [i64::MIN, i64::MIN + 1, -1, 0, i64::MAX - 1, i64::MAX] {
        let mut begun = Begun::dce(&host);
        begun.kept.state[3..11].copy_from_slice(&seconds.to_be_bytes());
        let start = UnixTime::from_seconds(seconds);
        let cause = NegotiationCause::TooLate { began: start, now: host.now, allowed_seconds: 300 };
        let last = begun.good_end();
        assert_eq!(begun.refuses(&host, &last), Error::Negotiation(cause));
    }
}

#[test]
fn random_octets_are_refused_as_a_state_or_their_state_accepts_no_final_token() {
    let host = Host::new();
    let last = final_token(vec![4; 28]).mint();
    let kerberos = [&[VERSION, 0x30, 11, 6, 9], mech::KRB5].concat();
    let mut number: u64 = 1;
    for _ in 0..100_000 {
        let bytes: Vec<u8> = std::iter::repeat_with(|| {
            number = number.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            number.to_be_bytes()[0]
        })
        .take(120)
        .collect();
        let length = usize::from(bytes[0]) % 120;
        // A stored state begins with the version of its format. A list of mechanisms follows, or one octet that says
        // that there is no list.
        for start in [&[][..], &[VERSION], &[VERSION, 0], &[VERSION, 0, 1], &kerberos[..5], &kerberos] {
            let state = [start, &bytes[1..=length]].concat();
            if let Ok(negotiation) = Negotiation::from_bytes(&state) {
                let step = host.nodes[1].converse(&last, Some(&negotiation), &random(2), host.now);
                assert!(step.is_err());
            }
        }
    }
}
