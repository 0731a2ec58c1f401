//! PACs with one thing wrong in each, signed again, so that no other check can be the one that refuses it.
#![cfg(feature = "testing")]
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::arithmetic_side_effects, clippy::print_stdout)]
#![allow(clippy::panic, clippy::expect_used)]

mod pac_support;

use kerberos_sso::pac::{BufferType, Pac};
use kerberos_sso::testing::{NdrBytes, PacBuffers};
use kerberos_sso::{Error, PacMalformed, PacProblem, PacSignature, SignatureCause};
use pac_support::alice::{alice, pac_of, upn_dns_info};
use pac_support::{checksummer, client_info, file_time, server_key, sid, sign, utf16, verify};

const AUTH_TIME: i64 = 1_795_248_000;

fn good() -> PacBuffers {
    pac_of("alice", AUTH_TIME, &alice())
}

/// The problem that a signed PAC is refused for, and where it is seen.
#[track_caller]
fn problem(buffers: &PacBuffers) -> (&'static str, PacProblem) {
    seen(&buffers.signed(&server_key()))
}

#[track_caller]
fn seen(pac: &[u8]) -> (&'static str, PacProblem) {
    match verify(pac).expect_err("it is refused") {
        Error::PacMalformed(PacMalformed { what, at, problem }) => {
            assert!(at <= pac.len(), "{what} at {at}");
            println!("pac-malformed  {what}: {problem}");
            (what, problem)
        }
        other => panic!("{} ({other})", other.code()),
    }
}

#[test]
fn before_the_change_it_is_taken() {
    let pac = good().signed(&server_key());
    let verified = verify(&pac).unwrap();
    let logon = verified.logon_info().unwrap();
    assert_eq!(logon.user_sid(), sid("S-1-5-21-1-2-3-1103"));
    assert!(logon.effective_name() == *"alice" && logon.full_name() == *"Alice Anderson");
    assert_eq!(logon.groups().map(|group| group.sid.rid().unwrap()).collect::<Vec<_>>(), [513, 1104, 1105]);
    let extra: Vec<_> = logon.extra_sids().map(|group| group.sid.to_string()).collect();
    assert_eq!(extra, ["S-1-18-1", "S-1-5-21-4-5-6-1200"]);
    let resource: Vec<_> = logon.resource_groups().map(|group| group.sid.to_string()).collect();
    assert_eq!(resource, ["S-1-5-21-1-2-3-572", "S-1-5-21-1-2-3-1300"]);
    assert_eq!(verified.requestor(), Some(logon.user_sid()));
    assert_eq!(verified.upn_dns_info().unwrap().sid, Some(logon.user_sid()));
    assert_eq!(verified.attributes().unwrap().0, 1);
}

#[test]
fn what_is_not_known_is_kept_by_number() {
    let unknown = BufferType(0x1234);
    let pac = good().with(unknown, *b"one").with(unknown, *b"two").with(BufferType(99), []).signed(&server_key());
    let types: Vec<_> = verify(&pac).unwrap().buffer_types().skip(7).collect();
    assert_eq!(types, [unknown, unknown, BufferType(99)]);
    assert_eq!(
        (unknown.to_string(), BufferType::LOGON_INFO.to_string()),
        ("unknown (4660)".into(), "LOGON_INFO (1)".into())
    );
}

#[test]
fn the_order_of_buffers_does_not_matter() {
    let mut buffers = good();
    buffers.0.reverse();
    assert!(verify(&buffers.signed(&server_key())).is_ok());
}

