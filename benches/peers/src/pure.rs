//! The acceptor of the crate `krb5`: it also verifies the PAC, and writes an AP-REP if the client asks for one.

use crate::tokens::Load;
use crate::{Outcome, Peer};
use krb5::Keytab;
use krb5::acceptor::AcceptOptions;
use krb5::spnego::SpnegoAcceptor;
use std::hint::black_box;
use std::time::Instant;

pub struct Krb5<'l> {
    load: &'l Load,
    keytab: Keytab,
    options: AcceptOptions,
}

impl<'l> Krb5<'l> {
    pub fn new(load: &'l Load) -> Outcome<Self> {
        let path = std::env::temp_dir().join(format!("peers-{}.keytab", std::process::id()));
        std::fs::write(&path, &load.keytab)?;
        let keytab = Keytab::load(&path);
        std::fs::remove_file(&path)?;
        let mut options = AcceptOptions::default();
        options.replay_cache = None;
        Ok(Self { load, keytab: keytab?, options })
    }
}

impl Peer for Krb5<'_> {
    fn name(&self) -> &str {
        "krb5 1.0.0 (PAC verified, AP-REP)"
    }

    fn round(&mut self) -> Outcome<f64> {
        let start = Instant::now();
        for token in &self.load.tokens {
            let mut acceptor = SpnegoAcceptor::with_options(&self.keytab, self.options.clone());
            black_box(acceptor.step(black_box(token))?);
            let context = acceptor.context().ok_or("no context")?;
            assert_eq!(context.client_realm, "CONTOSO.TEST");
        }
        Ok(start.elapsed().as_nanos() as f64 / self.load.tokens.len() as f64)
    }
}
