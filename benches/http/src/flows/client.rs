//! The client: a browser with a session, and the application that redeems the browser's codes.

use super::CONNECTIONS;
use crate::Outcome;
use crate::connection::Connection;
use crate::load::{Pace, wait_until};
use crate::seamless::{REDIRECT_URI, Server, TENANT};
use crate::table::micros;
use axum::http::Request;
use axum::http::header::{CONTENT_TYPE, COOKIE, HOST, LOCATION};
use serde_json::Value;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::task::JoinSet;

pub struct Client(Arc<Flow>);

/// The values that all flows of a client use.
struct Flow {
    host: String,
    cookies: String,
}

impl Client {
    /// Waits until the server is ready, and signs in once by ticket.
    pub async fn signed_in(server: &Server) -> Outcome<Self> {
        let host = server.address.to_string();
        let mut connection = Connection::open(&host).await?;
        server.ready(&mut connection).await?;
        let cookies = server.sign_in(&mut connection, "alice", 0).await?;
        Ok(Self(Arc::new(Flow { host, cookies })))
    }

    /// Runs flows for some time. Returns the time of each flow in microseconds. The connections are new, because the server
    /// ends a connection that has had no request for ten seconds.
    pub async fn run(&self, pace: Pace, time: Duration) -> Outcome<Vec<f64>> {
        let mut connections = Vec::new();
        for _ in 0..CONNECTIONS {
            connections.push(Connection::open(&self.0.host).await?);
        }
        let (mut tasks, begin) = (JoinSet::new(), Instant::now());
        for (number, connection) in (0..).zip(connections) {
            let pace = match pace {
                Pace::Full => None,
                Pace::Each(interval) => Some((begin + interval * number, interval * u32::try_from(CONNECTIONS)?)),
            };
            tasks.spawn(Arc::clone(&self.0).repeat(connection, pace, begin + time));
        }
        let mut times = Vec::new();
        while let Some(of_one) = tasks.join_next().await {
            times.extend(of_one??);
        }
        Ok(times)
    }
}

impl Flow {
    /// Runs flows on one connection until `end`. Without `pace`, a flow begins when the flow before it ends. With
    /// `pace`, the first flow begins at the time in `pace`, and another flow begins after each interval.
    async fn repeat(
        self: Arc<Self>,
        mut connection: Connection,
        mut pace: Option<(Instant, Duration)>,
        end: Instant,
    ) -> Outcome<Vec<f64>> {
        let mut times = Vec::new();
        loop {
            let begin = match &mut pace {
                None => Instant::now(),
                Some((due, interval)) => {
                    let begin = wait_until(*due).await;
                    *due += *interval;
                    begin
                }
            };
            if begin >= end {
                return Ok(times);
            }
            self.run(&mut connection).await?;
            times.push(micros(begin.elapsed()));
        }
    }

    /// Gets a code for the session, and exchanges the code for an access token and an ID token.
    async fn run(&self, connection: &mut Connection) -> Outcome<()> {
        let query = format!(
            "/{TENANT}/oauth2/authorize?response_type=code&client_id=app&redirect_uri={REDIRECT_URI}&state=state\
             &nonce=nonce&scope=openid+profile+groups&code_challenge={CHALLENGE}&code_challenge_method=S256"
        );
        let request = Request::get(query).header(HOST, &self.host).header(COOKIE, &self.cookies);
        let answer = connection.send(request, String::new()).await?;
        let location = answer.headers().get(LOCATION).and_then(|location| location.to_str().ok()).unwrap_or_default();
        let code = location.split(['?', '&']).find_map(|field| field.strip_prefix("code="));
        let code = code.ok_or_else(|| format!("no code: {} {location}", answer.status()))?;
        let form = format!(
            "grant_type=authorization_code&client_id=app&client_secret=secret&redirect_uri={REDIRECT_URI}&code={code}\
             &code_verifier={VERIFIER}"
        );
        let request = Request::post(format!("/{TENANT}/oauth2/token")).header(HOST, &self.host);
        let answer = connection.send(request.header(CONTENT_TYPE, "application/x-www-form-urlencoded"), form).await?;
        let tokens: Value = serde_json::from_slice(answer.body())?;
        let has = |name: &str| tokens[name].as_str().is_some_and(|token| token.split('.').count() == 3);
        match has("access_token") && has("id_token") {
            true => Ok(()),
            false => Err(format!("not both tokens: {tokens}").into()),
        }
    }
}

/// The example of RFC 7636 appendix B.
const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";
