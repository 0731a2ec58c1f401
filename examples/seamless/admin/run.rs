//! Runs the command of a command line with the real directory, KDCs, nodes and files, and says how the command ended.

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
use crate::prune::prune;
use crate::rollover::{RolledOver, rollover};
use crate::status::{Report, status};
use crate::steps::{Printed, Steps as _};
use crate::tools::Tools;
use crate::{password, tls};
use std::io::{Error, Write};
use zeroize::Zeroizing;

/// The result of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// The command did its work, and found no fault.
    Fine,
    /// `status` found a warning or a fault, or the command refused.
    Found,
    /// The command could not do its work, or could not check the account.
    Failed,
}

/// Runs a command, prints its output to `out`, and prints the reason of a failure to `err`.
pub fn run(arguments: &Arguments, out: &mut dyn Write, err: &mut dyn Write) -> End {
    if arguments.command == Command::Help {
        return if write!(out, "{USAGE}").is_ok() { End::Fine } else { End::Failed };
    }
    let mut has_changed = false;
    let done = if arguments.command == Command::Prune {
        pruned(arguments, out, &mut has_changed)
    } else {
        match ask(arguments) {
            Ok(password) => commanded(arguments, &password, out, &mut has_changed),
            Err(error) => {
                // If this write fails, the tool has no other place for the text.
                let _ = writeln!(err, "seamless-admin: the administrator's password cannot be read: {error}");
                return End::Failed;
            }
        }
    };
    match done {
        Ok(end) => end,
        Err(failure) => {
            explain(arguments, &failure, has_changed, out, err);
            if failure.is_refusal() { End::Found } else { End::Failed }
        }
    }
}

fn ask(arguments: &Arguments) -> Result<Zeroizing<String>, Error> {
    arguments.password_fd.map_or_else(|| password::ask(&arguments.bind_name()), password::from_descriptor)
}

fn explain(arguments: &Arguments, failure: &Failure, has_changed: bool, out: &mut dyn Write, err: &mut dyn Write) {
    let (text, remedy) = (failure.to_string(), failure.remedy());
    let word = match (failure.is_refusal(), has_changed) {
        (true, _) => "refused, nothing is changed",
        (false, false) => "stopped, nothing is changed",
        (false, true) => "stopped",
    };
    let _ = writeln!(err, "seamless-admin: {word}: {text}\nWhat to do: {remedy}");
    if arguments.json {
        let key = if failure.is_refusal() { "refused" } else { "failed" };
        let _ = writeln!(out, "{}", serde_json::json!({ key: text, "remedy": remedy, "changed": has_changed }));
    }
}

/// Runs `prune`, the command that needs no directory.
fn pruned(arguments: &Arguments, out: &mut dyn Write, has_changed: &mut bool) -> Result<End, Failure> {
    let _lock = (!arguments.dry_run).then(|| Lock::take(&arguments.keytab)).transpose()?;
    let (mut disk, mut steps) = (Disk::default(), Printed::new(out, arguments.json));
    let done = prune(&mut disk, &mut SystemClock, &mut steps, arguments);
    *has_changed = disk.has_changed;
    done.map(|()| End::Fine)
}

fn commanded(
    arguments: &Arguments,
    password: &str,
    out: &mut dyn Write,
    has_changed: &mut bool,
) -> Result<End, Failure> {
    let changes = !arguments.dry_run && arguments.command != Command::Status;
    let _lock = changes.then(|| Lock::take(&arguments.keytab)).transpose()?;
    let tls = tls::config(arguments.ca.as_deref())?;
    let of_nodes = arguments.node_ca.as_deref().map_or_else(|| Ok(tls.clone()), |ca| tls::config(Some(ca)))?;
    let access = Access { tls, name: arguments.bind_name(), password };
    let Some(controller) = arguments.controllers.first() else { return Ok(End::Failed) };
    let catalogue = arguments.catalogue.clone().unwrap_or_else(|| Address::new(&controller.host, 3269));
    let mut directory = Ldap::connect(controller, catalogue, access)?;
    let administrator = Administrator { name: &arguments.user, password };
    let mut disk = Disk::default();
    let end = {
        let mut tools = Tools {
            directory: &mut directory,
            kdc: &mut RealKdc::new(arguments.forest.to_uppercase(), administrator),
            nodes: &mut HttpNodes::new(of_nodes),
            files: &mut disk,
            clock: &mut SystemClock,
            steps: &mut Printed::new(&mut *out, arguments.json),
        };
        command(&mut tools, arguments)
    };
    *has_changed = disk.has_changed || directory.has_changed();
    end.map(|done| print(arguments, &done, out))
}

