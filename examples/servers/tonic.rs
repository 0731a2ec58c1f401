//! A server on tonic: gRPC clients sign in with their tickets, and only members of Domain Admins may use the service.
//!
//! Run: `cargo run --manifest-path examples/servers/Cargo.toml --bin tonic -- KEYTAB PRINCIPAL DOMAIN-SID [ADDRESS]`
//!
//! This server gives a client unlimited time for the head of its request. On the internet, put a proxy with time limits in
//! front of this server.
#![allow(clippy::print_stdout, reason = "this is a program")]

use kerberos_sso::{Identity, Sid, WellKnownGroup};
use kerberos_sso_server::Server;
use std::{env::args, error::Error, sync::Arc};
use tonic::{Request, Status};
use tonic_health::{pb::health_server::HealthServer, server::HealthService};

/// Lets only members of a group reach a service. The service can find the user in the same way.
fn members_only(request: Request<()>, group: Sid) -> Result<Request<()>, Status> {
    match request.extensions().get::<Arc<Identity>>() {
        Some(user) if user.is_member_of(group) => Ok(request),
        Some(_) => Err(Status::permission_denied("not a member of the group")),
        None => Err(Status::internal("no layer signs users in")),
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    tracing_subscriber::fmt().with_writer(std::io::stderr).init();
    let argument = |index| args().nth(index).ok_or("arguments: KEYTAB PRINCIPAL DOMAIN-SID [ADDRESS]");
    let domain: Sid = argument(3)?.parse()?;
    let admins = WellKnownGroup::DomainAdmins.of_domain(domain).ok_or("not the SID of a domain")?;
    let server = Server::in_active_directory(&argument(2)?, domain).start(argument(1)?)?;
    let health = HealthService::from_health_reporter(tonic_health::server::HealthReporter::new());
    let health = HealthServer::with_interceptor(health, move |request| members_only(request, admins));
    let listener = tokio::net::TcpListener::bind(argument(4).as_deref().unwrap_or("127.0.0.1:8080")).await?;
    println!("http://{}/", listener.local_addr()?);
    let connections = tokio_stream::wrappers::TcpListenerStream::new(listener);
    let mut app = tonic::transport::Server::builder().http2_max_header_list_size(128 * 1024).layer(server.layer());
    Ok(app.add_service(health).serve_with_incoming(connections).await?)
}
