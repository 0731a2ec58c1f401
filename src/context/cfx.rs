//! Per-message tokens with AES keys (RFC 4121 section 4.2): MIC and Wrap, with and without confidentiality.
//!
//! This module makes tokens from messages and sequence numbers, and verifies the peer's tokens. The caller checks the
//! order of the sequence numbers.

use alloc::boxed::Box;
use alloc::vec::Vec;

use super::{Established, MessageError, MessageKey, Protection, Role, TokenKind};
use crate::crypto::{Checksummer, Cipher, Confounder, Key, KeyUsage};
use crate::wire::der::{Malformed, Problem};
use crate::wire::gss::GssFlags;

/// The tokens of one context, in both directions.
#[derive(Debug)]
pub(super) struct Cfx {
    key: Key,
    message_key: MessageKey,
    style: Style,
    ours: Sender,
    theirs: Sender,
}

/// The number of octets by which encrypted tokens are rotated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Style {
    /// RRC (RFC 4121 section 4.2.5).
    Ordinary,
    /// EC + RRC, as in Windows with GSS_C_DCE_STYLE.
    Dce,
}

impl Cfx {
    pub(super) fn new(established: Established) -> Self {
        let Established { role, key, message_key, flags, .. } = established;
        let style = if flags.contains(GssFlags::DCE_STYLE) { Style::Dce } else { Style::Ordinary };
        Self { key, message_key, style, ours: Sender::new(role), theirs: Sender::new(role.peer()) }
    }

    /// Appends a MIC token.
    ///
    /// ```text
    /// octets 0..2   TOK_ID     04 04
    /// octet  2      Flags
    /// octets 3..8   Filler     FF FF FF FF FF
    /// octets 8..16  SND_SEQ    big-endian
    /// octets 16..   SGN_CKSUM  over the message and octets 0..16
    /// ```
    pub(super) fn mic(&mut self, sequence: u64, message: &[u8], out: &mut Vec<u8>) {
        let header = Header::mic(self.flags(), sequence).encode();
        let mut checksum = self.ours.mic(&self.key).start();
        checksum.update(message);
        checksum.update(&header);
        out.extend_from_slice(&header);
        out.extend_from_slice(checksum.finish().as_ref());
    }

    pub(super) fn verify_mic(&mut self, message: &[u8], token: &[u8]) -> Result<u64, MessageError> {
        let (encoded, header, sent) = self.header(token, TokenKind::Mic)?;
        if [header.ec, header.rrc] != [FILLER; 2] {
            return Err(malformed("MIC.Filler", 4, Problem::Unrecognised));
        }
        let mut checksum = self.theirs.mic(&self.key).start();
        checksum.update(message);
        checksum.update(encoded);
        checksum.verify(sent).map_err(|_| MessageError::Integrity)?;
        Ok(header.sequence)
    }

    /// Appends a Wrap token.
    ///
    /// ```text
    /// octets 0..2   TOK_ID   05 04
    /// octet  2      Flags
    /// octet  3      Filler   FF
    /// octets 4..6   EC       length of the filler, or of the checksum; big-endian
    /// octets 6..8   RRC      rotation of the rest to the right, in octets; big-endian
    /// octets 8..16  SND_SEQ  big-endian
    /// octets 16..   Data     encrypted: message, filler, octets 0..16; or message, checksum
    /// ```
    /// In an encrypted token, EC is 0, because AES with ciphertext stealing needs no filler. RRC is 0, because a
    /// rotation helps only senders that encrypt a message in place.
    pub(super) fn wrap(
        &mut self,
        sequence: u64,
        message: &[u8],
        protection: Protection,
        confounder: &Confounder,
        out: &mut Vec<u8>,
    ) {
        match protection {
            Protection::Confidentiality => self.seal(sequence, message, confounder, out),
            Protection::Integrity => self.sign(sequence, message, out),
        }
    }

    fn seal(&mut self, sequence: u64, message: &[u8], confounder: &Confounder, out: &mut Vec<u8>) {
        let header = Header::wrap(self.flags() | SEALED, sequence).encode();
        let cipher = self.ours.seal(&self.key);
        // A saturated sum is safe, because `reserve` then panics.
        out.reserve(message.len().saturating_add(cipher.overhead()).saturating_add(2 * HEADER));
        out.extend_from_slice(&header);
        cipher.encrypt_pieces(confounder, &[message, &header], out);
    }

