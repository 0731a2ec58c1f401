//! The grants of clients: one record in the store for each authorization code, its refresh tokens and its access tokens.
//!
//! If one node has accepted a code or a refresh token, no node accepts it again. A second use of a code or refresh
//! token ends the whole grant. The reason is that an attacker may have stolen the code or token (RFC 6749 section
//! 4.1.2, RFC 9700 section 4.14.2). After the grant has ended, `userinfo` and `introspect` refuse its access tokens.

use super::scopes::{OFFLINE_ACCESS, Scopes};
use super::user::User;
use crate::app_password::AppPasswords;
use crate::clock;
use crate::session::{Method, Sessions};
use crate::store::{Entry, Key, Kind, Locator, Records, Shares, StoreError, UserIndex, When};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use kerberos_sso::UnixTime;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;

/// The rights that a user's sign-in gives to a client.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Grant {
    pub(crate) tenant: String,
    pub(crate) client_id: String,
    pub(crate) user: User,
    pub(crate) scopes: Scopes,
    pub(crate) resource: Option<String>,
    pub(crate) nonce: Option<String>,
    /// The time at which the user signed in to the KDC, in seconds since 1970.
    pub(crate) authenticated: i64,
    pub(crate) factors: Factors,
    /// The stay of the user in the browser. A grant without the scope `offline_access` ends when the stay ends. The
    /// grant of a native client has no stay.
    pub(crate) stay: Option<Stay>,
    /// The app password with which the user signed in, if any. This grant ends when the app password ends or is
    /// revoked.
    #[serde(default)]
    pub(crate) app_password: Option<Locator>,
}

/// The stay of a user in a browser, from a sign-in to a sign-out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Stay {
    pub(crate) name: Locator,
    /// The end of the session in which the grant began, in seconds since 1970.
    pub(crate) end: i64,
}

/// The authentication methods of the sign-in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Factors {
    pub(crate) first: FirstFactor,
    pub(crate) one_time_code: bool,
}

/// The first authentication method of the sign-in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum FirstFactor {
    Ticket,
    /// The directory checked the password.
    Password,
    /// The server checked the password with a verifier of the directory.
    PasswordHash,
}

impl From<Method> for FirstFactor {
    fn from(method: Method) -> Self {
        match method {
            Method::Kerberos | Method::TestTicket => Self::Ticket,
            Method::Password | Method::PassThrough(_) => Self::Password,
            Method::PasswordHash => Self::PasswordHash,
        }
    }
}

/// The values of the authorization request that the token request must repeat or prove.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Bound {
    pub(crate) redirect_uri: String,
    /// The challenge of PKCE.
    pub(crate) challenge: Option<String>,
}

/// The values of a token request that are compared with [`Bound`].
#[derive(Clone, Copy, Debug)]
pub(crate) struct Presented<'a> {
    pub(crate) client_id: &'a str,
    pub(crate) redirect_uri: Option<&'a str>,
    pub(crate) verifier: Option<&'a str>,
}

/// The result of a token request that redeemed a code, a refresh token, an assertion or a password: the grant, and its
/// next refresh token.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Redeemed {
    pub(crate) id: GrantId,
    pub(crate) grant: Grant,
    pub(crate) refresh_token: Option<String>,
}

/// The identifier of a grant. The identifier of each access token of the grant contains this identifier.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct GrantId(Locator);

/// The grants in the store.
pub(crate) struct Grants {
    records: Records,
    of_user: UserIndex,
    of_tenant: Shares,
}

#[derive(Clone, Serialize, Deserialize)]
struct Stored {
    grant: Grant,
    accepts: Accepts,
    end: i64,
}

/// The code or refresh token that the grant accepts next. Only the SHA-256 digest of its secret part is stored.
#[derive(Clone, Serialize, Deserialize)]
enum Accepts {
    Code(Bound, [u8; 32]),
    RefreshToken([u8; 32]),
    /// The grant has no code and no refresh token, only access tokens.
    Nothing,
}

