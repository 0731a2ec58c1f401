//! Validates every recorded token with the keys and the policy of its file, and prints a table.

use super::summary;
use super::token::Token;
use super::verdict::{Judge, Reply, Verdict};
use crate::recorded::{Case, Form, Outcome, Recording};
use crate::terminal::{Failure, Finding};
use crate::text::fit;
use crate::vectors;
use kerberos_sso::crypto::EncType;
use kerberos_sso::replay::NoReplayCache;
use kerberos_sso::{Accepted, Error, KeySet, Policy, Validator};
use std::io::{self, Write};
use std::time::{Duration, Instant};
use unicode_width::UnicodeWidthStr as _;

/// The part of the output that is printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Extent {
    Whole,
    Summary,
}

pub(super) fn show(out: &mut dyn Write, extent: Extent) -> Result<Finding, Failure> {
    let recordings = vectors::all()?;
    let mut rows = Vec::new();
    for recording in &recordings {
        for case in &recording.cases {
            rows.push(Row::judge(recording, case)?);
        }
    }
    if extent == Extent::Whole {
        let width = rows.iter().map(|row| row.case.id.width()).max().unwrap_or(0);
        for of_recording in rows.chunk_by(|one, next| one.recording.name == next.recording.name) {
            show_recording(out, of_recording, width)?;
        }
        show_counts(out, &rows)?;
    }
    summary::show(out, &rows)?;
    Ok(Finding::fine_if(rows.iter().all(|row| row.judgement != Judgement::Otherwise)))
}

/// One token with its verdict, and the time that the validation took.
pub(super) struct Row<'a> {
    pub(super) recording: &'a Recording,
    pub(super) case: &'a Case,
    etype: Option<EncType>,
    pub(super) verdict: Result<Accepted, Error>,
    reply: Option<Reply>,
    judgement: Judgement,
    time: Duration,
}

/// Whether the verdict is the verdict that the file expects.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Judgement {
    AsExpected,
    Otherwise,
}

impl Judgement {
    fn of(case: &Case, verdict: &Result<Accepted, Error>) -> Self {
        let as_expected = match (case.outcome(), verdict) {
            (Outcome::Accept(expect), Ok(accepted)) => {
                accepted.ticket().client_realm() == expect.client.realm
                    && accepted.ticket().client().components().eq(expect.client.name.split('/'))
            }
            (Outcome::Reject(code), Err(error)) => error.code() == code,
            _ => false,
        };
        if as_expected { Self::AsExpected } else { Self::Otherwise }
    }

    const fn mark(self) -> char {
        match self {
            Self::AsExpected => '✓',
            Self::Otherwise => '✗',
        }
    }
}

impl<'a> Row<'a> {
    fn judge(recording: &'a Recording, case: &'a Case) -> Result<Self, String> {
        let validator = recording.validator(case)?;
        let bytes = case.bytes()?;
        let token = match case.form {
            Form::Token => Token::Bytes(bytes.clone()),
            Form::Header => Token::Header(bytes.clone()),
        };
        let Verdict { outcome: verdict, reply } = Judge::new(&validator).judge(&token, case.now())?;
        let judgement = Judgement::of(case, &verdict);
        let etype = ticket_etype(&validator, case.form, &bytes);
        Ok(Self { recording, case, etype, verdict, reply, judgement, time: median_time(&validator, case, &bytes) })
    }
}

/// Returns the encryption type in the ticket's unencrypted fields, even if the policy refuses this type; `None` without a
/// ticket.
fn ticket_etype(validator: &Validator<NoReplayCache>, form: Form, bytes: &[u8]) -> Option<EncType> {
    let token = match form {
        Form::Token => bytes.into(),
        Form::Header => validator.decode_header(bytes).ok()?,
    };
    let reader = Validator::new(KeySet::new(), Policy::default().allow_rc4(), NoReplayCache);
    reader.read(&token).ok().map(|request| request.key_query().etype)
}

