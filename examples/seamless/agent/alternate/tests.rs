//! Tests of alternate names, with a directory whose answers the test chooses.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::arithmetic_side_effects)]

use super::*;
use crate::ldap::Values;
use rcgen::{CertifiedKey, generate_simple_self_signed};
use rustls::ServerConfig;
use rustls::crypto::ring::default_provider;
use rustls::pki_types::PrivateKeyDer;
use std::path::Path;
use std::sync::Arc;
use tempfile::TempDir;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

/// Returns a BER element with this tag and these parts. The length of the contents takes two octets.
fn element(tag: u8, parts: &[&[u8]]) -> Vec<u8> {
    let body = parts.concat();
    [&[tag, 0x82][..], &u16::try_from(body.len()).unwrap().to_be_bytes(), &body].concat()
}

/// Returns an LDAP message with this number (`messageID`) and this operation.
fn message(number: u8, operation: &[u8]) -> Vec<u8> {
    element(0x30, &[&[2, 1, number], operation])
}

/// Returns the response that ends a bind or a search, with this result code (LDAPResult, RFC 4511 section 4.1.9).
fn done(tag: u8, code: u8) -> Vec<u8> {
    element(tag, &[&[10, 1, code], &[4, 0], &[4, 0]])
}

fn entry(attribute: &str, value: &str) -> Vec<u8> {
    let values = element(0x31, &[&element(4, &[value.as_bytes()])]);
    let attribute = element(0x30, &[&element(4, &[attribute.as_bytes()]), &values]);
    element(0x64, &[&element(4, &[b"CN=x"]), &element(0x30, &[&attribute])])
}

/// Reads one LDAP message. Returns its message ID and its octets.
async fn read(stream: &mut TlsStream<TcpStream>) -> Option<(u8, Vec<u8>)> {
    let (tag, first) = (stream.read_u8().await.ok()?, stream.read_u8().await.ok()?);
    let mut length = usize::from(first);
    if first & 0x80 != 0 {
        length = 0;
        for _ in 0..first & 0x7F {
            length = length << 8 | usize::from(stream.read_u8().await.ok()?);
        }
    }
    let mut body = vec![0; length];
    stream.read_exact(&mut body).await.ok()?;
    assert_eq!((tag, &body[..2]), (0x30, &[2, 1][..]));
    Some((body[2], body))
}

/// Starts a directory that serves one connection. Its search finds `accounts` and ends with the result code `code`. The
/// task returns the octets of the bind request and of the search request.
async fn directory(folder: &Path, accounts: &[&str], code: u8) -> (Values, JoinHandle<Vec<u8>>) {
    let CertifiedKey { cert, signing_key } = generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    std::fs::write(folder.join("ca.pem"), pem(cert.der())).unwrap();
    std::fs::write(folder.join("password"), "Read.Only.1\n").unwrap();
    let key = PrivateKeyDer::try_from(signing_key.serialize_der()).unwrap();
    let config = ServerConfig::builder_with_provider(Arc::new(default_provider()));
    let config = config.with_safe_default_protocol_versions().unwrap().with_no_client_auth();
    let acceptor = TlsAcceptor::from(Arc::new(config.with_single_cert(vec![cert.der().clone()], key).unwrap()));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let values = Values {
        host: Some(format!("localhost:{}", listener.local_addr().unwrap().port())),
        ca: Some(folder.join("ca.pem")),
        name: Some("reader@contoso.test".into()),
        password: Some(folder.join("password")),
    };
    let found: Vec<_> = accounts.iter().map(|account| entry("samaccountname", account)).collect();
    let serving = tokio::spawn(async move {
        let mut stream = acceptor.accept(listener.accept().await.unwrap().0).await.unwrap();
        let mut heard = Vec::new();
        let root = vec![entry("defaultNamingContext", "DC=contoso,DC=test")];
        for (number, (entries, end)) in
            [(vec![], done(0x61, 0)), (root, done(0x65, 0)), (found, done(0x65, code))].into_iter().enumerate()
        {
            let (id, request) = read(&mut stream).await.unwrap();
            if number != 1 {
                heard.extend(request);
            }
            for one in entries.iter().chain([&end]) {
                stream.write_all(&message(id, one)).await.unwrap();
            }
        }
        heard
    });
    (values, serving)
}

fn pem(der: &[u8]) -> String {
    use base64::Engine as _;
    let text = base64::engine::general_purpose::STANDARD.encode(der);
    format!("-----BEGIN CERTIFICATE-----\n{text}\n-----END CERTIFICATE-----\n")
}

fn names(values: &Values) -> AlternateNames {
    AlternateNames::new("mail", Access::read(values).unwrap().unwrap()).unwrap()
}

fn user(typed: &str) -> User {
    User::parse(typed).unwrap()
}

