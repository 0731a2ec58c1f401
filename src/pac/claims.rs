//! PAC_CLIENT_CLAIMS_INFO and PAC_DEVICE_CLAIMS_INFO (MS-PAC sections 2.11 and 2.13; MS-ADTS section 2.2.18): the
//! directory's claims about a user or a device.
//!
//! Input: the buffer with a serialized CLAIMS_SET_METADATA. This structure contains a serialized CLAIMS_SET, which is
//! usually compressed. Output: owned claims, when the caller asks for them. Before the reader allocates memory for an
//! announced number of elements, the reader checks that enough octets are left.

use super::compression::{lznt1, xpress_huffman};
use super::error::{PacMalformed, PacProblem};
use super::fault::{Fault, Kind};
use super::field::Field;
use super::ndr::{NdrReader, Pointer};
use crate::limits::MAX_CLAIMS_SIZE;
use crate::span::Span;
use crate::unprinted::Unprinted;
use crate::wide_text::WideText;
use alloc::borrow::Cow;
use alloc::string::String;
use alloc::vec::Vec;

/// Claims in the encoding of the PAC. The signature of the PAC covers the claims, but the claims are not decoded yet.
#[derive(Clone, Copy, Debug)]
#[must_use]
pub struct EncodedClaims<'a> {
    pac: Unprinted<&'a [u8]>,
    buffer: Span,
}

/// A claim that the directory makes about a user or a device.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Claim {
    /// The name of the claim (`ad://ext/department:88d5…`).
    pub id: String,
    /// The source of the claim.
    pub source: ClaimSource,
    /// The values of the claim.
    pub values: ClaimValues,
}

/// The source of a claim (CLAIMS_SOURCE_TYPE). This type keeps unknown numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ClaimSource(pub u16);

impl ClaimSource {
    /// The source is an attribute in Active Directory.
    pub const ACTIVE_DIRECTORY: Self = Self(1);
    /// The source is the certificate with which the user signed in.
    pub const CERTIFICATE: Self = Self(2);
}

/// The values of a claim, by CLAIM_TYPE.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ClaimValues {
    /// Signed numbers.
    Int64(Vec<i64>),
    /// Unsigned numbers.
    Uint64(Vec<u64>),
    /// Texts.
    Text(Vec<String>),
    /// Truth values. In the PAC, every number except zero means true.
    Boolean(Vec<bool>),
}

impl<'a> EncodedClaims<'a> {
    pub(super) const fn new(pac: &'a [u8], buffer: Span) -> Self {
        Self { pac: Unprinted(pac), buffer }
    }

    /// Decodes the claims. Compressed claims are decompressed to at most `max_size` octets, and never to more than
    /// [`MAX_CLAIMS_SIZE`]. If `max_size` is 0, compressed claims are refused.
    ///
    /// # Errors
    /// Returns [`PacMalformed`] with the offset of the first fault. The problem is [`PacProblem::TooLarge`] if the
    /// decompressed claims have more than `max_size` octets.
    pub fn decode(&self, max_size: usize) -> Result<Vec<Claim>, PacMalformed> {
        let set = self.claims_set(max_size.min(MAX_CLAIMS_SIZE))?;
        read_set(&set).map_err(|fault| fault.within(&set))
    }

    /// Returns the serialized CLAIMS_SET, decompressed.
    fn claims_set(&self, max_size: usize) -> Result<Cow<'a, [u8]>, PacMalformed> {
        let metadata = Metadata::read(&self.pac, self.buffer).map_err(|fault| fault.within(&self.pac))?;
        let (encoded, size) = (metadata.claims_set.of(&self.pac), metadata.uncompressed_size);
        let (what, at) = (Field::ClaimsSetMetadata.name(), metadata.claims_set.start());
        let error = |problem| PacMalformed { what, at, problem };
        let decompressed = match metadata.compression {
            COMPRESSION_NONE if encoded.len() == size => return Ok(Cow::Borrowed(encoded)),
            COMPRESSION_NONE => return Err(error(PacProblem::Size { expected: size, found: encoded.len() })),
            _ if size > max_size => return Err(error(PacProblem::TooLarge { size, limit: max_size })),
            COMPRESSION_LZNT1 => lznt1(encoded, size),
            COMPRESSION_XPRESS_HUFF => xpress_huffman(encoded, size),
            other => return Err(error(PacProblem::Value(u32::from(other)))),
        };
        decompressed.map(Cow::Owned).ok_or_else(|| error(PacProblem::Compression))
    }
}

