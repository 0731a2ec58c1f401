//! Tests of requests that `rasn-kerberos` encodes.

use super::*;

/// The server accepts requests that `rasn-kerberos` encodes from random values, and reads the same values.
#[test]
fn requests_encoded_by_rasn_are_accepted_with_the_same_values() {
    let config = Config { cases: 1_000, failure_persistence: None, ..Config::default() };
    let result = TestRunner::new_with_rng(config, deterministic()).run(&opinions(), |opinion| {
        let realm = std::str::from_utf8(opinion.request.ticket.realm.as_bytes()).unwrap();
        let client_realm = std::str::from_utf8(opinion.ticket.crealm.as_bytes()).unwrap();
        let account = Account::new("service", realm).with_client_realm(client_realm);
        let account = account.with_key(ServiceKey::new(service_key(), None));
        let policy = Policy::default().with_max_ticket_lifetime(None);
        let validator = Validator::new(KeySet::from(account), policy, NoReplayCache);
        let token = rasn::der::encode(&opinion.request).unwrap();
        opinion.compare(&validator.validate_ticket(&token, NOW).unwrap());
        Ok(())
    });
    result.unwrap();
}

prop_compose! {
    /// Returns requests that are valid at `NOW`. All other values are random.
    fn opinions()(
        request in requests(),
        ticket in tickets(),
        cusec in 0..1_000_000_u32,
        skew in -300..=300_i64,
        checksum in prop::option::of((any::<[u8; 16]>(), any::<u32>())),
        subkey in prop::option::of(keys()),
        seq_number in any::<Option<u32>>(),
        authorization_data in authorization_data(),
    ) -> Opinion {
        let checksum = checksum.map(|(bindings, flags)| oracle::Checksum {
            r#type: GSS_CHECKSUM,
            checksum: [&[16, 0, 0, 0], &bindings[..], &(flags & !1).to_le_bytes()].concat().into(),
        });
        let authenticator = oracle::Authenticator {
            authenticator_vno: 5.into(),
            crealm: ticket.crealm.clone(),
            cname: ticket.cname.clone(),
            cksum: checksum,
            cusec: cusec.into(),
            ctime: time(skew),
            subkey,
            seq_number,
            authorization_data,
        };
        Opinion { request, ticket, authenticator }.encrypted()
    }
}

impl Opinion {
    /// Encrypts the ticket and the authenticator and puts the ciphertexts into the request.
    fn encrypted(mut self) -> Self {
        let session_key = Key::new(EncType(self.ticket.key.r#type), &self.ticket.key.value).unwrap();
        let ticket = rasn::der::encode(&self.ticket).unwrap();
        self.request.ticket.enc_part.cipher = encrypt(&service_key(), KeyUsage::TICKET, &ticket).into();
        let authenticator = rasn::der::encode(&self.authenticator).unwrap();
        let cipher = encrypt(&session_key, KeyUsage::AP_REQ_AUTHENTICATOR, &authenticator);
        self.request.authenticator =
            oracle::EncryptedData { etype: self.ticket.key.r#type, kvno: None, cipher: cipher.into() };
        self
    }
}

prop_compose! {
    fn requests()(options in any::<u32>(), realm in realms(), sname in names(), kvno in any::<Option<u32>>()) -> oracle::ApReq {
        let empty = oracle::EncryptedData { etype: service_key().etype().0, kvno, cipher: Vec::new().into() };
        oracle::ApReq {
            pvno: 5.into(),
            msg_type: 14.into(),
            ap_options: oracle::ApOptions(flags(options & !USE_SESSION_KEY)),
            ticket: oracle::Ticket { tkt_vno: 5.into(), realm, sname, enc_part: empty.clone() },
            authenticator: empty,
        }
    }
}

prop_compose! {
    fn tickets()(
        bits in any::<u32>(),
        key in keys(),
        crealm in realms(),
        cname in names(),
        transited in prop::collection::vec(any::<u8>(), 0..40),
        (auth, start, end, renew) in (-90_000..0_i64, prop::option::of(-90_000..300_i64), 300..90_000_i64, prop::option::of(0..900_000_i64)),
        addresses in prop::option::of(prop::collection::vec((any::<i32>(), prop::collection::vec(any::<u8>(), 0..20)), 0..4)),
        authorization_data in authorization_data(),
    ) -> oracle::EncTicketPart {
        let refused = TicketFlags::INVALID.bits() | TicketFlags::ANONYMOUS.bits();
        oracle::EncTicketPart {
            flags: oracle::TicketFlags(flags(bits & !refused | TicketFlags::TRANSITED_POLICY_CHECKED.bits())),
            key,
            crealm,
            cname,
            transited: oracle::TransitedEncoding { r#type: 1, contents: transited.into() },
            auth_time: time(auth),
            start_time: start.map(time),
            end_time: time(end),
            renew_till: renew.map(time),
            caddr: addresses.map(|listed| {
                listed.into_iter().map(|(addr_type, address)| oracle::HostAddress { addr_type, address: address.into() }).collect()
            }),
            authorization_data,
        }
    }
}

fn keys() -> impl Strategy<Value = oracle::EncryptionKey> {
    (prop::sample::select(&[17, 18, 19, 20][..]), any::<[u8; 32]>()).prop_map(|(r#type, octets)| {
        let length = EncType(r#type).key_len().unwrap();
        oracle::EncryptionKey { r#type, value: octets[..length].to_vec().into() }
    })
}

/// Returns names whose characters both readers accept.
fn names() -> impl Strategy<Value = oracle::PrincipalName> {
    (any::<i32>(), prop::collection::vec("[ -~áéíóúýäëïöüÿñ]{1,20}", 1..5)).prop_map(|(r#type, components)| {
        oracle::PrincipalName { r#type, string: components.iter().map(|component| general(component)).collect() }
    })
}

fn realms() -> impl Strategy<Value = GeneralString> {
    "[A-Za-z0-9._-]{1,30}".prop_map(|realm| general(&realm))
}

/// Returns authorization data that a service need not understand: AD-IF-RELEVANT of RFC 4120, and elements that Windows
/// adds. The data have no PAC, because the server would verify the PAC.
fn authorization_data() -> impl Strategy<Value = Option<oracle::AuthorizationData>> {
    let element = |types: BoxedStrategy<i32>| {
        (types, prop::collection::vec(any::<u8>(), 0..60))
            .prop_map(|(r#type, data)| oracle::AuthorizationDataValue { r#type, data: data.into() })
    };
    let relevant = prop::collection::vec(element((200..i32::MAX).boxed()), 0..4).prop_map(|nested| {
        oracle::AuthorizationDataValue { r#type: 1, data: rasn::der::encode(&nested).unwrap().into() }
    });
    let harmless = element(prop::sample::select(&[129, 141, 142, 143, 144][..]).boxed());
    prop::option::of(prop::collection::vec(prop_oneof![relevant, harmless], 0..5))
}
