//! Tests of buffers that few tickets have: device information, claims and credentials. These tests encode the buffers
//! as the IDL of MS-PAC and MS-ADTS defines them. Other tests read buffers that Windows and Samba wrote.

use crate::pac_support;

use kerberos_sso::error::{PacMalformed, PacProblem};
use kerberos_sso::pac::{BufferType, Claim, ClaimSource, ClaimValues, DeviceInfo, EncodedClaims};
use kerberos_sso::testing::{NdrBytes, NdrWriter};
use pac_support::alice::{alice, device, pac_of};
use pac_support::{server_key, sid, verify};

fn pac_with(buffer_type: BufferType, bytes: &[u8]) -> Vec<u8> {
    pac_of("alice", 0, &alice()).with(buffer_type, bytes).signed(&server_key())
}

#[test]
fn device_info_returns_the_device_groups_of_several_domains() {
    let pac = pac_with(BufferType::DEVICE_INFO, &device().bytes);
    let verified = verify(&pac).unwrap();
    let device: DeviceInfo<'_> = verified.device_info().unwrap().unwrap();
    let rids = |sids: Vec<String>| sids.join(" ");
    assert_eq!(device.device_sid(), sid("S-1-5-21-1-2-3-1200"));
    assert_eq!(device.primary_group_sid(), sid("S-1-5-21-1-2-3-515"));
    assert_eq!(
        rids(device.account_groups().map(|group| group.sid.to_string()).collect()),
        "S-1-5-21-1-2-3-515 S-1-5-21-1-2-3-1201"
    );
    assert_eq!(rids(device.extra_sids().map(|group| group.sid.to_string()).collect()), "S-1-18-1");
    assert_eq!(
        rids(device.domain_groups().map(|group| group.sid.to_string()).collect()),
        "S-1-5-21-4-5-6-1300 S-1-5-21-7-8-9-1400"
    );
}

#[test]
fn malformed_device_info_reports_its_fault_when_the_caller_reads_it() {
    let good = device();
    let refusal = |mark: &str, number: u32| {
        let mut bytes = good.bytes.clone();
        let at = good.marks[mark];
        bytes[at..at + 4].copy_from_slice(&number.to_le_bytes());
        verify(&pac_with(BufferType::DEVICE_INFO, &bytes)).unwrap().device_info().unwrap_err().problem
    };
    for pointer in
        ["top", "AccountDomainId", "AccountGroupIds", "ExtraSids", "DomainGroup", "FirstDomain", "SecondGroups"]
    {
        assert_eq!(refusal(pointer, 0), PacProblem::NullPointer, "{pointer}");
    }
    for count in ["AccountGroupCount", "SidCount", "DomainGroupCount", "GroupCount"] {
        for number in [3, 1000, u32::MAX] {
            assert_eq!(refusal(count, number), PacProblem::Conformance, "{count} {number}");
        }
    }
    for length in 0..good.bytes.len() {
        let pac = pac_with(BufferType::DEVICE_INFO, &good.bytes[..length]);
        assert!(verify(&pac).unwrap().device_info().is_err(), "{length}");
    }
}

/// Returns a CLAIMS_SET of two arrays.
fn claims_set() -> NdrBytes {
    claims_set_with(&[])
}

fn claims_set_with(reserved: &[u8]) -> NdrBytes {
    let mut ndr = NdrWriter::default();
    ndr.pointer("top");
    ndr.marked("ClaimsArrayCount", 2);
    ndr.pointer("ClaimsArrays");
    ndr.u16(0);
    announce(&mut ndr, reserved);
    ndr.marked("ClaimsArrays.", 2);
    for (source, count, name) in [(1, 3, "FirstEntries"), (2, 1, "SecondEntries")] {
        ndr.u16(source);
        ndr.marked("ClaimsCount", count);
        ndr.pointer(name);
    }
    ndr.marked("FirstEntries.", 3);
    for claim_type in [3, 2, 1] {
        entry(&mut ndr, claim_type, 2);
    }
    ndr.terminated("Id.", "ad://ext/département");
    ndr.marked("Values.", 2);
    ndr.pointer("Text");
    ndr.pointer("Text");
    ndr.terminated("Text.", "Ventes");
    ndr.terminated("Text.", "");
    for id in ["ad://ext/unsigned", "ad://ext/signed"] {
        ndr.terminated("Id.", id);
        ndr.marked("Values.", 2);
        ndr.align(8);
        ndr.u64(1);
        ndr.u64(u64::MAX);
    }
    ndr.marked("SecondEntries.", 1);
    entry(&mut ndr, 6, 2);
    ndr.terminated("Id.", "certificate");
    ndr.marked("Values.", 2);
    ndr.align(8);
    ndr.u64(1);
    ndr.u64(0);
    write_reserved(&mut ndr, reserved);
    ndr.finish()
}

