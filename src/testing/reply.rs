//! The messages that a conversation goes on with, as plain data: what a server answers, taken apart by `rasn`, and what a
//! client says next.
//!
//! Whatever is decoded must be DER to its last byte, so what is put together again gives the same bytes.

use super::framing::initial_token;
use super::{KeyParts, NameParts, TimeText, asn1};
use crate::crypto::{Confounder, EncType, Key, KeyUsage};
use alloc::vec::Vec;

/// A NegTokenResp (RFC 4178 section 4.2.2), of either side.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NegTokenRespParts {
    /// negState: see the constants.
    pub neg_state: Option<u8>,
    /// supportedMech, see [`mech`](super::mech).
    pub supported_mech: Option<Vec<u8>>,
    /// responseToken.
    pub response_token: Option<Vec<u8>>,
    /// mechListMIC.
    pub mech_list_mic: Option<Vec<u8>>,
}

impl NegTokenRespParts {
    /// accept-completed.
    pub const ACCEPT_COMPLETED: u8 = 0;
    /// accept-incomplete.
    pub const ACCEPT_INCOMPLETE: u8 = 1;
    /// reject.
    pub const REJECT: u8 = 2;
    /// request-mic.
    pub const REQUEST_MIC: u8 = 3;

    /// Takes a token apart; `None` if it is no NegTokenResp.
    #[must_use]
    pub fn decode(token: &[u8]) -> Option<Self> {
        let resp: asn1::NegTokenResp = asn1::read(token)?;
        let neg_state = resp.neg_state.map(|state| <[u8; 1]>::try_from(state.0.as_ref())).transpose().ok()?;
        Some(Self {
            neg_state: neg_state.map(|[state]| state),
            supported_mech: resp.supported_mech.map(|oid| oid.0.to_vec()),
            response_token: resp.response_token.map(|token| token.to_vec()),
            mech_list_mic: resp.mech_list_mic.map(|mic| mic.to_vec()),
        })
    }

    /// The token's bytes.
    #[must_use]
    pub fn mint(&self) -> Vec<u8> {
        asn1::der(&asn1::NegTokenResp {
            neg_state: self.neg_state.map(|state| asn1::NegState(asn1::octets(&[state]))),
            supported_mech: self.supported_mech.as_deref().map(|oid| asn1::Oid(asn1::octets(oid))),
            response_token: self.response_token.as_deref().map(asn1::octets),
            mech_list_mic: self.mech_list_mic.as_deref().map(asn1::octets),
        })
    }
}

/// A message of the Kerberos mechanism and what frames it (RFC 4121 section 4.1).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Krb5Message {
    /// The object identifier and TOK_ID; `None` if the message stands alone.
    pub framing: Option<(Vec<u8>, [u8; 2])>,
    /// The message.
    pub message: Vec<u8>,
}

impl Krb5Message {
    /// TOK_ID of an AP-REP.
    pub const AP_REP: [u8; 2] = [2, 0];
    /// TOK_ID of a KRB-ERROR.
    pub const KRB_ERROR: [u8; 2] = [3, 0];

    /// Takes the framing off. What is not framed stands alone.
    #[must_use]
    pub fn decode(token: &[u8]) -> Self {
        Self::framed(token).unwrap_or_else(|| Self { framing: None, message: token.into() })
    }

    fn framed(token: &[u8]) -> Option<Self> {
        let token: asn1::Krb5ContextToken = asn1::read(token)?;
        let tok_id = token.tok_id.as_bytes().try_into().ok()?;
        Some(Self { framing: Some((token.this_mech.0.to_vec(), tok_id)), message: token.message.as_bytes().into() })
    }

    /// The token's bytes.
    #[must_use]
    pub fn mint(&self) -> Vec<u8> {
        match &self.framing {
            None => self.message.clone(),
            Some((oid, tok_id)) => initial_token(oid, [&tok_id[..], &self.message].concat()),
        }
    }
}

/// An AP-REP (RFC 4120 section 5.5.2): a server's, or in DCE style a client's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ApRepParts {
    /// pvno: 5.
    pub pvno: i64,
    /// msg-type: 15.
    pub msg_type: i64,
    /// ctime: the authenticator's.
    pub ctime: TimeText,
    /// cusec: the authenticator's.
    pub cusec: i64,
    /// subkey.
    pub subkey: Option<KeyParts>,
    /// seq-number.
    pub seq_number: Option<i64>,

    /// EncryptedData.etype, whatever the key is.
    pub etype: i64,
    /// EncryptedData.kvno: none.
    pub kvno: Option<i64>,
    /// The key usage it is encrypted for: 12.
    pub usage: KeyUsage,
}

