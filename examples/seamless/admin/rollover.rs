//! `rollover`: replaces the account's key, so that no sign-in fails. The keytab has the new key before the directory
//! has it, and still has the old key afterwards. After a run that was killed, the next run reads the journal and the
//! key version, and finishes the work.

use crate::arguments::Arguments;
use crate::directory::{Domain, Object, kdcs};
use crate::failure::{Failure, Refusal};
use crate::journal::{Journal, Work};
use crate::keytab_file::AccountKeys;
use crate::ldap_error::DirectoryError;
use crate::replication::{self, Version};
use crate::retirement::Retirement;
use crate::tools::Tools;
use crate::{password, preflight, proof, well_known};
use kerberos_sso::{Salt, UnixTime};

/// The result of `rollover`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RolledOver {
    /// The account has a new key of this version.
    To(u32),
    /// Nothing was done (`--dry-run`).
    Dry,
}

/// Replaces the account's key.
///
/// # Errors
/// Returns the [`Failure`]. If it is a [`Refusal`], the command changed nothing.
pub fn rollover(tools: &mut Tools<'_>, arguments: &Arguments) -> Result<RolledOver, Failure> {
    let domain = preflight::domain(tools, arguments)?;
    let journal = preflight::journal(tools, arguments, &domain, Work::Rollover)?;
    let account = preflight::existing(tools, arguments, &domain)?;
    let keys = preflight::keytab(tools, arguments, &domain)?;
    let kvno = version(&account)?;
    if journal.is_none() {
        preflight::pdc(arguments, &domain)?;
        check(tools, arguments, &domain, &account, &keys)?;
    }
    if arguments.dry_run {
        plan(tools, arguments, kvno, journal.as_ref());
        return Ok(RolledOver::Dry);
    }
    let journal = match journal {
        Some(journal) => journal,
        None => begin(tools, arguments, &domain, &account)?,
    };
    let old = journal.kvno.ok_or_else(|| Failure::file(&arguments.journal(), "the journal has no key version"))?;
    let change = Change { arguments, domain: &domain, journal: &journal, old };
    if kvno < old {
        return Err(Failure::Changed { expected: old, found: kvno });
    }
    if kvno == old {
        change.prepare(tools, keys, &account)?;
        change.set_password(tools, &account)?;
    } else {
        change.end_of_set(tools, &account)?;
    }
    change.finish(tools)
}

fn version(account: &Object) -> Result<u32, Failure> {
    account.kvno.ok_or_else(|| DirectoryError::Answer("msDS-KeyVersionNumber").into())
}

/// Checks what must be true before the rollover changes anything.
fn check(
    tools: &mut Tools<'_>,
    arguments: &Arguments,
    domain: &Domain,
    account: &Object,
    keys: &AccountKeys,
) -> Result<(), Failure> {
    let (name, kvno) = (arguments.account_name(), version(account)?);
    if account.control & well_known::account_control::DISABLED != 0 {
        return Err(Refusal::Disabled { dn: account.dn.clone() }.into());
    }
    if !arguments.to_aes && account.etypes.unwrap_or(0) & well_known::AES == 0 {
        let found = account.etypes.map_or_else(|| "not set".into(), |etypes| etypes.to_string());
        return Err(Refusal::NoAes { name, found }.into());
    }
    preflight::may_roll_over(account, domain, new_etypes(arguments, account).is_some())?;
    preflight::services(tools, Some(&account.dn))?;
    for url in &arguments.nodes {
        let health = tools.nodes.health(url).map_err(Refusal::Node)?;
        if health.tenant(&domain.realm(), &name).is_none() {
            return Err(Refusal::NoTenant { url: url.clone(), name, realm: domain.realm() }.into());
        }
    }
    agree(tools, arguments, domain, kvno)?;
    if !keys.versions().contains(&kvno) {
        let text = format!("tickets under the key {kvno} are refused until users have new ones");
        tools.steps.done("the keytab lacks the current key", &text);
    }
    tools.steps.done("the account is read", &format!("{}, key version {kvno}", account.dn));
    Ok(())
}

/// Checks that the domain controllers have the same key version. Also checks that the first domain controller gives
/// tickets, because the proof at the end of the rollover needs tickets.
fn agree(tools: &mut Tools<'_>, arguments: &Arguments, domain: &Domain, kvno: u32) -> Result<(), Failure> {
    let announced = tools.kdc.announce(&arguments.kdc(), &arguments.account_name());
    if let Ok(announced) = announced {
        preflight::clock(tools, &arguments.kdc(), announced.time)?;
    }
    for (place, (at, version)) in replication::versions(tools, &kdcs(domain, &arguments.kdcs)).into_iter().enumerate() {
        match version {
            Version::Of(found) if found != kvno => {
                return Err(Refusal::Lagging { at: at.to_string(), found, kvno }.into());
            }
            Version::Unknown(error) if place == 0 => return Err(error.into()),
            Version::Unknown(error) => tools.steps.done("a domain controller gives no ticket", &error.to_string()),
            Version::Of(_) | Version::WithoutAes => {}
        }
    }
    Ok(())
}

