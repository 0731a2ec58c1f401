//! Reads a keytab file, checks it, and reduces it to the entries of one account.

use kerberos_sso::crypto::EncType;
use kerberos_sso::error::BoundedText;
use kerberos_sso::keys::{KeytabEntry, KeytabError};
use kerberos_sso::{Account, Keytab, ServiceKey};
use std::collections::BTreeSet;
use std::fmt;
use std::fs::{File, Metadata};
use std::io::{self, Read as _};
use std::path::Path;
use thiserror::Error;
use zeroize::Zeroizing;

/// The reason why a keytab file cannot be used.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum KeytabFileError {
    /// The file cannot be opened or read: it is missing, or this process may not read it.
    #[error("the keytab cannot be read; check that the file exists and that this process's user may read it")]
    Read(#[source] io::Error),
    /// The file is larger than 16 MiB, or it grows while the server reads it.
    #[error(
        "the keytab has more than {MAX_SIZE} octets, or is being written; replace it by renaming a finished file over it"
    )]
    TooLarge,
    /// Every user of the machine can read or change the file.
    #[error("every user of this machine can read or change the keytab (mode {mode:o}): chmod it to 600 or 640")]
    OpenToOthers {
        /// The file's permission bits.
        mode: u32,
    },
    /// The file has no entry.
    #[error("the keytab has no entry; export the keys of the service's account again")]
    Empty,
    /// The file's octets are not a keytab.
    #[error("the file is not a keytab; export it again with ktpass, samba-tool, ktutil or kadmin")]
    NotAKeytab(#[source] KeytabError),
    /// The file has no entry that can be used.
    #[error("the keytab has no whole entry; export the keys of the service's account again: {unusable}")]
    NoWholeEntry {
        /// The records of the file, which are all unusable.
        unusable: Names,
    },
    /// The file has no entry of the principals that the caller gave.
    #[error("the keytab has no entry for {wanted}; its entries are for {found}")]
    NoEntry {
        /// The principals that the caller gave, with the realm if the caller gave a realm.
        wanted: Names,
        /// The principals of the file.
        found: Names,
    },
    /// The file has entries of the given principals in several realms.
    #[error("the keytab has entries of {wanted} in several realms: {realms}; name one realm (Builder::with_realm)")]
    SeveralRealms {
        /// The principals that were named.
        wanted: Names,
        /// The realms of these principals in the file.
        realms: Names,
    },
    /// No key of the given principals has an encryption type that the policy allows.
    #[error(
        "no key of {wanted} in the keytab has an allowed encryption type; it has {etypes}, and AES keys are needed"
    )]
    NoUsableKey {
        /// The principals that were named.
        wanted: Names,
        /// The encryption types of these principals' keys in the file.
        etypes: Names,
    },
}

/// Names that a message lists: at most ten names, and the number of the names that the message leaves out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Names {
    shown: Vec<BoundedText>,
    more: usize,
}

impl Names {
    fn some(names: impl ExactSizeIterator<Item = String>) -> Option<Self> {
        if names.len() == 0 { None } else { Some(Self::of(names)) }
    }

    fn of<T: AsRef<str>>(names: impl IntoIterator<Item = T>) -> Self {
        let mut names = names.into_iter();
        let shown = names.by_ref().take(SHOWN_NAMES).map(|name| BoundedText::new(name.as_ref())).collect();
        Self { shown, more: names.count() }
    }
}

impl fmt::Display for Names {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, name) in self.shown.iter().enumerate() {
            f.write_str(if index > 0 { ", " } else { "" })?;
            write!(f, "{name}")?;
        }
        match self.more {
            0 => Ok(()),
            more => write!(f, " and {more} more"),
        }
    }
}

/// The choice of the keytab entries that the server uses.
#[derive(Debug)]
pub(crate) struct Selection {
    /// The account's name first, then the names of its other services.
    pub(crate) principals: Vec<String>,
    pub(crate) realm: Option<String>,
    pub(crate) open_to_others: bool,
}

/// The account of a keytab, and the names of the entries that are not used.
#[derive(Debug)]
pub(crate) struct Loaded {
    pub(crate) account: Account,
    /// The principals of the file whose entries are not used.
    pub(crate) others: Option<Names>,
    /// The records of the file that cannot be used.
    pub(crate) unusable: Option<Names>,
    pub(crate) holds_krbtgt: bool,
}

/// Reads the keytab at `path`, and makes an account of the entries that `selection` chooses.
pub(crate) fn load(
    path: &Path,
    selection: &Selection,
    is_allowed: impl Fn(EncType) -> bool,
) -> Result<Loaded, KeytabFileError> {
    let octets = read(path, selection.open_to_others)?;
    let keytab = Keytab::parse(&octets).map_err(KeytabFileError::NotAKeytab)?;
    let unusable = Names::some(keytab.unusable().iter().map(ToString::to_string));
    match (keytab.entries().is_empty(), unusable) {
        (true, None) => Err(KeytabFileError::Empty),
        (true, Some(unusable)) => Err(KeytabFileError::NoWholeEntry { unusable }),
        (false, unusable) => Ok(Loaded { unusable, ..selection.account(keytab, is_allowed)? }),
    }
}

