//! Reads, changes and signs PACs for tests.
#![allow(dead_code, unreachable_pub, reason = "each test program uses only a part of this module")]
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::arithmetic_side_effects)]

pub mod alice;
pub mod pac_fields;

use kerberos_sso::crypto::{Checksummer, EncType, Key, KeyUsage};
use kerberos_sso::pac::{BufferType, Pac, VerifiedPac};
use kerberos_sso::{Error, Sid};
use std::ops::Range;

pub fn unhex(text: &str) -> Vec<u8> {
    let digit = |c: u8| u8::try_from(char::from(c).to_digit(16).unwrap()).unwrap();
    text.as_bytes().chunks_exact(2).map(|pair| digit(pair[0]) << 4 | digit(pair[1])).collect()
}

pub fn utf16(text: &str) -> Vec<u8> {
    text.encode_utf16().flat_map(u16::to_le_bytes).collect()
}

pub fn sid(text: &str) -> Sid {
    text.parse().unwrap()
}

/// Returns the span of the first buffer of this type in a PAC.
pub fn buffer(pac: &[u8], buffer_type: BufferType) -> Option<Range<usize>> {
    let u32_at = |at: usize| u32::from_le_bytes(pac[at..at + 4].try_into().unwrap());
    let count = usize::try_from(u32_at(0)).unwrap();
    let entry = (0..count).map(|index| 8 + 16 * index).find(|entry| u32_at(*entry) == buffer_type.0)?;
    let (size, start) = (usize::try_from(u32_at(entry + 4)).unwrap(), usize::try_from(u32_at(entry + 8)).unwrap());
    Some(start..start + size)
}

/// Returns the FILETIME of a time in seconds since 1970.
pub fn file_time(seconds: i64) -> u64 {
    u64::try_from(seconds + 11_644_473_600).unwrap() * 10_000_000
}

/// Returns the service's key, which signs PACs and verifies their server signatures.
pub fn server_key() -> Key {
    Key::new(EncType::AES256_CTS_HMAC_SHA1_96, &[0x42; 32]).unwrap()
}

pub fn checksummer(key: &Key) -> Checksummer {
    key.checksummer(KeyUsage::PAC_SIGNATURE)
}

/// Writes the server signature into a PAC. If the PAC has several server signature buffers or KDC signature buffers,
/// the function uses the first buffer of the type. The signature is computed while the values of both buffers are
/// zeros.
pub fn sign(mut pac: Vec<u8>, key: &Key) -> Vec<u8> {
    let value = |pac: &[u8], buffer_type| buffer(pac, buffer_type).map(|place| place.start + 4..place.end);
    let mut zeroed = pac.clone();
    for buffer_type in [BufferType::SERVER_CHECKSUM, BufferType::KDC_CHECKSUM] {
        if let Some(place) = value(&pac, buffer_type) {
            zeroed[place].fill(0);
        }
    }
    if let Some(place) = value(&pac, BufferType::SERVER_CHECKSUM) {
        let mut mac = checksummer(key).start();
        mac.update(&zeroed);
        let mac = mac.finish();
        let length = mac.as_ref().len().min(place.len());
        pac[place.start..place.start + length].copy_from_slice(&mac.as_ref()[..length]);
    }
    pac
}

pub fn client_info(name: &str, time: u64) -> Vec<u8> {
    let name = utf16(name);
    [&time.to_le_bytes()[..], &u16::try_from(name.len()).unwrap().to_le_bytes(), &name].concat()
}

/// Reads and verifies a PAC under the server's key.
pub fn verify(pac: &[u8]) -> Result<VerifiedPac<'_>, Error> {
    Ok(Pac::read(pac)?.verify([&checksummer(&server_key())], None)?)
}