/// The table is read before any signature is, so these need none.
#[test]
fn the_table_of_buffers() {
    let pac = good().signed(&server_key());
    let with = |at: usize, bytes: &[u8]| {
        let mut changed = pac.clone();
        changed[at..at + bytes.len()].copy_from_slice(bytes);
        seen(&sign(changed, &server_key()))
    };
    let unsigned = |at: usize, bytes: &[u8]| {
        let mut changed = pac.clone();
        changed[at..at + bytes.len()].copy_from_slice(bytes);
        seen(&changed)
    };
    assert_eq!(unsigned(0, &65_u32.to_le_bytes()), ("PACTYPE.cBuffers", PacProblem::TooMany(64)));
    assert_eq!(unsigned(0, &u32::MAX.to_le_bytes()), ("PACTYPE.cBuffers", PacProblem::TooMany(64)));
    assert_eq!(with(4, &1_u32.to_le_bytes()), ("PACTYPE.Version", PacProblem::Version(1)));
    assert_eq!(seen(&[]), ("PACTYPE.cBuffers", PacProblem::Truncated));
    assert_eq!(seen(&pac[..7]), ("PACTYPE.Version", PacProblem::Truncated));
    assert_eq!(seen(&pac[..8 + 16 * 7 - 1]), ("PACTYPE.Buffers", PacProblem::Truncated));
    let (size, offset) = (12, 16);
    let end = u64::try_from(pac.len()).unwrap();
    assert_eq!(unsigned(offset, &124_u64.to_le_bytes()), ("LOGON_INFO", PacProblem::Alignment));
    for out in [0, 8, 112, end, u64::MAX - 7, 1 << 32, 1 << 63] {
        assert_eq!(unsigned(offset, &out.to_le_bytes()), ("LOGON_INFO", PacProblem::Offset), "{out}");
    }
    let room = u32::try_from(end).unwrap() - 120;
    for size_past_end in [room + 1, u32::MAX, 1 << 31] {
        assert_eq!(unsigned(size, &size_past_end.to_le_bytes()), ("LOGON_INFO", PacProblem::Offset));
    }
    assert_eq!(unsigned(size, &room.to_le_bytes()), ("CLIENT_INFO", PacProblem::Overlap));
    let too_large = vec![0; 65_537];
    assert_eq!(seen(&too_large), ("PACTYPE", PacProblem::TooLarge { size: 65_537, limit: 65_536 }));
}

#[test]
fn buffers_and_bytes_are_taken_up_to_their_limits() {
    let of_count = |count: u32| (8..=count).fold(good(), |pac, number| pac.with(BufferType(1_000 + number), *b"other"));
    let most = of_count(64).signed(&server_key());
    assert_eq!(verify(&most).unwrap().buffer_types().count(), 64);
    assert_eq!(problem(&of_count(65)), ("PACTYPE.cBuffers", PacProblem::TooMany(64)));

    let of_size = |filler: usize| good().with(BufferType(99), vec![0; filler]).signed(&server_key());
    let filler = 65_536 - of_size(0).len();
    let largest = of_size(filler);
    assert_eq!(largest.len(), 65_536);
    assert!(verify(&largest).is_ok());
    let larger = of_size(filler + 1);
    let size = larger.len();
    assert!(size > 65_536);
    assert_eq!(seen(&larger), ("PACTYPE", PacProblem::TooLarge { size, limit: 65_536 }));
}

#[test]
fn a_buffer_may_end_with_the_pac_and_be_empty() {
    let pac = good().with(BufferType::CLIENT_CLAIMS_INFO, []).signed(&server_key());
    assert!(verify(&pac).unwrap().client_claims().is_none());
    let buffers = good().with(BufferType(99), [1; 8]);
    assert!(verify(&buffers.signed(&server_key())).is_ok());
}

#[test]
fn no_known_buffer_comes_twice() {
    for (buffer_type, bytes) in good().0 {
        let (what, problem) = problem(&good().with(buffer_type, bytes));
        assert_eq!(problem, PacProblem::Duplicate);
        assert_eq!(format!("{what} ({})", buffer_type.0), buffer_type.to_string());
    }
}

#[test]
fn known_buffers_share_no_bytes() {
    // A second table entry, of another type, for bytes that are LOGON_INFO's.
    let mut pac = good().with(BufferType::DEVICE_INFO, [0; 8]).encode();
    let logon = pac_support::buffer(&pac, BufferType::LOGON_INFO).unwrap();
    pac[8 + 16 * 7 + 8..8 + 16 * 7 + 16].copy_from_slice(&u64::try_from(logon.end - 8).unwrap().to_le_bytes());
    assert_eq!(seen(&sign(pac, &server_key())), ("DEVICE_INFO", PacProblem::Overlap));
}

