//! Per-message tokens with RC4 keys (RFC 4757 section 7, which changes RFC 1964 section 1.2): MIC and Wrap.
//!
//! This module makes tokens from messages and sequence numbers, and verifies the peer's tokens. The caller checks the
//! order of the sequence numbers. Tokens of DCE style are refused, because their framing does not include the data.
//!
//! All implementations deviate from RFC 4757 in two points, and so does this module. The direction octets are those of
//! RFC 1964: FF for tokens of the acceptor. The checksum of a Wrap token uses message type 13, and covers the data with
//! its padding.

use alloc::vec::Vec;

use super::{Established, MessageError, Protection, Role, TokenKind};
use crate::crypto::{Checksummer, Confounder, GssStreams, KeyUsage, Rc4Confounder, part, same};
use crate::wire::der::{self, Fault, Field, Kind, LengthOctets, Reader, field};
use crate::wire::gss::{INITIAL_TAG, InitialToken};

/// The tokens of one context, in both directions.
pub(super) struct Rc4 {
    role: Role,
    streams: GssStreams,
    mic: Checksummer,
    wrap_mic: Checksummer,
}

impl Rc4 {
    /// Prepares the keys of the tokens, or returns `None` if the key is not an RC4 key.
    pub(super) fn new(established: &Established) -> Option<Self> {
        let key = &established.key;
        Some(Self {
            role: established.role,
            streams: key.by_ref().gss_streams()?,
            mic: key.checksummer(KeyUsage::KRB_SAFE),
            wrap_mic: key.checksummer(KeyUsage::KRB_PRIV),
        })
    }

    /// Appends a MIC token.
    ///
    /// ```text
    /// octets 0..2    TOK_ID     01 01
    /// octets 2..4    SGN_ALG    11 00
    /// octets 4..8    Filler     FF FF FF FF
    /// octets 8..16   SND_SEQ    encrypted: number, big-endian, and direction
    /// octets 16..24  SGN_CKSUM  over octets 0..8 and the message
    /// ```
    /// The GSS-API framing of RFC 2743 section 3.1 is around these octets.
    pub(super) fn mic(&self, sequence: u64, message: &[u8], out: &mut Vec<u8>) {
        let checksum = checksum(&self.mic, MIC_START, &[message]);
        append_framing(out, FIELDS);
        out.extend_from_slice(&MIC_START);
        out.extend_from_slice(&self.encrypted_number(low_half(sequence), checksum));
        out.extend_from_slice(&checksum);
    }

    pub(super) fn verify_mic(&self, message: &[u8], token: &[u8]) -> Result<u64, MessageError> {
        let (fields, rest) = Fields::read(token, TokenKind::Rc4Mic, &[MIC_START])?;
        rest.end(field!("MIC")).map_err(|fault| fault.within(token))?;
        let sequence = self.number(&fields)?;
        verify(&self.mic, &fields, &[message])?;
        Ok(sequence.into())
    }

    /// Appends a Wrap token.
    ///
    /// ```text
    /// octets 0..2    TOK_ID      02 01
    /// octets 2..4    SGN_ALG     11 00
    /// octets 4..6    SEAL_ALG    10 00, or FF FF
    /// octets 6..8    Filler      FF FF
    /// octets 8..16   SND_SEQ     encrypted: number, big-endian, and direction
    /// octets 16..24  SGN_CKSUM   over octets 0..8 and all that follows, unencrypted
    /// octets 24..32  Confounder  encrypted together with the data in a sealed token
    /// octets 32..    Data        message and padding, which is 01
    /// ```
    pub(super) fn wrap(
        &self,
        sequence: u64,
        message: &[u8],
        protection: Protection,
        confounder: &Confounder,
        out: &mut Vec<u8>,
    ) {
        let (start, number) = (wrap_start(protection), low_half(sequence));
        let confounder: Rc4Confounder = part::<0, CONFOUNDER, 16>(confounder);
        let checksum = checksum(&self.wrap_mic, start, &[&confounder, message, &PADDING]);
        // A saturated sum is safe, because `reserve` then panics.
        append_framing(out, message.len().saturating_add(WRAPPING));
        out.extend_from_slice(&start);
        out.extend_from_slice(&self.encrypted_number(number, checksum));
        out.extend_from_slice(&checksum);
        let sealed_from = out.len();
        out.extend_from_slice(&confounder);
        out.extend_from_slice(message);
        out.extend_from_slice(&PADDING);
        if protection == Protection::Confidentiality {
            let (_, sealed) = out.split_at_mut(sealed_from);
            self.streams.apply_to_message(number, [sealed]);
        }
    }

