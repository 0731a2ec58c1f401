//! Tests of `keytab derive`.

use super::{Folder, OfMit};
use crate::{Ran, run, run_with};
use kerberos_sso::{EncType, Keytab};

/// The timestamp that `ktutil` wrote into the entries of the vectors.
const WRITTEN: &str = "1795300761";
const PASSWORD: &str = "Passw0rd";

fn derive(words: &[&str], password: &str) -> Ran {
    run_with(&[&["keytab", "derive"], words].concat(), password.as_bytes())
}

#[test]
fn derived_keytab_equals_the_keytab_of_mit_ktutil() {
    let of_mit = OfMit::load("mit-0x502");
    let folder = Folder::new();
    let mut octets = vec![5, 2];
    for (index, [kvno, principal, etype, _]) in of_mit.entries.iter().enumerate() {
        let (name, realm) = principal.rsplit_once('@').unwrap();
        let etype = etype.parse::<EncType>().unwrap().0.to_string();
        let out = folder.path(&index.to_string());
        let words =
            ["--account", name, "--realm", realm, "--etypes", &etype, "--kvno", kvno, "--at", WRITTEN, "--out", &out];
        let ran = derive(&words, PASSWORD);
        assert_eq!((ran.code, ran.err.as_str()), (0, ""));
        octets.extend(&std::fs::read(out).unwrap()[2..]);
    }
    assert_eq!(octets, of_mit.octets);
}

#[test]
fn keys_of_a_computer_account_are_written_for_each_given_principal() {
    let folder = Folder::new();
    let out = folder.path("web.keytab");
    let words = ["--account", "WEB01$", "--realm", "contoso.test", "--kvno", "5", "--at", WRITTEN, "--out", &out];
    let services = ["--principal", "HTTP/web.contoso.test", "--principal", "WEB01$@CONTOSO.TEST"];
    let ran = derive(&[&words[..], &services].concat(), "Correct-Horse-7\n");
    assert_eq!((ran.code, ran.err.as_str()), (0, ""));
    assert!(ran.out.contains("\nSalt: CONTOSO.TESThostweb01.contoso.test\n"), "{}", ran.out);
    assert!(
        ran.out.contains("   5 2026-11-21T22:39:21Z HTTP/web.contoso.test@CONTOSO.TEST (aes256-cts-hmac-sha1-96)\n")
    );
    assert!(!ran.out.contains("Correct-Horse-7"));

    let keytab = Keytab::parse(&std::fs::read(&out).unwrap()).unwrap();
    assert!(keytab.unusable().is_empty());
    let account = kerberos_sso::ComputerAccount::new("WEB01$", "CONTOSO.TEST");
    let salt = account.salt();
    let password = kerberos_sso::Password::from_text("Correct-Horse-7");
    let found: Vec<_> = keytab.entries().iter().map(|entry| (entry.components.join("/"), entry.etype.0)).collect();
    let service = "HTTP/web.contoso.test".to_owned();
    assert_eq!(found, [(service.clone(), 18), (service, 17), ("WEB01$".into(), 18), ("WEB01$".into(), 17)]);
    for entry in keytab.entries() {
        assert_eq!((entry.realm.as_str(), entry.kvno), ("CONTOSO.TEST", 5));
        assert_eq!(entry.key.as_ref(), Some(&password.key(entry.etype, &salt).unwrap()));
    }
}

#[test]
fn derived_keys_are_printed_only_with_show_keys() {
    let [.., key] = &OfMit::load("mit-0x502").entries[0];
    let folder = Folder::new();
    let out = folder.path("http.keytab");
    let words = ["--account", "HTTP/www.example.test", "--realm", "EXAMPLE.TEST", "--etypes", "18", "--kvno", "3"];
    let hidden = derive(&[&words[..], &["--out", &out]].concat(), PASSWORD);
    assert!(hidden.code == 0 && !hidden.out.contains(key), "{}", hidden.out);
    let shown = derive(&[&words[..], &["--show-keys"]].concat(), PASSWORD);
    assert_eq!(shown.code, 0);
    assert!(shown.out.ends_with(&format!(" --key 18:{key}:3\n")), "{}", shown.out);
    let neither = derive(&words, PASSWORD);
    assert_eq!((neither.code, neither.out.as_str()), (2, ""));
}

#[test]
fn password_is_read_from_a_file_and_the_salt_is_taken_from_its_option() {
    let folder = Folder::new();
    let file = folder.file("password", "Passw0rd\r\n");
    let words = ["--realm", "EXAMPLE.TEST", "--etypes", "18", "--show-keys", "--password-file", &file];
    let by_name = derive(&[&words[..], &["--account", "HTTP/www.example.test"]].concat(), "");
    let by_salt =
        derive(&[&words[..], &["--account", "web", "--salt", "EXAMPLE.TESTHTTPwww.example.test"]].concat(), "");
    let key = |ran: &Ran| ran.out.rsplit_once(" --key ").map(|(_, key)| key.to_owned());
    let [.., expected] = &OfMit::load("mit-0x502").entries[0];
    assert_eq!(key(&by_name), Some(format!("18:{expected}:1\n")), "{}", by_name.err);
    assert_eq!(key(&by_salt), key(&by_name));
}

