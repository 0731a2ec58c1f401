//! The established GSS security context of an acceptor: per-message protection (RFC 2743 section 2.3).
//!
//! A context is made from the key, flags and sequence numbers of the AP-REQ and AP-REP exchange. The context makes
//! tokens from messages, and returns messages from tokens. With AES keys, the tokens are those of RFC 4121 section 4.2,
//! and with RC4 keys those of RFC 4757 section 7. The library authenticates the peer before it makes the context.

mod cfx;
mod error;
#[cfg(feature = "rc4")]
mod rc4;
mod window;

#[cfg(feature = "rc4")]
use alloc::boxed::Box;
use alloc::vec::Vec;

pub use error::{MessageError, MessageKey, TokenKind};

use crate::crypto::{Confounder, EncType, Key};
use crate::limits::MAX_MESSAGE_TOKEN;
use crate::wire::gss::GssFlags;
use cfx::Cfx;
#[cfg(feature = "rc4")]
use rc4::Rc4;
use window::{Width, Window};
use zeroize::zeroize_bytes;

/// An established security context. The context signs or encrypts messages for the client, and verifies and decrypts
/// messages from the client.
///
/// ```
/// use kerberos_sso::SecurityContext;
/// use kerberos_sso::context::{MessageError, Protection};
///
/// /// Decrypts a message and encrypts the answer.
/// fn answer(context: &mut SecurityContext, token: &[u8], confounder: [u8; 16]) -> Result<Vec<u8>, MessageError> {
///     let mut message = Vec::new();
///     context.unwrap(token, Protection::Confidentiality, &mut message)?; // refuses a message that is only signed
///     let mut sealed = Vec::new();
///     context.wrap(b"hello", Protection::Confidentiality, &confounder, &mut sealed);
///     Ok(sealed)
/// }
/// ```
///
/// Tokens are numbered, so the functions that make or accept tokens need `&mut self`. A refused token does not change
/// the context. The flags of the context determine which sequence numbers are accepted:
///
/// - With [`GssFlags::SEQUENCE`], tokens must arrive in the order in which they were made, without gaps.
/// - With [`GssFlags::REPLAY`] alone, tokens may arrive in any order. A token is refused if it was accepted before, or
///   is older than the last 64 numbers.
/// - With neither flag, all numbers are accepted.
///
/// With RC4, the number of a token is encrypted but not signed (RFC 4757 section 7). An attacker can change the number of a
/// token that is signed but not encrypted. A context with RC4 refuses the changed token only with [`GssFlags::SEQUENCE`].
/// The numbers of RC4 tokens have 32 bits and repeat: with [`GssFlags::REPLAY`] alone, an old token is accepted again
/// after its client has skipped more than 2^31 numbers.
///
/// Keys are derived when they are first needed, so an idle context takes little memory. The keys are zeroized when the
/// context is dropped.
#[derive(Debug)]
pub struct SecurityContext {
    tokens: Tokens,
    flags: GssFlags,
    etype: EncType,
    width: Width,
    /// The sequence number of the next token that this side makes.
    next: u64,
    window: Window,
}

#[derive(Debug)]
enum Tokens {
    Cfx(Cfx),
    #[cfg(feature = "rc4")]
    Rc4(Box<Rc4>),
}

impl Tokens {
    fn new(established: Established) -> Self {
        #[cfg(feature = "rc4")]
        if let Some(tokens) = Rc4::new(&established) {
            return Self::Rc4(Box::new(tokens));
        }
        Self::Cfx(Cfx::new(established))
    }
}

