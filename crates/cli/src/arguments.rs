//! The command line: words in, what they mean out. Files are not opened here.

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

/// The options of `validate` and of `explain`.
pub(crate) const OPTIONS: &str = "\
Keys   --keytab FILE                      may be given more than once, as may all that follow here
       --key ETYPE:HEX[:KVNO]             a raw key; needs --realm
       --password TEXT --account NAME     NAME$ for a computer account; needs --realm
       --realm REALM                      of --key and --password
       --forest REALM[,REALM…][:SID,…]    whom the keys of the first realm may vouch for (default: its own users)
Policy --profile general|seamless         the defaults that the others change
       --service SPN                      takes tickets for this service only; may be given more than once
       --etypes 17,18,…                   for tickets and session keys
       --allow-rc4                        etype 23 besides
       --skew SECONDS                     default 300
       --max-lifetime SECONDS|none        default 86400
       --pac require|verify|ignore        default verify; require for a computer account's --password
       --trust-transit REALM[,REALM…]|any realms that may lie between the client's and the service's, although the KDC did
                                          not check them
       --krbtgt-key ETYPE:HEX             also checks what the KDC signed
       --channel-bindings HEX             application data of this server's own bindings
       --certificate FILE                 this server's, PEM or DER: tls-server-end-point bindings
       --cb-null-addresses                takes bindings with the address type 255, of Java and Perl, too
       --cb-level ignore|if-present|if-advertised|require
Time   --at UNIX_SECONDS[.MICROS]         one for each TOKEN in turn, the last for all that follow (default: the clock)
Other  --header                           each file is a header value, byte for byte
       --no-replay                        takes a token as often as it comes
       --krb-error                        answers a refusal with a KRB-ERROR where that is safe
       --json                             one object for each token

Exit status: 0 all accepted, 1 some refused, 2 misuse.";

pub(crate) struct Arguments {
    pub(crate) keytabs: Vec<PathBuf>,
    pub(crate) keys: Vec<ServiceKey>,
    pub(crate) password: Option<Zeroizing<String>>,
    pub(crate) account: Option<String>,
    pub(crate) realm: Option<String>,
    pub(crate) forests: Vec<Forest>,
    pub(crate) krbtgt_keys: Vec<Key>,
    /// Without the channel bindings, for some of which a file must be read.
    pub(crate) policy: Policy,
    pub(crate) bindings: Vec<ChannelBindings>,
    pub(crate) certificates: Vec<PathBuf>,
    pub(crate) at: Vec<UnixTime>,
    pub(crate) replay: Replay,
    pub(crate) form: Form,
    pub(crate) output: Output,
    pub(crate) tokens: Vec<PathBuf>,
}

/// Whom the keys of `realm` may vouch for.
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

/// The policy's options as they are read, applied to the profile once it is known which that is.
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

/// The realms that may lie between the client's and the service's.
enum Transit {
    Any,
    Realms(Vec<String>),
}

/// `None`: any.
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
            return Err("no TOKEN is named".into());
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
        // This command judges what others recorded. Some tools that hold a key of the KDC write no ticket signature.
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

/// `--at` may be left out, given once, or once for each token.
pub(crate) fn time_of(at: &[UnixTime], index: usize) -> UnixTime {
    at.get(index).or(at.last()).copied().unwrap_or_else(|| std::time::SystemTime::now().into())
}

/// A value that no error message may repeat.
fn secret(parser: &mut Parser) -> Result<Zeroizing<String>, Error> {
    let value = parser.value()?.into_string().map_err(|_| "a key or a password is not UTF-8")?;
    Ok(Zeroizing::new(value))
}

fn service_key(text: &str) -> Result<ServiceKey, String> {
    let mut parts = text.splitn(3, ':');
    let key = key(parts.next().unwrap_or_default(), parts.next().ok_or("ETYPE:HEX is wanted")?)?;
    let kvno = parts.next().map(|kvno| kvno.parse().map_err(|_| format!("{kvno:?} is no key version"))).transpose()?;
    Ok(ServiceKey::new(key, kvno))
}

