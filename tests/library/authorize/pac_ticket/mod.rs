//! Tests that compare the PAC with its ticket, with the account whose key opened the ticket, and with the policy. Each
//! ticket has one fault, and its PAC is signed again.
#![allow(clippy::cloned_ref_to_slice_refs)]

mod accounts;
mod client;
mod domains;
mod kdc_signatures;
use crate::pac_support;
mod presence;

use kerberos_sso::crypto::{EncType, Key};
use kerberos_sso::pac::{BufferType, GroupAttributes, SignatureState, VerifiedPac};
use kerberos_sso::replay::NoReplayCache;
use kerberos_sso::testing::{LogonInfoParts, NameParts, PacBuffers, TestRealm, TestToken, TimeText, if_relevant};
use kerberos_sso::{
    Accepted, Account, AccountKind, AssertedBy, ComputerAccount, Error, KeySet, Password, Policy, Refused, ServiceKey,
    Sid, UnixTime, Validator,
    error::{
        AccountCause, DelegationKind, DomainClaim, MissingPac, PacMalformed, PacMismatch, PacProblem, PacSignature,
        SignatureCause,
    },
    policy::{AccountPolicy, DelegationPolicy, ForeignSidPolicy, PacPolicy},
    ticket::NameType,
};
use pac_support::alice::{alice, pac_of, upn_dns_info};
use pac_support::{buffer, client_info, file_time, sid, sign};

const NOW: UnixTime = TestRealm::NOW;
/// The authtime of the realm's tickets.
const AUTH: UnixTime = NOW.saturating_add_seconds(-600);
const DOMAIN: &str = "S-1-5-21-1-2-3";

/// A test realm, and a validator that holds an account of the realm.
struct Server {
    realm: TestRealm,
    validator: Validator<NoReplayCache>,
}

impl Server {
    fn new(policy: Policy) -> Self {
        Self::with_account(policy, |account| account)
    }

    fn with_account(policy: Policy, change: impl FnOnce(Account) -> Account) -> Self {
        let realm = TestRealm::new("CONTOSO.TEST").with_account("AZUREADSSOACC$");
        let keys = KeySet::from(change(realm.account()));
        Self { realm, validator: Validator::new(keys, policy, NoReplayCache) }
    }

    /// Returns a server whose account may vouch for these domains.
    fn bound(policy: Policy, domains: &[&str]) -> Self {
        Self::with_account(policy, |account| {
            domains.iter().fold(account, |account, domain| account.with_domain_sid(sid(domain)))
        })
    }

    fn key(&self) -> Key {
        self.realm.key(EncType::AES256_CTS_HMAC_SHA1_96)
    }

    fn token(&self, client: &str, pac: Vec<u8>) -> TestToken {
        let mut token = self.realm.ticket_for(client);
        token.ticket.authorization_data.push(if_relevant(&[(128, pac)]));
        token
    }

    /// Checks a ticket of alice with these PAC buffers.
    fn of(&self, buffers: &PacBuffers) -> Result<Accepted, Error> {
        self.check(&self.token("alice", buffers.signed(&self.key())))
    }

    fn of_logon(&self, logon: &LogonInfoParts) -> Result<Accepted, Error> {
        self.of(&pac_of("alice", AUTH.seconds(), logon))
    }

    fn check(&self, token: &TestToken) -> Result<Accepted, Error> {
        self.validator.validate_ticket(&token.mint(), NOW).map_err(Refused::into_error)
    }
}

fn good() -> PacBuffers {
    pac_of("alice", AUTH.seconds(), &alice())
}

#[track_caller]
fn mismatch(result: Result<Accepted, Error>) -> PacMismatch {
    match result.unwrap_err() {
        Error::PacMismatch(mismatch) => mismatch,
        other => panic!("{} ({other})", other.code()),
    }
}

#[test]
fn identity_has_the_sid_and_the_names_and_the_groups_of_the_pac() {
    let accepted = Server::new(Policy::default()).of(&good()).unwrap();
    let identity = accepted.identity();
    assert_eq!(identity.sid(), Some(sid("S-1-5-21-1-2-3-1103")));
    assert_eq!(identity.to_string(), "alice@CONTOSO.TEST (S-1-5-21-1-2-3-1103)");
    assert!(identity.account_name().unwrap() == *"alice" && identity.full_name().unwrap() == *"Alice Anderson");
    assert!(identity.logon_domain().unwrap() == *"CONTOSO" && identity.dns_domain().unwrap() == *"CONTOSO.TEST");
    assert!(identity.upn().unwrap() == *"alice@contoso.test");
    assert_eq!(
        (identity.logon_domain_sid(), identity.primary_group_sid()),
        (Some(sid(DOMAIN)), Some(sid("S-1-5-21-1-2-3-513")))
    );
    assert_eq!((identity.kind(), identity.asserted_by()), (Some(AccountKind::User), AssertedBy::Authentication));
    let groups: Vec<_> = identity.groups().map(|group| group.sid.to_string()).collect();
    let expected = ["513", "1104", "1105"].map(|rid| format!("{DOMAIN}-{rid}"));
    assert_eq!(groups[..3], expected);
    assert_eq!(groups[3..], ["S-1-18-1", "S-1-5-21-4-5-6-1200", "S-1-5-21-1-2-3-572", "S-1-5-21-1-2-3-1300"]);
    let resource = identity.resource_groups().next().unwrap().attributes;
    assert!(resource.contains(GroupAttributes::RESOURCE) && !resource.contains(GroupAttributes::USE_FOR_DENY_ONLY));
    let owned = identity.to_owned();
    assert_eq!((owned.sid, owned.name.as_str(), owned.groups().count()), (identity.sid(), "alice", 7));
    assert_eq!(owned.upn.as_deref(), Some("alice@contoso.test"));
}

#[test]
fn authorized_request_shows_the_pac_before_its_admission() {
    let server = Server::new(Policy::default());
    let authorize = |token: TestToken| {
        let bytes = token.mint();
        let opened = server.validator.open(server.validator.read(&bytes).unwrap(), NOW).unwrap();
        server.validator.authorize(server.validator.verify(opened, NOW).unwrap()).unwrap()
    };
    let authorized = authorize(server.token("alice", good().signed(&server.key())));
    let pac = authorized.pac().unwrap();
    assert_eq!(pac.logon_info().unwrap().user_sid(), sid("S-1-5-21-1-2-3-1103"));
    assert!(pac.client_info().name == *"alice");
    assert!(authorize(server.realm.ticket_for("alice").without_pac()).pac().is_none());
}
