//! Claims of a PAC: the check of how many octets their decoding allocates, and this crate's own writer of their
//! encoding (MS-ADTS section 2.2.18).

use crate::{allocated, printed};
use kerberos_sso::error::PacProblem;
use kerberos_sso::limits::MAX_CLAIMS_SIZE;
use kerberos_sso::pac::{Claim, ClaimValues, EncodedClaims};
use kerberos_sso::testing::NdrWriter;

/// Decodes the claims of a PAC of `length` octets, and checks their printed text and how many octets the decoding
/// allocates.
pub fn check(encoded: &EncodedClaims<'_>, length: usize) {
    printed::harmless_debug(encoded);
    let mut decoded = allocated::at_most(of_set(length), || encoded.decode(0));
    if decoded.as_ref().is_err_and(|error| matches!(error.problem, PacProblem::TooLarge { .. })) {
        decoded = allocated::at_most(of_set(MAX_CLAIMS_SIZE), || encoded.decode(usize::MAX));
    }
    match decoded {
        Ok(claims) => printed::harmless_debug(&claims),
        Err(error) => printed::harmless_error(&error),
    }
}

/// Encodes a CLAIMS_SET with one array for each claim.
pub fn claims_set(claims: &[Claim]) -> Vec<u8> {
    let mut ndr = NdrWriter::default();
    ndr.pointer("top");
    ndr.u32(count(claims.len()));
    ndr.pointer("ClaimsArrays");
    ndr.u16(0);
    ndr.marked("ReservedFieldSize", 0);
    ndr.optional("ReservedField", false);
    ndr.marked("ClaimsArrays.", count(claims.len()));
    for claim in claims {
        ndr.u16(claim.source.0);
        ndr.marked("ClaimsCount", 1);
        ndr.pointer("ClaimEntries");
    }
    for claim in claims {
        ndr.marked("ClaimEntries.", 1);
        entry(&mut ndr, claim);
    }
    ndr.finish().bytes
}

fn entry(ndr: &mut NdrWriter, claim: &Claim) {
    let (claim_type, values) = match &claim.values {
        ClaimValues::Int64(values) => (1, values.len()),
        ClaimValues::Uint64(values) => (2, values.len()),
        ClaimValues::Text(values) => (3, values.len()),
        ClaimValues::Boolean(values) => (6, values.len()),
        other => panic!("claims of another type: {other:?}"),
    };
    ndr.pointer("Id");
    ndr.u16(claim_type);
    ndr.u16(claim_type);
    ndr.marked("ValueCount", count(values));
    ndr.pointer("Values");
    ndr.terminated("Id.", &claim.id);
    ndr.marked("Values.", count(values));
    match &claim.values {
        ClaimValues::Text(texts) => {
            texts.iter().for_each(|_| ndr.pointer("Text"));
            texts.iter().for_each(|text| ndr.terminated("Text.", text));
        }
        ClaimValues::Int64(numbers) => {
            self::numbers(ndr, numbers.iter().map(|number| u64::from_be_bytes(number.to_be_bytes())))
        }
        ClaimValues::Uint64(numbers) => self::numbers(ndr, numbers.iter().copied()),
        ClaimValues::Boolean(truths) => self::numbers(ndr, truths.iter().map(|truth| u64::from(*truth))),
        _ => {}
    }
}

fn numbers(ndr: &mut NdrWriter, numbers: impl Iterator<Item = u64>) {
    ndr.align(8);
    numbers.for_each(|number| ndr.u64(number));
}

/// Encodes CLAIMS_SET_METADATA around the octets of a set. `compression` is the format of these octets; 0 means
/// uncompressed.
pub fn metadata(set: &[u8], compression: u16, uncompressed: u32) -> Vec<u8> {
    let mut ndr = NdrWriter::default();
    ndr.pointer("top");
    ndr.u32(count(set.len()));
    ndr.pointer("ClaimsSet");
    ndr.u16(compression);
    ndr.marked("UncompressedClaimsSetSize", uncompressed);
    ndr.u16(0);
    ndr.marked("ReservedFieldSize", 0);
    ndr.optional("ReservedField", false);
    ndr.marked("ClaimsSet.", count(set.len()));
    ndr.raw(set);
    ndr.finish().bytes
}

fn count(length: usize) -> u32 {
    u32::try_from(length).unwrap()
}

/// Returns how many octets the reading of a set of `length` octets may allocate. A claim needs twice the octets of its
/// encoding. While a vector grows, its old and its new buffer exist, and the new buffer has twice the room.
const fn of_set(length: usize) -> usize {
    8 * length + 4096
}
