//! The facts of a request: values that the KDC or the client wrote, as spans of the request's buffer.

use super::buffer::Buffer;
use crate::crypto::EncType;
use crate::keys::{Account, TicketBounds};
use crate::span::Span;
use crate::time::UnixTime;
use crate::wire::gss::GssFlags;
use crate::wire::krb5::{
    Authenticator, AuthorizationData, ClientTarget, EncTicketPart, HostAddresses, NameType, PrincipalName, TicketFlags,
    TransitedEncoding,
};
use alloc::sync::Arc;

#[derive(Clone, Copy, Debug)]
pub(crate) struct NameFields {
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

    /// Appends a copy of a name to the buffer.
    pub(crate) fn copy(buffer: &mut Buffer, name: PrincipalName<'_>, realm: &[u8]) -> Self {
        Self {
            name_type: name.name_type(),
            components: buffer.append(name.encoded_components()),
            realm: buffer.append(realm),
        }
    }

    pub(crate) fn name(self, buffer: &Buffer) -> PrincipalName<'_> {
        PrincipalName::from_parts(self.name_type, buffer.slice(self.components))
    }

    pub(crate) fn realm(self, buffer: &Buffer) -> &str {
        buffer.text(self.realm)
    }
}

/// The fields of an EncTicketPart, as spans.
#[derive(Debug)]
pub(crate) struct TicketFields {
    plaintext: Span,
    flags: TicketFlags,
    client: NameFields,
    transited_type: i32,
    transited: Span,
    authtime: UnixTime,
    starttime: Option<UnixTime>,
    endtime: UnixTime,
    renew_till: Option<UnixTime>,
    addresses: Span,
    authorization_data: Span,
}

impl TicketFields {
    pub(crate) fn locate(buffer: &Buffer, plaintext: Span, part: &EncTicketPart<'_>) -> Self {
        Self {
            plaintext,
            flags: part.flags,
            client: NameFields::locate(buffer, part.cname, part.crealm),
            transited_type: part.transited.tr_type,
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

/// The facts that the KDC wrote about the client, encrypted under the service's key (EncTicketPart, RFC 4120 section 5.3).
#[derive(Clone, Copy, Debug)]
pub struct TicketFacts<'a> {
    pub(crate) buffer: &'a Buffer,
    pub(crate) fields: &'a TicketFields,
}

impl<'a> TicketFacts<'a> {
    /// Returns the client's name.
    #[must_use]
    pub fn client(self) -> PrincipalName<'a> {
        self.fields.client.name(self.buffer)
    }

    /// Returns the client's realm.
    #[must_use]
    pub fn client_realm(self) -> &'a str {
        self.fields.client.realm(self.buffer)
    }

    /// Returns the octets of [`Self::client_realm`].
    pub(crate) fn client_realm_bytes(self) -> &'a [u8] {
        self.buffer.slice(self.fields.client.realm)
    }

    /// Returns the ticket's flags.
    #[must_use]
    pub fn flags(self) -> TicketFlags {
        self.fields.flags
    }

    /// Returns the time at which the client proved its identity to the KDC (authtime).
    #[must_use]
    pub fn auth_time(self) -> UnixTime {
        self.fields.authtime
    }

    /// Returns the time from which the ticket is valid: its starttime, or its authtime if the ticket has no starttime (RFC
    /// 4120 section 5.3). This function does not replace a missing starttime by the present time: the ticket would then
    /// always pass the check of its start.
    #[must_use]
    pub fn start_time(self) -> UnixTime {
        self.fields.starttime.unwrap_or(self.fields.authtime)
    }

    /// Returns the starttime field of the ticket. Many tickets do not have this field.
    #[must_use]
    pub fn starttime(self) -> Option<UnixTime> {
        self.fields.starttime
    }

    /// Returns the time until which the ticket is valid (endtime).
    #[must_use]
    pub fn end_time(self) -> UnixTime {
        self.fields.endtime
    }

    /// Returns the time until which the KDC may renew the ticket (renew-till).
    #[must_use]
    pub fn renew_till(self) -> Option<UnixTime> {
        self.fields.renew_till
    }

    /// Returns the addresses from which the ticket may be used. An empty list means any address.
    #[must_use]
    pub fn addresses(self) -> HostAddresses<'a> {
        HostAddresses::from_encoded(self.buffer.slice(self.fields.addresses))
    }

    /// Returns the encoded list of the realms between the client's realm and the service's realm (RFC 4120 section 3.3.3.2).
    #[must_use]
    pub fn transited(self) -> &'a [u8] {
        self.buffer.slice(self.fields.transited)
    }

    /// Returns the realms between the client's realm and the service's realm, with the type of their encoding.
    pub(crate) fn transited_encoding(self) -> TransitedEncoding<'a> {
        TransitedEncoding { tr_type: self.fields.transited_type, contents: self.transited() }
    }

    /// Returns the whole EncTicketPart, which holds the session key.
    pub(crate) fn plaintext(self) -> &'a [u8] {
        self.buffer.slice(self.fields.plaintext)
    }

    /// Returns the authorization data of the ticket.
    #[must_use]
    pub fn authorization_data(self) -> AuthorizationData<'a> {
        AuthorizationData::from_encoded(self.buffer.slice(self.fields.authorization_data))
    }
}

