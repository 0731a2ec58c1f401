//! Tests of requests that only one of the two readers accepts.

use super::*;

/// `GeneralString` of `rasn` refuses the octets from 0x80 to 0xA0, which are frequent in UTF-8.
#[cfg(feature = "rc4")]
#[test]
fn names_with_octets_from_80_to_a0_are_refused_by_rasn_and_accepted_here() {
    for (name, refused) in [("jürgen", false), ("renà", true), ("łukasz", true), ("李小龍", true), ("σοφία", true)]
    {
        let principal =
            element(0x30, &[element(0xA0, &[2, 1, 1]), element(0xA1, &element(0x30, &text(name)))].concat());
        assert_eq!(rasn::der::decode::<oracle::PrincipalName>(&principal).is_err(), refused, "{name}");
    }
    let mut read = Vec::new();
    for_each_accepted(|recording, case, token| {
        let accepted = recording.validator(case).unwrap().validate_ticket(token, case.now()).unwrap();
        read.push(accepted.identity().to_owned().name);
    });
    for name in ["renà", "łukasz", "李小龍", "σοφία"] {
        assert!(read.iter().any(|found| found == name), "no recorded token of {name} is accepted");
    }
}

/// A read-only domain controller puts its identifier into the upper 16 bits of a kvno. Some encoders then write the
/// kvno as a negative INTEGER.
#[test]
fn negative_kvno_is_refused_by_rasn_and_read_here() {
    for (kvno, read, refused) in [
        (&[0x02][..], 2, false),
        (&[0x00, 0xFF, 0xFF, 0xFF, 0xFF], u32::MAX, false),
        (&[0x7F, 0xFF, 0x00, 0x02], 0x7FFF_0002, false),
        (&[0xFF], u32::MAX, true),
        (&[0x80, 0x01, 0x00, 0x02], 0x8001_0002, true),
    ] {
        let request = with_kvno(kvno);
        assert_eq!(rasn::der::decode::<oracle::ApReq>(&request).is_err(), refused, "{kvno:02x?}");
        let validator = Validator::new(KeySet::default(), Policy::default(), NoReplayCache);
        assert_eq!(validator.read(&request).unwrap().key_query().kvno, Some(read), "{kvno:02x?}");
    }
}

/// Old clients send the sequence number as a signed INTEGER.
#[test]
fn negative_sequence_number_is_refused_by_rasn_and_read_here() {
    for (number, read, refused) in [
        (&[0x00, 0x80, 0, 0, 1][..], 0x8000_0001, false),
        (&[0x80, 0, 0, 1], 0x8000_0001, true),
        (&[0xFF], u32::MAX, true),
    ] {
        let (request, authenticator) = with_sequence_number(number);
        assert_eq!(rasn::der::decode::<oracle::Authenticator>(&authenticator).is_err(), refused, "{number:02x?}");
        let account = Account::new("service", "EXAMPLE.TEST").with_key(ServiceKey::new(service_key(), None));
        let validator = Validator::new(KeySet::from(account), Policy::default(), NoReplayCache);
        let accepted = validator.validate_ticket(&request, NOW).unwrap();
        assert_eq!(accepted.authenticator().sequence_number(), Some(read), "{number:02x?}");
    }
}

/// The flag constants of `rasn-kerberos` differ from the bits of RFC 4120 section 5.3. The other tests therefore
/// compare the bits of the flags without these constants.
#[test]
fn ticket_flag_constants_of_rasn_differ_from_rfc_4120() {
    type Of = oracle::TicketFlags;
    let differing: Vec<_> = [
        ("forwardable", Of::forwardable(), TicketFlags::FORWARDABLE),
        ("forwarded", Of::forwarded(), TicketFlags::FORWARDED),
        ("proxiable", Of::proxiable(), TicketFlags::PROXIABLE),
        ("proxy", Of::proxy(), TicketFlags::PROXY),
        ("may-postdate", Of::may_postdate(), TicketFlags::MAY_POSTDATE),
        ("postdated", Of::postdated(), TicketFlags::POSTDATED),
        ("invalid", Of::invalid(), TicketFlags::INVALID),
        ("renewable", Of::renewable(), TicketFlags::RENEWABLE),
        ("initial", Of::initial(), TicketFlags::INITIAL),
        ("pre-authent", Of::pre_authent(), TicketFlags::PRE_AUTHENT),
        ("hw-authent", Of::hw_authent(), TicketFlags::HW_AUTHENT),
        ("transited-policy-checked", Of::transited_policy_checked(), TicketFlags::TRANSITED_POLICY_CHECKED),
        ("ok-as-delegate", Of::ok_as_delegate(), TicketFlags::OK_AS_DELEGATE),
    ]
    .into_iter()
    .filter(|(_, theirs, ours)| bits(&theirs.0) != ours.bits())
    .map(|(name, ..)| name)
    .collect();
    println!("flags that differ: {differing:?}");
    assert_eq!(differing.len(), 13);
}