fn median_time(validator: &Validator<NoReplayCache>, case: &Case, bytes: &[u8]) -> Duration {
    let mut times = [Duration::ZERO; RUNS];
    for time in &mut times {
        let start = Instant::now();
        let verdict = std::hint::black_box(case.judge(validator, bytes));
        *time = start.elapsed();
        drop(verdict);
    }
    times.sort_unstable();
    times.get(RUNS / 2).copied().unwrap_or_default()
}

fn show_recording(out: &mut dyn Write, rows: &[Row<'_>], width: usize) -> io::Result<()> {
    let Some(Row { recording, .. }) = rows.first() else { return Ok(()) };
    let source = &recording.source;
    writeln!(out, "{}: {}, {} tokens, recorded on {}", recording.name, source.made_by, rows.len(), source.recorded_on)?;
    let outcome = fit("identity and SID, or code and reason", OUTCOME_WIDTH);
    writeln!(out, "    {:width$}  {:11}  {:8}  {outcome}  {:9} {:>7}", "token", "ticket", "verdict", "reply", "µs")?;
    for row in rows {
        let (mark, id) = (row.judgement.mark(), &row.case.id);
        let etype = row.etype.map_or("—", short_name);
        let verdict = if row.verdict.is_ok() { "accepted" } else { "refused" };
        let outcome = row.verdict.as_ref().map_or_else(|error| format!("{}: {error}", error.code()), who);
        let micros = row.time.as_secs_f64() * 1e6;
        let (outcome, reply) = (fit(&outcome, OUTCOME_WIDTH), row.reply.as_ref().map_or("—", |reply| reply.kind));
        writeln!(out, "  {mark} {id:width$}  {etype:11}  {verdict:8}  {outcome}  {reply:9} {micros:7.1}")?;
    }
    writeln!(out)
}

/// Returns the client's name and SID, each in its column.
fn who(accepted: &Accepted) -> String {
    let ticket = accepted.ticket();
    let client = format!("{}@{}", ticket.client(), ticket.client_realm());
    format!("{} {}", fit(&client, 28), sid(accepted))
}

/// Returns the user's SID, or a dash: only a PAC of Active Directory contains a SID.
fn sid(accepted: &Accepted) -> String {
    accepted.identity().sid().map_or_else(|| "—".into(), |sid| sid.to_string())
}

fn show_counts(out: &mut dyn Write, rows: &[Row<'_>]) -> io::Result<()> {
    let count = |wanted: &dyn Fn(&Row<'_>) -> bool| rows.iter().filter(|row| wanted(row)).count();
    let as_expected = |row: &Row<'_>| row.judgement == Judgement::AsExpected;
    let accepted = count(&|row| row.verdict.is_ok() && as_expected(row));
    let refused = count(&|row| row.verdict.is_err() && as_expected(row));
    let otherwise = count(&|row| row.judgement == Judgement::Otherwise);
    writeln!(out, "{} tokens: {accepted} accepted and {refused} refused as expected.", rows.len())?;
    if otherwise > 0 {
        writeln!(out, "{otherwise} tokens have another verdict than expected (✗).")?;
    }
    let build = if cfg!(debug_assertions) {
        "a build without optimisation: add --release for real figures"
    } else {
        "optimised"
    };
    writeln!(out, "µs: median of {RUNS} validations of the whole token, one thread, {build}.\n")
}

fn short_name(etype: EncType) -> &'static str {
    match etype {
        EncType::AES128_CTS_HMAC_SHA1_96 => "aes128-sha1",
        EncType::AES256_CTS_HMAC_SHA1_96 => "aes256-sha1",
        EncType::AES128_CTS_HMAC_SHA256_128 => "aes128-sha2",
        EncType::AES256_CTS_HMAC_SHA384_192 => "aes256-sha2",
        EncType::RC4_HMAC => "rc4",
        other => other.name().unwrap_or("unknown"),
    }
}

/// The number of timed validations of each token: odd, so that the median is one of these times.
const RUNS: usize = 15;

/// The number of columns for an identity: 28 for the client's name, a blank, and the rest for the SID of a domain user.
const OUTCOME_WIDTH: usize = 75;
