//! Tests of the memory that accounts need: little while no user signs in, and a bounded amount when many users sign in.
//! Forged tickets leave no memory allocated.
#![cfg_attr(not(feature = "rc4"), allow(dead_code, unused_imports, reason = "tests with RC4 are left out"))]
#![allow(clippy::unwrap_used, clippy::arithmetic_side_effects, clippy::indexing_slicing, clippy::panic)]

use crate::common;

use common::{NOW, all_etypes};
use kerberos_sso::crypto::{EncType, Key};
use kerberos_sso::replay::NoReplayCache;
use kerberos_sso::testing::TestRealm;
use kerberos_sso::{Account, ComputerAccount, KeySet, Policy, ServiceKey, Validator};
use std::sync::Arc;

const ACCOUNT: &str = "AZUREADSSOACC$";

/// Returns an account like the account of a Seamless SSO tenant: three keys in two versions each. The account's memory
/// includes the realm's name of 20 characters.
fn idle_account(number: u32) -> Account {
    let keys = [1, 2].into_iter().flat_map(|kvno| ComputerAccount::ETYPES.map(|etype| (kvno, etype)));
    let key = |(kvno, etype): (u32, EncType)| {
        let octets = [kvno.to_be_bytes(), number.to_be_bytes()].concat().repeat(4);
        ServiceKey::new(Key::new(etype, &octets[..etype.key_len().unwrap()]).unwrap(), Some(kvno))
    };
    let account = Account::new(ACCOUNT, &format!("T{number:07}.EXAMPLE.COM")).of_active_directory();
    keys.map(key).fold(account, Account::with_key)
}

/// Returns the result of `work`, and the octets of the heap that `work` allocated and did not free.
fn kept<T>(work: impl FnOnce() -> T) -> (T, i64) {
    let mut result = None;
    let taken = allocation_counter::measure(|| result = Some(work()));
    (result.unwrap(), taken.bytes_current)
}

/// With this number of accounts, the table of realms has just doubled its size, so an account needs the most memory.
#[cfg(feature = "rc4")]
#[test]
fn idle_account_takes_at_most_400_octets() {
    const ACCOUNTS: u32 = 7_200;
    let (keys, bytes) = kept(|| KeySet::from_accounts((0..ACCOUNTS).map(idle_account)).unwrap());
    assert_eq!(keys.accounts().map(|account| account.keys().len()).sum::<usize>(), 43_200);
    let each = bytes / i64::from(ACCOUNTS);
    assert!((200..=400).contains(&each), "{each} bytes");
}

fn realm(number: u32) -> TestRealm {
    TestRealm::new(&format!("R{number}.TEST")).with_account(ACCOUNT).of_active_directory()
}

fn token(realm: &TestRealm) -> Vec<u8> {
    realm.ticket_for("alice").pac(|_| ()).mint()
}

fn accepts(validator: &Validator<NoReplayCache>, token: &[u8]) -> bool {
    validator.validate_ticket(token, NOW).is_ok()
}

fn validator(keys: KeySet) -> Validator<NoReplayCache> {
    Validator::new(keys, Policy::default(), NoReplayCache)
}

#[test]
fn first_accepted_ticket_under_a_key_leaves_memory_allocated_and_the_second_does_not() {
    let validator = validator(KeySet::from(realm(1).account()));
    let token = token(&realm(1));
    let (accepted, first) = kept(|| accepts(&validator, &token));
    assert!(accepted && (1_000..2_500).contains(&first), "{first} bytes");
    assert_eq!(kept(|| accepts(&validator, &token)), (true, 0));
}

#[test]
fn forged_tickets_leave_no_memory_allocated() {
    let others = (1..50).map(|number| realm(number).account());
    let validator = validator(KeySet::from_accounts(others).unwrap());
    let ((), bytes) = kept(|| {
        for number in 1..50 {
            let mut forged = realm(number).ticket_for("alice");
            forged.ticket.key = forged.authenticator.key.clone();
            assert_eq!(validator.validate_ticket(&forged.mint(), NOW).unwrap_err().code(), "integrity");
        }
    });
    assert_eq!(bytes, 0);
}

