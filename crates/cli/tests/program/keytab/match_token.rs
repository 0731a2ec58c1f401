//! Tests of `keytab match` with recorded tokens. Each token is tried with a keytab of its server's keys.

use super::{Folder, keytab, record};
use crate::recorded::{self, Case, Outcome, Recording};
use crate::{Ran, form_words, run, run_with, with_recorded};
use serde_json::Value;

/// Returns the keys of a case as records of a keytab; `None` if the keys belong to several accounts.
fn records(recording: &Recording, case: &Case) -> Option<Vec<Vec<u8>>> {
    let accounts = recording.accounts(case).unwrap();
    let [account] = accounts.as_slice() else { return None };
    let keys = recording.raw_keys(case).unwrap();
    let record = |(key, held): (&kerberos_sso::Key, &kerberos_sso::ServiceKey)| {
        let etype = u16::try_from(key.etype().0).unwrap();
        assert_eq!(held.etype(), key.etype());
        let names: Vec<_> = account.name().split('/').collect();
        record(&names, account.realm(), held.kvno().unwrap_or(0), etype, key.expose_bytes())
    };
    Some(keys.iter().zip(account.keys()).map(record).collect())
}

fn match_token(file: &str, case: &Case, words: &[&str]) -> Ran {
    let words = [&["keytab", "match", file, "--token", "-"], form_words(case), words].concat();
    run_with(&words, &case.bytes().unwrap())
}

#[test]
fn recorded_ticket_is_opened_or_refused_as_its_vector_expects() {
    let (mut opened, mut without_key) = (0, 0);
    for recording in &recorded::load_all().unwrap() {
        for case in &recording.cases {
            let Some(records) = records(recording, case) else { continue };
            let folder = Folder::new();
            let file = folder.file("http.keytab", keytab(&records));
            let ran = match_token(&file, case, &["--json"]);
            let report: Value = serde_json::from_str(&ran.out).unwrap();
            match case.outcome() {
                Outcome::Accept(expect) => {
                    assert_eq!((ran.code, ran.err.as_str()), (0, ""), "{}: {}", case.id, ran.out);
                    let place = usize::try_from(report["opened_by"].as_u64().unwrap()).unwrap();
                    let entry = &report["entries"][place];
                    assert_eq!((&entry["fit"], &entry["etype"]), (&"opens".into(), &expect.ticket.etype.into()));
                    assert_eq!(
                        (&report["ticket"]["service"], &report["refusal"]),
                        (&expect.service.name.as_str().into(), &Value::Null)
                    );
                    opened += 1;
                }
                Outcome::Reject(code @ ("no-key" | "key-version" | "ntlm" | "not-negotiate" | "user-to-user")) => {
                    assert_eq!((ran.code, &report["opened_by"]), (1, &Value::Null), "{}: {}", case.id, ran.out);
                    assert_eq!(report["refusal"]["code"], code, "{}: {}", case.id, ran.out);
                    without_key += 1;
                }
                Outcome::Reject(_) => {}
            }
        }
    }
    assert!(opened >= 150 && without_key >= 20, "{opened} {without_key}");
}

#[test]
fn entry_that_opens_the_ticket_is_marked_among_other_entries() {
    with_recorded("samba-mit-krb5", |recording, case| {
        let records = records(recording, case).unwrap();
        let other = record(&["other"], "CONTOSO.TEST", 9, 18, &[7; 32]);
        let folder = Folder::new();
        let file = folder.file("http.keytab", keytab(&[vec![other], records].concat()));
        let ran = match_token(&file, case, &[]);
        assert_eq!((ran.code, ran.err.as_str()), (0, ""));
        let (head, entries) = ran.out.split_once("\n\n").unwrap();
        assert!(
            head.starts_with("The ticket for HTTP/")
                && head.contains("@CONTOSO.TEST needs a key of aes256-cts-hmac-sha1-96, version ")
        );
        assert!(
            entries.contains(
                "\n✗    9 other@CONTOSO.TEST (aes256-cts-hmac-sha1-96): has another version, and does not open the ticket\n"
            ),
            "{entries}"
        );
        let opening = entries.lines().filter(|line| line.starts_with('✓')).collect::<Vec<_>>();
        assert_eq!(opening.len(), 1, "{entries}");
        assert!(opening[0].ends_with("(aes256-cts-hmac-sha1-96): opens the ticket"), "{entries}");
        assert!(entries.contains("(aes128-cts-hmac-sha1-96): has another encryption type\n"), "{entries}");
    });
}

