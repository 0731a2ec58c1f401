//! The summary of the table: the numbers of accepted and refused tokens by source, and the texts of each kind of refusal.

use super::table::Row;
use crate::refusal;
use crate::text::{fit, write_wrapped};
use std::collections::BTreeMap;
use std::io::{self, Write};

pub(super) fn show(out: &mut dyn Write, rows: &[Row<'_>]) -> io::Result<()> {
    show_sources(out, rows)?;
    show_refusals(out, rows)
}

/// The tokens of one KDC and one kind of client.
#[derive(Default)]
struct Source<'r> {
    accepted: usize,
    refused: Vec<&'r Row<'r>>,
}

fn show_sources(out: &mut dyn Write, rows: &[Row<'_>]) -> io::Result<()> {
    let mut sources: BTreeMap<(String, String), Source<'_>> = BTreeMap::new();
    for row in rows {
        let made_by = (product(&row.recording.source.made_by), product(&row.case.made_by));
        let source = sources.entry(made_by).or_default();
        match row.verdict {
            Ok(_) => source.accepted = source.accepted.saturating_add(1),
            Err(_) => source.refused.push(row),
        }
    }
    writeln!(out, "By source: the KDC, and the program that sent the token\n")?;
    writeln!(out, "  {HEAD}")?;
    for ((kdc, client), source) in &sources {
        let (accepted, refused) = (source.accepted, source.refused.len());
        let tokens = accepted.saturating_add(refused);
        let label = format!("  {} {} {tokens:6} {accepted:9} {refused:8}  ", fit(kdc, 9), fit(client, 9));
        write_row(out, &label, &codes(&source.refused))?;
    }
    writeln!(out)
}

fn write_row(out: &mut dyn Write, label: &str, codes: &str) -> io::Result<()> {
    if codes.is_empty() { writeln!(out, "{}", label.trim_end()) } else { write_wrapped(out, label, codes) }
}

/// Returns the codes of these rows with the number of their tokens, most frequent first.
fn codes(rows: &[&Row<'_>]) -> String {
    let codes = by_code(rows.iter().copied());
    let counted = codes.iter().map(|(code, rows)| format!("{code}\u{a0}{}", rows.len()));
    counted.collect::<Vec<_>>().join(", ")
}

/// Returns the refused rows, grouped by code, most frequent code first.
fn by_code<'r>(rows: impl Iterator<Item = &'r Row<'r>>) -> Vec<(&'static str, Vec<&'r Row<'r>>)> {
    let mut codes: BTreeMap<&'static str, Vec<&Row<'_>>> = BTreeMap::new();
    for row in rows {
        if let Err(error) = &row.verdict {
            codes.entry(error.code()).or_default().push(row);
        }
    }
    let mut codes: Vec<_> = codes.into_iter().collect();
    codes.sort_by_key(|(_, rows)| std::cmp::Reverse(rows.len()));
    codes
}

fn show_refusals(out: &mut dyn Write, rows: &[Row<'_>]) -> io::Result<()> {
    writeln!(
        out,
        "The texts of each refusal for the administrator, most frequent first, with one token as the example:\n"
    )?;
    for (code, rows) in by_code(rows.iter()) {
        let example = rows.first().and_then(|row| Some((row, row.verdict.as_ref().err()?)));
        let Some((row, error)) = example else { continue };
        let tokens = if rows.len() == 1 { "1 token".into() } else { format!("{} tokens", rows.len()) };
        writeln!(out, "{code}: {tokens}, look at: {}", error.blame())?;
        writeln!(out, "  such as   {}", row.case.id)?;
        refusal::write_reason(out, error)?;
        writeln!(out)?;
    }
    Ok(())
}

/// Returns the name of a product without its version: `MIT krb5` for `MIT krb5 1.20.1 gss_init_sec_context`.
fn product(made_by: &str) -> String {
    let is_version = |word: &&str| word.starts_with(|first: char| first.is_ascii_digit());
    let words: Vec<_> = made_by.split(' ').take_while(|word| !is_version(word)).collect();
    match words.join(" ").as_str() {
        "Samba" => "Samba AD".into(),
        other => other.into(),
    }
}

const HEAD: &str = "KDC       client    tokens  accepted  refused  by code";
