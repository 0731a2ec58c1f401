//! Fuzzes PACs, signed by the service's key and the KDC's key. The target checks that an accepted user is the ticket's
//! client, and has the SID of the PAC.
#![no_main]

use kerberos_sso::crypto::{EncType, KeyUsage};
use kerberos_sso::error::{Error, PacError, PacMismatch};
use kerberos_sso::pac::{BufferType, KdcKeys, Pac};
use kerberos_sso::testing::{TestRealm, TestToken};
use kerberos_sso::{Accepted, Refused, Sid};
use kerberos_sso_fuzz::pac::{Signer, buffer, client_info};
use kerberos_sso_fuzz::server::{self, Server, USER};
use kerberos_sso_fuzz::{allocated, logon_info, printed, verdict};
use libfuzzer_sys::fuzz_target;
use std::sync::LazyLock;

/// The realm of the servers.
static REALM: LazyLock<TestRealm> = LazyLock::new(|| server::realm().of_active_directory());

/// A server whose account allows the domain of the minted users only.
static OF_ITS_DOMAIN: LazyLock<Server> =
    LazyLock::new(|| Server::of(REALM.account().with_krbtgt_key(&REALM.krbtgt_key(ETYPE)), token()));

/// A server whose account restricts no domain, and has no key of the KDC.
static OF_ANY_DOMAIN: LazyLock<Server> = LazyLock::new(|| Server::of(server::realm().account(), token()));

static SIGNER: LazyLock<Signer> = LazyLock::new(|| {
    let mut ticket = token().ticket;
    if let Some(pac) = &mut ticket.pac {
        pac.raw = Some(vec![0]);
    }
    Signer::new(&ticket.key, &REALM.krbtgt_key(ETYPE), ticket.plaintext())
});

fuzz_target!(|input: &[u8]| {
    let pac = SIGNER.sign(input);
    check_alone(&pac);
    let mut token = OF_ITS_DOMAIN.token.clone();
    let judged = judge(&mut token, &pac);
    assert_is(&judged, &pac, USER);
    let mismatch = matches!(
        judged.as_ref().map_err(Refused::error),
        Err(Error::PacMismatch(PacMismatch::ClientName { .. } | PacMismatch::AuthTime { .. }))
    );
    // A KDC that writes a PAC for another client also names this client in the ticket.
    if let (true, Some((name, time))) = (mismatch, client_info(&pac)) {
        token = token.client(&*name);
        token.ticket.authtime = time.into();
        assert_is(&judge(&mut token, &pac), &pac, &name);
    }
});

/// Validates a token with this PAC, for an account that allows only its own domain. If this account refuses the domain
/// or a signature, the function validates the token again for an account that allows every domain.
fn judge(token: &mut TestToken, pac: &[u8]) -> Result<Accepted, Refused> {
    if let Some(parts) = &mut token.ticket.pac {
        parts.raw = Some(pac.to_vec());
    }
    let minted = token.mint();
    let judged = OF_ITS_DOMAIN.judge(&minted);
    match judged.as_ref().map_err(Refused::code) {
        Err("untrusted-domain" | "pac-signature") => OF_ANY_DOMAIN.judge(&minted),
        _ => judged,
    }
}

/// Asserts that an accepted user is this client, with the SID of the PAC.
fn assert_is(judged: &Result<Accepted, Refused>, pac: &[u8], name: &str) {
    let Ok(accepted) = judged else { return };
    assert!(accepted.identity().name().components().eq(name.split('/')));
    assert!(accepted.identity().realm() == server::REALM);
    let logon = buffer(pac, BufferType::LOGON_INFO).and_then(|place| logon_info::user_sid(&pac[place]));
    assert_eq!(accepted.identity().sid(), logon);
    // A PAC without a LOGON_INFO is not from Active Directory, so the user has no SID.
    if let (Some(user), Some(requestor)) = (logon, buffer(pac, BufferType::REQUESTOR)) {
        assert_eq!(Sid::from_bytes(&pac[requestor]), Some(user));
    }
}

/// Checks a PAC without a ticket.
fn check_alone(pac: &[u8]) {
    let server = REALM.key(ETYPE).checksummer(KeyUsage::PAC_SIGNATURE);
    let kdc = [REALM.krbtgt_key(ETYPE).checksummer(KeyUsage::PAC_SIGNATURE)];
    let verify = || Pac::read(pac).map_err(PacError::from)?.verify([&server], Some(KdcKeys::new(&kdc, &[])));
    match allocated::at_most(allocated::for_token(pac.len()), verify) {
        Ok(verified) => verdict::check_pac(&verified, pac.len()),
        Err(error) => printed::harmless_error(&error),
    }
}

fn token() -> TestToken {
    REALM.ticket_for(USER)
}

const ETYPE: EncType = EncType::AES256_CTS_HMAC_SHA1_96;
