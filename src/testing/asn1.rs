//! The Kerberos and SPNEGO messages in the encoding of `rasn`. Most types are from `rasn-kerberos`. This module has its
//! own types for messages that real clients and KDCs send, but `rasn-kerberos` cannot express.
//!
//! `rasn-kerberos` refuses UTF-8 names with the octets 0x80 to 0xA0, negative key versions, and negative sequence numbers.
//! The times of `rasn-kerberos` are always well formed. A test realm must be able to send all of these values, and also
//! malformed values. So in this module, strings, times and object identifiers are plain octets, and numbers have 64 bits.

use alloc::vec::Vec;
use rasn::prelude::*;

pub(super) use rasn_kerberos::{
    AuthorizationData, AuthorizationDataValue, Checksum, EncryptionKey, HostAddress, HostAddresses, TransitedEncoding,
};

/// A KerberosString.
#[derive(AsnType, Clone, Debug, Decode, Encode)]
#[rasn(delegate, tag(universal, 27))]
pub(super) struct Text(pub(super) OctetString);

/// A KerberosTime.
#[derive(AsnType, Clone, Debug, Decode, Encode)]
#[rasn(delegate, tag(universal, 24))]
pub(super) struct Time(pub(super) OctetString);

/// An OBJECT IDENTIFIER, as the contents of its encoding.
#[derive(AsnType, Clone, Debug, Decode, Encode)]
#[rasn(delegate, tag(universal, 6))]
pub(super) struct Oid(pub(super) OctetString);

#[derive(AsnType, Clone, Debug, Decode, Encode)]
pub(super) struct PrincipalName {
    #[rasn(tag(explicit(0)))]
    pub(super) name_type: i32,
    #[rasn(tag(explicit(1)))]
    pub(super) name_string: Vec<Text>,
}

#[derive(AsnType, Clone, Debug, Decode, Encode)]
pub(super) struct EncryptedData {
    #[rasn(tag(explicit(0)))]
    pub(super) etype: i64,
    #[rasn(tag(explicit(1)))]
    pub(super) kvno: Option<i64>,
    #[rasn(tag(explicit(2)))]
    pub(super) cipher: OctetString,
}

#[derive(AsnType, Clone, Debug, Encode)]
#[rasn(tag(explicit(application, 1)))]
pub(super) struct Ticket {
    #[rasn(tag(explicit(0)))]
    pub(super) tkt_vno: i64,
    #[rasn(tag(explicit(1)))]
    pub(super) realm: Text,
    #[rasn(tag(explicit(2)))]
    pub(super) sname: PrincipalName,
    #[rasn(tag(explicit(3)))]
    pub(super) enc_part: EncryptedData,
}

#[derive(AsnType, Clone, Debug, Encode)]
#[rasn(tag(explicit(application, 3)))]
pub(super) struct EncTicketPart {
    #[rasn(tag(explicit(0)))]
    pub(super) flags: BitString,
    #[rasn(tag(explicit(1)))]
    pub(super) key: EncryptionKey,
    #[rasn(tag(explicit(2)))]
    pub(super) crealm: Text,
    #[rasn(tag(explicit(3)))]
    pub(super) cname: PrincipalName,
    #[rasn(tag(explicit(4)))]
    pub(super) transited: TransitedEncoding,
    #[rasn(tag(explicit(5)))]
    pub(super) authtime: Time,
    #[rasn(tag(explicit(6)))]
    pub(super) starttime: Option<Time>,
    #[rasn(tag(explicit(7)))]
    pub(super) endtime: Time,
    #[rasn(tag(explicit(8)))]
    pub(super) renew_till: Option<Time>,
    #[rasn(tag(explicit(9)))]
    pub(super) caddr: Option<HostAddresses>,
    #[rasn(tag(explicit(10)))]
    pub(super) authorization_data: Option<AuthorizationData>,
}

