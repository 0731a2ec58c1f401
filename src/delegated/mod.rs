//! Delegated credentials: the KRB-CRED in the checksum of an authenticator (RFC 4121 section 4.1.1, RFC 4120 section 5.8).
//!
//! In: its bytes and the keys of the request. Out: [`DelegatedCredentials`], each ticket with its session key. Whether the
//! tickets are what the client says of them, only their KDC can tell.

mod ccache;
// The recorded credentials are under RC4 keys, too.
#[cfg(all(test, feature = "rc4"))]
mod tests;

use crate::crypto::{EncType, InvalidKey, Key, KeyUsage};
use crate::time::UnixTime;
use crate::wire::der::Malformed;
use crate::wire::krb5::{
    EncKrbCredPart, EncryptedData, HostAddresses, KrbCred, KrbCredInfo, PrincipalName, TicketFlags, Tickets,
};
use alloc::vec;
use alloc::vec::Vec;
use core::fmt;
use thiserror::Error;
use zeroize::Zeroizing;

/// Tickets that a client handed over, usually one ticket-granting ticket, with which to act in its name.
///
/// Their holder is that client until they expire, against every service of its realm. They are overwritten when dropped, and
/// not shown by `Debug`.
///
/// Names, times and flags are the client's own words about its tickets: they say how to use them, not who the client is.
/// That is [`Accepted::identity`](crate::Accepted::identity).
pub struct DelegatedCredentials {
    tickets: Vec<u8>,
    ticket_info: Zeroizing<Vec<u8>>,
}

impl DelegatedCredentials {
    /// Opens a KRB-CRED with the first of `keys` that fits. RFC 4121 section 4.1.1 has it under the session key, as MIT's
    /// library does it; some older clients take the subkey.
    pub(crate) fn open(krb_cred: &[u8], keys: &[&Key]) -> Result<Self, DelegationError> {
        let message = KrbCred::read(krb_cred)?;
        let plaintext = decrypt(message.enc_part, keys)?;
        let part = EncKrbCredPart::read(&plaintext)?;
        match (message.tickets.count(), part.ticket_info_count) {
            (0, 0) => Err(DelegationError::Empty),
            (tickets, infos) if tickets != infos => Err(DelegationError::TicketCount { tickets, infos }),
            _ => Ok(Self {
                tickets: message.tickets.encoded().to_vec(),
                ticket_info: Zeroizing::new(part.ticket_info.to_vec()),
            }),
        }
    }

    /// The credentials, at least one, in the client's order.
    pub fn credentials(&self) -> impl Iterator<Item = DelegatedCredential<'_>> {
        let tickets = Tickets::each(&self.tickets);
        KrbCredInfo::each(&self.ticket_info).zip(tickets).map(|(info, ticket)| DelegatedCredential { info, ticket })
    }

    /// A credential cache of MIT's and Heimdal's file format, version 4, for the first credential's client: in a file
    /// that others cannot read (Heimdal reads no other), `KRB5CCNAME=FILE:…` lets GSS-API programs act in the client's name.
    ///
    /// Times after 2106 are written as the last second of the format's 32 bits.
    #[must_use]
    pub fn to_ccache(&self) -> Zeroizing<Vec<u8>> {
        ccache::to_bytes(self)
    }
}

/// The credentials without their keys.
impl fmt::Debug for DelegatedCredentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.credentials()).finish()
    }
}

/// One delegated ticket and what the client says about it.
#[derive(Clone, Copy)]
pub struct DelegatedCredential<'a> {
    pub(crate) info: KrbCredInfo<'a>,
    ticket: &'a [u8],
}

