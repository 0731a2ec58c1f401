//! RequestSecurityToken (WS-Trust of February 2005, section 5): the SOAP 1.2 envelope in, what is asked for out.

use super::xml::{self, Element};

/// A request for an assertion for the one audience that is served.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Request {
    /// wsa:MessageID, which the answer relates to.
    pub(super) message_id: Option<String>,
}

/// What is wrong with a request, by the names of WS-Trust section 10 and SOAP 1.2 section 5.4.6.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Refusal {
    /// Not a request that can be read.
    InvalidRequest(&'static str),
    /// Another audience.
    InvalidScope,
    /// Nobody has proved who they are.
    FailedAuthentication,
    /// The user must prove more than a ticket does.
    ProofRequired,
    /// What is known of the user cannot be written down.
    RequestFailed,
    /// A header must be understood, and is not.
    MustUnderstand,
    /// Not SOAP 1.2.
    VersionMismatch,
}

impl Request {
    pub(super) fn parse(body: &str) -> Result<Self, Refusal> {
        let document = xml::parse(body).ok_or(Refusal::InvalidRequest("the body is not XML, or too deep"))?;
        let envelope = Element::root(&document).ok_or(Refusal::InvalidRequest("the body is empty"))?;
        if !envelope.is(SOAP, "Envelope") {
            return Err(Refusal::VersionMismatch);
        }
        let message_id = envelope.only(SOAP, "Header").map(read_header).transpose()?.flatten();
        let request = envelope.only_at(&[(SOAP, "Body"), (TRUST, "RequestSecurityToken")]);
        check_request(request.ok_or(Refusal::InvalidRequest("there is no one RequestSecurityToken"))?)?;
        Ok(Self { message_id })
    }
}

/// The MessageID, which some clients spell otherwise and so do not send.
fn read_header(header: Element<'_>) -> Result<Option<String>, Refusal> {
    let must_understand =
        |block: &Element<'_>| matches!(block.attribute_of(SOAP, "mustUnderstand"), Some("1" | "true"));
    let is_known = |block: Element<'_>| KNOWN_HEADERS.iter().any(|(namespace, name)| block.is(namespace, name));
    if header.elements().filter(must_understand).any(|block| !is_known(block)) {
        return Err(Refusal::MustUnderstand);
    }
    match header.only(ADDRESSING, "Action").and_then(Element::text) {
        Some(action) if action == ISSUE_ACTION => {}
        _ => return Err(Refusal::InvalidRequest("the Action is not that of an RST of WS-Trust 2005")),
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

/// The one party that assertions are made for.
pub(super) const AUDIENCE: &str = "urn:federation:MicrosoftOnline";

const SOAP: &str = "http://www.w3.org/2003/05/soap-envelope";
const ADDRESSING: &str = "http://www.w3.org/2005/08/addressing";
const TRUST: &str = "http://schemas.xmlsoap.org/ws/2005/02/trust";
const POLICY: &str = "http://schemas.xmlsoap.org/ws/2004/09/policy";
const SECURITY: &str = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-secext-1.0.xsd";

const ISSUE_ACTION: &str = "http://schemas.xmlsoap.org/ws/2005/02/trust/RST/Issue";
const ISSUE: &str = "http://schemas.xmlsoap.org/ws/2005/02/trust/Issue";
const NO_PROOF_KEY: &str = "http://schemas.xmlsoap.org/ws/2005/05/identity/NoProofKey";

const TOKEN_TYPES: [&str; 2] = [
    "urn:oasis:names:tc:SAML:1.0:assertion",
    "http://docs.oasis-open.org/wss/oasis-wss-saml-token-profile-1.1#SAMLV1.1",
];

/// MSAL sends a Security header with a timestamp alone: what proves the client here is the transport's.
const KNOWN_HEADERS: [(&str, &str); 6] = [
    (ADDRESSING, "Action"),
    (ADDRESSING, "MessageID"),
    (ADDRESSING, "ReplyTo"),
    (ADDRESSING, "To"),
    (ADDRESSING, "From"),
    (SECURITY, "Security"),
];

const MAX_MESSAGE_ID: usize = 256;

/// In the form that MSAL for Python and msodbcsql send.
#[cfg(test)]
pub(super) const RST: &str = "<s:Envelope xmlns:s='http://www.w3.org/2003/05/soap-envelope' \
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
    fn a_request_is_read() {
        assert_eq!(Request::parse(RST).unwrap().message_id.as_deref(), Some("urn:uuid:1"));
        let otherwise = RST.replace("wsa:MessageID", "wsa:messageID");
        assert_eq!(Request::parse(&otherwise).unwrap().message_id, None);
    }

    /// One that is longer is not repeated.
    #[test]
    fn a_message_id_has_octets_up_to_the_limit() {
        let read = |id: &str| Request::parse(&RST.replace("urn:uuid:1", id)).unwrap().message_id;
        let longest = "i".repeat(MAX_MESSAGE_ID);
        assert_eq!(read(&longest), Some(longest.clone()));
        assert_eq!(read(&(longest + "i")), None);
        assert_eq!(read(""), None);
    }

    #[test]
    fn each_wrong_part_is_named() {
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
    fn there_is_no_dtd_and_no_depth_without_end() {
        let dtd = format!("<!DOCTYPE a [<!ENTITY b 'c'>]>{RST}");
        assert!(Request::parse(&dtd).is_err());
        let deep = "<a>".repeat(60_000);
        assert!(Request::parse(&deep).is_err());
        let deep = RST.replace("urn:uuid:1", &("<a>".repeat(40) + &"</a>".repeat(40)));
        assert!(Request::parse(&deep).is_err());
    }
}
