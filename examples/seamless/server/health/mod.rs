//! The health of each tenant's account: the age and the types of its keys, and the signs that somebody else has a key.
//!
//! The log has a line for each warning, and the operators' listener shows all warnings ([`crate::operators`]).

mod account_keys;
mod signs;
#[cfg(test)]
mod tests;
mod warning;

pub(crate) use account_keys::AccountKeys;
pub(crate) use signs::{Sign, Signs};
pub(crate) use warning::Warning;

use crate::hashes::Table;
use crate::tenants::Tenant;
use kerberos_sso::UnixTime;
use minijinja::{Value, context};
use serde::Serialize;
use std::collections::HashMap;
use std::sync::Arc;

/// The health of one tenant's account at one time.
#[derive(Debug, Serialize)]
pub(crate) struct Health {
    pub(crate) tenant: Arc<str>,
    realm: Arc<str>,
    #[serde(flatten)]
    keys: AccountKeys,
    #[serde(flatten)]
    counts: Counts,
    /// The last message of the source of password hashes, if the tenant uses password hashes.
    hashes: Option<Hashes>,
    #[serde(skip)]
    pub(crate) warnings: Vec<Warning>,
}

/// How old the password hashes are.
#[derive(Debug, Serialize)]
struct Hashes {
    /// The time of the last message, in seconds since 1970, or `None` if there was none.
    last: Option<i64>,
    /// The number of accounts that the source still had to send after that message.
    left: u64,
    #[serde(skip)]
    max_hours: i64,
}

impl Hashes {
    fn of(table: &Table) -> Self {
        let known = table.last_known();
        let (last, left) = known.map_or((None, 0), |known| (Some(known.last), known.left));
        Self { last, left, max_hours: table.max_hours() }
    }

    /// Returns a warning if the password hashes are missing or too old.
    fn warning(&self, now: UnixTime) -> Option<Warning> {
        let hours = self.last.map(|last| now.seconds().saturating_sub(last).div_euclid(HOUR));
        let most = self.max_hours;
        match hours {
            None => Some(Warning::NoHashes),
            Some(hours) => (hours >= most).then_some(Warning::HashesAreOld { hours, most }),
        }
    }

    fn shown(&self, now: UnixTime) -> String {
        match self.last.map(|last| now.seconds().saturating_sub(last)) {
            None => "never synchronised".into(),
            Some(seconds) if seconds < 60 => format!("synchronised a moment ago, {} accounts left", self.left),
            Some(seconds) => {
                format!("synchronised {} minutes ago, {} accounts left", seconds.div_euclid(60), self.left)
            }
        }
    }
}

/// How often each sign ([`Sign`]) occurred at one tenant since the server started.
#[derive(Debug, Serialize)]
struct Counts {
    unknown_kvno: u64,
    wrong_key: u64,
    forged_kvno: u64,
    foreign_realm: u64,
    administrator_sign_ins: u64,
    rc4_sign_ins: u64,
}

impl Health {
    /// Returns the health of a tenant's account.
    pub(crate) fn of(tenant: &Tenant, now: UnixTime) -> Self {
        let keys = tenant.keys().serving_at(now);
        let signs = &tenant.signs;
        let count = |sign| signs.count(sign);
        let hashes = tenant.hashes.as_ref().map(Hashes::of);
        Self {
            tenant: Arc::clone(&tenant.name),
            realm: Arc::clone(&tenant.realm),
            counts: Counts {
                unknown_kvno: count(Sign::UnknownKvno),
                wrong_key: count(Sign::WrongKey),
                forged_kvno: count(Sign::ForgedKvno),
                foreign_realm: count(Sign::ForeignRealm),
                administrator_sign_ins: count(Sign::Administrator),
                rc4_sign_ins: count(Sign::Rc4),
            },
            warnings: keys
                .warnings(now)
                .chain(signs.warnings(now))
                .chain(hashes.as_ref().and_then(|hashes| hashes.warning(now)))
                .collect(),
            hashes,
            keys,
        }
    }
}

impl Health {
    /// Returns the values for the template of the operators' page.
    pub(crate) fn shown(&self, now: UnixTime) -> Value {
        let counts = &self.counts;
        let counts = [
            ("Sign-ins of administrators", counts.administrator_sign_ins),
            ("Sign-ins with RC4", counts.rc4_sign_ins),
            ("Refused tickets that name an unknown key version", counts.unknown_kvno),
            ("Tickets that no key opened", counts.wrong_key),
            ("Tickets under the account's key that name an unknown key version", counts.forged_kvno),
            ("Tickets of other realms", counts.foreign_realm),
        ];
        let counts: Vec<_> = counts.iter().map(|(name, value)| context! { name, value }).collect();
        let warnings = self.warnings.iter().map(|warning| {
            context! { code => warning.code(), text => warning.to_string(), remedy => warning.remedy() }
        });
        context! {
            name => &*self.tenant,
            realm => &*self.realm,
            account => self.keys.account,
            newest => self.keys.age(now),
            keys => self.keys.shown(),
            hashes => self.hashes.as_ref().map(|hashes| hashes.shown(now)),
            counts,
            warnings => warnings.collect::<Vec<_>>(),
        }
    }
}

/// The warnings in the log, with the time of the last line for each warning.
#[derive(Default)]
pub(crate) struct Logged(HashMap<(Arc<str>, &'static str), UnixTime>);

impl Logged {
    /// Writes a line for each warning that is new, and one line a day for each warning that stays.
    pub(crate) fn log<'h>(&mut self, all: impl IntoIterator<Item = &'h Health>, now: UnixTime) {
        let mut found = HashMap::new();
        for health in all {
            for warning in &health.warnings {
                let of = (Arc::clone(&health.tenant), warning.code());
                let last = self.0.get(&of).copied().filter(|last| now.seconds_since(*last) < DAY);
                if last.is_none() {
                    let (tenant, code, remedy) = (&*health.tenant, warning.code(), warning.remedy());
                    tracing::warn!(tenant, warning = code, remedy, "{warning}");
                }
                found.insert(of, last.unwrap_or(now));
            }
        }
        self.0 = found;
    }
}

const HOUR: i64 = 60 * 60;
const DAY: i64 = 24 * HOUR;
