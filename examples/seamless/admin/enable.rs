//! `enable`: creates the account, writes its keytab, and checks that the keytab decrypts real tickets for the account.
//! Each step can be done twice, so the next run finishes the work of a run that was killed.

use crate::arguments::Arguments;
use crate::config_file;
use crate::directory::{Domain, NewAccount, Object, Secret, kdcs, parent};
use crate::failure::{Failure, Refusal};
use crate::journal::{Journal, Work};
use crate::keytab_file::{AES, AccountKeys};
use crate::ldap_error::DirectoryError;
use crate::security_descriptor::SecurityDescriptor;
use crate::tools::Tools;
use crate::{ldap_name, password, preflight, proof, well_known};
use kerberos_sso::Salt;
use kerberos_sso::policy::SEAMLESS_SSO_SERVICES;

/// The result of `enable`.
#[derive(Debug)]
pub enum Enabled {
    /// The account is new. The text is the block of the tenant, if `enable` did not write the block into a
    /// configuration.
    New(Option<String>),
    /// The account existed before, and nothing is wrong with it.
    Already,
    /// Nothing was done (`--dry-run`).
    Dry,
}

/// Sets up the account.
///
/// # Errors
/// Returns the [`Failure`]. If it is a [`Refusal`], the command changed nothing.
pub fn enable(tools: &mut Tools<'_>, arguments: &Arguments) -> Result<Enabled, Failure> {
    let domain = preflight::domain(tools, arguments)?;
    let journal = preflight::journal(tools, arguments, &domain, Work::Enable)?;
    if journal.is_none() {
        preflight::pdc(arguments, &domain)?;
    }
    let account = preflight::account(tools, arguments)?;
    let keytab = preflight::keytab(tools, arguments, &domain)?;
    if let (None, Some(account)) = (&journal, &account) {
        healthy(account, &keytab)?;
        return already(tools, arguments, &domain, account);
    }
    let dn = distinguished_name(arguments, &domain);
    let (mut is_there, is_resumed) = (account.is_some(), journal.is_some());
    if !is_there && let Err(failure) = may_create(tools, arguments, &domain) {
        is_there = took_effect_late(tools, arguments, is_resumed)?;
        if !is_there {
            return Err(failure);
        }
    }
    if arguments.dry_run {
        plan(tools, arguments, &dn);
        return Ok(Enabled::Dry);
    }
    let journal = match journal {
        Some(journal) => journal,
        None => begin(tools, arguments, &domain)?,
    };
    if !is_there {
        create(tools, arguments, &dn, &journal, is_resumed)?;
    }
    finish(tools, arguments, &domain, &journal).map(Enabled::New)
}

/// Checks that an existing account has what `enable` gives to a new account. `enable` keeps the password of such an
/// account.
fn healthy(account: &Object, keytab: &AccountKeys) -> Result<(), Failure> {
    let missing = SEAMLESS_SSO_SERVICES.into_iter().find(|service| !account.has_service(service));
    let fault = if account.control & well_known::account_control::DISABLED != 0 {
        "is disabled".to_owned()
    } else if let Some(service) = missing {
        format!("lacks the service principal name {service}")
    } else if !account.kvno.is_some_and(|kvno| keytab.has(kvno, AES[0])) {
        "the keytab lacks the account's current AES key".to_owned()
    } else {
        return Ok(());
    };
    Err(Refusal::Unhealthy { dn: account.dn.clone(), fault }.into())
}

/// Protects an existing account if the command line has `--ou`, as `enable` protects a new account.
fn already(
    tools: &mut Tools<'_>,
    arguments: &Arguments,
    domain: &Domain,
    account: &Object,
) -> Result<Enabled, Failure> {
    let Some(container) = &arguments.ou else { return Ok(Enabled::Already) };
    let container = tools.directory.container(container)?;
    if !parent(&account.dn).is_some_and(|parent| parent.eq_ignore_ascii_case(&container.dn)) {
        return Err(Refusal::Elsewhere { dn: account.dn.clone(), container: container.dn }.into());
    }
    preflight::may_protect_in(&container)?;
    if arguments.dry_run {
        tools.steps.would(&protection(&container.dn));
        return Ok(Enabled::Dry);
    }
    protect(tools, arguments, domain, account)?;
    Ok(Enabled::Already)
}