/// Writes the size of the reserved octets, and the pointer to these octets.
fn announce(ndr: &mut NdrWriter, reserved: &[u8]) {
    ndr.marked("ReservedFieldSize", u32::try_from(reserved.len()).unwrap());
    ndr.optional("ReservedField", !reserved.is_empty());
}

fn write_reserved(ndr: &mut NdrWriter, reserved: &[u8]) {
    if !reserved.is_empty() {
        ndr.marked("ReservedField.", u32::try_from(reserved.len()).unwrap());
        ndr.raw(reserved);
    }
}

fn entry(ndr: &mut NdrWriter, claim_type: u16, values: u32) {
    ndr.pointer("Id");
    ndr.marked("Type", u32::from(claim_type) | u32::from(claim_type) << 16);
    ndr.marked("ValueCount", values);
    ndr.pointer("Values");
}

/// Returns a CLAIMS_SET_METADATA that contains the encoded CLAIMS_SET.
fn metadata(set: &[u8], compression: u16, uncompressed: usize) -> NdrBytes {
    metadata_with(set, compression, uncompressed, &[])
}

fn metadata_with(set: &[u8], compression: u16, uncompressed: usize, reserved: &[u8]) -> NdrBytes {
    let mut ndr = NdrWriter::default();
    ndr.pointer("top");
    let size = u32::try_from(set.len()).unwrap();
    ndr.marked("ClaimsSetSize", size);
    ndr.pointer("ClaimsSet");
    ndr.u16(compression);
    ndr.marked("UncompressedClaimsSetSize", u32::try_from(uncompressed).unwrap());
    ndr.u16(0);
    announce(&mut ndr, reserved);
    ndr.marked("ClaimsSet.", size);
    ndr.raw(set);
    write_reserved(&mut ndr, reserved);
    ndr.finish()
}

fn decode(buffer: &[u8], limit: usize) -> Result<Vec<Claim>, PacMalformed> {
    let pac = pac_with(BufferType::CLIENT_CLAIMS_INFO, buffer);
    let claims: EncodedClaims<'_> = verify(&pac).unwrap().client_claims().unwrap();
    claims.decode(limit)
}

fn uncompressed(set: &[u8]) -> Result<Vec<Claim>, PacMalformed> {
    decode(&metadata(set, 0, set.len()).bytes, 0)
}

#[test]
fn claims_of_every_type_are_decoded() {
    let claim = |id: &str, source, values| (String::from(id), source, values);
    let parts = |claims: Vec<Claim>| -> Vec<_> {
        claims.into_iter().map(|claim| (claim.id, claim.source, claim.values)).collect()
    };
    let directory = ClaimSource::ACTIVE_DIRECTORY;
    let expected = [
        claim("ad://ext/département", directory, ClaimValues::Text(vec!["Ventes".into(), String::new()])),
        claim("ad://ext/unsigned", directory, ClaimValues::Uint64(vec![1, u64::MAX])),
        claim("ad://ext/signed", directory, ClaimValues::Int64(vec![1, -1])),
        claim("certificate", ClaimSource::CERTIFICATE, ClaimValues::Boolean(vec![true, false])),
    ];
    let set = claims_set().bytes;
    assert_eq!(parts(uncompressed(&set).unwrap()), expected);
    // LZNT1 stores incompressible data in chunks of at most 4096 octets.
    let header = 0x3000 | u16::try_from(set.len() - 1).unwrap();
    let stored = [&header.to_le_bytes()[..], &set].concat();
    assert_eq!(parts(decode(&metadata(&stored, 2, set.len()).bytes, set.len()).unwrap()), expected);
    let device = pac_with(BufferType::DEVICE_CLAIMS_INFO, &metadata(&set, 0, set.len()).bytes);
    assert_eq!(parts(verify(&device).unwrap().device_claims().unwrap().decode(0).unwrap()), expected);
}

