//! Tests that no value of a request prints a token, an answer, an authenticator or a sealed state. Otherwise a reader
//! of the log could send the printed token and sign in.

use crate::common;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};
use common::NOW;
use common::dialogue::{Host, dce_style, krb5_token, prefers_ntlm, random};
use common::refusals::{IN_ORDER, policy};
use kerberos_sso::http::{SealingKey, SignInStep};
use kerberos_sso::negotiate::{ReadStep, RoundTrips, Step, TokenInfo};
use kerberos_sso::policy::KrbErrorPolicy;
use kerberos_sso::testing::{
    ApRepParts, MechToken, NegTokenRespParts, TestClient, TestRealm, TestToken, TokenFraming, mech,
};
use kerberos_sso::{Accepted, Arrival, Policy, Refused, Validator, replay::NoReplayCache};
use std::fmt::Debug;

/// Octets that no log may show.
#[derive(Default)]
struct Hidden(Vec<Vec<u8>>);

impl Hidden {
    /// Returns the octets that no log may show: the token, which includes both ciphertexts, and the authenticator's
    /// plaintext.
    fn of(token: &TestToken) -> Self {
        Self::default().and(&token.mint()).and(&token.authenticator.plaintext())
    }

    fn and(mut self, octets: &[u8]) -> Self {
        self.0.push(octets.to_vec());
        self
    }

    /// Asserts that neither form of `Debug` shows 16 successive hidden octets.
    #[track_caller]
    fn assert_not_in(&self, value: &dyn Debug) {
        for shown in [format!("{value:?}"), format!("{value:#?}")] {
            self.assert_not_shown(&shown);
        }
    }

    #[track_caller]
    fn assert_not_shown(&self, shown: &str) {
        let dense: String = shown.chars().filter(|c| !c.is_whitespace()).collect();
        let lower = dense.to_ascii_lowercase();
        for window in self.0.iter().flat_map(|octets| octets.chunks_exact(WINDOW)) {
            let found = numbers(window).into_iter().find(|pattern| lower.contains(pattern));
            let found = found.or_else(|| base64(window).into_iter().find(|pattern| dense.contains(pattern)));
            assert_eq!(found, None, "in {shown}");
        }
    }
}

/// The number of octets in a window, which is the unit of the search. Any 16 successive octets include one whole
/// window.
const WINDOW: usize = 8;

/// Returns the forms in which octets are printed as numbers.
fn numbers(octets: &[u8]) -> [String; 6] {
    let join =
        |separator: &str, each: &dyn Fn(&u8) -> String| octets.iter().map(each).collect::<Vec<_>>().join(separator);
    [
        join(",", &|octet| format!("{octet}")),
        join("", &|octet| format!("{octet:02x}")),
        join(",", &|octet| format!("{octet:x}")),
        join(",", &|octet| format!("0x{octet:02x}")),
        join(",", &|octet| format!("0x{octet:x}")),
        join("", &|octet| format!("\\x{octet:02x}")),
    ]
}

/// Returns the base64 texts of every six successive octets. Base64 encodes groups of three octets. At any position,
/// eight successive octets include two whole groups. If an output shows eight of the octets in base64, it therefore
/// contains one of these texts.
fn base64(octets: &[u8]) -> Vec<String> {
    let groups = octets.windows(6);
    groups.flat_map(|octets| [STANDARD_NO_PAD.encode(octets), URL_SAFE_NO_PAD.encode(octets)]).collect()
}

#[test]
fn search_finds_the_hidden_octets_in_every_encoding() {
    let octets: Vec<u8> = (0..40_u8).map(|octet| octet.wrapping_mul(83).wrapping_add(5)).collect();
    let hidden = Hidden::default().and(&octets);
    let finds = |shown: String| std::panic::catch_unwind(|| hidden.assert_not_shown(&shown)).is_err();
    for part in (0..24).map(|start| &octets[start..start + 16]) {
        let [.., hexadecimal, _, _, _, _] = numbers(part);
        for shown in [
            format!("{part:?}"),
            format!("{part:#?}"),
            format!("{part:X?}"),
            format!("{part:#04x?}"),
            hexadecimal.to_ascii_uppercase(),
            format!("Negotiate {}", STANDARD_NO_PAD.encode(part)),
            URL_SAFE_NO_PAD.encode(part),
        ] {
            assert!(finds(shown.clone()), "{shown}");
        }
    }
    assert!(!finds(format!("{:?}", &octets[..7])));
}

