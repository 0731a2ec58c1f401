//! Tests that all ways to call the validator give the same refusal: the same error, and the same token for the client.

use crate::common;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use common::NOW;
use common::dialogue::{Host, dce_style, final_token, krb5_token, prefers_ntlm, random};
use common::refusals::{Change, IN_ORDER, KRB_ERROR_CODES, REJECT, framings, policy};
use kerberos_sso::http::SignInStep;
use kerberos_sso::negotiate::{Negotiation, ReadStep, RoundTrips};
use kerberos_sso::policy::{KrbErrorPolicy, PacPolicy};
use kerberos_sso::replay::{Admission, ReplayCache, ReplayEntry, ReplayLimit};
use kerberos_sso::stages::{AuthorizedRequest, Request};
use kerberos_sso::testing::{
    Krb5Message, KrbErrorParts, MechToken, NegTokenRespParts, TestRealm, TestToken, TokenFraming, mech,
};
use kerberos_sso::{Accepted, Error, KeySet, Policy, Refused, UnixTime, Validator};
use std::ops::Range;

const KRB_ERRORS: [KrbErrorPolicy; 2] = [KrbErrorPolicy::Never, KrbErrorPolicy::AfterProof];

type Remake = fn(TestToken) -> TestToken;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    Read,
    Open,
    Verify,
    Authorize,
    Admit,
}

/// A replay cache that gives the same answer for every authenticator.
#[derive(Clone, Copy)]
struct Always(Admission);

impl ReplayCache for Always {
    fn check_and_insert(&self, _: &ReplayEntry<'_>, _: UnixTime) -> Admission {
        self.0
    }
}

/// A server that refuses its clients, by `policy` or because its replay cache answers `admission`.
struct Server {
    realm: TestRealm,
    policy: Policy,
    admission: Admission,
}

/// An expected refusal.
struct Expected {
    stage: Stage,
    code: &'static str,
    /// The error code for the client of a server that sends KRB-ERRORs.
    krb_error: Option<i32>,
}

impl Server {
    fn new(policy: Policy, krb_errors: KrbErrorPolicy) -> Self {
        let realm = TestRealm::new("CONTOSO.TEST").with_account("AZUREADSSOACC$");
        Self { realm, policy: policy.with_krb_errors(krb_errors), admission: Admission::New }
    }

    fn validator(&self) -> Validator<Always> {
        Validator::new(self.realm.key_set(), self.policy.clone(), Always(self.admission))
    }

    /// Asserts that every way to call the validator refuses this token, and that all refusals are equal.
    #[track_caller]
    fn assert_refuses(&self, token: &TestToken, krb_errors: KrbErrorPolicy, expected: &Expected) {
        let (validator, bytes) = (self.validator(), token.mint());
        let refused = validator.validate_ticket(&bytes, NOW).unwrap_err();
        let code = expected.code;
        assert_eq!(refused.code(), code);
        let krb_error = expected.krb_error.filter(|_| krb_errors == KrbErrorPolicy::AfterProof);
        assert_token(&refused, &token.framing, krb_error);
        assert_eq!(validator.converse(&bytes, None, &random(1), NOW).unwrap_err(), refused, "{code}");
        for (way, (stage, staged)) in self.by_stages(&bytes).into_iter().enumerate() {
            assert_eq!((stage, &staged), (expected.stage, &refused), "{code}, {way}");
        }
        // The validator refuses a header that is too large before it decodes the token.
        if code != "too-large" {
            for (way, in_header) in by_header(&validator, &token.header()).into_iter().enumerate() {
                assert_eq!(in_header, refused, "{code}, {way}");
            }
        }
    }

    /// Returns the refusals of the stages. The keys and the replay cache are those of the validator in some calls, and
    /// those of the caller in the other calls.
    fn by_stages(&self, token: &[u8]) -> [(Stage, Refused); 4] {
        let (whole, keys) = (self.validator(), self.realm.key_set());
        let staged = Validator::staged(KeySet::new(), self.policy.clone());
        let of_caller = Validator::staged(self.realm.key_set(), self.policy.clone());
        let admitted = |authorized: AuthorizedRequest| authorized.admit(self.admission);
        [
            stages(&whole, whole.read(token), None, |authorized| whole.admit(authorized, NOW)),
            stages(&of_caller, of_caller.read(token), None, admitted),
            stages(&staged, staged.read(token), Some(&keys), admitted),
            stages(&staged, first_request(&staged, token), Some(&keys), admitted),
        ]
        .map(Result::unwrap_err)
    }
}

