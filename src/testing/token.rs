//! A token before it is minted: the AP-REQ with its ticket and authenticator, and methods for the usual changes.

use super::authenticator::{AuthenticatorParts, channel_bindings_md5};
use super::framing::{SpnegoParts, TokenFraming};
use super::realm::subkey;
use super::ticket::{KeyParts, TicketParts, if_relevant};
use super::{NameParts, PacParts, TestRealm, asn1};
use crate::crypto::{EncType, Key};
use crate::time::UnixTime;
use crate::wire::gss::GssFlags;
use crate::wire::krb5::{AdType, TicketFlags};
use alloc::string::String;
use alloc::vec::Vec;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

/// An AP-REQ (RFC 4120 section 5.5.1) and its framing. [`TestRealm::ticket_for`] makes this token.
///
/// The methods make usual changes and keep the token valid. The fields are for all other changes. [`mint`](Self::mint) does
/// not change the token, and returns the same octets every time.
#[derive(Clone, Debug)]
pub struct TestToken {
    pub(super) realm: TestRealm,
    pub(super) serial: u64,
    /// `pvno` is 5 by default.
    pub pvno: i64,
    /// `msg-type` is 14 by default.
    pub msg_type: i64,
    /// `ap-options` has bit 0 of the RFC in its most significant bit.
    pub ap_options: u32,
    /// The ticket.
    pub ticket: TicketParts,
    /// The authenticator.
    pub authenticator: AuthenticatorParts,
    /// The framing of the AP-REQ.
    pub framing: TokenFraming,
}

impl TestToken {
    /// Sets another service, such as `HTTP/www.contoso.test`.
    #[must_use]
    pub fn service(mut self, name: &str) -> Self {
        self.ticket.sname = name.into();
        self
    }

    /// Sets the time of the request, and makes the ticket valid at that time (see [`TicketParts::set_times`]).
    #[must_use]
    pub fn at(mut self, now: UnixTime) -> Self {
        self.ticket.set_times(now);
        self.sent_at(now)
    }

    /// Sets the time in the authenticator, to the microsecond, and does not change the ticket. The token is then another
    /// request of the same client with the same ticket.
    #[must_use]
    pub fn sent_at(mut self, now: UnixTime) -> Self {
        self.authenticator.ctime = now.into();
        self.authenticator.cusec = now.micros().into();
        self
    }

    /// Sets another client of the realm, in the ticket and in the authenticator.
    #[must_use]
    pub fn client(mut self, name: impl Into<NameParts>) -> Self {
        self.ticket.cname = name.into();
        self.authenticator.cname = self.ticket.cname.clone();
        self
    }

    /// Sets another realm of the client, in the ticket and in the authenticator.
    #[must_use]
    pub fn client_realm(mut self, realm: impl Into<Vec<u8>>) -> Self {
        self.ticket.crealm = realm.into();
        self.authenticator.crealm = self.ticket.crealm.clone();
        self
    }

    /// Encrypts the ticket under the account's key of type `etype`.
    ///
    /// # Panics
    /// Panics if this crate does not support `etype`.
    #[must_use]
    pub fn etype(self, etype: EncType) -> Self {
        let key = self.realm.key(etype);
        self.encrypted_in(key)
    }

    /// Encrypts the ticket under `key`, for example a key from a password or a keytab.
    #[must_use]
    pub fn encrypted_in(mut self, key: Key) -> Self {
        self.ticket.etype = key.etype().0.into();
        self.ticket.key = key;
        self
    }

    /// Sets the key version that the unencrypted fields of the ticket name. The key that encrypts the ticket stays the same.
    #[must_use]
    pub fn kvno(mut self, kvno: impl Into<Option<i64>>) -> Self {
        self.ticket.kvno = kvno.into();
        self
    }

    /// Sets a session key of type `etype`, and a subkey of that type.
    ///
    /// # Panics
    /// Panics if this crate does not support `etype`.
    #[must_use]
    pub fn session_etype(mut self, etype: EncType) -> Self {
        let key = self.realm.session_key(etype, self.serial);
        self.ticket.session_key = KeyParts::from(&key);
        self.authenticator.subkey = Some(KeyParts::from(&subkey(etype, self.serial)));
        self.authenticator.etype = etype.0.into();
        self.authenticator.key = key;
        self
    }

