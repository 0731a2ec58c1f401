//! A sign-in server: browsers and native clients sign in with Kerberos. A client without Kerberos signs in with a
//! password.
//!
//! `start.rs` is the program. `config.rs` describes the configuration file.
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "this is a program")]

mod account_names;
mod agents;
mod app;
mod app_password;
mod arguments;
mod authenticated;
mod autologon;
mod browser;
mod client;
mod clock;
mod config;
mod connections;
mod cookies;
mod destination;
mod directory;
mod es256_key;
#[cfg(test)]
mod explain_tests;
mod federation;
#[cfg(test)]
mod forest_tests;
mod forward_auth;
mod forwarded;
mod guid;
mod handover;
mod hashes;
mod health;
mod hosts;
mod judged;
mod key_ring;
mod keytab;
mod limits;
mod lockout;
mod log;
mod metrics;
mod native;
mod negotiate;
mod oidc;
mod operators;
mod origin;
mod pages;
mod principal;
mod proof;
mod rate;
mod replay;
mod request_id;
mod sample_app;
mod serve;
mod session;
mod sign_in;
mod signing;
mod signing_key;
#[cfg(test)]
mod state_tests;
mod store;
mod tenants;
mod test_agent;
mod tls;
mod turns;
mod user_name;

use app::App;
use arguments::Arguments;
use config::Limits;
use connections::Connections;
use metrics::Metrics;
use serve::{Signals, Stop};
use std::error::Error;
use std::sync::Arc;
use tokio::net::TcpListener;

/// Serves the tenants that the command line selects, until SIGTERM or SIGINT comes. With `agents` as the first word of the
/// command line, asks the running server about its agents.
///
/// # Errors
/// Returns an error if the command line, a file or an address cannot be used.
pub async fn run() -> Result<(), Box<dyn Error>> {
    #[cfg(unix)]
    if std::env::args_os().nth(1).is_some_and(|word| word == "agents") {
        return agents::command(std::env::args_os().skip(2)).await;
    }
    let (arguments, signals, metrics) = (Arguments::read()?, Signals::listen()?, Metrics::new());
    log::begin(arguments.log, &metrics);
    let listener = TcpListener::bind(arguments.listen).await?;
    let app = Arc::new(App::start(&arguments, listener.local_addr()?, metrics).await?);
    app.tenants.watch_keytabs()?;
    if let Some(tls) = &app.tls {
        tls.watch()?;
    }
    let making_keys = Arc::clone(&app);
    tokio::spawn(async move { making_keys.maintain_keys().await });
    tokio::spawn(oidc::keep_telling_clients(Arc::clone(&app)));
    let (stop, stopping) = Stop::new();
    let Limits { connections, connections_of_address, .. } = app.limits;
    let connections =
        Connections::new(connections, connections_of_address, app.proxies.clone(), Arc::clone(&app.metrics));
    if let Some(address) = app.metrics_address {
        let routes = operators::routes(Arc::clone(&app), Arc::clone(&connections));
        let own = Connections::new(METRICS_CONNECTIONS, METRICS_CONNECTIONS, app.proxies.clone(), Metrics::new());
        tokio::spawn(serve::serve(TcpListener::bind(address).await?, None, routes, own, stopping.clone()));
    }
    if let Some(agents) = app.agents.clone() {
        let listener = TcpListener::bind(agents.listen()).await?;
        let own = Connections::new(AGENT_CONNECTIONS, AGENT_CONNECTIONS, app.proxies.clone(), Metrics::new());
        tracing::info!("agents connect to {}", agents.listen());
        #[cfg(unix)]
        if let Some(socket) = &app.agents_socket {
            let listener = agents::bind(socket).map_err(|error| format!("{}: {error}", socket.display()))?;
            tokio::spawn(agents::administrate(listener, Arc::clone(&agents), stopping.clone()));
        } else {
            tracing::warn!("nobody can administrate the agents: name the `socket` of `agents`");
        }
        tokio::spawn(agents::serve(listener, Arc::clone(&agents), own, stopping.clone()));
        let realm = app.tenants.test_tenant().and_then(|tenant| tenant.test_realm);
        let folder = app.agents_socket.as_ref().and_then(|socket| Some(socket.parent()?.join("agent")));
        if let (Some(realm), Some(folder)) = (realm, folder) {
            test_agent::start(&agents, realm, folder, stopping.clone()).await?;
            println!("an agent validates passwords: every user's password is {}", test_agent::PASSWORD);
        }
    }
    if let Some(address) = arguments.with_app {
        sample_app::start(&app, address, stopping.clone()).await?;
        println!("the sample application: http://{address}");
    }
    println!("listening on {}", app.listens_on);
    let routes = browser::routes().merge(app_password::routes()).merge(native::routes()).merge(oidc::routes());
    let (tls, routes) = (app.tls.clone(), limits::around(routes, app));
    tokio::spawn(serve::serve(listener, tls, routes, connections, stopping));
    signals.wait().await;
    tracing::info!("the server stops: it accepts no connections, and ends when the running requests have ended");
    if !stop.stop().await {
        tracing::warn!("some requests did not end in time, and end now");
    }
    Ok(())
}

/// The largest number of connections of the listener for Prometheus.
const METRICS_CONNECTIONS: usize = 8;

/// The largest number of connections of agents. This is enough for 64 agents of one tenant with 16 jobs each.
const AGENT_CONNECTIONS: usize = 1_024;
