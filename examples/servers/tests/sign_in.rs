//! Tests each server on loopback, as a program with the usual arguments, and with a client that has a ticket of the
//! test realm.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use kerberos_sso::testing::TestRealm;
use kerberos_sso::{Keytab, UnixTime, WellKnownGroup};
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};
use std::time::SystemTime;
use tempfile::TempDir;
use tonic::{Code, Request, metadata::MetadataValue, transport::Endpoint};
use tonic_health::pb::{HealthCheckRequest, health_client::HealthClient};

const PROGRAMS: [(&str, &str); 4] = [
    ("axum.rs", env!("CARGO_BIN_EXE_axum")),
    ("actix.rs", env!("CARGO_BIN_EXE_actix")),
    ("hyper.rs", env!("CARGO_BIN_EXE_hyper")),
    ("tonic.rs", env!("CARGO_BIN_EXE_tonic")),
];

/// A program that runs until it is dropped.
struct Program {
    child: Child,
    address: String,
    realm: TestRealm,
    _folder: TempDir,
}

impl Program {
    /// Starts a program with a keytab of the realm, and reads the address that it prints.
    fn start(path: &str) -> Self {
        let realm = TestRealm::new("CONTOSO.TEST").with_account("WEB$").of_active_directory();
        let folder = TempDir::new().unwrap();
        let keytab = folder.path().join("web.keytab");
        std::fs::write(&keytab, Keytab::encode([&realm.account()], TestRealm::NOW).unwrap()).unwrap();
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt as _;
            std::fs::set_permissions(&keytab, std::fs::Permissions::from_mode(0o600)).unwrap();
        }
        let sid = realm.domain_sid().to_string();
        let mut command = Command::new(path);
        command.arg(&keytab).args(["WEB$", &sid, "127.0.0.1:0"]).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut child = command.spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let address = line.trim().strip_prefix("http://").unwrap().trim_end_matches('/').to_owned();
        Self { child, address, realm, _folder: folder }
    }

    /// Makes the `Authorization` value of a client. The programs use the machine's clock, and refuse requests from
    /// before their start. So this client's clock is a minute ahead.
    fn authorization(&self, client: &str) -> String {
        let now = UnixTime::from(SystemTime::now()).saturating_add_seconds(60);
        let admins = WellKnownGroup::DomainAdmins.rid();
        let token = self.realm.ticket_for(client).at(now).mutual();
        let token = if client == "admin" { token.pac(|pac| pac.logon_info.groups.push((admins, 7))) } else { token };
        token.header()
    }

    /// Sends a request, and returns the status line, the fields and the body.
    fn request(&self, line: &str, authorization: Option<&str>) -> String {
        let authorization = authorization.map(|value| format!("Authorization: {value}\r\n")).unwrap_or_default();
        let mut stream = TcpStream::connect(&self.address).unwrap();
        write!(stream, "{line}\r\nHost: www.contoso.test\r\nConnection: close\r\n{authorization}\r\n").unwrap();
        let mut response = String::new();
        stream.read_to_string(&mut response).unwrap();
        response
    }

    fn get(&self, path: &str, authorization: Option<&str>) -> String {
        self.request(&format!("GET {path} HTTP/1.1"), authorization)
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        // If the program has already ended, there is no process to stop.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn status(response: &str) -> &str {
    response.split(' ').nth(1).unwrap()
}

/// Tests a server over HTTP. `to_post` is the status with which the server refuses a form that another site sends.
fn sign_in_over_http(path: &str, to_post: &str) {
    let program = Program::start(path);
    let challenge = program.get("/", None);
    assert_eq!(status(&challenge), "401");
    assert!(challenge.to_ascii_lowercase().contains("www-authenticate: negotiate\r\n"), "{challenge}");

    let alice = program.authorization("alice");
    let page = program.get("/", Some(&alice));
    assert_eq!(status(&page), "200", "{page}");
    assert!(page.contains("Hello alice\n"), "{page}");
    // The client asked for mutual authentication, so the answer has a token.
    assert!(page.to_ascii_lowercase().contains("www-authenticate: negotiate "), "{page}");
    assert_eq!(status(&program.get("/", Some(&alice))), "403", "a replay");

    assert_eq!(status(&program.get("/admin", Some(&program.authorization("alice")))), "403");
    let admin = program.get("/admin", Some(&program.authorization("admin")));
    assert_eq!(status(&admin), "200", "{admin}");
    assert!(admin.contains("Hello admin\n"), "{admin}");
    assert_eq!(status(&program.get("/", Some("Negotiate TlRMTVNTUAABAAAA"))), "403", "NTLM");
    // A page of another site makes the browser send a form with a ticket.
    let post = "POST / HTTP/1.1\r\nContent-Length: 0\r\nSec-Fetch-Site: cross-site";
    let refused = program.request(post, Some(&program.authorization("alice")));
    assert!(status(&refused) == to_post && !refused.contains("Hello"), "{refused}");
}

#[test]
fn axum_signs_users_in_and_opens_one_route_only_to_the_group() {
    sign_in_over_http(env!("CARGO_BIN_EXE_axum"), "403");
}

#[test]
fn actix_signs_users_in_and_opens_one_route_only_to_the_group() {
    sign_in_over_http(env!("CARGO_BIN_EXE_actix"), "404");
}

#[test]
fn hyper_signs_users_in_and_opens_one_path_only_to_the_group() {
    sign_in_over_http(env!("CARGO_BIN_EXE_hyper"), "403");
}

#[tokio::test]
async fn tonic_serves_members_of_the_group_and_refuses_other_users() {
    let program = Program::start(env!("CARGO_BIN_EXE_tonic"));
    let channel = Endpoint::from_shared(format!("http://{}/", program.address)).unwrap().connect().await.unwrap();
    let mut client = HealthClient::new(channel);
    let mut check = async |authorization: Option<String>| {
        let mut request = Request::new(HealthCheckRequest { service: String::new() });
        if let Some(value) = authorization {
            request.metadata_mut().insert("authorization", MetadataValue::try_from(value).unwrap());
        }
        client.check(request).await
    };
    let status = check(None).await.unwrap_err();
    assert_eq!(status.code(), Code::Unauthenticated);
    assert_eq!(status.metadata().get("www-authenticate").unwrap(), "Negotiate");
    assert_eq!(check(Some(program.authorization("alice"))).await.unwrap_err().code(), Code::PermissionDenied);
    let admin = program.authorization("admin");
    assert!(check(Some(admin.clone())).await.is_ok());
    assert_eq!(check(Some(admin)).await.unwrap_err().code(), Code::PermissionDenied, "a replay");
}

/// The manual of the library is published without these files, so the manual contains copies of these files.
#[test]
fn manual_quotes_each_program_from_its_first_use_line() {
    let folder = env!("CARGO_MANIFEST_DIR");
    let page = std::fs::read_to_string(format!("{folder}/../../src/manual/first_server.md")).unwrap();
    for (file, _) in PROGRAMS {
        let program = std::fs::read_to_string(format!("{folder}/{file}")).unwrap();
        let (_, shown) = program.split_once("\n\nuse ").unwrap();
        assert!(page.contains(&format!("use {shown}")), "the copy of {file} in the manual differs from {file}");
    }
}
