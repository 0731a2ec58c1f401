use super::*;
use alloc::string::ToString;

#[test]
fn group_sid_is_the_sid_of_the_domain_and_the_rid_of_the_group() {
    let domain = "S-1-5-21-1-2-3".parse().unwrap();
    for (group, sid) in [
        (WellKnownGroup::EnterpriseReadOnlyDomainControllers, "S-1-5-21-1-2-3-498"),
        (WellKnownGroup::DomainAdmins, "S-1-5-21-1-2-3-512"),
        (WellKnownGroup::DomainUsers, "S-1-5-21-1-2-3-513"),
        (WellKnownGroup::DomainGuests, "S-1-5-21-1-2-3-514"),
        (WellKnownGroup::DomainComputers, "S-1-5-21-1-2-3-515"),
        (WellKnownGroup::DomainControllers, "S-1-5-21-1-2-3-516"),
        (WellKnownGroup::CertPublishers, "S-1-5-21-1-2-3-517"),
        (WellKnownGroup::SchemaAdmins, "S-1-5-21-1-2-3-518"),
        (WellKnownGroup::EnterpriseAdmins, "S-1-5-21-1-2-3-519"),
        (WellKnownGroup::GroupPolicyCreatorOwners, "S-1-5-21-1-2-3-520"),
        (WellKnownGroup::ReadOnlyDomainControllers, "S-1-5-21-1-2-3-521"),
        (WellKnownGroup::CloneableDomainControllers, "S-1-5-21-1-2-3-522"),
        (WellKnownGroup::ProtectedUsers, "S-1-5-21-1-2-3-525"),
        (WellKnownGroup::KeyAdmins, "S-1-5-21-1-2-3-526"),
        (WellKnownGroup::EnterpriseKeyAdmins, "S-1-5-21-1-2-3-527"),
    ] {
        assert_eq!(group.of_domain(domain).unwrap().to_string(), sid);
    }
}

#[test]
fn group_sid_is_none_when_the_given_sid_is_not_the_sid_of_a_domain() {
    for sid in ["S-1-5-21-1-2-3-1103", "S-1-5-32", "S-1-5-21-0-0-0", "S-1-5-21-1-2"] {
        assert_eq!(WellKnownGroup::DomainAdmins.of_domain(sid.parse().unwrap()), None, "{sid}");
    }
}
