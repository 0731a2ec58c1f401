//! Writes NDR (C706 chapter 14, MS-RPCE section 2.2.6), and remembers where each named part came to lie.

use crate::sid::Sid;
use alloc::collections::BTreeMap;
use alloc::vec::Vec;

/// A serialized structure, and the offset in it of each field that has a name: where a test changes a number.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NdrBytes {
    /// The headers of type serialization version 1, and the structure.
    pub bytes: Vec<u8>,
    /// Where the fields are, by the names that the writer was given.
    pub marks: BTreeMap<&'static str, usize>,
}

/// Writes a structure and what its pointers point to, in the order of NDR. Referents count up from Windows' first.
///
/// ```
/// use kerberos_sso::testing::NdrWriter;
///
/// let mut ndr = NdrWriter::default();
/// ndr.pointer("top");
/// ndr.string("Name", "alice");
/// ndr.characters("Name.", "alice");
/// let encoded = ndr.finish();
/// assert_eq!(encoded.bytes[encoded.marks["Name"]], 10); // bytes of five characters
/// ```
#[derive(Clone, Debug, Default)]
pub struct NdrWriter {
    bytes: Vec<u8>,
    marks: BTreeMap<&'static str, usize>,
    referents: u32,
}

impl NdrWriter {
    /// Aligns to four bytes and names the place; of several with one name the last is remembered.
    pub fn mark(&mut self, name: &'static str) {
        self.align(4);
        self.marks.insert(name, HEADERS.saturating_add(self.bytes.len()));
    }

    /// Zeros up to a multiple of `alignment`.
    pub fn align(&mut self, alignment: usize) {
        self.bytes.resize(self.bytes.len().next_multiple_of(alignment), 0);
    }

    /// Bytes as they are.
    pub fn raw(&mut self, bytes: &[u8]) {
        self.bytes.extend_from_slice(bytes);
    }

    /// A number of 16 bits, not aligned.
    pub fn u16(&mut self, value: u16) {
        self.raw(&value.to_le_bytes());
    }

    /// A number of 32 bits, not aligned.
    pub fn u32(&mut self, value: u32) {
        self.raw(&value.to_le_bytes());
    }

    /// A number of 64 bits, not aligned.
    pub fn u64(&mut self, value: u64) {
        self.raw(&value.to_le_bytes());
    }

    /// A number of 32 bits with a name.
    pub fn marked(&mut self, name: &'static str, value: u32) {
        self.mark(name);
        self.u32(value);
    }

    /// A pointer to something.
    pub fn pointer(&mut self, name: &'static str) {
        let referent = self.referent();
        self.marked(name, referent);
    }

    /// A pointer to something, or none.
    pub fn optional(&mut self, name: &'static str, present: bool) {
        if present { self.pointer(name) } else { self.marked(name, 0) }
    }

    /// RPC_UNICODE_STRING: length, maximum, and the pointer to its [`characters`](Self::characters).
    ///
    /// # Panics
    /// If the text has more than 65,535 bytes.
    pub fn string(&mut self, name: &'static str, text: &str) {
        self.mark(name);
        #[expect(clippy::expect_used, reason = "documented: a test that needs more is wrong")]
        let length = u16::try_from(utf16(text).len()).expect("a string's length has 16 bits");
        self.u16(length);
        self.u16(length);
        let referent = self.referent();
        self.u32(referent);
    }

    /// The characters of a string: maximum, offset, count, and they themselves.
    pub fn characters(&mut self, name: &'static str, text: &str) {
        let length = count(text.encode_utf16());
        self.marked(name, length);
        self.u32(0);
        self.u32(length);
        self.raw(&utf16(text));
    }

    /// A string that ends with a NUL, which its lengths count.
    pub fn terminated(&mut self, name: &'static str, text: &str) {
        self.characters(name, &[text, "\0"].concat());
    }

    /// An array of GROUP_MEMBERSHIP: RID and attributes each.
    pub fn rids(&mut self, name: &'static str, groups: &[(u32, u32)]) {
        self.marked(name, count(groups));
        for (rid, attributes) in groups {
            self.u32(*rid);
            self.u32(*attributes);
        }
    }

    /// An array of KERB_SID_AND_ATTRIBUTES, `element`, and the SIDs that they point to, `target`.
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

    /// RPC_SID: its count first, since it is a conformant structure.
    pub fn sid(&mut self, name: &'static str, sid: Sid) {
        self.marked(name, count(sid.sub_authorities()));
        self.raw(&sid.to_bytes());
    }

    /// The structure behind its headers, padded to a multiple of eight bytes.
    #[must_use]
    pub fn finish(mut self) -> NdrBytes {
        self.align(8);
        // Version 1, little-endian, eight bytes of header, and the filler that Windows writes.
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

/// UTF-16 in little-endian order.
pub(super) fn utf16(text: &str) -> Vec<u8> {
    text.encode_utf16().flat_map(u16::to_le_bytes).collect()
}

/// How many there are; what a PAC counts has long been refused for its size before 32 bits are full.
pub(super) fn count<T>(elements: impl IntoIterator<Item = T>) -> u32 {
    u32::try_from(elements.into_iter().count()).unwrap_or(u32::MAX)
}

/// Bytes before the structure.
const HEADERS: usize = 16;

const FIRST_REFERENT: u32 = 0x0002_0000;
