//! The command `explain`: shows each token's checks as a tree.

use super::{Advice, Examiner, Explanation, Pasted, json};
use crate::arguments::{Arguments, Form, OPTIONS, Output, Replay, time_of};
use crate::terminal::{Failure, Finding, Terminal, Wanted};
use crate::text::json_line;
use crate::{certificate, input, keys};
use kerberos_sso::replay::{Admission, MemoryReplayCache, ReplayCache as _, ReplayEntry};
use kerberos_sso::{UnixTime, Validator};
use std::ffi::OsString;
use std::io::{self, Write};
use std::path::Path;

pub(crate) fn run(terminal: &mut Terminal<'_>, words: Vec<OsString>) -> Result<Finding, Failure> {
    let mut arguments = match Arguments::parse(words)? {
        Wanted::Work(arguments) => arguments,
        Wanted::Answer(question) => return terminal.answer(question, usage(terminal.program)),
    };
    let validator = validator(&mut arguments, terminal)?;
    // This program admitted no token before it started, so the cache also accepts tokens from before the start. All
    // tokens may belong to the same client, so the cache has no limit for each client.
    let cache =
        MemoryReplayCache::new(arguments.tokens.len(), validator.policy().clock_skew(), UnixTime::from_seconds(0))
            .taking_earlier_authenticators()
            .without_client_share();
    let mut all = true;
    for (index, token) in arguments.tokens.iter().enumerate() {
        let (contents, now) = (read(token, arguments.form)?, time_of(&arguments.at, index));
        let advice = if arguments.form == Form::Any { Advice::on(&contents) } else { None };
        let pasted = recognise(contents, arguments.form);
        let admit = |entry: &ReplayEntry<'_>| match arguments.replay {
            Replay::Remember => cache.check_and_insert(entry, now),
            Replay::Ignore => Admission::New,
        };
        let examiner = Examiner { validator: &validator, arrival: now.into(), admit: Some(&admit) };
        let explanation = examiner.explain(&pasted);
        match arguments.output {
            Output::Text => show(terminal.out, &explanation, advice, now)?,
            Output::Json => writeln!(terminal.out, "{}", json_line(&json::explanation(&explanation, advice, now)))?,
        }
        all &= explanation.outcome.is_ok();
    }
    Ok(Finding::fine_if(all))
}

fn validator(arguments: &mut Arguments, terminal: &Terminal<'_>) -> Result<Validator, String> {
    let keys = keys::key_set(arguments, terminal)?;
    let certificates = arguments.certificates.iter().map(|path| certificate::bindings(path));
    let certificates = certificates.collect::<Result<Vec<_>, _>>()?;
    let bindings = arguments.bindings.iter().copied().chain(certificates);
    Ok(Validator::staged(keys, arguments.policy.clone().with_channel_bindings(bindings)))
}

/// Reads the token from a file or from standard input, or takes the argument as the token itself.
pub(crate) fn read(token: &Path, form: Form) -> Result<Vec<u8>, String> {
    if form == Form::Any && token != Path::new("-") && !token.exists() {
        let text = token.as_os_str().as_encoded_bytes();
        let advice = Advice::on(text).map(|advice| format!("\n{advice}")).unwrap_or_default();
        let problem = format!("neither a file nor a token{advice}");
        return Pasted::of_text(text).map(|_| text.to_vec()).ok_or_else(|| input::of_file(token, &problem));
    }
    input::token(token)
}

pub(crate) fn recognise(contents: Vec<u8>, form: Form) -> Pasted {
    if form == Form::Header { Pasted::Header(contents) } else { Pasted::recognise(&contents) }
}

fn show(out: &mut dyn Write, explanation: &Explanation, advice: Option<Advice>, now: UnixTime) -> io::Result<()> {
    match &explanation.outcome {
        Ok(identity) => writeln!(out, "✓ accepted: {identity}, at {now}")?,
        Err(refused) => writeln!(out, "✗ refused: {}, at {now}", refused.code())?,
    }
    if let Some(advice) = advice {
        writeln!(out, "{advice}")?;
    }
    explanation.stages.iter().try_for_each(|stage| write!(out, "{stage}"))?;
    writeln!(out)
}

fn usage(program: &str) -> String {
    format!(
        "\
{program} OPTIONS TOKEN…  shows every check of each token, stage by stage

A TOKEN is a file, - for standard input, or the token itself: binary, base64, or the value of an Authorization header.

{OPTIONS}"
    )
}
