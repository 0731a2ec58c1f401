//! Tests of keys that several accounts share. A ticket under a shared key must satisfy the bounds of each account with
//! that key, even of an account that a rollover removed.

use super::*;

fn keys(kvno: u32, etype: EncType) -> ServiceKey {
    ServiceKey::new(TestRealm::new("CONTOSO.TEST").with_kvno(kvno).key(etype), Some(kvno))
}

/// Two directory accounts with the same password share the key that has no salt (RC4). The salted keys of the accounts
/// differ. In this test the AES-128 key takes the place of the RC4 key.
#[test]
fn ticket_under_a_key_of_one_account_must_satisfy_the_bounds_of_that_account_only() {
    let (aes, shared) = (AES256, EncType::AES128_CTS_HMAC_SHA1_96);
    let ours = || Account::new("SERVICE$", "CONTOSO.TEST").with_key(keys(1, aes)).with_key(keys(1, shared));
    let theirs = || Account::new("SERVICE$", "FABRIKAM.TEST").with_key(keys(2, aes)).with_key(keys(1, shared));
    let set = || KeySet::from_accounts([ours(), theirs()]).unwrap();
    let token = |etype| TestRealm::new("CONTOSO.TEST").ticket_for("alice").etype(etype);
    assert_eq!(code(set(), Policy::default(), &token(aes)), None);
    assert_eq!(code(set(), Policy::default(), &token(shared)), Some("untrusted-realm"));
}

/// The service name in a ticket is not encrypted. If the server chose the tenant by this name, the client could choose
/// the tenant.
#[test]
fn ticket_under_a_key_of_two_tenants_is_refused_for_both() {
    let of = |tenant, service: &str| {
        Account::new(service, "CONTOSO.TEST").with_service(service).with_key(keys(1, AES256)).with_tenant(tenant)
    };
    let two = || KeySet::from_accounts([of("a", "HTTP/a.contoso.test"), of("b", "HTTP/b.contoso.test")]).unwrap();
    let one = || KeySet::from_accounts([of("a", "HTTP/a.contoso.test"), of("a", "HTTP/b.contoso.test")]).unwrap();
    for service in ["HTTP/a.contoso.test", "HTTP/b.contoso.test", "HTTP/c.contoso.test"] {
        let token = || TestRealm::new("CONTOSO.TEST").ticket_for("alice").service(service);
        assert_eq!(code(two(), Policy::default(), &token()), Some("untrusted-realm"), "{service}");
        assert_eq!(judge(one(), Policy::default(), &token()).unwrap().tenant(), Some("a"), "{service}");
    }
}

/// Both accounts name the same realm and the same domain. One account says that the domain is in its own forest, and
/// the other account says that the domain is in a trusted forest.
#[test]
fn group_counts_only_when_each_account_that_shares_the_key_allows_it() {
    type WithDomain = fn(Account, &str, Sid) -> Account;
    let (forest, trusted): (WithDomain, WithDomain) = (Account::with_forest_domain, Account::with_trusted_domain);
    let of = |name, with_domain: WithDomain| {
        let account = Account::new(name, "CONTOSO.TEST").with_key(keys(1, AES256));
        with_domain(account.with_domain_sid(contoso().domain_sid()), "FABRIKAM.TEST", fabrikam())
    };
    let group = contoso().domain_sid().join(1200).unwrap();
    let token = of_fabrikam(|pac| pac.extra_sid(group));
    for (one, other, counts) in
        [(forest, forest, true), (forest, trusted, false), (trusted, forest, false), (trusted, trusted, false)]
    {
        let set = KeySet::from_accounts([of("A", one), of("B", other)]).unwrap();
        let accepted = judge(set, Policy::default(), &token).unwrap();
        assert_eq!(accepted.identity().is_member_of(group), counts);
    }
}

/// An attacker who knows the service's key must not be able to sign a PAC with the krbtgt key of another account.
#[test]
fn kdc_signatures_must_verify_under_a_krbtgt_key_of_each_account_that_shares_the_service_key() {
    let key = |seed: u8| kerberos_sso::Key::new(AES256, &[seed; 32]).unwrap();
    let of = |name, seed| Account::new(name, "CONTOSO.TEST").with_key(keys(1, AES256)).with_krbtgt_key(&key(seed));
    let signed_by = |seed| contoso().ticket_for("alice").pac(|pac| pac.signed_by_kdc(&key(seed)));
    let alone = || KeySet::from(of("A", 1));
    let both = || KeySet::from_accounts([of("A", 1), of("B", 2)]).unwrap();
    let same = || KeySet::from_accounts([of("A", 1), of("B", 1)]).unwrap();
    let codes = |set: &dyn Fn() -> KeySet| [1, 2].map(|seed| code(set(), Policy::default(), &signed_by(seed)));
    assert_eq!(codes(&alone), [None, Some("pac-signature")]);
    assert_eq!(codes(&both), [Some("pac-signature"), Some("pac-signature")]);
    assert_eq!(codes(&same), [None, Some("pac-signature")]);
}

