//! Tests of malformed buffers that are not in NDR: CLIENT_INFO, UPN_DNS_INFO, REQUESTOR and ATTRIBUTES_INFO.

use super::*;

#[test]
fn client_info_with_a_wrong_length_or_text_is_refused() {
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
fn upn_dns_info_without_a_readable_sid_is_refused() {
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
    for offset in [0, 16, 19, u16::try_from(info.len()).unwrap(), u16::MAX] {
        assert_eq!(with(18, offset), ("UPN_DNS_INFO.Sid", PacProblem::Offset), "{offset}");
    }
    for length in [0, 8, 24, 26, 27, 29] {
        let (what, problem) = with(16, length);
        assert_eq!(what, "UPN_DNS_INFO.Sid", "{length}");
        assert!(matches!(problem, PacProblem::Sid | PacProblem::Offset), "{length}: {problem}");
    }
}

#[test]
fn texts_of_upn_dns_info_report_their_fault_when_the_caller_reads_them() {
    let info = upn_dns_info("alice", sid("S-1-5-21-1-2-3-1103"));
    let with = |at: usize, bytes: [u8; 2]| {
        let mut buffers = good();
        buffers.get_mut(BufferType::UPN_DNS_INFO).unwrap()[at..at + 2].copy_from_slice(&bytes);
        fault_when_asked(&buffers, |pac| pac.upn_dns_info().map(|_| ()))
    };
    let texts = [(2, "UPN_DNS_INFO.Upn"), (6, "UPN_DNS_INFO.DnsDomainName"), (14, "UPN_DNS_INFO.SamName")];
    for (at, what) in texts {
        for offset in [0, 16, 19, u16::try_from(info.len()).unwrap(), u16::MAX] {
            assert_eq!(with(at, offset.to_le_bytes()), (what, PacProblem::Offset), "{offset}");
        }
    }
    assert_eq!(with(0, 41_u16.to_le_bytes()), ("UPN_DNS_INFO.Upn", PacProblem::Text));
    assert_eq!(with(0, [0xFF; 2]), ("UPN_DNS_INFO.Upn", PacProblem::Offset));
    // The UPN begins with half of a surrogate pair.
    assert_eq!(with(24, [0, 0xD8]), ("UPN_DNS_INFO.Upn", PacProblem::Text));
}

/// Verifies the PAC, which must succeed, and returns the fault that `ask` reports for a buffer.
#[track_caller]
fn fault_when_asked(
    buffers: &PacBuffers,
    ask: impl FnOnce(VerifiedPac<'_>) -> Result<(), PacMalformed>,
) -> (&'static str, PacProblem) {
    let pac = buffers.signed(&server_key());
    let fault = ask(verify(&pac).unwrap()).unwrap_err();
    (fault.what, fault.problem)
}

#[test]
fn requestor_that_is_no_sid_is_refused() {
    let with = |bytes: &[u8]| {
        let mut buffers = good();
        *buffers.get_mut(BufferType::REQUESTOR).unwrap() = bytes.into();
        problem(&buffers)
    };
    let user = sid("S-1-5-21-1-2-3-1103").to_bytes();
    for bytes in [&[][..], &user[..27], &[&user[..], &[0; 4]].concat(), &[&[2], &user[1..]].concat()] {
        assert_eq!(with(bytes), ("PAC_REQUESTOR.UserSid", PacProblem::Sid));
    }
}

#[test]
fn attributes_report_their_fault_when_the_caller_reads_them() {
    let with = |bytes: &[u8]| {
        let mut buffers = good();
        *buffers.get_mut(BufferType::ATTRIBUTES_INFO).unwrap() = bytes.into();
        fault_when_asked(&buffers, |pac| pac.attributes().map(|_| ()))
    };
    let flags = "PAC_ATTRIBUTES_INFO.Flags";
    let size = |expected, found| (flags, PacProblem::Size { expected, found });
    assert_eq!(with(&[2, 0, 0]), ("PAC_ATTRIBUTES_INFO.FlagsLength", PacProblem::Truncated));
    assert_eq!(with(&[0; 4]), size(0, 0));
    assert_eq!(with(&[2, 0, 0, 0]), size(4, 0));
    assert_eq!(with(&[2, 0, 0, 0, 1, 0, 0, 0, 0]), size(4, 5));
    assert_eq!(with(&[33, 0, 0, 0, 1, 0, 0, 0]), size(8, 4));
    assert_eq!(with(&[0xFF; 8]), size(0x2000_0000, 4));
}
