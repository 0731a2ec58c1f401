//! The clients of a tenant, as the configuration registers them.

use super::client_keys::ClientKeys;
use super::error::{ErrorCode, OAuthError};
use super::redirect_uri;
use super::scopes::{self, OFFLINE_ACCESS, OPENID, Scopes};
use crate::signing::SigningAlgorithm;
use axum::http::{HeaderMap, HeaderName, Uri};
use serde::Deserialize;
use sha2::{Digest as _, Sha256};
use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use subtle::ConstantTimeEq as _;

/// A client, as the configuration has it.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RegisteredClient {
    pub(crate) id: String,
    /// The name that the pages show. Without a name, the pages show `id`.
    name: Option<String>,
    /// The SHA-256 digest of the client's secret, in hexadecimal. The secret must be random: `openssl rand -hex 32`. A
    /// client with neither a secret nor `jwks` is public, and must use PKCE.
    secret_sha256: Option<Digest>,
    /// The public keys of a client that signs assertions instead of sending a secret (`private_key_jwt`).
    jwks: Option<ClientKeys>,
    #[serde(default)]
    redirect_uris: Vec<String>,
    #[serde(default)]
    post_logout_redirect_uris: Vec<String>,
    /// The origins of pages that may use the endpoints `token`, `userinfo`, `groups` and `revoke`. The server compares
    /// origins letter by letter.
    #[serde(default)]
    pub(crate) origins: Vec<String>,
    /// The address to which the server sends a logout token when a user signs out (OpenID Connect Back-Channel Logout
    /// 1.0). Its scheme is `https`, or `http` on loopback.
    pub(crate) backchannel_logout_uri: Option<String>,
    /// The address that the browser loads in a frame when a user signs out (OpenID Connect Front-Channel Logout 1.0).
    /// The address must have the origin of one of the client's redirect URIs.
    pub(crate) frontchannel_logout_uri: Option<String>,
    /// The algorithm of the client's ID tokens and logout tokens.
    #[serde(default)]
    pub(crate) id_token_signed_response_alg: SigningAlgorithm,
    /// The scopes for which the client may ask.
    #[serde(default = "RegisteredClient::default_scopes")]
    scopes: Scopes,
    /// The APIs for which the client may get access tokens (`resource`, RFC 8707).
    #[serde(default)]
    resources: Vec<String>,
    #[serde(default = "RegisteredClient::default_grants")]
    grants: Vec<GrantType>,
    /// The sector of the client. All clients of a sector get the same subject for a user. The default sector is the
    /// host of the client's redirect URIs.
    sector: Option<String>,
    /// Whether the client must push its authorization requests (RFC 9126 section 6).
    #[serde(default)]
    pub(crate) require_pushed_authorization_requests: bool,
    /// Whether each user of this client must enter a one-time code.
    #[serde(default)]
    pub(crate) proof: bool,
    /// The header in which a client with the grant `password` sends the IP address of its user, such as
    /// `X-Dovecot-Auth-Remote`. The header's value is an IP address, with or without a port.
    user_address_header: Option<String>,
}

/// The grants that the token endpoint knows (`grant_type`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
pub(crate) enum GrantType {
    #[serde(rename = "authorization_code")]
    AuthorizationCode,
    #[serde(rename = "refresh_token")]
    RefreshToken,
    /// The grant of native clients, with a SAML 1.1 assertion.
    #[serde(rename = "urn:ietf:params:oauth:grant-type:saml1_1-bearer")]
    Assertion,
    /// The grant of mail servers and other servers to which a user's program sends the user's password.
    #[serde(rename = "password")]
    Password,
}

impl GrantType {
    pub(crate) const ALL: [Self; 4] = [Self::AuthorizationCode, Self::RefreshToken, Self::Assertion, Self::Password];

    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::AuthorizationCode => "authorization_code",
            Self::RefreshToken => "refresh_token",
            Self::Assertion => "urn:ietf:params:oauth:grant-type:saml1_1-bearer",
            Self::Password => "password",
        }
    }
}

