//! One change of the good token for each check, in the order of the checks. The first check is the check of the token's
//! size. The last check is the check directly before the replay cache.

use super::Server;
use kerberos_sso::crypto::{EncType, Key};
use kerberos_sso::testing::{ChecksumParts, KeyParts, SpnegoParts, TestToken, TokenFraming, mech};
use kerberos_sso::{
    ChannelBindings, Policy,
    policy::{AddressPolicy, DelegationPolicy},
    ticket::TicketFlags,
};

pub type Change = fn(&mut TestToken);

/// Returns a server whose policy turns on every check, and which accepts the good token.
pub fn server() -> Server {
    Server::with_policy(policy())
}

pub fn policy() -> Policy {
    Policy::default()
        .with_services(["HTTP/www.contoso.test"])
        .with_addresses(AddressPolicy::Check)
        .with_delegation(DelegationPolicy::RefuseByFlags)
        .with_channel_bindings([ChannelBindings::new(b"ours")])
}

/// Each change with an error code, in the order of the checks. If a test makes only this change to the good token, the
/// server refuses the token with an error that has this code.
pub const IN_ORDER: [(&str, Change); 27] = [
    ("too-large", |token| *token = token.clone().spnego(|spnego| spnego.mech_list_mic = Some(vec![0; 70_000]))),
    ("malformed", |token| token.pvno = 4),
    ("user-to-user", |token| token.ap_options |= 1 << 30),
    ("unsupported-etype", |token| token.ticket.etype = 3),
    ("service-refused", |token| token.ticket.sname = "HTTP/other.contoso.test".into()),
    ("no-key", |token| token.ticket.realm = "FABRIKAM.TEST".into()),
    ("integrity", |token| token.ticket.key = other_key()),
    ("malformed", |token| token.ticket.raw = Some(vec![0x63, 0x00])),
    ("rc4-refused", |token| token.ticket.session_key.keytype = 23),
    ("ticket-invalid", |token| token.ticket.add_flags(TicketFlags::INVALID)),
    ("ticket-not-yet-valid", |token| token.ticket.starttime = Some("20261121080501Z".into())),
    ("ticket-expired", |token| token.ticket.endtime = "20261121075459Z".into()),
    ("name-refused", |token| token.ticket.cname.components.clear()),
    ("untrusted-realm", |token| token.ticket.crealm = "FABRIKAM.TEST".into()),
    ("transited", |token| token.ticket.transited.1 = b"MIDDLE.TEST".to_vec()),
    ("address-mismatch", |token| token.ticket.caddr = Some(vec![(2, vec![192, 0, 2, 1])])),
    ("delegation", |token| token.ticket.add_flags(TicketFlags::FORWARDED)),
    ("authorization-data", |token| token.ticket.authorization_data.push((-1, vec![1]))),
    ("integrity", |token| token.authenticator.key = other_key()),
    ("malformed", |token| token.authenticator.authenticator_vno = 4),
    ("client-mismatch", |token| token.authenticator.cname = "bob".into()),
    ("clock-skew", |token| token.authenticator.ctime = "20261121080501Z".into()),
    ("unsupported-etype", |token| token.authenticator.subkey = Some(KeyParts { keytype: 3, keyvalue: vec![1; 8] })),
    ("checksum", |token| token.authenticator.cksum = ChecksumParts::Other { cksumtype: 1, checksum: vec![0; 4] }),
    ("authorization-data", |token| token.authenticator.authorization_data.push((-2, vec![1]))),
    ("service-refused", |token| {
        token.authenticator.authorization_data.clear();
        *token = token.clone().client_target("HTTP/other.contoso.test@CONTOSO.TEST");
    }),
    ("channel-binding", |token| token.authenticator.gss.bindings = [1; 16]),
];

/// The error codes in the KRB-ERRORs for the changes of [`IN_ORDER`]. The server writes a KRB-ERROR only after it has
/// read the ticket and the authenticator.
pub const KRB_ERROR_CODES: [Option<i32>; 27] = [
    None,     // too-large
    None,     // malformed
    None,     // user-to-user
    None,     // unsupported-etype
    None,     // service-refused
    None,     // no-key
    None,     // integrity of the ticket
    None,     // malformed ticket
    None,     // rc4-refused
    Some(33), // ticket-invalid: KRB_AP_ERR_TKT_NYV
    Some(33), // ticket-not-yet-valid: KRB_AP_ERR_TKT_NYV
    Some(32), // ticket-expired: KRB_AP_ERR_TKT_EXPIRED
    Some(60), // name-refused: KRB_ERR_GENERIC
    Some(60), // untrusted-realm
    Some(28), // transited: KRB_AP_PATH_NOT_ACCEPTED
    Some(38), // address-mismatch: KRB_AP_ERR_BADADDR
    Some(60), // delegation
    Some(60), // authorization-data
    None,     // integrity of the authenticator
    None,     // malformed authenticator
    Some(36), // client-mismatch: KRB_AP_ERR_BADMATCH
    Some(37), // clock-skew: KRB_AP_ERR_SKEW
    Some(60), // unsupported-etype of the subkey
    Some(50), // checksum: KRB_AP_ERR_INAPP_CKSUM
    Some(60), // authorization-data
    Some(60), // service-refused: KRB_ERR_GENERIC, as Windows answers
    Some(60), // channel-binding
];

/// A NegTokenResp with negState reject and nothing else, as MIT krb5 and Windows write it.
pub const REJECT: [u8; 9] = [0xA1, 7, 0x30, 5, 0xA0, 3, 0x0A, 1, 2];

/// Returns all framings of a token. SPNEGO is the first framing.
pub fn framings() -> [TokenFraming; 4] {
    let krb5 = |oid: &[u8]| TokenFraming::Krb5(oid.into());
    [TokenFraming::Spnego(SpnegoParts::default()), krb5(mech::KRB5), krb5(mech::MS_KRB5), TokenFraming::ApReq]
}

fn other_key() -> Key {
    Key::new(EncType::AES256_CTS_HMAC_SHA1_96, &[0x42; 32]).expect("32 bytes")
}