/// The new key set lacks a principal that shared the retiring key. The bounds of the principal still apply to that key.
#[test]
fn bounds_of_a_removed_principal_hold_for_the_retiring_key() {
    let www = Account::new("HTTP/www", "CONTOSO.TEST").with_key(keys(1, AES256));
    let www = www.with_domain_sid(contoso().domain_sid());
    let old = || Account::new("HTTP/old", "CONTOSO.TEST").with_key(keys(1, AES256));
    let before = KeySet::from_accounts([www, old()]).unwrap();
    let rolled = || KeySet::from(Account::new("HTTP/old", "CONTOSO.TEST").with_key(keys(2, AES256)));
    let token = |kvno: u32| contoso().with_kvno(kvno).ticket_for("alice").without_pac();
    let after = || rolled().with_retiring_keys(&before, NOW);
    assert_eq!(code(after(), Policy::default(), &token(1)), Some("pac-missing"));
    assert_eq!(code(after(), Policy::default(), &token(2)), None);
    // The bounds also hold after the next rollover.
    let next = KeySet::from(Account::new("HTTP/old", "CONTOSO.TEST").with_key(keys(3, AES256)));
    let next = next.with_retiring_keys(&after(), NOW);
    assert_eq!(code(next, Policy::default(), &token(1)), Some("pac-missing"));
}

/// The bounds of a removed principal apply to every account that now has the shared key. The bounds apply under the
/// key's old version number and under another version number, and to an account that did not have the key before.
#[test]
fn bounds_of_a_removed_principal_hold_for_every_account_with_its_key() {
    let key = |kvno| ServiceKey::new(contoso().key(AES256), Some(kvno));
    let www = Account::new("HTTP/www", "CONTOSO.TEST").with_domain_sid(contoso().domain_sid()).with_key(key(1));
    let old = || Account::new("HTTP/old", "CONTOSO.TEST").with_keys([key(1), key(2)]);
    let before = KeySet::from_accounts([www, old()]).unwrap();
    let token = |kvno: u32| contoso().ticket_for("alice").kvno(i64::from(kvno)).without_pac();
    let is_bound = |set: &dyn Fn() -> KeySet, kvno| {
        let set = set().with_retiring_keys(&before, NOW);
        assert_eq!(code(set, Policy::default(), &token(kvno)), Some("pac-missing"), "version {kvno}");
    };
    let rolled = || KeySet::from(Account::new("HTTP/old", "CONTOSO.TEST").with_key(keys(3, AES256)));
    let kept = || KeySet::from(old());
    let another = || KeySet::from(Account::new("HTTP/another", "CONTOSO.TEST").with_key(key(1)));
    is_bound(&rolled, 1);
    is_bound(&rolled, 2);
    is_bound(&kept, 1);
    is_bound(&kept, 2);
    is_bound(&another, 1);
    // The bounds of the removed principal also apply to an account with its key that is added after the rollover.
    let late = || {
        let set = rolled().with_retiring_keys(&before, NOW);
        set.with_account(Account::new("HTTP/late", "CONTOSO.TEST").with_key(key(4))).unwrap()
    };
    assert_eq!(code(late(), Policy::default(), &token(4)), Some("pac-missing"));
    assert_eq!(code(rolled(), Policy::default(), &contoso().with_kvno(3).ticket_for("alice").without_pac()), None);
}

/// [`KeySet::with_retiring_keys`] keeps the bounds of a removed account only if this account shares a key with an
/// account that the new set has at the time of the call.
#[test]
fn bounds_of_removed_principals_apply_to_no_account_when_no_account_shared_their_keys() {
    let of = |name| Account::new(name, "CONTOSO.TEST").with_key(keys(1, AES256));
    let bound = |name| of(name).with_domain_sid(contoso().domain_sid());
    let before = KeySet::from_accounts([bound("HTTP/one"), bound("HTTP/two")]).unwrap();
    let rolled = KeySet::from(Account::new("HTTP/new", "CONTOSO.TEST").with_key(keys(2, AES256)));
    let set = rolled.with_retiring_keys(&before, NOW).with_account(of("HTTP/late")).unwrap();
    assert_eq!(code(set, Policy::default(), &contoso().ticket_for("alice").without_pac()), None);
}

