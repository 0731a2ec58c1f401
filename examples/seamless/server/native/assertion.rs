//! SAML 1.1 assertions for one user and one audience. The server issues an assertion for an identity, and verifies the
//! assertion when a client redeems it.

use super::rst::AUDIENCE;
use super::xml::{self, Element};
use super::{desktop_sso_token, signature, templates};
use crate::clock;
use crate::key_ring::Keys;
use crate::principal;
use crate::signing_key::SigningKey;
use crate::store::Secret;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use kerberos_sso::{SessionIdentity, UnixTime};
use minijinja::{Value, context};
use serde::{Deserialize, Serialize};

/// The claims of an assertion about a user.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Subject {
    pub(super) sid: String,
    pub(super) upn: String,
    /// The user's SID in base64. Clients of a cloud expect the user's immutable identifier here, which is by default
    /// the object GUID. No ticket contains the object GUID.
    pub(super) immutable_id: String,
}

/// How a user signed in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Method {
    Ticket,
    Password,
}

impl Method {
    const ALL: [Self; 2] = [Self::Ticket, Self::Password];

    /// Returns the URI of the method, for the attribute `AuthenticationMethod` of an assertion.
    const fn as_str(self) -> &'static str {
        match self {
            Self::Ticket => "urn:federation:authentication:windows",
            // SAML 1.1 section 7.1.1.
            Self::Password => "urn:oasis:names:tc:SAML:1.0:am:password",
        }
    }
}

/// A sign-in for which a client gets an assertion.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct SignIn {
    pub(super) subject: Subject,
    pub(super) method: Method,
    /// The time at which the user signed in to the KDC.
    pub(super) authenticated: UnixTime,
}

/// A signed assertion, with the time at which it was issued and the time at which it ends.
pub(super) struct Issued {
    pub(super) id: String,
    pub(super) xml: String,
    pub(super) now: String,
    pub(super) end: String,
}

/// An assertion or a DesktopSsoToken that this server made and that is valid now. A client may already have redeemed the
/// assertion or the token. The assertion and the DesktopSsoToken of one sign-in have the same identifier.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Verified {
    pub(super) id: String,
    /// The time at which the assertion was issued, in the form of [`instant`]. A comparison of two such texts compares
    /// the times.
    pub(super) issued: String,
    pub(super) sign_in: SignIn,
}

impl Subject {
    /// Returns the claims of an identity, or `None` if the identity has no SID. A name alone does not identify an account of
    /// Active Directory.
    pub(super) fn new(identity: &SessionIdentity) -> Option<Self> {
        let sid = identity.sid?;
        let (upn, immutable_id) = (principal::upn(identity), STANDARD.encode(sid.to_bytes()));
        Some(Self { sid: sid.to_string(), upn, immutable_id })
    }

    /// Returns the suffix of the user principal name.
    pub(super) fn domain(&self) -> &str {
        self.upn.rsplit_once('@').map_or("", |(_, domain)| domain)
    }
}

/// The issuer of a tenant's assertions.
#[derive(Clone, Copy)]
pub(super) struct Issuer<'a> {
    pub(super) tenant: &'a str,
    /// The name of the issuer.
    pub(super) name: &'a str,
    pub(super) secret: &'a Secret,
}

/// Issues a signed assertion with a DesktopSsoToken in it. Returns `None` if the user's name has a character that XML does not
/// allow.
pub(super) fn issue(key: &SigningKey, issuer: Issuer<'_>, sign_in: &SignIn, now: UnixTime) -> Option<Issued> {
    let id = format!("_{:032x}", u128::from_ne_bytes(clock::random()));
    let desktop_sso_token = desktop_sso_token::seal(issuer, &id, sign_in, now)?;
    let (now, end) = (instant(now), instant(now.saturating_add_seconds(LIFETIME)));
    let values = context! {
        id, now, end, desktop_sso_token,
        issuer => issuer.name,
        audience => AUDIENCE,
        method => sign_in.method.as_str(),
        authenticated => instant(sign_in.authenticated),
        certificate => key.certificate,
        ..Value::from_serialize(&sign_in.subject)
    };
    let xml = signature::sign(key, templates::render("assertion.xml", values)?)?;
    Some(Issued { id, xml, now, end })
}

/// The reason to refuse an assertion.
pub(super) type Refused = &'static str;

