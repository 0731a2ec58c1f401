//! PAC_CLIENT_INFO as a KDC writes it.

use super::ndr::utf16;
use crate::pac::FileTime;
use crate::testing::TicketParts;
use crate::time::UnixTime;
use alloc::string::String;
use alloc::vec::Vec;

/// The fields of PAC_CLIENT_INFO (MS-PAC section 2.7). A field that is `None` gets its value from the ticket.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ClientInfoParts {
    /// `ClientId` is the ticket's authtime by default, or zero if authtime is no valid time.
    pub client_id: Option<FileTime>,
    /// `Name` is the ticket's cname by default, with `/` between its components.
    pub name: Option<String>,
}

impl ClientInfoParts {
    pub(super) fn encode(&self, ticket: &TicketParts) -> Vec<u8> {
        let auth_time = || UnixTime::from_generalized(&ticket.authtime.0).map_or(FileTime(0), FileTime::from);
        let client_id = self.client_id.unwrap_or_else(auth_time);
        let name = utf16(&self.name.clone().unwrap_or_else(|| ticket.cname.joined()));
        let length = u16::try_from(name.len()).unwrap_or(u16::MAX);
        [&client_id.0.to_le_bytes()[..], &length.to_le_bytes(), &name].concat()
    }
}
