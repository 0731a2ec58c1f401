//! Relays the messages of one sign-in between the Kerberos library and the KDC. Four octets before each message give
//! the length of the message (RFC 4120 section 7.2.2). The relay keeps the last KRB-ERROR, because the library drops
//! the e-data, in which the directory says why it refuses an account. The relay neither changes nor decrypts a message.

use std::io::{Error, ErrorKind, Result};
use std::net::Ipv4Addr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio::time::timeout;

pub(crate) struct Tap {
    address: String,
    heard: Arc<Mutex<Heard>>,
    /// The relay's task, which ends when the tap is dropped.
    _relay: JoinSet<()>,
}

#[derive(Default)]
struct Heard {
    krb_error: Option<Vec<u8>>,
    replies: usize,
    failure: Option<String>,
}

impl Tap {
    /// Opens a relay on loopback. The library connects to the relay in place of a KDC.
    pub(crate) async fn open(kdcs: &[String]) -> Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let (address, heard) = (listener.local_addr()?.to_string(), Arc::default());
        let mut relay = JoinSet::new();
        relay.spawn(relay_all(listener, kdcs.to_vec(), Arc::clone(&heard)));
        Ok(Self { address, heard, _relay: relay })
    }

    pub(crate) fn address(&self) -> String {
        self.address.clone()
    }

    /// Returns the last reply of the KDC that was a KRB-ERROR.
    pub(crate) fn last_error(&self) -> Option<Vec<u8>> {
        self.heard.lock().unwrap_or_else(PoisonError::into_inner).krb_error.clone()
    }

    /// Returns whether the KDC has replied to the first request only. That request has no proof of the password.
    pub(crate) fn is_before_password(&self) -> bool {
        self.heard.lock().unwrap_or_else(PoisonError::into_inner).replies < 2
    }

    /// Returns why the KDC could not be reached.
    pub(crate) fn failure(&self) -> Option<String> {
        self.heard.lock().unwrap_or_else(PoisonError::into_inner).failure.clone()
    }
}

async fn relay_all(listener: TcpListener, kdcs: Vec<String>, heard: Arc<Mutex<Heard>>) {
    while let Ok((mut library, _)) = listener.accept().await {
        if let Err(error) = relay_one(&mut library, &kdcs, &heard).await {
            heard.lock().unwrap_or_else(PoisonError::into_inner).failure = Some(error.to_string());
        }
    }
}

/// Relays one request and its reply. The library opens a connection for each request. The relay stores a KRB-ERROR before it
/// sends the reply, so the receiver of the reply can read the KRB-ERROR immediately.
async fn relay_one(
    library: &mut (impl AsyncRead + AsyncWrite + Unpin),
    kdcs: &[String],
    heard: &Mutex<Heard>,
) -> Result<()> {
    let mut kdc = connect(kdcs).await?;
    write(&mut kdc, &read(library).await?).await?;
    let reply = read(&mut kdc).await?;
    {
        let mut heard = heard.lock().unwrap_or_else(PoisonError::into_inner);
        heard.replies = heard.replies.saturating_add(1);
        if reply.first() == Some(&KRB_ERROR) {
            heard.krb_error = Some(reply.clone());
        }
    }
    write(library, &reply).await
}

/// Connects to the first KDC that accepts a connection. After that, the relay asks no other KDC, because another KDC would
/// count a wrong password a second time.
async fn connect(kdcs: &[String]) -> Result<TcpStream> {
    let mut failure = Error::new(ErrorKind::NotFound, "no KDC is configured");
    for kdc in kdcs {
        match timeout(CONNECT_TIME, TcpStream::connect(kdc)).await {
            Ok(Ok(stream)) => return Ok(stream),
            Ok(Err(error)) => failure = error,
            Err(_) => failure = ErrorKind::TimedOut.into(),
        }
    }
    Err(failure)
}

async fn read(from: &mut (impl AsyncRead + Unpin)) -> Result<Vec<u8>> {
    let size = usize::try_from(from.read_u32().await?).unwrap_or(usize::MAX);
    if size > MAX_SIZE {
        return Err(Error::new(ErrorKind::InvalidData, "a message of the KDC is too large"));
    }
    let mut message = vec![0; size];
    from.read_exact(&mut message).await?;
    Ok(message)
}

async fn write(to: &mut (impl AsyncWrite + Unpin), message: &[u8]) -> Result<()> {
    to.write_u32(u32::try_from(message.len()).unwrap_or(u32::MAX)).await?;
    to.write_all(message).await
}

/// The first octet of a KRB-ERROR: the constructed tag \[APPLICATION 30\] (RFC 4120 section 5.9.1).
const KRB_ERROR: u8 = 0x7E;

/// The longest time to connect to one KDC. MIT's KDC lets five connections wait (`kdc_tcp_listen_backlog`). The
/// system drops the SYN of a further connection, and the client sends the SYN again after a second (RFC 6298 section
/// 2). By default, the server answers the user after three seconds.
const CONNECT_TIME: Duration = Duration::from_millis(1_300);

/// The largest message that is relayed, in octets. A ticket has 64 KiB at most.
const MAX_SIZE: usize = 256 * 1024;

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn second_kdc_is_asked_if_the_connection_to_the_first_kdc_fails() {
        let closed = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap().local_addr().unwrap().to_string();
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let open = listener.local_addr().unwrap();
        let connected = connect(&[closed.clone(), open.to_string()]).await.unwrap();
        assert_eq!(connected.peer_addr().unwrap(), open);
        assert!(connect(&[closed]).await.is_err() && connect(&[]).await.is_err());
    }

    #[tokio::test]
    async fn krb_error_is_stored_before_the_library_receives_the_reply() {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let kdc = listener.local_addr().unwrap().to_string();
        tokio::spawn(async move {
            let (mut server, _) = listener.accept().await.unwrap();
            assert_eq!(read(&mut server).await.unwrap(), b"request");
            write(&mut server, &[KRB_ERROR; 100]).await.unwrap();
        });
        // The pipe has room for the length of the reply, but not for the reply.
        let (mut library, mut end) = tokio::io::duplex(8);
        let heard = Arc::new(Mutex::new(Heard::default()));
        let hearing = Arc::clone(&heard);
        tokio::spawn(async move { relay_one(&mut end, &[kdc], &hearing).await });
        write(&mut library, b"request").await.unwrap();
        assert_eq!(library.read_u32().await.unwrap(), 100);
        assert_eq!(heard.lock().unwrap().replies, 1);
        assert_eq!(heard.lock().unwrap().krb_error.as_deref(), Some(&[KRB_ERROR; 100][..]));
    }
}
