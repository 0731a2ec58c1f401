//! The client: connections that stay open, and requests that follow each other on each connection.

use crate::Outcome;
use crate::site::Site;
use axum::http::header::{AUTHORIZATION, HOST};
use axum::http::{HeaderValue, Request};
use http_body_util::{BodyExt as _, Empty};
use hyper::body::Bytes;
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper_util::rt::TokioIo;
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::task::JoinSet;

/// The values of the header `Authorization`, one for each request.
pub type Headers = Arc<[HeaderValue]>;

const CONNECTIONS: usize = 8;

/// The times at which requests begin.
#[derive(Clone, Copy)]
pub enum Pace {
    /// On each connection, a request begins when the request before it is answered.
    Full,
    /// A request begins at each interval of this length, even if the server has not answered the earlier requests.
    Each(Duration),
}

/// Waits until a request is due. Returns the instant from which the time of the request is measured.
pub async fn wait_until(due: Instant) -> Instant {
    if due <= Instant::now() {
        // The measured time begins when the request is due, and so includes its wait for the connection.
        return due;
    }
    // The measured time begins when the timer has ended, because the timer may end up to a millisecond late.
    tokio::time::sleep_until(due.into()).await;
    Instant::now()
}

/// The name in the certificate and in the header `Host`.
const NAME: &str = "www.contoso.test";

pub struct Connections(Vec<SendRequest<Empty<Bytes>>>);

/// The answers to the requests of one round.
#[derive(Default)]
pub struct Answers {
    pub times: Vec<Duration>,
    statuses: BTreeMap<u16, usize>,
}

/// Opens the connections to a server, and completes their TLS handshakes.
pub async fn connect(address: SocketAddr, tls: Option<&Site>) -> Outcome<Connections> {
    let mut connections = Vec::new();
    for _ in 0..CONNECTIONS {
        let socket = TcpStream::connect(address).await?;
        socket.set_nodelay(true)?;
        connections.push(match tls {
            Some(site) => begin(site.tls.connect(NAME.try_into()?, socket).await?).await?,
            None => begin(socket).await?,
        });
    }
    Ok(Connections(connections))
}

async fn begin(stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static) -> Outcome<SendRequest<Empty<Bytes>>> {
    let (sender, connection) = handshake(TokioIo::new(stream)).await?;
    tokio::spawn(connection);
    Ok(sender)
}

impl Connections {
    /// Sends one request with each header, on a connection that is free.
    pub async fn send(&mut self, headers: &Headers, pace: Pace) -> Outcome<Answers> {
        let schedule = match pace {
            Pace::Full => None,
            Pace::Each(interval) => Some((Instant::now(), interval)),
        };
        let next = Arc::new(AtomicUsize::new(0));
        let mut tasks = JoinSet::new();
        for sender in self.0.drain(..) {
            tasks.spawn(send_in_turn(sender, Arc::clone(headers), Arc::clone(&next), schedule));
        }
        let mut all = Answers::default();
        while let Some(done) = tasks.join_next().await {
            let (sender, answers) = done??;
            self.0.push(sender);
            all.times.extend(answers.times);
            for (status, count) in answers.statuses {
                *all.statuses.entry(status).or_default() += count;
            }
        }
        Ok(all)
    }
}

async fn send_in_turn(
    mut sender: SendRequest<Empty<Bytes>>,
    headers: Headers,
    next: Arc<AtomicUsize>,
    schedule: Option<(Instant, Duration)>,
) -> Outcome<(SendRequest<Empty<Bytes>>, Answers)> {
    let mut answers = Answers::default();
    loop {
        let number = next.fetch_add(1, Ordering::Relaxed);
        let Some(header) = headers.get(number) else { return Ok((sender, answers)) };
        sender.ready().await?;
        let request = Request::get("/hello").header(HOST, NAME).header(AUTHORIZATION, header).body(Empty::new())?;
        let begin = match schedule {
            None => Instant::now(),
            Some((first, interval)) => wait_until(first + interval * u32::try_from(number)?).await,
        };
        let response = sender.send_request(request).await?;
        let status = response.status().as_u16();
        response.into_body().collect().await?;
        answers.times.push(begin.elapsed());
        *answers.statuses.entry(status).or_default() += 1;
    }
}

impl Answers {
    /// Returns an error unless every request was answered with status 200.
    pub fn all_accepted(&self, server: &str) -> Outcome<()> {
        match self.statuses.keys().all(|status| *status == 200) {
            true => Ok(()),
            false => Err(format!("{server} answers with these statuses: {:?}", self.statuses).into()),
        }
    }

    /// Returns the number of requests that were answered with status 401 or 403.
    pub fn refused(&self) -> usize {
        [401, 403].iter().filter_map(|status| self.statuses.get(status)).sum()
    }
}
