//! The commands by their names.

use crate::terminal::{Failure, Finding, Question, Terminal};
use crate::{explain, keytab, validate};
use lexopt::{Arg, Parser};
use std::ffi::OsString;
use std::process::ExitCode;

/// A command of the program `kerberos-sso`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Command {
    /// Judges tokens.
    Validate,
    /// Shows what becomes of tokens, stage by stage.
    Explain,
    /// Lists, makes and tries keytabs.
    Keytab,
}

impl Command {
    /// Runs the command on the words that follow its name. Messages call it `program`, as the user has.
    ///
    /// The exit code is 0 if everything was accepted or is in order, 1 if something was refused or is not, and 2 if the words
    /// mean nothing or a file cannot be read.
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

/// Runs the program `kerberos-sso` on the words that follow its name. The first of them is the name of a [`Command`].
///
/// The exit code is that of [`Command::run`].
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
        Some(Arg::Value(word)) => Err(format!("{word:?} is no command").into()),
        Some(argument) => match Question::of(&argument) {
            Some(question) => terminal.answer(question, USAGE),
            None => Err(argument.unexpected().into()),
        },
        None => Err("validate, explain or keytab is wanted".into()),
    }
}

const PROGRAM: &str = "kerberos-sso";

const USAGE: &str = "\
kerberos-sso validate …  judges tokens: who the user is, or why the token is refused and what to do
kerberos-sso explain …   shows what becomes of a token, stage by stage
kerberos-sso keytab …    lists a keytab, makes one from a password, or says which of its keys opens a ticket

Each command tells its options by --help.

Exit status: 0 all accepted, or in order, 1 some refused, or not in order, 2 misuse.";
