//! The refusals of a directory and the failures of agents, with the error numbers that an administrator looks for.
//!
//! This module has no value for a right password, because the answer to a right password is a ticket.

use serde::{Deserialize, Serialize};
use thiserror::Error;

/// The reason for which the directory refused a password.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Refusal {
    /// The password is wrong.
    WrongPassword,
    /// The directory knows no such user.
    UnknownUser,
    /// The password has expired.
    PasswordExpired,
    /// An administrator has set the password, and the user must change it first.
    MustChange,
    /// The account is locked after too many wrong passwords.
    Locked,
    /// The account is disabled.
    Disabled,
    /// The account has expired.
    AccountExpired,
    /// The account may not sign in at this hour or from this machine.
    Restricted,
    /// The account is locked, disabled or expired, and the directory does not say which.
    Revoked,
}

/// Whether the directory had seen a proof of the password when it refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Told {
    /// The directory had seen the password.
    AfterPassword,
    /// The directory told the state of the account before it saw the password. The attempt counts as a wrong password,
    /// as for a name that belongs to no account.
    BeforePassword,
}

/// The reason for which an agent could not ask the directory.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, Error)]
#[serde(rename_all = "kebab-case")]
pub enum Fault {
    /// No KDC could be reached.
    #[error("the agent reaches no KDC")]
    Unreachable,
    /// The KDC did not answer in time.
    #[error("the KDC did not answer the agent in time")]
    Timeout,
    /// The clocks of the agent and of the KDC are too far apart.
    #[error("the clocks of the agent and of the KDC are too far apart")]
    ClockSkew,
    /// The agent could not open the sealed password.
    #[error("the agent could not open the sealed password")]
    CannotOpen,
    /// The job came to the agent after the job had expired, or came for the second time.
    #[error("the job came to the agent too late or twice")]
    ExpiredJob,
    /// The alternate name belongs to no user, or to several.
    #[error("the alternate name is of no user, or of several")]
    AlternateId,
    /// The agent has too many jobs.
    #[error("the agent has too many jobs")]
    Busy,
    /// The KDC answered with an error that says nothing about the user.
    #[error("the KDC refused the agent's request")]
    KdcError,
}

/// The reason for which the server has no verdict about a password.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Error)]
pub enum Failure {
    /// No agent of the tenant could be asked.
    #[error("no agent of the tenant is connected")]
    NoAgent,
    /// All agents of the tenant have as many jobs as they can take.
    #[error("all agents of the tenant are busy")]
    Busy,
    /// The agents that could be asked did not answer in time.
    #[error("no agent answered in time")]
    TimedOut,
    /// An answer came after the time of its attempt.
    #[error("the answer of the agent came too late")]
    Late,
    /// The last agent that was asked could not ask the directory.
    #[error("{0}")]
    Agent(Fault),
    /// The password cannot be sealed to the agent.
    #[error("the password cannot be sealed to the agent")]
    CannotSeal,
}

impl Refusal {
    /// All reasons.
    pub const ALL: [Self; 9] = [
        Self::WrongPassword,
        Self::UnknownUser,
        Self::PasswordExpired,
        Self::MustChange,
        Self::Locked,
        Self::Disabled,
        Self::AccountExpired,
        Self::Restricted,
        Self::Revoked,
    ];

    /// Maps an NTSTATUS of a KDC (MS-ERREF section 2.3.1, MS-KILE section 2.2.1) to a reason.
    #[must_use]
    pub const fn of_status(status: u32) -> Self {
        match status {
            0xC000_006A | 0xC000_006D => Self::WrongPassword,
            0xC000_0064 => Self::UnknownUser,
            0xC000_0071 => Self::PasswordExpired,
            0xC000_0224 => Self::MustChange,
            0xC000_0234 => Self::Locked,
            0xC000_0072 => Self::Disabled,
            0xC000_0193 => Self::AccountExpired,
            _ => Self::Restricted,
        }
    }

