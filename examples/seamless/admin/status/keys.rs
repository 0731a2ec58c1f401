//! The findings about the keytab, the domain controllers and the nodes, which should all have the same key.

use super::Facts;
use super::finding::Finding;
use crate::arguments::Arguments;
use crate::clock::MAX_DIFFERENCE;
use crate::directory::{Domain, Object, kdcs};
use crate::failure::{Failure, Refusal};
use crate::journal::Journal;
use crate::kdc::Client;
use crate::keytab_file::{AES, AccountKeys, RETIRED_AFTER};
use crate::node::{Health, TenantHealth, Warning};
use crate::replication::{self, Version};
use crate::retirement::Retirement;
use crate::tools::Tools;
use crate::{preflight, proof, well_known};
use kerberos_sso::UnixTime;
use kerberos_sso::policy::SEAMLESS_SSO_SERVICES;

/// Returns the findings about the journal, the keytab and the note of the last rollover.
///
/// # Errors
/// Returns the error of a file that cannot be read.
pub fn of_files(
    tools: &mut Tools<'_>,
    arguments: &Arguments,
    domain: &Domain,
    account: Option<&Object>,
    facts: &mut Facts,
) -> Result<Vec<Finding>, Failure> {
    let mut findings = Vec::new();
    let path = arguments.journal();
    if let Some(journal) = Journal::read(tools.files, &path).map_err(|error| Failure::file(&path, error))? {
        let text = format!("{}: a {} is open", path.display(), journal.command);
        findings.push(Finding::warning(
            "journal-open",
            text,
            format!("run `{}` again, which ends it", journal.command),
        ));
    }
    let path = &arguments.keytab;
    let is_there = tools.files.read(path).map_err(|error| Failure::file(path, error))?.is_some();
    let keys = match preflight::keytab(tools, arguments, domain) {
        Ok(keys) => keys,
        Err(Failure::Refused(refusal @ Refusal::KeytabOfOthers { .. })) => {
            findings.push(Finding::warning("keytab-of-others", refusal.to_string(), refusal.remedy()));
            return Ok(findings);
        }
        Err(failure) => {
            findings.push(Finding::fault("keytab-broken", failure.to_string(), "rollover writes a new keytab"));
            return Ok(findings);
        }
    };
    facts.keytab = keys.versions();
    let Some(kvno) = account.and_then(|account| account.kvno) else { return Ok(findings) };
    let name = path.display();
    if !is_there {
        let text = format!("there is no keytab {name} here, so it was not compared");
        findings.push(Finding::information(
            "keytab-missing",
            text,
            "name the keytab with --keytab, or run `status` on the machine that has the keytab",
        ));
    } else if !facts.keytab.contains(&kvno) {
        let text = format!("the keytab {name} has the keys {:?}, and the directory has the key {kvno}", facts.keytab);
        findings.push(Finding::fault("keytab-version", text, "rollover writes a new key and a keytab with it"));
    } else if !AES.iter().any(|etype| keys.has(kvno, *etype)) {
        let text = format!("the keytab {name} has no AES key of the version {kvno}");
        findings.push(Finding::fault("keytab-without-aes", text, "rollover --etypes aes"));
    } else if !opens(tools, arguments, &keys, kvno) {
        let text = format!("the key {kvno} of the keytab {name} does not decrypt the tickets of the directory");
        findings.push(Finding::fault("keytab-key", text, "rollover writes a new key and a keytab with it"));
    }
    let since = account.and_then(|account| account.password_set);
    findings.extend(kept(tools, arguments, &facts.keytab, (kvno, since))?);
    Ok(findings)
}

/// Returns the finding about old keys that are still in the keytab although every ticket under them has ended.
/// `current` is the version of the directory's key, and the time of its change. The function uses `current` only
/// if there is no note of the last rollover, because the note is more exact.
fn kept(
    tools: &mut Tools<'_>,
    arguments: &Arguments,
    versions: &[u32],
    current: (u32, Option<UnixTime>),
) -> Result<Option<Finding>, Failure> {
    let path = arguments.retirement();
    let note = Retirement::read(tools.files, &path).map_err(|error| Failure::file(&path, error))?;
    let now = tools.clock.now();
    let (kvno, is_due, remedy) = if let Some(note) = note {
        (note.kvno, note.is_due(now), "run `prune` by a timer every hour")
    } else {
        let is_due = current.1.is_some_and(|since| now.seconds_since(since) > RETIRED_AFTER);
        (current.0, is_due, "run `rollover`: it removes the old keys, and notes for `prune` when the next keys retire")
    };
    let old: Vec<_> = versions.iter().filter(|version| **version < kvno).collect();
    let text =
        format!("the keytab {} still has the keys {old:?}, whose tickets have ended", arguments.keytab.display());
    Ok((is_due && !old.is_empty()).then(|| Finding::warning("old-key-kept", text, remedy)))
}

/// Returns whether the keytab decrypts a ticket under the key `kvno`. Also returns true if the KDC gives no such
/// ticket.
fn opens(tools: &mut Tools<'_>, arguments: &Arguments, keys: &AccountKeys, kvno: u32) -> bool {
    let [service, _] = SEAMLESS_SSO_SERVICES;
    let ticket = tools.kdc.ticket(&arguments.kdc(), Client::Administrator, service);
    let now = tools.clock.now();
    ticket.map_or(true, |ticket| ticket.kvno != Some(kvno) || proof::opens(keys, &ticket.token, now))
}

