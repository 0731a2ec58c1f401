//! A web server whose users sign in by their tickets, with a route for one group.
//!
//! Run: `cargo run -p kerberos-sso-server --example hello -- KEYTAB PRINCIPAL DOMAIN-SID [ADDRESS]`
//!
//! `axum::serve` gives a client unlimited time for the head of its request. On the internet, put a proxy with time limits in
//! front of this server, or serve as `examples/seamless/server/serve.rs` does.
#![allow(clippy::print_stdout, reason = "this is a program")]

use axum::{Router, routing::get};
use kerberos_sso::tower::{RequireGroupLayer, SharedIdentity};
use kerberos_sso::{Sid, WellKnownGroup};
use kerberos_sso_server::Server;
use std::{env::args, error::Error};

async fn hello(user: SharedIdentity) -> String {
    format!("Hello {}\n", user.name)
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    tracing_subscriber::fmt().with_max_level(tracing::Level::DEBUG).init();
    let argument = |index, what| args().nth(index).ok_or(what);
    let domain: Sid = argument(3, "the domain's SID is missing")?.parse()?;
    let admins = WellKnownGroup::DomainAdmins.of_domain(domain).ok_or("not the SID of a domain")?;
    let server = Server::in_active_directory(&argument(2, "the principal is missing")?, domain)
        .start(argument(1, "the keytab is missing")?)?;
    let app = Router::new()
        .route("/admin", get(hello).layer(RequireGroupLayer::new(admins)))
        .route("/", get(hello))
        .layer(server.layer());
    let listener = tokio::net::TcpListener::bind(args().nth(4).as_deref().unwrap_or("127.0.0.1:8080")).await?;
    println!("http://{}/", listener.local_addr()?);
    Ok(axum::serve(listener, app).await?)
}
