//! The authorization request (OpenID Connect Core 1.0 section 3.1.2.1), with which an application sends a user to this
//! server.

use super::clients::{Clients, GrantType, RegisteredClient};
use super::error::{ErrorCode, OAuthError};
use super::parameters::Parameters;
use super::scopes::Scopes;
use crate::user_name::UserName;
use serde::{Deserialize, Serialize};

/// An authorization request of a registered client, after all checks of its parameters.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct AuthorizationRequest {
    pub(crate) client_id: String,
    pub(crate) reply: Reply,
    pub(crate) scopes: Scopes,
    /// The API for which the client wants an access token (RFC 8707).
    pub(crate) resource: Option<String>,
    pub(crate) nonce: Option<String>,
    /// The challenge of PKCE (RFC 7636). Its method is always S256.
    pub(crate) challenge: Option<String>,
    pub(crate) prompt: Prompt,
    /// The largest age of the user's sign-in, in seconds.
    pub(crate) max_age: Option<u32>,
    pub(crate) login_hint: Option<String>,
    /// The subject of `id_token_hint`.
    pub(crate) hinted_subject: Option<String>,
    /// Whether the client prefers a sign-in with two factors.
    pub(crate) prefers_proof: bool,
}

/// How the server answers the client. The server knows this before it has read the rest of the request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Reply {
    pub(crate) redirect_uri: String,
    pub(crate) mode: ResponseMode,
    pub(crate) state: Option<String>,
}

/// The way in which the browser carries the response to the client (OAuth 2.0 Multiple Response Type Encoding
/// Practices, and Form Post Response Mode).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum ResponseMode {
    #[default]
    Query,
    FormPost,
}

/// The page that the client wants the user to see (`prompt`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Prompt {
    /// The server decides.
    #[default]
    Default,
    /// The user sees no page.
    None,
    /// The user signs in again.
    Login,
    /// The user chooses an account.
    SelectAccount,
}

/// The reason to refuse an authorization request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Refused {
    /// The client or its redirect URI is not registered. The user sees an error page, and the server sends the user to
    /// no client.
    Page(OAuthError),
    /// The server sends the error to the client.
    Client(Reply, OAuthError),
}

impl AuthorizationRequest {
    /// Reads the parameters of a request.
    ///
    /// # Errors
    /// Returns the error, and whether the client may learn it.
    pub(crate) fn parse(parameters: &Parameters, clients: &Clients) -> Result<Self, Refused> {
        Self::of_client(parameters, client(parameters, clients).map_err(Refused::Page)?)
    }

    /// Reads the parameters of a request of this client.
    ///
    /// # Errors
    /// Returns the error, and whether the client may learn it.
    pub(crate) fn of_client(parameters: &Parameters, client: &RegisteredClient) -> Result<Self, Refused> {
        let redirect_uri = redirect_uri(parameters, client).map_err(Refused::Page)?;
        let reply = Reply {
            redirect_uri: redirect_uri.into(),
            mode: ResponseMode::default(),
            state: parameters.get("state").filter(|_| parameters.is_single("state")).map(Into::into),
        };
        let mode = match parameters.get("response_mode") {
            None | Some("query") => ResponseMode::Query,
            Some("form_post") => ResponseMode::FormPost,
            Some(_) => {
                let error = ErrorCode::InvalidRequest.because("response_mode must be query or form_post");
                return Err(Refused::Client(reply, error));
            }
        };
        let reply = Reply { mode, ..reply };
        Self::rest(parameters, client, reply.clone()).map_err(|error| Refused::Client(reply, error))
    }

    fn rest(parameters: &Parameters, client: &RegisteredClient, reply: Reply) -> Result<Self, OAuthError> {
        parameters.check()?;
        check_supported(parameters)?;
        if !client.may_use(GrantType::AuthorizationCode) {
            return Err(ErrorCode::UnauthorizedClient.because("the client is not registered for authorization codes"));
        }
        Ok(Self {
            client_id: client.id.clone(),
            scopes: scopes(parameters, client)?,
            resource: client.resource(parameters.get("resource"))?,
            nonce: parameters.get("nonce").map(Into::into),
            challenge: challenge(parameters, client)?,
            prompt: prompt(parameters.get("prompt"))?,
            max_age: parameters.number("max_age")?,
            login_hint: parameters.get("login_hint").filter(|hint| UserName::parse(hint).is_some()).map(Into::into),
            hinted_subject: None,
            prefers_proof: parameters.get("acr_values").is_some_and(prefers_proof),
            reply,
        })
    }
}

fn client<'c>(parameters: &Parameters, clients: &'c Clients) -> Result<&'c RegisteredClient, OAuthError> {
    let id = parameters.required("client_id")?;
    let client = clients.get(id).filter(|_| parameters.is_single("client_id"));
    client.ok_or_else(|| ErrorCode::InvalidClient.because("the application is not registered here"))
}

