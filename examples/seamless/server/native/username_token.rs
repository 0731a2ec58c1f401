//! The UsernameToken of a request (Web Services Security UsernameToken Profile 1.1 section 3.1): the name and the password of
//! a user. The server ignores the time stamps beside the UsernameToken, because clients send constant time stamps.

use super::rst::{Refusal, SECURITY, SOAP};
use super::xml::Element;
use zeroize::Zeroizing;

/// The credentials of a user, as text.
pub(super) struct UsernameToken {
    pub(super) name: String,
    pub(super) password: Zeroizing<String>,
}

impl UsernameToken {
    /// Reads the only UsernameToken in the header of an envelope.
    pub(super) fn of(envelope: Element<'_>) -> Result<Self, Refusal> {
        let token = envelope.only_at(&[(SOAP, "Header"), (SECURITY, "Security"), (SECURITY, "UsernameToken")]);
        let token = token.ok_or(Refusal::InvalidRequest("the header needs one UsernameToken"))?;
        let name = token.only(SECURITY, "Username").and_then(Element::text);
        let name = name.ok_or(Refusal::InvalidRequest("the UsernameToken needs one Username"))?;
        let element = token.only(SECURITY, "Password");
        let is_text = |element: &Element<'_>| element.attribute("Type").is_none_or(|kind| kind == PASSWORD_TEXT);
        // White space is a part of the password.
        let password = element.filter(is_text).and_then(Element::whole_text).map(Zeroizing::new);
        let password = password.ok_or(Refusal::InvalidRequest("the UsernameToken needs one Password as text"))?;
        Ok(Self { name, password })
    }
}

const PASSWORD_TEXT: &str =
    "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-username-token-profile-1.0#PasswordText";

#[cfg(test)]
#[allow(clippy::unwrap_used)]
pub(super) mod tests {
    use super::*;
    use crate::native::rst::{RST, Request};

    /// Returns a request with a constant time stamp, as a public client sends it.
    pub(crate) fn request(name: &str, password: &str) -> String {
        let utility = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-utility-1.0.xsd";
        let security = format!(
            "<o:Security s:mustUnderstand='1' xmlns:o='{SECURITY}' xmlns:u='{utility}'><u:Timestamp u:Id='_0'>\
             <u:Created>2020-11-23T14:50:44.068Z</u:Created><u:Expires>2020-11-23T15:00:44.068Z</u:Expires></u:Timestamp>\
             <o:UsernameToken u:Id='uuid-1'><o:Username>{name}</o:Username><o:Password>{password}</o:Password>\
             </o:UsernameToken></o:Security></s:Header>"
        );
        RST.replace("</s:Header>", &security)
    }

    fn read(body: &str) -> Option<(String, String)> {
        let (_, token) = Request::parse_with_password(body).ok()?;
        Some((token.name, token.password.to_string()))
    }

    #[test]
    fn white_space_around_the_password_is_kept_and_white_space_around_the_name_is_removed() {
        let body = request(" alice@contoso.test ", " p&amp;<![CDATA[<w>]]> ");
        assert_eq!(read(&body), Some(("alice@contoso.test".into(), " p&<w> ".into())));
        let typed = body.replace("<o:Password>", &format!("<o:Password Type='{PASSWORD_TEXT}'>"));
        assert_eq!(read(&typed), read(&body));
        assert_eq!(read(&body.replace("2020-11-23T14:50:44.068Z", "no time")), read(&body));
    }

    #[test]
    fn request_is_refused_if_a_credential_is_missing_or_occurs_twice_or_is_no_plain_text() {
        let body = request("alice@contoso.test", "right");
        for (from, to) in [
            ("<o:Username>", "<o:Username>bob</o:Username><o:Username>"),
            ("<o:Password>", "<o:Password>other</o:Password><o:Password>"),
            ("<o:Password>", "<o:Password Type='urn:PasswordDigest'>"),
            ("<o:Password>", "<o:Password><!-- x -->"),
            ("<o:Username>", "<o:Username><!-- x -->"),
            ("o:Username>", "o:User>"),
            ("o:Password>", "o:Pass>"),
            ("o:UsernameToken", "o:Other"),
            ("</s:Header>", "</s:Header><s:Header/>"),
            ("<u:Timestamp", "<o:UsernameToken/><u:Timestamp"),
        ] {
            assert!(body.contains(from), "{from}");
            assert_eq!(read(&body.replace(from, to)), None, "{from} → {to}");
        }
        assert_eq!(read(RST), None);
    }
}
