//! Tests of `SessionIdentity`, the small form of an identity for sessions. A session identity has the same groups as
//! the identity. A session store returns the session identity unchanged.

use kerberos_sso::pac::{AccountKind, GroupAttributes};
use kerberos_sso::replay::NoReplayCache;
use kerberos_sso::testing::{PacParts, TestRealm};
use kerberos_sso::{Accepted, Policy, SessionIdentity, Sid, Validator};
use std::collections::BTreeSet;

fn realm() -> TestRealm {
    TestRealm::new("CONTOSO.TEST").of_active_directory()
}

/// Returns the accepted request of a user whose PAC `change` has changed.
fn accepts(change: impl FnOnce(&mut PacParts)) -> Accepted {
    let realm = realm();
    let validator = Validator::new(realm.key_set(), Policy::default(), NoReplayCache);
    validator.validate_ticket(&realm.ticket_for("alice").pac(change).mint(), TestRealm::NOW).unwrap()
}

fn accepts_without_pac() -> Accepted {
    let realm = TestRealm::new("CONTOSO.TEST");
    let validator = Validator::new(realm.key_set(), Policy::default(), NoReplayCache);
    validator.validate_ticket(&realm.ticket_for("alice/ad@min").mint(), TestRealm::NOW).unwrap()
}

fn sid(text: &str) -> Sid {
    text.parse().unwrap()
}

/// Adds groups of every kind to the PAC: repeated groups, groups that grant nothing, and foreign groups.
fn of_many_domains(pac: &mut PacParts) {
    let ours = realm().domain_sid();
    let disabled = GroupAttributes::MANDATORY.bits();
    let for_denying = GroupAttributes::ENABLED.bits() | GroupAttributes::USE_FOR_DENY_ONLY.bits();
    pac.groups([1200, 513, 0, u32::MAX, 1200]);
    pac.logon_info.groups.extend([(1300, disabled), (1301, for_denying)]);
    pac.resource_groups(ours, [1400, 513]);
    for extra in ["S-1-18-3", "S-1-5-21-0-0-0-497", "S-1-5-21-7-8-9-512", "S-1-5-32-544"] {
        pac.extra_sid(sid(extra));
    }
    pac.extra_sid(ours.join(1500).unwrap());
    pac.logon_info.full_name = "Alice Example".into();
}

#[test]
fn session_has_the_fields_of_the_identity() {
    let accepted = accepts(of_many_domains);
    let session = accepted.identity().to_session();
    assert_eq!(session.sid, Some(realm().user_sid("alice")));
    assert_eq!((&*session.name, &*session.realm), ("alice", "CONTOSO.TEST"));
    assert_eq!(session.account_name.as_deref(), Some("alice"));
    assert_eq!(session.full_name.as_deref(), Some("Alice Example"));
    assert_eq!(session.upn.as_deref(), Some("alice@contoso.test"));
    assert_eq!(session.kind, Some(AccountKind::User));
    assert_eq!(SessionIdentity::from(accepted.identity()), session);
    assert_eq!(SessionIdentity::from(&accepted.identity().to_owned()), session);
}

#[test]
fn session_of_a_user_without_a_pac_has_only_a_name() {
    let session = accepts_without_pac().identity().to_session();
    assert_eq!((session.sid, session.kind, session.groups().count()), (None, None, 0));
    assert_eq!(session.name, r"alice/ad\@min");
    assert_eq!((session.account_name, session.full_name, session.upn), (None, None, None));
}

#[test]
fn session_is_a_member_of_the_same_groups_as_the_identity() {
    let accepted = accepts(of_many_domains);
    let (identity, session) = (accepted.identity(), accepted.identity().to_session());
    let expected: BTreeSet<Sid> = identity.groups().map(|group| group.sid).collect();
    let found: Vec<Sid> = session.groups().collect();
    assert_eq!(found, expected.iter().copied().collect::<Vec<_>>(), "each group once, in the order of the SIDs");
    assert_eq!(found.len(), 9);
    let ours = realm().domain_sid();
    let others = [1300, 1301, 1, 512, 514, 1199, 1201].map(|rid| ours.join(rid).unwrap());
    let elsewhere = ["S-1-5-21-7-8-9-512", "S-1-5-32-544", "S-1-18-2", "S-1-18", "S-1-5", "S-1-0"].map(sid);
    for group in expected.iter().chain(&others).chain(&elsewhere).copied().chain([ours]) {
        assert_eq!(session.is_member_of(group), identity.is_member_of(group), "{group}");
        assert_eq!(session.is_member_of(group), expected.contains(&group), "{group}");
    }
}

/// A SID may have 15 sub-authorities. The domain of the longest SID has 14 sub-authorities and the RID is the last
/// sub-authority.
#[test]
fn longest_group_sid_is_kept_in_the_session() {
    let longest = sid("S-1-18-1-2-3-4-5-6-7-8-9-10-11-12-13-14-15");
    let session = accepts(|pac| pac.extra_sid(longest)).identity().to_session();
    assert!(session.is_member_of(longest) && session.groups().any(|group| group == longest));
}

