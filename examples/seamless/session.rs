//! Sessions: who signed in, until when, by an id that only the browser has. Bounded; the oldest go first.

use kerberos_sso::Identity;
use std::time::Duration;

/// Who signed in, and how.
#[derive(Clone, Debug)]
pub(crate) struct Session {
    pub(crate) tenant: String,
    pub(crate) identity: Identity,
    pub(crate) method: Method,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Method {
    Kerberos,
    Password,
}

pub(crate) struct Sessions {
    lifetime: Duration,
}

impl Sessions {
    pub(crate) const fn new(lifetime: Duration) -> Self {
        Self { lifetime }
    }
}
