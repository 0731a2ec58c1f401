//! What a server keeps between two tokens of one conversation.

use super::answer::Next;
use super::request::Message;
use crate::der::{Reader, field};
use crate::error::InvalidNegotiation;
use crate::limits::MAX_TOKEN_SIZE;
use crate::mechanism::Mechanism;
use crate::randomness::Randomness;
use crate::spnego::{MechanismList, NegState, NegotiationReply};
use crate::time::UnixTime;
use alloc::vec::Vec;
use core::fmt;
use zeroize::zeroize_bytes;

/// A conversation that waits for the client's next token.
///
/// It belongs to one connection, or to one client that brings it back: keep it, and give it with the next token of that
/// client to [`Validator::converse`](crate::Validator::converse), on this node or on another one with the same keys, policy
/// and replay cache. It can be used once, within the clock skew.
///
/// [`to_bytes`](Self::to_bytes) makes a value to keep elsewhere. **That value is a secret**: the keys of the context come
/// of it. In a store it is as good as a session; a client may carry it only encrypted and authenticated.
pub struct Negotiation {
    /// The MechTypeList as the client sent it, over which the mechListMIC is made. Empty if nothing is negotiated.
    mech_types: Vec<u8>,
    pub(super) stage: Stage,
}

/// What is waited for.
pub(super) enum Stage {
    /// An AP-REQ.
    AwaitingRequest,
    /// The client's last word, once it has our AP-REP or our MIC.
    AwaitingEnd(Halfway),
}

/// A request that was accepted, and answered with what the client must still confirm. It is decided again when that
/// comes: its bytes are shorter than all that was learnt from them.
pub(super) struct Halfway {
    pub(super) message: Message,
    pub(super) ap_req: Vec<u8>,
    /// When the request was accepted, in whole seconds.
    pub(super) accepted: UnixTime,
    /// That of our answer, from which come the acceptor's subkey and sequence number.
    pub(super) randomness: Randomness,
}

impl Negotiation {
    pub(super) fn new(mech_types: Vec<u8>, halfway: Halfway) -> Self {
        Self { mech_types, stage: Stage::AwaitingEnd(halfway) }
    }

    /// Asks a client for a Kerberos token that it offers and did not send. Where it would rather use another mechanism, MICs
    /// must be exchanged, and MIT's library takes no other word for it than `request-mic`.
    pub(super) fn ask_for_kerberos(mechanisms: MechanismList<'_>) -> Next {
        let first_choice = mechanisms.prefers_kerberos();
        let reply = NegotiationReply {
            state: if first_choice { NegState::AcceptIncomplete } else { NegState::RequestMic },
            supported_mech: mechanisms.kerberos(),
            response_token: None,
            mech_list_mic: None,
        };
        let negotiation = Self { mech_types: mechanisms.der().to_vec(), stage: Stage::AwaitingRequest };
        Next::new(reply.to_bytes(), negotiation)
    }

    /// What the client offered; `None` if nothing is negotiated.
    pub(super) fn mechanisms(&self) -> Option<MechanismList<'_>> {
        MechanismList::read(&mut Reader::new(&self.mech_types), field!("MechTypeList")).ok()
    }

    /// The conversation as bytes: a secret, as the type's documentation says.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let mech_types = u16::try_from(self.mech_types.len()).unwrap_or(u16::MAX);
        let mut bytes = Vec::with_capacity(self.room());
        bytes.push(VERSION);
        bytes.extend(mech_types.to_be_bytes());
        bytes.extend(self.mech_types.iter().take(usize::from(mech_types)));
        if let Stage::AwaitingEnd(halfway) = &self.stage {
            bytes.push(halfway.message.number());
            bytes.extend(halfway.accepted.seconds().to_be_bytes());
            bytes.extend(halfway.randomness.octets());
            bytes.extend(&halfway.ap_req);
        }
        bytes
    }

    /// Takes what [`to_bytes`](Self::to_bytes) has made.
    ///
    /// # Errors
    /// [`InvalidNegotiation`] for anything else, also of another version of this crate.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, InvalidNegotiation> {
        Self::parse(bytes).ok_or(InvalidNegotiation)
    }

    fn parse(bytes: &[u8]) -> Option<Self> {
        let ([version, length @ ..], rest) = bytes.split_first_chunk::<3>()?;
        let (mech_types, rest) = rest.split_at_checked(usize::from(u16::from_be_bytes(*length)))?;
        let stage = if rest.is_empty() { Stage::AwaitingRequest } else { Stage::AwaitingEnd(Halfway::parse(rest)?) };
        let negotiation = Self { mech_types: mech_types.to_vec(), stage };
        let has_mechanisms = negotiation.mechanisms().is_some_and(|mechanisms| mechanisms.kerberos().is_some());
        let awaits_end = matches!(negotiation.stage, Stage::AwaitingEnd(_));
        (*version == VERSION && (has_mechanisms || awaits_end && mech_types.is_empty())).then_some(negotiation)
    }

    fn room(&self) -> usize {
        let halfway = match &self.stage {
            Stage::AwaitingRequest => 0,
            Stage::AwaitingEnd(halfway) => halfway.ap_req.len(),
        };
        FIXED.saturating_add(self.mech_types.len()).saturating_add(halfway)
    }
}

impl Halfway {
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

impl Message {
    const fn number(self) -> u8 {
        match self {
            Self::Bare => 0,
            Self::Gss(Mechanism::MsKrb5) => 2,
            Self::Gss(_) => 1,
        }
    }

    const fn from_number(number: u8) -> Option<Self> {
        match number {
            0 => Some(Self::Bare),
            1 => Some(Self::Gss(Mechanism::Krb5)),
            2 => Some(Self::Gss(Mechanism::MsKrb5)),
            _ => None,
        }
    }
}

/// Whoever has the AP-REQ could send it elsewhere.
impl Drop for Halfway {
    fn drop(&mut self) {
        zeroize_bytes(&mut self.ap_req);
    }
}

/// What is waited for: the rest is a secret.
impl fmt::Debug for Negotiation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.stage {
            Stage::AwaitingRequest => "Negotiation(awaiting a Kerberos token)",
            Stage::AwaitingEnd(_) => "Negotiation(awaiting the client's last token)",
        })
    }
}

impl fmt::Debug for Halfway {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Halfway({} bytes)", self.ap_req.len())
    }
}

/// Of the form of the bytes.
const VERSION: u8 = 1;

/// Octets of [`Negotiation::to_bytes`] besides the two that vary in length.
const FIXED: usize = 1 + 2 + 1 + 8 + 64;
