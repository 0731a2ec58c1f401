//! `status`: reads everything about the account, changes nothing, and names each thing that is wrong.

pub mod account;
pub mod delegation;
pub mod finding;
pub mod keys;
pub mod writers;

use crate::arguments::Arguments;
use crate::clock::MAX_DIFFERENCE;
use crate::directory::{Domain, Object};
use crate::failure::Failure;
use crate::preflight;
use crate::replication::Version;
use crate::tools::Tools;
use finding::{Finding, Severity};
use kerberos_sso::{Sid, UnixTime};
use serde_json::{Value, json};
use std::fmt;

/// The facts that `status` read, and its findings.
#[derive(Clone, Debug)]
pub struct Report {
    /// The facts that `status` read.
    pub facts: Facts,
    /// The findings. The most severe one is the first.
    pub findings: Vec<Finding>,
}

/// The facts that `status` read about the account.
#[derive(Clone, Debug, Default)]
pub struct Facts {
    /// The domain.
    pub domain: String,
    /// The distinguished name of the account.
    pub dn: Option<String>,
    /// The key version of the directory.
    pub kvno: Option<u32>,
    /// The encryption types.
    pub etypes: Option<u32>,
    /// The time of the last change of the password.
    pub password_set: Option<UnixTime>,
    /// The key versions of the keytab.
    pub keytab: Vec<u32>,
    /// The key version of each domain controller's tickets.
    pub controllers: Vec<(String, Version)>,
}

/// Reads everything about the account.
///
/// # Errors
/// Returns the [`Failure`] if the directory or a file cannot be read.
pub fn status(tools: &mut Tools<'_>, arguments: &Arguments) -> Result<Report, Failure> {
    let domain = tools.directory.domain()?;
    preflight::is_meant(&domain, arguments)?;
    let mut facts = Facts { domain: domain.name.clone(), ..Facts::default() };
    let mut findings = Vec::new();
    let seconds = domain.time.seconds_since(tools.clock.now());
    if seconds.saturating_abs() > MAX_DIFFERENCE {
        findings.push(keys::clock(&domain.controller, seconds));
    }
    let account = find(tools, arguments, &domain, &mut findings)?;
    if let Some(account) = &account {
        facts.take(account);
        findings.extend(account::findings(account, tools.clock.now()));
        findings.extend(of_descriptor(tools, &account.descriptor, arguments.rollover_user)?);
        findings.extend(delegation::findings(tools, account)?);
        findings.extend(keys::of_controllers(tools, arguments, &domain, account, &mut facts));
    }
    findings.extend(keys::of_files(tools, arguments, &domain, account.as_ref(), &mut facts)?);
    findings.extend(keys::of_nodes(tools, arguments, &domain, facts.kvno));
    findings.sort_by_key(|finding| std::cmp::Reverse(finding.severity));
    Ok(Report { facts, findings })
}

fn find(
    tools: &mut Tools<'_>,
    arguments: &Arguments,
    domain: &Domain,
    findings: &mut Vec<Finding>,
) -> Result<Option<Object>, Failure> {
    let found = match preflight::account(tools, arguments) {
        Err(Failure::Refused(refusal)) => {
            findings.push(Finding::fault("no-computer", refusal.to_string(), refusal.remedy()));
            return Ok(None);
        }
        found => found?,
    };
    if found.is_none() {
        let text = format!("the domain {} has no account {}", domain.name, arguments.account_name());
        findings.push(Finding::fault("account-missing", text, "run `enable`"));
    }
    Ok(found)
}

fn of_descriptor(tools: &mut Tools<'_>, octets: &[u8], rollover_user: Option<Sid>) -> Result<Vec<Finding>, Failure> {
    let mut failed = None;
    let name = |sid: Sid| match delegation::name_of(tools, sid) {
        Ok(name) => name,
        Err(failure) => {
            failed = Some(failure);
            sid.to_string()
        }
    };
    let findings = writers::findings(octets, rollover_user, name);
    failed.map_or(Ok(findings), Err)
}

impl Facts {
    fn take(&mut self, account: &Object) {
        self.dn = Some(account.dn.clone());
        (self.kvno, self.etypes, self.password_set) = (account.kvno, account.etypes, account.password_set);
    }
}

impl Report {
    /// Returns whether the report has no warning and no fault.
    #[must_use]
    pub fn is_fine(&self) -> bool {
        self.findings.iter().all(|finding| finding.severity == Severity::Information)
    }

    /// Returns the report as one line of JSON.
    #[must_use]
    pub fn json(&self) -> String {
        let facts = &self.facts;
        let controller = |(at, version): &(String, Version)| match version {
            Version::Of(kvno) => json!({ "at": at, "kvno": kvno }),
            Version::WithoutAes => json!({ "at": at, "kvno": Value::Null, "error": "no AES key" }),
            Version::Unknown(error) => json!({ "at": at, "kvno": Value::Null, "error": error.to_string() }),
        };
        json!({
            "domain": facts.domain,
            "account": facts.dn,
            "kvno": facts.kvno,
            "etypes": facts.etypes,
            "password_set": facts.password_set.map(UnixTime::seconds),
            "keytab": facts.keytab,
            "controllers": facts.controllers.iter().map(controller).collect::<Vec<_>>(),
            "findings": self.findings,
        })
        .to_string()
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let facts = &self.facts;
        let or_none = |value: Option<u32>| value.map_or_else(|| "none".into(), |value| value.to_string());
        writeln!(f, "account:          {}", facts.dn.as_deref().unwrap_or("none"))?;
        writeln!(f, "key version:      {}", or_none(facts.kvno))?;
        writeln!(f, "encryption types: {}", or_none(facts.etypes))?;
        writeln!(
            f,
            "password set:     {}",
            facts.password_set.map_or_else(|| "never".into(), |time| time.to_string())
        )?;
        let keytab: Vec<_> = facts.keytab.iter().map(ToString::to_string).collect();
        writeln!(f, "keys in keytab:   {}", if keytab.is_empty() { "none".into() } else { keytab.join(", ") })?;
        for (at, version) in &facts.controllers {
            match version {
                Version::Of(kvno) => writeln!(f, "tickets of {at}: key version {kvno}")?,
                Version::WithoutAes => writeln!(f, "tickets of {at}: no AES")?,
                Version::Unknown(_) => writeln!(f, "tickets of {at}: none")?,
            }
        }
        for finding in &self.findings {
            writeln!(f, "{}: {}: {}\n  what to do: {}", finding.severity, finding.code, finding.text, finding.remedy)?;
        }
        match self.findings.iter().filter(|finding| finding.severity != Severity::Information).count() {
            0 => write!(f, "nothing is wrong"),
            1 => write!(f, "1 finding"),
            count => write!(f, "{count} findings"),
        }
    }
}