impl<'a> DelegatedCredential<'a> {
    /// Whose ticket it is.
    #[must_use]
    pub const fn client(self) -> PrincipalName<'a> {
        self.info.pname
    }

    /// The client's realm.
    #[must_use]
    pub const fn client_realm(self) -> &'a str {
        self.info.prealm
    }

    /// The service it is for: `krbtgt` and a realm in a ticket-granting ticket.
    #[must_use]
    pub const fn server(self) -> PrincipalName<'a> {
        self.info.sname
    }

    /// The service's realm.
    #[must_use]
    pub const fn server_realm(self) -> &'a str {
        self.info.srealm
    }

    /// The flags; none if the client names none.
    #[must_use]
    pub const fn flags(self) -> TicketFlags {
        self.info.flags
    }

    /// When the client proved itself to the KDC.
    #[must_use]
    pub fn auth_time(self) -> Option<UnixTime> {
        named(self.info.authtime)
    }

    /// From when the ticket is valid.
    #[must_use]
    pub fn start_time(self) -> Option<UnixTime> {
        named(self.info.starttime)
    }

    /// Until when the ticket is valid.
    #[must_use]
    pub fn end_time(self) -> Option<UnixTime> {
        named(self.info.endtime)
    }

    /// Until when the ticket can be renewed.
    #[must_use]
    pub fn renew_till(self) -> Option<UnixTime> {
        named(self.info.renew_till)
    }

    /// The addresses that the ticket may be used from; none means any.
    #[must_use]
    pub const fn addresses(self) -> HostAddresses<'a> {
        self.info.caddr
    }

    /// The type of the session key.
    #[must_use]
    pub const fn session_etype(self) -> EncType {
        self.info.key.etype
    }

    /// The session key, which makes the ticket usable.
    ///
    /// # Errors
    ///
    /// [`InvalidKey`] for a key of a type that this crate does not know or of another length than its type's. Such a
    /// credential is still written by [`DelegatedCredentials::to_ccache`]: it is between the client and its KDC.
    pub fn session_key(self) -> Result<Key, InvalidKey> {
        Key::new(self.info.key.etype, self.info.key.value)
    }

    /// The ticket, in DER.
    #[must_use]
    pub const fn ticket(self) -> &'a [u8] {
        self.ticket
    }
}

impl fmt::Debug for DelegatedCredential<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.info, f)
    }
}

/// Why delegated credentials could not be taken. The request that they came in is none the worse for it.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum DelegationError {
    /// The bytes are no KRB-CRED, or what was encrypted in it is no EncKrbCredPart.
    #[error("malformed delegated credentials: {0}")]
    Malformed(#[from] Malformed),
    /// They are encrypted under a type of key that is neither the session key's nor the subkey's.
    #[error("the delegated credentials are encrypted with type {etype}, and no key of the request is of that type")]
    NoKey {
        /// The type that the KRB-CRED names.
        etype: EncType,
    },
    /// They do not verify under any key of the request.
    #[error("the delegated credentials do not decrypt under the keys of the request")]
    Integrity,
    /// There is not one KrbCredInfo for each ticket.
    #[error("{tickets} delegated tickets came with information for {infos}")]
    TicketCount {
        /// How many tickets there are.
        tickets: usize,
        /// How many KrbCredInfo there are.
        infos: usize,
    },
    /// There is no ticket among them.
    #[error("no ticket is among the delegated credentials")]
    Empty,
}

/// The EncKrbCredPart.
///
/// Etype 0 is no encryption, and nothing in Kerberos may come without. Here, and only here, it may: the KRB-CRED is within
/// an authenticator that was itself decrypted and verified, so nobody but the client could read or write it. Heimdal (7.8)
/// always sends it so, as old clients of MIT's did for DES.
fn decrypt(sealed: EncryptedData<'_>, keys: &[&Key]) -> Result<Zeroizing<Vec<u8>>, DelegationError> {
    const NULL: EncType = EncType(0);
    let EncryptedData { etype, cipher, .. } = sealed;
    if etype == NULL {
        return Ok(Zeroizing::new(cipher.to_vec()));
    }
    if keys.iter().all(|key| key.etype() != etype) {
        return Err(DelegationError::NoKey { etype });
    }
    let mut buffer = Zeroizing::new(vec![0; cipher.len()]);
    let mut ciphers = keys.iter().filter(|key| key.etype() == etype).map(|key| key.cipher(KeyUsage::KRB_CRED));
    let plaintext = ciphers.find_map(|prepared| prepared.decrypt(cipher, &mut buffer).ok());
    let plaintext = plaintext.ok_or(DelegationError::Integrity)?;
    buffer.truncate(plaintext.end);
    buffer.drain(..plaintext.start);
    Ok(buffer)
}

/// Heimdal writes the epoch where there is no such time.
fn named(time: Option<UnixTime>) -> Option<UnixTime> {
    time.filter(|time| time.seconds() != 0)
}