/// CLAIMS_SET and CLAIMS_SET_METADATA end with reserved octets (MS-ADTS sections 2.2.18.7 and 2.2.18.8).
#[test]
fn reserved_octets_at_the_end_of_claims_are_ignored() {
    let usual = uncompressed(&claims_set().bytes).unwrap();
    let reserved = [7; 24];
    let set = claims_set_with(&reserved).bytes;
    assert_eq!(uncompressed(&set).unwrap(), usual);
    assert_eq!(decode(&metadata_with(&set, 0, set.len(), &reserved).bytes, 0).unwrap(), usual);
}

#[test]
fn claims_with_a_wrong_size_or_compression_are_refused() {
    let set = claims_set().bytes;
    let bomb = |size| decode(&metadata(&[0xFF; 16], 4, size).bytes, usize::MAX).unwrap_err().problem;
    let limit = kerberos_sso::limits::MAX_CLAIMS_SIZE;
    assert_eq!(bomb(limit + 1), PacProblem::TooLarge { size: limit + 1, limit });
    assert_eq!(bomb(0xFFFF_FFFF), PacProblem::TooLarge { size: 0xFFFF_FFFF, limit });
    assert_eq!(bomb(limit), PacProblem::Compression);
    let problem = |compression, size| decode(&metadata(&set, compression, size).bytes, limit).unwrap_err().problem;
    assert_eq!(problem(0, set.len() + 1), PacProblem::Size { expected: set.len() + 1, found: set.len() });
    for other in [1, 3, 5, u16::MAX] {
        assert_eq!(problem(other, set.len()), PacProblem::Value(other.into()));
    }
}

#[test]
fn malformed_claims_are_refused_when_decoded_and_leave_the_pac_valid() {
    let good = claims_set();
    let problem = |mark: &str, behind: usize, number: u32| {
        let mut bytes = good.bytes.clone();
        let at = good.marks[mark] + behind;
        bytes[at..at + 4].copy_from_slice(&number.to_le_bytes());
        uncompressed(&bytes).unwrap_err().problem
    };
    for pointer in ["top", "ClaimsArrays", "FirstEntries", "SecondEntries", "Id", "Values", "Text"] {
        assert_eq!(problem(pointer, 0, 0), PacProblem::NullPointer, "{pointer}");
    }
    for (array, count) in [("ClaimsArrays.", 1), ("FirstEntries.", 2), ("SecondEntries.", 2), ("Values.", 1)] {
        for number in [0, count + 9, u32::MAX] {
            assert_eq!(problem(array, 0, number), PacProblem::Conformance, "{array} {number}");
        }
    }
    assert_eq!(problem("ValueCount", 0, u32::MAX), PacProblem::Conformance);
    assert_eq!(problem("Type", 0, 6 | 1 << 16), PacProblem::Value(1));
    assert_eq!(problem("Type", 0, 4 | 4 << 16), PacProblem::Value(4));
    assert_eq!(problem("Id.", 8, 0), PacProblem::StringLength);
    assert_eq!(problem("Id.", 4, 1), PacProblem::Conformance);
    assert_eq!(problem("Id.", 8, u32::MAX), PacProblem::Conformance);
    assert_eq!(problem("Id.", 12, 0xD800), PacProblem::Text);
    for length in 0..good.bytes.len() {
        assert!(uncompressed(&good.bytes[..length]).is_err(), "{length}");
    }
    // The PAC stays valid when its claims are malformed.
    assert!(verify(&pac_with(BufferType::CLIENT_CLAIMS_INFO, &[1])).is_ok());
}

#[test]
fn credential_info_is_listed_among_the_buffer_types() {
    let pac = pac_with(BufferType::CREDENTIAL_INFO, &[0; 24]);
    assert!(verify(&pac).unwrap().buffer_types().any(|buffer_type| buffer_type == BufferType::CREDENTIAL_INFO));
}
