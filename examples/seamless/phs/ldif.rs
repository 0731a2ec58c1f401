//! Reads the one object that `samba-tool user syncpasswords` writes to its script, in LDIF (RFC 2849).

use crate::nt_hash::NtHash;
use crate::record::Lock;
use crate::source::{Change, SourceAccount, flags};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use kerberos_sso::Sid;
use std::collections::HashMap;
use std::str::FromStr;
use thiserror::Error;
use zeroize::Zeroizing;

/// The attributes that the source needs, for the option `--attributes` of `samba-tool`.
pub const ATTRIBUTES: [&str; 15] = [
    "objectGUID",
    "objectSid",
    "uSNChanged",
    "sAMAccountName",
    "userPrincipalName",
    "displayName",
    "mail",
    "tokenGroups",
    "userAccountControl",
    "msDS-User-Account-Control-Computed",
    "lockoutTime",
    "accountExpires",
    "msDS-UserPasswordExpiryTimeComputed",
    "pwdLastSet",
    "unicodePwd",
];

/// What the source knows in addition to the object.
#[derive(Clone, Copy, Debug)]
pub struct Directory<'a> {
    /// How long the directory locks an account, in seconds (`lockoutDuration`), or `None` if an administrator must unlock the
    /// account.
    pub lockout_seconds: Option<i64>,
    /// The attribute with the alternate name of the user, such as `mail`.
    pub alternate: Option<&'a str>,
}

/// An object that cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum InvalidObject {
    /// The text is too long.
    #[error("the object has {0} octets; at most {MAX_SIZE} are allowed")]
    Size(usize),
    /// A line is not valid LDIF. The error does not repeat the line, because the line may have a hash.
    #[error("line {0} is not valid LDIF (RFC 2849)")]
    Line(usize),
    /// An attribute is missing, or its value cannot be read. The error does not repeat the value.
    #[error("the attribute {0} is missing or cannot be read")]
    Attribute(&'static str),
    /// The object is no user.
    #[error("the object is no user: userAccountControl has no NORMAL_ACCOUNT")]
    NoUser,
}

/// Reads one object.
///
/// # Errors
/// Returns the reason why the object gives no change.
pub fn read(ldif: &str, directory: Directory<'_>) -> Result<Change, InvalidObject> {
    let object = Attributes::parse(ldif)?;
    let (id, usn) = (object.needed("objectGUID")?, object.needed("uSNChanged")?);
    let is_deleted = object.text("isDeleted").is_some_and(|text| text.eq_ignore_ascii_case("TRUE"));
    let hash = object.octets("unicodePwd").filter(|_| !is_deleted);
    let account = match hash {
        Some(hash) => {
            let octets = hash.try_into().map_err(|_| InvalidObject::Attribute("unicodePwd"))?;
            Some(account(&object, NtHash::new(octets), directory)?)
        }
        None => None,
    };
    Ok(Change { object: id, usn, account })
}

fn account(object: &Attributes, hash: NtHash, directory: Directory<'_>) -> Result<SourceAccount, InvalidObject> {
    let stored: u32 = object.needed("userAccountControl")?;
    if stored & flags::NORMAL_ACCOUNT == 0 {
        return Err(InvalidObject::NoUser);
    }
    let computed: u32 = object.needed("msDS-User-Account-Control-Computed")?;
    let changed: i64 = object.needed("pwdLastSet")?;
    Ok(SourceAccount {
        sid: object.needed("objectSid")?,
        name: object.needed("sAMAccountName")?,
        upn: object.text("userPrincipalName").map(Into::into),
        alternate: directory.alternate.and_then(|attribute| object.text(attribute)).map(Into::into),
        full_name: object.text("displayName").map(Into::into),
        groups: groups(object)?,
        hash,
        disabled: stored & flags::ACCOUNT_DISABLE != 0,
        lock: if computed & flags::LOCKOUT == 0 { Lock::Open } else { lock(object, directory)? },
        account_expires: end(object, "accountExpires")?,
        password_expires: end(object, "msDS-UserPasswordExpiryTimeComputed")?.filter(|_| changed != 0),
        must_change: changed == 0 && computed & flags::PASSWORD_EXPIRED != 0,
    })
}

fn lock(object: &Attributes, directory: Directory<'_>) -> Result<Lock, InvalidObject> {
    let Some(seconds) = directory.lockout_seconds else { return Ok(Lock::UntilUnlocked) };
    let began: i64 = object.needed("lockoutTime")?;
    let began = unix_time(began).ok_or(InvalidObject::Attribute("lockoutTime"))?;
    Ok(Lock::Until(began.saturating_add(seconds)))
}

