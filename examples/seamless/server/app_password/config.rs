//! The configuration of a tenant's app passwords: `"app_passwords": {"days": 90, "blocked": ["S-1-5-21-…-1105"]}`. A
//! tenant without this configuration has no app passwords. If an administrator removes the configuration, app passwords
//! that were made before sign nobody in.

use crate::oidc::User;
use kerberos_sso::Sid;
use serde::Deserialize;

#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Config {
    /// The lifetime of an app password, in days.
    days: u16,
    /// The users and groups whose app passwords the server refuses. The list is for users who have left, because the server
    /// does not ask the directory about an app password.
    blocked: Vec<Sid>,
}

impl Default for Config {
    fn default() -> Self {
        Self { days: 90, blocked: Vec::new() }
    }
}

impl Config {
    pub(crate) fn check(&self) -> Result<(), String> {
        match self.days {
            1..=MAX_DAYS => Ok(()),
            _ => Err(format!("app_passwords: `days` must be from 1 to {MAX_DAYS}")),
        }
    }

    /// Returns the lifetime of an app password, in seconds.
    pub(super) fn lifetime(&self) -> i64 {
        i64::from(self.days).saturating_mul(24 * 60 * 60)
    }

    /// Returns whether the app passwords of a user are refused.
    pub(crate) fn blocks(&self, user: &User) -> bool {
        self.blocked.iter().any(|blocked| user.sid == *blocked || user.groups.contains(blocked))
    }
}

const MAX_DAYS: u16 = 366;

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn app_password_lives_for_90_days_by_default_and_for_one_to_366_days_by_configuration() {
        let of = |json: &str| serde_json::from_str::<Config>(json).unwrap();
        assert_eq!(of("{}").lifetime(), 90 * 86_400);
        for (days, is_good) in [(0, false), (1, true), (366, true), (367, false)] {
            assert_eq!(of(&format!(r#"{{"days": {days}}}"#)).check().is_ok(), is_good, "{days}");
        }
        assert!(serde_json::from_str::<Config>(r#"{"weeks": 1}"#).is_err());
    }
}
