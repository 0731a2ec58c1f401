//! Reads the files of test vectors. A record is a group of `Name = value` lines, a blank line ends a record, and `#`
//! begins a comment.
//!
//! A value is octets in hex, text in double quotes, or a decimal number. A test fails if it does not read a field, or
//! if a field is given twice. A test also fails if a line has none of these forms, or if the number of records is
//! wrong.

#![allow(clippy::panic, clippy::arithmetic_side_effects, clippy::indexing_slicing, reason = "tests may panic")]

extern crate std;

use std::collections::BTreeMap;
use std::string::{String, ToString};
use std::vec::Vec;

/// Runs `test` on every record of `file`. The file must have `count` records.
pub(crate) fn for_each(file: &str, count: usize, mut test: impl FnMut(&mut Record)) {
    let mut seen = 0;
    let blocks = file.split("\n\n").map(Record::parse).filter(|record| !record.fields.is_empty());
    for mut record in blocks {
        test(&mut record);
        assert!(record.fields.is_empty(), "fields that the test does not read: {:?}", record.fields);
        seen += 1;
    }
    assert_eq!(seen, count, "records in the file");
}

/// A record of the file. Reading a field removes it from the record.
pub(crate) struct Record {
    fields: BTreeMap<String, String>,
}

impl Record {
    fn parse(block: &str) -> Self {
        let mut fields = BTreeMap::new();
        for line in block.lines().filter(|line| !line.is_empty() && !line.starts_with('#')) {
            let (name, value) = line.split_once(" = ").unwrap_or_else(|| panic!("not a field: {line}"));
            let before = fields.insert(name.to_string(), value.to_string());
            assert!(before.is_none(), "given twice: {line}");
        }
        Self { fields }
    }

    /// Returns the octets of a field, which is text in quotes or octets in hex.
    pub(crate) fn octets(&mut self, name: &str) -> Vec<u8> {
        let value = self.take(name);
        match value.strip_prefix('"').and_then(|value| value.strip_suffix('"')) {
            Some(text) => text.as_bytes().to_vec(),
            None => hex(&value),
        }
    }

    pub(crate) fn number<N: TryFrom<i64>>(&mut self, name: &str) -> N {
        let value = self.take(name);
        value.parse::<i64>().ok().and_then(|n| n.try_into().ok()).unwrap_or_else(|| panic!("not a number: {value}"))
    }

    fn take(&mut self, name: &str) -> String {
        self.fields.remove(name).unwrap_or_else(|| panic!("no {name} in the record: {:?}", self.fields))
    }
}

fn hex(text: &str) -> Vec<u8> {
    assert!(!text.is_empty() && text.len() % 2 == 0, "not hex: {text}");
    (0..text.len())
        .step_by(2)
        .map(|at| u8::from_str_radix(&text[at..at + 2], 16).unwrap_or_else(|_| panic!("not hex: {text}")))
        .collect()
}

#[test]
#[should_panic(expected = "does not read")]
fn record_with_an_unread_field_fails_the_test() {
    for_each("A = 00\nB = 00\n", 1, |record| drop(record.octets("A")));
}

#[test]
#[should_panic(expected = "given twice")]
fn record_with_a_field_given_twice_fails_the_test() {
    for_each("A = 00\nA = 00\n", 1, |record| drop(record.octets("A")));
}

#[test]
#[should_panic(expected = "no B")]
fn record_without_a_requested_field_fails_the_test() {
    for_each("A = 00\n", 1, |record| drop(record.octets("B")));
}

#[test]
#[should_panic(expected = "records in the file")]
fn wrong_number_of_records_fails_the_test() {
    for_each("# one\n\nA = 00\n\n\nA = 01\n", 3, |record| drop(record.octets("A")));
}
