//! `rasn-kerberos` and this crate's reader: whatever both accept means the same to both.
//!
//! What one accepts and the other refuses is not compared, but the differences that are known are each shown by a test.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::arithmetic_side_effects, clippy::print_stdout)]

mod anatomy;
mod recorded;

use anatomy::{Anatomy, element};
use kerberos_sso::crypto::{EncType, Key, KeyUsage};
use kerberos_sso::replay::NoReplayCache;
use kerberos_sso::{
    Accepted, Account, AuthorizationElement, HostAddress, KeySet, Policy, PrincipalName, ServiceKey, TicketFlags,
    UnixTime, Validator,
};
use proptest::prelude::*;
use proptest::strategy::ValueTree as _;
use proptest::test_runner::{Config, TestRunner};
use rasn::types::{BitString, GeneralString};
use rasn_kerberos as oracle;
use recorded::{Case, Form, Outcome, Recording};
use std::time::Duration;

/// A request as `rasn-kerberos` reads it.
#[derive(Debug)]
struct Opinion {
    request: oracle::ApReq,
    ticket: oracle::EncTicketPart,
    authenticator: oracle::Authenticator,
}

#[test]
fn both_read_the_recorded_tokens_alike() {
    let mut alike = 0;
    let mut refused = Vec::new();
    for_each_accepted(|recording, case, token| {
        let accepted = recording.validator(case).unwrap().validate_ticket(token, case.now()).unwrap();
        match Opinion::on(&token[Anatomy::of(token).ap_req], &recording.raw_keys(case).unwrap()) {
            Ok(opinion) => {
                opinion.compare(&accepted);
                alike += 1;
            }
            Err(_) => refused.push((case.id.clone(), accepted.identity().to_owned())),
        }
    });
    println!("{alike} tokens read alike; refused by rasn-kerberos: {refused:?}");
    assert!(alike > 100);
    for (id, identity) in refused {
        assert!(identity.name.bytes().any(|byte| REFUSED_IN_NAMES.contains(&byte)), "{id} for another reason");
    }
}

/// The shells of all recorded tokens, those to be refused too.
#[test]
fn both_read_recorded_shells_alike() {
    let lenient = Validator::new(KeySet::default(), Policy::default().allow_rc4(), NoReplayCache);
    let mut alike = 0;
    for_each_token(|_, _, token| {
        let Ok(request) = lenient.read(token) else { return };
        let shell: oracle::ApReq = rasn::der::decode(&token[Anatomy::of(token).ap_req]).unwrap();
        let query = request.key_query();
        compare_name(query.service, &shell.ticket.sname);
        assert_eq!(query.realm.as_bytes(), shell.ticket.realm.as_bytes());
        assert_eq!(query.etype.0, shell.ticket.enc_part.etype);
        assert_eq!(query.kvno, shell.ticket.enc_part.kvno);
        alike += 1;
    });
    assert!(alike > 100);
}

/// Requests that `rasn-kerberos` writes, with every field at will, are accepted, and read as they were written.
#[test]
fn what_rasn_writes_is_read_as_it_was_written() {
    let config = Config { cases: 1_000, failure_persistence: None, ..Config::default() };
    let result = TestRunner::new_with_rng(config, deterministic()).run(&opinions(), |opinion| {
        let realm = std::str::from_utf8(opinion.request.ticket.realm.as_bytes()).unwrap();
        let client_realm = std::str::from_utf8(opinion.ticket.crealm.as_bytes()).unwrap();
        let account = Account::new("service", realm).with_client_realm(client_realm);
        let account = account.with_key(ServiceKey::new(service_key(), None));
        let policy = Policy::default().max_ticket_lifetime(None);
        let validator = Validator::new(KeySet::from_iter([account]), policy, NoReplayCache);
        let token = rasn::der::encode(&opinion.request).unwrap();
        opinion.compare(&validator.validate_ticket(&token, NOW).unwrap());
        Ok(())
    });
    result.unwrap();
}

/// Recorded requests, changed behind the encryption too: where both still read them, they read the same.
#[test]
fn both_read_changed_requests_alike() {
    let mut samples = Vec::new();
    for_each_accepted(|recording, case, token| {
        let keys = recording.raw_keys(case).unwrap();
        samples.extend(Changeable::of(token, case, keys));
    });
    let changes = proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..3);
    let strategy = (any::<prop::sample::Index>(), 0..3_usize, changes);
    let mut both = 0;
    let config = Config { cases: 20_000, failure_persistence: None, ..Config::default() };
    let mut runner = TestRunner::new_with_rng(config, deterministic());
    for _ in 0..20_000 {
        let (sample, part, changes) = strategy.new_tree(&mut runner).unwrap().current();
        let sample = sample.get(&samples);
        let token = sample.changed(part, &changes);
        let verdict = sample.lenient.validate_ticket(&token, sample.now);
        if let (Ok(accepted), Ok(opinion)) = (verdict, Opinion::on(&token[sample.anatomy.ap_req.clone()], &sample.keys))
        {
            opinion.compare(&accepted);
            both += 1;
        }
    }
    println!("{both} of 20000 changed requests are accepted by both");
    assert!(both > 2_000);
}