    fn sign(&mut self, sequence: u64, message: &[u8], out: &mut Vec<u8>) {
        let header = Header::wrap(self.flags(), sequence);
        let mut checksum = self.ours.wrap_mic(&self.key).start();
        checksum.update(message);
        checksum.update(&header.encode());
        let (checksum, length) = (checksum.finish(), self.key.by_ref().checksum_len());
        // A saturated sum is safe, because `reserve` then panics.
        out.reserve(message.len().saturating_add(self.overhead(Protection::Integrity)));
        out.extend_from_slice(&Header { ec: length.into(), ..header }.encode());
        out.extend_from_slice(message);
        out.extend_from_slice(checksum.as_ref());
    }

    /// Verifies a Wrap token, and appends its message to `out`. If the token is refused, `out` is unchanged.
    pub(super) fn unwrap(&mut self, token: &[u8], out: &mut Vec<u8>) -> Result<(u64, Protection), MessageError> {
        let (_, header, body) = self.header(token, TokenKind::Wrap)?;
        let start = out.len();
        let opened = if header.flags & SEALED == 0 {
            self.verify(header, Rotated::new(body, header.rrc.into()), out).map(|()| Protection::Integrity)
        } else {
            let rotation = match self.style {
                Style::Ordinary => usize::from(header.rrc),
                // If `usize` has 16 bits, the sum may saturate. `Rotated::new` reduces the rotation modulo the length
                // of the body.
                Style::Dce => usize::from(header.rrc).saturating_add(header.ec.into()),
            };
            self.open(header, Rotated::new(body, rotation), out).map(|()| Protection::Confidentiality)
        };
        match opened {
            Ok(protection) => Ok((header.sequence, protection)),
            Err(error) => {
                super::truncate_zeroized(out, start);
                Err(error)
            }
        }
    }

    fn verify(&mut self, header: Header, body: Rotated<'_>, out: &mut Vec<u8>) -> Result<(), MessageError> {
        let checksummer = self.theirs.wrap_mic(&self.key);
        let expected = usize::from(checksummer.checksum_len());
        let found = usize::from(header.ec);
        if found != expected {
            return Err(malformed("Wrap.EC", 4, Problem::Size { expected, found }));
        }
        let truncated = || truncated(body.token_len());
        let length = body.len().checked_sub(expected).ok_or_else(truncated)?;
        let start = out.len();
        body.append_to(out);
        let (message, sent) =
            out.get(start..).and_then(|copied| copied.split_at_checked(length)).ok_or_else(truncated)?;
        let mut checksum = checksummer.start();
        checksum.update(message);
        checksum.update(&Header { ec: 0, rrc: 0, ..header }.encode());
        checksum.verify(sent).map_err(|_| MessageError::Integrity)?;
        // The addition does not saturate, because the end of the message is within `out`.
        out.truncate(start.saturating_add(length));
        Ok(())
    }

    fn open(&mut self, header: Header, body: Rotated<'_>, out: &mut Vec<u8>) -> Result<(), MessageError> {
        let cipher = self.theirs.seal(&self.key);
        // The sum is small and does not saturate.
        let around = cipher.overhead().saturating_add(header.ec.into()).saturating_add(HEADER);
        let truncated = || truncated(body.token_len());
        if body.len() < around {
            return Err(truncated());
        }
        let start = out.len();
        let first = body.append_after_first(out).ok_or_else(truncated)?;
        let (_, rest) = out.split_at_mut(start);
        let plaintext = cipher.decrypt_in_place(&first, rest).map_err(|_| MessageError::Integrity)?;
        let (message, copy) =
            rest.get(plaintext).and_then(|plaintext| plaintext.split_last_chunk::<HEADER>()).ok_or_else(truncated)?;
        // Only the encrypted copy of the header is protected. If a server does not compare the EC of both headers, an
        // attacker can truncate messages (CVE-2024-37370).
        if *copy != (Header { rrc: 0, ..header }).encode() {
            return Err(MessageError::Integrity);
        }
        let length = message.len().checked_sub(header.ec.into()).ok_or_else(truncated)?;
        // The addition does not saturate, because the end of the message is within `out`.
        super::truncate_zeroized(out, start.saturating_add(length));
        Ok(())
    }

