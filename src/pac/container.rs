//! PACTYPE (MS-PAC section 2.3): the table of buffers at the beginning of a PAC.
//!
//! Input: the octets of an AD-WIN2K-PAC element. Output: a [`Pac`] with the spans of its buffers. A caller cannot read the
//! contents of the buffers before a signature is verified.

use super::buffer_type::BufferType;
use super::error::{PacMalformed, PacProblem};
use super::fault::{Fault, Kind};
use super::field::Field;
use super::reader::{Reader, bytes_at, u32_at};
use crate::limits::{MAX_PAC_BUFFERS, MAX_PAC_SIZE};
use crate::span::{Span, size};
use core::fmt;

/// A PAC whose signatures are not verified yet. Any party may have written such a PAC. A caller cannot read its contents
/// before [`verify`](Self::verify).
#[derive(Clone, Copy)]
#[must_use]
pub struct Pac<'a> {
    pub(super) bytes: &'a [u8],
    pub(super) table: Span,
    pub(super) buffers: Buffers,
}

/// Prints the length of the PAC, but not its contents.
impl fmt::Debug for Pac<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Pac({} bytes)", self.bytes.len())
    }
}

impl<'a> Pac<'a> {
    /// Reads the table of buffers. Each buffer must be aligned, and must lie after the table and within the PAC. Each
    /// known type may occur once, and buffers of known types must not overlap.
    ///
    /// MS-PAC section 2.4 says that a reader ignores a second buffer of the same type. This reader refuses a PAC with two
    /// buffers of the same type, because no KDC writes such a PAC. If two readers ignored different buffers, an attacker
    /// could write a PAC that names a different user to each reader.
    ///
    /// # Errors
    /// Returns [`PacMalformed`] with the offset of the first fault.
    pub fn read(bytes: &'a [u8]) -> Result<Self, PacMalformed> {
        if bytes.len() > MAX_PAC_SIZE {
            let problem = PacProblem::TooLarge { size: bytes.len(), limit: MAX_PAC_SIZE };
            return Err(PacMalformed { what: PACTYPE, at: 0, problem });
        }
        Self::read_table(bytes).map_err(|fault| fault.within(bytes))
    }

    fn read_table(bytes: &'a [u8]) -> Result<Self, Fault> {
        let mut reader = Reader::new(bytes, Span::new(0, bytes.len()));
        let count = size(reader.u32(Field::TableCount)?);
        if count > MAX_PAC_BUFFERS {
            return Err(reader.fault(Field::TableCount, Kind::TooManyBuffers));
        }
        if reader.u32(Field::TableVersion)? != 0 {
            return Err(reader.fault(Field::TableVersion, Kind::Version));
        }
        let table = reader.elements(count, INFO_BUFFER, Field::TableBuffers)?;
        let mut pac = Self { bytes, table, buffers: Buffers::NONE };
        pac.buffers.find(bytes, table)?;
        Ok(pac)
    }

    /// Returns the types of all buffers, in the order of the table.
    #[must_use]
    pub fn buffer_types(&self) -> impl ExactSizeIterator<Item = BufferType> + use<'a> {
        buffer_types(self.bytes, self.table)
    }
}

/// The spans of the buffers of known types.
#[derive(Clone, Copy, Debug)]
pub(super) struct Buffers {
    by_number: [Option<Span>; BufferType::NUMBERS],
}

impl Buffers {
    const NONE: Self = Self { by_number: [None; BufferType::NUMBERS] };

    /// Finds the buffers of the table, and checks them.
    fn find(&mut self, pac: &[u8], table: Span) -> Result<(), Fault> {
        let mut end = table.end();
        for (start, entry) in (table.start()..).step_by(INFO_BUFFER).zip(entries(pac, table)) {
            let buffer_type = buffer_type(entry);
            let fault = |kind| Fault::new(buffer_type.field(), start, kind);
            let buffer = check_entry(entry, pac.len(), table.end()).map_err(fault)?;
            let Some(number) = buffer_type.known() else { continue };
            // A buffer that lies after all earlier buffers cannot overlap them. Every KDC writes such buffers only.
            if buffer.start() < end && self.by_number.iter().flatten().any(|other| other.overlaps(buffer)) {
                return Err(fault(Kind::Overlap));
            }
            end = end.max(buffer.end());
            match self.by_number.get_mut(number) {
                Some(free @ None) => *free = Some(buffer),
                _ => return Err(fault(Kind::Duplicate)),
            }
        }
        Ok(())
    }

    pub(super) fn get(&self, buffer_type: BufferType) -> Option<Span> {
        self.by_number.get(buffer_type.known()?).copied().flatten()
    }
}

/// Returns the types in a table that [`Pac::read`] has checked.
pub(super) fn buffer_types(pac: &[u8], table: Span) -> impl ExactSizeIterator<Item = BufferType> {
    entries(pac, table).map(buffer_type)
}

/// Returns the span of the buffer of a known type, from a table that [`Pac::read`] has checked.
pub(super) fn find(pac: &[u8], table: Span, wanted: BufferType) -> Option<Span> {
    entries(pac, table).find(|entry| buffer_type(entry) == wanted).map(buffer)
}

fn entries(pac: &[u8], table: Span) -> core::slice::ChunksExact<'_, u8> {
    table.of(pac).chunks_exact(INFO_BUFFER)
}

fn buffer_type(entry: &[u8]) -> BufferType {
    BufferType(u32_at(entry, 0))
}

/// Returns the span of the buffer that a checked entry describes. The check ensures that the offset has at most 32 bits.
fn buffer(entry: &[u8]) -> Span {
    Span::new(size(u32_at(entry, 8)), size(u32_at(entry, 4)))
}

/// Checks a PAC_INFO_BUFFER (MS-PAC section 2.4: ulType, cbBufferSize, Offset), and returns the span of its buffer.
fn check_entry(entry: &[u8], pac_length: usize, table_end: usize) -> Result<Span, Kind> {
    let (length, offset) = (u32_at(entry, 4), u64::from_le_bytes(bytes_at(entry, 8)));
    if offset % ALIGNMENT != 0 {
        return Err(Kind::Alignment);
    }
    // The sum has 64 bits: in CVE-2022-42898, a sum of 32 bits overflowed.
    let end = offset.checked_add(u64::from(length)).and_then(|end| usize::try_from(end).ok());
    match (usize::try_from(offset), end) {
        (Ok(start), Some(end)) if start >= table_end && end <= pac_length => Ok(Span::between(start, end)),
        _ => Err(Kind::Offset),
    }
}

const PACTYPE: &str = "PACTYPE";

/// The number of octets of a PAC_INFO_BUFFER.
const INFO_BUFFER: usize = 16;

/// The alignment of a buffer: it begins at a multiple of eight octets (MS-PAC section 2.4).
const ALIGNMENT: u64 = 8;
