//! The reasons why the caller gets no token for a password. The KDC sends an error code (RFC 4120 section 7.5.9).
//! Active Directory and Samba also send an NTSTATUS (MS-KILE section 2.2.1).

use crate::tap::Tap;
use krb5::ClientError;
use rasn_kerberos::{KrbError, MethodData, PaData};
use seamless_pta::verdict::{Refusal, Told};
use thiserror::Error;

/// The reason why the caller gets no token for a password.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum KdcError {
    /// The KDC refused the password or the user.
    #[error("the KDC refuses: {refusal:?}")]
    Refused {
        /// The reason why the KDC refused.
        refusal: Refusal,
        /// The NTSTATUS that the KDC sent, if it sent one.
        status: Option<u32>,
        /// Whether the KDC had seen a proof of the password.
        told: Told,
    },
    /// The clocks of this machine and of the KDC are too far apart.
    #[error("the clocks of this machine and of the KDC are too far apart")]
    ClockSkew,
    /// The KDC is already asked about too many passwords at the same time.
    #[error("too many passwords at once")]
    Busy,
    /// The connection to each KDC failed, or the KDC's answer was incomplete.
    #[error("the KDC cannot be reached: {0}")]
    Unreachable(String),
    /// The KDC did not answer in time.
    #[error("the KDC did not answer in time")]
    TimedOut,
    /// Another error. The text comes from the KDC, or from a machine that only claims to be the KDC. Control characters in
    /// the text are escaped.
    #[error("the KDC refuses: {0}")]
    Other(String),
}

impl KdcError {
    pub(crate) fn of(error: &ClientError, tap: &Tap) -> Self {
        let status = || tap.last_error().as_deref().and_then(nt_status);
        let refused = |refusal| Self::Refused { refusal, status: None, told: Told::AfterPassword };
        let of_account = |refusal, status| {
            let told = if tap.is_before_password() { Told::BeforePassword } else { Told::AfterPassword };
            Self::Refused { refusal, status, told }
        };
        match error {
            ClientError::Kdc { code: 6 | 68, .. } => refused(Refusal::UnknownUser),
            // If an account needs no pre-authentication, the KDC sends an AS-REP for any password, and a wrong password then
            // does not decrypt the AS-REP.
            ClientError::Kdc { code: 24 | 31, .. } | ClientError::Crypto(_) => refused(Refusal::WrongPassword),
            ClientError::Kdc { code: 23, .. } => match status() {
                Some(status) if Refusal::of_status(status) == Refusal::MustChange => {
                    of_account(Refusal::MustChange, Some(status))
                }
                status => of_account(Refusal::PasswordExpired, status),
            },
            // MIT's KDC sends this code for an account that has expired. Active Directory and Samba send code 18.
            ClientError::Kdc { code: 1, .. } => of_account(Refusal::AccountExpired, status()),
            ClientError::Kdc { code: 12 | 18, .. } => {
                let status = status();
                of_account(status.map_or(Refusal::Revoked, Refusal::of_status), status)
            }
            ClientError::Kdc { code: 37, .. } => Self::ClockSkew,
            ClientError::Unreachable { last, .. } => {
                Self::Unreachable(tap.failure().unwrap_or_else(|| last.to_string()))
            }
            other => Self::Other(other.to_string().escape_debug().to_string()),
        }
    }
}

/// Returns the NTSTATUS in the e-data of a KRB-ERROR. Windows sends the NTSTATUS alone, and Samba sends it in a list of
/// pre-authentication data.
fn nt_status(krb_error: &[u8]) -> Option<u32> {
    let data = rasn::der::decode::<KrbError>(krb_error).ok()?.e_data?;
    let all =
        rasn::der::decode::<MethodData>(&data).or_else(|_| rasn::der::decode::<PaData>(&data).map(|one| vec![one]));
    let extended = all.ok()?.into_iter().find(|data| data.r#type == KERB_ERR_TYPE_EXTENDED)?;
    extended.value.first_chunk().map(|status| u32::from_le_bytes(*status))
}

/// The type of KERB-ERROR-DATA with an NTSTATUS (MS-KILE section 2.2.1). KERB-ERROR-DATA has the tags of PA-DATA.
const KERB_ERR_TYPE_EXTENDED: i32 = 3;

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    /// The test reads e-data for a disabled account, in the form of Samba 4.17 and in the form of Windows.
    #[test]
    fn nt_status_is_read_from_the_e_data_of_windows_and_of_samba() {
        let extended = PaData { r#type: 3, value: vec![0x72, 0, 0, 0xC0, 0, 0, 0, 0, 1, 0, 0, 0].into() };
        let salt = PaData { r#type: 19, value: vec![0x30, 0].into() };
        let windows = rasn::der::encode(&extended).unwrap();
        let samba = rasn::der::encode(&vec![salt, extended]).unwrap();
        for e_data in [windows, samba] {
            assert_eq!(nt_status(&krb_error(e_data)).map(Refusal::of_status), Some(Refusal::Disabled));
        }
        assert_eq!(nt_status(&krb_error(vec![1, 2, 3])), None);
    }

    #[tokio::test]
    async fn kdc_err_name_exp_before_the_password_means_that_the_account_has_expired() {
        let tap = Tap::open(&[]).await.unwrap();
        let error = KdcError::of(&ClientError::Kdc { code: 1, text: None }, &tap);
        let (refusal, told) = (Refusal::AccountExpired, Told::BeforePassword);
        assert_eq!(error, KdcError::Refused { refusal, status: None, told });
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
