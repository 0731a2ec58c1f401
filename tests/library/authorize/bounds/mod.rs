//! Tests of an account's bounds: the users and groups that the server accepts in tickets under the account's keys. If
//! an account has bounds, these tickets need a PAC.

mod keys_of_several_accounts;

use kerberos_sso::crypto::EncType;
use kerberos_sso::pac::BufferType;
use kerberos_sso::policy::{AccountPolicy, DelegationPolicy, ForeignSidPolicy, KdcSignaturePolicy, PacPolicy};
use kerberos_sso::replay::NoReplayCache;
use kerberos_sso::testing::{PacParts, TestRealm, TestToken};
use kerberos_sso::{
    Accepted, Account, AssertedBy, Error, Identity, KeySet, Policy, Refused, ServiceKey, Sid, Validator,
    error::{DomainClaim, SignatureCause},
};

const NOW: kerberos_sso::UnixTime = TestRealm::NOW;
const AES256: EncType = EncType::AES256_CTS_HMAC_SHA1_96;

/// Returns the realm of the account's own domain.
fn contoso() -> TestRealm {
    TestRealm::new("CONTOSO.TEST").of_active_directory()
}

/// Returns the SID of the domain of a trusted forest.
fn fabrikam() -> Sid {
    TestRealm::new("FABRIKAM.TEST").domain_sid()
}

fn judge(keys: impl Into<KeySet>, policy: Policy, token: &TestToken) -> Result<Accepted, Error> {
    let validator = Validator::new(keys.into(), policy, NoReplayCache);
    validator.validate_ticket(&token.mint(), NOW).map_err(Refused::into_error)
}

fn code(keys: impl Into<KeySet>, policy: Policy, token: &TestToken) -> Option<&'static str> {
    judge(keys, policy, token).err().map(|error| error.code())
}

/// Returns a ticket for a user of the trusted forest.
fn of_fabrikam(change: impl FnOnce(&mut PacParts)) -> TestToken {
    contoso().ticket_for("eve").client_realm("FABRIKAM.TEST").pac(|pac| {
        pac.user(fabrikam().join(1105).unwrap());
        change(pac);
    })
}

mod trusted_forest {
    use super::*;

    fn strict() -> Account {
        contoso().account().with_trusted_domain("FABRIKAM.TEST", fabrikam())
    }

    fn filtered() -> Account {
        contoso().account().with_sid_filtered_domain("FABRIKAM.TEST", fabrikam())
    }

    /// Returns whether a user of the trusted forest is a member of `sid`, a group among the extra SIDs of the PAC.
    fn counts(account: Account, sid: Sid) -> bool {
        let accepted = judge(account, Policy::default(), &of_fabrikam(|pac| pac.extra_sid(sid))).unwrap();
        let (by_reference, copied) = (accepted.identity(), accepted.identity().to_owned());
        assert_eq!(by_reference.is_member_of(sid), copied.is_member_of(sid));
        assert_eq!(copied.foreign_groups.iter().any(|group| group.sid == sid), !copied.is_member_of(sid), "{sid}");
        copied.is_member_of(sid)
    }

    fn ours(rid: u32) -> Sid {
        contoso().domain_sid().join(rid).unwrap()
    }

    #[test]
    fn user_of_a_trusted_forest_is_in_no_group_of_the_accounts_domain_and_in_no_well_known_group() {
        for rid in [512, 517, 519, 553, 571, 572, 1000, 1105, u32::MAX] {
            assert!(!counts(strict(), ours(rid)), "{rid}");
        }
        for well_known in ["S-1-5-9", "S-1-18-5", "S-1-18-3", "S-1-5-15", "S-1-5-21-0-0-0-497", "S-1-5-65-1"] {
            assert!(!counts(strict(), well_known.parse().unwrap()), "{well_known}");
            assert!(!counts(filtered(), well_known.parse().unwrap()), "{well_known}");
        }
        // The groups of the user's own domain count. The SID that says who asserted the identity counts, too.
        for theirs in [fabrikam().join(512).unwrap(), fabrikam().join(1200).unwrap()] {
            assert!(counts(strict(), theirs) && counts(filtered(), theirs), "{theirs}");
        }
        let accepted = judge(strict(), Policy::default(), &of_fabrikam(|_| ())).unwrap();
        assert_eq!(accepted.identity().asserted_by(), AssertedBy::Authentication);
        assert_eq!(accepted.identity().sid(), fabrikam().join(1105));
    }

