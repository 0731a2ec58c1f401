//! App passwords: passwords that the server makes for programs that cannot show its sign-in page, such as mail programs. Only
//! the password grant (`oidc/password_grant.rs`) accepts an app password.
//!
//! - A user makes an app password on [`page`]. The user must have signed in a short time before. A user who has a secret for
//!   one-time codes must have entered a code, too.
//! - The store does not have the app password itself. The name of its entry in the store is the beginning of an HMAC of
//!   the app password and of the tenant's name, with a key from the server's secret ([`text`]).
//! - The entry has the names and groups that the user had when the app password was made. Every sign-in with the app
//!   password has these names and groups.
//! - An app password ends when its user revokes it, or after the number of days in the configuration. The grants of an
//!   app password end with the app password. At a sign-in by an app password, the server does not ask the directory. So
//!   the app passwords of a user whom the directory disables stay valid until they end.
//! - Wrong app passwords have a counter of their own. A program that still sends a revoked app password therefore locks nobody
//!   out of the sign-in page.

mod config;
mod page;
mod text;

pub(crate) use config::Config;
pub(crate) use page::routes;
pub(crate) use text::AppPassword;

use crate::lockout::{Locked, Lockout, Outcome};
use crate::oidc::User;
use crate::principal;
use crate::session::Session;
use crate::store::{Change, Key, Kind, Locator, Records, StoreError, When};
use crate::tenants::Tenant;
use crate::user_name::UserName;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use kerberos_sso::{SessionIdentity, Sid, UnixTime};
use minijinja::{Value, context};
use serde::{Deserialize, Serialize};
use std::net::IpAddr;
use thiserror::Error;
use zeroize::Zeroizing;

/// The app passwords of all users, in the store.
pub(crate) struct AppPasswords(Records);

/// The entry of an app password in the store. Times are seconds since 1970.
#[derive(Serialize, Deserialize)]
struct Stored {
    identity: SessionIdentity,
    made: i64,
    /// Whether the user entered a one-time code before they made the app password.
    is_proved: bool,
}

impl Stored {
    fn is_young(&self, config: &Config, now: UnixTime) -> bool {
        now.seconds().saturating_sub(self.made) < config.lifetime()
    }
}

/// The entry for an app password in the list of a user's app passwords. Times are seconds since 1970.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Listed {
    locator: Locator,
    /// The name that the user gave to the app password.
    name: String,
    made: i64,
    /// The time of the last sign-in. The user may have signed in again in the [`TOLD_EVERY`] seconds after this time.
    used: Option<i64>,
    end: i64,
}

/// The user name and the app password that a client sent for its user.
#[derive(Clone, Copy)]
pub(crate) struct Presented<'a> {
    pub(crate) user: &'a UserName,
    pub(crate) password: &'a AppPassword,
    /// The user's IP address, if the client sends this address.
    pub(crate) address: Option<IpAddr>,
}

/// A sign-in by an app password.
pub(crate) struct SignedIn {
    pub(crate) locator: Locator,
    /// The user as the directory named them when the app password was made.
    pub(crate) user: User,
    /// Whether the user entered a one-time code before they made the app password.
    pub(crate) is_proved: bool,
}

/// The reason why an app password signs nobody in.
#[derive(Debug, Error)]
pub(crate) enum Refusal {
    #[error("the app password is unknown, was revoked or has ended")]
    Unknown,
    #[error("the app password is of another user")]
    OfAnother,
    #[error("the configuration blocks the app passwords of this user")]
    Blocked,
    #[error("too many wrong app passwords: this server refuses every app password of this user name for {0} s")]
    TooManyWrong(i64),
    #[error("too many wrong passwords: this server refuses every password of this address for {0} s")]
    TooManyFromAddress(i64),
    #[error(transparent)]
    Store(StoreError),
}

impl Refusal {
    /// Returns the code of the reason, for the metrics.
    pub(crate) const fn code(&self) -> &'static str {
        match self {
            Self::Unknown => "unknown",
            Self::OfAnother => "of-another",
            Self::Blocked => "blocked",
            Self::TooManyWrong(_) => "too-many-wrong",
            Self::TooManyFromAddress(_) => "too-many-from-address",
            Self::Store(_) => "store",
        }
    }
}

