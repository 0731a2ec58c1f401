//! The kind of an account, by what its PAC says.

use super::logon_info::{AccountControl, LogonInfo};

/// The kind of a user's account.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub enum AccountKind {
    /// The account is a person's, or was made for a service like a person's: a PAC does not tell these apart.
    User,
    /// The account is a computer's or a managed service's: a PAC does not tell these apart.
    Computer,
    /// The account is a domain controller's.
    DomainController,
    /// The account is that of a trust with another domain.
    Trust,
    /// The account is one of the system's own, which nobody signs in with: Guest (RID 501), krbtgt (502), DefaultAccount (503) or
    /// WDAGUtilityAccount (504). Administrator (500) is a user.
    System,
}

impl AccountKind {
    /// Tells the kind by the account control bits, by the `$` at the end of a computer's name, and by the RID.
    pub(crate) fn of(logon: &LogonInfo<'_>) -> Self {
        let control = logon.account_control();
        if control.contains(AccountControl::SERVER_TRUST) {
            Self::DomainController
        } else if control.contains(AccountControl::INTERDOMAIN_TRUST) {
            Self::Trust
        } else if control.contains(AccountControl::WORKSTATION_TRUST) || logon.effective_name().ends_with('$') {
            Self::Computer
        } else if matches!(logon.user_id(), 501..=504) {
            Self::System
        } else {
            Self::User
        }
    }
}
