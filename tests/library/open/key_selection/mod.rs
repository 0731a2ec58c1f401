//! The keys that are tried on a ticket, their order and their number, and the error when no key opens the ticket.

use crate::common;
mod diagnoses;

use common::{NOW, Server};
use kerberos_sso::crypto::{EncType, Key};
use kerberos_sso::limits::{MAX_CANDIDATE_KEYS, MAX_UNNAMED_ACCOUNTS};
use kerberos_sso::testing::{TestRealm, TestToken};
use kerberos_sso::{
    Account, Error, KeySet, Policy, ServiceKey, UnixTime,
    error::{BoundedText, Integrity, NoKeyCause},
    policy::KvnoPolicy,
};

const AES128: EncType = EncType::AES128_CTS_HMAC_SHA1_96;
const AES256: EncType = EncType::AES256_CTS_HMAC_SHA1_96;

fn realm() -> TestRealm {
    TestRealm::new("CONTOSO.TEST").with_account("AZUREADSSOACC$")
}

/// Returns the key that opens the tickets of [`realm`].
fn right() -> Key {
    realm().key(AES256)
}

fn wrong(seed: u8) -> Key {
    Key::new(AES256, &[seed; 32]).unwrap()
}

fn account(name: &str, keys: impl IntoIterator<Item = (Key, Option<u32>)>) -> Account {
    let keys = keys.into_iter().map(|(key, kvno)| ServiceKey::new(key, kvno));
    keys.fold(Account::new(name, "CONTOSO.TEST"), Account::with_key)
}

fn holding(accounts: impl IntoIterator<Item = Account>) -> Server {
    Server::with_keys(realm(), KeySet::from_accounts(accounts).unwrap(), Policy::default())
}

fn strict(accounts: impl IntoIterator<Item = Account>) -> Server {
    Server::with_keys(
        realm(),
        KeySet::from_accounts(accounts).unwrap(),
        Policy::default().with_kvno(KvnoPolicy::Strict),
    )
}

fn check(server: &Server, change: impl FnOnce(TestToken) -> TestToken) -> Result<Option<u32>, Error> {
    server.check(&change(server.good()).mint()).map(|accepted| accepted.opened_by().kvno())
}

/// Returns the error for a ticket of [`realm`] if a key of its version is held, but no key that was tried opens the ticket.
fn not_opened(account: &str, accounts: usize, tried: usize, left_out: usize) -> Integrity {
    let [service, realm, account] = ["HTTP/www.contoso.test", "CONTOSO.TEST", account].map(BoundedText::new);
    Integrity::Ticket {
        service,
        realm,
        etype: AES256,
        kvno: Some(1),
        account,
        accounts,
        tried,
        left_out,
        of_another_principal: false,
    }
}

mod order {
    use super::*;

    /// The account has the same key under many versions. The verdict reports the version that the server tried first,
    /// because each key opens the ticket.
    #[test]
    fn keys_are_tried_in_the_order_exact_version_then_unknown_then_same_low_octet_then_latest() {
        let expected = [Some(0x0105), None, Some(0x0205), Some(0x05), Some(900), Some(3)];
        for first in 0..expected.len() {
            let left = expected[first..].iter().rev().map(|kvno| (right(), *kvno));
            let server = holding([account("AZUREADSSOACC$", left)]);
            assert_eq!(check(&server, |token| token.kvno(0x0105)), Ok(expected[first]));
        }
    }

    #[test]
    fn latest_key_is_tried_first_on_a_ticket_without_a_version() {
        for kvno in [None, Some(0)] {
            let keys = [Some(3), Some(900), Some(5)].map(|kvno| (right(), kvno));
            assert_eq!(check(&holding([account("A", keys)]), |token| token.kvno(kvno)), Ok(Some(900)));
        }
    }

    #[test]
    fn key_of_version_zero_is_a_key_of_unknown_version() {
        let server = holding([account("A", [(right(), Some(0))])]);
        assert_eq!(check(&server, |token| token.kvno(7)), Ok(None));
    }

