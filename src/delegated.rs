//! Delegated credentials: the KRB-CRED in the checksum of an authenticator (RFC 4121 section 4.1.1, RFC 4120 section 5.8).
//!
//! In: its bytes and the keys of the request. Out: [`DelegatedCredentials`], each ticket with its session key. Whether the
//! tickets are what the client says of them, only their KDC can tell.

use crate::ccache;
use crate::crypto::{EncType, InvalidKey, Key, KeyUsage};
use crate::der::Malformed;
use crate::krb5::{
    EncKrbCredPart, EncryptedData, HostAddresses, KrbCred, KrbCredInfo, PrincipalName, TicketFlags, Tickets,
};
use crate::time::UnixTime;
use alloc::vec;
use alloc::vec::Vec;
use core::fmt;
use thiserror::Error;
use zeroize::Zeroizing;

/// Tickets that a client handed over, usually one ticket-granting ticket, with which to act in its name.
///
/// Whoever has them is that client until they expire, against every service of its realm. They are overwritten when
/// dropped, and not shown by `Debug`.
///
/// Names, times and flags are the client's own words about its tickets: they say how to use them, not who the client is.
/// That is [`Accepted::identity`](crate::Accepted::identity).
pub struct DelegatedCredentials {
    tickets: Vec<u8>,
    ticket_info: Zeroizing<Vec<u8>>,
}

impl DelegatedCredentials {
    /// Opens a KRB-CRED with the first of `keys` that fits. RFC 4121 section 4.1.1 has it under the session key, as MIT's
    /// library does it; some older clients take the subkey.
    pub(crate) fn open(krb_cred: &[u8], keys: &[&Key]) -> Result<Self, DelegationError> {
        let message = KrbCred::read(krb_cred)?;
        let plaintext = decrypt(message.enc_part, keys)?;
        let part = EncKrbCredPart::read(&plaintext)?;
        match (message.tickets.count(), part.ticket_info_count) {
            (0, 0) => Err(DelegationError::Empty),
            (tickets, infos) if tickets != infos => Err(DelegationError::TicketCount { tickets, infos }),
            _ => Ok(Self {
                tickets: message.tickets.encoded().to_vec(),
                ticket_info: Zeroizing::new(part.ticket_info.to_vec()),
            }),
        }
    }

    /// The credentials, at least one, in the client's order.
    pub fn credentials(&self) -> impl Iterator<Item = DelegatedCredential<'_>> {
        let tickets = Tickets::each(&self.tickets);
        KrbCredInfo::each(&self.ticket_info).zip(tickets).map(|(info, ticket)| DelegatedCredential { info, ticket })
    }

    /// A credential cache of MIT's and Heimdal's file format, version 4, for the first credential's client: in a file
    /// that others cannot read (Heimdal reads no other), `KRB5CCNAME=FILE:…` lets GSS-API programs act in the client's name.
    ///
    /// Times after 2106 are written as the last second of the format's 32 bits.
    #[must_use]
    pub fn to_ccache(&self) -> Zeroizing<Vec<u8>> {
        ccache::to_bytes(self)
    }
}

/// The credentials without their keys.
impl fmt::Debug for DelegatedCredentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.credentials()).finish()
    }
}

/// One delegated ticket and what the client says about it.
#[derive(Clone, Copy)]
pub struct DelegatedCredential<'a> {
    pub(crate) info: KrbCredInfo<'a>,
    ticket: &'a [u8],
}

impl<'a> DelegatedCredential<'a> {
    /// Whose ticket it is.
    #[must_use]
    pub const fn client(self) -> PrincipalName<'a> {
        self.info.pname
    }

    /// The client's realm.
    #[must_use]
    pub const fn client_realm(self) -> &'a str {
        self.info.prealm
    }

    /// The service it is for: `krbtgt` and a realm in a ticket-granting ticket.
    #[must_use]
    pub const fn server(self) -> PrincipalName<'a> {
        self.info.sname
    }

    /// The service's realm.
    #[must_use]
    pub const fn server_realm(self) -> &'a str {
        self.info.srealm
    }

    /// The flags; none if the client names none.
    #[must_use]
    pub const fn flags(self) -> TicketFlags {
        self.info.flags
    }

    /// When the client proved itself to the KDC.
    #[must_use]
    pub fn auth_time(self) -> Option<UnixTime> {
        named(self.info.authtime)
    }

    /// From when the ticket is valid.
    #[must_use]
    pub fn start_time(self) -> Option<UnixTime> {
        named(self.info.starttime)
    }

    /// Until when the ticket is valid.
    #[must_use]
    pub fn end_time(self) -> Option<UnixTime> {
        named(self.info.endtime)
    }

    /// Until when the ticket can be renewed.
    #[must_use]
    pub fn renew_till(self) -> Option<UnixTime> {
        named(self.info.renew_till)
    }

    /// The addresses that the ticket may be used from; none means any.
    #[must_use]
    pub const fn addresses(self) -> HostAddresses<'a> {
        self.info.caddr
    }

    /// The type of the session key.
    #[must_use]
    pub const fn session_etype(self) -> EncType {
        self.info.key.etype
    }

    /// The session key, which makes the ticket usable.
    ///
    /// # Errors
    ///
    /// [`InvalidKey`] for a key of a type that this crate does not know or of another length than its type's. Such a
    /// credential is still written by [`DelegatedCredentials::to_ccache`]: it is between the client and its KDC.
    pub fn session_key(self) -> Result<Key, InvalidKey> {
        Key::new(self.info.key.etype, self.info.key.value)
    }

    /// The ticket, in DER.
    #[must_use]
    pub const fn ticket(self) -> &'a [u8] {
        self.ticket
    }
}