impl Listed {
    /// Returns the values for the page. The times are shown as days in UTC.
    pub(crate) fn shown(&self) -> Value {
        let day = |seconds| UnixTime::from_seconds(seconds).to_string().chars().take(10).collect::<String>();
        context! {
            id => URL_SAFE_NO_PAD.encode(self.locator),
            name => &self.name,
            made => day(self.made),
            used => self.used.map(day),
            end => day(self.end),
        }
    }
}

impl AppPasswords {
    pub(crate) const fn new(records: Records) -> Self {
        Self(records)
    }

    /// Makes an app password for the user of a session, and returns its text. Returns `None` if the user already has
    /// [`MAX_OF_ONE_USER`] app passwords.
    ///
    /// # Errors
    /// Returns an error if the store cannot be asked.
    pub(crate) async fn make(
        &self,
        config: &Config,
        session: &Session,
        sid: Sid,
        name: &str,
        now: UnixTime,
    ) -> Result<Option<Zeroizing<String>>, StoreError> {
        let (password, secret) = (AppPassword::random(), self.0.secret());
        let (locator, end) = (password.locator(secret, &session.tenant), now.saturating_add_seconds(config.lifetime()));
        let new = Listed { locator, name: name.into(), made: now.seconds(), used: None, end: end.seconds() };
        let is_listed = self.change(&session.tenant, sid, now, |listed| {
            let has_room = listed.len() < MAX_OF_ONE_USER;
            if has_room {
                listed.push(new.clone());
            }
            has_room
        });
        if !is_listed.await? {
            return Ok(None);
        }
        let stored = Stored { identity: session.identity.clone(), made: now.seconds(), is_proved: session.is_proved };
        self.0.put(&key(&locator), &stored, end, When::Absent).await?;
        let user = principal::of(&session.identity);
        tracing::info!(tenant = %session.tenant, user, name, "made an app password");
        Ok(Some(password.text(secret)))
    }

    /// Returns the app passwords of a user, the oldest first.
    ///
    /// # Errors
    /// Returns an error if the store cannot be asked.
    pub(crate) async fn of_user(&self, tenant: &str, sid: Sid, now: UnixTime) -> Result<Vec<Listed>, StoreError> {
        let listed: Option<Vec<Listed>> = self.0.get(&self.list(tenant, sid)).await?;
        Ok(listed.unwrap_or_default().into_iter().filter(|one| one.end > now.seconds()).collect())
    }

    /// Ends an app password of a user, and the grants of the app password. Returns the name of the app password.
    ///
    /// # Errors
    /// Returns an error if the store cannot be asked.
    pub(crate) async fn revoke(
        &self,
        tenant: &str,
        sid: Sid,
        locator: &Locator,
        now: UnixTime,
    ) -> Result<Option<String>, StoreError> {
        let listed = self.of_user(tenant, sid, now).await?;
        let Some(one) = listed.into_iter().find(|one| one.locator == *locator) else { return Ok(None) };
        // A store that loses its last writes in a failover may bring the entry back. The mark still ends the app password.
        self.0.store().mark(&mark(locator), UnixTime::from_seconds(one.end)).await?;
        self.0.delete(&key(locator)).await?;
        self.change(tenant, sid, now, |listed| listed.retain(|one| one.locator != *locator)).await?;
        Ok(Some(one.name))
    }

    /// Returns whether an app password is in the store and not revoked.
    ///
    /// # Errors
    /// Returns an error if the store cannot be asked.
    pub(crate) async fn goes_on(records: &Records, locator: &Locator) -> Result<bool, StoreError> {
        let (mark, key) = (mark(locator), key(locator));
        let (marked, found) = tokio::try_join!(records.store().get(&mark), records.store().get(&key))?;
        Ok(marked.is_none() && found.is_some())
    }

    /// Returns whether an app password is younger than the lifetime in the present configuration. An administrator may
    /// have shortened this lifetime since the user signed in. So the server checks the age at each refresh of tokens.
    ///
    /// # Errors
    /// Returns an error if the store cannot be asked.
    pub(crate) async fn is_young(&self, config: &Config, locator: &Locator, now: UnixTime) -> Result<bool, StoreError> {
        let stored: Option<Stored> = self.0.get(&key(locator)).await?;
        Ok(stored.is_some_and(|stored| stored.is_young(config, now)))
    }

