//! The client of a request: the client's address, and the scheme and the host of the client's URL. The server finds
//! these facts once, before a route sees the request. Only this module and `forwarded.rs` read the headers of proxies.

use crate::app::Shared;
use crate::hosts::host_of;
use axum::extract::{FromRequestParts, Request, State};
use axum::http::header::HOST;
use axum::http::request::Parts;
use axum::http::uri::{Authority, PathAndQuery};
use axum::http::{HeaderMap, StatusCode, Uri, Version};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use kerberos_sso::ChannelBindings;
use std::net::IpAddr;
use std::sync::Arc;

/// Facts about the connection on which a request came. The server adds this value to each request.
#[derive(Clone, Debug)]
pub(crate) struct Peer {
    pub(crate) address: IpAddr,
    /// The channel bindings of a TLS connection that this server terminates, or `None` without TLS.
    pub(crate) tls: Option<Arc<[ChannelBindings]>>,
}

#[derive(Clone, Debug)]
pub(crate) struct Client {
    /// The client's own address, or `None` if the server does not know it.
    pub(crate) address: Option<IpAddr>,
    /// The address of the connection, which is a proxy's address if a proxy forwarded the request.
    pub(crate) peer: Option<IpAddr>,
    /// Whether the client uses `https`.
    pub(crate) is_secure: bool,
    /// The host and port in the client's URL. A request of HTTP/1.0 may have no host.
    authority: Option<Authority>,
    pub(crate) way: Way,
    /// The channel bindings of the client's TLS connection. The list is empty if a proxy terminates TLS.
    pub(crate) bindings: Arc<[ChannelBindings]>,
}

/// How a request came to the server: directly or through a proxy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Way {
    Direct,
    /// Through a proxy that the configuration names.
    TrustedProxy,
    /// A header says that the request came through a proxy, but the configuration does not name the proxy. Some proxies
    /// add no such header, so the server cannot notice every unknown proxy. This value shows a mistake of the
    /// administrator, but protects nothing.
    UnknownProxy,
}

impl Client {
    /// Returns the host that the client asked for, without the port.
    pub(crate) fn host(&self) -> Option<&str> {
        self.authority.as_ref().map(|authority| host_of(authority.as_str()))
    }

    /// Returns the scheme, the host and the port of the client's URL.
    pub(crate) fn origin(&self) -> Option<String> {
        let scheme = if self.is_secure { "https" } else { "http" };
        self.authority.as_ref().map(|authority| format!("{scheme}://{authority}"))
    }

    /// Returns whether `origin` (RFC 6454) is the origin of the client's URL. This function accepts the scheme `https`
    /// for every request, because some proxies that terminate TLS do not forward the scheme. A request from a page of
    /// `https` then looks like a request by `http`.
    pub(crate) fn is_of_origin(&self, origin: &str) -> bool {
        let Some((scheme, authority)) = origin.split_once("://") else { return false };
        let is_scheme =
            scheme.eq_ignore_ascii_case("https") || (scheme.eq_ignore_ascii_case("http") && !self.is_secure);
        let is_own = |own: &Authority| own.as_str().eq_ignore_ascii_case(authority);
        is_scheme && self.authority.as_ref().is_some_and(is_own)
    }

    fn of(app: &Shared, request: &Request) -> Result<Self, StatusCode> {
        let (headers, connection) = (request.headers(), request.extensions().get::<Peer>());
        let peer = connection.map(|connection| connection.address.to_canonical());
        let mut client = Self {
            address: peer,
            peer,
            is_secure: connection.is_some_and(|connection| connection.tls.is_some()),
            authority: authority(request)?,
            way: Way::Direct,
            bindings: connection.and_then(|connection| connection.tls.clone()).unwrap_or_default(),
        };
        if let Some(proxy) = peer.filter(|peer| app.proxies.contain(*peer)) {
            let forwarded = app.proxies.client(proxy, headers);
            client.way = Way::TrustedProxy;
            client.bindings = Arc::default();
            client.address = forwarded.address;
            client.is_secure = forwarded.scheme.map_or(client.is_secure, |scheme| scheme.eq_ignore_ascii_case("https"));
            if let Some(host) = forwarded.host {
                client.authority = Some(host.parse().map_err(|_| StatusCode::BAD_REQUEST)?);
            }
        } else if came_through_proxy(headers) {
            (client.way, client.address) = (Way::UnknownProxy, None);
        }
        Ok(client)
    }
}

/// Returns the authority of the request line, or else the authority in `Host` (RFC 9112 sections 3.2 and 3.3).
fn authority(request: &Request) -> Result<Option<Authority>, StatusCode> {
    let mut hosts = request.headers().get_all(HOST).iter();
    let host = match (hosts.next(), hosts.next()) {
        (Some(host), None) => {
            host.to_str().ok().and_then(|host| host.parse().ok()).ok_or(StatusCode::BAD_REQUEST).map(Some)?
        }
        (None, None) if request.version() < Version::HTTP_11 => None,
        _ => return Err(StatusCode::BAD_REQUEST),
    };
    let named = request.uri().authority().cloned().or(host);
    // An authority with user information is not a host.
    if named.as_ref().is_some_and(|named| named.as_str().contains('@')) {
        Err(StatusCode::BAD_REQUEST)
    } else {
        Ok(named)
    }
}