#[test]
fn signature_buffers_hold_a_signature_and_nothing_else() {
    for (buffer_type, what) in
        [(BufferType::SERVER_CHECKSUM, "SERVER_CHECKSUM"), (BufferType::KDC_CHECKSUM, "KDC_CHECKSUM")]
    {
        for length in (0..16).chain([17, 19, 20, 24, 200]) {
            let mut buffers = good();
            buffers.get_mut(buffer_type).unwrap().resize(length, 0);
            let expected =
                if length < 16 { PacProblem::Truncated } else { PacProblem::Size { expected: 12, found: length - 4 } };
            // The signature is made with all of the buffer's value zeroed.
            let pac = if length < 4 { buffers.encode() } else { buffers.signed(&server_key()) };
            assert_eq!(seen(&pac), (what, expected), "{length}");
        }
        let mut rodc = good();
        rodc.get_mut(buffer_type).unwrap().extend([0x12, 0x34]);
        assert!(verify(&rodc.signed(&server_key())).is_ok(), "with the identifier of a read-only domain controller");
    }
    for buffer_type in [BufferType::TICKET_CHECKSUM, BufferType::FULL_CHECKSUM] {
        let of_length =
            |length: usize| good().with(buffer_type, [&16_u32.to_le_bytes()[..], &vec![0; length]].concat());
        assert!(verify(&of_length(12).signed(&server_key())).is_ok());
        assert_eq!(problem(&of_length(11)).1, PacProblem::Truncated);
        assert_eq!(problem(&of_length(16)).1, PacProblem::Size { expected: 12, found: 16 });
    }
}

#[test]
fn signatures_are_keyed_and_of_the_accounts_keys() {
    let refusal = |buffers: PacBuffers| match verify(&buffers.signed(&server_key())).unwrap_err() {
        Error::PacSignature(PacSignature { buffer_type, cause }) => {
            println!("pac-signature  {buffer_type} {cause}");
            (buffer_type, cause)
        }
        other => panic!("{} ({other})", other.code()),
    };
    for buffer_type in [BufferType::SERVER_CHECKSUM, BufferType::KDC_CHECKSUM] {
        assert_eq!(refusal(good().without(buffer_type)), (buffer_type, SignatureCause::Missing));
        // CRC-32, RSA-MD4, RSA-MD5 and SHA-1.
        for (number, length) in [(1, 4), (2, 16), (7, 16), (14, 20)] {
            assert_eq!(
                refusal(signed_as(buffer_type, number, length)),
                (buffer_type, SignatureCause::Type(number.into()))
            );
        }
    }
    // Unknown numbers: nobody else's business in what the KDC signs for itself, so long as they are of a signature's size.
    for (number, length) in [(0, 0), (18, 16), (i32::MAX, 12)] {
        let server = (BufferType::SERVER_CHECKSUM, SignatureCause::Type(number.into()));
        assert_eq!(refusal(signed_as(BufferType::SERVER_CHECKSUM, number, length)), server);
        for buffer_type in [BufferType::KDC_CHECKSUM, BufferType::TICKET_CHECKSUM, BufferType::FULL_CHECKSUM] {
            assert!(verify(&signed_as(buffer_type, number, length).signed(&server_key())).is_ok(), "{number}");
        }
    }
    let long = signed_as(BufferType::KDC_CHECKSUM, 18, 200);
    assert_eq!(seen(&long.signed(&server_key())).0, "KDC_CHECKSUM");
    // Keyed, and of a type that no key held makes.
    for (number, length) in [(15, 12), (-138, 16), (19, 16), (20, 24)] {
        let mut buffers = good();
        *buffers.get_mut(BufferType::SERVER_CHECKSUM).unwrap() =
            [&i32::to_le_bytes(number)[..], &vec![0; length]].concat();
        assert_eq!(refusal(buffers), (BufferType::SERVER_CHECKSUM, SignatureCause::Type(number.into())));
    }
    let pac = good().signed(&server_key());
    let wrong = Err(Error::PacSignature(PacSignature {
        buffer_type: BufferType::SERVER_CHECKSUM,
        cause: SignatureCause::Wrong,
    }));
    let value = pac_support::buffer(&pac, BufferType::SERVER_CHECKSUM).unwrap();
    for bit in 0..12 * 8 {
        let mut changed = pac.clone();
        changed[value.start + 4 + bit / 8] ^= 1 << (bit % 8);
        assert_eq!(verify(&changed).map(|_| ()), wrong);
    }
    let mut zeros = good();
    zeros.get_mut(BufferType::SERVER_CHECKSUM).unwrap()[4..].fill(0);
    assert_eq!(verify(&zeros.encode()).map(|_| ()), wrong, "zeros are no signature");
    let other_key = kerberos_sso::crypto::Key::new(server_key().etype(), &[0x43; 32]).unwrap();
    let read = Pac::read(&pac).unwrap();
    assert_eq!(read.verify([&checksummer(&other_key)], None).map(|_| ()), wrong);
    assert!(
        read.verify([&checksummer(&other_key), &checksummer(&server_key())], None).is_ok(),
        "an older key is tried too"
    );
}

