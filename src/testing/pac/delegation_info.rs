//! S4U_DELEGATION_INFO as a KDC writes it.

use super::ndr::{NdrBytes, NdrWriter, count};
use alloc::string::String;
use alloc::vec::Vec;

/// The fields of S4U_DELEGATION_INFO (MS-PAC section 2.9).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DelegationInfoParts {
    /// `S4U2proxyTarget` is the service that the ticket is for.
    pub proxy_target: String,
    /// `S4UTransitedServices` is the services through which the request passed. If the list is empty, its pointer is
    /// null.
    pub transited_services: Vec<String>,
}

impl DelegationInfoParts {
    /// Encodes the buffer DELEGATION_INFO. Marks the offsets as
    /// [`LogonInfoParts::encode`](super::LogonInfoParts::encode) does.
    ///
    /// # Panics
    /// Panics if a text has more than 65,535 octets.
    #[must_use]
    pub fn encode(&self) -> NdrBytes {
        let services = &self.transited_services;
        let mut ndr = NdrWriter::default();
        ndr.pointer("top");
        ndr.string("S4U2proxyTarget", &self.proxy_target);
        ndr.marked("TransitedListSize", count(services));
        ndr.optional("S4UTransitedServices", !services.is_empty());
        ndr.characters("S4U2proxyTarget.", &self.proxy_target);
        if !services.is_empty() {
            ndr.marked("S4UTransitedServices.", count(services));
            for service in services {
                ndr.string("Service", service);
            }
            for service in services {
                ndr.characters("Service.", service);
            }
        }
        ndr.finish()
    }
}
