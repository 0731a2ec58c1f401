//! Checks a password without the server, and says which step fails.

use crate::Failure;
use crate::alternate::AlternateNames;
use crate::arguments::Arguments;
use crate::clock;
use crate::folder::Identity;
use crate::ldap::{Access, first};
use crate::session::Session;
use seamless_kdc::{Kdc, KdcError};
use seamless_pta::User;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::timeout;
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
    let (realm, teller) = realm(arguments, identity).await;
    println!("3. the realm is {realm}, as {teller} says");
    let names = arguments.alternate_names()?;
    let user = directory(arguments, names.as_ref(), user).await?;
    let password = rpassword::prompt_password(format!("password of {}: ", user.name)).map(Zeroizing::new)?;
    // No server accepts this ticket, because it is not bound to a job.
    match kdc(&arguments.kdcs, &realm).token(&user, password, b"seamless-agent check").await {
        Ok(_) => println!("5. the KDC of {realm} gives a ticket: the password is right"),
        Err(KdcError::Refused { refusal, status, .. }) => {
            let status = status.map(|status| format!(", NTSTATUS {status:#010X}")).unwrap_or_default();
            return Err(
                format!("5. the KDC of {realm} refuses: {refusal:?} (AADSTS{}{status})", refusal.entra()).into()
            );
        }
        Err(error) => return Err(format!("5. the KDC of {realm}: {error}").into()),
    }
    Ok(())
}

/// Returns the realm and its origin: the command line, else the server. If the server cannot be reached, the realm is
/// the tenant's name.
async fn realm(arguments: &Arguments, identity: Identity) -> (String, &'static str) {
    if let Some(realm) = &arguments.realm {
        return (realm.clone(), "--realm");
    }
    let of_tenant = identity.tenant.as_str().to_uppercase();
    let told = match Session::new(identity, arguments.proxy.clone().map(Arc::new)) {
        Ok(session) => timeout(SERVER_TIME, session.bootstrap_of_any()).await.ok().and_then(Result::ok),
        Err(_) => None,
    };
    let of_tenant = (of_tenant, "the name of the tenant");
    told.map_or(of_tenant, |told| (told.realm.to_string(), "the server"))
}

/// Looks the user up if alternate names are configured, and prints the lockout threshold of the directory.
async fn directory(arguments: &Arguments, names: Option<&AlternateNames>, typed: &User) -> Result<User, Failure> {
    let own = if names.is_some() { None } else { Access::read(&arguments.ldap)? };
    let Some(access) = names.map(AlternateNames::access).or(own.as_ref()) else {
        println!("4. no directory is named with --ldap, so its lockout is not read");
        return Ok(typed.clone());
    };
    let domain = access.domain(&["lockoutThreshold"]).await.map_err(|error| format!("4. {error}"))?;
    let threshold = domain.as_ref().and_then(|domain| first(domain, "lockoutThreshold")?.parse().ok());
    println!("4. {}", lockout(threshold));
    let user = match names {
        Some(names) => names.user(typed).await.map_err(|error| format!("4. {error}"))?,
        None => Some(typed.clone()),
    };
    let user = user.ok_or("4. the name is of several users (AADSTS80004)")?;
    if user != *typed {
        println!("   {} is the name of the account {}", typed.name, user.name);
    }
    Ok(user)
}

/// Explains the directory's lockout threshold. The server refuses a name after ten wrong passwords, and the directory
/// may count each of them twice.
fn lockout(threshold: Option<u32>) -> String {
    match threshold {
        None => "the directory does not tell its lockout to this account".into(),
        Some(0) => "the directory locks no account: set a lockout after 20 wrong passwords or more".into(),
        Some(few @ 1..20) => format!(
            "the directory locks an account after {few} wrong passwords: set 20 or more, so that nobody locks accounts \
             through the server"
        ),
        Some(many) => format!("the directory locks an account after {many} wrong passwords"),
    }
}

/// The time for the server to name the realm. Without an answer, the check takes the
/// tenant's name as the realm, because the other steps do not use the server.
const SERVER_TIME: Duration = Duration::from_secs(5);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lockout_threshold_that_is_below_twenty_or_missing_is_reported() {
        for (threshold, is_good) in [(0, false), (1, false), (19, false), (20, true), (50, true)] {
            assert_eq!(!lockout(Some(threshold)).contains("set"), is_good, "{threshold}");
        }
        assert!(lockout(None).contains("does not tell"));
    }
}
