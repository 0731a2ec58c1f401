//! The server's side of sign-in: keys of a watched keytab, a policy, a replay cache, and the layer.

use crate::keytab_file::{KeytabFileError, Loaded, Selection, load};
use crate::system::{now, randomness, try_randomness};
use crate::watch::{Fingerprint, each};
use kerberos_sso::crypto::EncType;
use kerberos_sso::replay::{AsyncReplayCache, MemoryReplayCache};
use kerberos_sso::tower::NegotiateLayer;
use kerberos_sso::{Account, KeySet, Policy, SharedValidator, Sid, UnixTime, Validator};
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Sender, channel};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;
use thiserror::Error;

/// The keys, policy and replay cache of a running server. The keytab is watched until the last clone is dropped.
///
/// [`Server::in_active_directory`] and [`Server::in_realm`] return a [`Builder`], which starts a server.
pub struct Server<R = MemoryReplayCache> {
    shared: Arc<Shared<R>>,
    /// The thread that watches the keytab ends when the last clone of this sender is dropped.
    watch: Sender<()>,
}

/// The data that the server shares with the thread that watches the keytab.
struct Shared<R> {
    path: PathBuf,
    settings: Settings,
    validator: SharedValidator<R>,
    state: Mutex<State>,
}

/// The keys that the validator uses, and the fingerprint of the file at the last look.
struct State {
    keys: Arc<KeySet>,
    looked_at: Option<Fingerprint>,
}

/// The reason why a server does not start. `Debug` prints the same sentence as `Display`, because a `main` that returns an
/// error prints it by `Debug`.
#[derive(Error)]
#[non_exhaustive]
pub enum StartError {
    /// The keytab cannot be used.
    #[error(transparent)]
    Keytab(#[from] KeytabFileError),
    /// The operating system's random generator returns an error, so the server could not answer clients.
    #[error("the operating system returns no random octets")]
    NoRandomness,
}

/// The result of a look at the keytab.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Reload {
    /// The file has not changed since the last look.
    Unchanged,
    /// The file has changed, and the server now uses the file's keys.
    Replaced,
}

/// The settings of a server before it starts.
#[must_use]
pub struct Builder {
    settings: Settings,
    entries: usize,
    interval: Duration,
}

struct Settings {
    selection: Selection,
    domain: Option<Sid>,
    bounds: Box<dyn Fn(Account) -> Account + Send + Sync>,
    policy: Policy,
}

impl Server {
    /// Begins the configuration of a server for a service in Active Directory. Every ticket must have a PAC whose user
    /// belongs to the domain with the SID `domain`.
    ///
    /// `principal` names the keytab's entries: the service principal name (`HTTP/www.example.com`) or the account (`WEB$`),
    /// as `klist -k` shows it. The case of ASCII letters is ignored.
    pub fn in_active_directory(principal: &str, domain: Sid) -> Builder {
        Builder::new(principal, Some(domain))
    }

    /// Begins the configuration of a server for a service outside Active Directory, such as in a realm of MIT krb5 or
    /// FreeIPA. Tickets need no PAC, and a user is identified by name.
    ///
    /// `principal` names the keytab's entries, as `klist -k` shows it. The case of ASCII letters is ignored.
    pub fn in_realm(principal: &str) -> Builder {
        Builder::new(principal, None)
    }
}

impl Builder {
    fn new(principal: &str, domain: Option<Sid>) -> Self {
        let (name, realm) = match principal.split_once('@') {
            Some((name, realm)) => (name, Some(realm.into())),
            None => (principal, None),
        };
        let selection = Selection { principals: vec![name.into()], realm, open_to_others: false };
        let settings = Settings { selection, domain, bounds: Box::new(|account| account), policy: Policy::default() };
        Self { settings, entries: 60_000, interval: Duration::from_secs(10) }
    }

    /// Adds another principal of the same account, for example for a second host name.
    pub fn with_service(mut self, principal: &str) -> Self {
        self.settings.selection.principals.push(principal.into());
        self
    }

    /// Sets the realm of the principals, for a keytab that has entries of the principals in several realms.
    pub fn with_realm(mut self, realm: &str) -> Self {
        self.settings.selection.realm = Some(realm.into());
        self
    }

    /// Sets the policy. The default is [`Policy::default`].
    pub fn with_policy(mut self, policy: Policy) -> Self {
        self.settings.policy = policy;
        self
    }

