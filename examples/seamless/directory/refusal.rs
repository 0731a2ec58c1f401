//! Why the directory does not let a user in: the error code of the KDC (RFC 4120 section 7.5.9) and the NTSTATUS that
//! Active Directory and Samba put beside it (MS-KILE section 2.2.1), as a cause and as what the user reads.

use super::tap::Tap;
use axum::http::StatusCode;
use kerberos_sso::Refused;
use krb5::ClientError;
use rasn_kerberos::{KrbError, MethodData, PaData};
use thiserror::Error;

#[derive(Debug, Error)]
pub(crate) enum Refusal {
    #[error("no KDC is configured")]
    NotConfigured,
    #[error("the name is of another domain of the forest, and only its own KDC checks its passwords")]
    OtherDomain,
    #[error("the password is wrong")]
    WrongPassword,
    #[error("the directory knows no such user")]
    UnknownUser,
    #[error("the password has expired")]
    PasswordExpired,
    #[error("the account is locked")]
    Locked,
    #[error("the account is disabled")]
    Disabled,
    #[error("the account has expired")]
    AccountExpired,
    #[error("the account may not sign in at this hour or from here (NTSTATUS {0:#010X})")]
    Restricted(u32),
    #[error("the account is revoked: locked, disabled or expired, the directory does not say which")]
    Revoked,
    #[error("the clocks of this server and of the KDC are too far apart")]
    ClockSkew,
    #[error("too many sign-ins at once")]
    Busy,
    #[error("the KDC cannot be reached: {0}")]
    Unreachable(String),
    /// Its text is the KDC's, or that of whoever says to be the KDC.
    #[error("the KDC refuses: {}", .0.to_string().escape_debug())]
    Other(ClientError),
    /// The ticket that the KDC gave is not good for us: it is not the KDC of our account, or our keys are not the account's.
    #[error("the ticket is refused: {0}")]
    NotOurs(Box<Refused>),
}

impl Refusal {
    pub(super) fn of(error: ClientError, tap: &Tap) -> Self {
        match error {
            ClientError::Kdc { code: 6 | 68, .. } => Self::UnknownUser,
            // An account without pre-authentication gets a reply whatever the password is, which then does not decrypt.
            ClientError::Kdc { code: 24 | 31, .. } | ClientError::Crypto(_) => Self::WrongPassword,
            ClientError::Kdc { code: 23, .. } => Self::PasswordExpired,
            ClientError::Kdc { code: 12 | 18, .. } => Self::of_status(tap.last_error().as_deref().and_then(nt_status)),
            ClientError::Kdc { code: 37, .. } => Self::ClockSkew,
            ClientError::Unreachable { last, .. } => {
                Self::Unreachable(tap.failure().unwrap_or_else(|| last.to_string()))
            }
            other => Self::Other(other),
        }
    }

    /// MS-ERREF section 2.3.1.
    const fn of_status(status: Option<u32>) -> Self {
        match status {
            Some(0xC000_0234) => Self::Locked,
            Some(0xC000_0072) => Self::Disabled,
            Some(0xC000_0193) => Self::AccountExpired,
            Some(0xC000_0071 | 0xC000_0224) => Self::PasswordExpired,
            Some(status) => Self::Restricted(status),
            None => Self::Revoked,
        }
    }

