//! Makes the signatures of a PAC (MS-PAC section 2.8) over any octets in which the signature buffers can be found.

use kerberos_sso::crypto::{Checksummer, KeyUsage};
use kerberos_sso::pac::BufferType;
use kerberos_sso::{Key, UnixTime};
use std::ops::Range;

/// The prepared signing keys, and the octets that the ticket signature covers: the EncTicketPart with one zero octet as
/// the PAC.
pub struct Signer {
    server: Checksummer,
    kdc: Checksummer,
    ticket: Vec<u8>,
}

impl Signer {
    pub fn new(server: &Key, kdc: &Key, ticket: Vec<u8>) -> Self {
        let prepared = |key: &Key| key.checksummer(KeyUsage::PAC_SIGNATURE);
        Self { server: prepared(server), kdc: prepared(kdc), ticket }
    }

    /// Returns the PAC with new signatures, each in the first buffer of its type, in the order of MS-PAC section 2.8.1.
    /// A buffer that is too short gets the beginning of its signature. A buffer with another checksum type is not
    /// changed.
    pub fn sign(&self, pac: &[u8]) -> Vec<u8> {
        let mut signed = pac.to_vec();
        let place = |buffer_type| buffer(pac, buffer_type).filter(|place| place.len() >= 4);
        let [server, kdc, ticket, full] = [
            BufferType::SERVER_CHECKSUM,
            BufferType::KDC_CHECKSUM,
            BufferType::TICKET_CHECKSUM,
            BufferType::FULL_CHECKSUM,
        ]
        .map(place);
        fill(&mut signed, ticket, &self.kdc, &self.ticket);
        let message = zeroed(&signed, [&server, &kdc, &full]);
        fill(&mut signed, full, &self.kdc, &message);
        let message = zeroed(&signed, [&server, &kdc]);
        fill(&mut signed, server.clone(), &self.server, &message);
        let value = server.map(|place| signed[place].iter().skip(4).take(12).copied().collect());
        fill(&mut signed, kdc, &self.kdc, &value.unwrap_or_else(Vec::new));
        signed
    }
}

fn fill(pac: &mut [u8], place: Option<Range<usize>>, signer: &Checksummer, message: &[u8]) {
    let Some(place) = place else { return };
    let (checksum_type, value) = pac[place].split_at_mut(4);
    if *checksum_type != signer.checksum_type().0.to_le_bytes() {
        return;
    }
    let mut running = signer.start();
    running.update(message);
    value.iter_mut().zip(running.finish().as_ref()).for_each(|(place, octet)| *place = *octet);
}

fn zeroed<const N: usize>(pac: &[u8], places: [&Option<Range<usize>>; N]) -> Vec<u8> {
    let mut zeroed = pac.to_vec();
    for place in places.into_iter().flatten() {
        zeroed[place.start + 4..place.end].fill(0);
    }
    zeroed
}

/// Returns the position of the first buffer of a type; `None` if the buffer is missing or not within the PAC.
pub fn buffer(pac: &[u8], buffer_type: BufferType) -> Option<Range<usize>> {
    let count = usize::try_from(u32_at(pac, 0)?).ok()?;
    let entries = (0..count).map_while(|index| Some((u32_at(pac, 8 + 16 * index)?, 8 + 16 * index)));
    let (_, entry) = entries.into_iter().find(|(found, _)| *found == buffer_type.0)?;
    let size = usize::try_from(u32_at(pac, entry + 4)?).ok()?;
    let start = usize::try_from(u64::from_le_bytes(*pac.get(entry + 8..)?.first_chunk()?)).ok()?;
    let end = start.checked_add(size)?;
    (end <= pac.len()).then_some(start..end)
}

/// Returns the client's name and the time of its authentication from the CLIENT_INFO of a PAC.
pub fn client_info(pac: &[u8]) -> Option<(String, UnixTime)> {
    let info = &pac[buffer(pac, BufferType::CLIENT_INFO)?];
    let ticks = u64::from_le_bytes(*info.first_chunk()?);
    let length = u16::from_le_bytes(*info.get(8..)?.first_chunk()?);
    let units =
        info.get(10..10 + usize::from(length))?.chunks_exact(2).map(|unit| u16::from_le_bytes([unit[0], unit[1]]));
    let name = char::decode_utf16(units).collect::<Result<_, _>>().ok()?;
    let seconds = i64::try_from(ticks / 10_000_000).ok()? - 11_644_473_600;
    Some((name, UnixTime::from_seconds(seconds)))
}

/// Reads a number of 32 bits, little-endian.
pub fn u32_at(octets: &[u8], at: usize) -> Option<u32> {
    octets.get(at..)?.first_chunk().map(|octets| u32::from_le_bytes(*octets))
}
