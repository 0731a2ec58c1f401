//! The acceptor of this crate: it verifies the PAC and reads the user's SID.

use crate::tokens::Load;
use crate::{Outcome, Peer};
use kerberos_sso::replay::NoReplayCache;
use kerberos_sso::{KeySet, Policy, UnixTime, Validator};
use std::hint::black_box;
use std::time::{Instant, SystemTime};

pub struct Ours<'l> {
    load: &'l Load,
    validator: Validator<NoReplayCache>,
}

impl<'l> Ours<'l> {
    pub fn new(load: &'l Load) -> Outcome<Self> {
        let validator = Validator::new(KeySet::from_whole_keytab(&load.keytab)?, Policy::default(), NoReplayCache);
        Ok(Self { load, validator })
    }
}

impl Peer for Ours<'_> {
    fn name(&self) -> &str {
        "kerberos-sso (PAC verified)"
    }

    fn round(&mut self) -> Outcome<f64> {
        let now = UnixTime::from(SystemTime::now());
        let start = Instant::now();
        for token in &self.load.tokens {
            let accepted = self.validator.validate_ticket(black_box(token), now)?;
            black_box(accepted.identity().sid());
            assert_eq!(accepted.ticket().client_realm(), "CONTOSO.TEST");
        }
        Ok(start.elapsed().as_nanos() as f64 / self.load.tokens.len() as f64)
    }
}