    /// What the user reads. Whether a name exists, a stranger does not learn; what is wrong with an account, its user has
    /// to, and the directory mostly tells it only after the right password.
    pub(crate) const fn text(&self) -> &'static str {
        match self {
            Self::WrongPassword | Self::UnknownUser => "The name or the password is not right. Please try again.",
            Self::PasswordExpired => {
                "Your password has expired. Change it on a computer of your organisation, then sign in here."
            }
            Self::Locked => {
                "This account is locked after too many wrong passwords. Wait a while, or ask your administrator."
            }
            Self::Disabled => "This account is switched off. Ask your administrator.",
            Self::AccountExpired => "This account has expired. Ask your administrator.",
            Self::Restricted(_) => "This account may not sign in at this hour or from here. Ask your administrator.",
            Self::Revoked => "This account is locked or switched off. Wait a while, or ask your administrator.",
            Self::Busy => "Many people are signing in at this moment. Please try again shortly.",
            Self::Unreachable(_) => "Your organisation's directory cannot be reached. Please try again shortly.",
            Self::NotConfigured => "Signing in with a password is not set up for your organisation.",
            Self::OtherDomain => {
                "Passwords of your domain are not checked here. Sign in on a computer of your organisation: it needs no password."
            }
            Self::ClockSkew | Self::Other(_) | Self::NotOurs(_) => {
                "Your organisation's directory did not let this server check the password. Ask your administrator."
            }
        }
    }

    pub(crate) const fn status(&self) -> StatusCode {
        match self {
            Self::Busy => StatusCode::TOO_MANY_REQUESTS,
            Self::Unreachable(_) => StatusCode::SERVICE_UNAVAILABLE,
            _ => StatusCode::FORBIDDEN,
        }
    }
}

/// The NTSTATUS in a KRB-ERROR's e-data. Windows puts it there alone, Samba among pre-authentication data.
fn nt_status(krb_error: &[u8]) -> Option<u32> {
    let data = rasn::der::decode::<KrbError>(krb_error).ok()?.e_data?;
    let all =
        rasn::der::decode::<MethodData>(&data).or_else(|_| rasn::der::decode::<PaData>(&data).map(|one| vec![one]));
    let extended = all.ok()?.into_iter().find(|data| data.r#type == KERB_ERR_TYPE_EXTENDED)?;
    extended.value.first_chunk().map(|status| u32::from_le_bytes(*status))
}

/// KERB-ERROR-DATA of MS-KILE section 2.2.1, which has the tags of PA-DATA.
const KERB_ERR_TYPE_EXTENDED: i32 = 3;

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    /// The e-data of a Samba 4.17 for a disabled account, and Windows' form of the same.
    #[test]
    fn the_status_is_found_in_both_forms() {
        let extended = PaData { r#type: 3, value: vec![0x72, 0, 0, 0xC0, 0, 0, 0, 0, 1, 0, 0, 0].into() };
        let salt = PaData { r#type: 19, value: vec![0x30, 0].into() };
        let windows = rasn::der::encode(&extended).unwrap();
        let samba = rasn::der::encode(&vec![salt, extended]).unwrap();
        for e_data in [windows, samba] {
            assert!(matches!(Refusal::of_status(nt_status(&krb_error(e_data))), Refusal::Disabled));
        }
        assert!(matches!(Refusal::of_status(nt_status(&krb_error(vec![1, 2, 3]))), Refusal::Revoked));
    }

    #[test]
    fn what_the_kdc_says_makes_no_line_in_the_log() {
        let text = Some("no\nsigned in by password \u{1B}[2J".into());
        let refusal = Refusal::Other(ClientError::Kdc { code: 60, text });
        assert!(!refusal.to_string().contains(char::is_control), "{refusal}");
    }

    fn krb_error(e_data: Vec<u8>) -> Vec<u8> {
        let text = |text: &str| rasn_kerberos::KerberosString::try_from(text.as_bytes().to_vec()).unwrap();
        rasn::der::encode(&KrbError {
            pvno: 5.into(),
            msg_type: 30.into(),
            ctime: None,
            cusec: None,
            stime: rasn_kerberos::KerberosTime("2026-11-22T00:00:00Z".parse().unwrap()),
            susec: 0.into(),
            error_code: 18,
            crealm: None,
            cname: None,
            realm: text("CONTOSO.TEST"),
            sname: rasn_kerberos::PrincipalName { r#type: 2, string: vec![text("krbtgt"), text("CONTOSO.TEST")] },
            e_text: None,
            e_data: Some(e_data.into()),
        })
        .unwrap()
    }
}
