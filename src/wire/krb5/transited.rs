//! TransitedEncoding (RFC 4120 section 5.3): the KDC's list of the realms on the authentication path from the client's
//! realm to the service's realm.
//!
//! The list may be compressed (DOMAIN-X500-COMPRESS, RFC 4120 section 3.3.3.2). For some compressed names, the RFC does
//! not define the realm, and MIT krb5 and Heimdal read different realms. A list with such a name is refused as
//! unreadable.

mod path;

use crate::error::TransitedFault;
use crate::limits::{MAX_REALM_LENGTH, MAX_TRANSITED_REALMS, MAX_TRANSITED_SIZE};
use crate::wire::der::{Fault, Field, Reader, field};
use path::each_between;

/// The encoded list of the realms on the authentication path.
///
/// ```asn1
/// TransitedEncoding ::= SEQUENCE {
///     tr-type  [0] Int32,
///     contents [1] OCTET STRING
/// }
/// ```
#[derive(Clone, Copy, Debug)]
pub(crate) struct TransitedEncoding<'a> {
    pub(crate) tr_type: i32,
    pub(crate) contents: &'a [u8],
}

/// The type of [`TransitedEncoding`] that RFC 4120 section 7.5.7 defines.
const DOMAIN_X500_COMPRESS: i32 = 1;

impl<'a> TransitedEncoding<'a> {
    pub(super) fn read(mut fields: Reader<'a>, what: Field) -> Result<Self, Fault> {
        let tr_type = fields.int32_field(0, field!("TransitedEncoding.tr-type"))?;
        let contents = fields.octets_field(1, field!("TransitedEncoding.contents"))?;
        fields.end(what)?;
        Ok(Self { tr_type, contents })
    }

    /// Calls `visit` for each realm, in the order of the list. A null subfield means all realms on the hierarchical
    /// path between the realms before and after it. `client` is the realm before the list, and `server` is the realm
    /// after the list.
    ///
    /// The function takes time linear in the size of the contents, and does not allocate. If a name in the list cannot
    /// be read, the function may already have called `visit` for realms before it.
    pub(crate) fn each_realm(
        self,
        client: &[u8],
        server: &[u8],
        visit: &mut dyn FnMut(&[u8]),
    ) -> Result<(), TransitedFault> {
        if self.contents.is_empty() {
            return Ok(());
        }
        if self.tr_type != DOMAIN_X500_COMPRESS {
            return Err(TransitedFault::Type(self.tr_type));
        }
        if self.contents.len() > MAX_TRANSITED_SIZE {
            return Err(TransitedFault::TooLong);
        }
        let mut count = 0_usize;
        let mut counted = |realm: &[u8]| {
            count = count.wrapping_add(1); // the function returns at the limit
            if count > MAX_TRANSITED_REALMS {
                return Err(TransitedFault::TooMany);
            }
            visit(realm);
            Ok(())
        };
        let mut before = Before::Nothing;
        for subfield in subfields(self.contents) {
            if subfield.is_empty() {
                before = before.null_subfield();
                continue;
            }
            let realm = read_realm(subfield, &before)?;
            if let Some(left) = before.open_end(client) {
                each_between(left, realm.octets(), &mut counted)?;
            }
            counted(realm.octets())?;
            before = Before::Realm(realm);
        }
        match before.open_end(client) {
            Some(left) => each_between(left, server, &mut counted),
            None => Ok(()),
        }
    }
}

/// Splits the contents at each comma that is not quoted. The contents are not empty, so there is at least one subfield.
fn subfields(contents: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut is_quoted = false;
    contents.split(move |octet| {
        let separates = *octet == b',' && !is_quoted;
        is_quoted = *octet == b'\\' && !is_quoted;
        separates
    })
}

/// The list element before a subfield.
enum Before {
    Nothing,
    Realm(RealmName),
    /// A null subfield, with the realm before this subfield. `None` means the client's realm.
    NullSubfield(Option<RealmName>),
}

impl Before {
    fn null_subfield(self) -> Self {
        match self {
            Self::Nothing => Self::NullSubfield(None),
            Self::Realm(realm) => Self::NullSubfield(Some(realm)),
            Self::NullSubfield(realm) => Self::NullSubfield(realm),
        }
    }

    /// Returns the realm before a null subfield. The path that the null subfield means begins at this realm. Returns
    /// `None` if the element is not a null subfield.
    fn open_end<'a>(&'a self, client: &'a [u8]) -> Option<&'a [u8]> {
        match self {
            Self::NullSubfield(realm) => Some(realm.as_ref().map_or(client, RealmName::octets)),
            _ => None,
        }
    }
}

/// Reads the realm in a subfield that is not empty.
///
/// A name that begins with `/` is appended to the previous realm. A name that ends with `.` is put before the previous
/// realm. A space before a name means that the name is complete. A backslash quotes the next octet.
fn read_realm(subfield: &[u8], before: &Before) -> Result<RealmName, TransitedFault> {
    let (stands_alone, name) = match subfield {
        [b' ', name @ ..] => (true, name),
        name => (false, name),
    };
    let mut own = RealmName::default();
    let (mut is_quoted, mut ends_with_dot) = (false, false);
    for octet in name {
        if *octet == b'\\' && !is_quoted {
            is_quoted = true;
            continue;
        }
        ends_with_dot = *octet == b'.' && !is_quoted;
        is_quoted = false;
        own.push(*octet)?;
    }
    // A name may begin with a space only if the space is quoted. RFC 4120 section 6.1 forbids the null octet in names.
    if is_quoted || own.octets().is_empty() || name.starts_with(b" ") || own.octets().contains(&0) {
        return Err(TransitedFault::Syntax);
    }
    match (name.starts_with(b"/"), ends_with_dot, before) {
        (true, false, _) if stands_alone => Ok(own),
        // For the first subfield, the previous realm is the null realm.
        (false, false, _) | (true, false, Before::Nothing) => Ok(own),
        (true, false, Before::Realm(realm)) => realm.clone().followed_by(&own),
        (false, true, Before::Realm(realm)) if !stands_alone => own.followed_by(realm),
        _ => Err(TransitedFault::Ambiguous),
    }
}

/// The name of a realm.
#[derive(Clone)]
struct RealmName {
    octets: [u8; MAX_REALM_LENGTH],
    length: usize,
}

impl Default for RealmName {
    fn default() -> Self {
        Self { octets: [0; MAX_REALM_LENGTH], length: 0 }
    }
}

impl RealmName {
    fn octets(&self) -> &[u8] {
        self.octets.get(..self.length).unwrap_or_default()
    }

    fn push(&mut self, octet: u8) -> Result<(), TransitedFault> {
        *self.octets.get_mut(self.length).ok_or(TransitedFault::NameTooLong)? = octet;
        self.length = self.length.wrapping_add(1); // at most MAX_REALM_LENGTH
        Ok(())
    }

    fn followed_by(mut self, other: &Self) -> Result<Self, TransitedFault> {
        other.octets().iter().try_for_each(|octet| self.push(*octet))?;
        Ok(self)
    }
}

#[cfg(test)]
mod tests;
