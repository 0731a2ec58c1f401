//! The texts of the key errors and of their remedies, which an administrator reads. A change of these texts needs a new
//! version of the crate.

use super::*;

fn refusal(server: &Server, change: impl FnOnce(TestToken) -> TestToken) -> Error {
    check(server, change).unwrap_err()
}

#[test]
fn error_lists_the_realms_held_when_no_account_is_of_the_realm_of_the_ticket() {
    let server = holding([realm().account()]);
    let error = refusal(&server, |mut token| {
        token.ticket.realm = "FABRIKAM.TEST".into();
        token.kvno(3)
    });
    assert_eq!(
        error.to_string(),
        "no key for service HTTP/www.contoso.test of realm FABRIKAM.TEST, type aes256-cts-hmac-sha1-96 (18), \
         version 3: no account of that realm is held, only accounts of CONTOSO.TEST"
    );
    assert_eq!(
        error.remedy().unwrap().to_string(),
        "The ticket is for an account of a realm of which this server has no keys. Check that clients reach the right \
             server under this name: \"setspn -Q HTTP/www.contoso.test\" shows the account, and so the realm. Then add \
             that account's keytab, or its password, with that realm in upper case."
    );
    let Error::NoKey(no_key) = error else { panic!("{error}") };
    assert_eq!(no_key.wanted.service, BoundedText::new("HTTP/www.contoso.test"));
    assert_eq!(no_key.wanted.realm, BoundedText::new("FABRIKAM.TEST"));
    assert_eq!((no_key.wanted.etype, no_key.wanted.kvno), (AES256, Some(3)));
    let NoKeyCause::Realm { held } = no_key.cause else { panic!("{no_key}") };
    assert_eq!((held.iter().collect::<Vec<_>>(), held.total()), (vec![BoundedText::new("CONTOSO.TEST")], 1));
}

#[test]
fn error_lists_two_realms_held_and_counts_the_others() {
    let of = |realms: &[&str]| {
        let server =
            holding(realms.iter().map(|realm| Account::new("A$", realm).with_key(ServiceKey::new(right(), None))));
        let refused = refusal(&server, |mut token| {
            token.ticket.realm = "FABRIKAM.TEST".into();
            token
        });
        refused.to_string().split_once("no account of that realm is held, ").unwrap().1.to_owned()
    };
    assert_eq!(of(&["B.TEST", "A.TEST"]), "only accounts of A.TEST, B.TEST");
    assert_eq!(of(&["C.TEST", "B.TEST", "D.TEST", "A.TEST"]), "only accounts of A.TEST, B.TEST and 2 more");
    assert_eq!(of(&["A\nB.TEST"]), r"only accounts of A\u{a}B.TEST");
    let accounts = ["C.TEST", "B.TEST", "A.TEST"].map(|realm| Account::new("A$", realm));
    let Error::NoKey(no_key) = refusal(&holding(accounts), |token| token) else { panic!("it has no key of the realm") };
    let NoKeyCause::Realm { held } = no_key.cause else { panic!("{no_key}") };
    assert_eq!((held.iter().count(), held.total()), (2, 3));
}

#[test]
fn error_says_that_the_key_set_is_empty() {
    let server = holding([]);
    let Error::NoKey(no_key) = refusal(&server, |token| token) else { panic!("an empty key set opened the ticket") };
    assert!(no_key.to_string().ends_with("no account of that realm is held, and the key set is empty"), "{no_key}");
}

#[test]
fn error_names_the_held_spelling_of_a_realm_in_another_letter_case() {
    let (lower, upper, mixed) = ("contoso.test", "CONTOSO.TEST", "Contoso.TEST");
    for (held, asked) in [(lower, mixed), (upper, mixed), (lower, upper), (upper, lower)] {
        let account = Account::new("SERVICE$", held).with_key(ServiceKey::new(right(), None));
        let server = holding([account]);
        let error = refusal(&server, |mut token| {
            token.ticket.realm = asked.into();
            token.kvno(None)
        });
        assert_eq!(
            error.to_string(),
            format!(
                "no key for service HTTP/www.contoso.test of realm {asked}, type aes256-cts-hmac-sha1-96 (18), \
                 no version: the key set spells that realm {held}, and the case of a realm's letters matters"
            )
        );
        let Error::NoKey(no_key) = error else { panic!("{error}") };
        assert_eq!(no_key.cause, NoKeyCause::RealmCase { held: BoundedText::new(held) });
    }
}

