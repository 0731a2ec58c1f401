//! PAC_SIGNATURE_DATA, before the signature is made.

use crate::crypto::{Checksum, Key, KeyUsage};
use crate::testing::TicketParts;
use alloc::vec;
use alloc::vec::Vec;

/// The fields of PAC_SIGNATURE_DATA (MS-PAC section 2.8). The signature is made when the ticket is encoded.
#[derive(Clone, Debug, Default)]
pub struct SignatureParts {
    /// The key that signs, or `None` for the ticket's key.
    pub key: Option<Key>,
    /// `SignatureType`, or `None` for the type that belongs to [`key`](Self::key).
    pub checksum_type: Option<i32>,
    /// `RODCIdentifier` is absent by default.
    pub rodc_identifier: Option<u16>,
}

impl SignatureParts {
    pub(super) fn of(key: Key) -> Self {
        Self { key: Some(key), ..Self::default() }
    }

    pub(super) fn signing_key<'a>(&'a self, ticket: &'a TicketParts) -> &'a Key {
        self.key.as_ref().unwrap_or(&ticket.key)
    }

    /// Returns the buffer with zeros as the value of the signature.
    pub(super) fn unsigned(&self, ticket: &TicketParts) -> Vec<u8> {
        let checksummer = self.signing_key(ticket).checksummer(KeyUsage::PAC_SIGNATURE);
        let checksum_type = checksummer.checksum_type();
        let length = checksum_type.checksum_len().unwrap_or_default();
        let mut buffer = self.checksum_type.unwrap_or(checksum_type.0).to_le_bytes().to_vec();
        buffer.extend(vec![0; length]);
        buffer.extend(self.rodc_identifier.iter().flat_map(|identifier| identifier.to_le_bytes()));
        buffer
    }
}

/// Signs `message` under `key`.
pub(super) fn signature(key: &Key, message: &[u8]) -> Checksum {
    let mut running = key.checksummer(KeyUsage::PAC_SIGNATURE).start();
    running.update(message);
    running.finish()
}
