//! The service that the client names in its authenticator (KERB_AUTH_DATA_CLIENT_TARGET).

use crate::common;

use common::{NOW, Server, malformed};
use kerberos_sso::error::{BoundedText, Problem, ServiceClaim};
use kerberos_sso::testing::{TestToken, if_relevant};
use kerberos_sso::{Accepted, Error, Policy, ticket::ClientTarget};

const CLIENT_TARGET: i32 = 144;

/// The target of the listed service. The server does not compare the target's realm, because the key set holds only
/// accounts of the server's realms.
const OURS: &str = "HTTP/www.contoso.test@CONTOSO.TEST";
const OTHER: &str = "HTTP/other.contoso.test@CONTOSO.TEST";

/// Returns a server that accepts tickets for one service only.
fn listing() -> Server {
    Server::with_policy(Policy::default().with_services(["HTTP/www.contoso.test"]))
}

fn asks_for(service: &str) -> impl FnOnce(&mut TestToken) {
    move |token| *token = token.clone().client_target(service)
}

/// Puts these elements into one AD-IF-RELEVANT of the authenticator, as Windows does.
fn sends(elements: &[(i32, Vec<u8>)]) -> impl FnOnce(&mut TestToken) {
    move |token| token.authenticator.authorization_data = vec![if_relevant(elements)]
}

fn utf16(text: &str) -> Vec<u8> {
    text.encode_utf16().flat_map(u16::to_le_bytes).collect()
}

fn refused(service: &str) -> Error {
    Error::ServiceRefused { claim: ServiceClaim::ClientTarget, service: BoundedText::new(service) }
}

fn shown(accepted: &Accepted) -> Option<String> {
    accepted.authenticator().client_target().as_ref().map(ClientTarget::to_string)
}

#[test]
fn target_of_the_listed_service_is_accepted_and_shown() {
    let accepted = listing().accepts(asks_for(OURS));
    let target = accepted.authenticator().client_target().unwrap();
    assert_eq!(target.to_string(), OURS);
    assert!(target.text() == *OURS && target.service() == *"HTTP/www.contoso.test");
    assert!(target.realm().unwrap() == *"CONTOSO.TEST");
}

/// The ticket is for another service of the same account. An attacker has rewritten the ticket's service name, which is not
/// protected.
#[test]
fn request_for_another_service_is_refused_even_when_the_service_name_in_the_ticket_was_rewritten() {
    let server = listing();
    let mut relayed = server.good().service("HTTP/other.contoso.test").client_target(OTHER);
    relayed.ticket.sname = "HTTP/www.contoso.test".into();
    let error = server.check(&relayed.mint()).unwrap_err();
    assert_eq!((error.code(), &error), ("service-refused", &refused("HTTP/other.contoso.test")));
    assert_eq!(
        error.to_string(),
        "the client made its authenticator for the service HTTP/other.contoso.test, which is not among the \
         services that the policy accepts"
    );
    assert!(error.remedy().unwrap().to_string().contains("an attacker has forwarded a request"));
    let mut by_ticket = server.good();
    by_ticket.ticket.sname = "HTTP/other.contoso.test".into();
    assert_ne!(server.check(&by_ticket.mint()).unwrap_err(), error);
}

#[test]
fn request_without_a_target_is_accepted() {
    let accepted = listing().accepts(sends(&[(143, vec![0, 0x40, 0, 0])]));
    assert_eq!(shown(&accepted), None);
}

#[test]
fn any_target_is_accepted_and_shown_when_the_policy_accepts_any_service() {
    let server = Server::new();
    for target in [OURS, OTHER, "krbtgt/CONTOSO.TEST@CONTOSO.TEST", "no realm", "@", "李@李.TEST", "𝄞@𝄞"] {
        assert_eq!(shown(&server.accepts(asks_for(target))).as_deref(), Some(target));
    }
}

#[test]
fn target_must_be_the_whole_name_of_the_listed_service_in_any_letter_case_and_any_realm() {
    let server = listing();
    for (target, service) in [
        ("HTTP/www.contoso.tes@CONTOSO.TEST", "HTTP/www.contoso.tes"),
        ("HTTP/www.contoso.test/@CONTOSO.TEST", "HTTP/www.contoso.test/"),
        ("HTTP/www.contoso.test2@CONTOSO.TEST", "HTTP/www.contoso.test2"),
        ("xHTTP/www.contoso.test@CONTOSO.TEST", "xHTTP/www.contoso.test"),
        ("HOST/www.contoso.test@CONTOSO.TEST", "HOST/www.contoso.test"),
        ("HTTP@CONTOSO.TEST", "HTTP"),
        ("www.contoso.test", "www.contoso.test"),
        ("@CONTOSO.TEST", ""),
        // Only the text after the last `@` is the realm.
        ("HTTP/www.contoso.test@CONTOSO.TEST@CONTOSO.TEST", "HTTP/www.contoso.test@CONTOSO.TEST"),
        // LATIN SMALL LETTER LONG S is not the letter S, although the uppercase form of both is S.
        ("HTTP/www.conto\u{17F}o.test@CONTOSO.TEST", "HTTP/www.conto\u{17F}o.test"),
    ] {
        assert_eq!(server.refusal(asks_for(target)), refused(service), "{target}");
    }
    for target in [
        "http/WWW.Contoso.Test@CONTOSO.TEST",
        "HTTP/www.contoso.test",
        "HTTP/www.contoso.test@",
        "HTTP/www.contoso.test@OTHER.TEST",
    ] {
        assert_eq!(shown(&server.accepts(asks_for(target))).as_deref(), Some(target));
    }
}

