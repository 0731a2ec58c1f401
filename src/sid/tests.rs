use super::*;
use alloc::format;
use alloc::string::ToString;

/// The packet form is from MS-DTYP section 2.4.2.2, and the values are well-known SIDs of section 2.4.2.4.
#[test]
fn sid_is_read_and_written_as_text_and_as_packet() {
    for (text, bytes) in [
        ("S-1-0-0", &[1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0][..]),
        ("S-1-5-32-544", &[1, 2, 0, 0, 0, 0, 0, 5, 32, 0, 0, 0, 0x20, 2, 0, 0]),
        ("S-1-18-1", &[1, 1, 0, 0, 0, 0, 0, 18, 1, 0, 0, 0]),
        ("S-1-0x010203040506-7", &[1, 1, 1, 2, 3, 4, 5, 6, 7, 0, 0, 0]),
        ("S-1-5", &[1, 0, 0, 0, 0, 0, 0, 5]),
    ] {
        let sid: Sid = text.parse().unwrap();
        assert_eq!(sid.to_string(), text);
        assert_eq!(sid.to_bytes(), bytes);
        assert_eq!(Sid::from_bytes(bytes), Some(sid));
        for length in 0..bytes.len() {
            assert_eq!(Sid::from_bytes(&bytes[..length]), None, "{text} cut to {length}");
        }
        assert_eq!(Sid::from_bytes(&[bytes, &[0]].concat()), None);
    }
    assert_eq!(Sid::AUTHENTICATION_ASSERTED, "S-1-18-1".parse().unwrap());
    assert_eq!(Sid::SERVICE_ASSERTED, "S-1-18-2".parse().unwrap());
    assert_eq!(Sid::from_bytes(&Sid::SERVICE_ASSERTED_PACKET), Some(Sid::SERVICE_ASSERTED));
}

#[test]
fn malformed_sid_text_is_refused() {
    for text in [
        "",
        "S-1",
        "S-1-",
        "s-1-5-18",
        "S-2-5-18",
        " S-1-5-18",
        "S-1-5-18 ",
        "S-1-5--18",
        "S-1-5-18-",
        "S-1-5-+18",
        "S-1-5-4294967296",
        "S-1-4294967296-1",
        "S-1-0x5-1",
        "S-1-0x01020304050G-1",
        "S-1-5-0x12",
        "S-1-5-1-2-3-4-5-6-7-8-9-10-11-12-13-14-15-16",
    ] {
        assert_eq!(text.parse::<Sid>(), Err(InvalidSid), "{text:?}");
    }
    let longest: Sid = "S-1-5-1-2-3-4-5-6-7-8-9-10-11-12-13-14-15".parse().unwrap();
    assert_eq!(longest.join(16), None);
}

/// Compares the checks that read the octets of a packet with the same checks on the decoded SID.
#[test]
fn checks_of_a_changed_packet_and_of_its_decoded_sid_have_the_same_result() {
    for text in ["S-1-5-21-0-0-1", "S-1-5-21-1-2-3", "S-1-5-21-0-0-0", "S-1-5-21-1-2-3-4", "S-1-18-2", "S-1-5"] {
        let sid: Sid = text.parse().unwrap();
        let packet = sid.to_bytes();
        for (at, other) in (0..packet.len()).flat_map(|at| [0, 1, 2, 4, 0x10, 0xFF].map(|other| (at, other))) {
            let mut changed = packet.clone();
            changed[at] ^= other;
            for bytes in [&changed[..], &changed[..at], &[&changed[..], &[0; 4]].concat()] {
                let read = Sid::from_bytes(bytes);
                assert_eq!(Sid::is_packet(bytes), read.is_some(), "{bytes:02X?}");
                let domain = DomainSid::from_packet(bytes);
                assert_eq!(domain.map(DomainSid::sid), read.filter(Sid::is_domain), "{bytes:02X?}");
                for rid in [0, 7, 0x0102_0304, u32::MAX] {
                    let account = domain.map(|domain| domain.account(rid));
                    assert_eq!(account, read.filter(Sid::is_domain).and_then(|sid| sid.join(rid)), "{bytes:02X?}");
                    let packet = account.map(|account| account.to_bytes());
                    assert_eq!(packet.as_deref().and_then(DomainSid::split_account), domain.zip(Some(rid)));
                }
                let is_account = read.filter(|sid| sid.is_of_domain() && sid.sub_authorities().len() == 5);
                let account = DomainSid::split_account(bytes).map(|(domain, rid)| domain.account(rid));
                assert_eq!(account, is_account, "{bytes:02X?}");
            }
        }
    }
    let longest = [&[1, 15, 0, 0, 0, 0, 0, 5][..], &[7; 60]].concat();
    let longer = [&[1, 16, 0, 0, 0, 0, 0, 5][..], &[7; 64]].concat();
    assert!(Sid::is_packet(&longest) && !Sid::is_packet(&longer));
}

#[test]
fn packet_of_revision_2_or_with_16_sub_authorities_is_refused() {
    let mut bytes = "S-1-5-18".parse::<Sid>().unwrap().to_bytes();
    bytes[0] = 2;
    assert_eq!(Sid::from_bytes(&bytes), None);
    let sixteen = [&[1, 16, 0, 0, 0, 0, 0, 5][..], &[0; 64]].concat();
    assert_eq!(Sid::from_bytes(&sixteen), None);
}

#[test]
fn account_sid_is_the_sid_of_its_domain_and_a_rid() {
    let domain: Sid = "S-1-5-21-1-2-3".parse().unwrap();
    let user = domain.join(1103).unwrap();
    assert_eq!(user.to_string(), "S-1-5-21-1-2-3-1103");
    assert_eq!((user.domain(), user.rid()), (Some(domain), Some(1103)));
    assert!(user.is_of_domain() && domain.is_of_domain());
    for other in ["S-1-5-21-0-0-0-497", "S-1-18-1", "S-1-5-32-544", "S-1-4-21-1-2-3", "S-1-5-21-1-2"] {
        assert!(!other.parse::<Sid>().unwrap().is_of_domain(), "{other}");
    }
    assert_eq!(format!("{user:?}"), "S-1-5-21-1-2-3-1103");
}