/// A PAC in which one signature is of this type and length, all zeros.
fn signed_as(buffer_type: BufferType, number: i32, length: usize) -> PacBuffers {
    let value = [&i32::to_le_bytes(number)[..], &vec![0; length]].concat();
    good().without(buffer_type).with(buffer_type, value)
}

#[test]
fn client_info_form() {
    let with = |bytes: Vec<u8>| {
        let mut buffers = good();
        *buffers.get_mut(BufferType::CLIENT_INFO).unwrap() = bytes;
        problem(&buffers)
    };
    let info = client_info_of("alice");
    assert_eq!(problem(&good().without(BufferType::CLIENT_INFO)), ("CLIENT_INFO", PacProblem::Missing));
    assert_eq!(with(info[..9].into()), ("PAC_CLIENT_INFO.NameLength", PacProblem::Truncated));
    assert_eq!(with(info[..info.len() - 1].into()), ("PAC_CLIENT_INFO.Name", PacProblem::Truncated));
    assert_eq!(with([&info[..], &[0]].concat()), ("PAC_CLIENT_INFO", PacProblem::TrailingBytes(1)));
    let of_units = |units: &[u8]| {
        let length = u16::try_from(units.len()).unwrap();
        [&file_time(AUTH_TIME).to_le_bytes()[..], &length.to_le_bytes(), units].concat()
    };
    for units in [&[0x41][..], &[0x00, 0xD8], &[0x41, 0, 0x00, 0xDC], &[0x41, 0, 0, 0], &[0x00, 0xD8, 0x00, 0xD8]] {
        assert_eq!(with(of_units(units)), ("PAC_CLIENT_INFO.Name", PacProblem::Text), "{units:?}");
    }
}

fn client_info_of(name: &str) -> Vec<u8> {
    client_info(name, file_time(AUTH_TIME))
}

#[test]
fn upn_dns_info_form() {
    let info = upn_dns_info("alice", sid("S-1-5-21-1-2-3-1103"));
    let with = |at: usize, number: u16| {
        let mut buffers = good();
        buffers.get_mut(BufferType::UPN_DNS_INFO).unwrap()[at..at + 2].copy_from_slice(&number.to_le_bytes());
        problem(&buffers)
    };
    for length in [0, 3, 11, 12, 19] {
        let mut buffers = good();
        *buffers.get_mut(BufferType::UPN_DNS_INFO).unwrap() = info[..length].into();
        assert_eq!(problem(&buffers).1, PacProblem::Truncated, "{length}");
    }
    for (at, what) in [
        (2, "UPN_DNS_INFO.Upn"),
        (6, "UPN_DNS_INFO.DnsDomainName"),
        (14, "UPN_DNS_INFO.SamName"),
        (18, "UPN_DNS_INFO.Sid"),
    ] {
        for offset in [0, 16, 19, u16::try_from(info.len()).unwrap(), u16::MAX] {
            assert_eq!(with(at, offset), (what, PacProblem::Offset), "{offset}");
        }
    }
    assert_eq!(with(0, 41), ("UPN_DNS_INFO.Upn", PacProblem::Text));
    assert_eq!(with(0, u16::MAX), ("UPN_DNS_INFO.Upn", PacProblem::Offset));
    for length in [0, 8, 24, 26, 27, 29] {
        let (what, problem) = with(16, length);
        assert_eq!(what, "UPN_DNS_INFO.Sid", "{length}");
        assert!(matches!(problem, PacProblem::Sid | PacProblem::Offset), "{length}: {problem}");
    }
    let mut buffers = good();
    buffers.get_mut(BufferType::UPN_DNS_INFO).unwrap()[25] = 0xD8;
    assert_eq!(problem(&buffers), ("UPN_DNS_INFO.Upn", PacProblem::Text));
}

