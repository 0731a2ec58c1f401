//! What was decrypted, and where in it the fields lie.
//!
//! A request owns one buffer: the plaintext of the ticket, that of the authenticator, and a copy of the service's name
//! from the ticket's shell. Fields are ranges into it, so that an accepted request borrows from nothing, and whoever keeps
//! it keeps one allocation. The buffer is overwritten when it is dropped: both plaintexts hold keys.

use crate::crypto::EncType;
use crate::gss::GssFlags;
use crate::keys::Account;
use crate::krb5::{
    Authenticator, AuthorizationData, EncTicketPart, HostAddresses, NameType, PrincipalName, Ticket, TicketFlags,
};
use crate::time::UnixTime;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::fmt;
use core::ops::Range;
use zeroize::zeroize_bytes;

/// The plaintexts of a request.
pub(super) struct Buffer(Vec<u8>);

impl Buffer {
    /// Room for the plaintexts of both ciphertexts and the service's name: one allocation for the whole request.
    pub(super) fn for_request(ticket: &Ticket<'_>, authenticator: &[u8]) -> Self {
        let names = ticket.realm.len().saturating_add(ticket.sname.encoded_components().len());
        let room = ticket.enc_part.cipher.len().saturating_add(authenticator.len()).saturating_add(names);
        Self(Vec::with_capacity(room))
    }

    /// Appends room that `decrypt` fills: `decrypt` gets as many bytes as `ciphertext` has and says where among them it
    /// left the plaintext. If it fails, the room is given back.
    pub(super) fn decrypt<E>(
        &mut self,
        ciphertext: &[u8],
        decrypt: impl FnOnce(&[u8], &mut [u8]) -> Result<Range<usize>, E>,
    ) -> Result<Span, E> {
        let start = self.0.len();
        self.0.resize(start.saturating_add(ciphertext.len()), 0);
        let room = self.0.get_mut(start..).unwrap_or_default();
        match decrypt(ciphertext, room) {
            Ok(plaintext) => Ok(Span::new(start.saturating_add(plaintext.start), plaintext.len())),
            Err(error) => {
                self.0.truncate(start);
                Err(error)
            }
        }
    }

    /// Appends a copy of `bytes`.
    pub(super) fn append(&mut self, bytes: &[u8]) -> Span {
        let start = self.0.len();
        self.0.extend_from_slice(bytes);
        Span::new(start, bytes.len())
    }

    pub(super) fn slice(&self, span: Span) -> &[u8] {
        self.0.get(span.range()).unwrap_or_default()
    }

    /// Where `part`, a slice of this buffer, lies.
    pub(super) fn span_of(&self, part: &[u8]) -> Span {
        Span::new(part.as_ptr().addr().saturating_sub(self.0.as_ptr().addr()), part.len())
    }

    fn text(&self, span: Span) -> &str {
        core::str::from_utf8(self.slice(span)).unwrap_or_default()
    }
}

impl Drop for Buffer {
    fn drop(&mut self) {
        zeroize_bytes(&mut self.0);
    }
}

/// How much, not what: it holds keys.
impl fmt::Debug for Buffer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Buffer({} bytes)", self.0.len())
    }
}

/// A range of a [`Buffer`].
#[derive(Clone, Copy, Debug)]
pub(super) struct Span {
    start: u32,
    length: u32,
}

impl Span {
    /// A request ends long before 32 bits do; what lies beyond them is empty. A request has a dozen of these.
    fn new(start: usize, length: usize) -> Self {
        let narrow = |number| u32::try_from(number).unwrap_or(u32::MAX);
        Self { start: narrow(start), length: narrow(length) }
    }

    fn range(self) -> Range<usize> {
        let start = usize::try_from(self.start).unwrap_or(usize::MAX);
        start..start.saturating_add(usize::try_from(self.length).unwrap_or(usize::MAX))
    }
}

#[derive(Clone, Copy, Debug)]
pub(super) struct NameFields {
    name_type: NameType,
    components: Span,
    realm: Span,
}

impl NameFields {
    fn locate(buffer: &Buffer, name: PrincipalName<'_>, realm: &[u8]) -> Self {
        Self {
            name_type: name.name_type(),
            components: buffer.span_of(name.encoded_components()),
            realm: buffer.span_of(realm),
        }
    }

    /// Copies a name into the buffer.
    pub(super) fn copy(buffer: &mut Buffer, name: PrincipalName<'_>, realm: &[u8]) -> Self {
        Self {
            name_type: name.name_type(),
            components: buffer.append(name.encoded_components()),
            realm: buffer.append(realm),
        }
    }

    pub(super) fn name(self, buffer: &Buffer) -> PrincipalName<'_> {
        PrincipalName::from_parts(self.name_type, buffer.slice(self.components))
    }

    pub(super) fn realm(self, buffer: &Buffer) -> &str {
        buffer.text(self.realm)
    }
}

/// Where the fields of an EncTicketPart lie.
#[derive(Debug)]
pub(super) struct TicketFields {
    plaintext: Span,
    flags: TicketFlags,
    client: NameFields,
    transited: Span,
    authtime: UnixTime,
    starttime: Option<UnixTime>,
    endtime: UnixTime,
    renew_till: Option<UnixTime>,
    addresses: Span,
    authorization_data: Span,
}

impl TicketFields {
    pub(super) fn locate(buffer: &Buffer, plaintext: Span, part: &EncTicketPart<'_>) -> Self {
        Self {
            plaintext,
            flags: part.flags,
            client: NameFields::locate(buffer, part.cname, part.crealm),
            transited: buffer.span_of(part.transited.contents),
            authtime: part.authtime,
            starttime: part.starttime,
            endtime: part.endtime,
            renew_till: part.renew_till,
            addresses: buffer.span_of(part.caddr.encoded()),
            authorization_data: buffer.span_of(part.authorization_data.encoded()),
        }
    }
}

