//! An origin (RFC 6454): the scheme, host and port of the page that made a request, in the form that browsers write.

use super::host::Host;
use std::string::String;
use thiserror::Error;

/// A scheme, a host and a port. Equal values mean the same origin.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Origin {
    scheme: String,
    host: String,
    /// The port, or `None` for the default port of the scheme.
    port: Option<u16>,
}

impl Origin {
    /// Parses an origin such as `https://app.example.com:8443`. Returns `None` for `null`, which names no page, and for
    /// an address with a path.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let (scheme, host) = text.split_once("://")?;
        let scheme = Some(scheme).filter(|scheme| is_scheme(scheme))?.to_ascii_lowercase();
        let host = Host::parse(host)?;
        let port = host.port.filter(|port| Some(*port) != default_port(&scheme));
        Some(Self { scheme, host: host.name.to_ascii_lowercase(), port })
    }

    /// Returns whether a page of this origin is a page of `host`.
    ///
    /// The schemes are not compared, because a server behind a proxy that terminates TLS does not know the client's
    /// scheme.
    pub(super) fn is_of(&self, host: &Host<'_>) -> bool {
        let default = default_port(&self.scheme);
        default.is_some()
            && self.host.eq_ignore_ascii_case(host.name)
            && self.port == host.port.filter(|port| Some(*port) != default)
    }
}

/// The error for a text that is not an origin.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("the text is not an origin (https://app.example.com, without a path)")]
pub struct InvalidOrigin;

fn is_scheme(text: &str) -> bool {
    text.starts_with(|first: char| first.is_ascii_alphabetic())
        && text.bytes().all(|octet| octet.is_ascii_alphanumeric() || b"+-.".contains(&octet))
}

/// Returns the default port of `http` or `https`. Returns `None` for every other scheme.
fn default_port(scheme: &str) -> Option<u16> {
    match scheme {
        "http" => Some(80),
        "https" => Some(443),
        _ => None,
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests;