/// Verifies an assertion that is signed by one of `keys`.
pub(super) fn verify(keys: &Keys<SigningKey>, issuer: &str, text: &str, now: UnixTime) -> Result<Verified, Refused> {
    let document = xml::parse(text).ok_or("the assertion is not XML")?;
    let assertion =
        Element::root(&document).filter(|root| root.is(SAML, "Assertion")).ok_or("the assertion is not of SAML 1.1")?;
    if !keys.all(now).any(|key| signature::is_by(key, &document)) {
        return Err("this server did not sign the assertion");
    }
    if assertion.attribute("Issuer") != Some(issuer) {
        return Err("the assertion is of another tenant");
    }
    check_conditions(assertion, &instant(now))?;
    let id = assertion.attribute("AssertionID").ok_or("the assertion has no identifier")?;
    let time = assertion.attribute("IssueInstant").ok_or("the assertion has no time")?;
    Ok(Verified {
        id: id.into(),
        issued: time.into(),
        sign_in: sign_in(assertion).ok_or("the assertion does not say who signed in, how and when")?,
    })
}

/// Returns the issuer that an assertion names. Does not verify the assertion; the caller must do so.
pub(super) fn named_issuer(assertion: Element<'_>) -> Option<&str> {
    assertion.attribute("Issuer")
}

/// Checks the time and the audience of an assertion. All times have the same text format, so a comparison of the texts
/// compares the times.
fn check_conditions(assertion: Element<'_>, now: &str) -> Result<(), Refused> {
    let conditions = assertion.only(SAML, "Conditions").ok_or("the assertion has no conditions")?;
    let audience = conditions.only_at(&[(SAML, "AudienceRestrictionCondition"), (SAML, "Audience")]);
    match (conditions.attribute("NotBefore"), conditions.attribute("NotOnOrAfter")) {
        (Some(start), _) if now < start => return Err("the assertion is not valid yet"),
        (Some(_), Some(end)) if now < end => {}
        _ => return Err("the assertion has expired"),
    }
    let is_ours = audience.and_then(Element::text).is_some_and(|audience| audience == AUDIENCE);
    if is_ours { Ok(()) } else { Err("the assertion is for another audience") }
}

fn sign_in(assertion: Element<'_>) -> Option<SignIn> {
    let statement = assertion.only(SAML, "AuthenticationStatement")?;
    let named = statement.attribute("AuthenticationMethod")?;
    let method = Method::ALL.into_iter().find(|method| method.as_str() == named)?;
    let authenticated = time_of(statement.attribute("AuthenticationInstant")?)?;
    Some(SignIn { subject: subject(assertion)?, method, authenticated })
}

fn subject(assertion: Element<'_>) -> Option<Subject> {
    let attributes = assertion.only(SAML, "AttributeStatement")?;
    let statement = assertion.only(SAML, "AuthenticationStatement")?;
    let name_identifier = statement.only_at(&[(SAML, "Subject"), (SAML, "NameIdentifier")])?;
    Some(Subject {
        sid: attribute(attributes, "primarysid")?,
        upn: attribute(attributes, "UPN")?,
        immutable_id: name_identifier.text()?,
    })
}

fn attribute(statement: Element<'_>, name: &str) -> Option<String> {
    let mut found = statement.elements().filter(|element| element.attribute("AttributeName") == Some(name));
    let attribute = found.next().filter(|_| found.next().is_none())?;
    attribute.only(SAML, "AttributeValue")?.text()
}

/// Returns a time in the form of RFC 3339 in whole seconds, like `2026-11-21T08:00:00Z`.
pub(super) fn instant(time: UnixTime) -> String {
    UnixTime::from_seconds(time.seconds()).to_string()
}

/// Reads a time in the form of [`instant`].
fn time_of(text: &str) -> Option<UnixTime> {
    let number = |from: usize, length: usize| -> Option<i64> {
        let digits = text.get(from..from.checked_add(length)?)?;
        digits.bytes().all(|byte| byte.is_ascii_digit()).then(|| digits.parse().ok())?
    };
    let (year, month, day) = (number(0, 4)?, number(5, 2)?, number(8, 2)?);
    let (hour, minute, second) = (number(11, 2)?, number(14, 2)?, number(17, 2)?);
    let days = days_before(year, month)?.checked_add(day.checked_sub(1)?)?;
    let hours = days.checked_mul(24)?.checked_add(hour)?;
    let seconds = hours.checked_mul(60)?.checked_add(minute)?.checked_mul(60)?.checked_add(second)?;
    let time = UnixTime::from_seconds(seconds);
    // A text in another form is refused, and so is a day that the month does not have.
    (instant(time) == text).then_some(time)
}

/// Returns the days from 1970 to the beginning of a month.
fn days_before(year: i64, month: i64) -> Option<i64> {
    const BEFORE: [i64; 12] = [0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334];
    let leaps =
        |year: i64| year.checked_div(4)?.checked_sub(year.checked_div(100)?)?.checked_add(year.checked_div(400)?);
    let before = BEFORE.get(usize::try_from(month.checked_sub(1)?).ok()?)?;
    let counted = if month > 2 { year } else { year.checked_sub(1)? };
    let years = year.checked_sub(1970)?.checked_mul(365)?;
    years.checked_add(leaps(counted)?.checked_sub(leaps(1969)?)?)?.checked_add(*before)
}

