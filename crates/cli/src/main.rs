//! The program `kerberos-sso`.

use std::process::ExitCode;

fn main() -> ExitCode {
    kerberos_sso_cli::run(std::env::args_os().skip(1))
}
