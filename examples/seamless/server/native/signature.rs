//! The signature of an assertion (XML Signature 1.1, exclusive canonical XML). A library makes and verifies the signature.
//!
//! A signature that a library calls valid may cover another element than the assertion that the server reads
//! ("signature wrapping"). So before the library evaluates the signature, the server checks the structure of the
//! signature's XML. The document has exactly one signature. The signature is a child of the assertion, the assertion is
//! the root, and the signature refers to this assertion. For canonicalization, digest and signature, it uses the
//! algorithms with which this server signs.

use super::xml::Element;
use crate::signing_key::SigningKey;
use bergshamra::dsig::{DsigContext, VerifyResult, sign, verify};
use bergshamra::keys::{KeysManager, loader};
use uppsala::Document;

pub(super) fn sign(key: &SigningKey, assertion: String) -> Option<String> {
    sign::sign_owned(&context(key)?, assertion).ok()
}

/// Returns whether the root of the document contains a signature of `key` over the root.
pub(super) fn is_by(key: &SigningKey, document: &Document<'_>) -> bool {
    let Some(assertion) = Element::root(document) else { return false };
    let Some(id) = assertion.attribute("AssertionID") else { return false };
    if !is_pinned(assertion, id) {
        return false;
    }
    let result = context(key).and_then(|context| verify::verify_document(&context, document).ok());
    match result {
        Some(VerifyResult::Valid { references, .. }) => match references.as_slice() {
            [only] => only.digest_verified && only.resolved_node == Some(assertion.id),
            _ => false,
        },
        _ => false,
    }
}

/// Returns a context in which the library uses only `key`, and ignores the `KeyInfo` of the document.
fn context(key: &SigningKey) -> Option<DsigContext> {
    let mut manager = KeysManager::new();
    manager.add_key(loader::load_rsa_private_pem(key.pem.as_bytes()).ok()?);
    Some(DsigContext::new(manager))
}

/// Returns whether the document's only signature belongs to the assertion and has the form that this server makes.
fn is_pinned(assertion: Element<'_>, id: &str) -> bool {
    let signatures = assertion.descendants().filter(|element| element.is(DSIG, "Signature")).count();
    let has_id = |element: &Element<'_>| ID_ATTRIBUTES.iter().any(|name| element.attribute(name).is_some());
    let other_ids = assertion.descendants().filter(has_id).count();
    let signature = assertion.only(DSIG, "Signature").is_some_and(|signature| has_form(signature, id));
    signatures == 1 && other_ids == 0 && signature
}

/// Returns whether the elements of a signature equal [`FORM`] in depth, name and attribute.
fn has_form(signature: Element<'_>, id: &str) -> bool {
    let mut found = Vec::new();
    outline(signature, 0, &mut found);
    let reference = format!("#{id}");
    found.len() == FORM.len()
        && FORM.iter().zip(found).all(|((depth, name, attribute), (found_depth, element))| {
            let value = match *attribute {
                Attribute::None => None,
                Attribute::Algorithm(algorithm) => Some(("Algorithm", algorithm)),
                Attribute::Reference => Some(("URI", reference.as_str())),
            };
            *depth == found_depth && element.is(DSIG, name) && element.attributes().eq(value)
        })
}

fn outline<'d>(element: Element<'d>, depth: usize, found: &mut Vec<(usize, Element<'d>)>) {
    found.push((depth, element));
    element.elements().for_each(|child| outline(child, depth.saturating_add(1), found));
}

enum Attribute {
    None,
    Algorithm(&'static str),
    Reference,
}

const FORM: [(usize, &str, Attribute); 14] = [
    (0, "Signature", Attribute::None),
    (1, "SignedInfo", Attribute::None),
    (2, "CanonicalizationMethod", Attribute::Algorithm(EXCLUSIVE_C14N)),
    (2, "SignatureMethod", Attribute::Algorithm("http://www.w3.org/2001/04/xmldsig-more#rsa-sha256")),
    (2, "Reference", Attribute::Reference),
    (3, "Transforms", Attribute::None),
    (4, "Transform", Attribute::Algorithm("http://www.w3.org/2000/09/xmldsig#enveloped-signature")),
    (4, "Transform", Attribute::Algorithm(EXCLUSIVE_C14N)),
    (3, "DigestMethod", Attribute::Algorithm("http://www.w3.org/2001/04/xmlenc#sha256")),
    (3, "DigestValue", Attribute::None),
    (1, "SignatureValue", Attribute::None),
    (1, "KeyInfo", Attribute::None),
    (2, "X509Data", Attribute::None),
    (3, "X509Certificate", Attribute::None),
];

const DSIG: &str = "http://www.w3.org/2000/09/xmldsig#";
const EXCLUSIVE_C14N: &str = "http://www.w3.org/2001/10/xml-exc-c14n#";

/// The attributes by which the library finds the element that a reference names.
const ID_ATTRIBUTES: [&str; 4] = ["Id", "ID", "id", "AssertionID"];