#[test]
fn keytab_without_a_key_that_opens_the_ticket_exits_1_with_reason_and_remedy() {
    with_recorded("samba-mit-krb5", |_, case| {
        let folder = Folder::new();
        let file = folder.file("http.keytab", keytab(&[record(&["web$"], "CONTOSO.TEST", 2, 17, &[7; 16])]));
        let ran = match_token(&file, case, &[]);
        assert_eq!((ran.code, ran.err.as_str()), (1, ""));
        assert!(ran.out.contains("\nNo entry opens the ticket.\n  refused   no-key (look at: keys)\n"), "{}", ran.out);
        assert!(ran.out.contains("\n  because   ") && ran.out.contains("\n  remedy    "), "{}", ran.out);
    });
}

#[test]
fn match_reports_an_entry_whose_realm_is_in_lower_case_as_an_entry_of_another_realm_and_exits_1() {
    with_recorded("samba-mit-krb5", |recording, case| {
        let key = &recording.raw_keys(case).unwrap()[0];
        let etype = u16::try_from(key.etype().0).unwrap();
        let folder = Folder::new();
        let lower = keytab(&[record(&["web$"], "contoso.test", 2, etype, key.expose_bytes())]);
        let ran = match_token(&folder.file("http.keytab", lower), case, &[]);
        assert_eq!(ran.code, 1);
        assert!(ran.out.contains(": opens the ticket, but does not belong to the realm CONTOSO.TEST\n"), "{}", ran.out);
    });
}

#[test]
fn key_that_opens_the_ticket_after_eight_other_keys_is_reported_as_a_key_that_no_server_tries() {
    with_recorded("samba-mit-krb5", |recording, case| {
        let key = recording.raw_keys(case).unwrap().into_iter().find(|key| key.etype().0 == 18).unwrap();
        let entry = |kvno, key: &[u8]| record(&["web$"], "CONTOSO.TEST", kvno, 18, key);
        let others = (0..8).map(|index| entry(200 + u32::from(index), &[index; 32]));
        let folder = Folder::new();
        let last = entry(100, key.expose_bytes());
        let file = folder.file("http.keytab", keytab(&others.chain([last]).collect::<Vec<_>>()));
        let ran = match_token(&file, case, &[]);
        assert_eq!(ran.code, 0);
        assert!(
            ran.out.contains(
                "\n✓  100 web$@CONTOSO.TEST (aes256-cts-hmac-sha1-96): opens the ticket, although the ticket names version 2\n"
            ),
            "{}",
            ran.out
        );
        assert!(
            ran.out.contains(
                "\nA server with the whole keytab does not try the entry that opens the ticket.\n  refused   key-version "
            ),
            "{}",
            ran.out
        );
    });
}

#[test]
fn damaged_record_prints_a_warning_and_the_other_records_are_tried() {
    with_recorded("samba-mit-krb5", |recording, case| {
        let bad = record(&["bad"], "CONTOSO.TEST", 1, 18, &[7; 4]);
        let folder = Folder::new();
        let file = folder.file("http.keytab", keytab(&[records(recording, case).unwrap(), vec![bad]].concat()));
        let ran = match_token(&file, case, &[]);
        assert_eq!(ran.code, 0);
        assert!(ran.err.contains("bad@CONTOSO.TEST at octet "), "{}", ran.err);
    });
}

#[test]
fn ntlm_token_is_refused_before_a_key_is_needed() {
    let folder = Folder::new();
    let file = folder.file("http.keytab", keytab(&[record(&["web$"], "CONTOSO.TEST", 2, 17, &[7; 16])]));
    // The token is a NEGOTIATE_MESSAGE of NTLM.
    let ran = run(&["keytab", "match", &file, "--token", "Negotiate TlRMTVNTUAABAAAAB4IIogAAAAAAAAAAAAAAAAAAAAA="]);
    assert_eq!((ran.code, ran.err.as_str()), (1, ""));
    assert!(ran.out.starts_with("The token is refused before a key is needed.\n  refused   ntlm "), "{}", ran.out);
}
