//! A server on hyper alone: users sign in with their tickets, and only members of Domain Admins may use `/admin`.
//!
//! Run: `cargo run --manifest-path examples/servers/Cargo.toml --bin hyper -- KEYTAB PRINCIPAL DOMAIN-SID [ADDRESS]`
#![allow(clippy::print_stdout, reason = "this is a program")]

use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::{server::conn::auto, service::TowerToHyperService};
use kerberos_sso::{Identity, Sid, WellKnownGroup};
use kerberos_sso_server::Server;
use std::{env::args, error::Error, sync::Arc, time::Duration};
use tower::{Layer as _, service_fn};

fn page(request: &Request<Incoming>, admins: Sid) -> Result<Response<Full<Bytes>>, &'static str> {
    let user = request.extensions().get::<Arc<Identity>>().ok_or("no layer signs users in")?;
    let mut response = Response::new(Full::from(format!("Hello {}\n", user.name)));
    if request.uri().path().starts_with("/admin") && !user.is_member_of(admins) {
        response = Response::default();
        *response.status_mut() = StatusCode::FORBIDDEN;
    }
    Ok(response)
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    tracing_subscriber::fmt().with_writer(std::io::stderr).init();
    let argument = |index| args().nth(index).ok_or("arguments: KEYTAB PRINCIPAL DOMAIN-SID [ADDRESS]");
    let domain: Sid = argument(3)?.parse()?;
    let admins = WellKnownGroup::DomainAdmins.of_domain(domain).ok_or("not the SID of a domain")?;
    let server = Server::in_active_directory(&argument(2)?, domain).start(argument(1)?)?;
    let service = server.layer().layer(service_fn(move |request| std::future::ready(page(&request, admins))));
    let listener = tokio::net::TcpListener::bind(argument(4).as_deref().unwrap_or("127.0.0.1:8080")).await?;
    println!("http://{}/", listener.local_addr()?);
    loop {
        let (stream, service) = (listener.accept().await?.0, TowerToHyperService::new(service.clone()));
        tokio::spawn(async move {
            let mut connections = auto::Builder::new(TokioExecutor::new());
            // Without a time limit, a client can hold a connection for ever.
            connections.http1().timer(TokioTimer::new()).header_read_timeout(Duration::from_secs(10));
            connections.http2().max_header_list_size(128 * 1024); // a ticket of 64 KiB, in base64, and the other fields
            connections.serve_connection(TokioIo::new(stream), service).await
        });
    }
}
