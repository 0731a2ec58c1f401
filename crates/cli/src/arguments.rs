//! Reads the command line of `validate` and `explain`. This module opens no files.

use crate::recorded::from_hex;
use crate::terminal::{Question, Wanted};
use kerberos_sso::crypto::{EncType, Key};
use kerberos_sso::{
    ChannelBindings, Policy, ServiceKey, Sid, UnixTime,
    policy::{BindingAddressPolicy, BindingLevel, KdcSignaturePolicy, KrbErrorPolicy, PacPolicy, TransitedPolicy},
};
use lexopt::{Arg, Error, Parser, ValueExt};
use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;
use zeroize::Zeroizing;

/// The usage text of the options that `validate` and `explain` share.
pub(crate) const OPTIONS: &str = "\
Keys   --keytab FILE                      may be given more than once
       --key ETYPE:HEX[:KVNO]             a raw key; needs --realm; may be given more than once
       --password TEXT --account NAME     NAME$ for a computer account; needs --realm
       --realm REALM                      the realm of --key and --password
       --forest REALM[,REALM…][:SID,…]    other client realms and domain SIDs that tickets for the first REALM may name
Policy --profile general|seamless         the policy that the other options change (default: general)
       --service SPN                      accepts tickets for this service only; may be given more than once
       --etypes 17,18,…                   the accepted types of ticket keys and session keys
       --allow-rc4                        also accepts etype 23 (RC4)
       --skew SECONDS                     the clock skew; default 300
       --max-lifetime SECONDS|none        of tickets; default 86400
       --pac require|verify|ignore        default verify; require for a computer account's --password
       --trust-transit REALM[,REALM…]|any realms that the authentication path may contain, although the KDC did not
                                          check it
       --krbtgt-key ETYPE:HEX             the KDC's key: also checks the KDC's signatures in the PAC
       --channel-bindings HEX             application data of this server's channel bindings
       --certificate FILE                 this server's certificate, PEM or DER, for tls-server-end-point bindings
       --cb-null-addresses                also accepts bindings with the address type 255, as Java and Perl send them
       --cb-level ignore|if-present|if-advertised|require
Time   --at UNIX_SECONDS[.MICROS]         the time for each TOKEN in turn; the last time is used for the rest (default: now)
Other  --header                           each TOKEN is a file with a header value, octet for octet
       --no-replay                        accepts the same token more than once
       --krb-error                        answers a refusal with a KRB-ERROR if that is safe
       --json                             prints one object for each token

Exit status: 0 all tokens accepted, 1 some tokens refused, 2 wrong arguments.";

pub(crate) struct Arguments {
    pub(crate) keytabs: Vec<PathBuf>,
    pub(crate) keys: Vec<ServiceKey>,
    pub(crate) password: Option<Zeroizing<String>>,
    pub(crate) account: Option<String>,
    pub(crate) realm: Option<String>,
    pub(crate) forests: Vec<Forest>,
    pub(crate) krbtgt_keys: Vec<Key>,
    /// The policy without channel bindings. This module reads no files, and some bindings are computed from a
    /// certificate file.
    pub(crate) policy: Policy,
    pub(crate) bindings: Vec<ChannelBindings>,
    pub(crate) certificates: Vec<PathBuf>,
    pub(crate) at: Vec<UnixTime>,
    pub(crate) replay: Replay,
    pub(crate) form: Form,
    pub(crate) output: Output,
    pub(crate) tokens: Vec<PathBuf>,
}

