//! Tests of the server with agents on its listener. The directory of the agents is a test realm, which makes its own
//! tickets.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

mod hashes;
mod listener;
mod revocation;

use super::administration::Listed;
use super::*;
use crate::app::App;
use crate::authenticated::Authenticated;
use crate::connections::Connections;
use crate::directory::{self, Refusal};
use crate::forwarded::Proxies;
use crate::metrics::Metrics;
use crate::pages::ExplainLink;
use crate::serve::Stop;
use crate::session::{Method, Session};
use crate::user_name::UserName;
use kerberos_sso::Keytab;
use kerberos_sso::testing::{TestRealm, TestToken};
use rcgen::KeyPair;
use rustls::crypto::ring::default_provider;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ClientConfig, RootCertStore};
use seamless_pta::certificate::{AgentCertificate, make_request};
use seamless_pta::message::{
    Answer, Enrol, Enrolled, Health, Host, Job, Kdc, Message, ProgramVersion, Renew, Take, Ticket, V1, Word, read,
    write,
};
use seamless_pta::seal::AnswerKey;
use seamless_pta::terms::Terms;
use seamless_pta::verdict;
use seamless_pta::{Fixed, SealingKey};
use serde_json::json;
use std::net::Ipv4Addr;
use std::os::unix::fs::PermissionsExt as _;
use tempfile::TempDir;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

pub(crate) struct Server {
    pub(crate) app: Arc<App>,
    pub(crate) realm: TestRealm,
    address: SocketAddr,
    _stop: Stop,
}

pub(crate) async fn server() -> Server {
    server_with(json!({ "method": "pass-through" })).await
}

/// Returns a server with a tenant that has `password` in its configuration. The file `hash.key` is beside the
/// configuration.
async fn server_with(password: serde_json::Value) -> Server {
    let realm = TestRealm::new("CONTOSO.TEST").with_account("AZUREADSSOACC$").of_active_directory();
    let folder = TempDir::new().unwrap();
    let keytab = Keytab::encode([&realm.account()], TestRealm::NOW).unwrap();
    std::fs::write(folder.path().join("sso.keytab"), &*keytab).unwrap();
    let config = json!({
        "agents": { "listen": "127.0.0.1:0", "nodes": ["https://127.0.0.1:8443"] },
        "limits": { "password_seconds": 1 },
        "tenants": [{
            "name": "contoso.test", "realm": "CONTOSO.TEST", "account": "AZUREADSSOACC$", "keytab": "sso.keytab",
            "domain_sids": [realm.domain_sid().to_string()], "password": password,
        }],
    });
    let path = folder.path().join("seamless.json");
    std::fs::write(&path, config.to_string()).unwrap();
    let key = folder.path().join("hash.key");
    std::fs::write(&key, [7; 32]).unwrap();
    std::fs::set_permissions(&key, std::fs::Permissions::from_mode(0o600)).unwrap();
    let app = Arc::new(App::for_tests(Some(&path)).await);
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let (address, (stop, stopping)) = (listener.local_addr().unwrap(), Stop::new());
    let connections = Connections::new(99, 99, Proxies::default(), Metrics::new());
    tokio::spawn(serve(listener, app.agents.clone().unwrap(), connections, stopping));
    Server { app, realm, address, _stop: stop }
}

impl Server {
    fn agents(&self) -> &Arc<Agents> {
        self.app.agents.as_ref().unwrap()
    }

    async fn token(&self, role: Role) -> String {
        let token = self.agents().make_token("Contoso.Test", role, None, "root".into()).await;
        token.unwrap().to_string()
    }

