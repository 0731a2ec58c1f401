//! Keytabs that MIT krb5 wrote, read to the same entries that it prints.
#![cfg_attr(not(feature = "rc4"), allow(dead_code, unused_imports, reason = "tests with RC4 are left out"))]
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::arithmetic_side_effects)]

use kerberos_sso::crypto::EncType;
use kerberos_sso::{
    KeySet, Keytab, Password, Salt,
    keys::{KeytabEntry, KeytabProblem},
};

const RECORDED: [&str; 3] = [
    include_str!("../testvectors/keytabs/mit-0x502.txt"),
    include_str!("../testvectors/keytabs/mit-hole.txt"),
    include_str!("../testvectors/keytabs/mit-0x501.txt"),
];

#[cfg(feature = "rc4")]
#[test]
fn entries_are_those_that_klist_prints() {
    for recorded in RECORDED {
        let keytab = Keytab::parse(&bytes(recorded)).unwrap();
        let printed: Vec<String> = keytab.entries().iter().map(as_klist_prints).collect();
        let expected: Vec<&str> = recorded.lines().filter_map(|line| line.strip_prefix("entry = ")).collect();
        assert!(!expected.is_empty());
        assert_eq!(printed, expected);
    }
}

#[cfg(feature = "rc4")]
#[test]
fn keys_are_those_of_the_password_and_the_default_salt() {
    let password = Password::from_text("Passw0rd");
    for entry in RECORDED.iter().flat_map(|recorded| entries(recorded)) {
        let salt = Salt::principal(&entry.components.join("/"), &entry.realm);
        assert!(password.key(entry.etype, &salt).unwrap() == entry.key.unwrap(), "{:?}", entry.components);
    }
}

#[cfg(feature = "rc4")]
#[test]
fn each_principal_becomes_an_account() {
    let keys = KeySet::from_keytab(&bytes(RECORDED[0])).unwrap();
    let mut accounts: Vec<_> =
        keys.accounts().map(|account| (account.name(), account.realm(), account.keys().len())).collect();
    accounts.sort_unstable();
    assert_eq!(
        accounts,
        [
            ("HTTP/www.example.test", "EXAMPLE.TEST", 2),
            ("host/db.example.test", "EXAMPLE.TEST", 1),
            ("svc", "EXAMPLE.TEST", 2),
        ]
    );
}

#[cfg(feature = "rc4")]
#[test]
fn account_has_the_keys_of_both_keytabs_when_the_old_one_retires() {
    let before = KeySet::from_keytab(&bytes(RECORDED[1])).unwrap();
    let last = kerberos_sso::UnixTime::from_seconds(1_800_000_000);
    let keys = KeySet::from_keytab(&bytes(RECORDED[0])).unwrap().with_retiring_keys(&before, last);
    assert_eq!(keys.accounts().count(), 3);
    assert_eq!(keys.accounts().map(|account| account.keys().len()).sum::<usize>(), 5);
}

/// Heimdal and Samba put four octets of flags behind the 32-bit version.
#[test]
fn what_follows_the_long_version_is_ignored() {
    let mut keytab = bytes(RECORDED[0]);
    let first_size = usize::from(keytab[5]);
    keytab[5] += 4;
    let end = 6 + first_size;
    keytab.splice(end..end, [0, 0, 0, 1]);
    assert_eq!(Keytab::parse(&keytab).unwrap().entries()[0].kvno, 3);
}

/// Without the long version, or where it is zero, the octet counts.
#[test]
fn the_version_may_have_eight_bits_only() {
    let keytab = bytes(RECORDED[0]);
    let first_end = 6 + usize::from(keytab[5]);
    let mut short = keytab[..first_end - 4].to_vec();
    short[5] -= 4;
    assert_eq!(Keytab::parse(&short).unwrap().entries()[0].kvno, 3);
    let mut zero = keytab[..first_end].to_vec();
    zero[first_end - 4..].fill(0);
    assert_eq!(Keytab::parse(&zero).unwrap().entries()[0].kvno, 3);
}

