//! Tests of tickets with and without a PAC, and of the PAC's place in the authorization data.

use super::*;

#[test]
fn identity_of_a_ticket_without_pac_has_a_name_and_no_sid() {
    let server = Server::new(Policy::default());
    let accepted = server.check(&server.realm.ticket_for("alice")).unwrap();
    let identity = accepted.identity();
    assert!(accepted.pac().is_none() && identity.sid().is_none() && identity.groups().next().is_none());
    assert_eq!((identity.kind(), identity.asserted_by()), (None, AssertedBy::Unknown));
    assert_eq!(identity.to_string(), "alice@CONTOSO.TEST");
}

#[test]
fn pac_policy_decides_whether_an_absent_or_wrongly_signed_pac_is_refused() {
    let no_logon_info = good().without(BufferType::LOGON_INFO).without(BufferType::UPN_DNS_INFO);
    for (policy, none, nameless, bad) in [
        (PacPolicy::Require, Some("pac-missing"), Some("pac-missing"), Some("pac-signature")),
        (PacPolicy::VerifyIfPresent, None, None, Some("pac-signature")),
        (PacPolicy::Ignore, None, None, None),
    ] {
        let server = Server::new(Policy::default().with_pac(policy));
        let code = |result: Result<Accepted, Error>| result.err().map(|error| error.code());
        assert_eq!(code(server.check(&server.realm.ticket_for("alice"))), none, "{policy:?}");
        assert_eq!(code(server.of(&no_logon_info)), nameless, "{policy:?}");
        let mut unsigned = good().signed(&server.key());
        let at = buffer(&unsigned, BufferType::CLIENT_INFO).unwrap().start;
        unsigned[at] ^= 1;
        assert_eq!(code(server.check(&server.token("alice", unsigned))), bad, "{policy:?}");
        let accepted = server.of(&good()).unwrap();
        assert_eq!(accepted.pac().is_some(), policy != PacPolicy::Ignore);
        assert_eq!(accepted.identity().sid().is_some(), policy != PacPolicy::Ignore);
    }
    let required = Server::new(Policy::default().with_pac(PacPolicy::Require));
    assert_eq!(required.of(&no_logon_info).unwrap_err(), Error::PacMissing(MissingPac::LogonInfo));
    let ticket = required.realm.ticket_for("alice");
    assert_eq!(required.check(&ticket).unwrap_err(), Error::PacMissing(MissingPac::Pac));
}

/// The KDC of Active Directory puts a PAC into every ticket. Only the settings `AllowAbsent` and `Ignore` permit a
/// ticket without a PAC.
#[test]
fn accounts_of_active_directory_require_a_pac() {
    let code = |policy, change: fn(Account) -> Account| {
        let server = Server::with_account(policy, change);
        server.check(&server.realm.ticket_for("alice")).err().map(|error| error.code())
    };
    assert_eq!(code(Policy::default(), |account| account), None);
    assert_eq!(code(Policy::default(), Account::of_active_directory), Some("pac-missing"));
    let with = |pac| code(Policy::default().with_pac(pac), Account::of_active_directory);
    assert_eq!(with(PacPolicy::VerifyIfPresent), Some("pac-missing"));
    assert_eq!([with(PacPolicy::AllowAbsent), with(PacPolicy::Ignore)], [None, None]);
    let computer = |_: Account| {
        let realm = TestRealm::new("CONTOSO.TEST").with_account("AZUREADSSOACC$");
        ComputerAccount::new("AZUREADSSOACC$", "CONTOSO.TEST")
            .with_password(&Password::from_text("Another.Password.1"), Some(1))
            .with_key(ServiceKey::new(realm.key(EncType::AES256_CTS_HMAC_SHA1_96), None))
    };
    assert_eq!(code(Policy::default(), computer), Some("pac-missing"));
}