/// A SID without sub-authorities names an authority and not a group, so no user is a member.
#[test]
fn sid_without_sub_authorities_is_not_a_group_of_the_session() {
    let accepted = accepts(|pac| pac.extra_sid(sid("S-1-18")));
    let session = accepted.identity().to_session();
    assert!(!session.is_member_of(sid("S-1-18")) && session.groups().all(|group| group != sid("S-1-18")));
    assert!(session.is_member_of(Sid::AUTHENTICATION_ASSERTED));
}

mod stored {
    use super::*;
    use kerberos_sso::limits::{MAX_SESSION_GROUPS, MAX_SESSION_TEXT};
    use serde_json::{Value, json};

    /// Returns the accepted request of a user who is in `count` groups. One of the groups says how the user signed in,
    /// and the others are groups of the domain.
    fn in_groups(count: u32) -> Accepted {
        accepts(|pac| {
            pac.groups((1..count).map(|number| if number == 1 { 513 } else { 1100 + 37 * number }));
            pac.logon_info.full_name = "Alice Example".into();
        })
    }

    fn value() -> Value {
        json!({
            "sid": "S-1-5-21-1-2-3-1103",
            "name": "alice",
            "realm": "CONTOSO.TEST",
            "account_name": "alice",
            "full_name": null,
            "upn": null,
            "kind": "User",
            "groups": { "S-1-5-21-1-2-3": [513, 1104], "S-1-18": [1] },
        })
    }

    fn read(value: &Value) -> Result<SessionIdentity, serde_json::Error> {
        serde_json::from_str(&value.to_string())
    }

    fn with(field: &str, value: Value) -> Value {
        let mut changed = self::value();
        changed[field] = value;
        changed
    }

    #[track_caller]
    fn assert_refused(value: &Value, why: &str) {
        let error = read(value).unwrap_err().to_string();
        assert!(error.contains(why), "{error}");
    }

    /// The documentation of `SessionIdentity` states these sizes in octets. The format of a stored session never
    /// changes.
    #[test]
    fn stored_session_has_the_documented_size() {
        for (groups, before, after) in [(2, 549, 276), (60, 4_725, 566), (1_000, 73_164, 6_025)] {
            let accepted = in_groups(groups);
            let identity = serde_json::to_string(&accepted.identity().to_owned()).unwrap();
            let session = serde_json::to_string(&accepted.identity().to_session()).unwrap();
            assert_eq!(accepted.identity().groups().count(), usize::try_from(groups).unwrap());
            assert_eq!((identity.len(), session.len()), (before, after), "{groups} groups");
        }
    }

    #[test]
    fn session_is_the_same_after_it_was_stored() {
        for accepted in [accepts(of_many_domains), in_groups(1_000), accepts_without_pac()] {
            let session = accepted.identity().to_session();
            let stored = serde_json::to_string(&session).unwrap();
            assert_eq!(serde_json::from_str::<SessionIdentity>(&stored).unwrap(), session);
            assert_eq!(serde_json::from_slice::<SessionIdentity>(stored.as_bytes()).unwrap(), session);
            assert_eq!(serde_json::from_reader::<_, SessionIdentity>(stored.as_bytes()).unwrap(), session);
            let value = serde_json::to_value(&session).unwrap();
            assert_eq!(serde_json::from_value::<SessionIdentity>(value).unwrap(), session);
        }
    }

    /// Stored sessions outlive a version of this crate, so their format never changes.
    #[test]
    fn session_is_stored_in_the_fixed_format() {
        let stored = r#"{"tenant":null,"sid":"S-1-5-21-1-2-3-1103","name":"alice","realm":"CONTOSO.TEST","account_name":"alice","full_name":null,"upn":null,"kind":"User","groups":{"S-1-5-21-1-2-3":[513,1104],"S-1-18":[1]}}"#;
        let session = serde_json::from_str::<SessionIdentity>(stored).unwrap();
        assert_eq!(serde_json::to_string(&session).unwrap(), stored);
        assert!(session.is_member_of(sid("S-1-5-21-1-2-3-1104")) && session.is_member_of(Sid::AUTHENTICATION_ASSERTED));
    }

    /// A later version of this crate may add a field, and an earlier version may lack a field. Some stores sort the
    /// keys of maps.
    #[test]
    fn session_that_an_earlier_or_later_version_stored_is_read() {
        let session = read(&value()).unwrap();
        assert_eq!(read(&with("added_later", json!({ "any": ["thing"] }))).unwrap(), session);
        let mut earlier = value();
        for field in ["tenant", "full_name", "upn"] {
            earlier.as_object_mut().unwrap().remove(field);
        }
        assert_eq!(read(&earlier).unwrap(), session);
        let sorted = json!({ "S-1-18": [1], "S-1-5-21-1-2-3": [1104, 513, 513] });
        assert_eq!(read(&with("groups", sorted)).unwrap(), session);
    }