/// Returns a minimal request in which the kvno is an INTEGER of these octets.
fn with_kvno(kvno: &[u8]) -> Vec<u8> {
    request(&encrypted_data(18, Some(kvno), &[0; 40]), &encrypted_data(18, None, &[0; 40]))
}

/// Returns a request whose sequence number has these octets, and the plaintext of its authenticator.
fn with_sequence_number(number: &[u8]) -> (Vec<u8>, Vec<u8>) {
    let explicit = |number: u8, value: &[u8]| element(0xA0 | number, value);
    let generalized = |offset: i64| {
        element(0x18, NOW.saturating_add_seconds(offset).to_string().replace(['-', ':', 'T'], "").as_bytes())
    };
    let cname = element(0x30, &[explicit(0, &[2, 1, 1]), explicit(1, &element(0x30, &text("alice")))].concat());
    let session_key = Key::new(EncType::AES256_CTS_HMAC_SHA1_96, &[0x5A; 32]).unwrap();
    let key = element(0x30, &[explicit(0, &[2, 1, 18]), explicit(1, &element(4, session_key.expose_bytes()))].concat());
    let transited = element(0x30, &[explicit(0, &[2, 1, 1]), explicit(1, &[4, 0])].concat());
    let ticket = [
        explicit(0, &[3, 5, 0, 0, 0, 0, 0]),
        explicit(1, &key),
        explicit(2, &text("EXAMPLE.TEST")),
        explicit(3, &cname),
        explicit(4, &transited),
        explicit(5, &generalized(0)),
        explicit(7, &generalized(3600)),
    ];
    let ticket = element(0x63, &element(0x30, &ticket.concat()));
    let authenticator = [
        explicit(0, &[2, 1, 5]),
        explicit(1, &text("EXAMPLE.TEST")),
        explicit(2, &cname),
        explicit(4, &[2, 1, 0]),
        explicit(5, &generalized(0)),
        explicit(7, &element(2, number)),
    ];
    let authenticator = element(0x62, &element(0x30, &authenticator.concat()));
    let token = request(
        &encrypted_data(18, None, &encrypt(&service_key(), KeyUsage::TICKET, &ticket)),
        &encrypted_data(18, None, &encrypt(&session_key, KeyUsage::AP_REQ_AUTHENTICATOR, &authenticator)),
    );
    (token, authenticator)
}

fn request(ticket: &[u8], authenticator: &[u8]) -> Vec<u8> {
    let explicit = |number: u8, value: &[u8]| element(0xA0 | number, value);
    let sname = element(0x30, &[explicit(0, &[2, 1, 2]), explicit(1, &element(0x30, &text("HTTP")))].concat());
    let ticket =
        [explicit(0, &[2, 1, 5]), explicit(1, &text("EXAMPLE.TEST")), explicit(2, &sname), explicit(3, ticket)];
    let ticket = element(0x61, &element(0x30, &ticket.concat()));
    let request = [
        explicit(0, &[2, 1, 5]),
        explicit(1, &[2, 1, 14]),
        explicit(2, &[3, 5, 0, 0, 0, 0, 0]),
        explicit(3, &ticket),
        explicit(4, authenticator),
    ];
    element(0x6E, &element(0x30, &request.concat()))
}

fn encrypted_data(etype: u8, kvno: Option<&[u8]>, cipher: &[u8]) -> Vec<u8> {
    let kvno = kvno.map(|kvno| element(0xA1, &element(2, kvno))).unwrap_or_default();
    element(0x30, &[element(0xA0, &[2, 1, etype]), kvno, element(0xA2, &element(4, cipher))].concat())
}