    /// A KDC that filters the trust adds the domain-local groups of its own domain. These groups have RIDs from 1000
    /// on, or one of the RIDs 517, 553, 571 and 572.
    #[test]
    fn only_domain_local_groups_count_for_a_trusted_user_when_the_kdc_filters_the_trust() {
        for (rid, expected) in [
            (512, false),
            (516, false),
            (517, true),
            (518, false),
            (519, false),
            (520, false),
            (552, false),
            (553, true),
            (554, false),
            (570, false),
            (571, true),
            (572, true),
            (573, false),
            (999, false),
            (1000, true),
            (1105, true),
        ] {
            assert_eq!(counts(filtered(), ours(rid)), expected, "{rid}");
        }
        // Groups of a third forest never count.
        assert!(!counts(filtered(), "S-1-5-21-7-8-9-1105".parse().unwrap()));
    }

    /// MS-KILE section 3.3.5.7.3: the KDC copies the resource groups of the trusted forest's PAC.
    #[test]
    fn resource_groups_of_the_accounts_domain_count_for_a_trusted_user_only_when_the_kdc_filters_the_trust() {
        let token = || of_fabrikam(|pac| pac.resource_groups(contoso().domain_sid(), [512, 2001]));
        let groups = |account| {
            let accepted = judge(account, Policy::default(), &token()).unwrap();
            let identity: Identity = accepted.identity().to_owned();
            [512, 2001].map(|rid| identity.is_member_of(ours(rid)))
        };
        assert_eq!(groups(strict()), [false, false]);
        assert_eq!(groups(filtered()), [false, true]);
    }

    #[test]
    fn foreign_groups_of_a_trusted_user_are_refused_when_the_policy_refuses_them() {
        let refusing = || Policy::default().with_foreign_sids(ForeignSidPolicy::Refuse);
        let refused = |account, token: &TestToken| judge(account, refusing(), token).err();
        let untrusted = |claim, sid| {
            let account = kerberos_sso::error::BoundedText::new(contoso().account().name());
            Some(Error::UntrustedDomain { claim, sid, account })
        };
        let domain_admins = of_fabrikam(|pac| pac.extra_sid(ours(512)));
        assert_eq!(refused(strict(), &domain_admins), untrusted(DomainClaim::ExtraSid, ours(512)));
        assert_eq!(refused(filtered(), &domain_admins), untrusted(DomainClaim::ExtraSid, ours(512)));
        let local = of_fabrikam(|pac| pac.resource_groups(contoso().domain_sid(), [2001]));
        assert_eq!(refused(strict(), &local), untrusted(DomainClaim::ResourceGroup, ours(2001)));
        assert_eq!(refused(filtered(), &local), None);
        // A SID that says how the user signed in grants no right, and is no reason to refuse the ticket.
        for logon in ["S-1-18-3", "S-1-5-15", "S-1-5-9"] {
            let token = of_fabrikam(|pac| pac.extra_sid(logon.parse().unwrap()));
            assert_eq!(refused(strict(), &token), None, "{logon}");
        }
    }

    #[test]
    fn user_of_the_accounts_domain_keeps_all_groups_except_those_of_the_trusted_forest() {
        for account in [strict(), filtered()] {
            let sids = [ours(512), ours(1105), "S-1-5-9".parse().unwrap(), fabrikam().join(1200).unwrap()];
            let token = contoso().ticket_for("alice").pac(|pac| sids.iter().for_each(|sid| pac.extra_sid(*sid)));
            let accepted = judge(account, Policy::default(), &token).unwrap();
            let is_member = sids.map(|sid| accepted.identity().is_member_of(sid));
            assert_eq!(is_member, [true, true, true, false]);
        }
    }

    /// Another domain of the same forest is not a trusted forest, so its users may be in groups of the account's
    /// domain.
    #[test]
    fn user_of_another_domain_of_the_forest_may_be_in_groups_of_the_accounts_domain() {
        let account = contoso().account().with_client_realm("FABRIKAM.TEST").with_domain_sid(fabrikam());
        assert!(counts(account, ours(512)));
    }
}

