//! A web server that signs a user in once, keeps a session, and has a page for one group. The server follows a key
//! rollover.
//!
//! Run: `cargo run -p kerberos-sso-server --example session -- KEYTAB PRINCIPAL DOMAIN-SID`
//!
//! `axum::serve` gives a client unlimited time for the head of its request. On the internet, put a proxy with time limits in
//! front of this server, or serve as `examples/seamless/server/serve.rs` does.

use axum::{Router, extract::State, http::StatusCode, routing::get};
use kerberos_sso::{SessionIdentity, Sid, WellKnownGroup, tower::SharedIdentity};
use kerberos_sso_server::Server;
use std::{env::args, error::Error};
use tower_sessions::cookie::time::{Duration, OffsetDateTime};
use tower_sessions::{Expiry, MemoryStore, Session, SessionManagerLayer, session};

async fn sign_in(user: SharedIdentity, session: Session) -> Result<String, Failure> {
    // The session gets a new identifier, so an attacker who planted the old identifier cannot use the user's session.
    session.cycle_id().await?;
    session.insert("user", SessionIdentity::from(&*user)).await?;
    // The session ends after an hour, even if it is in use: the user must then sign in with a ticket again.
    session.set_expiry(Some(Expiry::AtDateTime(OffsetDateTime::now_utc().saturating_add(Duration::hours(1)))));
    Ok(format!("Hello {}\n", user.name))
}

async fn admin(State(admins): State<Sid>, session: Session) -> Result<String, Failure> {
    let user: SessionIdentity = session.get("user").await?.ok_or(Failure(StatusCode::UNAUTHORIZED))?;
    if user.is_member_of(admins) { Ok(format!("Welcome {}\n", user.name)) } else { Err(Failure(StatusCode::FORBIDDEN)) }
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    tracing_subscriber::fmt().init();
    let argument = |index| args().nth(index).ok_or("arguments: KEYTAB PRINCIPAL DOMAIN-SID");
    let domain: Sid = argument(3)?.parse()?;
    let admins = WellKnownGroup::DomainAdmins.of_domain(domain).ok_or("not the SID of a domain")?;
    let server = Server::in_active_directory(&argument(2)?, domain).start(argument(1)?)?;
    let app = Router::new()
        .route("/", get(sign_in).layer(server.layer()))
        .route("/admin", get(admin))
        .layer(SessionManagerLayer::new(MemoryStore::default()))
        .with_state(admins);
    Ok(axum::serve(tokio::net::TcpListener::bind("127.0.0.1:8080").await?, app).await?)
}

/// The status of a response without a page.
struct Failure(StatusCode);

impl From<session::Error> for Failure {
    fn from(_: session::Error) -> Self {
        Self(StatusCode::INTERNAL_SERVER_ERROR)
    }
}

impl axum::response::IntoResponse for Failure {
    fn into_response(self) -> axum::response::Response {
        self.0.into_response()
    }
}
