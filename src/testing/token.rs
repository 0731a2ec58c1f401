//! A token about to be minted: the message around ticket and authenticator, and short ways to the usual variations.

use super::authenticator::{AuthenticatorParts, channel_bindings_md5};
use super::framing::{SpnegoParts, TokenFraming};
use super::realm::subkey;
use super::ticket::{KeyParts, TicketParts};
use super::{NameParts, PacParts, TestRealm, asn1};
use crate::crypto::{EncType, Key};
use crate::time::UnixTime;
use crate::wire::gss::GssFlags;
use crate::wire::krb5::TicketFlags;
use alloc::string::String;
use alloc::vec::Vec;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

/// An AP-REQ (RFC 4120 section 5.5.1) and what is around it: made by [`TestRealm::ticket_for`].
///
/// The methods are for what is usual and keep the token valid; the fields are for everything else. Minting does not change
/// it: the same token gives the same bytes.
#[derive(Clone, Debug)]
pub struct TestToken {
    pub(super) realm: TestRealm,
    pub(super) serial: u64,
    /// pvno: 5.
    pub pvno: i64,
    /// msg-type: 14.
    pub msg_type: i64,
    /// ap-options, bit 0 of the RFC in the top bit.
    pub ap_options: u32,
    /// The ticket.
    pub ticket: TicketParts,
    /// The authenticator.
    pub authenticator: AuthenticatorParts,
    /// What is around the AP-REQ.
    pub framing: TokenFraming,
}

impl TestToken {
    /// For another service: `HTTP/www.contoso.test`.
    #[must_use]
    pub fn service(mut self, name: &str) -> Self {
        self.ticket.sname = name.into();
        self
    }

    /// Sent at `now`, with a ticket that is valid then: see [`TicketParts::set_times`].
    #[must_use]
    pub fn at(mut self, now: UnixTime) -> Self {
        self.ticket.set_times(now);
        self.sent_at(now)
    }

    /// Sent at `now`, with whatever ticket it is: another request of the same client. The time is the authenticator's, to
    /// the microsecond.
    #[must_use]
    pub fn sent_at(mut self, now: UnixTime) -> Self {
        self.authenticator.ctime = now.into();
        self.authenticator.cusec = now.micros().into();
        self
    }

    /// For another client of the realm, in ticket and authenticator.
    #[must_use]
    pub fn client(mut self, name: impl Into<NameParts>) -> Self {
        self.ticket.cname = name.into();
        self.authenticator.cname = self.ticket.cname.clone();
        self
    }

    /// For a client of another realm, in ticket and authenticator.
    #[must_use]
    pub fn client_realm(mut self, realm: impl Into<Vec<u8>>) -> Self {
        self.ticket.crealm = realm.into();
        self.authenticator.crealm = self.ticket.crealm.clone();
        self
    }

    /// The ticket encrypted in the account's key of type `etype`.
    ///
    /// # Panics
    /// If this crate does not support `etype`.
    #[must_use]
    pub fn etype(self, etype: EncType) -> Self {
        let key = self.realm.key(etype);
        self.encrypted_in(key)
    }

    /// The ticket encrypted in `key`, one from a password or a keytab, say.
    #[must_use]
    pub fn encrypted_in(mut self, key: Key) -> Self {
        self.ticket.etype = key.etype().0.into();
        self.ticket.key = key;
        self
    }

    /// The key version that the ticket's shell names, whatever key it is encrypted in.
    #[must_use]
    pub fn kvno(mut self, kvno: impl Into<Option<i64>>) -> Self {
        self.ticket.kvno = kvno.into();
        self
    }

    /// A session key of type `etype`, and a subkey of that type.
    ///
    /// # Panics
    /// If this crate does not support `etype`.
    #[must_use]
    pub fn session_etype(mut self, etype: EncType) -> Self {
        let key = self.realm.session_key(etype, self.serial);
        self.ticket.session_key = KeyParts::from(&key);
        self.authenticator.subkey = Some(KeyParts::from(&subkey(etype, self.serial)));
        self.authenticator.etype = etype.0.into();
        self.authenticator.key = key;
        self
    }

    /// More flags in the ticket.
    #[must_use]
    pub fn flags(mut self, flags: TicketFlags) -> Self {
        self.ticket.add_flags(flags);
        self
    }

    /// Bound to the channel that `application_data` describes: for TLS `tls-server-end-point:` and the certificate's hash.
    ///
    /// # Panics
    /// If `application_data` has 4 GiB.
    #[must_use]
    pub fn bound_to(mut self, application_data: &[u8]) -> Self {
        self.authenticator.gss.bindings = channel_bindings_md5(application_data);
        self
    }

    /// Asks the server to prove itself, in the authenticator and in the AP options.
    #[must_use]
    pub fn mutual(mut self) -> Self {
        self.ap_options |= MUTUAL_REQUIRED;
        self.authenticator.gss.flags |= GssFlags::MUTUAL.bits();
        self
    }

    /// Hands over `credentials`, a KRB-CRED.
    ///
    /// # Panics
    /// If they have more than 65,535 bytes.
    #[must_use]
    pub fn delegating(mut self, credentials: &[u8]) -> Self {
        self.authenticator.gss.delegate(credentials);
        self
    }

    /// With a PAC, which [`TestRealm::pac_for`] makes if there is none, and `change` made in it.
    #[must_use]
    pub fn pac(mut self, change: impl FnOnce(&mut PacParts)) -> Self {
        let realm = &self.realm;
        change(self.ticket.pac.get_or_insert_with(|| realm.pac_for(&self.ticket.cname.joined())));
        self
    }

    /// Without a PAC.
    #[must_use]
    pub fn without_pac(mut self) -> Self {
        self.ticket.pac = None;
        self
    }

    /// In another framing.
    #[must_use]
    pub fn framed(mut self, framing: TokenFraming) -> Self {
        self.framing = framing;
        self
    }

    /// In SPNEGO; what was there of it stays.
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

    /// The AP-REQ alone.
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

    /// The token's bytes.
    #[must_use]
    pub fn mint(&self) -> Vec<u8> {
        self.mint_around(self.ap_req())
    }

    /// The token's bytes with other ones in the place of the AP-REQ.
    #[must_use]
    pub fn mint_around(&self, ap_req: Vec<u8>) -> Vec<u8> {
        self.framing.wrap(ap_req)
    }

    /// The value of the `Authorization` header: `Negotiate` and the token in base64.
    #[must_use]
    pub fn header(&self) -> String {
        ["Negotiate ", &STANDARD.encode(self.mint())].concat()
    }
}

/// RFC 4120 section 5.5.1: bit 2 of APOptions.
const MUTUAL_REQUIRED: u32 = 1 << 29;