impl Grants {
    /// Gives access to the grants in the store. Each tenant has at most `most_of_tenant` families of refresh tokens. A
    /// family is a refresh token with all the refresh tokens that replace it.
    pub(crate) fn new(records: Records, most_of_tenant: u32) -> Self {
        let of_user = UserIndex::new(records.clone(), Kind::Grant, MAX_OF_ONE_USER);
        let of_tenant = Shares::new(records.clone(), Kind::Grant, most_of_tenant);
        Self { records, of_user, of_tenant }
    }

    /// Begins a grant and returns its authorization code, which expires after [`CODE_LIFETIME`].
    ///
    /// # Errors
    /// Returns an error if the store cannot be asked.
    pub(crate) async fn begin(&self, grant: Grant, bound: Bound, now: UnixTime) -> Result<String, StoreError> {
        let (id, secret): (Locator, [u8; 16]) = (clock::random(), clock::random());
        let end = now.saturating_add_seconds(CODE_LIFETIME);
        let stored = Stored { grant, accepts: Accepts::Code(bound, digest(secret)), end: end.seconds() };
        self.records.put(&key(id), &stored, end, When::Absent).await?;
        Ok(self.written(id, secret))
    }

    /// Begins a grant without a code, for a client that sends an assertion or a password.
    ///
    /// # Errors
    /// Returns an error if the store cannot be asked.
    pub(crate) async fn begin_redeemed(
        &self,
        grant: Grant,
        with_refresh_token: bool,
        now: UnixTime,
    ) -> Result<Redeemed, StoreError> {
        let (id, next): (Locator, [u8; 16]) = (clock::random(), clock::random());
        let with_refresh_token = with_refresh_token && self.has_room(id, &grant, now).await?;
        let stored = accepting(grant, with_refresh_token.then_some(next), now);
        let end = UnixTime::from_seconds(stored.end);
        // The two operations run at the same time, so their waits for the store's disk overlap.
        let key = key(id);
        let put = self.records.put(&key, &stored, end, When::Absent);
        tokio::try_join!(self.list(id, &stored, now), put)?;
        Ok(self.redeemed(id, stored.grant, with_refresh_token.then_some(next)))
    }

    /// Exchanges a code. Returns `None` if the code is unknown, was used, has expired, or belongs to another client or
    /// request. In these cases, the grant of the code ends.
    ///
    /// # Errors
    /// Returns an error if the store cannot be asked.
    pub(crate) async fn redeem_code(
        &self,
        code: &str,
        tenant: &str,
        presented: Presented<'_>,
        with_refresh_token: bool,
        now: UnixTime,
    ) -> Result<Option<Redeemed>, StoreError> {
        let is_good = |stored: &Stored, secret: [u8; 16]| match &stored.accepts {
            Accepts::Code(bound, expected) => *expected == digest(secret) && bound.is_repeated_in(presented),
            _ => false,
        };
        self.exchange(code, tenant, presented.client_id, is_good, with_refresh_token, now).await
    }

    /// Exchanges a refresh token for the grant's next refresh token. Returns `None` if the token is not the grant's
    /// current token, has expired, or belongs to another client. In these cases, the grant of the token ends.
    ///
    /// # Errors
    /// Returns an error if the store cannot be asked.
    pub(crate) async fn rotate(
        &self,
        token: &str,
        tenant: &str,
        client_id: &str,
        now: UnixTime,
    ) -> Result<Option<Redeemed>, StoreError> {
        let is_good = |stored: &Stored, secret: [u8; 16]| matches!(&stored.accepts, Accepts::RefreshToken(expected) if *expected == digest(secret));
        self.exchange(token, tenant, client_id, is_good, true, now).await
    }

