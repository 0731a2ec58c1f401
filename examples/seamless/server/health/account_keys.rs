//! The keys of a tenant's account, without their values.

use super::{DAY, Warning};
use kerberos_sso::crypto::EncType;
use kerberos_sso::{KeySet, UnixTime};
use minijinja::{Value, context};
use serde::{Serialize, Serializer};

/// The account and the keys with which the server decrypts tickets.
#[derive(Clone, Debug, Default, Serialize)]
pub(crate) struct AccountKeys {
    pub(super) account: String,
    keys: Vec<HeldKey>,
    /// The time in the newest entry of the keytab.
    #[serde(serialize_with = "seconds")]
    pub(crate) newest_key: Option<UnixTime>,
}

/// One key of the account, without its value.
#[derive(Clone, Copy, Debug, Serialize)]
struct HeldKey {
    kvno: Option<u32>,
    #[serde(serialize_with = "name")]
    etype: EncType,
    /// The last second at which the server uses the key, if the key is from an earlier keytab.
    #[serde(serialize_with = "seconds")]
    retires: Option<UnixTime>,
}

impl AccountKeys {
    /// Lists the keys of the account in `keys`. A tenant has only one account.
    pub(crate) fn new(keys: &KeySet, newest_key: Option<UnixTime>) -> Self {
        let of =
            |key: &kerberos_sso::ServiceKey| HeldKey { kvno: key.kvno(), etype: key.etype(), retires: key.not_after() };
        let account = keys.accounts().next();
        Self {
            account: account.map_or_else(String::new, |account| account.name().to_owned()),
            keys: account.map(|account| account.keys().iter().map(of).collect()).unwrap_or_default(),
            newest_key,
        }
    }

    /// Returns the keys that the server uses now. A keytab repeats a key for each name of the account, but the result
    /// lists each key once.
    pub(crate) fn serving_at(mut self, now: UnixTime) -> Self {
        self.keys.retain(|key| key.retires.is_none_or(|last| last >= now));
        let order = |key: &HeldKey| (key.retires, key.kvno, key.etype);
        self.keys.sort_by_key(order);
        self.keys.dedup_by_key(|key| order(key));
        self
    }

    /// Returns the age of the newest key as a text for the operators' page.
    pub(super) fn age(&self, now: UnixTime) -> Option<String> {
        let days = self.newest_key.map(|newest| now.seconds_since(newest).div_euclid(DAY))?;
        Some(match days {
            0 => "less than a day old".into(),
            1 => "1 day old".into(),
            days => format!("{days} days old"),
        })
    }

    /// Returns the keys as values for the template of the operators' page.
    pub(super) fn shown(&self) -> Vec<Value> {
        let shown = |key: &HeldKey| {
            let retires = key.retires.map(|time| time.to_string());
            context! { kvno => key.kvno, etype => key.etype.to_string(), retires }
        };
        self.keys.iter().map(shown).collect()
    }

    /// Returns the warnings about the keys. Keys of earlier keytabs cause no warnings.
    pub(crate) fn warnings(&self, now: UnixTime) -> impl Iterator<Item = Warning> + use<> {
        let days = self.newest_key.map(|newest| now.seconds_since(newest).div_euclid(DAY));
        let old = days.filter(|days| *days > MAX_DAYS).map(|days| Warning::KeyIsOld { days });
        let mut current = self.keys.iter().filter(|key| key.retires.is_none()).peekable();
        let is_weak = current.peek().is_some() && current.all(|key| key.etype == EncType::RC4_HMAC);
        old.into_iter().chain(is_weak.then_some(Warning::NoAesKey))
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde gives a reference to the field")]
fn name<S: Serializer>(etype: &EncType, serializer: S) -> Result<S::Ok, S::Error> {
    etype.name().serialize(serializer)
}

#[expect(clippy::ref_option, reason = "serde gives a reference to the field")]
fn seconds<S: Serializer>(time: &Option<UnixTime>, serializer: S) -> Result<S::Ok, S::Error> {
    time.map(UnixTime::seconds).serialize(serializer)
}

/// The greatest age of a key, in days. Microsoft's documents on Seamless SSO recommend a new key at least every 30 days.
const MAX_DAYS: i64 = 30;