    /// Opens a connection that shows the certificate of an agent, or no certificate.
    async fn connect(&self, shown: Option<(&[u8], &KeyPair)>) -> std::io::Result<Connection> {
        let mut roots = RootCertStore::empty();
        roots.add(self.agents().authority.certificate().as_bytes().into()).unwrap();
        let config = ClientConfig::builder_with_provider(Arc::new(default_provider()));
        let config = config.with_safe_default_protocol_versions().unwrap().with_root_certificates(roots);
        let config = match shown {
            Some((certificate, key)) => {
                let certificate = CertificateDer::from(certificate.to_vec());
                let key = PrivateKeyDer::try_from(key.serialize_der()).unwrap();
                config.with_client_auth_cert(vec![certificate], key).unwrap()
            }
            None => config.with_no_client_auth(),
        };
        let stream = TcpStream::connect(self.address).await?;
        let name = Ipv4Addr::LOCALHOST.to_string().try_into().unwrap();
        Ok(Connection(TlsConnector::from(Arc::new(config)).connect(name, stream).await?))
    }

    async fn sign_in(&self, name: &str, password: &str) -> Result<Authenticated, Refusal> {
        let tenant = self.app.tenants.get("contoso.test").unwrap();
        directory::sign_in(&self.app.lockout, &tenant, &UserName::parse(name).unwrap(), password, None).await
    }

    /// Returns the ticket that the KDC gives to a user who knows the password.
    fn ticket(&self, user: &str) -> TestToken {
        self.realm.ticket_for(user).service("HTTP/autologon.microsoftazuread-sso.com").at(clock::now())
    }
}

struct Connection(TlsStream<TcpStream>);

impl Connection {
    /// Sends a request and returns the status and the body of the response.
    async fn send(&mut self, method: &str, path: &str, body: &[u8]) -> std::io::Result<(u16, Vec<u8>)> {
        let head = format!("{method} /agents/v1/{path} HTTP/1.1\r\nHost: n1\r\nContent-Length: {}\r\n\r\n", body.len());
        self.0.write_all(&[head.as_bytes(), body].concat()).await?;
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            head.push(self.0.read_u8().await?);
        }
        let head = String::from_utf8(head).unwrap().to_lowercase();
        let length =
            head.lines().find_map(|line| line.strip_prefix("content-length: ")).map_or(0, |n| n.parse().unwrap());
        let mut body = vec![0; length];
        self.0.read_exact(&mut body).await?;
        Ok((head[9..12].parse().unwrap(), body))
    }

    async fn post<T: Message>(&mut self, path: &str, message: &T) -> (u16, Vec<u8>) {
        self.send("POST", path, &write(message).unwrap()).await.unwrap()
    }
}

/// An agent with its keys.
struct TestAgent {
    enrolled: Enrolled,
    key: KeyPair,
    sealing: SealingKey,
}

fn enrol_request(token: &str, key: &KeyPair, sealing: &SealingKey) -> Enrol {
    Enrol {
        v: V1,
        token: seamless_pta::enrolment::Token::parse(token).unwrap(),
        csr: make_request(key, &sealing.public()).unwrap(),
        seal_key: sealing.public(),
        host: Host::new("gw1").unwrap(),
        version: ProgramVersion::new("0.1.0").unwrap(),
    }
}

fn keys() -> (KeyPair, SealingKey) {
    (KeyPair::generate().unwrap(), SealingKey::from_random(&clock::random()))
}

impl TestAgent {
    async fn enrol(server: &Server) -> Self {
        Self::enrol_as(server, Role::Pta).await
    }

    async fn enrol_as(server: &Server, role: Role) -> Self {
        let ((key, sealing), token) = (keys(), server.token(role).await);
        let request = enrol_request(&token, &key, &sealing);
        let (status, body) = server.connect(None).await.unwrap().post("enrol", &request).await;
        assert_eq!(status, 201, "{}", String::from_utf8_lossy(&body));
        Self { enrolled: read(&body).unwrap(), key, sealing }
    }

    /// Enrols without a connection.
    async fn enrol_at(agents: &Agents) -> Self {
        let (key, sealing) = keys();
        let token = agents.make_token("contoso.test", Role::Pta, None, "root".into()).await.unwrap();
        let enrolled = agents.enrol(&enrol_request(&token, &key, &sealing)).await.unwrap();
        Self { enrolled, key, sealing }
    }

