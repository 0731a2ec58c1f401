//! The check against cross-site request forgery. The check uses the header fields in which a browser names the site of
//! the requesting page.
//!
//! The input is the head of a request (`Sec-Fetch-Site` of W3C's Fetch Metadata, `Origin` of RFC 6454). The output is the
//! reason to refuse the request, if there is one. This check reads no token.

use super::host::Host;
use super::origin::{InvalidOrigin, Origin};
use crate::observe;
use ::http::header::{HeaderName, ORIGIN, UPGRADE};
use ::http::request::Parts;
use ::http::{HeaderMap, Method};
use thiserror::Error;

/// The reason why a request counts as a request of another site's page.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Error)]
#[non_exhaustive]
pub enum CrossSite {
    /// The browser's `Sec-Fetch-Site` says that a page of another origin made the request.
    #[error("the browser says that a page of another origin made the request (Sec-Fetch-Site)")]
    FetchSite,
    /// The `Origin` is not the request's host, or is `null`, and there is no `Sec-Fetch-Site`.
    #[error("the request's Origin is not this host")]
    Origin,
}

impl CrossSite {
    /// Returns the action that an administrator can take if the request should be accepted.
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

/// The check, with the origins that pass it.
#[derive(Clone, Debug, Default)]
pub(super) struct CrossSiteCheck {
    trusted: Vec<Origin>,
}

impl CrossSiteCheck {
    pub(super) fn trust(&mut self, origin: &str) -> Result<(), InvalidOrigin> {
        self.trusted.push(Origin::parse(origin).ok_or(InvalidOrigin)?);
        Ok(())
    }

    /// Accepts a request that no page made, or that a page of this host or of a trusted origin made. Reports every other
    /// request.
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
        // With these methods, every browser sends one of the two fields. A program that sends neither field acts for its own
        // user.
        if !headers.contains_key(ORIGIN) {
            return Ok(());
        }
        match (origin, Host::of(request)) {
            (Some(origin), Some(host)) if origin.is_of(&host) => Ok(()),
            _ => Err(CrossSite::Origin),
        }
    }
}

/// Returns whether the method of a request is safe, so that the request changes nothing (RFC 9110 section 9.2.1). An upgrade
/// is not safe. Over a WebSocket, a page of another site would read and write as the user, and CORS does not stop this page.
fn is_safe(request: &Parts) -> bool {
    let safe = matches!(request.method, Method::GET | Method::HEAD | Method::OPTIONS | Method::TRACE);
    safe && !request.headers.contains_key(UPGRADE)
}

/// Returns the origin that a request names, if it names exactly one.
fn origin(headers: &HeaderMap) -> Option<Origin> {
    let mut values = headers.get_all(ORIGIN).iter();
    match (values.next(), values.next()) {
        (Some(value), None) => Origin::parse(value.to_str().ok()?),
        _ => None,
    }
}

const SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");
