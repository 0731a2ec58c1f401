//! The security layer of the SASL mechanism GSSAPI: negotiates the layer (RFC 4752 section 3.2), and then uses it.

use crate::frames::Frames;
use crate::{Outcome, random};
use kerberos_sso::SecurityContext;
use kerberos_sso::sasl::{Decoded, LayerNegotiation, Layers, SecurityLayer};

/// Serves a client after the context is established. `token` is the server's last token of the context, and may be empty.
pub(crate) fn serve(context: SecurityContext, token: &[u8], frames: &mut Frames) -> Outcome<()> {
    if !token.is_empty() {
        frames.send(b'N', token)?;
        if !frames.receive_token()?.is_empty() {
            return Err("the client sent a token after the end of the context".into());
        }
    }
    let offered = Layers::NONE | Layers::INTEGRITY | Layers::CONFIDENTIALITY;
    let (negotiation, challenge) = LayerNegotiation::begin(context, offered, MAX_RECEIVE, &random()?)?;
    frames.send(b'N', &challenge)?;
    let negotiated = negotiation.finish(&frames.receive_token()?)?;
    println!("layer {:?} for {:?}", negotiated.layer, negotiated.authorization_identity);
    frames.send(b'C', &[])?;
    let Some(mut layer) = negotiated.layer else { return Ok(()) };
    while let Ok((kind, buffers)) = frames.receive() {
        match echo(&mut layer, &buffers) {
            Ok(answer) => frames.send(kind, &answer)?,
            Err(error) => frames.send(b'E', error.to_string().as_bytes())?,
        }
    }
    Ok(())
}

fn echo(layer: &mut SecurityLayer, mut buffers: &[u8]) -> Outcome<Vec<u8>> {
    let mut message = Vec::new();
    while !buffers.is_empty() {
        match layer.decode(buffers, &mut message)? {
            Decoded::Message { consumed } => buffers = buffers.get(consumed..).unwrap_or_default(),
            Decoded::Incomplete { .. } => return Err("a buffer is incomplete".into()),
        }
    }
    let mut answer = Vec::new();
    for part in message.chunks(layer.max_message()) {
        layer.encode(part, &random()?, &mut answer)?;
    }
    Ok(answer)
}

const MAX_RECEIVE: usize = 65_536;
