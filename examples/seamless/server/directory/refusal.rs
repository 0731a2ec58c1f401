//! The reasons for which a sign-in by password is refused. The KDC sends an error code (RFC 4120 section 7.5.9). Active
//! Directory and Samba also send an NTSTATUS (MS-KILE section 2.2.1). Each reason has a text for the log and a text for the
//! user.

use crate::hashes::Derived;
use axum::http::StatusCode;
use kerberos_sso::Refused;
use seamless_kdc::KdcError;
use seamless_pta::AgentId;
use seamless_pta::job::NoVerdict;
use seamless_pta::verdict::{self, Failure, Fault, Told};
use thiserror::Error;

#[derive(Debug, Error)]
pub(crate) enum Refusal {
    #[error("no KDC is configured")]
    NotConfigured,
    #[error("the name is of another domain of the forest, and only the KDC of that domain can check the password")]
    OtherDomain,
    #[error("the password is wrong")]
    WrongPassword,
    #[error("the directory knows no such user")]
    UnknownUser,
    /// The alternate name belongs to no user, or to several. The user reads the same text as for an unknown name.
    #[error("{}", Fault::AlternateId)]
    AmbiguousName,
    #[error("the password has expired")]
    PasswordExpired,
    #[error("the password has expired: the user must change it first")]
    MustChange,
    #[error("the account is locked")]
    Locked,
    /// This server does not ask the directory after too many wrong passwords.
    #[error("too many wrong passwords: this server refuses every password of this name for {seconds} s")]
    TooManyWrong { seconds: i64 },
    #[error("too many wrong passwords: this server refuses every password of this address for {seconds} s")]
    TooManyFromAddress { seconds: i64 },
    #[error("the account is disabled")]
    Disabled,
    #[error("the account has expired")]
    AccountExpired,
    #[error("the account may not sign in at this hour or from here (NTSTATUS {0:#010X})")]
    Restricted(u32),
    #[error("the account is revoked: it is locked, disabled or expired, and the directory does not say which")]
    Revoked,
    /// The directory told the state of the account before it saw a proof of the password.
    #[error("{0}; the directory said so before it saw the password")]
    BeforePassword(Box<Self>),
    #[error("the clocks of this server and of the KDC are too far apart")]
    ClockSkew,
    #[error("too many sign-ins at once")]
    Busy,
    #[error("the KDC cannot be reached: {0}")]
    Unreachable(String),
    /// Another error of the KDC. The text comes from the KDC, or from a machine that only claims to be the KDC, and is
    /// escaped.
    #[error("the KDC refuses: {0}")]
    Other(String),
    /// The validator refused the ticket that the KDC issued. Either this KDC is not the KDC of the server's account, or the
    /// server's keys are not the keys of the account.
    #[error("the ticket is refused: {0}")]
    NotOurs(Box<Refused>),
    /// No agent has a verdict, and no directory has checked the password.
    #[error("the agents have not validated the password: {0}")]
    NoVerdict(Failure),
    /// No verdict came, but a directory may have checked the password. The server counts the attempt as a wrong
    /// password. Otherwise an attacker who drops the answers of agents could guess passwords without limit.
    #[error("no verdict of an agent came, so the attempt counts as a wrong password: {0}")]
    Unanswered(Failure),
    /// The password does not match the account's verifier, or no account of this name has a verifier.
    #[error(
        "{}",
        if *is_known {
            "the password does not match the account's verifier"
        } else {
            "no account of this name has a verifier"
        }
    )]
    WrongHere { is_known: bool, derived: Derived },
    /// This server cannot check the password with a verifier.
    #[error("no verifier decides: {0}")]
    NoVerifiers(String),
    /// The validator refused the ticket of an agent. An honest agent with the right KDC never sends such a ticket.
    #[error("the ticket of agent {agent} is refused: {refused}")]
    NotOfJob { agent: AgentId, refused: Box<Refused> },
    /// An agent returned the ticket of another user.
    #[error("agent {0} returned the ticket of another user")]
    OtherUser(AgentId),
}

impl Refusal {
    /// Returns the reason why the KDC gave no token.
    pub(super) fn of_kdc(error: KdcError) -> Self {
        match error {
            KdcError::Refused { refusal, status, told } => Self::of_directory(refusal, status, told),
            KdcError::ClockSkew => Self::ClockSkew,
            KdcError::Busy => Self::Busy,
            KdcError::Unreachable(why) => Self::Unreachable(why),
            KdcError::TimedOut => Self::Unreachable("it did not answer in time".into()),
            KdcError::Other(text) => Self::Other(text),
        }
    }

    /// Returns the reason why the agents have no verdict.
    pub(super) const fn of_agents(end: NoVerdict) -> Self {
        match end {
            NoVerdict { failure, may_be_checked: true } => Self::Unanswered(failure),
            NoVerdict { failure: Failure::Agent(Fault::AlternateId), .. } => Self::AmbiguousName,
            NoVerdict { failure, .. } => Self::NoVerdict(failure),
        }
    }