pub(super) const SAML: &str = "urn:oasis:names:tc:SAML:1.0:assertion";

/// The lifetime of an assertion, in seconds. The lifetime is short, because clients redeem an assertion immediately.
pub(super) const LIFETIME: i64 = 10 * 60;

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::arithmetic_side_effects)]
pub(super) mod tests {
    use super::*;
    use crate::key_ring::KeyRing;
    use crate::store::Records;
    use std::sync::LazyLock;

    static KEYS: LazyLock<Keys<SigningKey>> = LazyLock::new(|| Keys::one(SigningKey::generate()));

    const ISSUER: &str = "http://sso.test/contoso.test";
    const NOW: UnixTime = UnixTime::from_seconds(1_795_248_000);

    pub(in crate::native) fn subject() -> Subject {
        Subject {
            sid: "S-1-5-21-1-2-3-1104".into(), upn: "łukasz&co@contoso.test".into(), immutable_id: "AQU=".into()
        }
    }

    #[test]
    fn time_is_read_only_in_the_form_in_which_it_is_written() {
        for seconds in [0, 951_782_400, 1_709_164_800, 1_709_251_200, 1_795_248_000, 4_102_444_799] {
            let time = UnixTime::from_seconds(seconds);
            assert_eq!(time_of(&instant(time)), Some(time), "{seconds}");
        }
        for text in ["", "2026-02-29T00:00:00Z", "2026-13-01T00:00:00Z", "2026-01-01 00:00:00Z", "2026-01-01T00:00:60Z"]
        {
            assert_eq!(time_of(text), None, "{text}");
        }
    }

    pub(in crate::native) fn sign_in() -> SignIn {
        SignIn { subject: subject(), method: Method::Ticket, authenticated: NOW }
    }

    fn issue_with(key: &SigningKey, now: UnixTime) -> String {
        let secret = Secret::new([1; 32]);
        let issuer = Issuer { tenant: "contoso.test", name: ISSUER, secret: &secret };
        issue(key, issuer, &sign_in(), now).unwrap().xml
    }

    fn issued() -> String {
        issue_with(KEYS.current(NOW).unwrap(), NOW)
    }

    fn judge(xml: &str) -> Result<Verified, Refused> {
        verify(&KEYS, ISSUER, xml, NOW)
    }

    #[test]
    fn issued_assertion_is_verified_with_the_same_subject() {
        let xml = issued();
        assert!(xml.is_ascii() && xml.starts_with("<saml:Assertion ") && xml.ends_with("</saml:Assertion>"));
        assert_eq!(judge(&xml).unwrap().sign_in, sign_in());
        assert_ne!(judge(&xml).unwrap().id, judge(&issued()).unwrap().id);
    }

    #[test]
    fn assertion_for_a_sign_in_by_password_has_the_method_password() {
        let secret = Secret::new([1; 32]);
        let issuer = Issuer { tenant: "contoso.test", name: ISSUER, secret: &secret };
        let by_password = SignIn { method: Method::Password, ..sign_in() };
        let xml = issue(KEYS.current(NOW).unwrap(), issuer, &by_password, NOW).unwrap().xml;
        assert!(xml.contains("AuthenticationMethod=\"urn:oasis:names:tc:SAML:1.0:am:password\""), "{xml}");
        assert_eq!(judge(&xml).unwrap().sign_in, by_password);
    }

    #[test]
    fn assertion_is_refused_outside_its_validity_time_and_for_another_issuer_or_key() {
        let xml = issued();
        for (seconds, good) in [(-1, false), (0, true), (LIFETIME - 1, true), (LIFETIME, false)] {
            let now = NOW.saturating_add_seconds(seconds);
            assert_eq!(verify(&KEYS, ISSUER, &xml, now).is_ok(), good, "{seconds}");
        }
        assert_eq!(verify(&KEYS, "http://sso.test/other.test", &xml, NOW), Err("the assertion is of another tenant"));
        assert!(verify(&Keys::one(SigningKey::generate()), ISSUER, &xml, NOW).is_err());
    }

    /// The server begins to use the next key 30 days after it began to use the old key.
    #[tokio::test]
    async fn assertion_signed_by_the_old_key_is_verified_after_the_next_key_is_in_use() {
        let ring = KeyRing::<SigningKey>::new(Records::for_tests());
        let at = async |days: i64, seconds: i64| {
            let now = NOW.saturating_add_seconds(days * 24 * 60 * 60 + seconds);
            (now, ring.keys(now).await.unwrap())
        };
        let kid = |keys: &Keys<SigningKey>, now| keys.current(now).unwrap().kid.clone();
        let (start, first) = at(0, 0).await;
        at(29, 0).await;
        let (before, keys) = at(30, -60).await;
        assert_eq!((kid(&keys, before), keys.all(before).count()), (kid(&first, start), 2));
        let xml = issue_with(keys.current(before).unwrap(), before);
        let (after, keys) = at(30, 60).await;
        assert_ne!(kid(&keys, after), kid(&first, start));
        assert_eq!(keys.all(after).count(), 2);
        assert!(verify(&keys, ISSUER, &xml, after).is_ok());
    }

