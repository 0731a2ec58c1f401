//! The principals of a ticket: the client's realm, name and addresses, the service, and delegation.

use crate::common;

use common::tlv::offsets;
use common::{NOW, Server, malformed};
use core::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use kerberos_sso::testing::{NameParts, TestRealm, TestToken};
use kerberos_sso::{
    Error, KeySet, Policy,
    error::{AddressCause, BoundedText, DelegationKind, NameCause, NamePart, Problem, ServiceClaim},
    policy::{AddressPolicy, DelegationPolicy, PacPolicy},
    ticket::{NameType, TicketFlags},
};

fn untrusted(realm: &str, account: &str) -> Error {
    Error::UntrustedRealm { realm: BoundedText::new(realm), account: BoundedText::new(account) }
}

mod realms {
    use super::*;

    /// Returns two forests, and a server with the accounts of both forests in one key set. A server of many tenants has
    /// such a key set.
    fn two_forests() -> (TestRealm, TestRealm, Server) {
        let contoso = TestRealm::new("CONTOSO.TEST").with_account("AZUREADSSOACC$");
        let fabrikam = TestRealm::new("FABRIKAM.TEST").with_account("AZUREADSSOACC$");
        let keys = KeySet::from_accounts([contoso.account(), fabrikam.account()]).unwrap();
        let server = Server::with_keys(contoso.clone(), keys, Policy::default());
        (contoso, fabrikam, server)
    }

    #[test]
    fn key_of_one_forest_does_not_vouch_for_a_user_of_another_forest() {
        let (contoso, fabrikam, server) = two_forests();
        assert!(server.check(&contoso.ticket_for("alice").mint()).is_ok());
        assert!(server.check(&fabrikam.ticket_for("alice").mint()).is_ok());
        let forged = fabrikam.ticket_for("alice").client_realm("CONTOSO.TEST");
        assert_eq!(server.check(&forged.mint()).unwrap_err(), untrusted("CONTOSO.TEST", "AZUREADSSOACC$"));
    }

    /// Only the account whose key opens the ticket vouches for the client's realm. The ticket's unencrypted fields vouch
    /// for no realm.
    #[test]
    fn ticket_with_a_rewritten_realm_does_not_open_under_the_key_of_that_forest() {
        let (_, fabrikam, server) = two_forests();
        let mut forged = fabrikam.ticket_for("alice").client_realm("CONTOSO.TEST");
        forged.ticket.realm = "CONTOSO.TEST".into();
        assert_eq!(server.check(&forged.mint()).unwrap_err().code(), "integrity");
    }

    #[test]
    fn client_realm_that_differs_in_any_octet_is_untrusted() {
        let server = Server::new();
        for realm in [
            "CONTOSO.TEST.EVIL",
            "EVIL.CONTOSO.TEST",
            "CONTOSO.TES",
            "ONTOSO.TEST",
            "contoso.test",
            "CONTOSO.TESt",
            "CONTOSO.TEST.",
            ".CONTOSO.TEST",
            " CONTOSO.TEST",
            "CONTOSO.TEST ",
            "CONTOSO.TEST\n",
            "CONTOSO\u{FF0E}TEST",
            "CONTOSO.TE\u{17F}T",
            "X",
        ] {
            let error = server.refusal(|token| *token = token.clone().client_realm(realm));
            assert_eq!(error, untrusted(realm, "AZUREADSSOACC$"), "{realm:?}");
        }
    }

    #[test]
    fn account_vouches_for_its_named_client_realm_and_for_no_similar_realm() {
        let realm = TestRealm::new("CONTOSO.TEST");
        let keys = KeySet::from(realm.account().with_client_realm("CHILD.CONTOSO.TEST"));
        let server = Server::with_keys(realm, keys, Policy::default());
        let of_child = |token: &mut TestToken| *token = token.clone().client_realm("CHILD.CONTOSO.TEST");
        assert_eq!(server.accepts(of_child).identity().realm(), "CHILD.CONTOSO.TEST");
        for realm in ["child.contoso.test", "OTHER.CONTOSO.TEST", "A.CHILD.CONTOSO.TEST"] {
            let error = server.refusal(|token| *token = token.clone().client_realm(realm));
            assert_eq!(error, untrusted(realm, "SERVICE$"));
        }
    }