/// A SHA-256 digest. Its text form is hexadecimal.
#[derive(Clone, Deserialize)]
#[serde(try_from = "String")]
struct Digest([u8; 32]);

impl TryFrom<String> for Digest {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        let (pairs, rest) = text.as_bytes().as_chunks::<2>();
        let mut octets = [0; 32];
        if pairs.len() != octets.len() || !rest.is_empty() || !text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return Err("secret_sha256 must be 64 hexadecimal digits: printf %s SECRET | sha256sum");
        }
        for (octet, pair) in octets.iter_mut().zip(pairs) {
            let digits = str::from_utf8(pair).unwrap_or_default();
            *octet = u8::from_str_radix(digits, 16).map_err(|_| "secret_sha256 must be hexadecimal")?;
        }
        Ok(Self(octets))
    }
}

impl std::fmt::Debug for Digest {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Digest(..)")
    }
}

impl RegisteredClient {
    fn default_scopes() -> Scopes {
        Scopes::from_iter([OPENID.into(), scopes::PROFILE.into()])
    }

    fn default_grants() -> Vec<GrantType> {
        vec![GrantType::AuthorizationCode]
    }

    /// Returns the client's name that the pages show.
    pub(crate) fn shown_name(&self) -> &str {
        self.name.as_deref().unwrap_or(&self.id)
    }

    /// Returns whether the client is public: it has neither a secret nor keys.
    pub(crate) const fn is_public(&self) -> bool {
        self.secret_sha256.is_none() && self.jwks.is_none()
    }

    /// Returns whether a text is the client's secret.
    pub(crate) fn has_secret(&self, secret: &str) -> bool {
        let is_secret = |Digest(digest): &Digest| Sha256::digest(secret).as_slice().ct_eq(digest).into();
        self.secret_sha256.as_ref().is_some_and(is_secret)
    }

    /// Returns the public keys of the client.
    pub(crate) const fn keys(&self) -> Option<&ClientKeys> {
        self.jwks.as_ref()
    }

    pub(crate) fn has_redirect_uri(&self, asked: &str) -> bool {
        self.redirect_uris.iter().any(|registered| redirect_uri::is_same(registered, asked))
    }

    pub(crate) fn has_post_logout_redirect_uri(&self, asked: &str) -> bool {
        self.post_logout_redirect_uris.iter().any(|registered| redirect_uri::is_same(registered, asked))
    }

    /// Returns whether the server tells the client of sign-outs.
    pub(crate) const fn hears_of_sign_outs(&self) -> bool {
        self.backchannel_logout_uri.is_some() || self.frontchannel_logout_uri.is_some()
    }

    /// Returns whether the client may use a grant.
    pub(crate) fn may_use(&self, grant: GrantType) -> bool {
        self.grants.contains(&grant)
    }

    /// Returns the IP address of the user whose password the client sends. The client writes this address into the
    /// header `user_address_header`. The connection has only the client's own address, not the user's.
    pub(crate) fn user_address(&self, headers: &HeaderMap) -> Option<IpAddr> {
        let mut values = headers.get_all(self.user_address_header.as_deref()?).iter();
        let value = values.next().filter(|_| values.next().is_none())?.to_str().ok()?.trim();
        let with_port = || value.parse::<SocketAddr>().ok().map(|address| address.ip());
        value.parse().ok().or_else(with_port).map(|address: IpAddr| address.to_canonical())
    }

    /// Returns the sector from which the `sub` of each user of this client is derived: the configured sector, or that of
    /// the first redirect URI.
    pub(crate) fn sector(&self) -> &str {
        let of_uri = || self.redirect_uris.first().map_or(self.id.as_str(), |uri| redirect_uri::sector(uri));
        self.sector.as_deref().unwrap_or_else(of_uri)
    }