impl ApRepParts {
    /// Opens an AP-REP with `key`, the session key; `None` if it is no AP-REP, or not under that key.
    #[must_use]
    pub fn decode(message: &[u8], key: &Key) -> Option<Self> {
        let asn1::ApRep { pvno, msg_type, enc_part } = asn1::read(message)?;
        let part: asn1::EncApRepPart = asn1::read(&open(key, &enc_part.cipher)?)?;
        Some(Self {
            pvno,
            msg_type,
            ctime: TimeText::decode(&part.ctime),
            cusec: part.cusec,
            subkey: part.subkey.as_ref().map(KeyParts::decode),
            seq_number: part.seq_number,
            etype: enc_part.etype,
            kvno: enc_part.kvno,
            usage: KeyUsage::AP_REP_ENC_PART,
        })
    }

    /// The message's bytes, encrypted in `key`, with `confounder` before the plaintext.
    #[must_use]
    pub fn mint(&self, key: &Key, confounder: &Confounder) -> Vec<u8> {
        let part = asn1::EncApRepPart {
            ctime: self.ctime.encode(),
            cusec: self.cusec,
            subkey: self.subkey.as_ref().map(KeyParts::encode),
            seq_number: self.seq_number,
        };
        let mut cipher = Vec::new();
        key.cipher(self.usage).encrypt(confounder, &asn1::der(&part), &mut cipher);
        let enc_part = asn1::EncryptedData { etype: self.etype, kvno: self.kvno, cipher: asn1::octets(&cipher) };
        asn1::der(&asn1::ApRep { pvno: self.pvno, msg_type: self.msg_type, enc_part })
    }

    /// The type of [`subkey`](Self::subkey).
    #[must_use]
    pub fn subkey_etype(&self) -> Option<EncType> {
        self.subkey.as_ref().map(|subkey| EncType(subkey.keytype))
    }
}

fn open(key: &Key, ciphertext: &[u8]) -> Option<Vec<u8>> {
    let mut room = ciphertext.to_vec();
    let plaintext = key.cipher(KeyUsage::AP_REP_ENC_PART).decrypt(ciphertext, &mut room).ok()?;
    room.get(plaintext).map(<[u8]>::to_vec)
}

/// A KRB-ERROR (RFC 4120 section 5.9.1).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KrbErrorParts {
    /// pvno: 5.
    pub pvno: i64,
    /// msg-type: 30.
    pub msg_type: i64,
    /// ctime: the authenticator's.
    pub ctime: Option<TimeText>,
    /// cusec: the authenticator's.
    pub cusec: Option<i64>,
    /// stime: the server's time.
    pub stime: TimeText,
    /// susec.
    pub susec: i64,
    /// error-code (RFC 4120 section 7.5.9).
    pub error_code: i32,
    /// crealm.
    pub crealm: Option<Vec<u8>>,
    /// cname.
    pub cname: Option<NameParts>,
    /// realm: the service's.
    pub realm: Vec<u8>,
    /// sname: the service's.
    pub sname: NameParts,
    /// e-text.
    pub e_text: Option<Vec<u8>>,
    /// e-data.
    pub e_data: Option<Vec<u8>>,
}

impl KrbErrorParts {
    /// Takes a message apart; `None` if it is no KRB-ERROR.
    #[must_use]
    pub fn decode(message: &[u8]) -> Option<Self> {
        let error: asn1::KrbError = asn1::read(message)?;
        Some(Self {
            pvno: error.pvno,
            msg_type: error.msg_type,
            ctime: error.ctime.as_ref().map(TimeText::decode),
            cusec: error.cusec,
            stime: TimeText::decode(&error.stime),
            susec: error.susec,
            error_code: error.error_code,
            crealm: error.crealm.map(|realm| realm.0.to_vec()),
            cname: error.cname.as_ref().map(NameParts::decode),
            realm: error.realm.0.to_vec(),
            sname: NameParts::decode(&error.sname),
            e_text: error.e_text.map(|text| text.0.to_vec()),
            e_data: error.e_data.map(|data| data.to_vec()),
        })
    }
}
