//! The check against cross-site request forgery. The check uses the header fields in which a browser names the site of
//! the requesting page.
//!
//! Input: the head of a request (`Sec-Fetch-Site` of W3C's Fetch Metadata, `Origin` of RFC 6454). Output: the reason why the
//! request is refused, or nothing. This check reads no token.

use super::host::Host;
use super::origin::{InvalidOrigin, Origin};
use crate::observe;
use ::http::header::{HeaderName, ORIGIN, UPGRADE};
use ::http::request::Parts;
use ::http::{HeaderMap, Method};
use thiserror::Error;

/// The reason why a request counts as a request from a page of another site.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Error)]
#[non_exhaustive]
pub enum CrossSite {
    /// The browser's `Sec-Fetch-Site` says that a page of another origin made the request.
    #[error("the browser says that a page of another origin made the request (Sec-Fetch-Site)")]
    FetchSite,
    /// The request has no `Sec-Fetch-Site`, and its `Origin` is `null` or is not the request's host.
    #[error("the request's Origin does not name this host")]
    Origin,
}

impl CrossSite {
    /// Returns what an administrator can do if the server should accept the request.
    #[must_use]
    pub const fn remedy(&self) -> &'static str {
        match self {
            Self::FetchSite => {
                "If pages of that origin may act for your users, trust the origin (with_trusted_origin). If not, a \
                 page of another site tried to act as the user."
            }
            Self::Origin => {
                "If the page is this server's own, let the proxy forward the Host that the browser sent, and give the \
                 page no Referrer-Policy of no-referrer, which makes the Origin null over plain HTTP. If pages of that \
                 origin may act for your users, trust the origin (with_trusted_origin). If neither is the case, a page \
                 of another site tried to act as the user."
            }
        }
    }
}

/// The cross-site check, with the origins that the server trusts.
#[derive(Clone, Debug, Default)]
pub(super) struct CrossSiteCheck {
    trusted: Vec<Origin>,
}

impl CrossSiteCheck {
    pub(super) fn trust(&mut self, origin: &str) -> Result<(), InvalidOrigin> {
        self.trusted.push(Origin::parse(origin).ok_or(InvalidOrigin)?);
        Ok(())
    }

    /// Accepts a request that no page made, or that a page of this host or of a trusted origin made. Refuses and
    /// reports every other request.
    pub(super) fn check(&self, request: &Parts) -> Result<(), CrossSite> {
        self.judge(request).inspect_err(|why| {
            let origin = request.headers.get(ORIGIN).and_then(|origin| origin.to_str().ok());
            let host = Host::of(request).map(|host| host.name);
            observe::cross_site(why, why.remedy(), request.method.as_str(), host, origin);
        })
    }

    fn judge(&self, request: &Parts) -> Result<(), CrossSite> {
        let headers = &request.headers;
        let origin = origin(headers);
        if is_safe(request) || origin.as_ref().is_some_and(|origin| self.trusted.contains(origin)) {
            return Ok(());
        }
        if headers.contains_key(&SEC_FETCH_SITE) {
            let mut sites = headers.get_all(&SEC_FETCH_SITE).iter();
            let is_own = sites.all(|site| site == "same-origin" || site == "none");
            return if is_own { Ok(()) } else { Err(CrossSite::FetchSite) };
        }
        // In a request that is not safe, every browser sends `Sec-Fetch-Site` or `Origin`. A program that sends neither
        // field is not a browser, and acts for its own user.
        if !headers.contains_key(ORIGIN) {
            return Ok(());
        }
        match (origin, Host::of(request)) {
            (Some(origin), Some(host)) if origin.is_of(&host) => Ok(()),
            _ => Err(CrossSite::Origin),
        }
    }
}

/// Returns whether the method of a request is safe, which means that the request changes nothing (RFC 9110 section
/// 9.2.1). An upgrade does not count as safe. Over a WebSocket, a page of another site could read and write as the
/// user, and CORS does not prevent this.
fn is_safe(request: &Parts) -> bool {
    let safe = matches!(request.method, Method::GET | Method::HEAD | Method::OPTIONS | Method::TRACE);
    safe && !request.headers.contains_key(UPGRADE)
}

/// Returns the origin that a request names. Returns `None` if the request does not name exactly one origin.
fn origin(headers: &HeaderMap) -> Option<Origin> {
    let mut values = headers.get_all(ORIGIN).iter();
    match (values.next(), values.next()) {
        (Some(value), None) => Origin::parse(value.to_str().ok()?),
        _ => None,
    }
}

const SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");
