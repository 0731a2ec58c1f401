//! Checks a password without the server, and says which step fails.

use crate::Failure;
use crate::arguments::Arguments;
use crate::clock;
use seamless_kdc::{Kdc, KdcError};
use seamless_pta::User;
use std::sync::Arc;
use zeroize::Zeroizing;

/// Returns the KDCs of a realm: those of the command line, else the host with the name of the realm.
pub(crate) fn kdc(kdcs: &[String], realm: &str) -> Arc<Kdc> {
    let of_realm = [realm.to_lowercase()];
    let kdcs = if kdcs.is_empty() { of_realm.as_slice() } else { kdcs };
    Arc::new(Kdc::new(realm, kdcs.iter().map(String::as_str)))
}

pub(crate) async fn check(arguments: &Arguments, user: &User) -> Result<(), Failure> {
    let identity = arguments.folder.identity()?;
    println!("1. the agent is {} of {}", identity.agent, identity.tenant);
    let now = clock::now();
    if now >= identity.not_after {
        return Err("2. its certificate has expired: enrol again".into());
    }
    let days = now.until(identity.not_after).as_secs().checked_div(86_400).unwrap_or_default();
    println!("2. its certificate lives for {days} more days");
    let realm = identity.tenant.as_str().to_uppercase();
    let password = rpassword::prompt_password(format!("password of {}: ", user.name)).map(Zeroizing::new)?;
    // No server takes this ticket: it is bound to no job.
    match kdc(&arguments.kdcs, &realm).token(user, password, b"seamless-agent check").await {
        Ok(_) => println!("3. the KDC of {realm} gives a ticket: the password is right"),
        Err(KdcError::Refused { refusal, status, .. }) => {
            let status = status.map(|status| format!(", NTSTATUS {status:#010X}")).unwrap_or_default();
            return Err(
                format!("3. the KDC of {realm} refuses: {refusal:?} (AADSTS{}{status})", refusal.entra()).into()
            );
        }
        Err(error) => return Err(format!("3. the KDC of {realm}: {error}").into()),
    }
    Ok(())
}
