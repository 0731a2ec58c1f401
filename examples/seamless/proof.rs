//! The check after validation: some accounts must prove more than their ticket or password does. Here the proof is a
//! time-based one-time code (RFC 6238). A production server would ask its own authenticator.

use kerberos_sso::{Identity, UnixTime};
use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use totp_rs::{Algorithm, Secret, TOTP};

/// The accounts that must prove more, each with the state of its proof.
#[derive(Default)]
pub(crate) struct Proofs {
    by_account: HashMap<String, Mutex<Proof>>,
}

struct Proof {
    codes: TOTP,
    /// The time step of the last accepted code. A code of this step or of an earlier step is refused.
    used: u64,
    failures: u32,
    /// The time of the last wrong code, in seconds since 1970.
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
            let proof = Proof::new(secret).ok_or(format!("proof of {account}: the secret is too short"))?;
            Ok((account.to_lowercase(), Mutex::new(proof)))
        };
        Ok(Self { by_account: secrets.iter().map(proof).collect::<Result<_, String>>()? })
    }

    /// Returns whether this user must enter a one-time code before the session begins.
    pub(crate) fn are_needed(&self, identity: &Identity) -> bool {
        self.of(identity).is_some()
    }

    /// Checks a code of this user. After [`MAX_FAILURES`] wrong codes, every code is refused for [`PAUSE`] seconds.
    pub(crate) fn check(&self, identity: &Identity, code: &str, now: UnixTime) -> bool {
        let now = u64::try_from(now.seconds()).unwrap_or_default();
        let of_account = self.of(identity);
        of_account.is_some_and(|proof| proof.lock().unwrap_or_else(PoisonError::into_inner).check(code, now))
    }

    fn of(&self, identity: &Identity) -> Option<&Mutex<Proof>> {
        let sid = identity.sid.map(|sid| sid.to_string().to_lowercase());
        let name = identity.account_name.as_ref().map(|name| name.to_lowercase());
        [sid, name].into_iter().flatten().find_map(|account| self.by_account.get(&account))
    }
}

impl Proof {
    fn new(secret: Vec<u8>) -> Option<Self> {
        let codes = TOTP::new(Algorithm::SHA1, DIGITS, 0, STEP, secret).ok()?;
        Some(Self { codes, used: 0, failures: 0, last_failure: 0 })
    }

    fn check(&mut self, code: &str, now: u64) -> bool {
        if self.failures >= MAX_FAILURES && now < self.last_failure.saturating_add(PAUSE) {
            return false;
        }
        let digits: String = code.chars().filter(|character| !character.is_whitespace()).collect();
        let step = now.checked_div(STEP).unwrap_or_default();
        let near = step.saturating_sub(1)..=step.saturating_add(1);
        let good = near.filter(|step| *step > self.used).find(|step| self.is_code_of(*step, &digits));
        if let Some(step) = good {
            (self.used, self.failures) = (step, 0);
        } else {
            (self.failures, self.last_failure) = (self.failures.saturating_add(1), now);
        }
        good.is_some()
    }

    fn is_code_of(&self, step: u64, digits: &str) -> bool {
        self.codes.check(digits, step.saturating_mul(STEP))
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

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    /// The codes are the last six digits of the codes in RFC 6238 appendix B.
    #[test]
    fn code_is_refused_at_its_second_use_and_after_five_wrong_codes() {
        let mut proof = Proof::new(b"12345678901234567890".to_vec()).unwrap();
        assert!(!proof.check("000000", 1_111_111_109));
        assert!(proof.check("081 804", 1_111_111_109));
        assert!(!proof.check("081804", 1_111_111_109));
        for _ in 0..MAX_FAILURES {
            assert!(!proof.check("000000", 1_111_111_111));
        }
        assert!(!proof.check("050471", 1_111_111_111));
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
