//! The address of the client, for the smart lockout.
//!
//! A proxy in front of the server ends TLS, so the address of the connection is usually the address of the proxy. The
//! proxy adds the client's address at the end of `X-Forwarded-For`. The server believes only this last address, and
//! only if the connection comes from a proxy that the configuration names. A client can write all other addresses
//! itself.

use crate::app::Shared;
use crate::native;
use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use std::convert::Infallible;
use std::net::IpAddr;

/// The address of the connection. The server adds it to each request.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Peer(pub(crate) IpAddr);

/// The address of the client, or `None` if a proxy that the configuration does not name forwarded the request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ClientAddress(pub(crate) Option<IpAddr>);

impl FromRequestParts<Shared> for ClientAddress {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, app: &Shared) -> Result<Self, Infallible> {
        let peer = parts.extensions.get::<Peer>().map(|peer| peer.0);
        let forwarded = parts.headers.get_all("x-forwarded-for").iter().next_back();
        let forwarded = forwarded.and_then(|value| value.to_str().ok());
        let came_through_proxy = native::came_through_proxy(&parts.headers);
        Ok(Self(client_address(peer, forwarded, came_through_proxy, &app.proxies)))
    }
}

fn client_address(
    peer: Option<IpAddr>,
    forwarded: Option<&str>,
    came_through_proxy: bool,
    proxies: &[IpAddr],
) -> Option<IpAddr> {
    let peer = peer?.to_canonical();
    if proxies.iter().any(|proxy| proxy.to_canonical() == peer) {
        let last = forwarded?.rsplit(',').next()?.trim();
        return last.parse::<IpAddr>().ok().map(|address| address.to_canonical());
    }
    (!came_through_proxy).then_some(peer)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn forwarded_address_counts_only_if_a_named_proxy_added_it() {
        let ip = |text: &str| text.parse::<IpAddr>().unwrap();
        let proxies = [ip("10.0.0.1")];
        for (peer, forwarded, expected) in [
            ("192.0.2.9", None, Some("192.0.2.9")),
            ("192.0.2.9", Some("198.51.100.7"), None),
            ("10.0.0.1", Some("198.51.100.7"), Some("198.51.100.7")),
            ("::ffff:10.0.0.1", Some("198.51.100.7"), Some("198.51.100.7")),
            ("10.0.0.1", Some("203.0.113.5, 198.51.100.7"), Some("198.51.100.7")),
            ("10.0.0.1", Some("unknown"), None),
            ("10.0.0.1", None, None),
        ] {
            let found = client_address(Some(ip(peer)), forwarded, forwarded.is_some(), &proxies);
            assert_eq!(found, expected.map(ip), "{peer} {forwarded:?}");
        }
        assert_eq!(client_address(None, None, false, &proxies), None);
    }
}
