//! Tests of credentials of real clients, and of messages that are no credentials.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::arithmetic_side_effects, clippy::panic)]
use super::*;
use crate::crypto::records::{Record, for_each};
use crate::limits::MAX_DELEGATED_TICKETS;
use crate::wire::der::Problem;
use alloc::format;
use alloc::string::{String, ToString};
use rasn_kerberos as asn1;

const RECORDED: &str = include_str!("../../testvectors/delegation/krb_cred.txt");

/// A recorded KRB-CRED with its keys, and the fields of the record that the test has not read yet.
struct Sent<'r> {
    session_key: Key,
    subkey: Key,
    krb_cred: Vec<u8>,
    expected: &'r mut Record,
}

impl<'r> Sent<'r> {
    fn read(record: &'r mut Record) -> Self {
        let _ = (record.octets("Name"), record.octets("MadeBy"));
        Self {
            session_key: key(record, "SessionEtype", "SessionKey"),
            subkey: key(record, "SubkeyEtype", "Subkey"),
            krb_cred: record.octets("KrbCred"),
            expected: record,
        }
    }

    fn open(&self) -> DelegatedCredentials {
        DelegatedCredentials::open(&self.krb_cred, &[self.session_key.by_ref(), self.subkey.by_ref()]).unwrap()
    }
}

