//! The authentication of a client at the endpoints `token`, `par`, `introspect` and `revoke`. A client sends its secret
//! (RFC 6749 section 2.3) or an assertion that it signs. A public client sends only its id.

use super::client_assertion;
use super::clients::RegisteredClient;
use super::error::{ErrorCode, OAuthError};
use super::parameters::Parameters;
use super::token::Refusal;
use crate::app::App;
use crate::store::Use;
use crate::tenants::Tenant;
use axum::http::HeaderMap;
use axum::http::header::AUTHORIZATION;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use kerberos_sso::UnixTime;
use zeroize::Zeroizing;

/// The methods of OpenID Connect Core 1.0 section 9 with which this server authenticates clients.
pub(super) const METHODS: [&str; 3] = ["client_secret_basic", "client_secret_post", "private_key_jwt"];

/// The credential with which a client proves its identity in a request.
enum Proof<'r> {
    Nothing,
    Secret(Zeroizing<String>),
    Assertion(&'r str),
}

/// Returns the client of a request, if the request authenticates the client.
///
/// # Errors
/// Returns `invalid_client` if the client is unknown or not authenticated, and `invalid_request` if the request has two
/// kinds of proof. Returns an error of the server if the store cannot be asked.
pub(super) async fn authenticate<'t>(
    app: &App,
    tenant: &'t Tenant,
    headers: &HeaderMap,
    parameters: &Parameters,
    now: UnixTime,
) -> Result<&'t RegisteredClient, Refusal> {
    let (id, proof) = read(headers, parameters)?;
    let wrong = || ErrorCode::InvalidClient.because("the client is unknown, or its secret is wrong");
    let client = tenant.clients.get(&id).ok_or_else(wrong)?;
    let text = match proof {
        Proof::Nothing if client.is_public() => return Ok(client),
        Proof::Secret(secret) if client.has_secret(&secret) => return Ok(client),
        Proof::Nothing | Proof::Secret(_) => return Err(wrong().into()),
        Proof::Assertion(text) => text,
    };
    let refused = |reason: &'static str| ErrorCode::InvalidClient.because(reason);
    let assertion = client_assertion::verify(client, text, &app.issuer(tenant), now).map_err(refused)?;
    match app.client_assertions.take(&tenant.name, &assertion, now).await? {
        Use::First => Ok(client),
        Use::Again => Err(refused("the client assertion was used before").into()),
        Use::Full => {
            let reason = "the clients of this tenant have used too many assertions; try again in some minutes";
            Err(ErrorCode::TemporarilyUnavailable.because(reason).into())
        }
    }
}

/// Returns the id of the client and its proof, from the header `Authorization` or from the form.
fn read<'r>(headers: &HeaderMap, parameters: &'r Parameters) -> Result<(String, Proof<'r>), OAuthError> {
    let secret = parameters.get("client_secret").map(|secret| Zeroizing::new(secret.to_owned()));
    let assertion = assertion(parameters)?;
    let in_header = headers.get(AUTHORIZATION);
    if [in_header.is_some(), secret.is_some(), assertion.is_some()].into_iter().filter(|is_there| *is_there).count() > 1
    {
        return Err(ErrorCode::InvalidRequest.because("the request authenticates the client in two ways"));
    }
    let (id, proof) = match (in_header, assertion, secret) {
        (Some(value), ..) => {
            let malformed = || ErrorCode::InvalidClient.because("the header Authorization is not of the scheme Basic");
            let (id, secret) = value.to_str().ok().and_then(basic).ok_or_else(malformed)?;
            (id, Proof::Secret(secret))
        }
        (_, Some(text), _) => {
            let unnamed = || ErrorCode::InvalidClient.because("the client assertion names no client");
            (client_assertion::named_client(text).ok_or_else(unnamed)?, Proof::Assertion(text))
        }
        (.., Some(secret)) => (parameters.required("client_id")?.into(), Proof::Secret(secret)),
        _ => (parameters.required("client_id")?.into(), Proof::Nothing),
    };
    if parameters.get("client_id").is_some_and(|other| other != id) {
        return Err(ErrorCode::InvalidRequest.because("the request names two clients"));
    }
    Ok((id, proof))
}

/// Returns the assertion of a request (RFC 7521 section 4.2).
fn assertion(parameters: &Parameters) -> Result<Option<&str>, OAuthError> {
    match (parameters.get("client_assertion"), parameters.get("client_assertion_type")) {
        (None, None) => Ok(None),
        (Some(text), Some(client_assertion::TYPE)) => Ok(Some(text)),
        (Some(_), Some(_)) => Err(ErrorCode::InvalidClient.because("the client_assertion_type is unknown")),
        _ => Err(ErrorCode::InvalidRequest.because("client_assertion and client_assertion_type belong together")),
    }
}

/// Reads the client's id and secret from a header `Authorization` of the scheme Basic. In this header, OAuth encodes
/// the id and the secret as in a form (RFC 6749 section 2.3.1).
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

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::panic)]
mod tests {
    use super::*;
    use crate::clock;
    use crate::oidc::client_assertion::tests::KEYS;
    use serde_json::json;

