//! The reader of the JSON files in `testvectors/recorded`, which hold tokens with their keys, policies and expected
//! verdicts.
//!
//! The reader refuses an unknown field, a missing field, a wrong count, a repeated id, and a flag without a note. Every
//! expectation in a file is therefore checked.

#![allow(dead_code, reason = "each program that reads the vectors uses only a part of this module")]

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use kerberos_sso::crypto::{EncType, Key};
use kerberos_sso::replay::NoReplayCache;
use kerberos_sso::{
    Accepted, Account, ChannelBindings, KeySet, Policy, Refused, ServiceKey, UnixTime,
    policy::{BindingLevel, KdcSignaturePolicy, PacPolicy},
};
use serde::{Deserialize, Deserializer};
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Reads all files in the order of their names.
pub(crate) fn load_all() -> Result<Vec<Recording>, String> {
    let folder = folder();
    let in_folder = |error: std::io::Error| format!("{}: {error}", folder.display());
    let entries = std::fs::read_dir(&folder).map_err(in_folder)?;
    let paths =
        entries.map(|entry| entry.map(|entry| entry.path())).collect::<Result<Vec<_>, _>>().map_err(in_folder)?;
    let mut paths: Vec<PathBuf> = paths.into_iter().filter(|path| path.extension() == Some("json".as_ref())).collect();
    paths.sort();
    let recordings = paths.iter().map(|path| Recording::load(path)).collect::<Result<Vec<_>, _>>()?;
    if recordings.is_empty() {
        return Err(format!("{}: no vectors", folder.display()));
    }
    Ok(recordings)
}

/// Returns the folder of the recordings, in the package or in a folder above the package: some programs that read
/// recordings are packages in subfolders of the library.
fn folder() -> PathBuf {
    let package = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut folders = package.ancestors().map(|folder| folder.join("testvectors/recorded"));
    folders.find(|folder| folder.is_dir()).unwrap_or_else(|| package.into())
}

/// One file of recordings, with the cases of one realm or of one kind of refusal.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Recording {
    /// The name of the file without `.json`.
    #[serde(skip)]
    pub(crate) name: String,
    schema: String,
    pub(crate) source: Source,
    count: usize,
    notes: BTreeMap<String, Note>,
    keysets: BTreeMap<String, Vec<RecordedKey>>,
    pub(crate) krbtgt_keys: BTreeMap<String, Vec<KrbtgtKey>>,
    pub(crate) cases: Vec<Case>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Source {
    pub(crate) made_by: String,
    pub(crate) how: String,
    pub(crate) recorded_on: String,
}

/// The meaning of a flag.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Note {
    pub(crate) kind: String,
    pub(crate) text: String,
    pub(crate) links: Vec<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct RecordedKey {
    account: String,
    realm: String,
    etype: i32,
    kvno: u32,
    key: Hex,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct KrbtgtKey {
    pub(crate) etype: i32,
    pub(crate) kvno: u32,
    pub(crate) key: Hex,
}

/// One token and its expected verdict.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Case {
    pub(crate) id: String,
    pub(crate) comment: String,
    pub(crate) flags: Vec<String>,
    pub(crate) made_by: String,
    pub(crate) form: Form,
    token: String,
    keyset: String,
    #[serde(default)]
    pub(crate) policy: Rules,
    at: i64,
    result: Verdict,
    expect: Option<Expect>,
    code: Option<String>,
}

/// The form of the field `token`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Form {
    /// The token in base64.
    Token,
    /// The value of the `Authorization` header that the client sent.
    Header,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Verdict {
    Accept,
    Reject,
}

/// The settings of a case's policy that differ from the default.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Rules {
    pub(crate) profile: Profile,
    allow_rc4: bool,
    services: Vec<String>,
    max_lifetime: Lifetime,
    client_realms: Vec<String>,
    transited_realms: Vec<String>,
    channel_bindings: Vec<Hex>,
    cb_level: Option<Level>,
    skew: Option<u64>,
    pub(crate) pac: Option<PacLevel>,
    pub(crate) domain_sids: Vec<String>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Profile {
    #[default]
    General,
    Seamless,
}

