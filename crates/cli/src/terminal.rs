//! The terminal of a command: its name in messages, its output, and its exit status.

use lexopt::Arg;
use std::fmt;
use std::io::{self, Write};
use std::process::ExitCode;

pub(crate) struct Terminal<'t> {
    /// The name by which the user called the command.
    pub(crate) program: &'t str,
    pub(crate) out: &'t mut dyn Write,
}

/// The request of a command line: to do work, or to answer a question such as `--help`.
#[derive(Debug)]
pub(crate) enum Wanted<T> {
    Work(T),
    Answer(Question),
}

/// A question that every command answers instead of doing its work.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Question {
    Usage,
    Version,
}

/// The result of a command that could do its work.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Finding {
    /// Every token was accepted, or the keytab is in order.
    Fine,
    /// A token was refused, or the keytab is not in order.
    Faulty,
}

/// The reason why a command could not do its work.
#[derive(Debug)]
pub(crate) enum Failure {
    /// The command line is wrong, or a file that it names cannot be used.
    Misuse(String),
    Output(io::Error),
}

impl Terminal<'_> {
    /// Runs a command with standard output.
    pub(crate) fn with(program: &str, command: impl FnOnce(&mut Terminal<'_>) -> Result<Finding, Failure>) -> ExitCode {
        let mut out = io::stdout().lock();
        let mut terminal = Terminal { program, out: &mut out };
        let done = command(&mut terminal).and_then(|finding| {
            terminal.out.flush()?;
            Ok(finding)
        });
        match done {
            Ok(Finding::Fine) => ExitCode::SUCCESS,
            Ok(Finding::Faulty) => ExitCode::from(1),
            Err(failure) => {
                match failure {
                    Failure::Misuse(problem) => terminal.warn(format_args!("{problem}\nTry {program} --help.")),
                    // The reader of the output has closed the pipe, so a message is not needed.
                    Failure::Output(error) if error.kind() == io::ErrorKind::BrokenPipe => {}
                    Failure::Output(error) => terminal.warn(error),
                }
                ExitCode::from(2)
            }
        }
    }

    /// Prints a message to standard error.
    pub(crate) fn warn(&self, text: impl fmt::Display) {
        // If standard error cannot be written, there is no other place for the message.
        let _ = writeln!(io::stderr(), "{}: {text}", self.program);
    }

    /// Answers a question.
    pub(crate) fn answer(&mut self, question: Question, usage: impl fmt::Display) -> Result<Finding, Failure> {
        match question {
            Question::Usage => writeln!(self.out, "{usage}")?,
            Question::Version => writeln!(self.out, "{} {}", self.program, env!("CARGO_PKG_VERSION"))?,
        }
        Ok(Finding::Fine)
    }
}

impl<T> Wanted<T> {
    pub(crate) fn map<U>(self, change: impl FnOnce(T) -> U) -> Wanted<U> {
        match self {
            Self::Work(work) => Wanted::Work(change(work)),
            Self::Answer(question) => Wanted::Answer(question),
        }
    }
}

impl Question {
    pub(crate) fn of(argument: &Arg<'_>) -> Option<Self> {
        match argument {
            Arg::Long("help") | Arg::Short('h') => Some(Self::Usage),
            Arg::Long("version") | Arg::Short('V') => Some(Self::Version),
            _ => None,
        }
    }
}

impl Finding {
    pub(crate) const fn fine_if(fine: bool) -> Self {
        if fine { Self::Fine } else { Self::Faulty }
    }
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        Self::Output(error)
    }
}

impl From<lexopt::Error> for Failure {
    fn from(error: lexopt::Error) -> Self {
        Self::Misuse(error.to_string())
    }
}

impl From<String> for Failure {
    fn from(problem: String) -> Self {
        Self::Misuse(problem)
    }
}

impl From<&str> for Failure {
    fn from(problem: &str) -> Self {
        Self::Misuse(problem.into())
    }
}
