//! The message that the ticket signature covers (MS-PAC section 2.8.3): the EncTicketPart with one zero octet instead of the
//! PAC.
//!
//! Input: the plaintext of a ticket, and the PAC as a slice of the plaintext. Output: the message in pieces. Only the PAC and
//! the lengths of the elements around the PAC differ from the plaintext. All other pieces are slices of the plaintext.

use crate::crypto::RunningChecksum;
use crate::limits::MAX_AUTH_DATA_DEPTH;
use crate::wire::der::LengthOctets;

/// An EncTicketPart with one zero octet instead of its PAC.
#[derive(Debug)]
pub(super) struct WithoutPac<'a> {
    /// The elements around the PAC, from the outermost element to the OCTET STRING that holds the PAC.
    elements: [Option<Element<'a>>; MAX_ELEMENTS],
    /// The octets after the PAC.
    after: &'a [u8],
}

/// A DER element around the PAC.
#[derive(Clone, Copy, Debug)]
struct Element<'a> {
    /// The octets from the beginning of the outer element's contents to the identifier octet of this element.
    before: &'a [u8],
    header: Header,
    /// The length of the contents with the zero octet instead of the PAC.
    new_length: usize,
}

/// The identifier octet and the length field of an element in the plaintext.
#[derive(Clone, Copy, Debug)]
struct Header {
    size: usize,
    /// The offset of the contents.
    contents: usize,
    length: usize,
}

/// Finds the elements around `pac`. Returns `None` if `pac` is not a slice of `plaintext`, is not the contents of an element,
/// or is nested too deep.
pub(super) fn without_pac<'a>(plaintext: &'a [u8], pac: &[u8]) -> Option<WithoutPac<'a>> {
    let pac_at = pac.as_ptr().addr().checked_sub(plaintext.as_ptr().addr())?;
    let pac_end = pac_at.checked_add(pac.len())?;
    let after = plaintext.get(pac_end..)?;
    let mut elements = [None; MAX_ELEMENTS];
    let (mut start, mut found) = (0, false);
    for free in &mut elements {
        // Elements that end before the PAC do not contain the PAC.
        let mut at = start;
        let mut header = Header::read(plaintext, at)?;
        while header.end()? <= pac_at {
            at = header.end()?;
            header = Header::read(plaintext, at)?;
        }
        *free = Some(Element { before: plaintext.get(start..=at)?, header, new_length: header.length });
        start = header.contents;
        if header.contents == pac_at && header.end()? == pac_end {
            found = true;
            break;
        }
    }
    found.then_some(())?;
    shorten(&mut elements, pac.len())?;
    Some(WithoutPac { elements, after })
}

impl WithoutPac<'_> {
    pub(super) fn feed(&self, mac: &mut RunningChecksum) {
        for element in self.elements.iter().flatten() {
            mac.update(element.before);
            mac.update(LengthOctets::of(element.new_length).as_slice());
        }
        mac.update(&[0]);
        mac.update(self.after);
    }
}

impl Header {
    /// Reads an identifier octet and a length field. The DER reader has already checked the encoding.
    fn read(bytes: &[u8], at: usize) -> Option<Self> {
        let [_identifier, first, rest @ ..] = bytes.get(at..)? else { return None };
        let (octets, length) = match *first {
            short @ ..0x80 => (0, usize::from(short)),
            long => {
                let count = usize::from(long & 0x7F);
                let octets = rest.get(..count).filter(|octets| octets.len() <= 4)?;
                (count, octets.iter().fold(0_usize, |length, octet| (length << 8) | usize::from(*octet)))
            }
        };
        let size = octets.checked_add(2)?;
        Some(Self { size, contents: at.checked_add(size)?, length })
    }

    fn end(&self) -> Option<usize> {
        self.contents.checked_add(self.length)
    }
}

/// Computes the length that every element has if the innermost element holds one octet. The function begins with the
/// innermost element, because shorter contents can shorten the length field, and so the outer elements.
fn shorten(elements: &mut [Option<Element<'_>>], pac_length: usize) -> Option<()> {
    let mut removed = pac_length.checked_sub(1)?;
    for element in elements.iter_mut().rev().flatten() {
        element.new_length = element.header.length.checked_sub(removed)?;
        // The size of the new header: one identifier octet, and at most nine octets in the length field.
        let size = LengthOctets::of(element.new_length).as_slice().len().wrapping_add(1);
        removed = removed.checked_add(element.header.size)?.checked_sub(size)?;
    }
    Some(())
}

/// The highest number of elements around a PAC. Three elements are around the ticket's authorization data, and each level of
/// authorization data adds four elements (RFC 4120 sections 5.3 and 5.2.6).
const MAX_ELEMENTS: usize = 3 + 4 * (MAX_AUTH_DATA_DEPTH + 1);
