//! Authenticators: what a client writes.

use super::{KeyParts, NameParts, TimeText, asn1};
use crate::crypto::{ChecksumType, Confounder, Key, KeyUsage};
use crate::wire::gss::GssFlags;
use alloc::vec::Vec;
use md5::{Digest, Md5};

/// Everything in an Authenticator (RFC 4120 section 5.5.1). It begins as the ticket demands; every field can be changed.
#[derive(Clone, Debug)]
pub struct AuthenticatorParts {
    /// authenticator-vno: 5.
    pub authenticator_vno: i64,
    /// crealm: the ticket's.
    pub crealm: Vec<u8>,
    /// cname: the ticket's.
    pub cname: NameParts,
    /// cksum.
    pub cksum: ChecksumParts,
    /// What the checksum says if it is [`ChecksumParts::Gss`].
    pub gss: GssChecksumParts,
    /// cusec: microseconds.
    pub cusec: i64,
    /// ctime: the client's time.
    pub ctime: TimeText,
    /// subkey.
    pub subkey: Option<KeyParts>,
    /// seq-number, negative as old clients send it if need be.
    pub seq_number: Option<i64>,
    /// authorization-data: ad-type and ad-data each; none if empty.
    pub authorization_data: Vec<(i32, Vec<u8>)>,

    /// EncryptedData.etype: what the AP-REQ says, whatever [`key`](Self::key) is.
    pub etype: i64,
    /// EncryptedData.kvno: none.
    pub kvno: Option<i64>,
    /// The key it is encrypted in: the session key.
    pub key: Key,
    /// The key usage it is encrypted for: 11.
    pub usage: KeyUsage,
    /// What stands before the plaintext when it is encrypted.
    pub confounder: Confounder,
    /// Takes the place of the encoded Authenticator.
    pub raw: Option<Vec<u8>>,
    /// Takes the place of the ciphertext.
    pub raw_cipher: Option<Vec<u8>>,
}

impl AuthenticatorParts {
    /// The encoded Authenticator, or what takes its place.
    #[must_use]
    pub fn plaintext(&self) -> Vec<u8> {
        self.raw.clone().unwrap_or_else(|| asn1::der(&self.authenticator()))
    }

    /// The ciphertext, or what takes its place.
    #[must_use]
    pub fn cipher(&self) -> Vec<u8> {
        self.raw_cipher.clone().unwrap_or_else(|| {
            let mut cipher = Vec::new();
            self.key.cipher(self.usage).encrypt(&self.confounder, &self.plaintext(), &mut cipher);
            cipher
        })
    }

    pub(super) fn encode(&self) -> asn1::EncryptedData {
        asn1::EncryptedData { etype: self.etype, kvno: self.kvno, cipher: asn1::octets(&self.cipher()) }
    }

    fn authenticator(&self) -> asn1::Authenticator {
        asn1::Authenticator {
            authenticator_vno: self.authenticator_vno,
            crealm: asn1::text(&self.crealm),
            cname: self.cname.encode(),
            cksum: self.checksum(),
            cusec: self.cusec,
            ctime: self.ctime.encode(),
            subkey: self.subkey.as_ref().map(KeyParts::encode),
            seq_number: self.seq_number,
            authorization_data: asn1::authorization_data(&self.authorization_data),
        }
    }

    fn checksum(&self) -> Option<asn1::Checksum> {
        let (cksumtype, checksum) = match &self.cksum {
            ChecksumParts::Absent => return None,
            ChecksumParts::Gss => (ChecksumType::GSSAPI.0, self.gss.encode()),
            ChecksumParts::Other { cksumtype, checksum } => (*cksumtype, checksum.clone()),
        };
        Some(asn1::Checksum { r#type: cksumtype, checksum: asn1::octets(&checksum) })
    }
}

/// The checksum of an authenticator.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ChecksumParts {
    /// None.
    Absent,
    /// Type 0x8003: what [`AuthenticatorParts::gss`] says.
    Gss,
    /// Any other type and bytes.
    Other {
        /// cksumtype.
        cksumtype: i32,
        /// checksum.
        checksum: Vec<u8>,
    },
}

impl ChecksumParts {
    /// A keyed checksum of `key`'s own type over `message`, for the checksum of an AP-REQ's authenticator (key usage 10).
    #[must_use]
    pub fn keyed(key: &Key, message: &[u8]) -> Self {
        let checksummer = key.checksummer(KeyUsage::AP_REQ_AUTHENTICATOR_CHECKSUM);
        let mut running = checksummer.start();
        running.update(message);
        Self::Other { cksumtype: checksummer.checksum_type().0, checksum: running.finish().as_ref().to_vec() }
    }
}

/// The fields of the checksum of RFC 4121 section 4.1.1. It begins as browsers send it: bound to nothing; mutual, replay,
/// sequence, confidentiality and integrity.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GssChecksumParts {
    /// Lgth: 16.
    pub length: u32,
    /// Bnd: the MD5 of the channel bindings, see [`channel_bindings_md5`]; zeros for none.
    pub bindings: [u8; 16],
    /// Flags.
    pub flags: u32,
    /// DlgOpt, Dlgth and Deleg. They are sent whatever the flags say.
    pub delegation: Option<(u16, u16, Vec<u8>)>,
    /// Exts.
    pub extensions: Vec<u8>,
}

impl GssChecksumParts {
    /// Hands over `credentials`, a KRB-CRED.
    ///
    /// # Panics
    /// If they have more than 65,535 bytes.
    pub fn delegate(&mut self, credentials: &[u8]) {
        #[expect(clippy::expect_used, reason = "documented: a test that needs more is wrong")]
        let length = u16::try_from(credentials.len()).expect("Dlgth has 16 bits");
        self.flags |= GssFlags::DELEGATE.bits();
        self.delegation = Some((1, length, credentials.to_vec()));
    }

    /// The bytes of the checksum.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut bytes = self.length.to_le_bytes().to_vec();
        bytes.extend(self.bindings);
        bytes.extend(self.flags.to_le_bytes());
        if let Some((option, length, credentials)) = &self.delegation {
            bytes.extend(option.to_le_bytes());
            bytes.extend(length.to_le_bytes());
            bytes.extend(credentials);
        }
        bytes.extend(&self.extensions);
        bytes
    }
}

impl Default for GssChecksumParts {
    fn default() -> Self {
        let flags = GssFlags::MUTUAL.bits()
            | GssFlags::REPLAY.bits()
            | GssFlags::SEQUENCE.bits()
            | GssFlags::CONFIDENTIALITY.bits()
            | GssFlags::INTEGRITY.bits();
        Self { length: 16, bindings: [0; 16], flags, delegation: None, extensions: Vec::new() }
    }
}

/// The MD5 of channel bindings without addresses (RFC 4121 section 4.1.1.2): for TLS `application_data` is
/// `tls-server-end-point:` and the certificate's hash.
///
/// # Panics
/// If `application_data` has 4 GiB.
#[must_use]
pub fn channel_bindings_md5(application_data: &[u8]) -> [u8; 16] {
    #[expect(clippy::expect_used, reason = "documented: a test that needs more is wrong")]
    let length = u32::try_from(application_data.len()).expect("a length has 32 bits");
    let addresses = [0; 16];
    Md5::new_with_prefix(addresses).chain_update(length.to_le_bytes()).chain_update(application_data).finalize().into()
}