    async fn exchange(
        &self,
        text: &str,
        tenant: &str,
        client_id: &str,
        is_good: impl Fn(&Stored, [u8; 16]) -> bool,
        with_refresh_token: bool,
        now: UnixTime,
    ) -> Result<Option<Redeemed>, StoreError> {
        let Some((id, secret)) = self.read(text) else { return Ok(None) };
        let key = key(id);
        let old: Entry<Stored> = self.records.entry(&key).await?;
        let Some(stored) = old.value.clone() else { return Ok(None) };
        let is_of_client = (&*stored.grant.tenant, &*stored.grant.client_id) == (tenant, client_id);
        let is_live = stored.end > now.seconds() && self.goes_on(&stored.grant, now).await?;
        if is_good(&stored, secret) && is_of_client && is_live {
            let begins_family = with_refresh_token && matches!(stored.accepts, Accepts::Code(..));
            let is_given = with_refresh_token && (!begins_family || self.has_room(id, &stored.grant, now).await?);
            let next = is_given.then(clock::random);
            let new = Self::next(stored, next, now);
            // If any node has meanwhile served another request with the same token, the stored entry is no longer
            // `old`. Then `replace` fails, and the grant ends.
            if self.records.replace(&key, &old, &new, UnixTime::from_seconds(new.end)).await? {
                self.list(id, &new, now).await?;
                return Ok(Some(self.redeemed(id, new.grant, next)));
            }
        }
        self.records.delete(&key).await?;
        Ok(None)
    }

    /// Returns whether the tenant may have one more family of refresh tokens. If the tenant may not, the client gets an
    /// access token without a refresh token.
    async fn has_room(&self, id: Locator, grant: &Grant, now: UnixTime) -> Result<bool, StoreError> {
        let lifetime = if grant.scopes.contains(OFFLINE_ACCESS) { OFFLINE_LIFETIME } else { LIFETIME };
        let has_room = self.of_tenant.take(&grant.tenant, &id, lifetime, now).await?;
        if !has_room {
            let (tenant, client_id) = (&grant.tenant, &grant.client_id);
            tracing::error!(
                tenant,
                client_id,
                "no refresh token: the tenant already has as many as `limits.refresh_tokens_of_tenant` allows"
            );
        }
        Ok(has_room)
    }

    /// Returns the record of a grant after a client has exchanged the grant's code or refresh token. The exchange of a
    /// refresh token does not change the end of its family.
    fn next(old: Stored, next: Option<[u8; 16]>, now: UnixTime) -> Stored {
        let is_family = matches!(old.accepts, Accepts::RefreshToken(_));
        let end = old.end;
        let new = accepting(old.grant, next, now);
        Stored { end: if is_family { end } else { new.end }, ..new }
    }

    /// Returns whether a grant goes on. A grant ends with its app password, and a grant without `offline_access` ends
    /// with the stay.
    async fn goes_on(&self, grant: &Grant, now: UnixTime) -> Result<bool, StoreError> {
        if let Some(locator) = &grant.app_password
            && !AppPasswords::goes_on(&self.records, locator).await?
        {
            return Ok(false);
        }
        match grant.stay.as_ref().filter(|_| !grant.scopes.contains(OFFLINE_ACCESS)) {
            Some(stay) => Ok(stay.end > now.seconds() && Sessions::stay_goes_on(&self.records, &stay.name).await?),
            None => Ok(true),
        }
    }

    async fn list(&self, id: Locator, stored: &Stored, now: UnixTime) -> Result<(), StoreError> {
        let sid = stored.grant.user.sid.to_string();
        let user = [stored.grant.tenant.as_bytes(), sid.as_bytes()];
        match stored.accepts {
            Accepts::RefreshToken(_) => self.of_user.add(&user, id, UnixTime::from_seconds(stored.end), now).await,
            _ => Ok(()),
        }
    }

