//! A test that changes each octet of a PAC, and cuts the PAC off at each octet.

#![allow(clippy::unwrap_used, clippy::indexing_slicing)]
use super::error::PacMalformed;
use super::{BufferType, KdcSignatures, Pac, PacLayout, SignatureState};
use crate::sid::Sid;
use crate::testing::TestRealm;
use crate::time::UnixTime;
use alloc::vec::Vec;

fn read(pac: &[u8]) -> Result<PacLayout, PacMalformed> {
    let kdc_signatures =
        KdcSignatures { kdc: SignatureState::Unchecked, full: SignatureState::Absent, ticket: SignatureState::Absent };
    PacLayout::decode(&Pac::read(pac)?, kdc_signatures).map_err(|fault| fault.within(pac))
}

#[test]
fn changed_pac_is_read_or_its_fault_lies_within_it_and_a_cut_pac_is_refused() {
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