#[test]
fn existing_file_is_not_overwritten_and_exits_2() {
    let folder = Folder::new();
    let out = folder.file("http.keytab", "old");
    let ran = derive(&["--account", "svc", "--realm", "EXAMPLE.TEST", "--out", &out], PASSWORD);
    assert_eq!((ran.code, ran.out.as_str()), (2, ""));
    assert_eq!(std::fs::read_to_string(out).unwrap(), "old");
}

#[cfg(unix)]
#[test]
fn new_keytab_has_mode_600() {
    use std::os::unix::fs::PermissionsExt as _;
    let folder = Folder::new();
    let out = folder.path("http.keytab");
    assert_eq!(derive(&["--account", "svc", "--realm", "EXAMPLE.TEST", "--out", &out], PASSWORD).code, 0);
    assert_eq!(std::fs::metadata(out).unwrap().permissions().mode() & 0o777, 0o600);
}

#[test]
fn derive_exits_2_with_the_reason_when_the_password_or_an_option_is_wrong() {
    let account = ["--account", "svc", "--realm", "EXAMPLE.TEST", "--show-keys"];
    for (words, password, said) in [
        (&[][..], "", "the password is empty"),
        (&[], "\n", "the password is empty"),
        (&[], "one\ntwo\n", "the password has more than one line"),
        (&["--kvno", "0"], PASSWORD, "--kvno must be at least 1"),
        (&["--etypes", "16"], PASSWORD, "des3-cbc-sha1-kd (16)"),
        (&["--account", "svc@EXAMPLE.TEST"], PASSWORD, "--account must be a name without realm or domain"),
        (&["--principal", "HTTP/www@OTHER.TEST"], PASSWORD, "HTTP/www@OTHER.TEST is not of the realm EXAMPLE.TEST"),
        (&["--principal", "HTTP/"], PASSWORD, "\"HTTP/\" is not the name of a principal"),
        (&["--at", "4294967296"], PASSWORD, "the time is not between 1970 and 2106"),
        (&["--password", PASSWORD], PASSWORD, "invalid option '--password'"),
    ] {
        let ran = derive(&[&account[..], words].concat(), password);
        assert_eq!((ran.code, ran.out.as_str()), (2, ""), "{words:?}");
        assert!(ran.err.contains(said), "{words:?}: {}", ran.err);
    }
    assert_eq!(run(&["keytab", "derive", "--show-keys"]).code, 2);
}

#[test]
fn largest_key_version_and_longest_name_of_a_keytab_are_accepted_and_larger_ones_are_refused() {
    let longest = "n".repeat(65_535);
    for (kvno, name) in
        [("1", "svc"), ("255", "svc"), ("256", "svc"), ("4294967295", "svc"), ("1", &longest), ("1", "a/b/c")]
    {
        let folder = Folder::new();
        let out = folder.path("http.keytab");
        let words = ["--account", "svc", "--realm", "EXAMPLE.TEST", "--kvno", kvno, "--principal", name, "--out", &out];
        let ran = derive(&words, PASSWORD);
        assert_eq!((ran.code, ran.err.as_str()), (0, ""), "{kvno}");
        let keytab = Keytab::parse(&std::fs::read(&out).unwrap()).unwrap();
        assert!(keytab.unusable().is_empty() && keytab.entries().len() == 2);
        for entry in keytab.entries() {
            assert_eq!((entry.kvno.to_string().as_str(), entry.components.join("/").as_str()), (kvno, name));
        }
    }
    let too_long = "n".repeat(65_536);
    for (kvno, name, said) in [
        ("1", too_long.as_str(), "a name is too long for a keytab"),
        ("4294967296", "svc", "number too large"),
        ("-1", "svc", "invalid digit"),
    ] {
        let folder = Folder::new();
        let out = folder.path("http.keytab");
        let words = ["--account", "svc", "--realm", "EXAMPLE.TEST", "--kvno", kvno, "--principal", name, "--out", &out];
        let ran = derive(&words, PASSWORD);
        assert_eq!((ran.code, ran.out.as_str()), (2, ""), "{kvno}");
        assert!(ran.err.contains(said) && !std::fs::exists(&out).unwrap(), "{said}");
    }
}

#[test]
fn timestamp_is_accepted_from_1970_to_2106_and_refused_outside() {
    for (at, code) in [("0", 0), ("4294967295", 0), ("-1", 2), ("4294967296", 2)] {
        let folder = Folder::new();
        let out = folder.path("http.keytab");
        let ran = derive(&["--account", "svc", "--realm", "EXAMPLE.TEST", "--at", at, "--out", &out], PASSWORD);
        assert_eq!((ran.code, std::fs::exists(&out).unwrap()), (code, code == 0), "{at}");
    }
}

#[test]
fn password_file_of_16_mebibytes_is_read_and_a_larger_file_is_refused() {
    let folder = Folder::new();
    for (length, code) in [(16 << 20, 0), ((16 << 20) + 1, 2)] {
        let file = folder.file("password", vec![b'p'; length]);
        let words = ["--account", "svc", "--realm", "EXAMPLE.TEST", "--show-keys", "--password-file", &file];
        assert_eq!(derive(&words, "").code, code, "{length}");
    }
}
