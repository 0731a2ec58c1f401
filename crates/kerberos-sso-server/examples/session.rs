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
use tower_sessions::{Expiry, MemoryStore, Session, SessionManagerLayer, cookie::time};

async fn sign_in(user: SharedIdentity, session: Session) -> Result<String, StatusCode> {
    // The session gets a new identifier, so an attacker who planted the old identifier cannot use the user's session.
    session.cycle_id().await.or(Err(StatusCode::INTERNAL_SERVER_ERROR))?;
    session.insert("user", SessionIdentity::from(&*user)).await.or(Err(StatusCode::INTERNAL_SERVER_ERROR))?;
    // The session ends after an hour, even if it is in use: the user must then sign in with a ticket again.
    session.set_expiry(Some(Expiry::AtDateTime(time::OffsetDateTime::now_utc().saturating_add(time::Duration::HOUR))));
    Ok(format!("Hello {}\n", user.name))
}

async fn admin(State(admins): State<Sid>, session: Session) -> Result<String, StatusCode> {
    let user: SessionIdentity =
        session.get("user").await.or(Err(StatusCode::INTERNAL_SERVER_ERROR))?.ok_or(StatusCode::UNAUTHORIZED)?;
    if user.is_member_of(admins) { Ok(format!("Welcome {}\n", user.name)) } else { Err(StatusCode::FORBIDDEN) }
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