fn came_through_proxy(headers: &HeaderMap) -> bool {
    ["forwarded", "via", "x-forwarded-for", "x-forwarded-host", "x-forwarded-proto", "x-real-ip"]
        .iter()
        .any(|name| headers.contains_key(*name))
}

/// Finds the client and adds the [`Client`] to the request. Refuses a request for a host that is not this server's. A
/// request for the server's health may name any host, because a load balancer may not know the server's hosts.
pub(crate) async fn find(State(app): State<Shared>, mut request: Request, next: Next) -> Response {
    let client = match Client::of(&app, &request) {
        Ok(client) => client,
        Err(status) => return status.into_response(),
    };
    let is_health = matches!(request.uri().path(), "/healthz" | "/readyz");
    let is_own = client.authority.as_ref().is_none_or(|authority| app.hosts.contain(authority.as_str()));
    if !is_own && !is_health {
        tracing::warn!(host = ?client.host(), "a host is refused; name the host in `address` or `hosts`, if it is this server's");
        return (StatusCode::MISDIRECTED_REQUEST, "This server does not answer for that host.\n").into_response();
    }
    if let Some(path) = request.uri().path_and_query().filter(|_| request.uri().authority().is_some()) {
        *request.uri_mut() = Uri::from(PathAndQuery::clone(path));
    }
    request.extensions_mut().insert(client);
    next.run(request).await
}

impl FromRequestParts<Shared> for Client {
    type Rejection = StatusCode;

    async fn from_request_parts(parts: &mut Parts, _: &Shared) -> Result<Self, StatusCode> {
        parts.extensions.get::<Self>().cloned().ok_or(StatusCode::INTERNAL_SERVER_ERROR)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::app::App;
    use crate::forwarded::{Proxies, ProxyHeaders};
    use axum::body::Body;

    async fn app() -> Shared {
        let proxies = Proxies::new(vec!["10.0.0.1/32".parse().unwrap()], ProxyHeaders::XForwarded);
        Arc::new(App { proxies, ..App::for_tests(None).await })
    }

    fn request(peer: &str, headers: &[(&str, &str)]) -> Request {
        let peer = Peer { address: peer.parse().unwrap(), tls: None };
        let request = Request::get("/").header("host", "sso.test:8080").extension(peer);
        headers
            .iter()
            .fold(request, |request, (name, value)| request.header(*name, *value))
            .body(Body::empty())
            .unwrap()
    }

    #[tokio::test]
    async fn forwarded_headers_count_only_from_a_trusted_proxy() {
        let headers =
            [("x-forwarded-for", "198.51.100.7"), ("x-forwarded-proto", "https"), ("x-forwarded-host", "login.test")];
        let app = app().await;
        for peer in ["10.0.0.1", "::ffff:10.0.0.1"] {
            let client = Client::of(&app, &request(peer, &headers)).unwrap();
            assert_eq!((client.address, client.way), ("198.51.100.7".parse().ok(), Way::TrustedProxy));
            assert_eq!((client.is_secure, client.host()), (true, Some("login.test")));
        }
        let client = Client::of(&app, &request("192.0.2.9", &headers)).unwrap();
        assert_eq!((client.address, client.peer, client.way), (None, "192.0.2.9".parse().ok(), Way::UnknownProxy));
        assert_eq!((client.is_secure, client.host()), (false, Some("sso.test")));
        let client = Client::of(&app, &request("192.0.2.9", &[])).unwrap();
        assert_eq!((client.address, client.way), ("192.0.2.9".parse().ok(), Way::Direct));
    }

    #[tokio::test]
    async fn request_is_refused_if_it_has_two_hosts_or_a_malformed_host_or_no_host() {
        let app = app().await;
        let without = || Request::get("/").extension(Peer { address: "192.0.2.9".parse().unwrap(), tls: None });
        let of = |request: axum::http::request::Builder| {
            Client::of(&app, &request.body(Body::empty()).unwrap()).map(|client| client.host().map(str::to_owned))
        };
        let bad = Err(StatusCode::BAD_REQUEST);
        assert_eq!(of(without()), bad);
        assert_eq!(of(without().version(Version::HTTP_10)), Ok(None));
        assert_eq!(of(without().header("host", "sso.test")), Ok(Some("sso.test".into())));
        assert_eq!(of(without().header("host", "sso.test").header("host", "sso.test")), bad);
        for host in ["", "a b", "user@sso.test", "sso.test/x"] {
            assert_eq!(of(without().header("host", host)), bad, "{host}");
        }
        let absolute = without().uri("http://evil.example/").header("host", "sso.test");
        assert_eq!(of(absolute), Ok(Some("evil.example".into())), "RFC 9112 section 3.2.2");
    }

    #[tokio::test]
    async fn origin_is_that_of_the_client_if_host_and_port_are_equal_and_the_scheme_is_not_weaker() {
        let app = app().await;
        let client = Client::of(&app, &request("192.0.2.9", &[])).unwrap();
        for (origin, own) in [
            ("http://sso.test:8080", true),
            ("https://SSO.test:8080", true),
            ("http://sso.test", false),
            ("http://evil.test", false),
            ("null", false),
        ] {
            assert_eq!(client.is_of_origin(origin), own, "{origin}");
        }
        let secure = Client { is_secure: true, ..client };
        assert!(secure.is_of_origin("https://sso.test:8080") && !secure.is_of_origin("http://sso.test:8080"));
    }
}