/// Returns the findings about each domain controller: about its clock, and about the key of its tickets.
pub fn of_controllers(
    tools: &mut Tools<'_>,
    arguments: &Arguments,
    domain: &Domain,
    account: &Object,
    facts: &mut Facts,
) -> Vec<Finding> {
    let mut findings = Vec::new();
    let at = kdcs(domain, &arguments.kdcs);
    for at in &at {
        let announced = tools.kdc.announce(at, &arguments.account_name());
        let difference = announced.ok().and_then(|said| Some(said.time?.seconds_since(tools.clock.now())));
        if difference.is_some_and(|seconds| seconds.saturating_abs() > MAX_DIFFERENCE) {
            findings.push(clock(&at.to_string(), difference.unwrap_or(0)));
        }
    }
    if account.control & well_known::account_control::DISABLED != 0 {
        return findings;
    }
    let versions = replication::versions(tools, &at);
    let newest =
        versions.iter().filter_map(|(_, version)| if let Version::Of(kvno) = version { Some(*kvno) } else { None });
    let newest = newest.chain(account.kvno).max();
    for (at, version) in versions {
        let at = at.to_string();
        facts.controllers.push((at.clone(), version.clone()));
        match version {
            Version::Of(kvno) if Some(kvno) != newest => {
                let text =
                    format!("{at} gives tickets under the key {kvno}, and the newest key is {}", newest.unwrap_or(0));
                findings.push(Finding::warning("replication-lag", text, "repadmin /syncall, and repadmin /showrepl"));
            }
            Version::Unknown(error) => {
                let remedy = "check that domain controller, or its address (--kdc)";
                findings.push(Finding::warning("controller-silent", error.to_string(), remedy));
            }
            Version::Of(_) | Version::WithoutAes => {}
        }
    }
    findings
}

/// Makes the finding about a clock that differs.
pub(super) fn clock(at: &str, seconds: i64) -> Finding {
    let text = format!("the clock of {at} differs by {seconds} seconds from the clock of this machine");
    Finding::fault("clock", text, "set both clocks by NTP. Kerberos allows five minutes.")
}

/// Returns the findings about the nodes.
pub fn of_nodes(tools: &mut Tools<'_>, arguments: &Arguments, domain: &Domain, kvno: Option<u32>) -> Vec<Finding> {
    let mut findings = Vec::new();
    for url in &arguments.nodes {
        let health = match tools.nodes.health(url) {
            Ok(health) => health,
            Err(error) => {
                let remedy = "start the node, or correct --node";
                findings.push(Finding::warning("node-silent", error.to_string(), remedy));
                continue;
            }
        };
        let name = arguments.account_name();
        match health.tenant(&domain.realm(), &name) {
            None => {
                let text = format!("{url} has no tenant with the account {name} of {}", domain.realm());
                findings.push(Finding::fault("node-without-tenant", text, "enable --config writes the tenant"));
            }
            Some(tenant) => {
                findings.extend(warnings(url, &health, tenant));
                if let Some(kvno) = kvno.filter(|kvno| !health.has_key(&domain.realm(), &name, *kvno)) {
                    let text = format!("{url} does not use the key {kvno}, which the directory has");
                    findings.push(Finding::fault("node-key", text, "give the node the keytab of the last rollover"));
                }
                let counted = counters(url, tenant);
                let is_new = |finding: &Finding| health.warnings.iter().all(|warning| warning.code != finding.code);
                findings.extend(counted.into_iter().filter(is_new));
            }
        }
    }
    findings
}

/// Returns the node's own warnings as findings.
fn warnings(url: &str, health: &Health, tenant: &TenantHealth) -> Vec<Finding> {
    let of_tenant = health.warnings.iter().filter(|warning| warning.tenant == tenant.tenant);
    let finding = |warning: &Warning| {
        let (text, remedy) = (format!("{url}: {}", warning.text), warning.remedy.as_str());
        match warning.code.as_str() {
            "forged-kvno" => Finding::fault(&warning.code, text, remedy),
            code => Finding::warning(code, text, remedy),
        }
    };
    of_tenant.map(finding).collect()
}

/// Returns findings about the counters of the node since its start. The node itself warns of signs of a stolen key, so
/// the counters of these signs are only an information. Sign-ins by RC4 are a warning.
fn counters(url: &str, tenant: &TenantHealth) -> Vec<Finding> {
    let clients = "find these clients in the server's log, and let them use AES";
    let rc4 = (tenant.rc4_sign_ins > 0).then(|| {
        Finding::warning("rc4-clients", format!("{url} counted {} sign-ins by RC4", tenant.rc4_sign_ins), clients)
    });
    let signs = [
        ("unknown-kvno", tenant.unknown_kvno, "tickets under a key that the node does not have"),
        ("forged-kvno", tenant.forged_kvno, "tickets under the account's key that name an unknown key version"),
        ("foreign-realm", tenant.foreign_realm, "tickets from a realm that the tenant does not name"),
        ("administrator-sign-in", tenant.administrator_sign_ins, "sign-ins of administrators"),
    ];
    let sign = |(code, count, what): (&str, u64, &str)| {
        let text = format!("{url} counted {count} {what}");
        (count > 0).then(|| Finding::information(code, text, "the server's log names each of them"))
    };
    rc4.into_iter().chain(signs.into_iter().filter_map(sign)).collect()
}