fn krbtgt_key(text: &str) -> Result<Key, String> {
    let (etype, hex) = text.split_once(':').ok_or("ETYPE:HEX is wanted")?;
    key(etype, hex)
}

fn key(etype: &str, hex: &str) -> Result<Key, String> {
    let etype: EncType = etype.parse().map_err(|error| format!("{etype:?} is {error}"))?;
    Key::from_hex(etype, hex).map_err(|error| error.to_string())
}

fn forest(text: &str) -> Result<Forest, String> {
    let (realms, sids) = text.split_once(':').unwrap_or((text, ""));
    let mut realms = realms.split(',').map(String::from);
    let realm = realms.next().filter(|realm| !realm.is_empty()).ok_or("a realm is wanted")?;
    let sids = sids.split(',').filter(|sid| !sid.is_empty());
    let domain_sids =
        sids.map(|sid| sid.parse().map_err(|error| format!("{sid:?}: {error}"))).collect::<Result<_, _>>()?;
    Ok(Forest { realm, client_realms: realms.collect(), domain_sids })
}

pub(crate) fn etypes(text: &str) -> Result<Vec<EncType>, String> {
    text.split(',').map(|etype| etype.parse().map_err(|error| format!("{etype:?} is {error}"))).collect()
}

fn profile(text: &str) -> Result<bool, &'static str> {
    match text {
        "general" => Ok(false),
        "seamless" => Ok(true),
        _ => Err("general or seamless is wanted"),
    }
}

fn pac_policy(text: &str) -> Result<PacPolicy, &'static str> {
    match text {
        "require" => Ok(PacPolicy::Require),
        "verify" => Ok(PacPolicy::AllowAbsent),
        "ignore" => Ok(PacPolicy::Ignore),
        _ => Err("require, verify or ignore is wanted"),
    }
}

fn level(text: &str) -> Result<BindingLevel, &'static str> {
    match text {
        "ignore" => Ok(BindingLevel::Ignore),
        "if-present" => Ok(BindingLevel::IfPresent),
        "if-advertised" => Ok(BindingLevel::IfAdvertised),
        "require" => Ok(BindingLevel::Require),
        _ => Err("ignore, if-present, if-advertised or require is wanted"),
    }
}

fn bindings(text: &str) -> Result<ChannelBindings, &'static str> {
    from_hex(text).map(|data| ChannelBindings::new(&data)).ok_or("hexadecimal is wanted")
}

fn transit(text: &str) -> Result<Transit, &'static str> {
    match text {
        "any" => Ok(Transit::Any),
        realms if realms.split(',').any(str::is_empty) => Err("realms or any is wanted"),
        realms => Ok(Transit::Realms(realms.split(',').map(String::from).collect())),
    }
}

fn seconds(text: &str) -> Result<Duration, std::num::ParseIntError> {
    text.parse().map(Duration::from_secs)
}

fn lifetime(text: &str) -> Result<Lifetime, std::num::ParseIntError> {
    Ok(Lifetime(if text == "none" { None } else { Some(seconds(text)?) }))
}

/// Digits after the point are a decimal fraction; six of them are microseconds.
pub(crate) fn instant(text: &str) -> Result<UnixTime, String> {
    let (seconds, fraction) = text.split_once('.').unwrap_or((text, "0"));
    let seconds: i64 = seconds.parse().map_err(|_| format!("{text:?} is no number of seconds"))?;
    let micros =
        Some(format!("{fraction:0<6}")).filter(|digits| digits.len() == 6).and_then(|digits| digits.parse().ok());
    let time = micros.and_then(|micros| UnixTime::from_seconds(seconds).with_micros(micros));
    time.ok_or_else(|| format!("{fraction:?} is no number of microseconds"))
}
