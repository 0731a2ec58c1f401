//! Sends the batches of a source to the server. The source sends a batch to the nodes one after another, in several
//! rounds, until a node answers. If an answer is lost, the server gets the batch twice.

use crate::arguments::Arguments;
use crate::clock;
use crate::connection::ConnectionError;
use crate::folder::Folder;
use crate::proxy::Proxy;
use crate::renewal::renew;
use crate::session::{ANSWER_TIME, Session};
use hyper::{Method, StatusCode};
use seamless_phs::batch::Progress;
use seamless_phs::{Answer, Batch, ObjectId, Refusal};
use std::error::Error;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Mutex;
use tokio::time::sleep;

/// The connection data of the server, with the certificate of this source. The source renews the certificate before it
/// expires.
pub(crate) struct Node {
    folder: Folder,
    proxy: Option<Arc<Proxy>>,
    session: Mutex<Arc<Session>>,
}

impl Node {
    pub(crate) fn open(arguments: &Arguments) -> Result<Self, Box<dyn Error + Send + Sync>> {
        let proxy = arguments.proxy.clone().map(Arc::new);
        let session = Mutex::new(Arc::new(Session::new(arguments.folder.identity()?, proxy.clone())?));
        Ok(Self { folder: arguments.folder.clone(), proxy, session })
    }

    /// Returns the cursor of the last batch, if the batch was from this source.
    pub(crate) async fn cursor(&self, source: ObjectId) -> Result<Option<String>, ConnectionError> {
        let body = self.ask(Method::GET, &format!("hashes?source={source}"), &[]).await?;
        let progress: Progress = read(&body)?;
        Ok(progress.at.filter(|(of, _)| *of == source).and_then(|(_, cursor)| cursor))
    }

    /// Sends a batch. An answer means that the server has stored the batch.
    pub(crate) async fn send(&self, batch: &Batch) -> Result<Answer, ConnectionError> {
        let body = serde_json::to_vec(batch).map_err(|error| ConnectionError::Ended(error.to_string()))?;
        let answer: Answer = read(&self.ask(Method::POST, "hashes", &body).await?)?;
        for refused in &answer.refused {
            // The server may get a batch twice, so the refusal of an older record is no reason for a warning.
            if refused.code == Refusal::Older {
                tracing::debug!(object = %refused.object, "the server refuses a record: {}", refused.code);
            } else {
                tracing::warn!(object = %refused.object, "the server refuses a record: {}", refused.code);
            }
        }
        Ok(answer)
    }

    /// Asks the nodes one after the other until one answers or refuses. After all nodes, the source pauses and tries
    /// again, up to `TRIES` rounds.
    async fn ask(&self, method: Method, path: &str, body: &[u8]) -> Result<Vec<u8>, ConnectionError> {
        let mut pause = FIRST_PAUSE;
        for _ in 0..TRIES {
            let session = self.session().await?;
            for node in &session.identity.nodes {
                let asked = async {
                    let mut connection = session.connect(node).await?;
                    connection.send(method.clone(), path, body.to_vec(), WRITE_TIME).await
                };
                match asked.await {
                    Ok((_, body)) => return Ok(body.to_vec()),
                    Err(error @ ConnectionError::Refused { status, .. }) if status.is_client_error() => {
                        return Err(error);
                    }
                    Err(error) => tracing::warn!("a node has not taken the password hashes: {error}"),
                }
            }
            sleep(clock::spread(pause)).await;
            pause = pause.saturating_mul(2).min(LONGEST_PAUSE);
        }
        Err(ConnectionError::Refused {
            status: StatusCode::SERVICE_UNAVAILABLE,
            text: "no node answers; the next run sends the remaining records".into(),
        })
    }

    /// Returns the session, with a new certificate if the renewal is due. Another program that uses the same folder may
    /// already have renewed the certificate.
    async fn session(&self) -> Result<Arc<Session>, ConnectionError> {
        let mut session = self.session.lock().await;
        if clock::now() >= session.identity.renew_at || self.folder.pending()?.is_some() {
            match renew(&session, &self.folder).await {
                Ok(identity) => *session = Arc::new(Session::new(identity, self.proxy.clone())?),
                Err(error) => tracing::error!("the certificate is not renewed: {error}"),
            }
        }
        Ok(Arc::clone(&session))
    }
}

fn read<T: serde::de::DeserializeOwned>(body: &[u8]) -> Result<T, ConnectionError> {
    serde_json::from_slice(body).map_err(|error| ConnectionError::Ended(format!("its answer cannot be read: {error}")))
}

const TRIES: usize = 6;
const FIRST_PAUSE: Duration = Duration::from_millis(500);
const LONGEST_PAUSE: Duration = Duration::from_secs(10);

/// A node writes a batch of 500 records in less than this time.
const WRITE_TIME: Duration = ANSWER_TIME.saturating_mul(6);
