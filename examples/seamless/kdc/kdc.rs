//! Asks the KDC of a realm about a password, over TCP. The server uses this crate if the server can reach the KDC.
//! Otherwise an agent in the KDC's network uses this crate.
//!
//! The KDC issues a ticket for the account of Seamless SSO to a client that knows the password (RFC 4120 sections 3.1 and
//! 3.3). The result is the token with which the user's browser would sign in, bound to a channel of the caller.
//!
//! - [`Kdc`] does the exchanges.
//! - [`KdcError`] says why the caller gets no token for a password.

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
    /// The hosts and ports. Each further KDC is asked only if no KDC before it accepts a connection.
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

    /// Returns the token with which this user's browser would sign in. The channel bindings of the token have
    /// `application_data`.
    ///
    /// The work runs on a separate thread, because it may take long: the KDC chooses the number of rounds in which the
    /// password becomes a key (RFC 3962 section 4), and nothing authenticates that number. Until the work ends, it
    /// counts towards the largest number of simultaneous sign-ins.
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
        let token = exchanged.map_err(|error| KdcError::of(&error, &tap));
        if matches!(token, Err(KdcError::Refused { .. })) && tap.is_before_password() {
            // A wrong password of a known user takes two replies of the KDC. After a refusal in the first reply, the client asks
            // a second time. Otherwise the response time of a slow KDC would show whether the user exists. The client ignores the
            // second refusal.
            drop(client.login_with_password(&self.client_principal(user), password).await);
        }
        token
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

    /// Returns the client's principal. A user principal name becomes an enterprise name (RFC 6806 section 5), which the
    /// KDC looks up with any suffix.
    fn client_principal(&self, user: &User) -> Principal {
        match user.kind {
            Kind::Principal => Principal::new(NT_ENTERPRISE, [user.name.as_str()], &self.realm),
            Kind::Account | Kind::DownLevel => Principal::new(NT_PRINCIPAL, [user.account()], &self.realm),
        }
    }
}

/// The name type of an enterprise name (RFC 6806 section 5).
const NT_ENTERPRISE: i32 = 10;

/// The lifetime of the tickets. The program uses the tickets immediately, but Samba issues no service ticket for a TGT that is
/// valid for two minutes only.
const TICKET_LIFETIME: Duration = Duration::from_mins(10);

const MAX_AT_ONCE: usize = 16;
const WAIT_FOR_TURN: Duration = Duration::from_secs(2);
const WAIT_FOR_KDC: Duration = Duration::from_secs(8);
const ONE_EXCHANGE: Duration = Duration::from_secs(3);

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use seamless_pta::verdict::{Refusal, Told};
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    use tokio::net::TcpListener;
    use tokio::task::JoinHandle;

    /// Starts a KDC that sends one reply on each connection, and stops after the last reply. Its task returns the number of
    /// requests.
    async fn kdc_with(replies: Vec<Vec<u8>>) -> (Arc<Kdc>, JoinHandle<usize>) {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let kdc = Kdc::new("A.TEST", [listener.local_addr().unwrap().to_string().as_str()]);
        let answering = tokio::spawn(async move {
            for reply in &replies {
                let (mut socket, _) = listener.accept().await.unwrap();
                let mut request = vec![0; usize::try_from(socket.read_u32().await.unwrap()).unwrap()];
                socket.read_exact(&mut request).await.unwrap();
                socket.write_u32(u32::try_from(reply.len()).unwrap()).await.unwrap();
                socket.write_all(reply).await.unwrap();
            }
            replies.len()
        });
        (Arc::new(kdc), answering)
    }

    fn der(tag: u8, contents: &[&[u8]]) -> Vec<u8> {
        let contents = contents.concat();
        let length = u8::try_from(contents.len()).unwrap();
        let long_form = [0x81].into_iter().filter(|_| length >= 0x80);
        [tag].into_iter().chain(long_form).chain([length]).chain(contents).collect()
    }

    fn integer(tag: u8, value: u8) -> Vec<u8> {
        der(tag, &[&der(0x02, &[&[value]])])
    }

    /// Encodes a KRB-ERROR (RFC 4120 section 5.9.1).
    fn krb_error(code: u8, e_data: Option<&[u8]>) -> Vec<u8> {
        let name = der(0x30, &[&integer(0xA0, 2), &der(0xA1, &[&der(0x30, &[&der(0x1B, &[b"krbtgt"])])])]);
        let e_data = e_data.map(|data| der(0xAC, &[&der(0x04, &[data])])).unwrap_or_default();
        let fields = [
            &integer(0xA0, 5),
            &integer(0xA1, 30),
            &der(0xA4, &[&der(0x18, &[b"20260101000000Z"])]),
            &integer(0xA5, 0),
            &integer(0xA6, code),
            &der(0xA9, &[&der(0x1B, &[b"A.TEST"])]),
            &der(0xAA, &[&name]),
            &e_data,
        ];
        der(0x7E, &[&der(0x30, &fields.map(Vec::as_slice))])
    }

    /// Returns KDC_ERR_PREAUTH_REQUIRED with an ETYPE-INFO2 (RFC 4120 section 5.2.7.5) for AES256.
    fn preauth_required() -> Vec<u8> {
        let entry = der(0x30, &[&integer(0xA0, 18), &der(0xA1, &[&der(0x1B, &[b"A.TESTalice"])])]);
        let info = der(0x30, &[&entry]);
        let of_type = |kind, value: &[u8]| der(0x30, &[&integer(0xA1, kind), &der(0xA2, &[&der(0x04, &[value])])]);
        krb_error(25, Some(&der(0x30, &[&of_type(2, b""), &of_type(19, &info)])))
    }

    #[tokio::test]
    async fn unknown_user_and_account_refused_before_the_password_take_as_many_replies_as_a_wrong_password() {
        for (replies, refusal, told) in [
            ([preauth_required(), krb_error(24, None)], Refusal::WrongPassword, Told::AfterPassword),
            ([krb_error(6, None), krb_error(6, None)], Refusal::UnknownUser, Told::AfterPassword),
            ([krb_error(18, None), krb_error(18, None)], Refusal::Revoked, Told::BeforePassword),
        ] {
            let (kdc, answering) = kdc_with(replies.into()).await;
            let asked = kdc.token(&User::parse("alice").unwrap(), "secret".to_owned().into(), b"channel").await;
            assert_eq!(asked, Err(KdcError::Refused { refusal, status: None, told }));
            // The KDC of the test ends after two replies, so the caller asked it twice.
            assert_eq!(answering.await.unwrap(), 2);
        }
    }

    /// The test closes the port before it asks for a token, so no KDC listens on the port.
    #[tokio::test]
    async fn closed_port_of_the_kdc_gives_the_error_unreachable_and_frees_the_turn() {
        let port = std::net::TcpListener::bind(("127.0.0.1", 0)).unwrap().local_addr().unwrap().port();
        let kdc = Arc::new(Kdc::new("A.TEST", [format!("127.0.0.1:{port}").as_str()]));
        let asked = kdc.token(&User::parse("alice").unwrap(), "secret".to_owned().into(), b"channel").await;
        assert!(matches!(asked, Err(KdcError::Unreachable(_))), "{asked:?}");
        assert_eq!(kdc.turns.available_permits(), MAX_AT_ONCE);
    }
}