    /// Verifies a Wrap token, and appends its message to `out`. If the token is refused, `out` is unchanged.
    pub(super) fn unwrap(&self, token: &[u8], out: &mut Vec<u8>) -> Result<(u64, Protection), MessageError> {
        let (fields, mut rest) = Fields::read(token, TokenKind::Rc4Wrap, &[SIGNED_START, SEALED_START])?;
        let sealed = fields.start == SEALED_START;
        let protection = if sealed { Protection::Confidentiality } else { Protection::Integrity };
        let sequence = self.number(&fields)?;
        let mut confounder = [0; CONFOUNDER];
        confounder
            .copy_from_slice(rest.take(CONFOUNDER, field!("Wrap.Confounder")).map_err(|fault| fault.within(token))?);
        let start = out.len();
        out.extend_from_slice(rest.rest());
        let (_, data) = out.split_at_mut(start);
        if sealed {
            self.streams.apply_to_message(sequence, [&mut confounder, data]);
        }
        let opened = verify(&self.wrap_mic, &fields, &[&confounder, data]).and_then(|()| {
            unpadded(data).ok_or_else(|| rest.error(field!("Wrap.Padding"), Kind::Unrecognised).within(token).into())
        });
        // If the token is refused, all appended octets are removed. The addition does not saturate, because the end of
        // the message is within `out`.
        let length = opened.as_ref().map_or(start, |length| start.saturating_add(*length));
        super::truncate_zeroized(out, length);
        opened.map(|_| (sequence.into(), protection))
    }

    fn encrypted_number(&self, number: u32, checksum: [u8; 8]) -> [u8; 8] {
        let [a, b, c, d] = number.to_be_bytes();
        let direction = direction(self.role);
        let mut octets = [a, b, c, d, direction, direction, direction, direction];
        self.streams.apply_to_sequence(checksum, &mut octets);
        octets
    }

    /// Returns the sequence number of a peer's token. The key that encrypts the number depends on the checksum. If the
    /// checksum was altered, the direction octets are wrong after decryption.
    fn number(&self, fields: &Fields) -> Result<u32, MessageError> {
        let mut octets = fields.sequence;
        self.streams.apply_to_sequence(fields.checksum, &mut octets);
        let [a, b, c, d, sender @ ..] = octets;
        if sender == [direction(self.role.peer()); 4] {
            Ok(u32::from_be_bytes([a, b, c, d]))
        } else if sender == [direction(self.role); 4] {
            Err(MessageError::Reflected)
        } else {
            Err(MessageError::Integrity)
        }
    }
}

impl core::fmt::Debug for Rc4 {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Rc4").field("role", &self.role).finish_non_exhaustive()
    }
}

/// Returns the length of the longest message whose token has at most `max_token` octets, or 0 if no message fits. The
/// function reserves as many length octets as contents of `max_token` octets need, so the result may be one less than the
/// true limit.
pub(super) fn size_limit(max_token: usize) -> usize {
    max_token.saturating_sub(framing_len(max_token)).saturating_sub(KRB5_OID.len()).saturating_sub(WRAPPING)
}

/// The fields at the beginning of MIC and Wrap tokens.
struct Fields {
    /// The fields TOK_ID, SGN_ALG, SEAL_ALG and Filler. A MIC token has filler instead of SEAL_ALG.
    start: [u8; 8],
    sequence: [u8; 8],
    checksum: [u8; 8],
}

impl Fields {
    /// Returns the fields, and a reader of the octets after them. `starts` contains the allowed values of the first
    /// eight octets.
    fn read<'a>(token: &'a [u8], expected: TokenKind, starts: &[[u8; 8]]) -> Result<(Self, Reader<'a>), MessageError> {
        super::expect_kind(token, expected)?;
        let read = |reader| {
            let mut inner = InitialToken::read(reader)?.inner;
            let start = inner;
            let fields = Self {
                start: octets(&mut inner, field!("Token.SGN_ALG"))?,
                sequence: octets(&mut inner, field!("Token.SND_SEQ"))?,
                checksum: octets(&mut inner, field!("Token.SGN_CKSUM"))?,
            };
            if starts.contains(&fields.start) {
                Ok((fields, inner))
            } else {
                Err(start.error(field!("Token.SGN_ALG"), Kind::Unrecognised))
            }
        };
        Ok(der::read(token, read)?)
    }
}

