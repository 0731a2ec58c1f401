//! The tokens named on the command line, judged in order by one validator with one replay cache.

use crate::arguments::{Arguments, Output, Replay, time_of};
use crate::token::Token;
use crate::verdict::{Judge, Verdict};
use crate::{certificate, json, keys, table};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use kerberos_sso::replay::{MemoryReplayCache, NoReplayCache, ReplayCache};
use kerberos_sso::{Error, UnixTime, Validator};
use std::path::Path;

/// Whether all were accepted.
pub(crate) fn judge(mut arguments: Arguments) -> Result<bool, String> {
    let keys = keys::key_set(&mut arguments)?;
    let certificates = arguments.certificates.iter().map(|path| certificate::bindings(path));
    let certificates = certificates.collect::<Result<Vec<_>, _>>()?;
    let policy = arguments.policy.clone().with_channel_bindings(arguments.bindings.iter().copied().chain(certificates));
    match arguments.replay {
        // Nothing came before this program, so nothing that came before can have been admitted. All tokens may be one client's.
        Replay::Remember => {
            let cache = MemoryReplayCache::new(arguments.tokens.len(), policy.clock_skew(), UnixTime::from_seconds(0))
                .taking_earlier_authenticators()
                .without_client_share();
            judge_all(&Validator::new(keys, policy, cache), &arguments)
        }
        Replay::Ignore => judge_all(&Validator::new(keys, policy, NoReplayCache), &arguments),
    }
}

fn judge_all<R: ReplayCache>(validator: &Validator<R>, arguments: &Arguments) -> Result<bool, String> {
    let read = |path| Token::read(path, arguments.form);
    let tokens = arguments.tokens.iter().map(|path| read(path)).collect::<Result<Vec<_>, _>>()?;
    let mut judge = Judge::new(validator);
    let mut all = true;
    for (index, (token, path)) in tokens.iter().zip(&arguments.tokens).enumerate() {
        let verdict = judge.judge(token, time_of(&arguments.at, index))?;
        match arguments.output {
            Output::Json => println!("{}", json::verdict(&verdict)),
            Output::Text => show(path, &verdict),
        }
        if let Err(Error::Misuse(misuse)) = verdict.outcome {
            return Err(misuse.to_string());
        }
        all &= verdict.outcome.is_ok();
    }
    Ok(all)
}

fn show(path: &Path, verdict: &Verdict) {
    println!("{}", path.display());
    match &verdict.outcome {
        Ok(accepted) => {
            let ticket = accepted.ticket();
            println!("  accepted  {}", accepted.identity());
            println!("  service   {}@{}", accepted.service(), accepted.service_realm());
            println!(
                "  ticket    {}, from {} to {}",
                accepted.opened_by().etype(),
                ticket.start_time(),
                ticket.end_time()
            );
            println!("  session   {}, client's time {}", accepted.session_etype(), accepted.authenticator().time());
        }
        Err(error) => table::explain(error),
    }
    if let Some(reply) = &verdict.reply {
        println!("  reply     {}: {}", reply.kind, STANDARD.encode(&reply.token));
    }
}
