//! Tests of documents that an attacker composes from a good assertion. The forms XSW 1 to 8 are those of "On Breaking
//! SAML" (USENIX Security 2012), adapted to documents whose root is the assertion. From the other documents of these
//! tests, two XML parsers could read different texts. The server refuses each document, and the good assertion stays
//! unused.

use super::*;

const END: &str = "</saml:Assertion>";

/// The parts of a good assertion, and of an evil assertion that names another user.
struct Parts {
    good: String,
    /// The start tag and the children of the evil assertion, without its signature and its end tag.
    evil: String,
    signature: String,
    /// The good assertion without its signature.
    unsigned: String,
}

impl Parts {
    async fn new() -> Self {
        let good = assertion("frank").await;
        let at = good.find("<ds:Signature ").unwrap();
        let signature = good[at..good.len() - END.len()].to_owned();
        let unsigned = good.replace(&signature, "");
        let user = SERVER.1.user_sid("frank").to_string();
        let admin = format!("{}-500", user.rsplit_once('-').unwrap().0);
        let evil = good[..at].replace(&user, &admin).replace("frank@", "administrator@");
        assert_ne!(evil, good[..at]);
        Self { good, evil, signature, unsigned }
    }

    fn with_other_id(&self) -> String {
        self.evil.replacen("AssertionID=\"_", "AssertionID=\"_0", 1)
    }

    /// Returns the signature with `content` inside.
    fn signature_around(&self, content: &str) -> String {
        self.signature.replace("</ds:Signature>", &format!("<ds:Object>{content}</ds:Object></ds:Signature>"))
    }
}

/// Checks that a document is refused, whether the evil assertion has the identifier of the good assertion or another
/// identifier.
async fn refused(form: &str, document: impl Fn(&Parts, &str) -> String) {
    let parts = Parts::new().await;
    for evil in [&parts.evil, &parts.with_other_id()] {
        let document = document(&parts, evil);
        assert_ne!(document, parts.good);
        let (status, answer) = token(&[GRANT, CLIENT, ("assertion", &STANDARD.encode(&document))]).await;
        assert_eq!((status, &answer["error"]), (400, &"invalid_grant".into()), "{form}: {document}");
    }
    let good = STANDARD.encode(&parts.good);
    assert_eq!(token(&[GRANT, CLIENT, ("assertion", &good)]).await.0, 200, "{form}: the good assertion");
}

const RESPONSE: &str = "<saml:Response xmlns:saml=\"urn:oasis:names:tc:SAML:1.0:assertion\">";

#[tokio::test]
async fn xsw_1_signature_of_the_evil_root_contains_the_good_assertion() {
    refused("XSW 1", |parts, evil| format!("{evil}{}{END}", parts.signature_around(&parts.unsigned))).await;
}

#[tokio::test]
async fn xsw_2_detached_signature_is_before_the_good_assertion_in_the_evil_root() {
    refused("XSW 2", |parts, evil| format!("{evil}{}{}{END}", parts.signature, parts.unsigned)).await;
}

#[tokio::test]
async fn xsw_3_evil_assertion_is_before_the_good_assertion_in_a_response() {
    refused("XSW 3", |parts, evil| format!("{RESPONSE}{evil}{END}{}</saml:Response>", parts.good)).await;
}

#[tokio::test]
async fn xsw_4_good_assertion_is_a_child_of_the_evil_assertion() {
    refused("XSW 4", |parts, evil| format!("{evil}{}{END}", parts.good)).await;
}

#[tokio::test]
async fn xsw_5_evil_assertion_has_the_signature_and_the_good_assertion_is_beside_it() {
    refused("XSW 5", |parts, evil| {
        format!("{RESPONSE}{evil}{}{END}{}</saml:Response>", parts.signature, parts.unsigned)
    })
    .await;
    refused("XSW 5 without a response", |parts, evil| format!("{evil}{}{END}{}", parts.signature, parts.unsigned))
        .await;
}

#[tokio::test]
async fn xsw_6_evil_assertion_in_a_response_has_the_signature_that_contains_the_good_assertion() {
    refused("XSW 6", |parts, evil| {
        format!("{RESPONSE}{evil}{}{END}</saml:Response>", parts.signature_around(&parts.unsigned))
    })
    .await;
}

