//! Conversations that do not end well: each differs in one thing from one that does.
#![cfg(feature = "testing")]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    clippy::panic
)]

mod common;

use common::assert_malformed;
use common::dialogue::{Host, Kept, dce_style, krb5_token, last_word, prefers_ntlm, random, without};
use kerberos_sso::crypto::{EncType, Key, KeyUsage};
use kerberos_sso::limits::{MAX_MECHANISMS, MAX_TOKEN_SIZE};
use kerberos_sso::testing::{
    ApRepParts, KeyParts, MechToken, NegTokenRespParts, TestClient, TestToken, TokenFraming, mech,
};
use kerberos_sso::{
    AcceptorSubkeyPolicy, Connection, Error, GssFlags, InvalidNegotiation, MessageError, MessageKey, Negotiation,
    NegotiationCause, Policy, Problem, ReplayCause, SecurityContext, Turn, UnixTime,
};

/// A conversation that waits for the client's last word.
struct Begun {
    token: TestToken,
    client: TestClient,
    /// The client's context, which has verified what MIC there was.
    context: SecurityContext,
    kept: Kept,
}

impl Begun {
    fn of(host: &Host, token: TestToken) -> Self {
        let kept = host.goes_on(&token.mint(), None);
        let client = TestClient::of(&token);
        let mut context = client.complete(Some(&kept.token)).unwrap();
        if let Some(mic) = NegTokenRespParts::decode(&kept.token).and_then(|reply| reply.mech_list_mic) {
            context.verify_mic(&client.mech_types, &mic).unwrap();
        }
        Self { token, client, context, kept }
    }

    /// Waits for a MIC.
    fn mic(host: &Host) -> Self {
        Self::of(host, prefers_ntlm(host.good()))
    }

    /// Waits for an AP-REP alone.
    fn dce(host: &Host) -> Self {
        Self::of(host, dce_style(host.good().framed(TokenFraming::ApReq)))
    }

    /// Waits for an AP-REP and a MIC.
    fn dce_with_mic(host: &Host) -> Self {
        Self::of(host, dce_style(prefers_ntlm(host.good())))
    }

    /// The client's MIC.
    fn good_mic(&mut self) -> Vec<u8> {
        self.context.get_mic(&self.client.mech_types)
    }

    /// The client's AP-REP, as plain data.
    fn third_leg(&self) -> ApRepParts {
        self.client.third_leg(&self.ap_rep())
    }

    /// Ours.
    fn ap_rep(&self) -> ApRepParts {
        self.client.ap_rep(&self.kept.token).unwrap().unwrap()
    }

    fn minted(&self, third_leg: &ApRepParts) -> Vec<u8> {
        third_leg.mint(&self.client.session_key, &[3; 16])
    }

    /// The last word that ends the conversation.
    fn good_end(&mut self) -> Vec<u8> {
        let is_dce = self.client.flags.contains(GssFlags::DCE_STYLE);
        let ap_rep = is_dce.then(|| self.minted(&self.third_leg()));
        match (&self.token.framing, ap_rep) {
            (TokenFraming::Spnego(_), response_token) => {
                NegTokenRespParts { response_token, ..last_word(self.good_mic()) }.mint()
            }
            (_, ap_rep) => ap_rep.unwrap(),
        }
    }

    fn refuses(&self, host: &Host, last: &[u8]) -> Error {
        host.refuses(last, Some(&self.kept.state))
    }

    fn ends(&self, host: &Host, last: &[u8]) {
        let (accepted, _) = host.ends(last, Some(&self.kept.state));
        assert_eq!(accepted.identity().to_string(), "alice@CONTOSO.TEST");
    }
}

fn every_kind(host: &Host) -> [Begun; 4] {
    [
        Begun::mic(host),
        Begun::of(host, without(GssFlags::MUTUAL, prefers_ntlm(host.good()))),
        Begun::dce(host),
        Begun::dce_with_mic(host),
    ]
}

fn mic_refused(cause: MessageError) -> Error {
    Error::Negotiation(NegotiationCause::Mic(cause))
}

const NO_MIC: Error = Error::Negotiation(NegotiationCause::NoMic);
const NOT_OURS: Error = Error::Negotiation(NegotiationCause::ApRep);
const LAST_TOKEN: Error = Error::Negotiation(NegotiationCause::LastToken);

