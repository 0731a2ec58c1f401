//! PAC_SIGNATURE_DATA (MS-PAC section 2.8): the signatures of a PAC, verified before anything in it is believed.
//!
//! The server signature covers the PAC with the values of server and KDC signature zeroed. The KDC signature covers the
//! value of the server signature. The full signature covers the PAC with all three zeroed. The ticket signature covers the
//! ticket around the PAC. Zeroed is everything behind the type, the identifier of a read-only domain controller too.
//!
//! Nothing is copied: the MAC is fed zeros where the PAC counts as zero.

use super::buffer_type::BufferType;
use super::container::Pac;
use super::error::{PacError, PacMalformed, PacProblem, PacSignature, SignatureCause};
use super::reader::Reader;
use super::ticket_signature::without_pac;
use crate::crypto::{ChecksumType, Checksummer, RunningChecksum};
use crate::span::Span;
use crate::unprinted::Unprinted;
use core::fmt;

/// The state of a signature that not every service can verify.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SignatureState {
    /// The PAC has no such signature.
    Absent,
    /// There was no key of the KDC to verify it with.
    Unchecked,
    /// It was verified.
    Valid,
}

/// The signatures that the KDC makes for itself. An attacker who holds the service's key can make the server signature, and
/// so a PAC that says anything (a "silver ticket"). The KDC's signatures tell such a PAC from the KDC's own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct KdcSignatures {
    /// The signature over the server signature (MS-PAC section 2.8.2).
    pub kdc: SignatureState,
    /// The signature over the whole PAC (section 2.8.4); KDCs make it since 2022.
    pub full: SignatureState,
    /// The signature over the ticket (section 2.8.3); KDCs make it since 2020, and not in tickets of the AS exchange.
    pub ticket: SignatureState,
}

/// Keys of the KDC, and the ticket that they must vouch for.
#[derive(Clone, Copy)]
#[non_exhaustive]
pub struct KdcKeys<'k> {
    /// The krbtgt account's keys, prepared for [`KeyUsage::PAC_SIGNATURE`](crate::crypto::KeyUsage::PAC_SIGNATURE).
    pub keys: &'k [Checksummer],
    /// The decrypted EncTicketPart in which the PAC was found.
    pub ticket: &'k [u8],
}

impl<'k> KdcKeys<'k> {
    /// Takes the krbtgt account's keys and the decrypted EncTicketPart.
    #[must_use]
    pub const fn new(keys: &'k [Checksummer], ticket: &'k [u8]) -> Self {
        Self { keys, ticket }
    }
}

/// Prints the keys' types, and the length of the ticket: it holds the session key.
impl fmt::Debug for KdcKeys<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { keys, ticket } = self;
        f.debug_struct("KdcKeys").field("keys", keys).field("ticket", &Unprinted(ticket)).finish()
    }
}

/// Keys of the KDC from any collection, and the ticket that they must vouch for.
pub(crate) struct KdcKeysOf<'k, K> {
    pub(crate) keys: K,
    pub(crate) ticket: &'k [u8],
}

impl<'k> From<KdcKeys<'k>> for KdcKeysOf<'k, &'k [Checksummer]> {
    fn from(KdcKeys { keys, ticket }: KdcKeys<'k>) -> Self {
        Self { keys, ticket }
    }
}

/// A key that makes signatures.
pub(crate) trait SignatureKey {
    /// Returns the type of its signatures; `None` if the type is unknown.
    fn checksum_type(&self) -> Option<ChecksumType>;

    /// Starts a signature.
    fn start(&self) -> RunningChecksum;
}

impl SignatureKey for &Checksummer {
    fn checksum_type(&self) -> Option<ChecksumType> {
        Some(Checksummer::checksum_type(self))
    }

    fn start(&self) -> RunningChecksum {
        Checksummer::start(self)
    }
}

/// One signature, whose length is that of its type.
#[derive(Clone, Copy, Debug)]
struct Signature<'a> {
    buffer_type: BufferType,
    checksum_type: ChecksumType,
    value: &'a [u8],
    /// The value and what follows it.
    zeroed: Span,
}

