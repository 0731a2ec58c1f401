//! The answers with which a domain controller refuses a request. An answer has the result code of LDAP (RFC 4511
//! appendix A), and the Win32 code in the diagnostic message (MS-ADTS section 3.1.1.3.1.9). The table below gives a
//! cause and a remedy for these codes.

use thiserror::Error;

/// The reason for which the directory did not do what a command asked.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum DirectoryError {
    /// The domain controller refused the operation.
    #[error("{cause} (LDAP result {code}{})", .win32.map(|win32| format!(", Win32 {win32:#X}")).unwrap_or_default())]
    Refused {
        /// The result code of LDAP.
        code: u32,
        /// The Win32 code of the diagnostic message.
        win32: Option<u32>,
        /// The cause.
        cause: &'static str,
        /// What to do.
        remedy: &'static str,
    },
    /// The tool cannot connect to the domain controller.
    #[error("the domain controller {at} cannot be reached: {error}")]
    Unreachable {
        /// The host and the port.
        at: String,
        /// The error of the operating system.
        error: String,
    },
    /// The certificate of the domain controller is not trusted.
    #[error("the certificate of {at} is not accepted: {error}")]
    Certificate {
        /// The host and the port.
        at: String,
        /// The error of the certificate's check.
        error: String,
    },
    /// An answer lacks an attribute, or has a value that cannot be read.
    #[error("the domain controller's answer lacks {0}")]
    Answer(&'static str),
    /// The file with the certificate authorities cannot be used.
    #[error("the certificate authorities cannot be used: {0}")]
    Authorities(String),
}

impl DirectoryError {
    /// Makes the error from a result code and a diagnostic message.
    #[must_use]
    pub fn of_result(code: u32, message: &str) -> Self {
        let win32 = win32(message);
        let known = TABLE.iter().find(|row| row.code == code && (row.win32.is_none() || row.win32 == win32));
        let (cause, remedy) =
            known.map_or(("the domain controller refuses the operation", LOOK), |row| (row.cause, row.remedy));
        Self::Refused { code, win32, cause, remedy }
    }

    /// Returns what to do.
    #[must_use]
    pub const fn remedy(&self) -> &'static str {
        match self {
            Self::Refused { remedy, .. } => remedy,
            Self::Unreachable { .. } => {
                "check the name, the port (636) and the firewall. A domain controller listens on port 636 after it has a \
                 certificate."
            }
            Self::Certificate { .. } => {
                "name with --ca the certificate authority that issued the domain controller's certificate, and with --dc the \
                 name that the certificate has. There is no option to skip this check."
            }
            Self::Answer(_) => "check that --dc is a domain controller, and that the administrator may read the domain",
            Self::Authorities(_) => "name a file in PEM with at least one certificate",
        }
    }

    /// Returns whether the directory has no object of this name.
    #[must_use]
    pub const fn is_no_such_object(&self) -> bool {
        matches!(self, Self::Refused { code: 32, .. })
    }
}

/// Returns the Win32 code of a diagnostic message. For a refused bind, the code is the number after `data`. For another
/// request, the code is the number at the beginning of the message.
fn win32(message: &str) -> Option<u32> {
    let data = message.split_once(", data ").map(|(_, after)| after);
    let number = |text: &str| {
        let digits = text.split(|character: char| !character.is_ascii_hexdigit()).next()?;
        u32::from_str_radix(digits, 16).ok()
    };
    let beginning = || number(message.trim_start()).filter(|_| message.trim_start().get(8..9) == Some(":"));
    match data.and_then(number) {
        Some(0) | None => beginning(),
        // The message of a refused bind begins with SEC_E_LOGON_DENIED (80090308) or SEC_E_BAD_BINDINGS (80090346).
        // SEC_E_LOGON_DENIED does not name the cause. The number after `data` does.
        Some(_) if beginning() == Some(0x8009_0346) => Some(0x8009_0346),
        Some(data) if message.contains("AcceptSecurityContext") => Some(data),
        Some(_) => beginning(),
    }
}

/// The cause and the remedy for a result code and a Win32 code.
struct Row {
    code: u32,
    win32: Option<u32>,
    cause: &'static str,
    remedy: &'static str,
}

const fn row(code: u32, win32: Option<u32>, cause: &'static str, remedy: &'static str) -> Row {
    Row { code, win32, cause, remedy }
}

const LOOK: &str = "look up the codes in the event log of the domain controller (Directory Service)";
const RIGHTS: &str = "use an administrator of the domain, or give this account the rights that the guide lists";

