//! S4U_DELEGATION_INFO (MS-PAC section 2.9): which services passed the user on.

use super::ndr::NdrReader;
use super::reader::Place;
use super::wide_text::WideText;
use crate::error::PacMalformed;
use alloc::vec::Vec;

/// The buffer DELEGATION_INFO: the ticket was made for a service that acts in the user's name (S4U2Proxy).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DelegationInfo<'a> {
    /// The service that the ticket was made for.
    pub proxy_target: WideText<'a>,
    /// The services that passed the user on, the first one first.
    pub transited_services: Vec<WideText<'a>>,
}

impl<'a> DelegationInfo<'a> {
    pub(super) fn read(pac: &'a [u8], buffer: Place) -> Result<Self, PacMalformed> {
        let mut ndr = NdrReader::open(pac, buffer, NAME)?;
        let target = ndr.unicode_string(TARGET)?;
        let count = ndr.count(SERVICES)?;
        let services = ndr.array_pointer(count, SERVICES)?;
        let proxy_target = WideText::of_checked(ndr.text(target, TARGET)?.of(pac));
        let mut transited_services = Vec::new();
        if services.is_present() {
            ndr.elements(count, UNICODE_STRING, SERVICES)?;
            let strings = (0..count).map(|_| ndr.unicode_string(SERVICES)).collect::<Result<Vec<_>, _>>()?;
            for string in strings {
                transited_services.push(WideText::of_checked(ndr.text(string, SERVICES)?.of(pac)));
            }
        }
        ndr.finish(NAME)?;
        Ok(Self { proxy_target, transited_services })
    }
}

const NAME: &str = "S4U_DELEGATION_INFO";
const TARGET: &str = "S4U_DELEGATION_INFO.S4U2proxyTarget";
const SERVICES: &str = "S4U_DELEGATION_INFO.S4UTransitedServices";

/// Bytes of an RPC_UNICODE_STRING.
const UNICODE_STRING: usize = 8;