    /// Returns the scopes that a request of this client asks for.
    ///
    /// # Errors
    /// Returns `invalid_scope` if the client is not registered for one of the scopes.
    pub(crate) fn scopes(&self, asked: &str) -> Result<Scopes, OAuthError> {
        let scopes = Scopes::parse(asked);
        let scopes = scopes.ok_or_else(|| ErrorCode::InvalidScope.because("the scope has a forbidden character"))?;
        match scopes.beyond(&self.scopes) {
            Some(scope) => {
                Err(ErrorCode::InvalidScope.because(format!("the client is not registered for the scope {scope}")))
            }
            None => Ok(scopes),
        }
    }

    /// Returns whether the client may ask for a scope.
    pub(crate) fn has_scope(&self, scope: &str) -> bool {
        self.scopes.contains(scope)
    }

    /// Returns the scopes of APIs that the client may ask for.
    pub(crate) fn api_scopes(&self) -> impl Iterator<Item = &str> {
        self.scopes.iter().filter(|scope| !scopes::is_of_openid(scope))
    }

    /// Returns the resource of a request (RFC 8707 section 2).
    ///
    /// # Errors
    /// Returns `invalid_target` if the client is not registered for the resource.
    pub(crate) fn resource(&self, asked: Option<&str>) -> Result<Option<String>, OAuthError> {
        match asked {
            Some(asked) if !self.resources.iter().any(|resource| resource == asked) => {
                Err(ErrorCode::InvalidTarget.because("the client is not registered for this resource"))
            }
            asked => Ok(asked.map(Into::into)),
        }
    }

    fn check(&self) -> Result<(), String> {
        let fault = |what: &str| Err(format!("client {}: {what}", self.id));
        if self.id.is_empty() || !self.id.bytes().all(|byte| byte.is_ascii_graphic()) || self.id.len() > MAX_ID {
            return Err("a client's id must be 1 to 256 printable ASCII characters".into());
        }
        let uris = || self.redirect_uris.iter().chain(&self.post_logout_redirect_uris);
        if let Some(uri) = uris().find(|uri| !redirect_uri::may_be_registered(uri)) {
            return fault(&format!(
                "{uri}: use https, http on loopback or a private scheme with a dot, and no fragment"
            ));
        }
        let is_web = |uri: &&String| {
            redirect_uri::may_be_registered(uri) && uri.starts_with("http") && uri.parse::<Uri>().is_ok()
        };
        if let Some(uri) = self.backchannel_logout_uri.iter().find(|uri| !is_web(uri)) {
            return fault(&format!("backchannel_logout_uri {uri}: neither https nor http on loopback"));
        }
        let origins = || self.redirect_uris.iter().map(|uri| redirect_uri::origin(uri));
        let is_own = |uri: &&String| is_web(uri) && origins().any(|origin| origin == redirect_uri::origin(uri));
        if let Some(uri) = self.frontchannel_logout_uri.iter().find(|uri| !is_own(uri)) {
            return fault(&format!(
                "frontchannel_logout_uri {uri}: the scheme, host and port must be those of a redirect URI"
            ));
        }
        let is_origin = |origin: &&String| {
            redirect_uri::may_be_registered(origin) && redirect_uri::origin(origin) == Some(origin.as_str())
        };
        if let Some(origin) = self.origins.iter().find(|origin| !is_origin(origin)) {
            return fault(&format!("{origin}: an origin is a scheme and a host, like https://app.contoso.test"));
        }
        if self.may_use(GrantType::AuthorizationCode) && self.redirect_uris.is_empty() {
            return fault("`redirect_uris` is empty");
        }
        let mut sectors = self.redirect_uris.iter().map(|uri| redirect_uri::sector(uri));
        let first = sectors.next();
        if self.sector.is_none() && sectors.any(|sector| Some(sector) != first) {
            return fault("the redirect URIs have several hosts, so name the `sector` of the users' subjects");
        }
        if self.secret_sha256.is_some() && self.jwks.is_some() {
            return fault("the client has both `secret_sha256` and `jwks`: choose one");
        }
        let has_password = self.may_use(GrantType::Password);
        if has_password && self.is_public() {
            return fault("the grant password needs a client with a secret or with keys");
        }
        let is_header = |name: &String| name.parse::<HeaderName>().is_ok();
        if self.user_address_header.as_ref().is_some_and(|name| !has_password || !is_header(name)) {
            return fault("`user_address_header` must be the name of a header, and needs the grant password");
        }
        if self.scopes.contains(OFFLINE_ACCESS) && !self.may_use(GrantType::RefreshToken) {
            return fault("the scope offline_access needs the grant refresh_token");
        }
        Ok(())
    }
}

