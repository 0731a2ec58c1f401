//! Starts the servers. A server whose packages are missing is left out.

use crate::site::Site;
use crate::tokens::Tokens;
use crate::{Outcome, load, process};
use std::net::{SocketAddr, TcpListener};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

/// A server that accepts connections.
pub struct Running {
    pub name: String,
    pub plain: SocketAddr,
    pub tls: SocketAddr,
    child: process::Started,
}

/// Two free ports: the first for connections without TLS, the second for connections with TLS.
pub type Ports = [SocketAddr; 2];

/// Returns the command of a server, or the reason why it cannot start.
type Start = fn(&Site, Ports) -> Outcome<Command>;

/// Starts every server whose packages are there, and says which server is left out. Our server is the first one.
pub async fn start_all(site: &Site, tokens: &Tokens) -> Outcome<Vec<Running>> {
    let mut servers = vec![start(site, "kerberos-sso on axum", |ports| ours(site, tokens, MEMORY, ports)).await?];
    let peers: [(&str, Start); 3] = [
        ("gokrb5 on net/http", gokrb5),
        ("Apache, mod_auth_gssapi", apache_with_replay_cache),
        ("Apache, no replay cache", apache_without_replay_cache),
    ];
    for (name, command) in peers {
        match start(site, name, |ports| command(site, ports)).await {
            Ok(server) => servers.push(server),
            Err(reason) => println!("{name} is left out: {reason}"),
        }
    }
    Ok(servers)
}

/// Starts our server twice: with its replay cache in memory, and with its replay cache in a Redis.
pub async fn start_both_caches(site: &Site, tokens: &Tokens, redis: SocketAddr) -> Outcome<[Running; 2]> {
    let store = format!("redis://{redis}");
    Ok([
        start(site, "memory of the server", |ports| ours(site, tokens, MEMORY, ports)).await?,
        start(site, "redis-server", |ports| ours(site, tokens, &store, ports)).await?,
    ])
}

/// The value that chooses a replay cache in memory. Any other value is the URL of a store.
pub const MEMORY: &str = "memory";

fn ours(site: &Site, tokens: &Tokens, store: &str, [plain, tls]: Ports) -> Outcome<Command> {
    let mut command = Command::new(std::env::current_exe()?);
    command.arg("serve").arg(site.path("keytab")).args([plain.port().to_string(), tls.port().to_string()]);
    command.args([site.path("certificate.pem"), site.path("key.pem")]).arg(store);
    command.args(tokens.domain().map(|sid| sid.to_string()));
    Ok(command)
}

fn gokrb5(site: &Site, [plain, tls]: Ports) -> Outcome<Command> {
    let program = site.path("gokrb5");
    let mut build = Command::new("go");
    build.args(["build", "-o"]).arg(&program).arg(source("server.go"));
    build.envs([("GO111MODULE", "off"), ("GOPATH", "/usr/share/gocode")]).stderr(Stdio::null());
    if !build.status().is_ok_and(|status| status.success()) {
        return Err("no golang-go, or no golang-github-jcmturner-gokrb5.v8-dev".into());
    }
    let mut command = Command::new(program);
    command.arg(site.path("keytab")).args([plain.port().to_string(), tls.port().to_string()]);
    command.args([site.path("certificate.pem"), site.path("key.pem")]);
    Ok(command)
}

/// Starts Apache with the replay cache that MIT krb5 has by default: a file, here in a folder of its own.
fn apache_with_replay_cache(site: &Site, ports: Ports) -> Outcome<Command> {
    let mut command = apache(site, ports)?;
    command.env_remove("KRB5RCACHENAME").env("KRB5RCACHEDIR", site.path("replay"));
    Ok(command)
}

fn apache_without_replay_cache(site: &Site, ports: Ports) -> Outcome<Command> {
    let mut command = apache(site, ports)?;
    command.env("KRB5RCACHENAME", "none:");
    Ok(command)
}

fn apache(site: &Site, [plain, tls]: Ports) -> Outcome<Command> {
    if !Path::new("/usr/sbin/apache2").exists() || !Path::new(MODULE).exists() {
        return Err("no apache2, or no libapache2-mod-auth-gssapi".into());
    }
    let home = site.path(&format!("apache-{}", plain.port()));
    std::fs::create_dir(&home)?;
    let mut command = Command::new("/usr/sbin/apache2");
    command.args(["-DFOREGROUND", "-f"]).arg(source("apache.conf"));
    command.env("APACHE_HOME", &home).env("PAGES", site.path("pages")).env("KEYTAB", site.path("keytab"));
    command.env("PORT", plain.port().to_string()).env("TLS_PORT", tls.port().to_string());
    command.env("CERTIFICATE", site.path("certificate.pem")).env("KEY", site.path("key.pem"));
    command.env("RUN_USER", &site.user.0).env("RUN_GROUP", &site.user.1);
    command.env("KRB5_CONFIG", site.path("krb5.conf"));
    Ok(command)
}

const MODULE: &str = "/usr/lib/apache2/modules/mod_auth_gssapi.so";

fn source(name: &str) -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(name)
}

/// Starts a server, and waits until it accepts connections.
async fn start(site: &Site, name: &str, command: impl FnOnce(Ports) -> Outcome<Command>) -> Outcome<Running> {
    let [plain, tls] = free_ports()?;
    let child = process::Started(command([plain, tls])?.stdin(Stdio::null()).spawn()?);
    let mut running = Running { name: name.into(), plain, tls, child };
    for (address, tls) in [(plain, None), (tls, Some(site))] {
        while load::connect(address, tls).await.is_err() {
            if let Some(status) = running.child.0.try_wait()? {
                return Err(format!("{name} ended: {status}").into());
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }
    Ok(running)
}

/// Returns two ports that no process uses.
pub fn free_ports() -> Outcome<Ports> {
    let sockets = [TcpListener::bind("127.0.0.1:0")?, TcpListener::bind("127.0.0.1:0")?];
    Ok([sockets[0].local_addr()?, sockets[1].local_addr()?])
}

impl Running {
    /// Returns the server's processes.
    pub fn processes(&self) -> Outcome<Vec<u32>> {
        process::tree(self.child.0.id())
    }
}
