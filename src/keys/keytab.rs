//! MIT keytabs as octets: versions 0x501 and 0x502, as ktutil, ktpass, Samba and Heimdal write them.
//!
//! ```text
//! 0x05 0x01|0x02, then records:
//!   i32  size; negative: a hole of so many octets; zero: the end
//!   u16  number of components (0x501 counts the realm too)
//!   u16+ realm, then each component
//!   u32  name type            -- not in 0x501
//!   u32  time of writing
//!   u8   kvno, its last 8 bits
//!   u16  etype, u16+ key
//!   u32  kvno                 -- if octets are left; zero counts as none
//!   …    flags of Heimdal and Samba, ignored
//! ```
//! 0x502 is big-endian. 0x501 has the byte order of the machine that wrote it, so the reader tries both.

use super::{Account, ServiceKey};
use crate::crypto::{EncType, Key};
use crate::time::UnixTime;
use crate::wire::krb5::NameType;
use alloc::string::String;
use alloc::vec::Vec;
use thiserror::Error;

/// The entries of a keytab.
///
/// ```
/// use kerberos_sso::keys::KeytabProblem;
/// use kerberos_sso::{KeySet, Keytab};
///
/// // `ktutil` wrote it: `HTTP/www@A.TEST`, version 2, aes128-cts-hmac-sha1-96.
/// # let file = [
/// #     &[5, 2, 0, 0, 0, 54, 0, 2, 0, 6][..], b"A.TEST", &[0, 4], b"HTTP", &[0, 3], b"www", &[0, 0, 0, 1],
/// #     &[0x6B, 0, 0, 0], &[2, 0, 17, 0, 16], &[7; 16], &[0, 0, 0, 2],
/// # ]
/// # .concat();
/// let keytab = Keytab::parse(&file)?;
/// assert_eq!(keytab.entries()[0].components, ["HTTP", "www"]);
/// let keys = KeySet::from_accounts(keytab.accounts())?;
/// assert!(keys.account("A.TEST", "HTTP/www").is_some());
///
/// let error = Keytab::parse(b"no keytab").unwrap_err();
/// assert_eq!((error.at, error.problem), (0, KeytabProblem::Version));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Keytab {
    entries: Vec<KeytabEntry>,
}

/// One key of one principal.
#[derive(Debug)]
#[non_exhaustive]
pub struct KeytabEntry {
    /// The principal's components: `HTTP`, `www.example.com`, or an account name alone.
    pub components: Vec<String>,
    /// The principal's realm.
    pub realm: String,
    /// The principal's name type. A keytab of version 0x501 has none, so it is [`NameType::UNKNOWN`] there.
    pub name_type: NameType,
    /// The time at which the entry was written.
    pub timestamp: UnixTime,
    /// The key version: of 32 bits if the entry has them, else of 8.
    pub kvno: u32,
    /// The key's type.
    pub etype: EncType,
    /// The key, if this crate supports its type.
    pub key: Option<Key>,
}

/// The error for octets that are no keytab.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
#[error("not a keytab at byte {at}: {problem}")]
pub struct KeytabError {
    /// The offset from the start.
    pub at: usize,
    /// The problem at that offset.
    pub problem: KeytabProblem,
}

/// The problem with a keytab.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum KeytabProblem {
    /// The first two octets are not 0x0501 or 0x0502.
    #[error("it does not begin with 0x0501 or 0x0502")]
    Version,
    /// A record or a field ends after its container.
    #[error("a record is cut short")]
    Truncated,
    /// A name is not UTF-8.
    #[error("a name is not UTF-8")]
    Text,
    /// A principal has no component.
    #[error("a principal without a name")]
    Nameless,
    /// A key has another length than its type asks for.
    #[error("a key of another length than its type has")]
    KeyLength,
}

impl Keytab {
    /// Reads a keytab.
    ///
    /// # Errors
    /// [`KeytabError`] with the offset at which the octets are no keytab's.
    pub fn parse(bytes: &[u8]) -> Result<Self, KeytabError> {
        let read = |rest, format| Records { rest, at: 2, format }.read_all();
        match bytes {
            [0x05, 0x02, rest @ ..] => read(rest, Format::Version2),
            [0x05, 0x01, rest @ ..] => read(rest, Format::Version1Little).or_else(|_| read(rest, Format::Version1Big)),
            _ => Err(KeytabError { at: 0, problem: KeytabProblem::Version }),
        }
        .map(|entries| Self { entries })
    }

    /// Returns the entries in order.
    #[must_use]
    pub fn entries(&self) -> &[KeytabEntry] {
        &self.entries
    }

    /// Returns the entries as values.
    #[must_use]
    pub fn into_entries(self) -> Vec<KeytabEntry> {
        self.entries
    }

