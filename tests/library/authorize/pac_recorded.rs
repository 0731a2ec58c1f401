//! Tests of the PACs of recorded tickets: the KDC's signatures under its krbtgt key, and the identity of the user.

use crate::recorded;

use kerberos_sso::crypto::{EncType, Key};
use kerberos_sso::pac::{BufferType, KdcSignatures, SignatureState};
use kerberos_sso::replay::NoReplayCache;
use kerberos_sso::{Accepted, AccountKind, AssertedBy, KeySet, Refused, Validator};
use recorded::{Case, Outcome, Recording};

/// Validates the token of a case. The accounts have the recorded krbtgt keys, after `change` has changed the octets of
/// each key.
fn judge(recording: &Recording, case: &Case, change: impl Fn(Vec<u8>) -> Vec<u8>) -> Result<Accepted, Refused> {
    let accounts = recording.accounts(case).unwrap().into_iter().map(|account| {
        let krbtgt = recording.krbtgt_keys.get(account.realm()).into_iter().flatten();
        krbtgt.fold(account, |account, krbtgt| {
            let key = change(krbtgt.key.0.clone());
            account.with_krbtgt_key(&Key::new(EncType(krbtgt.etype), &key).unwrap())
        })
    });
    let validator = Validator::new(KeySet::from_accounts(accounts).unwrap(), case.policy.policy(), NoReplayCache);
    case.judge(&validator, &case.bytes().unwrap())
}

fn with_pac(recordings: &[Recording]) -> impl Iterator<Item = (&Recording, &Case, &recorded::ExpectedPac)> {
    recordings.iter().flat_map(|recording| {
        recording.cases.iter().filter_map(move |case| match case.outcome() {
            Outcome::Accept(expect) => expect.pac.as_ref().map(|pac| (recording, case, pac)),
            Outcome::Reject(_) => None,
        })
    })
}

/// Returns the accepted cases that have a PAC and a recorded krbtgt key.
fn with_krbtgt_key(recordings: &[Recording]) -> impl Iterator<Item = (&Recording, &Case, &recorded::ExpectedPac)> {
    with_pac(recordings).filter(|(recording, case, _)| {
        let accounts = recording.accounts(case).unwrap();
        accounts.iter().any(|account| recording.krbtgt_keys.get(account.realm()).is_some_and(|keys| !keys.is_empty()))
    })
}

#[cfg(feature = "rc4")]
#[test]
fn kdc_signatures_of_recorded_pacs_verify_under_the_recorded_krbtgt_key() {
    let recordings = recorded::load_all().unwrap();
    let mut seen = 0;
    for (recording, case, expect) in with_krbtgt_key(&recordings) {
        let accepted = judge(recording, case, |key| key).unwrap_or_else(|refused| panic!("{}: {refused}", case.id));
        let state = |buffer_type: BufferType| {
            if expect.buffers.contains(&buffer_type.0) { SignatureState::Valid } else { SignatureState::Absent }
        };
        let KdcSignatures { kdc, full, ticket, .. } = accepted.pac().unwrap().kdc_signatures();
        let (has_full, has_ticket) = (state(BufferType::FULL_CHECKSUM), state(BufferType::TICKET_CHECKSUM));
        assert_eq!((kdc, full, ticket), (SignatureState::Valid, has_full, has_ticket), "{}", case.id);
        seen += 1;
    }
    assert!(seen > 0);
}

#[cfg(feature = "rc4")]
#[test]
fn recorded_pac_is_refused_under_another_krbtgt_key() {
    let recordings = recorded::load_all().unwrap();
    for (recording, case, _) in with_krbtgt_key(&recordings) {
        let verdict = judge(recording, case, |mut key| {
            key[0] ^= 1;
            key
        });
        assert_eq!(verdict.unwrap_err().code(), "pac-signature", "{}", case.id);
    }
}

/// The expected values come from independent decoders.
#[cfg(feature = "rc4")]
#[test]
fn identity_of_a_recorded_ticket_has_the_values_of_its_pac() {
    let recordings = recorded::load_all().unwrap();
    for (recording, case, expect) in with_pac(&recordings) {
        let validator = recording.validator(case).unwrap();
        let accepted = case.judge(&validator, &case.bytes().unwrap()).unwrap();
        let identity = accepted.identity().to_owned();
        let sids =
            |groups: &[kerberos_sso::pac::Group]| groups.iter().map(|group| group.sid.to_string()).collect::<Vec<_>>();
        assert_eq!(identity.sid.map(|sid| sid.to_string()), expect.user_sid, "{}", case.id);
        assert_eq!(identity.account_name.filter(|name| !name.is_empty()), expect.account_name, "{}", case.id);
        // Without a user SID, the PAC does not prove that the UPN belongs to the user.
        let with_sid = |text: &Option<String>| text.clone().filter(|_| expect.user_sid.is_some());
        let names = (with_sid(&expect.upn), with_sid(&expect.dns_domain));
        assert_eq!((identity.upn, identity.dns_domain), names, "{}", case.id);
        assert_eq!(sids(&identity.domain_groups), expect.group_sids, "{}", case.id);
        // The identity keeps the foreign groups of both PAC lists in a separate list.
        let lists = [&identity.extra_groups, &identity.resource_groups, &identity.foreign_groups];
        let mut found = lists.map(|groups| sids(groups)).concat();
        let mut expected = [&expect.extra_sids[..], &expect.resource_group_sids].concat();
        found.sort();
        expected.sort();
        assert_eq!(found, expected, "{}", case.id);
    }
}

#[test]
fn recorded_tickets_give_the_expected_account_kinds_and_asserting_parties() {
    let recordings = recorded::load_all().unwrap();
    let identity = |id: &str| {
        let (recording, case, _) = with_pac(&recordings).find(|(_, case, _)| case.id == id).unwrap();
        let validator = recording.validator(case).unwrap();
        case.judge(&validator, &case.bytes().unwrap()).unwrap().identity().to_owned()
    };
    for (id, kind) in [
        ("samba-computer", AccountKind::Computer),
        ("samba-guest", AccountKind::System),
        ("samba-administrator", AccountKind::User),
        ("samba-other-case", AccountKind::User),
    ] {
        assert_eq!(identity(id).kind, Some(kind), "{id}");
    }
    assert_eq!(identity("samba-s4u2proxy").asserted_by, AssertedBy::Service);
    assert_eq!(identity("samba-enterprise").asserted_by, AssertedBy::Authentication);
    assert_eq!(identity("mit-name-1").sid, None);
}

/// The expected values are those that Samba's own NDR bindings read in the recorded PAC.
#[test]
fn delegation_info_of_a_recorded_ticket_names_its_target_and_transited_services() {
    let recordings = recorded::load_all().unwrap();
    let (recording, case, _) = with_pac(&recordings).find(|(_, case, _)| case.id == "samba-s4u2proxy").unwrap();
    let accepted = judge(recording, case, |key| key).unwrap();
    let info = accepted.pac().unwrap().delegation_info().unwrap().unwrap();
    assert!(info.proxy_target() == *"HTTP/autologon.microsoftazuread-sso.com");
    assert_eq!(
        info.transited_services().map(kerberos_sso::pac::WideText::decoded).collect::<Vec<_>>(),
        ["WEBSVC$@CONTOSO.TEST"]
    );
}
