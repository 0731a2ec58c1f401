//! The commands of the program, and their names.

use crate::terminal::{Failure, Finding, Question, Terminal};
use crate::{explain, keytab, validate};
use lexopt::{Arg, Parser};
use std::ffi::OsString;
use std::process::ExitCode;

/// A command of the program `kerberos-sso`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Command {
    /// Validates tokens.
    Validate,
    /// Shows every check of a token, stage by stage.
    Explain,
    /// Lists a keytab, makes a keytab, or finds the entry that opens a ticket.
    Keytab,
}

impl Command {
    /// Runs the command with the arguments `words`. Messages begin with `program`, the name by which the user called the
    /// command.
    ///
    /// The exit code is 0 if every token was accepted or the keytab is in order, and 1 if not. The exit code is 2 if
    /// the arguments are wrong or a file cannot be read.
    pub fn run(self, program: &str, words: impl IntoIterator<Item = OsString>) -> ExitCode {
        let words = words.into_iter().collect();
        Terminal::with(program, |terminal| self.run_on(terminal, words))
    }

    fn run_on(self, terminal: &mut Terminal<'_>, words: Vec<OsString>) -> Result<Finding, Failure> {
        match self {
            Self::Validate => validate::run(terminal, words),
            Self::Explain => explain::run(terminal, words),
            Self::Keytab => keytab::run(terminal, words),
        }
    }

    fn named(name: &str) -> Option<Self> {
        match name {
            "validate" => Some(Self::Validate),
            "explain" => Some(Self::Explain),
            "keytab" => Some(Self::Keytab),
            _ => None,
        }
    }
}

/// Runs the program `kerberos-sso` with the arguments `words`. The first argument is the name of a [`Command`].
///
/// The exit code has the same meaning as the exit code of [`Command::run`].
pub fn run(words: impl IntoIterator<Item = OsString>) -> ExitCode {
    let mut words = words.into_iter();
    let first = words.next();
    let name = first.as_ref().and_then(|word| word.to_str());
    match name.and_then(Command::named) {
        Some(command) => command.run(&format!("{PROGRAM} {}", name.unwrap_or_default()), words),
        None => Terminal::with(PROGRAM, |terminal| without_command(terminal, first)),
    }
}

fn without_command(terminal: &mut Terminal<'_>, first: Option<OsString>) -> Result<Finding, Failure> {
    match Parser::from_args(first).next()? {
        Some(Arg::Value(word)) => Err(format!("{word:?} is not a command").into()),
        Some(argument) => match Question::of(&argument) {
            Some(question) => terminal.answer(question, USAGE),
            None => Err(argument.unexpected().into()),
        },
        None => Err("the command is missing: validate, explain or keytab".into()),
    }
}

const PROGRAM: &str = "kerberos-sso";

const USAGE: &str = "\
kerberos-sso validate …  validates tokens: shows the user, or the reason of the refusal and its remedy
kerberos-sso explain …   shows every check of a token, stage by stage
kerberos-sso keytab …    lists a keytab, makes a keytab from a password, or finds the key that opens a ticket

Each command shows its options with --help.

Exit status: 0 all accepted, or in order, 1 some refused, or not in order, 2 wrong arguments.";