    /// Sets a function that adds bounds to the account each time the keytab is read. Bounds are other domains of the forest
    /// ([`Account::with_forest_domain`]), or trusted forests ([`Account::with_trusted_domain`]).
    pub fn with_bounds(mut self, bounds: impl Fn(Account) -> Account + Send + Sync + 'static) -> Self {
        self.settings.bounds = Box::new(bounds);
        self
    }

    /// Sets the number of authenticators that the replay cache holds. Set it to the number of sign-ins within two clock
    /// skews. The default is 60,000, enough for 100 sign-ins a second with the default skew. With the default, the
    /// cache needs 1.4 MB.
    pub fn with_replay_entries(self, entries: usize) -> Self {
        Self { entries, ..self }
    }

    /// Sets the interval at which the server looks at the keytab. The default is ten seconds.
    pub fn checking_every(self, interval: Duration) -> Self {
        Self { interval, ..self }
    }

    /// Accepts a keytab that every user of the machine can read or change. With such a keytab, every user of the
    /// machine can sign in to this server as any other user.
    pub fn allow_open_to_others(mut self) -> Self {
        self.settings.selection.open_to_others = true;
        self
    }

    /// Reads the keytab, and starts to watch it.
    ///
    /// # Errors
    /// Returns [`StartError`] if the keytab cannot be used, or if the operating system has no randomness.
    pub fn start(self, keytab: impl Into<PathBuf>) -> Result<Server, StartError> {
        let cache = MemoryReplayCache::new(self.entries, self.settings.policy.clock_skew(), now());
        self.start_with(keytab, cache)
    }

    /// Reads the keytab, and starts to watch it. The server uses the caller's replay cache, for example a cache that
    /// several nodes share.
    ///
    /// # Errors
    /// Returns [`StartError`] as for [`start`](Self::start).
    pub fn start_with<R: Send + Sync + 'static>(
        self,
        keytab: impl Into<PathBuf>,
        replay: R,
    ) -> Result<Server<R>, StartError> {
        let (path, settings) = (keytab.into(), self.settings);
        // The fingerprint is taken before the file is read. If the file is replaced in between, the next look sees
        // another fingerprint and reads the new file.
        let looked_at = Fingerprint::of(&path).ok();
        let keys = Arc::new(settings.load(&path)?);
        try_randomness().map_err(|_| StartError::NoRandomness)?;
        let validator = SharedValidator::new(Validator::new(Arc::clone(&keys), settings.policy.clone(), replay));
        let state = Mutex::new(State { keys, looked_at });
        let shared = Arc::new(Shared { path, settings, validator, state });
        let watch = watch(Arc::downgrade(&shared), self.interval);
        Ok(Server { shared, watch })
    }
}

impl<R: Send + Sync + 'static> Server<R> {
    /// Returns the validator with the present keys, for protocols other than HTTP. Call this method for each request, so that
    /// the request is validated with the newest keys.
    pub fn validator(&self) -> Validator<R> {
        self.shared.validator.validator()
    }

    /// Looks at the keytab now, without waiting for the interval. If the file has changed, the server uses the file's
    /// keys from now on. The server uses the old keys until the last ticket under an old key has ended.
    ///
    /// # Errors
    /// Returns [`KeytabFileError`] if the new file cannot be used. The server then keeps its keys.
    pub fn reload(&self) -> Result<Reload, KeytabFileError> {
        self.shared.look(now())
    }
}

impl<R: AsyncReplayCache + Send + Sync + 'static> Server<R> {
    /// Returns a layer for a `tower` or axum server, with the operating system's clock and randomness.
    pub fn layer(&self) -> NegotiateLayer {
        NegotiateLayer::new(self.shared.validator.clone(), now, randomness)
    }
}

impl<R> Clone for Server<R> {
    fn clone(&self) -> Self {
        Self { shared: Arc::clone(&self.shared), watch: self.watch.clone() }
    }
}