/// The first row with the codes of an error gives the cause and the remedy. For each result code, the row without a
/// Win32 code is the last one.
const TABLE: [Row; 25] = [
    row(8, Some(0x2028), "the domain controller demands a signed connection", "connect by TLS: --dc HOST:636"),
    row(8, None, "the domain controller demands a stronger authentication", "connect by TLS: --dc HOST:636"),
    row(16, None, "the object has no such attribute value", LOOK),
    row(19, Some(0x21C7), DUPLICATE, FIND_HOLDER),
    row(19, Some(0x052D), "the new password does not comply with the password policy", PASSWORD_POLICY),
    row(19, None, "a value violates a constraint of the directory", PASSWORD_POLICY),
    row(20, None, "the object has this value already", LOOK),
    row(32, None, "there is no such object", "check the DN of --ou"),
    row(34, None, "the distinguished name is no DN", "write --ou like OU=Services,DC=contoso,DC=test"),
    row(49, Some(0x525), "the directory knows no such administrator", CHECK_NAME),
    row(49, Some(0x52E), "the name or the password of the administrator is wrong", CHECK_PASSWORD),
    row(49, Some(0x530), "the administrator may not sign in at this hour", "use another administrator"),
    row(49, Some(0x531), "the administrator may not sign in from here", "use another administrator"),
    row(49, Some(0x532), "the administrator's password has expired", "change that password first"),
    row(49, Some(0x533), "the administrator's account is disabled", "use another administrator"),
    row(49, Some(0x701), "the administrator's account has expired", "use another administrator"),
    row(49, Some(0x773), "the administrator must change the password first", "change that password first"),
    row(49, Some(0x775), "the administrator's account is locked", "wait, or unlock the account"),
    row(
        49,
        Some(0x8009_0346),
        "the domain controller demands a channel binding",
        "use simple bind over TLS, as this tool does",
    ),
    row(49, None, "the directory does not accept the administrator's name and password", "check --as and the password"),
    row(50, None, "the administrator lacks the right to do this", RIGHTS),
    row(
        53,
        None,
        "the domain controller is unwilling, for example because the connection is not encrypted",
        PASSWORD_POLICY,
    ),
    row(65, None, "the object would violate the schema", LOOK),
    row(68, None, "an object of this name exists already", "remove that object, or choose another --ou"),
    row(80, Some(0x21C7), DUPLICATE, FIND_HOLDER),
];

const CHECK_NAME: &str =
    "check --as: user, user@domain or DOMAIN\\user. The user of the administrator must be in the domain of --forest.";
const CHECK_PASSWORD: &str =
    "check --as, and type the password again. The user of the administrator must be in the domain of --forest.";
const DUPLICATE: &str = "another object has one of the service principal names";
const FIND_HOLDER: &str = "run `status`, which names the holder, and remove the name from the holder";
const PASSWORD_POLICY: &str =
    "if a password filter or a policy limits passwords to less than 120 characters, exempt computer accounts";

#[cfg(test)]
mod tests {
    use super::*;

    fn read(code: u32, message: &str) -> (Option<u32>, &'static str) {
        match DirectoryError::of_result(code, message) {
            DirectoryError::Refused { win32, cause, .. } => (win32, cause),
            _ => (None, ""),
        }
    }

    /// The messages are from Windows Server 2019 (result codes 49, 8, 19) and from Samba 4 (result codes 49, 19).
    #[test]
    fn diagnostic_message_with_a_win32_code_gives_the_cause_of_this_code() {
        let bind = |data: &str| {
            read(
                49,
                &format!(
                    "80090308: LdapErr: DSID-0C090447, comment: AcceptSecurityContext error, data {data}, v3839\0"
                ),
            )
        };
        assert_eq!(bind("52e"), (Some(0x52E), "the name or the password of the administrator is wrong"));
        assert_eq!(bind("532"), (Some(0x532), "the administrator's password has expired"));
        assert_eq!(bind("775"), (Some(0x775), "the administrator's account is locked"));
        assert_eq!(bind("57"), (Some(0x57), "the directory does not accept the administrator's name and password"));
        let binding = "80090346: LdapErr: DSID-0C090447, comment: AcceptSecurityContext error, data 80090346, v4563";
        assert_eq!(read(49, binding), (Some(0x8009_0346), "the domain controller demands a channel binding"));
        let samba = "80090308: LdapErr: DSID-0C0903A9, comment: AcceptSecurityContext error, data 52e, v1db1";
        assert_eq!(read(49, samba).0, Some(0x52E));
        let signing =
            "00002028: LdapErr: DSID-0C090202, comment: The server requires binds to turn on integrity checking";
        assert_eq!(read(8, signing), (Some(0x2028), "the domain controller demands a signed connection"));
        assert_eq!(read(19, "000021C7: AtrErr: DSID-03200E6D, #1:").1, DUPLICATE);
        assert_eq!(read(19, "0000052D: Constraint violation - check_password_restrictions").0, Some(0x52D));
        assert_eq!(read(50, "00002098: SecErr: DSID-03150F94, problem 4003, data 0").0, Some(0x2098));
        assert_eq!(read(99, "").1, "the domain controller refuses the operation");
    }

    #[test]
    fn codes_of_each_row_give_the_cause_of_this_row() {
        for (at, row) in TABLE.iter().enumerate() {
            let first = TABLE
                .iter()
                .position(|other| other.code == row.code && (other.win32.is_none() || other.win32 == row.win32));
            assert_eq!(first, Some(at), "{} {:?}", row.code, row.win32);
        }
    }
}
