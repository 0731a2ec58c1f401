//! Channel bindings over real TLS. The client and the server each compute their bindings from their own end of a
//! connection on loopback.
//!
//! The client hashes the certificate that it receives. The server gives its own certificate to the crate. OpenSSL made the
//! certificates (`testvectors/tls`). The TLS library uses the time of the test realm, so the tests do not depend on a clock.

use kerberos_sso::replay::NoReplayCache;
use kerberos_sso::testing::{TestRealm, TestToken, if_relevant};
use kerberos_sso::{
    Arrival, ChannelBindings, Error, Policy, Refused, UnixTime, Validator, error::BindingDemand, policy::BindingLevel,
    ticket::BindingState,
};
use rustls::crypto::ring::default_provider;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::time_provider::TimeProvider;
use rustls::version::{TLS12, TLS13};
use rustls::{
    ClientConfig, ClientConnection, RootCertStore, ServerConfig, ServerConnection, StreamOwned,
    SupportedProtocolVersion,
};
use sha2::{Digest as _, Sha256, Sha384};
use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::sync::Arc;
use std::time::Duration;

/// A certificate with its private key, and the hash function of its signature.
struct Certificate {
    pem: &'static [u8],
    hash: fn(&[u8]) -> Vec<u8>,
}

const SERVER: Certificate = Certificate { pem: include_bytes!("../../../testvectors/tls/server.pem"), hash: sha256 };
const RENEWED: Certificate = Certificate { pem: include_bytes!("../../../testvectors/tls/renewed.pem"), hash: sha384 };
const RELAY: Certificate = Certificate { pem: include_bytes!("../../../testvectors/tls/relay.pem"), hash: sha256 };

const VERSIONS: [&SupportedProtocolVersion; 2] = [&TLS12, &TLS13];
const LEVELS: [BindingLevel; 3] = [BindingLevel::IfPresent, BindingLevel::IfAdvertised, BindingLevel::Require];

#[test]
fn bindings_of_the_certificate_that_the_client_receives_match() {
    for version in VERSIONS {
        for certificate in [SERVER, RENEWED] {
            let sent = deliver(&certificate, version, |channel| bound(&channel.server_end_point(&certificate)));
            assert_eq!(judge(&sent, &[certificate.bindings()], BindingLevel::Require), Ok(BindingState::Matched));
        }
    }
}

#[test]
fn bindings_of_exported_keying_material_match() {
    for version in VERSIONS {
        let sent = deliver(&SERVER, version, |channel| bound(&channel.exporter()));
        let own = ChannelBindings::tls_exporter(&sent.exported);
        assert_eq!(judge(&sent, &[own], BindingLevel::Require), Ok(BindingState::Matched));
        // A server with both types of bindings accepts a client with either type.
        assert_eq!(judge(&sent, &[SERVER.bindings(), own], BindingLevel::Require), Ok(BindingState::Matched));
        assert_eq!(judge(&sent, &[SERVER.bindings()], BindingLevel::Require), Err(Error::ChannelBinding));
    }
}

/// The client signs in to a relay that has its own certificate, and the relay sends the client's token to the server.
#[test]
fn token_relayed_from_another_server_is_refused() {
    for version in VERSIONS {
        let relayed = deliver(&RELAY, version, |channel| bound(&channel.server_end_point(&RELAY)));
        let sent = deliver(&SERVER, version, |_| relayed.token);
        for level in LEVELS {
            assert_eq!(judge(&sent, &[SERVER.bindings()], level), Err(Error::ChannelBinding), "{level:?}");
        }
    }
}

/// The relay has the server's private key. If the relay sends on a token, the server accepts tls-server-end-point
/// bindings and refuses tls-exporter bindings.
#[test]
fn token_relayed_with_the_servers_own_certificate_is_refused_only_with_exporter_bindings() {
    for version in VERSIONS {
        let relayed = deliver(&SERVER, version, |channel| bound(&channel.exporter()));
        let sent = deliver(&SERVER, version, |_| relayed.token);
        let own = ChannelBindings::tls_exporter(&sent.exported);
        assert_eq!(judge(&sent, &[SERVER.bindings(), own], BindingLevel::Require), Err(Error::ChannelBinding));

        let relayed = deliver(&SERVER, version, |channel| bound(&channel.server_end_point(&SERVER)));
        let sent = deliver(&SERVER, version, |_| relayed.token);
        assert_eq!(judge(&sent, &[SERVER.bindings()], BindingLevel::Require), Ok(BindingState::Matched));
    }
}

