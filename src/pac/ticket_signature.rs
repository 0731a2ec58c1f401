//! What the ticket signature is over (MS-PAC section 2.8.3): the EncTicketPart, encoded anew with one zero byte in place
//! of the PAC.
//!
//! In: the plaintext of a ticket and, as a slice of it, the PAC. Out: the same message in pieces. Only the PAC and the
//! lengths of what it lies in differ, so everything else is taken from the plaintext as it is; nothing is copied.

use crate::crypto::RunningChecksum;
use crate::limits::MAX_AUTH_DATA_DEPTH;

/// An EncTicketPart with one zero byte in place of its PAC.
#[derive(Debug)]
pub(super) struct WithoutPac<'a> {
    plaintext: &'a [u8],
    /// Where the PAC's bytes end, and the elements around it with them.
    pac_end: usize,
    /// From the outermost to the OCTET STRING that holds the PAC.
    headers: [Option<Header>; MAX_HEADERS],
}

/// The identifier octet and the length of one element that the PAC lies in.
#[derive(Clone, Copy, Debug)]
struct Header {
    at: usize,
    contents: usize,
    /// Of the contents, as they are.
    length: usize,
    /// Of the contents, with the zero byte.
    new_length: usize,
}

/// Finds the elements that `pac` lies in; `None` if it is no slice of `plaintext`, or lies in it otherwise than a PAC
/// does.
pub(super) fn without_pac<'a>(plaintext: &'a [u8], pac: &[u8]) -> Option<WithoutPac<'a>> {
    let pac_at = pac.as_ptr().addr().checked_sub(plaintext.as_ptr().addr())?;
    let pac_end = pac_at.checked_add(pac.len()).filter(|end| *end <= plaintext.len())?;
    let mut headers = [None; MAX_HEADERS];
    let (mut at, mut found) = (0, false);
    for place in &mut headers {
        // Elements before the one that holds the PAC are stepped over.
        let mut header = Header::read(plaintext, at)?;
        while header.end()? <= pac_at {
            header = Header::read(plaintext, header.end()?)?;
        }
        *place = Some(header);
        at = header.contents;
        if header.contents == pac_at && header.end()? == pac_end {
            found = true;
            break;
        }
    }
    found.then_some(())?;
    shorten(&mut headers, pac.len())?;
    Some(WithoutPac { plaintext, pac_end, headers })
}

impl WithoutPac<'_> {
    pub(super) fn feed(&self, mac: &mut RunningChecksum) {
        let mut fed = 0;
        for header in self.headers.iter().flatten() {
            mac.update(self.plaintext.get(fed..=header.at).unwrap_or_default());
            let (octets, count) = encode_length(header.new_length);
            mac.update(octets.get(octets.len().saturating_sub(count)..).unwrap_or_default());
            fed = header.contents;
        }
        mac.update(&[0]);
        mac.update(self.plaintext.get(self.pac_end..).unwrap_or_default());
    }
}

impl Header {
    /// Reads an identifier octet and a length that the DER reader has read before.
    fn read(bytes: &[u8], at: usize) -> Option<Self> {
        let first = *bytes.get(at.checked_add(1)?)?;
        let start = at.checked_add(2)?;
        let count = usize::from(first.saturating_sub(0x80));
        let contents = start.checked_add(count)?;
        let octets = bytes.get(start..contents).filter(|octets| octets.len() <= 4)?;
        let long = octets.iter().fold(0_usize, |length, octet| (length << 8) | usize::from(*octet));
        let length = if first < 0x80 { usize::from(first) } else { long };
        Some(Self { at, contents, length, new_length: length })
    }

    fn end(&self) -> Option<usize> {
        self.contents.checked_add(self.length)
    }

    /// Bytes of the identifier and the length, as they are.
    fn size(&self) -> usize {
        self.contents.saturating_sub(self.at)
    }
}

/// Gives every element the length that it has when the innermost holds one byte: from the inside, since a shorter
/// content makes a shorter length field.
fn shorten(headers: &mut [Option<Header>], pac_length: usize) -> Option<()> {
    let mut removed = pac_length.checked_sub(1)?;
    for header in headers.iter_mut().rev().flatten() {
        header.new_length = header.length.checked_sub(removed)?;
        let (_, count) = encode_length(header.new_length);
        removed = removed.checked_add(header.size())?.checked_sub(count.checked_add(1)?)?;
    }
    Some(())
}

/// The length octets of X.690 section 10.1, at the end of an array, and how many they are.
fn encode_length(length: usize) -> ([u8; 5], usize) {
    let octets = u32::try_from(length).unwrap_or(u32::MAX).to_be_bytes();
    let [a, b, c, d] = octets;
    if length < 0x80 {
        return ([0, 0, 0, 0, d], 1);
    }
    match octets {
        [0, 0, 0, _] => ([0, 0, 0, 0x81, d], 2),
        [0, 0, ..] => ([0, 0, 0x82, c, d], 3),
        [0, ..] => ([0, 0x83, b, c, d], 4),
        _ => ([0x84, a, b, c, d], 5),
    }
}

/// Three elements lead to the ticket's authorization data, and four through each level of it (RFC 4120 sections 5.3 and
/// 5.2.6).
const MAX_HEADERS: usize = 3 + 4 * (MAX_AUTH_DATA_DEPTH + 1);
