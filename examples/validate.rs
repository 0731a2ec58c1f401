//! Validates tokens: those recorded in `testvectors/`, or those named on the command line.
//!
//! ```text
//! cargo run --example validate
//! cargo run --example validate -- --keytab http.keytab token.b64
//! cargo run --example validate -- --help
//! ```

#![allow(clippy::print_stdout, reason = "this is a program")]

#[path = "../crates/cli/src/arguments.rs"]
mod arguments;
#[path = "../crates/cli/src/certificate.rs"]
mod certificate;
#[path = "../crates/cli/src/validate/json.rs"]
mod json;
#[path = "../crates/cli/src/keys.rs"]
mod keys;
#[path = "../crates/cli/src/validate/named.rs"]
mod named;
#[path = "../tests/recorded/mod.rs"]
mod recorded;
#[path = "../crates/cli/src/validate/table.rs"]
mod table;
#[path = "../crates/cli/src/validate/token.rs"]
mod token;
#[path = "../crates/cli/src/validate/verdict.rs"]
mod verdict;

use arguments::Arguments;
use std::process::ExitCode;

fn main() -> ExitCode {
    match run() {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::from(1),
        Err(problem) => {
            eprintln!("validate: {problem}\nTry validate --help.");
            ExitCode::from(2)
        }
    }
}

/// Whether all is as it should be.
fn run() -> Result<bool, String> {
    if std::env::args_os().len() <= 1 {
        return table::show();
    }
    let Some(arguments) = Arguments::parse(lexopt::Parser::from_env()).map_err(|error| error.to_string())? else {
        println!("{}", arguments::USAGE);
        return Ok(true);
    };
    named::judge(arguments)
}
