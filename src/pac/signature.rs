//! PAC_SIGNATURE_DATA (MS-PAC section 2.8): the signatures of a PAC, verified before anything in it is believed.
//!
//! The server signature is over the PAC with the values of server and KDC signature zeroed; the KDC signature over the
//! value of the server signature; the full signature over the PAC with all three zeroed; the ticket signature over the
//! ticket around the PAC. Zeroed is everything behind the type, the identifier of a read-only domain controller too.
//!
//! Nothing is copied: what must be zero is fed to the MAC as zeros.

use super::buffer_type::BufferType;
use super::container::Pac;
use super::reader::{Place, Reader};
use super::ticket_signature::without_pac;
use crate::crypto::{ChecksumType, Checksummer, RunningChecksum};
use crate::error::{Error, PacMalformed, PacProblem, PacSignature, SignatureCause};
use crate::wire::der::Full;

/// What is known of a signature that not every service can verify.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SignatureState {
    /// The PAC has none.
    Absent,
    /// No key of the KDC was there to verify it.
    Unchecked,
    /// It verified.
    Valid,
}

/// The signatures that the KDC makes for itself. Whoever holds the service's key can make the server signature, and so a
/// PAC that says anything (a "silver ticket"); these tell it from the KDC's own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct KdcSignatures {
    /// Over the server signature (MS-PAC section 2.8.2).
    pub kdc: SignatureState,
    /// Over the whole PAC (section 2.8.4); KDCs make it since 2022.
    pub full: SignatureState,
    /// Over the ticket (section 2.8.3); KDCs make it since 2020, and not in tickets of the AS exchange.
    pub ticket: SignatureState,
}

/// Keys of the KDC, and the ticket that they are to vouch for.
#[derive(Clone, Copy, Debug)]
pub struct KdcKeys<'k> {
    /// The krbtgt account's keys, prepared for [`KeyUsage::PAC_SIGNATURE`](crate::crypto::KeyUsage::PAC_SIGNATURE).
    pub keys: &'k [Checksummer],
    /// The decrypted EncTicketPart in which the PAC was found.
    pub ticket: &'k [u8],
}

/// A key that makes signatures.
pub(crate) trait SignatureKey {
    /// Of this type; `None` if of none that is known.
    fn checksum_type(&self) -> Option<ChecksumType>;

    /// Begins a signature.
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
    zeroed: Place,
}

/// Verifies the server signature under one of `server_keys`, and those of the KDC where its keys are given.
pub(super) fn verify(
    pac: &Pac<'_>,
    server_keys: impl IntoIterator<Item: SignatureKey>,
    kdc_keys: Option<KdcKeys<'_>>,
) -> Result<KdcSignatures, Error> {
    let server = required(pac, BufferType::SERVER_CHECKSUM)?;
    let kdc = required(pac, BufferType::KDC_CHECKSUM)?;
    let full = Signature::read(pac, BufferType::FULL_CHECKSUM)?;
    let ticket = Signature::read(pac, BufferType::TICKET_CHECKSUM)?;
    let both = [Some(server.zeroed), Some(kdc.zeroed), None];
    server.verify(server_keys, |mac| feed_zeroed(mac, pac.bytes, both))?;
    let Some(KdcKeys { keys, ticket: plaintext }) = kdc_keys else {
        let unchecked = |signature: Option<Signature<'_>>| match signature {
            Some(_) => SignatureState::Unchecked,
            None => SignatureState::Absent,
        };
        return Ok(KdcSignatures { kdc: SignatureState::Unchecked, full: unchecked(full), ticket: unchecked(ticket) });
    };
    kdc.verify(keys, |mac| mac.update(server.value))?;
    let full = full.map_or(Ok(SignatureState::Absent), |full| {
        let all = [Some(server.zeroed), Some(kdc.zeroed), Some(full.zeroed)];
        full.verify(keys, |mac| feed_zeroed(mac, pac.bytes, all))
    })?;
    let ticket = match ticket {
        Some(ticket) => {
            let signed = without_pac(plaintext, pac.bytes).ok_or(ticket.refused(SignatureCause::Wrong))?;
            ticket.verify(keys, |mac| signed.feed(mac))?
        }
        None => SignatureState::Absent,
    };
    Ok(KdcSignatures { kdc: SignatureState::Valid, full, ticket })
}