fn octets(reader: &mut Reader<'_>, what: Field) -> Result<[u8; 8], Fault> {
    let mut octets = [0; 8];
    octets.copy_from_slice(reader.take(8, what)?);
    Ok(octets)
}

fn wrap_start(protection: Protection) -> [u8; 8] {
    match protection {
        Protection::Integrity => SIGNED_START,
        Protection::Confidentiality => SEALED_START,
    }
}

/// Returns the direction octet of a sender's tokens (RFC 1964 section 1.2.1.2).
fn direction(sender: Role) -> u8 {
    match sender {
        Role::Initiator => 0x00,
        Role::Acceptor => 0xFF,
    }
}

fn checksum(key: &Checksummer, start: [u8; 8], pieces: &[&[u8]]) -> [u8; 8] {
    let mut running = key.start();
    running.update(&start);
    for piece in pieces {
        running.update(piece);
    }
    running.finish().first_eight()
}

fn verify(key: &Checksummer, fields: &Fields, pieces: &[&[u8]]) -> Result<(), MessageError> {
    let expected = checksum(key, fields.start, pieces);
    if same(&expected, &fields.checksum) { Ok(()) } else { Err(MessageError::Integrity) }
}

/// Returns the number of octets before the padding. Every octet of the padding must have the length of the padding as
/// its value.
///
/// In RFC 4757 the padding has one octet. Some senders add up to 8 octets as for DES (RFC 1964 section 1.2.2.3), and
/// MIT krb5 and Heimdal accept such padding.
fn unpadded(data: &[u8]) -> Option<usize> {
    let count = *data.last()?;
    let length = data.len().checked_sub(count.into())?;
    let padding = data.get(length..)?;
    ((1..=8).contains(&count) && padding.iter().all(|octet| *octet == count)).then_some(length)
}

/// Appends the GSS-API framing for `length` octets: the identifier octet, the length octets, and the mechanism.
fn append_framing(out: &mut Vec<u8>, length: usize) {
    // A saturated sum is safe, because `reserve` then panics.
    let contents = length.saturating_add(KRB5_OID.len());
    out.reserve(contents.saturating_add(framing_len(contents)));
    out.push(INITIAL_TAG);
    out.extend_from_slice(LengthOctets::of(contents).as_slice());
    out.extend_from_slice(&KRB5_OID);
}

/// Returns the number of identifier and length octets before contents of `contents` octets.
fn framing_len(contents: usize) -> usize {
    // The sum is small and does not saturate.
    LengthOctets::of(contents).as_slice().len().saturating_add(1)
}

/// Returns the last 32 bits of a sequence number. A number in a token has only 32 bits.
fn low_half(sequence: u64) -> u32 {
    let [_, _, _, _, a, b, c, d] = sequence.to_be_bytes();
    u32::from_be_bytes([a, b, c, d])
}

const MIC_START: [u8; 8] = [0x01, 0x01, 0x11, 0x00, 0xFF, 0xFF, 0xFF, 0xFF];

const SIGNED_START: [u8; 8] = [0x02, 0x01, 0x11, 0x00, 0xFF, 0xFF, 0xFF, 0xFF];

const SEALED_START: [u8; 8] = [0x02, 0x01, 0x11, 0x00, 0x10, 0x00, 0xFF, 0xFF];

/// The object identifier 1.2.840.113554.1.2.2, with its identifier and length octets.
const KRB5_OID: [u8; 11] = [0x06, 0x09, 0x2A, 0x86, 0x48, 0x86, 0xF7, 0x12, 0x01, 0x02, 0x02];

const PADDING: [u8; 1] = [0x01];

const CONFOUNDER: usize = 8;

/// The number of octets in a MIC token, without its framing.
const FIELDS: usize = 24;

/// The number of octets in a Wrap token, without its framing and its message.
const WRAPPING: usize = FIELDS + CONFOUNDER + PADDING.len();

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::indexing_slicing)]
mod tests;
