//! Tests of `keytab` with files of MIT krb5, files with records that cannot be used, and recorded tokens.

mod derive;
mod list;
mod match_token;

use super::Folder;
use super::recorded::from_hex;

/// The octets of a keytab that `ktutil` of MIT krb5 wrote, and its entries as `klist -kteK` of MIT krb5 printed them:
/// version, principal, encryption type, key.
struct OfMit {
    octets: Vec<u8>,
    entries: Vec<[String; 4]>,
}

impl OfMit {
    fn load(name: &str) -> Self {
        let path = format!("{}/../../testvectors/keytabs/{name}.txt", env!("CARGO_MANIFEST_DIR"));
        let text = std::fs::read_to_string(path).unwrap();
        let values = |key: &str| {
            let prefix = format!("{key} = ");
            text.lines().filter_map(|line| line.strip_prefix(&prefix).map(String::from)).collect::<Vec<_>>()
        };
        let entries = values("entry");
        let words = |entry: &String| entry.split(' ').map(String::from).collect::<Vec<_>>().try_into().unwrap();
        Self { octets: from_hex(&values("keytab")[0]).unwrap(), entries: entries.iter().map(words).collect() }
    }
}

/// Returns a record of version 0x502 with these name components, realm, key version, encryption type and key.
fn record(names: &[&str], realm: &str, kvno: u32, etype: u16, key: &[u8]) -> Vec<u8> {
    let counted = |octets: &[u8]| [&u16::try_from(octets.len()).unwrap().to_be_bytes(), octets].concat();
    let count = u16::try_from(names.len()).unwrap();
    let names: Vec<u8> = names.iter().flat_map(|name| counted(name.as_bytes())).collect();
    let fields = [
        &count.to_be_bytes()[..],
        &counted(realm.as_bytes()),
        &names,
        &[0, 0, 0, 1, 0x6B, 0x02, 0x1D, 0x99],
        &kvno.to_be_bytes()[3..],
        &etype.to_be_bytes(),
        &counted(key),
        &kvno.to_be_bytes(),
    ];
    let fields = fields.concat();
    [&u32::try_from(fields.len()).unwrap().to_be_bytes()[..], &fields].concat()
}

/// Returns a keytab of these records.
fn keytab(records: &[Vec<u8>]) -> Vec<u8> {
    [&[5, 2][..], &records.concat()].concat()
}
