//! Tests that CLIENT_INFO matches the ticket's client, and that all SIDs of the user in the PAC are equal.

use super::*;

#[test]
fn pac_is_refused_when_client_info_names_another_client_than_the_ticket() {
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
        (&["łukasz@contoso-corp.example"], "łukasz@contoso-corp.example"),
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
fn pac_is_refused_when_client_info_has_another_authtime_than_the_ticket() {
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
    let next_second = AUTH.saturating_add_seconds(1);
    for (time, says) in [(FOREVER, "never".into()), (exact + 10_000_000, next_second.to_string())] {
        let expected = format!("it is for the authtime {says}, but the ticket has the authtime {AUTH}");
        assert_eq!(mismatch(at(time)).to_string(), expected);
    }
}

#[test]
fn pac_is_refused_when_its_requestor_sid_or_upn_sid_is_not_the_sid_of_the_user() {
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

const FOREVER: u64 = 0x7FFF_FFFF_FFFF_FFFF;