    async fn connect(&self, server: &Server) -> Connection {
        server.connect(Some((self.enrolled.certificate.as_bytes(), &self.key))).await.unwrap()
    }

    fn take(&self) -> Take {
        let proof = self.sealing.open_challenge(&self.enrolled.challenge).unwrap();
        let health = Health { kdc: Kdc::Ok, ms: 1 };
        Take { v: V1, key: self.sealing.public().id(), proof: Some(proof), free: 1, health }
    }

    /// Opens a job: its terms, its password, and the key of its answer.
    fn open(&self, job: &Job) -> (Terms, String, AnswerKey) {
        let (terms, sealed) = job.terms(&self.enrolled.tenant, self.enrolled.agent).unwrap();
        let (password, key) = self.sealing.open_password(&terms, &sealed).unwrap();
        (terms, String::from_utf8(password.to_vec()).unwrap(), key)
    }

    /// Takes one job and sends the [`Word`] that `act` returns. Returns the HTTP status of the server's response.
    fn work(
        self: &Arc<Self>,
        server: &Arc<Server>,
        act: impl FnOnce(&Server, &Terms, &str) -> Word + Send + 'static,
    ) -> JoinHandle<u16> {
        let (agent, server) = (Arc::clone(self), Arc::clone(server));
        tokio::spawn(async move {
            let mut connection = agent.connect(&server).await;
            let (status, body) = connection.post("take", &agent.take()).await;
            assert_eq!(status, 200, "{}", String::from_utf8_lossy(&body));
            let (terms, password, key) = agent.open(&read(&body).unwrap());
            let word = act(&server, &terms, &password);
            connection.post("answer", &sealed(&terms, &key, &word)).await.0
        })
    }
}

/// Returns the agents of the test realm. One of these agents has asked for a job, got a password, and answered with a
/// ticket.
pub(crate) async fn with_one_agent(records: &Records) -> Arc<Agents> {
    let agents = Agents::of_test_realm("127.0.0.1:8443".parse().unwrap(), records).await.unwrap();
    let agent = TestAgent::enrol_at(&agents).await;
    let shown = AgentCertificate::read(agent.enrolled.certificate.as_bytes()).unwrap();
    let now = time(clock::now());
    let seen = |one: Agent| (Some(one.take(&shown.serial, &agent.take(), "192.0.2.1", now).unwrap()), ());
    agents.registry.change(shown.agent, now, seen).await.unwrap();
    agents.note(shown.agent, Done::Ticket);
    agents
}

/// Waits until the gateway holds a request of an agent for a job.
async fn until_waiting(server: &Server) {
    let offer = seamless_pta::queue::Offer {
        job: Fixed::new([0; 16]),
        tenant: tenant_name("contoso.test").unwrap(),
        excluded: None,
        wait: Duration::ZERO,
    };
    while !server.agents().gateway.is_free(&offer) {
        tokio::task::yield_now().await;
    }
}

fn sealed(terms: &Terms, key: &AnswerKey, word: &Word) -> Answer {
    key.answer(terms, word, clock::random()).unwrap()
}

fn refused(code: verdict::Refusal) -> Word {
    Word::Refused { code, status: code.status(), told: verdict::Told::AfterPassword }
}

/// Answers as an honest agent does. The password of alice and of bob is `right`.
fn honest(server: &Server, terms: &Terms, password: &str) -> Word {
    if password != "right" {
        return refused(verdict::Refusal::WrongPassword);
    }
    let token = server.ticket(terms.user.account()).bound_to(&terms.application_data());
    Word::Ticket { token: Ticket::new(token.mint()).unwrap(), ms: 1 }
}

