//! The groups that Active Directory itself creates in every domain or forest (MS-DTYP section 2.4.2.4).
//!
//! Input: the SID of a domain. Output: the SID of a group of that domain. Administrators can rename groups, and the names
//! differ between languages, but the RIDs are the same in every domain.

use crate::sid::Sid;

/// A group that Active Directory creates with a fixed RID. The group exists in every domain, or in the root domain of every
/// forest.
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
    /// The read-only domain controllers of the forest. This is a group of the forest's root domain.
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
    /// The accounts that may change the schema. This is a group of the forest's root domain.
    SchemaAdmins,
    /// The administrators of the forest. This is a group of the forest's root domain.
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
    /// The accounts that may change the key credentials of the forest's accounts. This is a group of the forest's root
    /// domain.
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
    /// For a group of the forest, `domain` must be the forest's root domain, because the group exists only in this domain.
    #[must_use]
    pub fn of_domain(self, domain: Sid) -> Option<Sid> {
        if domain.is_domain() { domain.join(self.rid()) } else { None }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests;
