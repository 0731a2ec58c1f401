use super::*;

/// The checksum that curl sends. This checksum has no bindings, and has the flags mutual, sequence, replay,
/// confidentiality and integrity.
const CURL: [u8; 24] = [16, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x3E, 0, 0, 0];

#[test]
fn checksum_of_fewer_than_24_octets_is_refused() {
    let checksum = GssChecksum::read(&CURL).unwrap();
    assert_eq!(checksum.flags.bits(), 0x3E);
    assert_eq!(checksum.bindings, &[0; 16]);
    for length in 0..24 {
        assert_eq!(GssChecksum::read(&CURL[..length]).unwrap_err(), ChecksumCause::Short(length));
    }
}

#[test]
fn binding_length_other_than_16_is_refused() {
    for length in [0, 15, 17, 0x1000_0010] {
        let mut changed = CURL;
        changed[..4].copy_from_slice(&u32::to_le_bytes(length));
        assert_eq!(GssChecksum::read(&changed).unwrap_err(), ChecksumCause::BindingLength(length));
    }
}

#[test]
fn incomplete_delegation_fields_are_refused() {
    let mut delegating = CURL.to_vec();
    delegating[20] |= 1;
    let refused = Err(ChecksumCause::DelegationLength);
    for (tail, expected) in [
        (&[1][..], refused),
        (&[1, 0, 0], refused),
        (&[1, 0, 2, 0, 0x76], refused),
        (&[1, 0, 2, 0, 0x76, 0x00], Ok(Some(&[0x76, 0x00][..]))),
        (&[1, 0, 0xFF, 0xFF, 0x76, 0x00], refused),
        (&[1, 0, 1, 0, 0x76, 0, 0, 0, 1], Ok(Some(&[0x76]))), // extensions follow
    ] {
        let checksum = [&delegating, tail].concat();
        let delegated = GssChecksum::read(&checksum).map(|read| read.delegated.map(|deleg| deleg.0));
        assert_eq!(delegated, expected, "{tail:?}");
    }
}

#[test]
fn delegation_flag_without_credentials_delegates_nothing() {
    let mut delegating = CURL.to_vec();
    delegating[20] |= 1;
    // Kerberos.NET sends no delegation fields. gokrb5 sends a DlgOpt and a Dlgth of 0. The third tail, with a DlgOpt of
    // 1 and a Dlgth of 0, is a delegation without credentials.
    for tail in [&[][..], &[0, 0, 0, 0], &[1, 0, 0, 0]] {
        let checksum = [&delegating, tail].concat();
        let read = GssChecksum::read(&checksum).unwrap();
        assert!(read.flags.contains(GssFlags::DELEGATE) && read.delegated.is_none(), "{tail:?}");
    }
}
