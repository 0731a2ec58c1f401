//! A writer of NDR (C706 chapter 14, MS-RPCE section 2.2.6). The writer records the offset of each named field.

use crate::sid::Sid;
use alloc::collections::BTreeMap;
use alloc::vec::Vec;

/// A serialized structure, and the offset of each named field. With the offset, a test can change the field.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NdrBytes {
    /// The headers of type serialization version 1, and the structure.
    pub bytes: Vec<u8>,
    /// The offsets of the fields. The keys are the names that the caller gave to the writer.
    pub marks: BTreeMap<&'static str, usize>,
}

/// A writer of a structure and the targets of its pointers, in the order of NDR. The referent identifiers count up from the
/// first identifier of Windows.
///
/// ```
/// use kerberos_sso::testing::NdrWriter;
///
/// let mut ndr = NdrWriter::default();
/// ndr.pointer("top");
/// ndr.string("Name", "alice");
/// ndr.characters("Name.", "alice");
/// let encoded = ndr.finish();
/// assert_eq!(encoded.bytes[encoded.marks["Name"]], 10); // octets of five characters
/// ```
#[derive(Clone, Debug, Default)]
pub struct NdrWriter {
    bytes: Vec<u8>,
    marks: BTreeMap<&'static str, usize>,
    referents: u32,
}

impl NdrWriter {
    /// Aligns to four octets and records the offset under `name`. If a name is used again, the new offset replaces the old
    /// offset.
    pub fn mark(&mut self, name: &'static str) {
        self.align(4);
        self.marks.insert(name, HEADERS.saturating_add(self.bytes.len()));
    }

    /// Writes zeros up to a multiple of `alignment`.
    pub fn align(&mut self, alignment: usize) {
        self.bytes.resize(self.bytes.len().next_multiple_of(alignment), 0);
    }

    /// Writes octets as they are.
    pub fn raw(&mut self, bytes: &[u8]) {
        self.bytes.extend_from_slice(bytes);
    }

    /// Writes a number of 16 bits, without alignment.
    pub fn u16(&mut self, value: u16) {
        self.raw(&value.to_le_bytes());
    }

    /// Writes a number of 32 bits, without alignment.
    pub fn u32(&mut self, value: u32) {
        self.raw(&value.to_le_bytes());
    }

    /// Writes a number of 64 bits, without alignment.
    pub fn u64(&mut self, value: u64) {
        self.raw(&value.to_le_bytes());
    }

    /// Writes a number of 32 bits, and records its offset under `name`.
    pub fn marked(&mut self, name: &'static str, value: u32) {
        self.mark(name);
        self.u32(value);
    }

    /// Writes a pointer that is not null.
    pub fn pointer(&mut self, name: &'static str) {
        let referent = self.referent();
        self.marked(name, referent);
    }

    /// Writes a pointer, which is null if `present` is false.
    pub fn optional(&mut self, name: &'static str, present: bool) {
        if present { self.pointer(name) } else { self.marked(name, 0) }
    }

    /// Writes an RPC_UNICODE_STRING: the length, the maximum length, and the pointer to the
    /// [`characters`](Self::characters).
    ///
    /// # Panics
    /// Panics if the text has more than 65,535 octets.
    pub fn string(&mut self, name: &'static str, text: &str) {
        self.mark(name);
        #[expect(clippy::expect_used, reason = "the documentation says that a longer text panics")]
        let length = u16::try_from(utf16(text).len()).expect("a string's length has 16 bits");
        self.u16(length);
        self.u16(length);
        let referent = self.referent();
        self.u32(referent);
    }

    /// Writes the characters of a string: the maximum count, the offset, the actual count, and the characters.
    pub fn characters(&mut self, name: &'static str, text: &str) {
        let length = count(text.encode_utf16());
        self.marked(name, length);
        self.u32(0);
        self.u32(length);
        self.raw(&utf16(text));
    }

    /// Writes the characters of a string that ends with a NUL. The lengths include the NUL.
    pub fn terminated(&mut self, name: &'static str, text: &str) {
        self.characters(name, &[text, "\0"].concat());
    }

    /// Writes an array of GROUP_MEMBERSHIP: the RID and the attributes of each group.
    pub fn rids(&mut self, name: &'static str, groups: &[(u32, u32)]) {
        self.marked(name, count(groups));
        for (rid, attributes) in groups {
            self.u32(*rid);
            self.u32(*attributes);
        }
    }

    /// Writes an array of KERB_SID_AND_ATTRIBUTES, and the SIDs that it points to. Records the offset of the array
    /// under the name `array`, of each element under `element`, and of each SID under `target`.
    pub fn sids(&mut self, [array, element, target]: [&'static str; 3], sids: &[(Sid, u32)]) {
        self.marked(array, count(sids));
        for (_, attributes) in sids {
            self.pointer(element);
            self.u32(*attributes);
        }
        for (sid, _) in sids {
            self.sid(target, *sid);
        }
    }

    /// Writes an RPC_SID. The count of the sub-authorities comes first, because an RPC_SID is a conformant structure.
    pub fn sid(&mut self, name: &'static str, sid: Sid) {
        self.marked(name, count(sid.sub_authorities()));
        self.raw(&sid.to_bytes());
    }

    /// Returns the headers and the structure, padded to a multiple of eight octets.
    #[must_use]
    pub fn finish(mut self) -> NdrBytes {
        self.align(8);
        // The header has version 1, little-endian order, a length of eight octets, and the filler that Windows writes.
        let mut bytes: Vec<u8> = [1, 0x10, 8, 0, 0xCC, 0xCC, 0xCC, 0xCC].into();
        bytes.extend(count(&self.bytes).to_le_bytes());
        bytes.extend([0; 4]);
        bytes.extend(self.bytes);
        NdrBytes { bytes, marks: self.marks }
    }

    fn referent(&mut self) -> u32 {
        let referent = FIRST_REFERENT.wrapping_add(self.referents.wrapping_mul(4));
        self.referents = self.referents.wrapping_add(1);
        referent
    }
}

/// Encodes a text in UTF-16, little-endian.
pub(super) fn utf16(text: &str) -> Vec<u8> {
    text.encode_utf16().flat_map(u16::to_le_bytes).collect()
}

/// Counts elements. The count saturates, because a PAC with 2³² elements exceeds its size limit by far.
pub(super) fn count<T>(elements: impl IntoIterator<Item = T>) -> u32 {
    u32::try_from(elements.into_iter().count()).unwrap_or(u32::MAX)
}

/// The length of the headers before the structure, in octets.
const HEADERS: usize = 16;

const FIRST_REFERENT: u32 = 0x0002_0000;
