//! Tests of tickets, keytabs and keys that real Windows machines made. The data are not part of the project. If the
//! folder of the data is missing, these tests print a note and pass.

#![cfg(feature = "rc4")]
#![allow(clippy::print_stdout)]

use crate::recorded;

use kerberos_sso::crypto::{EncType, Key, string_to_key, string_to_key_utf16};
use kerberos_sso::replay::NoReplayCache;
use kerberos_sso::{
    Accepted, Account, ComputerAccount, Error, KeySet, Keytab, Password, Policy, Salt, ServiceKey, UnixTime, Validator,
    error::KerberosOffer, ticket::BindingState,
};
use serde_json::Value;
use std::path::PathBuf;

#[test]
fn tickets_of_windows_are_accepted_under_the_recorded_keys() {
    let Some(data) = WindowsData::find() else { return };
    let tokens: Vec<_> = data.entries().filter(|entry| entry["valid_at"].is_string()).collect();
    assert_eq!(tokens.len(), 10, "the number of tokens in the manifest");
    for entry in &tokens {
        let account = keys_of(entry).into_iter().fold(account_of(entry), Account::with_key);
        let validator = validator([account]);
        compare(entry, &validator.validate_ticket(&data.file(entry), valid_at(entry)).unwrap());
        println!("{}: {}", id(entry), entry["expected"]["client"]);
    }
}

/// The keytab has keys of version 12, but the tickets name the versions 2, 3 and 4.
#[test]
fn tickets_for_seamless_sso_open_with_a_keytab_of_another_version() {
    let Some(data) = WindowsData::find() else { return };
    let validator = validator(Keytab::parse(&data.bytes("sample.keytab")).unwrap().accounts());
    let tokens: Vec<_> = data.entries().filter(|entry| id(entry).starts_with("seamless-")).collect();
    assert_eq!(tokens.len(), 4);
    for entry in tokens {
        let accepted = validator.validate_ticket(&data.file(entry), valid_at(entry)).unwrap();
        assert_eq!(accepted.opened_by().kvno(), Some(12));
        assert_ne!(accepted.ticket_kvno(), Some(12));
        assert_eq!(accepted.service().to_string(), kerberos_sso::policy::SEAMLESS_SSO_SERVICES[1]);
        compare(entry, &accepted);
    }
}

#[test]
fn tickets_for_seamless_sso_open_with_the_password_of_the_computer_account() {
    let Some(data) = WindowsData::find() else { return };
    let row = data.salts("seamless-computer-salt");
    let account = ComputerAccount::new("SERVER01$", text(&row["realm"]));
    let account = account.with_password(&Password::from_text(text(&row["password"])), None);
    let validator = validator([account]);
    for entry in data.entries().filter(|entry| id(entry).starts_with("seamless-")) {
        compare(entry, &validator.validate_ticket(&data.file(entry), valid_at(entry)).unwrap());
    }
}

#[test]
fn ticket_of_windows_is_refused_under_another_key_and_one_hour_later() {
    let Some(data) = WindowsData::find() else { return };
    for entry in data.entries().filter(|entry| entry["valid_at"].is_string()) {
        let keys = || keys_of(entry).into_iter().fold(account_of(entry), Account::with_key);
        let later = valid_at(entry).saturating_add_seconds(3600);
        let refused = validator([keys()]).validate_ticket(&data.file(entry), later).unwrap_err();
        assert_eq!(refused.code(), "clock-skew", "{}", id(entry));

        let (etype, kvno) = (etype(&entry["keys"][0]["etype"]), number(&entry["keys"][0]["kvno"]));
        let other = Key::new(etype, &vec![0x5A; etype.key_len().unwrap()]).unwrap();
        let other = account_of(entry).with_key(ServiceKey::new(other, Some(kvno)));
        let refused = validator([other]).validate_ticket(&data.file(entry), valid_at(entry)).unwrap_err();
        assert_eq!(refused.code(), "integrity", "{}", id(entry));
    }
}

#[test]
fn ntlm_and_negoex_tokens_of_windows_are_refused_with_their_codes() {
    let Some(data) = WindowsData::find() else { return };
    let judge = |file| validator([]).validate_ticket(&data.bytes(file), UnixTime::from_seconds(0)).unwrap_err();
    for file in ["ntlmstart.bin", "spnegontlmstart.bin"] {
        assert_eq!(judge(file).code(), "ntlm", "{file}");
    }
    let negoex = judge("kerbtester-spnego-negoex.bin");
    assert_eq!(*negoex.error(), Error::NegoEx { offer: KerberosOffer::NotOffered });
}

#[test]
fn keytabs_of_windows_and_mit_have_the_recorded_entries() {
    let Some(data) = WindowsData::find() else { return };
    let keytabs: Vec<_> = data.entries().filter(|entry| entry["kind"] == "keytab").collect();
    assert_eq!(keytabs.len(), 3);
    for entry in keytabs {
        let keytab = Keytab::parse(&data.file(entry)).unwrap();
        let found: Vec<_> = keytab.entries().iter().map(told).collect();
        let expected: Vec<_> = entry["expected"]["entries"].as_array().unwrap().iter().map(expected_entry).collect();
        assert_eq!(found, expected, "{}", id(entry));
    }
}