/// Runs the stages after the first stage. Returns the accepted request, or the stage that refuses the request with its
/// refusal.
fn stages<R>(
    validator: &Validator<R>,
    request: Result<Request<'_>, Refused>,
    keys: Option<&KeySet>,
    admit: impl FnOnce(AuthorizedRequest) -> Result<Accepted, Refused>,
) -> Result<Accepted, (Stage, Refused)> {
    let at = |stage| move |refused| (stage, refused);
    let request = request.map_err(at(Stage::Read))?;
    let opened = match keys {
        Some(keys) => validator.open_with(request, keys, NOW),
        None => validator.open(request, NOW),
    };
    let verified = validator.verify(opened.map_err(at(Stage::Open))?, NOW).map_err(at(Stage::Verify))?;
    let authorized = validator.authorize(verified).map_err(at(Stage::Authorize))?;
    admit(authorized).map_err(at(Stage::Admit))
}

fn first_request<'t, R>(validator: &Validator<R>, token: &'t [u8]) -> Result<Request<'t>, Refused> {
    match validator.read_step(token, None)? {
        ReadStep::Request(request) => Ok(request),
        offer @ ReadStep::Offer(_) => panic!("{offer:?}"),
    }
}

fn by_header(validator: &Validator<Always>, header: &str) -> [Refused; 3] {
    let sign_in = |round_trips| match validator.sign_in([header], round_trips, &random(1), NOW) {
        SignInStep::FallBack(refused) => refused,
        other => panic!("{other:?}"),
    };
    let in_header = validator.validate_header(header, NOW).unwrap_err();
    [in_header, sign_in(RoundTrips::One), sign_in(RoundTrips::Many(None))]
}

/// Asserts that the client gets a KRB-ERROR with this code in the client's framing. If `krb_error` is `None`, the
/// client gets a reject in SPNEGO, and no token in another framing.
#[track_caller]
fn assert_token(refused: &Refused, framing: &TokenFraming, krb_error: Option<i32>) {
    let in_spnego = matches!(framing, TokenFraming::Spnego(_));
    let Some(code) = krb_error else {
        return assert_eq!(refused.token(), in_spnego.then_some(&REJECT[..]), "{refused}");
    };
    let token = refused.token().expect("a KRB-ERROR");
    let token = if in_spnego {
        let reply = NegTokenRespParts::decode(token).unwrap();
        assert_eq!(reply.neg_state, Some(NegTokenRespParts::REJECT));
        reply.response_token.unwrap()
    } else {
        token.to_vec()
    };
    let message = KrbErrorParts::decode(&Krb5Message::decode(&token).message).unwrap();
    assert_eq!(message.error_code, code, "{refused}");
}

#[track_caller]
fn assert_refused_by(stage: Stage, changes: &Range<usize>) {
    for krb_errors in KRB_ERRORS {
        let server = Server::new(policy(), krb_errors);
        for framing in framings() {
            let in_spnego = matches!(framing, TokenFraming::Spnego(_));
            // Only a token in SPNEGO can be made too large, because the change adds a field of SPNEGO.
            for (code, change, krb_error) in changes.clone().filter(|index| *index > 0 || in_spnego).map(in_order) {
                let mut token = server.realm.ticket_for("alice").framed(framing.clone());
                change(&mut token);
                server.assert_refuses(&token, krb_errors, &Expected { stage, code, krb_error });
            }
        }
    }
}

fn in_order(index: usize) -> (&'static str, Change, Option<i32>) {
    let (code, change) = IN_ORDER[index];
    (code, change, KRB_ERROR_CODES[index])
}