    /// A read-only domain controller writes its number into the high 16 bits of the kvno. A keytab may have kept only the low
    /// octet.
    #[test]
    fn negative_kvno_is_read_as_its_32_bits() {
        let bits = 0xFEDC_0002_u32;
        let server = holding([account("A", [(right(), Some(2)), (right(), Some(bits)), (right(), Some(9))])]);
        assert_eq!(check(&server, |token| token.kvno(i64::from(bits.cast_signed()))), Ok(Some(bits)));
        assert_eq!(check(&server, |token| token.kvno(i64::from(bits))), Ok(Some(bits)));
        let server = holding([account("A", [(right(), Some(9)), (right(), Some(2))])]);
        assert_eq!(check(&server, |token| token.kvno(i64::from(bits.cast_signed()))), Ok(Some(2)));
    }

    #[test]
    fn account_that_names_the_service_is_tried_first() {
        let opened_by = |accounts: [Account; 2], service: &str| {
            let server = holding(accounts);
            let accepted = server.check(&server.good().service(service).mint()).unwrap();
            accepted.opened_by().account().name().to_owned()
        };
        let both = || [account("FIRST$", [(right(), Some(1))]), account("SECOND$", [(right(), Some(1))])];
        assert_eq!(opened_by(both(), "HTTP/www.contoso.test"), "FIRST$");
        let [first, second] = both();
        let named = second.with_service("HTTP/www.contoso.test");
        assert_eq!(opened_by([first, named], "http/WWW.contoso.test"), "SECOND$");
        assert_eq!(opened_by(both(), "second$"), "SECOND$");
        // An account that names the service comes first, even if only another account has a key of the ticket's
        // version.
        let first = account("FIRST$", [(right(), Some(1))]);
        let named = account("SECOND$", [(right(), Some(8))]).with_service("HTTP/www.contoso.test");
        assert_eq!(opened_by([first, named], "HTTP/www.contoso.test"), "SECOND$");
    }

    #[test]
    fn ticket_opens_under_the_right_key_after_seven_wrong_keys() {
        let wrongs = (1..8).map(|seed| (wrong(seed), Some(u32::from(seed) + 100)));
        let server = holding([account("A", wrongs.chain([(right(), Some(2))]))]);
        let accepted = server.check(&server.good().kvno(1).mint()).unwrap();
        assert_eq!(accepted.opened_by().kvno(), Some(2));
        assert_eq!(accepted.ticket_kvno(), Some(1));
        assert_eq!(accepted.identity().to_string(), "alice@CONTOSO.TEST");
        assert_eq!(accepted.service().to_string(), "HTTP/www.contoso.test");
    }

    #[test]
    fn key_of_an_account_of_another_realm_is_not_tried() {
        let elsewhere = Account::new("AZUREADSSOACC$", "FABRIKAM.TEST").with_key(ServiceKey::new(right(), Some(1)));
        let server = holding([elsewhere, account("A", [(wrong(1), Some(1))])]);
        let refused = not_opened("A", 1, 1, 0);
        assert_eq!(check(&server, |token| token), Err(Error::Integrity(refused)));
    }
}

mod bounds {
    use super::*;

    /// Returns a server with `count` keys of versions that the ticket does not name. The server would try the right key
    /// last.
    fn right_key_last(count: usize) -> Server {
        let wrongs = (2..=u8::try_from(count).unwrap()).map(|seed| (wrong(seed), Some(u32::from(seed) + 1_000)));
        holding([account("A", wrongs.chain([(right(), Some(1_001))]))])
    }

    #[test]
    fn right_key_in_eighth_place_opens_the_ticket_and_in_ninth_place_is_not_tried() {
        assert_eq!(check(&right_key_last(MAX_CANDIDATE_KEYS), |token| token), Ok(Some(1_001)));
        let Err(Error::KeyVersion(refused)) = check(&right_key_last(MAX_CANDIDATE_KEYS + 1), |token| token) else {
            panic!("the ninth key was tried");
        };
        assert_eq!(refused.tried, MAX_CANDIDATE_KEYS);
    }