/// Returns the encryption types that the rollover sets, or `None` if it does not change them.
fn new_etypes(arguments: &Arguments, account: &Object) -> Option<u32> {
    let old = account.etypes.unwrap_or(0);
    let new = old & !(well_known::RC4 | well_known::DES) | well_known::AES;
    (arguments.to_aes && new != old).then_some(new)
}

fn plan(tools: &mut Tools<'_>, arguments: &Arguments, kvno: u32, journal: Option<&Journal>) {
    let old = journal.and_then(|journal| journal.kvno).unwrap_or(kvno);
    let new = old.saturating_add(1);
    let keytab = arguments.keytab.display();
    if kvno == old {
        tools.steps.would(&format!("write the journal {}", arguments.journal().display()));
        tools.steps.would(&format!("write the keytab {keytab} with the keys {old} and {new}"));
        for url in &arguments.nodes {
            tools.steps.would(&format!("wait until {url} uses the key {new}"));
        }
        let types = if arguments.to_aes { " and the encryption types AES" } else { "" };
        tools.steps.would(&format!("set the account's password{types}"));
    }
    tools.steps.would("read the key version and the salt, and get a ticket for each service");
    tools.steps.would(&format!("ask every domain controller until none gives a ticket under the key {old}"));
    tools.steps.would(&format!("note in {} when the key {old} retires", arguments.retirement().display()));
    tools.steps.would(&format!("remove the journal {}", arguments.journal().display()));
}

fn begin(tools: &mut Tools<'_>, arguments: &Arguments, domain: &Domain, account: &Object) -> Result<Journal, Failure> {
    let path = arguments.journal();
    let password = password::random().map_err(|error| Failure::file(&path, error))?;
    let mut journal =
        Journal::new(Work::Rollover, &arguments.account_name(), &domain.realm(), &domain.controller, password);
    (journal.kvno, journal.etypes) = (account.kvno, new_etypes(arguments, account));
    journal.begun = tools.clock.now().seconds();
    journal.write(tools.files, &path).map_err(|error| Failure::file(&path, error))?;
    tools.steps.done("the journal is written", &path.display().to_string());
    Ok(journal)
}

/// A rollover that has written its journal.
struct Change<'a> {
    arguments: &'a Arguments,
    domain: &'a Domain,
    journal: &'a Journal,
    /// The key version before the change.
    old: u32,
}