#[test]
fn requestor_and_attributes() {
    let with = |buffer_type, bytes: &[u8]| {
        let mut buffers = good();
        *buffers.get_mut(buffer_type).unwrap() = bytes.into();
        problem(&buffers)
    };
    let user = sid("S-1-5-21-1-2-3-1103").to_bytes();
    for bytes in [&[][..], &user[..27], &[&user[..], &[0; 4]].concat(), &[&[2], &user[1..]].concat()] {
        assert_eq!(with(BufferType::REQUESTOR, bytes), ("PAC_REQUESTOR.UserSid", PacProblem::Sid));
    }
    let flags = "PAC_ATTRIBUTES_INFO.Flags";
    let size = |expected, found| (flags, PacProblem::Size { expected, found });
    assert_eq!(
        with(BufferType::ATTRIBUTES_INFO, &[2, 0, 0]),
        ("PAC_ATTRIBUTES_INFO.FlagsLength", PacProblem::Truncated)
    );
    assert_eq!(with(BufferType::ATTRIBUTES_INFO, &[0; 4]), size(0, 0));
    assert_eq!(with(BufferType::ATTRIBUTES_INFO, &[2, 0, 0, 0]), size(4, 0));
    assert_eq!(with(BufferType::ATTRIBUTES_INFO, &[2, 0, 0, 0, 1, 0, 0, 0, 0]), size(4, 5));
    assert_eq!(with(BufferType::ATTRIBUTES_INFO, &[33, 0, 0, 0, 1, 0, 0, 0]), size(8, 4));
    assert_eq!(with(BufferType::ATTRIBUTES_INFO, &[0xFF; 8]), size(0x2000_0000, 4));
}

/// LOGON_INFO with the number at a mark, or some bytes behind it, replaced.
struct Change {
    encoded: NdrBytes,
}

impl Change {
    fn new() -> Self {
        Self { encoded: alice().encode() }
    }

    #[track_caller]
    fn bytes(mut self, mark: &str, behind: usize, bytes: &[u8]) -> (&'static str, PacProblem) {
        let at = self.encoded.marks[mark] + behind;
        assert_ne!(&self.encoded.bytes[at..at + bytes.len()], bytes, "it changes something");
        self.encoded.bytes[at..at + bytes.len()].copy_from_slice(bytes);
        self.judge()
    }

    #[track_caller]
    fn number(self, mark: &str, behind: usize, number: u32) -> (&'static str, PacProblem) {
        self.bytes(mark, behind, &number.to_le_bytes())
    }

    #[track_caller]
    fn judge(self) -> (&'static str, PacProblem) {
        let mut buffers = good();
        *buffers.get_mut(BufferType::LOGON_INFO).unwrap() = self.encoded.bytes;
        problem(&buffers)
    }

    fn referent(&self, mark: &str) -> u32 {
        let at = self.encoded.marks[mark];
        u32::from_le_bytes(self.encoded.bytes[at..at + 4].try_into().unwrap())
    }
}

#[test]
fn ndr_serialization_headers() {
    let with = |at: usize, bytes: &[u8]| {
        let mut change = Change::new();
        change.encoded.bytes[at..at + bytes.len()].copy_from_slice(bytes);
        change.judge()
    };
    for (at, byte) in [(0, 2), (1, 0x00), (2, 16), (3, 1)] {
        assert_eq!(with(at, &[byte]), ("KERB_VALIDATION_INFO", PacProblem::SerializationHeader));
    }
    let length = u32::try_from(Change::new().encoded.bytes.len() - 16).unwrap();
    for longer in [length + 1, length + 8, u32::MAX] {
        assert_eq!(with(8, &longer.to_le_bytes()), ("KERB_VALIDATION_INFO", PacProblem::Truncated));
    }
    assert_eq!(with(8, &(length - 8).to_le_bytes()), ("KERB_VALIDATION_INFO", PacProblem::TrailingBytes(8)));
    // What MS-RPCE says to ignore.
    let mut buffers = good();
    buffers.get_mut(BufferType::LOGON_INFO).unwrap()[4..8].fill(0);
    buffers.get_mut(BufferType::LOGON_INFO).unwrap()[12..16].fill(0xFF);
    assert!(verify(&buffers.signed(&server_key())).is_ok());
    // More than padding at the end of the object.
    let mut change = Change::new();
    change.encoded.bytes.extend([0; 8]);
    change.encoded.bytes[8..12].copy_from_slice(&(length + 8).to_le_bytes());
    assert!(matches!(change.judge(), ("KERB_VALIDATION_INFO", PacProblem::TrailingBytes(8..))));
}

