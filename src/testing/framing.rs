//! The framing of an AP-REQ: GSS-API and SPNEGO.

use super::asn1;
use alloc::vec;
use alloc::vec::Vec;
use rasn::types::Any;

/// Object identifiers of mechanisms, as the contents of their encodings.
pub mod mech {
    /// Kerberos 5.
    pub const KRB5: &[u8] = &[0x2A, 0x86, 0x48, 0x86, 0xF7, 0x12, 0x01, 0x02, 0x02];
    /// Kerberos 5 under the identifier that Windows 2000 wrote and Windows still writes.
    pub const MS_KRB5: &[u8] = &[0x2A, 0x86, 0x48, 0x82, 0xF7, 0x12, 0x01, 0x02, 0x02];
    /// Kerberos 5 user-to-user.
    pub const USER_TO_USER: &[u8] = &[0x2A, 0x86, 0x48, 0x86, 0xF7, 0x12, 0x01, 0x02, 0x02, 0x03];
    /// IAKERB.
    pub const IAKERB: &[u8] = &[0x2B, 0x06, 0x01, 0x05, 0x02, 0x05];
    /// SPNEGO.
    pub const SPNEGO: &[u8] = &[0x2B, 0x06, 0x01, 0x05, 0x05, 0x02];
    /// NTLM.
    pub const NTLM: &[u8] = &[0x2B, 0x06, 0x01, 0x04, 0x01, 0x82, 0x37, 0x02, 0x02, 0x0A];
    /// NegoEx.
    pub const NEGOEX: &[u8] = &[0x2B, 0x06, 0x01, 0x04, 0x01, 0x82, 0x37, 0x02, 0x02, 0x1E];
}

/// The framing of an AP-REQ.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TokenFraming {
    /// The AP-REQ is in SPNEGO (RFC 4178), as browsers send it.
    Spnego(SpnegoParts),
    /// The AP-REQ is in the framing of the Kerberos mechanism (RFC 4121 section 4.1), with this object identifier (for
    /// example [`mech::KRB5`]).
    Krb5(Vec<u8>),
    /// The AP-REQ has no framing.
    ApReq,
}

impl TokenFraming {
    pub(super) fn wrap(&self, ap_req: Vec<u8>) -> Vec<u8> {
        match self {
            Self::Spnego(spnego) => spnego.wrap(ap_req),
            Self::Krb5(oid) => krb5_token(oid, &ap_req),
            Self::ApReq => ap_req,
        }
    }
}

/// A NegTokenInit. The default is the NegTokenInit of Windows: it offers [`mech::MS_KRB5`], [`mech::KRB5`], NegoEx and
/// NTLM, and holds a Kerberos token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SpnegoParts {
    /// `mechTypes` lists the offered mechanisms (see [`mech`]).
    pub mech_types: Vec<Vec<u8>>,
    /// `reqFlags` is absent by default.
    pub req_flags: Option<u32>,
    /// `mechToken` holds the AP-REQ in Kerberos framing by default.
    pub mech_token: MechToken,
    /// If `negHints` of NegTokenInit2 (MS-SPNG section 2.2.1) is present, mechListMIC has the tag `[4]` instead of `[3]`.
    /// `negHints` is absent by default.
    pub neg_hints: NegHints,
    /// `mechListMIC` is absent by default.
    pub mech_list_mic: Option<Vec<u8>>,
}

impl Default for SpnegoParts {
    fn default() -> Self {
        Self {
            mech_types: [mech::MS_KRB5, mech::KRB5, mech::NEGOEX, mech::NTLM].map(Vec::from).to_vec(),
            req_flags: None,
            mech_token: MechToken::Krb5(mech::KRB5.into()),
            neg_hints: NegHints::Absent,
            mech_list_mic: None,
        }
    }
}

impl SpnegoParts {
    /// Returns the encoded MechTypeList. A mechListMIC is computed over these octets (RFC 4178 section 5).
    #[must_use]
    pub fn mech_types_der(&self) -> Vec<u8> {
        asn1::der(&self.mech_type_list())
    }

    fn mech_type_list(&self) -> Vec<asn1::Oid> {
        self.mech_types.iter().map(|oid| asn1::Oid(asn1::octets(oid))).collect()
    }

    fn wrap(&self, ap_req: Vec<u8>) -> Vec<u8> {
        let mic = self.mech_list_mic.as_ref().map(|mic| asn1::octets(mic));
        let (third, mech_list_mic) = match self.neg_hints {
            NegHints::Absent => (mic.map(|mic| Any::new(asn1::der(&mic))), None),
            NegHints::NotDefined => (Some(Any::new(not_defined_in_rfc4178())), mic),
        };
        let init = asn1::NegTokenInit {
            mech_types: self.mech_type_list(),
            req_flags: self.req_flags.map(asn1::flags),
            mech_token: self.mech_token.encode(ap_req).map(|token| asn1::octets(&token)),
            third,
            mech_list_mic,
        };
        initial_token(mech::SPNEGO, asn1::der(&init))
    }
}

/// The contents of a NegTokenInit's mechToken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MechToken {
    /// The mechToken is the AP-REQ in the framing of the Kerberos mechanism, with this object identifier (for example
    /// [`mech::KRB5`]).
    Krb5(Vec<u8>),
    /// The mechToken is the AP-REQ without framing, which some clients send.
    ApReq,
    /// The mechToken has these octets.
    Raw(Vec<u8>),
    /// The NegTokenInit has no mechToken.
    Absent,
}

impl MechToken {
    fn encode(&self, ap_req: Vec<u8>) -> Option<Vec<u8>> {
        match self {
            Self::Krb5(oid) => Some(krb5_token(oid, &ap_req)),
            Self::ApReq => Some(ap_req),
            Self::Raw(bytes) => Some(bytes.clone()),
            Self::Absent => None,
        }
    }
}

/// The negHints of a NegTokenInit2.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NegHints {
    /// The message is a plain NegTokenInit (RFC 4178), without hints.
    Absent,
    /// The message has the hint that all implementations send: `not_defined_in_RFC4178@please_ignore`.
    NotDefined,
}

fn not_defined_in_rfc4178() -> Vec<u8> {
    asn1::der(&asn1::NegHints { hint_name: asn1::text(b"not_defined_in_RFC4178@please_ignore") })
}

/// Makes the framing of an AP-REQ, with TOK_ID 01 00 before the AP-REQ (RFC 4121 section 4.1).
fn krb5_token(oid: &[u8], ap_req: &[u8]) -> Vec<u8> {
    let mut inner = vec![0x01, 0x00];
    inner.extend(ap_req);
    initial_token(oid, inner)
}

pub(super) fn initial_token(oid: &[u8], inner: Vec<u8>) -> Vec<u8> {
    let this_mech = asn1::Oid(asn1::octets(oid));
    asn1::der(&asn1::InitialContextToken { this_mech, inner_context_token: Any::new(inner) })
}
