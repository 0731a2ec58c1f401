//! The keys that client and server share after a request is verified, and the security context that these keys protect.

use super::facts::AuthenticatorFields;
use crate::context::{Established, MessageKey, Role};
use crate::crypto::{EncType, Key, KeyRef, KeyUsage};
use crate::policy::{AcceptorSubkeyPolicy, EncTypes, Policy};
use crate::randomness::Randomness;
use crate::wire::der::Writer;
use crate::wire::gss::GssFlags;
use crate::wire::krb5::{ApRep, EncApRepPart, EtypeList};
use alloc::vec::Vec;
use zeroize::Zeroizing;

/// The ticket's session key, the client's subkey, and the type of the acceptor's subkey.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ContextKeys<'a> {
    pub(crate) session: KeyRef<'a>,
    pub(crate) subkey: Option<KeyRef<'a>>,
    /// The type of the subkey that the AP-REP will carry; `None` if the client wants no AP-REP.
    pub(crate) ap_rep: Option<AcceptorSubkey>,
}

/// The type of the subkey in an AP-REP; `None` for an AP-REP without subkey.
pub(crate) type AcceptorSubkey = Option<EncType>;

impl ContextKeys<'_> {
    /// Makes the context that applies before the AP-REP. If the server sends no AP-REP, this context remains in use.
    pub(crate) fn before_reply(&self, authenticator: &AuthenticatorFields) -> Established {
        // If the authenticator has no sequence number, the numbers begin at zero (RFC 4121 section 4.2.6). MIT krb5 does
        // the same.
        let sequence = authenticator.sequence_number.unwrap_or(0);
        Established {
            role: Role::Acceptor,
            key: self.initial_key(),
            message_key: MessageKey::Initial,
            flags: authenticator.flags(),
            // Without an AP-REP, both directions begin with the client's sequence number. MIT krb5 and Heimdal do the same.
            send_sequence: sequence,
            receive_sequence: sequence,
        }
    }

    /// Makes the context that applies after the AP-REP. The AP-REP must be made with the same `randomness`, because its
    /// subkey protects this context. If the client wants no AP-REP, this function returns the context of
    /// [`before_reply`](Self::before_reply).
    pub(crate) fn after_reply(&self, authenticator: &AuthenticatorFields, randomness: &Randomness) -> Established {
        if self.ap_rep.is_none() {
            return self.before_reply(authenticator);
        }
        let (key, message_key) = match self.acceptor_subkey(randomness) {
            Some(key) => (key, MessageKey::AcceptorSubkey),
            None => (self.initial_key(), MessageKey::Initial),
        };
        Established {
            role: Role::Acceptor,
            key,
            message_key,
            flags: authenticator.flags(),
            send_sequence: randomness.sequence_number(),
            receive_sequence: authenticator.sequence_number.unwrap_or(0),
        }
    }

    /// Returns the key of the context before the acceptor chooses a subkey (RFC 4121 section 2). The key is the
    /// client's subkey, or the session key if the client sent no subkey.
    fn initial_key(&self) -> Key {
        self.subkey.unwrap_or(self.session).to_key()
    }

    /// Prepares an AP-REP (RFC 4120 section 3.2.4). The AP-REP contains the client's time, encrypted under the session key.
    pub(crate) fn write_ap_rep(
        &self,
        authenticator: &AuthenticatorFields,
        randomness: &Randomness,
    ) -> impl FnOnce(&mut Writer) + use<> {
        let subkey = self.acceptor_subkey(randomness);
        let plaintext = EncApRepPart::write(authenticator.time, subkey.as_ref(), randomness.sequence_number());
        let plaintext = Zeroizing::new(plaintext);
        let mut cipher = Vec::new();
        self.session.cipher(KeyUsage::AP_REP_ENC_PART).encrypt(&randomness.confounder(), &plaintext, &mut cipher);
        let etype = self.session.etype();
        move |writer| ApRep::write(writer, etype, &cipher)
    }

    #[expect(
        clippy::expect_used,
        reason = "the type is that of a key of this request, or a type that the policy allows"
    )]
    fn acceptor_subkey(&self, randomness: &Randomness) -> Option<Key> {
        let key = |etype| randomness.key(etype).expect("request keys and policies have supported types");
        self.ap_rep.flatten().map(key)
    }
}

/// Chooses the type of the subkey that an AP-REP carries.
///
/// A client may list the types that it accepts (RFC 4537). If the list has a type that is stronger than the current type, the
/// acceptor chooses the stronger type. So an AES key can protect a context whose session key is an RC4 key. Otherwise
/// the type does not change. Outside DCE style, the acceptor sends no RC4 subkey: RFC 4757 defines no acceptor subkey,
/// and RC4 clients do not read one. In DCE style the acceptor's AP-REP always has a subkey, and the client's AP-REP has
/// none. So an attacker cannot send the acceptor's AP-REP back in place of the client's AP-REP.
pub(crate) fn acceptor_subkey(
    current: EncType,
    listed: EtypeList<'_>,
    flags: GssFlags,
    policy: &Policy,
) -> AcceptorSubkey {
    let stronger = if listed.is_empty() { None } else { negotiated(current, listed, policy.session_etypes) };
    if flags.contains(GssFlags::DCE_STYLE) {
        return stronger.or(Some(current));
    }
    match policy.acceptor_subkey {
        AcceptorSubkeyPolicy::Never => None,
        AcceptorSubkeyPolicy::Always if current == EncType::RC4_HMAC => stronger,
        AcceptorSubkeyPolicy::Always => stronger.or(Some(current)),
    }
}

fn negotiated(current: EncType, listed: EtypeList<'_>, allowed: EncTypes) -> Option<EncType> {
    let stronger = BY_STRENGTH.iter().take_while(|etype| **etype != current);
    stronger.copied().find(|etype| allowed.contains(*etype) && listed.contains(*etype))
}

const BY_STRENGTH: [EncType; 5] = [
    EncType::AES256_CTS_HMAC_SHA384_192,
    EncType::AES256_CTS_HMAC_SHA1_96,
    EncType::AES128_CTS_HMAC_SHA256_128,
    EncType::AES128_CTS_HMAC_SHA1_96,
    EncType::RC4_HMAC,
];
