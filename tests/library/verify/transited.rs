//! The realms on the authentication path between the client's realm and the service's realm. The KDC, the policy or the
//! account must allow each of these realms.

use crate::common;

use common::Server;
use kerberos_sso::crypto::EncType;
use kerberos_sso::error::{BoundedText, TransitedCause, TransitedFault};
use kerberos_sso::testing::{TestRealm, TestToken};
use kerberos_sso::{Account, Error, KeySet, Policy, ServiceKey, Sid, policy::TransitedPolicy, ticket::TicketFlags};

/// Returns a TransitedEncoding of tr-type 1, DOMAIN-X500-COMPRESS.
fn list(contents: &str) -> (i32, Vec<u8>) {
    (1, contents.into())
}

/// Returns the realms that the error names, and the number of realms that were refused.
fn refused(error: &Error) -> (Vec<&str>, usize) {
    match error {
        Error::Transited(TransitedCause::Realms(realms)) => {
            (realms.names().map(BoundedText::as_str).collect(), realms.count())
        }
        other => panic!("{other:?}"),
    }
}

fn unreadable(error: &Error) -> TransitedFault {
    match error {
        Error::Transited(TransitedCause::Unreadable(fault)) => *fault,
        other => panic!("{other:?}"),
    }
}

mod checked_by_the_kdc {
    use super::*;

    #[test]
    fn transited_list_is_refused_unless_the_kdc_has_checked_it() {
        let server = Server::new();
        for path in [&b"MIDDLE.TEST"[..], b",A,", b"\0", b"A,B,C", &b"/".repeat(40_000)] {
            let transited = (1, path.to_vec());
            let error = server.refusal(|token| token.ticket.transited = transited.clone());
            assert_eq!(error.code(), "transited");
            let accepted = server.accepts(|token| {
                token.ticket.transited = transited.clone();
                token.ticket.add_flags(TicketFlags::TRANSITED_POLICY_CHECKED);
            });
            assert_eq!(accepted.ticket().transited(), path);
        }
    }

    /// KDCs of Windows check no transited list (MS-KILE section 3.1.5.4), and never set TRANSITED-POLICY-CHECKED.
    #[test]
    fn transited_list_is_accepted_unread_when_the_policy_trusts_the_kdc() {
        let trusting = Server::with_policy(Policy::default().with_transited(TransitedPolicy::TrustKdc));
        for transited in [list("MIDDLE.TEST"), list("\0"), (2, b"MIDDLE.TEST".to_vec())] {
            trusting.assert_accepts(|token| token.ticket.transited = transited);
        }
        let error = trusting.refusal(|token| {
            *token = token.clone().client_realm("FABRIKAM.TEST");
            token.ticket.transited = list("MIDDLE.TEST");
        });
        assert_eq!(error.code(), "untrusted-realm");
    }

    #[test]
    fn transited_list_is_refused_without_the_flag_transited_policy_checked_whatever_other_flags_are_set() {
        let error = Server::new().refusal(|token| {
            token.ticket.transited = list("MIDDLE.TEST");
            let others = TicketFlags::TRANSITED_POLICY_CHECKED.bits() | TicketFlags::INVALID.bits();
            token.ticket.flags = !(others | TicketFlags::ANONYMOUS.bits());
        });
        assert_eq!(refused(&error), (vec!["MIDDLE.TEST"], 1));
    }
}

mod listed_by_the_policy {
    use super::*;

    /// Validates a ticket for a user of `FAR.TEST` whose transited list is `contents`. The policy allows the realms in
    /// `allowed`, and the server's account accepts users of `FAR.TEST`.
    fn judge(allowed: &[&str], contents: &str) -> Result<(), Error> {
        judge_between("FAR.TEST", allowed, list(contents))
    }

    fn judge_between(client: &str, allowed: &[&str], transited: (i32, Vec<u8>)) -> Result<(), Error> {
        let realm = TestRealm::new("CONTOSO.TEST");
        let keys = KeySet::from(realm.account().with_client_realm(client));
        let policy = Policy::default().with_transited_realms(allowed.iter().copied());
        let server = Server::with_keys(realm, keys, policy);
        let mut token = server.good().client_realm(client);
        token.ticket.transited = transited;
        server.check(&token.mint()).map(drop)
    }