    #[test]
    fn at_most_eight_keys_of_all_accounts_of_a_realm_are_tried() {
        let wrongs = (1..=20).map(|seed| account(&format!("A{seed}$"), [(wrong(seed), Some(1))]));
        let server = holding(wrongs);
        let tried = MAX_CANDIDATE_KEYS;
        let refused = Error::Integrity(not_opened("A1$", tried, tried, 20 - tried));
        assert_eq!(
            refused.to_string(),
            "the ticket for HTTP/www.contoso.test does not open under any of the keys tried of type aes256-cts-hmac-sha1-96 (18) \
             for realm CONTOSO.TEST (one of them has the version that the ticket names): the keys tried are those of \
             account A1$ (and 7 more); 12 more keys are held and were not tried"
        );
        let remedy = refused.remedy().unwrap().to_string();
        assert!(
            remedy.contains("(Account::with_service)") && remedy.contains("setspn -Q HTTP/www.contoso.test"),
            "{remedy}"
        );
        assert_eq!(check(&server, |token| token), Err(refused));
        // If an account names the service, the error does not count the keys of other accounts.
        let others = (1..=20).map(|seed| account(&format!("A{seed}$"), [(wrong(seed), Some(1))]));
        let named = account("NAMED$", [(wrong(21), Some(1))]).with_service("HTTP/www.contoso.test");
        let refused = Error::Integrity(not_opened("NAMED$", tried, tried, 0));
        assert_eq!(check(&holding(others.chain([named])), |token| token), Err(refused));
    }

    #[test]
    fn account_after_the_limit_of_accounts_is_considered_only_if_it_names_the_service() {
        let server = |others: u8| {
            let others = (1..=others).map(|seed| account(&format!("A{seed}$"), [(wrong(seed), Some(9))]));
            holding(others.chain([account("LAST$", [(right(), Some(1))])]))
        };
        let limit = u8::try_from(MAX_UNNAMED_ACCOUNTS).unwrap();
        assert_eq!(check(&server(limit - 1), |token| token), Ok(Some(1)));
        let Err(Error::KeyVersion(refused)) = check(&server(limit), |token| token) else {
            panic!("the last account was considered")
        };
        assert_eq!(refused.left_out, MAX_UNNAMED_ACCOUNTS - MAX_CANDIDATE_KEYS + 1);
        let text = refused.to_string();
        assert!(text.ends_with("not newer than those held; 57 more keys are held and were not tried"), "{text}");
        assert!(Error::KeyVersion(refused).remedy().unwrap().to_string().contains("(Account::with_service)"));
        assert_eq!(check(&server(limit), |token| token.service("last$")), Ok(Some(1)));
    }

    /// The policy uses the version as a hint only, so the version is not the cause of the refusal.
    #[test]
    fn error_says_that_no_considered_account_has_the_type_when_the_only_key_of_the_type_is_after_the_limit() {
        let others =
            (1..=MAX_UNNAMED_ACCOUNTS).map(|place| account(&format!("A{place}$"), [(realm().key(AES128), Some(1))]));
        let server = holding(others.chain([account("LAST$", [(right(), Some(1))])]));
        let error = check(&server, |token| token).unwrap_err();
        let Error::NoKey(no_key) = &error else { panic!("{error}") };
        assert!(matches!(no_key.cause, NoKeyCause::NotConsidered { .. }), "{error}");
        assert!(error.to_string().ends_with("; no account that is considered has a key of that type"), "{error}");
        assert!(error.remedy().unwrap().to_string().contains("(Account::with_service)"));
    }

    #[test]
    fn service_name_of_up_to_320_octets_finds_its_account() {
        let found = |length: usize| {
            let name = format!("HTTP/{}", "w".repeat(length - 5));
            let others = (1..=u8::try_from(MAX_UNNAMED_ACCOUNTS).unwrap())
                .map(|seed| account(&format!("A{seed}$"), [(wrong(seed), Some(9))]));
            let named = account("LAST$", [(right(), Some(1))]).with_service(&name.to_uppercase());
            check(&holding(others.chain([named])), |token| token.service(&name))
        };
        assert_eq!([found(319), found(320)], [Ok(Some(1)), Ok(Some(1))]);
        assert_eq!(found(321).unwrap_err().code(), "key-version");
    }

