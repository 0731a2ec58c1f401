//! The DesktopSsoToken: an opaque text for the sign-in of one user of one tenant. The text is valid once, for five minutes.
//!
//! The text contains the encrypted sign-in, so the server stores nothing until a client redeems the text. Clients put
//! the text unescaped into an XML template. So the text has only the characters of base64url.

use super::assertion::{Issuer, LIFETIME as OF_ASSERTION, Method, Refused, SAML, SignIn, Subject, Verified, instant};
use super::xml::Element;
use crate::store::{Kind, Secret, open_text, seal_text};
use kerberos_sso::UnixTime;
use serde::{Deserialize, Serialize};

/// The facts in the sealed text.
#[derive(Serialize, Deserialize)]
struct Sealed {
    tenant: String,
    id: String,
    /// The time of issue, in seconds since 1970.
    issued: i64,
    subject: Subject,
    method: Method,
    authenticated: i64,
}

/// Seals a sign-in. `id` is the identifier of the assertion that contains the text.
pub(super) fn seal(issuer: Issuer<'_>, id: &str, sign_in: &SignIn, now: UnixTime) -> Option<String> {
    let sealed = Sealed {
        tenant: issuer.tenant.into(),
        id: id.into(),
        issued: now.seconds(),
        subject: sign_in.subject.clone(),
        method: sign_in.method,
        authenticated: sign_in.authenticated.seconds(),
    };
    seal_text(issuer.secret, Kind::DesktopSsoToken, &sealed)
}

/// Opens a text that this server sealed for the tenant less than five minutes ago.
pub(super) fn open(secret: &Secret, tenant: &str, text: &str, now: UnixTime) -> Result<Verified, Refused> {
    let sealed = unseal(secret, text).ok_or("this server did not make the DesktopSsoToken")?;
    if sealed.tenant != tenant {
        return Err("the DesktopSsoToken is of another tenant");
    }
    let issued = UnixTime::from_seconds(sealed.issued);
    if !(0..LIFETIME).contains(&now.seconds_since(issued)) {
        return Err("the DesktopSsoToken has expired");
    }
    let authenticated = UnixTime::from_seconds(sealed.authenticated);
    let sign_in = SignIn { subject: sealed.subject, method: sealed.method, authenticated };
    Ok(Verified { id: sealed.id, issued: instant(issued), sign_in })
}

/// Returns the tenant in a text. The caller must then open the text for this tenant, because this function checks no
/// time.
pub(super) fn tenant_of(secret: &Secret, text: &str) -> Option<String> {
    unseal(secret, text).map(|sealed| sealed.tenant)
}

fn unseal(secret: &Secret, text: &str) -> Option<Sealed> {
    open_text(secret, Kind::DesktopSsoToken, text)
}

/// Returns the DesktopSsoToken of an assertion that contains nothing except the element `DesktopSsoToken` without a
/// namespace. Such an assertion has no attribute and no signature.
pub(super) fn alone_in(assertion: Element<'_>) -> Option<String> {
    let is_plain = |element: &Element<'_>| element.attributes().next().is_none();
    let mut children =
        Some(assertion).filter(|one| one.is(SAML, "Assertion") && is_plain(one) && !one.is_mixed())?.elements();
    let token = children.next().filter(|_| children.next().is_none())?;
    Some(token).filter(|token| token.is_bare("DesktopSsoToken") && is_plain(token))?.whole_text()
}

/// The lifetime of a DesktopSsoToken, in seconds. The lifetime is short, because clients redeem the text immediately.
const LIFETIME: i64 = 5 * 60;

/// The store remembers a redeemed token for the lifetime of an assertion. A token that is valid for longer could be
/// redeemed twice.
const _: () = assert!(LIFETIME <= OF_ASSERTION);

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::arithmetic_side_effects)]
mod tests {
    use super::super::assertion::tests::sign_in;
    use super::super::xml;
    use super::*;

    const NOW: UnixTime = UnixTime::from_seconds(1_795_248_000);

    fn sealed(secret: &Secret) -> String {
        let issuer = Issuer { tenant: "contoso.test", name: "", secret };
        seal(issuer, "_1", &sign_in(), NOW).unwrap()
    }

