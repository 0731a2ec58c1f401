//! Makes per-message tokens under AES keys (RFC 4121 section 4.2) from any header and data.

use kerberos_sso::Key;
use kerberos_sso::crypto::KeyUsage;

/// The parts of a client's token before it is protected.
pub struct Parts<'a> {
    /// The first 16 octets of the token.
    pub header: [u8; 16],
    /// The message, or the plaintext of a sealed token.
    pub data: &'a [u8],
    /// Whether the server also rotates sealed tokens by EC, as Windows does in DCE style.
    pub dce_style: bool,
}

impl Parts<'_> {
    /// Returns EC: the number of filler octets, or the length of the checksum.
    pub fn ec(&self) -> u16 {
        u16::from_be_bytes([self.header[4], self.header[5]])
    }

    fn rrc(&self) -> u16 {
        u16::from_be_bytes([self.header[6], self.header[7]])
    }

    /// Returns the copy of the header that a sealed token encrypts, in which RRC is zero.
    pub fn protected_header(&self) -> [u8; 16] {
        let mut header = self.header;
        header[6..8].fill(0);
        header
    }

    /// Makes a MIC token for the data.
    pub fn mic(&self, key: &Key) -> Vec<u8> {
        [&self.header[..], &checksum(key, KeyUsage::GSS_INITIATOR_SIGN, &[self.data, &self.header])].concat()
    }

    /// Makes a Wrap token whose data are signed but not encrypted.
    pub fn signed(&self, key: &Key) -> Vec<u8> {
        let mut header = self.protected_header();
        header[4..6].fill(0);
        let checksum = checksum(key, KeyUsage::GSS_INITIATOR_SEAL, &[self.data, &header]);
        self.rotated([self.data, &checksum].concat(), self.rrc().into())
    }

    /// Makes a Wrap token whose data are encrypted.
    pub fn sealed(&self, key: &Key) -> Vec<u8> {
        let mut ciphertext = Vec::new();
        key.cipher(KeyUsage::GSS_INITIATOR_SEAL).encrypt(&[0xC0; 16], self.data, &mut ciphertext);
        let ec = if self.dce_style { usize::from(self.ec()) } else { 0 };
        self.rotated(ciphertext, usize::from(self.rrc()) + ec)
    }

    fn rotated(&self, mut body: Vec<u8>, rotation: usize) -> Vec<u8> {
        let rotation = rotation.checked_rem(body.len()).unwrap_or_default();
        body.rotate_right(rotation);
        [&self.header[..], &body].concat()
    }
}

fn checksum(key: &Key, usage: KeyUsage, pieces: &[&[u8]]) -> Vec<u8> {
    let mut running = key.checksummer(usage).start();
    pieces.iter().for_each(|piece| running.update(piece));
    running.finish().as_ref().to_vec()
}