fn read(path: &Path, open_to_others: bool) -> Result<Zeroizing<Vec<u8>>, KeytabFileError> {
    let mut file = File::open(path).map_err(KeytabFileError::Read)?;
    let metadata = file.metadata().map_err(KeytabFileError::Read)?;
    if !open_to_others {
        check_mode(&metadata)?;
    }
    // The buffer has one octet more than the file. If the file grows meanwhile, the buffer becomes full, and the file
    // is refused. The buffer is allocated once: a growing vector would free memory that still holds keys.
    let room = usize::try_from(metadata.len()).unwrap_or(MAX_SIZE).min(MAX_SIZE).saturating_add(1);
    let mut octets = Zeroizing::new(vec![0; room]);
    let mut length = 0;
    while let Some(free) = octets.get_mut(length..).filter(|free| !free.is_empty()) {
        match file.read(free).map_err(KeytabFileError::Read)? {
            0 => break,
            // `read` is at most the free length, so the sum never saturates.
            read => length = length.saturating_add(read),
        }
    }
    if length == room {
        return Err(KeytabFileError::TooLarge);
    }
    octets.truncate(length);
    Ok(octets)
}

#[cfg(unix)]
fn check_mode(metadata: &Metadata) -> Result<(), KeytabFileError> {
    use std::os::unix::fs::PermissionsExt as _;
    let mode = metadata.permissions().mode() & 0o7777;
    let of_others = mode & 0o007;
    if of_others == 0 { Ok(()) } else { Err(KeytabFileError::OpenToOthers { mode }) }
}

/// Accepts every file: systems other than Unix have no permission bits.
#[cfg(not(unix))]
fn check_mode(_: &Metadata) -> Result<(), KeytabFileError> {
    Ok(())
}

impl Selection {
    fn account(&self, keytab: Keytab, is_allowed: impl Fn(EncType) -> bool) -> Result<Loaded, KeytabFileError> {
        let keytab = keytab.only(self.names().iter().map(String::as_str));
        let (ours, others) = (keytab.entries(), keytab.left_out().iter().map(BoundedText::as_str));
        let realms: BTreeSet<_> = ours.iter().map(|entry| entry.realm.clone()).collect();
        let mut realms_in_order = realms.iter();
        let realm = match (realms_in_order.next(), realms_in_order.next()) {
            (Some(realm), None) => realm,
            (None, _) => return Err(KeytabFileError::NoEntry { wanted: self.wanted(), found: Names::of(others) }),
            (Some(_), Some(_)) => {
                return Err(KeytabFileError::SeveralRealms { wanted: self.wanted(), realms: Names::of(&realms) });
            }
        };
        if !ours.iter().any(|entry| entry.key.is_some() && is_allowed(entry.etype)) {
            let etypes: BTreeSet<_> = ours.iter().map(|entry| entry.etype.to_string()).collect();
            return Err(KeytabFileError::NoUsableKey { wanted: self.wanted(), etypes: Names::of(&etypes) });
        }
        let holds_krbtgt = others.clone().any(|principal| principal.starts_with("krbtgt/"));
        let others = Names::some(others.map(String::from));
        let account = self.empty_account(realm).with_keys(keytab.into_entries().into_iter().filter_map(service_key));
        Ok(Loaded { account, others, unusable: None, holds_krbtgt })
    }

    /// Returns the principals in the form of `klist -k`, with the realm if the caller gave a realm.
    fn names(&self) -> Vec<String> {
        let realm = self.realm.as_ref().map_or_else(String::new, |realm| format!("@{realm}"));
        self.principals.iter().map(|principal| format!("{principal}{realm}")).collect()
    }

    fn empty_account(&self, realm: &str) -> Account {
        let mut principals = self.principals.iter();
        let name = principals.next().map_or("", String::as_str);
        principals.fold(Account::new(name, realm).with_service(name), |account, service| account.with_service(service))
    }

    fn wanted(&self) -> Names {
        Names::of(self.names())
    }
}

fn service_key(entry: KeytabEntry) -> Option<ServiceKey> {
    Some(ServiceKey::new(entry.key?, Some(entry.kvno)))
}

/// The largest number of octets of a keytab: about the size of a keytab with 100,000 entries, such as the keytab of a
/// whole domain.
const MAX_SIZE: usize = 16 << 20;

/// The largest number of names in a message.
const SHOWN_NAMES: usize = 10;
