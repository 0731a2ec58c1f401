//! Tests of the step for a request over HTTP (RFC 4559), and of the sealed state that a client carries between two
//! requests.

use crate::common;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use common::NOW;
use common::dialogue::{Host, final_token, krb5_token, prefers_ntlm, random};
use kerberos_sso::http::{SealingKey, SignInStep, SignedIn};
use kerberos_sso::limits::{MAX_KEPT_MECH_TYPES, MAX_SEALED_LENGTH, MAX_SEALED_SECONDS};
use kerberos_sso::testing::{MechToken, NegTokenRespParts, TestClient, TestToken, TokenFraming, mech};
use kerberos_sso::{
    Error, Policy, Refused, UnixTime, Validator,
    error::{HeaderProblem, KerberosOffer, NtlmMessage},
    negotiate::{Continue, Negotiation, RoundTrips},
};

fn step(host: &Host, authorization: &[&str]) -> SignInStep {
    host.nodes[0].sign_in(authorization, RoundTrips::Many(None), &random(1), host.now)
}

fn refusal(host: &Host, authorization: &[&str]) -> Error {
    let step = step(host, authorization);
    assert_eq!((step.status(), step.www_authenticate()), (403, None), "{authorization:?}");
    match step {
        SignInStep::FallBack(refused) => refused.into_error(),
        other => panic!("{authorization:?}: {other:?}"),
    }
}

fn header(token: &[u8]) -> String {
    format!("Negotiate {}", STANDARD.encode(token))
}

fn token_in(header: &str) -> Vec<u8> {
    STANDARD.decode(header.strip_prefix("Negotiate ").unwrap()).unwrap()
}

#[test]
fn request_without_a_negotiate_value_is_challenged() {
    let host = Host::new();
    for authorization in [
        &[][..],
        &[""],
        &["Basic YWxpY2U6c2VjcmV0"],
        &["Bearer a.b.c", "Basic YWxpY2U6c2VjcmV0"],
        &["Negotiated YII="],
        &["Digest username=\"alice\", realm=\"negotiate\", nonce=\"Negotiate\""],
        &["NTLMv2 TlRMTVNTUAABAAAA"],
    ] {
        let step = step(&host, authorization);
        assert!(matches!(step, SignInStep::Challenge), "{authorization:?}: {step:?}");
        assert_eq!((step.status(), step.www_authenticate().as_deref()), (401, Some("Negotiate")));
    }
}

#[test]
fn client_with_a_good_ticket_is_signed_in_and_gets_an_answer() {
    let host = Host::new();
    let others = ["Bearer a.b.c", "NTLM TlRMTVNTUAABAAAA"];
    for before in 0..=others.len() {
        let token = host.good();
        let good = token.header();
        let mut values = others.to_vec();
        values.insert(before, &good);
        let step = step(&host, &values);
        assert_eq!(step.status(), 200);
        let answer = token_in(&step.www_authenticate().unwrap());
        TestClient::of(&token).complete(Some(&answer)).expect("the server proves itself");
        let SignInStep::SignedIn(signed_in) = step else { panic!("{step:?}") };
        assert_eq!(signed_in.identity().to_string(), "alice@CONTOSO.TEST");
        assert_eq!(signed_in.into_accepted().identity().realm(), "CONTOSO.TEST");
    }
}

/// A client that sends a bare AP-REQ without the mutual flag gets only the status as an answer.
#[test]
fn client_without_the_mutual_flag_gets_no_answer_token() {
    let host = Host::new();
    let mut token = host.good().framed(TokenFraming::ApReq);
    token.authenticator.gss.flags = 0;
    let step = step(&host, &[&token.header()]);
    assert_eq!((step.status(), step.www_authenticate()), (200, None));
}

#[test]
fn client_whose_token_was_refused_is_not_challenged_again() {
    let host = Host::new();
    let good = host.good().header();
    assert_eq!(step(&host, &[&good]).status(), 200);
    assert_eq!(refusal(&host, &[&good]).code(), "replay");
    let late = host.realm.ticket_for("alice").at(NOW.saturating_add_seconds(-3600)).header();
    assert_eq!(refusal(&host, &[&late]).code(), "clock-skew");
    assert_eq!(refusal(&host, &["Negotiate TlRMTVNTUAABAAAAl4II4gAAAAAAAAAAAAAAAAAAAAA="]).code(), "ntlm");
    let large = format!("Negotiate {}", "A".repeat(90_000));
    assert_eq!(refusal(&host, &[&large]).code(), "too-large");
}