#[test]
fn target_is_accepted_for_each_of_several_listed_services() {
    let server = Server::with_policy(Policy::default().with_services(["HTTP/www.contoso.test", "HTTP/intranet"]));
    for target in [OURS, "HTTP/intranet@CONTOSO.TEST"] {
        server.assert_accepts(asks_for(target));
    }
    assert_eq!(server.refusal(asks_for(OTHER)), refused("HTTP/other.contoso.test"));
}

/// A server may ignore an element of unknown type inside AD-IF-RELEVANT, but not outside (RFC 4120 section 5.2.6.1).
/// This server knows the type, so it checks the element in both places.
#[test]
fn target_counts_inside_and_outside_of_ad_if_relevant() {
    let server = listing();
    for (name, fits) in [(OURS, true), (OTHER, false)] {
        let element = (CLIENT_TARGET, utf16(name));
        for data in [
            vec![element.clone()],
            vec![if_relevant(&[(143, vec![0; 4]), element.clone()])],
            vec![if_relevant(&[(-7, vec![1])]), if_relevant(&[if_relevant(&[element])])],
        ] {
            let mut token = server.good();
            token.authenticator.authorization_data = data;
            assert_eq!(
                server.check(&token.mint()).map(drop),
                if fits { Ok(()) } else { Err(refused("HTTP/other.contoso.test")) }
            );
        }
    }
}

/// The flags of KERB_AP_OPTIONS announce channel bindings (0x4000), and a target name from a source that the client does not
/// trust (0x8000).
#[test]
fn unlisted_target_is_refused_even_with_the_flag_of_an_unverified_name() {
    for options in [0x0000_4000_u32, 0x0000_8000, 0x0000_C000] {
        let elements = [(143, options.to_le_bytes().to_vec()), (CLIENT_TARGET, utf16(OTHER))];
        assert_eq!(listing().refusal(sends(&elements)), refused("HTTP/other.contoso.test"));
    }
}

/// No KDC writes KERB_AUTH_DATA_CLIENT_TARGET into a ticket. In a ticket, this element would not say which service the
/// client meant, because the KDC writes the ticket.
#[test]
fn target_in_the_ticket_is_ignored() {
    let element = || (CLIENT_TARGET, utf16(OTHER));
    let accepted = listing().accepts(|token| {
        token.ticket.authorization_data = vec![element(), if_relevant(&[element()])];
    });
    assert_eq!(shown(&accepted), None);
}

/// Returns targets that cannot be read: half a UTF-16 unit, half a surrogate pair, a terminator, a NUL, and no octets.
fn unreadable() -> [(Vec<u8>, Problem); 6] {
    [
        (vec![0x41], Problem::Unrecognised),
        ([utf16(OURS), vec![0x41]].concat(), Problem::Unrecognised),
        ([utf16(OURS), vec![0x00, 0xD8]].concat(), Problem::Unrecognised),
        ([utf16(OURS), vec![0, 0]].concat(), Problem::Unrecognised),
        (utf16("a\0b"), Problem::Unrecognised),
        (Vec::new(), Problem::Empty),
    ]
}

#[test]
fn unreadable_target_is_malformed_when_the_policy_lists_services() {
    let server = listing();
    for (data, problem) in unreadable() {
        let error = server.refusal(sends(&[(CLIENT_TARGET, data.clone())]));
        assert_eq!(error, malformed("KERB_AUTH_DATA_CLIENT_TARGET", 0, problem), "{data:02X?}");
    }
}

#[test]
fn unreadable_target_is_ignored_when_the_policy_accepts_any_service() {
    let server = Server::new();
    for (data, _) in unreadable() {
        assert_eq!(shown(&server.accepts(sends(&[(CLIENT_TARGET, data)]))), None);
    }
}

#[test]
fn two_targets_are_malformed_when_the_policy_lists_services_and_ignored_otherwise() {
    let elements = [(CLIENT_TARGET, utf16(OURS)), (CLIENT_TARGET, utf16(OURS))];
    let error = listing().refusal(sends(&elements));
    assert_eq!(error, malformed("KERB_AUTH_DATA_CLIENT_TARGET", 0, Problem::TooMany(1)));
    assert_eq!(shown(&Server::new().accepts(sends(&elements))), None);
    listing().assert_accepts(sends(&elements[..1]));
}

/// Only the size of the token limits the length of the target. The error has only the beginning of a long target.
#[test]
fn longest_target_that_a_token_allows_is_compared_with_the_listed_services() {
    let long = format!("{}@CONTOSO.TEST", "x".repeat(20_000));
    let error = listing().refusal(asks_for(&long));
    assert_eq!(error, refused(&long[..20_000]));
    assert_eq!(shown(&Server::new().accepts(asks_for(&long))), Some(long));
}

#[test]
fn target_that_could_forge_a_line_of_the_log_is_shown_escaped() {
    let hostile = "HTTP/a\r\n2026 root signed in\u{202E}@CONTOSO.TEST";
    for shown in [
        shown(&Server::new().accepts(asks_for(hostile))).unwrap(),
        format!("{:?}", Server::new().accepts(asks_for(hostile)).authenticator().client_target()),
        listing().refusal(asks_for(hostile)).to_string(),
    ] {
        assert!(shown.contains(r"a\u{d}\u{a}2026 root signed in\u{202e}"), "{shown}");
    }
}

#[test]
fn verified_request_shows_the_target_of_its_authenticator() {
    let server = Server::new();
    let bytes = server.good().client_target(OURS).mint();
    let opened = server.validator.open(server.validator.read(&bytes).unwrap(), NOW).unwrap();
    let verified = server.validator.verify(opened, NOW).unwrap();
    assert_eq!(verified.authenticator().client_target().unwrap().to_string(), OURS);
}
