//! What a PAC says against the ticket that it came in, the account whose key opened that, and the policy. Each ticket has
//! one thing wrong, and its PAC is signed again.
#![cfg(feature = "testing")]
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::arithmetic_side_effects, clippy::panic)]
#![allow(clippy::expect_used, clippy::cloned_ref_to_slice_refs)]

mod pac_support;

use kerberos_sso::crypto::{EncType, Key};
use kerberos_sso::pac::{BufferType, GroupAttributes, SignatureState};
use kerberos_sso::replay::NoReplayCache;
use kerberos_sso::testing::{LogonInfoParts, NameParts, PacBuffers, TestRealm, TestToken, TimeText, if_relevant};
use kerberos_sso::{
    Accepted, Account, AccountCause, AccountKind, AccountPolicy, AssertedBy, ComputerAccount, DelegationKind,
    DelegationPolicy, DomainClaim, Error, ForeignSidPolicy, KeySet, MissingPac, NameType, PacMismatch, PacPolicy,
    PacSignature, Password, Policy, ServiceKey, Sid, SignatureCause, UnixTime, Validator,
};
use pac_support::alice::{alice, pac_of, upn_dns_info};
use pac_support::{buffer, client_info, file_time, sid, sign};

const NOW: UnixTime = TestRealm::NOW;
/// The authtime of the realm's tickets.
const AUTH: UnixTime = NOW.saturating_add_seconds(-600);
const DOMAIN: &str = "S-1-5-21-1-2-3";