/// The clients of a tenant.
#[derive(Debug, Default)]
pub(crate) struct Clients(BTreeMap<String, RegisteredClient>);

impl Clients {
    /// Checks the clients of a configuration.
    ///
    /// # Errors
    /// Returns what is wrong with the first client that cannot be registered.
    pub(crate) fn new(registered: Vec<RegisteredClient>) -> Result<Self, String> {
        let mut clients = BTreeMap::new();
        for client in registered {
            client.check()?;
            if let Some(twice) = clients.insert(client.id.clone(), client) {
                return Err(format!("client {}: two clients have this id", twice.id));
            }
        }
        Ok(Self(clients))
    }

    pub(crate) fn get(&self, id: &str) -> Option<&RegisteredClient> {
        self.0.get(id)
    }

    /// Returns whether one of the clients registered this redirect URI.
    pub(crate) fn have_redirect_uri(&self, asked: &str) -> bool {
        self.0.values().any(|client| client.has_redirect_uri(asked))
    }

    /// Returns whether one of the clients may use a grant.
    pub(crate) fn may_use(&self, grant: GrantType) -> bool {
        self.0.values().any(|client| client.may_use(grant))
    }

    /// Returns the grants that the token endpoint of these clients supports. The password grant is supported only if a
    /// client is registered for it.
    pub(crate) fn supported_grants(&self) -> impl Iterator<Item = GrantType> {
        GrantType::ALL.into_iter().filter(|grant| *grant != GrantType::Password || self.may_use(*grant))
    }

    /// Returns whether the server sends logout tokens to one of the clients.
    pub(crate) fn hear_by_back_channel(&self) -> bool {
        self.0.values().any(|client| client.backchannel_logout_uri.is_some())
    }

    /// Returns whether the server sends logout tokens to one of the clients over TLS.
    pub(crate) fn hear_by_tls(&self) -> bool {
        let mut uris = self.0.values().filter_map(|client| client.backchannel_logout_uri.as_ref());
        uris.any(|uri| uri.starts_with("https:"))
    }

    /// Returns whether one of the clients registered `origin`. Pages of a registered origin may read the server's
    /// answers.
    pub(crate) fn have_origin(&self, origin: &str) -> bool {
        self.0.values().any(|client| client.origins.iter().any(|known| known == origin))
    }
}

