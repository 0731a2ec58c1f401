//! Serves HTTP/1.1 on a listening socket, until the application stops.

use crate::config::Config;
use crate::limits::{REQUEST_TIME, routes};
use crate::shared::{Application, StartError};
use axum::Router;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use std::pin::pin;
use std::sync::Arc;
use std::time::{Duration, SystemTime};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio::time::{sleep, timeout};

/// Serves the application on a listener, until `stop` ends. The issuer need not run yet, because the application
/// does not ask it at the start.
///
/// # Errors
/// Returns an error if the trusted certificates cannot be used.
pub async fn serve(
    config: Config,
    listener: TcpListener,
    stop: impl Future<Output = ()> + Send,
) -> Result<(), StartError> {
    let app = Application::new(config, SystemTime::now)?;
    serve_routes(routes(app), listener, stop).await;
    Ok(())
}

pub(crate) async fn serve_routes(routes: Router, listener: TcpListener, stop: impl Future<Output = ()> + Send) {
    let (places, (stopping, stops)) = (Arc::new(Semaphore::new(MAX_CONNECTIONS)), watch::channel(()));
    let mut stop = pin!(stop);
    loop {
        let accepted = tokio::select! {
            accepted = accept(&listener, &places) => accepted,
            () = stop.as_mut() => break,
        };
        tokio::spawn(serve_connection(accepted, routes.clone(), stops.clone()));
    }
    drop((listener, stops));
    stopping.send_replace(());
    let _ = timeout(REQUEST_TIME, stopping.closed()).await;
}

/// Waits until fewer connections than the limit are open, and accepts a connection.
async fn accept(listener: &TcpListener, places: &Arc<Semaphore>) -> (TcpStream, Option<OwnedSemaphorePermit>) {
    loop {
        let place = Arc::clone(places).acquire_owned().await.ok();
        match listener.accept().await {
            Ok((stream, _)) => return (stream, place),
            Err(error) => {
                tracing::error!("no connection is accepted: {error}");
                sleep(AFTER_FAILURE).await;
            }
        }
    }
}

/// Serves one connection until it ends, has lasted for [`CONNECTION_TIME`], or the application stops.
async fn serve_connection(
    (stream, _place): (TcpStream, Option<OwnedSemaphorePermit>),
    routes: Router,
    mut stops: watch::Receiver<()>,
) {
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new()).header_read_timeout(HEADER_TIME).max_buf_size(MAX_HEADER_SIZE);
    let mut connection = pin!(http.serve_connection(TokioIo::new(stream), TowerToHyperService::new(routes)));
    tokio::select! {
        _ = connection.as_mut() => return,
        () = sleep(CONNECTION_TIME) => {}
        _ = stops.changed() => {}
    }
    connection.as_mut().graceful_shutdown();
    let _ = timeout(REQUEST_TIME, connection).await;
}

const MAX_CONNECTIONS: usize = 256;
/// The largest size of a request's headers, in octets: room for an access token with 200 groups, and for the other
/// headers.
const MAX_HEADER_SIZE: usize = 64 * 1024;
const HEADER_TIME: Duration = Duration::from_secs(10);
const CONNECTION_TIME: Duration = Duration::from_mins(5);
const AFTER_FAILURE: Duration = Duration::from_millis(100);

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use axum::routing::get;
    use std::net::Ipv4Addr;
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    use tokio::sync::{Notify, oneshot};

    #[tokio::test]
    async fn application_that_stops_finishes_its_request_and_refuses_new_connections() {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        let (stop, stopped) = oneshot::channel::<()>();
        let [begun, may_end] = [Arc::new(Notify::new()), Arc::new(Notify::new())];
        let (begins, ends) = (Arc::clone(&begun), Arc::clone(&may_end));
        let wait = move || async move {
            begins.notify_one();
            ends.notified().await;
            "served"
        };
        let serving = tokio::spawn(serve_routes(Router::new().route("/", get(wait)), listener, async {
            let _ = stopped.await;
        }));
        let mut idle = TcpStream::connect(address).await.unwrap();
        let mut running = TcpStream::connect(address).await.unwrap();
        running.write_all(b"GET / HTTP/1.1\r\nHost: app.test\r\n\r\n").await.unwrap();
        begun.notified().await;
        stop.send(()).unwrap();
        let mut text = String::new();
        idle.read_to_string(&mut text).await.unwrap();
        assert_eq!(text, "");
        assert!(TcpStream::connect(address).await.is_err());
        may_end.notify_one();
        running.read_to_string(&mut text).await.unwrap();
        assert!(text.starts_with("HTTP/1.1 200") && text.contains("connection: close"), "{text}");
        assert!(text.ends_with("served"), "{text}");
        serving.await.unwrap();
    }
}