#[tokio::test]
async fn right_password_signs_in_by_the_ticket_of_an_agent_and_a_wrong_password_is_refused() {
    let server = Arc::new(server().await);
    let agent = Arc::new(TestAgent::enrol(&server).await);
    for name in ["alice", "alice@contoso.test", r"CONTOSO\alice"] {
        let working = agent.work(&server, honest);
        until_waiting(&server).await;
        let user = server.sign_in(name, "right").await.unwrap();
        assert_eq!((user.identity.name.as_str(), user.method), ("alice", Method::PassThrough(agent.enrolled.agent)));
        assert_eq!(working.await.unwrap(), 204);
    }
    let working = agent.work(&server, honest);
    until_waiting(&server).await;
    let refusal = server.sign_in("alice", "wrong").await.err().unwrap();
    assert!(matches!(refusal, Refusal::WrongPassword), "{refusal}");
    assert_eq!((working.await.unwrap(), refusal.entra()), (204, Some(50_126)));
}

#[tokio::test]
async fn refusal_of_the_directory_reaches_the_server_with_its_status() {
    let server = Arc::new(server().await);
    let agent = Arc::new(TestAgent::enrol(&server).await);
    for code in verdict::Refusal::ALL {
        let working = agent.work(&server, move |_, _, _| refused(code));
        until_waiting(&server).await;
        let verdict = server.agents().ask("contoso.test", "alice", "right", Duration::from_secs(10)).await.unwrap();
        let Verdict::Refused { refusal, status, .. } = verdict else { panic!("{verdict:?}") };
        assert_eq!((refusal, status), (code, code.status()));
        working.await.unwrap();
    }
}

#[tokio::test]
async fn sign_in_to_a_tenant_without_agents_is_refused_with_the_code_no_agent() {
    let refusal = server().await.sign_in("alice", "right").await.err().unwrap();
    assert_eq!((refusal.code(), refusal.entra()), ("no-agent", Some(80_001)));
}

#[tokio::test]
async fn token_enrols_one_agent_and_a_request_with_a_wrong_secret_does_not_use_it_up() {
    let (server, (key, sealing)) = (server().await, keys());
    let token = server.token(Role::Pta).await;
    let mut connection = server.connect(None).await.unwrap();
    let parts: Vec<_> = token.split('.').collect();
    let wrong = token.replace(parts[4], &Fixed::new([1_u8; 32]).to_string());
    let mut statuses = Vec::new();
    for token in [&wrong, &token, &token, &server.token(Role::Pta).await.replace("contoso", "fabrikam")] {
        statuses.push(connection.post("enrol", &enrol_request(token, &key, &sealing)).await.0);
    }
    assert_eq!(statuses, [403, 201, 403, 403]);
    let other_key =
        Enrol { seal_key: keys().1.public(), ..enrol_request(&server.token(Role::Pta).await, &key, &sealing) };
    assert_eq!(connection.post("enrol", &other_key).await.0, 403);
    assert!(server.agents().make_token("fabrikam.test", Role::Pta, None, "root".into()).await.is_err());
}

#[tokio::test]
async fn client_without_a_certificate_may_only_enrol_and_a_certificate_of_another_authority_is_refused() {
    let server = server().await;
    let agent = TestAgent::enrol(&server).await;
    let mut stranger = server.connect(None).await.unwrap();
    assert_eq!(stranger.post("take", &agent.take()).await.0, 401);
    assert_eq!(stranger.send("GET", "bootstrap", b"").await.unwrap().0, 401);
    assert_eq!(stranger.send("POST", "enrol", b"{}").await.unwrap().0, 400);
    assert_eq!(stranger.send("POST", "enrol", &vec![b' '; 128 * 1024 + 1]).await.unwrap().0, 413);
    let other = Authority::make(Fixed::new([1; 16]), time(clock::now())).unwrap();
    let request = seamless_pta::certificate::Request::read(
        &make_request(&agent.key, &agent.sealing.public()).unwrap(),
        agent.sealing.public(),
    );
    let whom = (&agent.enrolled.tenant, Role::Pta, agent.enrolled.agent);
    let forged = other.issue(&request.unwrap(), whom, Fixed::new([2; 16]), time(clock::now())).unwrap();
    // With TLS 1.3, the client learns of the refusal with its first response.
    let answered = match server.connect(Some((forged.as_bytes(), &agent.key))).await {
        Ok(mut connection) => connection.send("GET", "bootstrap", b"").await.is_ok(),
        Err(_) => false,
    };
    assert!(!answered);
}

