//! The messages after a client's first token, as plain data. The messages are the server's answers, which `rasn`
//! decodes, and the client's later tokens.
//!
//! The decoders accept only a message that is DER to its last octet. So a decoded message, encoded again, has the same
//! octets.

use super::framing::initial_token;
use super::{KeyParts, NameParts, TimeText, asn1};
use crate::crypto::{Confounder, EncType, Key, KeyUsage};
use alloc::vec::Vec;

/// A NegTokenResp (RFC 4178 section 4.2.2) of the client or the server.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NegTokenRespParts {
    /// `negState` is one of the constants of this type, for example [`ACCEPT_COMPLETED`](Self::ACCEPT_COMPLETED).
    pub neg_state: Option<u8>,
    /// `supportedMech` is a mechanism (see [`mech`](super::mech)).
    pub supported_mech: Option<Vec<u8>>,
    /// `responseToken` is the mechanism's token.
    pub response_token: Option<Vec<u8>>,
    /// `mechListMIC` is a MIC over the offered mechanisms.
    pub mech_list_mic: Option<Vec<u8>>,
}

impl NegTokenRespParts {
    /// The state `accept-completed`.
    pub const ACCEPT_COMPLETED: u8 = 0;
    /// The state `accept-incomplete`.
    pub const ACCEPT_INCOMPLETE: u8 = 1;
    /// The state `reject`.
    pub const REJECT: u8 = 2;
    /// The state `request-mic`.
    pub const REQUEST_MIC: u8 = 3;

    /// Decodes a token. Returns `None` if the token is not a NegTokenResp.
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

    /// Encodes the token.
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

/// A message of the Kerberos mechanism, and its framing (RFC 4121 section 4.1).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Krb5Message {
    /// The object identifier and TOK_ID, or `None` if the message has no framing.
    pub framing: Option<(Vec<u8>, [u8; 2])>,
    /// The message without its framing.
    pub message: Vec<u8>,
}

impl Krb5Message {
    /// The TOK_ID of an AP-REP.
    pub const AP_REP: [u8; 2] = [2, 0];
    /// The TOK_ID of a KRB-ERROR.
    pub const KRB_ERROR: [u8; 2] = [3, 0];

    /// Decodes the framing. If the token has no framing, the whole token is the message.
    #[must_use]
    pub fn decode(token: &[u8]) -> Self {
        Self::framed(token).unwrap_or_else(|| Self { framing: None, message: token.into() })
    }

    fn framed(token: &[u8]) -> Option<Self> {
        let token: asn1::Krb5ContextToken = asn1::read(token)?;
        let tok_id = token.tok_id.as_bytes().try_into().ok()?;
        Some(Self { framing: Some((token.this_mech.0.to_vec(), tok_id)), message: token.message.as_bytes().into() })
    }

    /// Encodes the token.
    #[must_use]
    pub fn mint(&self) -> Vec<u8> {
        match &self.framing {
            None => self.message.clone(),
            Some((oid, tok_id)) => initial_token(oid, [&tok_id[..], &self.message].concat()),
        }
    }
}

/// An AP-REP (RFC 4120 section 5.5.2). A server sends an AP-REP. In DCE style, the client also sends an AP-REP.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ApRepParts {
    /// `pvno` must be 5.
    pub pvno: i64,
    /// `msg-type` must be 15.
    pub msg_type: i64,
    /// `ctime` must be the authenticator's `ctime`.
    pub ctime: TimeText,
    /// `cusec` must be the authenticator's `cusec`.
    pub cusec: i64,
    /// `subkey` is the sender's key for later messages.
    pub subkey: Option<KeyParts>,
    /// `seq-number` is the number of the sender's first message.
    pub seq_number: Option<i64>,

    /// `EncryptedData.etype` is not encrypted, and may differ from the type of the key.
    pub etype: i64,
    /// `EncryptedData.kvno` is usually absent.
    pub kvno: Option<i64>,
    /// The key usage of the encryption, which must be 12.
    pub usage: KeyUsage,
}

impl ApRepParts {
    /// Decrypts and decodes an AP-REP under the session key `key`. Returns `None` if the message is not an AP-REP, or does
    /// not decrypt under `key`.
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

    /// Encodes the AP-REP, encrypted under `key`, with `confounder` before the plaintext.
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

    /// Returns the type of [`subkey`](Self::subkey).
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
    /// `pvno` must be 5.
    pub pvno: i64,
    /// `msg-type` must be 30.
    pub msg_type: i64,
    /// `ctime` is the authenticator's `ctime`.
    pub ctime: Option<TimeText>,
    /// `cusec` is the authenticator's `cusec`.
    pub cusec: Option<i64>,
    /// `stime` is the server's time.
    pub stime: TimeText,
    /// `susec` is the microseconds of the server's time.
    pub susec: i64,
    /// `error-code` is the reason for the refusal (RFC 4120 section 7.5.9).
    pub error_code: i32,
    /// `crealm` is the client's realm.
    pub crealm: Option<Vec<u8>>,
    /// `cname` is the client's name.
    pub cname: Option<NameParts>,
    /// `realm` is the service's realm.
    pub realm: Vec<u8>,
    /// `sname` is the service's name.
    pub sname: NameParts,
    /// `e-text` is a text for an administrator.
    pub e_text: Option<Vec<u8>>,
    /// `e-data` is further data about the error.
    pub e_data: Option<Vec<u8>>,
}

impl KrbErrorParts {
    /// Decodes a message. Returns `None` if the message is not a KRB-ERROR.
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
