//! The headers with which a proxy forwards the client's address, scheme and host: `X-Forwarded-For`, `-Proto` and
//! `-Host`, or `Forwarded` (RFC 7239).
//!
//! A client can write these headers itself. So the server reads the headers only if the connection comes from a trusted
//! proxy. The server reads only the headers that the configuration selects. A proxy appends the address of its own peer
//! at the right. The server walks from the right past the trusted proxies. The first address that is not of a trusted
//! proxy is the client's. The server ignores the entries to the left of this address.

use axum::http::HeaderMap;
use ipnet::IpNet;
use serde::Deserialize;
use std::net::{IpAddr, SocketAddr};

/// The proxies that the server trusts, and the headers that these proxies write.
#[derive(Clone, Debug, Default)]
pub(crate) struct Proxies {
    networks: Vec<IpNet>,
    headers: ProxyHeaders,
}

/// The headers that the trusted proxies write. The server ignores the headers of the other variant, because the client
/// may have written them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum ProxyHeaders {
    /// `X-Forwarded-For`, `X-Forwarded-Proto` and `X-Forwarded-Host`.
    #[default]
    XForwarded,
    /// `Forwarded` (RFC 7239).
    Forwarded,
}

/// The facts about a client that the proxies forwarded.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct ForwardedClient {
    /// The client's address, or `None` if a proxy hides the address or writes it wrongly.
    pub(crate) address: Option<IpAddr>,
    pub(crate) scheme: Option<String>,
    pub(crate) host: Option<String>,
}

/// The entry that one proxy wrote.
#[derive(Default)]
struct Hop {
    node: String,
    scheme: Option<String>,
    host: Option<String>,
}

impl Proxies {
    pub(crate) fn new(networks: Vec<IpNet>, headers: ProxyHeaders) -> Self {
        Self { networks, headers }
    }

    /// Returns whether an address is that of a trusted proxy.
    pub(crate) fn contain(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        self.networks.iter().any(|network| network.contains(&address))
    }

    /// Returns the facts in the headers of a request from a trusted proxy. If the headers have no entries, the proxy itself is
    /// the client.
    pub(crate) fn client(&self, proxy: IpAddr, headers: &HeaderMap) -> ForwardedClient {
        let hops = match self.headers {
            ProxyHeaders::XForwarded => Some(x_forwarded(headers)),
            ProxyHeaders::Forwarded => forwarded(headers),
        };
        // If a header is malformed, the server ignores all of it.
        let Some(hops) = hops else { return ForwardedClient::default() };
        let mut client = ForwardedClient { address: Some(proxy.to_canonical()), scheme: None, host: None };
        for hop in hops.into_iter().rev() {
            client = ForwardedClient { address: address_of(&hop.node), scheme: hop.scheme, host: hop.host };
            if !client.address.is_some_and(|address| self.contain(address)) {
                break;
            }
        }
        client
    }
}

/// Returns the entries of `X-Forwarded-For`, each with a scheme and a host. The last entry gets the last value of
/// `X-Forwarded-Proto` and of `X-Forwarded-Host`. The entry before it gets the value before that, and so on. An entry
/// for which a list is too short gets the first value of the list.
fn x_forwarded(headers: &HeaderMap) -> Vec<Hop> {
    let list = |name| {
        let values = headers.get_all(name).iter().map(|value| value.to_str().unwrap_or("unknown"));
        values.flat_map(|value| value.split(',')).map(|value| value.trim().to_owned()).collect::<Vec<_>>()
    };
    let (schemes, hosts) = (list("x-forwarded-proto"), list("x-forwarded-host"));
    let from_right = |list: &[String], index: usize| list.iter().rev().nth(index).or_else(|| list.first()).cloned();
    let mut hops: Vec<_> = list("x-forwarded-for")
        .into_iter()
        .rev()
        .enumerate()
        .map(|(index, node)| Hop { node, scheme: from_right(&schemes, index), host: from_right(&hosts, index) })
        .collect();
    hops.reverse();
    hops
}

/// Returns the elements of `Forwarded`, or `None` if the header is malformed.
fn forwarded(headers: &HeaderMap) -> Option<Vec<Hop>> {
    let mut hops = Vec::new();
    for value in headers.get_all("forwarded") {
        for element in parts(value.to_str().ok()?, ',')? {
            let mut hop = Hop::default();
            for pair in parts(element, ';')? {
                let (name, value) = pair.split_once('=')?;
                let value = unquoted(value)?;
                match name.to_ascii_lowercase().as_str() {
                    "for" => hop.node = value,
                    "proto" => hop.scheme = Some(value),
                    "host" => hop.host = Some(value),
                    _ => {}
                }
            }
            hops.push(hop);
        }
    }
    Some(hops)
}

/// Splits a text at `separator` outside of quoted strings (RFC 9110 section 5.6.4), and returns the parts that are not
/// empty. Returns `None` if a quoted string does not end.
fn parts(text: &str, separator: char) -> Option<Vec<&str>> {
    let (mut is_quoted, mut is_escaped) = (false, false);
    let found = text.split(|one: char| {
        let splits = one == separator && !is_quoted;
        is_quoted ^= one == '"' && !is_escaped;
        is_escaped = is_quoted && one == '\\' && !is_escaped;
        splits
    });
    let found = found.map(str::trim).filter(|part| !part.is_empty()).collect();
    (!is_quoted).then_some(found)
}

