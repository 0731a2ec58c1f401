//! Fuzzes keytabs. The target checks that entries are the same after they are written and read again, and that each
//! account has the keys of its principal.
#![no_main]

use kerberos_sso::keys::{KeytabEntry, KeytabError};
use kerberos_sso::{KeySet, Keytab};
use kerberos_sso_fuzz::{allocated, keytab, printed};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|octets: &[u8]| {
    let read = match allocated::at_most(limit(octets), || Keytab::parse(octets)) {
        Ok(read) => read,
        Err(error) => return printed::harmless_error(&error),
    };
    printed::harmless_debug(&read);
    for unusable in read.unusable() {
        printed::harmless(unusable);
        assert!(unusable.at <= octets.len());
    }
    let with_keys: Vec<_> = read.entries().iter().filter(|entry| entry.key.is_some()).collect();
    let again = Keytab::parse(&keytab::write(with_keys.iter().copied())).unwrap();
    assert_eq!((again.entries().len(), again.unusable().len()), (with_keys.len(), 0));
    with_keys.iter().zip(again.entries()).for_each(|(one, other)| keytab::assert_same(one, other));
    for account in allocated::at_most(limit(octets), || again.accounts()) {
        printed::harmless_debug(&account);
        let is_of = |entry: &&&_| principal(entry) == (account.name().into(), account.realm().into());
        let entries: Vec<_> = with_keys.iter().filter(is_of).collect();
        // An account holds a repeated key once. Version 0 means that the version is unknown.
        let is_held = |entry: &KeytabEntry| {
            let kvno = Some(entry.kvno).filter(|kvno| *kvno != 0);
            account.keys().iter().any(|key| (key.kvno(), key.etype()) == (kvno, entry.etype))
        };
        assert!((1..=entries.len()).contains(&account.keys().len()) && entries.iter().all(|entry| is_held(entry)));
    }
    check_chosen(octets);
    check_key_set(&KeySet::from_whole_keytab(octets));
});

/// Checks that a key set of chosen principals has no other principals.
fn check_chosen(octets: &[u8]) {
    let chosen = KeySet::from_keytab(octets, PRINCIPALS);
    check_key_set(&chosen);
    for account in chosen.iter().flat_map(KeySet::accounts) {
        let (name, realm) = (account.name().to_ascii_lowercase(), account.realm());
        assert!(
            name == "http/www.example.test" || (&*name, realm) == ("svc", "EXAMPLE.TEST") || name == "svc/example.test"
        );
    }
    if let Ok(keytab) = Keytab::parse(octets) {
        keytab.only(PRINCIPALS).left_out().iter().for_each(printed::harmless);
    }
}

fn check_key_set(keys: &Result<KeySet, KeytabError>) {
    match keys {
        Ok(keys) => assert!(!keys.is_empty()),
        // `Debug` lists all records, so only the text of `Display` is bounded.
        Err(error) => {
            printed::harmless(error);
            printed::bounded_text(&error.to_string());
        }
    }
}

fn principal(entry: &KeytabEntry) -> (String, String) {
    (entry.components.join("/"), entry.realm.clone())
}

/// Two principals that the keytabs of the seeds have. The second principal can also be read as a host-based service
/// name of GSS.
const PRINCIPALS: [&str; 2] = ["HTTP/www.example.test", "svc@EXAMPLE.TEST"];

/// Returns how many octets the reading of a keytab may allocate. A keytab can have an unusable record in every five
/// octets. The list of these records has room for a name in each entry, and is copied when it grows.
const fn limit(octets: &[u8]) -> usize {
    128 * octets.len() + 64 * 1024
}
