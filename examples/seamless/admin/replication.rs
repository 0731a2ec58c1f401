//! Asks every domain controller for a ticket. The key version of the ticket says whether the domain controller has the
//! last change of the password. The tool asks as the administrator, so no domain controller counts a wrong password for
//! the account.

use crate::address::Address;
use crate::arguments::Arguments;
use crate::directory::{Domain, kdcs};
use crate::failure::Failure;
use crate::kdc::{Client, KdcError};
use crate::tools::Tools;
use kerberos_sso::policy::SEAMLESS_SSO_SERVICES;
use std::collections::BTreeSet;

/// The key version of a domain controller's ticket.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Version {
    /// The version of the key that encrypts the ticket.
    Of(u32),
    /// The account has no AES key at this domain controller.
    WithoutAes,
    /// The KDC gave no ticket, or the ticket names no version.
    Unknown(KdcError),
}

/// Asks each domain controller for a ticket.
pub fn versions(tools: &mut Tools<'_>, at: &[Address]) -> Vec<(Address, Version)> {
    at.iter().map(|at| (at.clone(), version(tools, at))).collect()
}

fn version(tools: &mut Tools<'_>, at: &Address) -> Version {
    let [service, _] = SEAMLESS_SSO_SERVICES;
    match tools.kdc.ticket(at, Client::Administrator, service) {
        Ok(ticket) => ticket.kvno.map_or_else(
            || Version::Unknown(KdcError::Answer { at: at.to_string(), error: "the ticket names no version".into() }),
            Version::Of,
        ),
        Err(error) if error.is_without_aes() => Version::WithoutAes,
        Err(error) => Version::Unknown(error),
    }
}

/// Waits until no domain controller gives a ticket under the key `old`. Prints the name of a domain controller that
/// gives no ticket. Returns whether every domain controller of the domain gave a ticket.
///
/// # Errors
/// Returns [`Failure::Lagging`] if a domain controller still uses the key `old` after the time of `--replication-wait`.
pub fn wait(tools: &mut Tools<'_>, arguments: &Arguments, domain: &Domain, old: u32) -> Result<bool, Failure> {
    let begun = tools.clock.now();
    let mut open = kdcs(domain, &arguments.kdcs);
    // The command line may name some domain controllers only, or one of them twice.
    let mut is_everywhere = open.iter().collect::<BTreeSet<_>>().len() >= domain.controllers.len();
    loop {
        let mut lagging = Vec::new();
        for (at, version) in versions(tools, &open) {
            match version {
                Version::Of(kvno) if kvno > old => {
                    tools.steps.done("the domain controller gives tickets under the new key", &at.to_string());
                }
                Version::Of(_) | Version::WithoutAes => lagging.push(at),
                Version::Unknown(error) => {
                    is_everywhere = false;
                    tools.steps.done("a domain controller could not be asked", &error.to_string());
                }
            }
        }
        if lagging.is_empty() {
            return Ok(is_everywhere);
        }
        if tools.clock.now().seconds_since(begun) >= i64::from(arguments.replication_wait) {
            return Err(Failure::Lagging { at: lagging.iter().map(ToString::to_string).collect(), kvno: old });
        }
        open = lagging;
        tools.clock.wait();
    }
}