const MAX_ID: usize = 256;

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn clients() -> Clients {
        let json = r#"[
            {"id": "public", "redirect_uris": ["https://app.test/c"], "resources": ["urn:api"]}
        ]"#;
        Clients::new(serde_json::from_str(json).unwrap()).unwrap()
    }

    #[test]
    fn address_of_the_user_is_read_only_from_one_registered_header() {
        let json = r#"{"id": "mail", "grants": [], "user_address_header": "X-Dovecot-Auth-Remote"}"#;
        let client: RegisteredClient = serde_json::from_str(json).unwrap();
        let of = |name: &'static str, values: &[&str]| {
            let mut headers = HeaderMap::new();
            for value in values {
                headers.append(name, value.parse().unwrap());
            }
            client.user_address(&headers).map(|address| address.to_string())
        };
        let header = "x-dovecot-auth-remote";
        for (value, expected) in [
            ("192.0.2.1:50123", Some("192.0.2.1")),
            ("192.0.2.1", Some("192.0.2.1")),
            ("[2001:db8::1]:50123", Some("2001:db8::1")),
            ("::ffff:192.0.2.1", Some("192.0.2.1")),
            ("192.0.2.1, 192.0.2.2", None),
            ("mail", None),
            ("", None),
        ] {
            assert_eq!(of(header, &[value]).as_deref(), expected, "{value}");
        }
        assert_eq!(of(header, &["192.0.2.1", "192.0.2.2"]), None);
        assert_eq!(of("x-forwarded-for", &["192.0.2.1"]), None);
    }

    #[test]
    fn scope_or_resource_that_is_not_registered_is_refused() {
        let clients = clients();
        let client = clients.get("public").unwrap();
        assert_eq!(client.scopes("openid profile").unwrap().to_string(), "openid profile");
        assert_eq!(client.scopes("openid groups").unwrap_err().code, ErrorCode::InvalidScope);
        assert_eq!(client.resource(Some("urn:api")).unwrap().as_deref(), Some("urn:api"));
        assert_eq!(client.resource(Some("urn:other")).unwrap_err().code, ErrorCode::InvalidTarget);
    }

    #[test]
    fn client_with_a_faulty_registration_is_refused_with_the_reason() {
        for (client, reason) in [
            (r#"{"id": ""}"#, "printable"),
            (r#"{"id": "a"}"#, "`redirect_uris` is empty"),
            (r#"{"id": "a", "redirect_uris": ["http://app.test/"]}"#, "use https"),
            (r#"{"id": "a", "redirect_uris": ["https://a.test/", "https://b.test/"]}"#, "`sector`"),
            (r#"{"id": "a", "redirect_uris": ["https://a.test/"], "scopes": ["offline_access"]}"#, "offline_access"),
            (r#"{"id": "a", "redirect_uris": ["https://a.test/"], "origins": ["https://a.test/"]}"#, "an origin is"),
            (r#"{"id": "a", "redirect_uris": ["https://a.test/"], "origins": ["null"]}"#, "an origin is"),
            (r#"{"id": "a", "grants": [], "backchannel_logout_uri": "http://a.test/"}"#, "backchannel_logout_uri"),
            (r#"{"id": "a", "grants": [], "backchannel_logout_uri": "test.app:/x"}"#, "backchannel_logout_uri"),
            (r#"{"id": "a", "redirect_uris": ["https://a.test/"], "origins": ["http://a.test"]}"#, "an origin is"),
            (
                r#"{"id": "a", "redirect_uris": ["https://a.test/c"], "frontchannel_logout_uri": "https://b.test/"}"#,
                "frontchannel_logout_uri",
            ),
            (
                r#"{"id": "a", "redirect_uris": ["https://a.test/c"], "frontchannel_logout_uri": "https://a.test:8443/"}"#,
                "frontchannel_logout_uri",
            ),
            (
                r#"{"id": "a", "redirect_uris": ["https://a.test/c"], "frontchannel_logout_uri": "https://a.test/#x"}"#,
                "frontchannel_logout_uri",
            ),
            (
                r#"{"id": "a", "redirect_uris": ["test.app:/c"], "frontchannel_logout_uri": "test.app:/x"}"#,
                "frontchannel_logout_uri",
            ),
            (r#"{"id": "a", "grants": ["password"]}"#, "needs a client with a secret"),
            (r#"{"id": "a", "grants": [], "user_address_header": "X-User"}"#, "`user_address_header`"),
            (
                r#"{"id": "a", "grants": [], "secret_sha256": "2bb80d537b1da3e38bd30361aa855686bde0eacd7162fef6a25fe97bf527a25b",
                "jwks": {"keys": [{"kty": "EC", "crv": "P-256", "x": "AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE",
                "y": "AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE"}]}}"#,
                "choose one",
            ),
        ] {
            let error = Clients::new(vec![serde_json::from_str(client).unwrap()]).unwrap_err();
            assert!(error.contains(reason), "{error}");
        }
        let twice = r#"{"id": "a", "grants": []}"#;
        let twice = [twice, twice].map(|one| serde_json::from_str(one).unwrap());
        assert!(Clients::new(twice.into()).unwrap_err().contains("two clients"));
        assert!(serde_json::from_str::<RegisteredClient>(r#"{"id": "a", "secret_sha256": "00"}"#).is_err());
    }
}
