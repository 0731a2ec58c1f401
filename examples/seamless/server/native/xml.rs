//! Reads XML from clients. A document with a DTD is refused, so a document has no entities. The size and the depth of a
//! document are limited. The text is UTF-8. A document that declares another encoding is refused: a reader that decodes
//! it by this encoding would read other text than the server.

use uppsala::parser::Parser;
use uppsala::{Document, NodeId, NodeKind};

/// Reads a document. Returns `None` if `text` is not XML, has a DTD, declares another encoding than UTF-8, or exceeds
/// [`MAX_SIZE`] or [`MAX_DEPTH`].
pub(super) fn parse(text: &str) -> Option<Document<'_>> {
    let text = Some(text).filter(|text| text.len() <= MAX_SIZE)?;
    let document = Parser::new().with_forbid_dtd(true).with_max_depth(MAX_DEPTH).parse(text).ok()?;
    let encoding = document.xml_declaration.as_ref().and_then(|declaration| declaration.encoding.as_deref());
    let is_utf8 = encoding.is_none_or(|encoding| encoding.eq_ignore_ascii_case("utf-8"));
    is_utf8.then_some(document)
}

/// Removes the white space before a document. A client of the public service sends eight blanks before the XML declaration.
pub(super) fn without_leading_blanks(text: &str) -> &str {
    text.trim_start_matches([' ', '\t', '\r', '\n'])
}

/// An element of a document.
#[derive(Clone, Copy)]
pub(super) struct Element<'d> {
    document: &'d Document<'d>,
    pub(super) id: NodeId,
}

impl<'d> Element<'d> {
    pub(super) fn root(document: &'d Document<'d>) -> Option<Self> {
        document.document_element().map(|id| Self { document, id })
    }

    pub(super) fn is(self, namespace: &str, name: &str) -> bool {
        self.document.element(self.id).is_some_and(|element| element.matches_name_ns(namespace, name))
    }

    /// Returns the child elements.
    pub(super) fn elements(self) -> impl Iterator<Item = Self> {
        let is_element = move |id: &NodeId| matches!(self.document.node_kind(*id), Some(NodeKind::Element(_)));
        self.document.children(self.id).into_iter().filter(is_element).map(move |id| Self { id, ..self })
    }

    /// Returns the only child element of this name. Returns `None` if there is no such child, or more than one such child.
    pub(super) fn only(self, namespace: &str, name: &str) -> Option<Self> {
        let mut found = self.elements().filter(|element| element.is(namespace, name));
        found.next().filter(|_| found.next().is_none())
    }

    /// Follows a path of several names, with [`only`](Self::only) at each step.
    pub(super) fn only_at(self, way: &[(&str, &str)]) -> Option<Self> {
        way.iter().try_fold(self, |element, (namespace, name)| element.only(namespace, name))
    }

    /// Returns whether there is a child element of this name.
    pub(super) fn has(self, namespace: &str, name: &str) -> bool {
        self.elements().any(|element| element.is(namespace, name))
    }

    /// Returns the descendant elements.
    pub(super) fn descendants(self) -> impl Iterator<Item = Self> {
        let is_element = move |id: &NodeId| matches!(self.document.node_kind(*id), Some(NodeKind::Element(_)));
        self.document.descendants(self.id).into_iter().filter(is_element).map(move |id| Self { id, ..self })
    }

    /// Returns the value of an attribute that has no namespace.
    pub(super) fn attribute(self, name: &str) -> Option<&'d str> {
        let element = self.document.element(self.id)?;
        let attribute = element.attributes.iter().find(|attribute| attribute.name.matches(None, name))?;
        Some(&attribute.value)
    }

    /// Returns the name without its prefix.
    #[cfg(test)]
    pub(super) fn local_name(self) -> Option<&'d str> {
        self.document.element(self.id).map(|element| &*element.name.local_name)
    }

    /// Returns whether the element has this name and no namespace.
    pub(super) fn is_bare(self, name: &str) -> bool {
        self.document.element(self.id).is_some_and(|element| element.name.matches(None, name))
    }

    /// Returns whether the element has children other than elements and white space.
    pub(super) fn is_mixed(self) -> bool {
        let is_other = |id: &NodeId| match self.document.node_kind(*id) {
            Some(NodeKind::Element(_)) => false,
            Some(NodeKind::Text(text)) => !text.trim().is_empty(),
            _ => true,
        };
        self.document.children(self.id).iter().any(is_other)
    }

    /// Returns the local names and the values of all attributes, without namespace declarations.
    pub(super) fn attributes(self) -> impl Iterator<Item = (&'d str, &'d str)> {
        let attributes = self.document.element(self.id).map_or(&[][..], |element| &element.attributes[..]);
        attributes.iter().map(|attribute| (&*attribute.name.local_name, &*attribute.value))
    }

    /// Returns the value of an attribute that has a namespace.
    pub(super) fn attribute_of(self, namespace: &str, name: &str) -> Option<&'d str> {
        self.document.element(self.id)?.get_attribute_ns(namespace, name)
    }

    /// Returns the text of an element that has only text, without the white space around it.
    pub(super) fn text(self) -> Option<String> {
        self.whole_text().map(|text| text.trim().to_owned())
    }

    /// Returns the text of an element that has only text. Returns `None` if the element also has a comment.
    pub(super) fn whole_text(self) -> Option<String> {
        let is_text =
            |id: &NodeId| matches!(self.document.node_kind(*id), Some(NodeKind::Text(_) | NodeKind::CData(_)));
        let all_text = self.document.children(self.id).iter().all(is_text);
        all_text.then(|| self.document.text_content_deep(self.id))
    }
}

/// The largest document, in octets. Requests have about 2,000 octets. An assertion has about 5,000 octets, and 13,000
/// octets with the longest UPN. The limit must be low, because the time of the parser grows with the square of the
/// number of attributes.
const MAX_SIZE: usize = 16 * 1024;

/// The largest depth of elements. Requests and assertions have about eight levels.
const MAX_DEPTH: u32 = 32;

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn document_of_32_levels_is_read_and_document_of_33_levels_is_refused() {
        let of_depth = |depth: usize| "<a>".repeat(depth) + &"</a>".repeat(depth);
        let limit = usize::try_from(MAX_DEPTH).unwrap();
        assert!(parse(&of_depth(limit)).is_some() && parse(&of_depth(limit.saturating_add(1))).is_none());
    }

    #[test]
    fn document_that_declares_utf_8_is_read_and_document_that_declares_another_encoding_is_refused() {
        for (declared, is_read) in [
            ("", true),
            (" encoding='UTF-8'", true),
            (" encoding=\"utf-8\"", true),
            (" encoding='UTF-16'", false),
            (" encoding='ISO-8859-1'", false),
        ] {
            assert_eq!(parse(&format!("<?xml version='1.0'{declared}?><a/>")).is_some(), is_read, "{declared}");
        }
        assert!(parse(" <?xml version='1.0'?><a/>").is_none());
        assert!(parse(without_leading_blanks(" \t\r\n<?xml version='1.0'?><a/>")).is_some());
        assert!(parse(without_leading_blanks("x<?xml version='1.0'?><a/>")).is_none());
    }

    #[test]
    fn document_of_16_kib_is_read_and_a_larger_document_is_refused() {
        let of_size = |size: usize| format!("<a>{}</a>", "b".repeat(size.saturating_sub(7)));
        assert!(parse(&of_size(MAX_SIZE)).is_some() && parse(&of_size(MAX_SIZE.saturating_add(1))).is_none());
    }
}
