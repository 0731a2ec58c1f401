//! Fuzzes EncTicketParts, encrypted under the service's key. The target checks that an accepted user is the
//! client of the ticket and of the authenticator.
#![no_main]

use kerberos_sso::error::Error;
use kerberos_sso_fuzz::server::{Server, user};
use kerberos_sso_fuzz::stated::{Client, Ticket};
use libfuzzer_sys::fuzz_target;
use std::sync::LazyLock;

static SERVER: LazyLock<Server> = LazyLock::new(Server::new);

fuzz_target!(|plaintext: &[u8]| {
    let mut token = SERVER.token.clone();
    token.ticket.raw = Some(plaintext.to_vec());
    let stated = Ticket::read(plaintext);
    if let Some(ticket) = &stated {
        token.authenticator.etype = ticket.session_key.etype().0.into();
        token.authenticator.key = ticket.session_key.clone();
    }
    let verdict = SERVER.judge(&token.mint());
    let other_client = verdict.as_ref().is_err_and(|refused| matches!(refused.error(), Error::ClientMismatch(_)));
    if let Ok(accepted) = &verdict {
        assert!(Client::of(accepted).is(&user()));
        assert_eq!(accepted.ticket().flags().bits(), stated.as_ref().expect("it is whole").flags);
    }
    // A client with another name in the ticket also sends this name in its authenticator.
    if let (true, Some(ticket)) = (other_client, stated) {
        token.authenticator.crealm = ticket.client.realm.clone();
        token.authenticator.cname = ticket.client.name.clone();
        if let Ok(accepted) = SERVER.judge(&token.mint()) {
            assert_eq!(Client::of(&accepted), ticket.client);
            assert_eq!(ticket.client.realm, user().realm);
        }
    }
});
