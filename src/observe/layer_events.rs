//! Events of the layers for `tower`, as those of the decisions are: bounded, and without a secret.

use super::TARGET;
use crate::error::BoundedText;
use ::tracing::{Level, event};
use core::fmt::Display;

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

fn bounded(text: &str) -> impl ::tracing::Value {
    ::tracing::field::display(BoundedText::new(text))
}