/// `GeneralString` of `rasn` has no bytes from 0x80 to 0xA0, which UTF-8 is full of.
#[test]
fn rasn_refuses_names_that_users_have() {
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

/// Read-only domain controllers put their number into the upper half of a kvno, and some encoders then make it negative.
#[test]
fn rasn_refuses_negative_key_versions() {
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

/// Old clients send the sequence number as a signed one.
#[test]
fn rasn_refuses_negative_sequence_numbers() {
    for (number, read, refused) in [
        (&[0x00, 0x80, 0, 0, 1][..], 0x8000_0001, false),
        (&[0x80, 0, 0, 1], 0x8000_0001, true),
        (&[0xFF], u32::MAX, true),
    ] {
        let (request, authenticator) = with_sequence_number(number);
        assert_eq!(rasn::der::decode::<oracle::Authenticator>(&authenticator).is_err(), refused, "{number:02x?}");
        let account = Account::new("service", "EXAMPLE.TEST").with_key(ServiceKey::new(service_key(), None));
        let validator = Validator::new(KeySet::from_iter([account]), Policy::default(), NoReplayCache);
        let accepted = validator.validate_ticket(&request, NOW).unwrap();
        assert_eq!(accepted.authenticator().sequence_number(), Some(read), "{number:02x?}");
    }
}

/// The constants of `rasn-kerberos` are mostly other bits than those of RFC 4120 section 5.3, so flags are compared by
/// their bits alone.
#[test]
fn rasn_has_other_bits_for_flags() {
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

impl Opinion {
    fn on(ap_req: &[u8], keys: &[Key]) -> Result<Self, String> {
        let request: oracle::ApReq = rasn::der::decode(ap_req).map_err(|error| error.to_string())?;
        let plaintext = keys.iter().find_map(|key| open(key, KeyUsage::TICKET, &request.ticket.enc_part.cipher));
        let ticket: oracle::EncTicketPart =
            rasn::der::decode(&plaintext.ok_or("no key")?).map_err(|error| error.to_string())?;
        let session_key = Key::new(EncType(ticket.key.r#type), &ticket.key.value).map_err(|error| error.to_string())?;
        let plaintext = open(&session_key, KeyUsage::AP_REQ_AUTHENTICATOR, &request.authenticator.cipher);
        let authenticator = rasn::der::decode(&plaintext.ok_or("no key")?).map_err(|error| error.to_string())?;
        Ok(Self { request, ticket, authenticator })
    }

    /// Everything that an accepted request tells, against this.
    fn compare(&self, accepted: &Accepted) {
        let shell = &self.request.ticket;
        compare_name(accepted.service(), &shell.sname);
        assert_eq!(accepted.service_realm().as_bytes(), shell.realm.as_bytes());
        assert_eq!(accepted.ticket_kvno(), shell.enc_part.kvno);
        assert_eq!(accepted.opened_by().etype().0, shell.enc_part.etype);
        assert_eq!(accepted.session_etype().0, self.ticket.key.r#type);
        self.compare_ticket(accepted);
        self.compare_authenticator(accepted);
    }

    fn compare_ticket(&self, accepted: &Accepted) {
        let (ours, theirs) = (accepted.ticket(), &self.ticket);
        assert_eq!(ours.flags().bits(), bits(&theirs.flags.0));
        compare_name(ours.client(), &theirs.cname);
        assert_eq!(ours.client_realm().as_bytes(), theirs.crealm.as_bytes());
        assert_eq!(ours.transited(), &*theirs.transited.contents);
        assert_eq!(ours.auth_time().seconds(), seconds(&theirs.auth_time));
        assert_eq!(ours.start_time().seconds(), seconds(theirs.start_time.as_ref().unwrap_or(&theirs.auth_time)));
        assert_eq!(ours.end_time().seconds(), seconds(&theirs.end_time));
        assert_eq!(ours.renew_till().map(UnixTime::seconds), theirs.renew_till.as_ref().map(seconds));
        let addresses = ours.addresses().iter().map(|HostAddress { address_type, address }| (address_type.0, address));
        let expected = theirs.caddr.iter().flatten().map(|listed| (listed.addr_type, &*listed.address));
        assert!(addresses.eq(expected));
        let data = ours.authorization_data().iter().map(|AuthorizationElement { ad_type, data }| (ad_type.0, data));
        let expected = theirs.authorization_data.iter().flatten().map(|listed| (listed.r#type, &*listed.data));
        assert!(data.eq(expected));
    }

    fn compare_authenticator(&self, accepted: &Accepted) {
        let (ours, theirs) = (accepted.authenticator(), &self.authenticator);
        compare_name(
            accepted.ticket().client(),
            &oracle::PrincipalName { r#type: self.ticket.cname.r#type, ..theirs.cname.clone() },
        );
        assert_eq!(accepted.ticket().client_realm().as_bytes(), theirs.crealm.as_bytes());
        assert_eq!(ours.time().seconds(), seconds(&theirs.ctime));
        assert_eq!(i64::from(ours.time().micros()), i64::try_from(&theirs.cusec).unwrap());
        assert_eq!(ours.subkey_etype().map(|etype| etype.0), theirs.subkey.as_ref().map(|key| key.r#type));
        assert_eq!(ours.sequence_number(), theirs.seq_number);
        let gss = theirs.cksum.as_ref().filter(|checksum| checksum.r#type == GSS_CHECKSUM);
        let flags = gss.map(|gss| u32::from_le_bytes(gss.checksum[20..24].try_into().unwrap()));
        assert_eq!(ours.gss_flags().map(kerberos_sso::GssFlags::bits), flags);
    }
}

fn compare_name(ours: PrincipalName<'_>, theirs: &oracle::PrincipalName) {
    assert_eq!(ours.name_type().0, theirs.r#type);
    assert!(ours.components().map(str::as_bytes).eq(theirs.string.iter().map(GeneralString::as_bytes)));
}

/// A recorded request whose parts can be changed and encrypted anew.
struct Changeable {
    token: Vec<u8>,
    keys: Vec<Key>,
    now: UnixTime,
    lenient: Validator<NoReplayCache>,
    anatomy: Anatomy,
    /// Key, usage, place and plaintext: of the ticket, and of the authenticator.
    parts: [(Key, KeyUsage, std::ops::Range<usize>, Vec<u8>); 2],
}

impl Changeable {
    /// `None` if `rasn-kerberos` cannot read it.
    fn of(token: &[u8], case: &Case, keys: Vec<Key>) -> Option<Self> {
        let anatomy = Anatomy::of(token);
        let opinion = Opinion::on(&token[anatomy.ap_req.clone()], &keys).ok()?;
        let part = |key: &Key, usage, place: &std::ops::Range<usize>| {
            let plaintext = open(key, usage, &token[place.clone()])?;
            Some((key.clone(), usage, place.clone(), plaintext))
        };
        let session_key = Key::new(EncType(opinion.ticket.key.r#type), &opinion.ticket.key.value).unwrap();
        let parts = [
            keys.iter().find_map(|key| part(key, KeyUsage::TICKET, &anatomy.ticket_cipher)).unwrap(),
            part(&session_key, KeyUsage::AP_REQ_AUTHENTICATOR, &anatomy.authenticator_cipher).unwrap(),
        ];
        let realm = std::str::from_utf8(opinion.request.ticket.realm.as_bytes()).unwrap();
        let client_realm = std::str::from_utf8(opinion.ticket.crealm.as_bytes()).unwrap();
        let account = Account::new("service", realm).with_client_realm(client_realm);
        let account = keys.iter().fold(account, |account, key| account.with_key(ServiceKey::new(key.clone(), None)));
        let policy = Policy::default().allow_rc4().max_ticket_lifetime(None).clock_skew(Duration::from_secs(1 << 40));
        let lenient = Validator::new(KeySet::from_iter([account]), policy, NoReplayCache);
        Some(Self { token: token.to_vec(), keys, now: case.now(), lenient, anatomy, parts })
    }

    fn changed(&self, part: usize, changes: &[(prop::sample::Index, u8)]) -> Vec<u8> {
        let mut token = self.token.clone();
        let Some((key, usage, place, plaintext)) = self.parts.get(part) else {
            let fields: Vec<usize> = self.anatomy.shell.iter().flat_map(|(_, range)| range.clone()).collect();
            for (index, value) in changes {
                token[*index.get(&fields)] = *value;
            }
            return token;
        };
        let mut plaintext = plaintext.clone();
        let length = plaintext.len();
        for (index, value) in changes {
            plaintext[index.index(length)] = *value;
        }
        let mut cipher = Vec::new();
        key.cipher(*usage).encrypt(&[3; 16], &plaintext, &mut cipher);
        token[place.clone()].copy_from_slice(&cipher);
        token
    }
}

prop_compose! {
    /// Requests that are lawful at `NOW`, in every other way as they please.
    fn opinions()(
        request in shells(),
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
    /// Puts the ciphertexts into the request.
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
    fn shells()(options in any::<u32>(), realm in realms(), sname in names(), kvno in any::<Option<u32>>()) -> oracle::ApReq {
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

/// Names of characters that both take.
fn names() -> impl Strategy<Value = oracle::PrincipalName> {
    (any::<i32>(), prop::collection::vec("[ -~áéíóúýäëïöüÿñ]{1,20}", 1..5)).prop_map(|(r#type, components)| {
        oracle::PrincipalName { r#type, string: components.iter().map(|component| general(component)).collect() }
    })
}

fn realms() -> impl Strategy<Value = GeneralString> {
    "[A-Za-z0-9._-]{1,30}".prop_map(|realm| general(&realm))
}

/// What a service need not understand: the containers of RFC 4120, and what Windows says besides. Not the PAC, which is
/// verified where it is found.
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

/// A request of the field's smallest form, with a kvno of these bytes.
fn with_kvno(kvno: &[u8]) -> Vec<u8> {
    request(&encrypted_data(18, Some(kvno), &[0; 40]), &encrypted_data(18, None, &[0; 40]))
}

/// A request with a sequence number of these bytes, and the authenticator in it.
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

fn text(text: &str) -> Vec<u8> {
    element(0x1B, text.as_bytes())
}

fn general(text: &str) -> GeneralString {
    GeneralString::from_bytes(text.as_bytes()).unwrap()
}

fn time(offset: i64) -> oracle::KerberosTime {
    let instant = NOW.saturating_add_seconds(offset).to_string();
    oracle::KerberosTime(instant.parse().unwrap())
}

fn seconds(time: &oracle::KerberosTime) -> i64 {
    time.0.timestamp()
}

fn flags(bits: u32) -> BitString {
    BitString::from_slice(&bits.to_be_bytes())
}

/// The first 32 bits, bit 0 of the RFC in the top bit.
fn bits(flags: &BitString) -> u32 {
    flags.iter().by_vals().chain([false; 32]).take(32).fold(0, |bits, bit| bits << 1 | u32::from(bit))
}

fn service_key() -> Key {
    Key::new(EncType::AES256_CTS_HMAC_SHA1_96, &[0xA5; 32]).unwrap()
}

fn encrypt(key: &Key, usage: KeyUsage, plaintext: &[u8]) -> Vec<u8> {
    let mut ciphertext = Vec::new();
    key.cipher(usage).encrypt(&[9; 16], plaintext, &mut ciphertext);
    ciphertext
}

fn open(key: &Key, usage: KeyUsage, ciphertext: &[u8]) -> Option<Vec<u8>> {
    let mut room = vec![0; ciphertext.len()];
    let plaintext = key.cipher(usage).decrypt(ciphertext, &mut room).ok()?;
    Some(room[plaintext].to_vec())
}

fn for_each_accepted(mut check: impl FnMut(&Recording, &Case, &[u8])) {
    for_each_token(|recording, case, token| {
        if matches!(case.outcome(), Outcome::Accept(_)) {
            check(recording, case, token);
        }
    });
}

fn for_each_token(mut check: impl FnMut(&Recording, &Case, &[u8])) {
    let decoder = Validator::new(KeySet::default(), Policy::default(), NoReplayCache);
    for recording in &recorded::load_all().unwrap() {
        for case in &recording.cases {
            let bytes = case.bytes().unwrap();
            match case.form {
                Form::Token => check(recording, case, &bytes),
                Form::Header => {
                    let Ok(token) = decoder.decode_header(&bytes) else { continue };
                    check(recording, case, &token);
                }
            }
        }
    }
}

fn deterministic() -> proptest::test_runner::TestRng {
    proptest::test_runner::TestRng::deterministic_rng(proptest::test_runner::RngAlgorithm::ChaCha)
}

/// 2026-11-21.
const NOW: UnixTime = UnixTime::from_seconds(1_795_248_000);

/// RFC 4120 section 5.5.1: bit 1.
const USE_SESSION_KEY: u32 = 1 << 30;

/// RFC 4121 section 4.1.1.
const GSS_CHECKSUM: i32 = 0x8003;

const REFUSED_IN_NAMES: std::ops::RangeInclusive<u8> = 0x80..=0xA0;
