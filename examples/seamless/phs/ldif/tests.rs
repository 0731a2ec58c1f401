//! Tests with objects that Samba 4.17.12 wrote to the script of `samba-tool user syncpasswords`: one after the password
//! `Pa$$w0rd` was set, and one after the account was deleted.

use super::*;
use crate::verifier::Parameters;
use kerberos_sso::UnixTime;

const ALICE: &str = include_str!("alice.ldif");
const DELETED: &str = include_str!("deleted.ldif");
const WITHOUT_PASSWORD: &str = include_str!("guest.ldif");

const DIRECTORY: Directory<'static> = Directory { lockout_seconds: Some(1800), alternate: Some("mail") };

fn alice(from: &str, to: &str) -> Result<SourceAccount, InvalidObject> {
    let changed = ALICE.replacen(from, to, 1);
    assert!(from == to || changed != ALICE, "{from}");
    Ok(read(&changed, DIRECTORY)?.account.unwrap())
}

#[test]
fn object_of_a_user_is_read_with_its_hash_names_groups_and_state() {
    let change = read(ALICE, DIRECTORY).unwrap();
    assert_eq!((change.object.to_string().as_str(), change.usn), ("7bf2564b-8bf5-46ba-ba1a-ff4948038713", 3945));
    let account = change.account.unwrap();
    assert_eq!(account.sid.to_string(), "S-1-5-21-41952986-2693167519-954993483-1102");
    assert_eq!((account.name.as_str(), account.upn.as_deref()), ("alice", Some("alice@contoso.test")));
    assert_eq!(
        (account.full_name.as_deref(), account.alternate.as_deref()),
        (Some("Älice Anderson"), Some("alice@contoso.test"))
    );
    let groups: Vec<_> = account.groups.iter().filter_map(Sid::rid).collect();
    assert_eq!(groups, [1103, 513]);
    assert!(!account.disabled && !account.must_change && account.lock == Lock::Open);
    assert_eq!((account.account_expires, account.password_expires), (None, None));
    let parameters = Parameters::new([1; 10], 1000).unwrap();
    assert!(parameters.derive(&account.hash).is(&parameters.derive(&NtHash::of_password("Pa$$w0rd"))));
}

#[test]
fn user_signs_in_with_the_hash_in_the_record_of_the_object() {
    let record = read(ALICE, DIRECTORY).unwrap().derive(Parameters::new([1; 10], 1000).unwrap());
    let account = record.account.unwrap();
    let unknown = Parameters::new([2; 10], 1000).unwrap();
    let verdict =
        crate::sign_in::derive(Some(&account), unknown, "Pa$$w0rd").verdict(UnixTime::from_seconds(1_795_248_000));
    assert_eq!(verdict, crate::Verdict::SignedIn);
}

#[test]
fn deleted_object_and_object_without_a_password_are_removals() {
    let change = read(DELETED, DIRECTORY).unwrap();
    assert_eq!((change.object.to_string().as_str(), change.usn), ("7bf2564b-8bf5-46ba-ba1a-ff4948038713", 3946));
    assert!(change.account.is_none());
    assert!(read(WITHOUT_PASSWORD, DIRECTORY).unwrap().account.is_none());
}

#[test]
fn state_of_the_account_is_read() {
    assert!(alice("userAccountControl: 512", "userAccountControl: 514").unwrap().disabled);
    // 2026-11-30T07:17:26Z as a FILETIME.
    let expires = alice("accountExpires: 9223372036854775807", "accountExpires: 134404966460847960").unwrap();
    assert_eq!(expires.account_expires, Some(1_796_023_046));
    let of_password = "msDS-UserPasswordExpiryTimeComputed: 9223372036854775807";
    let expires = alice(of_password, "msDS-UserPasswordExpiryTimeComputed: 134404966460847960").unwrap();
    assert_eq!(expires.password_expires, Some(1_796_023_046));
    let must_change = alice("pwdLastSet: 134404966460847960", "pwdLastSet: 0").unwrap();
    assert!(!must_change.must_change, "a password that never expires");
    let computed = "msDS-User-Account-Control-Computed: 0";
    let both = ALICE.replace("pwdLastSet: 134404966460847960", "pwdLastSet: 0");
    let both = both.replace(computed, "msDS-User-Account-Control-Computed: 8388608");
    assert!(read(&both, DIRECTORY).unwrap().account.unwrap().must_change);
    let locked = format!(
        "lockoutTime: 134404966460847960\n{}",
        ALICE.replace(computed, "msDS-User-Account-Control-Computed: 16")
    );
    let lock =
        |seconds| read(&locked, Directory { lockout_seconds: seconds, ..DIRECTORY }).unwrap().account.unwrap().lock;
    assert_eq!((lock(Some(1800)), lock(None)), (Lock::Until(1_796_024_846), Lock::UntilUnlocked));
}

#[test]
fn value_that_continues_in_the_next_line_is_read() {
    let account = alice("userPrincipalName: alice@contoso.test", "userPrincipalName: alice@cont\n oso.test").unwrap();
    assert_eq!(account.upn.as_deref(), Some("alice@contoso.test"));
}

#[test]
fn hash_whose_octets_are_all_printable_is_read() {
    let account = alice("unicodePwd:: kpN5RbUYgUNB3j9yZQDU/w==", "unicodePwd: 0123456789abcdef").unwrap();
    let parameters = Parameters::new([1; 10], 1000).unwrap();
    assert!(parameters.derive(&account.hash).is(&parameters.derive(&NtHash::new(*b"0123456789abcdef"))));
}

#[test]
fn error_about_a_missing_repeated_or_malformed_attribute_has_the_name_and_not_the_value() {
    for (from, to, expected) in [
        ("objectGUID: 7bf2564b-8bf5-46ba-ba1a-ff4948038713\n", "", InvalidObject::Attribute("objectGUID")),
        ("objectSid: S", "objectSid: T", InvalidObject::Attribute("objectSid")),
        ("uSNChanged: 3945", "uSNChanged: -1", InvalidObject::Attribute("uSNChanged")),
        (
            "sAMAccountName: alice",
            "sAMAccountName: alice\nsAMAccountName: bob",
            InvalidObject::Attribute("sAMAccountName"),
        ),
        ("tokenGroups: S", "tokenGroups: T", InvalidObject::Attribute("tokenGroups")),
        ("unicodePwd:: kpN5", "unicodePwd:: kpN5kpN5", InvalidObject::Attribute("unicodePwd")),
        ("accountExpires: 9", "accountExpires: -9", InvalidObject::Attribute("accountExpires")),
        ("userAccountControl: 512", "userAccountControl: 4096", InvalidObject::NoUser),
        ("unicodePwd:: kpN5", "unicodePwd:: kp!5", InvalidObject::Line(19)),
        ("dn: CN", " dn: CN", InvalidObject::Line(1)),
        ("mail: ", "mail ", InvalidObject::Line(8)),
    ] {
        assert_eq!(alice(from, to).err(), Some(expected), "{to}");
    }
    assert_eq!(read(&"a".repeat(MAX_SIZE + 1), DIRECTORY).err(), Some(InvalidObject::Size(MAX_SIZE + 1)));
}