#[test]
fn token_without_bindings_is_refused_only_at_level_require() {
    let sent = deliver(&SERVER, &TLS13, |_| token().mint());
    let missing = Err(Error::ChannelBindingMissing(BindingDemand::Required));
    assert_eq!(judge(&sent, &[SERVER.bindings()], BindingLevel::Require), missing);
    for level in [BindingLevel::IfPresent, BindingLevel::IfAdvertised] {
        assert_eq!(judge(&sent, &[SERVER.bindings()], level), Ok(BindingState::Absent), "{level:?}");
    }
}

/// A client that sets KERB_AP_OPTIONS_CBT (MS-KILE section 2.2.7) announces bindings. At level `IfAdvertised`, a client that
/// announces bindings must send bindings.
#[test]
fn client_that_advertises_bindings_over_tls_and_sends_none_is_refused_at_level_if_advertised() {
    let sent = deliver(&SERVER, &TLS13, |_| advertising(token()).mint());
    let missing = Err(Error::ChannelBindingMissing(BindingDemand::Advertised));
    assert_eq!(judge(&sent, &[SERVER.bindings()], BindingLevel::IfAdvertised), missing);
    assert_eq!(judge(&sent, &[SERVER.bindings()], BindingLevel::IfPresent), Ok(BindingState::Absent));
    let sent =
        deliver(&SERVER, &TLS13, |channel| advertising(token().bound_to(&channel.server_end_point(&SERVER))).mint());
    assert_eq!(judge(&sent, &[SERVER.bindings()], BindingLevel::IfAdvertised), Ok(BindingState::Matched));
}

/// During a certificate rollover, some servers of a farm have the old certificate, and some have the new certificate.
#[test]
fn bindings_of_the_old_and_the_new_certificate_match_during_a_rollover() {
    let both = [SERVER.bindings(), RENEWED.bindings()];
    for (certificate, expected) in
        [(SERVER, Ok(BindingState::Matched)), (RENEWED, Ok(BindingState::Matched)), (RELAY, Err(Error::ChannelBinding))]
    {
        let sent = deliver(&certificate, &TLS13, |channel| bound(&channel.server_end_point(&certificate)));
        assert_eq!(judge(&sent, &both, BindingLevel::Require), expected);
    }
    let sent = deliver(&RENEWED, &TLS13, |channel| bound(&channel.server_end_point(&RENEWED)));
    assert_eq!(judge(&sent, &both[..1], BindingLevel::Require), Err(Error::ChannelBinding));
}

/// The token that a server received over TLS, and the keying material that the server exported from the connection.
struct Delivered {
    token: Vec<u8>,
    exported: [u8; 32],
}

/// The client's end of a connection.
struct Channel {
    peer_certificate: Vec<u8>,
    exported: [u8; 32],
}

impl Channel {
    /// Returns the bindings of type tls-server-end-point (RFC 5929 section 4).
    fn server_end_point(&self, signed: &Certificate) -> Vec<u8> {
        [b"tls-server-end-point:", &(signed.hash)(&self.peer_certificate)[..]].concat()
    }

    /// Returns the bindings of type tls-exporter (RFC 9266 section 3).
    fn exporter(&self) -> Vec<u8> {
        [b"tls-exporter:", &self.exported[..]].concat()
    }
}

impl Certificate {
    fn der(&self) -> CertificateDer<'static> {
        CertificateDer::from_pem_slice(self.pem).unwrap()
    }

    fn bindings(&self) -> ChannelBindings {
        ChannelBindings::tls_server_end_point(&self.der()).unwrap()
    }
}

/// Lets a client send a token to a server with this certificate. `make` makes the token for the client's channel.
fn deliver(
    certificate: &Certificate,
    version: &'static SupportedProtocolVersion,
    make: impl FnOnce(&Channel) -> Vec<u8>,
) -> Delivered {
    let server = ServerConnection::new(Arc::new(server_config(certificate, version))).unwrap();
    let client = ClientConnection::new(Arc::new(client_config(version)), "server.test".try_into().unwrap()).unwrap();
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::scope(|scope| {
        let receiving = scope.spawn(move || receive(server, listener.accept().unwrap().0));
        send(client, TcpStream::connect(address).unwrap(), make);
        receiving.join().unwrap()
    })
}