    /// Checks whether an app password is valid for the named user.
    pub(crate) async fn sign_in(
        &self,
        lockout: &Lockout,
        tenant: &Tenant,
        config: &Config,
        presented: Presented<'_>,
        now: UnixTime,
    ) -> Result<SignedIn, Refusal> {
        let attempt = lockout.begin_app_password(&tenant.name, presented.user, presented.address, now).await;
        let attempt = attempt.map_err(|locked| match locked {
            Locked::Name(seconds) => Refusal::TooManyWrong(seconds),
            Locked::Address(seconds) => Refusal::TooManyFromAddress(seconds),
        })?;
        let verdict = self.check(tenant, config, presented, now).await;
        let outcome = match &verdict {
            Ok(_) => Outcome::Right,
            Err(Refusal::Store(_)) => Outcome::Unchecked,
            Err(_) => Outcome::Wrong,
        };
        lockout.end(&attempt, outcome, now).await;
        verdict
    }

    async fn check(
        &self,
        tenant: &Tenant,
        config: &Config,
        presented: Presented<'_>,
        now: UnixTime,
    ) -> Result<SignedIn, Refusal> {
        let locator = presented.password.locator(self.0.secret(), &tenant.name);
        let key = key(&locator);
        let (marked, stored) = tokio::try_join!(self.is_marked(&locator), self.0.get(&key)).map_err(Refusal::Store)?;
        let is_live = |stored: &Stored| stored.is_young(config, now) && !marked;
        let Stored { identity, is_proved, .. } = stored.filter(is_live).ok_or(Refusal::Unknown)?;
        let is_of_user = tenant.is_name_of(presented.user, &identity);
        let user = User::of_session(&identity).filter(|_| is_of_user).ok_or(Refusal::OfAnother)?;
        if config.blocks(&user) {
            return Err(Refusal::Blocked);
        }
        if let Err(error) = self.note_use(&tenant.name, user.sid, &locator, now).await {
            tracing::warn!("the use of an app password is not noted: {error}");
        }
        Ok(SignedIn { locator, user, is_proved })
    }

    async fn is_marked(&self, locator: &Locator) -> Result<bool, StoreError> {
        Ok(self.0.store().get(&mark(locator)).await?.is_some())
    }

    /// Records the time of a sign-in by an app password in the user's list. A program signs in often, so the server
    /// writes at most once in [`TOLD_EVERY`] seconds.
    async fn note_use(&self, tenant: &str, sid: Sid, locator: &Locator, now: UnixTime) -> Result<(), StoreError> {
        let is_old = |one: &Listed| one.used.is_none_or(|used| now.seconds().saturating_sub(used) >= TOLD_EVERY);
        let listed = self.of_user(tenant, sid, now).await?;
        if !listed.iter().any(|one| one.locator == *locator && is_old(one)) {
            return Ok(());
        }
        let note = |listed: &mut Vec<Listed>| {
            listed.iter_mut().filter(|one| one.locator == *locator).for_each(|one| one.used = Some(now.seconds()));
        };
        self.change(tenant, sid, now, note).await
    }

    /// Changes the list of a user, and removes the app passwords that have ended.
    async fn change<R>(
        &self,
        tenant: &str,
        sid: Sid,
        now: UnixTime,
        change: impl Fn(&mut Vec<Listed>) -> R,
    ) -> Result<R, StoreError> {
        let key = self.list(tenant, sid);
        let changed = |listed: Option<Vec<Listed>>| {
            let mut listed = listed.unwrap_or_default();
            listed.retain(|one| one.end > now.seconds());
            let result = change(&mut listed);
            let last = listed.iter().map(|one| one.end).max().unwrap_or_else(|| now.seconds());
            (Change::Put(listed, UnixTime::from_seconds(last)), result)
        };
        self.0.update(&key, changed).await
    }

    fn list(&self, tenant: &str, sid: Sid) -> Key {
        let (tenant, sid) = (tenant.to_ascii_lowercase(), sid.to_bytes());
        Key::new(Kind::AppPasswords, &self.0.secret().name(&[b"app passwords", tenant.as_bytes(), sid.as_ref()]))
    }
}

fn key(locator: &Locator) -> Key {
    Key::new(Kind::AppPassword, locator)
}

fn mark(locator: &Locator) -> Key {
    Key::new(Kind::EndedAppPassword, locator)
}

/// The largest number of app passwords of one user. This number is enough for several programs on several devices.
pub(crate) const MAX_OF_ONE_USER: usize = 20;

/// The shortest time between two uses of an app password that the server records, in seconds.
const TOLD_EVERY: i64 = 60 * 60;

#[cfg(test)]
mod tests;
