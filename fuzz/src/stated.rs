//! This crate's own reader of the fuzzed EncTicketPart and Authenticator.

use crate::der::{
    BIT_STRING, Fields, GENERAL_STRING, GENERALIZED_TIME, INTEGER, OCTET_STRING, SEQUENCE, elements, only,
};
use kerberos_sso::Accepted;
use kerberos_sso::crypto::{EncType, Key};
use kerberos_sso::testing::{NameParts, TimeText};

/// A client's name and realm.
#[derive(Debug, PartialEq, Eq)]
pub struct Client {
    pub realm: Vec<u8>,
    pub name: NameParts,
}

impl Client {
    /// Returns the client of an accepted request.
    pub fn of(accepted: &Accepted) -> Self {
        let identity = accepted.identity();
        let components = identity.name().components().map(|component| component.as_bytes().to_vec()).collect();
        let name = NameParts { name_type: identity.name().name_type().0, components };
        Self { realm: identity.realm().into(), name }
    }

    /// Returns whether the two clients are the same, ignoring the name type (RFC 4120 section 6.2).
    pub fn is(&self, other: &Self) -> bool {
        (&self.realm, &self.name.components) == (&other.realm, &other.name.components)
    }

    fn read(fields: &Fields<'_>, realm: u8, name: u8) -> Option<Self> {
        let principal = Fields::read(fields.whole(name)?)?;
        let components = elements(principal.get(1, SEQUENCE)?)?.into_iter();
        Some(Self {
            realm: fields.get(realm, GENERAL_STRING)?.into(),
            name: NameParts {
                name_type: i32::try_from(principal.integer(0)?).ok()?,
                components: components.map(|(_, component)| component.into()).collect(),
            },
        })
    }
}

/// The client, the session key and the flags of an EncTicketPart (RFC 4120 section 5.3).
#[derive(Debug)]
pub struct Ticket {
    pub client: Client,
    pub session_key: Key,
    pub flags: u32,
}

impl Ticket {
    /// Reads an EncTicketPart; `None` if it cannot be read, or if the encryption type of its session key is not
    /// supported.
    pub fn read(plaintext: &[u8]) -> Option<Self> {
        let fields = Fields::read(only(plaintext, 0x63)?)?;
        let bits = fields.get(0, BIT_STRING)?.get(1..)?;
        Some(Self {
            client: Client::read(&fields, 2, 3)?,
            session_key: key(fields.whole(1)?)?,
            flags: bits.iter().chain([&0; 4]).take(4).fold(0, |flags, octet| flags << 8 | u32::from(*octet)),
        })
    }
}

/// The fields of an Authenticator (RFC 4120 section 5.5.1).
#[derive(Debug)]
pub struct Authenticator {
    pub client: Client,
    pub ctime: TimeText,
    pub cusec: i64,
    pub subkey: Option<Key>,
    pub sequence_number: Option<i64>,
}

impl Authenticator {
    /// Reads an Authenticator; `None` if it cannot be read.
    pub fn read(plaintext: &[u8]) -> Option<Self> {
        let fields = Fields::read(only(plaintext, 0x62)?)?;
        Some(Self {
            client: Client::read(&fields, 1, 2)?,
            ctime: TimeText(fields.get(5, GENERALIZED_TIME)?.into()),
            cusec: fields.integer(4)?,
            subkey: fields.whole(6).and_then(key),
            sequence_number: fields.get(7, INTEGER).and_then(crate::der::integer),
        })
    }
}

fn key(encryption_key: &[u8]) -> Option<Key> {
    let fields = Fields::read(encryption_key)?;
    let etype = EncType(i32::try_from(fields.integer(0)?).ok()?);
    Key::new(etype, fields.get(1, OCTET_STRING)?).ok()
}
