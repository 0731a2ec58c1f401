//! What the agent's workers share: the certificate with its keys, and the settings with which a worker connects to a
//! node.

use crate::connection::{Connection, ConnectionError, tls_of};
use crate::folder::Identity;
use crate::proxy::Proxy;
use hyper::Method;
use rustls::ClientConfig;
use seamless_pta::SealingKey;
use seamless_pta::message::{Bootstrap, NodeUrl, read};
use std::sync::Arc;
use std::time::Duration;

/// What the agent needs to work under one certificate. A renewal makes a new session.
pub(crate) struct Session {
    pub(crate) identity: Identity,
    pub(crate) sealing: SealingKey,
    tls: Arc<ClientConfig>,
    proxy: Option<Arc<Proxy>>,
}

impl Session {
    pub(crate) fn new(identity: Identity, proxy: Option<Arc<Proxy>>) -> Result<Self, ConnectionError> {
        Ok(Self { sealing: identity.keys.sealing()?, tls: tls_of(&identity)?, identity, proxy })
    }

    pub(crate) async fn connect(&self, node: &NodeUrl) -> Result<Connection, ConnectionError> {
        Connection::open(node, Arc::clone(&self.tls), self.proxy.as_deref()).await
    }

    /// Asks a node for the agent's settings.
    pub(crate) async fn bootstrap(&self, node: &NodeUrl) -> Result<Bootstrap, ConnectionError> {
        let mut connection = self.connect(node).await?;
        let (_, body) = connection.send(Method::GET, "bootstrap", Vec::new(), ANSWER_TIME).await?;
        Ok(read(&body)?)
    }

    /// Asks the nodes one after the other, until one answers.
    pub(crate) async fn bootstrap_of_any(&self) -> Result<Bootstrap, ConnectionError> {
        let mut last = Err(ConnectionError::Ended("there is no node".into()));
        for node in &self.identity.nodes {
            last = self.bootstrap(node).await;
            if last.is_ok() {
                break;
            }
        }
        last
    }
}

/// The longest time for a response to a request that the node answers immediately.
pub(crate) const ANSWER_TIME: Duration = Duration::from_secs(10);