fn redirect_uri<'p>(parameters: &'p Parameters, client: &RegisteredClient) -> Result<&'p str, OAuthError> {
    let uri = parameters.required("redirect_uri")?;
    if client.has_redirect_uri(uri) && parameters.is_single("redirect_uri") {
        Ok(uri)
    } else {
        Err(ErrorCode::InvalidRequest.because("the redirect_uri is not registered for this application"))
    }
}

/// Refuses the parameters of OpenID Connect Core 1.0 sections 6 and 7.2.1, and every flow other than the code flow.
fn check_supported(parameters: &Parameters) -> Result<(), OAuthError> {
    for (name, code) in [
        ("request", ErrorCode::RequestNotSupported),
        ("request_uri", ErrorCode::RequestUriNotSupported),
        ("registration", ErrorCode::RegistrationNotSupported),
    ] {
        if parameters.get(name).is_some() {
            return Err(code.because(format!("the parameter {name} is not supported")));
        }
    }
    match parameters.required("response_type")? {
        "code" => Ok(()),
        _ => Err(ErrorCode::UnsupportedResponseType.because("response_type must be code")),
    }
}

fn scopes(parameters: &Parameters, client: &RegisteredClient) -> Result<Scopes, OAuthError> {
    let scopes = client.scopes(parameters.get("scope").unwrap_or_default())?;
    if scopes.is_empty() { Err(ErrorCode::InvalidScope.because("the parameter scope is missing")) } else { Ok(scopes) }
}

/// Returns the challenge of PKCE. A public client must send a challenge (RFC 9700 section 2.1.1).
fn challenge(parameters: &Parameters, client: &RegisteredClient) -> Result<Option<String>, OAuthError> {
    let refused = |reason| Err(ErrorCode::InvalidRequest.because(reason));
    match (parameters.get("code_challenge"), parameters.get("code_challenge_method")) {
        (Some(challenge), Some("S256")) if is_challenge(challenge) => Ok(Some(challenge.into())),
        (Some(_), Some("S256")) => refused("code_challenge is not the base64url form of a SHA-256 digest"),
        (Some(_), _) | (None, Some(_)) => refused("send a code_challenge together with code_challenge_method=S256"),
        (None, None) if client.is_public() => refused("a client without a secret must send a code_challenge"),
        (None, None) => Ok(None),
    }
}

fn is_challenge(text: &str) -> bool {
    text.len() == 43 && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
}

/// Reads `prompt`. The users of a registered client need not consent, so `consent` has no effect.
fn prompt(text: Option<&str>) -> Result<Prompt, OAuthError> {
    let values: Vec<&str> = text.unwrap_or_default().split(' ').filter(|value| !value.is_empty()).collect();
    if let Some(unknown) = values.iter().find(|value| !PROMPTS.contains(value)) {
        return Err(ErrorCode::InvalidRequest.because(format!("prompt={unknown} is unknown")));
    }
    match values.as_slice() {
        ["none"] => Ok(Prompt::None),
        values if values.contains(&"none") => {
            Err(ErrorCode::InvalidRequest.because("prompt=none excludes every other value"))
        }
        values if values.contains(&"login") => Ok(Prompt::Login),
        values if values.contains(&"select_account") => Ok(Prompt::SelectAccount),
        _ => Ok(Prompt::Default),
    }
}

/// Returns whether the first value of `acr_values` that this server knows is [`ACR_MULTI`].
fn prefers_proof(values: &str) -> bool {
    values.split(' ').find(|value| ACR_VALUES.contains(value)) == Some(ACR_MULTI)
}

const PROMPTS: [&str; 4] = ["none", "login", "consent", "select_account"];

/// The `acr` of a sign-in by a ticket or a password alone.
pub(crate) const ACR_SINGLE: &str = "urn:kerberos-sso:acr:single";

/// The `acr` of a sign-in by a ticket or a password, followed by a one-time code.
pub(crate) const ACR_MULTI: &str = "urn:kerberos-sso:acr:multi";

pub(crate) const ACR_VALUES: [&str; 2] = [ACR_SINGLE, ACR_MULTI];

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::panic)]
mod tests {
    use super::*;

