use super::*;

#[test]
fn host_with_or_without_port_is_read() {
    for (text, name, port) in [
        ("www.example.com", "www.example.com", None),
        ("WWW.example.com:8080", "WWW.example.com", Some(8080)),
        ("10.0.0.1:80", "10.0.0.1", Some(80)),
        ("[2001:db8::1]", "[2001:db8::1]", None),
        ("[::1]:443", "[::1]", Some(443)),
        ("a_b", "a_b", None),
    ] {
        assert_eq!(Host::parse(text), Some(Host { name, port }), "{text}");
    }
}

#[test]
fn malformed_host_is_refused() {
    for text in [
        "",
        ":80",
        "a:",
        "a:b",
        "a:+1",
        "a:65536",
        "a:80:80",
        "a b",
        "a/b",
        "user@a",
        "*.a",
        "ä.example",
        "[",
        "[]",
        "[::1",
        "[::1]80",
        "[::1]:",
        "[a@b]",
        "::1",
    ] {
        assert_eq!(Host::parse(text), None, "{text}");
    }
}
