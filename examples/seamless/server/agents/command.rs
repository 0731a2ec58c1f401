//! The command `seamless agents`, which asks the running server about its agents.
//!
//! ```text
//! seamless agents [--config FILE] [--state DIRECTORY] token --tenant NAME [--role pta|phs] [--host NAME]
//! seamless agents [--config FILE] [--state DIRECTORY] list --tenant NAME [--json]
//! seamless agents [--config FILE] [--state DIRECTORY] drain UUID
//! seamless agents [--config FILE] [--state DIRECTORY] revoke UUID
//! ```

use super::administration::{Command, Listed, PATH};
use super::socket;
use crate::config::Config;
use crate::store::Engine;
use axum::body::{Body, to_bytes};
use axum::http::{Request, StatusCode};
use hyper::client::conn::http1::handshake;
use hyper_util::rt::TokioIo;
use lexopt::prelude::*;
use seamless_pta::AgentId;
use seamless_pta::certificate::Role;
use std::error::Error;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use tokio::net::UnixStream;

/// The command line after `seamless agents`.
#[derive(Default)]
struct Arguments {
    config: Option<PathBuf>,
    state: Option<PathBuf>,
    words: Vec<String>,
    tenant: Option<String>,
    role: Option<String>,
    host: Option<String>,
    json: bool,
}

/// Runs the command, and writes its result to standard output.
pub(crate) async fn run(arguments: impl Iterator<Item = OsString>) -> Result<(), Box<dyn Error>> {
    let arguments = Arguments::read(arguments)?;
    let command = arguments.command()?;
    let config = arguments.config.as_deref().map(Config::load).transpose()?;
    let engine = match (&arguments.state, &config) {
        (Some(folder), _) => Engine::Disk { folder: folder.clone() },
        (None, Some(config)) => config.state.engine()?.map_or_else(Engine::of_user, Ok)?,
        (None, None) => Engine::of_user()?,
    };
    let socket = socket(config.as_ref(), &engine).ok_or("agents: name the `socket` in the configuration")?;
    let body = ask(&socket, &command).await?;
    if matches!(command, Command::List { .. }) && !arguments.json {
        for agent in serde_json::from_str::<Vec<Listed>>(&body)? {
            println!("{}", line(&agent));
        }
    } else {
        print!("{body}");
    }
    Ok(())
}

impl Arguments {
    fn read(arguments: impl Iterator<Item = OsString>) -> Result<Self, lexopt::Error> {
        let (mut read, mut parser) = (Self::default(), lexopt::Parser::from_args(arguments));
        while let Some(argument) = parser.next()? {
            match argument {
                Long("config") => read.config = Some(parser.value()?.into()),
                Long("state") => read.state = Some(parser.value()?.into()),
                Long("tenant") => read.tenant = Some(parser.value()?.string()?),
                Long("role") => read.role = Some(parser.value()?.string()?),
                Long("host") => read.host = Some(parser.value()?.string()?),
                Long("json") => read.json = true,
                Value(word) => read.words.push(word.string()?),
                other => return Err(other.unexpected()),
            }
        }
        Ok(read)
    }

    fn command(&self) -> Result<Command, String> {
        let tenant = || self.tenant.clone().ok_or("name the tenant with --tenant");
        let agent = |text: &str| AgentId::parse(text).ok_or(format!("{text}: not the UUID of an agent"));
        let words: Vec<&str> = self.words.iter().map(String::as_str).collect();
        Ok(match words.as_slice() {
            ["token"] => {
                let role = self.role.as_deref().map_or(Some(Role::Pta), Role::parse);
                let role = role.ok_or("--role: pta or phs")?;
                let issuer = std::env::var("SUDO_USER").or_else(|_| std::env::var("USER")).unwrap_or_default();
                Command::Token { tenant: tenant()?, role, host: self.host.clone(), issuer }
            }
            ["list"] => Command::List { tenant: tenant()? },
            ["drain", id] => Command::Drain { agent: agent(id)? },
            ["revoke", id] => Command::Revoke { agent: agent(id)? },
            _ => return Err("agents: token, list, drain UUID or revoke UUID".into()),
        })
    }
}

async fn ask(socket: &Path, command: &Command) -> Result<String, Box<dyn Error>> {
    let stream = UnixStream::connect(socket).await;
    let stream = stream.map_err(|error| format!("{}: {error}; does the server run?", socket.display()))?;
    let (mut sender, connection) = handshake(TokioIo::new(stream)).await?;
    tokio::spawn(connection);
    let request = Request::post(PATH).header("host", "localhost").header("content-type", "application/json");
    let response = sender.send_request(request.body(Body::from(serde_json::to_vec(command)?))?).await?;
    let status: StatusCode = response.status();
    let body = to_bytes(Body::new(response.into_body()), MAX_BODY).await?;
    let body = String::from_utf8(body.to_vec())?;
    if status.is_success() { Ok(body) } else { Err(body.trim_end().into()) }
}

fn line(agent: &Listed) -> String {
    let seen = agent.seen.map_or_else(|| "never".into(), |seconds| format!("{seconds} s ago"));
    let (address, kdc) = (agent.address.as_deref().unwrap_or("-"), agent.kdc.as_deref().unwrap_or("-"));
    let answered = agent.kdc_ms.filter(|ms| *ms > 0).map(|ms| format!(" in {ms} ms")).unwrap_or_default();
    let days = agent.certificate.checked_div(86_400).unwrap_or_default();
    let Listed { agent, state, host, version, role, generation, jobs, share, counted, .. } = agent;
    format!(
        "{agent}  {state}  {host}  {}  {version}  seen {seen} from {address}  KDC {kdc}{answered}  \
         {jobs} jobs in {counted} s, {share} %  certificate {generation}, {days} d",
        role.name()
    )
}

/// The largest answer: a list of 64 agents.
const MAX_BODY: usize = 256 * 1024;

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn line_of_an_agent_shows_its_share_and_its_kdc_and_the_seconds_since_the_count_began() {
        let listed = Listed {
            agent: AgentId::from_random([1; 16]),
            state: "active".into(),
            host: "gw1".into(),
            version: "0.1.0".into(),
            role: Role::Pta,
            seen: Some(3),
            address: Some("192.0.2.1".into()),
            kdc: Some("ok".into()),
            kdc_ms: Some(12),
            jobs: 30,
            share: 75,
            counted: 3_600,
            generation: 2,
            certificate: 6 * 86_400,
        };
        let expected = "01010101-0101-4101-8101-010101010101  active  gw1  pta  0.1.0  seen 3 s ago from 192.0.2.1  \
                        KDC ok in 12 ms  30 jobs in 3600 s, 75 %  certificate 2, 6 d";
        assert_eq!(line(&listed), expected);
    }
}
