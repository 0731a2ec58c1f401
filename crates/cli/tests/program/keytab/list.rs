//! Tests of `keytab list`.

use super::{Folder, OfMit, keytab, record};
use crate::run;
use kerberos_sso::EncType;
use serde_json::Value;

#[test]
fn entries_of_mit_keytabs_are_listed_as_klist_lists_them() {
    for name in ["mit-0x502", "mit-0x501", "mit-hole"] {
        let of_mit = OfMit::load(name);
        let folder = Folder::new();
        let file = folder.file("http.keytab", &of_mit.octets);
        let ran = run(&["keytab", "list", &file]);
        assert_eq!((ran.code, ran.err.as_str()), (0, ""), "{name}");
        let lines: Vec<_> = ran.out.lines().collect();
        assert_eq!(lines[0], format!("Keytab name: FILE:{file}"));
        let expected = of_mit.entries.iter().map(|[kvno, principal, etype, _]| {
            let etype = etype.parse::<EncType>().unwrap();
            format!("{kvno:>4} 2026-11-21T22:39:21Z {principal} ({})", etype.name().unwrap())
        });
        assert_eq!(lines[3..3 + of_mit.entries.len()], expected.collect::<Vec<_>>(), "{name}");
        assert_eq!(
            lines[3 + of_mit.entries.len()..],
            [
                "",
                "Note: host/db.example.test@EXAMPLE.TEST has keys of RC4 only, which a server refuses unless its policy allows RC4."
            ]
        );
    }
}

#[test]
fn keys_are_listed_only_with_show_keys() {
    let of_mit = OfMit::load("mit-0x502");
    let folder = Folder::new();
    let file = folder.file("http.keytab", &of_mit.octets);
    for format in [&[][..], &["--json"]] {
        let hidden = run(&[&["keytab", "list", &file], format].concat());
        let shown = run(&[&["keytab", "list", "--show-keys", &file], format].concat());
        assert_eq!((hidden.code, shown.code), (0, 0));
        for [.., key] in &of_mit.entries {
            assert!(!hidden.out.contains(key) && shown.out.contains(key), "{key}");
        }
    }
}

#[test]
fn json_has_the_entries_and_the_damaged_records_and_the_notes() {
    let of_mit = OfMit::load("mit-0x502");
    let folder = Folder::new();
    let cut = &of_mit.octets[..of_mit.octets.len() - 1];
    let file = folder.file("http.keytab", cut);
    let ran = run(&["keytab", "list", "--json", &file]);
    assert_eq!((ran.code, ran.err.as_str()), (1, ""));
    let listed: Value = serde_json::from_str(&ran.out).unwrap();
    assert_eq!(listed["keytab"], file);
    assert_eq!(listed["entries"].as_array().unwrap().len(), 4);
    assert_eq!(
        listed["entries"][1],
        serde_json::json!({
            "kvno": 300,
            "timestamp": 1_795_300_761,
            "principal": "HTTP/www.example.test@EXAMPLE.TEST",
            "name_type": 1,
            "etype": 17,
            "etype_name": "aes128-cts-hmac-sha1-96",
            "supported": true,
        })
    );
    assert_eq!(
        listed["unusable"],
        serde_json::json!([{
            "at": of_mit.octets.len() - 58,
            "principal": "svc@EXAMPLE.TEST",
            "kvno": 1,
            "etype": 19,
            "problem": "the record is cut short",
        }])
    );
    assert_eq!(listed["notes"].as_array().unwrap().len(), 1);
}

#[test]
fn records_that_cannot_be_used_are_listed_with_position_and_reason() {
    let good = record(&["HTTP", "www.mit.test"], "MIT.TEST", 2, 18, &[7; 32]);
    let mut latin1 = record(&["Muller"], "MIT.TEST", 1, 18, &[7; 32]);
    let letter = latin1.iter().position(|octet| *octet == b'u').unwrap();
    latin1[letter] = 0xFC;
    let cut = good[..good.len() - 9].to_vec();
    for (bad, reason) in [
        (
            record(&["HTTP", "www.mit.test"], "MIT.TEST", 7, 18, &[7; 4]),
            "HTTP/www.mit.test@MIT.TEST at octet 87, version 7, aes256-cts-hmac-sha1-96 (18): the length of the key is \
             wrong for its type",
        ),
        (latin1, "M\u{fffd}ller@MIT.TEST at octet 87, version 1, aes256-cts-hmac-sha1-96 (18): a name is not UTF-8"),
        (record(&[], "MIT.TEST", 1, 18, &[7; 32]), "a record at octet 87: the principal has no name"),
        (
            cut,
            "HTTP/www.mit.test@MIT.TEST at octet 87, version 2, aes256-cts-hmac-sha1-96 (18): the record is cut short",
        ),
    ] {
        let folder = Folder::new();
        let file = folder.file("http.keytab", keytab(&[good.clone(), bad]));
        let ran = run(&["keytab", "list", &file]);
        assert_eq!((ran.code, ran.err.as_str()), (1, ""), "{reason}");
        assert!(ran.out.contains("   2 2026-11-21T22:39:21Z HTTP/www.mit.test@MIT.TEST (aes256-cts-hmac-sha1-96)\n"));
        assert!(ran.out.ends_with(&format!("\nRecords that cannot be used:\n  {reason}\n")), "{}", ran.out);
    }
}