    const SECRET: &str = "2bb80d537b1da3e38bd30361aa855686bde0eacd7162fef6a25fe97bf527a25b";

    async fn app() -> App {
        let mut app = App::for_tests(None).await;
        let uris = json!(["https://app.test/c"]);
        let clients = [
            json!({ "id": "public", "redirect_uris": uris }),
            json!({ "id": "a:b", "redirect_uris": uris, "secret_sha256": SECRET }),
            json!({ "id": "signing", "redirect_uris": uris, "jwks": KEYS.public }),
        ];
        let clients = clients.map(|client| client.to_string());
        app.tenants.register_all(&clients.each_ref().map(String::as_str));
        app
    }

    async fn authenticated(app: &App, authorization: Option<&str>, form: &str) -> Result<String, ErrorCode> {
        let headers = authorization.map(|value| (AUTHORIZATION, value.parse().unwrap())).into_iter().collect();
        let (tenant, parameters) = (app.tenants.test_tenant().unwrap(), Parameters::parse(form.as_bytes()));
        match authenticate(app, &tenant, &headers, &parameters, clock::now()).await {
            Ok(client) => Ok(client.id.clone()),
            Err(Refusal::Client(error)) => Err(error.code),
            Err(other) => panic!("{other:?}"),
        }
    }

    fn of_basic(text: &str) -> String {
        format!("Basic {}", STANDARD.encode(text))
    }

    /// Returns the form with a new assertion for the test realm.
    fn asserting(client: &str) -> String {
        let now = clock::now().seconds();
        let claims = json!({
            "iss": client, "sub": client, "aud": "http://sso.test/contoso.test", "exp": now.saturating_add(60), "iat": now,
            "jti": STANDARD.encode(clock::random::<16>()),
        });
        let text = KEYS.sign(&json!({ "alg": "ES256" }), &claims);
        let fields = [("client_assertion_type", client_assertion::TYPE), ("client_assertion", &text)];
        form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish()
    }

    #[tokio::test]
    async fn client_is_authenticated_by_its_secret_in_the_header_or_in_the_form() {
        let app = app().await;
        assert_eq!(authenticated(&app, Some(&of_basic("a%3Ab:secret")), "").await, Ok("a:b".into()));
        assert_eq!(authenticated(&app, None, "client_id=a%3Ab&client_secret=secret").await, Ok("a:b".into()));
        assert_eq!(authenticated(&app, None, "client_id=public").await, Ok("public".into()));
        for (header, form) in [
            (Some(of_basic("a%3Ab:wrong")), ""),
            (Some(of_basic("a%3Ab:")), ""),
            (Some(of_basic("unknown:secret")), ""),
            (Some("Bearer x".into()), "client_id=public"),
            (None, "client_id=a%3Ab"),
            (None, "client_id=a%3Ab&client_secret=wrong"),
            (None, "client_id=public&client_secret=secret"),
            (None, "client_id=signing"),
            (None, "client_id=signing&client_secret=secret"),
        ] {
            let found = authenticated(&app, header.as_deref(), form).await;
            assert_eq!(found, Err(ErrorCode::InvalidClient), "{header:?} {form}");
        }
        for form in ["client_id=a%3Ab&client_secret=secret", "client_id=public"] {
            let found = authenticated(&app, Some(&of_basic("a%3Ab:secret")), form).await;
            assert_eq!(found, Err(ErrorCode::InvalidRequest), "{form}");
        }
    }

    #[tokio::test]
    async fn client_is_authenticated_by_its_assertion_once() {
        let app = app().await;
        for named in ["", "&client_id=signing"] {
            let form = format!("{}{named}", asserting("signing"));
            assert_eq!(authenticated(&app, None, &form).await, Ok("signing".into()));
            assert_eq!(authenticated(&app, None, &form).await, Err(ErrorCode::InvalidClient), "a second use");
        }
    }

    #[tokio::test]
    async fn assertion_with_a_second_proof_or_of_another_client_is_refused() {
        let app = app().await;
        let kind = format!("client_assertion_type={}", client_assertion::TYPE);
        for (header, form, code) in [
            (Some(of_basic("a%3Ab:secret")), asserting("signing"), ErrorCode::InvalidRequest),
            (
                None,
                format!("{}&client_id=signing&client_secret=secret", asserting("signing")),
                ErrorCode::InvalidRequest,
            ),
            (None, format!("{}&client_id=public", asserting("signing")), ErrorCode::InvalidRequest),
            (None, asserting("public"), ErrorCode::InvalidClient),
            (None, asserting("a:b"), ErrorCode::InvalidClient),
            (None, asserting("unknown"), ErrorCode::InvalidClient),
            (None, format!("{kind}&client_id=signing"), ErrorCode::InvalidRequest),
            (None, "client_assertion=x&client_id=signing".into(), ErrorCode::InvalidRequest),
            (None, format!("{kind}&client_assertion=x"), ErrorCode::InvalidClient),
            (None, asserting("signing").replace("jwt-bearer", "saml2-bearer"), ErrorCode::InvalidClient),
        ] {
            assert_eq!(authenticated(&app, header.as_deref(), &form).await, Err(code), "{header:?} {form}");
        }
    }
}
