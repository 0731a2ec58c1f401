//! Writes keytabs of version 0x502, the format that [`Keytab`] reads.

use super::keytab::{Keytab, KeytabError};
use super::{Account, ServiceKey};
use crate::bounded_text::BoundedText;
use crate::time::UnixTime;
use alloc::vec::Vec;
use zeroize::Zeroizing;

impl Keytab {
    /// Returns the octets of a keytab with the keys of these accounts, for example to test a server that reads a file.
    ///
    /// The keytab has a record of each key under the account's name, and then under the name of each of its services. A
    /// reader of the keytab ignores `written`, the time of writing. A key without a version has version 0 in the keytab.
    ///
    /// ```
    /// # #[cfg(feature = "testing")]
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// use kerberos_sso::testing::TestRealm;
    /// use kerberos_sso::{KeySet, Keytab};
    ///
    /// let account = TestRealm::new("CONTOSO.TEST").with_account("HTTP/www.contoso.test").account();
    /// let octets = Keytab::encode([&account], TestRealm::NOW)?;
    /// let keys = KeySet::from_keytab(&octets, ["HTTP/www.contoso.test"])?;
    /// assert!(keys.account("CONTOSO.TEST", "HTTP/www.contoso.test").is_some());
    /// # Ok(())
    /// # }
    /// # #[cfg(not(feature = "testing"))]
    /// # fn main() {}
    /// ```
    ///
    /// # Errors
    /// Returns [`KeytabError::Unwritable`] if a name is too long for a keytab, or if `written` is not between 1970 and
    /// 2106.
    pub fn encode<'a>(
        accounts: impl IntoIterator<Item = &'a Account>,
        written: UnixTime,
    ) -> Result<Zeroizing<Vec<u8>>, KeytabError> {
        let records: Vec<_> = accounts.into_iter().flat_map(|account| records(account, written)).collect();
        // A vector that grows would free memory that still holds keys.
        let room = records.iter().fold(VERSION.len(), |room, record| room.saturating_add(record.room()));
        let mut octets = Zeroizing::new(Vec::with_capacity(room));
        octets.extend(VERSION);
        for record in &records {
            record.write(&mut octets).ok_or_else(|| record.unwritable())?;
        }
        Ok(octets)
    }
}

/// One key of an account, under one name of the account.
struct Record<'a> {
    name: &'a str,
    realm: &'a str,
    key: &'a ServiceKey,
    written: UnixTime,
}

/// Returns the records of an account.
fn records(account: &Account, written: UnixTime) -> impl Iterator<Item = Record<'_>> {
    let names = core::iter::once(account.name()).chain(account.services());
    names.flat_map(move |name| {
        account.keys().iter().map(move |key| Record { name, realm: account.realm(), key, written })
    })
}

impl Record<'_> {
    /// Returns an upper bound of the number of octets of the record.
    fn room(&self) -> usize {
        let text = self.name.len().saturating_mul(3).saturating_add(self.realm.len());
        text.saturating_add(self.key.secret().len()).saturating_add(64)
    }

    /// Appends the record. Returns `None` if a number does not fit its field.
    fn write(&self, octets: &mut Vec<u8>) -> Option<()> {
        let mut record = Zeroizing::new(Vec::with_capacity(self.room()));
        let mut components = self.name.split('/');
        record.extend(u16::try_from(components.clone().count()).ok()?.to_be_bytes());
        append_counted(&mut record, self.realm.as_bytes())?;
        components.try_for_each(|component| append_counted(&mut record, component.as_bytes()))?;
        record.extend(NT_PRINCIPAL.to_be_bytes());
        record.extend(u32::try_from(self.written.seconds()).ok()?.to_be_bytes());
        let kvno = self.key.kvno().unwrap_or(0);
        let [.., low] = kvno.to_be_bytes();
        record.push(low);
        record.extend(u16::try_from(self.key.etype().0).ok()?.to_be_bytes());
        append_counted(&mut record, self.key.secret())?;
        record.extend(kvno.to_be_bytes());
        octets.extend(i32::try_from(record.len()).ok()?.to_be_bytes());
        octets.extend(record.iter());
        Some(())
    }

    fn unwritable(&self) -> KeytabError {
        KeytabError::Unwritable { principal: BoundedText::new(&[self.name, "@", self.realm].concat()) }
    }
}

fn append_counted(record: &mut Vec<u8>, octets: &[u8]) -> Option<()> {
    record.extend(u16::try_from(octets.len()).ok()?.to_be_bytes());
    record.extend(octets);
    Some(())
}

const VERSION: [u8; 2] = [5, 2];

/// The name type NT-PRINCIPAL (RFC 4120 section 6.2). `ktutil` writes this type for services, too.
const NT_PRINCIPAL: i32 = 1;
