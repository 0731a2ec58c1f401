//! The tokens, each for a different user. Either all tokens have a PAC with 75 groups, or no token has a PAC.

use crate::Outcome;
use crate::load::Headers;
use axum::http::HeaderValue;
use kerberos_sso::testing::{TestRealm, TestToken};
use kerberos_sso::{Account, Sid, UnixTime};
use std::cell::Cell;
use std::time::SystemTime;

/// The service principal, and the name of the keytab's entry.
pub const SERVICE: &str = "HTTP/www.contoso.test";

pub struct Tokens {
    realm: TestRealm,
    /// Whether the tickets have a PAC. A realm whose tickets have no PAC is a realm of MIT krb5.
    has_pac: bool,
    minted: Cell<usize>,
}

impl Tokens {
    pub fn new(has_pac: bool) -> Self {
        let realm = TestRealm::new("CONTOSO.TEST").with_account(SERVICE);
        let realm = if has_pac { realm.of_active_directory() } else { realm };
        Self { realm, has_pac, minted: Cell::new(0) }
    }

    pub fn account(&self) -> Account {
        self.realm.account()
    }

    /// Returns the SID of the domain, if the realm is of Active Directory.
    pub fn domain(&self) -> Option<Sid> {
        self.has_pac.then(|| self.realm.domain_sid())
    }

    /// Returns the octets of one token.
    pub fn size(&self) -> usize {
        self.token().mint().len()
    }

    /// Mints tokens that no server has seen. gokrb5 detects a replay by the user and the time of the authenticator, so
    /// each token has another user.
    pub fn mint(&self, number: usize) -> Outcome<Headers> {
        (0..number).map(|_| Ok(HeaderValue::from_str(&self.token().header())?)).collect()
    }

    /// Mints tokens whose authenticators do not verify: one bit of each MAC is changed.
    pub fn damaged(&self, number: usize) -> Outcome<Headers> {
        let damaged = |_| {
            let mut token = self.token();
            let mut cipher = token.authenticator.cipher();
            *cipher.last_mut().ok_or("no authenticator")? ^= 1;
            token.authenticator.raw_cipher = Some(cipher);
            Ok(HeaderValue::from_str(&token.header())?)
        };
        (0..number).map(damaged).collect()
    }

    fn token(&self) -> TestToken {
        let user = format!("user{:07}", self.minted.get());
        self.minted.set(self.minted.get() + 1);
        let now = UnixTime::from(SystemTime::now());
        // The client's time is a minute ahead, because our replay cache refuses authenticators from before the start of
        // the cache.
        let ahead = now.saturating_add_seconds(60);
        let token = self.realm.ticket_for(&user).service(SERVICE).at(now).sent_at(ahead).mutual();
        if self.has_pac { token.pac(|pac| pac.groups(1100..1175)) } else { token }
    }
}