#[test]
fn prepared_keys_are_kept_up_to_the_limit_that_was_set() {
    let realms: Vec<_> = (1..10).map(realm).collect();
    for most in [0, 1, 3, 8, 9, 10] {
        let keys = KeySet::from_accounts(realms.iter().map(TestRealm::account)).unwrap();
        let validator = validator(keys.with_prepared_keys(most));
        let growth: Vec<_> = realms.iter().map(|realm| kept(|| accepts(&validator, &token(realm)))).collect();
        assert!(growth.iter().all(|(accepted, _)| *accepted));
        assert_eq!(growth.iter().filter(|(_, bytes)| *bytes > 0).count(), most.min(realms.len()));
        let again: Vec<_> = realms.iter().map(|realm| kept(|| accepts(&validator, &token(realm)))).collect();
        assert!(again.iter().all(|outcome| *outcome == (true, 0)), "{again:?}");
    }
}

/// After a rollover, the new key set has no prepared keys at first. The new set may then keep as many prepared keys as
/// the old set.
#[test]
fn new_key_set_keeps_as_many_prepared_keys_as_the_old_key_set_after_a_rollover() {
    let realms: Vec<_> = (1..6).map(realm).collect();
    let keys = KeySet::from_accounts(realms.iter().map(TestRealm::account)).unwrap().with_prepared_keys(2);
    let keys = Arc::new(keys);
    let before = Validator::new(Arc::clone(&keys), Policy::default(), NoReplayCache);
    assert!(accepts(&before, &token(&realms[0])));
    drop(before);
    let after = validator(Arc::into_inner(keys).unwrap().with_retiring_keys(&KeySet::new(), NOW));
    let growth: Vec<_> = realms.iter().map(|realm| kept(|| accepts(&after, &token(realm))).1 > 0).collect();
    assert_eq!(growth, [true, true, false, false, false]);
}

/// For keys of each type, the test compares a key set that keeps prepared keys with a key set that keeps none. The keys
/// open the ticket and verify the PAC's signature.
#[test]
fn key_opens_the_same_tickets_whether_its_prepared_form_is_kept_or_not() {
    let realm = realm(1);
    for etype in EncType::SUPPORTED {
        let good = realm.ticket_for("alice").etype(etype).pac(|_| ());
        let badly_signed = good.clone().pac(|pac| pac.server_signature.key = pac.kdc_signature.key.clone());
        for most in [0, 100] {
            let keys = KeySet::from(realm.account());
            let validator = Validator::new(keys.with_prepared_keys(most), all_etypes(), NoReplayCache);
            for _ in 0..2 {
                assert!(accepts(&validator, &good.mint()), "{etype}, {most} kept");
                let refused = validator.validate_ticket(&badly_signed.mint(), NOW).unwrap_err();
                assert_eq!(refused.code(), "pac-signature", "{etype}, {most} kept");
            }
        }
    }
}

#[cfg(feature = "rc4")]
#[test]
fn key_set_finds_an_account_in_a_realm_with_one_or_several_accounts() {
    let services = (0..100).map(|number| format!("HTTP/{number}"));
    let many = services.fold(idle_account(7), |account, service| account.with_service(&service));
    let named = |name: &str| Account::new(name, "T0000007.EXAMPLE.COM");
    let keys = KeySet::from_accounts([many, named("A"), idle_account(8), named("B")]).unwrap();
    let mut held: Vec<_> = keys.accounts().map(|account| (account.realm(), account.name())).collect();
    held.sort_unstable();
    let seven = "T0000007.EXAMPLE.COM";
    assert_eq!(held, [(seven, "A"), (seven, ACCOUNT), (seven, "B"), ("T0000008.EXAMPLE.COM", ACCOUNT)]);
    assert_eq!(keys.account(seven, ACCOUNT).unwrap().keys().len(), 6);
    assert!(keys.account("T0000008.EXAMPLE.COM", ACCOUNT).is_some());
    assert!(keys.account("T0000008.EXAMPLE.COM", "A").is_none() && keys.account("T0000009.EXAMPLE.COM", "A").is_none());
}
