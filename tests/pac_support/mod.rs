//! PACs for tests: taken apart, put together and signed; made from nothing; put into tokens.
#![allow(dead_code, unreachable_pub, reason = "each test program uses a part of it")]
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::arithmetic_side_effects)]

pub mod logon_info;
pub mod ndr;
pub mod pac_fields;

use kerberos_sso::crypto::{Checksummer, EncType, Key, KeyUsage};
use kerberos_sso::pac::{BufferType, Pac, VerifiedPac};
use kerberos_sso::{Error, Sid};
use logon_info::LogonInfo;
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

/// Where the buffer of a type lies in a PAC.
pub fn buffer(pac: &[u8], buffer_type: BufferType) -> Option<Range<usize>> {
    let u32_at = |at: usize| u32::from_le_bytes(pac[at..at + 4].try_into().unwrap());
    let count = usize::try_from(u32_at(0)).unwrap();
    let entry = (0..count).map(|index| 8 + 16 * index).find(|entry| u32_at(*entry) == buffer_type.0)?;
    let (size, start) = (usize::try_from(u32_at(entry + 4)).unwrap(), usize::try_from(u32_at(entry + 8)).unwrap());
    Some(start..start + size)
}

/// FILETIME of an instant in seconds since 1970.
pub fn file_time(seconds: i64) -> u64 {
    u64::try_from(seconds + 11_644_473_600).unwrap() * 10_000_000
}

/// The key that signs, and that a server verifies with.
pub fn server_key() -> Key {
    Key::new(EncType::AES256_CTS_HMAC_SHA1_96, &[0x42; 32]).unwrap()
}

pub fn checksummer(key: &Key) -> Checksummer {
    key.checksummer(KeyUsage::PAC_SIGNATURE)
}

/// The buffers of a PAC, in order.
#[derive(Clone, Debug)]
pub struct Buffers(pub Vec<(BufferType, Vec<u8>)>);

impl Buffers {
    /// A PAC as a KDC of Active Directory writes it, for a ticket of `name` with this authtime.
    pub fn of(name: &str, auth_time: i64, logon: &LogonInfo) -> Self {
        let signature = [&16_u32.to_le_bytes()[..], &[0; 12]].concat();
        let user = logon.user_sid();
        Self(vec![
            (BufferType::LOGON_INFO, logon.encode().bytes),
            (BufferType::CLIENT_INFO, client_info(name, file_time(auth_time))),
            (BufferType::UPN_DNS_INFO, upn_dns_info(&logon.effective_name, user)),
            (BufferType::ATTRIBUTES_INFO, [2, 0, 0, 0, 1, 0, 0, 0].into()),
            (BufferType::REQUESTOR, user.to_bytes()),
            (BufferType::SERVER_CHECKSUM, signature.clone()),
            (BufferType::KDC_CHECKSUM, signature),
        ])
    }

    pub fn get(&mut self, buffer_type: BufferType) -> &mut Vec<u8> {
        &mut self.0.iter_mut().find(|(found, _)| *found == buffer_type).unwrap().1
    }

    pub fn without(mut self, buffer_type: BufferType) -> Self {
        self.0.retain(|(found, _)| *found != buffer_type);
        self
    }

    pub fn with(mut self, buffer_type: BufferType, bytes: impl Into<Vec<u8>>) -> Self {
        self.0.push((buffer_type, bytes.into()));
        self
    }

    /// Unsigned.
    pub fn encode(&self) -> Vec<u8> {
        let mut pac = vec![0; 8 + 16 * self.0.len()];
        pac[..4].copy_from_slice(&u32::try_from(self.0.len()).unwrap().to_le_bytes());
        for (index, (buffer_type, bytes)) in self.0.iter().enumerate() {
            let (size, offset) = (u32::try_from(bytes.len()).unwrap(), u64::try_from(pac.len()).unwrap());
            let entry = [&buffer_type.0.to_le_bytes()[..], &size.to_le_bytes(), &offset.to_le_bytes()].concat();
            pac[8 + 16 * index..24 + 16 * index].copy_from_slice(&entry);
            pac.extend_from_slice(bytes);
            pac.resize(pac.len().next_multiple_of(8), 0);
        }
        pac
    }

    pub fn signed(&self, key: &Key) -> Vec<u8> {
        sign(self.encode(), key)
    }
}

/// Makes the server signature of a PAC whose signature buffers are where its first entries of those types say, and of the
/// right size. Their values count as zeros.
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

/// The extended form.
pub fn upn_dns_info(account: &str, sid: Sid) -> Vec<u8> {
    let parts = [utf16(&format!("{account}@contoso.test")), utf16("CONTOSO.TEST"), utf16(account), sid.to_bytes()];
    let (mut header, mut contents) = (Vec::new(), Vec::new());
    for (index, part) in parts.iter().enumerate() {
        header.extend(u16::try_from(part.len()).unwrap().to_le_bytes());
        header.extend(u16::try_from(24 + contents.len()).unwrap().to_le_bytes());
        contents.extend_from_slice(part);
        contents.resize(contents.len().next_multiple_of(8), 0);
        if index == 1 {
            header.extend(2_u32.to_le_bytes());
        }
    }
    header.resize(24, 0);
    header.extend(contents);
    header
}

/// Reads and verifies a PAC under the server's key.
pub fn verify(pac: &[u8]) -> Result<VerifiedPac<'_>, Error> {
    Pac::read(pac).map_err(Error::from)?.verify([&checksummer(&server_key())], None)
}