/// Returns tokens that the server accepts. Their framings differ, and so do the facts that the client put into them.
fn tokens(realm: &TestRealm) -> Vec<TestToken> {
    let good = || realm.ticket_for("alice").mutual();
    vec![
        good(),
        good().framed(TokenFraming::Krb5(mech::KRB5.into())),
        good().framed(TokenFraming::ApReq),
        good().spnego(|spnego| spnego.mech_token = MechToken::ApReq),
        good().delegating(&[0x76; 300]),
        good().client_target("HTTP/www.contoso.test@CONTOSO.TEST"),
        prefers_ntlm(good()),
        dce_style(good()),
        dce_style(good().framed(TokenFraming::ApReq)),
    ]
}

fn realm() -> TestRealm {
    TestRealm::new("CONTOSO.TEST").of_active_directory()
}

fn validator(realm: &TestRealm) -> Validator<NoReplayCache> {
    Validator::new(realm.key_set(), Policy::default(), NoReplayCache)
}

#[test]
fn debug_of_a_request_shows_no_token() {
    let realm = realm();
    let validator = validator(&realm);
    for token in tokens(&realm) {
        let (hidden, bytes) = (Hidden::of(&token), token.mint());
        hidden.assert_not_in(&validator.read(&bytes).unwrap());
        hidden.assert_not_in(&validator.read_step(&bytes, None).unwrap());
        hidden.assert_not_in(&validator.read(&bytes).unwrap().key_query());
    }
}

#[test]
fn debug_of_an_opened_request_shows_no_token() {
    let realm = realm();
    let validator = validator(&realm);
    for token in tokens(&realm) {
        let (hidden, bytes) = (Hidden::of(&token), token.mint());
        let opened = validator.open(validator.read(&bytes).unwrap(), NOW).unwrap();
        hidden.assert_not_in(&opened);
        hidden.assert_not_in(&opened.ticket());
        hidden.assert_not_in(opened.opened_by());
    }
}

/// The server keeps the AP-REQ of a client that must confirm the answer. `Debug` must not show this AP-REQ.
#[test]
fn debug_of_verified_and_accepted_requests_shows_no_token() {
    let realm = realm();
    let validator = validator(&realm);
    for token in tokens(&realm) {
        let (hidden, bytes) = (Hidden::of(&token), token.mint());
        let ReadStep::Request(request) = validator.read_step(&bytes, None).unwrap() else { panic!("no request") };
        let verified = validator.verify(validator.open(request, NOW).unwrap(), NOW).unwrap();
        hidden.assert_not_in(&verified);
        hidden.assert_not_in(&verified.ticket());
        hidden.assert_not_in(&verified.authenticator());
        let authorized = validator.authorize(verified).unwrap();
        hidden.assert_not_in(&authorized);
        hidden.assert_not_in(&authorized.replay_entry());
        hidden.assert_not_in(&authorized.replay_entry().tag);
        hidden.assert_not_in(&authorized.pac());
        let accepted = validator.admit(authorized, NOW).unwrap();
        assert_facts_hidden(&hidden, &accepted);
    }
}

fn assert_facts_hidden(hidden: &Hidden, accepted: &Accepted) {
    hidden.assert_not_in(accepted);
    hidden.assert_not_in(&accepted.ticket());
    hidden.assert_not_in(&accepted.ticket().addresses());
    hidden.assert_not_in(&accepted.ticket().authorization_data());
    hidden.assert_not_in(&accepted.authenticator());
    hidden.assert_not_in(&accepted.service());
    hidden.assert_not_in(accepted.opened_by());
    hidden.assert_not_in(&accepted.identity());
    hidden.assert_not_in(&accepted.identity().to_owned());
    hidden.assert_not_in(&accepted.identity().to_session());
    hidden.assert_not_in(&accepted.delegated_credentials());
    let pac = accepted.pac();
    hidden.assert_not_in(&pac);
    hidden.assert_not_in(&pac.map(|pac| (pac.logon_info(), pac.upn_dns_info(), pac.client_info())));
}

/// The test searches for the octets of the whole PAC. `EncodedClaims` keeps a reference to the PAC until the caller
/// decodes the claims.
#[test]
fn debug_of_encoded_claims_shows_no_octets_of_the_pac() {
    use kerberos_sso::pac::BufferType;
    let realm = realm();
    let token = realm.ticket_for("alice").pac(|pac| pac.add(BufferType::CLIENT_CLAIMS_INFO, vec![7; 32]));
    let accepted = validator(&realm).validate_ticket(&token.mint(), NOW).unwrap();
    let claims = accepted.pac().unwrap().client_claims().unwrap();
    Hidden::default().and(&token.ticket.pac_bytes().unwrap()).assert_not_in(&claims);
}

/// `KdcKeys` holds the decrypted ticket, which includes the session key.
#[test]
fn debug_of_kdc_keys_shows_no_octets_of_the_ticket() {
    let ticket: Vec<u8> = (1..=99).collect();
    Hidden::default().and(&ticket).assert_not_in(&kerberos_sso::pac::KdcKeys::new(&[], &ticket));
}