fn required<'a>(pac: &Pac<'a>, buffer_type: BufferType) -> Result<Signature<'a>, Error> {
    let missing = Error::PacSignature(PacSignature { buffer_type, cause: SignatureCause::Missing });
    Signature::read(pac, buffer_type)?.ok_or(missing)
}

impl<'a> Signature<'a> {
    fn read(pac: &Pac<'a>, buffer_type: BufferType) -> Result<Option<Self>, Error> {
        let Some(buffer) = pac.buffers.get(buffer_type) else { return Ok(None) };
        let mut reader = Reader::<Full>::new(pac.bytes, buffer);
        let checksum_type = ChecksumType(i32::from_le_bytes(reader.array(buffer_type.name())?));
        let zeroed = Place::new(reader.at(), reader.left());
        let expected = match checksum_type.checksum_len() {
            Some(expected) => expected,
            // A KDC's key may be of a type that is not known here. No key here could verify it; nor does any forge it.
            None if buffer_type != BufferType::SERVER_CHECKSUM && !UNKEYED.contains(&checksum_type) => {
                zeroed.len().min(ZEROS.len())
            }
            None => {
                return Err(Error::PacSignature(PacSignature {
                    buffer_type,
                    cause: SignatureCause::Type(checksum_type),
                }));
            }
        };
        let value = reader.take(expected, buffer_type.name())?;
        // What follows is not covered by the signature, so nothing may be there but the identifier.
        if reader.left() != 0 && reader.left() != RODC_IDENTIFIER {
            let found = zeroed.len();
            let problem = PacProblem::Size { expected, found };
            return Err(PacMalformed { what: buffer_type.name(), at: zeroed.at(), problem }.into());
        }
        Ok(Some(Self { buffer_type, checksum_type, value, zeroed }))
    }

    /// Tries the keys that make signatures of this type on the message that `feed` feeds.
    fn verify(
        &self,
        keys: impl IntoIterator<Item: SignatureKey>,
        feed: impl Fn(&mut RunningChecksum),
    ) -> Result<SignatureState, Error> {
        let mut cause = SignatureCause::Type(self.checksum_type);
        let of_type = keys.into_iter().filter(|key| key.checksum_type() == Some(self.checksum_type));
        for key in of_type {
            let mut mac = key.start();
            feed(&mut mac);
            if mac.verify(self.value).is_ok() {
                return Ok(SignatureState::Valid);
            }
            cause = SignatureCause::Wrong;
        }
        Err(self.refused(cause))
    }

    const fn refused(&self, cause: SignatureCause) -> Error {
        Error::PacSignature(PacSignature { buffer_type: self.buffer_type, cause })
    }
}

/// Feeds the PAC with zeros in `places`, which do not overlap.
fn feed_zeroed(mac: &mut RunningChecksum, pac: &[u8], mut places: [Option<Place>; 3]) {
    places.sort_unstable_by_key(|place| place.map(Place::at));
    let mut fed = 0;
    for place in places.into_iter().flatten() {
        mac.update(pac.get(fed..place.at()).unwrap_or_default());
        mac.update(ZEROS.get(..place.len()).unwrap_or(&ZEROS));
        fed = place.end();
    }
    mac.update(pac.get(fed..).unwrap_or_default());
}

/// Types that no key enters (RFC 3961 section 8, RFC 4757), with which anybody can sign.
const UNKEYED: [ChecksumType; 4] =
    [ChecksumType::CRC32, ChecksumType::RSA_MD4, ChecksumType::RSA_MD5, ChecksumType::SHA1];

/// Bytes of the identifier that a read-only domain controller puts behind its signature: the upper half of its key
/// version.
const RODC_IDENTIFIER: usize = 2;

/// The longest value is one of HMAC-SHA-384 cut to 192 bits.
const ZEROS: [u8; 24 + RODC_IDENTIFIER] = [0; 24 + RODC_IDENTIFIER];
