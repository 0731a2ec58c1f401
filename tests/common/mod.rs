//! A server and a realm for the tests: a request that is accepted, and what comes of changing one thing in it.
#![allow(dead_code, unreachable_pub, reason = "each test program uses a part of it")]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    clippy::panic
)]

pub mod dialogue;
pub mod refusals;
pub mod tlv;

use kerberos_sso::crypto::EncType;
use kerberos_sso::replay::NoReplayCache;
use kerberos_sso::testing::{TestRealm, TestToken, TokenFraming};
use kerberos_sso::{
    Accepted, Arrival, Error, KeySet, Policy, UnixTime, Validator,
    error::{Malformed, Problem},
};

pub const NOW: UnixTime = TestRealm::NOW;

/// The default policy, but for all types of keys that the build has.
pub fn all_etypes() -> Policy {
    Policy::default().ticket_etypes(&EncType::SUPPORTED).session_etypes(&EncType::SUPPORTED)
}

/// A server that holds the keys of one realm.
pub struct Server {
    pub realm: TestRealm,
    pub validator: Validator<NoReplayCache>,
    pub connection: Connection<'static>,
    pub now: UnixTime,
}

impl Server {
    /// With the default policy.
    pub fn new() -> Self {
        Self::with_policy(Policy::default())
    }

    pub fn with_policy(policy: Policy) -> Self {
        let realm = TestRealm::new("CONTOSO.TEST").with_account("AZUREADSSOACC$");
        Self::with_keys(realm.clone(), realm.key_set(), policy)
    }

    /// With other keys than the realm's own.
    pub fn with_keys(realm: TestRealm, keys: KeySet, policy: Policy) -> Self {
        let validator = Validator::new(keys, policy, NoReplayCache);
        Self { realm, validator, connection: Connection::default(), now: NOW }
    }

    /// A token that it accepts.
    pub fn good(&self) -> TestToken {
        self.realm.ticket_for("alice").at(self.now)
    }

    pub fn check(&self, token: &[u8]) -> Result<Accepted, Error> {
        self.validator.validate_ticket(token, &self.connection, self.now)
    }

    /// Why the good token is refused once `change` has been made, and nothing else.
    pub fn refusal(&self, change: impl FnOnce(&mut TestToken)) -> Error {
        let mut token = self.good();
        self.check(&token.mint()).expect("before the change it is accepted");
        change(&mut token);
        self.check(&token.mint()).expect_err("after the change it is refused")
    }

    /// The good token with `change` made, which it still accepts.
    pub fn accepts(&self, change: impl FnOnce(&mut TestToken)) -> Accepted {
        let mut token = self.good();
        change(&mut token);
        self.check(&token.mint()).expect("it is accepted")
    }

    /// As [`Self::refusal`] for an AP-REQ alone, whose bytes `change` replaces; so that offsets are those in the AP-REQ.
    pub fn refusal_of_ap_req(&self, change: impl FnOnce(&mut tlv::Tlv)) -> Error {
        let token = self.good().framed(TokenFraming::ApReq);
        self.check(&token.mint()).expect("before the change it is accepted");
        let mut tree = tlv::Tlv::parse(&token.ap_req());
        change(&mut tree);
        self.check(&tree.encode()).expect_err("after the change it is refused")
    }
}

pub fn malformed(what: &'static str, at: usize, problem: Problem) -> Error {
    Error::Malformed(Malformed { what, at, problem })
}

/// Asserts that the error is `malformed`, for the many variations of one rule of which the code is what counts.
#[track_caller]
pub fn assert_malformed(error: &Error, context: &str) {
    assert_eq!(error.code(), "malformed", "{context}: {error}");
}
