//! XML from clients, read once: without a DTD, hence without entities, and bounded in size and depth.

use uppsala::parser::Parser;
use uppsala::{Document, NodeId, NodeKind};

/// `None` for what is not XML, or more than is taken.
pub(super) fn parse(text: &str) -> Option<Document<'_>> {
    let text = Some(text).filter(|text| text.len() <= MAX_SIZE)?;
    Parser::new().with_forbid_dtd(true).with_max_depth(MAX_DEPTH).parse(text).ok()
}

/// An element, in the document that it is in.
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

    /// All elements directly below.
    pub(super) fn elements(self) -> impl Iterator<Item = Self> {
        let is_element = move |id: &NodeId| matches!(self.document.node_kind(*id), Some(NodeKind::Element(_)));
        self.document.children(self.id).into_iter().filter(is_element).map(move |id| Self { id, ..self })
    }

    /// The one element of this name directly below; `None` also if there are more.
    pub(super) fn only(self, namespace: &str, name: &str) -> Option<Self> {
        let mut found = self.elements().filter(|element| element.is(namespace, name));
        found.next().filter(|_| found.next().is_none())
    }

    /// As [`only`](Self::only), down a way of several names.
    pub(super) fn only_at(self, way: &[(&str, &str)]) -> Option<Self> {
        way.iter().try_fold(self, |element, (namespace, name)| element.only(namespace, name))
    }

    /// Whether an element of this name is directly below.
    pub(super) fn has(self, namespace: &str, name: &str) -> bool {
        self.elements().any(|element| element.is(namespace, name))
    }

    /// Every element below.
    pub(super) fn descendants(self) -> impl Iterator<Item = Self> {
        let is_element = move |id: &NodeId| matches!(self.document.node_kind(*id), Some(NodeKind::Element(_)));
        self.document.descendants(self.id).into_iter().filter(is_element).map(move |id| Self { id, ..self })
    }

    /// The value of an attribute without a namespace.
    pub(super) fn attribute(self, name: &str) -> Option<&'d str> {
        let element = self.document.element(self.id)?;
        let attribute = element.attributes.iter().find(|attribute| attribute.name.matches(None, name))?;
        Some(&attribute.value)
    }

    /// Names and values of all attributes, by their local names; declarations of namespaces are none.
    pub(super) fn attributes(self) -> impl Iterator<Item = (&'d str, &'d str)> {
        let attributes = self.document.element(self.id).map_or(&[][..], |element| &element.attributes[..]);
        attributes.iter().map(|attribute| (&*attribute.name.local_name, &*attribute.value))
    }

    /// The value of an attribute with a namespace.
    pub(super) fn attribute_of(self, namespace: &str, name: &str) -> Option<&'d str> {
        self.document.element(self.id)?.get_attribute_ns(namespace, name)
    }

    /// The text, if there is nothing but text in it, without the white space around it.
    pub(super) fn text(self) -> Option<String> {
        let is_text =
            |id: &NodeId| matches!(self.document.node_kind(*id), Some(NodeKind::Text(_) | NodeKind::CData(_)));
        let all_text = self.document.children(self.id).iter().all(is_text);
        all_text.then(|| self.document.text_content_deep(self.id).trim().to_owned())
    }
}

/// Requests have two thousand octets or so, and assertions five thousand, thirteen with the longest UPN. The time that the parser
/// takes grows with the square of the number of attributes.
const MAX_SIZE: usize = 16 * 1024;

/// Requests and assertions have eight levels or so.
const MAX_DEPTH: u32 = 32;

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn elements_are_in_each_other_up_to_the_limit() {
        let of_depth = |depth: usize| "<a>".repeat(depth) + &"</a>".repeat(depth);
        let limit = usize::try_from(MAX_DEPTH).unwrap();
        assert!(parse(&of_depth(limit)).is_some() && parse(&of_depth(limit.saturating_add(1))).is_none());
    }

    #[test]
    fn what_is_large_is_not_read() {
        let of_size = |size: usize| format!("<a>{}</a>", "b".repeat(size.saturating_sub(7)));
        assert!(parse(&of_size(MAX_SIZE)).is_some() && parse(&of_size(MAX_SIZE.saturating_add(1))).is_none());
    }
}
