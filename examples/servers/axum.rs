//! A server on axum: users sign in with their tickets, and only members of Domain Admins may use the route `/admin`.
//!
//! Run: `cargo run --manifest-path examples/servers/Cargo.toml --bin axum -- KEYTAB PRINCIPAL DOMAIN-SID [ADDRESS]`
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
    tracing_subscriber::fmt().with_writer(std::io::stderr).init();
    let argument = |index| args().nth(index).ok_or("arguments: KEYTAB PRINCIPAL DOMAIN-SID [ADDRESS]");
    let domain: Sid = argument(3)?.parse()?;
    let admins = WellKnownGroup::DomainAdmins.of_domain(domain).ok_or("not the SID of a domain")?;
    // The server looks at the keytab every ten seconds. The keys of a new keytab are used immediately, and the old keys
    // until their tickets end.
    let server = Server::in_active_directory(&argument(2)?, domain).start(argument(1)?)?;
    let app = Router::new()
        .route("/admin", get(hello).layer(RequireGroupLayer::new(admins)))
        .route("/", get(hello))
        .layer(server.layer());
    let listener = tokio::net::TcpListener::bind(argument(4).as_deref().unwrap_or("127.0.0.1:8080")).await?;
    println!("http://{}/", listener.local_addr()?);
    Ok(axum::serve(listener, app).await?)
}
