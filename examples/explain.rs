//! Explains tokens: what each stage found and checked, what failed, why, and what to do.
//!
//! ```text
//! cargo run --example explain -- --keytab http.keytab token.b64
//! cargo run --example explain -- --keytab http.keytab "Negotiate YII…"
//! cargo run --example explain -- --help
//! ```
//!
//! A token that was never used is a credential for five minutes: whoever reads it can sign in with it. Explain old ones.

#![allow(clippy::print_stdout, reason = "this is a program")]

#[allow(dead_code, reason = "of `validate`, some of whose options mean nothing here")]
#[path = "../crates/cli/src/arguments.rs"]
mod arguments;
#[path = "../crates/cli/src/certificate.rs"]
mod certificate;
#[path = "../crates/cli/src/keys.rs"]
mod keys;
#[path = "../crates/cli/src/explain/pasted.rs"]
mod pasted;
#[path = "../tests/recorded/mod.rs"]
mod recorded;
#[path = "../crates/cli/src/explain/stages/mod.rs"]
mod stages;
#[path = "../crates/cli/src/explain/tree.rs"]
mod tree;

use arguments::{Arguments, Form, Replay, time_of};
use kerberos_sso::replay::{Admission, MemoryReplayCache, ReplayCache as _, ReplayEntry};
use kerberos_sso::{UnixTime, Validator};
use pasted::{Advice, Pasted};
use stages::{Examiner, Explanation};
use std::io::Read as _;
use std::path::Path;
use std::process::ExitCode;

fn main() -> ExitCode {
    match run() {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::from(1),
        Err(problem) => {
            eprintln!("explain: {problem}\nTry explain --help.");
            ExitCode::from(2)
        }
    }
}

/// Whether all tokens were accepted.
fn run() -> Result<bool, String> {
    let Some(mut arguments) = Arguments::parse(lexopt::Parser::from_env()).map_err(|error| error.to_string())? else {
        println!("{USAGE}\n{}", arguments::USAGE);
        return Ok(true);
    };
    let validator = validator(&mut arguments)?;
    // Nothing came before this program, so nothing that came before can have been admitted. All tokens may be one client's.
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
        all &= show(&examiner.explain(&pasted), advice, now);
    }
    Ok(all)
}

fn validator(arguments: &mut Arguments) -> Result<Validator, String> {
    let keys = keys::key_set(arguments)?;
    let certificates = arguments.certificates.iter().map(|path| certificate::bindings(path));
    let certificates = certificates.collect::<Result<Vec<_>, _>>()?;
    let bindings = arguments.bindings.iter().copied().chain(certificates);
    Ok(Validator::staged(keys, arguments.policy.clone().with_channel_bindings(bindings)))
}

/// A file, standard input, or the token itself.
fn read(token: &Path, form: Form) -> Result<Vec<u8>, String> {
    let of_token = |error: &dyn std::fmt::Display| format!("{}: {error}", token.display());
    if token == Path::new("-") {
        let mut contents = Vec::new();
        std::io::stdin().lock().take(MAX_INPUT).read_to_end(&mut contents).map_err(|error| of_token(&error))?;
        return Ok(contents);
    }
    if form == Form::Any && !token.exists() {
        let text = token.as_os_str().as_encoded_bytes();
        let advice = Advice::on(text).map(|advice| format!("\n{advice}")).unwrap_or_default();
        let is_token = Pasted::of_text(text).is_some();
        return is_token.then(|| text.to_vec()).ok_or_else(|| of_token(&format!("neither a file nor a token{advice}")));
    }
    std::fs::read(token).map_err(|error| of_token(&error))
}

fn recognise(contents: Vec<u8>, form: Form) -> Pasted {
    if form == Form::Header { Pasted::Header(contents) } else { Pasted::recognise(&contents) }
}

fn show(explanation: &Explanation, advice: Option<Advice>, now: UnixTime) -> bool {
    match &explanation.outcome {
        Ok(identity) => println!("✓ accepted: {identity}, at {now}"),
        Err(refused) => println!("✗ refused: {}, at {now}", refused.code()),
    }
    if let Some(advice) = advice {
        println!("{advice}");
    }
    explanation.stages.iter().for_each(|stage| print!("{stage}"));
    println!();
    explanation.outcome.is_ok()
}

/// Twice the longest header.
const MAX_INPUT: u64 = 256 * 1024;

const USAGE: &str = "\
explain OPTIONS TOKEN…   shows what becomes of each token, stage by stage

A TOKEN is also the token itself, in base64 or as a header. OPTIONS are those of validate:
";
