//! Tests of the policies about kinds of accounts and about delegation.

use super::*;

#[test]
fn computers_and_guests_and_disabled_users_are_refused_when_the_policy_accepts_people_only() {
    let people = Server::new(Policy::default().with_accounts(AccountPolicy::PeopleOnly));
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
fn delegated_ticket_is_refused_when_the_policy_refuses_delegation() {
    let refusing = Server::new(Policy::default().with_delegation(DelegationPolicy::Refuse));
    let allowing = Server::new(Policy::default());
    let delegated = good().with(BufferType::DELEGATION_INFO, DELEGATION_INFO);
    let kind = |result: Result<Accepted, Error>| match result.unwrap_err() {
        Error::Delegation(kind) => kind,
        other => panic!("{} ({other})", other.code()),
    };
    assert_eq!(kind(refusing.of(&delegated)), DelegationKind::ConstrainedDelegation);
    let accepted = allowing.of(&delegated).unwrap();
    let info = accepted.pac().unwrap().delegation_info().unwrap().unwrap();
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
        .unwrap()
        .transited_services()
        .map(kerberos_sso::pac::WideText::decoded);
    assert_eq!(services.collect::<Vec<_>>(), ["b@C", "", "c@C"]);

    for length in 0..DELEGATION_INFO.len() {
        let cut = good().with(BufferType::DELEGATION_INFO, &DELEGATION_INFO[..length]);
        let accepted = allowing.of(&cut).unwrap();
        assert!(accepted.pac().unwrap().delegation_info().is_err(), "{length}");
        // A malformed DELEGATION_INFO still proves that the ticket is delegated.
        assert_eq!(refusing.of(&cut).unwrap_err().code(), "delegation", "{length}");
    }
}

#[test]
fn seamless_profile_accepts_only_people_of_the_accounts_domains() {
    let seamless = || Policy::seamless_sso().with_any_service();
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

/// An S4U_DELEGATION_INFO with the target `http/a` and the transited service `b@C`.
const DELEGATION_INFO: &[u8] = &[
    1, 0x10, 8, 0, 0xCC, 0xCC, 0xCC, 0xCC, 0x50, 0, 0, 0, 0, 0, 0, 0, // headers
    0, 0, 2, 0, 12, 0, 12, 0, 4, 0, 2, 0, 1, 0, 0, 0, 8, 0, 2, 0, // pointer, target, count, services
    6, 0, 0, 0, 0, 0, 0, 0, 6, 0, 0, 0, b'h', 0, b't', 0, b't', 0, b'p', 0, b'/', 0, b'a', 0, // target
    1, 0, 0, 0, 6, 0, 6, 0, 12, 0, 2, 0, // array of one
    3, 0, 0, 0, 0, 0, 0, 0, 3, 0, 0, 0, b'b', 0, b'@', 0, b'C', 0, 0, 0, 0, 0, 0, 0, // text of the service
];
