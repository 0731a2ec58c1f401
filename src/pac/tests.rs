//! A reader that tells nothing takes the PACs that one that tells all takes, and finds the same in them.

#![allow(clippy::unwrap_used, clippy::indexing_slicing)]
use super::{BufferType, KdcSignatures, Pac, PacLayout, SignatureState};
use crate::error::PacMalformed;
use crate::sid::Sid;
use crate::testing::TestRealm;
use crate::time::UnixTime;
use crate::wire::der::{Full, Tell, Terse};
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

fn found<D: Tell<PacMalformed>>(pac: &[u8]) -> Option<String> {
    let kdc_signatures =
        KdcSignatures { kdc: SignatureState::Unchecked, full: SignatureState::Absent, ticket: SignatureState::Absent };
    let layout = PacLayout::decode::<D>(&Pac::find::<D>(pac).ok()?, kdc_signatures).ok()?;
    Some(format!("{layout:?}"))
}

#[test]
fn each_changed_octet_and_each_beginning() {
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
        compare(token.ticket.pac_bytes().unwrap());
    }
}

fn compare(mut pac: Vec<u8>) {
    assert!(found::<Terse>(&pac).is_some());
    for at in 0..pac.len() {
        assert_eq!(found::<Terse>(&pac[..at]), found::<Full>(&pac[..at]), "the first {at}");
        let octet = pac[at];
        for other in [0, 1, 4, 0x7F, 0x80, 0xFF] {
            pac[at] = octet ^ other;
            assert_eq!(found::<Terse>(&pac), found::<Full>(&pac), "{other:02X} at {at}");
        }
        pac[at] = octet;
    }
}