/// The client realms and the domain SIDs that tickets for `realm` may name.
#[derive(Debug)]
pub(crate) struct Forest {
    pub(crate) realm: String,
    pub(crate) client_realms: Vec<String>,
    pub(crate) domain_sids: Vec<Sid>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Replay {
    Remember,
    Ignore,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    Any,
    Header,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Output {
    Text,
    Json,
}

/// The options of the policy. The options are applied after all arguments were read, because `--profile` may come last.
#[derive(Default)]
struct PolicyOptions {
    seamless: bool,
    services: Vec<String>,
    etypes: Option<Vec<EncType>>,
    allow_rc4: bool,
    skew: Option<Duration>,
    max_lifetime: Option<Lifetime>,
    level: Option<BindingLevel>,
    pac: Option<PacPolicy>,
    binding_addresses: Option<BindingAddressPolicy>,
    krb_errors: Option<KrbErrorPolicy>,
    transit: Option<Transit>,
}

/// The realms that the authentication path may contain.
enum Transit {
    Any,
    Realms(Vec<String>),
}

/// The longest lifetime of a ticket; `None` means any lifetime.
struct Lifetime(Option<Duration>);

impl Arguments {
    pub(crate) fn parse(words: Vec<OsString>) -> Result<Wanted<Self>, Error> {
        let mut parser = Parser::from_args(words);
        let mut arguments = Self::default();
        let mut policy = PolicyOptions::default();
        while let Some(argument) = parser.next()? {
            if let Some(question) = Question::of(&argument) {
                return Ok(Wanted::Answer(question));
            }
            match argument {
                Arg::Value(token) => arguments.tokens.push(token.into()),
                Arg::Long(name) => {
                    let name = name.to_owned();
                    if !policy.take(&name, &mut parser)? && !arguments.take(&name, &mut parser)? {
                        return Err(Error::UnexpectedOption(format!("--{name}")));
                    }
                }
                Arg::Short(_) => return Err(argument.unexpected()),
            }
        }
        arguments.policy = policy.apply();
        arguments.check()?;
        Ok(Wanted::Work(arguments))
    }

    fn take(&mut self, name: &str, parser: &mut Parser) -> Result<bool, Error> {
        match name {
            "keytab" => self.keytabs.push(parser.value()?.into()),
            "key" => self.keys.push(service_key(&secret(parser)?)?),
            "password" => self.password = Some(secret(parser)?),
            "account" => self.account = Some(parser.value()?.string()?),
            "realm" => self.realm = Some(parser.value()?.string()?),
            "krbtgt-key" => self.krbtgt_keys.push(krbtgt_key(&secret(parser)?)?),
            "forest" => self.forests.push(parser.value()?.parse_with(forest)?),
            "channel-bindings" => self.bindings.push(parser.value()?.parse_with(bindings)?),
            "certificate" => self.certificates.push(parser.value()?.into()),
            "at" => self.at.push(parser.value()?.parse_with(instant)?),
            "no-replay" => self.replay = Replay::Ignore,
            "header" => self.form = Form::Header,
            "json" => self.output = Output::Json,
            _ => return Ok(false),
        }
        Ok(true)
    }

    fn check(&self) -> Result<(), Error> {
        let needs_realm = !self.keys.is_empty() || self.password.is_some();
        if self.tokens.is_empty() {
            return Err("the TOKEN argument is missing".into());
        }
        if needs_realm && self.realm.is_none() {
            return Err("--key and --password need --realm".into());
        }
        if self.password.is_some() && self.account.is_none() {
            return Err("--password needs --account".into());
        }
        Ok(())
    }
}

impl Default for Arguments {
    fn default() -> Self {
        Self {
            keytabs: Vec::new(),
            keys: Vec::new(),
            password: None,
            account: None,
            realm: None,
            forests: Vec::new(),
            krbtgt_keys: Vec::new(),
            policy: Policy::default(),
            bindings: Vec::new(),
            certificates: Vec::new(),
            at: Vec::new(),
            replay: Replay::Remember,
            form: Form::Any,
            output: Output::Text,
            tokens: Vec::new(),
        }
    }
}

impl PolicyOptions {
    fn take(&mut self, name: &str, parser: &mut Parser) -> Result<bool, Error> {
        match name {
            "profile" => self.seamless = parser.value()?.parse_with(profile)?,
            "service" => self.services.push(parser.value()?.string()?),
            "etypes" => self.etypes = Some(parser.value()?.parse_with(etypes)?),
            "allow-rc4" => self.allow_rc4 = true,
            "skew" => self.skew = Some(parser.value()?.parse_with(seconds)?),
            "max-lifetime" => self.max_lifetime = Some(parser.value()?.parse_with(lifetime)?),
            "cb-level" => self.level = Some(parser.value()?.parse_with(level)?),
            "pac" => self.pac = Some(parser.value()?.parse_with(pac_policy)?),
            "cb-null-addresses" => self.binding_addresses = Some(BindingAddressPolicy::AllowNull),
            "trust-transit" => self.transit = Some(parser.value()?.parse_with(transit)?),
            "krb-error" => self.krb_errors = Some(KrbErrorPolicy::AfterProof),
            _ => return Ok(false),
        }
        Ok(true)
    }

    fn apply(self) -> Policy {
        let policy = if self.seamless { Policy::seamless_sso() } else { Policy::default() };
        // Some recorded tickets come from tools that hold a krbtgt key but write no ticket signature.
        let mut policy = policy.with_kdc_signatures(KdcSignaturePolicy::AllowAbsent);
        if !self.services.is_empty() {
            policy = policy.with_services(self.services.iter().map(String::as_str));
        }
        if let Some(etypes) = self.etypes {
            policy = policy.with_ticket_etypes(&etypes).with_session_etypes(&etypes);
        }
        if self.allow_rc4 {
            policy = policy.allow_rc4();
        }
        if let Some(skew) = self.skew {
            policy = policy.with_clock_skew(skew);
        }
        if let Some(Lifetime(lifetime)) = self.max_lifetime {
            policy = policy.with_max_ticket_lifetime(lifetime);
        }
        if let Some(pac) = self.pac {
            policy = policy.with_pac(pac);
        }
        if let Some(level) = self.level {
            policy = policy.with_binding_level(level);
        }
        if let Some(addresses) = self.binding_addresses {
            policy = policy.with_binding_addresses(addresses);
        }
        if let Some(krb_errors) = self.krb_errors {
            policy = policy.with_krb_errors(krb_errors);
        }
        match &self.transit {
            None => policy,
            Some(Transit::Any) => policy.with_transited(TransitedPolicy::TrustKdc),
            Some(Transit::Realms(realms)) => policy.with_transited_realms(realms.iter().map(String::as_str)),
        }
    }
}

/// Returns the time for the token `index`: the value of `--at` at that index, else the last value, else the present time.
pub(crate) fn time_of(at: &[UnixTime], index: usize) -> UnixTime {
    at.get(index).or(at.last()).copied().unwrap_or_else(|| std::time::SystemTime::now().into())
}

/// Reads a secret value, which no error message may repeat.
fn secret(parser: &mut Parser) -> Result<Zeroizing<String>, Error> {
    let value = parser.value()?.into_string().map_err(|_| "a key or a password is not UTF-8")?;
    Ok(Zeroizing::new(value))
}

fn service_key(text: &str) -> Result<ServiceKey, String> {
    let mut parts = text.splitn(3, ':');
    let key = key(parts.next().unwrap_or_default(), parts.next().ok_or("the value must be ETYPE:HEX")?)?;
    let kvno = parts.next().map(str::parse).transpose().map_err(|_| "KVNO is not a key version")?;
    Ok(ServiceKey::new(key, kvno))
}

fn krbtgt_key(text: &str) -> Result<Key, String> {
    let (etype, hex) = text.split_once(':').ok_or("the value must be ETYPE:HEX")?;
    key(etype, hex)
}

/// Reads a key. No error repeats the text of `etype` or of `hex`, because the user may have written the key in the
/// place of the encryption type.
fn key(etype: &str, hex: &str) -> Result<Key, String> {
    let etype: EncType = etype.parse().map_err(|error| format!("ETYPE: {error}"))?;
    Key::from_hex(etype, hex).map_err(|error| error.to_string())
}

fn forest(text: &str) -> Result<Forest, String> {
    let (realms, sids) = text.split_once(':').unwrap_or((text, ""));
    let mut realms = realms.split(',').map(String::from);
    let realm = realms.next().filter(|realm| !realm.is_empty()).ok_or("the realm is missing")?;
    let sids = sids.split(',').filter(|sid| !sid.is_empty());
    let domain_sids =
        sids.map(|sid| sid.parse().map_err(|error| format!("{sid:?}: {error}"))).collect::<Result<_, _>>()?;
    Ok(Forest { realm, client_realms: realms.collect(), domain_sids })
}

pub(crate) fn etypes(text: &str) -> Result<Vec<EncType>, String> {
    text.split(',').map(|etype| etype.parse().map_err(|error| format!("{etype:?}: {error}"))).collect()
}

fn profile(text: &str) -> Result<bool, &'static str> {
    match text {
        "general" => Ok(false),
        "seamless" => Ok(true),
        _ => Err("the value must be general or seamless"),
    }
}

fn pac_policy(text: &str) -> Result<PacPolicy, &'static str> {
    match text {
        "require" => Ok(PacPolicy::Require),
        "verify" => Ok(PacPolicy::AllowAbsent),
        "ignore" => Ok(PacPolicy::Ignore),
        _ => Err("the value must be require, verify or ignore"),
    }
}

