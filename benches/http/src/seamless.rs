//! The sign-in server, with one tenant and one client.

use crate::Outcome;
use crate::connection::Connection;
use crate::process::{self, Started, redis, start};
use crate::servers::free_ports;
use axum::http::Request;
use axum::http::header::{AUTHORIZATION, COOKIE, HOST, SET_COOKIE};
use kerberos_sso::testing::TestRealm;
use kerberos_sso::{Keytab, UnixTime};
use serde_json::{Value, json};
use std::fs::{self, Permissions};
use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, SystemTime};
use tempfile::TempDir;

/// Where the sign-in server keeps its state.
#[derive(Clone, Copy)]
pub enum State {
    /// A file. The server answers a request only after the disk has the request's writes.
    Disk,
    /// A Redis server that writes no files.
    Redis,
}

impl std::fmt::Display for State {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(match self {
            Self::Disk => "disk",
            Self::Redis => "redis-server",
        })
    }
}

/// A server that accepts connections. The server and Redis end before the folder is removed.
pub struct Server {
    pub state: State,
    pub address: SocketAddr,
    /// The realms of the tenants. The first is that of [`TENANT`].
    realms: Vec<TestRealm>,
    seamless: Started,
    redis: Option<(Started, SocketAddr)>,
    _folder: TempDir,
}

impl Server {
    /// Starts a server with this number of tenants.
    pub async fn start(seamless: &Path, state: State, tenants: usize) -> Outcome<Self> {
        let folder = tempfile::Builder::new().prefix("flows-bench-").tempdir()?;
        let names =
            std::iter::once(TENANT.to_uppercase()).chain((1..tenants).map(|number| format!("FOREST{number}.TEST")));
        let realm = |name: String| TestRealm::new(&name).with_account("AZUREADSSOACC$").of_active_directory();
        let realms: Vec<TestRealm> = names.map(realm).collect();
        for realm in &realms {
            let keytab = Keytab::encode([&realm.account()], SystemTime::now().into())?;
            fs::write(folder.path().join(realm.name()), keytab)?;
        }
        let [address, redis_address] = free_ports()?;
        let (redis, state_config) = match state {
            State::Disk => (None, json!({ "directory": "state" })),
            State::Redis => {
                let secret = folder.path().join("secret");
                fs::write(&secret, [1; 32])?;
                fs::set_permissions(&secret, Permissions::from_mode(0o600))?;
                let config = json!({ "valkey": format!("redis://{redis_address}"), "secret": "secret" });
                (Some((redis(folder.path(), redis_address).await?, redis_address)), config)
            }
        };
        let config = folder.path().join("config.json");
        fs::write(&config, config_of(&realms, address, &state_config).to_string())?;
        let mut command = Command::new(seamless);
        command.arg("--listen").arg(address.to_string()).arg("--config").arg(config);
        let seamless = start(command, address).await?;
        Ok(Self { state, address, realms, seamless, redis, _folder: folder })
    }

    /// Waits until the server is ready.
    pub async fn ready(&self, connection: &mut Connection) -> Outcome<()> {
        let host = self.address.to_string();
        while connection.send(Request::get("/readyz").header(HOST, &host), String::new()).await?.status() != 200 {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        Ok(())
    }

    /// Signs a user of the n-th tenant in by ticket, and returns the cookies of the session.
    pub async fn sign_in(&self, connection: &mut Connection, user: &str, tenant: usize) -> Outcome<String> {
        let realm = self.realms.get(tenant % self.realms.len()).ok_or("no tenant")?;
        let request = Request::get(format!("/{}/winauth/sso", realm.name().to_lowercase()))
            .header(HOST, self.address.to_string());
        let answer = connection.send(request.header(AUTHORIZATION, ticket(realm, user)), String::new()).await?;
        if answer.status() != 200 {
            return Err(format!("the sign-in by ticket ends with {}: {:?}", answer.status(), answer.body()).into());
        }
        let cookies = answer.headers().get_all(SET_COOKIE).iter();
        let cookies = cookies.filter_map(|cookie| cookie.to_str().ok()?.split(';').next());
        Ok(cookies.collect::<Vec<_>>().join("; "))
    }

    /// Returns whether the page after the sign-in greets the user of these cookies.
    pub async fn greets(&self, connection: &mut Connection, cookies: &str, user: &str) -> Outcome<bool> {
        let request = Request::get("/").header(HOST, self.address.to_string());
        let answer = connection.send(request.header(COOKIE, cookies), String::new()).await?;
        Ok(answer.status() == 200 && String::from_utf8_lossy(answer.body()).contains(user))
    }

    /// Returns the memory of the sign-in server, in bytes.
    pub fn memory(&self) -> Outcome<u64> {
        process::memory(&process::tree(self.seamless.0.id())?)
    }

    /// Returns the address of the Redis that has the state, or `None` if a file has the state.
    pub fn redis(&self) -> Option<SocketAddr> {
        self.redis.as_ref().map(|(_, address)| *address)
    }

    pub fn cpu_time(&self) -> Outcome<Duration> {
        process::cpu_time(&process::tree(self.seamless.0.id())?)
    }
}

fn config_of(realms: &[TestRealm], address: SocketAddr, state: &Value) -> Value {
    let tenants: Vec<Value> = realms.iter().map(tenant_of).collect();
    json!({
        "address": format!("http://{address}"),
        "limits": { "requests_per_second": 1_000_000, "requests_at_once": 1_000_000 },
        "state": state,
        "tenants": tenants,
    })
}

fn tenant_of(realm: &TestRealm) -> Value {
    json!({
        "name": realm.name().to_lowercase(), "realm": realm.name(), "account": "AZUREADSSOACC$", "keytab": realm.name(),
        "domain_sids": [realm.domain_sid().to_string()],
        "clients": [{
            "id": "app", "redirect_uris": [REDIRECT_URI], "scopes": ["openid", "profile", "groups"],
            // The digest of "secret".
            "secret_sha256": "2bb80d537b1da3e38bd30361aa855686bde0eacd7162fef6a25fe97bf527a25b",
        }],
    })
}

/// Returns the value of the header `Authorization` with a new ticket of a user in 20 groups.
fn ticket(realm: &TestRealm, user: &str) -> String {
    let now = UnixTime::from(SystemTime::now());
    let token = realm.ticket_for(user).service("HTTP/autologon.microsoftazuread-sso.com").at(now);
    // The client's time is a minute ahead, because a replay cache refuses authenticators from before the start of the
    // cache.
    token.sent_at(now.saturating_add_seconds(60)).pac(|pac| pac.groups(1100..1120)).header()
}

pub const TENANT: &str = "contoso.test";

pub const REDIRECT_URI: &str = "https://app.contoso.test/callback";
