//! The events of the layers for `tower`. All fields of these events have a limited length, and no field holds a secret.
//!
//! A whole `Authorization` value is a secret: a client may send a key as the value, without a scheme.

use super::TARGET;
use crate::error::{BoundedText, Error, Remedy};
use crate::sid::Sid;
use ::tracing::{Level, event};
use alloc::string::{String, ToString as _};
use core::fmt::Display;

/// Reports a challenge. The event of a usual challenge has the level DEBUG, because every browser's first request is
/// challenged.
pub(crate) fn challenged(cause: &dyn Display, is_usual: bool, what_to_do: Remedy<'_>, host: Option<&str>) {
    // `event!` accepts only a constant as its level.
    macro_rules! challenge {
        ($level:expr) => {
            event!(
                target: TARGET,
                $level,
                code = "challenged",
                host = host.map(bounded),
                remedy = remedy(Some(what_to_do), host).as_deref(),
                "{cause}"
            )
        };
    }
    if is_usual { challenge!(Level::DEBUG) } else { challenge!(Level::INFO) }
}

/// Reports that a client sent a token of a mechanism other than Kerberos, because the client has no ticket for this
/// host.
#[cold]
pub(crate) fn no_ticket(error: &Error, host: Option<&str>) {
    event!(
        target: TARGET,
        Level::INFO,
        code = "no-ticket",
        answer = error.code(),
        host = host.map(bounded),
        remedy = remedy(error.remedy(), host).as_deref(),
        "the client sent another mechanism, because it has no ticket for this host"
    );
}

#[cold]
pub(crate) fn cross_site(
    cause: &dyn Display,
    remedy: &'static str,
    method: &str,
    host: Option<&str>,
    origin: Option<&str>,
) {
    event!(
        target: TARGET,
        Level::INFO,
        code = "cross-site",
        method = bounded(method),
        host = host.map(bounded),
        origin = origin.map(bounded),
        remedy,
        "{cause}"
    );
}

#[cold]
pub(crate) fn not_member(name: &str, realm: &str, sid: Option<Sid>, group: &dyn Display) {
    event!(
        target: TARGET,
        Level::INFO,
        code = "not-member",
        user = bounded(name),
        realm = bounded(realm),
        sid = sid.map(::tracing::field::display),
        group = ::tracing::field::display(group),
        remedy = NOT_MEMBER,
        "the user is not a member of the group"
    );
}

#[cold]
pub(crate) fn layer_missing(path: &str, host: Option<&str>) {
    event!(
        target: TARGET,
        Level::WARN,
        code = "layer-missing",
        path = bounded(path),
        host = host.map(bounded),
        remedy = LAYER_MISSING,
        "a route demands an identity, but no layer before it signs users in"
    );
}

/// Returns the text of a remedy, with the host that the client asked for.
fn remedy<'a>(remedy: Option<Remedy<'a>>, host: Option<&'a str>) -> Option<String> {
    remedy.map(|remedy| host.map_or(remedy, |host| remedy.for_host(host)).to_string())
}

fn bounded(text: &str) -> impl ::tracing::Value {
    ::tracing::field::display(BoundedText::new(text))
}

const NOT_MEMBER: &str = "\
If the user may do this, add the user to the group. A ticket holds the groups of the time when it was issued, so the user \
then needs a new ticket (sign out and in, or \"klist purge\").";

const LAYER_MISSING: &str = "\
Put the route inside NegotiateLayer. In axum, the layer that is added last runs first. A server with sessions puts the \
session's Arc<Identity>, or NotSignedIn::NotAsked, among the extensions of every request.";
