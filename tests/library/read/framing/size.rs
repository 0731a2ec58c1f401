//! The size of a token, which the server checks before it reads the token.

use super::*;

/// Returns a valid token of exactly `size` octets.
fn of_size(server: &Server, size: usize) -> Vec<u8> {
    let with_padding = |padding: usize| {
        let mut token = server.good();
        token.ticket.authorization_data = vec![if_relevant(&[(-1, vec![0; padding])])];
        token.mint()
    };
    let token = with_padding(60_000);
    let token = with_padding(60_000 + size - token.len());
    assert_eq!(token.len(), size);
    token
}

#[test]
fn token_of_the_largest_size_is_accepted_and_one_octet_more_is_too_large() {
    let server = Server::new();
    assert!(server.check(&of_size(&server, MAX_TOKEN_SIZE)).is_ok());
    let too_large = Error::TooLarge { size: MAX_TOKEN_SIZE + 1, limit: MAX_TOKEN_SIZE };
    assert_eq!(server.check(&of_size(&server, MAX_TOKEN_SIZE + 1)).unwrap_err(), too_large);
}

#[test]
fn policy_can_lower_the_size_limit_and_cannot_raise_it() {
    let size = Server::new().good().mint().len();
    let lowered = |limit| Server::with_policy(Policy::default().with_max_token_size(limit));
    let server = lowered(size);
    assert!(server.check(&server.good().mint()).is_ok());
    let server = lowered(size - 1);
    assert_eq!(server.check(&server.good().mint()).unwrap_err(), Error::TooLarge { size, limit: size - 1 });
    let server = lowered(usize::MAX);
    let too_large = Error::TooLarge { size: MAX_TOKEN_SIZE + 1, limit: MAX_TOKEN_SIZE };
    assert_eq!(server.check(&vec![0x60; MAX_TOKEN_SIZE + 1]).unwrap_err(), too_large);
}

#[test]
fn token_over_the_limit_is_too_large_even_if_it_is_malformed() {
    let server = Server::new();
    let too_large = Error::TooLarge { size: 1 << 20, limit: MAX_TOKEN_SIZE };
    assert_eq!(server.check(&vec![0; 1 << 20]).unwrap_err(), too_large);
    let header = ["Negotiate ", &"!".repeat(1 << 20)].concat();
    let too_large = Error::TooLarge { size: (1 << 18) * 3, limit: MAX_TOKEN_SIZE };
    assert_eq!(*server.validator.validate_header(header.as_bytes(), NOW).unwrap_err().error(), too_large);
}

#[test]
fn header_with_a_token_of_the_largest_size_is_accepted_and_a_longer_token_is_too_large() {
    let server = Server::new();
    for (size, accepted) in [(MAX_TOKEN_SIZE, true), (MAX_TOKEN_SIZE + 1, false), (MAX_TOKEN_SIZE + 3, false)] {
        let header = ["Negotiate ", &STANDARD.encode(of_size(&server, size))].concat();
        let checked = server.validator.validate_header(header.as_bytes(), NOW);
        assert_eq!(checked.is_ok(), accepted, "{size}");
        if let Err(refused) = checked {
            assert_eq!(refused.code(), "too-large");
        }
    }
}