#[tokio::test]
async fn bootstrap_names_the_nodes_and_the_realm() {
    let server = server().await;
    let mut connection = TestAgent::enrol(&server).await.connect(&server).await;
    let (status, body) = connection.send("GET", "bootstrap", b"").await.unwrap();
    let told: seamless_pta::message::Bootstrap = read(&body).unwrap();
    assert_eq!((status, told.realm.as_str(), told.concurrency), (200, "CONTOSO.TEST", 8));
    assert_eq!(told.nodes[0].as_str(), "https://127.0.0.1:8443");
    assert!(!told.renew);
}

#[tokio::test]
async fn revoked_agent_loses_its_waiting_request_and_may_do_nothing_more() {
    let server = server().await;
    let agent = TestAgent::enrol(&server).await;
    let (mut waiting, mut other) = (agent.connect(&server).await, agent.connect(&server).await);
    let take = agent.take();
    let waiting = tokio::spawn(async move { waiting.post("take", &take).await.0 });
    until_waiting(&server).await;
    assert_eq!(server.agents().list("contoso.test").await.unwrap()[0].state, "active");
    assert!(server.agents().revoke(agent.enrolled.agent).await.unwrap());
    assert_eq!(waiting.await.unwrap(), 403);
    assert_eq!(other.post("take", &agent.take()).await.0, 403);
    assert_eq!(other.send("GET", "bootstrap", b"").await.unwrap().0, 403);
    let renew = Renew {
        v: V1,
        csr: make_request(&agent.key, &agent.sealing.public()).unwrap(),
        seal_key: agent.sealing.public(),
        generation: 1,
    };
    assert_eq!(other.post("renew", &renew).await.0, 403);
    assert_eq!(server.agents().list("contoso.test").await.unwrap()[0].state, "revoked");
    assert!(!server.agents().revoke(AgentId::from_random([9; 16])).await.unwrap());
}

#[tokio::test]
async fn draining_agent_gets_no_job_and_may_answer_its_last_job() {
    let server = Arc::new(server().await);
    let agent = Arc::new(TestAgent::enrol(&server).await);
    let id = agent.enrolled.agent;
    let (taken, may_answer) = (Arc::new(tokio::sync::Notify::new()), Arc::new(tokio::sync::Notify::new()));
    let working = {
        let (agent, server) = (Arc::clone(&agent), Arc::clone(&server));
        let (taken, may_answer) = (Arc::clone(&taken), Arc::clone(&may_answer));
        tokio::spawn(async move {
            let mut connection = agent.connect(&server).await;
            let (_, body) = connection.post("take", &agent.take()).await;
            let (terms, password, key) = agent.open(&read(&body).unwrap());
            taken.notify_one();
            may_answer.notified().await;
            let answer = sealed(&terms, &key, &honest(&server, &terms, &password));
            let answered = connection.post("answer", &answer).await.0;
            (answered, connection.post("take", &agent.take()).await.0)
        })
    };
    until_waiting(&server).await;
    let signing_in = {
        let server = Arc::clone(&server);
        tokio::spawn(async move { server.sign_in("alice", "right").await.is_ok() })
    };
    taken.notified().await;
    server.agents().drain(id).await.unwrap();
    may_answer.notify_one();
    assert_eq!(working.await.unwrap(), (204, 403));
    assert!(signing_in.await.unwrap());
    let list: Vec<Listed> = server.agents().list("contoso.test").await.unwrap();
    assert_eq!(list[0].state, "draining");
}