#[test]
fn pac_is_found_at_every_place_where_a_kdc_puts_it() {
    let server = Server::new(Policy::default());
    let pac = good().signed(&server.key());
    let element = (128, pac.clone());
    let other = (141, vec![1, 2, 3]);
    let placed = |authorization_data: Vec<(i32, Vec<u8>)>| {
        let mut token = server.realm.ticket_for("alice");
        token.ticket.authorization_data = authorization_data;
        server.check(&token)
    };
    let nested = if_relevant(&[if_relevant(&[if_relevant(&[if_relevant(std::slice::from_ref(&element))])])]);
    for authorization_data in [
        vec![if_relevant(std::slice::from_ref(&element))],
        vec![element.clone()],
        vec![if_relevant(&[other.clone(), element.clone(), other.clone()])],
        vec![if_relevant(std::slice::from_ref(&other)), if_relevant(std::slice::from_ref(&element))],
        vec![nested.clone()],
    ] {
        assert!(placed(authorization_data).unwrap().identity().sid().is_some());
    }
    assert_eq!(
        placed(vec![if_relevant(&[nested])]).unwrap_err().code(),
        "malformed",
        "the PAC is nested deeper than any KDC nests it"
    );
    for twice in [
        vec![if_relevant(&[element.clone(), element.clone()])],
        vec![if_relevant(std::slice::from_ref(&element)), element.clone()],
        vec![if_relevant(std::slice::from_ref(&element)), if_relevant(&[other, element.clone()])],
    ] {
        assert_eq!(placed(twice).unwrap_err().code(), "pac-malformed");
    }
}

#[test]
fn pac_in_the_authenticator_is_ignored() {
    let server = Server::new(Policy::default());
    let mut token = server.realm.ticket_for("alice");
    token.authenticator.authorization_data.push(if_relevant(&[(128, good().signed(&server.key()))]));
    assert!(server.check(&token).unwrap().identity().sid().is_none());
    let required = Server::new(Policy::default().with_pac(PacPolicy::Require));
    assert_eq!(required.check(&token).unwrap_err(), Error::PacMissing(MissingPac::Pac));
}

/// No decision of the server depends on the contents of the buffers that this test changes. A user can therefore sign
/// in even when the server cannot read one of these buffers, for example because a newer KDC writes it in another form.
#[test]
fn user_signs_in_when_a_buffer_that_no_decision_needs_cannot_be_read() {
    type Ask = fn(VerifiedPac<'_>) -> Option<PacMalformed>;
    let policy = Policy::default().with_pac(PacPolicy::Require).with_accounts(AccountPolicy::PeopleOnly);
    let server = Server::bound(policy, &[DOMAIN]);
    let ask: [(BufferType, Ask); 5] = [
        (BufferType::DEVICE_INFO, |pac| pac.device_info().err()),
        (BufferType::DELEGATION_INFO, |pac| pac.delegation_info().err()),
        (BufferType::ATTRIBUTES_INFO, |pac| pac.attributes().err()),
        (BufferType::CLIENT_CLAIMS_INFO, |pac| pac.client_claims()?.decode(1 << 16).err()),
        (BufferType::DEVICE_CLAIMS_INFO, |pac| pac.device_claims()?.decode(1 << 16).err()),
    ];
    let with = |buffer_type, octets: &[u8]| {
        let accepted = server.of(&good().without(buffer_type).with(buffer_type, octets)).unwrap();
        assert_eq!(accepted.identity().sid(), Some(sid("S-1-5-21-1-2-3-1103")), "{buffer_type}");
        accepted
    };
    let only_headers = [1, 0x10, 8, 0, 0xCC, 0xCC, 0xCC, 0xCC, 0, 0, 0, 0, 0, 0, 0, 0];
    for octets in [&[0xFF; 40][..], &[1], &only_headers] {
        for (buffer_type, fault) in ask {
            assert!(fault(with(buffer_type, octets).pac().unwrap()).is_some(), "{buffer_type} {octets:?}");
        }
        for buffer_type in [BufferType::CREDENTIAL_INFO, BufferType(0x1234)] {
            assert!(with(buffer_type, octets).pac().is_some());
        }
    }
}

/// The texts of UPN_DNS_INFO are for display only. The SID of UPN_DNS_INFO must be the user's SID.
#[test]
fn identity_has_no_upn_when_the_upn_text_cannot_be_read() {
    let server = Server::new(Policy::default());
    let mut buffers = good();
    let info = buffers.get_mut(BufferType::UPN_DNS_INFO).unwrap();
    info[24..26].copy_from_slice(&[0, 0xD8]);
    let accepted = server.of(&buffers).unwrap();
    let identity = accepted.identity();
    assert_eq!((identity.upn().is_none(), identity.sid()), (true, Some(sid("S-1-5-21-1-2-3-1103"))));
    assert_eq!(accepted.pac().unwrap().upn_dns_info().unwrap_err().problem, PacProblem::Text);
    let mut other = good();
    *other.get_mut(BufferType::UPN_DNS_INFO).unwrap() = upn_dns_info("alice", sid("S-1-5-21-1-2-3-1104"));
    assert!(matches!(mismatch(server.of(&other)), PacMismatch::UpnSid { .. }));
}
