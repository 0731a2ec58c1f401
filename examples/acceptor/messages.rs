//! Answers each per-message token with the same message, protected by the server.

use crate::frames::Frames;
use crate::{Outcome, random};
use kerberos_sso::{SecurityContext, context::Protection};

pub(crate) fn serve(mut context: SecurityContext, frames: &mut Frames) -> Outcome<()> {
    while let Ok((kind, token)) = frames.receive() {
        match answer(&mut context, kind, &token) {
            Ok(answer) => frames.send(kind, &answer)?,
            Err(error) => frames.send(b'E', error.to_string().as_bytes())?,
        }
    }
    Ok(())
}

fn answer(context: &mut SecurityContext, kind: u8, token: &[u8]) -> Outcome<Vec<u8>> {
    match kind {
        b'M' => {
            let (message, mic) = with_length(token)?;
            context.verify_mic(message, mic)?;
            Ok(context.get_mic(message))
        }
        b'W' => echo(context, token, Protection::Confidentiality),
        b'P' => echo(context, token, Protection::Integrity),
        b'L' => buffers(context, token),
        _ => Err("an unknown frame".into()),
    }
}

fn echo(context: &mut SecurityContext, token: &[u8], expected: Protection) -> Outcome<Vec<u8>> {
    let (mut message, mut answer) = (Vec::new(), Vec::new());
    context.unwrap(token, expected, &mut message)?;
    context.wrap(&message, expected, &random()?, &mut answer);
    Ok(answer)
}

/// Answers buffers of the SASL mechanism GSS-SPNEGO (MS-SPNG). This mechanism negotiates no layer. So if the
/// client encrypted its buffers, the server encrypts its own, and otherwise the server only signs them.
fn buffers(context: &mut SecurityContext, mut input: &[u8]) -> Outcome<Vec<u8>> {
    let (mut message, mut protection) = (Vec::new(), Protection::Integrity);
    while !input.is_empty() {
        let (buffer, rest) = with_length(input)?;
        protection = context.unwrap_any(buffer, &mut message)?;
        input = rest;
    }
    let mut answer = Vec::new();
    for part in message.chunks(PART) {
        let mut buffer = Vec::new();
        context.wrap(part, protection, &random()?, &mut buffer);
        answer.extend(u32::try_from(buffer.len())?.to_be_bytes());
        answer.extend(buffer);
    }
    Ok(answer)
}

/// The largest number of octets of a message that the server puts into one buffer. Every client accepts buffers of this
/// size.
const PART: usize = 32_768;

/// Reads a length from the first four octets. Returns the next octets of this number, and the remaining octets.
fn with_length(bytes: &[u8]) -> Outcome<(&[u8], &[u8])> {
    let (length, rest) = bytes.split_first_chunk::<4>().ok_or("no length")?;
    Ok(rest.split_at_checked(usize::try_from(u32::from_be_bytes(*length))?).ok_or("incomplete contents")?)
}