/// What a command did, for the last line of the output.
enum Done {
    Enabled(Enabled),
    RolledOver(RolledOver),
    Status(Report),
    Disabled,
}

fn command(tools: &mut Tools<'_>, arguments: &Arguments) -> Result<Done, Failure> {
    match arguments.command {
        Command::Enable => enable(tools, arguments).map(Done::Enabled),
        Command::Rollover => rollover(tools, arguments).map(Done::RolledOver),
        Command::Disable => disable(tools, arguments).map(|()| Done::Disabled),
        Command::Status | Command::Prune | Command::Help => status(tools, arguments).map(Done::Status),
    }
}

fn print(arguments: &Arguments, done: &Done, out: &mut dyn Write) -> End {
    match done {
        Done::Enabled(enabled) => end_of_enable(arguments, enabled, out),
        Done::RolledOver(RolledOver::To(kvno)) => {
            let mut steps = Printed::new(out, arguments.json);
            steps.done("the account has a new key", &format!("version {kvno}"));
        }
        Done::Status(report) => {
            let text = if arguments.json { report.json() } else { report.to_string() };
            let is_written = writeln!(out, "{text}").is_ok();
            return match (is_written, report.is_fine()) {
                (false, _) => End::Failed,
                (true, true) => End::Fine,
                (true, false) => End::Found,
            };
        }
        Done::RolledOver(RolledOver::Dry) | Done::Disabled => {}
    }
    End::Fine
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
            steps.done("single sign-on is enabled already", "the password is not changed; `rollover` replaces it");
        }
        Enabled::Dry => {}
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use std::io::Seek as _;
    use std::os::fd::AsRawFd as _;

    /// Runs a command line against a port on which no program listens. Returns the result, and the
    /// texts of the standard output and of the standard error.
    fn outputs(line: &str) -> (End, String, String) {
        let mut password = tempfile::tempfile().unwrap();
        password.write_all(b"N0t.Shown\n").unwrap();
        password.rewind().unwrap();
        let line = format!("{line} --forest contoso.test --as admin --password-fd {}", password.as_raw_fd());
        let arguments = Arguments::read(line.split_whitespace().map(Into::into)).unwrap();
        let (mut out, mut err) = (Vec::new(), Vec::new());
        let end = run(&arguments, &mut out, &mut err);
        (end, String::from_utf8(out).unwrap(), String::from_utf8(err).unwrap())
    }

    #[test]
    fn run_without_a_reachable_directory_says_that_nothing_is_changed_and_shows_no_password() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let at = listener.local_addr().unwrap();
        drop(listener);
        let (end, out, err) = outputs(&format!("status --json --dc {at}"));
        assert_eq!(end, End::Failed);
        assert!(err.contains("nothing is changed") && err.contains("What to do"), "{err}");
        let said: serde_json::Value = serde_json::from_str(&out).unwrap();
        assert_eq!(said.get("changed"), Some(&false.into()));
        assert!(!out.contains("N0t") && !err.contains("N0t"));
    }

    #[test]
    fn prune_removes_the_old_keys_and_asks_for_no_password() {
        use crate::keytab_file::AccountKeys;
        use kerberos_sso::{Salt, UnixTime};
        let folder = tempfile::tempdir().unwrap();
        let keytab = folder.path().join("sso.keytab");
        let keys = [4, 5].iter().fold(AccountKeys::none("A$", "R"), |keys, kvno| {
            keys.with_password(*kvno, "p", &Salt::computer("A$", "R"), false, UnixTime::from_seconds(0))
        });
        std::fs::write(&keytab, &*keys.encode().unwrap()).unwrap();
        let note = r#"{"version":1,"account":"A$","realm":"R","kvno":5,"until":1000}"#;
        std::fs::write(crate::retirement::Retirement::beside(&keytab), note).unwrap();
        let line = ["prune", "--keytab", keytab.to_str().unwrap()];
        let arguments = Arguments::read(line.map(Into::into)).unwrap();
        let (mut out, mut err) = (Vec::new(), Vec::new());
        assert_eq!(run(&arguments, &mut out, &mut err), End::Fine, "{}", String::from_utf8_lossy(&err));
        let left = AccountKeys::parse(&std::fs::read(&keytab).unwrap(), "A$", "R").unwrap();
        assert_eq!(left.versions(), [5]);
        assert!(!folder.path().join("sso.keytab.retiring").exists());
    }

    #[test]
    fn error_names_a_ca_file_that_does_not_exist() {
        let (end, _, err) = outputs("status --dc 127.0.0.1:1 --ca /nonexistent/ca.pem");
        assert!(end == End::Failed && err.contains("/nonexistent/ca.pem"), "{err}");
    }
}
