//! PAC_SIGNATURE_DATA (MS-PAC section 2.8): the signatures of a PAC. This library verifies the signatures before it uses the
//! contents.
//!
//! The server signature covers the PAC, with zeros in place of the server signature and the KDC signature. The KDC
//! signature covers the value of the server signature. The full signature covers the PAC, with zeros in place of the
//! server signature, the KDC signature and the full signature. The ticket signature covers the ticket around the PAC.
//! The zeros replace all octets after the checksum type, including the identifier of a read-only domain controller.
//!
//! The module does not copy the PAC: instead of these octets, it gives zeros to the MAC.

use super::buffer_type::BufferType;
use super::container::Pac;
use super::error::{PacError, PacMalformed, PacProblem, PacSignature, SignatureCause};
use super::reader::Reader;
use super::ticket_signature::without_pac;
use crate::crypto::{ChecksumType, Checksummer, RunningChecksum};
use crate::span::Span;
use crate::unprinted::Unprinted;
use core::fmt;

/// The state of a signature of the KDC. Only a service that has a key of the KDC can verify a signature of the KDC.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SignatureState {
    /// The PAC does not have this signature.
    Absent,
    /// The signature was not verified, because no key of the KDC was given.
    Unchecked,
    /// The signature was verified.
    Valid,
}

/// The states of the signatures under the KDC's key. An attacker who holds the service's key can make the server signature,
/// and so can forge a PAC with any contents (a "silver ticket"). The attacker cannot make the KDC's signatures.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct KdcSignatures {
    /// The signature over the server signature (MS-PAC section 2.8.2).
    pub kdc: SignatureState,
    /// The signature over the whole PAC (section 2.8.4). KDCs of Windows have made this signature since 2022.
    pub full: SignatureState,
    /// The signature over the ticket (section 2.8.3). KDCs of Windows have made this signature since 2020, except in tickets
    /// of the AS exchange.
    pub ticket: SignatureState,
}

/// Keys of the KDC, and the ticket that the ticket signature covers.
#[derive(Clone, Copy)]
#[non_exhaustive]
pub struct KdcKeys<'k> {
    /// The krbtgt account's keys, prepared for [`KeyUsage::PAC_SIGNATURE`](crate::crypto::KeyUsage::PAC_SIGNATURE).
    pub keys: &'k [Checksummer],
    /// The decrypted EncTicketPart in which the PAC was found.
    pub ticket: &'k [u8],
}

impl<'k> KdcKeys<'k> {
    /// Makes the value from the krbtgt account's keys and the decrypted EncTicketPart.
    #[must_use]
    pub const fn new(keys: &'k [Checksummer], ticket: &'k [u8]) -> Self {
        Self { keys, ticket }
    }
}

/// Prints the types of the keys and the length of the ticket. The octets of the ticket are a secret: they hold the session
/// key.
impl fmt::Debug for KdcKeys<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { keys, ticket } = self;
        f.debug_struct("KdcKeys").field("keys", keys).field("ticket", &Unprinted(ticket)).finish()
    }
}

/// Keys of the KDC from any collection, and the ticket that the ticket signature covers.
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
    /// Returns the checksum type of the signatures that this key makes. Returns `None` if the type is unknown.
    fn checksum_type(&self) -> Option<ChecksumType>;

    /// Starts the computation of a signature.
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

/// A signature of a PAC. The length of its value is the length that its checksum type demands.
#[derive(Clone, Copy, Debug)]
struct Signature<'a> {
    buffer_type: BufferType,
    checksum_type: ChecksumType,
    value: &'a [u8],
    /// The span of the value and of the identifier after it. When a signature is computed, these octets count as zeros.
    zeroed: Span,
}

/// Verifies the server signature under one of `server_keys`. If `kdc_keys` are given, also verifies the KDC's signatures.
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
            // The KDC's key may have a type that this crate does not know. The state of a signature under such a key is never
            // `Valid`.
            None if buffer_type != BufferType::SERVER_CHECKSUM && !UNKEYED.contains(&checksum_type) => {
                zeroed.len().min(ZEROS.len())
            }
            None => return Err(refused(buffer_type, SignatureCause::Type(checksum_type))),
        };
        let value = reader.take(expected, buffer_type.field()).map_err(|fault| fault.within(pac.bytes))?;
        // No signature covers the octets after the value. So only the identifier of a read-only domain controller may be
        // there.
        if reader.left() != 0 && reader.left() != RODC_IDENTIFIER {
            let problem = PacProblem::Size { expected, found: zeroed.len() };
            return Err(PacMalformed { what: buffer_type.name(), at: zeroed.start(), problem }.into());
        }
        Ok(Some(Self { buffer_type, checksum_type, value, zeroed }))
    }

    /// Verifies the signature under one of the keys that make signatures of this type. `feed` gives the signed message to the
    /// MAC. If there is no signed message, `feed` returns `None`, and the signature does not verify.
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

/// Gives the PAC to the MAC, with zeros instead of the octets in `spans`. Returns `None` if a span overlaps another span, is
/// longer than a signature, or ends after the PAC. [`Pac::read`] and [`Signature::read`] have refused such spans before.
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

/// The checksum types that use no key (RFC 3961 section 8, RFC 4757). Any attacker can make such a checksum.
const UNKEYED: [ChecksumType; 4] =
    [ChecksumType::CRC32, ChecksumType::RSA_MD4, ChecksumType::RSA_MD5, ChecksumType::SHA1];

/// The number of octets of the identifier that a read-only domain controller writes after its signature. The identifier is the
/// upper half of the key version.
const RODC_IDENTIFIER: usize = 2;

/// As many zeros as the longest signature has octets: HMAC-SHA-384 truncated to 192 bits, and the identifier.
const ZEROS: [u8; 24 + RODC_IDENTIFIER] = [0; 24 + RODC_IDENTIFIER];
