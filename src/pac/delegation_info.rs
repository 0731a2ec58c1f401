//! S4U_DELEGATION_INFO (MS-PAC section 2.9): the services that have acted in the user's name.

use super::fault::Fault;
use super::field::Field;
use super::ndr::{NdrReader, Pointer};
use crate::span::Span;
use crate::wide_text::WideText;
use core::fmt;

/// The buffer DELEGATION_INFO. The presence of this buffer shows that a service got the ticket in the user's name
/// (S4U2Proxy).
#[derive(Clone)]
pub struct DelegationInfo<'a> {
    proxy_target: WideText<'a>,
    transited_services: Services<'a>,
}

impl<'a> DelegationInfo<'a> {
    /// Returns the service for which the KDC issued the ticket.
    #[must_use]
    pub const fn proxy_target(&self) -> WideText<'a> {
        self.proxy_target
    }

    /// Returns the services that have acted in the user's name, the earliest service first.
    pub fn transited_services(&self) -> impl Iterator<Item = WideText<'a>> + use<'a> {
        // `read` has read all services without an error, so no service is lost here.
        self.transited_services.clone().map_while(Result::ok)
    }

    pub(super) fn read(pac: &'a [u8], buffer: Span) -> Result<Self, Fault> {
        let mut ndr = NdrReader::open(pac, buffer, Field::Delegation)?;
        let target = ndr.unicode_string(Field::DelegationTarget)?;
        let count = ndr.count(Field::DelegationServices)?;
        let services = ndr.array_pointer(count, Field::DelegationServices)?;
        let proxy_target = WideText::of_checked(ndr.text(target, Field::DelegationTarget)?.of(pac));
        let transited_services = Services::read(&mut ndr, services, count)?;
        ndr.finish(Field::Delegation)?;
        Ok(Self { proxy_target, transited_services })
    }
}

impl fmt::Debug for DelegationInfo<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DelegationInfo").field("proxy_target", &self.proxy_target).finish_non_exhaustive()
    }
}

/// An iterator over an array of strings. One reader reads the lengths of the strings, and the other reader reads their
/// characters.
#[derive(Clone)]
struct Services<'a> {
    strings: NdrReader<'a>,
    characters: NdrReader<'a>,
    left: usize,
}

impl<'a> Services<'a> {
    /// Reads all strings once. Afterwards, `ndr` is at the field after the strings, and every string is well formed.
    fn read(ndr: &mut NdrReader<'a>, pointer: Pointer, count: usize) -> Result<Self, Fault> {
        if pointer.is_present() {
            ndr.elements(count, UNICODE_STRING, Field::DelegationServices)?;
        }
        let strings = ndr.clone();
        ndr.skip(count, UNICODE_STRING, Field::DelegationServices)?;
        let services = Self { strings, characters: ndr.clone(), left: count };
        let mut rest = services.clone();
        rest.try_for_each(|service| service.map(|_| ()))?;
        *ndr = rest.characters;
        Ok(services)
    }
}

impl<'a> Iterator for Services<'a> {
    type Item = Result<WideText<'a>, Fault>;

    fn next(&mut self) -> Option<Self::Item> {
        self.left = self.left.checked_sub(1)?;
        let string = self.strings.unicode_string(Field::DelegationServices);
        let text = string.and_then(|string| self.characters.text(string, Field::DelegationServices));
        Some(text.map(|span| WideText::of_checked(span.of(self.strings.pac()))))
    }
}

/// The number of octets of an RPC_UNICODE_STRING.
const UNICODE_STRING: usize = 8;
