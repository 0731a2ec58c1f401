//! Creates the account `AZUREADSSOACC` of the sign-in server in Active Directory, replaces its key, and reports its
//! faults:
//!
//! ```text
//! seamless-admin enable|rollover|status|disable --forest NAME --dc HOST[:636] --as USER [options]
//! seamless-admin prune [--keytab FILE]
//! ```
//!
//! `seamless-admin --help` lists the options. The exit code is 0 after success. It is 1 if `status` found a warning or
//! a fault, or if a command refused before it changed anything. It is 2 if the command could not do its work.
#![allow(clippy::print_stderr, reason = "this is a program")]

use rustix::process::{Resource, Rlimit, setrlimit};
use seamless_admin::arguments::Arguments;
use seamless_admin::run::{End, run};
use std::alloc::System;
use std::process::ExitCode;
use zeroizing_alloc::ZeroAlloc;

// The libraries for LDAP, TLS and Kerberos copy passwords into buffers, and do not overwrite these buffers when they
// free them. This allocator does.
#[global_allocator]
static ALLOCATOR: ZeroAlloc<System> = ZeroAlloc(System);

fn main() -> ExitCode {
    let arguments = match Arguments::read(std::env::args_os().skip(1)) {
        Ok(arguments) => arguments,
        Err(error) => {
            eprintln!("seamless-admin: {error}");
            return ExitCode::from(2);
        }
    };
    // The memory has two passwords, which a core file would contain. The tool works without this limit, so it ignores a
    // failure.
    let _ = setrlimit(Resource::Core, Rlimit { current: Some(0), maximum: Some(0) });
    // After this call, another process of the same user cannot read the memory (prctl(2), PR_SET_DUMPABLE).
    #[cfg(target_os = "linux")]
    let _ = rustix::process::set_dumpable_behavior(rustix::process::DumpableBehavior::NotDumpable);
    match run(&arguments, &mut std::io::stdout().lock(), &mut std::io::stderr().lock()) {
        End::Fine => ExitCode::SUCCESS,
        End::Found => ExitCode::from(1),
        End::Failed => ExitCode::from(2),
    }
}
