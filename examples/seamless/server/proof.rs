//! The check after validation: some accounts must prove more than their ticket or password does. Here the proof is a
//! time-based one-time code (RFC 6238). A production server would ask its own authenticator.

use crate::store::{Change, Key, Kind, Records, StoreError, epoch};
use kerberos_sso::{Identity, SessionIdentity, UnixTime};
use serde::{Deserialize, Serialize};
use std::collections::HashMap;
use totp_rs::{Algorithm, Secret, TOTP};

/// The accounts that must prove more.
#[derive(Default)]
pub(crate) struct Proofs {
    by_account: HashMap<String, TOTP>,
}

/// The codes that an account entered, in the store. Times are seconds since 1970.
#[derive(Clone, Copy, Default, Serialize, Deserialize)]
struct Codes {
    /// The time step of the last accepted code. A code of this step or of an earlier step is refused.
    used: u64,
    failures: u32,
    /// The time of the last wrong code.
    last_failure: u64,
}

impl Proofs {
    /// Reads the secret of each account. The keys are account names (sAMAccountName) or SIDs. The secrets are in base32 and
    /// have 128 bits or more (RFC 4226 section 4).
    pub(crate) fn new(secrets: &HashMap<String, String>) -> Result<Self, String> {
        let proof = |(account, secret): (&String, &String)| {
            // Such an entry would match no account, so the user for whom it was meant could sign in without a proof.
            if account.is_empty() || account.contains(['@', '\\']) {
                return Err(format!("proof of {account}: neither an account name alone nor a SID"));
            }
            let secret = Secret::Encoded(secret.clone()).to_bytes();
            let secret = secret.map_err(|_| format!("proof of {account}: the secret is not base32"))?;
            let proof = totp(secret).ok_or(format!("proof of {account}: the secret is too short"))?;
            Ok((account.to_lowercase(), proof))
        };
        Ok(Self { by_account: secrets.iter().map(proof).collect::<Result<_, String>>()? })
    }

    /// Returns whether this user must enter a one-time code before the session begins.
    pub(crate) fn are_needed(&self, user: &impl Known) -> bool {
        self.of(user).is_some()
    }

    /// Checks a code of this user. After [`MAX_FAILURES`] wrong codes, every code is refused for [`PAUSE`] seconds. A
    /// code is accepted once by all nodes.
    ///
    /// # Errors
    /// Returns an error if the store cannot be asked.
    pub(crate) async fn check(
        &self,
        records: &Records,
        tenant: &str,
        user: &impl Known,
        code: &str,
        time: UnixTime,
    ) -> Result<bool, StoreError> {
        let Some((account, totp)) = self.of(user) else { return Ok(false) };
        let now = u64::try_from(time.seconds()).unwrap_or_default();
        let key =
            Key::new(Kind::OneTimeCode, &records.secret().name(&[b"code", tenant.as_bytes(), account.as_bytes()]));
        // If the store has no entry of the account, it may have lost the entry of a code that was used before its
        // epoch.
        let epoch = u64::try_from(epoch(records, time).await?.seconds()).unwrap_or_default();
        let forgotten = Codes { used: step_of(epoch).saturating_add(1), ..Codes::default() };
        let change = |codes: Option<Codes>| match codes.unwrap_or(forgotten).checked(totp, code, now) {
            (None, is_good) => (Change::Keep, is_good),
            (Some(codes), is_good) => (Change::Put(codes, end(now)), is_good),
        };
        records.update(&key, change).await
    }

    fn of(&self, user: &impl Known) -> Option<(&str, &TOTP)> {
        let known = self.by_account.get_key_value(&user.sid().unwrap_or_default());
        let found = known.or_else(|| self.by_account.get_key_value(&user.account_name().unwrap_or_default()));
        found.map(|(account, totp)| (account.as_str(), totp))
    }
}

/// The names of a user, in lower case.
pub(crate) trait Known {
    fn sid(&self) -> Option<String>;
    fn account_name(&self) -> Option<String>;
}