    /// Adds flags to the ticket.
    #[must_use]
    pub fn flags(mut self, flags: TicketFlags) -> Self {
        self.ticket.add_flags(flags);
        self
    }

    /// Binds the request to the channel that `application_data` describes. For TLS, `application_data` is
    /// `tls-server-end-point:` and the certificate's hash.
    ///
    /// # Panics
    /// Panics if `application_data` has 4 GiB or more.
    #[must_use]
    pub fn bound_to(mut self, application_data: &[u8]) -> Self {
        self.authenticator.gss.bindings = channel_bindings_md5(application_data);
        self
    }

    /// Writes into the authenticator the name of the service that the client asks for, with the service's realm
    /// (`HTTP/www.contoso.test@CONTOSO.TEST`). The name is encoded as Windows encodes it: UTF-16 in an AD-IF-RELEVANT
    /// (KERB_AUTH_DATA_CLIENT_TARGET, MS-KILE section 3.2.5.8).
    #[must_use]
    pub fn client_target(mut self, service: &str) -> Self {
        let text = service.encode_utf16().flat_map(u16::to_le_bytes).collect();
        self.authenticator.authorization_data.push(if_relevant(&[(AdType::CLIENT_TARGET.0, text)]));
        self
    }

    /// Sets the flags for mutual authentication in the authenticator's checksum and in the AP options.
    #[must_use]
    pub fn mutual(mut self) -> Self {
        self.ap_options |= MUTUAL_REQUIRED;
        self.authenticator.gss.flags |= GssFlags::MUTUAL.bits();
        self
    }

    /// Delegates `credentials`, a KRB-CRED.
    ///
    /// # Panics
    /// Panics if the credentials have more than 65,535 octets.
    #[must_use]
    pub fn delegating(mut self, credentials: &[u8]) -> Self {
        self.authenticator.gss.delegate(credentials);
        self
    }

    /// Applies `change` to the PAC. If there is no PAC, [`TestRealm::pac_for`] first makes a PAC.
    #[must_use]
    pub fn pac(mut self, change: impl FnOnce(&mut PacParts)) -> Self {
        let realm = &self.realm;
        change(self.ticket.pac.get_or_insert_with(|| realm.pac_for(&self.ticket.cname.joined())));
        self
    }

    /// Removes the PAC.
    #[must_use]
    pub fn without_pac(mut self) -> Self {
        self.ticket.pac = None;
        self
    }

    /// Sets another framing.
    #[must_use]
    pub fn framed(mut self, framing: TokenFraming) -> Self {
        self.framing = framing;
        self
    }

    /// Applies `change` to the SPNEGO framing. If the token has another framing, the function first replaces it with SPNEGO.
    #[must_use]
    pub fn spnego(mut self, change: impl FnOnce(&mut SpnegoParts)) -> Self {
        let mut parts = match self.framing {
            TokenFraming::Spnego(parts) => parts,
            _ => SpnegoParts::default(),
        };
        change(&mut parts);
        self.framing = TokenFraming::Spnego(parts);
        self
    }

    /// Encodes the AP-REQ without framing.
    #[must_use]
    pub fn ap_req(&self) -> Vec<u8> {
        asn1::der(&asn1::ApReq {
            pvno: self.pvno,
            msg_type: self.msg_type,
            ap_options: asn1::flags(self.ap_options),
            ticket: self.ticket.encode(),
            authenticator: self.authenticator.encode(),
        })
    }

    /// Encodes the token.
    #[must_use]
    pub fn mint(&self) -> Vec<u8> {
        self.mint_around(self.ap_req())
    }

    /// Encodes the token with other octets in place of the AP-REQ.
    #[must_use]
    pub fn mint_around(&self, ap_req: Vec<u8>) -> Vec<u8> {
        self.framing.wrap(ap_req)
    }

    /// Returns the value of the `Authorization` header: `Negotiate` and the token in base64.
    #[must_use]
    pub fn header(&self) -> String {
        ["Negotiate ", &STANDARD.encode(self.mint())].concat()
    }
}

/// The option `mutual-required`, bit 2 of APOptions (RFC 4120 section 5.5.1).
const MUTUAL_REQUIRED: u32 = 1 << 29;