    /// Returns the grant with this identifier, if the grant has not ended.
    ///
    /// # Errors
    /// Returns an error if the store cannot be asked.
    pub(crate) async fn find(&self, id: GrantId, tenant: &str, now: UnixTime) -> Result<Option<Grant>, StoreError> {
        let stored: Option<Stored> = self.records.get(&key(id.0)).await?;
        let Some(stored) = stored.filter(|one| one.end > now.seconds() && one.grant.tenant == tenant) else {
            return Ok(None);
        };
        let goes_on = self.goes_on(&stored.grant, now).await?;
        Ok(goes_on.then_some(stored.grant))
    }

    /// Returns the grant of a refresh token that the client may still use, and the end of the token.
    ///
    /// # Errors
    /// Returns an error if the store cannot be asked.
    pub(crate) async fn find_token(
        &self,
        token: &str,
        tenant: &str,
        now: UnixTime,
    ) -> Result<Option<(Grant, UnixTime)>, StoreError> {
        let Some((id, secret)) = self.read(token) else { return Ok(None) };
        let stored: Option<Stored> = self.records.get(&key(id)).await?;
        let is_current =
            |stored: &Stored| matches!(&stored.accepts, Accepts::RefreshToken(expected) if *expected == digest(secret));
        match stored.filter(|one| is_current(one) && one.end > now.seconds() && one.grant.tenant == tenant) {
            Some(stored) if self.goes_on(&stored.grant, now).await? => {
                Ok(Some((stored.grant, UnixTime::from_seconds(stored.end))))
            }
            _ => Ok(None),
        }
    }

    /// Returns the grant of a refresh token, even if a newer token has replaced the refresh token.
    ///
    /// # Errors
    /// Returns an error if the store cannot be asked.
    pub(crate) async fn of_refresh_token(
        &self,
        token: &str,
        tenant: &str,
        now: UnixTime,
    ) -> Result<Option<(GrantId, Grant)>, StoreError> {
        let Some(id) = self.read(token).map(|(id, _)| GrantId(id)) else { return Ok(None) };
        Ok(self.find(id, tenant, now).await?.map(|grant| (id, grant)))
    }

    /// Returns the tenant of a code or a refresh token, for a request at `/common/…`. This function does not check
    /// whether the token is still valid; the exchange does.
    ///
    /// # Errors
    /// Returns an error if the store cannot be asked.
    pub(crate) async fn tenant_of(&self, token: &str) -> Result<Option<String>, StoreError> {
        let Some((id, _)) = self.read(token) else { return Ok(None) };
        let stored: Option<Stored> = self.records.get(&key(id)).await?;
        Ok(stored.map(|stored| stored.grant.tenant))
    }

    /// Ends a grant.
    ///
    /// # Errors
    /// Returns an error if the store cannot be asked.
    pub(crate) async fn end(&self, id: GrantId) -> Result<(), StoreError> {
        self.records.delete(&key(id.0)).await
    }

    fn redeemed(&self, id: Locator, grant: Grant, next: Option<[u8; 16]>) -> Redeemed {
        Redeemed { id: GrantId(id), grant, refresh_token: next.map(|secret| self.written(id, secret)) }
    }

    /// Returns a unique identifier for an access token of a grant.
    pub(crate) fn token_id(&self, id: GrantId) -> String {
        tagged(&self.records, b"access token", id.0, clock::random())
    }

    /// Returns the identifier of the grant to which an access token belongs. `text` is the identifier of the access
    /// token.
    pub(crate) fn of_token_id(&self, text: &str) -> Option<GrantId> {
        untagged(&self.records, b"access token", text).map(|(id, _)| GrantId(id))
    }

    /// Returns the text form of a code or a refresh token.
    fn written(&self, id: Locator, secret: [u8; 16]) -> String {
        tagged(&self.records, b"grant", id, secret)
    }

    fn read(&self, text: &str) -> Option<(Locator, [u8; 16])> {
        untagged(&self.records, b"grant", text)
    }
}

