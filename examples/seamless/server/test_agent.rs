//! The agent beside the server, in one process (`--with-agent`). The agent speaks with the server by TLS on loopback, like
//! every other agent. The agent's directory is the built-in test realm.

use crate::agents::Agents;
use crate::clock;
use crate::serve::Stopping;
use kerberos_sso::policy::SEAMLESS_SSO_SERVICES;
use kerberos_sso::testing::TestRealm;
use seamless_agent::Directory;
use seamless_kdc::KdcError;
use seamless_pta::User;
use seamless_pta::message::NodeUrl;
use seamless_pta::verdict::{Refusal, Told};
use std::error::Error;
use std::path::PathBuf;
use std::pin::Pin;
use std::sync::Arc;
use zeroize::Zeroizing;

/// Starts the agent, which ends when the server stops. The identity of the agent is in `folder`.
pub(crate) async fn start(
    agents: &Agents,
    realm: TestRealm,
    folder: PathBuf,
    mut stopping: Stopping,
) -> Result<(), Box<dyn Error>> {
    let token = agents.token_of_test_agent().await?;
    let node = agents.first_node().ok_or("the server has no address for agents")?;
    tokio::spawn(async move {
        tokio::select! {
            ended = serve(folder, &node, &token, realm) => {
                if let Err(error) = ended {
                    tracing::error!("the agent of the test realm ends: {error}");
                }
            }
            () = stopping.wait() => {}
        }
    });
    Ok(())
}

async fn serve(
    folder: PathBuf,
    node: &NodeUrl,
    token: &seamless_pta::enrolment::Token,
    realm: TestRealm,
) -> Result<(), Box<dyn Error + Send + Sync>> {
    seamless_agent::serve(folder, node, token, Arc::new(TestDirectory(realm))).await
}

/// The test realm as a directory: each user has the password [`PASSWORD`].
struct TestDirectory(TestRealm);

impl Directory for TestDirectory {
    fn token<'a>(
        &'a self,
        user: &'a User,
        password: Zeroizing<String>,
        application_data: &'a [u8],
    ) -> Pin<Box<dyn Future<Output = Result<Vec<u8>, KdcError>> + Send + 'a>> {
        Box::pin(async move {
            if *password != PASSWORD {
                let (refusal, told) = (Refusal::WrongPassword, Told::AfterPassword);
                return Err(KdcError::Refused { refusal, status: refusal.status(), told });
            }
            let service = SEAMLESS_SSO_SERVICES.first().copied().unwrap_or_default();
            let token = self.0.ticket_for(user.account()).service(service).at(clock::now());
            Ok(token.bound_to(application_data).mint())
        })
    }
}

/// The password of each user of the test realm. The sign-in page shows this password.
pub(crate) const PASSWORD: &str = "password";