    #[test]
    fn realm_with_a_nul_or_invalid_utf8_is_malformed() {
        let server = Server::new();
        for realm in [&b"CONTOSO.TEST\0"[..], b"CONTOSO.TEST\0.EVIL", b"\0", b"CONTOSO\xFF.TEST", b"\xC0\xAE"] {
            let mut token = server.good().client_realm(realm);
            let (_, at) = offsets(&token.ticket.plaintext(), &[0, 2, 0]);
            let error = malformed("EncTicketPart.crealm", at, Problem::Text);
            assert_eq!(server.check(&token.mint()).unwrap_err(), error);
            token = server.good();
            token.authenticator.crealm = realm.into();
            let (_, at) = offsets(&token.authenticator.plaintext(), &[0, 1, 0]);
            let error = malformed("Authenticator.crealm", at, Problem::Text);
            assert_eq!(server.check(&token.mint()).unwrap_err(), error);
        }
    }
}

mod names {
    use super::*;

    fn mismatch(change: impl FnOnce(&mut TestToken)) -> Error {
        Server::new().refusal(change)
    }

    #[test]
    fn authenticator_is_refused_when_its_name_differs_from_the_name_in_the_ticket() {
        let other_names: [NameParts; 6] = [
            "administrator".into(),
            "Alice".into(),
            "alice/".into(),
            "/alice".into(),
            "alice ".into(),
            NameParts { name_type: 1, components: Vec::new() },
        ];
        for name in other_names {
            let error = mismatch(|token| token.authenticator.cname = name);
            assert_eq!(error, Error::ClientMismatch(NamePart::Name));
        }
    }

    /// gokrb5 8.4.4 compares the names only, so its clients can claim any realm.
    #[test]
    fn authenticator_is_refused_when_its_realm_differs_from_the_realm_in_the_ticket() {
        for realm in ["FABRIKAM.TEST", "contoso.test", "CONTOSO.TEST.", ""] {
            let error = mismatch(|token| token.authenticator.crealm = realm.into());
            assert_eq!(error, Error::ClientMismatch(NamePart::Realm));
        }
    }

    #[test]
    fn name_of_one_component_with_a_slash_does_not_match_two_components() {
        let server = Server::new();
        let mut token = server.good().client("host/www");
        assert!(server.check(&token.mint()).is_ok());
        token.authenticator.cname = NameParts::single(NameType::PRINCIPAL, "host/www");
        assert_eq!(server.check(&token.mint()).unwrap_err(), Error::ClientMismatch(NamePart::Name));
    }

    /// The letter é is one character (U+00E9) in the ticket, and the letter e and a combining accent in the authenticator.
    #[test]
    fn name_in_another_unicode_normalization_form_is_refused() {
        let server = Server::new();
        let mut token = server.good().client("Ren\u{E9}");
        assert!(server.check(&token.mint()).is_ok());
        token.authenticator.cname = "Rene\u{301}".into();
        assert_eq!(server.check(&token.mint()).unwrap_err(), Error::ClientMismatch(NamePart::Name));
    }

    /// The name-type is a hint (RFC 4120 section 6.2). Windows clients and KDCs write different name-types.
    #[test]
    fn name_type_in_the_authenticator_may_differ_from_the_name_type_in_the_ticket() {
        let server = Server::new();
        for name_type in [-1, 0, 2, 10, 99, i32::MAX] {
            let accepted = server.accepts(|token| token.authenticator.cname.name_type = name_type);
            assert_eq!(accepted.identity().name().name_type(), NameType::PRINCIPAL);
        }
    }