/// The facts that the AP-REQ and AP-REP exchange has established.
#[derive(Clone, Debug)]
pub(crate) struct Established {
    /// Whether this side is the client or the server.
    pub(crate) role: Role,
    /// The key of the messages: the acceptor's subkey if there is one, else the initiator's subkey, else the session
    /// key.
    pub(crate) key: Key,
    /// The origin of `key`.
    pub(crate) message_key: MessageKey,
    /// The flags of the context, of which this module uses only REPLAY, SEQUENCE and DCE_STYLE.
    pub(crate) flags: GssFlags,
    /// The `seq-number` that this side sent.
    pub(crate) send_sequence: u32,
    /// The `seq-number` that the peer sent.
    pub(crate) receive_sequence: u32,
}

/// A side of a context.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Role {
    /// The client.
    Initiator,
    /// The server.
    Acceptor,
}

impl Role {
    /// Returns the role of the peer.
    pub(crate) fn peer(self) -> Self {
        match self {
            Self::Initiator => Self::Acceptor,
            Self::Acceptor => Self::Initiator,
        }
    }
}

/// The protection of a wrapped message. `Integrity` protects less, so `Integrity < Confidentiality`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[must_use = "a message may be only signed although the caller expects an encrypted message"]
pub enum Protection {
    /// The message is signed but not encrypted. An attacker can read the message, but the receiver notices every
    /// change.
    Integrity,
    /// The message is encrypted, and encryption also protects its integrity.
    Confidentiality,
}

impl Protection {
    const fn phrase(self) -> &'static str {
        match self {
            Self::Integrity => "a signature only",
            Self::Confidentiality => "encryption",
        }
    }
}

impl SecurityContext {
    pub(crate) fn new(established: Established) -> Self {
        let (flags, etype) = (established.flags, established.key.etype());
        let width = if etype == EncType::RC4_HMAC { Width::Bits32 } else { Width::Bits64 };
        let window = Window::new(flags, width, established.receive_sequence);
        let next = established.send_sequence.into();
        Self { tokens: Tokens::new(established), flags, etype, width, next, window }
    }

    /// Returns the flags of the context, as the client requested them.
    #[must_use]
    pub fn flags(&self) -> GssFlags {
        self.flags
    }

    /// Returns the encryption type of the key that protects the messages.
    #[must_use]
    pub fn etype(&self) -> EncType {
        self.etype
    }

    /// Signs a message (`GSS_GetMIC`) and returns the token. The token does not contain the message, so the caller must
    /// also send the message.
    #[must_use]
    pub fn get_mic(&mut self, message: &[u8]) -> Vec<u8> {
        let mut token = Vec::with_capacity(MAX_MIC);
        let sequence = self.number();
        match &mut self.tokens {
            Tokens::Cfx(cfx) => cfx.mic(sequence, message, &mut token),
            #[cfg(feature = "rc4")]
            Tokens::Rc4(rc4) => rc4.mic(sequence, message, &mut token),
        }
        token
    }

    /// Verifies the signature of a message (`GSS_VerifyMIC`).
    ///
    /// # Errors
    ///
    /// Returns [`MessageError`]. The variant names the problem of the token or of its sequence number.
    pub fn verify_mic(&mut self, message: &[u8], token: &[u8]) -> Result<(), MessageError> {
        check_size(token)?;
        let sequence = match &mut self.tokens {
            Tokens::Cfx(cfx) => cfx.verify_mic(message, token),
            #[cfg(feature = "rc4")]
            Tokens::Rc4(rc4) => rc4.verify_mic(message, token),
        }?;
        self.window.take(sequence)
    }

    /// Signs or encrypts a message (`GSS_Wrap`), and appends the token to `out`. The token contains the message.
    ///
    /// The confounder must be random, and must not be used twice in one context.
    pub fn wrap(&mut self, message: &[u8], protection: Protection, confounder: &Confounder, out: &mut Vec<u8>) {
        let sequence = self.number();
        match &mut self.tokens {
            Tokens::Cfx(cfx) => cfx.wrap(sequence, message, protection, confounder, out),
            #[cfg(feature = "rc4")]
            Tokens::Rc4(rc4) => rc4.wrap(sequence, message, protection, confounder, out),
        }
    }

