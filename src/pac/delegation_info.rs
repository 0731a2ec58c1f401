//! S4U_DELEGATION_INFO (MS-PAC section 2.9): which services passed the user on.
//!
//! In: the buffer DELEGATION_INFO. Out: [`DelegationInfo`], whose texts have been looked at once and are decoded when they
//! are asked for. Whether such a user may sign in is the policy's to say.

use super::ndr::{NdrReader, UnicodeString};
use super::reader::Place;
use super::wide_text::WideText;
use crate::error::PacMalformed;

/// The buffer DELEGATION_INFO: the ticket was made for a service that acts in the user's name (S4U2Proxy).
#[derive(Clone, Copy, Debug)]
pub struct DelegationInfo<'a> {
    /// The service that the ticket was made for.
    pub proxy_target: WideText<'a>,
    pac: &'a [u8],
    /// An RPC_UNICODE_STRING each.
    services: Place,
    /// What those point to.
    texts: Place,
}

impl<'a> DelegationInfo<'a> {
    /// The services that passed the user on, the first one first.
    pub fn transited_services(&self) -> impl Iterator<Item = WideText<'a>> + use<'a> {
        let mut ndr = NdrReader::resume(self.pac, self.texts);
        let services = self.services.of(self.pac).chunks_exact(UNICODE_STRING);
        services.map_while(move |service| transited_service(&mut ndr, service).ok())
    }

    pub(super) fn read(pac: &'a [u8], buffer: Place) -> Result<Self, PacMalformed> {
        let mut ndr = NdrReader::open(pac, buffer, NAME)?;
        let target = ndr.unicode_string(TARGET)?;
        let count = ndr.count(SERVICES)?;
        let pointer = ndr.array_pointer(count, SERVICES)?;
        let proxy_target = WideText::of_checked(ndr.text(target, TARGET)?.of(pac));
        let services = if pointer.is_present() { read_services(&mut ndr, count)? } else { Place::default() };
        let start = ndr.at();
        for service in services.of(pac).chunks_exact(UNICODE_STRING) {
            transited_service(&mut ndr, service)?;
        }
        let texts = Place::new(start, ndr.at().saturating_sub(start));
        ndr.finish(NAME)?;
        Ok(Self { proxy_target, pac, services, texts })
    }
}

/// The elements of the array, before what their pointers point to.
fn read_services(ndr: &mut NdrReader<'_>, count: usize) -> Result<Place, PacMalformed> {
    ndr.elements(count, UNICODE_STRING, SERVICES)?;
    let start = ndr.at();
    for _ in 0..count {
        ndr.unicode_string(SERVICES)?;
    }
    Ok(Place::new(start, ndr.at().saturating_sub(start)))
}

/// The text of an element that was read before.
fn transited_service<'a>(ndr: &mut NdrReader<'a>, service: &[u8]) -> Result<WideText<'a>, PacMalformed> {
    let place = ndr.text(UnicodeString::of_checked(service), SERVICES)?;
    Ok(WideText::of_checked(place.of(ndr.pac())))
}

const NAME: &str = "S4U_DELEGATION_INFO";
const TARGET: &str = "S4U_DELEGATION_INFO.S4U2proxyTarget";
const SERVICES: &str = "S4U_DELEGATION_INFO.S4UTransitedServices";

/// Bytes of an RPC_UNICODE_STRING.
const UNICODE_STRING: usize = 8;
