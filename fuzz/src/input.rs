//! Splits an input of several parts. What is missing counts as empty, so that every input is one.

/// The octets of an input that are not read yet.
pub struct Input<'a>(&'a [u8]);

impl<'a> Input<'a> {
    /// Begins to read.
    pub fn new(octets: &'a [u8]) -> Self {
        Self(octets)
    }

    /// Returns whether nothing is left.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Takes an octet.
    pub fn octet(&mut self) -> u8 {
        self.take(1).first().copied().unwrap_or_default()
    }

    /// Takes a part, whose length stands before it in two octets, big-endian.
    pub fn part(&mut self) -> &'a [u8] {
        let length = self.take(2).iter().fold(0, |length, octet| length << 8 | usize::from(*octet));
        self.take(length)
    }

    /// Takes so many octets, or what is left.
    pub fn take(&mut self, count: usize) -> &'a [u8] {
        let (taken, rest) = self.0.split_at(count.min(self.0.len()));
        self.0 = rest;
        taken
    }

    /// Takes an array, filled up with zeros.
    pub fn array<const N: usize>(&mut self) -> [u8; N] {
        let mut array = [0; N];
        let taken = self.take(N);
        array[..taken.len()].copy_from_slice(taken);
        array
    }

    /// Returns what is left.
    pub fn rest(&self) -> &'a [u8] {
        self.0
    }
}

/// Writes a part with its length before it, as [`Input::part`] reads it.
pub fn part(octets: &[u8]) -> Vec<u8> {
    [&u16::try_from(octets.len()).unwrap().to_be_bytes(), octets].concat()
}
