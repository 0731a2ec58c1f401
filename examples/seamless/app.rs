//! The state that all requests share.

use crate::arguments::Arguments;
use crate::clock;
use crate::config::Config;
use crate::judged::JudgedTickets;
use crate::pages::Pages;
use crate::session::Sessions;
use crate::tenants::Tenants;
use kerberos_sso::http::SealingKey;
use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

/// The state that every route receives.
pub(crate) type Shared = Arc<App>;

pub(crate) struct App {
    /// The address at which clients on this machine reach the server, as `http://ADDR:PORT`.
    pub(crate) address: String,
    pub(crate) tenants: Tenants,
    pub(crate) sessions: Sessions,
    pub(crate) judged: JudgedTickets,
    pub(crate) pages: Pages,
    /// The key that seals the state of negotiations, which clients hold in cookies.
    pub(crate) sealing_key: SealingKey,
    /// Whether this server serves `/explain`.
    pub(crate) explains: bool,
}

impl App {
    pub(crate) fn new(arguments: &Arguments, address: &str) -> Result<Self, Box<dyn Error>> {
        let config = arguments.config.as_deref().map(Config::load).transpose()?;
        let minutes = config.as_ref().map_or(Config::SESSION_MINUTES, |config| config.session_minutes);
        let tenants = match config {
            Some(config) => Tenants::of_config(config, arguments.allow_rc4)?,
            None => Tenants::of_test_realm(),
        };
        Ok(Self {
            address: address.into(),
            tenants,
            sessions: Sessions::new(Duration::from_secs(minutes.saturating_mul(60))),
            judged: JudgedTickets::default(),
            pages: Pages::new()?,
            sealing_key: SealingKey::new(clock::random()),
            explains: arguments.explain || arguments.config.is_none(),
        })
    }
}
