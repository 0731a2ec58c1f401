//! A server for any GSS or SASL client. The server accepts a client's context and then its messages, over TCP on
//! loopback. `frames.rs` describes the frames.
//!
//! ```text
//! cargo run --example acceptor -- [--allow-rc4] [--krb-error] [--entropy HEX] PORT KEYTAB [--bindings HEX]
//!                                 [--sasl GSSAPI|GSS-SPNEGO]
//! ```
//! - `--bindings`: the application data of the server's channel bindings. The client must send these bindings.
//! - `--sasl GSSAPI`: negotiates a security layer (RFC 4752). `--sasl GSS-SPNEGO`: uses the context's own per-message tokens.
//! - `--krb-error`: sends the reason of a refusal to a client whose authenticator was decrypted.
//! - `--entropy`: 64 octets that replace the randomness of every answer. Use this option for recordings only.
#![allow(clippy::print_stdout, reason = "this is a program")]

mod frames;
mod layer;
mod messages;

use frames::Frames;
use kerberos_sso::replay::MemoryReplayCache;
use kerberos_sso::{
    Answer, ChannelBindings, KeySet, Policy, Randomness, UnixTime, Validator,
    negotiate::Step,
    policy::{BindingLevel, KrbErrorPolicy},
};
use std::error::Error;
use std::net::{Ipv4Addr, TcpListener};
use std::process::ExitCode;
use std::time::SystemTime;

const USAGE: &str = "Usage: acceptor [--allow-rc4] [--krb-error] [--entropy HEX] PORT KEYTAB [--bindings HEX] \
                     [--sasl GSSAPI|GSS-SPNEGO]";

type Outcome<T> = Result<T, Box<dyn Error>>;

fn main() -> ExitCode {
    if std::env::args_os().skip(1).any(|word| word == "--help") {
        println!("{USAGE}");
        return ExitCode::SUCCESS;
    }
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(problem) => {
            eprintln!("acceptor: {problem}\n{USAGE}");
            ExitCode::from(2)
        }
    }
}

fn run() -> Outcome<()> {
    let server = Server::configure(lexopt::Parser::from_env())?;
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, server.port))?;
    for stream in listener.incoming() {
        if let Err(error) = server.serve(&mut Frames::new(stream?)) {
            println!("ended: {error}");
        }
    }
    Ok(())
}

struct Server {
    validator: Validator<MemoryReplayCache>,
    port: u16,
    mechanism: Option<String>,
    entropy: Option<[u8; 64]>,
}

impl Server {
    fn configure(mut arguments: lexopt::Parser) -> Outcome<Self> {
        use lexopt::prelude::*;
        let (mut policy, mut mechanism, mut entropy, mut values) = (Policy::default(), None, None, Vec::new());
        while let Some(argument) = arguments.next()? {
            match argument {
                Long("allow-rc4") => policy = policy.allow_rc4(),
                Long("krb-error") => policy = policy.with_krb_errors(KrbErrorPolicy::AfterProof),
                Long("bindings") => {
                    let bindings = ChannelBindings::new(&from_hex(&arguments.value()?.string()?)?);
                    policy = policy.with_channel_bindings([bindings]).with_binding_level(BindingLevel::Require);
                }
                Long("entropy") => entropy = Some(from_hex(&arguments.value()?.string()?)?.as_slice().try_into()?),
                Long("sasl") => mechanism = Some(arguments.value()?.string()?),
                Value(value) => values.push(value),
                _ => return Err(argument.unexpected().into()),
            }
        }
        let [port, keytab] = values.as_slice() else { return Err("PORT and KEYTAB are needed".into()) };
        let keys = KeySet::from_whole_keytab(&std::fs::read(keytab)?)?;
        let cache = MemoryReplayCache::new(60_000, policy.clock_skew(), SystemTime::now().into());
        let validator = Validator::new(keys, policy, cache);
        Ok(Self { validator, port: port.parse()?, mechanism, entropy })
    }

    fn serve(&self, frames: &mut Frames) -> Outcome<()> {
        let answer = self.establish(frames)?;
        let token = answer.token().unwrap_or_default().to_vec();
        let context = answer.into_context();
        if self.mechanism.as_deref() == Some("GSSAPI") {
            return layer::serve(context, &token, frames);
        }
        frames.send(b'C', &token)?;
        messages::serve(context, frames)
    }

    fn randomness(&self) -> Outcome<Randomness> {
        Ok(Randomness::new(self.entropy.map_or_else(random, Ok)?))
    }

    /// Exchanges tokens with the client until the client is accepted or refused.
    fn establish(&self, frames: &mut Frames) -> Outcome<Answer> {
        let mut negotiation = None;
        loop {
            let (token, now) = (frames.receive_token()?, UnixTime::from(SystemTime::now()));
            match self.validator.converse(&token, negotiation.as_ref(), &self.randomness()?, now) {
                Ok(Step::Accepted(accepted, answer)) => {
                    println!("accepted {}, {}", accepted.identity(), accepted.session_etype());
                    return Ok(answer);
                }
                Ok(Step::Continue(next)) => {
                    frames.send(b'N', next.token())?;
                    negotiation = Some(next.into_negotiation());
                }
                Err(refused) => {
                    frames.send(b'R', refused.token().unwrap_or_default())?;
                    return Err(format!("{}: {refused}", refused.code()).into());
                }
            }
        }
    }
}

fn random<const N: usize>() -> Outcome<[u8; N]> {
    let mut octets = [0; N];
    getrandom::fill(&mut octets)?;
    Ok(octets)
}

fn from_hex(digits: &str) -> Outcome<Vec<u8>> {
    let pairs = digits.as_bytes().chunks(2).map(|pair| Ok(u8::from_str_radix(std::str::from_utf8(pair)?, 16)?));
    pairs.collect()
}