mod without_pac {
    use super::*;
    use kerberos_sso::crypto::Key;

    /// Returns an account without bounds, as the accounts of a keytab are.
    fn plain() -> Account {
        TestRealm::new("CONTOSO.TEST").account()
    }

    fn token() -> TestToken {
        TestRealm::new("CONTOSO.TEST").ticket_for("WS1$")
    }

    #[test]
    fn ticket_without_pac_is_refused_when_bounds_or_policy_need_a_pac() {
        let accounts: [fn() -> Account; 3] = [
            || plain().with_domain_sid(contoso().domain_sid()),
            || plain().with_trusted_domain("FABRIKAM.TEST", fabrikam()),
            || plain().with_krbtgt_key(&contoso().krbtgt_key(AES256)),
        ];
        let policies = [
            Policy::default().with_accounts(AccountPolicy::PeopleOnly),
            Policy::default().with_foreign_sids(ForeignSidPolicy::Refuse),
            Policy::default().with_delegation(DelegationPolicy::Refuse),
        ];
        assert_eq!(code(plain(), Policy::default(), &token()), None);
        let by_account = accounts.map(|account| (account, Policy::default()));
        let unbounded: fn() -> Account = plain;
        let by_policy = policies.map(|policy| (unbounded, policy));
        for (account, policy) in by_account.into_iter().chain(by_policy) {
            let with = |pac| code(account(), policy.clone().with_pac(pac), &token());
            assert_eq!(code(account(), policy.clone(), &token()), Some("pac-missing"), "{policy:?}");
            assert_eq!(with(PacPolicy::VerifyIfPresent), Some("pac-missing"), "{policy:?}");
            // The settings `AllowAbsent` and `Ignore` permit tickets without a PAC explicitly.
            assert_eq!([with(PacPolicy::AllowAbsent), with(PacPolicy::Ignore)], [None, None], "{policy:?}");
        }
        let by_flags = Policy::default().with_delegation(DelegationPolicy::RefuseByFlags);
        assert_eq!(code(plain(), by_flags, &token()), None);
    }

    #[test]
    fn keytab_of_active_directory_demands_a_pac_of_its_domain() {
        // `ktutil` wrote this keytab with one entry: `HTTP/www@A.TEST`, version 2, aes128-cts-hmac-sha1-96.
        let file = [
            &[5, 2, 0, 0, 0, 54, 0, 2, 0, 6][..],
            b"A.TEST",
            &[0, 4],
            b"HTTP",
            &[0, 3],
            b"www",
            &[0, 0, 0, 1, 0x6B, 0, 0, 0, 2, 0, 17, 0, 16],
            &[7; 16],
            &[0, 0, 0, 2],
        ]
        .concat();
        let realm = || TestRealm::new("A.TEST").of_active_directory();
        let key = Key::new(EncType::AES128_CTS_HMAC_SHA1_96, &[7; 16]).unwrap();
        let token = |change: fn(&mut PacParts)| {
            let token = realm().ticket_for("alice").encrypted_in(key.clone()).kvno(2);
            token.pac(|pac| {
                pac.server_signature.key = Some(key.clone());
                change(pac);
            })
        };
        let keys = || KeySet::from_active_directory_keytab(&file, ["http/WWW"], realm().domain_sid()).unwrap();
        assert_eq!(code(keys(), Policy::default(), &token(|_| ())), None);
        assert_eq!(code(keys(), Policy::default(), &token(|_| ()).without_pac()), Some("pac-missing"));
        let elsewhere = token(|pac| pac.user(fabrikam().join(1105).unwrap()));
        assert_eq!(code(keys(), Policy::default(), &elsewhere), Some("untrusted-domain"));
        let general = || KeySet::from_keytab(&file, ["HTTP/www@A.TEST"]).unwrap();
        assert_eq!(code(general(), Policy::default(), &token(|_| ()).without_pac()), None);
    }
}

mod shared_keys {
    use super::*;

    /// Returns two principals with the same keys. Only the first principal has bounds.
    fn both(bounds: impl FnOnce(Account) -> Account) -> KeySet {
        let keys = || TestRealm::new("CONTOSO.TEST").account().keys().to_vec();
        let account = |name| Account::new(name, "CONTOSO.TEST").with_service(name).with_keys(keys());
        KeySet::from_accounts([bounds(account("HTTP/www.contoso.test")), account("HTTP/old.contoso.test")]).unwrap()
    }

