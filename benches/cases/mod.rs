//! Requests of each kind, with the expected verdicts.

mod etypes;

use etypes::ETYPES;
use kerberos_sso::crypto::EncType;
use kerberos_sso::replay::NoReplayCache;
use kerberos_sso::testing::{TestRealm, TestToken};
use kerberos_sso::{
    Accepted, ComputerAccount, KeySet, Password, Policy, Refused, UnixTime, Validator, policy::ForeignSidPolicy,
};

const NOW: UnixTime = UnixTime::from_seconds(1_795_248_000);

/// A request, the validator that decides it, and the expected verdict: a stable code, or `accepted`.
pub(crate) struct Case {
    pub(crate) name: String,
    pub(crate) validator: Validator<NoReplayCache>,
    pub(crate) request: Request,
    verdict: &'static str,
}

pub(crate) enum Request {
    Token(Vec<u8>),
    Header(String),
}

impl Case {
    pub(crate) fn decide(&self) -> Result<Accepted, Refused> {
        match &self.request {
            Request::Token(token) => self.validator.validate_ticket(token, NOW),
            Request::Header(header) => self.validator.validate_header(header, NOW),
        }
    }

    /// Asserts that the request got the expected verdict.
    pub(crate) fn check(&self, decided: &Result<Accepted, Refused>) {
        assert_eq!(decided.as_ref().map_or_else(Refused::code, |_| "accepted"), self.verdict, "{}", self.name);
    }
}

pub(crate) fn cases() -> Vec<Case> {
    let mut cases = accepted();
    cases.extend(refused());
    cases
}

fn accepted() -> Vec<Case> {
    let realm = TestRealm::new("CONTOSO.TEST").with_account("AZUREADSSOACC$");
    let case = |name: String, request| Case {
        name,
        validator: Validator::new(realm.key_set(), Policy::default().allow_rc4(), NoReplayCache),
        request,
        verdict: "accepted",
    };
    let mut cases = Vec::new();
    for (name, etype) in ETYPES {
        let token = || realm.ticket_for("alice").etype(etype).session_etype(etype).at(NOW);
        cases.push(case(format!("{name}/bare"), Request::Token(token().mint())));
        cases.push(case(format!("{name}/pac"), Request::Token(with_pac(token()).mint())));
    }
    let token = || realm.ticket_for("alice").at(NOW);
    for groups in [100, 1000] {
        cases.push(case(format!("aes256-sha1/groups-{groups}"), Request::Token(in_groups(groups, token()).mint())));
    }
    cases.push(case("header/bare".into(), Request::Header(token().header())));
    cases.push(case("header/pac".into(), Request::Header(with_pac(token()).header())));
    cases
}

/// Adds the PAC of a typical user, with five groups.
fn with_pac(token: TestToken) -> TestToken {
    in_groups(5, token)
}

fn in_groups(count: usize, token: TestToken) -> TestToken {
    token.pac(|pac| {
        pac.logon_info.full_name = "Alice Anderson".into();
        pac.logon_info.profile_path = r"\\files.contoso.test\profiles\alice".into();
        pac.logon_info.home_directory = r"\\files.contoso.test\home\alice".into();
        pac.groups((1100..).take(count));
    })
}

fn refused() -> Vec<Case> {
    let realm = TestRealm::new("CONTOSO.TEST").with_account("AZUREADSSOACC$");
    let token = with_pac(realm.ticket_for("alice").at(NOW)).mint();
    let rc4 = realm.ticket_for("alice").etype(EncType::RC4_HMAC).at(NOW).mint();
    let unknown = TestRealm::new("FABRIKAM.TEST").with_account("AZUREADSSOACC$").ticket_for("alice").at(NOW).mint();
    let computer = ComputerAccount::new("AZUREADSSOACC$", "CONTOSO.TEST");
    let other_key = KeySet::from(computer.with_password(&Password::from_text("another"), Some(1)));
    let rubbish = token.iter().rev().copied().collect();
    let policy = || Policy::default().with_foreign_sids(ForeignSidPolicy::Separate);
    let case = |name: &str, keys, token, verdict| Case {
        name: format!("refuse/{name}"),
        validator: Validator::new(keys, policy(), NoReplayCache),
        request: Request::Token(token),
        verdict,
    };
    vec![
        case("rubbish", realm.key_set(), rubbish, "malformed"),
        case("ntlm", realm.key_set(), b"NTLMSSP\0\x01\0\0\0\x97\x82\x08\xE2".to_vec(), "ntlm"),
        case("too-large", realm.key_set(), vec![0x60; 100_000], "too-large"),
        case("rc4", realm.key_set(), rc4, "rc4-refused"),
        case("unknown-realm", realm.key_set(), unknown, "no-key"),
        case("wrong-key", other_key, token, "integrity"),
    ]
}
