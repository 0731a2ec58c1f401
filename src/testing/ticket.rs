//! The tickets that KDCs write.

use super::{NameParts, PacBuffers, PacParts, TimeText, asn1};
use crate::crypto::{Confounder, EncType, Key, KeyUsage};
use crate::time::UnixTime;
use crate::wire::krb5::{AdType, TicketFlags};
use alloc::vec::Vec;
use core::fmt;

/// All parts of a Ticket and its EncTicketPart (RFC 4120 section 5.3). By default the ticket is valid. A test can change
/// every field.
#[derive(Clone, Debug)]
pub struct TicketParts {
    /// `tkt-vno` is 5 by default.
    pub tkt_vno: i64,
    /// `realm` is the service's realm, in an unencrypted field, which an attacker can change.
    pub realm: Vec<u8>,
    /// `sname` is the service's name, in an unencrypted field, which an attacker can change.
    pub sname: NameParts,
    /// `EncryptedData.etype` is not encrypted, and may differ from the type of [`key`](Self::key).
    pub etype: i64,
    /// `EncryptedData.kvno` may be negative, because a read-only domain controller sends a negative number.
    pub kvno: Option<i64>,

    /// `flags` has bit 0 of the RFC in its most significant bit.
    pub flags: u32,
    /// `key` is the session key.
    pub session_key: KeyParts,
    /// `crealm` is the client's realm.
    pub crealm: Vec<u8>,
    /// `cname` is the client's name.
    pub cname: NameParts,
    /// `transited` is the tr-type and the contents. Empty contents mean that no other realm is on the authentication path.
    pub transited: (i32, Vec<u8>),
    /// `authtime` is the time at which the client authenticated to the KDC.
    pub authtime: TimeText,
    /// `starttime` is the time from which the ticket is valid.
    pub starttime: Option<TimeText>,
    /// `endtime` is the time until which the ticket is valid.
    pub endtime: TimeText,
    /// `renew-till` is the time until which the KDC may renew the ticket.
    pub renew_till: Option<TimeText>,
    /// `caddr` is the addr-type and the octets of each address.
    pub caddr: Option<Vec<(i32, Vec<u8>)>>,
    /// The PAC. The encoded PAC has its own AD-IF-RELEVANT, before the other authorization data. A ticket has a PAC
    /// only if the realm is [of Active Directory](super::TestRealm::of_active_directory), or after a call of
    /// [`TestToken::pac`](super::TestToken::pac).
    pub pac: Option<PacParts>,
    /// `authorization-data` has an ad-type and ad-data for each element. If the list is empty, the field is absent. To put a
    /// PAC elsewhere, add `if_relevant(&[(128, pac)])` (see [`if_relevant`]).
    pub authorization_data: Vec<(i32, Vec<u8>)>,

    /// The key that encrypts the ticket. By default this key is the service's key.
    pub key: Key,
    /// The key usage of the encryption, 2 by default.
    pub usage: KeyUsage,
    /// The confounder, which comes before the plaintext in the encryption.
    pub confounder: Confounder,
    /// Octets that replace the encoded EncTicketPart.
    pub raw: Option<Vec<u8>>,
    /// Octets that replace the ciphertext.
    pub raw_cipher: Option<Vec<u8>>,
}

impl TicketParts {
    /// Sets times so that the ticket is valid at `now`. The client authenticated to the KDC ten minutes before `now`. The
    /// KDC issued the ticket one minute before `now`. The ticket ends ten hours after the authentication.
    pub fn set_times(&mut self, now: UnixTime) {
        let authtime = now.saturating_add_seconds(-600);
        self.authtime = authtime.into();
        self.starttime = Some(now.saturating_add_seconds(-60).into());
        self.endtime = authtime.saturating_add_seconds(10 * 60 * 60).into();
        self.renew_till = Some(authtime.saturating_add_seconds(7 * 24 * 60 * 60).into());
    }

    /// Adds flags to the flags of the ticket.
    pub fn add_flags(&mut self, flags: TicketFlags) {
        self.flags |= flags.bits();
    }

    /// Returns the encoded EncTicketPart, or the octets that replace it.
    #[must_use]
    pub fn plaintext(&self) -> Vec<u8> {
        self.raw.clone().unwrap_or_else(|| asn1::der(&self.enc_ticket_part(self.pac_bytes())))
    }

    /// Returns the encoded and signed PAC.
    #[must_use]
    pub fn pac_bytes(&self) -> Option<Vec<u8>> {
        self.pac.as_ref().map(|pac| pac.encode(self))
    }

    /// Returns the signed buffers of the PAC. For a PAC that [`PacParts`] cannot express, see [`PacBuffers`].
    #[must_use]
    pub fn pac_buffers(&self) -> Option<PacBuffers> {
        self.pac.as_ref().map(|pac| pac.buffers(self))
    }

