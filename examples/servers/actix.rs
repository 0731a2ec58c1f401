//! actix-web: users sign in by their tickets, and one route is for one group.
//!
//! Run: `cargo run -p kerberos-sso-example-servers --bin actix -- KEYTAB PRINCIPAL DOMAIN-SID [ADDRESS]`
#![allow(clippy::print_stdout, reason = "this is a program")]

use actix_web::http::header::{AUTHORIZATION, HeaderValue, WWW_AUTHENTICATE};
use actix_web::{App, HttpRequest, HttpResponse, HttpServer, web};
use kerberos_sso::{Identity, Randomness, Sid, WellKnownGroup, http::SignInStep, negotiate::RoundTrips};
use kerberos_sso_server::Server;
use std::{env::args, error::Error, time::SystemTime};

/// Decides a request: `Ok` has the user, and what the response tells the client. `Err` is the response.
fn sign_in(server: &Server, request: &HttpRequest) -> Result<(Identity, Option<String>), HttpResponse> {
    // A page of another site could act as the user: these routes change nothing, and there are no others.
    if !request.method().is_safe() {
        return Err(HttpResponse::MethodNotAllowed().finish());
    }
    let mut octets = [0; 64];
    getrandom::fill(&mut octets).map_err(|_| HttpResponse::InternalServerError().finish())?;
    let values = request.headers().get_all(AUTHORIZATION).map(HeaderValue::as_bytes);
    let step = server.validator().sign_in(values, RoundTrips::One, &Randomness::new(octets), SystemTime::now());
    match &step {
        SignInStep::SignedIn(signed_in) => Ok((signed_in.identity().to_owned(), step.www_authenticate())),
        SignInStep::FallBack(_) => Err(HttpResponse::Forbidden().finish()), // the log has the reason
        SignInStep::Challenge | SignInStep::Continue(_) => {
            Err(HttpResponse::Unauthorized().insert_header((WWW_AUTHENTICATE, "Negotiate")).finish())
        }
    }
}

fn hello(server: &Server, request: &HttpRequest, group: Option<Sid>) -> Result<HttpResponse, HttpResponse> {
    let (user, answer) = sign_in(server, request)?;
    if group.is_some_and(|group| !user.is_member_of(group)) {
        return Err(HttpResponse::Forbidden().finish());
    }
    let mut response = HttpResponse::Ok();
    answer.map(|answer| response.insert_header((WWW_AUTHENTICATE, answer)));
    Ok(response.body(format!("Hello {}\n", user.name)))
}

#[actix_web::main]
async fn main() -> Result<(), Box<dyn Error>> {
    tracing_subscriber::fmt().with_writer(std::io::stderr).init();
    let argument = |index| args().nth(index).ok_or("arguments: KEYTAB PRINCIPAL DOMAIN-SID [ADDRESS]");
    let domain: Sid = argument(3)?.parse()?;
    let admins = WellKnownGroup::DomainAdmins.of_domain(domain).ok_or("not the SID of a domain")?;
    let server = Server::in_active_directory(&argument(2)?, domain).start(argument(1)?)?;
    let app = move || {
        let page = |group| {
            let server = server.clone();
            web::get().to(move |request: HttpRequest| {
                let response = hello(&server, &request, group).unwrap_or_else(|response| response);
                std::future::ready(response)
            })
        };
        App::new().route("/", page(None)).route("/admin", page(Some(admins)))
    };
    let servers = HttpServer::new(app).bind(argument(4).as_deref().unwrap_or("127.0.0.1:8080"))?;
    servers.addrs().iter().for_each(|address| println!("http://{address}/"));
    Ok(servers.run().await?)
}
