//! Tests of `windowstransport`: what each public client sends, and the parts of the answer that each client reads.

use super::*;
use crate::client::Peer;
use crate::native::codes::Code;
use crate::native::fault::Fault;
use crate::native::rst::RST;
use crate::native::xml::Element;
use crate::rate::Rates;
use axum::http::StatusCode;
use kerberos_sso::UnixTime;

const PATH: &str = "/contoso.test/winauth/trust/2005/windowstransport";

/// Sends a request without a media type.
async fn at(path: &str, headers: &[(&str, &str)], body: &str) -> (u16, String) {
    let (status, _, body) = send("POST", path, headers, body.to_owned()).await;
    (status, body)
}

/// Returns the error number in a fault, as a client finds this number.
fn number(fault: &str) -> &str {
    between(fault, ">AADSTS", ":")
}

#[tokio::test]
async fn each_client_finds_its_token_in_the_answer() {
    let (status, _, envelope) = trust(Some(&ticket("alice")), RST).await;
    assert_eq!(status, 200);
    // Some clients search the document for a DesktopSsoToken without a namespace. Others walk to the DesktopSsoToken
    // from element to element.
    let document = crate::native::xml::parse(&envelope).unwrap();
    let root = Element::root(&document).unwrap();
    let found: Vec<_> = root.descendants().filter(|element| element.is_bare("DesktopSsoToken")).collect();
    let walk = ["Body", "RequestSecurityTokenResponse", "RequestedSecurityToken", "Assertion", "DesktopSsoToken"];
    let walked = walk.iter().try_fold(root, |element, name| {
        let mut children = element.elements().filter(|child| child.local_name() == Some(name));
        children.next().filter(|_| children.next().is_none())
    });
    let text = walked.unwrap().whole_text().unwrap();
    assert_eq!((found.len(), found[0].whole_text().unwrap()), (1, text.clone()));
    assert!(text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._~-".contains(&byte)), "{text}");
    // Other clients search the raw text, and take everything between the first tag and the last tag.
    let raw = between(&envelope, "<wst:RequestedSecurityToken>", "</wst:RequestedSecurityToken>");
    assert!(raw.starts_with("<saml:Assertion ") && raw.ends_with("</saml:Assertion>"));
    assert_eq!(envelope.matches("RequestedSecurityToken>").count(), 2);
    let kind = between(&envelope, "<wst:TokenType>", "</wst:TokenType>");
    assert_eq!((kind, envelope.matches("TokenType>").count()), ("urn:oasis:names:tc:SAML:1.0:assertion", 2));
}

#[tokio::test]
async fn answer_to_a_ticket_equals_the_golden_file() {
    let (_, _, envelope) = trust(Some(&ticket("alice")), RST).await;
    let mut golden = envelope.clone();
    let parts = [
        ("<DesktopSsoToken>", "</DesktopSsoToken>", "TOKEN"),
        ("<ds:DigestValue>", "</ds:DigestValue>", "DIGEST"),
        ("<ds:SignatureValue>", "</ds:SignatureValue>", "SIGNATURE"),
        ("<ds:X509Certificate>", "</ds:X509Certificate>", "CERTIFICATE"),
        ("AssertionID=\"", "\"", "ID"),
        ("AuthenticationInstant=\"", "\"", "AUTHENTICATED"),
        ("<wsu:Created>", "</wsu:Created>", "NOW"),
        ("<wsu:Expires>", "</wsu:Expires>", "SOON"),
        ("NotOnOrAfter=\"", "\"", "END"),
    ];
    for (before, after, name) in parts {
        let value = between(&golden, before, after).to_owned();
        golden = golden.replace(&value, name);
    }
    assert_eq!(golden.trim_end(), include_str!("../golden/rstr.xml").trim_end());
}

#[test]
fn fault_equals_the_golden_file() {
    let fault = Fault::authentication(StatusCode::UNAUTHORIZED, Code::WrongPassword);
    let envelope = fault.envelope(UnixTime::from_seconds(1_795_248_000)).unwrap();
    assert_eq!(envelope.trim_end(), include_str!("../golden/fault.xml").trim_end());
}

#[tokio::test]
async fn body_with_blanks_before_the_declaration_and_any_or_no_media_type_is_accepted() {
    let body = format!("        <?xml version='1.0' encoding='UTF-8'?>\n{RST}");
    for headers in [&[][..], &[FORM], &[("content-type", "text/plain")], &[("content-type", "application/soap+xml")]] {
        let value = ticket("alice");
        let headers: Vec<_> = headers.iter().copied().chain([("authorization", &*value)]).collect();
        let (status, answer) = at(PATH, &headers, &body).await;
        assert_eq!(status, 200, "{headers:?}: {answer}");
    }
}

#[tokio::test]
async fn request_with_repeated_identifiers_and_old_time_stamps_is_accepted() {
    let security = "<o:Security s:mustUnderstand='1' xmlns:o='http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-secext-1.0.xsd' \
        xmlns:u='http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-utility-1.0.xsd'><u:Timestamp u:Id='_0'>\
        <u:Created>2020-11-23T14:50:44.068Z</u:Created><u:Expires>no time</u:Expires></u:Timestamp></o:Security></s:Header>";
    let body = RST.replace("</s:Header>", security);
    let path = format!("{PATH}?client-request-id=19ac39db-81d2-4713-8046-b0b7240592be");
    for _ in 0..2 {
        let (status, answer) = at(&path, &[("authorization", &ticket("alice"))], &body).await;
        assert!(status == 200 && answer.contains("<wsa:RelatesTo>urn:uuid:1</wsa:RelatesTo>"), "{answer}");
    }
}

#[tokio::test]
async fn request_of_a_page_is_refused_with_a_fault_even_from_the_servers_own_origin() {
    for header in [
        ("origin", "https://evil.example"),
        ("origin", "http://sso.test"),
        ("origin", "null"),
        ("sec-fetch-site", "cross-site"),
        ("sec-fetch-site", "same-site"),
        ("sec-fetch-site", "same-origin"),
    ] {
        let (status, fault) = at(PATH, &[header, ("authorization", &ticket("alice"))], RST).await;
        assert_eq!((status, number(&fault)), (403, "81016"), "{header:?}: {fault}");
    }
    let (status, _) = at(PATH, &[("sec-fetch-site", "none"), ("authorization", &ticket("alice"))], RST).await;
    assert_eq!(status, 200);
}

#[tokio::test]
async fn each_refusal_is_a_fault_with_its_status_and_number() {
    let other = TestRealm::new("CONTOSO.TEST").with_account("OTHER$").of_active_directory();
    let service = "HTTP/autologon.microsoftazuread-sso.com";
    let forged = other.ticket_for("alice").service(service).at(clock::now()).mutual().header();
    let foreign = TestRealm::new("DUMMY.LAB").of_active_directory();
    let foreign = foreign.ticket_for("alice").service(service).at(clock::now()).mutual().header();
    let old = SERVER.1.ticket_for("alice").service(service).at(UnixTime::from_seconds(1_000_000_000)).mutual().header();
    let large = format!("Negotiate {}", "A".repeat(96 * 1024));
    let olga = ticket("olga");
    for (authorization, status, code) in [
        (None, 401, "81006"),
        (Some("Basic YWxpY2U6eA=="), 401, "81006"),
        (Some("Negotiate TlRMTVNTUAABAAAAB4IIogAAAAAAAAAAAAAAAAAAAAAGAgAAAAAADw=="), 403, "81005"),
        (Some("Negotiate !"), 403, "81009"),
        (Some("Negotiate AAAA"), 403, "81009"),
        (Some(&*large), 403, "81001"),
        (Some(&*forged), 403, "81004"),
        (Some(&*foreign), 403, "81004"),
        (Some(&*old), 403, "81010"),
        (Some(&*olga), 403, "50076"),
    ] {
        let headers = authorization.map(|value| ("authorization", value));
        let (found, fault) = at(PATH, headers.as_slice(), RST).await;
        assert_eq!((found, number(&fault)), (status, code), "{authorization:.40?}: {fault}");
    }
    let replayed = ticket("alice");
    assert_eq!(at(PATH, &[("authorization", &replayed)], RST).await.0, 200);
    let (status, fault) = at(PATH, &[("authorization", &replayed)], RST).await;
    assert_eq!((status, number(&fault)), (403, "81010"));
}

#[tokio::test]
async fn malformed_body_or_unknown_tenant_gets_a_fault() {
    let long = format!("{RST}{}", " ".repeat(200_000));
    for (path, body, status, code) in [
        (PATH, "", 400, "81016"),
        (PATH, "<a/>", 400, "81016"),
        (PATH, &*long, 413, "81016"),
        ("/nobody/winauth/trust/2005/windowstransport", RST, 400, "90002"),
        ("/nobody/winauth/trust/2005/usernamemixed", RST, 400, "90002"),
    ] {
        let (found, fault) = at(path, &[("authorization", &ticket("alice"))], body).await;
        assert_eq!((found, number(&fault)), (status, code), "{path}: {fault}");
    }
    let (status, _, fault) = send("POST", PATH, &[("authorization", &ticket("alice"))], vec![0xFF; 100]).await;
    assert_eq!((status, number(&fault)), (400, "81016"));
}

#[tokio::test]
async fn refusal_by_a_limit_is_a_fault_too() {
    let app = App { rates: Rates::new(1, 2), ..App::for_tests(None).await };
    let routes = limits::around(routes(), Arc::new(app));
    for (method, status, code, text) in [
        ("GET", 405, "81016", "The method of this endpoint is POST."),
        ("POST", 401, "81006", ""),
        ("POST", 429, "90033", "Too many requests came from your address."),
    ] {
        let peer = Peer { address: "192.0.2.1".parse().unwrap(), tls: None };
        let request = Request::builder().method(method).uri(PATH).header("host", "sso.test").extension(peer);
        let response = routes.clone().oneshot(request.body(Body::from(RST)).unwrap()).await.unwrap();
        let (found, headers) = (response.status().as_u16(), response.headers().clone());
        let body = to_bytes(response.into_body(), 1 << 20).await.unwrap();
        let fault = String::from_utf8(body.to_vec()).unwrap();
        assert_eq!((found, number(&fault)), (status, code), "{method}: {fault}");
        assert!(headers["content-type"].to_str().unwrap().starts_with("application/soap+xml"), "{headers:?}");
        assert_eq!(
            (headers.contains_key("retry-after"), headers.contains_key("allow")),
            (status == 429, status == 405)
        );
        assert!(fault.contains(text), "{fault}");
    }
}

#[tokio::test]
async fn path_may_have_the_tenants_name_or_identifier_in_capital_or_small_letters() {
    let guid = crate::guid::Guid::of_tenant("contoso.test").to_string();
    for name in ["contoso.test", "Contoso.Test", "CONTOSO.TEST", &*guid, &*guid.to_uppercase()] {
        let path = format!("/{name}/winauth/trust/2005/windowstransport");
        assert_eq!(at(&path, &[("authorization", &ticket("alice"))], RST).await.0, 200, "{name}");
    }
}

#[tokio::test]
async fn ticket_for_a_federated_domain_is_refused_with_the_domains_name_and_stays_unused() {
    let value = ticket("alice");
    let path = "/Partner.test/winauth/trust/2005/windowstransport";
    let (status, fault) = at(path, &[("authorization", &value)], RST).await;
    assert_eq!((status, number(&fault)), (403, "81007"), "{fault}");
    assert!(fault.contains("Seamless SSO does not apply to the domain Partner.test, which is federated."), "{fault}");
    assert_eq!(at(PATH, &[("authorization", &value)], RST).await.0, 200);
    let service = "HTTP/autologon.microsoftazuread-sso.com";
    let value = SERVER.1.ticket_for("alice").service(service).at(clock::now()).mutual();
    let value = value.pac(|pac| pac.upn_dns_info.upn = "alice@partner.test".into()).header();
    let (status, fault) = at(PATH, &[("authorization", &value)], RST).await;
    assert_eq!((status, number(&fault)), (403, "81007"), "{fault}");
}

#[tokio::test]
async fn user_outside_the_groups_for_tickets_gets_no_assertion() {
    let mut app = App::for_tests(None).await;
    app.tenants.limit_tickets(&[], &["S-1-5-21-1-2-3-9999".parse().unwrap()]);
    let realm = app.tenants.test_tenant().unwrap().test_realm.unwrap();
    let value = realm.ticket_for("alice").service("HTTP/autologon.microsoftazuread-sso.com").at(clock::now()).header();
    let request = Request::post(PATH).header("host", "sso.test").header("authorization", value);
    let routes = limits::around(routes(), Arc::new(app));
    let response = routes.oneshot(request.body(Body::from(RST)).unwrap()).await.unwrap();
    let status = response.status().as_u16();
    let body = to_bytes(response.into_body(), 1 << 20).await.unwrap();
    let fault = String::from_utf8(body.to_vec()).unwrap();
    assert_eq!((status, number(&fault), fault.contains("Assertion")), (403, "81007", false), "{fault}");
}

#[tokio::test]
async fn request_identifier_is_repeated_only_if_the_client_asks_for_it() {
    let id = "19ac39db-81d2-4713-8046-b0b7240592be";
    for (headers, query, expected) in [
        (&[("client-request-id", id), ("return-client-request-id", "true")][..], "", Some(id)),
        (&[("return-client-request-id", "True")], id, Some(id)),
        (&[("client-request-id", id)], "", None),
        (&[("client-request-id", "x"), ("return-client-request-id", "true")], "", None),
    ] {
        let request = Request::post(format!("{PATH}?client-request-id={query}")).header("host", "sso.test");
        let request = headers.iter().fold(request, |request, (name, value)| request.header(*name, *value));
        let response = SERVER.0.clone().oneshot(request.body(Body::from(RST)).unwrap()).await.unwrap();
        let found = response.headers().get("client-request-id").map(|value| value.to_str().unwrap());
        assert_eq!(found, expected, "{headers:?}");
    }
}
