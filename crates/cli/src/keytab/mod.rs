//! The command `keytab`: lists a keytab, makes a keytab from a password, and finds the key that opens a ticket.

mod derive;
mod entry;
mod list;
mod match_token;

use crate::terminal::{Failure, Finding, Question, Terminal, Wanted};
use lexopt::{Arg, Parser};
use std::ffi::OsString;

pub(crate) fn run(terminal: &mut Terminal<'_>, words: Vec<OsString>) -> Result<Finding, Failure> {
    let wanted = match Work::parse(Parser::from_args(words))? {
        Wanted::Answer(question) => return terminal.answer(question, usage(terminal.program)),
        Wanted::Work(work) => work,
    };
    match wanted {
        Work::List(listing) => list::run(terminal, &listing),
        Work::Derive(derivation) => derive::run(terminal, &derivation),
        Work::Match(trial) => match_token::run(terminal, &trial),
    }
}

enum Work {
    List(list::Listing),
    Derive(derive::Derivation),
    Match(match_token::Trial),
}

impl Work {
    fn parse(mut parser: Parser) -> Result<Wanted<Self>, lexopt::Error> {
        let name = match parser.next()? {
            Some(Arg::Value(name)) => name,
            Some(argument) => return Question::of(&argument).map(Wanted::Answer).ok_or_else(|| argument.unexpected()),
            None => return Err("the command is missing: list, derive or match".into()),
        };
        match name.to_str() {
            Some("list") => list::Listing::parse(parser).map(|wanted| wanted.map(Self::List)),
            Some("derive") => derive::Derivation::parse(parser).map(|wanted| wanted.map(Self::Derive)),
            Some("match") => match_token::Trial::parse(parser).map(|wanted| wanted.map(Self::Match)),
            _ => Err(format!("{name:?} is not a command for keytabs").into()),
        }
    }
}

fn usage(program: &str) -> String {
    format!(
        "\
{program} list FILE                 lists the entries, as `klist -k -e -t` does, and the records that cannot be used
{program} match FILE --token TOKEN  finds the entry that opens the ticket, or the reason why no entry does
{program} derive OPTIONS            derives the keys of an account from its password

list   --show-keys           also prints the keys
       --json                prints one object for the file
match  --token TOKEN         a file, - for standard input, or the token itself: binary, base64, or a header
       --header              the TOKEN is a file with a header value, octet for octet
       --json                prints one object for the token
derive --account NAME        the account: NAME$ for a computer account, NAME for a user of Active Directory,
                             SERVICE/HOST for a principal of another KDC; the name determines the salt
       --realm REALM         the realm of the account
       --principal NAME      writes the keys for this name instead of the account's; may be given more than once
       --salt TEXT           the account's salt, if it does not follow from the account's name
       --etypes 18,17,…      default 18,17
       --kvno VERSION        default 1
       --at UNIX_SECONDS     the timestamp of the entries (default: now)
       --password-file FILE  the password (default: standard input); the end of line is ignored
       --show-keys           prints the keys in the form of `validate --key`
       --out FILE            writes a new keytab; it is an error if FILE exists

Exit status: 0 in order, or opened, 1 a record is damaged, no entry can be used, or no entry opens the
             ticket, 2 wrong arguments."
    )
}