#[test]
fn passwords_give_the_keys_that_windows_makes() {
    let Some(data) = WindowsData::find() else { return };
    let mut keys = 0;
    for row in data.json("salt-vectors.json").as_array().unwrap() {
        for (etype, name) in [
            (EncType::AES256_CTS_HMAC_SHA1_96, "aes256"),
            (EncType::AES128_CTS_HMAC_SHA1_96, "aes128"),
            (EncType::RC4_HMAC, "rc4"),
        ] {
            let Some(expected) = row[name].as_str() else { continue };
            assert_eq!(key_of(row, etype).expose_bytes(), from_hex(expected), "{}: {name}", row["id"]);
            keys += 1;
        }
    }
    assert_eq!(keys, 10, "the number of keys in the file");
}

/// Returns the key for the password, the salt and the iteration count of `row`. If the row has the password as text,
/// `Password` and `Salt` derive the key. If the row has the password as octets, `string_to_key_utf16` derives the key.
fn key_of(row: &Value, etype: EncType) -> Key {
    let salt = text(&row["salt"]);
    let iterations = Some(number(&row["iterations"]));
    if let Some(password) = row["password"].as_str() {
        let key = Password::from_text(password).key(etype, &Salt::custom(salt)).unwrap();
        let units: Vec<u16> = password.encode_utf16().collect();
        assert_eq!(key, Password::from_utf16(&units).key(etype, &Salt::custom(salt)).unwrap());
        assert_eq!(key, string_to_key(etype, password, salt.as_bytes(), iterations).unwrap());
        return key;
    }
    let bytes = from_hex(text(&row["password_utf16le_hex"]));
    let units: Vec<u16> = bytes.chunks_exact(2).map(|unit| u16::from_le_bytes([unit[0], unit[1]])).collect();
    string_to_key_utf16(etype, &units, salt.as_bytes(), iterations).unwrap()
}

#[test]
fn salts_of_computers_and_users_and_principals_are_the_recorded_salts() {
    let Some(data) = WindowsData::find() else { return };
    for (row, salt) in [
        ("seamless-computer-salt", Salt::computer("SERVER01$", "identityintervention.com")),
        ("ad-service-salt", Salt::computer("AppService$", "domain.com")),
        ("ad-user-salt", Salt::user("appservice", "domain.com")),
        ("rfc4120-salt-lowercase-realm", Salt::principal("appservice", "domain.com")),
        ("ms-kile-random-password", Salt::computer("CLIENT$", "DOMAIN.COM")),
    ] {
        assert_eq!(salt.as_bytes(), text(&data.salts(row)["salt"]).as_bytes(), "{row}");
    }
}

/// Compares every value of the manifest that an accepted request also reports.
fn compare(entry: &Value, accepted: &Accepted) {
    let (expected, ticket) = (&entry["expected"], accepted.ticket());
    let claims = &expected["authenticator"];
    let authenticator = accepted.authenticator();
    let found = [
        ("client", format!("{}@{}", ticket.client(), ticket.client_realm())),
        ("sname", accepted.service().to_string()),
        ("srealm", accepted.service_realm().into()),
        ("cname_type", ticket.client().name_type().0.to_string()),
        ("ticket_etype", accepted.opened_by().etype().0.to_string()),
        ("ticket_kvno", accepted.ticket_kvno().unwrap().to_string()),
        ("session_etype", accepted.session_etype().0.to_string()),
        ("ticket_flags", format!("00{:08x}", ticket.flags().bits())),
        ("authtime", compact(ticket.auth_time())),
        ("starttime", compact(ticket.start_time())),
        ("endtime", compact(ticket.end_time())),
        ("renew_till", compact(ticket.renew_till().unwrap())),
    ];
    for (field, found) in found {
        assert_eq!(found, plain(&expected[field]), "{}: {field}", id(entry));
    }
    assert_eq!(compact(authenticator.time()), plain(&claims["ctime"]), "{}", id(entry));
    assert_eq!(authenticator.time().micros(), number(&claims["cusec"]), "{}", id(entry));
    assert_eq!(authenticator.sequence_number(), Some(number(&claims["seq"])), "{}", id(entry));
    assert_eq!(authenticator.subkey_etype(), Some(etype(&claims["subkey"][0])), "{}", id(entry));
    compare_checksum(entry, accepted);
    compare_authorization_data(entry, accepted);
}