    #[test]
    fn realm_on_the_path_is_refused_when_the_policy_does_not_list_it() {
        for (allowed, contents, expected) in [
            (&["NEAR.TEST"][..], "NEAR.TEST", &[][..]),
            (&["NEAR.TEST", "TOP.TEST"], "NEAR.TEST,TOP.TEST", &[]),
            (&["TOP.TEST", "NEAR.TEST", "OTHER.TEST"], "NEAR.TEST,TOP.TEST", &[]),
            (&["NEAR.TEST"], "NEAR.TEST,TOP.TEST", &["TOP.TEST"]),
            (&["TOP.TEST"], "NEAR.TEST,TOP.TEST", &["NEAR.TEST"]),
            (&[], "NEAR.TEST,TOP.TEST", &["NEAR.TEST", "TOP.TEST"]),
            (&["TOP.TEST", "SUB.TOP.TEST"], "TOP.TEST,SUB.", &[]),
            (&["TOP.TEST", "SUB."], "TOP.TEST,SUB.", &["SUB.TOP.TEST"]),
        ] {
            match judge(allowed, contents) {
                Ok(()) => assert!(expected.is_empty(), "{allowed:?} {contents}"),
                Err(error) => {
                    assert_eq!(refused(&error), (expected.to_vec(), expected.len()), "{allowed:?} {contents}");
                }
            }
        }
    }

    #[test]
    fn realm_on_the_path_is_refused_when_the_listed_realm_differs_in_any_octet() {
        for other in ["near.test", "NEAR.TEST.", "NEAR.TES", "EAR.TEST", "X.NEAR.TEST", "", "NEAR.TEST,TOP.TEST"] {
            assert_eq!(refused(&judge(&[other], "NEAR.TEST").unwrap_err()).0, ["NEAR.TEST"], "{other:?}");
        }
    }

    #[test]
    fn realms_of_the_client_and_the_service_need_not_be_listed() {
        assert_eq!(judge(&["NEAR.TEST"], "FAR.TEST,NEAR.TEST,CONTOSO.TEST"), Ok(()));
        assert_eq!(judge(&[], "FAR.TEST"), Ok(()));
        assert_eq!(judge(&[], "CONTOSO.TEST"), Ok(()));
        assert_eq!(judge_between("CONTOSO.TEST", &[], list("CONTOSO.TEST")), Ok(()));
    }

    #[test]
    fn policy_must_list_the_realms_that_a_null_subfield_stands_for() {
        for (client, allowed, contents, expected) in [
            ("A.B.CONTOSO.TEST", &["B.CONTOSO.TEST"][..], ",", &[][..]),
            ("A.B.CONTOSO.TEST", &[], ",", &["B.CONTOSO.TEST"]),
            ("FAR.EAST.TEST", &["EAST.TEST", "TEST"], ",", &[]),
            ("FAR.EAST.TEST", &["EAST.TEST"], ",", &["TEST"]),
            // The null subfield is before the first realm, after the last realm, or between two realms.
            ("A.B.FAR.TEST", &["B.FAR.TEST", "FAR.TEST"], ",FAR.TEST", &[]),
            ("A.B.FAR.TEST", &["FAR.TEST"], ",FAR.TEST", &["B.FAR.TEST"]),
            ("FAR.TEST", &["TEST"], "TEST,", &[]),
            ("FAR.TEST", &["A.B.CONTOSO.TEST"], "A.B.CONTOSO.TEST,", &["B.CONTOSO.TEST"]),
            ("FAR.TEST", &["TOP", "A.B.TOP"], "TOP,,A.B.TOP", &["B.TOP"]),
        ] {
            match judge_between(client, allowed, list(contents)) {
                Ok(()) => assert!(expected.is_empty(), "{client} {allowed:?} {contents}"),
                Err(error) => assert_eq!(refused(&error).0, expected, "{client} {allowed:?} {contents}"),
            }
        }
        let error = judge(&["EDU", "TEST"], "EDU,").unwrap_err();
        assert_eq!(unreadable(&error), TransitedFault::NoWay);
    }

