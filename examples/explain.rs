//! Explains tokens: the facts and checks of each stage, and the reason and the remedy of a failed check.
//!
//! ```text
//! cargo run --example explain -- --keytab http.keytab token.b64
//! cargo run --example explain -- --keytab http.keytab "Negotiate YII…"
//! cargo run --example explain -- --help
//! ```
//!
//! A token that no server has seen is a credential for five minutes: a person who reads the token can sign in with it.
//! Explain old tokens only.
//!
//! This program does the same as `kerberos-sso explain`, whose code is in `crates/cli`.

use kerberos_sso_cli::Command;
use std::process::ExitCode;

fn main() -> ExitCode {
    Command::Explain.run("explain", std::env::args_os().skip(1))
}
