//! Runs the command of a command line in the real world, and says how it ended.

use crate::address::Address;
use crate::arguments::{Arguments, Command, USAGE};
use crate::clock::SystemClock;
use crate::disable::disable;
use crate::enable::{Enabled, enable};
use crate::failure::Failure;
use crate::files::Disk;
use crate::kdc::{Administrator, RealKdc};
use crate::ldap::{Access, Ldap};
use crate::lock::Lock;
use crate::node::HttpNodes;
use crate::rollover::{RolledOver, rollover};
use crate::steps::{Printed, Steps as _};
use crate::tools::Tools;
use crate::{password, tls};
use std::io::{Error, Write};
use zeroize::Zeroizing;

/// The end of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// Everything is done, and nothing is wrong.
    Fine,
    /// `status` found something, or the command refused.
    Found,
    /// The command could not do its work, or look.
    Failed,
}

/// Runs a command, and prints to `out`. The reason of a failure goes to `err`.
pub fn run(arguments: &Arguments, out: &mut dyn Write, err: &mut dyn Write) -> End {
    if arguments.command == Command::Help {
        return if write!(out, "{USAGE}").is_ok() { End::Fine } else { End::Failed };
    }
    let password = match ask(arguments) {
        Ok(password) => password,
        Err(error) => {
            // Nobody reads the text if this fails, too.
            let _ = writeln!(err, "seamless-admin: the administrator's password cannot be read: {error}");
            return End::Failed;
        }
    };
    match commanded(arguments, &password, out) {
        Ok(end) => end,
        Err(failure) => {
            explain(arguments, &failure, out, err);
            if failure.is_refusal() { End::Found } else { End::Failed }
        }
    }
}

fn ask(arguments: &Arguments) -> Result<Zeroizing<String>, Error> {
    arguments.password_fd.map_or_else(|| password::ask(&arguments.bind_name()), password::from_descriptor)
}

fn explain(arguments: &Arguments, failure: &Failure, out: &mut dyn Write, err: &mut dyn Write) {
    let (text, remedy) = (failure.to_string(), failure.remedy());
    let word = if failure.is_refusal() { "refused, nothing is changed" } else { "stopped" };
    let _ = writeln!(err, "seamless-admin: {word}: {text}\nWhat to do: {remedy}");
    if arguments.json {
        let key = if failure.is_refusal() { "refused" } else { "failed" };
        let _ = writeln!(out, "{}", serde_json::json!({ key: text, "remedy": remedy }));
    }
}

fn commanded(arguments: &Arguments, password: &str, out: &mut dyn Write) -> Result<End, Failure> {
    let changes = !arguments.dry_run && arguments.command != Command::Status;
    let _lock = changes.then(|| Lock::take(&arguments.keytab)).transpose()?;
    let tls = tls::config(arguments.ca.as_deref())?;
    let access = Access { tls: tls.clone(), name: arguments.bind_name(), password };
    let Some(controller) = arguments.controllers.first() else { return Ok(End::Failed) };
    let catalogue = arguments.catalogue.clone().unwrap_or_else(|| Address::new(&controller.host, 3269));
    let mut directory = Ldap::connect(controller, catalogue, access)?;
    let administrator = Administrator { name: &arguments.user, password };
    let mut kdc = RealKdc::new(arguments.forest.to_uppercase(), administrator);
    let mut steps = Printed::new(&mut *out, arguments.json);
    let mut tools = Tools {
        directory: &mut directory,
        kdc: &mut kdc,
        nodes: &mut HttpNodes::new(tls),
        files: &mut Disk,
        clock: &mut SystemClock,
        steps: &mut steps,
    };
    match arguments.command {
        Command::Enable => {
            let enabled = enable(&mut tools, arguments)?;
            end_of_enable(arguments, &enabled, out);
        }
        Command::Rollover => {
            if let RolledOver::To(kvno) = rollover(&mut tools, arguments)? {
                steps.done("the account has a new key", &format!("version {kvno}"));
            }
        }
        Command::Disable => disable(&mut tools, arguments)?,
        Command::Status | Command::Help => return Ok(End::Failed),
    }
    Ok(End::Fine)
}

fn end_of_enable(arguments: &Arguments, enabled: &Enabled, out: &mut dyn Write) {
    let mut steps = Printed::new(&mut *out, arguments.json);
    match enabled {
        Enabled::New(None) => steps.done("single sign-on is enabled", &arguments.forest),
        Enabled::New(Some(block)) if arguments.json => steps.done("single sign-on is enabled", block),
        Enabled::New(Some(block)) => {
            steps.done("single sign-on is enabled", &arguments.forest);
            let _ = writeln!(out, "Put this tenant into `tenants` of the sign-in server's configuration:\n{block}");
        }
        Enabled::Already => {
            steps.done(
                "nothing",
                "single sign-on is enabled already. The password is as before; `rollover` replaces it.",
            );
        }
        Enabled::Dry => {}
    }
}