/// Returns a grant's identifier, a secret and their tag as text. Access tokens contain the identifier. Without the tag,
/// somebody who knows the identifier could end the grant by an invented refresh token.
fn tagged(records: &Records, purpose: &[u8], id: Locator, secret: [u8; 16]) -> String {
    URL_SAFE_NO_PAD.encode([id, secret, tag(records, purpose, id, secret)].as_flattened())
}

fn untagged(records: &Records, purpose: &[u8], text: &str) -> Option<(Locator, [u8; 16])> {
    let octets = URL_SAFE_NO_PAD.decode(text).ok().filter(|_| text.len() == 64)?;
    let (parts, []) = octets.as_chunks::<16>() else { return None };
    let [id, secret, found] = parts else { return None };
    let is_ours = bool::from(tag(records, purpose, *id, *secret).ct_eq(found));
    is_ours.then_some((*id, *secret))
}

#[expect(clippy::expect_used, reason = "a digest has more octets than a tag")]
fn tag(records: &Records, purpose: &[u8], id: Locator, secret: [u8; 16]) -> [u8; 16] {
    let name = records.secret().name(&[b"tag", purpose, &id, &secret]);
    name.first_chunk().copied().expect("32 octets have 16 first octets")
}

fn key(id: Locator) -> Key {
    Key::new(Kind::Grant, &id)
}

/// Returns the record of a grant that accepts the refresh token with the secret `next`. Without `next`, the grant has
/// access tokens only.
fn accepting(grant: Grant, next: Option<[u8; 16]>, now: UnixTime) -> Stored {
    let lifetime = match next {
        Some(_) if grant.scopes.contains(OFFLINE_ACCESS) => OFFLINE_LIFETIME,
        Some(_) => LIFETIME,
        None => ACCESS_LIFETIME,
    };
    let accepts = next.map_or(Accepts::Nothing, |secret| Accepts::RefreshToken(digest(secret)));
    Stored { grant, accepts, end: now.saturating_add_seconds(lifetime).seconds() }
}

impl Bound {
    /// Returns whether a token request repeats the redirect URI and proves the challenge (RFC 7636 section 4.6). A verifier
    /// without a challenge is refused, because an attacker may have removed the challenge (RFC 9700 section 4.8.2).
    fn is_repeated_in(&self, presented: Presented<'_>) -> bool {
        let is_proved = match (&self.challenge, presented.verifier) {
            (None, None) => true,
            (Some(challenge), Some(verifier)) => {
                is_verifier(verifier) && URL_SAFE_NO_PAD.encode(Sha256::digest(verifier)) == *challenge
            }
            _ => false,
        };
        is_proved && presented.redirect_uri == Some(&self.redirect_uri)
    }
}

/// Returns whether a text can be a code verifier (RFC 7636 section 4.1).
fn is_verifier(text: &str) -> bool {
    let is_unreserved = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~');
    (43..=128).contains(&text.len()) && text.bytes().all(is_unreserved)
}

/// Returns the digest of a secret for the store. The comparison of two digests need not take constant time, because a
/// client can choose only the secret, and not its digest.
fn digest(secret: [u8; 16]) -> [u8; 32] {
    Sha256::digest(secret).into()
}

/// The lifetime of a code, in seconds.
const CODE_LIFETIME: i64 = 60;

/// The lifetime of access tokens and ID tokens, in seconds.
pub(crate) const ACCESS_LIFETIME: i64 = 60 * 60;

/// The lifetime of a family of refresh tokens, in seconds: one working day. After this time, the user signs in again.
const LIFETIME: i64 = 10 * 60 * 60;

/// The lifetime of a family with `offline_access`, in seconds: 30 days.
const OFFLINE_LIFETIME: i64 = 30 * 24 * 60 * 60;

/// The largest number of families of refresh tokens of one user, which is enough for the programs on some devices. When
/// the limit is reached, the user's oldest family ends.
const MAX_OF_ONE_USER: usize = 100;

#[cfg(test)]
mod tests;