fn distinguished_name(arguments: &Arguments, domain: &Domain) -> String {
    let container = arguments.ou.as_deref().unwrap_or(&domain.computers);
    ldap_name::child(&arguments.account, container)
}

fn may_create(tools: &mut Tools<'_>, arguments: &Arguments, domain: &Domain) -> Result<(), Failure> {
    preflight::services(tools, None)?;
    let container = arguments.ou.as_deref().unwrap_or(&domain.computers);
    let found = tools.directory.container(container)?;
    preflight::may_create_in(&found)?;
    if arguments.ou.is_some() {
        preflight::may_protect_in(&found)?;
    }
    unknown_everywhere(tools, arguments, domain)?;
    let rights = if arguments.ou.is_some() { "create computers, and protect them" } else { "create computers" };
    tools.steps.done(&format!("the administrator may {rights}"), container);
    Ok(())
}

/// Checks that no domain controller knows the account. Otherwise the new account would conflict with the account that
/// the other domain controller has.
fn unknown_everywhere(tools: &mut Tools<'_>, arguments: &Arguments, domain: &Domain) -> Result<(), Failure> {
    let name = arguments.account_name();
    for (place, at) in kdcs(domain, &arguments.kdcs).iter().enumerate() {
        match tools.kdc.announce(at, &name) {
            Ok(announced) if announced.is_known => {
                return Err(Refusal::KnownElsewhere { at: at.to_string(), name }.into());
            }
            Ok(announced) => preflight::clock(tools, at, announced.time)?,
            // The proof needs the first KDC, so this KDC must answer before `enable` creates the account.
            Err(error) if place == 0 => return Err(error.into()),
            Err(error) => tools.steps.done("a domain controller could not be asked", &error.to_string()),
        }
    }
    Ok(())
}

fn plan(tools: &mut Tools<'_>, arguments: &Arguments, dn: &str) {
    tools.steps.would(&format!("write the journal {}", arguments.journal().display()));
    tools.steps.would(&format!("create {dn} with {} and AES keys", SEAMLESS_SSO_SERVICES.join(" and ")));
    tools.steps.would("get a ticket for each service, and validate it");
    tools.steps.would(&format!("write the keytab {}", arguments.keytab.display()));
    if let Some(container) = &arguments.ou {
        tools.steps.would(&protection(container));
    }
    if let Some(config) = &arguments.config {
        tools.steps.would(&format!("write the tenant into {}", config.display()));
    }
    tools.steps.would(&format!("remove the journal {}", arguments.journal().display()));
}

fn protection(container: &str) -> String {
    format!("protect the account from deletion, and the children of {container}")
}

fn begin(tools: &mut Tools<'_>, arguments: &Arguments, domain: &Domain) -> Result<Journal, Failure> {
    let path = arguments.journal();
    let password = password::random().map_err(|error| Failure::file(&path, error))?;
    let mut journal =
        Journal::new(Work::Enable, &arguments.account_name(), &domain.realm(), &domain.controller, password);
    (journal.etypes, journal.begun) = (Some(well_known::AES), tools.clock.now().seconds());
    journal.write(tools.files, &path).map_err(|error| Failure::file(&path, error))?;
    tools.steps.done("the journal is written", &path.display().to_string());
    Ok(journal)
}

/// Returns whether the account exists now. A run that was killed may have asked the directory to create the account.
/// The creation can take effect after the next run has looked for the account. The account then looks as if somebody
/// else had created it. The proof says whether the account's password is that of the journal.
fn took_effect_late(tools: &mut Tools<'_>, arguments: &Arguments, is_resumed: bool) -> Result<bool, Failure> {
    let is_there = is_resumed && preflight::account(tools, arguments)?.is_some();
    if is_there {
        tools.steps.done("the account was created by an earlier run", &arguments.account_name());
    }
    Ok(is_there)
}

