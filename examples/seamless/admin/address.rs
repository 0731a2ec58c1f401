//! The address of a domain controller or of a KDC.

use std::fmt;

/// A host and a port.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Address {
    /// A DNS name or an IP address. An IPv6 address has no brackets here.
    pub host: String,
    /// The TCP port.
    pub port: u16,
}

impl Address {
    /// Makes an address.
    #[must_use]
    pub fn new(host: &str, port: u16) -> Self {
        Self { host: host.into(), port }
    }

    /// Reads `HOST`, `HOST:PORT`, `[IPV6]` or `[IPV6]:PORT`. Without a port in `text`, the port is `port`. Returns
    /// `None` for a text of another form.
    #[must_use]
    pub fn parse(text: &str, port: u16) -> Option<Self> {
        let (host, given) = match text.strip_prefix('[').map(|rest| rest.split_once(']')) {
            Some(Some((host, ""))) => (host, None),
            Some(Some((host, after))) => (host, Some(after.strip_prefix(':')?)),
            Some(None) => return None,
            None => text.split_once(':').map_or((text, None), |(host, port)| (host, Some(port))),
        };
        let is_of_host = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_' | b':');
        let is_host = !host.is_empty() && host.bytes().all(is_of_host);
        let port = given.map_or(Some(port), |port| port.parse().ok())?;
        is_host.then(|| Self::new(host, port))
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.host.contains(':') {
            write!(f, "[{}]:{}", self.host, self.port)
        } else {
            write!(f, "{}:{}", self.host, self.port)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn host_and_port_are_read_and_written() {
        let read = |text: &str| Address::parse(text, 636).map(|address| address.to_string());
        assert_eq!(read("dc1.contoso.test").as_deref(), Some("dc1.contoso.test:636"));
        assert_eq!(read("127.0.0.1:10636").as_deref(), Some("127.0.0.1:10636"));
        assert_eq!(read("[::1]:88").as_deref(), Some("[::1]:88"));
        for broken in ["", ":636", "dc1:", "dc1:x", "dc1:70000", "ldap://dc1", "dc1/x", "[::1", "[::1]x"] {
            assert_eq!(read(broken), None, "{broken}");
        }
    }
}