fn contains(octets: &[u8], part: &[u8]) -> bool {
    octets.windows(part.len()).any(|window| window == part)
}

#[tokio::test]
async fn name_of_one_user_gives_the_account_of_this_user_and_a_name_of_several_users_gives_none() {
    for (accounts, code, expected) in [
        (vec![], 0, Ok(Some(user("a.anderson@example.com")))),
        (vec!["alice"], 0, Ok(Some(user("alice")))),
        (vec!["alice", "mallory"], 0, Ok(None)),
        (vec!["alice", "mallory"], 4, Ok(None)),
        (vec![""], 0, Ok(None)),
        (vec!["alice"], 1, Err(())),
    ] {
        let folder = TempDir::new().unwrap();
        let (values, serving) = directory(folder.path(), &accounts, code).await;
        let found = names(&values).user(&user("a.anderson@example.com")).await;
        assert_eq!(found.map_err(drop), expected, "{accounts:?} {code}");
        let heard = serving.await.unwrap();
        assert!(contains(&heard, b"reader@contoso.test") && contains(&heard, b"Read.Only.1"));
        assert!(contains(&heard, b"userPrincipalName") && contains(&heard, b"mail"));
    }
}

/// The whole name is one value in the filter, even if it has characters such as `*` or `)`.
#[tokio::test]
async fn filter_characters_in_a_name_are_escaped() {
    let folder = TempDir::new().unwrap();
    let (values, serving) = directory(folder.path(), &[], 0).await;
    let typed = user("*)(objectClass=*@x");
    assert_eq!(names(&values).user(&typed).await.unwrap(), Some(typed));
    let heard = serving.await.unwrap();
    let value = element_of("*)(objectClass=*@x");
    assert!(contains(&heard, &value), "the whole name is the value of an equality");
    assert_eq!(filter("mail", "a*b@x"), r"(&(objectClass=user)(|(userPrincipalName=a\2ab@x)(mail=a\2ab@x)))");
}

/// Returns `text` as an octet string whose length is in one octet, as the client writes it.
fn element_of(text: &str) -> Vec<u8> {
    [&[4, u8::try_from(text.len()).unwrap()][..], text.as_bytes()].concat()
}

/// No directory listens, so a lookup would fail.
#[tokio::test]
async fn account_name_is_not_looked_up_and_an_unreachable_directory_is_an_error() {
    let folder = TempDir::new().unwrap();
    let (values, serving) = directory(folder.path(), &[], 0).await;
    serving.abort();
    let _ = serving.await;
    let names = names(&values);
    for typed in ["alice", r"CONTOSO\alice"] {
        assert_eq!(names.user(&user(typed)).await.unwrap(), Some(user(typed)));
    }
    assert!(names.user(&user("alice@contoso.test")).await.is_err());
}

#[tokio::test]
async fn server_with_a_certificate_of_another_authority_gets_no_password() {
    let (folder, other) = (TempDir::new().unwrap(), TempDir::new().unwrap());
    let (values, serving) = directory(folder.path(), &["alice"], 0).await;
    let (strange, aborted) = directory(other.path(), &[], 0).await;
    aborted.abort();
    let values = Values { ca: strange.ca, ..values };
    assert!(names(&values).user(&user("alice@contoso.test")).await.is_err());
    assert!(serving.await.is_err(), "the handshake failed, so the directory heard nothing");
}

#[test]
fn incomplete_options_and_an_empty_password_are_refused() {
    let folder = TempDir::new().unwrap();
    let file = |name: &str, text: &str| {
        std::fs::write(folder.path().join(name), text).unwrap();
        Some(folder.path().join(name))
    };
    assert!(Access::read(&Values::default()).unwrap().is_none());
    let values = |name: &str, password: Option<std::path::PathBuf>| Values {
        host: Some("dc1".into()),
        ca: file("ca.pem", "no certificate"),
        name: Some(name.into()),
        password,
    };
    for values in [
        values("reader", None),
        values("reader", Some(folder.path().join("missing"))),
        values("reader", file("empty", "\n")),
        values("", file("password", "x")),
        values("reader", file("password", "x")),
    ] {
        assert!(Access::read(&values).is_err());
    }
    let (ca, good) =
        (generate_simple_self_signed(["dc1".to_owned()]).unwrap(), values("reader", file("password", "x")));
    let good = Values { ca: file("good.pem", &pem(ca.cert.der())), ..good };
    for attribute in ["", "mail)", "1mail", "ma il", "mail=*"] {
        assert!(AlternateNames::new(attribute, Access::read(&good).unwrap().unwrap()).is_err(), "{attribute}");
    }
    assert!(AlternateNames::new("msDS-cloudExtensionAttribute1", Access::read(&good).unwrap().unwrap()).is_ok());
}