fn create(
    tools: &mut Tools<'_>,
    arguments: &Arguments,
    dn: &str,
    journal: &Journal,
    is_resumed: bool,
) -> Result<(), Failure> {
    let name = arguments.account_name();
    let password = Secret(&journal.password);
    let new = NewAccount { dn, name: &name, services: &SEAMLESS_SSO_SERVICES, etypes: well_known::AES, password };
    match tools.directory.create(&new) {
        Err(DirectoryError::Refused { .. }) if took_effect_late(tools, arguments, is_resumed)? => return Ok(()),
        // The directory said that it did not create the account, so the password in the journal is of no use.
        Err(error @ DirectoryError::Refused { code, .. }) => {
            tools.files.remove(&arguments.journal()).map_err(|error| Failure::file(&arguments.journal(), error))?;
            // No object has the account name, so an object with another account name has this DN.
            return Err(if code == 68 { Refusal::DnTaken { dn: dn.into() }.into() } else { error.into() });
        }
        created => created?,
    }
    tools.steps.done("the account is created", dn);
    Ok(())
}

/// Does the steps after the creation of the account.
fn finish(
    tools: &mut Tools<'_>,
    arguments: &Arguments,
    domain: &Domain,
    journal: &Journal,
) -> Result<Option<String>, Failure> {
    let (name, realm) = (arguments.account_name(), domain.realm());
    let account = preflight::existing(tools, arguments, domain)?;
    let kvno = account.kvno.ok_or(DirectoryError::Answer("msDS-KeyVersionNumber"))?;
    let salt = tools.kdc.announce(&arguments.kdc(), &name)?.salt;
    tools.steps.done("the account is read back", &format!("key version {kvno}, domain {}", domain.sid));
    let salt = salt.unwrap_or_else(|| Salt::computer(&name, &realm));
    let keys = AccountKeys::none(&name, &realm).with_password(kvno, &journal.password, &salt, false, tools.clock.now());
    let octets = keys.encode().map_err(|error| Failure::file(&arguments.keytab, error))?;
    // If the account does not have the password of the journal, somebody else made the account. Then `prove` returns an
    // error, and `finish` writes no keytab.
    proof::prove(tools, arguments, domain, &journal.password, &octets)?;
    tools.steps.done("a ticket for each service is accepted", &SEAMLESS_SSO_SERVICES.join(", "));
    // The note may be about an earlier account of this name. With such a note, `prune` would remove keys of the new
    // account.
    let path = arguments.retirement();
    tools.files.remove(&path).map_err(|error| Failure::file(&path, error))?;
    let path = &arguments.keytab;
    tools.files.write(path, &octets).map_err(|error| Failure::file(path, error))?;
    tools.steps.done("the keytab is written", &path.display().to_string());
    if arguments.ou.is_some() {
        protect(tools, arguments, domain, &account)?;
    }
    let block = config_file::write(tools, arguments, domain)?;
    let path = arguments.journal();
    tools.files.remove(&path).map_err(|error| Failure::file(&path, error))?;
    tools.steps.done("the journal is removed", &path.display().to_string());
    Ok(block)
}

/// Protects the account from deletion, as the check box of Active Directory Users and Computers does. The account and
/// its container each get an entry. If only the account denied DELETE, an administrator could still delete the account
/// by the right DELETE_CHILD on the container.
fn protect(tools: &mut Tools<'_>, arguments: &Arguments, domain: &Domain, account: &Object) -> Result<(), Failure> {
    let dn = &account.dn;
    let container = parent(dn).ok_or(DirectoryError::Answer("the container of the account"))?;
    let descriptor = parsed(&account.descriptor)?;
    if !descriptor.is_protected() {
        tools.directory.write_dacl(dn, &descriptor.with_protection())?;
    }
    let descriptor = parsed(&tools.directory.container(container)?.descriptor)?;
    if !descriptor.protects_children() {
        tools.directory.write_dacl(container, &descriptor.with_protection_of_children())?;
    }
    let account = preflight::existing(tools, arguments, domain)?;
    for (dn, is_protected) in [
        (dn.as_str(), parsed(&account.descriptor)?.is_protected()),
        (container, parsed(&tools.directory.container(container)?.descriptor)?.protects_children()),
    ] {
        if !is_protected {
            return Err(Failure::Unprotected { dn: dn.into() });
        }
    }
    tools.steps.done("the account is protected from deletion", &format!("{dn}, and the children of {container}"));
    Ok(())
}

fn parsed(descriptor: &[u8]) -> Result<SecurityDescriptor, DirectoryError> {
    SecurityDescriptor::parse(descriptor).map_err(|_| DirectoryError::Answer("nTSecurityDescriptor"))
}