/// A realm, an account's entry in a key set, and a policy.
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
        let keys = KeySet::from_iter([change(realm.account())]);
        Self { realm, validator: Validator::new(keys, policy, NoReplayCache) }
    }

    /// Names the domains that the account may vouch for.
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

    /// A ticket of alice with these buffers.
    fn of(&self, buffers: &PacBuffers) -> Result<Accepted, Error> {
        self.check(&self.token("alice", buffers.signed(&self.key())))
    }

    fn of_logon(&self, logon: &LogonInfoParts) -> Result<Accepted, Error> {
        self.of(&pac_of("alice", AUTH.seconds(), logon))
    }

    fn check(&self, token: &TestToken) -> Result<Accepted, Error> {
        self.validator.validate_ticket(&token.mint(), NOW)
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
fn an_identity_is_the_sid_and_what_the_pac_says_of_it() {
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
fn without_a_pac_there_is_a_name_and_no_sid() {
    let server = Server::new(Policy::default());
    let accepted = server.check(&server.realm.ticket_for("alice")).unwrap();
    let identity = accepted.identity();
    assert!(accepted.pac().is_none() && identity.sid().is_none() && identity.groups().next().is_none());
    assert_eq!((identity.kind(), identity.asserted_by()), (None, AssertedBy::Unknown));
    assert_eq!(identity.to_string(), "alice@CONTOSO.TEST");
}

#[test]
fn levels_of_the_policy() {
    let no_logon_info = good().without(BufferType::LOGON_INFO).without(BufferType::UPN_DNS_INFO);
    for (policy, none, nameless, bad) in [
        (PacPolicy::Require, Some("pac-missing"), Some("pac-missing"), Some("pac-signature")),
        (PacPolicy::VerifyIfPresent, None, None, Some("pac-signature")),
        (PacPolicy::Ignore, None, None, None),
    ] {
        let server = Server::new(Policy::default().pac(policy));
        let code = |result: Result<Accepted, Error>| result.err().map(|error| error.code());
        assert_eq!(code(server.check(&server.realm.ticket_for("alice"))), none, "{policy:?}");
        assert_eq!(code(server.of(&no_logon_info)), nameless, "{policy:?}");
        let mut unsigned = good().signed(&server.key());
        let at = buffer(&unsigned, BufferType::CLIENT_INFO).unwrap().start;
        unsigned[at] ^= 1;
        assert_eq!(code(server.check(&server.token("alice", unsigned))), bad, "{policy:?}");
        let accepted = server.of(&good()).unwrap();
        assert_eq!(accepted.pac().is_some(), policy != PacPolicy::Ignore);
        assert_eq!(accepted.identity().sid().is_some(), policy != PacPolicy::Ignore);
    }
    let required = Server::new(Policy::default().pac(PacPolicy::Require));
    assert_eq!(required.of(&no_logon_info).unwrap_err(), Error::PacMissing(MissingPac::LogonInfo));
    let ticket = required.realm.ticket_for("alice");
    assert_eq!(required.check(&ticket).unwrap_err(), Error::PacMissing(MissingPac::Pac));
}

/// The KDC of Active Directory puts a PAC into every ticket, so an account that is known to be one of its own has one, and
/// the policy's word counts for more.
#[test]
fn accounts_of_active_directory_require_a_pac() {
    let code = |policy, change: fn(Account) -> Account| {
        let server = Server::with_account(policy, change);
        server.check(&server.realm.ticket_for("alice")).err().map(|error| error.code())
    };
    assert_eq!(code(Policy::default(), |account| account), None);
    assert_eq!(code(Policy::default(), Account::of_active_directory), Some("pac-missing"));
    assert_eq!(code(Policy::default().pac(PacPolicy::VerifyIfPresent), Account::of_active_directory), None);
    let computer = |_: Account| {
        let realm = TestRealm::new("CONTOSO.TEST").with_account("AZUREADSSOACC$");
        ComputerAccount::new("AZUREADSSOACC$", "CONTOSO.TEST")
            .with_password(&Password::from_text("Another.Password.1"), Some(1))
            .with_key(ServiceKey::new(realm.key(EncType::AES256_CTS_HMAC_SHA1_96), None))
    };
    assert_eq!(code(Policy::default(), computer), Some("pac-missing"));
}

#[test]
fn the_pac_is_found_wherever_the_kdc_puts_it() {
    let server = Server::new(Policy::default());
    let pac = good().signed(&server.key());
    let element = (128, pac.clone());
    let other = (141, vec![1, 2, 3]);
    let placed = |authorization_data: Vec<(i32, Vec<u8>)>| {
        let mut token = server.realm.ticket_for("alice");
        token.ticket.authorization_data = authorization_data;
        server.check(&token)
    };
    let nested = if_relevant(&[if_relevant(&[if_relevant(&[if_relevant(std::slice::from_ref(&element))])])]);
    for authorization_data in [
        vec![if_relevant(std::slice::from_ref(&element))],
        vec![element.clone()],
        vec![if_relevant(&[other.clone(), element.clone(), other.clone()])],
        vec![if_relevant(std::slice::from_ref(&other)), if_relevant(std::slice::from_ref(&element))],
        vec![nested.clone()],
    ] {
        assert!(placed(authorization_data).unwrap().identity().sid().is_some());
    }
    assert_eq!(placed(vec![if_relevant(&[nested])]).unwrap_err().code(), "malformed", "deeper than any KDC nests");
    for twice in [
        vec![if_relevant(&[element.clone(), element.clone()])],
        vec![if_relevant(std::slice::from_ref(&element)), element.clone()],
        vec![if_relevant(std::slice::from_ref(&element)), if_relevant(&[other, element.clone()])],
    ] {
        assert_eq!(placed(twice).unwrap_err().code(), "pac-malformed");
    }
}

#[test]
fn a_pac_in_the_authenticator_is_the_clients_word() {
    let server = Server::new(Policy::default());
    let mut token = server.realm.ticket_for("alice");
    token.authenticator.authorization_data.push(if_relevant(&[(128, good().signed(&server.key()))]));
    assert!(server.check(&token).unwrap().identity().sid().is_none());
    let required = Server::new(Policy::default().pac(PacPolicy::Require));
    assert_eq!(required.check(&token).unwrap_err(), Error::PacMissing(MissingPac::Pac));
}

#[test]
fn client_info_names_the_tickets_client() {
    let server = Server::new(Policy::default());
    let of_name = |client: NameParts, pac_name: &str| {
        let mut buffers = good();
        *buffers.get_mut(BufferType::CLIENT_INFO).unwrap() = client_info(pac_name, file_time(AUTH.seconds()));
        let mut token = server.token("alice", buffers.signed(&server.key())).client(client.clone());
        token.ticket.cname = client.clone();
        token.authenticator.cname = client;
        server.check(&token)
    };
    let parts = |components: &[&str]| NameParts {
        name_type: NameType::PRINCIPAL.0,
        components: components.iter().map(|component| component.as_bytes().to_vec()).collect(),
    };
    for (components, pac_name) in [
        (&["alice"][..], "alice"),
        (&["ALICE"], "alice"),
        (&["alice"], "Alice"),
        (&["alice"], "alice@CONTOSO.TEST"),
        (&["alice"], "alice@contoso.test"),
        (&["bob.nandu@contoso-corp.example"], "bob.nandu@contoso-corp.example"),
        (&["bob@example.com"], r"bob\@example.com"),
        (&["alice", "admin"], "alice/admin"),
        (&["a/b"], r"a\/b"),
        (&["a\tb\\"], r"a\tb\\"),
        (&["host", "ws1.contoso.test"], "host/ws1.contoso.test@CONTOSO.TEST"),
        (&["łukasz"], "łukasz"),
        (&["李小龍"], "李小龍"),
    ] {
        assert!(of_name(parts(components), pac_name).is_ok(), "{components:?} {pac_name}");
    }
    for (components, pac_name) in [
        (&["alice"][..], "bob"),
        (&["alice"], ""),
        (&["alice"], "alic"),
        (&["alice"], "alice$"),
        (&["alice"], "alice@"),
        (&["alice"], "alice@FABRIKAM.TEST"),
        (&["alice"], "alice@CONTOSO.TEST.EXAMPLE"),
        (&["alice"], "alice/admin"),
        (&["alice", "admin"], "alice"),
        (&["alice", "admin"], "aliceadmin"),
        (&["łukasz"], "Łukasz"),
        (&["straße"], "STRASSE"),
    ] {
        let error = of_name(parts(components), pac_name).unwrap_err();
        assert!(
            matches!(error, Error::PacMismatch(PacMismatch::ClientName { .. })),
            "{components:?} {pac_name}: {error}"
        );
    }
}

#[test]
fn client_info_has_the_tickets_authtime() {
    let server = Server::new(Policy::default());
    let at = |time: u64| {
        let mut buffers = good();
        *buffers.get_mut(BufferType::CLIENT_INFO).unwrap() = client_info("alice", time);
        server.of(&buffers)
    };
    let exact = file_time(AUTH.seconds());
    assert!(at(exact).is_ok() && at(exact + 9_999_999).is_ok());
    for time in [0, 1, exact - 1, exact + 10_000_000, FOREVER, u64::MAX] {
        assert!(matches!(mismatch(at(time)), PacMismatch::AuthTime { ticket: AUTH, .. }), "{time}");
    }
}

#[test]
fn all_sids_of_the_user_are_one() {
    let server = Server::new(Policy::default());
    let (user, other) = (sid("S-1-5-21-1-2-3-1103"), sid("S-1-5-21-1-2-3-500"));
    let mut requested = good();
    *requested.get_mut(BufferType::REQUESTOR).unwrap() = other.to_bytes();
    assert_eq!(mismatch(server.of(&requested)), PacMismatch::Requestor { requestor: other, user });
    let mut named = good();
    *named.get_mut(BufferType::UPN_DNS_INFO).unwrap() = upn_dns_info("alice", other);
    assert_eq!(mismatch(server.of(&named)), PacMismatch::UpnSid { upn: other, user });
    assert!(server.of(&good().without(BufferType::REQUESTOR).without(BufferType::UPN_DNS_INFO)).is_ok());
}

/// One forest's key, and a user of another: by realm, by domain SID and by requestor, each alone.
#[test]
fn a_key_vouches_for_its_own_forest() {
    let server = Server::bound(Policy::default(), &[DOMAIN]);
    let foreign = sid("S-1-5-21-7-8-9-1103");
    assert!(server.of(&good()).is_ok());

    let mut of_realm = server.token("alice", good().signed(&server.key())).client_realm("FABRIKAM.TEST");
    of_realm.authenticator.crealm = "FABRIKAM.TEST".into();
    assert_eq!(server.check(&of_realm).unwrap_err().code(), "untrusted-realm");

    let logon = LogonInfoParts { logon_domain_sid: foreign.domain().unwrap(), ..alice() };
    let error = server.of_logon(&logon).unwrap_err();
    assert!(matches!(error, Error::UntrustedDomain { claim: DomainClaim::User, sid, .. } if sid == foreign), "{error}");

    let mut requested = good();
    *requested.get_mut(BufferType::REQUESTOR).unwrap() = foreign.to_bytes();
    assert!(
        matches!(mismatch(server.of(&requested)), PacMismatch::Requestor { requestor, .. } if requestor == foreign)
    );
}

#[test]
fn a_domain_that_looks_like_ours_is_another() {
    for domain in ["S-1-5-21-1-2-4", "S-1-5-21-3-2-1", "S-1-5-21-1-2-0"] {
        let server = Server::bound(Policy::default(), &[DOMAIN]);
        let error = server.of_logon(&LogonInfoParts { logon_domain_sid: sid(domain), ..alice() }).unwrap_err();
        assert_eq!(error.code(), "untrusted-domain", "{domain}");
    }
    let two = Server::bound(Policy::default(), &["S-1-5-21-7-8-9", DOMAIN]);
    assert!(two.of(&good()).is_ok());
}

#[test]
fn foreign_groups_are_apart_or_refused() {
    let separate = Server::bound(Policy::default(), &[DOMAIN]);
    let mut logon = alice();
    logon.extra_sids.push((sid("S-1-5-21-0-0-0-497"), 7));
    let accepted = separate.of_logon(&logon).unwrap();
    let identity = accepted.identity();
    let texts = |groups: &mut dyn Iterator<Item = Sid>| groups.map(|sid| sid.to_string()).collect::<Vec<_>>();
    assert_eq!(texts(&mut identity.foreign_groups().map(|group| group.sid)), ["S-1-5-21-4-5-6-1200"]);
    assert_eq!(texts(&mut identity.extra_groups().map(|group| group.sid)), ["S-1-18-1", "S-1-5-21-0-0-0-497"]);
    assert!(identity.groups().all(|group| group.sid != sid("S-1-5-21-4-5-6-1200")));
    assert_eq!(identity.to_owned().foreign_groups.len(), 1);

    let refusing = || Policy::default().foreign_sids(ForeignSidPolicy::Refuse);
    let error = Server::bound(refusing(), &[DOMAIN]).of_logon(&logon).unwrap_err();
    let expected = sid("S-1-5-21-4-5-6-1200");
    assert!(
        matches!(error, Error::UntrustedDomain { claim: DomainClaim::ExtraSid, sid, .. } if sid == expected),
        "{error}"
    );
    assert!(Server::bound(refusing(), &[DOMAIN, "S-1-5-21-4-5-6"]).of_logon(&logon).is_ok());
    assert!(Server::new(refusing()).of_logon(&logon).is_ok(), "without domains none is foreign");

    logon.extra_sids.truncate(1);
    logon.resource_groups = Some((sid("S-1-5-21-7-8-9"), vec![(1300, 7)]));
    let error = Server::bound(refusing(), &[DOMAIN]).of_logon(&logon).unwrap_err();
    assert!(matches!(error, Error::UntrustedDomain { claim: DomainClaim::ResourceGroup, .. }), "{error}");
    let accepted = separate.of_logon(&logon).unwrap();
    assert!(accepted.identity().resource_groups().next().is_none());
    assert_eq!(accepted.identity().foreign_groups().count(), 1);
}

#[test]
fn only_people_sign_in_where_the_policy_says_so() {
    let people = Server::new(Policy::default().accounts(AccountPolicy::PeopleOnly));
    let anybody = Server::new(Policy::default());

    for (logon, kind, cause) in [
        (LogonInfoParts { account_control: 0x80, ..alice() }, AccountKind::Computer, AccountCause::Computer),
        (LogonInfoParts { effective_name: "WKS01$".into(), ..alice() }, AccountKind::Computer, AccountCause::Computer),
        (LogonInfoParts { account_control: 0x100, ..alice() }, AccountKind::DomainController, AccountCause::Computer),
        (LogonInfoParts { account_control: 0x40, ..alice() }, AccountKind::Trust, AccountCause::Computer),
        (LogonInfoParts { user_id: 501, ..alice() }, AccountKind::System, AccountCause::System),
        (LogonInfoParts { user_id: 502, ..alice() }, AccountKind::System, AccountCause::System),
        (LogonInfoParts { user_id: 504, ..alice() }, AccountKind::System, AccountCause::System),
        (LogonInfoParts { account_control: 0x11, ..alice() }, AccountKind::User, AccountCause::Disabled),
        (LogonInfoParts { user_flags: 0x221, ..alice() }, AccountKind::User, AccountCause::Guest),
    ] {
        assert_eq!(anybody.of_logon(&logon).unwrap().identity().kind(), Some(kind));
        match people.of_logon(&logon).unwrap_err() {
            Error::AccountRefused { sid, cause: found, .. } => assert_eq!((sid, found), (logon.user_sid(), cause)),
            other => panic!("{} ({other})", other.code()),
        }
    }
    for user_id in [500, 505, 1000, 1103] {
        assert!(people.of_logon(&LogonInfoParts { user_id, ..alice() }).is_ok(), "{user_id}");
    }
}

#[test]
fn delegation_shows_in_the_pac() {
    let refusing = Server::new(Policy::default().delegation(DelegationPolicy::Refuse));
    let allowing = Server::new(Policy::default());
    let delegated = good().with(BufferType::DELEGATION_INFO, DELEGATION_INFO);
    let kind = |result: Result<Accepted, Error>| match result.unwrap_err() {
        Error::Delegation(kind) => kind,
        other => panic!("{} ({other})", other.code()),
    };
    assert_eq!(kind(refusing.of(&delegated)), DelegationKind::ConstrainedDelegation);
    let accepted = allowing.of(&delegated).unwrap();
    let info = accepted.pac().unwrap().delegation_info().unwrap();
    assert!(info.proxy_target() == *"http/a");
    assert_eq!(info.transited_services().map(kerberos_sso::pac::WideText::decoded).collect::<Vec<_>>(), ["b@C"]);

    let mut logon = alice();
    logon.extra_sids[0].0 = Sid::SERVICE_ASSERTED;
    assert_eq!(kind(refusing.of_logon(&logon)), DelegationKind::ServiceAsserted);
    assert_eq!(allowing.of_logon(&logon).unwrap().identity().asserted_by(), AssertedBy::Service);
    assert!(refusing.of(&good()).is_ok());

    let server = Server::new(Policy::default());
    let token = server.realm.ticket_for("alice").pac(|pac| pac.delegated("http/a", &["b@C", "", "c@C"]));
    let accepted = server.check(&token).unwrap();
    let services = accepted
        .pac()
        .unwrap()
        .delegation_info()
        .unwrap()
        .transited_services()
        .map(kerberos_sso::pac::WideText::decoded);
    assert_eq!(services.collect::<Vec<_>>(), ["b@C", "", "c@C"]);

    for length in 0..DELEGATION_INFO.len() {
        let cut = good().with(BufferType::DELEGATION_INFO, &DELEGATION_INFO[..length]);
        assert_eq!(allowing.of(&cut).unwrap_err().code(), "pac-malformed", "{length}");
    }
}

#[test]
fn the_seamless_profile_demands_a_person_of_the_forest() {
    let seamless = || Policy::seamless_sso().any_service();
    let people =
        |logon: LogonInfoParts| Server::bound(seamless(), &[DOMAIN]).of_logon(&logon).err().map(|error| error.code());
    let mut logon = alice();
    logon.extra_sids.truncate(1);
    assert_eq!(people(logon.clone()), None);
    assert_eq!(people(LogonInfoParts { user_id: 500, ..logon.clone() }), None, "Administrator");
    assert_eq!(people(alice()), Some("untrusted-domain"));
    assert_eq!(people(LogonInfoParts { account_control: 0x80, ..logon.clone() }), Some("account-refused"));
    assert_eq!(people(LogonInfoParts { user_id: 501, ..logon.clone() }), Some("account-refused"));
    logon.extra_sids[0].0 = Sid::SERVICE_ASSERTED;
    assert_eq!(people(logon), Some("delegation"));
    let server = Server::new(seamless());
    assert_eq!(server.check(&server.realm.ticket_for("alice")).unwrap_err(), Error::PacMissing(MissingPac::Pac));
}

/// A ticket with all signatures, which stay as they are whatever becomes of the ticket.
fn fully_signed(server: &Server, krbtgt: &Key) -> TestToken {
    let token = server.realm.ticket_for("alice").pac(|pac| pac.signed_by_kdc(krbtgt));
    let signed = token.ticket.pac_bytes();
    token.pac(|pac| pac.raw = signed)
}

fn krbtgt(etype: EncType) -> Key {
    Key::new(etype, &vec![7; etype.key_len().unwrap()]).unwrap()
}

#[test]
fn the_kdcs_signatures_are_verified_where_its_key_is_known() {
    for etype in EncType::SUPPORTED {
        let key = krbtgt(etype);
        let unknowing = Server::new(Policy::default());
        let accepted = unknowing.check(&fully_signed(&unknowing, &key)).unwrap();
        let signatures = accepted.pac().unwrap().kdc_signatures();
        assert_eq!([signatures.kdc, signatures.full, signatures.ticket], [SignatureState::Unchecked; 3]);

        let other = krbtgt(EncType::AES128_CTS_HMAC_SHA1_96);
        let server = Server::with_account(Policy::default(), |account| {
            account
                .with_krbtgt_key(&other)
                .with_krbtgt_key(&Key::new(etype, &vec![9; key.expose_bytes().len()]).unwrap())
                .with_krbtgt_key(&key)
        });
        let accepted = server.check(&fully_signed(&server, &key)).unwrap();
        let signatures = accepted.pac().unwrap().kdc_signatures();
        assert_eq!([signatures.kdc, signatures.full, signatures.ticket], [SignatureState::Valid; 3], "{etype}");
    }
}

/// Also where a read-only domain controller leaves its identifier, and whatever the type of the service's key.
#[test]
fn a_realm_of_active_directory_signs_all_it_issues() {
    let realm = TestRealm::new("CONTOSO.TEST").of_active_directory();
    let account = realm.account().with_krbtgt_key(&realm.krbtgt_key(EncType::AES256_CTS_HMAC_SHA1_96));
    let validator = Validator::new(KeySet::from_iter([account]), Policy::default().allow_rc4(), NoReplayCache);
    for etype in EncType::SUPPORTED {
        for rodc_identifier in [None, Some(0x1234)] {
            let token = realm.ticket_for("alice").etype(etype).pac(|pac| {
                pac.server_signature.rodc_identifier = rodc_identifier;
                pac.kdc_signature.rodc_identifier = rodc_identifier;
                pac.full_signature.rodc_identifier = rodc_identifier;
            });
            let accepted = validator.validate_ticket(&token.mint(), NOW).unwrap();
            let signatures = accepted.pac().unwrap().kdc_signatures();
            assert_eq!([signatures.kdc, signatures.full, signatures.ticket], [SignatureState::Valid; 3], "{etype}");
            assert_eq!(accepted.identity().sid(), Some(realm.user_sid("alice")));
        }
    }
}

/// What whoever holds the service's key can change, and sign again with it.
#[test]
fn what_the_kdc_signed_cannot_be_changed_with_the_services_key() {
    let etype = EncType::AES256_CTS_HMAC_SHA1_96;
    let key = krbtgt(etype);
    let server = Server::with_account(Policy::default(), |account| account.with_krbtgt_key(&key));
    let refusal = |token: &TestToken| match server.check(token).unwrap_err() {
        Error::PacSignature(PacSignature { buffer_type, cause }) => (buffer_type, cause),
        other => panic!("{} ({other})", other.code()),
    };
    let signed = || fully_signed(&server, &key);
    let mut longer = signed();
    longer.ticket.endtime = TimeText::from(NOW.saturating_add_seconds(12 * 3600));
    assert_eq!(refusal(&longer), (BufferType::TICKET_CHECKSUM, SignatureCause::Wrong));
    let mut flagged = signed();
    flagged.ticket.flags ^= 1 << 20;
    assert_eq!(refusal(&flagged), (BufferType::TICKET_CHECKSUM, SignatureCause::Wrong));
    let mut extended = signed();
    extended.ticket.authorization_data.push(if_relevant(&[(141, vec![1])]));
    assert_eq!(refusal(&extended), (BufferType::TICKET_CHECKSUM, SignatureCause::Wrong));

    let resigned = |change: &dyn Fn(&mut Vec<u8>)| {
        let token = signed();
        let mut pac = token.ticket.pac_bytes().unwrap();
        change(&mut pac);
        refusal(&token.pac(|parts| parts.raw = Some(sign(pac, &server.key()))))
    };
    let user_id = |pac: &mut Vec<u8>| {
        let logon = buffer(pac, BufferType::LOGON_INFO).unwrap();
        pac[logon.start + alice().encode().marks["UserId"]] ^= 1;
    };
    assert_eq!(resigned(&user_id), (BufferType::KDC_CHECKSUM, SignatureCause::Wrong));
    // Leaving a signature out changes the others.
    let unknown = |pac: &mut Vec<u8>| {
        for entry in (0..9).map(|index| 8 + 16 * index) {
            if pac[entry] == 16 {
                pac[entry] = 99;
            }
        }
    };
    assert_eq!(resigned(&unknown), (BufferType::KDC_CHECKSUM, SignatureCause::Wrong));
    let unkeyed = |pac: &mut Vec<u8>| {
        let kdc = buffer(pac, BufferType::KDC_CHECKSUM).unwrap();
        pac[kdc.start] = 15;
    };
    assert_eq!(resigned(&unkeyed), (BufferType::KDC_CHECKSUM, SignatureCause::Type(15.into())));
}

/// A ticket made with nothing but the service's key, as the test realm makes them all.
#[test]
fn a_silver_ticket_shows_where_the_krbtgt_key_is_known() {
    let server = Server::new(Policy::default());
    assert!(server.of(&good()).is_ok());
    let key = krbtgt(EncType::AES256_CTS_HMAC_SHA1_96);
    let knowing = Server::with_account(Policy::default(), |account| account.with_krbtgt_key(&key));
    let cause = SignatureCause::Wrong;
    let expected = Error::PacSignature(PacSignature { buffer_type: BufferType::KDC_CHECKSUM, cause });
    assert_eq!(knowing.of(&good()).unwrap_err(), expected);
}

const FOREVER: u64 = 0x7FFF_FFFF_FFFF_FFFF;

/// S4U_DELEGATION_INFO for `http/a`, through `b@C`.
const DELEGATION_INFO: &[u8] = &[
    1, 0x10, 8, 0, 0xCC, 0xCC, 0xCC, 0xCC, 0x50, 0, 0, 0, 0, 0, 0, 0, // headers
    0, 0, 2, 0, 12, 0, 12, 0, 4, 0, 2, 0, 1, 0, 0, 0, 8, 0, 2, 0, // pointer, target, count, services
    6, 0, 0, 0, 0, 0, 0, 0, 6, 0, 0, 0, b'h', 0, b't', 0, b't', 0, b'p', 0, b'/', 0, b'a', 0, // target
    1, 0, 0, 0, 6, 0, 6, 0, 12, 0, 2, 0, // array of one
    3, 0, 0, 0, 0, 0, 0, 0, 3, 0, 0, 0, b'b', 0, b'@', 0, b'C', 0, 0, 0, 0, 0, 0, 0, // its text
];
