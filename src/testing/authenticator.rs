//! The authenticators that clients write.

use super::{KeyParts, NameParts, TimeText, asn1};
use crate::crypto::{ChecksumType, Confounder, Key, KeyUsage};
use crate::wire::gss::GssFlags;
use alloc::vec::Vec;
use md5::{Digest, Md5};

/// All parts of an Authenticator (RFC 4120 section 5.5.1). By default the Authenticator is valid for its ticket. A test can
/// change every field.
#[derive(Clone, Debug)]
pub struct AuthenticatorParts {
    /// `authenticator-vno` is 5 by default.
    pub authenticator_vno: i64,
    /// `crealm` is the ticket's `crealm` by default.
    pub crealm: Vec<u8>,
    /// `cname` is the ticket's `cname` by default.
    pub cname: NameParts,
    /// `cksum` is of type 0x8003 by default.
    pub cksum: ChecksumParts,
    /// The fields of the checksum, if [`cksum`](Self::cksum) is [`ChecksumParts::Gss`].
    pub gss: GssChecksumParts,
    /// `cusec` is the microseconds of the client's time.
    pub cusec: i64,
    /// `ctime` is the client's time.
    pub ctime: TimeText,
    /// `subkey` is a key of the session key's type by default.
    pub subkey: Option<KeyParts>,
    /// `seq-number` may be negative, because old clients send negative numbers.
    pub seq_number: Option<i64>,
    /// `authorization-data` has an ad-type and ad-data for each element. If the list is empty, the field is absent.
    pub authorization_data: Vec<(i32, Vec<u8>)>,

    /// `EncryptedData.etype` is not encrypted, and may differ from the type of [`key`](Self::key).
    pub etype: i64,
    /// `EncryptedData.kvno` is absent by default.
    pub kvno: Option<i64>,
    /// The key that encrypts the Authenticator. By default this key is the session key.
    pub key: Key,
    /// The key usage of the encryption, 11 by default.
    pub usage: KeyUsage,
    /// The confounder, which comes before the plaintext in the encryption.
    pub confounder: Confounder,
    /// Octets that replace the encoded Authenticator.
    pub raw: Option<Vec<u8>>,
    /// Octets that replace the ciphertext.
    pub raw_cipher: Option<Vec<u8>>,
}

impl AuthenticatorParts {
    /// Returns the encoded Authenticator, or the octets that replace it.
    #[must_use]
    pub fn plaintext(&self) -> Vec<u8> {
        self.raw.clone().unwrap_or_else(|| asn1::der(&self.authenticator()))
    }

    /// Returns the ciphertext, or the octets that replace it.
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
    /// The authenticator has no checksum.
    Absent,
    /// The checksum has type 0x8003 and the fields of [`AuthenticatorParts::gss`].
    Gss,
    /// The checksum has any type and any octets.
    Other {
        /// The field `cksumtype`.
        cksumtype: i32,
        /// The field `checksum`.
        checksum: Vec<u8>,
    },
}

impl ChecksumParts {
    /// Makes a keyed checksum over `message` for the authenticator of an AP-REQ (key usage 10). The type of the checksum is
    /// the type that belongs to `key`.
    #[must_use]
    pub fn keyed(key: &Key, message: &[u8]) -> Self {
        let checksummer = key.checksummer(KeyUsage::AP_REQ_AUTHENTICATOR_CHECKSUM);
        let mut running = checksummer.start();
        running.update(message);
        Self::Other { cksumtype: checksummer.checksum_type().0, checksum: running.finish().as_ref().to_vec() }
    }
}

/// The fields of the checksum of RFC 4121 section 4.1.1. The default is the checksum that browsers send. This checksum has
/// no bindings, and has the flags mutual, replay, sequence, confidentiality and integrity.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GssChecksumParts {
    /// `Lgth` is 16 by default.
    pub length: u32,
    /// `Bnd` is the MD5 of the channel bindings (see [`channel_bindings_md5`]), or zeros for no bindings.
    pub bindings: [u8; 16],
    /// `Flags` is the context flags ([`GssFlags`]).
    pub flags: u32,
    /// `DlgOpt`, `Dlgth` and `Deleg` are sent even if the flags do not announce them.
    pub delegation: Option<(u16, u16, Vec<u8>)>,
    /// `Exts` is empty by default.
    pub extensions: Vec<u8>,
}

impl GssChecksumParts {
    /// Delegates `credentials`, a KRB-CRED.
    ///
    /// # Panics
    /// Panics if the credentials have more than 65,535 octets.
    pub fn delegate(&mut self, credentials: &[u8]) {
        #[expect(clippy::expect_used, reason = "the documentation says that longer credentials panic")]
        let length = u16::try_from(credentials.len()).expect("Dlgth has 16 bits");
        self.flags |= GssFlags::DELEGATE.bits();
        self.delegation = Some((1, length, credentials.to_vec()));
    }

    /// Returns the octets of the checksum.
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

/// Returns the MD5 of channel bindings without addresses (RFC 4121 section 4.1.1.2). For TLS, `application_data` is
/// `tls-server-end-point:` and the certificate's hash.
///
/// # Panics
/// Panics if `application_data` has 4 GiB or more.
#[must_use]
pub fn channel_bindings_md5(application_data: &[u8]) -> [u8; 16] {
    #[expect(clippy::expect_used, reason = "the documentation says that longer data panics")]
    let length = u32::try_from(application_data.len()).expect("a length has 32 bits");
    let addresses = [0; 16];
    Md5::new_with_prefix(addresses).chain_update(length.to_le_bytes()).chain_update(application_data).finalize().into()
}