/// In the first case the removed principal had the same bounds as the account that stayed. In the other cases the
/// removed principal comes back without the key.
#[test]
fn bounds_of_a_removed_principal_hold_after_the_next_rollover() {
    let of = |name, kvno| Account::new(name, "CONTOSO.TEST").with_key(keys(kvno, AES256));
    let bounded = |name, kvno| of(name, kvno).with_domain_sid(contoso().domain_sid());
    let token = contoso().with_kvno(1).ticket_for("alice").without_pac();
    let is_bound = |set: KeySet| assert_eq!(code(set, Policy::default(), &token), Some("pac-missing"));
    let first = KeySet::from_accounts([bounded("HTTP/a", 1), bounded("HTTP/b", 1)]).unwrap();
    let second = KeySet::from(bounded("HTTP/b", 2)).with_retiring_keys(&first, NOW);
    is_bound(KeySet::from(of("HTTP/b", 3)).with_retiring_keys(&second, NOW));
    let first = KeySet::from_accounts([bounded("HTTP/a", 1), of("HTTP/b", 1)]).unwrap();
    let second = || KeySet::from(of("HTTP/b", 2)).with_retiring_keys(&first, NOW);
    let both = KeySet::from_accounts([bounded("HTTP/a", 3), of("HTTP/b", 4)]).unwrap();
    is_bound(both.with_retiring_keys(&second(), NOW));
    let added = second().with_account(bounded("HTTP/a", 3)).unwrap();
    is_bound(added.with_account(of("HTTP/c", 3)).unwrap());
}

/// Users still sign in with tickets under the retiring key after the server adds or removes the account's tenant.
#[test]
fn retiring_key_stays_with_its_account_when_a_tenant_is_added_or_removed() {
    let plain = |kvno| contoso().with_kvno(kvno).account();
    let labelled = |kvno| plain(kvno).with_tenant("t");
    let token = contoso().with_kvno(1).ticket_for("alice");
    let rolled = |new: Account, old: Account| {
        let set = KeySet::from(new).with_retiring_keys(&KeySet::from(old), NOW);
        judge(set, Policy::default(), &token).map(|accepted| accepted.tenant().map(str::to_owned))
    };
    for kvno in [1, 2] {
        assert_eq!(rolled(labelled(kvno), plain(1)).unwrap().as_deref(), Some("t"));
        assert_eq!(rolled(plain(kvno), labelled(1)).unwrap(), None);
    }
    // The account of a new tenant does not get the retiring keys of the account that remains.
    let both = KeySet::from_accounts([plain(2), labelled(3)]).unwrap();
    let both = both.with_retiring_keys(&KeySet::from(plain(1)), NOW);
    assert_eq!(judge(both, Policy::default(), &token).unwrap().tenant(), None);
    assert_eq!(rolled(labelled(1), plain(1).with_tenant("u")).unwrap_err().code(), "untrusted-realm");
    assert_eq!(rolled(labelled(2), plain(1).with_tenant("u")).unwrap_err().code(), "key-version");
}

/// The new settings of an account replace its old settings, for the retiring key too.
#[test]
fn bounds_of_an_account_are_replaced_by_its_bounds_in_the_new_key_set() {
    let of = |name, kvno| Account::new(name, "CONTOSO.TEST").with_key(keys(kvno, AES256));
    let bounded = |name, kvno| of(name, kvno).with_domain_sid(contoso().domain_sid());
    let before = KeySet::from_accounts([bounded("HTTP/a", 1), of("HTTP/b", 1)]).unwrap();
    let after = || KeySet::from_accounts([of("HTTP/a", 2), of("HTTP/b", 2)]).unwrap();
    let after = || after().with_retiring_keys(&before, NOW);
    let token = |kvno: u32| contoso().with_kvno(kvno).ticket_for("alice").without_pac();
    assert_eq!([1, 2].map(|kvno| code(after(), Policy::default(), &token(kvno))), [None, None]);
    assert_eq!(code(before, Policy::default(), &token(1)), Some("pac-missing"));
}