#[derive(Clone, Copy, Debug, Default)]
enum Lifetime {
    #[default]
    OfProfile,
    Unlimited,
    Seconds(u64),
}

impl<'de> Deserialize<'de> for Lifetime {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(Option::deserialize(deserializer)?.map_or(Self::Unlimited, Self::Seconds))
    }
}

#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Level {
    Ignore,
    IfPresent,
    IfAdvertised,
    Require,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum PacLevel {
    Require,
    Verify,
    Ignore,
}

/// The facts that the accepted request must report.
#[derive(Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Expect {
    pub(crate) client: ExpectedClient,
    pub(crate) service: ExpectedService,
    pub(crate) ticket: ExpectedTicket,
    pub(crate) authenticator: ExpectedAuthenticator,
    pub(crate) mutual: bool,
    pub(crate) delegated: bool,
    pub(crate) mechanism: String,
    #[serde(deserialize_with = "nullable")]
    pub(crate) pac: Option<ExpectedPac>,
}

#[derive(Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ExpectedClient {
    pub(crate) name: String,
    pub(crate) realm: String,
    pub(crate) name_type: i32,
}

#[derive(Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ExpectedService {
    pub(crate) name: String,
    pub(crate) realm: String,
}

#[derive(Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ExpectedTicket {
    pub(crate) etype: i32,
    #[serde(deserialize_with = "nullable")]
    pub(crate) kvno: Option<u32>,
    pub(crate) session_etype: i32,
    pub(crate) auth_time: i64,
    #[serde(deserialize_with = "nullable")]
    pub(crate) start_time: Option<i64>,
    pub(crate) end_time: i64,
    pub(crate) flags: Vec<String>,
}

#[derive(Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ExpectedAuthenticator {
    pub(crate) time: i64,
    pub(crate) usec: u32,
    #[serde(deserialize_with = "nullable")]
    pub(crate) subkey_etype: Option<i32>,
    #[serde(deserialize_with = "nullable")]
    pub(crate) sequence_number: Option<u32>,
    #[serde(deserialize_with = "nullable")]
    pub(crate) gss_flags: Option<u32>,
}

#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ExpectedPac {
    pub(crate) buffers: Vec<u32>,
    #[serde(deserialize_with = "nullable")]
    pub(crate) user_sid: Option<String>,
    #[serde(deserialize_with = "nullable")]
    pub(crate) account_name: Option<String>,
    #[serde(deserialize_with = "nullable")]
    pub(crate) full_name: Option<String>,
    #[serde(deserialize_with = "nullable")]
    pub(crate) logon_domain: Option<String>,
    #[serde(deserialize_with = "nullable")]
    pub(crate) logon_domain_sid: Option<String>,
    #[serde(deserialize_with = "nullable")]
    pub(crate) primary_group_sid: Option<String>,
    pub(crate) group_sids: Vec<String>,
    pub(crate) extra_sids: Vec<String>,
    pub(crate) resource_group_sids: Vec<String>,
    #[serde(deserialize_with = "nullable")]
    pub(crate) upn: Option<String>,
    #[serde(deserialize_with = "nullable")]
    pub(crate) dns_domain: Option<String>,
    #[serde(deserialize_with = "nullable")]
    pub(crate) upn_flags: Option<u32>,
    #[serde(deserialize_with = "nullable")]
    pub(crate) requestor_sid: Option<String>,
}

