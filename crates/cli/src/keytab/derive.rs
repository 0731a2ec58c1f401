//! `keytab derive`: derives the keys of an account from its password, and prints them or writes a keytab.

use super::entry::{self, HEAD, Keys};
use crate::terminal::{Failure, Finding, Question, Terminal, Wanted};
use crate::{arguments, input, keys};
use kerberos_sso::crypto::EncType;
use kerberos_sso::{Account, Key, Keytab, Password, Salt, ServiceKey, UnixTime};
use lexopt::{Arg, Error, Parser, ValueExt as _};
use std::fs::OpenOptions;
use std::io::{IsTerminal as _, Write as _};
use std::path::{Path, PathBuf};
use std::time::SystemTime;
use zeroize::Zeroizing;

pub(super) struct Derivation {
    account: String,
    realm: String,
    principals: Vec<String>,
    salt: Option<String>,
    etypes: Vec<EncType>,
    kvno: u32,
    written: UnixTime,
    password_file: Option<PathBuf>,
    keys: Keys,
    out: Option<PathBuf>,
}

impl Derivation {
    pub(super) fn parse(mut parser: Parser) -> Result<Wanted<Self>, Error> {
        let mut derivation = Self::default();
        while let Some(argument) = parser.next()? {
            if let Some(question) = Question::of(&argument) {
                return Ok(Wanted::Answer(question));
            }
            match argument {
                Arg::Long("account") => derivation.account = parser.value()?.string()?,
                Arg::Long("realm") => derivation.realm = parser.value()?.string()?,
                Arg::Long("principal") => derivation.principals.push(parser.value()?.string()?),
                Arg::Long("salt") => derivation.salt = Some(parser.value()?.string()?),
                Arg::Long("etypes") => derivation.etypes = parser.value()?.parse_with(arguments::etypes)?,
                Arg::Long("kvno") => derivation.kvno = parser.value()?.parse()?,
                Arg::Long("at") => derivation.written = parser.value()?.parse_with(arguments::instant)?,
                Arg::Long("password-file") => derivation.password_file = Some(parser.value()?.into()),
                Arg::Long("show-keys") => derivation.keys = Keys::Shown,
                Arg::Long("out") => derivation.out = Some(parser.value()?.into()),
                _ => return Err(argument.unexpected()),
            }
        }
        derivation.check()?;
        Ok(Wanted::Work(derivation))
    }

    fn check(&self) -> Result<(), &'static str> {
        if self.account.is_empty() || self.realm.is_empty() {
            return Err("--account and --realm are needed");
        }
        if self.account.contains(['@', '\\']) {
            return Err("--account must be a name without realm or domain");
        }
        if self.kvno == 0 {
            return Err("--kvno must be at least 1");
        }
        if self.keys == Keys::Hidden && self.out.is_none() {
            return Err("--out FILE or --show-keys is needed, else the keys are neither written nor printed");
        }
        Ok(())
    }

    /// Returns the realm of the entries. For an account of Active Directory the realm is in upper case, as in the
    /// account's salt.
    fn realm(&self) -> String {
        if self.account.contains('/') { self.realm.clone() } else { self.realm.to_uppercase() }
    }

    /// Returns the names of the principals of the entries, without the realm.
    fn names<'a>(&'a self, realm: &'a str) -> Result<Vec<&'a str>, String> {
        let principals =
            if self.principals.is_empty() { std::slice::from_ref(&self.account) } else { &self.principals };
        let name = |principal: &'a String| match principal.rsplit_once('@') {
            Some((name, of)) if of == realm => Ok(name),
            Some(_) => Err(format!("{principal} is not of the realm {realm}")),
            None => Ok(principal.as_str()),
        };
        let names = principals.iter().map(name).collect::<Result<Vec<&str>, _>>()?;
        match names.iter().find(|name| name.split('/').any(str::is_empty)) {
            Some(name) => Err(format!("{name:?} is not the name of a principal")),
            None => Ok(names),
        }
    }

    fn password(&self) -> Result<Zeroizing<String>, String> {
        let octets = match &self.password_file {
            Some(path) => input::secret_file(path)?,
            None if std::io::stdin().is_terminal() => {
                return Err("a terminal would show the password: use a pipe or --password-file".into());
            }
            None => input::secret(std::io::stdin().lock(), 0).map_err(|error| error.to_string())?,
        };
        let text = std::str::from_utf8(&octets).map_err(|_| "the password is not UTF-8")?;
        let line = text.strip_suffix('\n').map_or(text, |line| line.strip_suffix('\r').unwrap_or(line));
        match line {
            "" => Err("the password is empty".into()),
            lines if lines.contains('\n') => Err("the password has more than one line".into()),
            line => Ok(Zeroizing::new(line.into())),
        }
    }
}

impl Default for Derivation {
    fn default() -> Self {
        Self {
            account: String::new(),
            realm: String::new(),
            principals: Vec::new(),
            salt: None,
            etypes: vec![EncType::AES256_CTS_HMAC_SHA1_96, EncType::AES128_CTS_HMAC_SHA1_96],
            kvno: 1,
            written: SystemTime::now().into(),
            password_file: None,
            keys: Keys::Hidden,
            out: None,
        }
    }
}

pub(super) fn run(terminal: &mut Terminal<'_>, derivation: &Derivation) -> Result<Finding, Failure> {
    let realm = derivation.realm();
    let names = derivation.names(&realm)?;
    let salt = derivation.salt.as_ref().map_or_else(|| keys::salt(&derivation.account, &realm), Salt::custom);
    let password = Password::from_text(&derivation.password()?);
    let key = |etype: &EncType| password.key(*etype, &salt).map_err(|error| error.to_string());
    let keys = derivation.etypes.iter().map(key).collect::<Result<Vec<Key>, _>>()?;
    let (kvno, written) = (derivation.kvno, derivation.written);
    let keys: Vec<_> = keys.into_iter().map(|key| ServiceKey::new(key, Some(kvno))).collect();
    let account = |name| Account::new(name, &realm).with_keys(keys.iter().cloned());
    let accounts: Vec<_> = names.into_iter().map(account).collect();
    let octets = Keytab::encode(&accounts, written).map_err(|error| error.to_string())?;
    let keytab = Keytab::parse(&octets).map_err(|error| error.to_string())?;
    if let Some(out) = &derivation.out {
        save(out, &octets).map_err(|error| input::of_file(out, &error))?;
        writeln!(terminal.out, "Keytab name: FILE:{}", input::shown(out))?;
    }
    writeln!(terminal.out, "Salt: {}\n{HEAD}", crate::text::printable(&String::from_utf8_lossy(salt.as_bytes())))?;
    for entry in keytab.entries() {
        writeln!(terminal.out, "{}", entry::line(entry, derivation.keys).as_str())?;
    }
    Ok(Finding::Fine)
}

/// Writes a new file that only its owner can read. Fails if the file already exists.
fn save(path: &Path, octets: &[u8]) -> std::io::Result<()> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(path)?;
    file.write_all(octets)?;
    file.sync_all()
}