/// Somebody copies the agent's folder. The original agent renews its certificate first, and then the copy does.
#[tokio::test]
async fn renewal_of_a_copy_locks_the_agent_and_a_repeated_request_does_not() {
    let server = server().await;
    let agent = TestAgent::enrol(&server).await;
    let mut connection = agent.connect(&server).await;
    assert_eq!(connection.post("take", &Take { free: 0, ..agent.take() }).await.0 / 100, 2);
    let request = |key: &KeyPair, sealing: &SealingKey| Renew {
        v: V1,
        csr: make_request(key, &sealing.public()).unwrap(),
        seal_key: sealing.public(),
        generation: 1,
    };
    let ((key, sealing), (copy_key, copy_sealing)) = (keys(), keys());
    let renew = request(&key, &sealing);
    let (status, body) = connection.post("renew", &renew).await;
    assert_eq!(status, 200, "{}", String::from_utf8_lossy(&body));
    // The response is lost, and the agent sends the same request again.
    let (status, body) = connection.post("renew", &renew).await;
    let enrolled: Enrolled = read(&body).unwrap();
    assert_eq!((status, enrolled.generation), (200, 2));
    let renewed = TestAgent { enrolled, key, sealing };
    let mut with_new = renewed.connect(&server).await;
    assert_eq!(with_new.send("GET", "bootstrap", b"").await.unwrap().0, 200);
    assert_eq!(connection.post("renew", &request(&copy_key, &copy_sealing)).await.0, 403);
    assert_eq!(with_new.post("take", &renewed.take()).await.0, 403);
    assert_eq!(server.agents().list("contoso.test").await.unwrap()[0].state, "locked");
}

#[tokio::test]
async fn agents_tokens_and_the_authority_survive_a_restart() {
    let (server, records) = (server().await, Records::for_tests());
    let config = server.agents().config.clone();
    let realms = server.agents().realms.clone();
    let first = Agents::start(&config, realms.clone(), &records, Tables::default()).await.unwrap();
    let token = first.make_token("contoso.test", Role::Pta, None, "root".into()).await.unwrap();
    let second = Agents::start(&config, realms, &records, Tables::default()).await.unwrap();
    assert_eq!(second.authority.pin(), first.authority.pin());
    let (key, sealing) = keys();
    let enrolled = second.enrol(&enrol_request(&token, &key, &sealing)).await.unwrap();
    assert_eq!(first.list("contoso.test").await.unwrap()[0].agent, enrolled.agent);
}

/// The test runs the real program of the agent, with the test realm as its directory.
#[tokio::test]
async fn agent_of_the_test_realm_enrols_and_validates_a_password_and_the_page_names_the_agent() {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let mut app = App::for_tests(None).await;
    let agents = Agents::of_test_realm(listener.local_addr().unwrap(), &app.records).await.unwrap();
    app.tenants.ask_agents(&agents);
    let tenant = app.tenants.test_tenant().unwrap();
    let ((_stop, stopping), folder) = (Stop::new(), TempDir::new().unwrap());
    let connections = Connections::new(99, 99, Proxies::default(), Metrics::new());
    tokio::spawn(serve(listener, Arc::clone(&agents), connections, stopping.clone()));
    let realm = tenant.test_realm.clone().unwrap();
    crate::test_agent::start(&agents, realm, folder.path().join("agent"), stopping).await.unwrap();
    let offer = seamless_pta::queue::Offer {
        job: Fixed::new([0; 16]),
        tenant: tenant_name(&tenant.name).unwrap(),
        excluded: None,
        wait: Duration::ZERO,
    };
    while !agents.gateway.is_free(&offer) {
        tokio::task::yield_now().await;
    }
    let sign_in = async |password: &str| {
        let alice = UserName::parse("alice@contoso.test").unwrap();
        directory::sign_in(&app.lockout, &tenant, &alice, password, None).await
    };
    let user = sign_in(crate::test_agent::PASSWORD).await.unwrap();
    let agent = user.method.agent().unwrap().to_string();
    let session = Session::new(&tenant.name, user, None);
    let page = app.pages.who(&session, Duration::from_mins(1), ExplainLink::None, false).into_body();
    let page = String::from_utf8(axum::body::to_bytes(page, 1 << 20).await.unwrap().to_vec()).unwrap();
    assert!(page.contains(&format!("the agent <code>{agent}</code> validated")), "{page}");
    assert!(matches!(sign_in("another").await, Err(Refusal::WrongPassword)));
}