#[derive(AsnType, Clone, Debug, Encode)]
#[rasn(tag(explicit(application, 2)))]
pub(super) struct Authenticator {
    #[rasn(tag(explicit(0)))]
    pub(super) authenticator_vno: i64,
    #[rasn(tag(explicit(1)))]
    pub(super) crealm: Text,
    #[rasn(tag(explicit(2)))]
    pub(super) cname: PrincipalName,
    #[rasn(tag(explicit(3)))]
    pub(super) cksum: Option<Checksum>,
    #[rasn(tag(explicit(4)))]
    pub(super) cusec: i64,
    #[rasn(tag(explicit(5)))]
    pub(super) ctime: Time,
    #[rasn(tag(explicit(6)))]
    pub(super) subkey: Option<EncryptionKey>,
    #[rasn(tag(explicit(7)))]
    pub(super) seq_number: Option<i64>,
    #[rasn(tag(explicit(8)))]
    pub(super) authorization_data: Option<AuthorizationData>,
}

#[derive(AsnType, Clone, Debug, Encode)]
#[rasn(tag(explicit(application, 14)))]
pub(super) struct ApReq {
    #[rasn(tag(explicit(0)))]
    pub(super) pvno: i64,
    #[rasn(tag(explicit(1)))]
    pub(super) msg_type: i64,
    #[rasn(tag(explicit(2)))]
    pub(super) ap_options: BitString,
    #[rasn(tag(explicit(3)))]
    pub(super) ticket: Ticket,
    #[rasn(tag(explicit(4)))]
    pub(super) authenticator: EncryptedData,
}

#[derive(AsnType, Clone, Debug, Decode, Encode)]
#[rasn(tag(explicit(application, 15)))]
pub(super) struct ApRep {
    #[rasn(tag(explicit(0)))]
    pub(super) pvno: i64,
    #[rasn(tag(explicit(1)))]
    pub(super) msg_type: i64,
    #[rasn(tag(explicit(2)))]
    pub(super) enc_part: EncryptedData,
}

#[derive(AsnType, Clone, Debug, Decode, Encode)]
#[rasn(tag(explicit(application, 27)))]
pub(super) struct EncApRepPart {
    #[rasn(tag(explicit(0)))]
    pub(super) ctime: Time,
    #[rasn(tag(explicit(1)))]
    pub(super) cusec: i64,
    #[rasn(tag(explicit(2)))]
    pub(super) subkey: Option<EncryptionKey>,
    #[rasn(tag(explicit(3)))]
    pub(super) seq_number: Option<i64>,
}

#[derive(AsnType, Clone, Debug, Decode, Encode)]
#[rasn(tag(explicit(application, 30)))]
pub(super) struct KrbError {
    #[rasn(tag(explicit(0)))]
    pub(super) pvno: i64,
    #[rasn(tag(explicit(1)))]
    pub(super) msg_type: i64,
    #[rasn(tag(explicit(2)))]
    pub(super) ctime: Option<Time>,
    #[rasn(tag(explicit(3)))]
    pub(super) cusec: Option<i64>,
    #[rasn(tag(explicit(4)))]
    pub(super) stime: Time,
    #[rasn(tag(explicit(5)))]
    pub(super) susec: i64,
    #[rasn(tag(explicit(6)))]
    pub(super) error_code: i32,
    #[rasn(tag(explicit(7)))]
    pub(super) crealm: Option<Text>,
    #[rasn(tag(explicit(8)))]
    pub(super) cname: Option<PrincipalName>,
    #[rasn(tag(explicit(9)))]
    pub(super) realm: Text,
    #[rasn(tag(explicit(10)))]
    pub(super) sname: PrincipalName,
    #[rasn(tag(explicit(11)))]
    pub(super) e_text: Option<Text>,
    #[rasn(tag(explicit(12)))]
    pub(super) e_data: Option<OctetString>,
}

