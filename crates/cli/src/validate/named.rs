//! Validates the tokens of the command line in order, by one validator with one replay cache.

use super::json;
use super::token::Token;
use super::verdict::{Judge, Verdict};
use crate::arguments::{Arguments, Output, Replay, time_of};
use crate::terminal::{Failure, Finding, Terminal};
use crate::text::json_line;
use crate::{certificate, input, keys, refusal};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use kerberos_sso::replay::{MemoryReplayCache, NoReplayCache, ReplayCache};
use kerberos_sso::{Error, UnixTime, Validator};
use std::io;
use std::path::Path;

pub(super) fn judge(terminal: &mut Terminal<'_>, mut arguments: Arguments) -> Result<Finding, Failure> {
    let keys = keys::key_set(&mut arguments, terminal)?;
    let certificates = arguments.certificates.iter().map(|path| certificate::bindings(path));
    let certificates = certificates.collect::<Result<Vec<_>, _>>()?;
    let policy = arguments.policy.clone().with_channel_bindings(arguments.bindings.iter().copied().chain(certificates));
    match arguments.replay {
        // This program admitted no token before it started, so the cache also accepts tokens from before the start. All
        // tokens may belong to the same client, so the cache has no limit for each client.
        Replay::Remember => {
            let cache = MemoryReplayCache::new(arguments.tokens.len(), policy.clock_skew(), UnixTime::from_seconds(0))
                .taking_earlier_authenticators()
                .without_client_share();
            judge_all(terminal, &Validator::new(keys, policy, cache), &arguments)
        }
        Replay::Ignore => judge_all(terminal, &Validator::new(keys, policy, NoReplayCache), &arguments),
    }
}

fn judge_all<R: ReplayCache>(
    terminal: &mut Terminal<'_>,
    validator: &Validator<R>,
    arguments: &Arguments,
) -> Result<Finding, Failure> {
    let read = |path| Token::read(path, arguments.form);
    let tokens = arguments.tokens.iter().map(|path| read(path)).collect::<Result<Vec<_>, _>>()?;
    let mut judge = Judge::new(validator);
    let mut all = true;
    for (index, (token, path)) in tokens.iter().zip(&arguments.tokens).enumerate() {
        let verdict = judge.judge(token, time_of(&arguments.at, index))?;
        match arguments.output {
            Output::Json => writeln!(terminal.out, "{}", json_line(&json::verdict(&verdict)))?,
            Output::Text => show(terminal.out, path, &verdict)?,
        }
        if let Err(Error::Misuse(misuse)) = verdict.outcome {
            return Err(misuse.to_string().into());
        }
        all &= verdict.outcome.is_ok();
    }
    Ok(Finding::fine_if(all))
}

fn show(out: &mut dyn io::Write, path: &Path, verdict: &Verdict) -> io::Result<()> {
    writeln!(out, "{}", input::shown(path))?;
    match &verdict.outcome {
        Ok(accepted) => {
            let ticket = accepted.ticket();
            writeln!(out, "  accepted  {}", accepted.identity())?;
            writeln!(out, "  service   {}@{}", accepted.service(), accepted.service_realm())?;
            writeln!(
                out,
                "  ticket    {}, from {} to {}",
                accepted.opened_by().etype(),
                ticket.start_time(),
                ticket.end_time()
            )?;
            let time = accepted.authenticator().time();
            writeln!(out, "  session   {}, client's time {time}", accepted.session_etype())?;
        }
        Err(error) => refusal::write(out, error)?,
    }
    match &verdict.reply {
        Some(reply) => writeln!(out, "  reply     {}: {}", reply.kind, STANDARD.encode(&reply.token)),
        None => Ok(()),
    }
}
