//! Tests of an identity's groups and names: enabled groups count, and foreign groups do not count.

use kerberos_sso::pac::{Group, GroupAttributes};
use kerberos_sso::replay::NoReplayCache;
use kerberos_sso::testing::TestRealm;
use kerberos_sso::{
    Accepted, Account, Error, Identity, KeySet, Policy, Refused, Sid, Validator,
    error::{BoundedText, DomainClaim},
    policy::ForeignSidPolicy,
};

fn judge(policy: Policy, group: Group) -> Result<Accepted, Error> {
    let realm = TestRealm::new("CONTOSO.TEST").of_active_directory();
    let validator = Validator::new(realm.key_set(), policy, NoReplayCache);
    let token =
        realm.ticket_for("alice").pac(|pac| pac.logon_info.extra_sids.push((group.sid, group.attributes.bits())));
    validator.validate_ticket(&token.mint(), TestRealm::NOW).map_err(Refused::into_error)
}

fn in_group(sid: &str, attributes: u32) -> (Sid, Identity) {
    let sid: Sid = sid.parse().unwrap();
    let accepted = judge(Policy::default(), Group { sid, attributes: GroupAttributes::from_bits(attributes) }).unwrap();
    (sid, accepted.identity().to_owned())
}

#[test]
fn membership_counts_when_the_group_is_enabled_and_not_for_deny_only() {
    let domain = TestRealm::new("CONTOSO.TEST").domain_sid();
    for (attributes, counts) in [(0x7, true), (0x4, true), (0, false), (0x3, false), (0x10, false), (0x14, false)] {
        let (sid, identity) = in_group(&format!("{domain}-1200"), attributes);
        assert_eq!(identity.is_member_of(sid), counts, "{attributes:#x}");
        assert!(identity.extra_groups.iter().any(|group| group.sid == sid), "the identity lists the group");
    }
}

/// A KDC may add a SID that says how the user signed in. A KDC cannot vouch for groups of a machine, such as
/// Administrators and SYSTEM, or for groups of another domain.
#[test]
fn sid_outside_of_the_domain_counts_only_when_it_says_how_the_user_signed_in() {
    for logon in ["S-1-18-1", "S-1-18-3", "S-1-5-21-0-0-0-497", "S-1-5-9", "S-1-5-15", "S-1-5-1000", "S-1-5-65-1"] {
        let (sid, identity) = in_group(logon, 7);
        assert!(identity.is_member_of(sid) && identity.foreign_groups.is_empty(), "{logon}");
    }
    for foreign in ["S-1-5-32-544", "S-1-5-18", "S-1-5-19", "S-1-12-1-1-2-3-4", "S-1-5-21-7-8-9-512", "S-1-1-0"] {
        let (sid, identity) = in_group(foreign, 7);
        assert!(!identity.is_member_of(sid), "{foreign}");
        assert_eq!(identity.foreign_groups.iter().map(|group| group.sid).collect::<Vec<_>>(), [sid]);
        let group = Group { sid, attributes: GroupAttributes::from_bits(7) };
        let error = judge(Policy::default().with_foreign_sids(ForeignSidPolicy::Refuse), group).unwrap_err();
        assert_eq!(error.code(), "untrusted-domain", "{foreign}");
    }
}

/// The account trusts the realm and the domain of two forests. Each forest still vouches for its own users only.
#[test]
fn user_of_one_trusted_realm_is_refused_with_a_domain_sid_of_another_trusted_realm() {
    let realm = TestRealm::new("CONTOSO.TEST").of_active_directory();
    let (ours, theirs) = (realm.domain_sid(), TestRealm::new("FABRIKAM.TEST").domain_sid());
    let sign_in = |account: Account, client_realm: &str, domain: Sid| {
        let validator = Validator::new(KeySet::from(account), Policy::default(), NoReplayCache);
        let user = domain.join(1105).unwrap();
        let token = realm.ticket_for("alice").client_realm(client_realm).pac(|pac| pac.user(user));
        validator.validate_ticket(&token.mint(), TestRealm::NOW).map(|accepted| accepted.identity().sid())
    };
    let tied = || realm.account().with_trusted_domain("FABRIKAM.TEST", theirs);
    for (client_realm, domain) in [("CONTOSO.TEST", ours), ("FABRIKAM.TEST", theirs)] {
        assert_eq!(sign_in(tied(), client_realm, domain).unwrap(), domain.join(1105));
    }
    for (client_realm, domain) in [("FABRIKAM.TEST", ours), ("CONTOSO.TEST", theirs)] {
        let error = sign_in(tied(), client_realm, domain).unwrap_err().into_error();
        let (sid, account) = (domain.join(1105).unwrap(), BoundedText::new(realm.account().name()));
        assert_eq!(error, Error::UntrustedDomain { claim: DomainClaim::User, sid, account });
    }
}

/// The text of a name escapes a slash that is part of a component.
#[test]
fn different_names_have_different_texts() {
    let realm = TestRealm::new("CONTOSO.TEST");
    let validator = Validator::new(realm.key_set(), Policy::default(), NoReplayCache);
    let name = |components: &[&str]| {
        let mut token = realm.ticket_for("alice");
        let bytes: Vec<Vec<u8>> = components.iter().map(|component| component.as_bytes().to_vec()).collect();
        token.ticket.cname.components.clone_from(&bytes);
        token.authenticator.cname.components = bytes;
        validator.validate_ticket(&token.mint(), TestRealm::NOW).unwrap().identity().to_owned().name
    };
    assert_eq!(name(&["host", "a"]), "host/a");
    assert_eq!(name(&["host/a"]), r"host\/a");
    assert_eq!(name(&["bob@corp", r"x\y"]), r"bob\@corp/x\\y");
    assert_eq!(name(&["कुमार"]), "कुमार");
}