    /// Without the SID, a program would know the user by name only. A domain may give the same name to another user
    /// later.
    #[test]
    fn session_without_a_sid_or_name_or_realm_or_groups_is_refused() {
        for field in ["sid", "name", "realm", "groups"] {
            let mut without = value();
            without.as_object_mut().unwrap().remove(field);
            assert_refused(&without, &format!("missing field `{field}`"));
        }
        assert_eq!(read(&with("sid", Value::Null)).unwrap().sid, None);
    }

    #[test]
    fn session_with_a_malformed_sid_is_refused() {
        for text in ["", "S-1-5-21-x", "alice", "S-1-5-21-1-2-3-4294967296", "S-1-5-21-1-2-3-1103 "] {
            assert_refused(&with("sid", json!(text)), "not a SID");
            assert_refused(&with("groups", json!({ text: [513] })), "not a SID");
        }
        for other in [json!(5), json!(["S-1-18-1"]), json!({})] {
            assert!(read(&with("sid", other)).is_err());
        }
        let longest = "S-1-5-1-2-3-4-5-6-7-8-9-10-11-12-13-14-15";
        assert!(read(&with("sid", json!(longest))).is_ok());
        assert_refused(&with("groups", json!({ longest: [1] })), "not the SID of a domain");
    }

    #[test]
    fn session_with_a_malformed_rid_is_refused() {
        for rid in [json!(-1), json!(4_294_967_296_u64), json!(1.5), json!("513"), json!(null), json!([513])] {
            assert!(read(&with("groups", json!({ "S-1-5-21-1-2-3": [513, rid] }))).is_err(), "{rid}");
        }
        for rid in [0, u32::MAX] {
            let session = read(&with("groups", json!({ "S-1-5-21-1-2-3": [rid] }))).unwrap();
            assert!(session.is_member_of(sid("S-1-5-21-1-2-3").join(rid).unwrap()));
        }
        for groups in [json!({ "S-1-5-21-1-2-3": [] }), json!({ "S-1-5-21-1-2-3": 513 }), json!([513]), json!(null)] {
            assert!(read(&with("groups", groups.clone())).is_err(), "{groups}");
        }
        assert_eq!(read(&with("groups", json!({}))).unwrap().groups().count(), 0);
    }

    #[test]
    fn session_with_the_same_domain_twice_is_refused() {
        let twice = value().to_string().replace(r#""S-1-18":[1]"#, r#""S-1-5-21-1-2-3":[1]"#);
        let error = serde_json::from_str::<SessionIdentity>(&twice).unwrap_err().to_string();
        assert!(error.contains("appears twice"), "{error}");
    }

    #[test]
    fn session_with_an_unknown_account_kind_is_refused() {
        assert_refused(&with("kind", json!("Robot")), "unknown variant");
        assert_eq!(read(&with("kind", Value::Null)).unwrap().kind, None);
    }

    #[test]
    fn session_is_refused_when_it_has_more_than_8192_groups() {
        let most = u32::try_from(MAX_SESSION_GROUPS).unwrap();
        let one_domain = |count: u32| json!({ "S-1-5-21-1-2-3": (0..count).collect::<Vec<_>>() });
        assert_eq!(read(&with("groups", one_domain(most))).unwrap().groups().count(), MAX_SESSION_GROUPS);
        assert_refused(&with("groups", one_domain(most + 1)), "more than 8192 groups");
        let many_domains = |count: u32| {
            let domains = (0..count).map(|number| (format!("S-1-5-21-1-2-{number}"), json!([513])));
            Value::Object(domains.collect())
        };
        assert_eq!(read(&with("groups", many_domains(most))).unwrap().groups().count(), MAX_SESSION_GROUPS);
        assert_refused(&with("groups", many_domains(most + 1)), "more than 8192 groups");
    }

    #[test]
    fn session_is_refused_when_a_text_is_longer_than_the_limit() {
        for field in ["name", "realm", "account_name", "full_name", "upn"] {
            assert!(read(&with(field, json!("x".repeat(MAX_SESSION_TEXT)))).is_ok());
            assert_refused(&with(field, json!("x".repeat(MAX_SESSION_TEXT + 1))), "invalid length 131073");
            assert!(read(&with(field, json!(5))).is_err());
        }
    }

    /// The limits of a session accept every identity that a token can have.
    #[test]
    fn session_of_the_largest_identity_is_the_same_after_it_was_stored() {
        let realm = realm();
        let mut token = realm.ticket_for("alice").pac(|pac| {
            pac.groups(0..7_000);
            pac.logon_info.full_name = "\u{FFFD}".repeat(1_500);
        });
        let name: Vec<u8> = b"@".repeat(1_000);
        token.ticket.cname.components = vec![name.clone()];
        token.authenticator.cname.components = vec![name];
        let validator = Validator::new(realm.key_set(), Policy::default(), NoReplayCache);
        let accepted = validator.validate_ticket(&token.mint(), TestRealm::NOW).unwrap();
        let session = accepted.identity().to_session();
        assert_eq!(session.groups().count(), 7_001);
        let stored = serde_json::to_string(&session).unwrap();
        assert_eq!(serde_json::from_str::<SessionIdentity>(&stored).unwrap(), session);
    }
}