/// A token in the framing of RFC 2743 section 3.1. The contents are octets, because TOK_ID is not ASN.1.
#[derive(AsnType, Clone, Debug, Encode)]
#[rasn(tag(application, 0))]
pub(super) struct InitialContextToken {
    pub(super) this_mech: Oid,
    pub(super) inner_context_token: Any,
}

#[derive(AsnType, Clone, Debug, Encode)]
#[rasn(tag(explicit(context, 0)))]
pub(super) struct NegTokenInit {
    #[rasn(tag(explicit(0)))]
    pub(super) mech_types: Vec<Oid>,
    #[rasn(tag(explicit(1)))]
    pub(super) req_flags: Option<BitString>,
    #[rasn(tag(explicit(2)))]
    pub(super) mech_token: Option<OctetString>,
    /// The encoded mechListMIC (RFC 4178) or negHints (MS-SPNG).
    #[rasn(tag(explicit(3)))]
    pub(super) third: Option<Any>,
    /// The mechListMIC of NegTokenInit2.
    #[rasn(tag(explicit(4)))]
    pub(super) mech_list_mic: Option<OctetString>,
}

/// A token in the framing of RFC 2743 section 3.1, with a message of the Kerberos mechanism. Every TOK_ID of RFC 4121 section
/// 4.1 looks like an element without contents, so `rasn` can find the beginning of the message.
#[derive(AsnType, Clone, Debug, Decode, Encode)]
#[rasn(tag(application, 0))]
pub(super) struct Krb5ContextToken {
    pub(super) this_mech: Oid,
    pub(super) tok_id: Any,
    pub(super) message: Any,
}

/// The negState of a NegTokenResp, as the contents of the ENUMERATED.
#[derive(AsnType, Clone, Debug, Decode, Encode)]
#[rasn(delegate, tag(universal, 10))]
pub(super) struct NegState(pub(super) OctetString);

#[derive(AsnType, Clone, Debug, Decode, Encode)]
#[rasn(tag(explicit(context, 1)))]
pub(super) struct NegTokenResp {
    #[rasn(tag(explicit(0)))]
    pub(super) neg_state: Option<NegState>,
    #[rasn(tag(explicit(1)))]
    pub(super) supported_mech: Option<Oid>,
    #[rasn(tag(explicit(2)))]
    pub(super) response_token: Option<OctetString>,
    #[rasn(tag(explicit(3)))]
    pub(super) mech_list_mic: Option<OctetString>,
}

#[derive(AsnType, Clone, Debug, Encode)]
pub(super) struct NegHints {
    #[rasn(tag(explicit(0)))]
    pub(super) hint_name: Text,
}

/// Encodes `value` in DER.
#[expect(clippy::expect_used, reason = "no type of this module has a constraint, so encoding cannot fail")]
pub(super) fn der(value: &impl Encode) -> Vec<u8> {
    rasn::der::encode(value).expect("unconstrained types encode")
}

/// Decodes a value. Returns `None` if the octets are not exactly the DER encoding of the value.
pub(super) fn read<T: Decode + Encode>(bytes: &[u8]) -> Option<T> {
    rasn::der::decode::<T>(bytes).ok().filter(|value| der(value) == bytes)
}

/// Makes KerberosFlags of 32 bits. Bit 0 of the RFC is the most significant bit.
pub(super) fn flags(bits: u32) -> BitString {
    BitString::from_slice(&bits.to_be_bytes())
}

pub(super) fn text(bytes: &[u8]) -> Text {
    Text(octets(bytes))
}

pub(super) fn octets(bytes: &[u8]) -> OctetString {
    OctetString::from(bytes.to_vec())
}

/// Makes AuthorizationData, or `None` if there are no elements.
pub(super) fn authorization_data(elements: &[(i32, Vec<u8>)]) -> Option<AuthorizationData> {
    let values = elements.iter().map(|(ad_type, data)| AuthorizationDataValue { r#type: *ad_type, data: octets(data) });
    if elements.is_empty() { None } else { Some(values.collect()) }
}