/// The fields of an Authenticator that are needed after its verification.
#[derive(Debug)]
pub(crate) struct AuthenticatorFields {
    pub(crate) time: UnixTime,
    pub(crate) subkey_etype: Option<EncType>,
    pub(crate) sequence_number: Option<u32>,
    pub(crate) gss_flags: Option<GssFlags>,
    /// The span of the KRB-CRED in the checksum.
    pub(crate) delegated: Option<Span>,
    client_target: Option<Span>,
}

impl AuthenticatorFields {
    pub(crate) fn of(
        authenticator: &Authenticator<'_>,
        gss_flags: Option<GssFlags>,
        delegated: Option<Span>,
        client_target: Option<Span>,
    ) -> Self {
        Self {
            time: authenticator.time(),
            subkey_etype: authenticator.subkey.map(|subkey| subkey.etype),
            sequence_number: authenticator.seq_number,
            gss_flags,
            delegated,
            client_target,
        }
    }

    /// Returns the context flags. No flag is set if the client sent no flags.
    pub(crate) fn flags(&self) -> GssFlags {
        self.gss_flags.unwrap_or_default()
    }
}

/// The facts that the client wrote, encrypted under the session key (Authenticator, RFC 4120 section 5.5.1). The client's name
/// is left out, because it equals the name in the ticket.
#[derive(Clone, Copy, Debug)]
pub struct AuthenticatorFacts<'a> {
    pub(crate) buffer: &'a Buffer,
    pub(crate) fields: &'a AuthenticatorFields,
}

impl<'a> AuthenticatorFacts<'a> {
    /// Returns the client's time, with its microseconds.
    #[must_use]
    pub const fn time(self) -> UnixTime {
        self.fields.time
    }

    /// Returns the type of the client's subkey. The subkey protects the messages that follow.
    #[must_use]
    pub const fn subkey_etype(self) -> Option<EncType> {
        self.fields.subkey_etype
    }

    /// Returns the client's first sequence number. The 32 bits of a negative number are read as an unsigned number.
    #[must_use]
    pub const fn sequence_number(self) -> Option<u32> {
        self.fields.sequence_number
    }

    /// Returns the context flags (RFC 4121 section 4.1.1.1), if the client sent the checksum that contains them.
    #[must_use]
    pub const fn gss_flags(self) -> Option<GssFlags> {
        self.fields.gss_flags
    }

    /// Returns the service that the client names in its authenticator (KERB_AUTH_DATA_CLIENT_TARGET, MS-KILE section 3.2.5.8).
    /// The session key protects this name. If [`Policy::with_services`](crate::Policy::with_services) lists services, the name
    /// is one of these services.
    ///
    /// Returns `None` if the client sends no name; MIT krb5 sends none. If the policy lists no services, the result is also
    /// `None` if the client sends several names, or a name that cannot be read.
    #[must_use]
    pub fn client_target(self) -> Option<ClientTarget<'a>> {
        self.fields.client_target.map(|target| ClientTarget::of_checked(self.buffer.slice(target)))
    }
}

/// The key that opened a ticket.
#[derive(Clone, Debug)]
pub struct OpenedBy {
    pub(crate) account: Arc<Account>,
    pub(crate) etype: EncType,
    pub(crate) kvno: Option<u32>,
    /// The index of the key in its account.
    pub(crate) index: usize,
}

impl OpenedBy {
    /// Returns the bounds of all accounts that hold the key.
    pub(crate) fn bounds(&self) -> TicketBounds<'_> {
        TicketBounds::new(&self.account, self.index)
    }

    /// Returns the account that the key belongs to.
    #[must_use]
    pub fn account(&self) -> &Account {
        &self.account
    }

    /// Returns the key's type.
    #[must_use]
    pub const fn etype(&self) -> EncType {
        self.etype
    }

    /// Returns the key's version in the key set. The ticket may name another version.
    #[must_use]
    pub const fn kvno(&self) -> Option<u32> {
        self.kvno
    }
}
