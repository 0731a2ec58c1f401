//! Writes recorded requests: header values, tokens, and their decrypted parts. PACs get new signatures with the
//! target's keys.

use super::{Seeds, anatomy_of, decrypt, recorded};
use kerberos_sso::crypto::KeyUsage;
use kerberos_sso::replay::NoReplayCache;
use kerberos_sso::{KeySet, Policy, Validator};
use kerberos_sso_fuzz::pac::Signer;
use kerberos_sso_fuzz::server::realm;
use kerberos_sso_fuzz::stated::Ticket;
use recorded::{Case, Form, Recording};

pub(crate) fn write(seeds: &Seeds) {
    std::panic::set_hook(Box::new(|_| {}));
    let decoder = Validator::new(KeySet::default(), Policy::default(), NoReplayCache);
    for recording in &recorded::load_all().unwrap() {
        for case in &recording.cases {
            let bytes = case.bytes().unwrap();
            let token = match case.form {
                Form::Token => bytes,
                Form::Header => {
                    seeds.add("header", &case.id, &bytes);
                    let Ok(token) = decoder.decode_header(&bytes) else { continue };
                    token
                }
            };
            seeds.add("token", &case.id, &token);
            plaintexts(seeds, recording, case, &token);
        }
    }
    drop(std::panic::take_hook());
}

fn plaintexts(seeds: &Seeds, recording: &Recording, case: &Case, token: &[u8]) -> Option<()> {
    let anatomy = anatomy_of(token)?;
    let cipher = &token[anatomy.ticket_cipher];
    let keys = recording.raw_keys(case).unwrap();
    let ticket = keys.iter().find_map(|key| decrypt(key, KeyUsage::TICKET, cipher))?;
    seeds.add("ticket_part", &case.id, &with_signed_pac(&ticket).unwrap_or_else(|| ticket.clone()));
    if let Some(pac) = pac(&ticket) {
        seeds.add("pac", &case.id, &ticket[pac]);
    }
    let session_key = Ticket::read(&ticket)?.session_key;
    let cipher = &token[anatomy.authenticator_cipher];
    seeds.add("authenticator", &case.id, &decrypt(&session_key, KeyUsage::AP_REQ_AUTHENTICATOR, cipher)?);
    Some(())
}

/// Returns the ticket with new PAC signatures. A signature has the same length under every key of its type, so the
/// other octets of the ticket stay in place.
fn with_signed_pac(ticket: &[u8]) -> Option<Vec<u8>> {
    let token = realm().ticket_for("alice");
    let place = pac(ticket)?;
    let signed = Signer::new(&token.ticket.key, &token.ticket.key, Vec::new()).sign(&ticket[place.clone()]);
    Some([&ticket[..place.start], &signed, &ticket[place.end..]].concat())
}

/// Returns the position of the PAC: the contents of the OCTET STRING after ad-type 128.
fn pac(ticket: &[u8]) -> Option<std::ops::Range<usize>> {
    let start = ticket.windows(AD_WIN2K_PAC.len()).position(|window| window == AD_WIN2K_PAC)? + AD_WIN2K_PAC.len();
    let rest = &ticket[start..];
    let (header, length) = match rest {
        [0xA1, 0x82, _, _, 0x04, 0x82, high, low, ..] => (8, usize::from(*high) << 8 | usize::from(*low)),
        [0xA1, 0x81, _, 0x04, 0x81, length, ..] => (6, usize::from(*length)),
        _ => return None,
    };
    Some(start + header..start + header + length)
}

/// The encoded field ad-type with the value 128.
const AD_WIN2K_PAC: [u8; 6] = [0xA0, 0x04, 0x02, 0x02, 0x00, 0x80];