    #[test]
    fn client_with_an_empty_name_component_or_realm_is_refused() {
        let server = Server::new();
        let cause = NameCause::Empty;
        for (components, shown) in [
            (vec![], ""),
            (vec![""], ""),
            (vec!["", ""], "/"),
            (vec!["alice", ""], "alice/"),
            (vec!["", "alice"], "/alice"),
        ] {
            let components = components.into_iter().map(Vec::from).collect();
            let name = NameParts { name_type: 1, components };
            let error = server.refusal(|token| *token = token.clone().client(name));
            assert_eq!(error, Error::NameRefused { name: BoundedText::new(shown), cause });
        }
        let error = server.refusal(|token| *token = token.clone().client_realm(""));
        assert_eq!(error, Error::NameRefused { name: BoundedText::new("alice"), cause });
    }

    /// RFC 8062 defines the name, the realm and the flag of anonymous clients.
    #[test]
    fn client_with_an_anonymous_name_or_realm_or_flag_is_refused() {
        let server = Server::new();
        let refused = |name| Error::NameRefused { name: BoundedText::new(name), cause: NameCause::Anonymous };
        let error = server.refusal(|token| *token = token.clone().client("WELLKNOWN/ANONYMOUS"));
        assert_eq!(error, refused("WELLKNOWN/ANONYMOUS"));
        let error = server.refusal(|token| *token = token.clone().client_realm("WELLKNOWN:ANONYMOUS"));
        assert_eq!(error, refused("alice"));
        let error = server.refusal(|token| *token = token.clone().flags(TicketFlags::ANONYMOUS));
        assert_eq!(error, refused("alice"));
        for near in ["WELLKNOWN", "WELLKNOWN/ANONYMOUS/X", "wellknown/anonymous"] {
            server.assert_accepts(|token| *token = token.clone().client(near));
        }
    }

    #[test]
    fn name_with_a_nul_or_invalid_utf8_is_malformed() {
        let server = Server::new();
        for component in
            [&b"alice\0"[..], b"\0", b"al\xFFice", b"\xC0\x80", b"\xED\xA0\x80", b"\xF4\x90\x80\x80", b"\xC5"]
        {
            let token = server.good().client(NameParts::single(NameType::PRINCIPAL, component));
            let (_, at) = offsets(&token.ticket.plaintext(), &[0, 3, 0, 1, 0, 0]);
            let error = malformed("PrincipalName.name-string", at, Problem::Text);
            assert_eq!(server.check(&token.mint()).unwrap_err(), error, "{component:02X?}");
        }
    }

    /// An administrator can choose any suffix for a user principal name. The user still belongs to the realm of the
    /// server's key.
    #[test]
    fn enterprise_name_with_the_suffix_of_another_tenant_stays_in_the_realm_of_the_key() {
        let server = Server::new();
        let upn = NameParts::single(NameType::ENTERPRISE, "alice@fabrikam.test");
        let accepted = server.accepts(|token| *token = token.clone().client(upn));
        assert_eq!(accepted.identity().realm(), "CONTOSO.TEST");
        assert_eq!(accepted.identity().to_string(), "alice@fabrikam.test@CONTOSO.TEST");
    }
}

mod service {
    use super::*;

    /// The unencrypted fields of a ticket are not protected. So a list of services finds mistakes, but does not stop an
    /// attacker who has a ticket.
    #[test]
    fn list_of_services_accepts_a_ticket_of_another_service_whose_service_name_was_rewritten() {
        let server = Server::with_policy(Policy::default().with_services(["HTTP/www.contoso.test"]));
        let other = server.good().service("HTTP/other.contoso.test");
        let service = BoundedText::new("HTTP/other.contoso.test");
        assert_eq!(
            server.check(&other.mint()).unwrap_err(),
            Error::ServiceRefused { claim: ServiceClaim::Ticket, service }
        );
        let mut rewritten = other.clone();
        rewritten.ticket.sname = "HTTP/www.contoso.test".into();
        assert_eq!(rewritten.ticket.cipher(), other.ticket.cipher());
        assert_eq!(server.check(&rewritten.mint()).unwrap().service().to_string(), "HTTP/www.contoso.test");
    }