/// Returns the text of a token or of a quoted string.
fn unquoted(value: &str) -> Option<String> {
    let Some(quoted) = value.strip_prefix('"') else { return (!value.contains('"')).then(|| value.into()) };
    let mut is_escaped = false;
    let text = quoted.strip_suffix('"')?.chars().filter(|one| {
        is_escaped = *one == '\\' && !is_escaped;
        !is_escaped
    });
    Some(text.collect())
}

/// Reads a node: an address, with or without a port. An IPv6 address may be in brackets.
fn address_of(node: &str) -> Option<IpAddr> {
    let bare = node.strip_prefix('[').and_then(|node| node.strip_suffix(']')).unwrap_or(node);
    let with_port = || node.parse::<SocketAddr>().ok().map(|socket| socket.ip());
    bare.parse::<IpAddr>().ok().or_else(with_port).map(|address| address.to_canonical())
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use axum::http::{HeaderName, HeaderValue};

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    fn client(headers: ProxyHeaders, sent: &[(&'static str, &'static str)]) -> (Option<IpAddr>, String, String) {
        let networks = vec!["10.0.0.0/8".parse().unwrap(), "fd00::/8".parse().unwrap()];
        let sent = sent.iter().map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value)));
        let client = Proxies::new(networks, headers).client(ip("10.0.0.1"), &sent.collect());
        (client.address, client.scheme.unwrap_or_default(), client.host.unwrap_or_default())
    }

    fn by_x_forwarded(sent: &[(&'static str, &'static str)]) -> (Option<IpAddr>, String, String) {
        client(ProxyHeaders::XForwarded, sent)
    }

    fn by_forwarded(value: &'static str) -> (Option<IpAddr>, String, String) {
        client(ProxyHeaders::Forwarded, &[("forwarded", value)])
    }

    #[test]
    fn client_address_is_the_rightmost_address_that_is_not_of_a_trusted_proxy() {
        for (value, expected) in [
            ("198.51.100.7", Some("198.51.100.7")),
            ("203.0.113.5, 198.51.100.7", Some("198.51.100.7")),
            ("203.0.113.5, 198.51.100.7, 10.0.0.2, fd00::3", Some("198.51.100.7")),
            ("203.0.113.5, 10.0.0.2", Some("203.0.113.5")),
            ("10.0.0.9, 10.0.0.2", Some("10.0.0.9")),
            ("198.51.100.7:4711", Some("198.51.100.7")),
            ("[2001:db8::7]:4711", Some("2001:db8::7")),
            ("::ffff:198.51.100.7", Some("198.51.100.7")),
            ("198.51.100.7, unknown", None),
            ("198.51.100.7,", None),
        ] {
            assert_eq!(by_x_forwarded(&[("x-forwarded-for", value)]).0, expected.map(ip), "{value}");
        }
        assert_eq!(by_x_forwarded(&[]).0, Some(ip("10.0.0.1")), "the proxy's own request");
    }

    #[test]
    fn scheme_and_host_come_from_the_entry_of_the_client() {
        let entries = ("x-forwarded-for", "192.0.2.1, 198.51.100.7, 10.0.0.2");
        let appended =
            [entries, ("x-forwarded-proto", "ftp, https, http"), ("x-forwarded-host", "evil, sso.test, inner")];
        assert_eq!(by_x_forwarded(&appended), (Some(ip("198.51.100.7")), "https".into(), "sso.test".into()));
        let replaced = [entries, ("x-forwarded-proto", "https"), ("x-forwarded-host", "sso.test")];
        assert_eq!(by_x_forwarded(&replaced), (Some(ip("198.51.100.7")), "https".into(), "sso.test".into()));
    }

    #[test]
    fn forwarded_with_quoted_strings_or_ports_or_hidden_nodes_is_read() {
        let expected = |address: &str| (address.parse().ok(), "https".into(), "sso.test:8443".into());
        for (value, address) in [
            ("for=198.51.100.7;proto=https;host=\"sso.test:8443\"", "198.51.100.7"),
            (
                "for=192.0.2.1;host=evil, For=\"[2001:db8::7]:4711\" ; Proto=https;HOST=\"sso.test\\:8443\"",
                "2001:db8::7",
            ),
            ("for=\"_a,b;c\";proto=https;host=\"sso.test:8443\", for=10.0.0.2;proto=http;host=inner", "hidden"),
            ("for=unknown;proto=https;host=\"sso.test:8443\"", "hidden"),
        ] {
            assert_eq!(by_forwarded(value), expected(address), "{value}");
        }
        for malformed in ["for=\"198.51.100.7", "for", "for=198.51.100.7, x", "for=1\"2"] {
            assert_eq!(by_forwarded(malformed), (None, String::new(), String::new()), "{malformed}");
        }
    }

    #[test]
    fn headers_that_the_configuration_does_not_select_are_ignored() {
        let both = [("x-forwarded-for", "192.0.2.1"), ("forwarded", "for=198.51.100.7")];
        assert_eq!(by_x_forwarded(&both).0, Some(ip("192.0.2.1")));
        assert_eq!(client(ProxyHeaders::Forwarded, &both).0, Some(ip("198.51.100.7")));
    }
}