mod state {
    use super::*;

    #[test]
    fn it_is_used_once() {
        let host = Host::new();
        for mut begun in every_kind(&host) {
            let last = begun.good_end();
            begun.ends(&host, &last);
            assert_eq!(begun.refuses(&host, &last), Error::Replay(ReplayCause::Seen));
        }
    }

    /// RFC 4757 section 7 leaves the number of a MIC unsigned: a stranger can write another one, and a context without
    /// GSS_C_SEQUENCE_FLAG takes any that is higher.
    #[test]
    fn it_is_used_once_however_the_last_word_is_spelled() {
        let host = Host::with_policy(Policy::default().allow_rc4());
        let token = prefers_ntlm(host.good().session_etype(EncType::RC4_HMAC));
        let mut begun = Begun::of(&host, without(GssFlags::SEQUENCE, token));
        let mic = begun.good_mic();
        begun.ends(&host, &last_word(mic.clone()).mint());
        let mut respelled = mic;
        let number = respelled.len() - 16;
        respelled[number] ^= 0x40;
        assert_eq!(begun.refuses(&host, &last_word(respelled).mint()), Error::Replay(ReplayCause::Seen));
    }

    /// Even before the conversation ends: the request of the first leg is taken once.
    #[test]
    fn its_request_begins_nothing_else() {
        let host = Host::new();
        for mut begun in every_kind(&host) {
            assert_eq!(host.refuses(&begun.token.mint(), None), Error::Replay(ReplayCause::Seen));
            let last = begun.good_end();
            begun.ends(&host, &last);
            assert_eq!(host.refuses(&begun.token.mint(), None), Error::Replay(ReplayCause::Seen));
        }
    }

