use super::*;
use crate::error::BoundedText;
use alloc::string::ToString;

fn shown(service: Service<'_>) -> alloc::string::String {
    Remedy { words: "Run \"setspn -Q {service}\", then \"klist get {service}\".", service }.to_string()
}

#[test]
fn remedy_shows_the_service_at_every_mark() {
    let service = BoundedText::new("HTTP/web.contoso.test:8080");
    assert_eq!(
        shown(Service::Named(&service)),
        "Run \"setspn -Q HTTP/web.contoso.test:8080\", then \"klist get HTTP/web.contoso.test:8080\"."
    );
    let host = "setspn -Q HTTP/web.contoso.test\"";
    assert!(shown(Service::OfHost("web.contoso.test")).contains(host));
    assert!(shown(Service::Unknown).contains("setspn -Q HTTP/<the host in the URL>\""));
}

/// A peer chose the name, and an administrator may copy the command.
#[test]
fn remedy_does_not_show_a_name_with_characters_that_a_shell_interprets() {
    let long = "HTTP/".to_string() + &"a".repeat(BoundedText::CAPACITY);
    for name in [
        "",
        "-L",
        "HTTP/a b",
        "HTTP/a&b",
        "HTTP/a;b",
        "HTTP/$(a)",
        "HTTP/`a`",
        "HTTP/a|b",
        "HTTP/a\"b",
        "HTTP/\n",
        "é",
        &long,
    ] {
        let text = shown(Service::Named(&BoundedText::new(name)));
        assert!(text.contains("\"setspn -Q HTTP/<the host in the URL>\""), "{text}");
    }
    for host in ["", "-L", "a b", "a&b", "[::1]", "a%PATH%"] {
        assert!(shown(Service::OfHost(host)).contains("HTTP/<the host in the URL>"), "{host}");
    }
}
