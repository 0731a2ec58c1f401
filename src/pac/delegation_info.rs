//! S4U_DELEGATION_INFO (MS-PAC section 2.9): which services passed the user on.

use super::ndr::{NdrReader, Pointer};
use super::reader::Place;
use super::wide_text::WideText;
use crate::error::PacMalformed;
use core::fmt;

/// The buffer DELEGATION_INFO: the ticket was made for a service that acts in the user's name (S4U2Proxy).
#[derive(Clone)]
pub struct DelegationInfo<'a> {
    proxy_target: WideText<'a>,
    transited_services: Services<'a>,
}

impl<'a> DelegationInfo<'a> {
    /// The service that the ticket was made for.
    #[must_use]
    pub const fn proxy_target(&self) -> WideText<'a> {
        self.proxy_target
    }

    /// The services that passed the user on, the first one first.
    pub fn transited_services(&self) -> impl Iterator<Item = WideText<'a>> + use<'a> {
        self.transited_services.clone().map_while(Result::ok)
    }

    pub(super) fn read(pac: &'a [u8], buffer: Place) -> Result<Self, PacMalformed> {
        let mut ndr = NdrReader::open(pac, buffer, NAME)?;
        let target = ndr.unicode_string(TARGET)?;
        let count = ndr.count(SERVICES)?;
        let services = ndr.array_pointer(count, SERVICES)?;
        let proxy_target = WideText::of_checked(ndr.text(target, TARGET)?.of(pac));
        let transited_services = Services::read(&mut ndr, services, count)?;
        ndr.finish(NAME)?;
        Ok(Self { proxy_target, transited_services })
    }
}

impl fmt::Debug for DelegationInfo<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DelegationInfo").field("proxy_target", &self.proxy_target).finish_non_exhaustive()
    }
}

/// An array of strings, read at two places: where their lengths are, and where their characters are.
#[derive(Clone)]
struct Services<'a> {
    strings: NdrReader<'a>,
    characters: NdrReader<'a>,
    left: usize,
}

impl<'a> Services<'a> {
    /// Reads all once, so that what follows is reached and they are known to be well.
    fn read(ndr: &mut NdrReader<'a>, pointer: Pointer, count: usize) -> Result<Self, PacMalformed> {
        if pointer.is_present() {
            ndr.elements(count, UNICODE_STRING, SERVICES)?;
        }
        let strings = ndr.clone();
        ndr.skip(count.saturating_mul(UNICODE_STRING), SERVICES)?;
        let services = Self { strings, characters: ndr.clone(), left: count };
        let mut rest = services.clone();
        rest.try_for_each(|service| service.map(|_| ()))?;
        *ndr = rest.characters;
        Ok(services)
    }
}

impl<'a> Iterator for Services<'a> {
    type Item = Result<WideText<'a>, PacMalformed>;

    fn next(&mut self) -> Option<Self::Item> {
        self.left = self.left.checked_sub(1)?;
        let string = self.strings.unicode_string(SERVICES);
        let text = string.and_then(|string| self.characters.text(string, SERVICES));
        Some(text.map(|place| WideText::of_checked(place.of(self.strings.pac()))))
    }
}

const NAME: &str = "S4U_DELEGATION_INFO";
const TARGET: &str = "S4U_DELEGATION_INFO.S4U2proxyTarget";
const SERVICES: &str = "S4U_DELEGATION_INFO.S4UTransitedServices";

/// Bytes of an RPC_UNICODE_STRING.
const UNICODE_STRING: usize = 8;