#[test]
fn ndr_pointers() {
    let null = PacProblem::NullPointer;
    assert_eq!(Change::new().number("top", 0, 0), ("KERB_VALIDATION_INFO", null));
    assert_eq!(Change::new().number("EffectiveName", 4, 0), ("KERB_VALIDATION_INFO.EffectiveName", null));
    assert_eq!(Change::new().number("GroupIds", 0, 0), ("KERB_VALIDATION_INFO.GroupIds", null));
    assert_eq!(Change::new().number("LogonDomainId", 0, 0), ("KERB_VALIDATION_INFO.LogonDomainId", null));
    assert_eq!(Change::new().number("ExtraSids", 0, 0), ("KERB_VALIDATION_INFO.ExtraSids", null));
    assert_eq!(Change::new().number("ExtraSids.Sid", 0, 0), ("KERB_VALIDATION_INFO.ExtraSids", null));
    let resource_domain = "KERB_VALIDATION_INFO.ResourceGroupDomainSid";
    assert_eq!(Change::new().number("ResourceGroupDomainSid", 0, 0), (resource_domain, null));
    assert_eq!(Change::new().number("ResourceGroupIds", 0, 0), ("KERB_VALIDATION_INFO.ResourceGroupIds", null));
    let top = Change::new().referent("top");
    for (mark, behind, what) in [
        ("EffectiveName", 4, "KERB_VALIDATION_INFO.EffectiveName"),
        ("FullName", 4, "KERB_VALIDATION_INFO.FullName"),
        ("GroupIds", 0, "KERB_VALIDATION_INFO.GroupIds"),
        ("LogonServer", 4, "KERB_VALIDATION_INFO.LogonServer"),
        ("LogonDomainId", 0, "KERB_VALIDATION_INFO.LogonDomainId"),
        ("ExtraSids", 0, "KERB_VALIDATION_INFO.ExtraSids"),
        ("ExtraSids.Sid", 0, "KERB_VALIDATION_INFO.ExtraSids"),
        ("ResourceGroupDomainSid", 0, "KERB_VALIDATION_INFO.ResourceGroupDomainSid"),
        ("ResourceGroupIds", 0, "KERB_VALIDATION_INFO.ResourceGroupIds"),
    ] {
        assert_eq!(Change::new().number(mark, behind, top), (what, PacProblem::RepeatedReferent));
    }
}

#[test]
fn ndr_counts() {
    let groups = "KERB_VALIDATION_INFO.GroupIds";
    for count in [0, 2, 4, 0x2000_0003, u32::MAX] {
        assert_eq!(Change::new().number("GroupCount", 0, count), (groups, PacProblem::Conformance), "{count}");
        assert_eq!(Change::new().number("GroupIds.", 0, count), (groups, PacProblem::Conformance), "{count}");
        let extra = "KERB_VALIDATION_INFO.ExtraSids";
        assert_eq!(Change::new().number("ExtraSids.", 0, count.max(3)), (extra, PacProblem::Conformance), "{count}");
    }
    // Both say the same, and the bytes are not there.
    for (count, array, what) in [
        ("GroupCount", "GroupIds.", groups),
        ("SidCount", "ExtraSids.", "KERB_VALIDATION_INFO.ExtraSids"),
        ("ResourceGroupCount", "ResourceGroupIds.", "KERB_VALIDATION_INFO.ResourceGroupIds"),
    ] {
        for number in [1000_u32, 0x2000_0001, u32::MAX] {
            let mut change = Change::new();
            let at = change.encoded.marks[count];
            change.encoded.bytes[at..at + 4].copy_from_slice(&number.to_le_bytes());
            assert_eq!(change.number(array, 0, number), (what, PacProblem::Truncated), "{number}");
        }
    }
}

