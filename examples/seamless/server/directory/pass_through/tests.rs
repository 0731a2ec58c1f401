//! Tests of the validation of a rogue agent's answers.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::arithmetic_side_effects)]

use super::*;
use crate::agents::tests::server;
use crate::clock;
use kerberos_sso::UnixTime;
use kerberos_sso::testing::{TestRealm, TestToken};
use seamless_pta::AgentId;
use seamless_pta::message;
use seamless_pta::terms::Terms;
use seamless_pta::{Fixed, SealingKey, Time, User};

fn terms(nonce: u8) -> Terms {
    Terms {
        tenant: seamless_pta::user::Tenant::new("contoso.test").unwrap(),
        agent: AgentId::from_random([1; 16]),
        key: SealingKey::from_random(&[2; 32]).public().id(),
        job: Fixed::new([3; 16]),
        user: User::parse("alice").unwrap(),
        issued: Time::from_millis(1_795_000_000_123),
        expires: Time::from_millis(1_795_000_005_123),
        nonce: Fixed::new([nonce; 32]),
    }
}

struct Judge {
    tenant: Tenant,
    realm: TestRealm,
}

impl Judge {
    async fn new() -> Self {
        let server = server().await;
        Self { tenant: server.app.tenants.get("contoso.test").unwrap(), realm: server.realm }
    }

    fn token(&self, user: &str, now: UnixTime) -> TestToken {
        self.realm.ticket_for(user).service("HTTP/autologon.microsoftazuread-sso.com").at(now)
    }

    /// Returns the code with which a token for alice's job is refused, or `None` if the token is accepted.
    fn code(&self, token: Vec<u8>) -> Option<&'static str> {
        self.code_of("alice", None, token)
    }

    /// Returns the code as [`Self::code`] does, but for the name `typed`. The agents look names up by `alternate_id`.
    fn code_of(&self, typed: &str, alternate_id: Option<&str>, token: Vec<u8>) -> Option<&'static str> {
        let terms = terms(4);
        let (agent, bindings) = (terms.agent, terms.bindings());
        let Some(token) = message::Ticket::new(token) else { return Some("empty") };
        match judge(&self.tenant, &UserName::parse(typed).unwrap(), &Ticket { agent, token, bindings }, alternate_id) {
            Ok(_) => None,
            Err(Refusal::NotOfJob { refused, .. }) => Some(refused.code()),
            Err(other) => Some(other.code()),
        }
    }
}

#[tokio::test]
async fn every_made_up_answer_of_an_agent_is_refused_with_its_own_code() {
    let (judge, now) = (Judge::new().await, clock::now());
    let bound = terms(4).application_data();
    let other_realm = TestRealm::new("FABRIKAM.TEST").with_account("AZUREADSSOACC$").of_active_directory();
    let right = judge.token("alice", now).bound_to(&bound);
    assert_eq!(judge.code(right.mint()), None);
    let old = judge.token("alice", now.saturating_add_seconds(-3_600)).bound_to(&bound);
    let key = other_realm.key(kerberos_sso::EncType::AES256_CTS_HMAC_SHA1_96);
    let made_up = [
        b"rubbish".to_vec(),
        judge.token("bob", now).bound_to(&bound).mint(),
        judge.token("alice", now).mint(),
        judge.token("alice", now).bound_to(&terms(5).application_data()).mint(),
        old.mint(),
        right.clone().encrypted_in(key).mint(),
    ];
    assert_eq!(
        made_up.map(|token| judge.code(token)),
        [
            Some("malformed"),
            Some("agent-other-user"),
            Some("channel-binding-missing"),
            Some("channel-binding"),
            Some("clock-skew"),
            Some("integrity"),
        ]
    );
}

/// The ticket says who the user is. In every case, the ticket must be bound to the job.
#[tokio::test]
async fn principal_name_of_another_user_is_an_alternate_name_only_if_the_tenant_names_the_attribute() {
    let (judge, now) = (Judge::new().await, clock::now());
    let token = |user: &str, nonce: u8| judge.token(user, now).bound_to(&terms(nonce).application_data()).mint();
    for (typed, alternate_id, nonce, code) in [
        ("a.anderson@example.com", None, 4, Some("agent-other-user")),
        ("a.anderson@example.com", Some("mail"), 4, None),
        ("a.anderson@example.com", Some("mail"), 5, Some("channel-binding")),
        ("bob", Some("mail"), 4, Some("agent-other-user")),
        (r"CONTOSO\bob", Some("mail"), 4, Some("agent-other-user")),
        ("alice", Some("mail"), 4, None),
    ] {
        assert_eq!(judge.code_of(typed, alternate_id, token("alice", nonce)), code, "{typed} {alternate_id:?}");
    }
}

/// The agent of the test has neither the user's key nor the key of the server's account. The test makes 10,000 answers:
/// it changes octets of tickets that this agent may have seen or made.
#[tokio::test]
async fn none_of_ten_thousand_made_up_answers_is_accepted() {
    let (judge, now) = (Judge::new().await, clock::now());
    let bound = terms(4).application_data();
    let other_realm = TestRealm::new("FABRIKAM.TEST").with_account("AZUREADSSOACC$").of_active_directory();
    let key = other_realm.key(kerberos_sso::EncType::AES256_CTS_HMAC_SHA1_96);
    let bases = [
        judge.token("bob", now).bound_to(&bound).mint(),
        judge.token("alice", now).mint(),
        judge.token("alice", now).bound_to(&terms(5).application_data()).mint(),
        judge.token("alice", now).bound_to(&bound).encrypted_in(key).mint(),
        judge.token("alice", now.saturating_add_seconds(-3_600)).bound_to(&bound).mint(),
    ];
    let mut random = 1_u64;
    for count in 0..10_000 {
        let mut token = bases[count % bases.len()].clone();
        // A linear congruential generator with these constants makes the same answers in each run.
        random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let at = usize::try_from(random >> 33).unwrap() % token.len();
        match random % 4 {
            0 => token.truncate(at),
            1 => token[at] ^= u8::try_from(random >> 24 & 0xFF).unwrap() | 1,
            2 => token.insert(at, u8::try_from(random >> 24 & 0xFF).unwrap()),
            _ => {}
        }
        assert!(judge.code(token).is_some(), "{count} {at}");
    }
}
