//! The checks of each command before it changes anything.

use crate::address::Address;
use crate::arguments::Arguments;
use crate::clock::MAX_DIFFERENCE;
use crate::directory::{Container, Domain, Object};
use crate::failure::{Failure, Refusal};
use crate::files::Files;
use crate::journal::{Journal, Work};
use crate::keytab_file::{AccountKeys, names};
use crate::security_descriptor::{SecurityDescriptor, right};
use crate::tools::Tools;
use crate::well_known;
use kerberos_sso::policy::SEAMLESS_SSO_SERVICES;
use kerberos_sso::{Keytab, UnixTime};
use std::path::Path;

/// Reads the domain, and checks its name and the clock of its domain controller.
///
/// # Errors
/// Returns the [`Refusal`], or the error of the directory.
pub fn domain(tools: &mut Tools<'_>, arguments: &Arguments) -> Result<Domain, Failure> {
    let domain = tools.directory.domain()?;
    is_meant(&domain, arguments)?;
    let controller = domain.controller.clone();
    let seconds = domain.time.seconds_since(tools.clock.now()).saturating_abs();
    if seconds > MAX_DIFFERENCE {
        return Err(Refusal::Clock { controller, seconds }.into());
    }
    tools.steps.done("the domain is read", &format!("{} by {controller}, clock differs by {seconds} s", domain.name));
    Ok(domain)
}

/// Checks that the domain is the one that the command line names, and that the administrator belongs to it.
///
/// # Errors
/// Returns the [`Refusal`].
pub fn is_meant(domain: &Domain, arguments: &Arguments) -> Result<(), Failure> {
    if !domain.name.eq_ignore_ascii_case(&arguments.forest) {
        let (found, wanted) = (domain.name.clone(), arguments.forest.clone());
        return Err(Refusal::OtherDomain { controller: domain.controller.clone(), found, wanted }.into());
    }
    // With the administrator's password, the tool gets tickets from the KDCs of this domain, which know only the
    // domain's own users.
    match &domain.foreign_administrator {
        Some(name) => Err(Refusal::ForeignAdministrator { name: name.clone(), domain: domain.name.clone() }.into()),
        None => Ok(()),
    }
}

/// Checks that the domain controller is the PDC emulator. Two runs at two domain controllers that have not replicated
/// would set two passwords under one key version. At the PDC emulator, the second run sees the changes of the first.
///
/// # Errors
/// Returns the [`Refusal`].
pub fn pdc(arguments: &Arguments, domain: &Domain) -> Result<(), Failure> {
    let is_pdc = domain.pdc.as_ref().is_some_and(|pdc| pdc.eq_ignore_ascii_case(&domain.controller));
    if is_pdc || arguments.not_pdc {
        return Ok(());
    }
    Err(Refusal::NotPdc { controller: domain.controller.clone(), pdc: domain.pdc.clone() }.into())
}

/// Checks the clock of a KDC, if the KDC sent its time. If the clocks differ by too much, a KDC refuses every request.
///
/// # Errors
/// Returns the [`Refusal`].
pub fn clock(tools: &mut Tools<'_>, at: &Address, time: Option<UnixTime>) -> Result<(), Failure> {
    let seconds = time.map_or(0, |time| time.seconds_since(tools.clock.now()).saturating_abs());
    if seconds > MAX_DIFFERENCE { Err(Refusal::Clock { controller: at.to_string(), seconds }.into()) } else { Ok(()) }
}

/// Reads the journal, and checks that it is about this account, this domain controller and the command `work`.
///
/// # Errors
/// Returns the [`Refusal`], or the error of the file.
pub fn journal(
    tools: &mut Tools<'_>,
    arguments: &Arguments,
    domain: &Domain,
    work: Work,
) -> Result<Option<Journal>, Failure> {
    let path = arguments.journal();
    let journal = Journal::read(tools.files, &path).map_err(|error| Failure::file(&path, error))?;
    let Some(journal) = journal else { return Ok(None) };
    if journal.command != work {
        return Err(Refusal::Open { path, command: journal.command }.into());
    }
    let of =
        |account: &str, realm: &str, controller: &str| format!("{account} of {realm} at {controller}").to_lowercase();
    let found = of(&journal.account, &journal.realm, &journal.controller);
    let wanted = of(&arguments.account_name(), &domain.realm(), &domain.controller);
    if found != wanted {
        return Err(Refusal::OtherJournal { path, found, wanted }.into());
    }
    tools.steps.done("an open journal is read", &format!("this run finishes the {work} of the journal"));
    Ok(Some(journal))
}

/// Finds the account. Refuses an object of this name that is no computer.
///
/// # Errors
/// Returns the [`Refusal`], or the error of the directory.
pub fn account(tools: &mut Tools<'_>, arguments: &Arguments) -> Result<Option<Object>, Failure> {
    let name = arguments.account_name();
    let mut others = tools.directory.named(&arguments.account)?;
    let own = others.iter().position(|object| object.is_computer && object.name.eq_ignore_ascii_case(&name));
    match (own, others.first()) {
        (Some(place), _) => Ok(Some(others.swap_remove(place))),
        (None, Some(other)) => Err(Refusal::NoComputer { dn: other.dn.clone(), name: other.name.clone() }.into()),
        (None, None) => Ok(None),
    }
}

