//! The clients of a tenant, as the configuration registers them, and their authentication at the token endpoint (RFC
//! 6749 section 2.3).

use super::error::{ErrorCode, OAuthError};
use super::parameters::Parameters;
use super::redirect_uri;
use super::scopes::{self, OFFLINE_ACCESS, OPENID, Scopes};
use axum::http::header::AUTHORIZATION;
use axum::http::{HeaderMap, HeaderName, Uri};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;
use sha2::{Digest as _, Sha256};
use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use subtle::ConstantTimeEq as _;
use zeroize::Zeroizing;

/// A client as it stands in the configuration.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RegisteredClient {
    pub(crate) id: String,
    /// The name that the pages show. Without it, they show `id`.
    name: Option<String>,
    /// The SHA-256 digest of the client's secret, in hexadecimal. The secret must be random: `openssl rand -hex 32`. A
    /// client without a secret is public, and must use PKCE.
    secret_sha256: Option<Digest>,
    #[serde(default)]
    redirect_uris: Vec<String>,
    #[serde(default)]
    post_logout_redirect_uris: Vec<String>,
    /// The origins of pages that may use the endpoints `token`, `userinfo`, `groups` and `revoke`, letter by letter.
    #[serde(default)]
    pub(crate) origins: Vec<String>,
    /// The address to which the server sends a logout token when a user signs out (OpenID Connect Back-Channel Logout 1.0): of
    /// `https`, or of `http` on loopback.
    pub(crate) backchannel_logout_uri: Option<String>,
    /// The scopes that the client may ask for.
    #[serde(default = "RegisteredClient::default_scopes")]
    scopes: Scopes,
    /// The APIs for which the client may get access tokens (`resource`, RFC 8707).
    #[serde(default)]
    resources: Vec<String>,
    #[serde(default = "RegisteredClient::default_grants")]
    grants: Vec<GrantType>,
    /// The sector whose clients get the same subject for a user. By default, the host of the redirect URIs.
    sector: Option<String>,
    /// Whether the client must push its authorization requests (RFC 9126 section 6).
    #[serde(default)]
    pub(crate) require_pushed_authorization_requests: bool,
    /// Whether each user of this client must enter a one-time code.
    #[serde(default)]
    pub(crate) proof: bool,
    /// The header in which a client with the grant `password` tells the address of its user, such as `X-Dovecot-Auth-Remote`. Its
    /// value is an address, with or without a port.
    user_address_header: Option<String>,
}

