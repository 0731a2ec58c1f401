//! `keytab`: lists a keytab, makes one from a password, and says which of its keys opens a ticket.

mod derive;
mod entry;
mod list;
mod match_token;
mod write;

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
            None => return Err("list, derive or match is wanted".into()),
        };
        match name.to_str() {
            Some("list") => list::Listing::parse(parser).map(|wanted| wanted.map(Self::List)),
            Some("derive") => derive::Derivation::parse(parser).map(|wanted| wanted.map(Self::Derive)),
            Some("match") => match_token::Trial::parse(parser).map(|wanted| wanted.map(Self::Match)),
            _ => Err(format!("{name:?} is no command for keytabs").into()),
        }
    }
}

fn usage(program: &str) -> String {
    format!(
        "\
{program} list FILE                 lists the entries, as `klist -k -e -t` does, and what is wrong with the file
{program} match FILE --token TOKEN  says which entry opens the ticket, or why none does
{program} derive OPTIONS            makes keys from a password

list   --show-keys           prints the keys, too
       --json                one object for the file
match  --token TOKEN         a file, - for standard input, or the token itself: binary, base64, or a header
       --header              the file is a header value, byte for byte
       --json                one object for the token
derive --account NAME        whose password it is: NAME$ for a computer account, NAME for a user of Active Directory,
                             SERVICE/HOST for a principal of another KDC; the salt follows from it
       --realm REALM         of the account
       --principal NAME      writes the keys for this name instead of the account's; may be given more than once
       --salt TEXT           the account's salt, if it is another one
       --etypes 18,17,…      default 18,17
       --kvno VERSION        default 1
       --at UNIX_SECONDS     the time of writing (default: the clock)
       --password-file FILE  default: standard input; without the line's end
       --show-keys           prints the keys, each as `validate --key` takes it
       --out FILE            writes a keytab, which must not be there yet

Exit status: 0 in order, or opened, 1 an entry is damaged, none can serve, or none opens the ticket, 2 misuse."
    )
}