    #[test]
    fn unreadable_transited_list_is_refused_whatever_the_policy_lists() {
        let many = |count: usize| vec!["A"; count].join(",");
        for (contents, fault) in [
            ("A\\".into(), TransitedFault::Syntax),
            ("A,B\0".into(), TransitedFault::Syntax),
            ("A.".into(), TransitedFault::Ambiguous),
            (many(33), TransitedFault::TooMany),
            ("A".repeat(256), TransitedFault::NameTooLong),
            (",".repeat(4097), TransitedFault::TooLong),
        ] {
            let error = judge(&["A", "B\0", "A.", "A.FAR.TEST", &"A".repeat(256)], &contents).unwrap_err();
            assert_eq!(unreadable(&error), fault, "{contents}");
        }
        assert_eq!(judge(&["A"], &many(32)), Ok(()));
        assert_eq!(judge(&[&"A".repeat(255)], &"A".repeat(255)), Ok(()));
    }

    #[test]
    fn transited_list_of_another_type_is_refused_whatever_the_policy_lists() {
        for tr_type in [0, 2, -1, i32::MAX] {
            let error = judge_between("FAR.TEST", &["NEAR.TEST"], (tr_type, b"NEAR.TEST".to_vec())).unwrap_err();
            assert_eq!(unreadable(&error), TransitedFault::Type(tr_type));
            assert_eq!(judge_between("FAR.TEST", &[], (tr_type, Vec::new())), Ok(()));
        }
    }

    #[test]
    fn user_of_a_realm_that_is_only_allowed_on_the_path_is_refused() {
        let server = Server::with_policy(Policy::default().with_transited_realms(["NEAR.TEST"]));
        let error = server.refusal(|token| *token = token.clone().client_realm("NEAR.TEST"));
        assert_eq!(error.code(), "untrusted-realm");
    }

    #[test]
    fn error_lists_three_realms_and_counts_the_others() {
        let error = judge(&["OK.TEST"], "A.TEST,OK.TEST,B\r\n.TEST,\u{202E}C.TEST,D.TEST,E.TEST").unwrap_err();
        assert_eq!(refused(&error), (vec!["A.TEST", "B\r\n.TEST", "\u{202E}C.TEST"], 5));
        assert_eq!(
            error.to_string(),
            "the ticket came through other realms, which the KDC did not check (TRANSITED-POLICY-CHECKED is not set), and the \
             policy does not allow these realms on the path: A.TEST, B\\u{d}\\u{a}.TEST, \\u{202e}C.TEST and 2 more"
        );
        assert!(error.remedy().unwrap().to_string().contains("Policy::with_transited_realms"));
        let no_text = judge_between("FAR.TEST", &[], (1, b"A\xFF\xFEB".to_vec())).unwrap_err();
        assert_eq!(refused(&no_text).0, ["A\u{FFFD}\u{FFFD}B"]);
        let long = judge(&[], &"A".repeat(255)).unwrap_err();
        assert!(long.to_string().ends_with("A…"), "{long}");
    }

    #[test]
    fn error_says_why_the_transited_list_cannot_be_read() {
        let error = judge_between("FAR.TEST", &[], (7, b"A".to_vec())).unwrap_err();
        assert_eq!(
            error.to_string(),
            "the ticket came through other realms, which the KDC did not check (TRANSITED-POLICY-CHECKED is not set), and \
             the list of these realms cannot be read: the list is of type 7, not DOMAIN-X500-COMPRESS (1)"
        );
        assert!(error.remedy().is_some());
    }
}

mod in_a_forest {
    use super::*;

    const CHILD: &str = "CHILD.CONTOSO.TEST";
    const GRANDCHILD: &str = "GRAND.CHILD.CONTOSO.TEST";

    fn contoso() -> TestRealm {
        TestRealm::new("CONTOSO.TEST").of_active_directory()
    }

    fn sid_of(realm: &str) -> Sid {
        TestRealm::new(realm).domain_sid()
    }

    /// Returns the account of the forest's root domain, which names `domains` as domains of its forest.
    fn account(domains: &[&str]) -> Account {
        let account = contoso().account().with_domain_sid(contoso().domain_sid());
        domains.iter().fold(account, |account, realm| account.with_forest_domain(realm, sid_of(realm)))
    }