#[test]
fn repeated_or_joined_or_empty_negotiate_value_is_refused() {
    let host = Host::new();
    let good = host.good().header();
    let joined = |text: &str| text.replace("GOOD", &good);
    for (values, problem) in [
        (vec![good.clone(), good.clone()], HeaderProblem::Several),
        (vec!["Negotiate".into(), good.clone()], HeaderProblem::Several),
        (vec![joined("Basic eA==, GOOD")], HeaderProblem::Several),
        (vec![joined("Basic eA==,\tGOOD")], HeaderProblem::Several),
        (vec![joined("NTLM TlRMTVNTUAABAAAA, GOOD")], HeaderProblem::Several),
        (vec![joined("Basic eA==, GOOD"), good.clone()], HeaderProblem::Several),
        (vec![joined("GOOD, Basic eA==")], HeaderProblem::Base64),
        (vec![joined("GOOD,")], HeaderProblem::Base64),
        (vec!["Negotiate".into()], HeaderProblem::NoToken),
        (vec!["negotiate ".into()], HeaderProblem::NoToken),
    ] {
        let values: Vec<&str> = values.iter().map(String::as_str).collect();
        assert_eq!(refusal(&host, &values), Error::NotNegotiate(problem), "{values:?}");
    }
    assert_eq!(step(&host, &[&good]).status(), 200, "no refused request put the authenticator into the replay cache");
}

#[test]
fn scheme_ntlm_is_refused_with_the_type_of_its_message() {
    let host = Host::new();
    let offer = KerberosOffer::NotOffered;
    for (value, message) in [
        ("NTLM TlRMTVNTUAABAAAAl4II4gAAAAAAAAAAAAAAAAAAAAA=", NtlmMessage::Negotiate),
        ("ntlm TlRMTVNTUAACAAAA", NtlmMessage::Challenge),
        ("NTLM \t TlRMTVNTUAADAAAAGAAY", NtlmMessage::Authenticate),
        ("NTLM TlRMTVNTUAAEAAAA", NtlmMessage::Unknown),
        ("NTLM", NtlmMessage::Unknown),
    ] {
        assert_eq!(refusal(&host, &[value]), Error::Ntlm { message, offer }, "{value}");
        assert_eq!(refusal(&host, &["Basic eA==", value]), Error::Ntlm { message, offer }, "{value}");
    }
}

/// A server that calls the stages, with keys and a replay cache of its own, gets the same steps.
#[test]
fn stages_give_the_same_steps_as_sign_in() {
    let host = Host::new();
    let staged = Validator::staged(host.realm.key_set(), Policy::default());
    let decide = |header: &str| -> Result<_, Refused> {
        let token = staged.negotiate_token([header])?.expect("the header has a token");
        let opened = staged.open(staged.read(&token)?, NOW)?;
        let authorized = staged.authorize(staged.verify(opened, NOW)?)?;
        authorized.admit(kerberos_sso::replay::Admission::New)
    };
    let token = host.good();
    let staged_step = SignInStep::from_verdict(decide(&token.header()), &random(1));
    assert_eq!(staged_step.www_authenticate(), step(&host, &[&token.header()]).www_authenticate());
    assert_eq!(staged_step.status(), 200);
    let refused = SignInStep::from_verdict(decide("Negotiate YII="), &random(1));
    assert_eq!((refused.status(), refused.www_authenticate()), (403, None));
    assert_eq!(staged.negotiate_token(["Basic eA=="]), Ok(None));
    assert_eq!(staged.negotiate_token::<&str>([]), Ok(None));
}

