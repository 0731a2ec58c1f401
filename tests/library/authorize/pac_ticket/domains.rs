//! Tests of the domains that an account may vouch for.

use super::*;

/// Each ticket names a user of another forest in one place: the realm, the domain SID or the requestor.
#[test]
fn user_of_another_forest_is_refused_when_the_realm_or_domain_sid_or_requestor_names_the_forest() {
    let server = Server::bound(Policy::default(), &[DOMAIN]);
    let foreign = sid("S-1-5-21-7-8-9-1103");
    assert!(server.of(&good()).is_ok());

    let mut of_realm = server.token("alice", good().signed(&server.key())).client_realm("FABRIKAM.TEST");
    of_realm.authenticator.crealm = "FABRIKAM.TEST".into();
    assert_eq!(server.check(&of_realm).unwrap_err().code(), "untrusted-realm");

    let logon = LogonInfoParts { logon_domain_sid: foreign.domain().unwrap(), ..alice() };
    let error = server.of_logon(&logon).unwrap_err();
    assert!(matches!(error, Error::UntrustedDomain { claim: DomainClaim::User, sid, .. } if sid == foreign), "{error}");

    let mut requested = good();
    *requested.get_mut(BufferType::REQUESTOR).unwrap() = foreign.to_bytes();
    assert!(
        matches!(mismatch(server.of(&requested)), PacMismatch::Requestor { requestor, .. } if requestor == foreign)
    );
}

#[test]
fn user_is_refused_when_the_domain_sid_is_only_similar_to_the_accounts_domain() {
    for domain in ["S-1-5-21-1-2-4", "S-1-5-21-3-2-1", "S-1-5-21-1-2-0"] {
        let server = Server::bound(Policy::default(), &[DOMAIN]);
        let error = server.of_logon(&LogonInfoParts { logon_domain_sid: sid(domain), ..alice() }).unwrap_err();
        assert_eq!(error.code(), "untrusted-domain", "{domain}");
    }
    let two = Server::bound(Policy::default(), &["S-1-5-21-7-8-9", DOMAIN]);
    assert!(two.of(&good()).is_ok());
}

#[test]
fn foreign_groups_are_listed_separately_unless_the_policy_refuses_them() {
    let separate = Server::bound(Policy::default(), &[DOMAIN]);
    let mut logon = alice();
    logon.extra_sids.push((sid("S-1-5-21-0-0-0-497"), 7));
    let accepted = separate.of_logon(&logon).unwrap();
    let identity = accepted.identity();
    let texts = |groups: &mut dyn Iterator<Item = Sid>| groups.map(|sid| sid.to_string()).collect::<Vec<_>>();
    assert_eq!(texts(&mut identity.foreign_groups().map(|group| group.sid)), ["S-1-5-21-4-5-6-1200"]);
    assert_eq!(texts(&mut identity.extra_groups().map(|group| group.sid)), ["S-1-18-1", "S-1-5-21-0-0-0-497"]);
    assert!(identity.groups().all(|group| group.sid != sid("S-1-5-21-4-5-6-1200")));
    assert_eq!(identity.to_owned().foreign_groups.len(), 1);

    let refusing = || Policy::default().with_foreign_sids(ForeignSidPolicy::Refuse);
    let error = Server::bound(refusing(), &[DOMAIN]).of_logon(&logon).unwrap_err();
    let expected = sid("S-1-5-21-4-5-6-1200");
    assert!(
        matches!(error, Error::UntrustedDomain { claim: DomainClaim::ExtraSid, sid, .. } if sid == expected),
        "{error}"
    );
    assert!(Server::bound(refusing(), &[DOMAIN, "S-1-5-21-4-5-6"]).of_logon(&logon).is_ok());
    assert!(Server::new(refusing()).of_logon(&logon).is_ok(), "no group is foreign to an account without domains");

    logon.extra_sids.truncate(1);
    let domain = sid("S-1-5-21-7-8-9");
    for groups in [vec![], vec![(1300, 7)]] {
        logon.resource_groups = Some((domain, groups));
        let error = Server::bound(refusing(), &[DOMAIN]).of_logon(&logon).unwrap_err();
        assert!(
            matches!(error, Error::UntrustedDomain { claim: DomainClaim::ResourceGroup, sid, .. } if sid == domain),
            "{error}"
        );
    }
    let accepted = separate.of_logon(&logon).unwrap();
    assert!(accepted.identity().resource_groups().next().is_none());
    assert_eq!(accepted.identity().foreign_groups().count(), 1);
}
