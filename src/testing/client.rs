//! The client's side of a negotiation: the client's keys and values, the check that the server proved its identity, and the
//! client's context.

use super::framing::TokenFraming;
use super::reply::{ApRepParts, Krb5Message, NegTokenRespParts};
use super::{KeyParts, TestToken, TimeText};
use crate::context::{Established, MessageKey, Role, SecurityContext};
use crate::crypto::Key;
use crate::wire::gss::{GssChecksum, GssFlags};
use alloc::vec::Vec;
use thiserror::Error;

/// The client that sent a [`TestToken`]. Its fields are plain data.
///
/// The client reads the server's answers with the decoder `rasn`, not with the decoder of this crate. In this example,
/// the context that [`complete`](Self::complete) returns makes and verifies a MIC over the client's MechTypeList:
///
/// ```
/// # use kerberos_sso::testing::{NegTokenRespParts, TestClient, TestRealm, mech};
/// # use kerberos_sso::replay::NoReplayCache;
/// # use kerberos_sso::negotiate::Step;
/// # use kerberos_sso::{Policy, Randomness, Validator};
/// # let realm = TestRealm::new("CONTOSO.TEST");
/// # let validator = Validator::new(realm.key_set(), Policy::default(), NoReplayCache);
/// # let (now, randomness) = (TestRealm::NOW, Randomness::new([0x5A; 64]));
/// // A client that prefers another mechanism must confirm its list of mechanisms.
/// let other = mech::NTLM.to_vec();
/// let token = realm.ticket_for("alice").mutual().spnego(|spnego| spnego.mech_types.insert(0, other));
/// let step = validator.converse(&token.mint(), None, &randomness, now)?;
/// let Step::Continue(next) = step else { panic!("the server must ask the client to confirm") };
///
/// let client = TestClient::of(&token);
/// let mut context = client.complete(Some(next.token()))?;
/// let reply = NegTokenRespParts::decode(next.token()).unwrap();
/// context.verify_mic(&client.mech_types, &reply.mech_list_mic.unwrap())?;
/// let last = NegTokenRespParts {
///     neg_state: Some(NegTokenRespParts::ACCEPT_COMPLETED),
///     mech_list_mic: Some(context.get_mic(&client.mech_types)),
///     ..NegTokenRespParts::default()
/// };
/// let state = next.into_negotiation();
/// let step = validator.converse(&last.mint(), Some(&state), &randomness, now)?;
/// assert!(matches!(step, Step::Accepted(..)));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct TestClient {
    /// The ticket's session key.
    pub session_key: Key,
    /// The subkey that the client chose.
    pub subkey: Option<Key>,
    /// The flags of the client's checksum.
    pub flags: GssFlags,
    /// The authenticator's ctime.
    pub ctime: TimeText,
    /// The authenticator's cusec.
    pub cusec: i64,
    /// The authenticator's seq-number, which is the number of the client's first message.
    pub seq_number: u32,
    /// The encoded MechTypeList. The mechListMIC is computed over these octets. Without SPNEGO, there are no octets.
    pub mech_types: Vec<u8>,
}

impl TestClient {
    /// Makes the client that sent `token`.
    #[must_use]
    pub fn of(token: &TestToken) -> Self {
        let authenticator = &token.authenticator;
        Self {
            session_key: authenticator.key.clone(),
            subkey: authenticator.subkey.as_ref().and_then(KeyParts::key),
            flags: GssChecksum::read(&authenticator.gss.encode()).map(|gss| gss.flags).unwrap_or_default(),
            ctime: authenticator.ctime.clone(),
            cusec: authenticator.cusec,
            seq_number: authenticator.seq_number.and_then(sequence_number).unwrap_or(0),
            mech_types: match &token.framing {
                TokenFraming::Spnego(spnego) => spnego.mech_types_der(),
                _ => Vec::new(),
            },
        }
    }

