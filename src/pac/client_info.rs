//! PAC_CLIENT_INFO (MS-PAC section 2.7): which ticket's client the PAC is for.

use super::file_time::FileTime;
use super::reader::{Place, Reader};
use super::wide_text::WideText;
use crate::error::{PacMalformed, PacProblem};
use crate::wire::der::Tell;

/// The buffer CLIENT_INFO. In [`Accepted::pac`](crate::Accepted::pac) it has been held against the ticket.
#[derive(Clone, Copy, Debug)]
pub struct ClientInfo<'a> {
    /// When the client proved itself: the ticket's authtime.
    pub client_id: FileTime,
    /// The client's name as the ticket has it.
    pub name: WideText<'a>,
}

#[derive(Clone, Copy, Debug)]
pub(crate) struct ClientInfoLayout {
    client_id: FileTime,
    name: Place,
}

impl ClientInfoLayout {
    pub(super) fn read<D: Tell<PacMalformed>>(pac: &[u8], buffer: Place) -> Result<Self, D::Told> {
        let mut reader = Reader::<D>::new(pac, buffer);
        let client_id = FileTime(reader.u64(NAME)?);
        let length = reader.u16("PAC_CLIENT_INFO.NameLength")?;
        let name = reader.place(usize::from(length), "PAC_CLIENT_INFO.Name")?;
        reader.finish(NAME)?;
        if WideText::new(name.of(pac)).is_none() {
            let malformed = || PacMalformed { what: "PAC_CLIENT_INFO.Name", at: name.at(), problem: PacProblem::Text };
            return Err(D::tell(malformed));
        }
        Ok(Self { client_id, name })
    }

    pub(super) fn view(self, pac: &[u8]) -> ClientInfo<'_> {
        ClientInfo { client_id: self.client_id, name: WideText::of_checked(self.name.of(pac)) }
    }
}

const NAME: &str = "PAC_CLIENT_INFO";
