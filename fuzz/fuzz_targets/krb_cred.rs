//! Fuzzes delegated credentials in the checksum of an authenticator. The target checks that the credential cache that
//! the library writes has the values of the credentials. The target also checks that an accepted request has the user
//! of the ticket.
//!
//! An input is an octet for the key of the EncKrbCredPart, the encoded tickets, and the EncKrbCredPart.
#![no_main]

use kerberos_sso::Key;
use kerberos_sso::crypto::KeyUsage;
use kerberos_sso_fuzz::der::{INTEGER, OCTET_STRING, SEQUENCE, element, field};
use kerberos_sso_fuzz::input::Input;
use kerberos_sso_fuzz::server::Server;
use kerberos_sso_fuzz::verdict;
use libfuzzer_sys::fuzz_target;
use std::sync::LazyLock;

static SERVER: LazyLock<Server> = LazyLock::new(Server::new);

fuzz_target!(|input: &[u8]| {
    let mut input = Input::new(input);
    let authenticator = &SERVER.token.authenticator;
    let subkey = || authenticator.subkey.as_ref().and_then(|key| key.key()).unwrap();
    let credentials = match input.octet() % 4 {
        0 => krb_cred(None, input),
        1 => krb_cred(Some(&authenticator.key), input),
        2 => krb_cred(Some(&subkey()), input),
        _ => input.rest().to_vec(),
    };
    if credentials.len() > usize::from(u16::MAX) {
        return;
    }
    // `judge` checks the verdict, and reads the credentials in this check.
    if let Ok(accepted) = SERVER.judge(&SERVER.token.clone().delegating(&credentials).mint()) {
        verdict::assert_is_the_user(&accepted);
        // Empty credentials count as no credentials.
        assert_eq!(accepted.delegates(), !credentials.is_empty());
    }
});

/// Encodes a KRB-CRED (RFC 4120 section 5.8.1). The EncKrbCredPart is encrypted under `key`, or unencrypted without a
/// key.
fn krb_cred(key: Option<&Key>, mut input: Input<'_>) -> Vec<u8> {
    let (tickets, part) = (input.part(), input.rest());
    let mut cipher = Vec::new();
    match key {
        Some(key) => key.cipher(KeyUsage::KRB_CRED).encrypt(&[0xC0; 16], part, &mut cipher),
        None => cipher.extend(part),
    }
    let etype = key.map_or(0, |key| u8::try_from(key.etype().0).unwrap());
    let encrypted = [field(0, INTEGER, &[etype]), field(2, OCTET_STRING, &cipher)].concat();
    let fields = [
        field(0, INTEGER, &[5]),
        field(1, INTEGER, &[22]),
        field(2, SEQUENCE, tickets),
        field(3, SEQUENCE, &encrypted),
    ];
    element(0x76, &element(SEQUENCE, &fields.concat()))
}
