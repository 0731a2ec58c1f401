//! Serves HTTP/1.1 on a listening socket, until the server stops.

use crate::client::Peer;
use crate::connections::{Connections, GivesWay, Running, Slot};
use crate::limits::REQUEST_TIME;
use crate::tls::{Certificate, Tls};
use axum::Router;
use axum::body::{Body, Bytes, HttpBody};
use hyper::body::{Frame, Incoming, SizeHint};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use kerberos_sso::ChannelBindings;
use std::convert::Infallible;
use std::io;
use std::net::IpAddr;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::time::{sleep, timeout};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;
use tower::ServiceExt as _;

/// Tells all listeners and connections that the server stops.
pub(crate) struct Stop(watch::Sender<bool>);

/// Waits until the server stops. Each connection keeps a copy of this value until the connection ends.
#[derive(Clone)]
pub(crate) struct Stopping(watch::Receiver<bool>);

impl Stop {
    pub(crate) fn new() -> (Self, Stopping) {
        let (stop, stopping) = watch::channel(false);
        (Self(stop), Stopping(stopping))
    }

    /// Stops the server, and waits until all connections have ended. Running requests have [`STOP_TIME`] to end. Returns
    /// whether all connections ended in time.
    pub(crate) async fn stop(self) -> bool {
        self.0.send_replace(true);
        timeout(STOP_TIME, self.0.closed()).await.is_ok()
    }
}

impl Stopping {
    pub(crate) async fn wait(&mut self) {
        // An error means that the sender was dropped, because the server has ended.
        let _ = self.0.wait_for(|is_stopping| *is_stopping).await;
    }
}

/// Accepts connections until the server stops. An error of a connection does not end the server. With `tls`, each
/// connection begins with a TLS handshake.
pub(crate) async fn serve(
    listener: TcpListener,
    tls: Option<Arc<Tls>>,
    routes: Router,
    connections: Arc<Connections>,
    mut stopping: Stopping,
) {
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = stopping.wait() => return,
        };
        match accepted {
            Ok((stream, peer)) => {
                let Some((slot, gives_way)) = connections.admit(peer.ip()) else { continue };
                let place = Place { address: peer.ip(), slot, gives_way, stopping: stopping.clone() };
                let (routes, certificate) = (routes.clone(), tls.as_ref().map(|tls| tls.current()));
                tokio::spawn(async move {
                    match certificate {
                        Some(certificate) => serve_tls(stream, &certificate, routes, place).await,
                        None => serve_connection(stream, None, routes, place).await,
                    }
                });
            }
            Err(error) => {
                tracing::error!("no connection is accepted: {error}");
                sleep(AFTER_FAILURE).await;
            }
        }
    }
}

/// A connection in the table of connections.
pub(crate) struct Place {
    pub(crate) address: IpAddr,
    pub(crate) slot: Arc<Slot>,
    pub(crate) gives_way: GivesWay,
    pub(crate) stopping: Stopping,
}

/// The limits of a connection.
pub(crate) struct ConnectionLimits {
    /// The size of the header of a request, in octets.
    pub(crate) header_size: usize,
    /// The time in which a client must send the header of a request.
    pub(crate) header_time: Duration,
    /// The time after which the connection accepts no more requests.
    pub(crate) life: Duration,
    /// The longest time for which a request may still run after the end of `life`.
    pub(crate) last_request: Duration,
}

/// Serves one connection after its TLS handshake. Until the end of the handshake, the connection is idle.
async fn serve_tls(stream: TcpStream, certificate: &Certificate, routes: Router, mut place: Place) {
    if let Some(stream) = shake_hands(&certificate.acceptor(), stream, &mut place, HEADER_TIME).await {
        serve_connection(stream, Some(certificate.bindings()), routes, place).await;
    }
}

/// Waits for the TLS handshake of a connection. A client whose handshake fails gets no answer.
pub(crate) async fn shake_hands(
    acceptor: &TlsAcceptor,
    stream: TcpStream,
    place: &mut Place,
    time: Duration,
) -> Option<TlsStream<TcpStream>> {
    tokio::select! {
        done = timeout(time, acceptor.accept(stream)) => done.ok()?.ok(),
        _ = &mut place.gives_way => None,
        () = place.stopping.wait() => None,
    }
}

async fn serve_connection(
    stream: impl AsyncRead + AsyncWrite + Unpin + Send,
    tls: Option<Arc<[ChannelBindings]>>,
    routes: Router,
    place: Place,
) {
    let peer = Peer { address: place.address, tls };
    let limits = ConnectionLimits {
        header_size: MAX_HEADER_SIZE,
        header_time: HEADER_TIME,
        life: CONNECTION_TIME,
        last_request: REQUEST_TIME,
    };
    serve_http(stream, peer, routes, place, limits).await;
}

