//! What the ticket signature covers (MS-PAC section 2.8.3): the EncTicketPart, encoded again with one zero octet instead of
//! the PAC.
//!
//! In: the plaintext of a ticket and, as a slice of it, the PAC. Out: the same message in pieces. Only the PAC and the
//! lengths of the elements around it differ, so everything else is taken from the plaintext as it is. Nothing is copied.

use crate::crypto::RunningChecksum;
use crate::limits::MAX_AUTH_DATA_DEPTH;
use crate::wire::der::LengthOctets;

/// An EncTicketPart with one zero octet instead of its PAC.
#[derive(Debug)]
pub(super) struct WithoutPac<'a> {
    /// From the outermost element around the PAC to the OCTET STRING that holds it.
    elements: [Option<Element<'a>>; MAX_ELEMENTS],
    /// What follows the PAC.
    after: &'a [u8],
}

/// An element that the PAC lies in.
#[derive(Clone, Copy, Debug)]
struct Element<'a> {
    /// From the contents of the element around this one to the identifier octet of this one.
    before: &'a [u8],
    header: Header,
    /// Length of the contents, with the zero octet.
    new_length: usize,
}

/// The identifier octet and the length of an element, as they are in the plaintext.
#[derive(Clone, Copy, Debug)]
struct Header {
    size: usize,
    /// Where the contents are.
    contents: usize,
    length: usize,
}

/// Finds the elements that `pac` lies in. Returns `None` if `pac` is no slice of `plaintext`, or lies where no PAC does.
pub(super) fn without_pac<'a>(plaintext: &'a [u8], pac: &[u8]) -> Option<WithoutPac<'a>> {
    let pac_at = pac.as_ptr().addr().checked_sub(plaintext.as_ptr().addr())?;
    let pac_end = pac_at.checked_add(pac.len())?;
    let after = plaintext.get(pac_end..)?;
    let mut elements = [None; MAX_ELEMENTS];
    let (mut start, mut found) = (0, false);
    for free in &mut elements {
        // The PAC does not lie in the elements that end before it.
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
    /// Reads an identifier octet and a length that the DER reader has read before.
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

/// Gives every element the length that it has when the innermost holds one octet. It goes from the inside to the outside,
/// since shorter contents have a shorter length field.
fn shorten(elements: &mut [Option<Element<'_>>], pac_length: usize) -> Option<()> {
    let mut removed = pac_length.checked_sub(1)?;
    for element in elements.iter_mut().rev().flatten() {
        element.new_length = element.header.length.checked_sub(removed)?;
        // The identifier octet, and at most nine of the length.
        let size = LengthOctets::of(element.new_length).as_slice().len().wrapping_add(1);
        removed = removed.checked_add(element.header.size)?.checked_sub(size)?;
    }
    Some(())
}

/// Three elements lead to the ticket's authorization data, and four through each level of it (RFC 4120 sections 5.3 and
/// 5.2.6).
const MAX_ELEMENTS: usize = 3 + 4 * (MAX_AUTH_DATA_DEPTH + 1);