    /// Returns the NTSTATUS with this meaning, or `None` if no NTSTATUS has it.
    #[must_use]
    pub const fn status(self) -> Option<u32> {
        Some(match self {
            Self::WrongPassword => 0xC000_006A,
            Self::UnknownUser => 0xC000_0064,
            Self::PasswordExpired => 0xC000_0071,
            Self::MustChange => 0xC000_0224,
            Self::Locked => 0xC000_0234,
            Self::Disabled => 0xC000_0072,
            Self::AccountExpired => 0xC000_0193,
            Self::Restricted => 0xC000_006E,
            Self::Revoked => return None,
        })
    }

    /// Returns the number of Entra's error (`AADSTS`), for the log. Only the log distinguishes an unknown user from a wrong
    /// password.
    #[must_use]
    pub const fn entra(self) -> u32 {
        match self {
            Self::WrongPassword => 50_126,
            Self::UnknownUser => 50_034,
            Self::PasswordExpired => 50_144,
            Self::MustChange => 50_055,
            Self::Locked => 50_053,
            Self::Disabled | Self::AccountExpired | Self::Revoked => 50_057,
            Self::Restricted => 80_012,
        }
    }

    /// Returns whether the refusal counts for a lockout. Only a wrong password and an unknown user count.
    #[must_use]
    pub const fn counts(self) -> bool {
        matches!(self, Self::WrongPassword | Self::UnknownUser)
    }
}

impl Fault {
    /// All reasons.
    pub const ALL: [Self; 8] = [
        Self::Unreachable,
        Self::Timeout,
        Self::ClockSkew,
        Self::CannotOpen,
        Self::ExpiredJob,
        Self::AlternateId,
        Self::Busy,
        Self::KdcError,
    ];

    /// Returns whether the directory may have checked the password although the agent reports this fault. If a job came twice
    /// to an agent, an attacker may have sent it again to replace the first answer.
    #[must_use]
    pub const fn may_be_checked(self) -> bool {
        matches!(self, Self::CannotOpen | Self::ExpiredJob)
    }

    /// Returns the number of Entra's error (`AADSTS`), for the log.
    #[must_use]
    pub const fn entra(self) -> u32 {
        match self {
            Self::Unreachable | Self::Busy | Self::KdcError => 80_007,
            Self::Timeout => 80_002,
            Self::ClockSkew => 80_013,
            Self::CannotOpen => 80_010,
            Self::ExpiredJob => 80_014,
            Self::AlternateId => 80_004,
        }
    }
}

impl Failure {
    /// Returns the number of Entra's error (`AADSTS`), for the log.
    #[must_use]
    pub const fn entra(self) -> u32 {
        match self {
            Self::NoAgent => 80_001,
            Self::Busy | Self::TimedOut => 80_002,
            Self::Late => 80_014,
            Self::Agent(fault) => fault.entra(),
            Self::CannotSeal => 80_011,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn status_of_a_refusal_maps_back_to_the_refusal() {
        for refusal in Refusal::ALL {
            let back = refusal.status().map(Refusal::of_status);
            assert_eq!(back, Some(refusal).filter(|refusal| *refusal != Refusal::Revoked));
        }
    }

    /// The number 3,221,226,036 is the NTSTATUS of a locked account in decimal form, as messages have it.
    #[test]
    fn locked_account_has_the_status_c0000234_and_the_error_50053() {
        assert_eq!(Refusal::of_status(3_221_226_036), Refusal::Locked);
        assert_eq!(Refusal::Locked.entra(), 50_053);
    }

    #[test]
    fn each_status_of_a_restriction_and_each_unknown_status_maps_to_restricted() {
        for status in [0xC000_006E, 0xC000_006F, 0xC000_0070, 0xC000_0413, 0] {
            assert_eq!(Refusal::of_status(status), Refusal::Restricted, "{status:#X}");
        }
    }

    #[test]
    fn only_wrong_passwords_and_unknown_users_count_for_a_lockout() {
        let counted: Vec<_> = Refusal::ALL.into_iter().filter(|refusal| refusal.counts()).collect();
        assert_eq!(counted, [Refusal::WrongPassword, Refusal::UnknownUser]);
    }

    #[test]
    fn failures_have_their_entra_error_numbers() {
        let numbers = [Failure::NoAgent, Failure::TimedOut, Failure::Late, Failure::Agent(Fault::CannotOpen)];
        assert_eq!(numbers.map(Failure::entra), [80_001, 80_002, 80_014, 80_010]);
    }
}
