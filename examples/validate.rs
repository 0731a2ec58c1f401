//! Validates the recorded tokens of `testvectors/`, or the tokens of the command line.
//!
//! ```text
//! cargo run --example validate
//! cargo run --example validate -- --keytab http.keytab token.b64
//! cargo run --example validate -- --help
//! ```
//!
//! This program does the same as `kerberos-sso validate`, whose code is in `crates/cli`.

use kerberos_sso_cli::Command;
use std::process::ExitCode;

fn main() -> ExitCode {
    Command::Validate.run("validate", std::env::args_os().skip(1))
}
