//! `keytab match`: finds the entry of a keytab that opens a ticket, or the reason why no entry does.
//!
//! The command tries every entry of the ticket's encryption type, with any principal, version and realm. The administrator
//! wants to know which key opens the ticket, even if a server would not try that entry.

use super::entry;
use crate::arguments::{Form, Output};
use crate::explain::{self, Pasted};
use crate::terminal::{Failure, Finding, Question, Terminal, Wanted};
use crate::text::{json_line, printable};
use crate::{input, refusal};
use kerberos_sso::error::Integrity;
use kerberos_sso::keys::KeytabEntry;
use kerberos_sso::stages::KeyQuery;
use kerberos_sso::{Account, Error, KeySet, Keytab, Policy, Refused, ServiceKey, UnixTime, Validator};
use lexopt::{Arg, Parser};
use serde_json::{Value, json};
use std::io::{self, Write};
use std::path::PathBuf;

pub(super) struct Trial {
    file: PathBuf,
    token: PathBuf,
    form: Form,
    output: Output,
}

impl Trial {
    pub(super) fn parse(mut parser: Parser) -> Result<Wanted<Self>, lexopt::Error> {
        let (mut file, mut token, mut form, mut output) = (None, None, Form::Any, Output::Text);
        while let Some(argument) = parser.next()? {
            if let Some(question) = Question::of(&argument) {
                return Ok(Wanted::Answer(question));
            }
            match argument {
                Arg::Value(path) if file.is_none() => file = Some(path.into()),
                Arg::Long("token") => token = Some(parser.value()?.into()),
                Arg::Long("header") => form = Form::Header,
                Arg::Long("json") => output = Output::Json,
                _ => return Err(argument.unexpected()),
            }
        }
        let (file, token) = (file.ok_or("the FILE argument is missing")?, token.ok_or("--token is needed")?);
        Ok(Wanted::Work(Self { file, token, form, output }))
    }
}

/// Whether an entry of the keytab opens the ticket, or why it does not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fit {
    Opens,
    /// The entry opens the ticket, but belongs to another realm, so a server would not try it.
    OfOtherRealm,
    OtherType,
    /// The entry has the ticket's encryption type, but does not open the ticket.
    OtherKey,
}

/// The results of all entries of a keytab for one ticket.
struct Report<'r> {
    query: KeyQuery<'r>,
    fits: Vec<(&'r KeytabEntry, Fit)>,
    /// The reason why a server with the whole keytab does not open the ticket.
    refused: Option<Refused>,
}

pub(super) fn run(terminal: &mut Terminal<'_>, trial: &Trial) -> Result<Finding, Failure> {
    let octets = input::secret_file(&trial.file)?;
    let parse = || Keytab::parse(&octets).map_err(|error| input::of_file(&trial.file, &error));
    let keytab = parse()?;
    keytab.unusable().iter().for_each(|record| terminal.warn(input::of_file(&trial.file, record)));
    let reader = Validator::staged(KeySet::new(), Policy::default().allow_rc4());
    let token = match explain::recognise(explain::read(&trial.token, trial.form)?, trial.form) {
        Pasted::Token(token) => Ok(token),
        Pasted::Header(value) => reader.decode_header(&value),
    };
    let token = match token {
        Ok(token) => token,
        Err(refused) => return refused_without_key(terminal.out, trial.output, refused.error()),
    };
    let query = match reader.read(&token) {
        Ok(request) => request.key_query(),
        Err(refused) => return refused_without_key(terminal.out, trial.output, refused.error()),
    };
    let whole = KeySet::from_accounts(parse()?.accounts()).map_err(|error| error.to_string())?;
    let report = Report::of(&Door { reader: &reader, token: &token }, query, keytab.entries(), &whole);
    match trial.output {
        Output::Text => report.write(terminal.out)?,
        Output::Json => writeln!(terminal.out, "{}", json_line(&report.to_json()))?,
    }
    Ok(Finding::fine_if(report.opener().is_some()))
}

/// Prints that the token is refused before a key is needed.
fn refused_without_key(out: &mut dyn Write, output: Output, error: &Error) -> Result<Finding, Failure> {
    match output {
        Output::Text => {
            writeln!(out, "The token is refused before a key is needed.")?;
            refusal::write(out, error)?;
        }
        Output::Json => {
            let refusal = refusal::json(error);
            let report = json!({ "ticket": null, "entries": [], "opened_by": null, "refusal": refusal });
            writeln!(out, "{}", json_line(&report))?;
        }
    }
    Ok(Finding::Faulty)
}

/// A token, and the validator that tries keys on the token's ticket.
struct Door<'d> {
    reader: &'d Validator,
    token: &'d [u8],
}

