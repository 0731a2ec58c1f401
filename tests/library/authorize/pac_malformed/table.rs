//! Tests of PACTYPE: the number of buffers, their offsets, sizes and types.

use super::*;

#[test]
fn buffers_of_unknown_types_are_kept_by_their_numbers() {
    let unknown = BufferType(0x1234);
    let pac = good().with(unknown, *b"one").with(unknown, *b"two").with(BufferType(99), []).signed(&server_key());
    let types: Vec<_> = verify(&pac).unwrap().buffer_types().skip(7).collect();
    assert_eq!(types, [unknown, unknown, BufferType(99)]);
    assert_eq!(unknown.to_string(), "unknown (4660)");
}

#[test]
fn known_buffers_have_names_and_unknown_buffers_have_no_name() {
    let expected = [
        "unknown (0)",
        "LOGON_INFO (1)",
        "CREDENTIAL_INFO (2)",
        "unknown (3)",
        "unknown (4)",
        "unknown (5)",
        "SERVER_CHECKSUM (6)",
        "KDC_CHECKSUM (7)",
        "unknown (8)",
        "unknown (9)",
        "CLIENT_INFO (10)",
        "DELEGATION_INFO (11)",
        "UPN_DNS_INFO (12)",
        "CLIENT_CLAIMS_INFO (13)",
        "DEVICE_INFO (14)",
        "DEVICE_CLAIMS_INFO (15)",
        "TICKET_CHECKSUM (16)",
        "ATTRIBUTES_INFO (17)",
        "REQUESTOR (18)",
        "FULL_CHECKSUM (19)",
        "unknown (20)",
    ];
    assert!((0..21).map(|number| BufferType(number).to_string()).eq(expected));
}

#[test]
fn pac_with_its_buffers_in_reverse_order_is_accepted() {
    let mut buffers = good();
    buffers.0.reverse();
    assert!(verify(&buffers.signed(&server_key())).is_ok());
    // The first two entries of the table are exchanged. The buffers stay where they are.
    let mut pac = good().signed(&server_key());
    pac[8..40].rotate_left(16);
    let pac = sign(pac, &server_key());
    assert!(verify(&pac).unwrap().buffer_types().take(2).eq([BufferType::CLIENT_INFO, BufferType::LOGON_INFO]));
}

/// The server reads the table before it verifies a signature, so most of these PACs need no signature.
#[test]
fn pac_with_a_wrong_table_of_buffers_is_refused() {
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
fn pac_is_accepted_with_64_buffers_or_65536_octets_and_refused_with_more() {
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
fn pac_that_ends_with_an_empty_buffer_is_accepted() {
    let pac = good().with(BufferType::CLIENT_CLAIMS_INFO, []).signed(&server_key());
    assert!(verify(&pac).unwrap().client_claims().is_none());
    let buffers = good().with(BufferType(99), [1; 8]);
    assert!(verify(&buffers.signed(&server_key())).is_ok());
}

#[test]
fn second_buffer_of_a_known_type_is_refused() {
    for (buffer_type, bytes) in good().0 {
        let (what, problem) = problem(&good().with(buffer_type, bytes));
        assert_eq!(problem, PacProblem::Duplicate);
        assert_eq!(format!("{what} ({})", buffer_type.0), buffer_type.to_string());
    }
}

#[test]
fn known_buffers_that_overlap_are_refused() {
    // The table entry of DEVICE_INFO points to octets of LOGON_INFO.
    let mut pac = good().with(BufferType::DEVICE_INFO, [0; 8]).encode();
    let logon = pac_support::buffer(&pac, BufferType::LOGON_INFO).unwrap();
    pac[8 + 16 * 7 + 8..8 + 16 * 7 + 16].copy_from_slice(&u64::try_from(logon.end - 8).unwrap().to_le_bytes());
    assert_eq!(seen(&sign(pac, &server_key())), ("DEVICE_INFO", PacProblem::Overlap));
}
