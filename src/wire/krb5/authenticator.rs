//! Authenticator (RFC 4120 section 5.5.1): the client's statements, encrypted with the session key.

use super::{AuthorizationData, EncryptionKey, PrincipalName};
use crate::crypto::ChecksumType;
use crate::time::UnixTime;
use crate::unprinted::Unprinted;
use crate::wire::der::{Fault, Field, Reader, application, field, tag};

/// The part of a request by which the client proves that it holds the session key.
///
/// ```asn1
/// Authenticator ::= [APPLICATION 2] SEQUENCE {
///     authenticator-vno  [0] INTEGER (5),
///     crealm             [1] Realm,
///     cname              [2] PrincipalName,
///     cksum              [3] Checksum OPTIONAL,
///     cusec              [4] Microseconds,
///     ctime              [5] KerberosTime,
///     subkey             [6] EncryptionKey OPTIONAL,
///     seq-number         [7] UInt32 OPTIONAL,
///     authorization-data [8] AuthorizationData OPTIONAL
/// }
/// ```
/// The client wrote all fields. The client's name and realm are unverified until they equal the name and realm in the
/// ticket.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Authenticator<'a> {
    pub(crate) crealm: &'a [u8],
    pub(crate) cname: PrincipalName<'a>,
    pub(crate) checksum: Option<Checksum<'a>>,
    pub(crate) cusec: u32,
    pub(crate) ctime: UnixTime,
    pub(crate) subkey: Option<EncryptionKey<'a>>,
    /// The client's initial sequence number. A negative number is replaced with the unsigned number of the same 32
    /// bits.
    pub(crate) seq_number: Option<u32>,
    /// The authorization data. The container is empty if the field is absent.
    pub(crate) authorization_data: AuthorizationData<'a>,
}

impl<'a> Authenticator<'a> {
    /// Reads the plaintext of an authenticator. No octet may follow the Authenticator.
    pub(crate) fn read(plaintext: Reader<'a>) -> Result<Self, Fault> {
        let mut fields = plaintext.only_wrapped(application(2), tag::SEQUENCE, field!("Authenticator"))?;
        fields.constant_field(0, 5, field!("Authenticator.authenticator-vno"))?;
        let authenticator = Self {
            crealm: fields.realm_field(1, field!("Authenticator.crealm"))?,
            cname: fields.structure(2, field!("Authenticator.cname"), PrincipalName::read)?,
            checksum: fields.optional_structure(3, field!("Authenticator.cksum"), Checksum::read)?,
            cusec: fields.field(4, field!("Authenticator.cusec"), Reader::microseconds)?,
            ctime: fields.time_field(5, field!("Authenticator.ctime"))?,
            subkey: fields.optional_structure(6, field!("Authenticator.subkey"), EncryptionKey::read)?,
            seq_number: fields.optional_uint32_field(7, field!("Authenticator.seq-number"))?,
            authorization_data: fields
                .optional_structure(8, field!("Authenticator.authorization-data"), AuthorizationData::read)?
                .unwrap_or_default(),
        };
        fields.end(field!("Authenticator"))?;
        Ok(authenticator)
    }

    /// Returns the client's time, with its microseconds.
    pub(crate) fn time(&self) -> UnixTime {
        // `Reader::microseconds` accepts only values below one second, so `with_micros` never returns `None`.
        self.ctime.with_micros(self.cusec).unwrap_or(self.ctime)
    }
}

/// A checksum and its type.
///
/// ```asn1
/// Checksum ::= SEQUENCE {
///     cksumtype [0] Int32,
///     checksum  [1] OCTET STRING
/// }
/// ```
#[derive(Clone, Copy, Debug)]
pub(crate) struct Checksum<'a> {
    pub(crate) checksum_type: ChecksumType,
    pub(crate) value: Unprinted<&'a [u8]>,
}

impl<'a> Checksum<'a> {
    fn read(mut fields: Reader<'a>, what: Field) -> Result<Self, Fault> {
        let checksum = Self {
            checksum_type: ChecksumType(fields.int32_field(0, field!("Checksum.cksumtype"))?),
            value: Unprinted(fields.octets_field(1, field!("Checksum.checksum"))?),
        };
        fields.end(what)?;
        Ok(checksum)
    }
}