/// Returns the groups that a ticket of the user would have: those of `tokenGroups`, without groups of the built-in
/// domain (`S-1-5-32`).
fn groups(object: &Attributes) -> Result<Vec<Sid>, InvalidObject> {
    let read = |text: &String| text.parse::<Sid>().map_err(|_| InvalidObject::Attribute("tokenGroups"));
    let groups: Vec<_> = object.texts("tokenGroups").map(read).collect::<Result<_, _>>()?;
    Ok(groups.into_iter().filter(Sid::is_of_domain).collect())
}

/// Returns the expiry time in an attribute, in seconds since 1970. The directory writes 0 or the largest number if there is
/// no expiry (MS-ADTS section 2.3).
fn end(object: &Attributes, attribute: &'static str) -> Result<Option<i64>, InvalidObject> {
    match object.needed(attribute)? {
        0 | i64::MAX => Ok(None),
        time => unix_time(time).map(Some).ok_or(InvalidObject::Attribute(attribute)),
    }
}

/// Returns a FILETIME (MS-DTYP section 2.3.3) in seconds since 1970.
fn unix_time(file_time: i64) -> Option<i64> {
    file_time.checked_div(10_000_000)?.checked_sub(11_644_473_600).filter(|_| file_time > 0)
}

/// The values of an object. The names of attributes are in lower case.
struct Attributes(HashMap<String, Vec<Value>>);

enum Value {
    Text(String),
    /// A value in base64, which may be a secret.
    Octets(Zeroizing<Vec<u8>>),
}

impl Attributes {
    fn parse(ldif: &str) -> Result<Self, InvalidObject> {
        if ldif.len() > MAX_SIZE {
            return Err(InvalidObject::Size(ldif.len()));
        }
        let mut lines: Vec<(usize, Zeroizing<String>)> = Vec::new();
        for (at, line) in (1..).zip(ldif.lines()) {
            match line.strip_prefix(' ') {
                // A line that begins with a space continues the line before it (RFC 2849, note 2).
                Some(rest) => lines.last_mut().ok_or(InvalidObject::Line(at))?.1.push_str(rest),
                None => lines.push((at, Zeroizing::new(line.into()))),
            }
        }
        let mut values: HashMap<String, Vec<Value>> = HashMap::new();
        for (at, line) in lines.iter().filter(|(_, line)| !line.is_empty() && !line.starts_with('#')) {
            let (name, value) = line.split_once(':').ok_or(InvalidObject::Line(*at))?;
            let value = match value.strip_prefix(':') {
                Some(encoded) => {
                    let octets = STANDARD.decode(encoded.trim()).map_err(|_| InvalidObject::Line(*at))?;
                    Value::Octets(Zeroizing::new(octets))
                }
                None => Value::Text(value.trim_start_matches(' ').into()),
            };
            values.entry(name.to_ascii_lowercase()).or_default().push(value);
        }
        Ok(Self(values))
    }

    fn values(&self, name: &str) -> impl Iterator<Item = &Value> {
        self.0.get(&name.to_ascii_lowercase()).into_iter().flatten()
    }

    /// Returns the values of an attribute that are text.
    fn texts(&self, name: &str) -> impl Iterator<Item = &String> {
        self.values(name).filter_map(|value| match value {
            Value::Text(text) => Some(text),
            Value::Octets(_) => None,
        })
    }

    /// Returns the only value of an attribute as text.
    fn text(&self, name: &str) -> Option<&str> {
        let mut values = self.values(name);
        let text = match values.next()? {
            Value::Text(text) => Some(text.as_str()),
            Value::Octets(octets) => std::str::from_utf8(octets).ok(),
        };
        text.filter(|_| values.next().is_none())
    }

    /// Returns the only value of an attribute as octets. `samba-tool` writes a value as text, and not in base64, if all
    /// its octets are printable.
    fn octets(&self, name: &str) -> Option<&[u8]> {
        let mut values = self.values(name);
        match (values.next(), values.next()) {
            (Some(Value::Octets(octets)), None) => Some(octets),
            (Some(Value::Text(text)), None) => Some(text.as_bytes()),
            _ => None,
        }
    }

    fn needed<T: FromStr>(&self, name: &'static str) -> Result<T, InvalidObject> {
        self.text(name).and_then(|text| text.parse().ok()).ok_or(InvalidObject::Attribute(name))
    }
}

/// The largest number of octets of an object.
pub const MAX_SIZE: usize = 1024 * 1024;

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests;