fn level(text: &str) -> Result<BindingLevel, &'static str> {
    match text {
        "ignore" => Ok(BindingLevel::Ignore),
        "if-present" => Ok(BindingLevel::IfPresent),
        "if-advertised" => Ok(BindingLevel::IfAdvertised),
        "require" => Ok(BindingLevel::Require),
        _ => Err("the value must be ignore, if-present, if-advertised or require"),
    }
}

fn bindings(text: &str) -> Result<ChannelBindings, &'static str> {
    from_hex(text).map(|data| ChannelBindings::new(&data)).ok_or("the value must be hexadecimal")
}

fn transit(text: &str) -> Result<Transit, &'static str> {
    match text {
        "any" => Ok(Transit::Any),
        realms if realms.split(',').any(str::is_empty) => Err("the value must be a list of realms, or any"),
        realms => Ok(Transit::Realms(realms.split(',').map(String::from).collect())),
    }
}

fn seconds(text: &str) -> Result<Duration, std::num::ParseIntError> {
    text.parse().map(Duration::from_secs)
}

fn lifetime(text: &str) -> Result<Lifetime, std::num::ParseIntError> {
    Ok(Lifetime(if text == "none" { None } else { Some(seconds(text)?) }))
}

/// Reads `UNIX_SECONDS[.FRACTION]`. The fraction has at most six digits.
pub(crate) fn instant(text: &str) -> Result<UnixTime, String> {
    let (seconds, fraction) = text.split_once('.').unwrap_or((text, "0"));
    let is_fraction = (1..=6).contains(&fraction.len()) && fraction.bytes().all(|digit| digit.is_ascii_digit());
    let micros = if is_fraction { format!("{fraction:0<6}").parse().ok() } else { None };
    if seconds.starts_with('-') && micros != Some(0) {
        return Err(format!("{text:?} is before 1970, and must be a whole number of seconds"));
    }
    let seconds: i64 = seconds.parse().map_err(|_| format!("{text:?} is not a number of seconds"))?;
    let time = micros.and_then(|micros| UnixTime::from_seconds(seconds).with_micros(micros));
    time.ok_or_else(|| format!("{fraction:?} is not a fraction of at most six digits"))
}
