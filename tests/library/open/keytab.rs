//! Keytabs that MIT krb5 wrote: the reader finds the entries that `klist` prints.

use kerberos_sso::crypto::EncType;
use kerberos_sso::{
    Account, Key, KeySet, Keytab, Password, Salt, ServiceKey, UnixTime,
    keys::{KeytabEntry, KeytabError, KeytabProblem},
};

const RECORDED: [&str; 3] = [
    include_str!("../../../testvectors/keytabs/mit-0x502.txt"),
    include_str!("../../../testvectors/keytabs/mit-hole.txt"),
    include_str!("../../../testvectors/keytabs/mit-0x501.txt"),
];

#[cfg(feature = "rc4")]
#[test]
fn entries_of_recorded_keytabs_are_the_entries_that_klist_prints() {
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
fn keys_of_recorded_keytabs_follow_from_the_password_and_the_default_salt() {
    let password = Password::from_text("Passw0rd");
    for entry in RECORDED.iter().flat_map(|recorded| entries(recorded)) {
        let salt = Salt::principal(&entry.components.join("/"), &entry.realm);
        assert!(password.key(entry.etype, &salt).unwrap() == entry.key.unwrap(), "{:?}", entry.components);
    }
}

#[cfg(feature = "rc4")]
#[test]
fn from_whole_keytab_makes_one_account_for_each_principal() {
    let keys = KeySet::from_whole_keytab(&bytes(RECORDED[0])).unwrap();
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

/// Users know the keys of their own accounts. If the server used such a key, the owner of the key could write a ticket
/// that names any other user.
#[cfg(feature = "rc4")]
#[test]
fn keytab_makes_accounts_only_for_the_named_principals() {
    let file = bytes(RECORDED[0]);
    let served = |principals: &[&str]| {
        let keys = KeySet::from_keytab(&file, principals.iter().copied()).unwrap();
        let mut names: Vec<String> = keys.accounts().map(|account| account.name().to_owned()).collect();
        names.sort_unstable();
        names
    };
    for as_written in [
        "HTTP/www.example.test",
        "http/WWW.example.test",
        "HTTP/www.example.test@EXAMPLE.TEST",
        "HTTP@www.example.test",
    ] {
        assert_eq!(served(&[as_written]), ["HTTP/www.example.test"], "{as_written}");
    }
    assert_eq!(served(&["svc@EXAMPLE.TEST"]), ["svc"]);
    assert_eq!(served(&["svc", "host/db.example.test", "cifs/db.example.test"]), ["host/db.example.test", "svc"]);

    let keytab = Keytab::parse(&file).unwrap().only(["HTTP/www.example.test"]);
    let left_out: Vec<String> = keytab.left_out().iter().map(ToString::to_string).collect();
    assert_eq!(left_out, ["host/db.example.test@EXAMPLE.TEST", "svc@EXAMPLE.TEST"]);
    assert!(keytab.entries().iter().all(|entry| entry.components == ["HTTP", "www.example.test"]));
}

#[test]
fn missing_principals_are_an_error_that_lists_the_wanted_and_the_found_principals() {
    let error = |principals: &[&str]| KeySet::from_keytab(&bytes(RECORDED[0]), principals.iter().copied()).unwrap_err();
    for wanted in ["HTTP/www", "HTTP/www.example.test@OTHER.TEST", "HTTP/www.example.test@example.test", "SVC$"] {
        assert!(matches!(error(&[wanted]), KeytabError::NoEntry { .. }), "{wanted}");
    }
    assert_eq!(
        error(&["HTTP/web.example.test", "WEB$"]).to_string(),
        "the keytab has no entry of HTTP/web.example.test, WEB$; it has entries of HTTP/www.example.test@EXAMPLE.TEST, \
         host/db.example.test@EXAMPLE.TEST, svc@EXAMPLE.TEST. Export the keys of the service's account, or name the \
         principal as \"klist -k\" prints it"
    );
    assert!(matches!(error(&[]), KeytabError::NoEntry { wanted, .. } if wanted.is_empty()));
}

#[test]
fn error_lists_five_principals_and_counts_the_others() {
    let error = |principals: u8| {
        let mut octets = b"\x05\x02".to_vec();
        for number in b'1'..=b'0' + principals {
            octets.extend([0, 0, 0, 38, 0, 1, 0, 1, b'A', 0, 1, number, 0, 0, 0, 1, 0, 0, 0, 0, 3, 0, 17, 0, 16]);
            octets.extend([[7; 16].as_slice(), &[9]].concat());
        }
        KeySet::from_keytab(&octets, ["HTTP/www"]).unwrap_err().to_string()
    };
    assert!(error(5).contains("it has entries of 1@A, 2@A, 3@A, 4@A, 5@A. Export"), "{}", error(5));
    assert!(error(6).contains("it has entries of 1@A, 2@A, 3@A, 4@A, 5@A and 1 more. Export"), "{}", error(6));
}

#[cfg(feature = "rc4")]
#[test]
fn key_in_both_keytabs_is_held_only_once_while_the_old_keytab_retires() {
    let before = KeySet::from_whole_keytab(&bytes(RECORDED[1])).unwrap();
    let last = kerberos_sso::UnixTime::from_seconds(1_800_000_000);
    let keys = KeySet::from_whole_keytab(&bytes(RECORDED[0])).unwrap().with_retiring_keys(&before, last);
    assert_eq!(keys.accounts().count(), 3);
    assert_eq!(keys.accounts().map(|account| account.keys().len()).sum::<usize>(), 5);
}

/// Heimdal and Samba write four octets of flags after the 32-bit kvno.
#[test]
fn octets_after_the_32_bit_kvno_are_ignored() {
    let mut keytab = bytes(RECORDED[0]);
    let first_size = usize::from(keytab[5]);
    keytab[5] += 4;
    let end = 6 + first_size;
    keytab.splice(end..end, [0, 0, 0, 1]);
    assert_eq!(Keytab::parse(&keytab).unwrap().entries()[0].kvno, 3);
}

#[test]
fn kvno_of_8_bits_is_used_when_the_32_bit_kvno_is_absent_or_zero() {
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
fn big_endian_keytab_of_version_0x501_has_the_same_entry_as_the_little_endian_keytab() {
    let little = bytes(RECORDED[2]);
    let big = swap_first_entry(&little);
    let (little, big) = (Keytab::parse(&little).unwrap(), Keytab::parse(&big).unwrap());
    assert_eq!(as_klist_prints(&little.entries()[0]), as_klist_prints(&big.entries()[0]));
    assert_eq!(little.entries()[0].timestamp, big.entries()[0].timestamp);
}

/// Neither byte order gives an entry, so the reader chooses little-endian order. In big-endian order, the file's record
/// would go past its end.
#[test]
fn keytab_of_version_0x501_without_entries_is_read_as_little_endian() {
    let counted = |octets: &[u8]| [&u16::try_from(octets.len()).unwrap().to_le_bytes()[..], octets].concat();
    let principal = [&[2, 0][..], &counted(b"A.TEST"), &counted(b"svc")].concat();
    let contents = [&principal[..], &[0, 0, 0, 0, 7, 18, 0], &counted(&[1; 4])].concat();
    let record = [&u32::try_from(contents.len()).unwrap().to_le_bytes()[..], &contents].concat();
    let keytab = Keytab::parse(&[&[5, 1][..], &record].concat()).unwrap();
    let [unusable] = keytab.unusable() else { panic!("{keytab:?}") };
    assert_eq!((unusable.at, unusable.problem), (2, KeytabProblem::KeyLength));
}

#[test]
fn every_prefix_of_a_keytab_is_refused_or_has_fewer_entries() {
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
fn octets_that_do_not_begin_as_a_keytab_are_refused() {
    for bytes in [&b""[..], b"\x05\x03\0\0\0\0", b"[libdefaults]"] {
        assert_eq!(Keytab::parse(bytes).unwrap_err(), KeytabError::Version, "{bytes:?}");
    }
}

/// If a keytab has one bad record, before or after good records, the reader finds the same good entries as without the
/// bad record.
#[test]
fn good_entries_are_read_when_another_record_cannot_be_used() {
    let whole = bytes(RECORDED[0]);
    let entries = Keytab::parse(&whole).unwrap().entries().len();
    let record = |contents: &[u8]| [&u32::try_from(contents.len()).unwrap().to_be_bytes()[..], contents].concat();
    let named = |name: &[u8], key: &[u8]| {
        let counted = |octets: &[u8]| [&u16::try_from(octets.len()).unwrap().to_be_bytes()[..], octets].concat();
        let principal = [&[0, 1][..], &counted(b"A.TEST"), &counted(name)].concat();
        record(&[&principal[..], &[0, 0, 0, 1, 0, 0, 0, 0, 7, 0, 18], &counted(key)].concat())
    };
    for (bad, problem, shown) in [
        (
            named(b"svc", &[1; 4]),
            KeytabProblem::KeyLength,
            "svc@A.TEST at octet 2, version 7, aes256-cts-hmac-sha1-96 (18)",
        ),
        (
            named(b"svc", b""),
            KeytabProblem::KeyLength,
            "svc@A.TEST at octet 2, version 7, aes256-cts-hmac-sha1-96 (18)",
        ),
        (named(b"m\xFCller", &[1; 32]), KeytabProblem::Text, "m\u{FFFD}ller@A.TEST at octet 2, version 7"),
        (record(&[0, 0, 0, 1, b'A']), KeytabProblem::Nameless, "a record at octet 2"),
        (record(&[0, 1]), KeytabProblem::Truncated, "a record at octet 2"),
        (record(&[0, 1, 0, 9, b'A']), KeytabProblem::Truncated, "a record at octet 2"),
    ] {
        let before = Keytab::parse(&[&whole[..2], &bad, &whole[2..]].concat()).unwrap();
        assert_eq!(before.entries().len(), entries, "{shown}");
        assert_eq!(before.unusable().len(), 1, "{shown}");
        assert_eq!((before.unusable()[0].at, before.unusable()[0].problem), (2, problem), "{shown}");
        assert!(before.unusable()[0].to_string().starts_with(shown), "{}", before.unusable()[0]);
        let behind = Keytab::parse(&[&whole[..], &bad].concat()).unwrap();
        assert_eq!((behind.entries().len(), behind.unusable()[0].at), (entries, whole.len()), "{shown}");
    }
    // The size of a record is truncated, or a record or a hole ends after the end of the file.
    for bad in [&b"\0\0"[..], b"\x7F\xFF\xFF\xFF\0", b"\x80\0\0\0", b"\xFF\xFF\xFF\0\0\0", b"\0\0\0\x09\0\x01\0"] {
        let keytab = Keytab::parse(&[&whole[..], bad].concat()).unwrap();
        assert_eq!(keytab.entries().len(), entries, "{bad:?}");
        let [unusable] = keytab.unusable() else { panic!("{keytab:?}") };
        assert_eq!((unusable.at, unusable.problem), (whole.len(), KeytabProblem::Truncated), "{bad:?}");
    }
}

#[test]
fn keytab_without_a_usable_key_is_an_error_that_names_the_records() {
    assert_eq!(
        KeySet::from_whole_keytab(b"\x05\x02").unwrap_err().to_string(),
        "the keytab has no usable key: 0 keys of unsupported types"
    );
    let mut octets = b"\x05\x02".to_vec();
    for number in b'0'..b'7' {
        octets.extend([
            0, 0, 0, 26, 0, 1, 0, 1, b'A', 0, 1, number, 0, 0, 0, 1, 0, 0, 0, 0, 3, 0, 17, 0, 4, 1, 2, 3, 4, 9,
        ]);
    }
    assert_eq!(
        KeySet::from_whole_keytab(&octets).unwrap_err().to_string(),
        "the keytab has no usable key: 0 keys of unsupported types; \
         0@A at octet 2, version 3, aes128-cts-hmac-sha1-96 (17): the length of the key is wrong for its type; \
         1@A at octet 32, version 3, aes128-cts-hmac-sha1-96 (17): the length of the key is wrong for its type; \
         2@A at octet 62, version 3, aes128-cts-hmac-sha1-96 (17): the length of the key is wrong for its type; \
         3@A at octet 92, version 3, aes128-cts-hmac-sha1-96 (17): the length of the key is wrong for its type; \
         4@A at octet 122, version 3, aes128-cts-hmac-sha1-96 (17): the length of the key is wrong for its type; \
         and 2 more"
    );
}

/// In a debug build, a reader that takes quadratic time would take minutes for 50,000 entries.
#[test]
fn keytab_of_fifty_thousand_entries_is_read_in_linear_time() {
    let record = |principal: u32, kvno: u32| {
        let name = format!("{principal:08}");
        let key: Vec<u8> = (0..4).flat_map(|_| (u64::from(principal) << 32 | u64::from(kvno)).to_be_bytes()).collect();
        let contents = [
            &[0, 1, 0, 1, b'A', 0, 8][..],
            name.as_bytes(),
            &[0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 18, 0, 32],
            &key,
            &kvno.to_be_bytes(),
        ]
        .concat();
        [&u32::try_from(contents.len()).unwrap().to_be_bytes()[..], &contents].concat()
    };
    let many_principals = (0..25_000).flat_map(|principal| record(principal, 1));
    let many_versions = (1..=25_000).flat_map(|kvno| record(99_999, kvno));
    let octets: Vec<u8> = [5, 2].into_iter().chain(many_principals).chain(many_versions).collect();
    let keys = KeySet::from_whole_keytab(&octets).unwrap();
    assert_eq!(keys.accounts().count(), 25_001);
    assert_eq!(keys.account("A", "00099999").unwrap().keys().len(), 25_000);
}

#[test]
fn entry_of_an_unsupported_type_is_listed_and_gives_its_account_no_key() {
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
    let keytab = Keytab::parse(&bytes(recorded)).unwrap();
    let count = keytab.entries().len();
    let entries = keytab.into_entries();
    assert!(count > 0 && entries.len() == count);
    entries
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

/// Returns the first entry of a little-endian keytab of version 0x501 as a big-endian keytab: the octets of each number are
/// reversed.
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

/// `ktutil` of MIT krb5 wrote the recorded keytab.
#[cfg(feature = "rc4")]
#[test]
fn entries_of_a_recorded_keytab_are_encoded_as_the_octets_of_the_file() {
    let octets = bytes(RECORDED[0]);
    let mut encoded = vec![5, 2];
    for entry in Keytab::parse(&octets).unwrap().entries() {
        let key = ServiceKey::new(entry.key.clone().unwrap(), Some(entry.kvno));
        let account = Account::new(&entry.components.join("/"), &entry.realm).with_key(key);
        encoded.extend(&Keytab::encode([&account], entry.timestamp).unwrap()[2..]);
    }
    assert_eq!(encoded, octets);
}

#[test]
fn encoded_keytab_has_each_key_under_the_name_and_each_service_of_its_account() {
    let aes = [(17, 16), (18, 32)].map(|(etype, length)| Key::new(EncType(etype), &vec![7; length]).unwrap());
    let account = Account::new("WEB$", "A.TEST").with_keys(aes.map(|key| ServiceKey::new(key, Some(258))));
    let octets = Keytab::encode([&account.with_service("HTTP/www.a.test")], UnixTime::from_seconds(9)).unwrap();
    let keytab = Keytab::parse(&octets).unwrap();
    let found: Vec<_> = keytab.entries().iter().map(|entry| (entry.components.join("/"), entry.etype.0)).collect();
    let expected = [("WEB$", 17), ("WEB$", 18), ("HTTP/www.a.test", 17), ("HTTP/www.a.test", 18)];
    assert_eq!(found, expected.map(|(name, etype)| (name.to_owned(), etype)));
    assert!(keytab.entries().iter().all(|entry| (entry.kvno, entry.timestamp.seconds()) == (258, 9)));
}

#[test]
fn keytab_is_encoded_up_to_the_longest_name_and_the_latest_time() {
    let key = Key::new(EncType(17), &[7; 16]).unwrap();
    for (length, seconds, is_written) in [
        (65_535, 0, true),
        (65_536, 0, false),
        (1, -1, false),
        (1, i64::from(u32::MAX), true),
        (1, i64::from(u32::MAX) + 1, false),
    ] {
        let account = Account::new(&"n".repeat(length), "A.TEST").with_key(ServiceKey::new(key.clone(), None));
        let encoded = Keytab::encode([&account], UnixTime::from_seconds(seconds));
        assert_eq!(encoded.is_ok(), is_written, "{length} {seconds}");
        let Err(error) = encoded else { continue };
        assert!(matches!(error, KeytabError::Unwritable { .. }), "{error}");
    }
}
