//! Writes NDR, and says where each part of it came to lie.

use super::utf16;
use kerberos_sso::Sid;
use std::collections::BTreeMap;

/// A buffer, and the offset in it of each field that has a name.
#[derive(Clone, Debug)]
pub struct Encoded {
    pub bytes: Vec<u8>,
    pub marks: BTreeMap<&'static str, usize>,
}

pub fn count<T>(elements: &[T]) -> u32 {
    u32::try_from(elements.len()).unwrap()
}

/// Writes a structure in NDR. Referents count up from Windows' first.
#[derive(Default)]
pub struct Writer {
    pub bytes: Vec<u8>,
    marks: BTreeMap<&'static str, usize>,
    referents: u32,
}

impl Writer {
    /// Of several with one name the last is remembered.
    pub fn mark(&mut self, name: &'static str) {
        self.bytes.resize(self.bytes.len().next_multiple_of(4), 0);
        self.marks.insert(name, 16 + self.bytes.len());
    }

    pub fn u16(&mut self, value: u16) {
        self.bytes.extend(value.to_le_bytes());
    }

    pub fn u32(&mut self, value: u32) {
        self.bytes.extend(value.to_le_bytes());
    }

    pub fn u64(&mut self, value: u64) {
        self.bytes.extend(value.to_le_bytes());
    }

    pub fn marked(&mut self, name: &'static str, value: u32) {
        self.mark(name);
        self.u32(value);
    }

    pub fn pointer(&mut self, name: &'static str) {
        self.marked(name, 0x0002_0000 + 4 * self.referents);
        self.referents += 1;
    }

    pub fn optional(&mut self, name: &'static str, present: bool) {
        if present { self.pointer(name) } else { self.marked(name, 0) }
    }

    /// RPC_UNICODE_STRING: length, maximum, pointer.
    pub fn string(&mut self, name: &'static str, text: &str) {
        self.mark(name);
        let length = u16::try_from(utf16(text).len()).unwrap();
        self.u16(length);
        self.u16(length);
        self.u32(0x0002_0000 + 4 * self.referents);
        self.referents += 1;
    }

    pub fn characters(&mut self, name: &'static str, text: &str) {
        self.mark(name);
        let units = utf16(text);
        let length = u32::try_from(units.len() / 2).unwrap();
        for number in [length, 0, length] {
            self.u32(number);
        }
        self.bytes.extend(units);
    }

    pub fn rids(&mut self, name: &'static str, groups: &[(u32, u32)]) {
        self.marked(name, count(groups));
        for (rid, attributes) in groups {
            self.u32(*rid);
            self.u32(*attributes);
        }
    }

    /// A string that ends with a NUL, which its lengths count.
    pub fn terminated(&mut self, name: &'static str, text: &str) {
        self.characters(name, &[text, "\0"].concat());
    }

    pub fn align(&mut self, alignment: usize) {
        self.bytes.resize(self.bytes.len().next_multiple_of(alignment), 0);
    }

    pub fn sid(&mut self, name: &'static str, sid: Sid) {
        self.marked(name, count(sid.sub_authorities()));
        self.bytes.extend(sid.to_bytes());
    }

    pub fn finish(mut self) -> Encoded {
        self.bytes.resize(self.bytes.len().next_multiple_of(8), 0);
        let length = u32::try_from(self.bytes.len()).unwrap();
        let mut bytes = vec![1, 0x10, 8, 0, 0xCC, 0xCC, 0xCC, 0xCC];
        bytes.extend(length.to_le_bytes());
        bytes.extend([0; 4]);
        bytes.extend(self.bytes);
        Encoded { bytes, marks: self.marks }
    }
}