#[test]
fn read_and_validate_ticket_refuse_alike_when_the_ap_req_is_wrong() {
    assert_refused_by(Stage::Read, &(0..5));
}

#[test]
fn open_and_validate_ticket_refuse_alike_when_no_key_opens_the_ticket() {
    assert_refused_by(Stage::Open, &(5..9));
}

#[test]
fn verify_and_validate_ticket_refuse_alike_when_the_ticket_or_the_authenticator_is_wrong() {
    assert_refused_by(Stage::Verify, &(9..IN_ORDER.len()));
}

#[test]
fn read_and_validate_ticket_refuse_alike_when_the_token_is_no_request() {
    for krb_errors in KRB_ERRORS {
        let server = Server::new(Policy::default(), krb_errors);
        let validator = server.validator();
        let only_ntlm = server.realm.ticket_for("alice").spnego(|spnego| {
            spnego.mech_types = vec![mech::NTLM.into()];
            spnego.mech_token = MechToken::Raw(b"NTLMSSP\0\x01\0\0\0".into());
        });
        for (code, token, reply) in [
            ("ntlm", only_ntlm.mint(), Some(&REJECT[..])),
            ("malformed", NegTokenRespParts::default().mint(), Some(&REJECT)),
            ("malformed", vec![0xA1, 0], Some(&REJECT)),
            ("ntlm", b"NTLMSSP\0\x01\0\0\0".to_vec(), None),
            ("negoex", b"NEGOEXTS".to_vec(), None),
            ("malformed", b"GET / HTTP/1.1".to_vec(), None),
            ("malformed", Vec::new(), None),
        ] {
            let refused = validator.validate_ticket(&token, NOW).unwrap_err();
            assert_eq!((refused.code(), refused.token()), (code, reply), "{token:02x?}");
            assert_eq!(validator.converse(&token, None, &random(1), NOW).unwrap_err(), refused);
            for (stage, staged) in server.by_stages(&token) {
                assert_eq!((stage, &staged), (Stage::Read, &refused));
            }
        }
    }
}

#[test]
fn authorize_and_validate_ticket_refuse_alike_when_the_pac_is_missing_or_wrong() {
    let changes: [(&str, Remake); 4] = [
        ("pac-missing", TestToken::without_pac),
        ("pac-malformed", |token| token.pac(|pac| pac.raw = Some(vec![0; 7]))),
        ("pac-signature", |token| token.pac(|pac| pac.server_signature.key = pac.kdc_signature.key.clone())),
        ("pac-mismatch", |token| token.pac(|pac| pac.client_info.name = Some("bob".into()))),
    ];
    for krb_errors in KRB_ERRORS {
        let mut server = Server::new(Policy::default().with_pac(PacPolicy::Require), krb_errors);
        server.realm = server.realm.of_active_directory();
        for framing in framings() {
            for (code, change) in changes {
                let token = change(server.realm.ticket_for("alice").framed(framing.clone()));
                server.assert_refuses(
                    &token,
                    krb_errors,
                    &Expected { stage: Stage::Authorize, code, krb_error: Some(60) },
                );
            }
        }
    }
}

#[test]
fn admit_and_validate_ticket_refuse_alike_when_the_replay_cache_does_not_admit() {
    for krb_errors in KRB_ERRORS {
        let mut server = Server::new(Policy::default(), krb_errors);
        for (admission, code, krb_error) in [
            (Admission::Seen, "replay", 34),
            (Admission::TooOld, "replay", 34),
            (Admission::Full(ReplayLimit::Cache), "replay-cache-full", 60),
            (Admission::Failed, "replay-cache-failed", 60),
        ] {
            server.admission = admission;
            for framing in framings() {
                let token = server.realm.ticket_for("alice").framed(framing);
                let expected = Expected { stage: Stage::Admit, code, krb_error: Some(krb_error) };
                server.assert_refuses(&token, krb_errors, &expected);
            }
        }
    }
}

