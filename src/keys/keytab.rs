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
//!
//! What is whole serves. A record that is not is listed apart, as MIT's library skips it: one bad record does not take the
//! others with it.

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
/// // `ktutil` wrote it: `HTTP/www@A.TEST`, version 2, aes128-cts-hmac-sha1-96.
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
/// // A second record, cut short: the first one serves, and the keytab says what is wrong.
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

/// A record that cannot serve, with as much of it as could be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct UnusableEntry {
    /// The offset of the record, from the start of the file.
    pub at: usize,
    /// The principal.
    pub principal: Option<BoundedText>,
    /// The last 8 bits of the key version.
    pub kvno: Option<u8>,
    /// The key's type.
    pub etype: Option<EncType>,
    /// The problem.
    pub problem: KeytabProblem,
}

/// Prints the principal as far as it is known, where the record is, and what is wrong with it.
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

/// The error for octets that are no keytab, or a keytab without a key that can serve.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum KeytabError {
    /// The first two octets are not 0x0501 or 0x0502.
    #[error("not a keytab: it does not begin with 0x0501 or 0x0502")]
    Version,
    /// No entry has a key that this crate can use.
    #[error("the keytab has no key that can serve: {unsupported} of an unsupported type{}", Listed(.unusable))]
    NoKey {
        /// This many whole entries have keys of types without support.
        unsupported: usize,
        /// These records are not whole.
        unusable: Vec<UnusableEntry>,
    },
    /// No entry is one of the principals that were named.
    #[error(
        "the keytab has no entry of {}; it has entries of {}. Export the keys of the service's account, or name the principal \
         as \"klist -k\" prints it",
        Named(.wanted),
        Named(.found)
    )]
    NoEntry {
        /// These principals were named.
        wanted: Vec<BoundedText>,
        /// The keytab has entries of these principals, each once.
        found: Vec<BoundedText>,
    },
}

/// Prints the first few principals.
struct Named<'a>(&'a [BoundedText]);

impl fmt::Display for Named<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (shown, more) = self.0.split_at(self.0.len().min(LISTED));
        let Some((first, rest)) = shown.split_first() else { return f.write_str("nobody") };
        write!(f, "{first}")?;
        rest.iter().try_for_each(|name| write!(f, ", {name}"))?;
        if more.is_empty() { Ok(()) } else { write!(f, " and {} more", more.len()) }
    }
}

/// Prints the first few records that cannot serve.
struct Listed<'a>(&'a [UnusableEntry]);

impl fmt::Display for Listed<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (shown, more) = self.0.split_at(self.0.len().min(LISTED));
        shown.iter().try_for_each(|entry| write!(f, "; {entry}"))?;
        if more.is_empty() { Ok(()) } else { write!(f, "; and {} more", more.len()) }
    }
}

/// The problem with a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum KeytabProblem {
    /// The record or a field of it ends after its container.
    #[error("the record is cut short")]
    Truncated,
    /// A name is not UTF-8.
    #[error("a name is not UTF-8")]
    Text,
    /// The principal has no component.
    #[error("the principal has no name")]
    Nameless,
    /// The key has another length than its type asks for.
    #[error("the key has another length than its type asks for")]
    KeyLength,
}

impl Keytab {
    /// Reads a keytab. Records that cannot serve are listed as [`unusable`](Self::unusable), for the log of a server.
    ///
    /// # Errors
    /// [`KeytabError::Version`] if the octets are no keytab.
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

    /// Returns the entries in order.
    #[must_use]
    pub fn entries(&self) -> &[KeytabEntry] {
        &self.entries
    }

    /// Returns the records that cannot serve, in order. A record of a type that this crate does not support is an
    /// [entry](Self::entries).
    #[must_use]
    pub fn unusable(&self) -> &[UnusableEntry] {
        &self.unusable
    }

    /// Returns the entries as values.
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

/// A cursor over records, or over the fields of one.
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
                // Where the next record begins is not known.
                Err(problem) => {
                    keytab.unusable.push(start.cut_short(problem));
                    break;
                }
            }
        }
        keytab
    }

    /// Reads the next record. `None` is the end that a size of zero marks.
    fn record(&mut self) -> Result<Option<Record<'a>>, KeytabProblem> {
        let start = *self;
        let size = self.i32()?;
        if size == 0 {
            return Ok(None);
        }
        let length = usize::try_from(size.unsigned_abs()).map_err(|_| KeytabProblem::Truncated)?;
        // MIT krb5 counts a name type in records of 0x501 but writes none, so the last one seems to lack four octets.
        let missing = length.checked_sub(self.rest.len());
        let tolerated = self.format != Format::Version2 && missing == Some(size_of::<u32>());
        let contents = self.take(if tolerated { self.rest.len() } else { length })?;
        Ok(Some(if size > 0 { Record::Key(Self { rest: contents, ..start }) } else { Record::Hole }))
    }

    /// Reads the fields of a record, whose offset is that of the cursor.
    fn entry(self) -> Result<KeytabEntry, UnusableEntry> {
        let mut unusable = self.unusable(KeytabProblem::Truncated);
        self.fields(&mut unusable).map_err(|problem| UnusableEntry { problem, ..unusable })
    }

    /// Reads the fields. `known` gets what was read of an entry that turns out to be unusable.
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
        // Old writers leave the version of 32 bits out, or write zero for it.
        let kvno = self.u32().ok().filter(|kvno| *kvno != 0).unwrap_or(u32::from(low_kvno));
        let realm = text(realm)?;
        let components = components.into_iter().map(text).collect::<Result<Vec<_>, _>>()?;
        Ok(KeytabEntry { components, realm, name_type, timestamp, kvno, etype, key })
    }

    /// Lists the record at the cursor, whose end is not there, with what can be read of it.
    fn cut_short(mut self, problem: KeytabProblem) -> UnusableEntry {
        let mut unusable = self.unusable(problem);
        if self.i32().is_ok() {
            // It fails where the record ends.
            let _: Result<KeytabEntry, KeytabProblem> = self.fields(&mut unusable);
        }
        unusable
    }

    /// Lists the record at the cursor, of which nothing is known.
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
        // An offset in a slice: nothing saturates.
        *self = Self { rest, at: self.at.saturating_add(count), ..*self };
        Ok(taken)
    }
}

/// A record, or the place of one that was deleted.
enum Record<'a> {
    Key(Records<'a>),
    Hole,
}

fn text(octets: &[u8]) -> Result<String, KeytabProblem> {
    core::str::from_utf8(octets).map(String::from).map_err(|_| KeytabProblem::Text)
}

/// Returns a principal for a message. Octets that are no UTF-8 are replaced.
fn principal(components: &[&[u8]], realm: &[u8]) -> BoundedText {
    let name = components.iter().map(|component| String::from_utf8_lossy(component)).collect::<Vec<_>>().join("/");
    BoundedText::new(&[name.as_str(), "@", &String::from_utf8_lossy(realm)].concat())
}

/// A message lists so many records at most.
const LISTED: usize = 5;
