//! Reads a RequestSecurityToken (WS-Trust of February 2005, section 5) in an envelope of SOAP 1.2.

use super::username_token::UsernameToken;
use super::xml::{self, Element};
use uppsala::Document;

/// A request for an assertion for [`AUDIENCE`].
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Request {
    /// The wsa:MessageID, which the response repeats as wsa:RelatesTo.
    pub(super) message_id: Option<String>,
}

/// The reason to refuse a request, with the names of WS-Trust section 10 and SOAP 1.2 section 5.4.6.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Refusal {
    /// The request cannot be read.
    InvalidRequest(&'static str),
    /// The request asks for an assertion for another audience than [`AUDIENCE`].
    InvalidScope,
    /// A header block is unknown and marked `mustUnderstand`.
    MustUnderstand,
    /// The envelope is not of SOAP 1.2.
    VersionMismatch,
}

impl Refusal {
    /// Returns a sentence for the developer of the client.
    pub(super) const fn reason(self) -> &'static str {
        match self {
            Self::InvalidRequest(reason) => reason,
            Self::InvalidScope => "assertions are issued for urn:federation:MicrosoftOnline",
            Self::MustUnderstand => "a header block with mustUnderstand is unknown",
            Self::VersionMismatch => "the envelope is not of SOAP 1.2",
        }
    }
}

impl Request {
    /// Reads a request whose client signs in with the HTTP header `Authorization`.
    pub(super) fn parse(body: &str) -> Result<Self, Refusal> {
        let document = read(body)?;
        Self::of(envelope(&document)?)
    }

    /// Reads a request that has the user's name and password.
    pub(super) fn parse_with_password(body: &str) -> Result<(Self, UsernameToken), Refusal> {
        let document = read(body)?;
        let envelope = envelope(&document)?;
        Ok((Self::of(envelope)?, UsernameToken::of(envelope)?))
    }

    fn of(envelope: Element<'_>) -> Result<Self, Refusal> {
        let header = envelope.only(SOAP, "Header").ok_or(Refusal::InvalidRequest("the envelope needs one Header"))?;
        let message_id = read_header(header)?;
        let request = envelope.only_at(&[(SOAP, "Body"), (TRUST, "RequestSecurityToken")]);
        check_request(request.ok_or(Refusal::InvalidRequest("the body must have exactly one RequestSecurityToken"))?)?;
        Ok(Self { message_id })
    }
}

fn read(body: &str) -> Result<Document<'_>, Refusal> {
    let unread = "the body is not XML in UTF-8, is too long, has a DTD, or has too many levels";
    xml::parse(body).ok_or(Refusal::InvalidRequest(unread))
}

fn envelope<'d>(document: &'d Document<'d>) -> Result<Element<'d>, Refusal> {
    let root = Element::root(document).ok_or(Refusal::InvalidRequest("the body is empty"))?;
    if root.is(SOAP, "Envelope") { Ok(root) } else { Err(Refusal::VersionMismatch) }
}

/// Checks the header and returns the MessageID. An element whose name is spelled in another way, such as `messageID`,
/// does not count.
fn read_header(header: Element<'_>) -> Result<Option<String>, Refusal> {
    let must_understand =
        |block: &Element<'_>| matches!(block.attribute_of(SOAP, "mustUnderstand"), Some("1" | "true"));
    let is_known = |block: Element<'_>| KNOWN_HEADERS.iter().any(|(namespace, name)| block.is(namespace, name));
    if header.elements().filter(must_understand).any(|block| !is_known(block)) {
        return Err(Refusal::MustUnderstand);
    }
    match header.only(ADDRESSING, "Action").and_then(Element::text) {
        Some(action) if action == ISSUE_ACTION => {}
        _ => return Err(Refusal::InvalidRequest("the Action must be that of a RequestSecurityToken of WS-Trust 2005")),
    }
    let message_id = header.only(ADDRESSING, "MessageID").and_then(Element::text);
    Ok(message_id.filter(|id| (1..=MAX_MESSAGE_ID).contains(&id.len())))
}

fn check_request(request: Element<'_>) -> Result<(), Refusal> {
    let field = |name| request.only(TRUST, name).and_then(Element::text);
    if field("RequestType").as_deref() != Some(ISSUE) {
        return Err(Refusal::InvalidRequest("the RequestType is not Issue"));
    }
    for (name, taken) in [("TokenType", &TOKEN_TYPES[..]), ("KeyType", &[NO_PROOF_KEY])] {
        let is_taken = field(name).is_some_and(|value| taken.contains(&value.as_str()));
        if request.has(TRUST, name) && !is_taken {
            return Err(Refusal::InvalidRequest("only SAML 1.1 assertions without a proof key are issued"));
        }
    }
    let address = [(POLICY, "AppliesTo"), (ADDRESSING, "EndpointReference"), (ADDRESSING, "Address")];
    match request.only_at(&address).and_then(Element::text) {
        Some(audience) if audience == AUDIENCE => Ok(()),
        _ => Err(Refusal::InvalidScope),
    }
}

/// The only audience for which the server issues assertions.
pub(super) const AUDIENCE: &str = "urn:federation:MicrosoftOnline";

pub(super) const SOAP: &str = "http://www.w3.org/2003/05/soap-envelope";
const ADDRESSING: &str = "http://www.w3.org/2005/08/addressing";
const TRUST: &str = "http://schemas.xmlsoap.org/ws/2005/02/trust";
const POLICY: &str = "http://schemas.xmlsoap.org/ws/2004/09/policy";
pub(super) const SECURITY: &str = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-secext-1.0.xsd";