/// The fields of CLAIMS_SET_METADATA (MS-ADTS section 2.2.18.8).
struct Metadata {
    claims_set: Span,
    compression: u16,
    uncompressed_size: usize,
}

impl Metadata {
    fn read(pac: &[u8], buffer: Span) -> Result<Self, Fault> {
        let mut ndr = NdrReader::open(pac, buffer, Field::ClaimsSetMetadata)?;
        let size = ndr.count(Field::ClaimsSetMetadata)?;
        let claims_set = ndr.pointer(Field::ClaimsSetMetadata)?.required(&ndr, Field::ClaimsSetMetadata)?;
        let compression = ndr.u16(Field::ClaimsSetMetadata)?;
        let uncompressed_size = ndr.count(Field::ClaimsSetMetadata)?;
        let reserved = Reserved::read(&mut ndr)?;
        let claims_set = octets(&mut ndr, claims_set, size)?;
        reserved.follow(&mut ndr)?;
        ndr.finish(Field::ClaimsSetMetadata)?;
        Ok(Self { claims_set, compression, uncompressed_size })
    }
}

/// The three reserved fields at the end of CLAIMS_SET_METADATA and CLAIMS_SET.
struct Reserved {
    size: usize,
    pointer: Pointer,
}

impl Reserved {
    fn read(ndr: &mut NdrReader<'_>) -> Result<Self, Fault> {
        ndr.u16(Field::ReservedType)?;
        let size = ndr.count(Field::ReservedOctets)?;
        Ok(Self { size, pointer: ndr.array_pointer(size, Field::ReservedOctets)? })
    }

    fn follow(self, ndr: &mut NdrReader<'_>) -> Result<(), Fault> {
        octets(ndr, self.pointer, self.size).map(|_| ())
    }
}

fn octets(ndr: &mut NdrReader<'_>, pointer: Pointer, count: usize) -> Result<Span, Fault> {
    if pointer.is_present() { ndr.array(count, 1, 1, Field::EncodedClaimsSet) } else { Ok(Span::default()) }
}

/// Reads CLAIMS_SET (MS-ADTS section 2.2.18.7).
fn read_set(set: &[u8]) -> Result<Vec<Claim>, Fault> {
    let mut ndr = NdrReader::open(set, Span::new(0, set.len()), Field::ClaimsSet)?;
    let count = ndr.count(Field::ClaimsSet)?;
    let arrays = ndr.array_pointer(count, Field::ClaimsSet)?;
    let reserved = Reserved::read(&mut ndr)?;
    let claims = if arrays.is_present() { read_arrays(&mut ndr, count)? } else { Vec::new() };
    reserved.follow(&mut ndr)?;
    ndr.finish(Field::ClaimsSet)?;
    Ok(claims)
}

/// Reads the array of CLAIMS_ARRAY structures (section 2.2.18.6): first all structures, then the claims of each structure.
fn read_arrays(ndr: &mut NdrReader<'_>, count: usize) -> Result<Vec<Claim>, Fault> {
    ndr.elements(count, 12, Field::ClaimsArray)?;
    let mut arrays = Vec::new();
    for _ in 0..count {
        ndr.align(4, Field::ClaimsArray)?;
        let source = ClaimSource(ndr.u16(Field::ClaimsArray)?);
        let entries = ndr.count(Field::ClaimsArray)?;
        arrays.push((source, entries, ndr.array_pointer(entries, Field::ClaimsArray)?));
    }
    let mut claims = Vec::new();
    for (source, entries, pointer) in arrays {
        if pointer.is_present() {
            read_entries(ndr, source, entries, &mut claims)?;
        }
    }
    Ok(claims)
}