impl Settings {
    /// Reads the keytab into a key set of one account, and logs the entries that are not used.
    fn load(&self, path: &Path) -> Result<KeySet, KeytabFileError> {
        let is_allowed = |etype: EncType| self.policy.ticket_etypes().any(|allowed| allowed == etype);
        let Loaded { account, others, unusable, holds_krbtgt } = load(path, &self.selection, is_allowed)?;
        if holds_krbtgt {
            tracing::error!(
                path = %path.display(),
                "the keytab holds a key of krbtgt: every reader of this file can be any user of the realm; export the \
                 keys of the service's account only, and change the password of krbtgt twice"
            );
        }
        if let Some(unusable) = unusable {
            tracing::warn!(
                path = %path.display(),
                %unusable,
                "the keytab has records that are not whole; the server uses the other records"
            );
        }
        if let Some(others) = others {
            tracing::warn!(
                path = %path.display(),
                %others,
                "the keytab has entries of other principals, which the server does not use"
            );
        }
        let account = match self.domain {
            Some(domain) => account.of_active_directory().with_domain_sid(domain),
            None => account,
        };
        let account = (self.bounds)(account);
        tracing::info!(path = %path.display(), keys = %on_one_line(&account), "the server uses the keys of the keytab");
        Ok(KeySet::from(account))
    }

    /// Returns the latest end of a ticket that a client can have at `now`.
    fn end_of_tickets(&self, now: UnixTime) -> UnixTime {
        let longest = self.policy.max_ticket_lifetime().unwrap_or(UNLIMITED_TICKETS);
        let seconds = longest.checked_add(self.policy.clock_skew()).map_or(u64::MAX, |sum| sum.as_secs());
        now.saturating_add_seconds(i64::try_from(seconds).unwrap_or(i64::MAX))
    }
}

/// Returns the keys of an account on one line, for a log. `Display` prints a line for each key, as `klist -k` does.
fn on_one_line(account: &Account) -> String {
    account.to_string().lines().map(str::trim_start).collect::<Vec<_>>().join(", ")
}

impl<R> Shared<R> {
    /// Reads the keytab if it has changed since the last look.
    fn look(&self, now: UnixTime) -> Result<Reload, KeytabFileError> {
        // The state is valid even after a panic, because each field is replaced in one step.
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let found = Fingerprint::of(&self.path).map_err(KeytabFileError::Read)?;
        if state.looked_at.as_ref() == Some(&found) {
            return Ok(Reload::Unchanged);
        }
        state.looked_at = Some(found);
        let keys = self.settings.load(&self.path)?.with_retiring_keys(&state.keys, self.settings.end_of_tickets(now));
        state.keys = Arc::new(keys);
        self.validator.replace_keys(Arc::clone(&state.keys));
        Ok(Reload::Replaced)
    }

    /// Reads the keytab if it has changed, and logs an error unless the previous look had the same error.
    fn look_and_log(&self, logged: &mut Option<String>) {
        let error = self.look(now()).err().map(|error| {
            let source = std::error::Error::source(&error).map(|source| format!(": {source}"));
            format!("{error}{}", source.unwrap_or_default())
        });
        if let Some(error) = error.as_ref().filter(|error| logged.as_ref() != Some(error)) {
            tracing::error!(path = %self.path.display(), error, "the keytab cannot be used; the keys stay as they are");
        }
        *logged = error;
    }
}

/// Starts the thread that looks at the keytab.
fn watch<R: Send + Sync + 'static>(shared: Weak<Shared<R>>, interval: Duration) -> Sender<()> {
    let (stop, stopped) = channel();
    let mut logged = None;
    let look = move || {
        let Some(shared) = shared.upgrade() else { return false };
        shared.look_and_log(&mut logged);
        true
    };
    let thread = std::thread::Builder::new().name("keytab".into());
    if let Err(error) = thread.spawn(move || each(interval, &stopped, look)) {
        tracing::error!(%error, "the keytab is not watched: call Server::reload after a rollover");
    }
    stop
}

impl fmt::Debug for StartError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")?;
        match std::error::Error::source(self) {
            Some(source) => write!(f, ": {source}"),
            None => Ok(()),
        }
    }
}

impl<R> fmt::Debug for Server<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Server").field("keytab", &self.shared.path).finish_non_exhaustive()
    }
}

impl fmt::Debug for Builder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Builder").field("selection", &self.settings.selection).finish_non_exhaustive()
    }
}

/// The assumed longest lifetime of a ticket if the policy sets no limit. KDCs usually limit even renewable tickets to a week.
const UNLIMITED_TICKETS: Duration = Duration::from_secs(7 * 24 * 60 * 60);

#[cfg(test)]
mod tests;
