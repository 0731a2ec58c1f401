//! The redirect URIs of a client. The server sends a user only to a URI that equals a registered URI letter by letter
//! (RFC 9700 section 4.1.3). There is one exception: the loopback URI of a native client may have any port (RFC 8252
//! section 7.3).

/// Returns whether a client that registered the URI `registered` may use the URI `asked`.
pub(crate) fn is_same(registered: &str, asked: &str) -> bool {
    if registered == asked {
        return true;
    }
    let Some((host, path)) = loopback(registered) else { return false };
    let rest = asked.strip_prefix("http://").and_then(|rest| rest.strip_prefix(host));
    let Some(rest) = rest.and_then(|rest| rest.strip_suffix(path)) else { return false };
    rest.strip_prefix(':').is_some_and(is_port)
}

/// Returns whether a URI can be registered. It must be absolute and have no fragment (RFC 6749 section 3.1.2). Its
/// scheme must be `https`, `http` on loopback, or a private scheme with a dot (RFC 8252 section 7.1).
pub(crate) fn may_be_registered(uri: &str) -> bool {
    if !uri.bytes().all(|byte| byte.is_ascii_graphic()) || uri.contains(['#', '\\', '"', '<', '>']) {
        return false;
    }
    match uri.split_once(':') {
        Some(("https", rest)) => authority(rest).is_some_and(|authority| !authority.contains('@')),
        Some(("http", rest)) => authority(rest).is_some_and(|authority| LOOPBACK.contains(&host(authority))),
        Some((scheme, rest)) => {
            let is_of_scheme = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'+');
            scheme.contains('.') && scheme.bytes().all(is_of_scheme) && rest.starts_with('/')
        }
        None => false,
    }
}

/// Returns the default sector of a URI, which is its host (OpenID Connect Core section 8.1). For a URI of a private
/// scheme, returns the scheme.
pub(crate) fn sector(uri: &str) -> &str {
    let (scheme, rest) = uri.split_once(':').unwrap_or((uri, ""));
    authority(rest).map_or(scheme, host)
}

/// Returns the scheme and the authority of a URI, for the header `Content-Security-Policy`. For a URI of a private
/// scheme, which has no authority, returns only the scheme.
pub(crate) fn origin(uri: &str) -> Option<&str> {
    let (scheme, rest) = uri.split_once(':')?;
    let authority = authority(rest).map_or(0, |authority| authority.len().saturating_add("//".len()));
    uri.get(..scheme.len().checked_add(":".len())?.checked_add(authority)?)
}

/// Returns the host and the rest of a registered URI, if its scheme is `http`, its host is on loopback, and it has no
/// port.
fn loopback(registered: &str) -> Option<(&str, &str)> {
    let rest = registered.strip_prefix("http://")?;
    let (host, path) = rest.split_at_checked(rest.find('/')?)?;
    ["127.0.0.1", "[::1]"].contains(&host).then_some((host, path))
}

fn is_port(text: &str) -> bool {
    text.len() <= 5 && text.bytes().all(|byte| byte.is_ascii_digit()) && text.parse::<u16>().is_ok_and(|port| port > 0)
}

fn authority(after_scheme: &str) -> Option<&str> {
    let rest = after_scheme.strip_prefix("//")?;
    rest.split(['/', '?']).next().filter(|authority| !authority.is_empty())
}

fn host(authority: &str) -> &str {
    match authority.rsplit_once(':') {
        Some((host, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => host,
        _ => authority,
    }
}

const LOOPBACK: [&str; 3] = ["127.0.0.1", "[::1]", "localhost"];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn loopback_uri_without_a_port_matches_the_same_uri_with_every_valid_port() {
        let registered = "http://127.0.0.1/callback";
        for asked in ["http://127.0.0.1/callback", "http://127.0.0.1:1/callback", "http://127.0.0.1:65535/callback"] {
            assert!(is_same(registered, asked), "{asked}");
        }
        for asked in [
            "http://127.0.0.1:/callback",
            "http://127.0.0.1:0/callback",
            "http://127.0.0.1:65536/callback",
            "http://127.0.0.1:+80/callback",
            "http://127.0.0.1:80@evil.example/callback",
            "http://127.0.0.1:80/callback/",
            "http://127.0.0.1:80/x/callback",
            "https://127.0.0.1:80/callback",
            "http://localhost:80/callback",
            "http://127.0.0.1.evil.example/callback",
            "http://127.0.0.1:80/callback?x=1",
        ] {
            assert!(!is_same(registered, asked), "{asked}");
        }
        assert!(!is_same("http://127.0.0.1:8081/callback", "http://127.0.0.1:8082/callback"));
        assert!(!is_same("https://app.test/callback", "https://app.test:8443/callback"));
        assert!(is_same("http://[::1]/c", "http://[::1]:8080/c"));
    }

    #[test]
    fn uri_with_http_beyond_loopback_or_with_a_fragment_or_without_a_scheme_cannot_be_registered() {
        for uri in ["https://app.test/callback", "http://127.0.0.1/c", "http://localhost:80/c", "test.app:/callback"] {
            assert!(may_be_registered(uri), "{uri}");
        }
        for uri in [
            "http://app.test/callback",
            "https://app.test/#x",
            "/callback",
            "https:///callback",
            "https://user@app.test/",
            "javascript:alert(1)",
            "app:/callback",
            "https://app.test/a b",
            "",
        ] {
            assert!(!may_be_registered(uri), "{uri}");
        }
    }

    #[test]
    fn sector_is_the_host_without_the_port_and_origin_includes_the_port() {
        assert_eq!((sector("https://app.test:8443/c?x"), sector("test.app:/c")), ("app.test", "test.app"));
        assert_eq!(origin("https://app.test:8443/c?x"), Some("https://app.test:8443"));
        assert_eq!(
            (origin("https://app.test?x"), origin("test.app:/c")),
            (Some("https://app.test"), Some("test.app:"))
        );
        assert_eq!((origin("test.app://c/d"), origin("/c")), (Some("test.app://c"), None));
    }
}
