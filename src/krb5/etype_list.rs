//! EtypeList (RFC 4537 section 3): the encryption types that a client takes for an acceptor's subkey.

use crate::crypto::EncType;
use crate::der::{Malformed, Reader};
use crate::limits::MAX_NEGOTIATED_ETYPES;

/// ```asn1
/// EtypeList ::= SEQUENCE OF Int32
/// ```
/// The data of an AD-ETYPE-NEGOTIATION element; the most wanted comes first.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct EtypeList<'a> {
    /// The contents, every element of which has been read once.
    encoded: Reader<'a>,
}

impl<'a> EtypeList<'a> {
    pub(crate) fn read(data: &'a [u8]) -> Result<Self, Malformed> {
        const WHAT: &str = "EtypeList";
        let mut reader = Reader::new(data);
        let encoded = reader.sequence(WHAT)?;
        reader.end(WHAT)?;
        encoded.elements(MAX_NEGOTIATED_ETYPES, WHAT, |element| element.int32(WHAT))?;
        Ok(Self { encoded })
    }

    pub(crate) fn contains(self, etype: EncType) -> bool {
        let mut rest = self.encoded;
        core::iter::from_fn(move || rest.int32("EtypeList").ok()).any(|number| number == etype.0)
    }
}
