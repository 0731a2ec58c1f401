//! A reader and a writer of DER that share no code with the library.

/// Returns the tag and the contents of the first element, and the octets after the element.
pub fn first(octets: &[u8]) -> Option<(u8, &[u8], &[u8])> {
    let (&[tag, length], rest) = octets.split_first_chunk()?;
    let (length, rest) = match length {
        short @ 0..=0x7F => (usize::from(short), rest),
        long => {
            let (count, rest) = rest.split_at_checked(usize::from(long & 0x7F))?;
            (
                count
                    .iter()
                    .try_fold(0_usize, |length, octet| length.checked_mul(256)?.checked_add((*octet).into()))?,
                rest,
            )
        }
    };
    let (contents, rest) = rest.split_at_checked(length)?;
    Some((tag, contents, rest))
}

/// Returns the contents of the only element in `octets`, if it has this tag.
pub fn only(octets: &[u8], tag: u8) -> Option<&[u8]> {
    match first(octets)? {
        (found, contents, []) if found == tag => Some(contents),
        _ => None,
    }
}

/// Returns the tag and the contents of each element.
pub fn elements(mut octets: &[u8]) -> Option<Vec<(u8, &[u8])>> {
    let mut elements = Vec::new();
    while !octets.is_empty() {
        let (tag, contents, rest) = first(octets)?;
        elements.push((tag, contents));
        octets = rest;
    }
    Some(elements)
}

/// The fields of a SEQUENCE with explicit context tags.
pub struct Fields<'a>(Vec<(u8, &'a [u8])>);

impl<'a> Fields<'a> {
    /// Reads the fields of the one SEQUENCE in `octets`.
    pub fn read(octets: &'a [u8]) -> Option<Self> {
        elements(only(octets, SEQUENCE)?).map(Self)
    }

    /// Returns the contents of the element with this tag in field `number`.
    pub fn get(&self, number: u8, tag: u8) -> Option<&'a [u8]> {
        only(self.whole(number)?, tag)
    }

    /// Returns the contents of field `number`: an element with the tag of its type.
    pub fn whole(&self, number: u8) -> Option<&'a [u8]> {
        self.0.iter().find(|(found, _)| *found == context(number)).map(|(_, whole)| *whole)
    }

    /// Returns the number in field `number`.
    pub fn integer(&self, number: u8) -> Option<i64> {
        integer(self.get(number, INTEGER)?)
    }
}

/// Returns the value of an INTEGER of at most eight octets.
pub fn integer(contents: &[u8]) -> Option<i64> {
    let (first, _) = contents.split_first().filter(|_| contents.len() <= 8)?;
    let sign = if *first < 0x80 { 0 } else { -1 };
    Some(contents.iter().fold(sign, |value, octet| value << 8 | i64::from(*octet)))
}

/// Writes an element.
pub fn element(tag: u8, contents: &[u8]) -> Vec<u8> {
    let length = contents.len().to_be_bytes();
    let significant: Vec<u8> = length.into_iter().skip_while(|octet| *octet == 0).collect();
    let mut octets = vec![tag];
    match (significant.as_slice(), contents.len()) {
        (_, short @ 0..=0x7F) => octets.push(u8::try_from(short).unwrap()),
        (long, _) => {
            octets.push(0x80 | u8::try_from(long.len()).unwrap());
            octets.extend(long);
        }
    }
    octets.extend(contents);
    octets
}

/// Writes a field with an explicit context tag around an element.
pub fn field(number: u8, tag: u8, contents: &[u8]) -> Vec<u8> {
    element(context(number), &element(tag, contents))
}

/// Returns the context tag of field `number`.
pub const fn context(number: u8) -> u8 {
    0xA0 | number
}

pub const INTEGER: u8 = 0x02;
pub const BIT_STRING: u8 = 0x03;
pub const OCTET_STRING: u8 = 0x04;
pub const GENERAL_STRING: u8 = 0x1B;
pub const GENERALIZED_TIME: u8 = 0x18;
pub const SEQUENCE: u8 = 0x30;
