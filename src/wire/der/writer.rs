//! A writer of DER (X.690). The writer writes from the end to the start, so it knows the length of an element before it
//! writes the header.
//!
//! The caller writes the last field of a structure first. So the writer need not compute lengths in advance. The writer
//! moves the octets only once, when it reverses them at the end.

use super::{LengthOctets, context, tag};
use crate::time::UnixTime;
use alloc::vec::Vec;

/// The octets of a message, in reverse order.
pub(crate) struct Writer {
    reversed: Vec<u8>,
}

impl Writer {
    /// Makes a writer with a capacity of `octets`. A writer that must grow leaves a copy of its octets in memory. So
    /// for a message with secrets, the capacity must be large enough.
    pub(crate) fn with_capacity(octets: usize) -> Self {
        Self { reversed: Vec::with_capacity(octets) }
    }

    /// Writes an element. The function `contents` writes the contents.
    pub(crate) fn element(&mut self, tag: u8, contents: impl FnOnce(&mut Self)) {
        let before = self.reversed.len();
        contents(self);
        // The subtraction cannot saturate, because the writer never removes octets.
        self.raw(LengthOctets::of(self.reversed.len().saturating_sub(before)).as_slice());
        self.reversed.push(tag);
    }

    pub(crate) fn sequence(&mut self, contents: impl FnOnce(&mut Self)) {
        self.element(tag::SEQUENCE, contents);
    }

    /// Writes the explicitly tagged field `[number]`.
    pub(crate) fn field(&mut self, number: u8, contents: impl FnOnce(&mut Self)) {
        self.element(context(number), contents);
    }

    /// Writes octets as they are.
    pub(crate) fn raw(&mut self, octets: &[u8]) {
        self.reversed.extend(octets.iter().rev());
    }

    pub(crate) fn octets(&mut self, octets: &[u8]) {
        self.element(tag::OCTET_STRING, |w| w.raw(octets));
    }

    pub(crate) fn oid(&mut self, contents: &[u8]) {
        self.element(tag::OID, |w| w.raw(contents));
    }

    pub(crate) fn text(&mut self, text: &[u8]) {
        self.element(tag::GENERAL_STRING, |w| w.raw(text));
    }

    /// Writes an INTEGER in the shortest form.
    pub(crate) fn integer(&mut self, value: i64) {
        let octets = value.to_be_bytes();
        let mut shortest = &octets[..];
        // The first octet is padding if it only repeats the sign bit of the next octet.
        while let Some((0x00, rest @ [0..=0x7F, ..]) | (0xFF, rest @ [0x80..=0xFF, ..])) = shortest.split_first() {
            shortest = rest;
        }
        self.element(tag::INTEGER, |w| w.raw(shortest));
    }

    /// Writes an ENUMERATED with a value below 128.
    pub(crate) fn enumerated(&mut self, value: u8) {
        self.element(tag::ENUMERATED, |w| w.raw(&[value]));
    }

    /// Writes a KerberosTime, in whole seconds.
    pub(crate) fn time(&mut self, time: UnixTime) {
        self.element(tag::GENERALIZED_TIME, |w| w.raw(&time.to_generalized()));
    }

    pub(crate) fn finish(mut self) -> Vec<u8> {
        self.reversed.reverse();
        self.reversed
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests;
