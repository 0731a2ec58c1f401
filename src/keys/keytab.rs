//! The file format of MIT keytabs: versions 0x501 and 0x502, as ktutil, ktpass, Samba and Heimdal write them.
//!
//! ```text
//! 0x05 0x01|0x02, then records:
//!   i32  size; negative: the size of a hole, times -1; zero: the end
//!   u16  number of components (0x501 counts the realm too)
//!   u16+ realm, then each component
//!   u32  name type            -- not in 0x501
//!   u32  time of writing
//!   u8   kvno, its last 8 bits
//!   u16  etype, u16+ key
//!   u32  kvno                 -- if octets are left; zero counts as none
//!   …    flags of Heimdal and Samba, ignored
//! ```
//! Version 0x502 is big-endian. Version 0x501 has the byte order of the machine that wrote it, so the reader tries both
//! byte orders.
//!
//! A record that cannot be used does not make the other records unusable. Such a record is listed separately; the
//! library of MIT krb5 skips it.

use crate::bounded_text::BoundedText;
use crate::crypto::{EncType, Key};
use crate::time::UnixTime;
use crate::wire::krb5::NameType;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;
use thiserror::Error;

/// The entries of a keytab.
///
/// ```
/// use kerberos_sso::keys::KeytabProblem;
/// use kerberos_sso::{KeySet, Keytab};
///
/// // A file of `ktutil` with the entry `HTTP/www@A.TEST`, version 2, aes128-cts-hmac-sha1-96.
/// # let file = [
/// #     &[5, 2, 0, 0, 0, 54, 0, 2, 0, 6][..], b"A.TEST", &[0, 4], b"HTTP", &[0, 3], b"www", &[0, 0, 0, 1],
/// #     &[0x6B, 0, 0, 0], &[2, 0, 17, 0, 16], &[7; 16], &[0, 0, 0, 2],
/// # ]
/// # .concat();
/// let keytab = Keytab::parse(&file)?;
/// assert_eq!(keytab.entries()[0].components, ["HTTP", "www"]);
/// let keytab = keytab.only(["HTTP/www"]);
/// assert!(keytab.left_out().is_empty());
/// let keys = KeySet::from_accounts(keytab.accounts())?;
/// assert!(keys.account("A.TEST", "HTTP/www").is_some());
///
/// // A second record is cut short. The first record is still an entry, and the second is unusable.
/// let keytab = Keytab::parse(&[&file[..], &[0, 0, 0, 99, 0]].concat())?;
/// assert_eq!((keytab.entries().len(), keytab.unusable().len()), (1, 1));
/// assert_eq!(keytab.unusable()[0].problem, KeytabProblem::Truncated);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Keytab {
    pub(super) entries: Vec<KeytabEntry>,
    pub(super) unusable: Vec<UnusableEntry>,
    pub(super) left_out: Vec<BoundedText>,
}

/// One key of one principal.
#[derive(Debug)]
#[non_exhaustive]
pub struct KeytabEntry {
    /// The principal's components, for example `HTTP` and `www.example.com`, or only an account name.
    pub components: Vec<String>,
    /// The principal's realm.
    pub realm: String,
    /// The principal's name type. A keytab of version 0x501 has no name types, so the type is then
    /// [`NameType::UNKNOWN`].
    pub name_type: NameType,
    /// The time at which the entry was written.
    pub timestamp: UnixTime,
    /// The key version. If the entry has no version of 32 bits, only the last 8 bits of the version are known.
    pub kvno: u32,
    /// The key's type.
    pub etype: EncType,
    /// The key, if this crate supports its type.
    pub key: Option<Key>,
}

/// A record that cannot be used, with the fields that could be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct UnusableEntry {
    /// The offset of the record, from the start of the file.
    pub at: usize,
    /// The principal, if it could be read.
    pub principal: Option<BoundedText>,
    /// The last 8 bits of the key version, if they could be read.
    pub kvno: Option<u8>,
    /// The key's type.
    pub etype: Option<EncType>,
    /// The reason why the record cannot be used.
    pub problem: KeytabProblem,
}

/// Displays the principal if it is known, the offset of the record, and the problem.
impl fmt::Display for UnusableEntry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.principal {
            Some(principal) => write!(f, "{principal}")?,
            None => f.write_str("a record")?,
        }
        write!(f, " at octet {}", self.at)?;
        if let Some(kvno) = self.kvno {
            write!(f, ", version {kvno}")?;
        }
        if let Some(etype) = self.etype {
            write!(f, ", {etype}")?;
        }
        write!(f, ": {}", self.problem)
    }
}

