//! PrincipalName (RFC 4120 section 5.2.2).

use crate::bounded_text::{BoundedText, Escaped};
use crate::limits::MAX_NAME_COMPONENTS;
use crate::wire::der::{Fault, Field, Reader, Writer, context, field, tag};
use core::fmt;

/// The name of a client or a service.
///
/// ```asn1
/// PrincipalName ::= SEQUENCE {
///     name-type   [0] Int32,
///     name-string [1] SEQUENCE OF KerberosString
/// }
/// ```
/// Two names are equal if their components are equal. The name-type is only a hint (RFC 4120 section 6.2).
#[derive(Clone, Copy)]
pub struct PrincipalName<'a> {
    name_type: NameType,
    /// The contents of `name-string`. `read` has found no fault in the components.
    components: &'a [u8],
}

impl<'a> PrincipalName<'a> {
    pub(crate) fn read(mut fields: Reader<'a>, what: Field) -> Result<Self, Fault> {
        let name_type = NameType(fields.int32_field(0, field!("PrincipalName.name-type"))?);
        let components = fields.wrapped(context(1), tag::SEQUENCE, NAME_STRING)?;
        fields.end(what)?;
        components.elements(MAX_NAME_COMPONENTS, NAME_STRING, |component| component.text_bytes(NAME_STRING))?;
        Ok(Self { name_type, components: components.rest() })
    }

    pub(crate) fn write(self, writer: &mut Writer) {
        writer.sequence(|w| {
            w.field(1, |w| w.sequence(|w| w.raw(self.components)));
            w.field(0, |w| w.integer(self.name_type.0.into()));
        });
    }

    /// Makes a name from the name-type and the encoded components of a name that [`Self::read`] has returned.
    pub(crate) const fn from_parts(name_type: NameType, components: &'a [u8]) -> Self {
        Self { name_type, components }
    }

    /// Returns the encoded components.
    pub(crate) const fn encoded_components(self) -> &'a [u8] {
        self.components
    }

    /// Returns the type that the name claims to have.
    #[must_use]
    pub const fn name_type(self) -> NameType {
        self.name_type
    }

    /// Returns the components in their order, such as `HTTP` and `www.example.com`.
    pub fn components(self) -> impl Iterator<Item = &'a str> + use<'a> {
        let mut rest = Reader::new(self.components);
        core::iter::from_fn(move || if rest.is_empty() { None } else { rest.text(NAME_STRING).ok() })
    }

    /// Returns the components as [`Self::components`] does, but as octets.
    pub(crate) fn raw_components(self) -> impl Iterator<Item = &'a [u8]> {
        let mut rest = Reader::new(self.components);
        core::iter::from_fn(move || {
            let next = (!rest.is_empty()).then(|| rest.element(tag::GENERAL_STRING, NAME_STRING));
            next.and_then(Result::ok).map(|component| component.rest())
        })
    }

    /// Returns the components joined with `/`. The text is cut to the length that an error can hold.
    pub(crate) fn bounded(self) -> BoundedText {
        let mut bounded = BoundedText::new("");
        for (index, component) in self.components().enumerate() {
            bounded.append(if index > 0 { "/" } else { "" });
            bounded.append(component);
        }
        bounded
    }

    /// Returns the printable form of RFC 1964 section 2.1.1: the components with `/` between them. A backslash comes
    /// before each `/`, `@` and backslash of a component, so that different names have different printable forms. The
    /// result must not be written to a log, because this form does not escape all control characters.
    pub fn quoted(self) -> impl Iterator<Item = char> + use<'a> {
        let component = |text: &'a str| core::iter::once('/').chain(text.chars().flat_map(quoted_character));
        self.components().flat_map(component).skip(1)
    }

    /// Returns whether both names have the same components, octet for octet, ignoring the name-type. Every name has
    /// exactly one valid encoding, so the function compares the encodings.
    pub(crate) fn same_components(self, other: PrincipalName<'_>) -> bool {
        self.components == other.components
    }

    /// Returns whether the components, joined with `/`, equal `name`, ignoring the case of ASCII letters. Active
    /// Directory also ignores the case of service names.
    pub(crate) fn is_service(self, name: &str) -> bool {
        let mut rest = name.as_bytes();
        for (index, component) in self.raw_components().enumerate() {
            if index > 0 {
                let Some(after) = rest.strip_prefix(b"/") else { return false };
                rest = after;
            }
            match rest.split_at_checked(component.len()) {
                Some((head, tail)) if head.eq_ignore_ascii_case(component) => rest = tail,
                _ => return false,
            }
        }
        rest.is_empty()
    }
}

fn quoted_character(character: char) -> impl Iterator<Item = char> {
    let letter = match character {
        '/' | '@' | '\\' => Some(character),
        '\n' => Some('n'),
        '\t' => Some('t'),
        '\u{8}' => Some('b'),
        _ => None,
    };
    letter.map(|_| '\\').into_iter().chain([letter.unwrap_or(character)])
}

/// Displays the components joined with `/`. `Display` escapes control and formatting characters, so that no name can
/// forge a line of a log.
impl fmt::Display for PrincipalName<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, component) in self.components().enumerate() {
            if index > 0 {
                f.write_str("/")?;
            }
            write!(f, "{}", Escaped(component))?;
        }
        Ok(())
    }
}

impl fmt::Debug for PrincipalName<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self} (name-type {})", self.name_type.0)
    }
}

/// A type of name (RFC 4120 section 6.2 and later RFCs). A value may also be a type for which this crate has no
/// constant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct NameType(pub i32);

impl NameType {
    /// A name of unknown type.
    pub const UNKNOWN: Self = Self(0);
    /// The name of a user or of another principal.
    pub const PRINCIPAL: Self = Self(1);
    /// The name of a service and its instance.
    pub const SRV_INST: Self = Self(2);
    /// The name of a service and its host.
    pub const SRV_HST: Self = Self(3);
    /// A user principal name, `user@suffix` in one component (RFC 6806 section 5).
    pub const ENTERPRISE: Self = Self(10);
    /// A well-known name (RFC 6111).
    pub const WELLKNOWN: Self = Self(11);
}

const NAME_STRING: Field = field!("PrincipalName.name-string");
