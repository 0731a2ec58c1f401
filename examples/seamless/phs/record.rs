//! What the sign-in server knows of an account of the directory.

use crate::sign_in::Verdict;
use crate::verifier::{Verifier, octets};
use kerberos_sso::{Sid, UnixTime};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::fmt;
use std::str::FromStr;

/// One change of the directory: an account as it is now, or an account that is no longer there.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Record {
    /// The object in the directory (`objectGUID`). The GUID stays the same when the object is renamed.
    pub object: ObjectId,
    /// The number of the change at the source (`uSNChanged`). A later change has a larger number.
    pub usn: u64,
    /// The account, or `None` if the directory no longer has the account or has no password for it.
    pub account: Option<Account>,
}

/// An account with its password's verifier.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Account {
    /// The SID of the account (`objectSid`).
    pub sid: Sid,
    /// The name in the domain (`sAMAccountName`).
    pub name: String,
    /// The user principal name (`userPrincipalName`).
    pub upn: Option<String>,
    /// The alternate name with which the user may sign in, such as a mail address.
    pub alternate: Option<String>,
    /// The name that people see (`displayName`).
    pub full_name: Option<String>,
    /// The SIDs of the groups (`tokenGroups`).
    pub groups: Vec<Sid>,
    /// The verifier of the password.
    pub verifier: Verifier,
    /// Whether the account is disabled (`userAccountControl`).
    pub disabled: bool,
    /// Whether the directory has locked the account after wrong passwords.
    pub lock: Lock,
    /// The expiry time of the account (`accountExpires`), in seconds since 1970. `None` means that the account does not
    /// expire.
    pub account_expires: Option<i64>,
    /// The expiry time of the password, in seconds since 1970. `None` means that the password does not expire.
    pub password_expires: Option<i64>,
    /// Whether the user must change the password at the next sign-in (`pwdLastSet` is 0).
    pub must_change: bool,
}

/// The directory's lock after wrong passwords.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Lock {
    /// The account is not locked.
    Open,
    /// The account is locked until a time, in seconds since 1970.
    Until(i64),
    /// The account is locked until an administrator unlocks it.
    UntilUnlocked,
}

impl Account {
    /// Returns all names with which the user signs in, in lower case.
    pub fn names(&self) -> impl Iterator<Item = String> {
        let names = [Some(&self.name), self.upn.as_ref(), self.alternate.as_ref()];
        names.into_iter().flatten().map(|name| name.to_lowercase())
    }

    /// Returns the verdict for a user whose password is right. The verdict depends on the state of the account. The
    /// order of the checks is that of a domain controller.
    #[must_use]
    pub fn state(&self, now: UnixTime) -> Verdict {
        let is_over = |end: Option<i64>| end.is_some_and(|end| now.seconds() >= end);
        let is_locked = match self.lock {
            Lock::Open => false,
            Lock::Until(end) => now.seconds() < end,
            Lock::UntilUnlocked => true,
        };
        if self.disabled {
            Verdict::Disabled
        } else if is_locked {
            Verdict::Locked
        } else if is_over(self.account_expires) {
            Verdict::AccountExpired
        } else if self.must_change {
            Verdict::MustChange
        } else if is_over(self.password_expires) {
            Verdict::PasswordExpired
        } else {
            Verdict::SignedIn
        }
    }
}

/// The number of an object in the directory: a GUID (RFC 9562).
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ObjectId(pub [u8; 16]);

impl FromStr for ObjectId {
    type Err = ();

    /// Reads the text form: 8, 4, 4, 4 and 12 hexadecimal digits with hyphens between them.
    fn from_str(text: &str) -> Result<Self, ()> {
        let lengths: Vec<_> = text.split('-').map(str::len).collect();
        if lengths != [8, 4, 4, 4, 12] {
            return Err(());
        }
        octets(&text.replace('-', "")).map(Self).ok_or(())
    }
}

impl fmt::Display for ObjectId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, octet) in self.0.iter().enumerate() {
            if matches!(at, 4 | 6 | 8 | 10) {
                f.write_str("-")?;
            }
            write!(f, "{octet:02x}")?;
        }
        Ok(())
    }
}

impl fmt::Debug for ObjectId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

impl Serialize for ObjectId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for ObjectId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(|()| serde::de::Error::custom("not a GUID"))
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
pub(crate) mod tests {
    use super::*;
    use crate::nt_hash::NtHash;
    use crate::verifier::Parameters;

    /// Returns an account whose password is `password`.
    pub(crate) fn account(password: &str) -> Account {
        Account {
            sid: "S-1-5-21-1-2-3-1105".parse().unwrap(),
            name: "Alice".into(),
            upn: Some("alice@contoso.test".into()),
            alternate: None,
            full_name: Some("Alice Anderson".into()),
            groups: vec!["S-1-5-21-1-2-3-513".parse().unwrap()],
            verifier: Parameters::new([7; 10], 1000).unwrap().derive(&NtHash::of_password(password)),
            disabled: false,
            lock: Lock::Open,
            account_expires: None,
            password_expires: None,
            must_change: false,
        }
    }

    #[test]
    fn state_of_an_account_gives_the_reason_that_a_domain_controller_checks_first() {
        let now = UnixTime::from_seconds(1000);
        let mut one = account("x");
        assert_eq!(one.state(now), Verdict::SignedIn);
        one.password_expires = Some(1000);
        assert_eq!(one.state(now), Verdict::PasswordExpired);
        assert_eq!(one.state(UnixTime::from_seconds(999)), Verdict::SignedIn);
        one.must_change = true;
        assert_eq!(one.state(now), Verdict::MustChange);
        one.account_expires = Some(1000);
        assert_eq!(one.state(now), Verdict::AccountExpired);
        assert_eq!(one.state(UnixTime::from_seconds(999)), Verdict::MustChange);
        one.lock = Lock::Until(1001);
        assert_eq!(one.state(now), Verdict::Locked);
        assert_eq!(one.state(UnixTime::from_seconds(1001)), Verdict::AccountExpired);
        one.lock = Lock::UntilUnlocked;
        assert_eq!(one.state(UnixTime::from_seconds(i64::MAX)), Verdict::Locked);
        one.disabled = true;
        assert_eq!(one.state(now), Verdict::Disabled);
    }

    #[test]
    fn written_guid_is_read_back_and_other_texts_are_refused() {
        let text = "7bf2564b-8bf5-46ba-ba1a-ff4948038713";
        assert_eq!(text.parse::<ObjectId>().unwrap().to_string(), text);
        for bad in [
            "",
            "7bf2564b8bf546baba1aff4948038713",
            "7bf2564-b8bf5-46ba-ba1a-ff4948038713",
            "zbf2564b-8bf5-46ba-ba1a-ff4948038713",
        ] {
            assert_eq!(bad.parse::<ObjectId>(), Err(()), "{bad}");
        }
    }
}
