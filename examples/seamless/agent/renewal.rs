//! Renews the agent's certificate with new keys.
//!
//! The agent writes the new keys to its folder before it asks the server. If the response is lost, or the agent is
//! killed, the agent sends the same request again. A renewal with other new keys would look to the server as if
//! somebody had copied the agent's keys. Programs that use the same folder renew one after the other, and the later
//! program uses the certificate that the earlier program got.

use crate::connection::ConnectionError;
use crate::folder::{Folder, FolderError, Identity, Keys, Pending};
use crate::session::{ANSWER_TIME, Session};
use hyper::{Method, StatusCode};
use seamless_pta::certificate::make_request;
use seamless_pta::message::{Enrolled, Renew, V1, read, write};
use tokio::task::spawn_blocking;

/// Asks for a new certificate, and returns the identity with it. If another program has already renewed the
/// certificate, this function sends no request.
pub(crate) async fn renew(session: &Session, folder: &Folder) -> Result<Identity, ConnectionError> {
    let own = folder.clone();
    let locking =
        spawn_blocking(move || own.lock()).await.map_err(|error| ConnectionError::Ended(error.to_string()))?;
    let _lock = locking?;
    if let Some(identity) = folder.newer(session.identity.generation)? {
        return Ok(identity);
    }
    let pending = match folder.pending()? {
        Some(pending) => pending,
        None => begin(session, folder)?,
    };
    let body = write(&pending.request)?;
    let mut last = Err(ConnectionError::Ended("there is no node".into()));
    for node in &session.identity.nodes {
        last = ask(session, node, body.clone()).await;
        match &last {
            Ok(_) => break,
            // All nodes have the same registry, so another node would refuse this request, too.
            Err(ConnectionError::Refused { status: StatusCode::FORBIDDEN, .. }) => {
                folder.remove_pending();
                break;
            }
            Err(_) => {}
        }
    }
    let identity = Identity::new(last?, pending.keys)?;
    folder.write_identity(&identity)?;
    folder.remove_pending();
    Ok(identity)
}

fn begin(session: &Session, folder: &Folder) -> Result<Pending, ConnectionError> {
    let keys = Keys::make()?;
    let seal_key = keys.sealing()?.public();
    let csr = make_request(&keys.tls()?, &seal_key).map_err(|_| FolderError::Keys)?;
    let request = Renew { v: V1, csr, seal_key, generation: session.identity.generation };
    let pending = Pending { keys, request };
    folder.write_pending(&pending)?;
    Ok(pending)
}

async fn ask(
    session: &Session,
    node: &seamless_pta::message::NodeUrl,
    body: Vec<u8>,
) -> Result<Enrolled, ConnectionError> {
    let mut connection = session.connect(node).await?;
    let (_, body) = connection.send(Method::POST, "renew", body, ANSWER_TIME).await?;
    read(&body).map_err(ConnectionError::Malformed)
}