impl fmt::Debug for DelegatedCredential<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.info, f)
    }
}

/// Why delegated credentials could not be taken. The request that they came in is none the worse for it.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum DelegationError {
    /// The bytes are no KRB-CRED, or what was encrypted in it is no EncKrbCredPart.
    #[error("malformed delegated credentials: {0}")]
    Malformed(#[from] Malformed),
    /// They are encrypted under a type of key that is neither the session key's nor the subkey's.
    #[error("the delegated credentials are encrypted with type {etype}, and no key of the request is of that type")]
    NoKey {
        /// The type that the KRB-CRED names.
        etype: EncType,
    },
    /// They do not verify under any key of the request.
    #[error("the delegated credentials do not decrypt under the keys of the request")]
    Integrity,
    /// There is not one KrbCredInfo for each ticket.
    #[error("{tickets} delegated tickets came with information for {infos}")]
    TicketCount {
        /// How many tickets there are.
        tickets: usize,
        /// How many KrbCredInfo there are.
        infos: usize,
    },
    /// There is no ticket among them.
    #[error("no ticket is among the delegated credentials")]
    Empty,
}

/// The EncKrbCredPart.
///
/// Etype 0 is no encryption, and nothing in Kerberos may come without. Here, and only here, it may: the KRB-CRED is within
/// an authenticator that was itself decrypted and verified, so nobody but the client could read or write it. Heimdal (7.8)
/// always sends it so, as old clients of MIT's did for DES.
fn decrypt(sealed: EncryptedData<'_>, keys: &[&Key]) -> Result<Zeroizing<Vec<u8>>, DelegationError> {
    const NULL: EncType = EncType(0);
    let EncryptedData { etype, cipher, .. } = sealed;
    if etype == NULL {
        return Ok(Zeroizing::new(cipher.to_vec()));
    }
    if keys.iter().all(|key| key.etype() != etype) {
        return Err(DelegationError::NoKey { etype });
    }
    let mut room = Zeroizing::new(vec![0; cipher.len()]);
    let mut ciphers = keys.iter().filter(|key| key.etype() == etype).map(|key| key.cipher(KeyUsage::KRB_CRED));
    let plaintext = ciphers.find_map(|prepared| prepared.decrypt(cipher, &mut room).ok());
    let plaintext = plaintext.ok_or(DelegationError::Integrity)?;
    room.truncate(plaintext.end);
    room.drain(..plaintext.start);
    Ok(room)
}

/// Heimdal writes the epoch where there is no such time.
fn named(time: Option<UnixTime>) -> Option<UnixTime> {
    time.filter(|time| time.seconds() != 0)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::arithmetic_side_effects, clippy::panic)]
mod tests {
    use super::*;
    use crate::crypto::records::{Record, for_each};
    use crate::der::Problem;
    use crate::limits::MAX_DELEGATED_TICKETS;
    use alloc::format;
    use alloc::string::{String, ToString};
    use rasn_kerberos as asn1;

    const RECORDED: &str = include_str!("../testvectors/delegation/krb_cred.txt");