/// Finds the account, which must exist.
///
/// # Errors
/// Returns the [`Refusal`], or the error of the directory.
pub fn existing(tools: &mut Tools<'_>, arguments: &Arguments, domain: &Domain) -> Result<Object, Failure> {
    let name = arguments.account_name();
    account(tools, arguments)?.ok_or_else(|| Refusal::NoAccount { domain: domain.name.clone(), name }.into())
}

/// Checks that no object other than `own` has one of the service principal names.
///
/// # Errors
/// Returns the [`Refusal`], or the error of the directory.
pub fn services(tools: &mut Tools<'_>, own: Option<&str>) -> Result<(), Failure> {
    for service in SEAMLESS_SSO_SERVICES {
        let found = tools.directory.holders(service)?;
        let scope = found.scope();
        let holders: Vec<_> =
            found.dns.into_iter().filter(|dn| own.is_none_or(|own| !dn.eq_ignore_ascii_case(own))).collect();
        if !holders.is_empty() {
            return Err(Refusal::DuplicateService { service, holders, scope }.into());
        }
        tools.steps.done(&format!("no other object has {service}"), scope);
    }
    Ok(())
}

/// Reads the keys of the account in the keytab. Refuses a keytab with keys of other principals, because another program
/// made such a keytab.
///
/// # Errors
/// Returns the [`Refusal`], or the error of the file.
pub fn keytab(tools: &mut Tools<'_>, arguments: &Arguments, domain: &Domain) -> Result<AccountKeys, Failure> {
    let (path, name, realm) = (&arguments.keytab, arguments.account_name(), domain.realm());
    keys(tools.files, path, &name, &realm)
}

/// Reads the keys of the account `name` from a keytab. Refuses a keytab that has other keys.
///
/// # Errors
/// Returns the [`Refusal`], or the error of the file.
pub fn keys(files: &mut dyn Files, path: &Path, name: &str, realm: &str) -> Result<AccountKeys, Failure> {
    let octets = files.read(path).map_err(|error| Failure::file(path, error))?;
    let Some(octets) = octets else { return Ok(AccountKeys::none(name, realm)) };
    let keytab = Keytab::parse(&octets).map_err(|error| Failure::file(path, error))?;
    let keytab = keytab.only(names(name, realm).iter().map(String::as_str));
    if let Some(other) = keytab.left_out().first() {
        return Err(Refusal::KeytabOfOthers { path: path.into(), other: other.to_string() }.into());
    }
    AccountKeys::parse(&octets, name, realm).map_err(|error| Failure::file(path, error))
}

/// Checks that the administrator may create the account in a container.
///
/// # Errors
/// Returns the [`Refusal`].
pub fn may_create_in(container: &Container) -> Result<(), Failure> {
    let missing = || Refusal::MissingRight { right: "create computers in", dn: container.dn.clone() }.into();
    container.may_create_computers.then_some(()).ok_or_else(missing)
}

/// Checks that the administrator may protect the children of a container from deletion.
///
/// # Errors
/// Returns the [`Refusal`].
pub fn may_protect_in(container: &Container) -> Result<(), Failure> {
    let missing = |right| Err(Refusal::MissingRight { right, dn: container.dn.clone() }.into());
    let Ok(descriptor) = SecurityDescriptor::parse(&container.descriptor) else {
        return missing("read the access control list of");
    };
    if descriptor.protects_children() {
        return Ok(());
    }
    // No entry can be added to a container that has no DACL, or a full DACL.
    let takes_entry = descriptor.with_protection_of_children().encode_dacl().is_some();
    if takes_entry && container.may_write_dacl { Ok(()) } else { missing("add to the access control list of") }
}

/// Checks that the administrator may set the password of the account. If `etypes` is true, also checks the right to set
/// the encryption types.
///
/// # Errors
/// Returns the [`Refusal`].
pub fn may_roll_over(account: &Object, domain: &Domain, etypes: bool) -> Result<(), Failure> {
    let missing = |right| Failure::from(Refusal::MissingRight { right, dn: account.dn.clone() });
    let descriptor = SecurityDescriptor::parse(&account.descriptor);
    let may_reset = descriptor
        .is_ok_and(|descriptor| descriptor.allows(&domain.own_sids, right::CONTROL_ACCESS, well_known::RESET_PASSWORD));
    if !may_reset {
        return Err(missing("reset the password of"));
    }
    let may_write = account.writable.iter().any(|attribute| attribute == "msds-supportedencryptiontypes");
    if etypes && !may_write { Err(missing("write msDS-SupportedEncryptionTypes of")) } else { Ok(()) }
}