    /// Opens a Wrap token of the peer (`GSS_Unwrap`), and appends its message to `out`. The token must have at least the
    /// protection `least`. An encrypted token always suffices, because encryption also protects the integrity.
    ///
    /// # Errors
    ///
    /// Returns [`MessageError::Protection`] if the token is only signed and `least` is [`Protection::Confidentiality`].
    /// The other variants name the problem of the token or of its sequence number. After an error, `out` is unchanged.
    pub fn unwrap(&mut self, token: &[u8], least: Protection, out: &mut Vec<u8>) -> Result<(), MessageError> {
        self.open(token, least, out).map(|_protection| ())
    }

    /// Opens a Wrap token of the peer with any protection, appends its message to `out`, and returns the protection. The
    /// sender chooses the protection, so the message may be only signed although the caller expects encryption. If the
    /// protocol defines the protection, use [`unwrap`](Self::unwrap) instead.
    ///
    /// # Errors
    ///
    /// Returns [`MessageError`]. The variant names the problem of the token or of its sequence number. After an error,
    /// `out` is unchanged.
    pub fn unwrap_any(&mut self, token: &[u8], out: &mut Vec<u8>) -> Result<Protection, MessageError> {
        self.open(token, Protection::Integrity, out)
    }

    fn open(&mut self, token: &[u8], least: Protection, out: &mut Vec<u8>) -> Result<Protection, MessageError> {
        check_size(token)?;
        let start = out.len();
        let (sequence, found) = match &mut self.tokens {
            Tokens::Cfx(cfx) => cfx.unwrap(token, out),
            #[cfg(feature = "rc4")]
            Tokens::Rc4(rc4) => rc4.unwrap(token, out),
        }?;
        let verdict = if found < least {
            Err(MessageError::Protection { expected: least, found })
        } else {
            self.window.take(sequence)
        };
        verdict.inspect_err(|_| truncate_zeroized(out, start))?;
        Ok(found)
    }

    /// Returns the length of the longest message whose token has at most `max_token` octets (`GSS_Wrap_size_limit`).
    /// The result is 0 if no message fits, or only the empty message fits.
    #[must_use]
    pub fn wrap_size_limit(&self, protection: Protection, max_token: usize) -> usize {
        match &self.tokens {
            // If `max_token` is too small for every message, the subtraction saturates at 0.
            Tokens::Cfx(cfx) => max_token.saturating_sub(cfx.overhead(protection)),
            #[cfg(feature = "rc4")]
            Tokens::Rc4(_) => rc4::size_limit(max_token),
        }
    }

    fn number(&mut self) -> u64 {
        let number = self.next;
        // The sequence numbers of RFC 4757 wrap to zero after 2^32 tokens, and the numbers of RFC 4121 after 2^64
        // tokens.
        self.next = self.width.cut(number.wrapping_add(1));
        number
    }
}

fn check_size(token: &[u8]) -> Result<(), MessageError> {
    let (size, limit) = (token.len(), MAX_MESSAGE_TOKEN);
    if size > limit { Err(MessageError::TooLarge { size, limit }) } else { Ok(()) }
}

fn expect_kind(token: &[u8], expected: TokenKind) -> Result<(), MessageError> {
    let found = TokenKind::of(token)?;
    if found == expected { Ok(()) } else { Err(MessageError::WrongToken { expected, found }) }
}

/// Truncates `out` to `length` octets, and overwrites the other octets with zeros.
fn truncate_zeroized(out: &mut Vec<u8>, length: usize) {
    if let Some(rest) = out.get_mut(length..) {
        zeroize_bytes(rest);
    }
    out.truncate(length);
}

/// The length of the longest MIC token: a MIC token of encryption type 20.
const MAX_MIC: usize = 16 + 24;

#[cfg(test)]
pub(crate) mod recorded;
#[cfg(test)]
mod tests;