    #[test]
    fn service_that_is_only_similar_to_a_listed_service_is_refused() {
        let server = Server::with_policy(Policy::default().with_services(["HTTP/www.contoso.test"]));
        for name in [
            "HTTP",
            "HTTP/www.contoso.test/",
            "HTTP/www.contoso.tes",
            "xHTTP/www.contoso.test",
            "cifs/www.contoso.test",
        ] {
            let error = server.refusal(|token| *token = token.clone().service(name));
            assert_eq!(error, Error::ServiceRefused { claim: ServiceClaim::Ticket, service: BoundedText::new(name) });
        }
        for name in ["http/WWW.Contoso.Test", "HTTP/www.contoso.test"] {
            server.assert_accepts(|token| *token = token.clone().service(name));
        }
    }

    #[test]
    fn ticket_with_a_rewritten_realm_finds_no_key() {
        let server = Server::new();
        let error = server.refusal(|token| token.ticket.realm = "FABRIKAM.TEST".into());
        assert_eq!(error.code(), "no-key");
    }

    #[test]
    fn policy_without_a_list_accepts_every_service_and_an_empty_list_accepts_none() {
        let empty = Server::with_policy(Policy::default().with_services([]));
        let service = BoundedText::new("HTTP/www.contoso.test");
        assert_eq!(
            empty.check(&empty.good().mint()).unwrap_err(),
            Error::ServiceRefused { claim: ServiceClaim::Ticket, service }
        );
        let any = Server::with_policy(Policy::default().with_services([]).with_any_service());
        assert!(any.check(&any.good().mint()).is_ok());
    }

    #[test]
    fn seamless_sso_policy_accepts_its_two_services_only() {
        let server = Server::with_policy(Policy::seamless_sso().with_pac(PacPolicy::AllowAbsent));
        for name in ["HTTP/autologon.microsoftazuread-sso.com", "HTTP/aadg.windows.net.nsatc.net"] {
            let token = server.good().service(name);
            assert!(server.check(&token.mint()).is_ok());
        }
        let service = BoundedText::new("HTTP/www.contoso.test");
        assert_eq!(
            server.check(&server.good().mint()).unwrap_err(),
            Error::ServiceRefused { claim: ServiceClaim::Ticket, service }
        );
    }
}

mod addresses {
    use super::*;