    fn codes(keys: impl Fn() -> KeySet, token: impl Fn() -> TestToken) -> [Option<&'static str>; 3] {
        ["HTTP/www.contoso.test", "HTTP/old.contoso.test", "HTTP/other.contoso.test"]
            .map(|service| code(keys(), Policy::default(), &token().service(service)))
    }

    /// The client can change the service name in the ticket, because the name is not encrypted.
    #[test]
    fn bounds_of_one_principal_hold_for_all_service_names_when_another_principal_shares_its_key() {
        let domain = contoso().domain_sid();
        let bounded = || both(|account| account.with_domain_sid(domain));
        assert_eq!(codes(bounded, || contoso().ticket_for("alice")), [None; 3]);
        assert_eq!(codes(bounded, || contoso().ticket_for("alice").without_pac()), [Some("pac-missing"); 3]);
        let elsewhere = || contoso().ticket_for("alice").pac(|pac| pac.user(fabrikam().join(1105).unwrap()));
        assert_eq!(codes(bounded, elsewhere), [Some("untrusted-domain"); 3]);
        let in_directory = || both(Account::of_active_directory);
        assert_eq!(codes(in_directory, || contoso().ticket_for("alice").without_pac()), [Some("pac-missing"); 3]);
        let krbtgt = || both(|account| account.with_krbtgt_key(&contoso().krbtgt_key(AES256)));
        assert_eq!(codes(krbtgt, || contoso().ticket_for("alice")), [None; 3]);
        let silver = || contoso().ticket_for("alice").pac(|pac| pac.kdc_signature.key = Some(contoso().key(AES256)));
        assert_eq!(codes(krbtgt, silver), [Some("pac-signature"); 3]);
    }

    #[test]
    fn realm_is_refused_for_every_service_name_when_one_account_of_a_shared_key_does_not_trust_it() {
        let token = || TestRealm::new("CONTOSO.TEST").ticket_for("eve").client_realm("FABRIKAM.TEST");
        let one_trusts = || both(|account| account.with_client_realm("FABRIKAM.TEST"));
        assert_eq!(codes(one_trusts, token), [Some("untrusted-realm"); 3]);
        // If two accounts share a key, the stricter of their two settings for the trusted forest applies.
        let trusting = |account: Account| account.with_trusted_domain("FABRIKAM.TEST", fabrikam());
        let filtering = |account: Account| account.with_sid_filtered_domain("FABRIKAM.TEST", fabrikam());
        let keys = || contoso().account().keys().to_vec();
        let account =
            |name| Account::new(name, "CONTOSO.TEST").with_keys(keys()).with_domain_sid(contoso().domain_sid());
        let set = KeySet::from_accounts([trusting(account("A")), filtering(account("B"))]).unwrap();
        let local = contoso().domain_sid().join(1105).unwrap();
        let token = of_fabrikam(|pac| pac.extra_sid(local));
        let accepted = judge(set, Policy::default(), &token).unwrap();
        assert!(!accepted.identity().is_member_of(local));
    }

    /// The client can also change the service's realm in the ticket, because the realm is not encrypted.
    #[test]
    fn users_of_both_realms_are_refused_when_accounts_of_two_realms_share_a_key() {
        let keys = || TestRealm::new("CONTOSO.TEST").account().keys().to_vec();
        let account = |realm| Account::new("SERVICE$", realm).with_keys(keys());
        let set = || KeySet::from_accounts([account("CONTOSO.TEST"), account("FABRIKAM.TEST")]).unwrap();
        for client_realm in ["CONTOSO.TEST", "FABRIKAM.TEST"] {
            let token = TestRealm::new("CONTOSO.TEST").ticket_for("eve").client_realm(client_realm);
            assert_eq!(code(set(), Policy::default(), &token), Some("untrusted-realm"), "{client_realm}");
        }
    }