#[test]
fn keytab_without_a_usable_key_exits_1() {
    let des = record(&["host", "old.mit.test"], "MIT.TEST", 1, 16, &[7; 24]);
    for (records, said) in [
        (vec![], "Note: No entry can be used.\n"),
        (vec![des], "Note: host/old.mit.test@MIT.TEST has no key of a supported encryption type.\n"),
    ] {
        let folder = Folder::new();
        let file = folder.file("http.keytab", keytab(&records));
        let ran = run(&["keytab", "list", &file]);
        assert_eq!((ran.code, ran.err.as_str()), (1, ""));
        assert!(ran.out.ends_with(said), "{}", ran.out);
    }
}

#[test]
fn key_of_krbtgt_is_listed_with_a_note() {
    let folder = Folder::new();
    let file = folder.file("all.keytab", keytab(&[record(&["krbtgt", "MIT.TEST"], "MIT.TEST", 1, 18, &[7; 32])]));
    let ran = run(&["keytab", "list", &file]);
    assert_eq!(ran.code, 0);
    assert!(ran.out.ends_with(
        "Note: krbtgt/MIT.TEST@MIT.TEST is a key of the KDC: a person who reads this file can impersonate any user of the realm.\n"
    ));
}

#[test]
fn unprintable_characters_of_a_principal_are_escaped_in_the_list() {
    let folder = Folder::new();
    let file = folder.file("http.keytab", keytab(&[record(&["a\nb\u{1b}[2J"], "MIT.TEST", 1, 18, &[7; 32])]));
    let ran = run(&["keytab", "list", &file]);
    assert!(
        ran.out.ends_with("   1 2026-11-21T22:39:21Z a\\nb\\u{1b}[2J@MIT.TEST (aes256-cts-hmac-sha1-96)\n"),
        "{}",
        ran.out
    );
}

#[test]
fn file_that_is_not_a_keytab_exits_2_with_the_reason() {
    let folder = Folder::new();
    let file = folder.file("token", b"Negotiate YII=");
    let ran = run(&["keytab", "list", &file]);
    assert_eq!((ran.code, ran.out.as_str()), (2, ""));
    assert!(ran.err.contains("not a keytab: it does not begin with 0x0501 or 0x0502"), "{}", ran.err);
}

#[test]
fn version_of_an_entry_is_its_32_bit_version_or_else_its_8_bit_version() {
    let mut records: Vec<_> =
        [1, 255, 256, u32::MAX].map(|kvno| record(&["svc"], "MIT.TEST", kvno, 17, &[7; 16])).into();
    // The record has a version of 8 bits, and zero as its version of 32 bits.
    let mut of_8_bits = record(&["svc"], "MIT.TEST", 255, 17, &[7; 16]);
    let end = of_8_bits.len() - 4;
    of_8_bits[end..].fill(0);
    records.push(of_8_bits);
    let folder = Folder::new();
    let file = folder.file("http.keytab", keytab(&records));
    let ran = run(&["keytab", "list", "--json", &file]);
    assert_eq!((ran.code, ran.err.as_str()), (0, ""));
    let listed: Value = serde_json::from_str(&ran.out).unwrap();
    let versions: Vec<_> = listed["entries"].as_array().unwrap().iter().map(|entry| &entry["kvno"]).collect();
    assert_eq!(versions, [1_u32, 255, 256, 4_294_967_295, 255]);
}

#[test]
fn unprintable_characters_of_a_principal_are_escaped_in_json() {
    let folder = Folder::new();
    let file = folder.file("http.keytab", keytab(&[record(&["a\u{9b}2J\u{202e}"], "MIT.TEST", 1, 18, &[7; 32])]));
    let ran = run(&["keytab", "list", "--json", &file]);
    assert!(ran.out.contains(r#""principal":"a\u009b2J\u202e@MIT.TEST""#), "{}", ran.out);
    let listed: Value = serde_json::from_str(&ran.out).unwrap();
    assert_eq!(listed["entries"][0]["principal"], "a\u{9b}2J\u{202e}@MIT.TEST");
}
