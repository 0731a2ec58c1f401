//! Key usage numbers (RFC 4120 section 7.5.1, RFC 4121 section 2): the purpose of a derived key.
//!
//! A message that is encrypted for one usage does not decrypt for another usage. An attacker therefore cannot send, for
//! example, an authenticator in place of a ticket.

/// The purpose for which a key is used. Every usage has its own derived keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct KeyUsage(pub u32);

impl KeyUsage {
    /// The PA-ENC-TIMESTAMP of an AS-REQ.
    pub const PA_ENC_TIMESTAMP: Self = Self(1);
    /// The encrypted part of a ticket, under the key of the service.
    pub const TICKET: Self = Self(2);
    /// The encrypted part of an AS-REP.
    pub const AS_REP_ENC_PART: Self = Self(3);
    /// The checksum in the authenticator of a TGS-REQ.
    pub const TGS_REQ_AUTHENTICATOR_CHECKSUM: Self = Self(6);
    /// The authenticator of a TGS-REQ.
    pub const TGS_REQ_AUTHENTICATOR: Self = Self(7);
    /// The encrypted part of a TGS-REP, encrypted under the session key of the TGT.
    pub const TGS_REP_ENC_PART: Self = Self(8);
    /// The encrypted part of a TGS-REP, encrypted under the subkey of the authenticator.
    pub const TGS_REP_ENC_PART_SUBKEY: Self = Self(9);
    /// The checksum in the authenticator of an AP-REQ.
    pub const AP_REQ_AUTHENTICATOR_CHECKSUM: Self = Self(10);
    /// The authenticator of an AP-REQ.
    pub const AP_REQ_AUTHENTICATOR: Self = Self(11);
    /// The encrypted part of an AP-REP.
    pub const AP_REP_ENC_PART: Self = Self(12);
    /// The encrypted part of a KRB-PRIV.
    pub const KRB_PRIV: Self = Self(13);
    /// The encrypted part of a KRB-CRED, which delegates tickets.
    pub const KRB_CRED: Self = Self(14);
    /// The checksum of a KRB-SAFE. A GSS MIC token with an RC4 key uses the same number (RFC 4757 section 7.2).
    pub const KRB_SAFE: Self = Self(15);
    /// The signatures of a PAC (`KERB_NON_KERB_CKSUM_SALT`, MS-PAC section 2.8).
    pub const PAC_SIGNATURE: Self = Self(17);
    /// GSS wrap tokens of the acceptor.
    pub const GSS_ACCEPTOR_SEAL: Self = Self(22);
    /// GSS MIC tokens of the acceptor.
    pub const GSS_ACCEPTOR_SIGN: Self = Self(23);
    /// GSS wrap tokens of the initiator.
    pub const GSS_INITIATOR_SEAL: Self = Self(24);
    /// GSS MIC tokens of the initiator.
    pub const GSS_INITIATOR_SIGN: Self = Self(25);

    /// Returns the label for a key derivation of RFC 3961 or RFC 8009: the usage number and the purpose of the derived
    /// key.
    pub(super) const fn label(self, purpose: u8) -> [u8; 5] {
        let [a, b, c, d] = self.0.to_be_bytes();
        [a, b, c, d, purpose]
    }
}

/// The last octet of the label for the key that encrypts, Ke (RFC 3961 section 5.3).
pub(super) const ENCRYPTION: u8 = 0xAA;
/// The last octet of the label for the key of the MAC inside a ciphertext, Ki.
pub(super) const INTEGRITY: u8 = 0x55;
/// The last octet of the label for the key of a checksum outside a ciphertext, Kc.
pub(super) const CHECKSUM: u8 = 0x99;