    /// Returns the number of octets that a token adds to its message.
    pub(super) fn overhead(&self, protection: Protection) -> usize {
        let around = match protection {
            Protection::Confidentiality => HEADER + CONFOUNDER + HEADER,
            Protection::Integrity => HEADER,
        };
        // The sum is small and does not saturate.
        usize::from(self.key.by_ref().checksum_len()).saturating_add(around)
    }

    /// Returns the flags of the tokens that this side sends, without SEALED.
    fn flags(&self) -> u8 {
        self.ours.role.flag() | self.key_flag()
    }

    fn key_flag(&self) -> u8 {
        match self.message_key {
            MessageKey::AcceptorSubkey => ACCEPTOR_SUBKEY,
            MessageKey::Initial => 0,
        }
    }

    /// Checks the header of a peer's token. Returns the octets of the header, its fields, and the octets after the
    /// header. Unknown flags are ignored (section 4.2.2).
    fn header<'a>(
        &self,
        token: &'a [u8],
        expected: TokenKind,
    ) -> Result<(&'a [u8; HEADER], Header, &'a [u8]), MessageError> {
        super::expect_kind(token, expected)?;
        let (encoded, body) = token.split_first_chunk().ok_or_else(|| truncated(token.len()))?;
        let header = Header::decode(encoded);
        if header.filler != 0xFF {
            return Err(malformed("Token.Filler", 3, Problem::Unrecognised));
        }
        if header.flags & SENT_BY_ACCEPTOR != self.theirs.role.flag() {
            return Err(MessageError::Reflected);
        }
        let (expected, found) = (self.message_key, key_of(header.flags));
        if found == expected { Ok((encoded, header, body)) } else { Err(MessageError::WrongKey { expected, found }) }
    }
}

fn key_of(flags: u8) -> MessageKey {
    if flags & ACCEPTOR_SUBKEY == 0 { MessageKey::Initial } else { MessageKey::AcceptorSubkey }
}

/// The prepared keys for the tokens that `role` sends. A key is prepared when it is first needed, because most contexts
/// need only one of the keys.
#[derive(Debug)]
struct Sender {
    role: Role,
    mic: Option<Box<Checksummer>>,
    wrap_mic: Option<Box<Checksummer>>,
    seal: Option<Box<Cipher>>,
}

impl Sender {
    fn new(role: Role) -> Self {
        Self { role, mic: None, wrap_mic: None, seal: None }
    }

    fn mic(&mut self, key: &Key) -> &Checksummer {
        self.mic.get_or_insert_with(|| Box::new(key.checksummer(self.role.sign_usage())))
    }

    fn wrap_mic(&mut self, key: &Key) -> &Checksummer {
        self.wrap_mic.get_or_insert_with(|| Box::new(key.checksummer(self.role.seal_usage())))
    }

    fn seal(&mut self, key: &Key) -> &Cipher {
        self.seal.get_or_insert_with(|| Box::new(key.cipher(self.role.seal_usage())))
    }
}

impl Role {
    /// Returns the flag SentByAcceptor if this side is the acceptor, or 0.
    fn flag(self) -> u8 {
        match self {
            Self::Initiator => 0,
            Self::Acceptor => SENT_BY_ACCEPTOR,
        }
    }

    fn sign_usage(self) -> KeyUsage {
        match self {
            Self::Initiator => KeyUsage::GSS_INITIATOR_SIGN,
            Self::Acceptor => KeyUsage::GSS_ACCEPTOR_SIGN,
        }
    }

    fn seal_usage(self) -> KeyUsage {
        match self {
            Self::Initiator => KeyUsage::GSS_INITIATOR_SEAL,
            Self::Acceptor => KeyUsage::GSS_ACCEPTOR_SEAL,
        }
    }
}

