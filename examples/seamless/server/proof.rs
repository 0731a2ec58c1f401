//! The check after validation: some users must prove more than their ticket or password does. In this server, the proof is a
//! time-based one-time code (RFC 6238). A production server would ask its own authenticator.
//!
//! The configuration can demand a code of all users of a tenant, of single users, of the users of a client, and of the
//! users of a resource. The secret of a user's codes belongs to the SID, because a name may later belong to another
//! account.

use crate::config::ProofConfig;
use crate::oidc::RegisteredClient;
use crate::store::{Change, Key, Kind, Records, StoreError, epoch};
use kerberos_sso::{Sid, UnixTime};
use serde::{Deserialize, Serialize};
use std::collections::{HashMap, HashSet};
use totp_rs::{Algorithm, Secret, TOTP};

/// The users and the resources of a tenant for which a one-time code is needed, and the secret of each user's codes.
#[derive(Default)]
pub(crate) struct Proofs {
    secrets: HashMap<Sid, TOTP>,
    of_everyone: bool,
    users: HashSet<Sid>,
    resources: HashSet<String>,
}

/// The record in the store of the codes that a user entered. Times are seconds since 1970.
#[derive(Clone, Copy, Default, Serialize, Deserialize)]
struct Codes {
    /// The time step of the last accepted code. A code of this step or of an earlier step is refused.
    used: u64,
    failures: u32,
    /// The time of the last wrong code.
    last_failure: u64,
}

impl Proofs {
    /// Reads the secret of each user, in base32, of 128 bits or more (RFC 4226 section 4).
    ///
    /// # Errors
    /// Returns what is wrong with the first secret that cannot be used.
    pub(crate) fn new(config: ProofConfig) -> Result<Self, String> {
        let proof = |(sid, secret): (Sid, String)| {
            let secret = Secret::Encoded(secret).to_bytes();
            let secret = secret.map_err(|_| format!("proof of {sid}: the secret is not base32"))?;
            Ok((sid, totp(secret).ok_or(format!("proof of {sid}: the secret is too short"))?))
        };
        let secrets: HashMap<Sid, TOTP> = config.secrets.into_iter().map(proof).collect::<Result<_, String>>()?;
        // Such a configuration is refused, because a user who must enter a code but has no secret could never sign in.
        if let Some(sid) = config.users.iter().find(|sid| !secrets.contains_key(sid)) {
            return Err(format!("proof: the user {sid} must enter a code, but has no secret"));
        }
        let (users, resources) = (config.users.into_iter().collect(), config.resources.into_iter().collect());
        Ok(Self { secrets, of_everyone: config.everyone, users, resources })
    }

    /// Returns whether the configuration demands a code of this user at every sign-in.
    pub(crate) fn are_needed(&self, user: Option<Sid>) -> bool {
        self.of_everyone || user.is_some_and(|sid| self.users.contains(&sid))
    }

    /// Returns whether the configuration demands a code for this client or this resource.
    pub(crate) fn are_needed_for(&self, client: &RegisteredClient, resource: Option<&str>) -> bool {
        client.proof || resource.is_some_and(|resource| self.resources.contains(resource))
    }

    /// Returns whether a user has a secret.
    pub(crate) fn has_secret(&self, user: Option<Sid>) -> bool {
        user.is_some_and(|sid| self.secrets.contains_key(&sid))
    }

    /// Checks a code of this user. After [`MAX_FAILURES`] wrong codes, every code is refused for [`PAUSE`] seconds. If
    /// one node has accepted a code, every node refuses this code.
    ///
    /// # Errors
    /// Returns an error if the store cannot be asked.
    pub(crate) async fn check(
        &self,
        records: &Records,
        tenant: &str,
        user: Option<Sid>,
        code: &str,
        time: UnixTime,
    ) -> Result<bool, StoreError> {
        let Some((sid, totp)) = user.and_then(|sid| Some((sid, self.secrets.get(&sid)?))) else { return Ok(false) };
        let now = u64::try_from(time.seconds()).unwrap_or_default();
        let name = records.secret().name(&[b"code", tenant.as_bytes(), sid.to_bytes().as_ref()]);
        let key = Key::new(Kind::OneTimeCode, &name);
        // If the store has no entry of the account, the store may have lost the entry. So every code up to the store's
        // epoch then counts as used.
        let epoch = u64::try_from(epoch(records, time).await?.seconds()).unwrap_or_default();
        let forgotten = Codes { used: step_of(epoch).saturating_add(1), ..Codes::default() };
        let change = |codes: Option<Codes>| match codes.unwrap_or(forgotten).checked(totp, code, now) {
            (None, is_good) => (Change::Keep, is_good),
            (Some(codes), is_good) => (Change::Put(codes, end(now)), is_good),
        };
        records.update(&key, change).await
    }
}