    /// Returns a ticket that the KDC of the root domain issued to a user of `realm`. The ticket lacks the flag
    /// TRANSITED-POLICY-CHECKED, because KDCs of Windows never set this flag.
    fn ticket(realm: &str, transited: &str) -> TestToken {
        let mut token = contoso().ticket_for("carl").client_realm(realm).pac(|pac| {
            pac.user(sid_of(realm).join(1105).unwrap());
        });
        token.ticket.transited = list(transited);
        token
    }

    fn code(keys: impl Into<KeySet>, token: &TestToken) -> Option<&'static str> {
        let server = Server::with_keys(contoso(), keys.into(), Policy::default());
        server.check(&token.mint()).err().map(|error| error.code())
    }

    #[test]
    fn user_of_a_child_domain_is_accepted_when_the_account_names_the_domain() {
        assert_eq!(code(account(&[CHILD]), &ticket(CHILD, "")), None);
        assert_eq!(code(account(&[]), &ticket(CHILD, "")), Some("untrusted-realm"));
        assert_eq!(code(account(&[CHILD]), &contoso().ticket_for("alice")), None);
    }

    #[test]
    fn user_of_a_grandchild_domain_is_accepted_when_the_account_names_each_domain_on_the_path() {
        for transited in [CHILD, ",", "CONTOSO.TEST,CHILD."] {
            assert_eq!(code(account(&[CHILD, GRANDCHILD]), &ticket(GRANDCHILD, transited)), None, "{transited}");
            assert_eq!(code(account(&[GRANDCHILD]), &ticket(GRANDCHILD, transited)), Some("transited"), "{transited}");
        }
        assert_eq!(code(account(&[CHILD]), &ticket(GRANDCHILD, CHILD)), Some("untrusted-realm"));
        let beyond = ticket(GRANDCHILD, &format!("{CHILD},FABRIKAM.TEST"));
        assert_eq!(code(account(&[CHILD, GRANDCHILD]), &beyond), Some("transited"));
    }

    /// The KDC of a realm outside of the forest could write tickets that name users of the forest.
    #[test]
    fn realm_on_the_path_is_refused_when_it_is_no_domain_of_the_forest() {
        let by_realm = || account(&[GRANDCHILD]).with_client_realm(CHILD).with_domain_sid(sid_of(CHILD));
        assert_eq!(code(by_realm(), &ticket(GRANDCHILD, CHILD)), Some("transited"));
        for trusted in [Account::with_trusted_domain, Account::with_sid_filtered_domain] {
            let account = trusted(account(&[GRANDCHILD]), CHILD, sid_of(CHILD));
            assert_eq!(code(account, &ticket(GRANDCHILD, CHILD)), Some("transited"));
        }
        let server = Server::with_keys(contoso(), by_realm().into(), Policy::default().with_transited_realms([CHILD]));
        assert!(server.check(&ticket(GRANDCHILD, CHILD).mint()).is_ok());
    }

    /// The authentication path from a trusted forest leads through the root domains of both forests.
    #[test]
    fn user_of_a_trusted_forest_is_accepted_when_each_domain_on_the_path_is_named() {
        let of = |domains| account(domains).with_trusted_domain("FABRIKAM.TEST", sid_of("FABRIKAM.TEST"));
        assert_eq!(code(of(&[CHILD]), &ticket("FABRIKAM.TEST", CHILD)), None);
        assert_eq!(code(of(&[]), &ticket("FABRIKAM.TEST", CHILD)), Some("transited"));
    }

    #[test]
    fn user_of_a_named_domain_with_a_sid_of_another_domain_is_refused() {
        let says = |realm: &str, of: &str| {
            let user = sid_of(of).join(1105).unwrap();
            contoso().ticket_for("carl").client_realm(realm).pac(|pac| {
                pac.user(user);
            })
        };
        let judge = |token| code(account(&[CHILD, GRANDCHILD]), &token);
        assert_eq!(judge(says(CHILD, CHILD)), None);
        for (realm, of) in [(CHILD, "CONTOSO.TEST"), (CHILD, GRANDCHILD), ("CONTOSO.TEST", CHILD)] {
            assert_eq!(judge(says(realm, of)), Some("untrusted-domain"), "{realm} {of}");
        }
    }

    /// All domains of a forest trust each other.
    #[test]
    fn user_of_a_child_domain_is_in_groups_of_every_domain_of_the_forest() {
        let group = |realm: &str| sid_of(realm).join(1200).unwrap();
        let keys = KeySet::from(account(&[CHILD, GRANDCHILD]));
        let server = Server::with_keys(contoso(), keys, Policy::default());
        let token = ticket(CHILD, "").pac(|pac| {
            for realm in ["CONTOSO.TEST", CHILD, GRANDCHILD, "FABRIKAM.TEST"] {
                pac.extra_sid(group(realm));
            }
        });
        let accepted = server.check(&token.mint()).unwrap();
        for (realm, expected) in [("CONTOSO.TEST", true), (CHILD, true), (GRANDCHILD, true), ("FABRIKAM.TEST", false)] {
            assert_eq!(accepted.identity().is_member_of(group(realm)), expected, "{realm}");
        }
    }

    /// Several accounts have the same key. A client can rewrite the service name of its ticket, and so choose one of
    /// these accounts. Therefore every account with the key must name the realm.
    #[test]
    fn realm_on_the_path_is_refused_unless_each_account_with_the_key_names_it() {
        let key = || ServiceKey::new(contoso().key(EncType::AES256_CTS_HMAC_SHA1_96), Some(1));
        let of = |name: &str, domains: &[&str]| {
            let account = Account::new(name, "CONTOSO.TEST").with_key(key()).with_domain_sid(contoso().domain_sid());
            domains.iter().fold(account, |account, realm| account.with_forest_domain(realm, sid_of(realm)))
        };
        let both = |one: &[&str], other: &[&str]| KeySet::from_accounts([of("A$", one), of("B$", other)]).unwrap();
        let token = ticket(GRANDCHILD, CHILD);
        let (all, without) = ([CHILD, GRANDCHILD], [GRANDCHILD]);
        assert_eq!(code(both(&all, &all), &token), None);
        assert_eq!(code(both(&all, &without), &token), Some("transited"));
        assert_eq!(code(both(&without, &all), &token), Some("transited"));
    }

    /// The service's realm in the ticket is not protected. So the server expands the list for the realm of each account
    /// that has the key.
    #[test]
    fn null_subfield_is_expanded_to_the_realm_of_each_account_with_the_key() {
        let key = || ServiceKey::new(contoso().key(EncType::AES256_CTS_HMAC_SHA1_96), Some(1));
        let of = |realm: &str| {
            Account::new("A$", realm).with_key(key()).with_client_realm("TEST").with_client_realm("A.TEST")
        };
        let judge = |realms: &[&str], allowed: &[&str]| {
            let keys = KeySet::from_accounts(realms.iter().map(|realm| of(realm))).unwrap();
            let policy = Policy::default().with_transited_realms(allowed.iter().copied());
            let mut token = contoso().ticket_for("alice").client_realm("TEST").without_pac();
            token.ticket.transited = list(",");
            let server = Server::with_keys(contoso(), keys, policy);
            server.check(&token.mint()).map(drop).map_err(|error| refused(&error).0.join(" "))
        };
        assert_eq!(judge(&["CONTOSO.TEST"], &[]), Ok(()));
        assert_eq!(judge(&["CONTOSO.TEST", "A.B.TEST"], &[]), Err("B.TEST".into()));
        assert_eq!(judge(&["CONTOSO.TEST", "A.B.TEST"], &["B.TEST"]), Ok(()));
    }

    /// The server reads the transited list once for the realm of each account that holds the key. The server stops when it
    /// refuses the ticket for one of these realms.
    #[test]
    fn error_lists_a_realm_once_when_accounts_of_two_realms_share_the_key() {
        let key = || ServiceKey::new(contoso().key(EncType::AES256_CTS_HMAC_SHA1_96), Some(1));
        let of = |realm: &&str| Account::new("A$", realm).with_key(key()).with_client_realm("TEST");
        let keys = KeySet::from_accounts(["CONTOSO.TEST", "OTHER.TEST"].iter().map(of)).unwrap();
        let mut token = contoso().ticket_for("alice").client_realm("TEST").without_pac();
        token.ticket.transited = list("MIDDLE.TEST");
        let server = Server::with_keys(contoso(), keys, Policy::default());
        let error = server.check(&token.mint()).map(drop).unwrap_err();
        assert_eq!(refused(&error), (vec!["MIDDLE.TEST"], 1));
    }
}
