//! PACs that Windows domain controllers made, with the keys that signed them. They are not part of the project; where
//! they are not beside it, these tests say so and pass.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::arithmetic_side_effects, clippy::print_stdout)]

mod pac_support;

use kerberos_sso::Error;
use kerberos_sso::crypto::{Checksummer, EncType, Key, KeyUsage};
use kerberos_sso::pac::{BufferType, Pac, SignatureState};
use pac_support::pac_fields;
use serde_json::Value;
use std::fs;
use std::path::PathBuf;

fn realdata() -> Option<PathBuf> {
    let folder = PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../shared/realdata"));
    if folder.is_dir() {
        return Some(folder);
    }
    println!("skipped: no folder {}", folder.display());
    None
}

fn entries() -> Vec<(Value, Vec<u8>)> {
    let Some(folder) = realdata() else { return Vec::new() };
    let manifest: Value = serde_json::from_slice(&fs::read(folder.join("manifest.json")).unwrap()).unwrap();
    let entries = manifest["entries"].as_array().unwrap();
    entries
        .iter()
        .map(|entry| (entry.clone(), fs::read(folder.join(entry["file"].as_str().unwrap())).unwrap()))
        .collect()
}

fn checksummer(entry: &Value) -> Checksummer {
    let key = &entry["keys"][0];
    let etype = EncType(i32::try_from(key["etype"].as_i64().unwrap()).unwrap());
    Key::new(etype, &pac_support::unhex(key["hex"].as_str().unwrap())).unwrap().checksummer(KeyUsage::PAC_SIGNATURE)
}

/// The signature belongs where the bytes are zero.
fn signed(entry: &Value, mut pac: Vec<u8>) -> Vec<u8> {
    let signature = pac_support::unhex(entry["expected"]["signature_blob"].as_str().unwrap());
    let at = pac_support::buffer(&pac, BufferType::SERVER_CHECKSUM).unwrap();
    pac[at].copy_from_slice(&signature);
    pac
}

#[test]
fn detached_signatures_verify_and_every_other_byte_counts() {
    for (entry, zeroed) in
        entries().into_iter().filter(|(entry, _)| entry["id"].as_str().unwrap().starts_with("pac-zeroed"))
    {
        let key = checksummer(&entry);
        let pac = signed(&entry, zeroed);
        let verified = Pac::read(&pac).unwrap().verify([&key], None).unwrap();
        assert_eq!(
            verified.logon_info().unwrap().user_sid().to_string(),
            "S-1-5-21-4028881986-3284141023-698984075-1106"
        );
        assert_eq!(verified.kdc_signatures().kdc, SignatureState::Unchecked);
        let kdc = pac_support::buffer(&pac, BufferType::KDC_CHECKSUM).unwrap();
        for index in (0..pac.len()).filter(|index| !(kdc.start + 4..kdc.end).contains(index)) {
            let mut changed = pac.clone();
            changed[index] ^= 1;
            let result = Pac::read(&changed).map_err(Error::from).and_then(|pac| pac.verify([&key], None));
            assert!(result.is_err(), "byte {index}");
        }
        for length in 0..pac.len() {
            let result = Pac::read(&pac[..length]).map_err(Error::from).and_then(|pac| pac.verify([&key], None));
            assert!(result.is_err(), "{length} bytes");
        }
    }
}

#[test]
fn a_pac_with_compressed_claims_reads_as_expected() {
    for (entry, pac) in entries().into_iter().filter(|(entry, _)| entry["id"] == "pac-rpcinterop") {
        let key = Key::from_nt_hash(Key::nt_hash("P@ssw0rd!")).checksummer(KeyUsage::PAC_SIGNATURE);
        for key in [key, checksummer(&entry)] {
            match Pac::read(&pac).unwrap().verify([&key], None) {
                Ok(verified) => {
                    pac_fields::assert_windows(&verified, &entry["expected"]["pac"], "pac-rpcinterop");
                    println!("{:?}", verified.client_claims().unwrap().decode(65_536));
                    return;
                }
                Err(error) => println!("{error}"),
            }
        }
        panic!("no key fits");
    }
}