#[test]
fn debug_of_the_steps_of_a_negotiation_shows_no_token() {
    let host = Host::new();
    let continues: [TestToken; 4] = [
        prefers_ntlm(host.good()),
        dce_style(host.good()),
        dce_style(host.good().framed(TokenFraming::ApReq)),
        host.good().spnego(|spnego| spnego.mech_token = MechToken::Absent),
    ];
    for token in continues {
        let (hidden, bytes) = (Hidden::of(&token), token.mint());
        let step = host.step(&bytes, None).unwrap();
        let Step::Continue(next) = &step else { panic!("the negotiation ends") };
        let hidden = hidden.and(next.token()).and(&next.negotiation().to_bytes());
        hidden.assert_not_in(&step);
        hidden.assert_not_in(next.negotiation());
        hidden.assert_not_in(&RoundTrips::Many(Some(next.negotiation())));
        let header = next.www_authenticate();
        hidden.assert_not_in(&SignInStep::from_step(Ok(step)));
        assert!(
            std::panic::catch_unwind(|| hidden.assert_not_shown(&header)).is_err(),
            "the search finds the token in the header"
        );
    }
}

#[test]
fn debug_of_an_answer_shows_no_token() {
    let host = Host::new();
    for token in [host.good(), host.good().framed(TokenFraming::Krb5(mech::KRB5.into()))] {
        let (hidden, bytes) = (Hidden::of(&token), token.mint());
        let (accepted, answer) = host.ends(&bytes, None);
        let hidden = hidden.and(answer.token().unwrap());
        hidden.assert_not_in(&answer);
        hidden.assert_not_in(&accepted);
        let header = answer.www_authenticate().unwrap();
        let step = SignInStep::from_step(Ok(Step::Accepted(accepted, answer)));
        hidden.assert_not_in(&step);
        let SignInStep::SignedIn(signed_in) = step else { panic!("not signed in") };
        assert_eq!(signed_in.www_authenticate(), Some(&*header));
        hidden.assert_not_in(&signed_in);
    }
}

/// The server reads the client's last token together with the AP-REQ of an earlier token.
#[test]
fn debug_of_the_last_step_of_a_negotiation_shows_no_token() {
    let host = Host::new();
    let token = dce_style(host.good());
    let kept = host.continues(&token.mint(), None);
    let client = TestClient::of(&token);
    let ap_rep = client.ap_rep(&kept.token).unwrap().unwrap();
    let confirmation: ApRepParts = client.confirmation(&ap_rep);
    let response_token = Some(confirmation.mint(&client.session_key, &[5; 16]));
    let last = NegTokenRespParts { response_token, ..NegTokenRespParts::default() }.mint();
    let hidden = Hidden::of(&token).and(&last).and(&kept.token).and(&kept.state);
    let negotiation = kerberos_sso::negotiate::Negotiation::from_bytes(&kept.state).unwrap();
    hidden.assert_not_in(&host.nodes[1].read_step(&last, Some(&negotiation)).unwrap());
    let step = host.step(&last, Some(&kept.state)).unwrap();
    let Step::Accepted(accepted, answer) = &step else { panic!("the negotiation continues") };
    let hidden = hidden.and(answer.token().unwrap());
    hidden.assert_not_in(accepted);
    hidden.assert_not_in(answer);
    hidden.assert_not_in(&step);
}

/// An offer holds the token of the mechanism that the client prefers. If this token is of NTLM, it names the client, so
/// `Debug` must not show it.
#[test]
fn debug_of_an_offer_shows_no_token() {
    let host = Host::new();
    let ntlm: Vec<u8> = b"NTLMSSP\0\x03\0\0\0".iter().copied().chain(40..200).collect();
    let offer = host.good().spnego(|spnego| {
        spnego.mech_types.insert(0, mech::NTLM.into());
        spnego.mech_token = MechToken::Raw(ntlm.clone());
        spnego.mech_list_mic = Some((60..90).collect());
    });
    let bytes = offer.mint();
    let hidden = Hidden::default().and(&bytes).and(&ntlm);
    let step = host.nodes[0].read_step(&bytes, None).unwrap();
    hidden.assert_not_in(&step);
    let ReadStep::Offer(offer) = step else { panic!("a request") };
    hidden.assert_not_in(&offer);
    hidden.assert_not_in(&offer.accept());
    hidden.assert_not_in(&offer.refuse());
    for other in [&ntlm[..], b"NEGOEXTS and what follows it"] {
        hidden.assert_not_in(&host.nodes[0].read(other).unwrap_err());
    }
}