/// The fields of a CLAIM_ENTRY (section 2.2.18.5) before its pointers are followed.
struct Entry {
    claim_type: u16,
    count: usize,
}

fn read_entries(
    ndr: &mut NdrReader<'_>,
    source: ClaimSource,
    count: usize,
    claims: &mut Vec<Claim>,
) -> Result<(), Fault> {
    ndr.elements(count, 16, Field::Claim)?;
    let entries = (0..count).map(|_| Entry::read(ndr)).collect::<Result<Vec<_>, _>>()?;
    for entry in entries {
        let id = text(ndr)?;
        let values = entry.values(ndr)?;
        claims.push(Claim { id, source, values });
    }
    Ok(())
}

impl Entry {
    fn read(ndr: &mut NdrReader<'_>) -> Result<Self, Fault> {
        ndr.pointer(Field::Claim)?.required(ndr, Field::Claim)?;
        let claim_type = ndr.u16(Field::Claim)?;
        // NDR writes the discriminant of a union twice.
        let discriminant = ndr.u16(Field::Claim)?;
        if discriminant != claim_type || !CLAIM_TYPES.contains(&claim_type) {
            return Err(ndr.fault(Field::Claim, Kind::Value));
        }
        let count = ndr.count(Field::ClaimValues)?;
        ndr.pointer(Field::ClaimValues)?.required(ndr, Field::ClaimValues)?;
        Ok(Self { claim_type, count })
    }

    fn values(&self, ndr: &mut NdrReader<'_>) -> Result<ClaimValues, Fault> {
        if self.claim_type == TYPE_STRING {
            ndr.elements(self.count, 4, Field::ClaimValues)?;
            for _ in 0..self.count {
                ndr.pointer(Field::ClaimValues)?.required(ndr, Field::ClaimValues)?;
            }
            return (0..self.count).map(|_| text(ndr)).collect::<Result<_, _>>().map(ClaimValues::Text);
        }
        let values = ndr.array(self.count, 8, 8, Field::ClaimValues)?.of(ndr.pac());
        let numbers = values.chunks_exact(8).filter_map(<[u8]>::first_chunk::<8>);
        Ok(match self.claim_type {
            TYPE_INT64 => ClaimValues::Int64(numbers.map(|octets| i64::from_le_bytes(*octets)).collect()),
            TYPE_UINT64 => ClaimValues::Uint64(numbers.map(|octets| u64::from_le_bytes(*octets)).collect()),
            _ => ClaimValues::Boolean(numbers.map(|octets| *octets != [0; 8]).collect()),
        })
    }
}

fn text(ndr: &mut NdrReader<'_>) -> Result<String, Fault> {
    let span = ndr.terminated_text(Field::ClaimValues)?;
    Ok(WideText::of_checked(span.of(ndr.pac())).decoded())
}

const TYPE_INT64: u16 = 1;
const TYPE_UINT64: u16 = 2;
const TYPE_STRING: u16 = 3;
const TYPE_BOOLEAN: u16 = 6;

/// The values of CLAIM_TYPE (MS-ADTS section 2.2.18.2).
const CLAIM_TYPES: [u16; 4] = [TYPE_INT64, TYPE_UINT64, TYPE_STRING, TYPE_BOOLEAN];

/// The values of CLAIMS_COMPRESSION_FORMAT (MS-ADTS section 2.2.18.4). Value 3 is plain LZ77. The reader refuses this
/// format, because no KDC writes it.
const COMPRESSION_NONE: u16 = 0;
const COMPRESSION_LZNT1: u16 = 2;
const COMPRESSION_XPRESS_HUFF: u16 = 4;
