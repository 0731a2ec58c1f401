//! Tests that the server accepts counts and lengths up to their limits, and refuses one more.

use super::*;

fn components(count: usize) -> Vec<Vec<u8>> {
    vec![b"a".to_vec(); count]
}

#[test]
fn name_with_more_components_than_the_limit_is_malformed() {
    let server = Server::new();
    server.assert_accepts(|token| token.ticket.sname.components = components(MAX_NAME_COMPONENTS));
    server.assert_accepts(|token| {
        token.ticket.cname.components = components(MAX_NAME_COMPONENTS);
        token.authenticator.cname = token.ticket.cname.clone();
    });
    let mut token = server.good();
    token.ticket.cname.components = components(MAX_NAME_COMPONENTS + 1);
    let (at, _) = offsets(&token.ticket.plaintext(), &[0, 3, 0, 1, 0, MAX_NAME_COMPONENTS]);
    let too_many = Problem::TooMany(MAX_NAME_COMPONENTS);
    assert_eq!(server.check(&token.mint()).unwrap_err(), malformed("PrincipalName.name-string", at, too_many));
    let error = server.refusal(|token| token.ticket.sname.components = components(MAX_NAME_COMPONENTS + 1));
    assert_malformed(&error, "sname");
    let error = server.refusal(|token| token.authenticator.cname.components = components(MAX_NAME_COMPONENTS + 1));
    assert_malformed(&error, "cname");
}

#[test]
fn realm_longer_than_the_limit_is_malformed() {
    let server = Server::new();
    let longest = "R".repeat(MAX_REALM_LENGTH);
    let longer = "R".repeat(MAX_REALM_LENGTH + 1);
    let too_long = Problem::TooLong(MAX_REALM_LENGTH);
    assert_eq!(server.refusal(|token| token.ticket.realm = longest.clone().into()).code(), "no-key");
    assert_eq!(server.refusal(|token| token.ticket.crealm = longest.clone().into()).code(), "untrusted-realm");
    assert_eq!(server.refusal(|token| token.authenticator.crealm = longest.into()).code(), "client-mismatch");
    let mut token = server.good().framed(TokenFraming::ApReq);
    token.ticket.realm = longer.clone().into();
    let (_, at) = offsets(&token.ap_req(), &[0, 3, 0, 0, 1, 0]);
    assert_eq!(server.check(&token.mint()).unwrap_err(), malformed("Ticket.realm", at, too_long));
    let token = server.good().client_realm(longer.clone());
    let (_, at) = offsets(&token.ticket.plaintext(), &[0, 2, 0]);
    assert_eq!(server.check(&token.mint()).unwrap_err(), malformed("EncTicketPart.crealm", at, too_long));
    let mut token = server.good();
    token.authenticator.crealm = longer.into();
    let (_, at) = offsets(&token.authenticator.plaintext(), &[0, 1, 0]);
    assert_eq!(server.check(&token.mint()).unwrap_err(), malformed("Authenticator.crealm", at, too_long));
}

#[test]
fn authorization_data_with_more_elements_than_the_limit_is_malformed() {
    let server = Server::new();
    let elements = |count: usize| vec![(128, vec![0]); count];
    let at_limit = elements(MAX_AUTH_DATA_ELEMENTS);
    let beyond = elements(MAX_AUTH_DATA_ELEMENTS + 1);
    let too_many = Problem::TooMany(MAX_AUTH_DATA_ELEMENTS);
    // These elements are in AD-IF-RELEVANT, where the server may ignore an element of unknown type.
    let unknown = |count: usize| vec![if_relevant(&vec![(-1, vec![0]); count])];
    server.assert_accepts(|token| token.ticket.authorization_data = unknown(MAX_AUTH_DATA_ELEMENTS));
    server.assert_accepts(|token| token.authenticator.authorization_data = unknown(MAX_AUTH_DATA_ELEMENTS));
    server.assert_accepts(|token| token.authenticator.authorization_data = at_limit.clone());
    for error in [
        server.refusal(|token| token.ticket.authorization_data = unknown(MAX_AUTH_DATA_ELEMENTS + 1)),
        server.refusal(|token| token.authenticator.authorization_data = unknown(MAX_AUTH_DATA_ELEMENTS + 1)),
    ] {
        let Error::Malformed(error) = error else { panic!("{error}") };
        assert_eq!((error.what, error.problem), ("AuthorizationData", too_many));
    }
    let Error::Malformed(error) = server.refusal(|token| token.ticket.authorization_data = beyond.clone()) else {
        panic!("a ticket with too many elements is malformed");
    };
    assert_eq!((error.what, error.problem), ("EncTicketPart.authorization-data", too_many));
}

#[test]
fn ticket_with_more_than_64_addresses_is_malformed() {
    let server = Server::new();
    let addresses = |count: usize| Some(vec![(2, vec![192, 0, 2, 1]); count]);
    server.assert_accepts(|token| token.ticket.caddr = addresses(64));
    let error = server.refusal(|token| token.ticket.caddr = addresses(65));
    let Error::Malformed(error) = error else { panic!("{error}") };
    assert_eq!((error.what, error.problem), ("EncTicketPart.caddr", Problem::TooMany(64)));
}
