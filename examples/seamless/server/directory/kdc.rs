//! Asks the KDC of the tenant itself. This server must reach the KDC.

use super::tap::Tap;
use super::{Refusal, accept};
use crate::tenants::Tenant;
use crate::user_name::UserName;
use kerberos_sso::policy::SEAMLESS_SSO_SERVICES;
use kerberos_sso::{Accepted, ChannelBindings};
use krb5::bindings;
use krb5::client::{NT_PRINCIPAL, NT_SRV_HST};
use krb5::initiator::{GSS_C_MUTUAL_FLAG, InitOptions};
use krb5::{AsyncKdcClient, ClientError, InitiatorContext, KdcClient, Principal};
use std::sync::Arc;
use std::time::Duration;
use tokio::runtime::Handle;
use tokio::sync::Semaphore;
use tokio::task::spawn_blocking;
use tokio::time::timeout;
use zeroize::Zeroizing;

/// The KDC of one realm.
pub(super) struct Kdc {
    realm: String,
    /// The host and port.
    address: String,
    /// Limits the number of sign-ins that ask the KDC at the same time.
    turns: Arc<Semaphore>,
}

impl Kdc {
    /// `kdc` is `HOST` or `HOST:PORT`.
    pub(super) fn new(realm: &str, kdc: &str) -> Self {
        let address = if kdc.contains(':') { kdc.to_owned() } else { format!("{kdc}:88") };
        Self { realm: realm.into(), address, turns: Arc::new(Semaphore::new(MAX_AT_ONCE)) }
    }

    /// Checks a password. This process makes the authenticator and sends it to no other process, so the authenticator is no
    /// replay.
    pub(super) async fn check(
        self: &Arc<Self>,
        tenant: &Tenant,
        user: &UserName,
        password: &str,
    ) -> Result<Accepted, Refusal> {
        let token = self.token_for(user, password).await?;
        let accepted = accept(&tenant.validator(), &token, ChannelBindings::new(BINDING));
        accepted.map_err(|refused| Refusal::NotOurs(Box::new(refused)))
    }

    /// Returns the token with which this user's browser would sign in.
    ///
    /// The work runs on a separate thread, and counts as a sign-in in progress until it ends. The KDC chooses the
    /// number of rounds in which the password becomes a key (RFC 3962 section 4), and that number is not authenticated.
    async fn token_for(self: &Arc<Self>, user: &UserName, password: &str) -> Result<Vec<u8>, Refusal> {
        let turn = timeout(WAIT_FOR_TURN, Arc::clone(&self.turns).acquire_owned()).await;
        let turn = turn.map_err(|_| Refusal::Busy)?.map_err(|_| Refusal::Busy)?;
        let (kdc, user, password) = (Arc::clone(self), user.clone(), Zeroizing::new(password.to_owned()));
        let runtime = Handle::current();
        let asking = spawn_blocking(move || {
            let _turn = turn;
            runtime.block_on(timeout(WAIT_FOR_KDC, kdc.ask(&user, &password)))
        });
        let asked = asking.await.map_err(|_| Refusal::Unreachable("its answer could not be read".into()))?;
        asked.unwrap_or_else(|_| Err(Refusal::Unreachable("it did not answer in time".into())))
    }

    async fn ask(&self, user: &UserName, password: &str) -> Result<Vec<u8>, Refusal> {
        let tap = Tap::open(&self.address).await.map_err(|error| Refusal::Unreachable(error.to_string()))?;
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
        let bindings = bindings::ChannelBindings::new(BINDING);
        let mut options = InitOptions::default();
        options.channel_bindings = Some(&bindings);
        let (_, token) = InitiatorContext::with_options(&ticket, GSS_C_MUTUAL_FLAG, options)?;
        Ok(token)
    }

    /// Returns the client's principal. The KDC looks up a user principal name with any suffix as an enterprise name
    /// (RFC 6806 section 5).
    fn client_principal(&self, user: &UserName) -> Principal {
        match user {
            UserName::Principal { name, .. } => Principal::new(NT_ENTERPRISE, [name], &self.realm),
            UserName::Account(account) | UserName::DownLevel { account, .. } => {
                Principal::new(NT_PRINCIPAL, [account], &self.realm)
            }
        }
    }
}

/// The name type of an enterprise name (RFC 6806 section 5).
const NT_ENTERPRISE: i32 = 10;

/// The lifetime of the tickets. The program uses the tickets immediately, but Samba issues no service ticket on a TGT
/// of two minutes.
const TICKET_LIFETIME: Duration = Duration::from_mins(10);

const MAX_AT_ONCE: usize = 16;
const WAIT_FOR_TURN: Duration = Duration::from_secs(2);
const WAIT_FOR_KDC: Duration = Duration::from_secs(8);
const ONE_EXCHANGE: Duration = Duration::from_secs(3);

/// The channel of a password's ticket is this process. So the ticket is good at every level of channel bindings, and
/// only here.
const BINDING: &[u8] = b"seamless:password";

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    /// The test closes the port before it asks, so no KDC listens on it.
    #[tokio::test]
    async fn connection_to_a_closed_port_is_refused_as_unreachable_and_frees_its_turn() {
        let port = std::net::TcpListener::bind(("127.0.0.1", 0)).unwrap().local_addr().unwrap().port();
        let kdc = Arc::new(Kdc::new("A.TEST", &format!("127.0.0.1:{port}")));
        let asked = kdc.token_for(&UserName::Account("alice".into()), "secret").await;
        assert!(matches!(asked, Err(Refusal::Unreachable(_))), "{asked:?}");
        assert_eq!(kdc.turns.available_permits(), MAX_AT_ONCE);
    }
}