#[tokio::test]
async fn xsw_7_good_assertion_is_in_an_extension_of_the_evil_assertion() {
    refused("XSW 7", |parts, evil| format!("{evil}<saml:Advice>{}</saml:Advice>{END}", parts.good)).await;
    refused("XSW 7 with a signature outside", |parts, evil| {
        format!("{evil}<saml:Advice>{}</saml:Advice>{}{END}", parts.unsigned, parts.signature)
    })
    .await;
}

#[tokio::test]
async fn xsw_8_signature_of_the_evil_root_contains_the_good_assertion_with_its_own_signature() {
    refused("XSW 8", |parts, evil| format!("{evil}{}{END}", parts.signature_around(&parts.good))).await;
}

#[tokio::test]
async fn second_element_with_the_identifier_of_the_assertion_is_refused() {
    for name in ["Id", "ID", "id", "AssertionID"] {
        refused(name, |parts, _| {
            let id = between(&parts.good, "AssertionID=\"", "\"").to_owned();
            parts.good.replacen("<saml:Conditions ", &format!("<saml:Conditions {name}=\"{id}\" "), 1)
        })
        .await;
    }
}

#[tokio::test]
async fn assertion_with_a_comment_or_an_instruction_in_a_text_is_refused() {
    for inserted in ["<!-- -->", "<?x?>", "<![CDATA[]]><!---->"] {
        refused(inserted, |parts, _| parts.good.replace("frank@", &format!("frank{inserted}@"))).await;
        refused(inserted, |parts, evil| {
            format!("{}{}{END}", evil.replace("-500<", &format!("-5{inserted}00<")), parts.signature)
        })
        .await;
    }
}

#[tokio::test]
async fn two_assertions_or_two_tokens_or_a_token_beside_a_forged_assertion_are_refused() {
    let token = |parts: &Parts| {
        format!("<DesktopSsoToken>{}</DesktopSsoToken>", between(&parts.good, "<DesktopSsoToken>", "<"))
    };
    let open = "<saml:Assertion xmlns:saml=\"urn:oasis:names:tc:SAML:1.0:assertion\">";
    refused("two assertions", |parts, _| format!("{}{}", parts.good, parts.good)).await;
    refused("evil before good", |parts, evil| format!("{evil}{END}{}", parts.good)).await;
    refused("two tokens", |parts, _| format!("{open}{}{}{END}", token(parts), token(parts))).await;
    refused("two tokens in the signed assertion", |parts, _| {
        parts.good.replacen("<DesktopSsoToken>", &format!("{}<DesktopSsoToken>", token(parts)), 1)
    })
    .await;
    refused("a token in an unsigned evil assertion", |_, evil| format!("{evil}{END}")).await;
    refused("a token in a response", |parts, _| format!("{RESPONSE}{open}{}{END}</saml:Response>", token(parts))).await;
    refused("a token beside claims", |parts, _| format!("{open}{}<saml:AttributeStatement/>{END}", token(parts))).await;
    refused("a token that contains a part of another token", |parts, _| {
        format!("{open}<DesktopSsoToken>{}A</DesktopSsoToken>{END}", between(&parts.good, "<DesktopSsoToken>", "<"))
    })
    .await;
}

#[tokio::test]
async fn document_with_a_dtd_or_an_entity_or_another_encoding_or_many_levels_or_too_many_octets_is_refused() {
    refused("DTD", |parts, _| format!("<!DOCTYPE a>{}", parts.good)).await;
    refused("entity", |parts, _| {
        let with_entity = parts.good.replacen("frank@", "&f;@", 1);
        format!("<!DOCTYPE saml:Assertion [<!ENTITY f \"frank\">]>{with_entity}")
    })
    .await;
    refused("undeclared entity", |parts, _| parts.good.replacen("frank@", "&f;@", 1)).await;
    for encoding in ["UTF-16", "ISO-8859-1", "UTF-7"] {
        refused(encoding, |parts, _| format!("<?xml version=\"1.0\" encoding=\"{encoding}\"?>{}", parts.good)).await;
    }
    refused("levels", |parts, _| {
        let deep = format!("{}{}", "<a>".repeat(40), "</a>".repeat(40));
        parts.good.replacen("<saml:Conditions ", &format!("{deep}<saml:Conditions "), 1)
    })
    .await;
    refused("octets", |parts, _| format!("{}{}", parts.good, " ".repeat(16 * 1024))).await;
}
