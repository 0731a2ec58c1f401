//! Key sets: their accounts, the tenants of the accounts, and key rollover.

use kerberos_sso::crypto::EncType;
use kerberos_sso::replay::NoReplayCache;
use kerberos_sso::testing::{TestRealm, TestToken};
use kerberos_sso::{
    Accepted, Account, ComputerAccount, KeySet, Password, Policy, Randomness, ServiceKey, UnixTime, Validator,
};
use std::sync::Arc;

const NOW: UnixTime = TestRealm::NOW;
const ACCOUNT: &str = "AZUREADSSOACC$";

fn realm(name: &str) -> TestRealm {
    TestRealm::new(name).with_account(ACCOUNT)
}

fn contoso() -> TestRealm {
    realm("CONTOSO.TEST")
}

/// The version and the encryption type of a key.
type KeyFacts = (Option<u32>, i32);

/// Returns the realm, the name and the keys of every account.
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

/// Returns the realm and the name of the account whose key opens a ticket of `realm`, and the version of that key.
fn opened_by(keys: &Arc<KeySet>, realm: &TestRealm) -> (String, String, Option<u32>) {
    let accepted = accept(Arc::clone(keys), &realm.ticket_for("alice"));
    let opened_by = accepted.opened_by();
    (opened_by.account().realm().into(), opened_by.account().name().into(), opened_by.kvno())
}

#[test]
fn key_set_is_empty_when_no_account_was_added() {
    assert!(KeySet::new().is_empty());
    assert_eq!(contents(&KeySet::new()), []);
    assert!(!KeySet::new().with_account(Account::new("A", "B")).unwrap().is_empty());
}

#[test]
fn computer_account_and_marked_account_are_of_active_directory() {
    let account = || Account::new("HTTP/www.contoso.test", "CONTOSO.TEST");
    let computer = ComputerAccount::new("SERVER", "CONTOSO.TEST");
    assert!(!account().is_of_active_directory());
    assert!(account().of_active_directory().is_of_active_directory());
    assert!(computer.with_password(&Password::from_text("Passw0rd"), None).is_of_active_directory());
}

#[test]
fn getters_return_the_client_realms_and_domain_sids_that_were_added_to_the_account() {
    let account = || Account::new("HTTP/www.contoso.test", "CONTOSO.TEST");
    assert_eq!((account().client_realms().count(), account().domain_sids().len()), (0, 0));
    let [one, other] = [contoso().domain_sid(), realm("CHILD.CONTOSO.TEST").domain_sid()];
    let account =
        account().with_client_realm("MIT.TEST").with_domain_sid(one).with_forest_domain("CHILD.CONTOSO.TEST", other);
    assert!(account.client_realms().eq(["MIT.TEST", "CHILD.CONTOSO.TEST"]));
    assert_eq!(account.domain_sids(), [one, other]);
}

/// Returns the account of `realm` with its own keys and the keys of `before`.
fn with_keys_of(realm: &TestRealm, before: &TestRealm) -> Account {
    realm.account().with_keys(before.account().keys().iter().cloned())
}

#[test]
fn account_opens_tickets_of_both_versions_when_it_has_both_keys() {
    let (old, new) = (contoso().with_kvno(2), contoso().with_kvno(3));
    let keys = KeySet::from(with_keys_of(&new, &old));
    assert_eq!(keys.account("CONTOSO.TEST", ACCOUNT).unwrap().keys().len(), 2 * EncType::SUPPORTED.len());
    let keys = Arc::new(keys);
    for (realm, kvno) in [(&old, 2), (&new, 3)] {
        assert_eq!(opened_by(&keys, realm), ("CONTOSO.TEST".into(), ACCOUNT.into(), Some(kvno)));
    }
}

