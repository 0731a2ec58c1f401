//! A server and a realm for the tests. The tests change one thing in a request that the server accepts.
#![allow(dead_code, unreachable_pub, reason = "each test program uses a part of this module")]
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
    Accepted, Arrival, ChannelBindings, Error, KeySet, Policy, Refused, UnixTime, Validator,
    error::{Malformed, Problem},
};
use std::net::IpAddr;

pub const NOW: UnixTime = TestRealm::NOW;

/// Returns the default policy with all encryption types of the build.
pub fn all_etypes() -> Policy {
    Policy::default().with_ticket_etypes(&EncType::SUPPORTED).with_session_etypes(&EncType::SUPPORTED)
}

/// A server that holds the keys of one realm.
pub struct Server {
    pub realm: TestRealm,
    pub validator: Validator<NoReplayCache>,
    pub now: UnixTime,
    /// The bindings of the connection, in addition to the bindings of the policy.
    pub channel_bindings: Vec<ChannelBindings>,
    pub client_address: Option<IpAddr>,
}

impl Server {
    /// Makes a server with the default policy.
    pub fn new() -> Self {
        Self::with_policy(Policy::default())
    }

    pub fn with_policy(policy: Policy) -> Self {
        let realm = TestRealm::new("CONTOSO.TEST").with_account("AZUREADSSOACC$");
        Self::with_keys(realm.clone(), realm.key_set(), policy)
    }

    /// Makes a server with these keys instead of the realm's own keys.
    pub fn with_keys(realm: TestRealm, keys: KeySet, policy: Policy) -> Self {
        let validator = Validator::new(keys, policy, NoReplayCache);
        Self { realm, validator, now: NOW, channel_bindings: Vec::new(), client_address: None }
    }

    /// Returns a token that the server accepts.
    pub fn good(&self) -> TestToken {
        self.realm.ticket_for("alice").at(self.now)
    }

    /// Returns the time of the server, the bindings of the connection, and the client's address if it is known.
    pub fn arrival(&self) -> Arrival<'_> {
        let arrival = Arrival::at(self.now).with_channel_bindings(&self.channel_bindings);
        self.client_address.into_iter().fold(arrival, Arrival::with_client_address)
    }

    /// Validates a token, and drops the reply of a refusal.
    pub fn check(&self, token: &[u8]) -> Result<Accepted, Error> {
        self.validate(token).map_err(Refused::into_error)
    }

    pub fn validate(&self, token: &[u8]) -> Result<Accepted, Refused> {
        self.validator.validate_ticket(token, self.arrival())
    }

    /// Applies `change` to the good token, and returns the error with which the server refuses the changed token.
    /// Before `change`, the server must accept the token.
    pub fn refusal(&self, change: impl FnOnce(&mut TestToken)) -> Error {
        let mut token = self.good();
        let _accepted = self.check(&token.mint()).expect("the token is accepted before the change");
        change(&mut token);
        self.check(&token.mint()).expect_err("the token is refused after the change")
    }

    /// Applies `change` to the good token, and returns the accepted request.
    pub fn accepts(&self, change: impl FnOnce(&mut TestToken)) -> Accepted {
        let mut token = self.good();
        change(&mut token);
        self.check(&token.mint()).expect("the token is accepted")
    }

    /// Applies `change` to the good token, and asserts that the server accepts the token.
    pub fn assert_accepts(&self, change: impl FnOnce(&mut TestToken)) {
        let _accepted = self.accepts(change);
    }

    /// Applies `change` to a bare AP-REQ, and returns the error with which the server refuses the changed AP-REQ. The
    /// offset in the error counts from the start of the AP-REQ.
    pub fn refusal_of_ap_req(&self, change: impl FnOnce(&mut tlv::Tlv)) -> Error {
        let token = self.good().framed(TokenFraming::ApReq);
        let _accepted = self.check(&token.mint()).expect("the token is accepted before the change");
        let mut tree = tlv::Tlv::parse(&token.ap_req());
        change(&mut tree);
        self.check(&tree.encode()).expect_err("the token is refused after the change")
    }
}

/// The expected fields of an [`Error::Malformed`]. Only the crate can make the error itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ExpectedMalformed {
    what: &'static str,
    at: usize,
    problem: Problem,
}

impl PartialEq<ExpectedMalformed> for Error {
    fn eq(&self, expected: &ExpectedMalformed) -> bool {
        matches!(self, Self::Malformed(Malformed { what, at, problem, .. })
            if (*what, *at, *problem) == (expected.what, expected.at, expected.problem))
    }
}

pub(crate) fn malformed(what: &'static str, at: usize, problem: Problem) -> ExpectedMalformed {
    ExpectedMalformed { what, at, problem }
}

/// Asserts that the error has the code `malformed`. Tests with many variations of one fault compare only the code.
#[track_caller]
pub fn assert_malformed(error: &Error, context: &str) {
    assert_eq!(error.code(), "malformed", "{context}: {error}");
}