/// Serves one connection until the connection ends, gives way or reaches the end of its life, or until the server stops. Each
/// request has `peer` among its extensions.
pub(crate) async fn serve_http(
    stream: impl AsyncRead + AsyncWrite + Unpin + Send,
    peer: impl Clone + Send + Sync + 'static,
    routes: Router,
    place: Place,
    limits: ConnectionLimits,
) {
    let Place { slot, gives_way, mut stopping, .. } = place;
    let serving = Arc::clone(&slot);
    let service = service_fn(move |mut request: hyper::Request<Incoming>| {
        let (routes, running) = (routes.clone(), serving.run());
        request.extensions_mut().insert(peer.clone());
        async move {
            let response = routes.oneshot(request).await?;
            Ok::<_, Infallible>(response.map(|body| Held::new(body, running)))
        }
    });
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new()).header_read_timeout(limits.header_time).max_buf_size(limits.header_size);
    let mut connection = pin!(http.serve_connection(TokioIo::new(stream), service));
    tokio::select! {
        _ = connection.as_mut() => return,
        _ = gives_way => return,
        () = sleep(limits.life) => {}
        () = stopping.wait() => {}
    }
    if !slot.is_idle() {
        connection.as_mut().graceful_shutdown();
        let _ = timeout(limits.last_request, connection).await;
    }
}

/// The body of a response. The request counts as running until the body is sent.
pub(crate) struct Held {
    body: Body,
    _running: Running,
}

impl Held {
    pub(crate) const fn new(body: Body, running: Running) -> Self {
        Self { body, _running: running }
    }
}

impl HttpBody for Held {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        Pin::new(&mut self.body).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// The signals that stop the server: SIGTERM, and the signal of Ctrl-C.
pub(crate) struct Signals {
    #[cfg(unix)]
    terminate: tokio::signal::unix::Signal,
}

impl Signals {
    /// Begins to listen for the signals. After this call, SIGTERM does not end the process by itself.
    pub(crate) fn listen() -> io::Result<Self> {
        Ok(Self {
            #[cfg(unix)]
            terminate: tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate())?,
        })
    }

    /// Waits for the first signal.
    pub(crate) async fn wait(mut self) {
        let terminated = async {
            #[cfg(unix)]
            self.terminate.recv().await;
            #[cfg(not(unix))]
            std::future::pending::<()>().await;
        };
        tokio::select! {
            () = terminated => {}
            _ = tokio::signal::ctrl_c() => {}
        }
    }
}

/// The largest header of a request: a token of 64 KiB in base64, and room for the other headers.
const MAX_HEADER_SIZE: usize = 96 * 1024;
const HEADER_TIME: Duration = Duration::from_secs(10);
const CONNECTION_TIME: Duration = Duration::from_mins(10);
const AFTER_FAILURE: Duration = Duration::from_millis(100);

/// The longest time for which a server that stops waits for the running requests. This time is longer than
/// [`REQUEST_TIME`].
const STOP_TIME: Duration = Duration::from_secs(20);

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::forwarded::Proxies;
    use crate::metrics::Metrics;
    use axum::routing::get;
    use std::net::{Ipv4Addr, SocketAddr};
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    use tokio::sync::Semaphore;
    use tokio::task::JoinHandle;

    struct Server {
        address: SocketAddr,
        stop: Stop,
        serving: JoinHandle<()>,
        /// `begun` has a permit for each request that has begun, and `may_end` has a permit for each request that may end.
        begun: Arc<Semaphore>,
        may_end: Arc<Semaphore>,
    }

    async fn server(total: usize) -> Server {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let (address, (stop, stopping)) = (listener.local_addr().unwrap(), Stop::new());
        let (begun, may_end) = (Arc::new(Semaphore::new(0)), Arc::new(Semaphore::new(0)));
        let (begins, ends) = (Arc::clone(&begun), Arc::clone(&may_end));
        let wait = move || async move {
            begins.add_permits(1);
            ends.acquire().await.unwrap().forget();
            "served"
        };
        let routes = Router::new().route("/", get(wait));
        let serving = tokio::spawn(serve(
            listener,
            None,
            routes,
            Connections::new(total, total, Proxies::default(), Metrics::new()),
            stopping,
        ));
        Server { address, stop, serving, begun, may_end }
    }

    async fn ask(server: &Server) -> TcpStream {
        let mut stream = TcpStream::connect(server.address).await.unwrap();
        stream.write_all(b"GET / HTTP/1.1\r\nHost: sso.test\r\n\r\n").await.unwrap();
        stream
    }

    async fn rest(mut stream: TcpStream) -> String {
        let mut text = String::new();
        stream.read_to_string(&mut text).await.unwrap();
        text
    }

    #[tokio::test]
    async fn stopping_server_answers_its_running_request_and_closes_idle_connections_and_accepts_no_new_connection() {
        let server = server(9).await;
        let idle = TcpStream::connect(server.address).await.unwrap();
        let running = ask(&server).await;
        server.begun.acquire().await.unwrap().forget();
        let stopped = tokio::spawn(server.stop.stop());
        server.serving.await.unwrap();
        assert_eq!(rest(idle).await, "");
        assert!(TcpStream::connect(server.address).await.is_err());
        server.may_end.add_permits(1);
        let response = rest(running).await;
        assert!(response.starts_with("HTTP/1.1 200") && response.ends_with("served"), "{response}");
        assert!(stopped.await.unwrap());
    }

    #[tokio::test]
    async fn idle_connection_is_closed_when_a_new_connection_needs_its_place() {
        let server = server(1).await;
        let idle = TcpStream::connect(server.address).await.unwrap();
        let mut second = ask(&server).await;
        assert_eq!(rest(idle).await, "");
        server.may_end.add_permits(1);
        let mut start = [0; 12];
        second.read_exact(&mut start).await.unwrap();
        assert_eq!(&start, b"HTTP/1.1 200");
    }
}