#[test]
fn ndr_strings() {
    let name = "KERB_VALIDATION_INFO.EffectiveName";
    for (length, maximum) in [(9, 10), (10, 9), (10, 8), (11, 11)] {
        let lengths: u32 = length | maximum << 16;
        assert_eq!(Change::new().number("EffectiveName", 0, lengths), (name, PacProblem::StringLength));
    }
    for (length, maximum) in [(8, 10), (10, 12), (8, 8)] {
        let lengths: u32 = length | maximum << 16;
        assert_eq!(Change::new().number("EffectiveName", 0, lengths), (name, PacProblem::Conformance));
    }
    for (behind, number) in [(0, 4), (0, 6), (0, u32::MAX), (4, 1), (4, u32::MAX), (8, 4), (8, 6), (8, u32::MAX)] {
        assert_eq!(
            Change::new().number("EffectiveName.", behind, number),
            (name, PacProblem::Conformance),
            "{behind} {number}"
        );
    }
    for units in [&[0x00, 0xD8][..], &[0x00, 0xDC], &[0, 0], &[0x00, 0xD8, 0x00, 0xD8], &[0x00, 0xDC, 0x00, 0xD8]] {
        assert_eq!(Change::new().bytes("EffectiveName.", 12, units), (name, PacProblem::Text), "{units:?}");
        assert_eq!(Change::new().bytes("FullName.", 12, units), ("KERB_VALIDATION_INFO.FullName", PacProblem::Text));
    }
    // A string may be shorter than its room, as Windows' server and domain names are.
    let mut longer = Change::new().encoded;
    let at = longer.marks["EffectiveName"] + 2;
    longer.bytes[at] = 12;
    let at = longer.marks["EffectiveName."];
    longer.bytes[at] = 6;
    let mut buffers = good();
    *buffers.get_mut(BufferType::LOGON_INFO).unwrap() = longer.bytes;
    assert!(verify(&buffers.signed(&server_key())).is_ok());
    let surrogates: Vec<_> = utf16("𝄞");
    let mut pair = Change::new().encoded;
    let at = pair.marks["EffectiveName."] + 12;
    pair.bytes[at..at + 4].copy_from_slice(&surrogates);
    *buffers.get_mut(BufferType::LOGON_INFO).unwrap() = pair.bytes;
    let pac = buffers.signed(&server_key());
    assert!(verify(&pac).unwrap().logon_info().unwrap().effective_name() == *"𝄞ice");
}

#[test]
fn ndr_sids() {
    for (mark, what) in [
        ("LogonDomainId.", "KERB_VALIDATION_INFO.LogonDomainId"),
        ("ExtraSids.Sid.", "KERB_VALIDATION_INFO.ExtraSids"),
        ("ResourceGroupDomainSid.", "KERB_VALIDATION_INFO.ResourceGroupDomainSid"),
    ] {
        for count in [0, 3, 6, 15, u32::MAX] {
            assert_eq!(Change::new().number(mark, 0, count), (what, PacProblem::Conformance), "{count}");
        }
        for revision in [0, 2, 0xFF] {
            assert_eq!(Change::new().bytes(mark, 4, &[revision]), (what, PacProblem::Sid));
        }
        for count in [16, 0xFF] {
            assert_eq!(Change::new().bytes(mark, 5, &[count]), (what, PacProblem::Sid), "{count}");
        }
        assert_eq!(Change::new().bytes(mark, 5, &[3]), (what, PacProblem::Conformance));
    }
    // SYSTEM is S-1-5 and 18, Administrators S-1-5-32 and 544: only a domain's own SID may stand before a RID.
    let no_domains =
        ["S-1-5", "S-1-5-32", "S-1-5-21-1-2", "S-1-5-21-1-2-3-4", "S-1-5-21-0-0-0", "S-1-4-21-1-2-3", "S-1-5-22-1-2-3"];
    for no_domain in no_domains {
        let mut logon = alice();
        logon.logon_domain_sid = sid(no_domain);
        let mut buffers = good();
        *buffers.get_mut(BufferType::LOGON_INFO).unwrap() = logon.encode().bytes;
        assert_eq!(problem(&buffers), ("KERB_VALIDATION_INFO.LogonDomainId", PacProblem::Sid), "{no_domain}");
    }
    assert_eq!(Change::new().number("UserId", 0, 0), ("KERB_VALIDATION_INFO.UserId", PacProblem::NoUser));
}

