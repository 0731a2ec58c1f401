//! The token with which an agent enrols. An administrator makes the token for one agent of one tenant. The token can be
//! used once, within an hour.
//!
//! The form is `ka1.TENANT.ID.SECRET.PIN`. The server keeps only the SHA-256 of the secret. The pin is the SHA-256 of the
//! authority's certificate, by which the agent recognises the server.

use crate::certificate::Role;
use crate::encoding::Fixed;
use crate::time::{TOKEN_LIFE, Time};
use crate::user::Tenant;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use sha2::{Digest as _, Sha256};
use std::fmt;
use thiserror::Error;
use zeroize::Zeroizing;

/// A token, as an administrator copies it to the agent. The secret is overwritten when the token is dropped.
pub struct Token {
    tenant: Tenant,
    id: GrantId,
    secret: Zeroizing<[u8; 32]>,
    pin: Pin,
}

/// The number of a token, under which the server keeps its [`Grant`].
pub type GrantId = Fixed<16>;

/// The SHA-256 of the authority's certificate in DER.
pub type Pin = Fixed<32>;

/// The server's record of a token.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Grant {
    secret_sha256: Fixed<32>,
    tenant: Tenant,
    role: Role,
    until: Time,
    /// The host that may use the token, or `None` for any host.
    host: Option<String>,
    /// The person who made the token, for the log.
    issuer: String,
}

/// The values that the server takes from a token for the agent that enrols with it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Enrolment {
    /// The tenant of the agent.
    pub tenant: Tenant,
    /// What the agent may do.
    pub role: Role,
    /// The person who made the token, for the log.
    pub issuer: String,
}

/// The reason why a token is refused. The agent learns none of these reasons.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum TokenError {
    /// The secret is not the one with which the token was made.
    #[error("the secret of the enrolment token is wrong")]
    Secret,
    /// The token names another tenant than it was made for.
    #[error("the enrolment token was made for another tenant")]
    Tenant,
    /// The token was made more than an hour ago.
    #[error("the enrolment token has expired; make a new one")]
    Expired,
    /// The token was made for another host.
    #[error("the enrolment token is for another host")]
    Host,
}

impl Token {
    /// Makes a token, and the grant that the server keeps under [`Token::id`]. `random` must not be used for anything
    /// else.
    #[must_use]
    pub fn make(wish: Wish, random: &Zeroizing<[u8; 48]>, pin: Pin, now: Time) -> Option<(Self, Grant)> {
        let Wish { tenant, role, host, issuer } = wish;
        let (id, secret) = random.split_first_chunk::<16>()?;
        let secret: Zeroizing<[u8; 32]> = Zeroizing::new(secret.try_into().ok()?);
        let secret_sha256 = hash(&secret);
        let grant = Grant { secret_sha256, tenant: tenant.clone(), role, until: now.after(TOKEN_LIFE), host, issuer };
        Some((Self { tenant, id: Fixed::new(*id), secret, pin }, grant))
    }

    /// Reads a token, also with whitespace before and after it. Returns `None` for any other text.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let text = (text.len() <= MAX_TOKEN).then(|| text.trim())?;
        let mut parts = text.strip_prefix("ka1.")?.rsplitn(4, '.');
        let pin = Fixed::parse(parts.next()?)?;
        let secret = Zeroizing::new(*Fixed::<32>::parse(parts.next()?)?.as_bytes());
        let id = Fixed::parse(parts.next()?)?;
        let tenant = Tenant::new(parts.next()?)?;
        let is_name = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-');
        tenant.as_str().bytes().all(is_name).then_some(Self { tenant, id, secret, pin })
    }

    /// Returns the text that [`parse`](Self::parse) reads. The text is a secret.
    #[must_use]
    pub fn secret_text(&self) -> Zeroizing<String> {
        let Self { tenant, id, secret, pin } = self;
        Zeroizing::new(format!("ka1.{tenant}.{id}.{}.{pin}", Fixed::new(**secret)))
    }

    /// Returns the number of the token.
    #[must_use]
    pub const fn id(&self) -> GrantId {
        self.id
    }

    /// Returns the SHA-256 of the authority that the server must show.
    #[must_use]
    pub const fn pin(&self) -> Pin {
        self.pin
    }
}

/// The data from which an administrator makes a token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wish {
    /// The tenant of the agent.
    pub tenant: Tenant,
    /// What the agent may do.
    pub role: Role,
    /// The host that may use the token, or `None` for any host.
    pub host: Option<String>,
    /// The person who makes the token, for the log.
    pub issuer: String,
}

impl Grant {
    /// Consumes the grant. Before this call, the caller must delete the grant from its store, so that only one agent
    /// can use the token.
    ///
    /// # Errors
    /// Returns [`TokenError`] if the token has expired, or if its secret, tenant or host differs from the grant's.
    pub fn redeem(self, token: &Token, host: &str, now: Time) -> Result<Enrolment, TokenError> {
        if !self.is_of(token) {
            return Err(TokenError::Secret);
        }
        if token.tenant != self.tenant {
            return Err(TokenError::Tenant);
        }
        if now >= self.until {
            return Err(TokenError::Expired);
        }
        if self.host.as_ref().is_some_and(|expected| !expected.eq_ignore_ascii_case(host)) {
            return Err(TokenError::Host);
        }
        Ok(Enrolment { tenant: self.tenant, role: self.role, issuer: self.issuer })
    }