const ISSUE_ACTION: &str = "http://schemas.xmlsoap.org/ws/2005/02/trust/RST/Issue";
const ISSUE: &str = "http://schemas.xmlsoap.org/ws/2005/02/trust/Issue";
const NO_PROOF_KEY: &str = "http://schemas.xmlsoap.org/ws/2005/05/identity/NoProofKey";

const TOKEN_TYPES: [&str; 2] = [
    "urn:oasis:names:tc:SAML:1.0:assertion",
    "http://docs.oasis-open.org/wss/oasis-wss-saml-token-profile-1.1#SAMLV1.1",
];

/// The header blocks that the server knows. MSAL sends a Security header with only a timestamp. This timestamp does not
/// authenticate the client. The client authenticates with the HTTP header `Authorization`.
const KNOWN_HEADERS: [(&str, &str); 6] = [
    (ADDRESSING, "Action"),
    (ADDRESSING, "MessageID"),
    (ADDRESSING, "ReplyTo"),
    (ADDRESSING, "To"),
    (ADDRESSING, "From"),
    (SECURITY, "Security"),
];

const MAX_MESSAGE_ID: usize = 256;

/// A request in the form that MSAL for Python and msodbcsql send.
#[cfg(test)]
pub(crate) const RST: &str = "<s:Envelope xmlns:s='http://www.w3.org/2003/05/soap-envelope' \
    xmlns:wsa='http://www.w3.org/2005/08/addressing'><s:Header>\
    <wsa:Action s:mustUnderstand='1'>http://schemas.xmlsoap.org/ws/2005/02/trust/RST/Issue</wsa:Action>\
    <wsa:MessageID>urn:uuid:1</wsa:MessageID>\
    <wsa:To s:mustUnderstand='1'>https://sso.test/</wsa:To></s:Header><s:Body>\
    <wst:RequestSecurityToken xmlns:wst='http://schemas.xmlsoap.org/ws/2005/02/trust'>\
    <wsp:AppliesTo xmlns:wsp='http://schemas.xmlsoap.org/ws/2004/09/policy'><wsa:EndpointReference>\
    <wsa:Address>urn:federation:MicrosoftOnline</wsa:Address></wsa:EndpointReference></wsp:AppliesTo>\
    <wst:KeyType>http://schemas.xmlsoap.org/ws/2005/05/identity/NoProofKey</wst:KeyType>\
    <wst:RequestType>http://schemas.xmlsoap.org/ws/2005/02/trust/Issue</wst:RequestType>\
    </wst:RequestSecurityToken></s:Body></s:Envelope>";

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn request_with_an_unknown_spelling_of_message_id_has_no_message_id() {
        assert_eq!(Request::parse(RST).unwrap().message_id.as_deref(), Some("urn:uuid:1"));
        let otherwise = RST.replace("wsa:MessageID", "wsa:messageID");
        assert_eq!(Request::parse(&otherwise).unwrap().message_id, None);
    }

    /// The response repeats the MessageID only if it has at most 256 octets.
    #[test]
    fn message_id_of_256_octets_is_read_and_a_longer_or_empty_message_id_is_ignored() {
        let read = |id: &str| Request::parse(&RST.replace("urn:uuid:1", id)).unwrap().message_id;
        let longest = "i".repeat(MAX_MESSAGE_ID);
        assert_eq!(read(&longest), Some(longest.clone()));
        assert_eq!(read(&(longest + "i")), None);
        assert_eq!(read(""), None);
    }

    #[test]
    fn request_in_which_one_value_is_wrong_is_refused_with_the_reason() {
        let invalid = |refusal| matches!(refusal, Refusal::InvalidRequest(_));
        for (from, to, expected) in [
            ("2003/05/soap-envelope", "2001/12/soap-envelope", "VersionMismatch"),
            ("urn:federation:MicrosoftOnline", "urn:federation:other", "InvalidScope"),
            ("wsa:Address>", "wsa:Other>", "InvalidScope"),
            ("trust/RST/Issue", "trust/RST/Renew", "invalid"),
            ("trust/Issue<", "trust/Validate<", "invalid"),
            ("identity/NoProofKey", "identity/SymmetricKey", "invalid"),
            ("wsa:To s", "wsa:Unknown s", "invalid"),
            ("</s:Envelope>", "", "invalid"),
            ("wst:RequestSecurityToken", "wst:Other", "invalid"),
        ] {
            assert!(RST.contains(from), "{from}");
            let refusal = Request::parse(&RST.replace(from, to)).unwrap_err();
            assert!(format!("{refusal:?}") == expected || invalid(refusal), "{from}: {refusal:?}");
        }
        let unknown = RST.replace("<wsa:MessageID>", "<x:y xmlns:x='urn:x' s:mustUnderstand='true'/><wsa:MessageID>");
        assert_eq!(Request::parse(&unknown).unwrap_err(), Refusal::MustUnderstand);
    }

    #[test]
    fn request_with_a_dtd_or_too_many_levels_is_refused() {
        let dtd = format!("<!DOCTYPE a [<!ENTITY b 'c'>]>{RST}");
        assert!(Request::parse(&dtd).is_err());
        let deep = "<a>".repeat(60_000);
        assert!(Request::parse(&deep).is_err());
        let deep = RST.replace("urn:uuid:1", &("<a>".repeat(40) + &"</a>".repeat(40)));
        assert!(Request::parse(&deep).is_err());
    }
}
