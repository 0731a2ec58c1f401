//! `disable`: deletes or disables the account. After that, no client gets a ticket for the account.

use crate::arguments::Arguments;
use crate::failure::{Failure, Refusal};
use crate::ldap_error::DirectoryError;
use crate::preflight;
use crate::security_descriptor::SecurityDescriptor;
use crate::tools::Tools;

/// Deletes or disables the account, and removes its keytab with the files beside it.
///
/// # Errors
/// Returns the [`Failure`]. If it is a [`Refusal`], the command changed nothing.
pub fn disable(tools: &mut Tools<'_>, arguments: &Arguments) -> Result<(), Failure> {
    let domain = preflight::domain(tools, arguments)?;
    preflight::pdc(arguments, &domain)?;
    let account = preflight::account(tools, arguments)?;
    preflight::keytab(tools, arguments, &domain)?;
    let verb = if arguments.keep { "disable" } else { "delete" };
    let files = [arguments.keytab.clone(), arguments.journal(), arguments.retirement()];
    if arguments.dry_run {
        if let Some(account) = &account {
            tools.steps.would(&format!("{verb} {}", account.dn));
        }
        for path in files {
            tools.steps.would(&format!("remove {}", path.display()));
        }
        return Ok(());
    }
    if let Some(account) = &account {
        if !arguments.yes && !arguments.keep {
            return Err(Refusal::Unconfirmed { dn: account.dn.clone() }.into());
        }
        if arguments.keep {
            tools.directory.disable(&account.dn, account.control)?;
        } else {
            unprotect(tools, &account.dn, &account.descriptor)?;
            tools.directory.delete(&account.dn)?;
        }
        tools.steps.done(&format!("the account is {verb}d"), &account.dn);
    } else {
        tools.steps.done("there is no account", &arguments.account_name());
    }
    for path in files {
        tools.files.remove(&path).map_err(|error| Failure::file(&path, error))?;
        tools.steps.done("the file is removed", &path.display().to_string());
    }
    tools.steps.done("users now sign in by password", "their tickets for this account end within ten hours");
    Ok(())
}

fn unprotect(tools: &mut Tools<'_>, dn: &str, descriptor: &[u8]) -> Result<(), Failure> {
    let descriptor =
        SecurityDescriptor::parse(descriptor).map_err(|_| DirectoryError::Answer("nTSecurityDescriptor"))?;
    if descriptor.is_protected() {
        tools.directory.write_dacl(dn, &descriptor.without_protection())?;
        // The account's DACL no longer denies DELETE. A user with the right DELETE on the account can delete the
        // account, although the container still denies DELETE_CHILD (MS-ADTS section 3.1.1.5.5.4).
        let left = "the access control entry of its container stays, because other objects there may need it";
        tools.steps.done("the protection from deletion is removed", &format!("{dn}; {left}"));
    }
    Ok(())
}
