//! The hook after validation: some accounts must prove more than their ticket or password does. Here it is a one-time code
//! by the clock (RFC 6238); a server would ask its own authenticator.

use kerberos_sso::{Identity, UnixTime};
use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use totp_rs::{Algorithm, Secret, TOTP};

/// Who must prove more, and how they fared.
#[derive(Default)]
pub(crate) struct Proofs {
    by_account: HashMap<String, Mutex<Proof>>,
}

struct Proof {
    codes: TOTP,
    /// The step of the last good code: none is good twice.
    used: u64,
    failures: u32,
    /// In seconds since 1970.
    last_failure: u64,
}

impl Proofs {
    /// Account names (sAMAccountName) or SIDs, and the secrets in base32, of 128 bits or more (RFC 4226 section 4).
    pub(crate) fn new(secrets: &HashMap<String, String>) -> Result<Self, String> {
        let proof = |(account, secret): (&String, &String)| {
            // It would be nobody's, and whoever it was meant for need not prove anything.
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

    /// Whether this user's session waits for a code.
    pub(crate) fn are_needed(&self, identity: &Identity) -> bool {
        self.of(identity).is_some()
    }

    /// Whether the code is this user's of now. After several wrong ones no code is good for a while.
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

/// In seconds.
const STEP: u64 = 30;

/// A guess hits three codes of a million.
const MAX_FAILURES: u32 = 5;

/// In seconds.
const PAUSE: u64 = 5 * 60;

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    /// RFC 6238 appendix B, the last six digits.
    #[test]
    fn a_code_is_good_once_and_guessing_ends() {
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
    fn a_proof_that_is_none_is_refused() {
        let long = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP";
        let new = |account: &str, secret: &str| Proofs::new(&HashMap::from([(account.into(), secret.into())])).is_ok();
        assert!(new("bob", long) && new("S-1-5-21-1-2-3-1105", long));
        assert!(!new("bob", "") && !new("bob", "JBSWY3DPEHPK3PXP") && !new("bob", "1"));
        assert!(!new("bob@contoso.test", long) && !new("CONTOSO\\bob", long) && !new("", long));
    }
}
