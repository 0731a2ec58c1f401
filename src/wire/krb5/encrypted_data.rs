//! EncryptedData and EncryptionKey (RFC 4120 section 5.2.9).

use crate::crypto::EncType;
use crate::wire::der::{Fault, Field, Reader, field};
use core::fmt;

/// A ciphertext, and the encryption type and version of its key.
///
/// ```asn1
/// EncryptedData ::= SEQUENCE {
///     etype  [0] Int32,
///     kvno   [1] UInt32 OPTIONAL,
///     cipher [2] OCTET STRING
/// }
/// ```
#[derive(Clone, Copy)]
pub(crate) struct EncryptedData<'a> {
    pub(crate) etype: EncType,
    /// The version of the key. A negative number is replaced with the unsigned number of the same 32 bits.
    pub(crate) kvno: Option<u32>,
    pub(crate) cipher: &'a [u8],
}

impl<'a> EncryptedData<'a> {
    pub(crate) fn read(mut fields: Reader<'a>, what: Field) -> Result<Self, Fault> {
        let data = Self {
            etype: EncType(fields.int32_field(0, field!("EncryptedData.etype"))?),
            kvno: fields.optional_uint32_field(1, field!("EncryptedData.kvno"))?,
            cipher: fields.octets_field(2, field!("EncryptedData.cipher"))?,
        };
        fields.end(what)?;
        Ok(data)
    }
}

/// Shows the length of the ciphertext, not its octets. Otherwise a reader of the log could replay a complete AP-REQ.
impl fmt::Debug for EncryptedData<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "EncryptedData({}, kvno {:?}, {} octets)", self.etype, self.kvno, self.cipher.len())
    }
}

/// A key and its encryption type.
///
/// ```asn1
/// EncryptionKey ::= SEQUENCE {
///     keytype  [0] Int32,
///     keyvalue [1] OCTET STRING
/// }
/// ```
#[derive(Clone, Copy)]
pub(crate) struct EncryptionKey<'a> {
    pub(crate) etype: EncType,
    pub(crate) value: &'a [u8],
}

impl<'a> EncryptionKey<'a> {
    pub(crate) fn read(mut fields: Reader<'a>, what: Field) -> Result<Self, Fault> {
        let key = Self {
            etype: EncType(fields.int32_field(0, field!("EncryptionKey.keytype"))?),
            value: fields.octets_field(1, field!("EncryptionKey.keyvalue"))?,
        };
        fields.end(what)?;
        Ok(key)
    }
}

/// Shows the encryption type only, because the octets of the key are secret.
impl fmt::Debug for EncryptionKey<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EncryptionKey").field("etype", &self.etype).finish_non_exhaustive()
    }
}
