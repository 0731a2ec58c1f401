//! Writes the first inputs of the fuzz targets, in one folder for each target. The inputs are the decrypted parts of
//! recorded tokens of real clients (`testvectors/`). For forms without a recording, the inputs are tokens of the test
//! realm.
//!
//! ```sh
//! cargo run --example seeds -- seeds
//! ```

mod agents;
#[path = "../../../tests/anatomy/mod.rs"]
mod anatomy;
mod messages;
mod minted;
#[path = "../../../tests/recorded/mod.rs"]
mod recorded;
#[path = "../../../src/crypto/records.rs"]
#[allow(dead_code)]
mod records;
mod requests;

use anatomy::{Anatomy, field, fields};
use kerberos_sso::crypto::{EncType, Key, KeyUsage};
use kerberos_sso_fuzz::input::part;
use records::{Record, for_each};
use std::fs;
use std::path::{Path, PathBuf};

fn main() {
    let folder = std::env::args().nth(1).expect("the folder to write to");
    let seeds = Seeds(folder.into());
    agents::write(&seeds);
    requests::write(&seeds);
    messages::write(&seeds);
    minted::write(&seeds);
    certificates(&seeds);
    keytabs(&seeds);
    credentials(&seeds);
}

/// The folder of the seeds.
pub(crate) struct Seeds(PathBuf);

impl Seeds {
    /// Writes a seed of a target. Seeds of more than 4096 octets are left out, because libFuzzer cuts them and they
    /// fill the corpora.
    pub(crate) fn add(&self, target: &str, name: &str, octets: &[u8]) {
        if octets.len() > 4096 {
            return;
        }
        let folder = self.0.join(target);
        fs::create_dir_all(&folder).unwrap();
        fs::write(folder.join(name), octets).unwrap();
    }
}

/// Returns the folder of the recordings.
pub(crate) fn testvectors() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../testvectors")
}

fn text(path: &str) -> String {
    fs::read_to_string(testvectors().join(path)).unwrap()
}

fn certificates(seeds: &Seeds) {
    let write = |record: &mut Record| {
        let (name, certificate) = (record.octets("Signed"), record.octets("Certificate"));
        seeds.add("certificate", &String::from_utf8(name).unwrap(), &certificate);
    };
    for_each(&text("bindings/server_end_point.txt"), 19, |record| {
        write(record);
        record.octets("Hash");
    });
    for_each(&text("bindings/server_end_point_undefined.txt"), 4, |record| {
        write(record);
        record.octets("Algorithm");
        record.number::<u8>("Known");
    });
}

fn keytabs(seeds: &Seeds) {
    for name in ["mit-0x501", "mit-0x502", "mit-hole"] {
        let text = text(&format!("keytabs/{name}.txt"));
        let hex = text.lines().find_map(|line| line.strip_prefix("keytab = ")).unwrap();
        seeds.add("keytab", name, &recorded::from_hex(hex).unwrap());
    }
}

/// Writes the tickets and the EncKrbCredPart of each recorded KRB-CRED.
fn credentials(seeds: &Seeds) {
    for block in text("delegation/krb_cred.txt").split("\n\n") {
        let value = |name: &str| {
            block
                .lines()
                .find_map(|line| line.strip_prefix(name)?.strip_prefix(" = "))
                .map(|value| value.trim_matches('"'))
        };
        let Some(krb_cred) = value("KrbCred").and_then(recorded::from_hex) else { continue };
        let outer = anatomy::elements(&krb_cred, 0..krb_cred.len()).remove(0);
        let message = fields(&krb_cred, outer.contents);
        let tickets = &krb_cred[field(&message, 2).unwrap().contents.clone()];
        let encrypted = fields(&krb_cred, field(&message, 3).unwrap().whole.clone());
        let cipher = &krb_cred[field(&encrypted, 2).unwrap().contents.clone()];
        let key = |etype, key| {
            let etype = EncType(value(etype)?.parse().ok()?);
            Key::new(etype, &recorded::from_hex(value(key)?)?).ok()
        };
        let keys = [key("SessionEtype", "SessionKey"), key("SubkeyEtype", "Subkey")];
        let opened = keys.iter().flatten().find_map(|key| decrypt(key, KeyUsage::KRB_CRED, cipher));
        let (form, plaintext) = opened.map_or((0, cipher.to_vec()), |plaintext| (1, plaintext));
        let name = value("Name").unwrap();
        for form in [form, 2] {
            seeds.add("krb_cred", &format!("{name}-{form}"), &[&[form], &part(tickets)[..], &plaintext].concat());
        }
        seeds.add("krb_cred", &format!("{name}-whole"), &[&[3], &krb_cred[..]].concat());
    }
}

/// Returns the plaintext; `None` if the ciphertext is not encrypted under this key.
pub(crate) fn decrypt(key: &Key, usage: KeyUsage, ciphertext: &[u8]) -> Option<Vec<u8>> {
    let mut room = vec![0; ciphertext.len()];
    let plaintext = key.cipher(usage).decrypt(ciphertext, &mut room).ok()?;
    Some(room[plaintext].to_vec())
}

/// Returns the parts of a token; `None` if the reader of the parts panics.
pub(crate) fn anatomy_of(token: &[u8]) -> Option<Anatomy> {
    std::panic::catch_unwind(|| Anatomy::of(token)).ok()
}