/// Verifies the server signature under one of `server_keys`, and those of the KDC where its keys are given.
pub(super) fn verify(
    pac: &Pac<'_>,
    server_keys: impl IntoIterator<Item: SignatureKey>,
    kdc_keys: Option<KdcKeysOf<'_, impl IntoIterator<Item: SignatureKey> + Clone>>,
) -> Result<KdcSignatures, PacError> {
    let missing = |buffer_type| refused(buffer_type, SignatureCause::Missing);
    let server = Signature::read(pac, BufferType::SERVER_CHECKSUM)?;
    let server = server.ok_or_else(|| missing(BufferType::SERVER_CHECKSUM))?;
    let kdc = Signature::read(pac, BufferType::KDC_CHECKSUM)?;
    let kdc = kdc.ok_or_else(|| missing(BufferType::KDC_CHECKSUM))?;
    let full = Signature::read(pac, BufferType::FULL_CHECKSUM)?;
    let ticket = Signature::read(pac, BufferType::TICKET_CHECKSUM)?;
    let both = [Some(server.zeroed), Some(kdc.zeroed), None];
    server.verify(server_keys, |mac| feed_zeroed(mac, pac.bytes, both))?;
    let Some(KdcKeysOf { keys, ticket: plaintext }) = kdc_keys else {
        let unchecked = |signature: Option<Signature<'_>>| match signature {
            Some(_) => SignatureState::Unchecked,
            None => SignatureState::Absent,
        };
        return Ok(KdcSignatures { kdc: SignatureState::Unchecked, full: unchecked(full), ticket: unchecked(ticket) });
    };
    kdc.verify(keys.clone(), |mac| {
        mac.update(server.value);
        Some(())
    })?;
    let full = match full {
        Some(full) => {
            let all = [Some(server.zeroed), Some(kdc.zeroed), Some(full.zeroed)];
            full.verify(keys.clone(), |mac| feed_zeroed(mac, pac.bytes, all))?
        }
        None => SignatureState::Absent,
    };
    let ticket = match ticket {
        Some(ticket) => {
            let signed =
                without_pac(plaintext, pac.bytes).ok_or_else(|| refused(ticket.buffer_type, SignatureCause::Wrong))?;
            ticket.verify(keys, |mac| {
                signed.feed(mac);
                Some(())
            })?
        }
        None => SignatureState::Absent,
    };
    Ok(KdcSignatures { kdc: SignatureState::Valid, full, ticket })
}

impl<'a> Signature<'a> {
    #[inline(always)]
    fn read(pac: &Pac<'a>, buffer_type: BufferType) -> Result<Option<Self>, PacError> {
        let Some(buffer) = pac.buffers.get(buffer_type) else { return Ok(None) };
        let mut reader = Reader::new(pac.bytes, buffer);
        let octets = reader.array(buffer_type.field()).map_err(|fault| fault.within(pac.bytes))?;
        let checksum_type = ChecksumType(i32::from_le_bytes(octets));
        let zeroed = Span::new(reader.at(), reader.left());
        let expected = match checksum_type.checksum_len() {
            Some(expected) => expected,
            // A KDC's key may be of a type that is unknown here. No key here verifies such a signature, and none forges it.
            None if buffer_type != BufferType::SERVER_CHECKSUM && !UNKEYED.contains(&checksum_type) => {
                zeroed.len().min(ZEROS.len())
            }
            None => return Err(refused(buffer_type, SignatureCause::Type(checksum_type))),
        };
        let value = reader.take(expected, buffer_type.field()).map_err(|fault| fault.within(pac.bytes))?;
        // The signature does not cover what follows it, so nothing may be there but the identifier.
        if reader.left() != 0 && reader.left() != RODC_IDENTIFIER {
            let problem = PacProblem::Size { expected, found: zeroed.len() };
            return Err(PacMalformed { what: buffer_type.name(), at: zeroed.start(), problem }.into());
        }
        Ok(Some(Self { buffer_type, checksum_type, value, zeroed }))
    }

    /// Tries the keys that make signatures of this type on the message that `feed` feeds. Where `feed` fails, there is no
    /// such message, and the signature does not hold.
    fn verify(
        &self,
        keys: impl IntoIterator<Item: SignatureKey>,
        feed: impl Fn(&mut RunningChecksum) -> Option<()>,
    ) -> Result<SignatureState, PacError> {
        let mut cause = SignatureCause::Type(self.checksum_type);
        let of_type = keys.into_iter().filter(|key| key.checksum_type() == Some(self.checksum_type));
        for key in of_type {
            let mut mac = key.start();
            if feed(&mut mac).is_some() && mac.verify(self.value).is_ok() {
                return Ok(SignatureState::Valid);
            }
            cause = SignatureCause::Wrong;
        }
        Err(refused(self.buffer_type, cause))
    }
}

#[cold]
fn refused(buffer_type: BufferType, cause: SignatureCause) -> PacError {
    PacError::Signature(PacSignature { buffer_type, cause })
}

/// Feeds the PAC with zeros in `spans`. Returns `None` if one of them overlaps another, is longer than a signature or lies
/// past the end of the PAC, which the PAC's reader has refused before.
fn feed_zeroed(mac: &mut RunningChecksum, pac: &[u8], mut spans: [Option<Span>; 3]) -> Option<()> {
    spans.sort_unstable_by_key(|span| span.map(Span::start));
    let mut fed = 0;
    for span in spans.into_iter().flatten() {
        mac.update(pac.get(fed..span.start())?);
        mac.update(ZEROS.get(..span.len())?);
        fed = span.end();
    }
    mac.update(pac.get(fed..)?);
    Some(())
}

/// Types without a key (RFC 3961 section 8, RFC 4757), with which everybody can sign.
const UNKEYED: [ChecksumType; 4] =
    [ChecksumType::CRC32, ChecksumType::RSA_MD4, ChecksumType::RSA_MD5, ChecksumType::SHA1];

/// Octets of the identifier that a read-only domain controller puts behind its signature: the upper half of its key
/// version.
const RODC_IDENTIFIER: usize = 2;

/// The longest value is one of HMAC-SHA-384 cut to 192 bits.
const ZEROS: [u8; 24 + RODC_IDENTIFIER] = [0; 24 + RODC_IDENTIFIER];