    /// Returns the principals as accounts, each with its keys of supported types.
    #[must_use]
    pub fn accounts(self) -> Vec<Account> {
        let mut accounts: Vec<Account> = Vec::new();
        for entry in self.entries {
            let Some(key) = entry.key else { continue };
            let name = entry.components.join("/");
            let key = ServiceKey::new(key, Some(entry.kvno));
            let same = |account: &Account| account.name() == name && account.realm() == entry.realm;
            match accounts.iter_mut().find(|account| same(account)) {
                Some(account) => account.add_key(key),
                None => accounts.push(Account::new(&name, &entry.realm).with_key(key)),
            }
        }
        accounts
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Format {
    Version1Little,
    Version1Big,
    Version2,
}

/// A cursor over records, or over the fields of one.
#[derive(Clone, Copy)]
struct Records<'a> {
    rest: &'a [u8],
    at: usize,
    format: Format,
}

impl<'a> Records<'a> {
    fn read_all(mut self) -> Result<Vec<KeytabEntry>, KeytabError> {
        let mut entries = Vec::new();
        while !self.rest.is_empty() {
            let size = self.i32()?;
            if size == 0 {
                break;
            }
            let length = usize::try_from(size.unsigned_abs()).map_err(|_| self.error(KeytabProblem::Truncated))?;
            let record = Self { at: self.at, ..self };
            // MIT krb5 counts a name type in records of 0x501 but writes none, so the last one seems to lack four octets.
            let missing = length.checked_sub(self.rest.len());
            let tolerated = self.format != Format::Version2 && missing == Some(size_of::<u32>());
            let contents = self.take(if tolerated { self.rest.len() } else { length })?;
            if size > 0 {
                entries.push(Self { rest: contents, ..record }.entry()?);
            }
        }
        Ok(entries)
    }

    fn entry(mut self) -> Result<KeytabEntry, KeytabError> {
        let first_version = self.format != Format::Version2;
        let count = self.u16()?.checked_sub(u16::from(first_version)).filter(|count| *count > 0);
        let count = count.ok_or_else(|| self.error(KeytabProblem::Nameless))?;
        let realm = self.text()?;
        let components = (0..count).map(|_| self.text()).collect::<Result<Vec<_>, _>>()?;
        let name_type = if first_version { NameType::UNKNOWN } else { NameType(self.i32()?) };
        let timestamp = UnixTime::from_seconds(i64::from(self.u32()?));
        let low_kvno = u32::from(self.u8()?);
        let etype = EncType(i32::from(self.u16()?));
        let key = self.counted()?;
        let key = match Key::new(etype, key) {
            Ok(key) => Some(key),
            Err(_) if etype.is_supported() => return Err(self.error(KeytabProblem::KeyLength)),
            Err(_) => None,
        };
        // Old writers leave the version of 32 bits out, or write zero for it.
        let kvno = self.u32().ok().filter(|kvno| *kvno != 0).unwrap_or(low_kvno);
        Ok(KeytabEntry { components, realm, name_type, timestamp, kvno, etype, key })
    }

    fn text(&mut self) -> Result<String, KeytabError> {
        let start = *self;
        let bytes = self.counted()?;
        core::str::from_utf8(bytes).map(String::from).map_err(|_| start.error(KeytabProblem::Text))
    }

    fn counted(&mut self) -> Result<&'a [u8], KeytabError> {
        let length = self.u16()?;
        self.take(usize::from(length))
    }

    fn i32(&mut self) -> Result<i32, KeytabError> {
        self.u32().map(|unsigned| i32::from_be_bytes(unsigned.to_be_bytes()))
    }

    fn u32(&mut self) -> Result<u32, KeytabError> {
        let bytes = self.array()?;
        Ok(if self.format == Format::Version1Little { u32::from_le_bytes(bytes) } else { u32::from_be_bytes(bytes) })
    }

    fn u16(&mut self) -> Result<u16, KeytabError> {
        let bytes = self.array()?;
        Ok(if self.format == Format::Version1Little { u16::from_le_bytes(bytes) } else { u16::from_be_bytes(bytes) })
    }

    fn u8(&mut self) -> Result<u8, KeytabError> {
        let [byte] = self.array()?;
        Ok(byte)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], KeytabError> {
        let start = *self;
        self.take(N)?.try_into().map_err(|_| start.error(KeytabProblem::Truncated))
    }

    fn take(&mut self, count: usize) -> Result<&'a [u8], KeytabError> {
        let (taken, rest) = self.rest.split_at_checked(count).ok_or_else(|| self.error(KeytabProblem::Truncated))?;
        // An offset in a slice: nothing saturates.
        *self = Self { rest, at: self.at.saturating_add(count), ..*self };
        Ok(taken)
    }

    const fn error(&self, problem: KeytabProblem) -> KeytabError {
        KeytabError { at: self.at, problem }
    }
}
