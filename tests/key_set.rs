//! A key set that is built account by account.
#![cfg(feature = "testing")]
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)]

use kerberos_sso::crypto::EncType;
use kerberos_sso::replay::NoReplayCache;
use kerberos_sso::testing::{TestRealm, TestToken};
use kerberos_sso::{Accepted, Account, KeySet, Policy, Randomness, ServiceKey, UnixTime, Validator};
use std::sync::Arc;

const NOW: UnixTime = TestRealm::NOW;
const ACCOUNT: &str = "AZUREADSSOACC$";

fn realm(name: &str) -> TestRealm {
    TestRealm::new(name).with_account(ACCOUNT)
}

fn contoso() -> TestRealm {
    realm("CONTOSO.TEST")
}

/// The version and the type of a key.
type KeyFacts = (Option<u32>, i32);

/// Returns realm, name and keys of all accounts.
fn contents(keys: &KeySet) -> Vec<(&str, &str, Vec<KeyFacts>)> {
    let keys_of = |account: &Account| {
        let mut keys: Vec<KeyFacts> = account.keys().iter().map(|key| (key.kvno(), key.etype().0)).collect();
        keys.sort_unstable();
        keys
    };
    let mut accounts: Vec<_> =
        keys.accounts().map(|account| (account.realm(), account.name(), keys_of(account))).collect();
    accounts.sort_unstable();
    accounts
}

fn validator(keys: impl Into<Arc<KeySet>>) -> Validator<NoReplayCache> {
    Validator::new(keys, Policy::default(), NoReplayCache)
}

fn accept(keys: impl Into<Arc<KeySet>>, token: &TestToken) -> Accepted {
    validator(keys).validate_ticket(&token.mint(), NOW).unwrap()
}

/// Returns the account and the version of the key that opens a ticket of this realm.
fn opened_by(keys: &Arc<KeySet>, realm: &TestRealm) -> (String, String, Option<u32>) {
    let accepted = accept(Arc::clone(keys), &realm.ticket_for("alice"));
    let opened_by = accepted.opened_by();
    (opened_by.account().realm().into(), opened_by.account().name().into(), opened_by.kvno())
}

#[test]
fn key_set_is_empty_when_no_account_was_added() {
    assert!(KeySet::new().is_empty());
    assert_eq!(contents(&KeySet::new()), []);
    assert!(!KeySet::new().with_account(Account::new("A", "B")).is_empty());
}

#[test]
fn accounts_become_one_when_name_and_realm_are_the_same() {
    let (old, new) = (contoso().with_kvno(2), contoso().with_kvno(3));
    let keys = KeySet::new().with_account(old.account()).with_account(new.account());
    assert_eq!(keys.accounts().count(), 1);
    assert_eq!(keys.account("CONTOSO.TEST", ACCOUNT).unwrap().keys().len(), 2 * EncType::SUPPORTED.len());
    let keys = Arc::new(keys);
    for (realm, kvno) in [(&old, 2), (&new, 3)] {
        assert_eq!(opened_by(&keys, realm), ("CONTOSO.TEST".into(), ACCOUNT.into(), Some(kvno)));
    }
}

/// The order in which accounts are added does not matter, and the set is the one that an iterator makes.
#[test]
fn accounts_stay_when_others_are_added_in_any_order() {
    let realms = [
        contoso().with_kvno(1),
        contoso().with_kvno(2),
        contoso().with_account("OTHER$"),
        contoso().with_account("THIRD$"),
        realm("FABRIKAM.TEST"),
    ];
    let all: KeySet = realms.iter().map(TestRealm::account).collect();
    assert_eq!(all.accounts().count(), 4);
    for order in orders(realms.len()) {
        let keys = order.iter().fold(KeySet::new(), |keys, index| keys.with_account(realms[*index].account()));
        assert_eq!(contents(&keys), contents(&all), "{order:?}");
        let keys = Arc::new(keys);
        for realm in &realms {
            let account = realm.account();
            let expected = (account.realm().into(), account.name().into(), account.keys()[0].kvno());
            assert_eq!(opened_by(&keys, realm), expected, "{order:?}");
        }
    }
}

/// All orders of the numbers below `count`.
fn orders(count: usize) -> Vec<Vec<usize>> {
    (0..count).fold(vec![Vec::new()], |orders, next| {
        let with_next = |order: &Vec<usize>| {
            let insert = |place| [&order[..place], &[next], &order[place..]].concat();
            (0..=order.len()).map(insert).collect::<Vec<_>>()
        };
        orders.iter().flat_map(with_next).collect()
    })
}

