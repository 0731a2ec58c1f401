//! A server of any GSS protocol: it takes a client's context, and then its messages, over TCP on loopback.
//!
//! ```text
//! cargo run --example acceptor -- --keytab http.keytab [--allow-rc4] [--port 0] [--refusals krb-error]
//! ```
//! The first line it prints is its port. Every frame is four octets of length, big-endian, and as many of content. Tokens go
//! to and fro until the context stands; an answer of no octets says that there is nothing to add. Then each frame of the
//! client is a letter and a token: `i` a message wrapped for integrity, `c` one wrapped for confidentiality, `m` a
//! message's length in four octets, the message, and its MIC. The server answers with the same letter and with the same
//! message, wrapped likewise, or its own MIC; or with `x` and what is wrong.
#![allow(clippy::print_stdout, reason = "this is a program")]

use kerberos_sso::replay::{MemoryReplayCache, Start};
use kerberos_sso::{
    Answer, Connection, KeySet, KrbErrorPolicy, Policy, Protection, Randomness, SecurityContext, Turn, UnixTime,
    Validator,
};
use std::error::Error;
use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::time::SystemTime;

fn main() -> Result<(), Box<dyn Error>> {
    let (validator, port) = configure(lexopt::Parser::from_env())?;
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port))?;
    println!("{}", listener.local_addr()?.port());
    for stream in listener.incoming() {
        if let Err(error) = serve(&validator, stream?) {
            println!("ended: {error}");
        }
    }
    Ok(())
}

fn configure(mut arguments: lexopt::Parser) -> Result<(Validator<MemoryReplayCache>, u16), Box<dyn Error>> {
    use lexopt::prelude::*;
    let (mut keys, mut policy, mut port) = (KeySet::default(), Policy::default(), 0);
    while let Some(argument) = arguments.next()? {
        match argument {
            Long("keytab") => keys = KeySet::from_keytab(&std::fs::read(arguments.value()?)?)?,
            Long("allow-rc4") => policy = policy.allow_rc4(),
            Long("krb-error") => policy = policy.krb_errors(KrbErrorPolicy::AfterProof),
            Long("port") => port = arguments.value()?.parse()?,
            _ => return Err(argument.unexpected().into()),
        }
    }
    let cache = MemoryReplayCache::new(10_000, Start::TakeAny);
    Ok((Validator::new(keys, policy, cache), port))
}

fn serve(validator: &Validator<MemoryReplayCache>, mut stream: TcpStream) -> Result<(), Box<dyn Error>> {
    let answer = establish(validator, &mut stream)?;
    let mut context = answer.into_context();
    while let Ok(frame) = read_frame(&mut stream) {
        let answer = echo(&mut context, &frame).unwrap_or_else(|error| format!("x{error}").into_bytes());
        write_frame(&mut stream, &answer)?;
    }
    Ok(())
}

/// Tokens to and fro, until it is known who the client is.
fn establish(validator: &Validator<MemoryReplayCache>, stream: &mut TcpStream) -> Result<Answer, Box<dyn Error>> {
    let mut negotiation = None;
    loop {
        let (token, now) = (read_frame(stream)?, UnixTime::from(SystemTime::now()));
        match validator.converse(&token, negotiation.as_ref(), &Connection::default(), &randomness()?, now) {
            Ok(Turn::Accepted(accepted, answer)) => {
                println!("accepted {} by {}", accepted.identity(), accepted.session_etype());
                write_frame(stream, answer.token().unwrap_or_default())?;
                return Ok(answer);
            }
            Ok(Turn::Next(next)) => {
                println!("another leg");
                write_frame(stream, next.token())?;
                negotiation = Some(next.into_negotiation());
            }
            Err(error) => {
                let rejection = validator.reject(&token, negotiation.as_ref(), &error, now);
                write_frame(stream, rejection.as_ref().map_or(&[], |rejection| rejection.token()))?;
                return Err(format!("{}: {error}", error.code()).into());
            }
        }
    }
}

/// The client's message, back to it.
fn echo(context: &mut SecurityContext, frame: &[u8]) -> Result<Vec<u8>, Box<dyn Error>> {
    let (kind, token) = frame.split_first().ok_or("an empty frame")?;
    let mut answer = vec![*kind];
    if *kind == b'm' {
        let (length, rest) = token.split_first_chunk::<4>().ok_or("no length")?;
        let length = usize::try_from(u32::from_be_bytes(*length))?;
        let (message, mic) = rest.split_at_checked(length).ok_or("a message shorter than it says")?;
        context.verify_mic(message, mic)?;
        answer.extend(context.get_mic(message));
        return Ok(answer);
    }
    let mut message = Vec::new();
    let protection = context.unwrap(token, &mut message)?;
    if protection != (if *kind == b'c' { Protection::Confidentiality } else { Protection::Integrity }) {
        return Err("the message is not protected as its letter says".into());
    }
    let mut confounder = [0; 16];
    getrandom::fill(&mut confounder)?;
    context.wrap(&message, protection, &confounder, &mut answer);
    Ok(answer)
}

fn randomness() -> Result<Randomness, getrandom::Error> {
    let mut octets = [0; 64];
    getrandom::fill(&mut octets)?;
    Ok(Randomness::new(octets))
}

fn read_frame(stream: &mut TcpStream) -> Result<Vec<u8>, Box<dyn Error>> {
    let mut length = [0; 4];
    stream.read_exact(&mut length)?;
    let length = usize::try_from(u32::from_be_bytes(length))?;
    if length > MAX_FRAME {
        return Err("a frame longer than any token".into());
    }
    let mut frame = vec![0; length];
    stream.read_exact(&mut frame)?;
    Ok(frame)
}

fn write_frame(stream: &mut TcpStream, frame: &[u8]) -> Result<(), Box<dyn Error>> {
    stream.write_all(&u32::try_from(frame.len())?.to_be_bytes())?;
    Ok(stream.write_all(frame)?)
}

const MAX_FRAME: usize = 1 << 18;
