//! The objects that have the service names, and the objects that may delegate users to the account.

use super::finding::Finding;
use crate::directory::Object;
use crate::failure::Failure;
use crate::security_descriptor::{Effect, SecurityDescriptor};
use crate::tools::Tools;
use kerberos_sso::Sid;
use kerberos_sso::policy::SEAMLESS_SSO_SERVICES;

/// Returns the findings about other objects that have the account's service names, and about delegation.
///
/// # Errors
/// Returns the error of the directory.
pub fn findings(tools: &mut Tools<'_>, account: &Object) -> Result<Vec<Finding>, Failure> {
    let mut findings = Vec::new();
    let mut is_forest_wide = true;
    for service in SEAMLESS_SSO_SERVICES {
        let holders = tools.directory.holders(service)?;
        let delegating = tools.directory.delegating(service)?;
        is_forest_wide &= holders.is_forest_wide && delegating.is_forest_wide;
        for dn in holders.dns.iter().filter(|dn| !dn.eq_ignore_ascii_case(&account.dn)) {
            let text = format!("{dn} has the service principal name {service}, so clients get no ticket");
            findings.push(Finding::fault("spn-duplicate", text, format!("setspn -D {service} on that object")));
        }
        for dn in delegating.dns.iter().filter(|dn| !dn.eq_ignore_ascii_case(&account.dn)) {
            let text = format!("{dn} may delegate users to {service}, so it can sign in here as these users");
            let remedy = "remove the name from its msDS-AllowedToDelegateTo";
            findings.push(Finding::fault("delegation-to", text, remedy));
        }
    }
    if !is_forest_wide {
        let text = "no global catalogue answers, so only the domain was searched for names and delegation";
        findings.push(Finding::information("domain-only", text, "name a global catalogue with --gc HOST:3269"));
    }
    findings.extend(acting(tools, account)?);
    Ok(findings)
}

/// Returns the findings about resource-based delegation to the account and from the account.
fn acting(tools: &mut Tools<'_>, account: &Object) -> Result<Vec<Finding>, Failure> {
    let mut findings = Vec::new();
    for sid in account.may_act_for.iter().flat_map(|octets| allowed(octets)) {
        let name = name_of(tools, sid)?;
        let text = format!("{name} may act as every user towards the account");
        let remedy = "clear msDS-AllowedToActOnBehalfOfOtherIdentity of the account";
        findings.push(Finding::fault("resource-delegation", text, remedy));
    }
    for (dn, octets) in tools.directory.acting()? {
        if !dn.eq_ignore_ascii_case(&account.dn) && allowed(&octets).iter().any(|sid| Some(*sid) == account.sid) {
            let text = format!("the account may act as every user towards {dn}");
            let remedy = "remove the account from its msDS-AllowedToActOnBehalfOfOtherIdentity";
            findings.push(Finding::warning("resource-delegation-of", text, remedy));
        }
    }
    Ok(findings)
}

/// Returns the SIDs that have an entry in a descriptor which allows something.
fn allowed(octets: &[u8]) -> Vec<Sid> {
    let entries = SecurityDescriptor::parse(octets).ok().and_then(|descriptor| descriptor.entries).unwrap_or_default();
    entries.iter().filter(|entry| entry.effect == Effect::Allow).filter_map(|entry| entry.sid).collect()
}

/// Returns a readable name of a SID.
pub(super) fn name_of(tools: &mut Tools<'_>, sid: Sid) -> Result<String, Failure> {
    let known = crate::well_known::privileged_group(sid).map(str::to_owned);
    let name = known.map_or_else(|| tools.directory.name_of(sid), |name| Ok(Some(name)))?;
    Ok(name.map_or_else(|| sid.to_string(), |name| format!("{name} ({sid})")))
}