impl Change<'_> {
    /// Writes the keytab with the old and the new key, and waits until the nodes use both.
    fn prepare(&self, tools: &mut Tools<'_>, keys: AccountKeys, account: &Object) -> Result<(), Failure> {
        let (new, now) = (self.old.saturating_add(1), tools.clock.now());
        let (salt, rc4) = (self.salt(tools)?, account.may_have_rc4());
        // The rollover removes the keys of versions before `old` now. At its end, it cannot remove `old`, because
        // tickets under `old` are still valid then.
        let keys = keys.without_retired(self.old, account.password_set, now);
        if keys.contains(&self.none().with_password(new, &self.journal.password, &salt, rc4, now)) {
            // The nodes may have a copy of this file already, so the tool does not write it again.
            tools.steps.done("the keytab was written by an earlier run", &self.arguments.keytab.display().to_string());
            return self.wait_for_nodes(tools, new, keys.written(new).unwrap_or(now), false);
        }
        self.write(tools, keys, new, &salt, rc4)?;
        self.wait_for_nodes(tools, new, now, false)
    }

    fn none(&self) -> AccountKeys {
        AccountKeys::none(&self.arguments.account_name(), &self.domain.realm())
    }

    /// Returns the salt of the account. An account without AES keys has no salt yet: for such an account, returns the
    /// salt that the directory gives to computers.
    fn salt(&self, tools: &mut Tools<'_>) -> Result<Salt, Failure> {
        let name = self.arguments.account_name();
        let computer = || Salt::computer(&name, &self.domain.realm());
        match tools.kdc.announce(&self.arguments.kdc(), &name) {
            Err(error) if error.is_without_aes() => Ok(computer()),
            announced => Ok(announced?.salt.unwrap_or_else(computer)),
        }
    }

    fn write(&self, tools: &mut Tools<'_>, keys: AccountKeys, new: u32, salt: &Salt, rc4: bool) -> Result<(), Failure> {
        let path = &self.arguments.keytab;
        // An earlier run may have written keys under versions that the directory does not have yet. The KDC may never
        // use these keys, so the tool removes them.
        let later = keys.versions().into_iter().filter(|kvno| *kvno > self.old);
        let keys = later.fold(keys, AccountKeys::without);
        let keys = keys.with_password(new, &self.journal.password, salt, rc4, tools.clock.now());
        let octets = keys.encode().map_err(|error| Failure::file(path, error))?;
        tools.files.write(path, &octets).map_err(|error| Failure::file(path, error))?;
        let versions: Vec<_> = keys.versions().iter().map(ToString::to_string).collect();
        tools.steps.done("the keytab is written", &format!("{}, keys {}", path.display(), versions.join(" and ")));
        Ok(())
    }

    fn wait_for_nodes(&self, tools: &mut Tools<'_>, kvno: u32, written: UnixTime, is_set: bool) -> Result<(), Failure> {
        let (realm, name) = (self.domain.realm(), self.arguments.account_name());
        for url in &self.arguments.nodes {
            let begun = tools.clock.now();
            loop {
                let health = tools.nodes.health(url);
                let tenant = health.as_ref().ok().and_then(|health| health.tenant(&realm, &name));
                if tenant.is_some_and(|tenant| tenant.uses(kvno, written)) {
                    break;
                }
                if tools.clock.now().seconds_since(begun) >= i64::from(self.arguments.node_wait) {
                    let reason = health.map_or_else(|error| error.to_string(), |_| "it has not loaded this key".into());
                    return Err(Failure::Node { url: url.clone(), kvno, reason, is_set });
                }
                tools.clock.wait();
            }
            tools.steps.done(&format!("the node uses the key {kvno}"), url);
        }
        Ok(())
    }

    /// Sets the password, if nobody else has set it since the rollover began.
    fn set_password(&self, tools: &mut Tools<'_>, account: &Object) -> Result<(), Failure> {
        let found = version(&preflight::existing(tools, self.arguments, self.domain)?)?;
        if found != self.old {
            return Err(Failure::Changed { expected: self.old, found });
        }
        let (dn, password) = (&account.dn, Some(self.journal.password.as_str()));
        match (tools.directory.set_password(dn, password, self.journal.etypes), self.journal.etypes) {
            // If the directory refuses to change the password and the types in one operation, the tool sets the
            // password first. Until the second operation, the KDC may encrypt tickets under the RC4 key of the new
            // password. The keytab has this key.
            (Err(DirectoryError::Refused { code: 53, .. }), Some(etypes)) => {
                tools.directory.set_password(dn, password, None)?;
                tools.directory.set_password(dn, None, Some(etypes))?;
            }
            (set, _) => set?,
        }
        let types =
            self.journal.etypes.map_or_else(String::new, |etypes| format!(", and the encryption types {etypes}"));
        tools.steps.done(&format!("the account has the new password{types}"), dn);
        Ok(())
    }

    /// Sets the encryption types, if an earlier run was killed before it set them.
    fn end_of_set(&self, tools: &mut Tools<'_>, account: &Object) -> Result<(), Failure> {
        tools.steps.done("the password was set by an earlier run", &account.dn);
        match self.journal.etypes {
            Some(etypes) if account.etypes != Some(etypes) => {
                tools.directory.set_password(&account.dn, None, Some(etypes))?;
                tools.steps.done(&format!("the encryption types {etypes} are set"), &account.dn);
                Ok(())
            }
            _ => Ok(()),
        }
    }

    /// Does the steps after the change of the password.
    fn finish(&self, tools: &mut Tools<'_>) -> Result<RolledOver, Failure> {
        let kvno = self.correct(tools)?;
        let is_everywhere = replication::wait(tools, self.arguments, self.domain, self.old)?;
        self.retire(tools, kvno, is_everywhere)?;
        let path = self.arguments.journal();
        tools.files.remove(&path).map_err(|error| Failure::file(&path, error))?;
        tools.steps.done("the journal is removed", &path.display().to_string());
        Ok(RolledOver::To(kvno))
    }

    /// Writes the note for `prune`: the time at which the keys before `kvno` retire. From now on, no domain controller
    /// that answered gives a ticket under these keys.
    fn retire(&self, tools: &mut Tools<'_>, kvno: u32, is_everywhere: bool) -> Result<(), Failure> {
        let path = self.arguments.retirement();
        let (account, realm) = (self.arguments.account_name(), self.domain.realm());
        let retirement = Retirement::new(account, realm, kvno, tools.clock.now(), is_everywhere);
        retirement.write(tools.files, &path).map_err(|error| Failure::file(&path, error))?;
        let end = format!("{}; `prune` removes them then", retirement.until());
        tools.steps.done(&format!("the end of the keys before {kvno} is noted"), &end);
        Ok(())
    }

    /// Compares the keytab with the directory. Writes the keytab again if the directory has another key version or
    /// salt.
    fn correct(&self, tools: &mut Tools<'_>) -> Result<u32, Failure> {
        let kvno = version(&preflight::existing(tools, self.arguments, self.domain)?)?;
        let salt = self.salt(tools)?;
        let (path, now) = (&self.arguments.keytab, tools.clock.now());
        let password = &self.journal.password;
        let keys = preflight::keytab(tools, self.arguments, self.domain)?;
        let right = self.none().with_password(kvno, password, &salt, false, now);
        if !keys.contains(&right) {
            self.write(tools, keys, kvno, &salt, false)?;
            self.wait_for_nodes(tools, kvno, now, true)?;
        }
        let octets = tools.files.read(path).map_err(|error| Failure::file(path, error))?.unwrap_or_default();
        proof::prove(tools, self.arguments, self.domain, password, &octets)?;
        tools.steps.done("a ticket for each service is accepted", &format!("key version {kvno}"));
        Ok(kvno)
    }
}