#[test]
fn logon_info_cut_anywhere() {
    let bytes = alice().encode().bytes;
    for length in 0..bytes.len() {
        let mut buffers = good();
        *buffers.get_mut(BufferType::LOGON_INFO).unwrap() = bytes[..length].into();
        let (_, problem) = problem(&buffers);
        assert_eq!(problem, PacProblem::Truncated, "{length}");
        if length < 16 {
            continue;
        }
        // The same with a header that owns up to it; only the padding is not missed.
        buffers.get_mut(BufferType::LOGON_INFO).unwrap()[8..12]
            .copy_from_slice(&u32::try_from(length - 16).unwrap().to_le_bytes());
        if bytes[length..].len() < 8 && bytes[length..].iter().all(|byte| *byte == 0) {
            continue;
        }
        let pac = buffers.signed(&server_key());
        assert!(verify(&pac).is_err(), "{length}");
    }
}

/// Whatever a byte becomes, nothing panics, and what is read stays within the PAC.
#[test]
fn any_byte_of_logon_info_may_be_anything() {
    let bytes = alice().encode().bytes;
    for at in 0..bytes.len() {
        for value in [0, 1, 0x7F, 0x80, 0xFF] {
            let mut buffers = good();
            buffers.get_mut(BufferType::LOGON_INFO).unwrap()[at] = value;
            let pac = buffers.signed(&server_key());
            if let Ok(verified) = verify(&pac) {
                let logon = verified.logon_info().unwrap();
                let groups = logon.groups().count() + logon.extra_sids().count() + logon.resource_groups().count();
                assert!(groups <= pac.len() / 8);
                assert!(logon.effective_name().decoded().len() <= pac.len());
            }
        }
    }
}

/// Windows numbers the pointers of the extra SIDs before those that stand behind them in the structure, and others number
/// at random: what counts is that no number comes twice.
#[test]
fn referents_are_new_in_whatever_order() {
    let many = |count: u32| {
        let mut logon = alice();
        logon.extra_sids = (0..count).map(|rid| (sid("S-1-5-21-4-5-6").join(rid + 1000).unwrap(), 7)).collect();
        logon.encode()
    };
    let judge = |bytes: Vec<u8>| {
        let mut buffers = good();
        *buffers.get_mut(BufferType::LOGON_INFO).unwrap() = bytes;
        verify(&buffers.signed(&server_key())).map(|pac| pac.logon_info().unwrap().extra_sids().count())
    };
    let repeated = Err(Error::PacMalformed(PacMalformed { what: "", at: 0, problem: PacProblem::RepeatedReferent }));
    let same = |result: Result<usize, Error>| match result {
        Err(Error::PacMalformed(PacMalformed { problem, .. })) => {
            Err(Error::PacMalformed(PacMalformed { what: "", at: 0, problem }))
        }
        other => other,
    };
    let element = |encoded: &NdrBytes, index: usize| encoded.marks["ExtraSids."] + 4 + 8 * index;
    // In Windows' order: ResourceGroupDomainSid has a higher number than all that come after it.
    let mut windows = many(1000);
    for (mark, number) in [("ResourceGroupDomainSid", 0x0009_0000_u32), ("ResourceGroupIds", 0x0009_0004)] {
        let at = windows.marks[mark];
        windows.bytes[at..at + 4].copy_from_slice(&number.to_le_bytes());
    }
    assert_eq!(judge(windows.bytes.clone()), Ok(1000));
    for (index, number) in [(500, 0x0009_0000_u32), (999, 0x0002_0000), (999, 0x0002_0004)] {
        let mut repeating = windows.clone();
        let at = element(&repeating, index);
        repeating.bytes[at..at + 4].copy_from_slice(&number.to_le_bytes());
        assert_eq!(same(judge(repeating.bytes)), repeated, "{index}");
    }
    // At random, ten of them; then one of them again.
    let mut random = many(10);
    for index in 0..10 {
        let at = element(&random, index);
        random.bytes[at..at + 4].copy_from_slice(&(u32::try_from(index).unwrap() * 7919 % 1009 + 1).to_le_bytes());
    }
    assert_eq!(judge(random.bytes.clone()), Ok(10));
    let (first, last) = (element(&random, 0), element(&random, 9));
    random.bytes.copy_within(first..first + 4, last);
    assert_eq!(same(judge(random.bytes)), repeated);
}
