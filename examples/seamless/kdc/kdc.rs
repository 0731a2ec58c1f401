//! Asks the KDC of a realm about a password, over TCP. The server asks a KDC that it reaches, and an agent asks the KDC
//! beside it.
//!
//! The KDC issues a ticket for the account of Seamless SSO to a client that knows the password (RFC 4120 sections 3.1 and
//! 3.3). The result is the token with which the user's browser would sign in, bound to a channel of the caller.
//!
//! - [`Kdc`] does the exchanges.
//! - [`KdcError`] says why there is no token.

mod error;
mod tap;

pub use error::KdcError;

use kerberos_sso::policy::SEAMLESS_SSO_SERVICES;
use krb5::bindings::ChannelBindings;
use krb5::client::{NT_PRINCIPAL, NT_SRV_HST};
use krb5::initiator::{GSS_C_MUTUAL_FLAG, InitOptions};
use krb5::{AsyncKdcClient, ClientError, InitiatorContext, KdcClient, Principal};
use seamless_pta::{Kind, User};
use std::sync::Arc;
use std::time::Duration;
use tap::Tap;
use tokio::runtime::Handle;
use tokio::sync::Semaphore;
use tokio::task::spawn_blocking;
use tokio::time::timeout;
use zeroize::Zeroizing;

/// The KDCs of one realm.
#[derive(Debug)]
pub struct Kdc {
    realm: String,
    /// The hosts and ports. The second is asked only if the first cannot be connected to.
    addresses: Vec<String>,
    /// Limits the number of passwords for which the KDC is asked at the same time.
    turns: Arc<Semaphore>,
}

impl Kdc {
    /// Takes the KDCs of a realm, each `HOST` or `HOST:PORT`.
    #[must_use]
    pub fn new<'a>(realm: &str, kdcs: impl IntoIterator<Item = &'a str>) -> Self {
        let address = |kdc: &str| if kdc.contains(':') { kdc.to_owned() } else { format!("{kdc}:88") };
        let addresses = kdcs.into_iter().map(address).collect();
        Self { realm: realm.into(), addresses, turns: Arc::new(Semaphore::new(MAX_AT_ONCE)) }
    }

    /// Returns the token with which this user's browser would sign in, with these application data of its channel bindings.
    ///
    /// The work runs on a separate thread, and counts as a sign-in in progress until it ends. The KDC chooses the
    /// number of rounds in which the password becomes a key (RFC 3962 section 4), and that number is not authenticated.
    ///
    /// # Errors
    /// Returns [`KdcError`] if the KDC refuses the password or could not be asked.
    pub async fn token(
        self: &Arc<Self>,
        user: &User,
        password: Zeroizing<String>,
        application_data: &[u8],
    ) -> Result<Vec<u8>, KdcError> {
        let turn = timeout(WAIT_FOR_TURN, Arc::clone(&self.turns).acquire_owned()).await;
        let turn = turn.map_err(|_| KdcError::Busy)?.map_err(|_| KdcError::Busy)?;
        let (kdc, user, application_data) = (Arc::clone(self), user.clone(), application_data.to_vec());
        let runtime = Handle::current();
        let asking = spawn_blocking(move || {
            let _turn = turn;
            runtime.block_on(timeout(WAIT_FOR_KDC, kdc.ask(&user, &password, &application_data)))
        });
        let asked = asking.await.map_err(|_| KdcError::Unreachable("its answer could not be read".into()))?;
        asked.unwrap_or(Err(KdcError::TimedOut))
    }

    async fn ask(&self, user: &User, password: &str, application_data: &[u8]) -> Result<Vec<u8>, KdcError> {
        let tap = Tap::open(&self.addresses).await.map_err(|error| KdcError::Unreachable(error.to_string()))?;
        let client = AsyncKdcClient::new(
            KdcClient::new(&self.realm, [tap.address()])
                .with_udp(false)
                .with_timeout(ONE_EXCHANGE)
                .with_lifetime(TICKET_LIFETIME),
        );
        let exchanged = self.exchange(&client, user, password, application_data).await;
        exchanged.map_err(|error| KdcError::of(&error, &tap))
    }

    async fn exchange(
        &self,
        client: &AsyncKdcClient,
        user: &User,
        password: &str,
        application_data: &[u8],
    ) -> Result<Vec<u8>, ClientError> {
        let tgt = client.login_with_password(&self.client_principal(user), password).await?;
        let service = SEAMLESS_SSO_SERVICES.first().into_iter().flat_map(|service| service.split('/'));
        let ticket = client.service_ticket(&tgt, &Principal::new(NT_SRV_HST, service, &self.realm)).await?;
        let bindings = ChannelBindings::new(application_data);
        let mut options = InitOptions::default();
        options.channel_bindings = Some(&bindings);
        let (_, token) = InitiatorContext::with_options(&ticket, GSS_C_MUTUAL_FLAG, options)?;
        Ok(token)
    }

    /// Returns the client's principal. The KDC looks up a user principal name with any suffix as an enterprise name
    /// (RFC 6806 section 5).
    fn client_principal(&self, user: &User) -> Principal {
        match user.kind {
            Kind::Principal => Principal::new(NT_ENTERPRISE, [user.name.as_str()], &self.realm),
            Kind::Account | Kind::DownLevel => Principal::new(NT_PRINCIPAL, [user.account()], &self.realm),
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

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    /// The test closes the port before it asks, so no KDC listens on it.
    #[tokio::test]
    async fn connection_to_a_closed_port_is_refused_as_unreachable_and_frees_its_turn() {
        let port = std::net::TcpListener::bind(("127.0.0.1", 0)).unwrap().local_addr().unwrap().port();
        let kdc = Arc::new(Kdc::new("A.TEST", [format!("127.0.0.1:{port}").as_str()]));
        let asked = kdc.token(&User::parse("alice").unwrap(), "secret".to_owned().into(), b"channel").await;
        assert!(matches!(asked, Err(KdcError::Unreachable(_))), "{asked:?}");
        assert_eq!(kdc.turns.available_permits(), MAX_AT_ONCE);
    }
}