impl Door<'_> {
    /// Returns the reason why no key opens the ticket; `None` if a key opens it, even if the ticket's contents are refused.
    fn refuses(&self, keys: &KeySet) -> Option<Refused> {
        // The keys have no end of validity, so the result is the same for every time.
        let now = UnixTime::from_seconds(0);
        let opened =
            self.reader.read(self.token).and_then(|request| self.reader.open_with(request, keys, now).map(drop));
        let is_of_keys = |refused: &Refused| {
            matches!(
                refused.error(),
                Error::NoKey(_) | Error::KeyVersion(_) | Error::Integrity(Integrity::Ticket { .. })
            )
        };
        opened.err().filter(is_of_keys)
    }

    /// Returns whether the entry's key opens the ticket, ignoring the realm and the version of the entry.
    fn opens_with(&self, entry: &KeytabEntry, realm: &str) -> bool {
        let Some(key) = entry.key.clone() else { return false };
        let account = Account::new(&entry::name(entry), realm).with_key(ServiceKey::new(key, None));
        KeySet::from_accounts([account]).is_ok_and(|keys| self.refuses(&keys).is_none())
    }
}

impl<'r> Report<'r> {
    fn of(door: &Door<'_>, query: KeyQuery<'r>, entries: &'r [KeytabEntry], whole: &KeySet) -> Self {
        let fit = |entry: &KeytabEntry| {
            if entry.etype != query.etype {
                Fit::OtherType
            } else if !door.opens_with(entry, query.realm()) {
                Fit::OtherKey
            } else if entry.realm == query.realm() {
                Fit::Opens
            } else {
                Fit::OfOtherRealm
            }
        };
        Self { query, fits: entries.iter().map(|entry| (entry, fit(entry))).collect(), refused: door.refuses(whole) }
    }

    /// Returns the index of the first entry that opens the ticket and belongs to its realm.
    fn opener(&self) -> Option<usize> {
        self.fits.iter().position(|(_, fit)| *fit == Fit::Opens)
    }

    fn write(&self, out: &mut dyn Write) -> io::Result<()> {
        let KeyQuery { service, etype, kvno, .. } = self.query;
        let version = kvno.map_or_else(|| "without a version".into(), |kvno| format!("version {kvno}"));
        let realm = printable(self.query.realm());
        writeln!(out, "The ticket for {service}@{realm} needs a key of {}, {version}.\n", entry::type_name(etype))?;
        writeln!(out, "  KVNO Principal")?;
        for (entry, fit) in &self.fits {
            let mark = if *fit == Fit::Opens { '✓' } else { '✗' };
            let (principal, etype) = (printable(&entry::principal(entry)), entry::type_name(entry.etype));
            writeln!(out, "{mark} {:4} {principal} ({etype}): {}", entry.kvno, self.says(entry, *fit))?;
        }
        writeln!(out)?;
        match (self.opener(), &self.refused) {
            (Some(_), None) => Ok(()),
            (Some(_), Some(refused)) => {
                writeln!(out, "A server with the whole keytab does not try the entry that opens the ticket.")?;
                refusal::write(out, refused.error())
            }
            (None, refused) => {
                writeln!(out, "No entry opens the ticket.")?;
                refused.as_ref().map_or(Ok(()), |refused| refusal::write(out, refused.error()))
            }
        }
    }

    fn says(&self, entry: &KeytabEntry, fit: Fit) -> String {
        let named = self.query.kvno.filter(|named| *named != 0);
        match (fit, named) {
            (Fit::Opens, Some(named)) if named != entry.kvno => {
                format!("opens the ticket, although the ticket names version {named}")
            }
            (Fit::Opens, _) => "opens the ticket".into(),
            (Fit::OfOtherRealm, _) => {
                format!("opens the ticket, but does not belong to the realm {}", printable(self.query.realm()))
            }
            (Fit::OtherType, _) => "has another encryption type".into(),
            (Fit::OtherKey, Some(named)) if named != entry.kvno => {
                "has another version, and does not open the ticket".into()
            }
            (Fit::OtherKey, _) => "does not open the ticket".into(),
        }
    }

    fn to_json(&self) -> Value {
        let entries = self.fits.iter().map(|(entry, fit)| {
            let mut value = entry::json(entry);
            if let Some(value) = value.as_object_mut() {
                value.insert("fit".into(), fit.code().into());
            }
            value
        });
        json!({
            "ticket": {
                "service": self.query.service.components().collect::<Vec<_>>().join("/"),
                "realm": self.query.realm(),
                "etype": self.query.etype.0,
                "kvno": self.query.kvno,
            },
            "entries": entries.collect::<Vec<_>>(),
            "opened_by": self.opener(),
            "refusal": self.refused.as_ref().map(|refused| refusal::json(refused.error())),
        })
    }
}

impl Fit {
    const fn code(self) -> &'static str {
        match self {
            Self::Opens => "opens",
            Self::OfOtherRealm => "other-realm",
            Self::OtherType => "other-type",
            Self::OtherKey => "other-key",
        }
    }
}