#[test]
fn error_lists_the_keys_held_when_no_key_has_the_type_of_the_ticket() {
    let server = holding([account("SERVICE$", [(realm().key(AES128), Some(4))])]);
    let error = refusal(&server, |token| token);
    assert_eq!(
        error.to_string(),
        "no key for service HTTP/www.contoso.test of realm CONTOSO.TEST, type aes256-cts-hmac-sha1-96 (18), version 1: \
         account SERVICE$ with aes128-cts-hmac-sha1-96 (17) version 4 held; no key has that type"
    );
    assert_eq!(
        error.remedy().unwrap().to_string(),
        "Export a keytab that also has a key of the ticket's type (ktpass -crypto All; ktutil with each type), or give the \
             account's password, from which keys of every type are derived. If the account's types were just changed, \
             clients keep their old tickets until these tickets end."
    );
}

#[test]
fn strict_policy_reports_that_no_key_has_the_version_of_the_ticket() {
    let server = strict([account("SERVICE$", [(right(), Some(4)), (realm().key(AES128), Some(4))])]);
    let error = refusal(&server, |token| token.kvno(5));
    assert_eq!(
        error.to_string(),
        "no key for service HTTP/www.contoso.test of realm CONTOSO.TEST, type aes256-cts-hmac-sha1-96 (18), version 5: \
         account SERVICE$ with aes256-cts-hmac-sha1-96 (18) version 4, aes128-cts-hmac-sha1-96 (17) version 4 held; \
         no key has that version, and the policy does not allow other versions"
    );
}

#[test]
fn ticket_of_a_newer_version_than_every_key_is_reported_as_newer() {
    let server = holding([account("SERVICE$", [(wrong(1), Some(3)), (wrong(2), Some(4))])]);
    let error = refusal(&server, |token| token.kvno(5));
    assert_eq!(
        error.to_string(),
        "no key of the right version for service HTTP/www.contoso.test of realm CONTOSO.TEST, type \
         aes256-cts-hmac-sha1-96 (18), version 5: account SERVICE$ with aes256-cts-hmac-sha1-96 (18) version 3, \
         aes256-cts-hmac-sha1-96 (18) version 4 held, but the keys tried do not open the ticket, whose version is newer than \
         those held"
    );
    assert_eq!(
        error.remedy().unwrap().to_string(),
        "The account's password was changed after these keys were exported. Export a new keytab, or derive the keys \
             from the new password, and keep the old keys until their tickets have ended (10 hours by default)."
    );
    let Error::KeyVersion(refused) = error else { panic!("{error}") };
    assert_eq!((refused.tried, refused.newer), (2, true));
    let held: Vec<_> = refused.held.iter().map(|key| (key.etype, key.kvno)).collect();
    assert_eq!(held, [3, 4].map(|kvno| (AES256, Some(kvno))));
    assert_eq!((refused.held.account(), refused.held.accounts()), (BoundedText::new("SERVICE$"), 1));
}

#[test]
fn ticket_of_an_older_version_than_the_key_is_reported_as_not_newer() {
    let server = holding([account("SERVICE$", [(wrong(1), Some(3))])]);
    let error = refusal(&server, |token| token.kvno(2));
    assert!(
        error
            .to_string()
            .ends_with("the key tried does not open the ticket, whose version is not newer than those held"),
        "{error}"
    );
    assert_eq!(
        error.remedy().unwrap().to_string(),
        "The client holds a ticket from before the last password change. Keep the previous key until its \
             tickets have ended (10 hours by default). On this client, get a new ticket: \"klist purge\" and a new sign-in (on \
             Linux \"kinit\")."
    );
}

/// In a realm of MIT krb5, each service is a principal with keys and versions of its own.
#[test]
fn ticket_for_a_principal_without_keys_is_reported_as_for_another_principal() {
    for kvno in [1, 2, 3] {
        let server = holding([account("HTTP/other.contoso.test", [(wrong(1), Some(2))])]);
        let remedy = refusal(&server, |token| token.kvno(kvno)).remedy().unwrap().to_string();
        let first = "The ticket is for HTTP/www.contoso.test, and the keys tried belong to another name.";
        assert!(remedy.starts_with(first), "{remedy}");
    }
    let server = holding([account("HTTP/WWW.contoso.test", [(wrong(1), Some(2))])]);
    let remedy = refusal(&server, |token| token.kvno(3)).remedy().unwrap().to_string();
    assert!(remedy.starts_with("The account's password was changed"), "{remedy}");
}

