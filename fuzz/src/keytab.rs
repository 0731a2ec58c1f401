//! A writer of keytabs of version 0x502.

use kerberos_sso::keys::KeytabEntry;

/// Returns a keytab of the entries, each with its key version in 32 bits. An entry without a key gets an empty key.
pub fn write<'a>(entries: impl IntoIterator<Item = &'a KeytabEntry>) -> Vec<u8> {
    let mut keytab = vec![5, 2];
    for entry in entries {
        let record = record(entry);
        keytab.extend(u32::try_from(record.len()).unwrap().to_be_bytes());
        keytab.extend(record);
    }
    keytab
}

fn record(entry: &KeytabEntry) -> Vec<u8> {
    let mut record = u16::try_from(entry.components.len()).unwrap().to_be_bytes().to_vec();
    for text in [&entry.realm].into_iter().chain(&entry.components) {
        counted(&mut record, text.as_bytes());
    }
    record.extend(entry.name_type.0.to_be_bytes());
    record.extend(u32::try_from(entry.timestamp.seconds()).unwrap().to_be_bytes());
    let [.., low_kvno] = entry.kvno.to_be_bytes();
    record.push(low_kvno);
    record.extend(u16::try_from(entry.etype.0).unwrap().to_be_bytes());
    counted(&mut record, entry.key.as_ref().map_or(&[], |key| key.expose_bytes()));
    record.extend(entry.kvno.to_be_bytes());
    record
}

fn counted(record: &mut Vec<u8>, octets: &[u8]) {
    record.extend(u16::try_from(octets.len()).unwrap().to_be_bytes());
    record.extend(octets);
}

/// Asserts that two entries are the same.
pub fn assert_same(one: &KeytabEntry, other: &KeytabEntry) {
    assert_eq!((&one.components, &one.realm), (&other.components, &other.realm));
    assert_eq!((one.name_type, one.timestamp), (other.name_type, other.timestamp));
    assert_eq!((one.kvno, one.etype), (other.kvno, other.etype));
    assert!(one.key == other.key);
}
