//! Tests that an identity survives a session store unchanged.

use kerberos_sso::Sid;
#[cfg(feature = "rc4")]
use {
    crate::recorded::{self, Outcome},
    kerberos_sso::Identity,
};

/// The test needs the feature `rc4`, because some recorded tickets are encrypted with RC4.
#[cfg(feature = "rc4")]
#[test]
fn identity_is_the_same_after_it_was_stored_as_json() {
    let recordings = recorded::load_all().unwrap();
    let cases = recordings.iter().flat_map(|recording| recording.cases.iter().map(move |case| (recording, case)));
    for (recording, case) in cases.filter(|(_, case)| matches!(case.outcome(), Outcome::Accept(_))) {
        let validator = recording.validator(case).unwrap();
        let identity = case.judge(&validator, &case.bytes().unwrap()).unwrap().identity().to_owned();
        let stored = serde_json::to_string(&identity).unwrap();
        assert_eq!(serde_json::from_str::<Identity>(&stored).unwrap(), identity, "{}", case.id);
    }
}

#[test]
fn sid_is_stored_as_its_text() {
    let sid: Sid = "S-1-5-21-1-2-3-1103".parse().unwrap();
    assert_eq!(serde_json::to_string(&sid).unwrap(), r#""S-1-5-21-1-2-3-1103""#);
    for text in [r#""S-1-5-21-x""#, "5", "null", r#""""#] {
        assert!(serde_json::from_str::<Sid>(text).is_err(), "{text}");
    }
}
