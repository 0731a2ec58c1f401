//! The state that a server keeps between two tokens of one negotiation.

use super::message::Message;
use crate::error::InvalidNegotiation;
use crate::limits::MAX_TOKEN_SIZE;
use crate::randomness::Randomness;
use crate::time::UnixTime;
use crate::wire::der::{Reader, field};
use crate::wire::spnego::MechanismList;
use alloc::vec::Vec;
use core::fmt;
use zeroize::zeroize_bytes;

/// The state of a negotiation that waits for the client's next token.
///
/// The state belongs to one connection, or to one client that sends the state back. The caller keeps the state, and
/// gives it with the client's next token to [`Validator::converse`](crate::Validator::converse). Another node can
/// continue the negotiation if it has the same keys, policy and replay cache. After the AP-REQ, the state can be used
/// once, and only within the clock skew.
///
/// [`to_bytes`](Self::to_bytes) writes the state as octets, so that the caller can store them elsewhere. **These octets are a
/// secret**, because the keys of the context can be derived from them. A store must give these octets the same protection
/// as a user's session. A client may carry these octets only in an encrypted and authenticated form.
#[must_use]
pub struct Negotiation {
    /// The MechTypeList as the client sent it. The mechListMIC covers this list. The list is empty if the client did not
    /// negotiate.
    mech_types: Vec<u8>,
    pub(crate) awaiting: Awaiting,
}

/// The token that the negotiation waits for.
pub(crate) enum Awaiting {
    /// The token with the AP-REQ.
    Request,
    /// The client's final token, which confirms the acceptor's AP-REP or MIC.
    Confirmation(PendingRequest),
}

/// An accepted request whose answer the client must still confirm. The state keeps the octets of the AP-REQ, which are
/// shorter than the results of all stages. When the client confirms, the stages validate the AP-REQ again.
pub(crate) struct PendingRequest {
    pub(crate) message: Message,
    pub(crate) ap_req: Vec<u8>,
    /// The time at which the request was accepted, in whole seconds.
    pub(crate) accepted: UnixTime,
    /// The randomness of the acceptor's answer. The acceptor's subkey and sequence number are made of this randomness.
    pub(crate) randomness: Randomness,
}

impl Negotiation {
    /// Makes the state that waits for the AP-REQ of a client that offers `mechanisms`.
    pub(crate) fn awaiting_request(mechanisms: MechanismList<'_>) -> Self {
        Self { mech_types: mechanisms.der().to_vec(), awaiting: Awaiting::Request }
    }

    /// Makes the state that waits for the client's final token. `mech_types` is empty if the client did not negotiate.
    pub(crate) fn awaiting_confirmation(mech_types: Vec<u8>, pending: PendingRequest) -> Self {
        Self { mech_types, awaiting: Awaiting::Confirmation(pending) }
    }

    /// Returns the mechanisms that the client offered. Returns `None` if the client did not negotiate.
    pub(crate) fn mechanisms(&self) -> Option<MechanismList<'_>> {
        MechanismList::read(&mut Reader::new(&self.mech_types), field!("MechTypeList")).ok()
    }

    /// Writes the state as octets. These octets are a secret (see [`Negotiation`]).
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut octets = Vec::with_capacity(self.encoded_length());
        octets.push(VERSION);
        match &*self.mech_types {
            [] => octets.push(NOT_NEGOTIATED),
            list => octets.extend(list),
        }
        if let Awaiting::Confirmation(pending) = &self.awaiting {
            octets.push(pending.message.number());
            octets.extend(pending.accepted.seconds().to_be_bytes());
            octets.extend(pending.randomness.octets());
            octets.extend(&pending.ap_req);
        }
        octets
    }

    /// Returns the number of octets that [`to_bytes`](Self::to_bytes) writes. With this capacity, the vector does not grow: a
    /// vector that grows leaves copies of the secret in freed memory.
    fn encoded_length(&self) -> usize {
        let pending = match &self.awaiting {
            Awaiting::Request => 0,
            Awaiting::Confirmation(pending) => PendingRequest::FIXED.saturating_add(pending.ap_req.len()),
        };
        // The AP-REQ and the MechTypeList came in tokens of limited size, so no sum saturates.
        pending.saturating_add(self.mech_types.len()).saturating_add(2)
    }

    /// Reads the octets that [`to_bytes`](Self::to_bytes) has written.
    ///
    /// # Errors
    /// Returns [`InvalidNegotiation`] if the octets do not have the form that this version of the crate writes.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, InvalidNegotiation> {
        Self::parse(bytes).ok_or(InvalidNegotiation)
    }

    fn parse(octets: &[u8]) -> Option<Self> {
        match octets {
            [VERSION, NOT_NEGOTIATED, pending @ ..] => {
                Some(Self::awaiting_confirmation(Vec::new(), PendingRequest::parse(pending)?))
            }
            [VERSION, list_and_pending @ ..] => {
                let mut rest = Reader::new(list_and_pending);
                let mechanisms = MechanismList::read(&mut rest, field!("MechTypeList")).ok()?;
                mechanisms.kerberos()?;
                match rest.rest() {
                    [] => Some(Self::awaiting_request(mechanisms)),
                    pending => {
                        let pending = PendingRequest::parse(pending)?;
                        Some(Self::awaiting_confirmation(mechanisms.der().to_vec(), pending))
                    }
                }
            }
            _ => None,
        }
    }
}

impl PendingRequest {
    /// The number of octets before the AP-REQ: one for the kind of the message, 8 for the time, 64 for the randomness.
    const FIXED: usize = 1 + 8 + 64;

    fn parse(bytes: &[u8]) -> Option<Self> {
        let ([message, seconds @ ..], rest) = bytes.split_first_chunk::<9>()?;
        let (randomness, ap_req) = rest.split_first_chunk::<64>()?;
        (ap_req.len() <= MAX_TOKEN_SIZE).then_some(Self {
            message: Message::from_number(*message)?,
            ap_req: ap_req.to_vec(),
            accepted: UnixTime::from_seconds(i64::from_be_bytes(*seconds)),
            randomness: Randomness::new(*randomness),
        })
    }
}

/// Zeroizes the AP-REQ: an attacker who reads it could send it to another server of the same service.
impl Drop for PendingRequest {
    fn drop(&mut self) {
        zeroize_bytes(&mut self.ap_req);
    }
}

/// Shows only which token the negotiation waits for: the other fields are secret.
impl fmt::Debug for Negotiation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.awaiting {
            Awaiting::Request => "Negotiation(awaiting a Kerberos token)",
            Awaiting::Confirmation(_) => "Negotiation(awaiting the client's last token)",
        })
    }
}

impl fmt::Debug for PendingRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PendingRequest({} octets)", self.ap_req.len())
    }
}

/// The version of the format that `to_bytes` writes.
const VERSION: u8 = 2;

/// The octet that replaces the MechTypeList if the client did not negotiate. A MechTypeList begins with another octet: the
/// tag of a SEQUENCE.
const NOT_NEGOTIATED: u8 = 0;