#[test]
fn debug_of_token_info_shows_no_token() {
    let realm = realm();
    let mut long = mech::KRB5.to_vec();
    long.extend(1..100);
    let foreign = realm.ticket_for("alice").spnego(|spnego| spnego.mech_types.push(long));
    for token in tokens(&realm).into_iter().chain([foreign]) {
        let (hidden, bytes) = (Hidden::of(&token), token.mint());
        let info = TokenInfo::of(&bytes);
        hidden.assert_not_in(&info);
        hidden.assert_not_in(&info.mechanisms().collect::<Vec<_>>());
        hidden.assert_not_in(&info.key_query());
        let negotiates = krb5_token(&token);
        hidden.assert_not_in(&TokenInfo::of(&negotiates));
    }
}

/// The `Debug` output of a refusal must not show the KRB-ERROR for a client that has proved its identity.
#[test]
fn refusal_shows_no_token() {
    for krb_errors in [KrbErrorPolicy::Never, KrbErrorPolicy::AfterProof] {
        let host = Host::with_policy(policy().with_krb_errors(krb_errors));
        for (code, change) in IN_ORDER {
            let mut token = host.good();
            change(&mut token);
            let bytes = token.mint();
            let refused: Refused = host.nodes[0].validate_ticket(&bytes, NOW).unwrap_err();
            let hidden = Hidden::of(&token).and(refused.token().unwrap_or_default());
            hidden.assert_not_in(&refused);
            hidden.assert_not_in(refused.error());
            for shown in [refused.to_string(), refused.error().to_string()] {
                hidden.assert_not_shown(&shown);
            }
            hidden.assert_not_in(&SignInStep::FallBack(refused));
            let in_header = host.nodes[0].validate_header(token.header(), Arrival::at(NOW));
            assert_eq!(in_header.unwrap_err().code(), code);
        }
    }
}

#[test]
fn debug_of_sealing_key_and_state_shows_no_octets_of_the_sealed_state() {
    let host = Host::new();
    let kept = host.continues(&prefers_ntlm(host.good()).mint(), None);
    let negotiation = kerberos_sso::negotiate::Negotiation::from_bytes(&kept.state).unwrap();
    let key = SealingKey::new([7; 32]);
    let sealed = key.seal(&negotiation, &random(3), NOW).unwrap();
    let hidden = Hidden::default().and(&URL_SAFE_NO_PAD.decode(&sealed).unwrap()).and(&[7; 32]);
    hidden.assert_not_in(&key);
    hidden.assert_not_in(&key.open(&sealed, NOW));
}

/// The future of the layer holds headers for the client: the answer, and the cookie with the sealed state.
#[test]
fn debug_of_the_layers_future_shows_no_answer() {
    use axum::http::header::{AUTHORIZATION, SET_COOKIE, WWW_AUTHENTICATE};
    use axum::http::{Request, Response};
    use base64::engine::general_purpose::STANDARD;
    use core::convert::Infallible;
    use core::future::{Future as _, Ready, ready};
    use core::pin::pin;
    use core::task::{Context, Poll, Waker};
    use tower::{Layer as _, Service as _};

    let host = Host::new();
    let layer = kerberos_sso::tower::NegotiateLayer::new(host.nodes[0].clone(), || NOW, || random(1));
    let layer = layer.with_continuation_cookie(SealingKey::new([7; 32]), "negotiation");
    for token in [host.good(), prefers_ntlm(host.good())] {
        let inner = |_: Request<()>| -> Ready<_> { ready(Ok::<_, Infallible>(Response::new(()))) };
        let mut service = layer.layer(tower::service_fn(inner));
        let request = Request::get("/").header(AUTHORIZATION, token.header()).body(()).unwrap();
        let future = service.call(request);
        let (shown, spread) = (format!("{future:?}"), format!("{future:#?}"));
        let Poll::Ready(Ok(response)) = pin!(future).poll(&mut Context::from_waker(Waker::noop())) else { panic!() };
        let value = |name| response.headers().get(name).map(|value| value.to_str().unwrap().to_owned());
        let answer = value(WWW_AUTHENTICATE).unwrap();
        let cookie = value(SET_COOKIE).and_then(|cookie| Some(cookie.split_once('=')?.1.split_once(';')?.0.to_owned()));
        let answer = STANDARD.decode(answer.strip_prefix("Negotiate ").unwrap()).unwrap();
        let hidden = Hidden::of(&token).and(&answer).and(&URL_SAFE_NO_PAD.decode(cookie.unwrap_or_default()).unwrap());
        hidden.assert_not_shown(&shown);
        hidden.assert_not_shown(&spread);
        hidden.assert_not_in(&response);
    }
}