/// Compares the flags and the channel bindings of the GSS checksum (RFC 4121), and the AP option for mutual
/// authentication.
fn compare_checksum(entry: &Value, accepted: &Accepted) {
    let checksum = from_hex(text(&entry["expected"]["authenticator"]["cksum"][1]));
    let flags = u32::from_le_bytes(checksum[20..24].try_into().unwrap());
    assert_eq!(accepted.authenticator().gss_flags().unwrap().bits(), flags, "{}", id(entry));
    let bound = checksum[4..20].iter().any(|byte| *byte != 0);
    let state = if bound { BindingState::Unchecked } else { BindingState::Absent };
    assert_eq!(accepted.channel_bindings(), state, "{}", id(entry));
    let mutual = text(&entry["expected"]["ap_options"]) == "0020000000";
    assert_eq!(accepted.wants_mutual(), mutual, "{}", id(entry));
}

/// Compares the types of the outer elements. The manifest also has the types and lengths of the inner elements, which
/// this function does not compare.
fn compare_authorization_data(entry: &Value, accepted: &Accepted) {
    let found: Vec<_> = accepted.ticket().authorization_data().iter().map(|element| element.ad_type.0).collect();
    let expected: Vec<_> =
        entry["expected"]["ticket_authdata"].as_array().unwrap().iter().map(|data| etype(&data[0]).0).collect();
    assert_eq!(found, expected, "{}", id(entry));
}

/// The folder with the tickets and keys of real Windows machines. The folder is not part of the project.
struct WindowsData {
    folder: PathBuf,
    manifest: Value,
}

impl WindowsData {
    fn find() -> Option<Self> {
        let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../shared/realdata");
        let Ok(manifest) = std::fs::read_to_string(folder.join("manifest.json")) else {
            println!("skipped: no tokens of Windows at {}", folder.display());
            return None;
        };
        Some(Self { folder, manifest: serde_json::from_str(&manifest).unwrap() })
    }

    fn entries(&self) -> impl Iterator<Item = &Value> {
        self.manifest["entries"].as_array().unwrap().iter()
    }

    fn file(&self, entry: &Value) -> Vec<u8> {
        self.bytes(text(&entry["file"]))
    }

    fn bytes(&self, name: &str) -> Vec<u8> {
        std::fs::read(self.folder.join(name)).unwrap()
    }

    fn json(&self, name: &str) -> Value {
        serde_json::from_slice(&self.bytes(name)).unwrap()
    }

    fn salts(&self, id: &str) -> Value {
        self.json("salt-vectors.json").as_array().unwrap().iter().find(|row| row["id"] == id).unwrap().clone()
    }
}

fn validator(accounts: impl IntoIterator<Item = Account>) -> Validator<NoReplayCache> {
    Validator::new(KeySet::from_accounts(accounts).unwrap(), Policy::default().allow_rc4(), NoReplayCache)
}

fn account_of(entry: &Value) -> Account {
    Account::new("service", text(&entry["expected"]["srealm"]))
}

fn keys_of(entry: &Value) -> Vec<ServiceKey> {
    let key = |key: &Value| {
        let octets = from_hex(text(&key["hex"]));
        ServiceKey::new(Key::new(etype(&key["etype"]), &octets).unwrap(), Some(number(&key["kvno"])))
    };
    entry["keys"].as_array().unwrap().iter().map(key).collect()
}

/// The realm, principal, name type, key version, encryption type, and the key if the crate supports its type.
type Told = (String, String, i32, u32, i32, Option<Vec<u8>>);

fn told(entry: &kerberos_sso::keys::KeytabEntry) -> Told {
    let key = entry.key.as_ref().map(|key| key.expose_bytes().to_vec());
    (entry.realm.clone(), entry.components.join("/"), entry.name_type.0, entry.kvno, entry.etype.0, key)
}

fn expected_entry(entry: &Value) -> Told {
    let etype = etype(&entry["etype"]);
    let key = etype.is_supported().then(|| from_hex(text(&entry["key"])));
    let name_type = i32::try_from(entry["name_type"].as_i64().unwrap()).unwrap();
    (plain(&entry["realm"]), plain(&entry["principal"]), name_type, number(&entry["kvno"]), etype.0, key)
}

fn id(entry: &Value) -> &str {
    text(&entry["id"])
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap()
}

/// Returns a text unchanged, and a number in digits.
fn plain(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), Into::into)
}

fn number(value: &Value) -> u32 {
    u32::try_from(value.as_u64().unwrap()).unwrap()
}

fn etype(value: &Value) -> EncType {
    EncType(i32::try_from(value.as_i64().unwrap()).unwrap())
}

/// Returns the time in the form of a KerberosTime, such as `20170729182455Z`.
fn compact(time: UnixTime) -> String {
    time.to_string().replace(['-', ':', 'T'], "")
}

/// Returns the time at which the token of a manifest entry is valid. A binary search finds the time whose text equals
/// the text in the entry.
fn valid_at(entry: &Value) -> UnixTime {
    let wanted = text(&entry["valid_at"]);
    let (mut low, mut high) = (0, 4_000_000_000);
    while low < high {
        let middle = low + (high - low) / 2;
        if UnixTime::from_seconds(middle).to_string().as_str() < wanted { low = middle + 1 } else { high = middle }
    }
    UnixTime::from_seconds(low)
}

fn from_hex(text: &str) -> Vec<u8> {
    recorded::from_hex(text).unwrap()
}