/// If the set merged the accounts, one source of keys could add its keys to the account of another source.
#[test]
fn account_is_refused_when_the_set_has_an_account_with_the_same_tenant_and_realm_and_name() {
    let (ours, theirs) = (contoso().account(), contoso().with_kvno(2).account());
    let error = KeySet::from_accounts([ours, theirs]).unwrap_err();
    assert_eq!(
        error.to_string(),
        "the key set has two accounts AZUREADSSOACC$ of realm CONTOSO.TEST; give both keys to one account, or label each \
         with its tenant"
    );
    let set = KeySet::from(contoso().account());
    assert_eq!(set.with_account(contoso().with_kvno(2).account()).unwrap_err(), error);
    // Two accounts may have the same name or the same realm. Accounts of two tenants may have the same name and the same
    // realm.
    let others = [contoso().with_account("B$").account(), realm("FABRIKAM.TEST").account()];
    let other_tenant = contoso().with_kvno(3).account().with_tenant("b");
    let all = others.into_iter().chain([contoso().account(), other_tenant]);
    assert_eq!(KeySet::from_accounts(all).unwrap().accounts().count(), 4);
}

/// Two tenants name the same realm. The verdict has the label of the tenant whose key opened the ticket.
#[test]
fn verdict_has_the_label_of_the_tenant_whose_key_opened_the_ticket() {
    let (first, second) = (contoso().with_kvno(1), contoso().with_kvno(2));
    let accounts = [first.account().with_tenant("a"), second.account().with_tenant("b")];
    let keys = Arc::new(KeySet::from_accounts(accounts).unwrap());
    for (realm, tenant) in [(&first, "a"), (&second, "b")] {
        let accepted = accept(Arc::clone(&keys), &realm.ticket_for("alice"));
        assert_eq!(accepted.tenant(), Some(tenant));
        let (identity, session) = (accepted.identity().to_owned(), accepted.identity().to_session());
        assert_eq!([identity.tenant.as_deref(), session.tenant.as_deref()], [Some(tenant); 2]);
    }
    assert_eq!(accept(contoso().key_set(), &contoso().ticket_for("alice")).tenant(), None);
}

/// Accounts that are added one by one, in any order, make the same set as accounts from an iterator.
#[test]
fn key_set_is_the_same_for_every_order_in_which_accounts_are_added() {
    let realms =
        [contoso(), contoso().with_account("OTHER$"), contoso().with_account("THIRD$"), realm("FABRIKAM.TEST")];
    let all = KeySet::from_accounts(realms.iter().map(TestRealm::account)).unwrap();
    assert_eq!(all.accounts().count(), 4);
    for order in orders(realms.len()) {
        let keys = order.iter().fold(KeySet::new(), |keys, index| keys.with_account(realms[*index].account()).unwrap());
        assert_eq!(contents(&keys), contents(&all), "{order:?}");
        let keys = Arc::new(keys);
        for realm in &realms {
            let account = realm.account();
            let expected = (account.realm().into(), account.name().into(), account.keys()[0].kvno());
            assert_eq!(opened_by(&keys, realm), expected, "{order:?}");
        }
    }
}

/// Returns all orders of the numbers below `count`.
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
fn key_that_is_added_twice_is_held_once_and_until_the_later_end() {
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
    let once = KeySet::from(entry(Some(retires)));
    assert!(code(once).is_some());
    for second in [None, Some(NOW)] {
        let twice = KeySet::from(entry(Some(retires)).with_keys(entry(second).keys().iter().cloned()));
        assert_eq!(twice.account("CONTOSO.TEST", ACCOUNT).unwrap().keys().len(), 1);
        assert_eq!(code(twice), None);
    }
}

#[test]
fn account_that_names_the_service_is_the_first_candidate() {
    let names = ["A$", "B$", "C$"];
    for wanted in names {
        let entry = |name: &&str| {
            let account = contoso().with_account(name).account();
            if *name == wanted { account.with_service("HTTP/www.contoso.test") } else { account }
        };
        let server = validator(KeySet::from_accounts(names.iter().map(entry)).unwrap());
        let token = contoso().ticket_for("alice").mint();
        let request = server.read(&token).unwrap();
        assert_eq!(server.candidates(&request.key_query(), NOW).next().unwrap().0.name(), wanted);
    }
}