/// The expected verdict on a token.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Outcome<'a> {
    Accept(&'a Expect),
    Reject(&'a str),
}

impl Recording {
    fn load(path: &Path) -> Result<Self, String> {
        let of_file = |error: &dyn std::fmt::Display| format!("{}: {error}", path.display());
        let text = std::fs::read_to_string(path).map_err(|error| of_file(&error))?;
        let name = path.file_stem().map(|stem| stem.to_string_lossy().into_owned()).unwrap_or_default();
        Ok(Self { name, ..Self::parse(&text).map_err(|error| of_file(&error))? })
    }

    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let recording: Self = serde_json::from_str(text).map_err(|error| error.to_string())?;
        recording.check()?;
        Ok(recording)
    }

    fn check(&self) -> Result<(), String> {
        if self.schema != "tokens-v1" {
            return Err(format!("schema {} is not tokens-v1", self.schema));
        }
        if self.cases.len() != self.count {
            return Err(format!("the file has {} cases, but its count is {}", self.cases.len(), self.count));
        }
        let mut ids = BTreeSet::new();
        self.cases.iter().try_for_each(|case| {
            if !ids.insert(&case.id) {
                return Err(format!("{}: the id is used twice", case.id));
            }
            self.check_case(case).map_err(|problem| format!("{}: {problem}", case.id))
        })
    }

    fn check_case(&self, case: &Case) -> Result<(), String> {
        if let Some(flag) = case.flags.iter().find(|flag| !self.notes.contains_key(*flag)) {
            return Err(format!("no note explains the flag {flag}"));
        }
        if !self.keysets.contains_key(&case.keyset) {
            return Err(format!("the file has no keyset {}", case.keyset));
        }
        if (case.expect.is_some(), case.code.is_some())
            != (case.result == Verdict::Accept, case.result == Verdict::Reject)
        {
            return Err(
                "a case with accept must have expect and no code, and a case with reject must have code and no expect"
                    .into(),
            );
        }
        case.bytes().map(|_| ())
    }

    /// Returns the keys of a case, with the client realms and domains of the case's policy.
    pub(crate) fn keys(&self, case: &Case) -> Result<KeySet, String> {
        KeySet::from_accounts(self.accounts(case)?).map_err(|error| error.to_string())
    }

    pub(crate) fn accounts(&self, case: &Case) -> Result<Vec<Account>, String> {
        let keys = self.keysets.get(&case.keyset).into_iter().flatten();
        let mut accounts: Vec<Account> = Vec::new();
        for key in keys.filter(|key| EncType(key.etype).is_supported()) {
            let is_of = |account: &Account| account.name() == key.account && account.realm() == key.realm;
            let held = accounts.iter().position(is_of).map(|index| accounts.swap_remove(index));
            let account = held.map_or_else(|| key.empty_account(&case.policy), Ok)?;
            accounts.push(account.with_key(ServiceKey::new(key.key()?, Some(key.kvno))));
        }
        Ok(accounts)
    }

    /// Returns the keys of a case whose encryption types this crate supports.
    pub(crate) fn raw_keys(&self, case: &Case) -> Result<Vec<Key>, String> {
        let keys = self.keysets.get(&case.keyset).into_iter().flatten();
        keys.filter(|key| EncType(key.etype).is_supported()).map(RecordedKey::key).collect()
    }

    /// Returns a validator for a case. The validator has no replay cache, so it accepts a repeated token.
    pub(crate) fn validator(&self, case: &Case) -> Result<kerberos_sso::Validator<NoReplayCache>, String> {
        Ok(kerberos_sso::Validator::new(self.keys(case)?, case.policy.policy(), NoReplayCache))
    }
}

impl RecordedKey {
    fn key(&self) -> Result<Key, String> {
        Key::new(EncType(self.etype), &self.key.0).map_err(|error| error.to_string())
    }

    fn empty_account(&self, rules: &Rules) -> Result<Account, String> {
        let account = Account::new(&self.account, &self.realm);
        let account = rules.client_realms.iter().fold(account, |account, realm| account.with_client_realm(realm));
        rules.domain_sids.iter().try_fold(account, |account, sid| {
            Ok(account.with_domain_sid(sid.parse().map_err(|error| format!("{sid}: {error}"))?))
        })
    }
}