#[test]
fn key_is_held_once_and_for_the_longest_time_when_it_is_added_twice() {
    let etype = EncType::AES256_CTS_HMAC_SHA1_96;
    let entry = |not_after: Option<UnixTime>| {
        let key = ServiceKey::new(contoso().key(etype), Some(1));
        let key = not_after.into_iter().fold(key, ServiceKey::with_not_after);
        Account::new(ACCOUNT, "CONTOSO.TEST").with_key(key)
    };
    let retires = NOW.saturating_add_seconds(-1);
    let code = |keys: KeySet| {
        let token = contoso().ticket_for("alice").mint();
        validator(keys).validate_ticket(&token, NOW).err().map(|refused| refused.code())
    };
    let once = KeySet::new().with_account(entry(Some(retires)));
    assert!(code(once).is_some());
    for second in [None, Some(NOW)] {
        let twice = KeySet::new().with_account(entry(Some(retires))).with_account(entry(second));
        assert_eq!(twice.account("CONTOSO.TEST", ACCOUNT).unwrap().keys().len(), 1);
        assert_eq!(code(twice), None);
    }
}

/// An entry has keys, the users for whom the keys vouch, and demands on tickets.
#[test]
fn accounts_that_become_one_have_the_trust_of_both() {
    let domain = "S-1-5-21-1-2-3".parse().unwrap();
    let entry = || Account::new(ACCOUNT, "CONTOSO.TEST");
    let keys = KeySet::new()
        .with_account(contoso().account().with_client_realm("A.TEST"))
        .with_account(entry().with_client_realm("B.TEST"))
        .with_account(entry().with_domain_sid(domain))
        .with_account(entry().of_active_directory());
    let account = keys.account("CONTOSO.TEST", ACCOUNT).unwrap();
    assert_eq!(account.client_realms().collect::<Vec<_>>(), ["A.TEST", "B.TEST"]);
    assert_eq!(account.domain_sids(), [domain]);
    let refused = validator(keys).validate_ticket(&contoso().ticket_for("alice").mint(), NOW).unwrap_err();
    assert_eq!(refused.code(), "pac-missing");
}

#[test]
fn service_is_found_when_an_added_entry_names_it() {
    let entry = |name: &str| contoso().with_account(name).account();
    let names = ["A$", "B$", "C$"];
    for wanted in names {
        let keys = names.iter().fold(KeySet::new(), |keys, name| keys.with_account(entry(name)));
        let with_service = Account::new(wanted, "CONTOSO.TEST").with_service("HTTP/www.contoso.test");
        let server = validator(keys.with_account(with_service));
        let token = contoso().ticket_for("alice").mint();
        let request = server.read(&token).unwrap();
        let first = server.candidates(&request.key_query(), NOW).next().unwrap().0;
        assert_eq!((first.name(), first.keys().len()), (wanted, EncType::SUPPORTED.len()));
    }
}

/// An accepted request holds its account, so the set cannot take that account over. The request keeps what it has.
#[test]
fn account_is_added_while_an_accepted_request_of_the_old_set_is_alive() {
    let (old, new) = (contoso().with_kvno(1).of_active_directory(), contoso().with_kvno(2));
    let others = [contoso().with_account("OTHER$"), realm("FABRIKAM.TEST")];
    for count in 0..=others.len() {
        let trusted = old.account().with_client_realm("A.TEST");
        let accounts = others[..count].iter().map(TestRealm::account).chain([trusted]);
        let keys = Arc::new(accounts.collect::<KeySet>());
        let before = contents(&keys).len();
        let accepted = accept(Arc::clone(&keys), &old.ticket_for("alice"));

        let keys = Arc::into_inner(keys).unwrap().with_account(new.account());
        let account = accepted.opened_by().account();
        assert_eq!((account.name(), account.keys().len()), (ACCOUNT, EncType::SUPPORTED.len()));
        assert_eq!(accepted.identity().to_owned().name, "alice");
        assert!(accepted.answer(&Randomness::new([1; 64])).token().is_some());

        assert_eq!(contents(&keys).len(), before);
        let merged = keys.account("CONTOSO.TEST", ACCOUNT).unwrap();
        assert_eq!(merged.keys().len(), 2 * EncType::SUPPORTED.len());
        assert_eq!(merged.client_realms().collect::<Vec<_>>(), ["A.TEST"]);
        assert_eq!(merged.domain_sids(), [old.domain_sid()]);
        let keys = Arc::new(keys);
        assert_eq!(opened_by(&keys, &old).2, Some(1));
        assert_eq!(opened_by(&keys, &new.clone().of_active_directory()).2, Some(2));
        for other in &others[..count] {
            assert_eq!(opened_by(&keys, other).1, other.account().name());
        }
        // The account of the old set is of Active Directory, and so is the one of both.
        let without_pac = old.ticket_for("alice").without_pac().mint();
        assert_eq!(validator(keys).validate_ticket(&without_pac, NOW).unwrap_err().code(), "pac-missing");
        drop(accepted);
    }
}