    #[test]
    fn a_refusal_uses_nothing_up() {
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
    fn it_lasts_as_long_as_the_clock_skew() {
        for (seconds, in_time) in [(0, true), (300, true), (-300, true), (301, false), (-301, false)] {
            let mut host = Host::new();
            let began = host.now;
            let mut conversations = every_kind(&host);
            host.now = began.saturating_add_seconds(seconds);
            for begun in &mut conversations {
                let last = begun.good_end();
                if in_time {
                    begun.ends(&host, &last);
                    // And is remembered as long as it would be taken.
                    assert_eq!(begun.refuses(&host, &last), Error::Replay(ReplayCause::Seen));
                } else {
                    let cause = NegotiationCause::TooLate { began, now: host.now, allowed_seconds: 300 };
                    assert_eq!(begun.refuses(&host, &last), Error::Negotiation(cause));
                }
            }
        }
    }

    /// The ticket and the authenticator are judged by the time at which they were answered.
    #[test]
    fn a_ticket_may_expire_meanwhile() {
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

    /// Keys that went out of use between two legs.
    #[test]
    fn the_keys_are_asked_again() {
        let host = Host::new();
        for mut begun in every_kind(&host) {
            let last = begun.good_end();
            let negotiation = Negotiation::from_bytes(&begun.kept.state).unwrap();
            let other = host.nodes[1].with_keys(host.realm.clone().with_kvno(2).key_set());
            let connection = Connection::default();
            let error = other.converse(&last, Some(&negotiation), &connection, &random(2), host.now).unwrap_err();
            assert_eq!(error.code(), "key-version");
        }
    }

    #[test]
    fn it_belongs_to_one_client() {
        let host = Host::new();
        let [mut alice, mut bob] =
            [host.good(), host.good().client("bob")].map(|token| Begun::of(&host, prefers_ntlm(token)));
        let (of_alice, of_bob) = (alice.good_end(), bob.good_end());
        // The test's randomness is the same for both, and so is what comes of it; the numbers of the clients are not.
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
        assert_eq!(bob.refuses(&host, &last), NOT_OURS);
    }

    /// The state with another list of mechanisms in it.
    fn with_list(state: &[u8], before: &[u8], after: &[u8]) -> Vec<u8> {
        assert_eq!(&state[3..][..before.len()], before);
        let length = u16::try_from(after.len()).unwrap().to_be_bytes();
        [&state[..1], &length, after, &state[3 + before.len()..]].concat()
    }

    /// What a MIC is for: whoever took a mechanism out of the client's offer is found out, in the first token or here.
    #[test]
    fn another_list_of_mechanisms_is_found_out() {
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
    fn what_somebody_else_took_out_of_the_offer_is_found_out() {
        let host = Host::new();
        // The client has offered a mechanism at the end of its list that does not arrive.
        let sent = prefers_ntlm(host.good());
        let arrived = sent.clone().spnego(|spnego| drop(spnego.mech_types.pop()));
        let kept = host.goes_on(&arrived.mint(), None);
        let client = TestClient::of(&sent);
        let mut context = client.complete(Some(&kept.token)).unwrap();
        let ours = kept.reply().mech_list_mic.unwrap();
        assert_eq!(context.verify_mic(&client.mech_types, &ours), Err(MessageError::Integrity));
        let last = last_word(context.get_mic(&client.mech_types)).mint();
        assert_eq!(host.refuses(&last, Some(&kept.state)), mic_refused(MessageError::Integrity));
    }

    #[test]
    fn its_bytes_are_the_same_again() {
        let host = Host::new();
        let asked = host.goes_on(&host.good().spnego(|spnego| spnego.mech_token = MechToken::Absent).mint(), None);
        let states = every_kind(&host).map(|begun| begun.kept.state);
        for state in states.iter().chain([&asked.state]) {
            assert_eq!(Negotiation::from_bytes(state).unwrap().to_bytes(), *state);
        }
    }

    #[test]
    fn of_another_version_it_is_none() {
        let host = Host::new();
        for begun in every_kind(&host) {
            let mut state = begun.kept.state;
            for version in (0..=u8::MAX).filter(|version| *version != state[0]).collect::<Vec<_>>() {
                state[0] = version;
                assert_eq!(Negotiation::from_bytes(&state).unwrap_err(), InvalidNegotiation);
            }
        }
    }

    /// With a state that was cut short, nothing that the client sends is taken.
    #[test]
    fn cut_short_it_is_none_or_refused() {
        let host = Host::new();
        for mut begun in every_kind(&host) {
            let last = begun.good_end();
            for length in 0..begun.kept.state.len() {
                let Ok(negotiation) = Negotiation::from_bytes(&begun.kept.state[..length]) else { continue };
                let connection = Connection::default();
                let turn = host.nodes[1].converse(&last, Some(&negotiation), &connection, &random(2), host.now);
                assert!(turn.is_err(), "{length}");
            }
            begun.ends(&host, &last);
        }
        let asked = host.goes_on(&host.good().spnego(|spnego| spnego.mech_token = MechToken::Absent).mint(), None);
        for length in 0..asked.state.len() {
            assert_eq!(Negotiation::from_bytes(&asked.state[..length]).unwrap_err(), InvalidNegotiation, "{length}");
        }
    }

    #[test]
    fn a_list_without_kerberos_is_none() {
        let host = Host::new();
        let begun = Begun::mic(&host);
        let list = &begun.client.mech_types;
        for other in [&[0x30, 0x03, 0x06, 0x01, 0x2A][..], &[0x30, 0x00], &[0x31, 0x00], &[0x30]] {
            let state = with_list(&begun.kept.state, list, other);
            assert_eq!(Negotiation::from_bytes(&state).unwrap_err(), InvalidNegotiation, "{other:?}");
        }
    }

    /// Octets before the request where nothing is negotiated: version, length of the list, message, second, randomness.
    const FIXED: usize = 1 + 2 + 1 + 8 + 64;

    /// The same bytes again, or none.
    fn is_one(state: &[u8]) -> bool {
        let negotiation = Negotiation::from_bytes(state);
        assert!(negotiation.as_ref().is_ok_and(|it| it.to_bytes() == state) || negotiation.is_err());
        negotiation.is_ok()
    }

    #[test]
    fn it_holds_a_request_that_fits_a_token() {
        let begun = Begun::dce(&Host::new());
        for (size, fits) in
            [(0, true), (1, true), (MAX_TOKEN_SIZE - 1, true), (MAX_TOKEN_SIZE, true), (MAX_TOKEN_SIZE + 1, false)]
        {
            let mut state = begun.kept.state[..FIXED].to_vec();
            state.resize(FIXED + size, 0x6E);
            assert_eq!(is_one(&state), fits, "{size}");
        }
        for length in 4..FIXED {
            assert!(!is_one(&begun.kept.state[..length]), "{length}");
        }
    }

    #[test]
    fn a_list_has_the_length_that_is_said() {
        // Kerberos, and a mechanism with a name that fills the list.
        let list = |length: usize| {
            let header =
                |tag: u8, length: usize| [&[tag, 0x82][..], &u16::try_from(length).unwrap().to_be_bytes()].concat();
            let kerberos = [&[6, 9], mech::KRB5].concat();
            [header(0x30, length - 4), kerberos, header(6, length - 19), vec![0x2A; length - 19]].concat()
        };
        let said =
            |length: usize, list: &[u8]| [&[1][..], &u16::try_from(length).unwrap().to_be_bytes(), list].concat();
        for length in [0x120, 0xFFFE, 0xFFFF] {
            let list = list(length);
            assert_eq!(list.len(), length);
            assert!(is_one(&said(length, &list)), "{length}");
            assert!(!is_one(&said(length - 1, &list)), "{length}");
            assert!(!is_one(&said(length, &list[..length - 1])), "{length}");
        }
        assert!(!is_one(&[]) && !is_one(&[1]) && !is_one(&[1, 0]) && !is_one(&[1, 0, 0]));
    }

    #[test]
    fn its_mechanisms_are_counted() {
        for (count, is_taken) in [(1, true), (MAX_MECHANISMS, true), (MAX_MECHANISMS + 1, false)] {
            let oids = [&[6, 9], mech::KRB5].concat().repeat(count);
            let list = [&[0x30, 0x82][..], &u16::try_from(oids.len()).unwrap().to_be_bytes(), &oids].concat();
            let list = if count == 1 { [&[0x30, 11][..], &oids].concat() } else { list };
            let state = [&[1][..], &u16::try_from(list.len()).unwrap().to_be_bytes(), &list].concat();
            assert_eq!(is_one(&state), is_taken, "{count}");
        }
    }

    #[test]
    fn its_message_is_one_of_three() {
        let mut state = Begun::dce(&Host::new()).kept.state;
        for number in 0..=u8::MAX {
            state[3] = number;
            assert_eq!(is_one(&state), number < 3, "{number}");
        }
    }

    /// However far away it began, if somebody changes it.
    #[test]
    fn it_ends_wherever_it_began() {
        let host = Host::new();
        for seconds in [i64::MIN, i64::MIN + 1, -1, 0, i64::MAX - 1, i64::MAX] {
            let mut begun = Begun::dce(&host);
            begun.kept.state[4..12].copy_from_slice(&seconds.to_be_bytes());
            let began = UnixTime::from_seconds(seconds);
            let cause = NegotiationCause::TooLate { began, now: host.now, allowed_seconds: 300 };
            let last = begun.good_end();
            assert_eq!(begun.refuses(&host, &last), Error::Negotiation(cause));
        }
    }

    #[test]
    fn random_bytes_are_none_or_refused() {
        let host = Host::new();
        let last = last_word(vec![4; 28]).mint();
        let mut number: u64 = 1;
        for _ in 0..100_000 {
            let bytes: Vec<u8> = std::iter::repeat_with(|| {
                number = number.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                number.to_be_bytes()[0]
            })
            .take(120)
            .collect();
            let length = usize::from(bytes[0]) % 120;
            // As a state begins: a version, and a list, or none.
            for start in [&[][..], &[1], &[1, 0, 0], &[1, 0, 0, 1], &[1, 0, 13, 0x30, 11, 6, 9]] {
                let state = [start, &bytes[1..=length]].concat();
                if let Ok(negotiation) = Negotiation::from_bytes(&state) {
                    let connection = Connection::default();
                    let turn = host.nodes[1].converse(&last, Some(&negotiation), &connection, &random(2), host.now);
                    assert!(turn.is_err());
                }
            }
        }
    }
}

/// The client's MIC over what it offered.
mod mic {
    use super::*;

    fn refusal_of(mic: impl FnOnce(&mut Begun) -> Option<Vec<u8>>) -> Error {
        let host = Host::new();
        let mut begun = Begun::mic(&host);
        let mic = mic(&mut begun);
        let last = NegTokenRespParts { mech_list_mic: mic, ..last_word(Vec::new()) };
        let error = begun.refuses(&host, &last.mint());
        // What was wrong with it is the only thing that was.
        let mut again = Begun { context: begun.client.complete(Some(&begun.kept.token)).unwrap(), ..begun };
        let last = again.good_end();
        again.ends(&host, &last);
        error
    }

    #[test]
    fn it_is_there() {
        assert_eq!(refusal_of(|_| None), NO_MIC);
        for state in [NegTokenRespParts::REJECT, NegTokenRespParts::ACCEPT_COMPLETED] {
            let host = Host::new();
            let begun = Begun::mic(&host);
            let last = NegTokenRespParts { neg_state: Some(state), ..NegTokenRespParts::default() };
            assert_eq!(begun.refuses(&host, &last.mint()), NO_MIC);
        }
    }

    /// Ours, sent back.
    #[test]
    fn it_is_of_the_other_side() {
        let error = refusal_of(|begun| begun.kept.reply().mech_list_mic);
        assert_eq!(error, mic_refused(MessageError::Reflected));
    }

    #[test]
    fn it_is_under_the_key_of_the_context() {
        let error = refusal_of(|begun| Some(begun.client.context(None).get_mic(&begun.client.mech_types)));
        let (expected, found) = (MessageKey::AcceptorSubkey, MessageKey::Initial);
        assert_eq!(error, mic_refused(MessageError::WrongKey { expected, found }));
        let error = refusal_of(|begun| {
            let ap_rep = begun.ap_rep();
            let subkey = KeyParts { keytype: 18, keyvalue: vec![7; 32] };
            let mut context = begun.client.context(Some(&ApRepParts { subkey: Some(subkey), ..ap_rep }));
            Some(context.get_mic(&begun.client.mech_types))
        });
        assert_eq!(error, mic_refused(MessageError::Integrity));
    }

    #[test]
    fn it_is_over_the_list() {
        let error = refusal_of(|begun| Some(begun.context.get_mic(&begun.client.mech_types[2..])));
        assert_eq!(error, mic_refused(MessageError::Integrity));
        let error = refusal_of(|begun| Some(begun.context.get_mic(b"")));
        assert_eq!(error, mic_refused(MessageError::Integrity));
    }

    #[test]
    fn it_is_the_first_message_of_the_context() {
        let error = refusal_of(|begun| {
            let _first = begun.good_mic();
            Some(begun.good_mic())
        });
        assert!(matches!(error, Error::Negotiation(NegotiationCause::Mic(MessageError::Gap { .. }))), "{error}");
    }

    #[test]
    fn it_is_a_mic() {
        let error = refusal_of(|begun| {
            let (mut wrapped, list) = (Vec::new(), begun.client.mech_types.clone());
            begun.context.wrap(&list, kerberos_sso::Protection::Integrity, &[0; 16], &mut wrapped);
            Some(wrapped)
        });
        assert!(matches!(error, Error::Negotiation(NegotiationCause::Mic(MessageError::WrongToken { .. }))), "{error}");
    }

    #[test]
    fn every_bit_of_it_counts() {
        let host = Host::with_policy(Policy::default().allow_rc4());
        for etype in EncType::SUPPORTED {
            let mut begun = Begun::of(&host, prefers_ntlm(host.good().session_etype(etype)));
            let mic = begun.good_mic();
            for bit in 0..8 * mic.len() {
                let mut flipped = mic.clone();
                flipped[bit / 8] ^= 1 << (bit % 8);
                // The frame of RC4's tokens is signed by nothing, and this bit leads to the other name of the mechanism.
                if etype == EncType::RC4_HMAC && flipped[4..].starts_with(mech::MS_KRB5) {
                    continue;
                }
                assert_eq!(begun.refuses(&host, &last_word(flipped).mint()).code(), "negotiation", "{etype} {bit}");
            }
            for length in 0..mic.len() {
                let cut = last_word(mic[..length].to_vec());
                assert_eq!(begun.refuses(&host, &cut.mint()).code(), "negotiation", "{etype} {length}");
            }
            let longer = last_word([&mic[..], &[0]].concat());
            assert_eq!(begun.refuses(&host, &longer.mint()).code(), "negotiation", "{etype}");
            begun.ends(&host, &last_word(mic).mint());
        }
    }

    /// RFC 4178 section 5 c V: it was told that MICs are wanted, and its token was the last of the mechanism.
    #[test]
    fn without_mutual_authentication_it_comes_with_the_token_that_was_asked_for() {
        let host = Host::new();
        let absent = |token: TestToken| token.spnego(|spnego| spnego.mech_token = MechToken::Absent);
        let token = without(GssFlags::MUTUAL, absent(prefers_ntlm(host.good())));
        let asked = host.goes_on(&token.mint(), None);
        let client = TestClient::of(&token);
        let second = |mech_list_mic| {
            NegTokenRespParts {
                response_token: Some(krb5_token(&token)),
                mech_list_mic,
                ..NegTokenRespParts::default()
            }
            .mint()
        };
        assert_eq!(host.refuses(&second(None), Some(&asked.state)), NO_MIC);
        let mic = client.context(None).get_mic(&client.mech_types);
        let mut flipped = mic.clone();
        flipped[20] ^= 1;
        assert_eq!(host.refuses(&second(Some(flipped)), Some(&asked.state)), mic_refused(MessageError::Integrity));
        host.ends(&second(Some(mic)), Some(&asked.state));
    }

    #[test]
    fn it_comes_with_the_third_leg() {
        let host = Host::new();
        let mut begun = Begun::dce_with_mic(&host);
        let ap_rep = begun.minted(&begun.third_leg());
        let last = |mech_list_mic| {
            let response_token = Some(ap_rep.clone());
            NegTokenRespParts { response_token, mech_list_mic, ..NegTokenRespParts::default() }.mint()
        };
        assert_eq!(begun.refuses(&host, &last(None)), NO_MIC);
        let mic = begun.good_mic();
        let mut flipped = mic.clone();
        flipped[20] ^= 1;
        assert_eq!(begun.refuses(&host, &last(Some(flipped))), mic_refused(MessageError::Integrity));
        begun.ends(&host, &last(Some(mic)));
    }

    /// Where it is not due it must hold all the same.
    #[test]
    fn a_wrong_one_that_is_not_due_refuses() {
        let host = Host::new();
        let begun = Begun::of(&host, dce_style(host.good()));
        let last = NegTokenRespParts {
            response_token: Some(begun.minted(&begun.third_leg())),
            mech_list_mic: Some(vec![4; 28]),
            ..NegTokenRespParts::default()
        };
        assert_eq!(begun.refuses(&host, &last.mint()).code(), "negotiation");
    }
}

/// The client's AP-REP in DCE style.
mod third_leg {
    use super::*;

    fn refusal_of(change: impl FnOnce(&mut ApRepParts)) -> Error {
        let host = Host::new();
        let mut begun = Begun::dce(&host);
        let mut third_leg = begun.third_leg();
        change(&mut third_leg);
        let error = begun.refuses(&host, &begun.minted(&third_leg));
        let last = begun.good_end();
        begun.ends(&host, &last);
        error
    }

    #[test]
    fn it_holds_our_number() {
        for change in [1, -1, 1 << 20] {
            let error =
                refusal_of(|third_leg| third_leg.seq_number = third_leg.seq_number.map(|number| number + change));
            assert_eq!(error, NOT_OURS);
        }
        assert_eq!(refusal_of(|third_leg| third_leg.seq_number = Some(0)), NOT_OURS);
        assert_eq!(refusal_of(|third_leg| third_leg.seq_number = None), NOT_OURS);
        assert_eq!(refusal_of(|third_leg| *third_leg.seq_number.as_mut().unwrap() |= 1 << 31), NOT_OURS);
        assert_malformed(&refusal_of(|third_leg| *third_leg.seq_number.as_mut().unwrap() += 1 << 32), "33 bits");
    }

    #[test]
    fn it_is_not_ours() {
        let host = Host::new();
        for policy in [AcceptorSubkeyPolicy::Always, AcceptorSubkeyPolicy::Never] {
            let host = Host::with_policy(Policy::default().allow_rc4().acceptor_subkey(policy));
            for etype in EncType::SUPPORTED {
                let token = dce_style(host.good().session_etype(etype).framed(TokenFraming::ApReq));
                let begun = Begun::of(&host, token);
                assert_eq!(begun.refuses(&host, &begun.kept.token), NOT_OURS);
            }
        }
        let begun = Begun::dce_with_mic(&host);
        let reflected =
            NegTokenRespParts { response_token: begun.kept.reply().response_token, ..NegTokenRespParts::default() };
        assert_eq!(begun.refuses(&host, &reflected.mint()), NOT_OURS);
    }

    #[test]
    fn it_has_no_subkey() {
        let subkey = KeyParts { keytype: 18, keyvalue: vec![7; 32] };
        assert_eq!(refusal_of(|third_leg| third_leg.subkey = Some(subkey)), NOT_OURS);
    }

    #[test]
    fn it_is_under_the_session_key() {
        let host = Host::new();
        let mut begun = Begun::dce(&host);
        let third_leg = begun.third_leg();
        let ours = begun.ap_rep().subkey.unwrap().key().unwrap();
        let made_up = Key::new(EncType::AES256_CTS_HMAC_SHA1_96, &[7; 32]).unwrap();
        for key in [ours, begun.client.subkey.clone().unwrap(), made_up, host.realm.key(ours_etype())] {
            assert_eq!(begun.refuses(&host, &third_leg.mint(&key, &[3; 16])), NOT_OURS);
        }
        let last = begun.good_end();
        begun.ends(&host, &last);
    }

    fn ours_etype() -> EncType {
        EncType::AES256_CTS_HMAC_SHA1_96
    }

    #[test]
    fn it_is_for_its_own_usage() {
        for usage in [KeyUsage::TICKET, KeyUsage::AP_REQ_AUTHENTICATOR, KeyUsage::KRB_PRIV] {
            assert_eq!(refusal_of(|third_leg| third_leg.usage = usage), NOT_OURS);
        }
    }

    #[test]
    fn its_label_is_that_of_the_key() {
        for etype in [17, 19, 20, 23, 0, -1] {
            assert_eq!(refusal_of(|third_leg| third_leg.etype = etype), NOT_OURS);
        }
        assert_malformed(&refusal_of(|third_leg| third_leg.etype += 1 << 32), "34 bits");
    }

    #[test]
    fn it_is_an_ap_rep() {
        assert_malformed(&refusal_of(|third_leg| third_leg.pvno = 4), "pvno");
        assert_malformed(&refusal_of(|third_leg| third_leg.msg_type = 14), "msg-type");
        assert_malformed(&refusal_of(|third_leg| third_leg.cusec = 1_000_000), "cusec");
        assert_malformed(&refusal_of(|third_leg| third_leg.cusec = -1), "cusec");
        assert_malformed(&refusal_of(|third_leg| third_leg.ctime = "2026".into()), "ctime");
    }

    #[test]
    fn every_bit_of_it_counts() {
        let host = Host::with_policy(Policy::default().allow_rc4());
        for etype in EncType::SUPPORTED {
            let token = dce_style(host.good().session_etype(etype).framed(TokenFraming::ApReq));
            let mut begun = Begun::of(&host, token);
            let last = begun.good_end();
            for length in 0..last.len() {
                assert_malformed(&begun.refuses(&host, &last[..length]), "cut short");
            }
            assert_malformed(&begun.refuses(&host, &[&last[..], &[0]].concat()), "something follows");
            for bit in 0..8 * last.len() {
                let mut flipped = last.clone();
                flipped[bit / 8] ^= 1 << (bit % 8);
                begun.refuses(&host, &flipped);
            }
            begun.ends(&host, &last);
        }
    }

    /// From one conversation of a client to another one, with the same ticket.
    #[test]
    fn it_is_of_this_conversation() {
        let host = Host::new();
        let first = Begun::dce(&host);
        let again = first.token.clone().sent_at(UnixTime::from_seconds(host.now.seconds() + 1));
        let negotiation = host.nodes[0].converse(&again.mint(), None, &Connection::default(), &random(9), host.now);
        let Ok(Turn::Next(next)) = negotiation else { panic!("it goes on") };
        let of_first = first.minted(&first.third_leg());
        assert_eq!(host.refuses(&of_first, Some(&next.into_negotiation().to_bytes())), NOT_OURS);
        first.ends(&host, &of_first);
    }
}

/// Tokens that are no end of this conversation.
mod order {
    use super::*;

    #[test]
    fn dce_style_ends_with_an_ap_rep() {
        let host = Host::new();
        let mut begun = Begun::dce_with_mic(&host);
        let only_mic = last_word(begun.good_mic()).mint();
        assert_eq!(begun.refuses(&host, &only_mic), LAST_TOKEN);
        assert_eq!(begun.refuses(&host, &NegTokenRespParts::default().mint()), LAST_TOKEN);
    }

    #[test]
    fn only_dce_style_ends_with_an_ap_rep() {
        let host = Host::new();
        let mut begun = Begun::mic(&host);
        let response_token = Some(begun.minted(&begun.third_leg()));
        let last = NegTokenRespParts { response_token, ..last_word(begun.good_mic()) };
        assert_eq!(begun.refuses(&host, &last.mint()), LAST_TOKEN);
        begun.ends(&host, &NegTokenRespParts { response_token: None, ..last }.mint());
    }

    #[test]
    fn negotiation_does_not_begin_or_end_halfway() {
        let host = Host::new();
        let at = |what, problem| common::malformed(what, 0, problem);
        // An AP-REP alone in a negotiation, and the reverse.
        let begun = Begun::dce_with_mic(&host);
        let ap_rep = begun.minted(&begun.third_leg());
        assert_eq!(begun.refuses(&host, &ap_rep), at("token", Problem::OutOfPlace));
        let begun = Begun::dce(&host);
        let last = NegTokenRespParts {
            response_token: Some(begun.minted(&begun.third_leg())),
            ..NegTokenRespParts::default()
        };
        assert_eq!(begun.refuses(&host, &last.mint()), at("NegTokenResp", Problem::OutOfPlace));
        // Where a request is waited for.
        let asked = host.goes_on(&host.good().spnego(|spnego| spnego.mech_token = MechToken::Absent).mint(), None);
        assert_eq!(host.refuses(&ap_rep, Some(&asked.state)), at("token", Problem::OutOfPlace));
    }

    #[test]
    fn without_a_state_nothing_continues() {
        let host = Host::new();
        for mut begun in every_kind(&host) {
            let last = begun.good_end();
            assert_malformed(&host.refuses(&last, None), "a last leg without its state");
        }
        let token = host.good().spnego(|spnego| spnego.mech_token = MechToken::Absent);
        host.goes_on(&token.mint(), None);
        let second = NegTokenRespParts { response_token: Some(krb5_token(&token)), ..NegTokenRespParts::default() };
        assert_malformed(&host.refuses(&second.mint(), None), "a second leg without its state");
    }

    #[test]
    fn who_was_asked_for_kerberos_sends_it() {
        let host = Host::new();
        let token = host.good().spnego(|spnego| spnego.mech_token = MechToken::Absent);
        let asked = host.goes_on(&token.mint(), None);
        let second = |response_token: Option<&[u8]>| {
            let response_token = response_token.map(Vec::from);
            host.refuses(
                &NegTokenRespParts { response_token, ..NegTokenRespParts::default() }.mint(),
                Some(&asked.state),
            )
        };
        assert_eq!(second(None), Error::NoToken);
        assert_eq!(second(Some(b"NTLMSSP\0\x03\0\0\0")).code(), "ntlm");
        assert_eq!(second(Some(b"NEGOEXTS")).code(), "negoex");
        assert_eq!(
            second(Some(&token.clone().framed(TokenFraming::Krb5(mech::IAKERB.into())).mint())).code(),
            "iakerb"
        );
        for other in [&b""[..], b"whatever", &token.mint(), &NegTokenRespParts::default().mint()] {
            assert_malformed(&second(Some(other)), "no Kerberos token");
        }
    }

    /// What keeps a first token out keeps a second one out too.
    #[test]
    fn the_request_that_was_asked_for_is_checked_as_any() {
        let host = Host::with_policy(common::refusals::policy());
        let node = &host.nodes[1];
        for (code, change) in &common::refusals::IN_ORDER[1..] {
            let mut token = host.good().spnego(|spnego| spnego.mech_token = MechToken::Absent);
            let asked = host.goes_on(&token.mint(), None);
            change(&mut token);
            let second = NegTokenRespParts { response_token: Some(krb5_token(&token)), ..NegTokenRespParts::default() };
            let negotiation = Negotiation::from_bytes(&asked.state).unwrap();
            let turn = node.converse(&second.mint(), Some(&negotiation), &Connection::default(), &random(2), host.now);
            assert_eq!(turn.unwrap_err().code(), *code);
        }
    }
}
