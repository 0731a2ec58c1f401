//! Frames on a TCP connection. A frame is its length in four octets, big-endian, an octet for its kind, and the contents.
//!
//! | from | frame | |
//! |---|---|---|
//! | client | `T` | a token of the context |
//! | server | `C` | the context is established; the contents are the server's last token, or nothing |
//! | server | `N` | the server's token; the client must send another token |
//! | server | `R` | the context is refused; the contents are the token of the refusal, or nothing |
//! | client | `W`, `P` | a Wrap token, encrypted (`W`) or signed (`P`): the server sends the message back in the same kind of Wrap token |
//! | client | `M` | four octets of length, a message, and its MIC: the server answers with its MIC of the message |
//! | client | `L` | buffers of a SASL security layer: the server answers with the joined messages |
//! | server | `E` | a message is refused; the contents are the reason as text |

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
            return Err("the frame is longer than any token".into());
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
        // The frame is written by one call. If the frame were sent in two packets, TCP would delay the second packet by
        // 40 ms, until the client acknowledges the first packet.
        Ok(self.0.write_all(&[&length[..], &frame].concat())?)
    }
}

const MAX_FRAME: usize = 1 << 20;