    const V4: IpAddr = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 7));
    const V6: IpAddr = IpAddr::V6(Ipv6Addr::new(0x2001, 0xDB8, 0, 0, 0, 0, 0, 7));

    fn listed() -> Vec<(i32, Vec<u8>)> {
        let IpAddr::V6(v6) = V6 else { panic!("V6 is an IPv6 address") };
        vec![(20, b"WORKSTATION     ".to_vec()), (2, vec![192, 0, 2, 7]), (24, v6.octets().to_vec())]
    }

    fn server(address: Option<IpAddr>) -> Server {
        let mut server = Server::with_policy(Policy::default().with_addresses(AddressPolicy::Check));
        server.client_address = address;
        server
    }

    #[test]
    fn client_at_a_listed_address_is_accepted() {
        let mapped = IpAddr::V6(Ipv4Addr::new(192, 0, 2, 7).to_ipv6_mapped());
        for address in [V4, V6, mapped] {
            server(Some(address)).assert_accepts(|token| token.ticket.caddr = Some(listed()));
        }
    }

    #[test]
    fn client_at_an_address_that_is_not_listed_is_refused() {
        for address in [IpAddr::V4(Ipv4Addr::new(192, 0, 2, 8)), IpAddr::V6(Ipv6Addr::LOCALHOST)] {
            let error = server(Some(address)).refusal(|token| token.ticket.caddr = Some(listed()));
            assert_eq!(error, Error::AddressMismatch(AddressCause::NotListed));
        }
        // An address with the same octets but another address type is a different address.
        let error = server(Some(V4)).refusal(|token| token.ticket.caddr = Some(vec![(24, vec![192, 0, 2, 7])]));
        assert_eq!(error, Error::AddressMismatch(AddressCause::NotListed));
    }

    /// The IPv4-mapped form of an IPv4 address is the same address (RFC 4291 section 2.5.5.2). The ticket, the connection
    /// or both may have this form.
    #[test]
    fn ipv4_mapped_address_in_the_ticket_matches_the_ipv4_address() {
        let mapped = Ipv4Addr::new(192, 0, 2, 7).to_ipv6_mapped();
        let list_mapped = vec![(24, mapped.octets().to_vec())];
        for address in [V4, IpAddr::V6(mapped)] {
            server(Some(address)).assert_accepts(|token| token.ticket.caddr = Some(list_mapped.clone()));
        }
        let other = server(Some(IpAddr::V4(Ipv4Addr::new(192, 0, 2, 8))));
        let error = other.refusal(|token| token.ticket.caddr = Some(list_mapped.clone()));
        assert_eq!(error, Error::AddressMismatch(AddressCause::NotListed));
    }

    /// Windows lists the client's NetBIOS name (MS-KILE). The error must not blame NAT or the client's address.
    #[test]
    fn ticket_that_lists_only_netbios_names_is_refused_because_it_lists_no_ip_address() {
        for address in [Some(V4), None] {
            let error = server(address).refusal(|token| token.ticket.caddr = Some(listed()[..1].to_vec()));
            assert_eq!(error, Error::AddressMismatch(AddressCause::NoIpAddress));
            assert_eq!(
                error.to_string(),
                "the ticket may be used from certain addresses only, and none of the addresses is an IP address: Windows lists \
                 the client's NetBIOS name"
            );
            let remedy = error.remedy().unwrap().to_string();
            assert!(remedy.contains("NetBIOS") && !remedy.contains("NAT"), "{remedy}");
        }
    }

    #[test]
    fn ticket_with_addresses_is_refused_when_the_address_of_the_client_is_unknown() {
        let error = server(None).refusal(|token| token.ticket.caddr = Some(listed()));
        assert_eq!(error, Error::AddressMismatch(AddressCause::Unknown));
    }

    #[test]
    fn ticket_without_addresses_is_accepted_from_any_address() {
        server(None).assert_accepts(|token| token.ticket.caddr = None);
        server(Some(V4)).assert_accepts(|token| token.ticket.caddr = Some(Vec::new()));
    }

    #[test]
    fn addresses_are_ignored_by_the_default_policy() {
        Server::new().assert_accepts(|token| token.ticket.caddr = Some(listed()));
    }
}

mod delegation {
    use super::*;

    #[test]
    fn forwarded_or_proxy_ticket_is_refused_when_the_policy_refuses_delegation() {
        for (flag, kind) in
            [(TicketFlags::FORWARDED, DelegationKind::Forwarded), (TicketFlags::PROXY, DelegationKind::Proxy)]
        {
            let refusing = Server::with_policy(Policy::default().with_delegation(DelegationPolicy::RefuseByFlags));
            assert_eq!(refusing.refusal(|token| token.ticket.add_flags(flag)), Error::Delegation(kind));
            Server::new().assert_accepts(|token| token.ticket.add_flags(flag));
            let seamless = Server::with_policy(Policy::seamless_sso().with_pac(PacPolicy::AllowAbsent));
            let mut token = seamless.good().service("HTTP/autologon.microsoftazuread-sso.com");
            assert!(seamless.check(&token.mint()).is_ok());
            token.ticket.add_flags(flag);
            assert_eq!(seamless.check(&token.mint()).unwrap_err(), Error::Delegation(kind));
        }
    }

    #[test]
    fn forwardable_or_proxiable_ticket_is_accepted_when_the_policy_refuses_delegation() {
        let refusing = Server::with_policy(Policy::default().with_delegation(DelegationPolicy::RefuseByFlags));
        refusing.assert_accepts(|token| {
            token.ticket.add_flags(TicketFlags::FORWARDABLE);
            token.ticket.add_flags(TicketFlags::PROXIABLE);
            token.ticket.add_flags(TicketFlags::OK_AS_DELEGATE);
        });
    }
}

#[test]
fn accepted_identity_is_the_client_of_the_ticket() {
    let server = Server::new();
    let accepted = server.check(&server.realm.ticket_for("bob").at(NOW).mint()).unwrap();
    assert_eq!(accepted.identity().to_owned().name, "bob");
    assert_eq!(accepted.identity().to_owned().realm, "CONTOSO.TEST");
}
