//! Validates a request, decrypts the client's delegated credentials, and writes them to a credential cache. With this cache,
//! any Kerberos program can act in the client's name.
//!
//! ```text
//! cargo run --example delegation -- --keytab FILE --realm REALM [--allow-rc4] TOKEN OUTPUT
//! ```
//! OUTPUT must exist, and only its owner should be able to read it.
#![allow(clippy::print_stdout, reason = "this is a program")]

use kerberos_sso::replay::NoReplayCache;
use kerberos_sso::{KeySet, Policy, Validator};
use std::error::Error;
use std::io::Write as _;
use std::process::ExitCode;
use std::time::SystemTime;

fn main() -> ExitCode {
    if std::env::args_os().skip(1).any(|word| word == "--help") {
        println!("{USAGE}");
        return ExitCode::SUCCESS;
    }
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(problem) => {
            eprintln!("delegation: {problem}\n{USAGE}");
            ExitCode::from(2)
        }
    }
}

const USAGE: &str = "Usage: delegation --keytab FILE --realm REALM [--allow-rc4] TOKEN OUTPUT";

fn run() -> Result<(), Box<dyn Error>> {
    use lexopt::prelude::*;
    let (mut keys, mut realm, mut policy, mut values) = (KeySet::new(), None, Policy::default(), Vec::new());
    let mut arguments = lexopt::Parser::from_env();
    while let Some(argument) = arguments.next()? {
        match argument {
            Long("keytab") => keys = KeySet::from_whole_keytab(&std::fs::read(arguments.value()?)?)?,
            Long("realm") => realm = Some(arguments.value()?.string()?),
            Long("allow-rc4") => policy = policy.allow_rc4(),
            Value(value) => values.push(value),
            _ => return Err(argument.unexpected().into()),
        }
    }
    let [token, output] = values.as_slice() else { return Err("TOKEN and OUTPUT are needed".into()) };
    // This program may validate the same file again, so it has no replay cache. A server needs a replay cache.
    let validator = Validator::new(keys, policy, NoReplayCache);
    let accepted = validator.validate_ticket(&std::fs::read(token)?, SystemTime::now())?;
    if realm.is_some_and(|realm| realm != accepted.service_realm()) {
        return Err("the ticket is for another realm".into());
    }
    let delegated = accepted.delegated_credentials()?.ok_or("the client delegated no credentials")?;
    for credential in delegated.credentials() {
        println!("{credential:?}");
    }
    std::fs::OpenOptions::new().write(true).truncate(true).open(output)?.write_all(delegated.to_ccache().as_bytes())?;
    Ok(())
}
