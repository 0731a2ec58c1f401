//! The kind of an account, as the PAC of its ticket shows it.

use super::logon_info::{AccountControl, LogonInfo};

/// The kind of a user's account.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub enum AccountKind {
    /// The account belongs to a person, or is an ordinary user account of a service. A PAC does not distinguish these
    /// two kinds.
    User,
    /// The account belongs to a computer or a managed service. A PAC does not distinguish these two kinds.
    Computer,
    /// The account belongs to a domain controller.
    DomainController,
    /// The account represents a trust with another domain.
    Trust,
    /// The account is a built-in account with which no person signs in: Guest (RID 501), krbtgt (502), DefaultAccount
    /// (503) or WDAGUtilityAccount (504). Administrator (500) is a `User`.
    System,
}

impl AccountKind {
    /// Returns the kind of the account. The account control bits, the `$` at the end of a computer's name, and the RID
    /// show the kind.
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
