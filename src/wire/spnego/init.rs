//! NegTokenInit (RFC 4178 section 4.2.1) and NegTokenInit2 (MS-SPNG section 2.2.1).

use crate::limits::MAX_MECHANISMS;
use crate::unprinted::Unprinted;
use crate::wire::der::{Fault, Field, Kind, Reader, context, field, tag};
use crate::wire::mechanism::Mechanism;
use core::fmt;

/// The first message of a negotiation.
///
/// ```asn1
/// NegTokenInit2 ::= SEQUENCE {
///     mechTypes   [0] MechTypeList,
///     reqFlags    [1] ContextFlags OPTIONAL,
///     mechToken   [2] OCTET STRING OPTIONAL,
///     negHints    [3] NegHints OPTIONAL,     -- Microsoft's; without it [3] is mechListMIC
///     mechListMIC [4] OCTET STRING OPTIONAL,
///     ...
/// }
/// ```
/// In RFC 4178, `[3]` is mechListMIC. The reader decides by the type of the value: a SEQUENCE is negHints, and an OCTET
/// STRING is mechListMIC.
#[derive(Clone, Copy, Debug)]
pub(crate) struct NegTokenInit<'a> {
    pub(crate) mechanisms: MechanismList<'a>,
    pub(crate) mech_token: Option<Reader<'a>>,
    pub(crate) mech_list_mic: Option<Unprinted<&'a [u8]>>,
}

impl<'a> NegTokenInit<'a> {
    /// Reads a NegotiationToken, which must be a NegTokenInit.
    pub(crate) fn read(token: Reader<'a>) -> Result<Self, Fault> {
        let mut fields =
            token.only(context(0), field!("NegotiationToken"))?.only(tag::SEQUENCE, field!("NegTokenInit"))?;
        let mechanisms = fields.field(0, field!("NegTokenInit.mechTypes"), MechanismList::read)?;
        fields.optional(context(1), field!("NegTokenInit.reqFlags"))?;
        let mech_token = fields.optional_octets(2, field!("NegTokenInit.mechToken"))?;
        let third =
            fields.optional(context(3), field!("NegTokenInit[3]"))?.map(mic_unless_hints).transpose()?.flatten();
        let fourth = fields.optional_octets(4, field!("NegTokenInit2.mechListMIC"))?.map(|mic| mic.rest());
        fields.end_after_extensions(5, field!("NegTokenInit"))?;
        Ok(Self { mechanisms, mech_token, mech_list_mic: third.or(fourth).map(Unprinted) })
    }
}

fn mic_unless_hints(third: Reader<'_>) -> Result<Option<&[u8]>, Fault> {
    if third.peek() == Some(tag::SEQUENCE) {
        return third.only(tag::SEQUENCE, field!("NegTokenInit2.negHints")).map(|_| None);
    }
    third.only(tag::OCTET_STRING, field!("NegTokenInit.mechListMIC")).map(|mic| Some(mic.rest()))
}

/// The mechanisms that a client offers, in order of preference: `MechTypeList ::= SEQUENCE OF OBJECT IDENTIFIER`.
#[derive(Clone, Copy)]
pub(crate) struct MechanismList<'a> {
    /// The whole encoding of the list. The mechListMIC is computed over this encoding (RFC 4178 section 5).
    der: &'a [u8],
    /// The contents of the list. `read` has found no fault in the elements.
    encoded: &'a [u8],
}

impl<'a> MechanismList<'a> {
    pub(crate) fn read(reader: &mut Reader<'a>, what: Field) -> Result<Self, Fault> {
        let start = reader.rest();
        let encoded = reader.sequence(what)?;
        // The unread octets are the end of `start`, so the subtraction gives the length of the list.
        let der = start.get(..start.len().saturating_sub(reader.rest().len())).unwrap_or_default();
        let count = encoded.elements(MAX_MECHANISMS, what, |mechanism| mechanism.element(tag::OID, what))?;
        if count == 0 {
            return Err(encoded.error(what, Kind::Empty));
        }
        Ok(Self { der, encoded: encoded.rest() })
    }

    pub(crate) const fn der(self) -> &'a [u8] {
        self.der
    }

    pub(crate) fn iter(self) -> impl Iterator<Item = Mechanism> + 'a {
        self.oids().map(Mechanism::from_oid)
    }

    /// Returns the object identifiers, as the contents of their DER encodings.
    pub(crate) fn oids(self) -> impl Iterator<Item = &'a [u8]> {
        let mut rest = Reader::new(self.encoded);
        core::iter::from_fn(move || Some(rest.element(tag::OID, field!("NegTokenInit.mechTypes")).ok()?.rest()))
    }

    /// Returns the Kerberos mechanism that the client offers. If the client offers both identifiers of Kerberos, the
    /// function returns the first identifier.
    pub(crate) fn kerberos(self) -> Option<Mechanism> {
        self.iter().find(|mechanism| mechanism.is_kerberos())
    }

    /// Returns whether Kerberos is the client's preferred mechanism, which is the first mechanism of the list.
    pub(crate) fn prefers_kerberos(self) -> bool {
        self.iter().next().is_some_and(Mechanism::is_kerberos)
    }
}

/// Shows the mechanisms, not their encoding, because the encoding is a part of a token.
impl fmt::Debug for MechanismList<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.iter()).finish()
    }
}
