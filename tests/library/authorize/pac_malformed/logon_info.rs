//! Tests of a malformed LOGON_INFO, which is a KERB_VALIDATION_INFO in NDR.

use super::*;

/// An encoded LOGON_INFO, in which a test replaces octets at a mark or at an offset behind the mark.
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
        assert_ne!(&self.encoded.bytes[at..at + bytes.len()], bytes, "the replacement differs from the old octets");
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
fn logon_info_with_a_wrong_ndr_header_is_refused() {
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
    // The reader ignores these octets, as MS-RPCE requires.
    let mut buffers = good();
    buffers.get_mut(BufferType::LOGON_INFO).unwrap()[4..8].fill(0);
    buffers.get_mut(BufferType::LOGON_INFO).unwrap()[12..16].fill(0xFF);
    assert!(verify(&buffers.signed(&server_key())).is_ok());
    // The object ends with more octets than the padding may have.
    let mut change = Change::new();
    change.encoded.bytes.extend([0; 8]);
    change.encoded.bytes[8..12].copy_from_slice(&(length + 8).to_le_bytes());
    assert!(matches!(change.judge(), ("KERB_VALIDATION_INFO", PacProblem::TrailingBytes(8..))));
}

#[test]
fn logon_info_with_a_null_or_repeated_pointer_is_refused() {
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
fn logon_info_with_a_wrong_array_count_is_refused() {
    let groups = "KERB_VALIDATION_INFO.GroupIds";
    for count in [0, 2, 4, 0x2000_0003, u32::MAX] {
        assert_eq!(Change::new().number("GroupCount", 0, count), (groups, PacProblem::Conformance), "{count}");
        assert_eq!(Change::new().number("GroupIds.", 0, count), (groups, PacProblem::Conformance), "{count}");
        let extra = "KERB_VALIDATION_INFO.ExtraSids";
        assert_eq!(Change::new().number("ExtraSids.", 0, count.max(3)), (extra, PacProblem::Conformance), "{count}");
    }
    // The field and the array give the same count, but the buffer lacks the elements.
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
fn logon_info_with_a_wrong_string_is_refused() {
    let name = "KERB_VALIDATION_INFO.EffectiveName";
    for (length, maximum) in [(9, 10), (10, 9), (10, 8), (11, 11)] {
        let lengths: u32 = length | maximum << 16;
        assert_eq!(Change::new().number("EffectiveName", 0, lengths), (name, PacProblem::StringLength));
    }
    for (length, maximum) in [(8, 10), (10, 12), (8, 8)] {
        let lengths: u32 = length | maximum << 16;
        assert_eq!(Change::new().number("EffectiveName", 0, lengths), (name, PacProblem::Conformance));
    }
    for (behind, number) in [(0, 0), (0, 4), (0, 6), (0, 20), (4, 1), (8, 0), (8, 4), (8, 6), (8, 20), (8, u32::MAX)] {
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
    // A string may be shorter than its maximum length. Windows writes such strings for server names and domain names.
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

/// MS-DTYP section 2.3.10: the pointer must not be null if there is room for characters.
#[test]
fn empty_string_is_accepted_when_the_structure_has_no_array_of_characters() {
    let NdrBytes { mut bytes, marks } = alice().encode();
    bytes[marks["HomeDirectory"] + 4..][..4].fill(0);
    bytes.drain(marks["HomeDirectory."]..marks["HomeDirectory."] + 12);
    let object = bytes.len() - 16;
    bytes[8..12].copy_from_slice(&u32::try_from(object).unwrap().to_le_bytes());
    let mut buffers = good();
    *buffers.get_mut(BufferType::LOGON_INFO).unwrap() = bytes;
    let pac = buffers.signed(&server_key());
    let logon = verify(&pac).unwrap();
    let logon = logon.logon_info().unwrap();
    assert!(logon.home_directory() == *"" && logon.logon_server() == *alice().logon_server);
}

#[test]
fn logon_info_with_a_malformed_sid_is_refused() {
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
    // S-1-5 with the RID 18 would be SYSTEM, and S-1-5-32 with the RID 544 would be Administrators. The SID before a
    // RID must therefore be the SID of a domain.
    let no_domains =
        ["S-1-5", "S-1-5-32", "S-1-5-21-1-2", "S-1-5-21-1-2-3-4", "S-1-5-21-0-0-0", "S-1-4-21-1-2-3", "S-1-5-22-1-2-3"];
    for no_domain in no_domains {
        let mut logon = alice();
        logon.logon_domain_sid = sid(no_domain);
        let mut buffers = good();
        *buffers.get_mut(BufferType::LOGON_INFO).unwrap() = logon.encode().bytes;
        assert_eq!(
            problem(&buffers),
            ("KERB_VALIDATION_INFO.LogonDomainId", PacProblem::NoDomain { sid: sid(no_domain) }),
            "{no_domain}"
        );
    }
    assert_eq!(Change::new().number("UserId", 0, 0), ("KERB_VALIDATION_INFO.UserId", PacProblem::NoUser));
}

/// The error says that the user comes from Microsoft Entra ID or from outside of the domain. The remedy does not
/// mention a password, because no password is wrong.
#[test]
fn error_names_the_users_origin_when_the_user_is_of_no_domain() {
    for (no_domain, says) in [
        (
            "S-1-12-1-111-222-333-444",
            "S-1-12-1-111-222-333-444 is not the SID of a domain (S-1-5-21-x-y-z), but a SID of Microsoft Entra ID",
        ),
        ("S-1-5-32", "S-1-5-32 is not the SID of a domain (S-1-5-21-x-y-z), but the SID of BUILTIN"),
        ("S-1-5", "S-1-5 is not the SID of a domain (S-1-5-21-x-y-z)"),
    ] {
        let logon = LogonInfoParts { logon_domain_sid: sid(no_domain), ..alice() };
        let mut buffers = good();
        *buffers.get_mut(BufferType::LOGON_INFO).unwrap() = logon.encode().bytes;
        assert_explained(&buffers, says);
    }
    let logon = LogonInfoParts { user_id: 0, ..alice() };
    let mut buffers = good();
    *buffers.get_mut(BufferType::LOGON_INFO).unwrap() = logon.encode().bytes;
    assert_explained(&buffers, "it is 0, which means that the account is from outside of the domain");
}

#[track_caller]
fn assert_explained(buffers: &PacBuffers, says: &str) {
    let error = verify(&buffers.signed(&server_key())).unwrap_err();
    assert!(error.code() == "pac-malformed" && error.to_string().ends_with(says), "{error}");
    let remedy = error.remedy().unwrap().to_string();
    assert!(
        remedy.starts_with("This server accepts users of Active Directory domains only")
            && !remedy.contains("password"),
        "{remedy}"
    );
}

#[test]
fn logon_info_is_refused_when_it_is_cut_after_any_octet() {
    let bytes = alice().encode().bytes;
    for length in 0..bytes.len() {
        let mut buffers = good();
        *buffers.get_mut(BufferType::LOGON_INFO).unwrap() = bytes[..length].into();
        let (_, problem) = problem(&buffers);
        assert_eq!(problem, PacProblem::Truncated, "{length}");
        if length < 16 {
            continue;
        }
        // The NDR header now gives the shorter length. Only a cut within the padding leaves a valid structure.
        buffers.get_mut(BufferType::LOGON_INFO).unwrap()[8..12]
            .copy_from_slice(&u32::try_from(length - 16).unwrap().to_le_bytes());
        if bytes[length..].len() < 8 && bytes[length..].iter().all(|byte| *byte == 0) {
            continue;
        }
        let pac = buffers.signed(&server_key());
        assert!(verify(&pac).is_err(), "{length}");
    }
}

/// No changed octet causes a panic. The reader never returns more groups or text than the PAC can hold.
#[test]
fn logon_info_with_any_octet_changed_never_panics() {
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

/// The reader accepts referent identifiers in any order and refuses a repeated identifier. Windows gives
/// ResourceGroupDomainSid a higher identifier than the extra SIDs, whose pointers come later in the encoding.
#[test]
fn referent_identifiers_are_accepted_in_any_order_and_refused_when_repeated() {
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
    let repeated = Err(PacProblem::RepeatedReferent);
    let same = |result: Result<usize, Error>| match result {
        Ok(count) => Ok(count),
        Err(Error::PacMalformed(PacMalformed { problem, .. })) => Err(problem),
        Err(other) => panic!("{} ({other})", other.code()),
    };
    let element = |encoded: &NdrBytes, index: usize| encoded.marks["ExtraSids."] + 4 + 8 * index;
    // The pointers of the resource groups get higher identifiers than the pointers of the extra SIDs, as in Windows.
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
    // Ten extra SIDs have identifiers that are not in ascending order. Then the last SID repeats the identifier of the
    // first SID.
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
