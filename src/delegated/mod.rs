//! Delegated credentials: the KRB-CRED in the checksum of an authenticator (RFC 4121 section 4.1.1, RFC 4120 section 5.8).
//!
//! The input is the octets of the KRB-CRED and the keys of the request. The output is [`DelegatedCredentials`]: each
//! ticket with its session key. Only the KDC can verify the client's statements about the tickets.

mod ccache;
mod secret_octets;
// Some of the recorded credentials are encrypted under RC4 keys.
#[cfg(all(test, feature = "rc4"))]
mod tests;

use crate::crypto::{EncType, InvalidKey, Key, KeyRef, KeyUsage};
use crate::time::UnixTime;
use crate::wire::der::Malformed;
use crate::wire::krb5::{
    EncKrbCredPart, EncryptedData, HostAddresses, KrbCred, KrbCredInfo, PrincipalName, TicketFlags, Tickets,
};
use alloc::vec;
use alloc::vec::Vec;
use core::fmt;
pub use secret_octets::SecretOctets;
use thiserror::Error;
use zeroize::Zeroizing;

/// The tickets that a client delegated, so that the server can act in the client's name. Usually there is one
/// ticket-granting ticket.
///
/// Until the tickets expire, their holder can act as that client against every service of the client's realm. The octets
/// with the session keys are overwritten on drop. `Debug` shows no keys.
///
/// Names, times and flags are the client's own statements about its tickets. These statements say how to use the
/// tickets, and do not identify the client. Only [`Accepted::identity`](crate::Accepted::identity) identifies the
/// client.
///
/// ```
/// # use kerberos_sso::Accepted;
/// # use std::io::Write;
/// /// Writes a credential cache to a file that only its owner can read.
/// fn write_ccache(accepted: &Accepted, file: &mut std::fs::File) -> Result<(), Box<dyn std::error::Error>> {
///     if let Some(credentials) = accepted.delegated_credentials()? {
///         file.write_all(credentials.to_ccache().as_bytes())?;
///     }
///     Ok(())
/// }
/// ```
pub struct DelegatedCredentials {
    tickets: Vec<u8>,
    ticket_info: Zeroizing<Vec<u8>>,
}

impl DelegatedCredentials {
    /// Opens a KRB-CRED with the first of `keys` that decrypts it. RFC 4121 section 4.1.1 requires the session key, and
    /// MIT's library uses that key. Some older clients use the subkey.
    pub(crate) fn open(krb_cred: &[u8], keys: &[KeyRef<'_>]) -> Result<Self, DelegationError> {
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

    /// Returns the credentials in the client's order. There is at least one credential.
    pub fn credentials(&self) -> impl Iterator<Item = DelegatedCredential<'_>> {
        let tickets = Tickets::each(&self.tickets);
        KrbCredInfo::each(&self.ticket_info).zip(tickets).map(|(info, ticket)| DelegatedCredential { info, ticket })
    }

    /// Makes a credential cache in the file format of MIT and Heimdal, version 4, for the client of the first credential.
    ///
    /// Write the cache to a file that other users cannot read, because Heimdal refuses a file that they can read. With
    /// `KRB5CCNAME=FILE:…`, GSS-API programs then act in the client's name. A time after 2106 is written as the
    /// greatest number of 32 bits.
    #[must_use]
    pub fn to_ccache(&self) -> SecretOctets {
        ccache::to_octets(self)
    }
}

/// Shows the credentials without their keys.
impl fmt::Debug for DelegatedCredentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.credentials()).finish()
    }
}

/// A delegated ticket and the client's statements about it.
#[derive(Clone, Copy)]
pub struct DelegatedCredential<'a> {
    pub(crate) info: KrbCredInfo<'a>,
    ticket: &'a [u8],
}

