//! PACTYPE: the table of buffers, and the buffers after it.

use super::ndr::count;
use super::signature::signature;
use crate::crypto::{ChecksumType, Key};
use crate::pac::BufferType;
use alloc::vec::Vec;

/// The buffers of a PAC, in their order. Each buffer is plain octets. A test uses this type for a PAC that
/// [`PacParts`](super::PacParts) cannot express.
///
/// ```
/// use kerberos_sso::pac::BufferType;
/// use kerberos_sso::testing::TestRealm;
///
/// let mut ticket = TestRealm::new("CONTOSO.TEST").of_active_directory().ticket_for("alice").ticket;
/// let buffers = ticket.pac_buffers().unwrap().without(BufferType::REQUESTOR);
/// ticket.pac.as_mut().unwrap().raw = Some(buffers.signed(&ticket.key));
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PacBuffers(pub Vec<(BufferType, Vec<u8>)>);

impl PacBuffers {
    /// Returns the octets of the first buffer of this type.
    #[must_use]
    pub fn get(&self, buffer_type: BufferType) -> Option<&[u8]> {
        self.0.iter().find(|(found, _)| *found == buffer_type).map(|(_, bytes)| &**bytes)
    }

    /// Returns the octets of the first buffer of this type. The caller can change the octets.
    pub fn get_mut(&mut self, buffer_type: BufferType) -> Option<&mut Vec<u8>> {
        self.0.iter_mut().find(|(found, _)| *found == buffer_type).map(|(_, bytes)| bytes)
    }

    /// Adds a buffer at the end, even if there is already a buffer of its type.
    #[must_use]
    pub fn with(mut self, buffer_type: BufferType, bytes: impl Into<Vec<u8>>) -> Self {
        self.0.push((buffer_type, bytes.into()));
        self
    }

    /// Removes the buffers of this type.
    #[must_use]
    pub fn without(mut self, buffer_type: BufferType) -> Self {
        self.0.retain(|(found, _)| *found != buffer_type);
        self
    }

    /// Encodes the PAC. The signatures stay unchanged.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut table = [count(&self.0).to_le_bytes(), VERSION].concat();
        let mut contents = Vec::new();
        let start = self.0.len().saturating_mul(INFO_BUFFER).saturating_add(table.len());
        for (buffer_type, bytes) in &self.0 {
            let offset = u64::try_from(start.saturating_add(contents.len())).unwrap_or(u64::MAX);
            table.extend(buffer_type.0.to_le_bytes());
            table.extend(count(bytes).to_le_bytes());
            table.extend(offset.to_le_bytes());
            contents.extend_from_slice(bytes);
            contents.resize(contents.len().next_multiple_of(8), 0);
        }
        table.extend(contents);
        table
    }

    /// Encodes the PAC with a new server signature under `key`. The other signatures stay unchanged.
    #[must_use]
    pub fn signed(&self, key: &Key) -> Vec<u8> {
        let mut signed = self.clone();
        signed.fill(BufferType::SERVER_CHECKSUM, signature(key, &self.server_message()).as_ref());
        signed.encode()
    }

    /// Returns the octets that the server signature covers (MS-PAC section 2.8.1). These octets are the PAC with zeros
    /// as the values of the server signature and the KDC signature.
    pub(super) fn server_message(&self) -> Vec<u8> {
        self.zeroed(&[BufferType::SERVER_CHECKSUM, BufferType::KDC_CHECKSUM])
    }

    /// Returns the octets that the full signature covers (MS-PAC section 2.8.4). These octets are the PAC with zeros as
    /// the values of the server signature, the KDC signature and the full signature.
    pub(super) fn full_message(&self) -> Vec<u8> {
        self.zeroed(&[BufferType::SERVER_CHECKSUM, BufferType::KDC_CHECKSUM, BufferType::FULL_CHECKSUM])
    }

    /// Returns the octets that the KDC signature covers (MS-PAC section 2.8.2). These octets are the value of the
    /// server signature, without the octets after that value.
    pub(super) fn kdc_message(&self) -> Vec<u8> {
        let buffer = self.get(BufferType::SERVER_CHECKSUM).unwrap_or_default();
        let (checksum_type, value) = buffer.split_first_chunk().unwrap_or((&[0; TYPE], &[]));
        let length = ChecksumType(i32::from_le_bytes(*checksum_type)).checksum_len();
        length.and_then(|length| value.get(..length)).unwrap_or(value).to_vec()
    }

    /// Writes the value of a signature, up to the length of the buffer.
    pub(super) fn fill(&mut self, buffer_type: BufferType, value: &[u8]) {
        let places = self.get_mut(buffer_type).into_iter().flatten().skip(TYPE);
        places.zip(value).for_each(|(place, byte)| *place = *byte);
    }

    /// Encodes the PAC. In these signatures, all octets after the type are zero.
    fn zeroed(&self, signatures: &[BufferType]) -> Vec<u8> {
        let mut zeroed = self.clone();
        for buffer_type in signatures {
            zeroed.get_mut(*buffer_type).into_iter().flatten().skip(TYPE).for_each(|byte| *byte = 0);
        }
        zeroed.encode()
    }
}

/// The field PACTYPE.Version.
const VERSION: [u8; 4] = [0; 4];

/// The length of a PAC_INFO_BUFFER, in octets.
const INFO_BUFFER: usize = 16;

/// The length of a signature's type, in octets.
const TYPE: usize = 4;
