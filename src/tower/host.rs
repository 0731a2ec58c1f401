//! The host that a request is for (RFC 9110 section 7.2). The host is the authority of the request's target. If the
//! target has no authority, the host is the `Host` field.

use ::http::header::HOST;
use ::http::request::Parts;

/// A host and a port. The host is a name, an IPv4 address, or an IPv6 address in brackets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Host<'a> {
    pub(super) name: &'a str,
    pub(super) port: Option<u16>,
}

impl<'a> Host<'a> {
    /// Returns the host of a request, or `None` if the request names no host or several hosts.
    pub(super) fn of(request: &'a Parts) -> Option<Self> {
        // RFC 9112 section 3.2.2: if the target has an authority, the `Host` field is ignored.
        if let Some(authority) = request.uri.authority() {
            return Self::parse(authority.as_str());
        }
        let mut fields = request.headers.get_all(HOST).iter();
        match (fields.next(), fields.next()) {
            (Some(host), None) => Self::parse(host.to_str().ok()?),
            _ => None,
        }
    }

    /// Parses a text that is exactly `host` or `host:port`. Host names in header fields have ASCII characters only.
    pub(super) fn parse(text: &'a str) -> Option<Self> {
        let end = match text.strip_prefix('[') {
            Some(address) => address.find(']')?.checked_add("[]".len())?,
            None => text.find(':').unwrap_or(text.len()),
        };
        let (name, port) = text.split_at_checked(end)?;
        let port = match port.strip_prefix(':') {
            Some(digits) => Some(parse_port(digits)?),
            None if port.is_empty() => None,
            None => return None,
        };
        is_host(name).then_some(Self { name, port })
    }
}

/// Returns whether `name` consists of the characters of a host name, or of an IPv6 address in brackets.
fn is_host(name: &str) -> bool {
    let is_of = |text: &str, others: &[u8]| {
        !text.is_empty() && text.bytes().all(|octet| octet.is_ascii_alphanumeric() || others.contains(&octet))
    };
    match name.strip_prefix('[') {
        Some(address) => is_of(address.trim_end_matches(']'), b":."),
        None => is_of(name, b"-._"),
    }
}

/// Parses a text that has only digits. The parser of `u16` would also accept a sign.
fn parse_port(digits: &str) -> Option<u16> {
    digits.bytes().all(|digit| digit.is_ascii_digit()).then(|| digits.parse().ok())?
}

#[cfg(test)]
mod tests;
