//! PAC_CLIENT_INFO (MS-PAC section 2.7): the client and the authtime of the ticket that the PAC belongs to.

use super::fault::Fault;
use super::field::Field;
use super::file_time::FileTime;
use super::reader::{Reader, check_text};
use crate::span::Span;
use crate::wide_text::WideText;

/// The buffer CLIENT_INFO. In [`Accepted::pac`](crate::Accepted::pac), the name and the authtime equal the name and the
/// authtime of the ticket.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct ClientInfo<'a> {
    /// The time at which the client authenticated to the KDC: the authtime of the ticket.
    pub client_id: FileTime,
    /// The client's name in the ticket.
    pub name: WideText<'a>,
}

/// The time in a CLIENT_INFO, and the span of the client's name.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ClientInfoLayout {
    client_id: FileTime,
    name: Span,
}

impl ClientInfoLayout {
    pub(super) fn read(pac: &[u8], buffer: Span) -> Result<Self, Fault> {
        let mut reader = Reader::new(pac, buffer);
        let client_id = FileTime(reader.u64(Field::Client)?);
        let length = reader.u16(Field::ClientNameLength)?;
        let name = reader.span(usize::from(length), Field::ClientName)?;
        reader.finish(Field::Client)?;
        check_text(name.of(pac), name.start(), Field::ClientName)?;
        Ok(Self { client_id, name })
    }

    pub(super) fn view(self, pac: &[u8]) -> ClientInfo<'_> {
        ClientInfo { client_id: self.client_id, name: WideText::of_checked(self.name.of(pac)) }
    }
}
