//! The program at the beginning of the README: it greets a user who has a ticket.

use axum::{Router, routing::get};
use kerberos_sso::tower::SharedIdentity;
use kerberos_sso_server::Server;

async fn hello(user: SharedIdentity) -> String {
    format!("Hello {}\n", user.name)
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    tracing_subscriber::fmt().init();
    let server = Server::in_realm("HTTP/www.example.com").start("/tmp/http.keytab")?;
    let app = Router::new().route("/", get(hello)).layer(server.layer());
    Ok(axum::serve(tokio::net::TcpListener::bind("0.0.0.0:8080").await?, app).await?)
}