    /// Returns whether the token has the secret of this grant, in constant time. A caller should delete the grant only
    /// if the secret is right. Otherwise somebody who knows only the token's number could use the token up.
    #[must_use]
    pub fn is_of(&self, token: &Token) -> bool {
        self.secret_sha256.is(&hash(&token.secret))
    }

    /// Returns the time after which the token is refused.
    #[must_use]
    pub const fn until(&self) -> Time {
        self.until
    }
}

fn hash(secret: &[u8; 32]) -> Fixed<32> {
    Fixed::new(Sha256::digest(secret).into())
}

/// Shows no secret.
impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Token(ka1.{}.{}..)", self.tenant, self.id)
    }
}

impl Serialize for Token {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.secret_text())
    }
}

impl<'de> Deserialize<'de> for Token {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        crate::encoding::from_text(deserializer, "an enrolment token", Self::parse)
    }
}

/// The longest token: a tenant of 255 characters and three values in base64url.
const MAX_TOKEN: usize = 512;

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use std::time::Duration;

    const NOW: Time = Time::from_seconds(1_795_000_000);

    fn made(host: Option<&str>) -> (Token, Grant) {
        let tenant = Tenant::new("contoso.test").unwrap();
        let wish = Wish { tenant, role: Role::Pta, host: host.map(Into::into), issuer: "root@gw1".into() };
        let mut random = Zeroizing::new([7; 48]);
        random.first_chunk_mut::<16>().unwrap().fill(6);
        Token::make(wish, &random, Fixed::new([8; 32]), NOW).unwrap()
    }

    #[test]
    fn printed_token_is_read_back_and_names_its_tenant() {
        let (token, _) = made(None);
        let text = token.secret_text();
        assert!(text.starts_with("ka1.contoso.test."), "{text:?}");
        let read = Token::parse(&text).unwrap();
        assert_eq!((read.id, read.pin, &read.tenant), (token.id, token.pin, &token.tenant));
        assert_eq!(*read.secret, *token.secret);
        assert_eq!(read.secret_text(), text);
    }

    #[test]
    fn token_is_read_with_whitespace_around_it_and_not_with_whitespace_in_it() {
        let text = made(None).0.secret_text();
        assert_eq!(Token::parse(&format!("  {}\r\n", *text)).unwrap().secret_text(), text);
        assert!(Token::parse(&text.replacen('.', ". ", 1)).is_none());
        for (length, is_read) in [(512, true), (513, false)] {
            assert_eq!(Token::parse(&format!("{:length$}", *text)).is_some(), is_read, "{length}");
        }
    }

    #[test]
    fn text_that_is_no_token_is_refused() {
        let whole = made(None).0.secret_text();
        let parts: Vec<_> = whole.split('.').collect();
        for at in 0..whole.len() {
            assert!(Token::parse(whole.get(..at).unwrap()).is_none(), "{at}");
        }
        for other in ["ka2", "KA1", ""] {
            assert!(Token::parse(&whole.replacen("ka1", other, 1)).is_none());
        }
        assert!(Token::parse(&format!("{}.x", *whole)).is_none());
        assert!(Token::parse(&parts.join("..")).is_none());
        assert!(Token::parse(&whole.replacen("contoso.test", "contoso/test", 1)).is_none());
        assert!(Token::parse(&whole.replacen("contoso", &"a".repeat(500), 1)).is_none());
    }

    #[test]
    fn token_needs_its_secret_and_its_tenant_and_its_host_and_expires_after_an_hour() {
        let redeem = |token: &Token, host: &str, seconds: u64| {
            made(Some("gw1")).1.redeem(token, host, NOW.after(Duration::from_secs(seconds)))
        };
        let token = made(Some("gw1")).0;
        let enrolment = redeem(&token, "GW1", 3_599).unwrap();
        assert_eq!((enrolment.tenant.as_str(), enrolment.role), ("contoso.test", Role::Pta));
        assert_eq!(redeem(&token, "gw1", 3_600), Err(TokenError::Expired));
        assert_eq!(redeem(&token, "gw2", 0), Err(TokenError::Host));
        let other = Token { tenant: Tenant::new("fabrikam.test").unwrap(), ..made(None).0 };
        assert_eq!(redeem(&other, "gw1", 0), Err(TokenError::Tenant));
        let other = Token { secret: Zeroizing::new([9; 32]), ..made(None).0 };
        assert_eq!(redeem(&other, "gw1", 0), Err(TokenError::Secret));
        assert!(made(None).1.redeem(&token, "any", NOW).is_ok());
    }

    #[test]
    fn debug_output_and_the_grant_have_no_secret() {
        let (token, grant) = made(None);
        let secret = Fixed::new(*token.secret).to_string();
        assert!(!format!("{token:?}").contains(&secret));
        assert!(!serde_json::to_string(&grant).unwrap().contains(&secret));
    }
}
