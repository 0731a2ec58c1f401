//! Checks passwords with the KDC of the directory. The result is the same accepted request as for a browser's ticket.
//!
//! The KDC issues a ticket for this server's account to a client that knows the password (RFC 4120 sections 3.1 and 3.3). The
//! tenant's validator then validates that ticket like any other ticket. So a machine that only claims to be the KDC gains
//! nothing, because it does not have the key of this server's account.

mod refusal;
mod tap;

pub(crate) use refusal::Refusal;

use crate::client_address::ClientAddress;
use crate::clock;
use crate::lockout::{Lockout, Outcome};
use crate::principal;
use crate::tenants::Tenant;
use crate::user_name::UserName;
use kerberos_sso::replay::Admission;
use kerberos_sso::{Accepted, Refused, policy::SEAMLESS_SSO_SERVICES};
use krb5::client::{NT_PRINCIPAL, NT_SRV_HST};
use krb5::initiator::GSS_C_MUTUAL_FLAG;
use krb5::{AsyncKdcClient, ClientError, InitiatorContext, KdcClient, Principal};
use std::sync::Arc;
use std::time::Duration;
use tap::Tap;
use tokio::runtime::Handle;
use tokio::sync::Semaphore;
use tokio::task::spawn_blocking;
use tokio::time::{Instant, sleep, timeout};
use zeroize::Zeroizing;

/// The KDC of one realm.
pub(crate) struct Directory {
    realm: String,
    kdc: String,
    /// Limits the number of sign-ins that ask the KDC at the same time.
    turns: Arc<Semaphore>,
}

/// Checks the password of `user` and returns the accepted request. A refusal takes at least [`REFUSED_AFTER`]. So its
/// time does not show whether the user exists, and guessing is slow. After too many wrong passwords, the server does
/// not ask the directory.
pub(crate) async fn sign_in(
    lockout: &Lockout,
    tenant: &Tenant,
    user: &UserName,
    password: &str,
    address: ClientAddress,
) -> Result<Accepted, Refusal> {
    let directory = tenant.directory.as_ref().ok_or(Refusal::NotConfigured)?;
    let began = Instant::now();
    let verdict = match lockout.begin(&tenant.name, user, address.0, clock::now()).await {
        Ok(attempt) => {
            let verdict = check(tenant, directory, user, password).await;
            lockout.end(&attempt, outcome(&verdict), clock::now()).await;
            verdict
        }
        Err(seconds) => Err(Refusal::TooManyWrong { seconds }),
    };
    log(tenant, user, &verdict);
    if verdict.is_err() {
        sleep(REFUSED_AFTER.saturating_sub(began.elapsed())).await;
    }
    verdict
}

async fn check(
    tenant: &Tenant,
    directory: &Arc<Directory>,
    user: &UserName,
    password: &str,
) -> Result<Accepted, Refusal> {
    // Without this check, the KDC of the tenant's realm would check the password of its own account of the same name.
    if tenant.is_only_of_forest_realm(user) {
        return Err(Refusal::OtherDomain);
    }
    let token = directory.token_for(user, password).await?;
    accept(tenant, &token).map_err(|refused| Refusal::NotOurs(Box::new(refused)))
}

/// Validates the token without asking the replay cache. This process has just made the authenticator and has sent it to
/// no other process, so the authenticator is no replay. So users sign in by password even if the replay cache cannot
/// answer.
fn accept(tenant: &Tenant, token: &[u8]) -> Result<Accepted, Refused> {
    let (validator, now) = (tenant.validator(), clock::now());
    let opened = validator.open(validator.read(token)?, now)?;
    validator.authorize(validator.verify(opened, now)?)?.admit(Admission::New)
}

/// Returns the result that the lockout counts. The directory did not check a password if it refused for another reason.
const fn outcome(verdict: &Result<Accepted, Refusal>) -> Outcome {
    match verdict {
        Ok(_) => Outcome::Right,
        Err(Refusal::WrongPassword | Refusal::UnknownUser) => Outcome::Wrong,
        Err(_) => Outcome::Unchecked,
    }
}

impl Directory {
    /// `kdc` is `HOST` or `HOST:PORT`.
    pub(crate) fn new(realm: &str, kdc: &str) -> Self {
        let kdc = if kdc.contains(':') { kdc.to_owned() } else { format!("{kdc}:88") };
        Self { realm: realm.into(), kdc, turns: Arc::new(Semaphore::new(MAX_AT_ONCE)) }
    }

    /// Returns the token with which this user's browser would sign in.
    ///
    /// The work runs on a separate thread, and counts as a sign-in in progress until it ends. The KDC chooses the
    /// number of rounds in which the password becomes a key (RFC 3962 section 4), and that number is not authenticated.
    async fn token_for(self: &Arc<Self>, user: &UserName, password: &str) -> Result<Vec<u8>, Refusal> {
        if password.is_empty() || password.len() > MAX_PASSWORD_SIZE {
            return Err(Refusal::WrongPassword);
        }
        let turn = timeout(WAIT_FOR_TURN, Arc::clone(&self.turns).acquire_owned()).await;
        let turn = turn.map_err(|_| Refusal::Busy)?.map_err(|_| Refusal::Busy)?;
        let (directory, user, password) = (Arc::clone(self), user.clone(), Zeroizing::new(password.to_owned()));
        let runtime = Handle::current();
        let asking = spawn_blocking(move || {
            let _turn = turn;
            runtime.block_on(timeout(WAIT_FOR_KDC, directory.ask(&user, &password)))
        });
        let asked = asking.await.map_err(|_| Refusal::Unreachable("its answer could not be read".into()))?;
        asked.unwrap_or_else(|_| Err(Refusal::Unreachable("it did not answer in time".into())))
    }