/// The first 16 octets of a MIC or Wrap token. Instead of EC and RRC, a MIC token has filler.
#[derive(Clone, Copy)]
struct Header {
    token_id: [u8; 2],
    flags: u8,
    filler: u8,
    ec: u16,
    rrc: u16,
    sequence: u64,
}

impl Header {
    fn mic(flags: u8, sequence: u64) -> Self {
        Self { token_id: MIC_ID, flags, filler: 0xFF, ec: FILLER, rrc: FILLER, sequence }
    }

    fn wrap(flags: u8, sequence: u64) -> Self {
        Self { token_id: WRAP_ID, flags, filler: 0xFF, ec: 0, rrc: 0, sequence }
    }

    fn encode(self) -> [u8; HEADER] {
        let mut octets = [0; HEADER];
        octets[..2].copy_from_slice(&self.token_id);
        octets[2] = self.flags;
        octets[3] = self.filler;
        octets[4..6].copy_from_slice(&self.ec.to_be_bytes());
        octets[6..8].copy_from_slice(&self.rrc.to_be_bytes());
        octets[8..].copy_from_slice(&self.sequence.to_be_bytes());
        octets
    }

    fn decode(octets: &[u8; HEADER]) -> Self {
        let [id, id_end, flags, filler, ec, ec_end, rrc, rrc_end, sequence @ ..] = *octets;
        Self {
            token_id: [id, id_end],
            flags,
            filler,
            ec: u16::from_be_bytes([ec, ec_end]),
            rrc: u16::from_be_bytes([rrc, rrc_end]),
            sequence: u64::from_be_bytes(sequence),
        }
    }
}

/// Octets that the sender rotated to the right. In the original order, `head` is before `tail`.
#[derive(Clone, Copy)]
struct Rotated<'a> {
    head: &'a [u8],
    tail: &'a [u8],
}

impl<'a> Rotated<'a> {
    fn new(body: &'a [u8], rotation: usize) -> Self {
        // For an empty body, `checked_rem` returns `None`, and the split is at 0.
        let split = rotation.checked_rem(body.len()).unwrap_or(0);
        let (tail, head) = body.split_at(split);
        Self { head, tail }
    }

    /// Returns the number of octets. The addition does not saturate, because both slices are parts of one token.
    fn len(self) -> usize {
        self.head.len().saturating_add(self.tail.len())
    }

    /// Returns the number of octets in the whole token. The addition does not saturate, because the token is in memory.
    fn token_len(self) -> usize {
        self.len().saturating_add(HEADER)
    }

    fn append_to(self, out: &mut Vec<u8>) {
        // A vector that grows leaves a copy of its contents in memory, so the vector grows before it contains a
        // plaintext.
        out.reserve(self.len());
        out.extend_from_slice(self.head);
        out.extend_from_slice(self.tail);
    }

    /// Returns the first 16 octets, and appends the other octets to `out`.
    fn append_after_first(self, out: &mut Vec<u8>) -> Option<[u8; 16]> {
        if let Some((first, head)) = self.head.split_first_chunk() {
            Self { head, ..self }.append_to(out);
            return Some(*first);
        }
        let mut first = [0; 16];
        let (from_head, from_tail) = first.split_at_mut_checked(self.head.len())?;
        let (taken, tail) = self.tail.split_at_checked(from_tail.len())?;
        from_head.copy_from_slice(self.head);
        from_tail.copy_from_slice(taken);
        Self { head: &[], tail }.append_to(out);
        Some(first)
    }
}

fn truncated(length: usize) -> MessageError {
    malformed("Token", length, Problem::Truncated)
}

fn malformed(what: &'static str, at: usize, problem: Problem) -> MessageError {
    Malformed { what, at, problem }.into()
}

const MIC_ID: [u8; 2] = [0x04, 0x04];

const WRAP_ID: [u8; 2] = [0x05, 0x04];

const SENT_BY_ACCEPTOR: u8 = 0x01;

const SEALED: u8 = 0x02;

const ACCEPTOR_SUBKEY: u8 = 0x04;

const FILLER: u16 = 0xFFFF;

const HEADER: usize = 16;

const CONFOUNDER: usize = 16;