impl Case {
    pub(crate) fn outcome(&self) -> Outcome<'_> {
        match &self.expect {
            Some(expect) => Outcome::Accept(expect),
            None => Outcome::Reject(self.code.as_deref().unwrap_or_default()),
        }
    }

    pub(crate) fn now(&self) -> UnixTime {
        UnixTime::from_seconds(self.at)
    }

    /// Returns the octets of the token, or of the header value.
    pub(crate) fn bytes(&self) -> Result<Vec<u8>, String> {
        match self.form {
            Form::Token => STANDARD.decode(&self.token).map_err(|error| format!("token: {error}")),
            Form::Header => Ok(self.token.clone().into_bytes()),
        }
    }

    pub(crate) fn judge(
        &self,
        validator: &kerberos_sso::Validator<NoReplayCache>,
        bytes: &[u8],
    ) -> Result<Accepted, Refused> {
        match self.form {
            Form::Token => validator.validate_ticket(bytes, self.now()),
            Form::Header => validator.validate_header(bytes, self.now()),
        }
    }
}

impl Rules {
    pub(crate) fn policy(&self) -> Policy {
        let policy = match self.profile {
            Profile::General => Policy::default(),
            Profile::Seamless => Policy::seamless_sso(),
        };
        // Some recorded tickets come from tools that hold a krbtgt key but write no ticket signature.
        let mut policy = policy.with_kdc_signatures(KdcSignaturePolicy::AllowAbsent);
        #[cfg(feature = "rc4")]
        if self.allow_rc4 {
            policy = policy.allow_rc4();
        }
        if !self.services.is_empty() {
            policy = policy.with_services(self.services.iter().map(String::as_str));
        }
        policy = match self.max_lifetime {
            Lifetime::OfProfile => policy,
            Lifetime::Unlimited => policy.with_max_ticket_lifetime(None),
            Lifetime::Seconds(seconds) => policy.with_max_ticket_lifetime(Some(Duration::from_secs(seconds))),
        };
        if let Some(skew) = self.skew {
            policy = policy.with_clock_skew(Duration::from_secs(skew));
        }
        if let Some(level) = self.pac {
            policy = policy.with_pac(level.into());
        }
        if let Some(level) = self.cb_level {
            policy = policy.with_binding_level(level.into());
        }
        let policy = policy.with_transited_realms(self.transited_realms.iter().map(String::as_str));
        policy.with_channel_bindings(self.channel_bindings.iter().map(|data| ChannelBindings::new(&data.0)))
    }
}

impl From<PacLevel> for PacPolicy {
    fn from(level: PacLevel) -> Self {
        match level {
            PacLevel::Require => Self::Require,
            PacLevel::Verify => Self::AllowAbsent,
            PacLevel::Ignore => Self::Ignore,
        }
    }
}

impl From<Level> for BindingLevel {
    fn from(level: Level) -> Self {
        match level {
            Level::Ignore => Self::Ignore,
            Level::IfPresent => Self::IfPresent,
            Level::IfAdvertised => Self::IfAdvertised,
            Level::Require => Self::Require,
        }
    }
}

/// Octets that a file writes in hexadecimal.
#[derive(Debug, PartialEq)]
pub(crate) struct Hex(pub(crate) Vec<u8>);

impl<'de> Deserialize<'de> for Hex {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        from_hex(&text).map(Self).ok_or_else(|| serde::de::Error::custom(format!("{text:?} is not hexadecimal")))
    }
}

pub(crate) fn from_hex(text: &str) -> Option<Vec<u8>> {
    let digits = text.chars().map(|digit| digit.to_digit(16)).collect::<Option<Vec<_>>>()?;
    let pairs = digits.chunks_exact(2);
    if !pairs.remainder().is_empty() {
        return None;
    }
    pairs.map(|pair| u8::try_from(pair.iter().fold(0, |byte, digit| (byte << 4) | digit)).ok()).collect()
}

/// Reads a field that must be present, even if its value is null.
fn nullable<'de, D: Deserializer<'de>, T: Deserialize<'de>>(deserializer: D) -> Result<Option<T>, D::Error> {
    Option::deserialize(deserializer)
}