fn send(mut tls: ClientConnection, mut stream: TcpStream, make: impl FnOnce(&Channel) -> Vec<u8>) {
    tls.complete_io(&mut stream).unwrap();
    let peer_certificate = tls.peer_certificates().unwrap()[0].to_vec();
    let exported = tls.export_keying_material([0; 32], LABEL, Some(&[])).unwrap();
    let token = make(&Channel { peer_certificate, exported });
    let mut stream = StreamOwned::new(tls, stream);
    stream.write_all(&token).unwrap();
    stream.conn.send_close_notify();
    stream.flush().unwrap();
    // A client that closes a connection with unread data resets the connection. Here, the unread data would be TLS session
    // tickets, so the client reads to the end.
    let answer = stream.read_to_end(&mut Vec::new());
    assert_eq!(answer.unwrap(), 0);
}

fn receive(mut tls: ServerConnection, mut stream: TcpStream) -> Delivered {
    tls.complete_io(&mut stream).unwrap();
    let exported = tls.export_keying_material([0; 32], LABEL, Some(&[])).unwrap();
    let (mut token, mut stream) = (Vec::new(), StreamOwned::new(tls, stream));
    stream.read_to_end(&mut token).unwrap();
    stream.conn.send_close_notify();
    stream.flush().unwrap();
    Delivered { token, exported }
}

fn judge(sent: &Delivered, own: &[ChannelBindings], level: BindingLevel) -> Result<BindingState, Error> {
    let validator = Validator::new(realm().key_set(), Policy::default().with_binding_level(level), NoReplayCache);
    let verdict = validator.validate_ticket(&sent.token, Arrival::at(NOW).with_channel_bindings(own));
    verdict.map(|accepted| accepted.channel_bindings()).map_err(Refused::into_error)
}

fn realm() -> TestRealm {
    TestRealm::new("CONTOSO.TEST").with_account("AZUREADSSOACC$")
}

fn token() -> TestToken {
    realm().ticket_for("alice").at(NOW)
}

fn bound(application_data: &[u8]) -> Vec<u8> {
    token().bound_to(application_data).mint()
}

/// Adds KERB_AP_OPTIONS with the bit KERB_AP_OPTIONS_CBT. With this bit, a Windows client announces that it sends
/// channel bindings.
fn advertising(mut token: TestToken) -> TestToken {
    token.authenticator.authorization_data = vec![if_relevant(&[(143, 0x4000_u32.to_le_bytes().to_vec())])];
    token
}

fn server_config(certificate: &Certificate, version: &'static SupportedProtocolVersion) -> ServerConfig {
    let key = PrivateKeyDer::from_pem_slice(certificate.pem).unwrap();
    let config = ServerConfig::builder_with_details(Arc::new(default_provider()), Arc::new(RealmTime));
    let config = config.with_protocol_versions(&[version]).unwrap().with_no_client_auth();
    config.with_single_cert(vec![certificate.der()], key).unwrap()
}

/// Returns the configuration of a client that trusts all three certificates. A relay can have a trusted certificate, too.
fn client_config(version: &'static SupportedProtocolVersion) -> ClientConfig {
    let mut roots = RootCertStore::empty();
    for certificate in [SERVER, RENEWED, RELAY] {
        roots.add(certificate.der()).unwrap();
    }
    let config = ClientConfig::builder_with_details(Arc::new(default_provider()), Arc::new(RealmTime));
    config.with_protocol_versions(&[version]).unwrap().with_root_certificates(roots).with_no_client_auth()
}

#[derive(Debug)]
struct RealmTime;

impl TimeProvider for RealmTime {
    fn current_time(&self) -> Option<rustls::pki_types::UnixTime> {
        let seconds = u64::try_from(NOW.seconds()).ok()?;
        Some(rustls::pki_types::UnixTime::since_unix_epoch(Duration::from_secs(seconds)))
    }
}

fn sha256(bytes: &[u8]) -> Vec<u8> {
    Sha256::digest(bytes).to_vec()
}

fn sha384(bytes: &[u8]) -> Vec<u8> {
    Sha384::digest(bytes).to_vec()
}

const NOW: UnixTime = TestRealm::NOW;

/// The label of the exported keying material (RFC 9266 section 3).
const LABEL: &[u8] = b"EXPORTER-Channel-Binding";
