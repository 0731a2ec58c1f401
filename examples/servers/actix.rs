//! A server on actix-web: users sign in with their tickets, and only members of Domain Admins may use the route
//! `/admin`.
//!
//! Run: `cargo run --manifest-path examples/servers/Cargo.toml --bin actix -- KEYTAB PRINCIPAL DOMAIN-SID [ADDRESS]`
#![allow(clippy::print_stdout, reason = "this is a program")]

use actix_web::http::header::{AUTHORIZATION, HeaderValue, WWW_AUTHENTICATE};
use actix_web::{App, HttpRequest, HttpResponse, HttpServer, web};
use kerberos_sso::{Randomness, Sid, WellKnownGroup, http::SignInStep, negotiate::RoundTrips};
use kerberos_sso_server::Server;
use std::{env::args, error::Error, time::SystemTime};

fn page(server: &Server, request: &HttpRequest, group: Option<Sid>) -> HttpResponse {
    let mut octets = [0; 64];
    if getrandom::fill(&mut octets).is_err() {
        return HttpResponse::InternalServerError().finish();
    }
    let values = request.headers().get_all(AUTHORIZATION).map(HeaderValue::as_bytes);
    let step = server.validator().sign_in(values, RoundTrips::One, &Randomness::new(octets), SystemTime::now());
    let (mut response, text) = match &step {
        SignInStep::SignedIn(signed_in) if group.is_none_or(|group| signed_in.identity().is_member_of(group)) => {
            (HttpResponse::Ok(), format!("Hello {}\n", signed_in.identity().name()))
        }
        // The log has the reason why a ticket is refused.
        SignInStep::SignedIn(_) | SignInStep::FallBack(_) => (HttpResponse::Forbidden(), String::new()),
        SignInStep::Challenge | SignInStep::Continue(_) => (HttpResponse::Unauthorized(), String::new()),
    };
    step.www_authenticate().map(|value| response.insert_header((WWW_AUTHENTICATE, value)));
    response.body(text)
}

#[actix_web::main]
async fn main() -> Result<(), Box<dyn Error>> {
    tracing_subscriber::fmt().with_writer(std::io::stderr).init();
    let argument = |index| args().nth(index).ok_or("arguments: KEYTAB PRINCIPAL DOMAIN-SID [ADDRESS]");
    let domain: Sid = argument(3)?.parse()?;
    let admins = WellKnownGroup::DomainAdmins.of_domain(domain).ok_or("not the SID of a domain")?;
    let server = Server::in_active_directory(&argument(2)?, domain).start(argument(1)?)?;
    // A page of another site could act as the user. So the routes accept only GET, and change nothing.
    let route = move |group| {
        let server = server.clone();
        web::get().to(move |request: HttpRequest| std::future::ready(page(&server, &request, group)))
    };
    let app = move || App::new().route("/", route(None)).route("/admin", route(Some(admins)));
    let servers = HttpServer::new(app).bind(argument(4).as_deref().unwrap_or("127.0.0.1:8080"))?;
    servers.addrs().iter().for_each(|address| println!("http://{address}/"));
    Ok(servers.run().await?)
}
