//! The client's side of a conversation: what it knows, what a server must prove to it, and its context.

use super::framing::TokenFraming;
use super::reply::{ApRepParts, Krb5Message, NegTokenRespParts};
use super::{KeyParts, TestToken, TimeText};
use crate::context::{Established, MessageKey, Role, SecurityContext};
use crate::crypto::Key;
use crate::wire::gss::{GssChecksum, GssFlags};
use alloc::vec::Vec;
use thiserror::Error;

/// The client that sent a [`TestToken`]: what it knows, as plain data.
///
/// It reads what the server answers with another decoder than this crate's own. A MIC over the mechanisms it offered is made
/// and verified with the context that [`complete`](Self::complete) gives:
///
/// ```
/// # use kerberos_sso::testing::{NegTokenRespParts, TestClient, TestRealm, mech};
/// # use kerberos_sso::replay::NoReplayCache;
/// # use kerberos_sso::{Connection, Policy, Randomness, Turn, Validator};
/// # let realm = TestRealm::new("CONTOSO.TEST");
/// # let validator = Validator::new(realm.key_set(), Policy::default(), NoReplayCache);
/// # let (now, connection, randomness) = (TestRealm::NOW, Connection::default(), Randomness::new([0x5A; 64]));
/// // Who would rather use another mechanism must confirm that it offered it.
/// let other = mech::NTLM.to_vec();
/// let token = realm.ticket_for("alice").mutual().spnego(|spnego| spnego.mech_types.insert(0, other));
/// let turn = validator.converse(&token.mint(), None, &connection, &randomness, now)?;
/// let Turn::Next(next) = turn else { panic!("the server does not ask") };
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
/// let turn = validator.converse(&last.mint(), Some(&state), &connection, &randomness, now)?;
/// assert!(matches!(turn, Turn::Accepted(..)));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct TestClient {
    /// The ticket's session key.
    pub session_key: Key,
    /// The subkey that it chose.
    pub subkey: Option<Key>,
    /// The flags of its checksum.
    pub flags: GssFlags,
    /// The authenticator's ctime.
    pub ctime: TimeText,
    /// The authenticator's cusec.
    pub cusec: i64,
    /// The authenticator's seq-number, with which its messages begin.
    pub seq_number: u32,
    /// The encoded MechTypeList, over which a mechListMIC is made. Empty if nothing is negotiated.
    pub mech_types: Vec<u8>,
}

impl TestClient {
    /// The client that sent `token`.
    #[must_use]
    pub fn of(token: &TestToken) -> Self {
        let authenticator = &token.authenticator;
        Self {
            session_key: authenticator.key.clone(),
            subkey: authenticator.subkey.as_ref().and_then(KeyParts::key),
            flags: GssChecksum::read(&authenticator.gss.encode()).map(|gss| gss.flags).unwrap_or_default(),
            ctime: authenticator.ctime.clone(),
            cusec: authenticator.cusec,
            seq_number: authenticator.seq_number.and_then(|number| u32::try_from(number).ok()).unwrap_or(0),
            mech_types: match &token.framing {
                TokenFraming::Spnego(spnego) => spnego.mech_types_der(),
                _ => Vec::new(),
            },
        }
    }

    /// The AP-REP in what the server answered, in whatever framing, once it has proved the server (RFC 4120 section
    /// 3.2.5): it opens under the session key, and holds the authenticator's time. `None` if there is none.
    ///
    /// # Errors
    /// [`Unproven`] if the server refuses, or proves nothing.
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

    /// The client's context after the server's answer, if it has all that it asked for.
    ///
    /// # Errors
    /// [`Unproven`] if the server refuses, or does not prove itself to a client that asked for it.
    pub fn complete(&self, answer: Option<&[u8]>) -> Result<SecurityContext, Unproven> {
        let ap_rep = answer.map(|token| self.ap_rep(token)).transpose()?.flatten();
        if ap_rep.is_none() && self.flags.contains(GssFlags::MUTUAL) {
            return Err(Unproven::Absent);
        }
        Ok(self.context(ap_rep.as_ref()))
    }

    /// The client's context after this AP-REP, or without one.
    #[must_use]
    pub fn context(&self, ap_rep: Option<&ApRepParts>) -> SecurityContext {
        let chosen_by_server = ap_rep.and_then(|ap_rep| ap_rep.subkey.as_ref()).and_then(KeyParts::key);
        let message_key = if chosen_by_server.is_some() { MessageKey::AcceptorSubkey } else { MessageKey::Initial };
        let sequence = ap_rep.and_then(|ap_rep| ap_rep.seq_number).and_then(|number| u32::try_from(number).ok());
        SecurityContext::new(Established {
            role: Role::Initiator,
            key: chosen_by_server.or_else(|| self.subkey.clone()).unwrap_or_else(|| self.session_key.clone()),
            message_key,
            flags: self.flags,
            send_sequence: self.seq_number,
            receive_sequence: sequence.unwrap_or(self.seq_number),
        })
    }

    /// The AP-REP with which the client ends a conversation in DCE style (MS-KILE section 3.4.5.1), after the server's: with
    /// its sequence number, and without a subkey.
    #[must_use]
    pub fn third_leg(&self, ap_rep: &ApRepParts) -> ApRepParts {
        ApRepParts { ctime: self.ctime.clone(), cusec: self.cusec, subkey: None, ..ap_rep.clone() }
    }
}

/// Why a client does not believe that it talks to its server.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum Unproven {
    /// The negotiation was rejected.
    #[error("the server rejected the negotiation")]
    Rejected,
    /// There is no AP-REP, and the client asked for one.
    #[error("the server sent no AP-REP")]
    Absent,
    /// No AP-REP, or none that opens under the session key.
    #[error("what the server sent is no AP-REP under the session key")]
    NotOpened,
    /// An AP-REP for another authenticator.
    #[error("the server's AP-REP does not hold the time of the client's authenticator")]
    OtherTime,
}
