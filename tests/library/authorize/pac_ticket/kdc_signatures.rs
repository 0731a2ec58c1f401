//! Tests of the KDC's signatures when the krbtgt key is known.

use super::*;

/// Returns a ticket with all signatures. If a test later changes the ticket, the signatures stay as they are.
fn fully_signed(server: &Server, krbtgt: &Key) -> TestToken {
    let token = server.realm.ticket_for("alice").pac(|pac| pac.signed_by_kdc(krbtgt));
    let signed = token.ticket.pac_bytes();
    token.pac(|pac| pac.raw = signed)
}

fn krbtgt(etype: EncType) -> Key {
    Key::new(etype, &vec![7; etype.key_len().unwrap()]).unwrap()
}

#[test]
fn kdc_signatures_are_verified_when_the_krbtgt_key_is_known() {
    for etype in EncType::SUPPORTED {
        let key = krbtgt(etype);
        let unknowing = Server::new(Policy::default());
        let accepted = unknowing.check(&fully_signed(&unknowing, &key)).unwrap();
        let signatures = accepted.pac().unwrap().kdc_signatures();
        assert_eq!([signatures.kdc, signatures.full, signatures.ticket], [SignatureState::Unchecked; 3]);

        let other = krbtgt(EncType::AES128_CTS_HMAC_SHA1_96);
        // The policy's encryption types of tickets are also the types that krbtgt keys may have.
        let policy = Policy::default().with_ticket_etypes(&EncType::SUPPORTED);
        let server = Server::with_account(policy, |account| {
            account
                .with_krbtgt_key(&other)
                .with_krbtgt_key(&Key::new(etype, &vec![9; key.expose_bytes().len()]).unwrap())
                .with_krbtgt_key(&key)
        });
        let accepted = server.check(&fully_signed(&server, &key)).unwrap();
        let signatures = accepted.pac().unwrap().kdc_signatures();
        assert_eq!([signatures.kdc, signatures.full, signatures.ticket], [SignatureState::Valid; 3], "{etype}");
    }
}

/// The signatures are valid for each encryption type of the service's key, with and without the identifier of a
/// read-only domain controller.
#[test]
fn kdc_signatures_of_a_test_realm_of_active_directory_are_valid() {
    let realm = TestRealm::new("CONTOSO.TEST").of_active_directory();
    let account = realm.account().with_krbtgt_key(&realm.krbtgt_key(EncType::AES256_CTS_HMAC_SHA1_96));
    let validator = Validator::new(
        KeySet::from(account),
        Policy::default().with_ticket_etypes(&EncType::SUPPORTED).with_session_etypes(&EncType::SUPPORTED),
        NoReplayCache,
    );
    for etype in EncType::SUPPORTED {
        for rodc_identifier in [None, Some(0x1234)] {
            let token = realm.ticket_for("alice").etype(etype).pac(|pac| {
                pac.server_signature.rodc_identifier = rodc_identifier;
                pac.kdc_signature.rodc_identifier = rodc_identifier;
                pac.full_signature.rodc_identifier = rodc_identifier;
            });
            let accepted = validator.validate_ticket(&token.mint(), NOW).unwrap();
            let signatures = accepted.pac().unwrap().kdc_signatures();
            assert_eq!([signatures.kdc, signatures.full, signatures.ticket], [SignatureState::Valid; 3], "{etype}");
            assert_eq!(accepted.identity().sid(), Some(realm.user_sid("alice")));
        }
    }
}

/// A holder of the service's key can change the ticket or the PAC and renew the server signature. The KDC's signatures
/// then no longer verify.
#[test]
fn kdc_signatures_fail_when_a_holder_of_the_services_key_changed_the_ticket_or_the_pac() {
    let etype = EncType::AES256_CTS_HMAC_SHA1_96;
    let key = krbtgt(etype);
    let server = Server::with_account(Policy::default(), |account| account.with_krbtgt_key(&key));
    let refusal = |token: &TestToken| match server.check(token).unwrap_err() {
        Error::PacSignature(PacSignature { buffer_type, cause, .. }) => (buffer_type, cause),
        other => panic!("{} ({other})", other.code()),
    };
    let signed = || fully_signed(&server, &key);
    let mut longer = signed();
    longer.ticket.endtime = TimeText::from(NOW.saturating_add_seconds(12 * 3600));
    assert_eq!(refusal(&longer), (BufferType::TICKET_CHECKSUM, SignatureCause::Wrong));
    let mut flagged = signed();
    flagged.ticket.flags ^= 1 << 20;
    assert_eq!(refusal(&flagged), (BufferType::TICKET_CHECKSUM, SignatureCause::Wrong));
    let mut extended = signed();
    extended.ticket.authorization_data.push(if_relevant(&[(141, vec![1])]));
    assert_eq!(refusal(&extended), (BufferType::TICKET_CHECKSUM, SignatureCause::Wrong));

    let resigned = |change: &dyn Fn(&mut Vec<u8>)| {
        let token = signed();
        let mut pac = token.ticket.pac_bytes().unwrap();
        change(&mut pac);
        refusal(&token.pac(|parts| parts.raw = Some(sign(pac, &server.key()))))
    };
    let user_id = |pac: &mut Vec<u8>| {
        let logon = buffer(pac, BufferType::LOGON_INFO).unwrap();
        pac[logon.start + alice().encode().marks["UserId"]] ^= 1;
    };
    assert_eq!(resigned(&user_id), (BufferType::KDC_CHECKSUM, SignatureCause::Wrong));
    // An unknown buffer type hides the ticket signature. The change also needs a new server signature, so the KDC
    // signature over the old server signature fails.
    let unknown = |pac: &mut Vec<u8>| {
        for entry in (0..9).map(|index| 8 + 16 * index) {
            if pac[entry] == 16 {
                pac[entry] = 99;
            }
        }
    };
    assert_eq!(resigned(&unknown), (BufferType::KDC_CHECKSUM, SignatureCause::Wrong));
    let unkeyed = |pac: &mut Vec<u8>| {
        let kdc = buffer(pac, BufferType::KDC_CHECKSUM).unwrap();
        pac[kdc.start] = 15;
    };
    assert_eq!(resigned(&unkeyed), (BufferType::KDC_CHECKSUM, SignatureCause::Type(15.into())));
}

/// A silver ticket is forged with the service's key alone. The PAC of `good` is signed with that key alone.
#[test]
fn silver_ticket_is_refused_when_the_krbtgt_key_is_known() {
    let server = Server::new(Policy::default());
    assert!(server.of(&good()).is_ok());
    let key = krbtgt(EncType::AES256_CTS_HMAC_SHA1_96);
    let knowing = Server::with_account(Policy::default(), |account| account.with_krbtgt_key(&key));
    let refused = knowing.of(&good()).unwrap_err();
    let Error::PacSignature(PacSignature { buffer_type, cause, .. }) = refused else { panic!("{refused}") };
    assert_eq!((buffer_type, cause), (BufferType::KDC_CHECKSUM, SignatureCause::Wrong));
}
