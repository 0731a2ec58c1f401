//! PACTYPE (MS-PAC section 2.3): the table of buffers at the head of a PAC.
//!
//! In: the bytes of an AD-WIN2K-PAC element. Out: [`Pac`], which knows where its buffers are and lets nobody see what is
//! in them before a signature was verified.

use super::buffer_type::BufferType;
use super::reader::{Place, Reader, bytes_at, u32_at};
use crate::error::{PacMalformed, PacProblem};
use crate::limits::{MAX_PAC_BUFFERS, MAX_PAC_SIZE};
use crate::wire::der::{Full, Tell, Terse, Unread};
use core::fmt;

/// A PAC as it was found. Whoever holds any key of the service can have written it; nothing in it can be read before
/// [`verify`](Self::verify).
#[derive(Clone, Copy)]
pub struct Pac<'a> {
    pub(super) bytes: &'a [u8],
    pub(super) table: Place,
    pub(super) buffers: Buffers,
}

/// How long it is, not what it says.
impl fmt::Debug for Pac<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Pac({} bytes)", self.bytes.len())
    }
}

impl<'a> Pac<'a> {
    /// Reads the table of buffers: each aligned, behind the table and within the PAC; those of known types at most once
    /// each and apart from each other.
    ///
    /// MS-PAC section 2.4 would have a second buffer of a type ignored. No KDC writes one, and two readers that ignore
    /// different ones are what an attacker looks for.
    ///
    /// # Errors
    /// [`PacMalformed`] with the place where the bytes stop making sense.
    pub fn read(bytes: &'a [u8]) -> Result<Self, PacMalformed> {
        match Self::find::<Terse>(bytes) {
            Ok(pac) => Ok(pac),
            Err(Unread) => Self::find::<Full>(bytes),
        }
    }

    pub(super) fn find<D: Tell<PacMalformed>>(bytes: &'a [u8]) -> Result<Self, D::Told> {
        let mut reader = Reader::<D>::new(bytes, Place::new(0, bytes.len()));
        if bytes.len() > MAX_PAC_SIZE {
            return Err(reader.error("PACTYPE", PacProblem::TooLarge { size: bytes.len(), limit: MAX_PAC_SIZE }));
        }
        let count = usize::try_from(reader.u32("PACTYPE.cBuffers")?).unwrap_or(usize::MAX);
        if count > MAX_PAC_BUFFERS {
            return Err(reader.error("PACTYPE.cBuffers", PacProblem::TooMany(MAX_PAC_BUFFERS)));
        }
        let version = reader.u32("PACTYPE.Version")?;
        if version != 0 {
            return Err(reader.error("PACTYPE.Version", PacProblem::Version(version)));
        }
        let table = reader.place(count.saturating_mul(INFO_BUFFER), "PACTYPE.Buffers")?;
        Ok(Self { bytes, table, buffers: Buffers::read::<D>(bytes, table)? })
    }

    /// The types of all buffers, in order.
    #[must_use]
    pub fn buffer_types(&self) -> impl ExactSizeIterator<Item = BufferType> + use<'a> {
        buffer_types(self.bytes, self.table)
    }
}

/// Where the buffers of known types are.
#[derive(Clone, Copy, Debug)]
pub(super) struct Buffers {
    /// By number; at zero, where the table is, if there is none.
    known: [Place; BufferType::NUMBERS],
}

impl Buffers {
    fn read<D: Tell<PacMalformed>>(pac: &[u8], table: Place) -> Result<Self, D::Told> {
        let mut buffers = Self { known: [Place::default(); BufferType::NUMBERS] };
        let mut end = table.end();
        let mut start = table.at();
        for entry in entries(pac, table) {
            let (buffer_type, place) = info_buffer::<D>(entry, start, pac.len(), table.end())?;
            let malformed = |problem| Err(D::tell(|| PacMalformed { what: buffer_type.name(), at: start, problem }));
            if let Some(number) = buffer_type.known() {
                // Buffers that follow each other, as everybody writes them, need not be compared.
                if place.at() < end && buffers.known.iter().any(|other| other.overlaps(place)) {
                    return malformed(PacProblem::Overlap);
                }
                end = end.max(place.end());
                match buffers.known.get_mut(number) {
                    Some(entry) if entry.at() == 0 => *entry = place,
                    _ => return malformed(PacProblem::Duplicate),
                }
            }
            start = start.saturating_add(INFO_BUFFER);
        }
        Ok(buffers)
    }

    pub(super) fn get(&self, buffer_type: BufferType) -> Option<Place> {
        buffer_type.known().and_then(|number| self.known.get(number).copied()).filter(|place| place.at() > 0)
    }
}

/// The types in a table that was read before.
pub(super) fn buffer_types(pac: &[u8], table: Place) -> impl ExactSizeIterator<Item = BufferType> {
    entries(pac, table).map(buffer_type)
}

/// The place of a buffer in a table that was read before.
pub(super) fn find(pac: &[u8], table: Place, wanted: BufferType) -> Option<Place> {
    let entry = entries(pac, table).find(|entry| buffer_type(entry) == wanted)?;
    info_buffer::<Terse>(entry, 0, pac.len(), table.end()).ok().map(|(_, place)| place)
}

fn entries(pac: &[u8], table: Place) -> impl ExactSizeIterator<Item = &[u8]> {
    table.of(pac).chunks_exact(INFO_BUFFER)
}

fn buffer_type(entry: &[u8]) -> BufferType {
    BufferType(u32_at(entry, 0))
}

/// PAC_INFO_BUFFER (MS-PAC section 2.4), which lies at `start`: ulType, cbBufferSize, Offset.
fn info_buffer<D: Tell<PacMalformed>>(
    entry: &[u8],
    start: usize,
    size: usize,
    table_end: usize,
) -> Result<(BufferType, Place), D::Told> {
    let buffer_type = buffer_type(entry);
    let malformed = |problem| Err(D::tell(|| PacMalformed { what: buffer_type.name(), at: start, problem }));
    let (length, offset) = (u32_at(entry, 4), u64::from_le_bytes(bytes_at(entry, 8)));
    if offset % ALIGNMENT != 0 {
        return malformed(PacProblem::Alignment);
    }
    // In 64 bits: CVE-2022-42898 was their sum in 32.
    let end = offset.checked_add(u64::from(length)).and_then(|end| usize::try_from(end).ok());
    match (usize::try_from(offset), usize::try_from(length), end) {
        (Ok(at), Ok(length), Some(end)) if at >= table_end && end <= size => Ok((buffer_type, Place::new(at, length))),
        _ => malformed(PacProblem::Offset),
    }
}

/// Bytes of a PAC_INFO_BUFFER.
const INFO_BUFFER: usize = 16;

/// MS-PAC section 2.4: buffers begin at a multiple of eight bytes.
const ALIGNMENT: u64 = 8;
