//! The acceptor of the crate `sspi`: it verifies no PAC, and answers with an AP-REP. The crate accepts only a token of
//! the Kerberos mechanism, so this module first takes that token out of the SPNEGO token.

use crate::tokens::Load;
use crate::{Outcome, Peer};
use kerberos_sso::Keytab;
use sspi::kerberos::ServerProperties;
use sspi::{
    BufferType, DataRepresentation, Kerberos, KerberosConfig, Secret, SecurityBuffer, SecurityStatus,
    ServerRequestFlags, Sspi, SspiImpl,
};
use std::hint::black_box;
use std::time::{Duration, Instant};

pub struct SspiRs {
    tokens: Vec<Vec<u8>>,
    service: Vec<String>,
    key: Vec<u8>,
}

impl SspiRs {
    pub fn new(load: &Load) -> Outcome<Self> {
        let keytab = Keytab::parse(&load.keytab)?;
        let key = keytab.entries().iter().find_map(|entry| entry.key.as_ref()).ok_or("no key")?;
        let tokens: Option<_> = load.tokens.iter().map(|token| inner(token)).collect();
        Ok(Self {
            tokens: tokens.ok_or("a SPNEGO token without a Kerberos token")?,
            service: load.service.clone(),
            key: key.expose_bytes().to_vec(),
        })
    }

    /// Returns a new context for one client, because a context cannot be used again.
    fn server(&self) -> Outcome<Kerberos> {
        let name: Vec<_> = self.service.iter().map(String::as_str).collect();
        let skew = Duration::from_secs(300);
        let properties = ServerProperties::new(&name, None, skew, Some(Secret::new(self.key.clone())))?;
        let config = KerberosConfig::new_with_kdc_url("tcp://127.0.0.1:88", "server".into());
        Ok(Kerberos::new_server_from_config(config, properties)?)
    }
}

impl Peer for SspiRs {
    fn name(&self) -> &str {
        "sspi 0.23.1 (no PAC, AP-REP)"
    }

    fn round(&mut self) -> Outcome<f64> {
        let start = Instant::now();
        for token in &self.tokens {
            let mut server = self.server()?;
            let mut input = [SecurityBuffer::new(black_box(token).clone(), BufferType::Token)];
            let mut output = [SecurityBuffer::new(Vec::with_capacity(1024), BufferType::Token)];
            let mut credentials = None;
            let builder = server
                .accept_security_context()
                .with_credentials_handle(&mut credentials)
                .with_context_requirements(ServerRequestFlags::MUTUAL_AUTH)
                .with_target_data_representation(DataRepresentation::Native)
                .with_input(&mut input)
                .with_output(&mut output);
            let result = server.accept_security_context_impl(builder)?.resolve_to_result()?;
            assert!(matches!(result.status, SecurityStatus::Ok | SecurityStatus::ContinueNeeded));
        }
        Ok(start.elapsed().as_nanos() as f64 / self.tokens.len() as f64)
    }
}

/// Returns the token of the Kerberos mechanism (RFC 4121 section 4.1) in a SPNEGO token. The token begins four octets before
/// the mechanism's OID, and ends at the end of the SPNEGO token.
fn inner(token: &[u8]) -> Option<Vec<u8>> {
    const KRB5: [u8; 11] = [0x06, 0x09, 0x2A, 0x86, 0x48, 0x86, 0xF7, 0x12, 0x01, 0x02, 0x02];
    let name = token.windows(KRB5.len()).rposition(|octets| octets == KRB5)?;
    Some(token[name.checked_sub(4)?..].to_vec())
}
