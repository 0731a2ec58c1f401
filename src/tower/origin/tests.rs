use super::*;

#[test]
fn origins_are_equal_in_upper_or_lower_case_and_with_or_without_the_default_port() {
    for (one, other) in [
        ("https://app.example.com", "HTTPS://App.Example.com:443"),
        ("http://app.example.com:80", "http://app.example.com"),
        ("https://[::1]:8443", "https://[::1]:8443"),
    ] {
        assert_eq!(Origin::parse(one).unwrap(), Origin::parse(other).unwrap());
    }
}

#[test]
fn origins_differ_if_their_scheme_or_host_or_port_differs() {
    let origin = Origin::parse("https://app.example.com").unwrap();
    for other in
        ["http://app.example.com", "https://example.com", "https://app.example.com:80", "https://app.example.co"]
    {
        assert_ne!(Origin::parse(other).unwrap(), origin, "{other}");
    }
}

#[test]
fn malformed_origin_is_refused() {
    for text in [
        "",
        "null",
        "app.example.com",
        "//app.example.com",
        "://app.example.com",
        "https:app.example.com",
        "https://",
        "https://app.example.com/",
        "https://app.example.com?",
        "https://user@app.example.com",
        "https://*.example.com",
        "https://a.example https://b.example",
        " https://app.example.com",
        "1https://app.example.com",
    ] {
        assert_eq!(Origin::parse(text), None, "{text:?}");
    }
}

#[test]
fn page_belongs_to_the_host_when_name_and_port_are_equal() {
    for (origin, host, is_of) in [
        ("https://a.example", "a.example", true),
        ("https://a.example", "A.EXAMPLE:443", true),
        ("http://a.example", "a.example", true),
        ("http://a.example", "a.example:80", true),
        ("http://a.example:8080", "a.example:8080", true),
        ("https://a.example", "a.example:80", false),
        ("http://a.example", "a.example:443", false),
        ("https://a.example:8443", "a.example", false),
        ("https://b.a.example", "a.example", false),
        ("https://a.example.b", "a.example", false),
        ("chrome-extension://a.example", "a.example", false),
    ] {
        assert_eq!(Origin::parse(origin).unwrap().is_of(&Host::parse(host).unwrap()), is_of, "{origin} {host}");
    }
}
