//! Frames on a TCP connection: four octets of length, big-endian, of what follows; an octet that says what it is; the rest.
//!
//! | from | frame | |
//! |---|---|---|
//! | client | `T` | a token of the context |
//! | server | `C` | the context stands; the token that ends it, or nothing |
//! | server | `N` | another token is needed; this server's |
//! | server | `R` | refused; the token that says so, or nothing |
//! | client | `W`, `P` | a message, sealed, or signed and plain: the server answers with the same message, protected likewise |
//! | client | `M` | four octets of length, a message, its MIC: the server answers with a MIC of its own |
//! | client | `L` | buffers of a SASL security layer: the server answers with their messages, in one |
//! | server | `E` | refused; why, as text |

use crate::Outcome;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;

pub(crate) struct Frames(TcpStream);

impl Frames {
    pub(crate) const fn new(stream: TcpStream) -> Self {
        Self(stream)
    }

    pub(crate) fn receive(&mut self) -> Outcome<(u8, Vec<u8>)> {
        let mut length = [0; 4];
        self.0.read_exact(&mut length)?;
        let length = usize::try_from(u32::from_be_bytes(length))?;
        if length > MAX_FRAME {
            return Err("a frame longer than any token".into());
        }
        let mut frame = vec![0; length];
        self.0.read_exact(&mut frame)?;
        let (kind, rest) = frame.split_first().ok_or("an empty frame")?;
        Ok((*kind, rest.to_vec()))
    }

    pub(crate) fn receive_token(&mut self) -> Outcome<Vec<u8>> {
        match self.receive()? {
            (b'T', token) => Ok(token),
            (kind, _) => Err(format!("a frame {:?} where a token was expected", char::from(kind)).into()),
        }
    }

    pub(crate) fn send(&mut self, kind: u8, rest: &[u8]) -> Outcome<()> {
        let frame = [&[kind], rest].concat();
        let length = u32::try_from(frame.len())?.to_be_bytes();
        // In one piece: of two, TCP holds the second back until the client acknowledges the first, 40 ms later.
        Ok(self.0.write_all(&[&length[..], &frame].concat())?)
    }
}

const MAX_FRAME: usize = 1 << 20;
