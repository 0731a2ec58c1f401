//! Every token in `testvectors/`, judged as its file says, as a table.

use crate::recorded::{self, Case, Form, Outcome, Recording};
use crate::token::Token;
use crate::verdict::{Judge, Reply, Verdict};
use kerberos_sso::crypto::EncType;
use kerberos_sso::replay::NoReplayCache;
use kerberos_sso::{Accepted, Error, KeySet, Policy, Validator};
use std::time::{Duration, Instant};
use unicode_width::{UnicodeWidthChar as _, UnicodeWidthStr as _};

/// Whether every token was judged as its file says.
pub(crate) fn show() -> Result<bool, String> {
    let recordings = recorded::load_all()?;
    let mut rows = Vec::new();
    for recording in &recordings {
        let of_recording =
            recording.cases.iter().map(|case| Row::judge(recording, case)).collect::<Result<Vec<_>, _>>()?;
        rows.push((recording, of_recording));
    }
    let width = rows.iter().flat_map(|(_, rows)| rows).map(|row| row.case.id.len()).max().unwrap_or(0);
    for (recording, rows) in &rows {
        show_recording(recording, rows, width);
    }
    let all: Vec<_> = rows.iter().flat_map(|(_, rows)| rows).collect();
    summarise(&all);
    show_refusals(&all);
    Ok(all.iter().all(|row| row.judgement != Judgement::Otherwise))
}

/// One token: what became of it, and in which time.
struct Row<'a> {
    case: &'a Case,
    etype: Option<EncType>,
    verdict: Result<Accepted, Error>,
    reply: Option<Reply>,
    judgement: Judgement,
    time: Duration,
}

/// What the file says to the verdict.
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
        Ok(Self { case, etype, verdict, reply, judgement, time: median_time(&validator, case, &bytes) })
    }
}

/// Returns the type that the ticket's unencrypted fields name, if there is a ticket, whether or not the policy accepts it.
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

fn show_recording(recording: &Recording, rows: &[Row<'_>], width: usize) {
    let source = &recording.source;
    println!("{}: {}, {} tokens, recorded on {}", recording.name, source.made_by, rows.len(), source.recorded_on);
    let outcome = fit("identity and SID, or code and reason", OUTCOME_WIDTH);
    println!("    {:width$}  {:11}  {:8}  {outcome}  {:9} {:>7}", "token", "ticket", "verdict", "reply", "µs");
    for row in rows {
        let (mark, id) = (row.judgement.mark(), &row.case.id);
        let etype = row.etype.map_or("—", short_name);
        let verdict = if row.verdict.is_ok() { "accepted" } else { "refused" };
        let outcome = row.verdict.as_ref().map_or_else(|error| format!("{}: {error}", error.code()), who);
        let micros = row.time.as_secs_f64() * 1e6;
        let (outcome, reply) = (fit(&outcome, OUTCOME_WIDTH), row.reply.as_ref().map_or("—", |reply| reply.kind));
        println!("  {mark} {id:width$}  {etype:11}  {verdict:8}  {outcome}  {reply:9} {micros:7.1}");
    }
    println!();
}

/// Name and SID, each in its column.
fn who(accepted: &Accepted) -> String {
    let ticket = accepted.ticket();
    let client = format!("{}@{}", ticket.client(), ticket.client_realm());
    format!("{} {}", fit(&client, 28), sid(accepted))
}

/// The user's SID, which only a PAC of Active Directory has.
fn sid(accepted: &Accepted) -> String {
    accepted.identity().sid().map_or_else(|| "—".into(), |sid| sid.to_string())
}

fn summarise(rows: &[&Row<'_>]) {
    let count = |wanted: &dyn Fn(&Row<'_>) -> bool| rows.iter().filter(|row| wanted(row)).count();
    let as_expected = |row: &Row<'_>| row.judgement == Judgement::AsExpected;
    let accepted = count(&|row| row.verdict.is_ok() && as_expected(row));
    let refused = count(&|row| row.verdict.is_err() && as_expected(row));
    let otherwise = count(&|row| row.judgement == Judgement::Otherwise);
    println!("{} tokens: {accepted} accepted and {refused} refused as expected.", rows.len());
    if otherwise > 0 {
        println!("{otherwise} were not judged as expected (✗).");
    }
    let build = if cfg!(debug_assertions) { "barely optimised: add --release for real figures" } else { "optimised" };
    println!("µs: median of {RUNS} validations of the whole token, one thread, {build}.\n");
}

/// One refusal of each of the causes that administrators meet most, as they would read it in a log.
fn show_refusals(rows: &[&Row<'_>]) {
    println!("What an administrator reads:\n");
    for code in INSTRUCTIVE {
        let row = rows.iter().find(|row| row.verdict.as_ref().is_err_and(|error| error.code() == code));
        if let Some((row, error)) = row.and_then(|row| Some((row, row.verdict.as_ref().err()?))) {
            println!("{}", row.case.id);
            explain(error);
            println!();
        }
    }
}

/// A refusal in full.
pub(crate) fn explain(error: &Error) {
    println!("  refused   {} (look at: {})", error.code(), error.blame());
    print_wrapped("  because   ", &error.to_string());
    if let Some(remedy) = error.remedy() {
        print_wrapped("  remedy    ", &remedy.to_string());
    }
}

fn print_wrapped(label: &str, text: &str) {
    let mut line = String::new();
    let mut lines = Vec::new();
    for word in text.split_whitespace() {
        if !line.is_empty() && line.width().saturating_add(word.width()) >= TEXT_WIDTH {
            lines.push(std::mem::take(&mut line));
        }
        if !line.is_empty() {
            line.push(' ');
        }
        line.push_str(word);
    }
    lines.push(line);
    for (index, line) in lines.iter().enumerate() {
        println!("{}{line}", if index == 0 { label } else { "            " });
    }
}

/// Cut or filled up to `width` columns.
fn fit(text: &str, width: usize) -> String {
    let missing = width.saturating_sub(text.width());
    if text.width() <= width {
        return format!("{text}{}", " ".repeat(missing));
    }
    let mut cut = String::new();
    for character in text.chars() {
        let taken = cut.width().saturating_add(character.width().unwrap_or(0));
        if taken >= width {
            break;
        }
        cut.push(character);
    }
    fit(&format!("{cut}…"), width)
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

/// Odd, so that there is one in the middle.
const RUNS: usize = 15;

/// A name of 28 columns, a blank, and a SID of a domain.
const OUTCOME_WIDTH: usize = 75;

const TEXT_WIDTH: usize = 108;

const INSTRUCTIVE: [&str; 3] = ["ntlm", "key-version", "rc4-refused"];
