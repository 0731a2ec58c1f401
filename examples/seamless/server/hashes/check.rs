//! Checks a password with the verifier of the account. A derivation takes tens of milliseconds of CPU time. So at most
//! as many derivations run at the same time as there are processors.

use super::table::Table;
use crate::store::StoreError;
use crate::user_name::UserName;
use kerberos_sso::UnixTime;
use seamless_phs::verifier::{DEFAULT_ITERATIONS, Parameters};
use seamless_phs::{Account, Verdict, sign_in};
use std::fmt;
use std::sync::Arc;
use std::thread::available_parallelism;
use std::time::Duration;
use thiserror::Error;
use tokio::sync::Semaphore;
use tokio::task::spawn_blocking;
use tokio::time::timeout;
use zeroize::Zeroizing;

/// Checks passwords for all tenants of this node, and limits how many checks run at the same time.
#[derive(Clone)]
pub(crate) struct Checks(Arc<Semaphore>);

/// The result of a check.
pub(crate) struct Checked {
    /// The account, if the name is known.
    pub(crate) account: Option<Account>,
    pub(crate) verdict: Verdict,
    pub(crate) derived: Derived,
}

/// The octets derived from a password. The same wrong password gives the same octets again.
#[derive(Clone)]
pub(crate) struct Derived(Zeroizing<[u8; 32]>);

impl Derived {
    pub(crate) fn octets(&self) -> &[u8; 32] {
        &self.0
    }
}

/// Hides the octets.
impl fmt::Debug for Derived {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Derived(..)")
    }
}

/// The reason why a password was not checked.
#[derive(Debug, Error)]
pub(crate) enum Unchecked {
    #[error("too many sign-ins at once")]
    Busy,
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("no password hash has come from the directory yet")]
    NeverSynchronised,
    #[error("the last password hashes came {hours} hours ago, and the server uses them for at most {most} hours")]
    TooOld { hours: i64, most: i64 },
}

impl Default for Checks {
    fn default() -> Self {
        Self(Arc::new(Semaphore::new(available_parallelism().map_or(1, usize::from))))
    }
}

impl Checks {
    /// Checks a password. An unknown name costs the same derivation as a known one. If the last batch is older than
    /// `max_age_hours`, returns [`Unchecked::TooOld`].
    pub(crate) async fn check(
        &self,
        table: &Table,
        user: &UserName,
        password: &str,
        now: UnixTime,
    ) -> Result<Checked, Unchecked> {
        let synchronised = table.synchronised().await?.ok_or(Unchecked::NeverSynchronised)?;
        let max_hours = table.max_hours();
        let hours = now.seconds().saturating_sub(synchronised.last).div_euclid(60 * 60);
        if hours >= max_hours {
            return Err(Unchecked::TooOld { hours, most: max_hours });
        }
        let account = table.find(user).await?;
        let unknown = Parameters::new([0; 10], synchronised.iterations.unwrap_or(DEFAULT_ITERATIONS));
        // The number of iterations in the store is always valid, because the reader of a batch has checked it.
        let unknown = unknown.or(Parameters::new([0; 10], DEFAULT_ITERATIONS)).map_err(|_| Unchecked::Busy)?;
        let turn = timeout(WAIT_FOR_TURN, Arc::clone(&self.0).acquire_owned()).await;
        let turn = turn.map_err(|_| Unchecked::Busy)?.map_err(|_| Unchecked::Busy)?;
        let password = Zeroizing::new(password.to_owned());
        let checking = spawn_blocking(move || {
            let _turn = turn;
            let derived = sign_in::derive(account.as_ref(), unknown, &password);
            let (verdict, octets) = (derived.verdict(now), Derived(Zeroizing::new(*derived.octets())));
            Checked { account, verdict, derived: octets }
        });
        checking.await.map_err(|_| Unchecked::Busy)
    }
}

const WAIT_FOR_TURN: Duration = Duration::from_secs(2);