    const CLIENTS: &str = r#"[
        {"id": "public", "redirect_uris": ["https://app.test/c?x=1"], "scopes": ["openid", "profile"]},
        {"id": "secret", "redirect_uris": ["https://app.test/c"], "resources": ["urn:api"],
         "secret_sha256": "2bb80d537b1da3e38bd30361aa855686bde0eacd7162fef6a25fe97bf527a25b"},
        {"id": "machine", "redirect_uris": ["https://app.test/c"], "grants": ["refresh_token"]}
    ]"#;

    const SECRET: &str = "client_id=secret&redirect_uri=https://app.test/c&response_type=code&scope=openid&state=s";
    const CHALLENGE: &str = "code_challenge=E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM&code_challenge_method=S256";

    fn parse(query: &str) -> Result<AuthorizationRequest, Refused> {
        let clients = Clients::new(serde_json::from_str(CLIENTS).unwrap()).unwrap();
        AuthorizationRequest::parse(&Parameters::parse(query.as_bytes()), &clients)
    }

    /// Returns the code of an error that the client gets.
    fn refused(more: &str) -> Option<ErrorCode> {
        match parse(&format!("{SECRET}&{more}")) {
            Err(Refused::Client(reply, error)) => {
                assert_eq!((reply.redirect_uri.as_str(), reply.state.as_deref()), ("https://app.test/c", Some("s")));
                Some(error.code)
            }
            Err(Refused::Page(error)) => panic!("{more}: {error}"),
            Ok(_) => None,
        }
    }

    #[test]
    fn request_of_a_public_client_with_pkce_is_read() {
        let query = format!(
            "client_id=public&redirect_uri=https%3A%2F%2Fapp.test%2Fc%3Fx%3D1&response_type=code&scope=profile+openid&\
             nonce=n&max_age=60&login_hint=alice%40contoso.test&prompt=login+consent&response_mode=form_post&{CHALLENGE}&\
             acr_values=x+urn:kerberos-sso:acr:multi+urn:kerberos-sso:acr:single&unknown=1&state="
        );
        let request = parse(&query).unwrap();
        assert_eq!(request.reply.redirect_uri, "https://app.test/c?x=1");
        assert_eq!((request.reply.mode, request.reply.state), (ResponseMode::FormPost, None));
        assert_eq!((request.scopes.to_string().as_str(), request.nonce.as_deref()), ("openid profile", Some("n")));
        assert_eq!((request.prompt, request.max_age, request.prefers_proof), (Prompt::Login, Some(60), true));
        assert_eq!(request.login_hint.as_deref(), Some("alice@contoso.test"));
    }

    #[test]
    fn unknown_client_or_redirect_uri_leads_to_an_error_page() {
        for query in [
            "",
            "client_id=unknown&redirect_uri=https://app.test/c",
            "client_id=secret&redirect_uri=https://app.test/C",
            "client_id=secret",
            "client_id=secret&client_id=secret&redirect_uri=https://app.test/c",
            "client_id=secret&redirect_uri=https://app.test/c&redirect_uri=https://app.test/c",
        ] {
            assert!(matches!(parse(query), Err(Refused::Page(_))), "{query}");
        }
    }

    #[test]
    fn client_gets_the_error_code_for_each_fault_of_a_request() {
        use ErrorCode::*;
        for (more, code) in [
            ("", None),
            ("nonce=a&nonce=b", Some(InvalidRequest)),
            ("response_mode=fragment", Some(InvalidRequest)),
            ("request=x", Some(RequestNotSupported)),
            ("request_uri=https://app.test/r", Some(RequestUriNotSupported)),
            ("registration=x", Some(RegistrationNotSupported)),
            ("resource=urn:api", None),
            ("resource=urn:other", Some(InvalidTarget)),
            (CHALLENGE, None),
            ("code_challenge=E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM", Some(InvalidRequest)),
            ("code_challenge=x&code_challenge_method=plain", Some(InvalidRequest)),
            ("code_challenge=x&code_challenge_method=S256", Some(InvalidRequest)),
            ("code_challenge_method=S256", Some(InvalidRequest)),
            ("prompt=none", None),
            ("prompt=none+login", Some(InvalidRequest)),
            ("prompt=create", Some(InvalidRequest)),
            ("max_age=x", Some(InvalidRequest)),
            ("login_hint=%00", None),
        ] {
            assert_eq!(refused(more), code, "{more}");
        }
        let of = |query: &str| match parse(query) {
            Err(Refused::Client(_, error)) => error.code,
            other => panic!("{query}: {other:?}"),
        };
        assert_eq!(of(&SECRET.replace("response_type=code", "response_type=token")), UnsupportedResponseType);
        assert_eq!(of(&SECRET.replace("response_type=code", "")), InvalidRequest);
        assert_eq!(of(&SECRET.replace("scope=openid", "")), InvalidScope);
        assert_eq!(of(&SECRET.replace("scope=openid", "scope=groups")), InvalidScope);
        assert_eq!(of(&SECRET.replace("client_id=secret", "client_id=machine")), UnauthorizedClient);
        let without_pkce = "client_id=public&redirect_uri=https://app.test/c?x=1&response_type=code&scope=openid";
        assert_eq!(of(without_pkce), InvalidRequest);
    }
}
