//! Tests of PACs that Windows domain controllers made, with the keys that signed them. The PACs are not part of the
//! project. If the folder of the PACs is missing, these tests print a note and pass.
#![cfg(feature = "rc4")]
#![allow(clippy::print_stdout)]

use crate::pac_support;

use kerberos_sso::crypto::{Checksummer, EncType, Key, KeyUsage};
use kerberos_sso::error::{PacError, PacProblem};
use kerberos_sso::pac::{BufferType, ClaimSource, ClaimValues, Pac, SignatureState, VerifiedPac};
use kerberos_sso::replay::NoReplayCache;
use kerberos_sso::{Account, KeySet, Policy, ServiceKey, UnixTime, Validator};
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

/// Returns the PAC with the recorded server signature in place of the zero octets.
fn with_signature(entry: &Value, mut pac: Vec<u8>) -> Vec<u8> {
    let signature = pac_support::unhex(entry["expected"]["signature_blob"].as_str().unwrap());
    let at = pac_support::buffer(&pac, BufferType::SERVER_CHECKSUM).unwrap();
    pac[at].copy_from_slice(&signature);
    pac
}

#[test]
fn windows_pac_verifies_and_is_refused_when_any_signed_octet_is_changed() {
    for (entry, zeroed) in
        entries().into_iter().filter(|(entry, _)| entry["id"].as_str().unwrap().starts_with("pac-zeroed"))
    {
        let key = checksummer(&entry);
        let pac = with_signature(&entry, zeroed);
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
            let result = Pac::read(&changed).map_err(PacError::from).and_then(|pac| pac.verify([&key], None));
            assert!(result.is_err(), "byte {index}");
        }
        for length in 0..pac.len() {
            let result = Pac::read(&pac[..length]).map_err(PacError::from).and_then(|pac| pac.verify([&key], None));
            assert!(result.is_err(), "{length} bytes");
        }
    }
}

#[test]
fn windows_pac_with_compressed_claims_has_the_expected_values() {
    if let Some((entry, pac)) = entries().into_iter().find(|(entry, _)| entry["id"] == "pac-rpcinterop") {
        let key = checksummer(&entry);
        let verified = Pac::read(&pac).unwrap().verify([&key], None).unwrap();
        pac_fields::assert_windows(&verified, &entry["expected"]["pac"], "pac-rpcinterop");
        assert_claims(&verified);
    }
}

/// Checks the claims, which Windows compressed with LZ77+Huffman. One wrong bit in the decompression would make the
/// texts unreadable.
fn assert_claims(pac: &VerifiedPac<'_>) {
    let encoded = pac.client_claims().unwrap();
    let claims = encoded.decode(65_536).unwrap();
    let named = |name: &str| &claims.iter().find(|claim| claim.id.starts_with(name)).unwrap().values;
    assert_eq!((claims.len(), claims[0].source), (9, ClaimSource::ACTIVE_DIRECTORY));
    assert_eq!(*named("ad://ext/employeeID:"), ClaimValues::Text(vec!["abc123".into()]));
    assert_eq!(*named("ad://ext/groupsToIgnore:"), ClaimValues::Text(["aaaa", "bbb", "ccc"].map(Into::into).into()));
    assert_eq!(*named("ad://ext/localeID:"), ClaimValues::Int64(vec![1033, 4105]));
    assert_eq!(*named("ad://ext/isCriticalSyste:"), ClaimValues::Boolean(vec![true]));
    // The decoder compares the claims' stated size with the limit before it decompresses the claims.
    for limit in [0, 1, 1000] {
        assert!(matches!(encoded.decode(limit).unwrap_err().problem, PacProblem::TooLarge { .. }), "{limit}");
    }
}

fn valid_at(entry: &Value) -> UnixTime {
    let text = entry["valid_at"].as_str().unwrap();
    let number = |range: std::ops::Range<usize>| text[range].parse::<i64>().unwrap();
    let (year, month, day) = (number(0..4), number(5..7), number(8..10));
    // This count of days is right for the years after 1970 that are not multiples of 100.
    let before = [0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334][usize::try_from(month - 1).unwrap()];
    let leap = i64::from(year % 4 == 0 && month > 2);
    let days = (year - 1970) * 365 + (year - 1969) / 4 + before + leap + day - 1;
    UnixTime::from_seconds(days * 86_400 + number(11..13) * 3600 + number(14..16) * 60 + number(17..19))
}

#[test]
fn tokens_of_windows_clients_give_the_recorded_users() {
    let mut seen = 0;
    for (entry, token) in entries().into_iter().filter(|(entry, _)| entry["expected"]["pac"].is_object()) {
        let (id, Some(service)) = (entry["id"].as_str().unwrap(), entry["expected"]["srealm"].as_str()) else {
            continue;
        };
        let key = &entry["keys"][0];
        let etype = EncType(i32::try_from(key["etype"].as_i64().unwrap()).unwrap());
        let key = Key::new(etype, &pac_support::unhex(key["hex"].as_str().unwrap())).unwrap();
        let account = Account::new("WINDOWS$", service).with_key(ServiceKey::new(key, None));
        let validator = Validator::new(KeySet::from(account), Policy::default().allow_rc4(), NoReplayCache);
        // A token that is recorded as a header value is validated as a header value.
        let judged = match token.strip_prefix(b"Negotiate ") {
            Some(_) => validator.validate_header(&token, valid_at(&entry)),
            None => validator.validate_ticket(&token, valid_at(&entry)),
        };
        let accepted = judged.unwrap_or_else(|error| panic!("{id}: {error}"));
        pac_fields::assert_windows(&accepted.pac().unwrap(), &entry["expected"]["pac"], id);
        let sid = accepted.identity().sid().unwrap().to_string();
        assert_eq!(sid, entry["expected"]["pac"]["logon"]["user_sid"], "{id}");
        println!("{id}: {}", accepted.identity());
        seen += 1;
    }
    assert!(seen > 0 || realdata().is_none());
}
