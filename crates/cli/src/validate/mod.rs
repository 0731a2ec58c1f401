//! The command `validate`: prints a verdict for each token.

mod json;
mod named;
mod summary;
mod table;
mod token;
mod verdict;

use crate::arguments::{Arguments, OPTIONS};
use crate::terminal::{Failure, Finding, Terminal, Wanted};
use std::ffi::OsString;
use table::Extent;

pub(crate) fn run(terminal: &mut Terminal<'_>, words: Vec<OsString>) -> Result<Finding, Failure> {
    match words.as_slice() {
        [] => table::show(terminal.out, Extent::Whole),
        [only] if only == "--summary" => table::show(terminal.out, Extent::Summary),
        words if words.iter().any(|word| word == "--summary") => Err("--summary allows no other argument".into()),
        _ => match Arguments::parse(words)? {
            Wanted::Work(arguments) => named::judge(terminal, arguments),
            Wanted::Answer(question) => terminal.answer(question, usage(terminal.program)),
        },
    }
}

fn usage(program: &str) -> String {
    format!(
        "\
{program}                 validates every recorded token of testvectors/, and prints a table with a summary
{program} --summary       prints only the summary
{program} OPTIONS TOKEN…  validates the given tokens in order, with one replay cache

A TOKEN is a file, or - for standard input: binary, base64, or the value of an Authorization header.

{OPTIONS}"
    )
}