    #[test]
    fn assertion_with_any_change_is_refused() {
        let xml = issued();
        for (from, to) in [
            ("S-1-5-21-1-2-3-1104", "S-1-5-21-1-2-3-500"),
            ("2026-", "2027-"),
            ("co@contoso", "co@c<!-- -->ontoso"),
            ("co@contoso", "co@c<?x?>ontoso"),
            ("MicrosoftOnline", "other"),
            ("contoso.test\"", "fabrikam.test\""),
            ("<saml:Audience>", "<saml:Audience>urn:a</saml:Audience><saml:Audience>"),
            ("rsa-sha256", "rsa-sha1"),
            ("authentication:windows", "authentication:other"),
            ("<DesktopSsoToken>", "<DesktopSsoToken>A"),
            ("<DesktopSsoToken>", "<DesktopSsoToken>A</DesktopSsoToken><DesktopSsoToken>"),
            ("<ds:SignatureValue>", "<ds:SignatureValue>AA"),
            ("<saml:Assertion ", "<!DOCTYPE x><saml:Assertion "),
        ] {
            assert!(xml.contains(from), "{from}");
            assert!(judge(&xml.replacen(from, to, 1)).is_err(), "{from} → {to}");
        }
    }

    /// In most of these forged documents, the signature covers an assertion that the server does not read ("signature wrapping"). One
    /// document has no signature.
    #[test]
    fn signature_over_another_element_is_refused() {
        let xml = issued();
        let forged = xml.replace("S-1-5-21-1-2-3-1104", "S-1-5-21-1-2-3-500");
        let (signature_at, end) = (xml.find("<ds:Signature ").unwrap(), "</saml:Assertion>");
        let (unsigned, signature) = (&forged[..signature_at], &xml[signature_at..xml.len() - end.len()]);
        let other_id = |text: &str| text.replacen("AssertionID=\"_", "AssertionID=\"_0", 1);
        let into_signature =
            signature.replace("</ds:Signature>", &format!("<ds:Object>{xml}</ds:Object></ds:Signature>"));
        for wrapped in [
            format!("{}{xml}{end}", other_id(unsigned)),
            format!("{unsigned}{xml}{end}"),
            format!("{}{signature}{xml}{end}", other_id(unsigned)),
            format!("{}{into_signature}{end}", other_id(unsigned)),
            format!("{unsigned}{into_signature}{end}"),
            format!("{}<saml:Advice>{xml}</saml:Advice>{signature}{end}", other_id(unsigned)),
            format!("<saml:Response xmlns:saml=\"urn:oasis:names:tc:SAML:1.0:assertion\">{xml}</saml:Response>"),
            format!("{unsigned}{signature}{end}"),
            format!("{unsigned}{end}"),
        ] {
            assert!(judge(&wrapped).is_err(), "{wrapped}");
        }
    }

    /// With some of the changed signatures, a library would fetch a document or apply a transform that the signer did
    /// not use.
    #[test]
    fn signature_of_another_form_is_refused() {
        let xml = issued();
        for (from, to) in [
            ("<ds:Reference URI=\"#", "<ds:Reference URI=\"file:///etc/passwd#"),
            (
                "</ds:Transforms>",
                "<ds:Transform Algorithm=\"http://www.w3.org/TR/1999/REC-xslt-19991116\"/></ds:Transforms>",
            ),
            ("<ds:X509Data>", "<ds:RetrievalMethod URI=\"http://127.0.0.1:1/\"/><ds:X509Data>"),
            ("<ds:KeyInfo>", "<ds:KeyInfo Id=\"k\">"),
            ("</ds:SignedInfo>", "<ds:Reference URI=\"\"/></ds:SignedInfo>"),
        ] {
            assert!(xml.contains(from), "{from}");
            assert!(judge(&xml.replacen(from, to, 1)).is_err(), "{from} → {to}");
        }
    }

    #[test]
    fn malformed_or_truncated_assertion_is_refused() {
        for text in
            ["", "x", "<", "<a/>", "<saml:Assertion/>", "<Assertion xmlns='urn:oasis:names:tc:SAML:1.0:assertion'/>"]
        {
            assert!(judge(text).is_err(), "{text:?}");
        }
        let xml = issued();
        assert!((0..xml.len()).step_by(97).all(|length| judge(&xml[..length]).is_err()));
    }
}
