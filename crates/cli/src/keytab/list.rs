//! `keytab list`: lists the entries of a keytab, and the records that cannot be used.

use super::entry::{self, HEAD, Keys};
use crate::arguments::Output;
use crate::terminal::{Failure, Finding, Question, Terminal, Wanted};
use crate::text::json_line;
use crate::{input, keys};
use kerberos_sso::Keytab;
use kerberos_sso::crypto::EncType;
use kerberos_sso::keys::{KeytabEntry, UnusableEntry};
use lexopt::{Arg, Error, Parser};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::io::{self, Write};
use std::path::PathBuf;

pub(super) struct Listing {
    file: PathBuf,
    keys: Keys,
    output: Output,
}

impl Listing {
    pub(super) fn parse(mut parser: Parser) -> Result<Wanted<Self>, Error> {
        let (mut file, mut keys, mut output) = (None, Keys::Hidden, Output::Text);
        while let Some(argument) = parser.next()? {
            if let Some(question) = Question::of(&argument) {
                return Ok(Wanted::Answer(question));
            }
            match argument {
                Arg::Value(path) if file.is_none() => file = Some(path.into()),
                Arg::Long("show-keys") => keys = Keys::Shown,
                Arg::Long("json") => output = Output::Json,
                _ => return Err(argument.unexpected()),
            }
        }
        Ok(Wanted::Work(Self { file: file.ok_or("the FILE argument is missing")?, keys, output }))
    }
}

pub(super) fn run(terminal: &mut Terminal<'_>, listing: &Listing) -> Result<Finding, Failure> {
    let keytab = keys::keytab(&listing.file)?;
    let notes = notes(keytab.entries());
    match listing.output {
        Output::Text => write_text(terminal.out, listing, &keytab, &notes)?,
        Output::Json => writeln!(terminal.out, "{}", json_line(&to_json(listing, &keytab, &notes)))?,
    }
    let serves = keytab.entries().iter().any(|entry| entry.key.is_some());
    Ok(Finding::fine_if(serves && keytab.unusable().is_empty()))
}

fn write_text(out: &mut dyn Write, listing: &Listing, keytab: &Keytab, notes: &[String]) -> io::Result<()> {
    writeln!(out, "Keytab name: FILE:{}\n{HEAD}", input::shown(&listing.file))?;
    for entry in keytab.entries() {
        writeln!(out, "{}", entry::line(entry, listing.keys).as_str())?;
    }
    if !keytab.unusable().is_empty() {
        writeln!(out, "\nRecords that cannot be used:")?;
        keytab.unusable().iter().try_for_each(|record| writeln!(out, "  {record}"))?;
    }
    if !notes.is_empty() {
        writeln!(out)?;
        notes.iter().try_for_each(|note| writeln!(out, "Note: {note}"))?;
    }
    Ok(())
}

fn to_json(listing: &Listing, keytab: &Keytab, notes: &[String]) -> Value {
    let entries = keytab.entries().iter().map(|entry| {
        let mut value = entry::json(entry);
        if let (Keys::Shown, Some(hex), Some(value)) = (listing.keys, entry::hex(entry), value.as_object_mut()) {
            value.insert("key".into(), hex.as_str().into());
        }
        value
    });
    json!({
        "keytab": listing.file.display().to_string(),
        "entries": entries.collect::<Vec<_>>(),
        "unusable": keytab.unusable().iter().map(unusable).collect::<Vec<_>>(),
        "notes": notes,
    })
}

fn unusable(record: &UnusableEntry) -> Value {
    json!({
        "at": record.at,
        "principal": record.principal.map(|principal| principal.to_string()),
        "kvno": record.kvno,
        "etype": record.etype.map(|etype| etype.0),
        "problem": record.problem.to_string(),
    })
}

/// Returns notes for the administrator about the entries that were read.
fn notes(entries: &[KeytabEntry]) -> Vec<String> {
    let mut types: BTreeMap<String, Vec<EncType>> = BTreeMap::new();
    for entry in entries {
        let of_principal = types.entry(entry::principal(entry)).or_default();
        of_principal.extend(entry.key.as_ref().map(|_| entry.etype));
    }
    let mut notes = Vec::new();
    for (principal, types) in types {
        let name = crate::text::printable(&principal);
        if principal.starts_with("krbtgt/") {
            notes.push(format!(
                "{name} is a key of the KDC: a person who reads this file can impersonate any user of the realm."
            ));
        }
        if types.is_empty() {
            notes.push(format!("{name} has no key of a supported encryption type."));
        } else if types.iter().all(|etype| *etype == EncType::RC4_HMAC) {
            notes.push(format!("{name} has keys of RC4 only, which a server refuses unless its policy allows RC4."));
        }
    }
    if entries.is_empty() {
        notes.push("No entry can be used.".into());
    }
    notes
}