fn for_each_sent(mut test: impl FnMut(&mut Sent<'_>)) {
    for_each(RECORDED, 6, |record| test(&mut Sent::read(record)));
}

/// Runs `test` on each message, as [`for_each_sent`] does, and then skips the other fields of the record.
fn for_each_message(mut test: impl FnMut(&Sent<'_>)) {
    for_each_sent(|sent| {
        test(sent);
        for text in ["Client", "Server", "Key", "Ccache"] {
            sent.expected.octets(text);
        }
        for number in ["AuthTime", "StartTime", "EndTime", "RenewTill", "Flags", "KeyEtype"] {
            sent.expected.number::<i64>(number);
        }
    });
}

fn key(record: &mut Record, etype: &str, octets: &str) -> Key {
    Key::new(EncType(record.number(etype)), &record.octets(octets)).unwrap()
}

#[test]
fn recorded_credentials_are_read_as_other_implementations_read_them() {
    for_each_sent(|sent| {
        let credentials = sent.open();
        let all: Vec<_> = credentials.credentials().collect();
        let [one] = all[..] else { panic!("{} credentials", all.len()) };
        let expected = &mut *sent.expected;
        let mut text = |name| String::from_utf8(expected.octets(name)).unwrap();
        assert_eq!(format!("{}@{}", one.client(), one.client_realm()), text("Client"));
        assert_eq!(format!("{}@{}", one.server(), one.server_realm()), text("Server"));
        let mut time = |name| Some(expected.number(name)).filter(|seconds| *seconds != 0).map(UnixTime::from_seconds);
        assert_eq!(one.auth_time(), time("AuthTime"));
        assert_eq!(one.start_time(), time("StartTime"));
        assert_eq!(one.end_time(), time("EndTime"));
        assert_eq!(one.renew_till(), time("RenewTill"));
        assert_eq!(i64::from(one.flags().bits()), expected.number::<i64>("Flags"));
        assert_eq!(one.session_key().unwrap(), key(expected, "KeyEtype", "Key"));
        assert!(one.addresses().is_empty());
        assert_eq!(credentials.to_ccache().as_bytes(), expected.octets("Ccache"));
    });
}

#[test]
fn encrypted_credentials_need_the_session_key_and_unencrypted_credentials_need_no_key() {
    for_each_message(|sent| {
        let other = Key::new(sent.session_key.etype(), &vec![7; sent.session_key.expose_bytes().len()]).unwrap();
        let open = |keys: &[KeyRef<'_>]| DelegatedCredentials::open(&sent.krb_cred, keys).map(|_| ());
        let unencrypted = KrbCred::read(&sent.krb_cred).unwrap().enc_part.etype == EncType(0);
        let refused = if unencrypted { Ok(()) } else { Err(DelegationError::Integrity) };
        assert_eq!(open(&[sent.session_key.by_ref()]), Ok(()));
        assert_eq!(open(&[sent.subkey.by_ref(), sent.session_key.by_ref()]), Ok(()));
        assert_eq!(open(&[sent.subkey.by_ref()]), refused);
        assert_eq!(open(&[other.by_ref(), sent.subkey.by_ref()]), refused);
        let etype = sent.session_key.etype();
        assert_eq!(open(&[]), if unencrypted { Ok(()) } else { Err(DelegationError::NoKey { etype }) });
    });
}

#[test]
fn truncated_or_changed_message_is_refused_or_keeps_its_ticket_information() {
    for_each_message(|sent| {
        let keys = [sent.session_key.by_ref(), sent.subkey.by_ref()];
        for length in 0..sent.krb_cred.len() {
            let cut = DelegatedCredentials::open(&sent.krb_cred[..length], &keys);
            assert!(matches!(cut, Err(DelegationError::Malformed(_))), "{length}");
        }
        let whole = sent.open();
        let sealed = KrbCred::read(&sent.krb_cred).unwrap().enc_part;
        let mut changed = sent.krb_cred.clone();
        for bit in 0..8 * changed.len() {
            changed[bit / 8] ^= 1 << (bit % 8);
            if let Ok(opened) = DelegatedCredentials::open(&changed, &keys) {
                // Only the authenticator around the KRB-CRED protects the tickets and the unencrypted parts.
                assert!(sealed.etype == EncType(0) || opened.ticket_info == whole.ticket_info, "{bit}");
                assert_eq!(opened.credentials().count(), 1, "{bit}");
                let _ = opened.to_ccache();
            }
            changed[bit / 8] ^= 1 << (bit % 8);
        }
        let longer = DelegatedCredentials::open(&[&sent.krb_cred[..], &[0]].concat(), &keys);
        assert!(matches!(longer, Err(DelegationError::Malformed(_))));
    });
}

/// Returns the EncKrbCredPart of a recorded message.
fn part_of(sent: &Sent<'_>) -> Zeroizing<Vec<u8>> {
    let keys = [sent.session_key.by_ref(), sent.subkey.by_ref()];
    decrypt(KrbCred::read(&sent.krb_cred).unwrap().enc_part, &keys).unwrap()
}

/// Returns the range of `part` in `whole`.
fn range(whole: &[u8], part: &[u8]) -> core::ops::Range<usize> {
    let start = whole.windows(part.len()).position(|window| window == part).unwrap();
    start..start + part.len()
}

/// Changes each octet of the EncKrbCredPart. Opening the part then fails, or returns the ticket-info as it stands in
/// the changed part.
#[test]
fn changed_encrypted_part_is_refused_or_read_with_its_changed_ticket_information() {
    for_each_message(|sent| {
        let part = part_of(sent);
        let open = |part: &[u8]| DelegatedCredentials::open(&sealed(1, part, None), &[]);
        let whole = open(&part).unwrap();
        let info = range(&part, &whole.ticket_info);
        for length in 0..part.len() {
            assert!(matches!(open(&part[..length]), Err(DelegationError::Malformed(_))), "{length}");
        }
        assert!(matches!(open(&[&part[..], &[0]].concat()), Err(DelegationError::Malformed(_))));
        let mut changed = part.clone();
        for at in 0..part.len() {
            for value in (0..=u8::MAX).filter(|value| *value != part[at]) {
                changed[at] = value;
                let Ok(opened) = open(&changed) else { continue };
                assert_eq!(*opened.ticket_info, changed[info.clone()], "{at}");
                assert_eq!(opened.credentials().count(), 1, "{at}");
                let _ = opened.to_ccache();
            }
            changed[at] = part[at];
        }
    });
}

#[test]
fn time_beyond_32_bits_is_clamped_in_the_credential_cache() {
    for_each_message(|sent| {
        let mut part = part_of(sent);
        let end_time = range(&part, &[0xA6, 0x11, 0x18, 0x0F]).end;
        for (text, seconds) in [
            (b"00000101000000Z", 0),
            (b"19691231235959Z", 0),
            (b"19700101000001Z", 1),
            (b"21060207062814Z", u32::MAX - 1),
            (b"21060207062815Z", u32::MAX),
            (b"21060207062816Z", u32::MAX),
            (b"99991231235959Z", u32::MAX),
        ] {
            part[end_time..end_time + text.len()].copy_from_slice(text);
            let opened = DelegatedCredentials::open(&sealed(1, &part, None), &[]).unwrap();
            let one = opened.credentials().next().unwrap();
            assert_eq!(one.end_time(), UnixTime::from_generalized(text));
            let others = [one.auth_time(), one.start_time(), one.renew_till()];
            let others = others.map(|time| u32::try_from(time.map_or(0, UnixTime::seconds)).unwrap());
            let [auth, start, renew] = others;
            let times = [auth, start, seconds, renew].map(u32::to_be_bytes).concat();
            assert!(opened.to_ccache().as_bytes().windows(16).any(|window| window == times), "{times:?}");
        }
    });
}

#[test]
fn debug_of_delegated_credentials_shows_no_key() {
    for_each_message(|sent| {
        let credentials = sent.open();
        let shown = format!("{credentials:?}");
        assert!(shown.contains("krbtgt"), "{shown}");
        let secret = credentials.credentials().next().unwrap().session_key().unwrap();
        let [a, b, c, ..] = secret.expose_bytes() else { panic!("no key") };
        assert!(!shown.contains(&format!("{a}, {b}, {c}")) && !shown.contains(&format!("{a:02x}{b:02x}{c:02x}")));
    });
}

#[test]
fn krb_cred_with_unequal_numbers_of_tickets_and_ticket_infos_is_refused() {
    let key = aes128();
    let open = |tickets, infos| {
        DelegatedCredentials::open(&krb_cred(tickets, vec![info(); infos], Some(&key)), &[key.by_ref()])
    };
    assert_eq!(open(2, 2).unwrap().credentials().count(), 2);
    for (tickets, infos) in [(1, 2), (2, 1), (0, 1), (1, 0)] {
        assert_eq!(open(tickets, infos).unwrap_err(), DelegationError::TicketCount { tickets, infos });
    }
    assert_eq!(open(0, 0).unwrap_err(), DelegationError::Empty);
    let many = MAX_DELEGATED_TICKETS;
    assert_eq!(open(many, many).unwrap().credentials().count(), many);
    for (tickets, infos, what) in [(many + 1, 1, "KRB-CRED.tickets"), (1, many + 1, "EncKrbCredPart.ticket-info")] {
        let Err(DelegationError::Malformed(error)) = open(tickets, infos) else { panic!("{tickets} {infos}") };
        assert_eq!((error.what, error.problem), (what, Problem::TooMany(many)));
    }
}

#[test]
fn session_key_of_unknown_type_is_written_to_the_credential_cache() {
    let mut unknown = info();
    unknown.key = asn1::EncryptionKey { r#type: 26, value: vec![9; 32].into() };
    let opened = DelegatedCredentials::open(&krb_cred(1, vec![unknown], None), &[]).unwrap();
    let one = opened.credentials().next().unwrap();
    assert_eq!(one.session_etype(), EncType(26));
    assert!(matches!(one.session_key().unwrap_err(), InvalidKey::Unsupported { .. }));
    assert!(
        opened
            .to_ccache()
            .as_bytes()
            .windows(38)
            .any(|window| window == [&[0, 26, 0, 0, 0, 32][..], &[9; 32]].concat())
    );
}

#[test]
fn credential_without_optional_fields_is_read_and_credential_without_a_name_is_refused() {
    let opened = DelegatedCredentials::open(&krb_cred(1, vec![info()], None), &[]).unwrap();
    let one = opened.credentials().next().unwrap();
    assert_eq!((one.auth_time(), one.start_time(), one.end_time(), one.renew_till()), (None, None, None, None));
    assert_eq!(one.flags(), TicketFlags::default());
    for nameless in [
        asn1::KrbCredInfo { prealm: None, ..info() },
        asn1::KrbCredInfo { pname: None, ..info() },
        asn1::KrbCredInfo { srealm: None, ..info() },
        asn1::KrbCredInfo { sname: None, ..info() },
    ] {
        let refused = DelegatedCredentials::open(&krb_cred(1, vec![nameless], None), &[]);
        assert!(matches!(refused, Err(DelegationError::Malformed(_))));
    }
}

#[test]
fn ticket_addresses_are_read_and_written_to_the_credential_cache() {
    let loopback = asn1::HostAddress { addr_type: 2, address: vec![127, 0, 0, 1].into() };
    let bound = asn1::KrbCredInfo { caddr: Some(vec![loopback]), ..info() };
    let opened = DelegatedCredentials::open(&krb_cred(1, vec![bound], None), &[]).unwrap();
    let one = opened.credentials().next().unwrap();
    assert!(one.addresses().contains([127, 0, 0, 1].into()));
    let written = [0, 0, 0, 1, 0, 2, 0, 0, 0, 4, 127, 0, 0, 1];
    assert!(opened.to_ccache().as_bytes().windows(written.len()).any(|window| window == written));
}

fn aes128() -> Key {
    Key::new(EncType::AES128_CTS_HMAC_SHA1_96, &[5; 16]).unwrap()
}

fn krb_cred(tickets: usize, ticket_info: Vec<asn1::KrbCredInfo>, key: Option<&Key>) -> Vec<u8> {
    let part = asn1::EncKrbCredPart {
        ticket_info,
        nonce: Some(u32::MAX),
        timestamp: None,
        usec: Some(999_999.into()),
        sender_address: Some(asn1::HostAddress { addr_type: 2, address: vec![127, 0, 0, 1].into() }),
        recipient_address: None,
    };
    sealed(tickets, &rasn::der::encode(&part).unwrap(), key)
}

/// Makes a KRB-CRED in the encoding of `rasn`. Without a key, the plaintext is sent unencrypted.
fn sealed(tickets: usize, plaintext: &[u8], key: Option<&Key>) -> Vec<u8> {
    let cipher = key.map_or(plaintext.to_vec(), |key| {
        let mut out = Vec::new();
        key.cipher(KeyUsage::KRB_CRED).encrypt(&[3; 16], plaintext, &mut out);
        out
    });
    let etype = key.map_or(0, |key| key.etype().0);
    let message = asn1::KrbCred {
        pvno: 5.into(),
        msg_type: 22.into(),
        tickets: vec![ticket(); tickets],
        enc_part: asn1::EncryptedData { etype, kvno: None, cipher: cipher.into() },
    };
    rasn::der::encode(&message).unwrap()
}

fn ticket() -> asn1::Ticket {
    asn1::Ticket {
        tkt_vno: 5.into(),
        realm: realm(),
        sname: name("krbtgt"),
        enc_part: asn1::EncryptedData { etype: 18, kvno: Some(1), cipher: vec![0; 40].into() },
    }
}

fn info() -> asn1::KrbCredInfo {
    asn1::KrbCredInfo {
        key: asn1::EncryptionKey { r#type: 17, value: vec![9; 16].into() },
        prealm: Some(realm()),
        pname: Some(name("alice")),
        flags: None,
        auth_time: None,
        start_time: None,
        end_time: None,
        renew_till: None,
        srealm: Some(realm()),
        sname: Some(name("krbtgt")),
        caddr: None,
    }
}

fn realm() -> asn1::Realm {
    asn1::KerberosString::try_from("MIT.TEST".to_string()).unwrap()
}

fn name(text: &str) -> asn1::PrincipalName {
    asn1::PrincipalName { r#type: 1, string: vec![asn1::KerberosString::try_from(text.to_string()).unwrap()] }
}