/// What the KDC wrote about the client, under the service's key.
#[derive(Clone, Copy, Debug)]
pub struct TicketFacts<'a> {
    pub(super) buffer: &'a Buffer,
    pub(super) fields: &'a TicketFields,
}

impl<'a> TicketFacts<'a> {
    /// The client.
    #[must_use]
    pub fn client(self) -> PrincipalName<'a> {
        self.fields.client.name(self.buffer)
    }

    /// The client's realm.
    #[must_use]
    pub fn client_realm(self) -> &'a str {
        self.fields.client.realm(self.buffer)
    }

    /// As [`Self::client_realm`], as its bytes.
    pub(super) fn client_realm_bytes(self) -> &'a [u8] {
        self.buffer.slice(self.fields.client.realm)
    }

    /// The flags.
    #[must_use]
    pub fn flags(self) -> TicketFlags {
        self.fields.flags
    }

    /// When the client proved itself to the KDC.
    #[must_use]
    pub fn auth_time(self) -> UnixTime {
        self.fields.authtime
    }

    /// From when the ticket is valid. RFC 4120 section 5.3: without a starttime it is the authtime; the present would
    /// switch the check off.
    #[must_use]
    pub fn start_time(self) -> UnixTime {
        self.fields.starttime.unwrap_or(self.fields.authtime)
    }

    /// The ticket's own starttime, which many tickets do not have.
    #[must_use]
    pub fn starttime(self) -> Option<UnixTime> {
        self.fields.starttime
    }

    /// Until when the ticket is valid.
    #[must_use]
    pub fn end_time(self) -> UnixTime {
        self.fields.endtime
    }

    /// Until when the ticket can be renewed.
    #[must_use]
    pub fn renew_till(self) -> Option<UnixTime> {
        self.fields.renew_till
    }

    /// The addresses that the ticket may be used from; none means any.
    #[must_use]
    pub fn addresses(self) -> HostAddresses<'a> {
        HostAddresses::from_encoded(self.buffer.slice(self.fields.addresses))
    }

    /// The encoded realms between the client's and the service's.
    #[must_use]
    pub fn transited(self) -> &'a [u8] {
        self.buffer.slice(self.fields.transited)
    }

    /// The whole EncTicketPart. It holds the session key.
    pub(super) fn plaintext(self) -> &'a [u8] {
        self.buffer.slice(self.fields.plaintext)
    }

    /// The authorization data that the KDC put into the ticket.
    #[must_use]
    pub fn authorization_data(self) -> AuthorizationData<'a> {
        AuthorizationData::from_encoded(self.buffer.slice(self.fields.authorization_data))
    }
}

/// Where the fields of an Authenticator lie, as far as they matter after it was verified.
#[derive(Debug)]
pub(super) struct AuthenticatorFields {
    pub(super) time: UnixTime,
    pub(super) subkey_etype: Option<EncType>,
    pub(super) sequence_number: Option<u32>,
    pub(super) gss_flags: Option<GssFlags>,
    /// The KRB-CRED in the checksum.
    pub(super) delegated: Option<Span>,
}

impl AuthenticatorFields {
    pub(super) fn of(authenticator: &Authenticator<'_>, gss_flags: Option<GssFlags>, delegated: Option<Span>) -> Self {
        Self {
            time: authenticator.time(),
            subkey_etype: authenticator.subkey.map(|subkey| subkey.etype),
            sequence_number: authenticator.seq_number,
            gss_flags,
            delegated,
        }
    }

    /// The context flags; none are set where the client sent none.
    pub(super) fn flags(&self) -> GssFlags {
        self.gss_flags.unwrap_or_default()
    }
}

/// What the client wrote, under the session key. Its name is not among it: that is the ticket's, which it equals.
#[derive(Clone, Copy, Debug)]
pub struct AuthenticatorFacts<'a> {
    pub(super) fields: &'a AuthenticatorFields,
}

impl AuthenticatorFacts<'_> {
    /// The client's time, with its microseconds.
    #[must_use]
    pub const fn time(self) -> UnixTime {
        self.fields.time
    }

    /// The type of the key that the client chose for what follows.
    #[must_use]
    pub const fn subkey_etype(self) -> Option<EncType> {
        self.fields.subkey_etype
    }

    /// The sequence number that the client begins with; a negative one keeps its 32 bits.
    #[must_use]
    pub const fn sequence_number(self) -> Option<u32> {
        self.fields.sequence_number
    }

    /// The context flags of RFC 4121 section 4.1.1.1, if the client sent that checksum.
    #[must_use]
    pub const fn gss_flags(self) -> Option<GssFlags> {
        self.fields.gss_flags
    }
}

/// Which key opened a ticket.
#[derive(Clone, Debug)]
pub struct OpenedBy {
    pub(super) account: Arc<Account>,
    pub(super) etype: EncType,
    pub(super) kvno: Option<u32>,
}

impl OpenedBy {
    /// The account that the key belongs to.
    #[must_use]
    pub fn account(&self) -> &Account {
        &self.account
    }

    /// The key's type.
    #[must_use]
    pub const fn etype(&self) -> EncType {
        self.etype
    }

    /// The key's version as it was given, which need not be the ticket's.
    #[must_use]
    pub const fn kvno(&self) -> Option<u32> {
        self.kvno
    }
}