/// The stages after [`Validator::read_step`] refuse a later token as [`Validator::converse`] does.
#[test]
fn stages_and_converse_refuse_a_later_token_alike() {
    for krb_errors in KRB_ERRORS {
        let host = Host::with_policy(Policy::default().with_krb_errors(krb_errors));
        let by_stages = |token: &[u8], state: &[u8]| {
            let (node, negotiation) = (&host.nodes[1], Negotiation::from_bytes(state).unwrap());
            let request = node.read_step(token, Some(&negotiation)).map(|step| match step {
                ReadStep::Request(request) => request,
                offer @ ReadStep::Offer(_) => panic!("{offer:?}"),
            });
            stages(node, request, None, |authorized| node.admit(authorized, NOW)).unwrap_err()
        };
        let mut offer = host.good().spnego(|spnego| spnego.mech_token = MechToken::Absent);
        let asked = host.continues(&offer.mint(), None);
        offer.authenticator.ctime = "20261121080501Z".into();
        let second = NegTokenRespParts { response_token: Some(krb5_token(&offer)), ..NegTokenRespParts::default() };
        let awaits_mic = host.continues(&prefers_ntlm(host.good()).mint(), None);
        let awaits_ap_rep = host.continues(&dce_style(host.good().framed(TokenFraming::ApReq)).mint(), None);
        let [spnego, .., bare] = framings();
        for (token, kept, stage, framing, krb_error) in [
            (second.mint(), &asked, Stage::Verify, &spnego, Some(37)),
            (final_token(vec![4; 28]).mint(), &awaits_mic, Stage::Verify, &spnego, Some(60)),
            (vec![0xA1, 0], &awaits_mic, Stage::Read, &spnego, None),
            (awaits_ap_rep.token.clone(), &awaits_ap_rep, Stage::Verify, &bare, Some(60)),
            (vec![0x6F, 0], &awaits_ap_rep, Stage::Read, &bare, None),
        ] {
            let refused = host.refused(&token, Some(&kept.state));
            assert_token(&refused, framing, krb_error.filter(|_| krb_errors == KrbErrorPolicy::AfterProof));
            assert_eq!(by_stages(&token, &kept.state), (stage, refused));
        }
    }
}

#[test]
fn header_without_a_usable_token_is_refused_and_gets_no_token() {
    let validator = Server::new(Policy::default(), KrbErrorPolicy::AfterProof).validator();
    let too_large = format!("Negotiate {}", "A".repeat(90_000));
    for (header, code) in [
        ("Basic eDp4", "not-negotiate"),
        ("Negotiate", "not-negotiate"),
        ("Negotiate !", "not-negotiate"),
        (&too_large, "too-large"),
    ] {
        for refused in
            [validator.validate_header(header, NOW).unwrap_err(), validator.decode_header(header).unwrap_err()]
        {
            assert_eq!((refused.code(), refused.token(), refused.www_authenticate()), (code, None, None), "{header}");
        }
    }
    let refused = validator.negotiate_token(["NTLM TlRMTVNTUAABAAAA"]).unwrap_err();
    assert_eq!((refused.code(), refused.token()), ("ntlm", None));
}

#[test]
fn refused_has_the_code_and_blame_and_remedy_and_text_of_its_error() {
    let server = common::refusals::server();
    for (code, change) in IN_ORDER {
        let mut token = server.good();
        change(&mut token);
        let refused = server.validate(&token.mint()).unwrap_err();
        let error = refused.error().clone();
        assert_eq!((refused.code(), refused.blame(), refused.remedy()), (code, error.blame(), error.remedy()));
        assert_eq!(refused.to_string(), error.to_string());
        assert_eq!(refused.clone().into_error(), error);
        assert_eq!(Error::from(refused), error);
    }
}

#[test]
fn header_of_a_refusal_is_negotiate_and_the_token_in_base64() {
    let server = Server::new(Policy::default(), KrbErrorPolicy::AfterProof);
    for framing in framings() {
        let mut token = server.realm.ticket_for("alice").framed(framing);
        token.authenticator.ctime = "20261121080501Z".into();
        let refused = server.validator().validate_ticket(&token.mint(), NOW).unwrap_err();
        let expected = format!("Negotiate {}", STANDARD.encode(refused.token().unwrap()));
        assert_eq!(refused.www_authenticate(), Some(expected));
    }
}