/// The error for octets that are not a keytab, for a keytab without a usable key, and for a keytab that cannot be written.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum KeytabError {
    /// The first two octets are not 0x0501 or 0x0502.
    #[error("not a keytab: it does not begin with 0x0501 or 0x0502")]
    Version,
    /// No entry has a key that this crate can use.
    #[error("the keytab has no usable key: {unsupported} keys of unsupported types{}", Listed(.unusable))]
    NoKey {
        /// The number of complete entries whose keys have an unsupported type.
        unsupported: usize,
        /// The records that cannot be used.
        unusable: Vec<UnusableEntry>,
    },
    /// No entry belongs to one of the named principals.
    #[error(
        "the keytab has no entry of {}; it has entries of {}. Export the keys of the service's account, or name the principal \
         as \"klist -k\" prints it",
        Named(.wanted),
        Named(.found)
    )]
    NoEntry {
        /// The principals that the caller named.
        wanted: Vec<BoundedText>,
        /// The principals of the keytab's entries, without duplicates.
        found: Vec<BoundedText>,
    },
    /// A keytab cannot hold the record of this principal ([`Keytab::encode`]).
    #[error("{principal}: a name is too long for a keytab, or the time is not between 1970 and 2106")]
    Unwritable {
        /// The principal.
        principal: BoundedText,
    },
}

/// Displays the first few principals.
struct Named<'a>(&'a [BoundedText]);

impl fmt::Display for Named<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (shown, more) = self.0.split_at(self.0.len().min(LISTED));
        let Some((first, rest)) = shown.split_first() else { return f.write_str("no principal") };
        write!(f, "{first}")?;
        rest.iter().try_for_each(|name| write!(f, ", {name}"))?;
        if more.is_empty() { Ok(()) } else { write!(f, " and {} more", more.len()) }
    }
}

/// Displays the first few records that cannot be used.
struct Listed<'a>(&'a [UnusableEntry]);

impl fmt::Display for Listed<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (shown, more) = self.0.split_at(self.0.len().min(LISTED));
        shown.iter().try_for_each(|entry| write!(f, "; {entry}"))?;
        if more.is_empty() { Ok(()) } else { write!(f, "; and {} more", more.len()) }
    }
}

/// The reason why a record of a keytab cannot be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum KeytabProblem {
    /// The record is longer than the rest of the file, or a field is longer than the rest of the record.
    #[error("the record is cut short")]
    Truncated,
    /// A name is not UTF-8.
    #[error("a name is not UTF-8")]
    Text,
    /// The principal has no component.
    #[error("the principal has no name")]
    Nameless,
    /// The length of the key is wrong for its encryption type.
    #[error("the length of the key is wrong for its type")]
    KeyLength,
}

impl Keytab {
    /// Reads a keytab. Records that cannot be used are listed in [`unusable`](Self::unusable), for the log of a server.
    ///
    /// # Errors
    /// Returns [`KeytabError::Version`] if the octets are not a keytab.
    pub fn parse(bytes: &[u8]) -> Result<Self, KeytabError> {
        let read = |rest, format| Records { rest, at: 2, format }.read_all();
        match bytes {
            [0x05, 0x02, rest @ ..] => Ok(read(rest, Format::Version2)),
            [0x05, 0x01, rest @ ..] => {
                let (little, big) = (read(rest, Format::Version1Little), read(rest, Format::Version1Big));
                Ok(if big.entries.len() > little.entries.len() { big } else { little })
            }
            _ => Err(KeytabError::Version),
        }
    }

    /// Returns the entries in their order.
    #[must_use]
    pub fn entries(&self) -> &[KeytabEntry] {
        &self.entries
    }

    /// Returns the records that cannot be used, in their order. A record whose key has an unsupported type is an
    /// [entry](Self::entries), and is not in this list.
    #[must_use]
    pub fn unusable(&self) -> &[UnusableEntry] {
        &self.unusable
    }

    /// Returns the entries, and consumes the keytab.
    #[must_use]
    pub fn into_entries(self) -> Vec<KeytabEntry> {
        self.entries
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Format {
    Version1Little,
    Version1Big,
    Version2,
}

/// A cursor over records, or over the fields of one record.
#[derive(Clone, Copy)]
struct Records<'a> {
    rest: &'a [u8],
    at: usize,
    format: Format,
}

impl<'a> Records<'a> {
    fn read_all(mut self) -> Keytab {
        let mut keytab = Keytab { entries: Vec::new(), unusable: Vec::new(), left_out: Vec::new() };
        while !self.rest.is_empty() {
            let start = self;
            match self.record() {
                Ok(Some(Record::Key(record))) => match record.entry() {
                    Ok(entry) => keytab.entries.push(entry),
                    Err(unusable) => keytab.unusable.push(unusable),
                },
                Ok(Some(Record::Hole)) => {}
                Ok(None) => break,
                // The reader stops here, because the start of the next record is not known.
                Err(problem) => {
                    keytab.unusable.push(start.cut_short(problem));
                    break;
                }
            }
        }
        keytab
    }

    /// Reads the next record. Returns `None` if the size is zero, which marks the end.
    fn record(&mut self) -> Result<Option<Record<'a>>, KeytabProblem> {
        let start = *self;
        let size = self.i32()?;
        if size == 0 {
            return Ok(None);
        }
        let length = usize::try_from(size.unsigned_abs()).map_err(|_| KeytabProblem::Truncated)?;
        // In version 0x501, MIT krb5 counts a name type in the size of a record, but does not write the name type. The
        // last record of such a file is therefore four octets shorter than its size says.
        let missing = length.checked_sub(self.rest.len());
        let tolerated = self.format != Format::Version2 && missing == Some(size_of::<u32>());
        let contents = self.take(if tolerated { self.rest.len() } else { length })?;
        Ok(Some(if size.is_positive() { Record::Key(Self { rest: contents, ..start }) } else { Record::Hole }))
    }