    /// Returns the reason for which the directory refused a password.
    pub(super) fn of_directory(refusal: verdict::Refusal, status: Option<u32>, told: Told) -> Self {
        let refusal = Self::of_word(refusal, status);
        match told {
            Told::AfterPassword => refusal,
            Told::BeforePassword => Self::BeforePassword(Box::new(refusal)),
        }
    }

    fn of_word(refusal: verdict::Refusal, status: Option<u32>) -> Self {
        match refusal {
            verdict::Refusal::WrongPassword => Self::WrongPassword,
            verdict::Refusal::UnknownUser => Self::UnknownUser,
            verdict::Refusal::PasswordExpired => Self::PasswordExpired,
            verdict::Refusal::MustChange => Self::MustChange,
            verdict::Refusal::Locked => Self::Locked,
            verdict::Refusal::Disabled => Self::Disabled,
            verdict::Refusal::AccountExpired => Self::AccountExpired,
            verdict::Refusal::Restricted => Self::Restricted(status.or(refusal.status()).unwrap_or_default()),
            verdict::Refusal::Revoked => Self::Revoked,
        }
    }

    /// Returns the number of Entra's error (`AADSTS`) with this meaning, for the log.
    pub(crate) fn entra(&self) -> Option<u32> {
        Some(match self {
            Self::WrongPassword | Self::WrongHere { is_known: true, .. } => verdict::Refusal::WrongPassword.entra(),
            Self::UnknownUser | Self::WrongHere { is_known: false, .. } => verdict::Refusal::UnknownUser.entra(),
            Self::AmbiguousName => Fault::AlternateId.entra(),
            Self::PasswordExpired => verdict::Refusal::PasswordExpired.entra(),
            Self::MustChange => verdict::Refusal::MustChange.entra(),
            Self::Locked | Self::TooManyWrong { .. } | Self::TooManyFromAddress { .. } => {
                verdict::Refusal::Locked.entra()
            }
            Self::Disabled => verdict::Refusal::Disabled.entra(),
            Self::AccountExpired => verdict::Refusal::AccountExpired.entra(),
            Self::Restricted(_) => verdict::Refusal::Restricted.entra(),
            Self::Revoked => verdict::Refusal::Revoked.entra(),
            Self::ClockSkew => verdict::Fault::ClockSkew.entra(),
            Self::Unreachable(_) => verdict::Fault::Unreachable.entra(),
            Self::NoVerdict(failure) | Self::Unanswered(failure) => failure.entra(),
            Self::BeforePassword(state) => return state.entra(),
            _ => return None,
        })
    }

    /// Returns whether the directory or its agents could not be reached or did not answer. Only then may the verifiers
    /// decide.
    pub(super) const fn is_silence(&self) -> bool {
        match self {
            Self::Unreachable(_) => true,
            Self::NoVerdict(failure) | Self::Unanswered(failure) => matches!(
                failure,
                Failure::NoAgent
                    | Failure::TimedOut
                    | Failure::Late
                    | Failure::Agent(Fault::Unreachable | Fault::Timeout)
            ),
            _ => false,
        }
    }