    /// Returns the octets that the ticket signature covers (MS-PAC section 2.8.3). These octets are the encoded
    /// EncTicketPart with one zero octet in the place of the PAC.
    pub(super) fn without_pac(&self) -> Vec<u8> {
        asn1::der(&self.enc_ticket_part(Some([0].into())))
    }

    /// Returns the ciphertext, or the octets that replace it.
    #[must_use]
    pub fn cipher(&self) -> Vec<u8> {
        self.raw_cipher.clone().unwrap_or_else(|| {
            let mut cipher = Vec::new();
            self.key.cipher(self.usage).encrypt(&self.confounder, &self.plaintext(), &mut cipher);
            cipher
        })
    }

    pub(super) fn encode(&self) -> asn1::Ticket {
        let cipher = asn1::octets(&self.cipher());
        asn1::Ticket {
            tkt_vno: self.tkt_vno,
            realm: asn1::text(&self.realm),
            sname: self.sname.encode(),
            enc_part: asn1::EncryptedData { etype: self.etype, kvno: self.kvno, cipher },
        }
    }

    fn enc_ticket_part(&self, pac: Option<Vec<u8>>) -> asn1::EncTicketPart {
        let pac = pac.map(|pac| if_relevant(&[(AdType::WIN2K_PAC.0, pac)]));
        let authorization_data: Vec<_> = pac.into_iter().chain(self.authorization_data.iter().cloned()).collect();
        let (tr_type, transited) = &self.transited;
        asn1::EncTicketPart {
            flags: asn1::flags(self.flags),
            key: self.session_key.encode(),
            crealm: asn1::text(&self.crealm),
            cname: self.cname.encode(),
            transited: asn1::TransitedEncoding { r#type: *tr_type, contents: asn1::octets(transited) },
            authtime: self.authtime.encode(),
            starttime: self.starttime.as_ref().map(TimeText::encode),
            endtime: self.endtime.encode(),
            renew_till: self.renew_till.as_ref().map(TimeText::encode),
            caddr: self.caddr.as_deref().map(host_addresses),
            authorization_data: asn1::authorization_data(&authorization_data),
        }
    }
}

fn host_addresses(addresses: &[(i32, Vec<u8>)]) -> asn1::HostAddresses {
    let address = |(addr_type, address): &(i32, Vec<u8>)| asn1::HostAddress {
        addr_type: *addr_type,
        address: asn1::octets(address),
    };
    addresses.iter().map(address).collect()
}

/// An EncryptionKey (RFC 4120 section 5.2.9): a type and octets. The number of octets need not fit the type.
#[derive(Clone, PartialEq, Eq)]
pub struct KeyParts {
    /// `keytype` is the key's encryption type.
    pub keytype: i32,
    /// `keyvalue` is the octets of the key.
    pub keyvalue: Vec<u8>,
}

impl KeyParts {
    /// Returns the key. Returns `None` if this crate does not support its type, or if the octets do not fit the type.
    #[must_use]
    pub fn key(&self) -> Option<Key> {
        Key::new(EncType(self.keytype), &self.keyvalue).ok()
    }

    pub(super) fn decode(key: &asn1::EncryptionKey) -> Self {
        Self { keytype: key.r#type, keyvalue: key.value.to_vec() }
    }

    pub(super) fn encode(&self) -> asn1::EncryptionKey {
        asn1::EncryptionKey { r#type: self.keytype, value: asn1::octets(&self.keyvalue) }
    }
}

impl From<&Key> for KeyParts {
    fn from(key: &Key) -> Self {
        Self { keytype: key.etype().0, keyvalue: key.expose_bytes().to_vec() }
    }
}

/// Shows the type only, as `Debug` of every key in this crate does.
impl fmt::Debug for KeyParts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "KeyParts({})", EncType(self.keytype))
    }
}

/// Makes an AD-IF-RELEVANT element (RFC 4120 section 5.2.6.1) around `elements`. A KDC wraps a PAC in this element, and a
/// client wraps elements that a server may ignore.
///
/// ```
/// use kerberos_sso::testing::{TestRealm, if_relevant};
///
/// let mut token = TestRealm::new("CONTOSO.TEST").ticket_for("alice");
/// token.ticket.authorization_data.push(if_relevant(&[(-7, b"whatever".to_vec())]));
/// ```
#[must_use]
pub fn if_relevant(elements: &[(i32, Vec<u8>)]) -> (i32, Vec<u8>) {
    let encoded = asn1::authorization_data(elements).unwrap_or_default();
    (AdType::IF_RELEVANT.0, asn1::der(&encoded))
}