impl Known for Identity {
    fn sid(&self) -> Option<String> {
        self.sid.map(|sid| sid.to_string().to_lowercase())
    }

    fn account_name(&self) -> Option<String> {
        self.account_name.as_ref().map(|name| name.to_lowercase())
    }
}

impl Known for SessionIdentity {
    fn sid(&self) -> Option<String> {
        self.sid.map(|sid| sid.to_string().to_lowercase())
    }

    fn account_name(&self) -> Option<String> {
        self.account_name.as_ref().map(|name| name.to_lowercase())
    }
}

fn step_of(time: u64) -> u64 {
    time.checked_div(STEP).unwrap_or_default()
}

fn totp(secret: Vec<u8>) -> Option<TOTP> {
    TOTP::new(Algorithm::SHA1, DIGITS, 0, STEP, secret).ok()
}

/// Returns the time after which the codes of an account are forgotten. Every used code is too old by then, and every
/// pause is over.
fn end(now: u64) -> UnixTime {
    let now = i64::try_from(now).unwrap_or(i64::MAX);
    UnixTime::from_seconds(now).saturating_add_seconds(KEPT_FOR)
}

impl Codes {
    /// Checks a code. Returns the codes after it, or `None` if they stay as they are, and whether the code is good.
    fn checked(self, totp: &TOTP, code: &str, now: u64) -> (Option<Self>, bool) {
        if self.failures >= MAX_FAILURES && now < self.last_failure.saturating_add(PAUSE) {
            return (None, false);
        }
        let digits: String = code.chars().filter(|character| !character.is_whitespace()).collect();
        let step = step_of(now);
        let near = step.saturating_sub(1)..=step.saturating_add(1);
        let is_code_of = |step: u64| totp.check(&digits, step.saturating_mul(STEP));
        let codes = match near.filter(|step| *step > self.used).find(|step| is_code_of(*step)) {
            Some(step) => Self { used: step, failures: 0, ..self },
            None => Self { failures: self.failures.saturating_add(1), last_failure: now, ..self },
        };
        (Some(codes), codes.failures == 0)
    }
}

const DIGITS: usize = 6;

/// The length of a time step, in seconds.
const STEP: u64 = 30;

/// The number of wrong codes after which the pause begins. Three of a million codes are valid at a time, so each guess
/// has a chance of three in a million.
const MAX_FAILURES: u32 = 5;

/// The pause after [`MAX_FAILURES`] wrong codes, in seconds.
const PAUSE: u64 = 5 * 60;

/// The time for which the store keeps the codes of an account after the last code, in seconds. This time is longer
/// than [`PAUSE`] and longer than a code is valid.
const KEPT_FOR: i64 = 60 * 60;

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    /// The codes are the last six digits of the codes in RFC 6238 appendix B.
    #[test]
    fn code_is_refused_at_its_second_use_and_after_five_wrong_codes() {
        let (totp, mut codes) = (totp(b"12345678901234567890".to_vec()).unwrap(), Codes::default());
        let mut check = |code: &str, now| {
            let (new, is_good) = codes.checked(&totp, code, now);
            codes = new.unwrap_or(codes);
            is_good
        };
        assert!(!check("000000", 1_111_111_109));
        assert!(check("081 804", 1_111_111_109));
        assert!(!check("081804", 1_111_111_109));
        for _ in 0..MAX_FAILURES {
            assert!(!check("000000", 1_111_111_111));
        }
        assert!(!check("050471", 1_111_111_111));
    }

    #[test]
    fn proof_is_refused_for_a_short_secret_or_an_account_name_with_a_domain() {
        let long = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP";
        let new = |account: &str, secret: &str| Proofs::new(&HashMap::from([(account.into(), secret.into())])).is_ok();
        assert!(new("bob", long) && new("S-1-5-21-1-2-3-1105", long));
        assert!(!new("bob", "") && !new("bob", "JBSWY3DPEHPK3PXP") && !new("bob", "1"));
        assert!(!new("bob@contoso.test", long) && !new("CONTOSO\\bob", long) && !new("", long));
    }
}