    /// Returns the code of the reason, for the metrics.
    pub(crate) fn code(&self) -> &'static str {
        match self {
            Self::NotConfigured => "not-configured",
            Self::OtherDomain => "other-domain",
            Self::WrongPassword | Self::WrongHere { is_known: true, .. } => "wrong-password",
            Self::UnknownUser | Self::WrongHere { is_known: false, .. } => "unknown-user",
            Self::AmbiguousName => "ambiguous-name",
            Self::PasswordExpired => "password-expired",
            Self::MustChange => "must-change",
            Self::Locked => "locked",
            Self::TooManyWrong { .. } => "too-many-wrong",
            Self::TooManyFromAddress { .. } => "too-many-from-address",
            Self::Disabled => "disabled",
            Self::AccountExpired => "account-expired",
            Self::Restricted(_) => "restricted",
            Self::Revoked => "revoked",
            Self::BeforePassword(state) => state.code(),
            Self::ClockSkew => "clock-skew",
            Self::Busy => "busy",
            Self::Unreachable(_) => "unreachable",
            Self::Other(_) => "kdc-error",
            Self::NotOurs(_) => "not-ours",
            Self::NoVerifiers(_) => "no-verifiers",
            Self::NoVerdict(failure) | Self::Unanswered(failure) => match failure {
                Failure::NoAgent => "no-agent",
                Failure::Busy => "agents-busy",
                Failure::TimedOut | Failure::Late => "agents-timed-out",
                Failure::Agent(_) | Failure::CannotSeal => "agent-failed",
            },
            Self::NotOfJob { .. } => "agent-ticket",
            Self::OtherUser(_) => "agent-other-user",
        }
    }

    /// Returns the text for the user. The text does not show whether a name exists. The text says why an account cannot sign
    /// in, because its user has to know the reason. The directory usually tells that reason only after the right password.
    pub(crate) fn text(&self) -> &'static str {
        match self {
            Self::WrongPassword | Self::UnknownUser | Self::AmbiguousName | Self::WrongHere { .. } => {
                "The name or the password is not right. Please try again."
            }
            Self::PasswordExpired | Self::MustChange => {
                "Your password has expired. Change it on a computer of your organisation, then sign in here."
            }
            Self::TooManyWrong { .. } => {
                "Too many wrong passwords were entered for this name. Wait a while, then try again."
            }
            Self::TooManyFromAddress { .. } => {
                "Too many wrong passwords came from your network. Wait a while, then try again."
            }
            Self::Locked => {
                "This account is locked after too many wrong passwords. Wait a while, or ask your administrator."
            }
            Self::Disabled => "This account is switched off. Ask your administrator.",
            Self::AccountExpired => "This account has expired. Ask your administrator.",
            Self::Restricted(_) => "This account may not sign in at this hour or from here. Ask your administrator.",
            Self::BeforePassword(state) => state.text(),
            Self::Revoked => "This account is locked or switched off. Wait a while, or ask your administrator.",
            Self::Busy | Self::NoVerdict(Failure::Busy) | Self::Unanswered(Failure::Busy) => {
                "Many people are signing in at this moment. Please try again shortly."
            }
            Self::Unreachable(_) | Self::NoVerdict(_) | Self::Unanswered(_) | Self::NoVerifiers(_) => {
                "Your organisation's directory cannot be reached. Please try again shortly."
            }
            Self::NotConfigured => "Signing in with a password is not set up for your organisation.",
            Self::OtherDomain => {
                "Passwords of your domain are not checked here. On a computer of your organisation, you need no password."
            }
            Self::ClockSkew | Self::Other(_) | Self::NotOurs(_) | Self::NotOfJob { .. } | Self::OtherUser(_) => {
                "Your organisation's directory did not let this server check the password. Ask your administrator."
            }
        }
    }

    pub(crate) const fn status(&self) -> StatusCode {
        match self {
            Self::Busy
            | Self::NoVerdict(Failure::Busy)
            | Self::Unanswered(Failure::Busy)
            | Self::TooManyWrong { .. }
            | Self::TooManyFromAddress { .. } => StatusCode::TOO_MANY_REQUESTS,
            Self::Unreachable(_) | Self::NoVerdict(_) | Self::Unanswered(_) | Self::NoVerifiers(_) => {
                StatusCode::SERVICE_UNAVAILABLE
            }
            _ => StatusCode::FORBIDDEN,
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn refusal_of_a_directory_keeps_its_code_and_its_entra_number_and_its_text() {
        for word in verdict::Refusal::ALL {
            let refusal = Refusal::of_directory(word, word.status(), Told::AfterPassword);
            assert_eq!(refusal.entra(), Some(word.entra()), "{refusal}");
            assert_eq!(serde_json::to_value(word).unwrap(), refusal.code());
            let before = Refusal::of_directory(word, word.status(), Told::BeforePassword);
            assert_eq!(
                (before.code(), before.entra(), before.text()),
                (refusal.code(), refusal.entra(), refusal.text())
            );
            assert!(matches!(before, Refusal::BeforePassword(_)));
        }
    }

    #[test]
    fn alternate_name_of_several_users_has_the_text_and_the_status_of_an_unknown_user() {
        let end = NoVerdict { failure: Failure::Agent(Fault::AlternateId), may_be_checked: false };
        let several = Refusal::of_agents(end);
        assert_eq!((several.code(), several.entra()), ("ambiguous-name", Some(80_004)));
        assert_eq!((several.text(), several.status()), (Refusal::UnknownUser.text(), Refusal::UnknownUser.status()));
        let silent = Refusal::of_agents(NoVerdict { may_be_checked: true, ..end });
        assert!(
            matches!(silent, Refusal::Unanswered(_)),
            "an earlier agent may have checked the password, so the attempt counts"
        );
    }

    #[test]
    fn verifiers_decide_after_silence_and_never_after_an_error_of_the_kdc() {
        let silent = |fault: &Fault| Refusal::NoVerdict(Failure::Agent(*fault)).is_silence();
        let decided: Vec<_> = Fault::ALL.into_iter().filter(silent).collect();
        assert_eq!(decided, [Fault::Unreachable, Fault::Timeout]);
        for (failure, is_silence) in
            [(Failure::NoAgent, true), (Failure::TimedOut, true), (Failure::Late, true), (Failure::Busy, false)]
        {
            assert_eq!(Refusal::NoVerdict(failure).is_silence(), is_silence, "{failure}");
        }
        assert!(Refusal::Unreachable(String::new()).is_silence() && !Refusal::Other(String::new()).is_silence());
    }
}
