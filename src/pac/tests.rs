//! Tests of changed and cut PACs, and of the message that the ticket signature covers.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::arithmetic_side_effects)]
use super::error::PacMalformed;
use super::ticket_signature::without_pac;
use super::{BufferType, KdcSignatures, Pac, PacLayout, SignatureState};
use crate::crypto::{EncType, Key, KeyUsage};
use crate::limits::MAX_AUTH_DATA_DEPTH;
use crate::sid::Sid;
use crate::testing::{TestRealm, if_relevant};
use crate::time::UnixTime;
use alloc::vec;
use alloc::vec::Vec;

fn read(pac: &[u8]) -> Result<PacLayout, PacMalformed> {
    let kdc_signatures =
        KdcSignatures { kdc: SignatureState::Unchecked, full: SignatureState::Absent, ticket: SignatureState::Absent };
    PacLayout::decode(&Pac::read(pac)?, kdc_signatures).map_err(|fault| fault.within(pac))
}

#[test]
fn changed_pac_is_read_or_refused_at_an_offset_within_the_pac_and_a_cut_pac_is_refused() {
    let realm = TestRealm::new("CONTOSO.TEST").with_account("AZUREADSSOACC$").of_active_directory();
    let token = realm.ticket_for("alice").at(UnixTime::from_seconds(1_795_248_000)).pac(|pac| {
        pac.logon_info.full_name = "Alice Anderson".into();
        pac.resource_groups(realm.domain_sid(), [572, 2001]);
        pac.extra_sid(Sid::AUTHENTICATION_ASSERTED);
        pac.groups(1100..1105);
    });
    let delegated = token.clone().pac(|pac| {
        pac.delegated("http/web.contoso.test", &["http/first.contoso.test"]);
        pac.remove(BufferType::UPN_DNS_INFO);
        pac.add(BufferType(99), [7; 8]);
    });
    for token in [token, delegated] {
        change(token.ticket.pac_bytes().unwrap());
    }
}

fn change(mut pac: Vec<u8>) {
    read(&pac).unwrap();
    let explained = |pac: &[u8]| read(pac).is_ok_and(|_| true) || read(pac).unwrap_err().at <= pac.len();
    for at in 0..pac.len() {
        assert!(read(&pac[..at]).unwrap_err().at <= at, "the first {at}");
        let octet = pac[at];
        for other in [1, 4, 0x7F, 0x80, 0xFF] {
            pac[at] = octet ^ other;
            assert!(explained(&pac), "{other:02X} at {at}");
        }
        pac[at] = octet;
    }
}

/// The test checks the rule of MS-PAC section 2.8.3. The length fields of the elements around the PAC may be longer
/// than the length fields around the zero octet.
#[test]
fn pac_in_a_ticket_is_replaced_by_one_zero_octet_at_every_nesting_depth() {
    let token = TestRealm::new("CONTOSO.TEST").ticket_for("alice").without_pac();
    let plaintext = |pac: &[u8], depth| {
        let mut ticket = token.ticket.clone();
        let element = (0..depth).fold((128, pac.to_vec()), |element, _| if_relevant(&[element]));
        ticket.authorization_data = vec![if_relevant(&[(141, vec![1])]), element, (141, vec![2])];
        ticket.plaintext()
    };
    let key = Key::new(EncType::AES256_CTS_HMAC_SHA1_96, &[7; 32]).unwrap().checksummer(KeyUsage::PAC_SIGNATURE);
    for depth in 0..=MAX_AUTH_DATA_DEPTH {
        let mut expected = key.start();
        expected.update(&plaintext(&[0], depth));
        let expected = expected.finish();
        for length in [16, 126, 127, 128, 255, 256, 65_000] {
            let pac = vec![0xA5; length];
            let whole = plaintext(&pac, depth);
            let at = whole.windows(length).position(|octets| octets == pac).unwrap();
            let mut mac = key.start();
            without_pac(&whole, &whole[at..at + length]).unwrap().feed(&mut mac);
            assert_eq!(mac.finish().as_ref(), expected.as_ref(), "{length} octets at depth {depth}");
        }
    }
}
