//! EtypeList (RFC 4537 section 3): the encryption types that a client accepts for an acceptor's subkey.

use crate::crypto::EncType;
use crate::limits::MAX_NEGOTIATED_ETYPES;
use crate::wire::der::{self, Field, Malformed, Reader, field};

/// The data of an AD-ETYPE-NEGOTIATION element. The list has the client's order of preference.
///
/// ```asn1
/// EtypeList ::= SEQUENCE OF Int32
/// ```
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct EtypeList<'a> {
    /// The contents of the SEQUENCE OF. `read` has found no fault in the elements.
    encoded: &'a [u8],
}

impl<'a> EtypeList<'a> {
    pub(crate) fn read(data: &'a [u8]) -> Result<Self, Malformed> {
        const WHAT: Field = field!("EtypeList");
        der::read(data, |mut reader| {
            let encoded = reader.sequence(WHAT)?;
            reader.end(WHAT)?;
            encoded.elements(MAX_NEGOTIATED_ETYPES, WHAT, |element| element.int32(WHAT))?;
            Ok(Self { encoded: encoded.rest() })
        })
    }

    pub(crate) const fn is_empty(self) -> bool {
        self.encoded.is_empty()
    }

    pub(crate) fn contains(self, etype: EncType) -> bool {
        let mut rest = Reader::new(self.encoded);
        core::iter::from_fn(move || rest.int32(field!("EtypeList")).ok()).any(|number| number == etype.0)
    }
}

#[cfg(test)]
#[allow(clippy::indexing_slicing)]
mod tests;