impl<'a> DelegatedCredential<'a> {
    /// Returns the client of the ticket.
    #[must_use]
    pub const fn client(self) -> PrincipalName<'a> {
        self.info.pname
    }

    /// Returns the client's realm.
    #[must_use]
    pub const fn client_realm(self) -> &'a str {
        self.info.prealm
    }

    /// Returns the service of the ticket. For a ticket-granting ticket, the service is `krbtgt` and a realm.
    #[must_use]
    pub const fn server(self) -> PrincipalName<'a> {
        self.info.sname
    }

    /// Returns the service's realm.
    #[must_use]
    pub const fn server_realm(self) -> &'a str {
        self.info.srealm
    }

    /// Returns the flags of the ticket. The set is empty if the client names no flags.
    #[must_use]
    pub const fn flags(self) -> TicketFlags {
        self.info.flags
    }

    /// Returns the time at which the client authenticated to the KDC.
    #[must_use]
    pub fn auth_time(self) -> Option<UnixTime> {
        named(self.info.authtime)
    }

    /// Returns the time from which the ticket is valid.
    #[must_use]
    pub fn start_time(self) -> Option<UnixTime> {
        named(self.info.starttime)
    }

    /// Returns the time until which the ticket is valid.
    #[must_use]
    pub fn end_time(self) -> Option<UnixTime> {
        named(self.info.endtime)
    }

    /// Returns the time until which the ticket can be renewed.
    #[must_use]
    pub fn renew_till(self) -> Option<UnixTime> {
        named(self.info.renew_till)
    }

    /// Returns the addresses from which the ticket may be used. An empty list means all addresses.
    #[must_use]
    pub const fn addresses(self) -> HostAddresses<'a> {
        self.info.caddr
    }

    /// Returns the type of the session key.
    #[must_use]
    pub const fn session_etype(self) -> EncType {
        self.info.key.etype
    }

    /// Returns the session key. The holder of this key can use the ticket.
    ///
    /// # Errors
    ///
    /// Returns [`InvalidKey`] if this crate does not support the key's type, or if the key's length does not fit its
    /// type. [`DelegatedCredentials::to_ccache`] also writes such a credential: the KDC decides whether to
    /// accept it.
    pub fn session_key(self) -> Result<Key, InvalidKey> {
        Key::new(self.info.key.etype, self.info.key.value)
    }

    /// Returns the ticket in DER.
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

/// The error for delegated credentials that cannot be opened. This error does not make the request invalid.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum DelegationError {
    /// The octets are no KRB-CRED, or its encrypted part is no EncKrbCredPart.
    #[error("the delegated credentials are malformed: {0}")]
    Malformed(Malformed),
    /// The credentials are encrypted under an encryption type that no key of the request has.
    #[error("the delegated credentials are encrypted with type {etype}, and no key of the request is of that type")]
    NoKey {
        /// The encryption type that the KRB-CRED names.
        etype: EncType,
    },
    /// The credentials do not verify under any key of the request.
    #[error("the delegated credentials do not decrypt under the keys of the request")]
    Integrity,
    /// The KRB-CRED has different numbers of tickets and of KrbCredInfo.
    #[error("the client delegated {tickets} tickets, but sent information about {infos} tickets")]
    TicketCount {
        /// The number of tickets.
        tickets: usize,
        /// The number of KrbCredInfo.
        infos: usize,
    },
    /// The KRB-CRED has no ticket.
    #[error("the delegated credentials hold no ticket")]
    Empty,
}

impl From<Malformed> for DelegationError {
    fn from(cause: Malformed) -> Self {
        Self::Malformed(cause)
    }
}

/// Returns the octets of the EncKrbCredPart.
///
/// Encryption type 0 means no encryption. This crate allows type 0 for a KRB-CRED only. The KRB-CRED lies within an
/// authenticator that was decrypted and verified, so only the client could write the KRB-CRED or read it. Heimdal (7.8)
/// always sends the KRB-CRED without encryption. Old MIT clients did the same if the key was a DES key.
fn decrypt(sealed: EncryptedData<'_>, keys: &[KeyRef<'_>]) -> Result<Zeroizing<Vec<u8>>, DelegationError> {
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

/// Returns the time, or `None` for the beginning of 1970, which Heimdal writes for an absent time.
fn named(time: Option<UnixTime>) -> Option<UnixTime> {
    time.filter(|time| time.seconds() != 0)
}