/// The grants of the token endpoint.
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

    /// Returns the name for the pages.
    pub(crate) fn shown_name(&self) -> &str {
        self.name.as_deref().unwrap_or(&self.id)
    }

    pub(crate) const fn is_public(&self) -> bool {
        self.secret_sha256.is_none()
    }

    pub(crate) fn has_redirect_uri(&self, asked: &str) -> bool {
        self.redirect_uris.iter().any(|registered| redirect_uri::is_same(registered, asked))
    }

    pub(crate) fn has_post_logout_redirect_uri(&self, asked: &str) -> bool {
        self.post_logout_redirect_uris.iter().any(|registered| redirect_uri::is_same(registered, asked))
    }

    /// Returns whether the client may use a grant.
    pub(crate) fn may_use(&self, grant: GrantType) -> bool {
        self.grants.contains(&grant)
    }

    /// Returns the address of the user for whom the client sends a password, as the client tells it. The client's own address
    /// is that of all its users.
    pub(crate) fn user_address(&self, headers: &HeaderMap) -> Option<IpAddr> {
        let mut values = headers.get_all(self.user_address_header.as_deref()?).iter();
        let value = values.next().filter(|_| values.next().is_none())?.to_str().ok()?.trim();
        let with_port = || value.parse::<SocketAddr>().ok().map(|address| address.ip());
        value.parse().ok().or_else(with_port).map(|address: IpAddr| address.to_canonical())
    }

    /// Returns the sector of the client's subjects.
    pub(crate) fn sector(&self) -> &str {
        let of_uri = || self.redirect_uris.first().map_or(self.id.as_str(), |uri| redirect_uri::sector(uri));
        self.sector.as_deref().unwrap_or_else(of_uri)
    }

    /// Returns the scopes of a request.
    ///
    /// # Errors
    /// Returns `invalid_scope` if the client may not ask for one of them.
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
    /// Returns `invalid_target` if the client may not get tokens for it.
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
                "{uri}: neither https, http on loopback, nor a scheme with a dot, without a fragment"
            ));
        }
        let is_web = |uri: &&String| {
            redirect_uri::may_be_registered(uri) && uri.starts_with("http") && uri.parse::<Uri>().is_ok()
        };
        if let Some(uri) = self.backchannel_logout_uri.iter().find(|uri| !is_web(uri)) {
            return fault(&format!("backchannel_logout_uri {uri}: neither https nor http on loopback"));
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
        let has_password = self.may_use(GrantType::Password);
        if has_password && self.is_public() {
            return fault("the grant password needs a client with a secret");
        }
        let is_header = |name: &String| name.parse::<HeaderName>().is_ok();
        if self.user_address_header.as_ref().is_some_and(|name| !has_password || !is_header(name)) {
            return fault("`user_address_header` is the name of a header, for the grant password");
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

    /// Returns whether a client registered a redirect URI.
    pub(crate) fn have_redirect_uri(&self, asked: &str) -> bool {
        self.0.values().any(|client| client.has_redirect_uri(asked))
    }

    /// Returns whether a client may use a grant.
    pub(crate) fn may_use(&self, grant: GrantType) -> bool {
        self.0.values().any(|client| client.may_use(grant))
    }

    /// Returns the grants that the token endpoint of these clients supports. The grant of passwords is one only if a client has it.
    pub(crate) fn supported_grants(&self) -> impl Iterator<Item = GrantType> {
        GrantType::ALL.into_iter().filter(|grant| *grant != GrantType::Password || self.may_use(*grant))
    }

    /// Returns whether the server sends messages to a client with TLS.
    pub(crate) fn hear_by_tls(&self) -> bool {
        let mut uris = self.0.values().filter_map(|client| client.backchannel_logout_uri.as_ref());
        uris.any(|uri| uri.starts_with("https:"))
    }

    /// Returns whether a page of `origin` may read answers.
    pub(crate) fn have_origin(&self, origin: &str) -> bool {
        self.0.values().any(|client| client.origins.iter().any(|known| known == origin))
    }

    /// Returns the client of a request to the token endpoint, whose secret is right.
    ///
    /// # Errors
    /// Returns `invalid_client` if the client is unknown or its secret is wrong, and `invalid_request` if the request has
    /// credentials twice.
    pub(crate) fn authenticate(
        &self,
        headers: &HeaderMap,
        parameters: &Parameters,
    ) -> Result<&RegisteredClient, OAuthError> {
        let (id, secret) = credentials(headers, parameters)?;
        let wrong = || ErrorCode::InvalidClient.because("the client is unknown, or its secret is wrong");
        let client = self.get(&id).ok_or_else(wrong)?;
        match (&client.secret_sha256, secret) {
            (None, None) => Ok(client),
            (Some(Digest(digest)), Some(secret))
                if bool::from(Sha256::digest(secret.as_bytes()).as_slice().ct_eq(digest)) =>
            {
                Ok(client)
            }
            _ => Err(wrong()),
        }
    }
}

type Credentials = (String, Option<Zeroizing<String>>);

/// Returns the id and the secret of the client, from the header `Authorization` or from the form.
fn credentials(headers: &HeaderMap, parameters: &Parameters) -> Result<Credentials, OAuthError> {
    let in_form = parameters.get("client_secret").map(|secret| Zeroizing::new(secret.to_owned()));
    let Some(value) = headers.get(AUTHORIZATION) else {
        return Ok((parameters.required("client_id")?.into(), in_form));
    };
    let malformed = || ErrorCode::InvalidClient.because("the header Authorization is not of the scheme Basic");
    let (id, secret) = value.to_str().ok().and_then(basic).ok_or_else(malformed)?;
    if in_form.is_some() {
        return Err(ErrorCode::InvalidRequest.because("the request has a client secret twice"));
    }
    if parameters.get("client_id").is_some_and(|other| other != id) {
        return Err(ErrorCode::InvalidRequest.because("the request names two clients"));
    }
    Ok((id, Some(secret)))
}

/// Reads the scheme Basic, in which OAuth encodes the id and the secret as in forms (RFC 6749 section 2.3.1).
fn basic(value: &str) -> Option<(String, Zeroizing<String>)> {
    let (scheme, encoded) = value.split_once(' ')?;
    let decoded = Zeroizing::new(STANDARD.decode(encoded.trim()).ok()?);
    let (id, secret) =
        str::from_utf8(&decoded).ok()?.split_once(':').filter(|_| scheme.eq_ignore_ascii_case("basic"))?;
    Some((decode(id)?, Zeroizing::new(decode(secret)?)))
}

/// Decodes one value of a form.
fn decode(encoded: &str) -> Option<String> {
    let pair = Zeroizing::new(format!("v={}", encoded.replace('&', "%26")));
    form_urlencoded::parse(pair.as_bytes()).next().map(|(_, value)| value.into_owned())
}

const MAX_ID: usize = 256;

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn clients() -> Clients {
        let json = r#"[
            {"id": "public", "redirect_uris": ["https://app.test/c"], "resources": ["urn:api"]},
            {"id": "a:b", "redirect_uris": ["https://app.test/c"],
             "secret_sha256": "2bb80d537b1da3e38bd30361aa855686bde0eacd7162fef6a25fe97bf527a25b"}
        ]"#;
        Clients::new(serde_json::from_str(json).unwrap()).unwrap()
    }

    fn authenticated(authorization: Option<&str>, form: &str) -> Result<String, ErrorCode> {
        let headers = authorization.map(|value| (AUTHORIZATION, value.parse().unwrap())).into_iter().collect();
        let clients = clients();
        let client = clients.authenticate(&headers, &Parameters::parse(form.as_bytes()));
        client.map(|client| client.id.clone()).map_err(|error| error.code)
    }

    #[test]
    fn client_is_authenticated_by_its_secret_in_the_header_or_in_the_form() {
        let basic = |text: &str| format!("Basic {}", STANDARD.encode(text));
        assert_eq!(authenticated(Some(&basic("a%3Ab:secret")), ""), Ok("a:b".into()));
        assert_eq!(authenticated(None, "client_id=a%3Ab&client_secret=secret"), Ok("a:b".into()));
        assert_eq!(authenticated(None, "client_id=public"), Ok("public".into()));
        for (header, form) in [
            (Some(basic("a%3Ab:wrong")), ""),
            (Some(basic("a%3Ab:")), ""),
            (Some(basic("unknown:secret")), ""),
            (Some("Bearer x".into()), "client_id=public"),
            (None, "client_id=a%3Ab"),
            (None, "client_id=a%3Ab&client_secret=wrong"),
            (None, "client_id=public&client_secret=secret"),
        ] {
            assert_eq!(authenticated(header.as_deref(), form), Err(ErrorCode::InvalidClient), "{header:?} {form}");
        }
        for form in ["client_id=a%3Ab&client_secret=secret", "client_id=public"] {
            let header = basic("a%3Ab:secret");
            assert_eq!(authenticated(Some(&header), form), Err(ErrorCode::InvalidRequest), "{form}");
        }
    }

    #[test]
    fn address_of_the_user_is_read_from_the_registered_header_alone_and_not_from_two() {
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
    fn client_that_is_badly_registered_is_refused_with_the_reason() {
        for (client, reason) in [
            (r#"{"id": ""}"#, "printable"),
            (r#"{"id": "a"}"#, "`redirect_uris` is empty"),
            (r#"{"id": "a", "redirect_uris": ["http://app.test/"]}"#, "neither https"),
            (r#"{"id": "a", "redirect_uris": ["https://a.test/", "https://b.test/"]}"#, "`sector`"),
            (r#"{"id": "a", "redirect_uris": ["https://a.test/"], "scopes": ["offline_access"]}"#, "offline_access"),
            (r#"{"id": "a", "redirect_uris": ["https://a.test/"], "origins": ["https://a.test/"]}"#, "an origin is"),
            (r#"{"id": "a", "redirect_uris": ["https://a.test/"], "origins": ["null"]}"#, "an origin is"),
            (r#"{"id": "a", "grants": [], "backchannel_logout_uri": "http://a.test/"}"#, "backchannel_logout_uri"),
            (r#"{"id": "a", "grants": [], "backchannel_logout_uri": "test.app:/x"}"#, "backchannel_logout_uri"),
            (r#"{"id": "a", "redirect_uris": ["https://a.test/"], "origins": ["http://a.test"]}"#, "an origin is"),
            (r#"{"id": "a", "grants": ["password"]}"#, "needs a client with a secret"),
            (r#"{"id": "a", "grants": [], "user_address_header": "X-User"}"#, "`user_address_header`"),
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