    #[test]
    fn token_contains_the_sign_in_and_opens_only_for_its_tenant_and_only_for_five_minutes() {
        let secret = Secret::new([1; 32]);
        let text = sealed(&secret);
        assert!(text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._~-".contains(&byte)), "{text}");
        assert_ne!(sealed(&secret), text);
        let opened = open(&secret, "contoso.test", &text, NOW).unwrap();
        assert_eq!(
            (&*opened.id, opened.sign_in, tenant_of(&secret, &text).as_deref()),
            ("_1", sign_in(), Some("contoso.test"))
        );
        for (seconds, good) in [(-1, false), (0, true), (LIFETIME - 1, true), (LIFETIME, false)] {
            assert_eq!(
                open(&secret, "contoso.test", &text, NOW.saturating_add_seconds(seconds)).is_ok(),
                good,
                "{seconds}"
            );
        }
        assert_eq!(open(&secret, "fabrikam.test", &text, NOW), Err("the DesktopSsoToken is of another tenant"));
    }

    #[test]
    fn changed_token_is_refused_and_so_is_a_token_of_another_server_or_for_another_use() {
        let secret = Secret::new([1; 32]);
        let text = sealed(&secret);
        assert!(open(&Secret::new([2; 32]), "contoso.test", &text, NOW).is_err());
        let other = seal_text(&secret, Kind::Handover, &unseal(&secret, &text).unwrap()).unwrap();
        assert!(open(&secret, "contoso.test", &other, NOW).is_err());
        for place in 0..text.len() {
            let mut changed = text.clone().into_bytes();
            changed[place] = if changed[place] == b'A' { b'B' } else { b'A' };
            let changed = String::from_utf8(changed).unwrap();
            assert!(open(&secret, "contoso.test", &changed, NOW).is_err(), "{place}");
            assert!(open(&secret, "contoso.test", &text[..place], NOW).is_err(), "{place}");
        }
    }

    #[test]
    fn assertion_with_anything_beside_one_token_gives_no_token() {
        let of = |text: &str| alone_in(Element::root(&xml::parse(text).unwrap()).unwrap());
        let open = "<saml:Assertion xmlns:saml=\"urn:oasis:names:tc:SAML:1.0:assertion\">";
        let with = |inner: &str| of(&format!("{open}{inner}</saml:Assertion>"));
        assert_eq!(with("<DesktopSsoToken>T</DesktopSsoToken>").as_deref(), Some("T"));
        for inner in [
            "",
            "T",
            "<DesktopSsoToken>T</DesktopSsoToken><DesktopSsoToken>U</DesktopSsoToken>",
            "<DesktopSsoToken>T</DesktopSsoToken>U",
            "<DesktopSsoToken>T</DesktopSsoToken><!-- U -->",
            "<?x?><DesktopSsoToken>T</DesktopSsoToken>",
            "<DesktopSsoToken>T<!-- U --></DesktopSsoToken>",
            "<DesktopSsoToken>T<a/></DesktopSsoToken>",
            "<DesktopSsoToken Id='x'>T</DesktopSsoToken>",
            "<saml:DesktopSsoToken>T</saml:DesktopSsoToken>",
            "<DesktopSsoToken xmlns='urn:x'>T</DesktopSsoToken>",
            "<saml:Advice><DesktopSsoToken>T</DesktopSsoToken></saml:Advice>",
            "<DesktopSsoToken>T</DesktopSsoToken><saml:Conditions/>",
        ] {
            assert_eq!(with(inner), None, "{inner}");
        }
        let token = "<DesktopSsoToken>T</DesktopSsoToken>";
        assert_eq!(of(&format!("<Assertion>{token}</Assertion>")), None);
        assert_eq!(of(&format!("{}{token}</saml:Assertion>", open.replace("SAML:1.0", "SAML:2.0"))), None);
        assert_eq!(of(&format!("{}{token}</saml:Assertion>", open.replace('>', " AssertionID='_1'>"))), None);
        assert_eq!(of(&format!("<x>{open}{token}</saml:Assertion></x>")), None);
    }
}
