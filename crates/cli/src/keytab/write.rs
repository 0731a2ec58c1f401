//! Writes a keytab of version 0x502, as MIT krb5 does ("Keytab file format" in the documentation of MIT krb5).

use kerberos_sso::{Key, UnixTime};
use zeroize::Zeroizing;

/// An entry to be written.
pub(super) struct NewEntry<'a> {
    /// The principal's components, joined with `/`.
    pub(super) name: &'a str,
    pub(super) realm: &'a str,
    pub(super) written: UnixTime,
    pub(super) kvno: u32,
    pub(super) key: &'a Key,
}

/// Returns a keytab of the entries, in their order.
pub(super) fn keytab(entries: &[NewEntry<'_>]) -> Result<Zeroizing<Vec<u8>>, String> {
    // A vector that grows would free memory that still holds keys.
    let room = entries.iter().fold(VERSION.len(), |room, entry| room.saturating_add(entry.room()));
    let mut octets = Zeroizing::new(Vec::with_capacity(room));
    octets.extend(VERSION);
    entries.iter().try_for_each(|entry| entry.write(&mut octets).ok_or_else(|| entry.too_long()))?;
    Ok(octets)
}

impl NewEntry<'_> {
    /// Returns a number that is larger than the number of octets of the record.
    fn room(&self) -> usize {
        let text = self.name.len().saturating_mul(3).saturating_add(self.realm.len());
        text.saturating_add(self.key.expose_bytes().len()).saturating_add(64)
    }

    /// Appends the record. `None` if a number does not fit its field.
    fn write(&self, octets: &mut Vec<u8>) -> Option<()> {
        let mut record = Zeroizing::new(Vec::with_capacity(self.room()));
        let components = self.name.split('/');
        record.extend(u16::try_from(components.clone().count()).ok()?.to_be_bytes());
        append_counted(&mut record, self.realm.as_bytes())?;
        components.into_iter().try_for_each(|component| append_counted(&mut record, component.as_bytes()))?;
        record.extend(NT_PRINCIPAL.to_be_bytes());
        record.extend(u32::try_from(self.written.seconds()).ok()?.to_be_bytes());
        let [.., low] = self.kvno.to_be_bytes();
        record.push(low);
        record.extend(u16::try_from(self.key.etype().0).ok()?.to_be_bytes());
        append_counted(&mut record, self.key.expose_bytes())?;
        record.extend(self.kvno.to_be_bytes());
        octets.extend(i32::try_from(record.len()).ok()?.to_be_bytes());
        octets.extend(record.iter());
        Some(())
    }

    fn too_long(&self) -> String {
        format!(
            "{}@{}: a name is too long for a keytab, or the time is not between 1970 and 2106",
            self.name, self.realm
        )
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