/// A server that stores no negotiation states accepts or refuses a client by its first token alone. The server asks for
/// no second token, and accepts a client that would send a MIC later.
#[test]
fn server_of_one_round_trip_decides_by_the_first_token() {
    let host = Host::new();
    let decide = |header: &str| host.nodes[0].sign_in([header], RoundTrips::One, &random(1), host.now);
    let good = host.good();
    let step = decide(&good.header());
    assert_eq!(step.status(), 200);
    TestClient::of(&good).complete(Some(&token_in(&step.www_authenticate().unwrap()))).unwrap();
    let confirming = decide(&prefers_ntlm(host.good()).header());
    let answer = NegTokenRespParts::decode(&token_in(&confirming.www_authenticate().unwrap())).unwrap();
    assert_eq!((confirming.status(), answer.neg_state), (200, Some(NegTokenRespParts::ACCEPT_COMPLETED)));
    for (header, code) in [(offer(&host).header(), "no-token"), (good.header(), "replay")] {
        let step = decide(&header);
        assert_eq!((step.status(), step.www_authenticate()), (403, None));
        match step {
            SignInStep::FallBack(refused) => assert_eq!(refused.code(), code),
            other => panic!("{other:?}"),
        }
    }
    assert!(matches!(decide("Basic eA=="), SignInStep::Challenge));
}

/// Returns an offer of Kerberos without a token.
fn offer(host: &Host) -> TestToken {
    host.good().spnego(|spnego| spnego.mech_token = MechToken::Absent)
}

fn continues(step: SignInStep) -> Continue {
    assert_eq!(step.status(), 401);
    assert!(step.www_authenticate().unwrap().starts_with("Negotiate "));
    match step {
        SignInStep::Continue(next) => next,
        other => panic!("the negotiation does not continue: {other:?}"),
    }
}

fn second_step(host: &Host, token: &[u8], negotiation: Option<&Negotiation>) -> SignInStep {
    host.nodes[1].sign_in([header(token)], RoundTrips::Many(negotiation), &random(2), host.now)
}

fn signed_in(step: SignInStep) -> Box<SignedIn> {
    match step {
        SignInStep::SignedIn(signed_in) => signed_in,
        other => panic!("{other:?}"),
    }
}

fn sealing_key() -> SealingKey {
    SealingKey::new([0x5E; 32])
}

#[test]
fn negotiation_continues_at_another_node_with_a_sealed_state() {
    let host = Host::new();
    let token = offer(&host);
    let next = continues(step(&host, &[&token.header()]));
    let carried = sealing_key().seal(next.negotiation(), &random(3), NOW).unwrap();
    let response = NegTokenRespParts { response_token: Some(krb5_token(&token)), ..NegTokenRespParts::default() };

    let opened = sealing_key().open(&carried, NOW).unwrap();
    let ended = signed_in(second_step(&host, &response.mint(), Some(&opened)));
    assert_eq!(ended.identity().to_string(), "alice@CONTOSO.TEST");
    TestClient::of(&token).complete(Some(&token_in(ended.www_authenticate().unwrap()))).unwrap();

    // A client cannot use the sealed value again, because the server accepts an authenticator only once.
    match second_step(&host, &response.mint(), sealing_key().open(&carried, NOW).as_ref()) {
        SignInStep::FallBack(refused) => assert_eq!(refused.code(), "replay"),
        other => panic!("{other:?}"),
    }
    let lost = second_step(&host, &response.mint(), None);
    assert_eq!((lost.status(), lost.www_authenticate()), (403, None));
}

#[test]
fn state_that_awaits_the_clients_mic_can_be_sealed() {
    let host = Host::new();
    let token = prefers_ntlm(host.good());
    let next = continues(step(&host, &[&token.header()]));
    let carried = sealing_key().seal(next.negotiation(), &random(3), NOW).unwrap();
    let client = TestClient::of(&token);
    let mic = client.complete(Some(&token_in(&next.www_authenticate()))).unwrap().get_mic(&client.mech_types);
    let ended = signed_in(second_step(&host, &final_token(mic).mint(), sealing_key().open(&carried, NOW).as_ref()));
    assert_eq!(ended.identity().to_string(), "alice@CONTOSO.TEST");
}