/// A server may hold the keys of two principals in one account, with the name of the first principal.
#[test]
fn ticket_for_a_service_that_the_account_names_is_not_reported_as_for_another_principal() {
    let other = || account("HTTP/other.contoso.test", [(wrong(1), Some(2))]);
    let server = holding([other().with_service("HTTP/WWW.contoso.test")]);
    for (kvno, first) in [(1, "The client holds a ticket"), (2, "The keys held are not"), (3, "The account's password")]
    {
        let remedy = refusal(&server, |token| token.kvno(kvno)).remedy().unwrap().to_string();
        assert!(remedy.starts_with(first), "{remedy}");
    }
    let server = holding([other().with_service("HTTP/www2.contoso.test")]);
    let remedy = refusal(&server, |token| token.kvno(3)).remedy().unwrap().to_string();
    assert!(remedy.starts_with("The ticket is for HTTP/www.contoso.test, and the keys tried"), "{remedy}");
}

#[test]
fn error_says_that_a_ticket_does_not_open_under_the_key_of_its_version() {
    let server = holding([account("SERVICE$", [(wrong(1), Some(1))])]);
    let error = refusal(&server, |token| token);
    assert_eq!(
        error.to_string(),
        "the ticket for HTTP/www.contoso.test does not open under the one key held of type aes256-cts-hmac-sha1-96 (18) \
         for realm CONTOSO.TEST (that key has the version that the ticket names): the keys tried are \
         those of account SERVICE$"
    );
    let server = holding([account("SERVICE$", [(wrong(1), None), (wrong(2), None)])]);
    let error = refusal(&server, |token| token);
    assert_eq!(
        error.to_string(),
        "the ticket for HTTP/www.contoso.test does not open under any of the keys held of type aes256-cts-hmac-sha1-96 \
         (18) for realm CONTOSO.TEST: the keys tried are those of account SERVICE$"
    );
}

#[test]
fn error_lists_six_keys_held_and_counts_the_others() {
    let keys = (1..=8).map(|kvno| (Key::new(AES128, &[1; 16]).unwrap(), Some(kvno)));
    let others = [account("B$", []), account("C$", [])];
    let server = holding([account("A$", keys)].into_iter().chain(others));
    let error = refusal(&server, |token| token);
    let text = error.to_string();
    assert!(text.contains("account A$ (and 2 more) with aes128-cts-hmac-sha1-96 (17) version 1, "), "{text}");
    assert!(text.contains("version 6 and 2 more keys held"), "{text}");
    assert!(!text.contains("version 7"), "{text}");
    let Error::NoKey(no_key) = error else { panic!("{error}") };
    let NoKeyCause::EncType { held } = no_key.cause else { panic!("{no_key}") };
    assert_eq!((held.accounts(), held.iter().count(), held.total()), (3, 6, 8));
}

#[test]
fn error_names_the_last_second_of_a_retired_key() {
    let key = ServiceKey::new(right(), Some(1)).with_not_after(NOW.saturating_add_seconds(-1));
    let server = holding([Account::new("A$", "CONTOSO.TEST").with_key(key)]);
    let error = refusal(&server, |token| token);
    assert_eq!(
        error.to_string(),
        "no key for service HTTP/www.contoso.test of realm CONTOSO.TEST, type aes256-cts-hmac-sha1-96 (18), version 1: \
         account A$ with aes256-cts-hmac-sha1-96 (18) version 1 held; the keys of that type opened tickets only until \
         2026-11-21T07:59:59Z"
    );
}

#[test]
fn ticket_is_not_reported_as_newer_when_the_key_of_its_version_has_retired() {
    let retired = ServiceKey::new(right(), Some(5)).with_not_after(NOW.saturating_add_seconds(-1));
    let server = holding([account("A$", [(wrong(1), Some(3))]).with_key(retired)]);
    for (kvno, newer) in [(4, false), (5, false), (6, true)] {
        let Error::KeyVersion(refused) = refusal(&server, |token| token.kvno(kvno)) else { panic!("{kvno}") };
        assert_eq!((refused.tried, refused.newer), (1, newer), "{kvno}");
    }
}

#[test]
fn error_counts_the_keys_that_were_not_tried() {
    let wrongs = (1..=10).map(|seed| (wrong(seed), None));
    let error = refusal(&holding([account("A$", wrongs)]), |token| token);
    assert_eq!(
        error.to_string(),
        "the ticket for HTTP/www.contoso.test does not open under any of the keys tried of type aes256-cts-hmac-sha1-96 \
         (18) for realm CONTOSO.TEST: the keys tried are those of account A$; 2 more keys are held and were not tried"
    );
}

#[test]
fn error_says_that_an_account_has_no_keys() {
    let server = holding([account("A$", [])]);
    let text = refusal(&server, |token| token).to_string();
    assert!(text.ends_with("account A$ with no key held; no key has that type"), "{text}");
}