    /// What a client sent, and the fields of the vector that are not read yet.
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
            DelegatedCredentials::open(&self.krb_cred, &[&self.session_key, &self.subkey]).unwrap()
        }
    }

    fn for_each_sent(mut test: impl FnMut(&mut Sent<'_>)) {
        for_each(RECORDED, 6, |record| test(&mut Sent::read(record)));
    }

    /// As [`for_each_sent`], where what was sent is all that matters.
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
    fn recorded_credentials_are_what_others_make_of_them() {
        for_each_sent(|sent| {
            let credentials = sent.open();
            let all: Vec<_> = credentials.credentials().collect();
            let [one] = all[..] else { panic!("{} credentials", all.len()) };
            let expected = &mut *sent.expected;
            let mut text = |name| String::from_utf8(expected.octets(name)).unwrap();
            assert_eq!(format!("{}@{}", one.client(), one.client_realm()), text("Client"));
            assert_eq!(format!("{}@{}", one.server(), one.server_realm()), text("Server"));
            let mut time =
                |name| Some(expected.number(name)).filter(|seconds| *seconds != 0).map(UnixTime::from_seconds);
            assert_eq!(one.auth_time(), time("AuthTime"));
            assert_eq!(one.start_time(), time("StartTime"));
            assert_eq!(one.end_time(), time("EndTime"));
            assert_eq!(one.renew_till(), time("RenewTill"));
            assert_eq!(i64::from(one.flags().bits()), expected.number::<i64>("Flags"));
            assert_eq!(one.session_key().unwrap(), key(expected, "KeyEtype", "Key"));
            assert!(one.addresses().is_empty());
            assert_eq!(*credentials.to_ccache(), expected.octets("Ccache"));
        });
    }

    #[test]
    fn either_key_opens_and_no_other() {
        for_each_message(|sent| {
            let other = Key::new(sent.session_key.etype(), &vec![7; sent.session_key.expose_bytes().len()]).unwrap();
            let open = |keys: &[&Key]| DelegatedCredentials::open(&sent.krb_cred, keys).map(|_| ());
            let unencrypted = KrbCred::read(&sent.krb_cred).unwrap().enc_part.etype == EncType(0);
            let refused = if unencrypted { Ok(()) } else { Err(DelegationError::Integrity) };
            assert_eq!(open(&[&sent.session_key]), Ok(()));
            assert_eq!(open(&[&sent.subkey, &sent.session_key]), Ok(()));
            assert_eq!(open(&[&sent.subkey]), refused);
            assert_eq!(open(&[&other, &sent.subkey]), refused);
            let etype = sent.session_key.etype();
            assert_eq!(open(&[]), if unencrypted { Ok(()) } else { Err(DelegationError::NoKey { etype }) });
        });
    }

    #[test]
    fn truncated_and_changed_messages_give_nothing_else() {
        for_each_message(|sent| {
            let keys = [&sent.session_key, &sent.subkey];
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
                    // Nothing but the authenticator around it protects the tickets, or what is not encrypted.
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

    /// The EncKrbCredPart of what a client sent.
    fn part_of(sent: &Sent<'_>) -> Zeroizing<Vec<u8>> {
        let keys = [&sent.session_key, &sent.subkey];
        decrypt(KrbCred::read(&sent.krb_cred).unwrap().enc_part, &keys).unwrap()
    }

    /// Where `part` stands in `whole`.
    fn place(whole: &[u8], part: &[u8]) -> core::ops::Range<usize> {
        let start = whole.windows(part.len()).position(|window| window == part).unwrap();
        start..start + part.len()
    }

    /// Whatever an octet is turned into, the part is refused or says something else in that place.
    #[test]
    fn every_octet_of_the_encrypted_part_counts() {
        for_each_message(|sent| {
            let part = part_of(sent);
            let open = |part: &[u8]| DelegatedCredentials::open(&sealed(1, part, None), &[]);
            let whole = open(&part).unwrap();
            let info = place(&part, &whole.ticket_info);
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
    fn times_in_a_cache_have_32_bits() {
        for_each_message(|sent| {
            let mut part = part_of(sent);
            let end_time = place(&part, &[0xA6, 0x11, 0x18, 0x0F]).end;
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
                assert!(opened.to_ccache().windows(16).any(|window| window == times), "{times:?}");
            }
        });
    }

    #[test]
    fn nothing_secret_is_shown() {
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
    fn every_ticket_has_its_information() {
        let key = aes128();
        let open =
            |tickets, infos| DelegatedCredentials::open(&krb_cred(tickets, vec![info(); infos], Some(&key)), &[&key]);
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
    fn a_key_of_unknown_type_is_kept_for_the_cache() {
        let mut unknown = info();
        unknown.key = asn1::EncryptionKey { r#type: 26, value: vec![9; 32].into() };
        let opened = DelegatedCredentials::open(&krb_cred(1, vec![unknown], None), &[]).unwrap();
        let one = opened.credentials().next().unwrap();
        assert_eq!(one.session_etype(), EncType(26));
        assert!(matches!(one.session_key().unwrap_err(), InvalidKey::Unsupported { .. }));
        assert!(opened.to_ccache().windows(38).any(|window| window == [&[0, 26, 0, 0, 0, 32][..], &[9; 32]].concat()));
    }

    #[test]
    fn what_a_client_leaves_out_is_absent() {
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
    fn addresses_are_read_and_written() {
        let loopback = asn1::HostAddress { addr_type: 2, address: vec![127, 0, 0, 1].into() };
        let bound = asn1::KrbCredInfo { caddr: Some(vec![loopback]), ..info() };
        let opened = DelegatedCredentials::open(&krb_cred(1, vec![bound], None), &[]).unwrap();
        let one = opened.credentials().next().unwrap();
        assert!(one.addresses().contains([127, 0, 0, 1].into()));
        let written = [0, 0, 0, 1, 0, 2, 0, 0, 0, 4, 127, 0, 0, 1];
        assert!(opened.to_ccache().windows(written.len()).any(|window| window == written));
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

    /// A KRB-CRED in the encoding of `rasn`; without a key it is not encrypted.
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
}