/// The largest state of a client that has sent no ticket fits into a sealed value. The sealing key refuses to seal a
/// larger state.
#[test]
fn state_is_sealed_only_when_the_sealed_value_is_within_the_limit() {
    let host = Host::new();
    let long_offer = offer(&host).spnego(|spnego| {
        spnego.mech_types = vec![mech::KRB5.into(), vec![0x2A; MAX_KEPT_MECH_TYPES - 19]];
    });
    let next = continues(step(&host, &[&long_offer.header()]));
    assert!(sealing_key().seal(next.negotiation(), &random(3), NOW).unwrap().len() <= MAX_SEALED_LENGTH);

    // The state that awaits the final token holds the whole AP-REQ. A larger AP-REQ makes a longer sealed value.
    let sealed = |credentials: usize| {
        let token = prefers_ntlm(host.good().delegating(&vec![0; credentials]));
        let next = continues(step(&host, &[&token.header()]));
        sealing_key().seal(next.negotiation(), &random(3), NOW)
    };
    let fitting: Vec<String> = (1..4096).map_while(sealed).collect();
    assert!(fitting.iter().all(|sealed| sealing_key().open(sealed, NOW).is_some()));
    let largest = fitting.last().expect("the smallest state fits").len();
    assert!((MAX_SEALED_LENGTH - 3..=MAX_SEALED_LENGTH).contains(&largest), "{largest}");
    assert_eq!(sealed(4096), None);
}

fn carried() -> String {
    let host = Host::new();
    let next = continues(step(&host, &[&offer(&host).header()]));
    sealing_key().seal(next.negotiation(), &random(3), NOW).unwrap()
}

#[test]
fn sealed_value_has_only_characters_of_a_cookie_value() {
    let cookie_octet = |octet: u8| octet.is_ascii_alphanumeric() || matches!(octet, b'-' | b'_');
    assert!(carried().bytes().all(cookie_octet));
}

#[test]
fn sealed_value_opens_only_within_the_limit_before_and_after_its_time() {
    let carried = carried();
    let limit = i64::try_from(MAX_SEALED_SECONDS).unwrap();
    for (seconds, opens) in
        [(0, true), (limit, true), (limit + 1, false), (-limit, true), (-limit - 1, false), (86_400, false)]
    {
        let now = NOW.saturating_add_seconds(seconds);
        assert_eq!(sealing_key().open(&carried, now).is_some(), opens, "{seconds}");
    }
    for extreme in [i64::MIN, i64::MAX] {
        assert!(sealing_key().open(&carried, UnixTime::from_seconds(extreme)).is_none());
    }
}

#[test]
fn changed_sealed_value_does_not_open() {
    let carried = carried();
    let opens = |sealed: &[u8]| sealing_key().open(sealed, NOW).is_some();
    assert!(opens(carried.as_bytes()));
    for at in 0..carried.len() {
        assert!(!opens(&carried.as_bytes()[..at]), "cut to {at}");
        assert!(!opens(&carried.as_bytes()[at + 1..]), "without its first {at}");
        for bit in 0..8 {
            let mut changed = carried.clone().into_bytes();
            changed[at] ^= 1 << bit;
            assert!(!opens(&changed), "bit {bit} of {at}");
        }
    }
    for longer in [carried.clone() + "A", carried.clone() + "=", carried.clone() + &carried, " ".to_owned() + &carried]
    {
        assert!(!opens(longer.as_bytes()));
    }
    for rubbish in ["", "A", "AAAA", &"A".repeat(MAX_SEALED_LENGTH), &"A".repeat(1_000_000)] {
        assert!(!opens(rubbish.as_bytes()));
    }
}

#[test]
fn sealed_value_does_not_open_under_another_key() {
    let carried = carried();
    for octet in 0..32 {
        let mut octets = [0x5E; 32];
        octets[octet] ^= 1;
        assert!(SealingKey::new(octets).open(&carried, NOW).is_none());
    }
}

#[test]
fn sealed_value_shows_no_octets_of_its_state() {
    let host = Host::new();
    let token = prefers_ntlm(host.good());
    let next = continues(step(&host, &[&token.header()]));
    let seal = |number| sealing_key().seal(next.negotiation(), &random(number), NOW).unwrap();
    assert_ne!(seal(3), seal(4));
    let octets = URL_SAFE_NO_PAD.decode(seal(3)).unwrap();
    let state = next.into_negotiation().to_bytes();
    for part in state.windows(8) {
        assert!(!octets.windows(8).any(|window| window == part));
    }
    assert_eq!(format!("{:?}", sealing_key()), "SealingKey(..)");
}
