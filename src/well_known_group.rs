//! The groups that Active Directory creates itself, by name (MS-DTYP section 2.4.2.4).
//!
//! The input is the SID of a domain, and the output is the SID of a group of that domain. Administrators rename groups, and
//! the names differ between languages. The RIDs are the same in every domain.

use crate::sid::Sid;

/// A group that Active Directory creates with a fixed RID, in every domain or in the root domain of every forest.
///
/// ```
/// use kerberos_sso::{Sid, WellKnownGroup};
///
/// let domain: Sid = "S-1-5-21-397973807-962049227-2576849202".parse()?;
/// let admins = WellKnownGroup::DomainAdmins.of_domain(domain);
/// assert_eq!(admins, Some("S-1-5-21-397973807-962049227-2576849202-512".parse()?));
/// # Ok::<_, kerberos_sso::InvalidSid>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum WellKnownGroup {
    /// The read-only domain controllers of the forest, as a group of the forest's root domain.
    EnterpriseReadOnlyDomainControllers,
    /// The administrators of the domain.
    DomainAdmins,
    /// All users of the domain.
    DomainUsers,
    /// All guests of the domain.
    DomainGuests,
    /// All clients and servers that joined the domain.
    DomainComputers,
    /// All domain controllers of the domain.
    DomainControllers,
    /// The computers that may publish certificates in the directory.
    CertPublishers,
    /// The accounts that may change the schema, as a group of the forest's root domain.
    SchemaAdmins,
    /// The administrators of the forest, as a group of the forest's root domain.
    EnterpriseAdmins,
    /// The accounts that may create group policy objects.
    GroupPolicyCreatorOwners,
    /// The read-only domain controllers of the domain.
    ReadOnlyDomainControllers,
    /// The domain controllers that may be cloned.
    CloneableDomainControllers,
    /// The users whose credentials have additional protection.
    ProtectedUsers,
    /// The accounts that may change the key credentials of the domain's accounts.
    KeyAdmins,
    /// The accounts that may change the key credentials of the forest's accounts, as a group of the forest's root domain.
    EnterpriseKeyAdmins,
}

impl WellKnownGroup {
    /// Returns the RID of the group.
    #[must_use]
    pub const fn rid(self) -> u32 {
        match self {
            Self::EnterpriseReadOnlyDomainControllers => 498,
            Self::DomainAdmins => 512,
            Self::DomainUsers => 513,
            Self::DomainGuests => 514,
            Self::DomainComputers => 515,
            Self::DomainControllers => 516,
            Self::CertPublishers => 517,
            Self::SchemaAdmins => 518,
            Self::EnterpriseAdmins => 519,
            Self::GroupPolicyCreatorOwners => 520,
            Self::ReadOnlyDomainControllers => 521,
            Self::CloneableDomainControllers => 522,
            Self::ProtectedUsers => 525,
            Self::KeyAdmins => 526,
            Self::EnterpriseKeyAdmins => 527,
        }
    }

    /// Returns the SID of the group in `domain`. Returns `None` if `domain` is not the SID of a domain ([`Sid::is_domain`]).
    ///
    /// For a group of the forest, `domain` is the forest's root domain, because the group exists only there.
    #[must_use]
    pub fn of_domain(self, domain: Sid) -> Option<Sid> {
        if domain.is_domain() { domain.join(self.rid()) } else { None }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
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
    fn group_sid_is_none_when_the_given_sid_is_no_domain() {
        for sid in ["S-1-5-21-1-2-3-1103", "S-1-5-32", "S-1-5-21-0-0-0", "S-1-5-21-1-2"] {
            assert_eq!(WellKnownGroup::DomainAdmins.of_domain(sid.parse().unwrap()), None, "{sid}");
        }
    }
}