    /// The caller may add accounts one by one. The bounds of an account that is added last also apply to an earlier
    /// account with the same key.
    #[test]
    fn bounds_of_an_added_account_hold_for_an_earlier_account_with_the_same_key() {
        let keys = || TestRealm::new("CONTOSO.TEST").account().keys().to_vec();
        let first = Account::new("A", "CONTOSO.TEST").with_keys(keys());
        let second = Account::new("B", "CONTOSO.TEST").with_keys(keys()).with_domain_sid(contoso().domain_sid());
        let set = KeySet::from(first).with_account(second).unwrap();
        let token = contoso().ticket_for("alice").without_pac();
        assert_eq!(code(set, Policy::default(), &token), Some("pac-missing"));
        // The bounds of an account also apply to its retiring key when another account has that key.
        let old = KeySet::from(Account::new("B", "CONTOSO.TEST").with_keys(keys()));
        let other = TestRealm::new("CONTOSO.TEST").with_kvno(2).account().keys().to_vec();
        let accounts = [
            Account::new("A", "CONTOSO.TEST").with_keys(keys()),
            Account::new("B", "CONTOSO.TEST").with_keys(other).of_active_directory(),
        ];
        let set = KeySet::from_accounts(accounts).unwrap().with_retiring_keys(&old, NOW);
        assert_eq!(code(set, Policy::default(), &token), Some("pac-missing"));
    }
}

mod kdc_signatures {
    use super::*;

    fn with_krbtgt_key() -> Account {
        contoso().account().with_krbtgt_key(&contoso().krbtgt_key(AES256))
    }

    /// An attacker could move a PAC without a ticket signature into a forged ticket.
    #[test]
    fn pac_without_a_ticket_signature_or_a_full_signature_is_refused_when_a_krbtgt_key_is_given() {
        for missing in [BufferType::TICKET_CHECKSUM, BufferType::FULL_CHECKSUM] {
            let token = || contoso().ticket_for("alice").pac(|pac| pac.remove(missing));
            let error = judge(with_krbtgt_key(), Policy::default(), &token()).unwrap_err();
            let Error::PacSignature(signature) = error else { panic!("{error}") };
            assert_eq!((signature.buffer_type, signature.cause), (missing, SignatureCause::Missing));
            let allowing = Policy::default().with_kdc_signatures(KdcSignaturePolicy::AllowAbsent);
            assert_eq!(code(with_krbtgt_key(), allowing, &token()), None);
            // Without a krbtgt key the server cannot verify these signatures, so it does not require them.
            assert_eq!(code(contoso().account(), Policy::default(), &token()), None);
        }
        assert_eq!(code(with_krbtgt_key(), Policy::default(), &contoso().ticket_for("alice")), None);
    }

    /// A key that has expired for tickets has also expired for PAC signatures.
    #[test]
    fn pac_signed_under_a_retired_key_is_refused_one_second_after_the_keys_end() {
        let (old, new) = (contoso().with_kvno(1), contoso().with_kvno(2));
        let signed_with_the_old_key = new.ticket_for("alice").pac(|pac| {
            pac.server_signature.key = Some(old.key(AES256));
        });
        let retired_at = |last: kerberos_sso::UnixTime| {
            new.account().with_key(ServiceKey::new(old.key(AES256), Some(1)).with_not_after(last))
        };
        assert_eq!(code(retired_at(NOW), Policy::default(), &signed_with_the_old_key), None);
        let second_before = NOW.saturating_add_seconds(-1);
        let refused = code(retired_at(second_before), Policy::default(), &signed_with_the_old_key);
        assert_eq!(refused, Some("pac-signature"));
    }

    #[cfg(feature = "rc4")]
    #[test]
    fn pac_signed_under_an_rc4_key_is_refused_when_the_policy_allows_aes_only() {
        let rc4 = EncType::RC4_HMAC;
        let by_service = contoso().ticket_for("alice").pac(|pac| pac.server_signature.key = Some(contoso().key(rc4)));
        let by_kdc = contoso().ticket_for("alice").pac(|pac| pac.signed_by_kdc(&contoso().krbtgt_key(rc4)));
        let account = || contoso().account().with_krbtgt_key(&contoso().krbtgt_key(rc4));
        let account = || account().with_krbtgt_key(&contoso().krbtgt_key(AES256));
        for token in [by_service, by_kdc] {
            assert_eq!(code(account(), Policy::default(), &token), Some("pac-signature"));
            assert_eq!(code(account(), Policy::default().allow_rc4(), &token), None);
        }
    }
}