    /// Returns the AP-REP in the server's answer, in any framing, if the AP-REP proves the server's identity (RFC 4120
    /// section 3.2.5). To prove the identity, the AP-REP must decrypt under the session key and hold the authenticator's
    /// time. Returns `None` if the answer has no AP-REP.
    ///
    /// # Errors
    /// Returns [`Unproven`] if the server refuses the client, or if the AP-REP does not prove the server's identity.
    pub fn ap_rep(&self, token: &[u8]) -> Result<Option<ApRepParts>, Unproven> {
        let krb5_token = match NegTokenRespParts::decode(token) {
            Some(reply) if reply.neg_state == Some(NegTokenRespParts::REJECT) => return Err(Unproven::Rejected),
            Some(reply) => reply.response_token,
            None => Some(token.to_vec()),
        };
        let Some(krb5_token) = krb5_token else { return Ok(None) };
        let message = Krb5Message::decode(&krb5_token).message;
        let ap_rep = ApRepParts::decode(&message, &self.session_key).ok_or(Unproven::NotOpened)?;
        let is_answer = (&ap_rep.ctime, ap_rep.cusec) == (&self.ctime, self.cusec);
        if is_answer { Ok(Some(ap_rep)) } else { Err(Unproven::OtherTime) }
    }

    /// Returns the client's context after the server's answer, if the client accepts the answer.
    ///
    /// # Errors
    /// Returns [`Unproven`] if the server refuses the client. Also returns [`Unproven`] if the client asked for mutual
    /// authentication, and the server does not prove its identity.
    pub fn complete(&self, answer: Option<&[u8]>) -> Result<SecurityContext, Unproven> {
        let ap_rep = answer.map(|token| self.ap_rep(token)).transpose()?.flatten();
        if ap_rep.is_none() && self.flags.contains(GssFlags::MUTUAL) {
            return Err(Unproven::Absent);
        }
        Ok(self.context(ap_rep.as_ref()))
    }

    /// Returns the client's context after this AP-REP, or after an answer without an AP-REP.
    #[must_use]
    pub fn context(&self, ap_rep: Option<&ApRepParts>) -> SecurityContext {
        let chosen_by_server = ap_rep.and_then(|ap_rep| ap_rep.subkey.as_ref()).and_then(KeyParts::key);
        let message_key = if chosen_by_server.is_some() { MessageKey::AcceptorSubkey } else { MessageKey::Initial };
        let sequence = ap_rep.and_then(|ap_rep| ap_rep.seq_number).and_then(sequence_number);
        SecurityContext::new(Established {
            role: Role::Initiator,
            key: chosen_by_server.or_else(|| self.subkey.clone()).unwrap_or_else(|| self.session_key.clone()),
            message_key,
            flags: self.flags,
            send_sequence: self.seq_number,
            receive_sequence: sequence.unwrap_or(self.seq_number),
        })
    }

    /// Returns the AP-REP with which the client ends a negotiation in DCE style (MS-KILE section 3.4.5.1). This AP-REP has
    /// the sequence number of the server's AP-REP, and no subkey.
    #[must_use]
    pub fn confirmation(&self, ap_rep: &ApRepParts) -> ApRepParts {
        ApRepParts { ctime: self.ctime.clone(), cusec: self.cusec, subkey: None, ..ap_rep.clone() }
    }
}

/// Returns the sequence number in an INTEGER. Old clients write a number of 2³¹ or more as the negative number with the same
/// 32 bits. A receiver may accept such a number (RFC 4120 section 5.5.1).
fn sequence_number(number: i64) -> Option<u32> {
    u32::try_from(number).ok().or_else(|| Some(u32::from_be_bytes(i32::try_from(number).ok()?.to_be_bytes())))
}

/// The reason why a client does not trust its server.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum Unproven {
    /// The server rejected the negotiation.
    #[error("the server rejected the negotiation")]
    Rejected,
    /// The server sent no AP-REP, but the client asked for an AP-REP.
    #[error("the server sent no AP-REP")]
    Absent,
    /// The server's answer is not an AP-REP, or does not decrypt under the session key.
    #[error("the server's answer is not an AP-REP that decrypts under the session key")]
    NotOpened,
    /// The server's AP-REP belongs to another authenticator.
    #[error("the server's AP-REP does not hold the time of the client's authenticator")]
    OtherTime,
}