fn step_of(time: u64) -> u64 {
    time.checked_div(STEP).unwrap_or_default()
}

fn totp(secret: Vec<u8>) -> Option<TOTP> {
    TOTP::new(Algorithm::SHA1, DIGITS, 0, STEP, secret).ok()
}

/// Returns the time until which the store keeps the record of an account's codes. At that time, every code that the
/// user has used is no longer valid, and every pause has ended.
fn end(now: u64) -> UnixTime {
    let now = i64::try_from(now).unwrap_or(i64::MAX);
    UnixTime::from_seconds(now).saturating_add_seconds(KEPT_FOR)
}

impl Codes {
    /// Checks a code, and returns whether the code is right. Also returns the new entry for the store, or `None` if the entry
    /// stays as it is.
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

/// The number of wrong codes after which the pause begins. Of the million possible codes, three are valid at any time.
/// So the chance that a guess is right is three in a million.
const MAX_FAILURES: u32 = 5;

/// The pause after [`MAX_FAILURES`] wrong codes, in seconds.
const PAUSE: u64 = 5 * 60;

/// The time for which the store keeps the record of a user's codes after the user's last code, in seconds. A pause and
/// the validity of a code are shorter, so the store forgets neither too early.
const KEPT_FOR: i64 = 60 * 60;

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::store::{Outage, Secret};
    use std::sync::Arc;

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

    /// The code is that of RFC 6238 appendix B at the time 1111111109.
    #[tokio::test]
    async fn code_whose_use_no_replica_confirms_gives_an_error_and_is_refused_later() {
        let (user, now) = ("S-1-5-21-1-2-3-1105".parse().unwrap(), UnixTime::from_seconds(1_111_111_109));
        // The secret "12345678901234567890" of the RFC in base32.
        let secrets = HashMap::from([(user, "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ".to_owned())]);
        let proofs = Proofs::new(ProofConfig { secrets, ..ProofConfig::default() }).unwrap();
        let outage = Arc::new(Outage::new(|| UnixTime::from_seconds(1_111_111_109)));
        let records = Records::new(outage.clone(), Secret::new([1; 32]));
        epoch(&records, UnixTime::from_seconds(0)).await.unwrap();
        let check = async || proofs.check(&records, "contoso.test", Some(user), "081804", now).await;
        outage.set_unconfirmed(true);
        assert_eq!(check().await, Err(StoreError::Unconfirmed));
        outage.set_unconfirmed(false);
        assert_eq!(check().await, Ok(false), "the master recorded the use");
    }

    #[test]
    fn configuration_with_a_short_secret_or_a_user_without_a_secret_is_refused() {
        let sid: Sid = "S-1-5-21-1-2-3-1105".parse().unwrap();
        let new = |secret: &str, user: Sid| {
            let secrets = HashMap::from([(sid, secret.into())]);
            Proofs::new(ProofConfig { secrets, users: vec![user], ..ProofConfig::default() }).is_ok()
        };
        let long = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP";
        assert!(new(long, sid) && !new(long, "S-1-5-21-1-2-3-1106".parse().unwrap()));
        assert!(!new("", sid) && !new("JBSWY3DPEHPK3PXP", sid) && !new("1", sid));
    }

    #[test]
    fn code_can_be_demanded_of_everyone_or_of_a_user_or_for_a_client_or_for_a_resource() {
        let [user, other] = ["S-1-5-21-1-2-3-1105", "S-1-5-21-1-2-3-1106"].map(|sid| sid.parse().unwrap());
        let secrets = HashMap::from([(user, "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP".to_owned())]);
        let config = ProofConfig { secrets, users: vec![user], resources: vec!["urn:api".into()], everyone: false };
        let proofs = Proofs::new(config.clone()).unwrap();
        assert_eq!([Some(user), Some(other), None].map(|sid| proofs.are_needed(sid)), [true, false, false]);
        let everyone = Proofs::new(ProofConfig { everyone: true, ..config }).unwrap();
        assert_eq!([Some(user), Some(other), None].map(|sid| everyone.are_needed(sid)), [true; 3]);
        let client = |proof| serde_json::from_str(&format!(r#"{{"id": "a", "proof": {proof}}}"#)).unwrap();
        for (proof, resource, expected) in [
            (false, None, false),
            (false, Some("urn:other"), false),
            (false, Some("urn:api"), true),
            (true, None, true),
        ] {
            assert_eq!(proofs.are_needed_for(&client(proof), resource), expected, "{proof} {resource:?}");
        }
    }
}
