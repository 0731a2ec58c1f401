//! Tests of the memory for a PAC. A PAC needs no memory until the caller asks for owned values. A PAC with wrong counts
//! needs no memory either.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::arithmetic_side_effects)]

use crate::pac_support;
use crate::recorded;

use allocation_counter::{AllocationInfo, measure};
use kerberos_sso::pac::{BufferType, Pac};
use kerberos_sso::replay::NoReplayCache;
use kerberos_sso::testing::{PacParts, TestRealm};
use kerberos_sso::{Accepted, Policy, Validator};
use pac_support::alice::{alice, device, pac_of};
use pac_support::{checksummer, server_key, sid};

/// Validates a recorded token and runs `then` with the accepted request. Returns the allocations of the validation and
/// of `then`, and the result of `then`.
fn cost(id: &str, then: impl FnOnce(&Accepted) -> usize) -> (AllocationInfo, usize) {
    let recordings = recorded::load_all().unwrap();
    let cases = recordings.iter().flat_map(|recording| recording.cases.iter().map(move |case| (recording, case)));
    let (recording, case) = cases.into_iter().find(|(_, case)| case.id == id).unwrap();
    let (validator, token) = (recording.validator(case).unwrap(), case.bytes().unwrap());
    let mut result = 0;
    let info = measure(|| result = then(&case.judge(&validator, &token).unwrap()));
    (info, result)
}

#[test]
fn pac_of_1000_groups_needs_no_more_allocations_than_a_pac_of_5_groups() {
    let look = |accepted: &Accepted| {
        let identity = accepted.identity();
        assert!(identity.sid().is_some() && identity.account_name().is_some() && identity.upn().is_some());
        identity.groups().count()
    };
    let (few, five) = cost("samba-groups-5", look);
    let (many, thousand) = cost("samba-groups-1000", look);
    assert!(five < 10 && thousand > 1000);
    assert_eq!(few.count_total, many.count_total);
    let (owned, _) = cost("samba-groups-1000", |accepted| accepted.identity().to_owned().groups().count());
    assert!(owned.count_total > many.count_total);
}

#[test]
fn pac_is_read_and_verified_without_an_allocation() {
    let mut logon = alice();
    logon.extra_sids = (0..1000).map(|rid| (sid("S-1-5-21-4-5-6").join(rid + 1000).unwrap(), 7)).collect();
    let pac = pac_of("alice", 0, &logon).signed(&server_key());
    let key = checksummer(&server_key());
    let info = measure(|| {
        let verified = Pac::read(&pac).unwrap().verify([&key], None).unwrap();
        assert_eq!(verified.logon_info().unwrap().extra_sids().count(), 1000);
    });
    assert_eq!(info.count_total, 0);
}

/// One buffer holds the plaintexts of the ticket and of the authenticator, and so also the PAC. Any accepted PAC
/// therefore needs only this one allocation. An earlier request has already prepared the key.
#[test]
fn request_that_is_accepted_with_any_pac_needs_one_allocation() {
    let realm = TestRealm::new("CONTOSO.TEST").of_active_directory();
    let cost = |change: &dyn Fn(&mut PacParts)| {
        let validator = Validator::new(realm.key_set(), Policy::default(), NoReplayCache);
        let token = realm.ticket_for("alice").pac(change).mint();
        let mut accepted = Some(validator.validate_ticket(&token, TestRealm::NOW).unwrap());
        let info = measure(|| accepted = Some(validator.validate_ticket(&token, TestRealm::NOW).unwrap()));
        let pac = accepted.as_ref().unwrap().pac().unwrap();
        let mut found = 0;
        let reading = measure(|| {
            found += pac.delegation_info().unwrap().map_or(0, |info| info.transited_services().count());
            found += pac.device_info().unwrap().map_or(0, |device| device.domain_groups().count());
        });
        assert_eq!(reading.count_total, 0);
        (info.count_total, found)
    };
    assert_eq!(cost(&|_| ()), (1, 0));
    assert_eq!(cost(&|pac| pac.groups(1100..2100)), (1, 0));
    assert_eq!(cost(&|pac| pac.delegated("HTTP/www", &["A$@CONTOSO.TEST", "B$@CONTOSO.TEST"])), (1, 2));
    assert_eq!(cost(&|pac| pac.add(BufferType::DEVICE_INFO, device().bytes)), (1, 2));
}

#[test]
fn pac_that_counts_more_elements_than_it_has_is_refused_without_an_allocation() {
    let key = checksummer(&server_key());
    let encoded = alice().encode();
    for (count, array) in
        [("GroupCount", "GroupIds."), ("SidCount", "ExtraSids."), ("ResourceGroupCount", "ResourceGroupIds.")]
    {
        for number in [1000_u32, 0x0FFF_FFFF, u32::MAX] {
            let mut buffers = pac_of("alice", 0, &alice());
            for mark in [count, array] {
                let at = encoded.marks[mark];
                buffers.get_mut(BufferType::LOGON_INFO).unwrap()[at..at + 4].copy_from_slice(&number.to_le_bytes());
            }
            let pac = buffers.signed(&server_key());
            let info = measure(|| assert!(Pac::read(&pac).unwrap().verify([&key], None).is_err()));
            assert_eq!(info.bytes_total, 0, "{count} {number}");
        }
    }
}