    /// Reads the fields of the record at the cursor.
    fn entry(self) -> Result<KeytabEntry, UnusableEntry> {
        let mut unusable = self.unusable(KeytabProblem::Truncated);
        self.fields(&mut unusable).map_err(|problem| UnusableEntry { problem, ..unusable })
    }

    /// Reads the fields of a record. Stores each field in `known` when it is read, for the report of a record that cannot
    /// be used.
    fn fields(mut self, known: &mut UnusableEntry) -> Result<KeytabEntry, KeytabProblem> {
        let first_version = self.format != Format::Version2;
        let count = self.u16()?.checked_sub(u16::from(first_version)).filter(|count| *count > 0);
        let count = count.ok_or(KeytabProblem::Nameless)?;
        let realm = self.counted()?;
        let components = (0..count).map(|_| self.counted()).collect::<Result<Vec<_>, _>>()?;
        known.principal = Some(principal(&components, realm));
        let name_type = if first_version { NameType::UNKNOWN } else { NameType(self.i32()?) };
        let timestamp = UnixTime::from_seconds(i64::from(self.u32()?));
        let low_kvno = self.u8()?;
        known.kvno = Some(low_kvno);
        let etype = EncType(i32::from(self.u16()?));
        known.etype = Some(etype);
        let key = match Key::new(etype, self.counted()?) {
            Ok(key) => Some(key),
            Err(_) if etype.is_supported() => return Err(KeytabProblem::KeyLength),
            Err(_) => None,
        };
        // Old programs omit the version of 32 bits, or write zero.
        let kvno = self.u32().ok().filter(|kvno| *kvno != 0).unwrap_or(u32::from(low_kvno));
        let realm = text(realm)?;
        let components = components.into_iter().map(text).collect::<Result<Vec<_>, _>>()?;
        Ok(KeytabEntry { components, realm, name_type, timestamp, kvno, etype, key })
    }

    /// Returns the record at the cursor, with the fields that can be read. This record is cut short.
    fn cut_short(mut self, problem: KeytabProblem) -> UnusableEntry {
        let mut unusable = self.unusable(problem);
        if self.i32().is_ok() {
            // The result is not needed: `fields` stores in `unusable` each field that it can read.
            let _: Result<KeytabEntry, KeytabProblem> = self.fields(&mut unusable);
        }
        unusable
    }

    /// Returns the record at the cursor as an unusable entry without known fields.
    const fn unusable(&self, problem: KeytabProblem) -> UnusableEntry {
        UnusableEntry { at: self.at, principal: None, kvno: None, etype: None, problem }
    }

    fn counted(&mut self) -> Result<&'a [u8], KeytabProblem> {
        let length = self.u16()?;
        self.take(usize::from(length))
    }

    fn i32(&mut self) -> Result<i32, KeytabProblem> {
        self.u32().map(|unsigned| i32::from_be_bytes(unsigned.to_be_bytes()))
    }

    fn u32(&mut self) -> Result<u32, KeytabProblem> {
        let bytes = self.array()?;
        Ok(if self.format == Format::Version1Little { u32::from_le_bytes(bytes) } else { u32::from_be_bytes(bytes) })
    }

    fn u16(&mut self) -> Result<u16, KeytabProblem> {
        let bytes = self.array()?;
        Ok(if self.format == Format::Version1Little { u16::from_le_bytes(bytes) } else { u16::from_be_bytes(bytes) })
    }

    fn u8(&mut self) -> Result<u8, KeytabProblem> {
        let [byte] = self.array()?;
        Ok(byte)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], KeytabProblem> {
        self.take(N)?.try_into().map_err(|_| KeytabProblem::Truncated)
    }

    fn take(&mut self, count: usize) -> Result<&'a [u8], KeytabProblem> {
        let (taken, rest) = self.rest.split_at_checked(count).ok_or(KeytabProblem::Truncated)?;
        // The addition does not saturate, because the sum is an offset in a slice.
        *self = Self { rest, at: self.at.saturating_add(count), ..*self };
        Ok(taken)
    }
}

/// A record with a key, or the space of a deleted record.
enum Record<'a> {
    Key(Records<'a>),
    Hole,
}

fn text(octets: &[u8]) -> Result<String, KeytabProblem> {
    core::str::from_utf8(octets).map(String::from).map_err(|_| KeytabProblem::Text)
}

/// Returns a principal for an error message. Octets that are not UTF-8 are replaced.
fn principal(components: &[&[u8]], realm: &[u8]) -> BoundedText {
    let name = components.iter().map(|component| String::from_utf8_lossy(component)).collect::<Vec<_>>().join("/");
    BoundedText::new(&[name.as_str(), "@", &String::from_utf8_lossy(realm)].concat())
}

/// The greatest number of records or principals that an error message lists.
const LISTED: usize = 5;