/// An accepted request shares its account with the key set. So the set copies that account when another account is added, and
/// the request keeps the old copy.
#[test]
fn account_is_added_while_an_accepted_request_of_the_old_set_still_exists() {
    // The added account shares a key with the account in the set, so the bounds of the account in the set change.
    let realm = contoso().of_active_directory();
    let other = Account::new("OTHER$", "CONTOSO.TEST").with_keys(realm.account().keys().iter().cloned());
    let keys = Arc::new(KeySet::from(realm.account()));
    let accepted = accept(Arc::clone(&keys), &realm.ticket_for("alice"));

    let keys = Arc::into_inner(keys).unwrap().with_account(other).unwrap();
    assert_eq!(accepted.opened_by().account().name(), ACCOUNT);
    assert_eq!(accepted.identity().to_owned().name, "alice");
    assert!(accepted.answer(&Randomness::new([1; 64])).token().is_some());

    assert_eq!(contents(&keys).len(), 2);
    assert_eq!(opened_by(&Arc::new(keys), &realm).0, "CONTOSO.TEST");
    drop(accepted);
}

/// A key rollover: the old keys open tickets until the given second, and open no ticket after that second.
#[test]
fn old_keys_open_tickets_until_their_last_second_after_a_rollover() {
    let (old, new) = (contoso().with_kvno(1), contoso().with_kvno(2));
    let gone = contoso().with_account("GONE$");
    let before = KeySet::from_accounts([old.account(), gone.account()]).unwrap();
    let last = NOW.saturating_add_seconds(60);
    let keys = Arc::new(KeySet::from(new.account()).with_retiring_keys(&before, last));
    let code = |realm: &TestRealm, now: UnixTime| {
        let token = realm.ticket_for("alice").at(now).mint();
        validator(Arc::clone(&keys)).validate_ticket(&token, now).err().map(|refused| refused.code())
    };
    let later = last.saturating_add_seconds(1);
    assert_eq!([code(&old, NOW), code(&old, last)], [None, None]);
    assert_eq!(code(&old, later), Some("key-version"));
    assert_eq!([code(&new, NOW), code(&new, later)], [None, None]);
    // If an account is missing in the new set, the old keys of this account open no ticket.
    assert_eq!(code(&gone, NOW), Some("integrity"));
    // A second rollover with a later last second does not extend the life of a key that already has a last second.
    let again = KeySet::from(contoso().with_kvno(3).account()).with_retiring_keys(&keys, later);
    let account = again.account("CONTOSO.TEST", ACCOUNT).unwrap();
    let end = |kvno| account.keys().iter().find(|key| key.kvno() == Some(kvno)).map(ServiceKey::not_after);
    assert_eq!([end(1), end(2), end(3)], [Some(Some(last)), Some(Some(later)), Some(None)]);
    // A rollover with an earlier last second shortens the life of a key that had a later last second.
    let at_once = KeySet::from(contoso().with_kvno(4).account()).with_retiring_keys(&again, NOW);
    let account = at_once.account("CONTOSO.TEST", ACCOUNT).unwrap();
    assert!(account.keys().iter().all(|key| key.not_after() == (key.kvno() != Some(4)).then_some(NOW)));
    assert_eq!(account.keys().len(), 4 * old.account().keys().len());
}

#[test]
fn account_is_printed_in_the_form_of_klist() {
    let etype = EncType::AES256_CTS_HMAC_SHA1_96;
    let key = |kvno| ServiceKey::new(contoso().key(etype), kvno);
    let account = Account::new("HTTP/www.contoso.test", "CONTOSO.TEST");
    assert_eq!(account.to_string(), "   - HTTP/www.contoso.test@CONTOSO.TEST (no key)");
    let other = ServiceKey::new(contoso().key(EncType::AES128_CTS_HMAC_SHA1_96), None);
    assert_eq!(
        account.with_key(key(Some(3))).with_key(other).to_string(),
        "   3 HTTP/www.contoso.test@CONTOSO.TEST (aes256-cts-hmac-sha1-96 (18))\n   \
         ? HTTP/www.contoso.test@CONTOSO.TEST (aes128-cts-hmac-sha1-96 (17))"
    );
    assert_eq!(Account::new("a\n", "b\u{202e}").to_string(), "   - a\\u{a}@b\\u{202e} (no key)");
}
