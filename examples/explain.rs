//! Explains tokens: what each stage found and checked, what failed, why, and what to do.
//!
//! ```text
//! cargo run --example explain -- --keytab http.keytab token.b64
//! cargo run --example explain -- --keytab http.keytab "Negotiate YII…"
//! cargo run --example explain -- --help
//! ```
//!
//! A token that was never used is a credential for five minutes: whoever reads it can sign in with it. Explain old ones.
//!
//! The same as `kerberos-sso explain`, whose code is in `crates/cli`.

use kerberos_sso_cli::Command;
use std::process::ExitCode;

fn main() -> ExitCode {
    Command::Explain.run("explain", std::env::args_os().skip(1))
}
