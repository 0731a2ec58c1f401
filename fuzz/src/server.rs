//! A realm with a server, and a token that the server accepts. The keys are derived from names, so that a crash can be
//! repeated.

use crate::{allocated, stated, verdict};
use kerberos_sso::crypto::EncType;
use kerberos_sso::policy::{KdcSignaturePolicy, KrbErrorPolicy};
use kerberos_sso::replay::NoReplayCache;
use kerberos_sso::testing::{TestRealm, TestToken};
use kerberos_sso::{Accepted, Account, Arrival, ChannelBindings, KeySet, Policy, Refused, UnixTime, Validator};
use std::time::Duration;

/// The time of all requests. The recorded tickets were issued a few days before or after this time.
pub const NOW: UnixTime = TestRealm::NOW;

/// The user of every minted token.
pub const USER: &str = "alice";

/// The name of the realm, which is also the name of the recorded realm.
pub const REALM: &str = "CONTOSO.TEST";

/// The application data of the connection's channel bindings.
pub const CHANNEL: &[u8] = b"tls-server-end-point:0123456789abcdef0123456789abcdef";

/// A server, and the token of one of its users.
pub struct Server {
    pub validator: Validator<NoReplayCache>,
    pub token: TestToken,
    bindings: [ChannelBindings; 1],
}

impl Server {
    /// Returns a server whose account demands no PAC.
    pub fn new() -> Self {
        let realm = realm();
        Self::of(realm.account(), realm.ticket_for(USER))
    }

    /// Returns a server with this account, whose user sends this token.
    pub fn of(account: Account, token: TestToken) -> Self {
        let bindings = [ChannelBindings::new(CHANNEL)];
        Self { validator: Validator::new(KeySet::from(account), policy(), NoReplayCache), token, bindings }
    }

    /// Returns the time and the channel bindings of a request.
    pub fn arrival(&self) -> Arrival<'_> {
        Arrival::at(NOW).with_channel_bindings(&self.bindings)
    }

    /// Validates a token within the limit of memory, and checks the invariants of every verdict.
    pub fn judge(&self, token: &[u8]) -> Result<Accepted, Refused> {
        let limit = allocated::for_token(token.len());
        let judged = allocated::at_most(limit, || self.validator.validate_ticket(token, self.arrival()));
        verdict::check(&judged);
        judged
    }
}

impl Default for Server {
    fn default() -> Self {
        Self::new()
    }
}

/// Returns the realm of all minted tokens.
pub fn realm() -> TestRealm {
    TestRealm::new(REALM).with_account("AZUREADSSOACC$")
}

/// Returns the client of an unchanged minted token.
pub fn user() -> stated::Client {
    stated::Client { realm: REALM.into(), name: USER.into() }
}

/// Returns a policy that refuses as little as possible, so that the fuzzed octets reach all code. The clock skew of a
/// year covers the times of the recordings. The library still checks the times of tickets and authenticators, with this
/// skew.
fn policy() -> Policy {
    Policy::default()
        .with_ticket_etypes(&EncType::SUPPORTED)
        .with_session_etypes(&EncType::SUPPORTED)
        .with_clock_skew(Duration::from_secs(365 * 24 * 60 * 60))
        .with_max_ticket_lifetime(None)
        .with_any_service()
        .with_kdc_signatures(KdcSignaturePolicy::AllowAbsent)
        .with_krb_errors(KrbErrorPolicy::AfterProof)
}