#[test]
fn an_old_keytab_may_be_big_endian() {
    let little = bytes(RECORDED[2]);
    let big = swap_first_entry(&little);
    let (little, big) = (Keytab::parse(&little).unwrap(), Keytab::parse(&big).unwrap());
    assert_eq!(as_klist_prints(&little.entries()[0]), as_klist_prints(&big.entries()[0]));
    assert_eq!(little.entries()[0].timestamp, big.entries()[0].timestamp);
}

#[test]
fn every_prefix_is_refused_or_read_in_part_without_panic() {
    for recorded in RECORDED {
        let whole = bytes(recorded);
        let all = Keytab::parse(&whole).unwrap().entries().len();
        for length in 0..whole.len() {
            if let Ok(keytab) = Keytab::parse(&whole[..length]) {
                assert!(keytab.entries().len() < all, "{length}");
            }
        }
    }
}

#[test]
fn what_is_no_keytab_is_named() {
    for (bytes, problem) in [
        (&b""[..], KeytabProblem::Version),
        (b"\x05\x03\0\0\0\0", KeytabProblem::Version),
        (b"[libdefaults]", KeytabProblem::Version),
        (b"\x05\x02\0\0\0\x02\0\0", KeytabProblem::Nameless),
        (b"\x05\x02\x80\0\0\0", KeytabProblem::Truncated),
        (b"\x05\x02\x7F\xFF\xFF\xFF\0", KeytabProblem::Truncated),
        (b"\x05\x02\0\0\0\x05\0\x01\0\x01\xFF", KeytabProblem::Text),
    ] {
        assert_eq!(Keytab::parse(bytes).unwrap_err().problem, problem, "{bytes:?}");
    }
    let mut short_key = bytes(RECORDED[0]);
    let etype_at = 0x37;
    assert_eq!(short_key[etype_at..etype_at + 2], [0, 18]);
    short_key[etype_at + 1] = 17;
    let error = Keytab::parse(&short_key).unwrap_err();
    assert_eq!(error.problem, KeytabProblem::KeyLength);
}

#[test]
fn types_without_support_are_kept_by_number_and_give_no_account() {
    let mut keytab = bytes(RECORDED[0]);
    keytab[0x38] = 26;
    let parsed = Keytab::parse(&keytab).unwrap();
    assert_eq!(parsed.entries()[0].etype, EncType(26));
    assert!(parsed.entries()[0].key.is_none());
    assert_eq!(
        parsed.accounts().iter().map(|account| account.keys().len()).sum::<usize>(),
        if cfg!(feature = "rc4") { 4 } else { 3 }
    );
}

fn entries(recorded: &str) -> Vec<KeytabEntry> {
    Keytab::parse(&bytes(recorded)).unwrap().into_entries()
}

fn as_klist_prints(entry: &KeytabEntry) -> String {
    let name = entry.components.join("/");
    let key =
        entry.key.as_ref().unwrap().expose_bytes().iter().fold(String::new(), |hex, byte| format!("{hex}{byte:02x}"));
    let etype = match entry.etype {
        EncType::RC4_HMAC => "arcfour-hmac",
        other => other.name().unwrap(),
    };
    format!("{} {name}@{} {etype} {key}", entry.kvno, entry.realm)
}

fn bytes(recorded: &str) -> Vec<u8> {
    let hex = recorded.lines().find_map(|line| line.strip_prefix("keytab = ")).unwrap();
    hex.as_bytes().chunks(2).map(|pair| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap()).collect()
}

/// The first entry of a little-endian keytab of version 0x501, in big-endian: each number turned round where it stands.
fn swap_first_entry(little: &[u8]) -> Vec<u8> {
    let length = usize::from(little[2]);
    let mut big = little[..6 + length].to_vec();
    let mut at = 2;
    let turn = |big: &mut Vec<u8>, at: &mut usize, size: usize| {
        big[*at..*at + size].reverse();
        *at += size;
    };
    turn(&mut big, &mut at, 4);
    turn(&mut big, &mut at, 2);
    for _ in 0..3 {
        let text = usize::from(big[at]);
        turn(&mut big, &mut at, 2);
        at += text;
    }
    turn(&mut big, &mut at, 4);
    at += 1;
    turn(&mut big, &mut at, 2);
    turn(&mut big, &mut at, 2);
    at += 32;
    turn(&mut big, &mut at, 4);
    big
}
