//! The spans of the fields of a token. This reader of the tests shares no code with the crate's reader.

#![allow(dead_code, reason = "each test uses only a part of this module")]
#![allow(clippy::arithmetic_side_effects, clippy::indexing_slicing, clippy::unwrap_used)]

use std::ops::Range;

/// An element of DER in a token.
#[derive(Clone, Debug)]
pub(crate) struct Element {
    /// The identifier octet.
    pub(crate) tag: u8,
    /// The span from the identifier octet to the end of the element.
    pub(crate) whole: Range<usize>,
    pub(crate) contents: Range<usize>,
}

/// Returns the elements that fill `range` of `bytes`.
pub(crate) fn elements(bytes: &[u8], range: Range<usize>) -> Vec<Element> {
    let mut elements = Vec::new();
    let mut at = range.start;
    while at < range.end {
        let (header, length) = match bytes[at + 1] {
            short @ 0..=0x7F => (2, usize::from(short)),
            long => {
                let count = usize::from(long & 0x7F);
                let octets = &bytes[at + 2..at + 2 + count];
                (2 + count, octets.iter().fold(0, |length, octet| (length << 8) | usize::from(*octet)))
            }
        };
        let contents = at + header..at + header + length;
        elements.push(Element { tag: bytes[at], whole: at..contents.end, contents: contents.clone() });
        at = contents.end;
    }
    assert_eq!(at, range.end, "an element reaches past its container");
    elements
}

/// Returns the fields of the SEQUENCE in `range`: the number of each context tag, and the element inside of the
/// explicit tag.
pub(crate) fn fields(bytes: &[u8], range: Range<usize>) -> Vec<(u8, Element)> {
    let sequence = elements(bytes, range).remove(0);
    let unwrap = |field: Element| (field.tag & 0x1F, elements(bytes, field.contents).remove(0));
    elements(bytes, sequence.contents).into_iter().map(unwrap).collect()
}

pub(crate) fn field(fields: &[(u8, Element)], number: u8) -> Option<&Element> {
    fields.iter().find(|(found, _)| *found == number).map(|(_, element)| element)
}

/// Encodes an element with this identifier octet and these contents.
pub(crate) fn element(tag: u8, contents: &[u8]) -> Vec<u8> {
    let length = u16::try_from(contents.len()).unwrap().to_be_bytes();
    let header = match contents.len() {
        0..=0x7F => vec![tag, length[1]],
        0x80..=0xFF => vec![tag, 0x81, length[1]],
        _ => vec![tag, 0x82, length[0], length[1]],
    };
    [header, contents.to_vec()].concat()
}

/// The spans of the parts of a token.
#[derive(Debug, Default)]
pub(crate) struct Anatomy {
    /// The span of the whole AP-REQ.
    pub(crate) ap_req: Range<usize>,
    pub(crate) ticket_cipher: Range<usize>,
    pub(crate) authenticator_cipher: Range<usize>,
    /// The spans of the contents of the unencrypted fields, with the names of the fields. The contents of a list
    /// include the tags and lengths of its elements, which are not protected either.
    pub(crate) unencrypted: Vec<(&'static str, Range<usize>)>,
}

impl Anatomy {
    pub(crate) fn of(token: &[u8]) -> Self {
        let mut anatomy = Self::default();
        anatomy.token(token, 0..token.len());
        anatomy
    }

    /// Returns the name of the field that contains the octet at `index`.
    pub(crate) fn field_at(&self, index: usize) -> Option<&'static str> {
        self.unencrypted.iter().find(|(_, range)| range.contains(&index)).map(|(name, _)| *name)
    }

    fn token(&mut self, bytes: &[u8], range: Range<usize>) {
        if bytes[range.start] == 0x6E {
            return self.ap_req(bytes, range);
        }
        let framing = elements(bytes, range).remove(0).contents;
        let oid_end = framing.start + 2 + usize::from(bytes[framing.start + 1]);
        let oid = framing.start + 2..oid_end;
        self.unencrypted.push(("InitialContextToken.thisMech", oid.clone()));
        if bytes[oid] == [0x2B, 6, 1, 5, 5, 2] {
            self.negotiation(bytes, oid_end..framing.end);
        } else {
            self.ap_req(bytes, oid_end + 2..framing.end);
        }
    }

    fn negotiation(&mut self, bytes: &[u8], range: Range<usize>) {
        let init = elements(bytes, range).remove(0);
        let sequence = elements(bytes, init.contents).remove(0);
        for field in elements(bytes, sequence.contents) {
            if field.tag >= 0xA3 {
                let identifier = field.whole.start..field.whole.start + 1;
                self.unencrypted.push(("NegTokenInit[3..4]", identifier));
            }
            match field.tag {
                0xA0 => {
                    let list = elements(bytes, field.contents).remove(0);
                    self.unencrypted.push(("NegTokenInit.mechTypes", list.contents));
                }
                0xA1 => self.unencrypted.push(("NegTokenInit.reqFlags", field.contents)),
                0xA2 => self.token(bytes, elements(bytes, field.contents).remove(0).contents),
                // The field [3] holds hints in MS-SPNG and a MIC in RFC 4178. The tag of the field's contents shows
                // which of the two the field holds.
                0xA3 => self.unencrypted.push(("NegTokenInit2.negHints", field.contents)),
                _ => self
                    .unencrypted
                    .push(("NegTokenInit2.mechListMIC", elements(bytes, field.contents).remove(0).contents)),
            }
        }
    }

    fn ap_req(&mut self, bytes: &[u8], range: Range<usize>) {
        self.ap_req = range.clone();
        let request = fields(bytes, elements(bytes, range).remove(0).contents);
        self.unencrypted.push(("AP-REQ.ap-options", field(&request, 2).unwrap().contents.clone()));
        self.ticket(bytes, field(&request, 3).unwrap().contents.clone());
        let kvno = "AP-REQ.authenticator.kvno";
        self.authenticator_cipher = self.encrypted(bytes, field(&request, 4).unwrap().whole.clone(), kvno);
    }

    fn ticket(&mut self, bytes: &[u8], range: Range<usize>) {
        let ticket = fields(bytes, range);
        self.unencrypted.push(("Ticket.realm", field(&ticket, 1).unwrap().contents.clone()));
        let sname = fields(bytes, field(&ticket, 2).unwrap().whole.clone());
        self.unencrypted.push(("Ticket.sname.name-type", field(&sname, 0).unwrap().contents.clone()));
        self.unencrypted.push(("Ticket.sname.name-string", field(&sname, 1).unwrap().contents.clone()));
        self.ticket_cipher = self.encrypted(bytes, field(&ticket, 3).unwrap().whole.clone(), "Ticket.enc-part.kvno");
    }

    fn encrypted(&mut self, bytes: &[u8], range: Range<usize>, kvno_name: &'static str) -> Range<usize> {
        let data = fields(bytes, range);
        self.unencrypted.extend(field(&data, 1).map(|kvno| (kvno_name, kvno.contents.clone())));
        field(&data, 2).unwrap().contents.clone()
    }
}