    async fn ask(&self, user: &UserName, password: &str) -> Result<Vec<u8>, Refusal> {
        let tap = Tap::open(&self.kdc).await.map_err(|error| Refusal::Unreachable(error.to_string()))?;
        let client = AsyncKdcClient::new(
            KdcClient::new(&self.realm, [tap.address()])
                .with_udp(false)
                .with_timeout(ONE_EXCHANGE)
                .with_lifetime(TICKET_LIFETIME),
        );
        self.exchange(&client, user, password).await.map_err(|error| Refusal::of(error, &tap))
    }

    async fn exchange(&self, client: &AsyncKdcClient, user: &UserName, password: &str) -> Result<Vec<u8>, ClientError> {
        let tgt = client.login_with_password(&self.client_principal(user), password).await?;
        let service = SEAMLESS_SSO_SERVICES.first().into_iter().flat_map(|service| service.split('/'));
        let ticket = client.service_ticket(&tgt, &Principal::new(NT_SRV_HST, service, &self.realm)).await?;
        let (_, token) = InitiatorContext::new(&ticket, GSS_C_MUTUAL_FLAG)?;
        Ok(token)
    }

    /// Returns the client's principal. The KDC looks up a user principal name with any suffix as an enterprise name (RFC 6806
    /// section 5).
    fn client_principal(&self, user: &UserName) -> Principal {
        match user {
            UserName::Principal { name, .. } => Principal::new(NT_ENTERPRISE, [name], &self.realm),
            UserName::Account(account) | UserName::DownLevel { account, .. } => {
                Principal::new(NT_PRINCIPAL, [account], &self.realm)
            }
        }
    }
}

fn log(tenant: &Tenant, user: &UserName, verdict: &Result<Accepted, Refusal>) {
    let (tenant, typed) = (&*tenant.name, user.to_string());
    match verdict {
        Ok(accepted) => {
            let user = principal::with_sid(&accepted.identity().to_owned());
            tracing::info!(tenant, %user, "signed in by password");
        }
        Err(Refusal::NotOurs(refused)) => {
            let (code, remedy) =
                (refused.code(), refused.remedy().map_or_else(|| "none known".into(), |remedy| remedy.to_string()));
            tracing::error!(tenant, ?typed, code, remedy, "the KDC's own ticket is refused: {refused}");
        }
        Err(refusal) => tracing::warn!(tenant, ?typed, "no sign-in by password: {refusal}"),
    }
}

/// The name type of an enterprise name (RFC 6806 section 5).
const NT_ENTERPRISE: i32 = 10;

/// The lifetime of the tickets. The program uses the tickets immediately, but Samba issues no service ticket on a TGT of two
/// minutes.
const TICKET_LIFETIME: Duration = Duration::from_mins(10);

const MAX_AT_ONCE: usize = 16;
const WAIT_FOR_TURN: Duration = Duration::from_secs(2);
const WAIT_FOR_KDC: Duration = Duration::from_secs(8);
const ONE_EXCHANGE: Duration = Duration::from_secs(3);

/// The shortest time of a refusal. This time is longer than two exchanges with a KDC take.
const REFUSED_AFTER: Duration = Duration::from_secs(1);

/// The largest size of a password, in octets. Passwords in Active Directory have 256 characters at most.
const MAX_PASSWORD_SIZE: usize = 1024;

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::replay::Replays;
    use crate::store::Records;
    use crate::tenants::Tenants;

    #[tokio::test(start_paused = true)]
    async fn refusal_of_an_empty_password_takes_at_least_a_second() {
        let tenant = Tenants::of_realms(&["A.TEST"], &Replays::for_tests()).await.get("a.test").unwrap();
        let (began, lockout) = (Instant::now(), Lockout::new(Records::for_tests()));
        let verdict = sign_in(&lockout, &tenant, &UserName::Account("alice".into()), "", ClientAddress(None)).await;
        assert!(matches!(verdict, Err(Refusal::WrongPassword)) && began.elapsed() >= REFUSED_AFTER);
    }

    /// The test closes the port before it asks, so no KDC listens on it.
    #[tokio::test]
    async fn connection_to_a_closed_port_is_refused_as_unreachable_and_frees_its_turn() {
        let port = std::net::TcpListener::bind(("127.0.0.1", 0)).unwrap().local_addr().unwrap().port();
        let directory = Arc::new(Directory::new("A.TEST", &format!("127.0.0.1:{port}")));
        let asked = directory.token_for(&UserName::Account("alice".into()), "secret").await;
        assert!(matches!(asked, Err(Refusal::Unreachable(_))), "{asked:?}");
        assert_eq!(directory.turns.available_permits(), MAX_AT_ONCE);
    }
}
