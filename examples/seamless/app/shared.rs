//! The state that all requests share.

use crate::config::Config;
use crate::cookies::Cookies;
use crate::home::Session;
use crate::http_client::{HttpClient, TrustError};
use crate::issuer::Issuer;
use crate::kept::Kept;
use crate::key_set::KeySet;
use crate::pages::Pages;
use crate::sign_in::SignIn;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

pub(crate) struct Application {
    pub(crate) config: Config,
    pub(crate) http: HttpClient,
    pub(crate) issuer: Issuer,
    /// The issuer's keys, which verify access tokens.
    pub(crate) keys: KeySet,
    /// The sign-ins that have begun and have not ended.
    pub(crate) sign_ins: Kept<SignIn>,
    pub(crate) sessions: Kept<Session>,
    pub(crate) cookies: Cookies,
    pub(crate) pages: Pages,
    /// The clock. A test puts its own clock here.
    pub(crate) now: fn() -> SystemTime,
}

pub(crate) type Shared = Arc<Application>;

impl Application {
    pub(crate) fn new(config: Config, now: fn() -> SystemTime) -> Result<Shared, StartError> {
        Ok(Arc::new(Self {
            http: HttpClient::new(&config)?,
            issuer: Issuer::new(config.issuer.clone()),
            keys: KeySet::new(),
            sign_ins: Kept::new(SIGN_IN_TIME, MAX_SIGN_INS),
            sessions: Kept::new(SESSION_TIME, MAX_SESSIONS),
            cookies: Cookies::of_address(&config.address),
            pages: Pages::new()?,
            config,
            now,
        }))
    }
}

/// The reason why the application cannot start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The certificates of the trusted authorities cannot be used.
    #[error(transparent)]
    Trust(#[from] TrustError),
    /// A page of the application is faulty.
    #[error("a page cannot be read: {0}")]
    Page(#[from] minijinja::Error),
}

/// The longest time from the redirect to the issuer until the issuer's answer.
pub(crate) const SIGN_IN_TIME: Duration = Duration::from_mins(10);
/// How long a session lasts after the sign-in. It is the lifetime of the access token, which the session contains.
pub(crate) const SESSION_TIME: Duration = Duration::from_hours(1);
const MAX_SIGN_INS: usize = 10_000;
const MAX_SESSIONS: usize = 10_000;