    /// A keytab can have the same key many times, once for each service of the account.
    #[test]
    fn copies_of_a_key_count_as_one_key() {
        let copies = (0..50).map(|copy| (wrong(1), Some(copy + 100)));
        let server = holding([account("A", copies.chain([(right(), Some(1_000))]))]);
        assert_eq!(check(&server, |token| token), Ok(Some(1_000)));
        let server = holding([account("A", (0..50).map(|copy| (wrong(1), Some(copy + 100))))]);
        let Err(Error::KeyVersion(refused)) = check(&server, |token| token) else {
            panic!("a wrong key opened the ticket")
        };
        assert_eq!(refused.tried, 1);
    }

    /// If an account names the service and has the key of the ticket's version, the server tries this key. The number
    /// of other accounts does not matter.
    #[test]
    fn key_of_the_account_that_names_the_service_is_tried_among_a_hundred_accounts() {
        let others = (1..=100).map(|seed| account(&format!("A{seed}$"), [(wrong(seed), Some(1))]));
        let named = account("SECOND$", [(right(), Some(1))]).with_service("HTTP/www.contoso.test");
        assert_eq!(check(&holding(others.chain([named])), |token| token), Ok(Some(1)));
    }
}

mod strictness {
    use super::*;

    #[test]
    fn strict_policy_tries_keys_of_the_named_version_and_of_unknown_version() {
        for (held, expected) in [(Some(7), Ok(Some(7))), (None, Ok(None))] {
            assert_eq!(check(&strict([account("A", [(right(), held)])]), |token| token.kvno(7)), expected);
        }
        for held in [6, 8, 0x0107] {
            let server = strict([account("A", [(right(), Some(held))])]);
            let Err(Error::NoKey(refused)) = check(&server, |token| token.kvno(7)) else { panic!("{held} was tried") };
            assert!(matches!(refused.cause, NoKeyCause::StrictVersion { .. }));
        }
    }

    #[test]
    fn strict_policy_tries_every_version_on_a_ticket_without_a_version() {
        for kvno in [None, Some(0)] {
            assert_eq!(check(&strict([account("A", [(right(), Some(7))])]), |token| token.kvno(kvno)), Ok(Some(7)));
        }
    }
}

mod retirement {
    use super::*;

    fn retiring(last: UnixTime, now: UnixTime) -> Result<Option<u32>, Error> {
        let key = ServiceKey::new(right(), Some(1)).with_not_after(last);
        let mut server = holding([Account::new("A", "CONTOSO.TEST").with_key(key)]);
        server.now = now;
        check(&server, |token| token)
    }

    /// The server compares the end of a key in whole seconds, like every other time.
    #[test]
    fn key_opens_tickets_until_its_last_second_and_no_ticket_after_it() {
        for early in [NOW.saturating_add_seconds(-1), NOW, NOW.with_micros(999_999).unwrap()] {
            assert_eq!(retiring(NOW, early), Ok(Some(1)));
        }
        assert_eq!(retiring(NOW, NOW.saturating_add_seconds(1)).unwrap_err().code(), "no-key");
    }

    #[test]
    fn new_key_opens_the_ticket_when_the_old_key_has_retired() {
        let old = ServiceKey::new(right(), Some(1)).with_not_after(NOW.saturating_add_seconds(-1));
        let new = ServiceKey::new(right(), Some(2));
        let server = holding([Account::new("A", "CONTOSO.TEST").with_key(old).with_key(new)]);
        assert_eq!(check(&server, |token| token), Ok(Some(2)));
    }
}

mod rollover {
    use super::*;

    #[test]
    fn tickets_from_before_and_after_a_password_change_open_when_both_keys_are_held() {
        let (before, after) = (realm(), realm().with_kvno(2));
        let server = holding([after.account().with_keys(before.account().keys().iter().cloned())]);
        for (realm, kvno) in [(&before, 1), (&after, 2)] {
            let accepted = server.check(&realm.ticket_for("alice").mint()).unwrap();
            assert_eq!(accepted.opened_by().kvno(), Some(kvno));
            // The version is a hint. With a wrong version, or without a version, the server tries at most one key more
            // than with the right version.
            for hint in [None, Some(1), Some(2), Some(77), Some(-1)] {
                let accepted = server.check(&realm.ticket_for("alice").kvno(hint).mint()).unwrap();
                assert_eq!(accepted.opened_by().kvno(), Some(kvno), "{hint:?}");
            }
        }
    }
}
