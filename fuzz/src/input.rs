//! Splits an input into parts. Missing parts are empty, so that every octet string is a valid input.

/// The octets of an input that have not been read yet.
pub struct Input<'a>(&'a [u8]);

impl<'a> Input<'a> {
    /// Returns an input of which no octet has been read.
    pub fn new(octets: &'a [u8]) -> Self {
        Self(octets)
    }

    /// Returns whether no octet is left.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Reads one octet; zero at the end of the input.
    pub fn octet(&mut self) -> u8 {
        self.take(1).first().copied().unwrap_or_default()
    }

    /// Reads the length of a part in two octets, big-endian, and then the part.
    pub fn part(&mut self) -> &'a [u8] {
        let length = self.take(2).iter().fold(0, |length, octet| length << 8 | usize::from(*octet));
        self.take(length)
    }

    /// Reads `count` octets, or fewer at the end of the input.
    pub fn take(&mut self, count: usize) -> &'a [u8] {
        let (taken, rest) = self.0.split_at(count.min(self.0.len()));
        self.0 = rest;
        taken
    }

    /// Reads an array, which is filled up with zeros at the end of the input.
    pub fn array<const N: usize>(&mut self) -> [u8; N] {
        let mut array = [0; N];
        let taken = self.take(N);
        array[..taken.len()].copy_from_slice(taken);
        array
    }

    /// Returns the octets that are left.
    pub fn rest(&self) -> &'a [u8] {
        self.0
    }
}

/// Writes a part with its length before it, as [`Input::part`] reads it.
pub fn part(octets: &[u8]) -> Vec<u8> {
    [&u16::try_from(octets.len()).unwrap().to_be_bytes(), octets].concat()
}
