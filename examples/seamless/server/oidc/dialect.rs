//! The three forms of token requests, responses and errors: the form of OAuth 2.0, and versions 1 and 2 of the form
//! that native clients use. In version 1, a request names the resource in the parameter `resource`, and the numbers in
//! a response are JSON strings. In version 2, a request names the resource in the parameter `scope`.

use super::clients::GrantType;
use super::error::{ErrorCode, OAuthError};
use super::grants::{ACCESS_LIFETIME, Grant};
use super::parameters::Parameters;
use super::scope_of_resource::written;
use crate::guid::Guid;
use crate::native::{self, Code};
use crate::tenants::Tenant;
use kerberos_sso::UnixTime;
use serde_json::{Map, Value, json};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Dialect {
    /// The form of RFC 6749 sections 5.1 and 5.2.
    OAuth,
    Version1,
    Version2,
}

/// The identifiers and the time in an error for a native client.
#[derive(Clone, Copy, Debug)]
pub(super) struct Trace {
    /// The identifier of the request in the log.
    pub(super) request: Guid,
    /// The identifier that the client gave to the request.
    pub(super) correlation: Guid,
    pub(super) now: UnixTime,
}

/// The tokens that an answer contains.
pub(super) struct Tokens {
    pub(super) access: String,
    pub(super) id: Option<String>,
    pub(super) refresh: Option<String>,
}

impl Dialect {
    /// Returns the dialect of a request at version 1 of the token endpoint, which applications and native clients
    /// share. This is [`Self::Version1`] for the grant [`GrantType::Assertion`], for refresh tokens of clients that may
    /// use this grant, and for the path `/common/…`. It is [`Self::OAuth`] for all other requests. `name` is the part
    /// of the path that names the tenant.
    pub(super) fn of(name: &str, tenant: Option<&Tenant>, parameters: &Parameters) -> Self {
        let grant = parameters.get("grant_type");
        let client = tenant.and_then(|tenant| tenant.clients.get(parameters.get("client_id")?));
        let is_native = client.is_some_and(|client| client.may_use(GrantType::Assertion));
        match grant {
            _ if native::is_common(name) => Self::Version1,
            Some(grant) if grant == GrantType::Assertion.as_str() => Self::Version1,
            Some(grant) if grant == GrantType::RefreshToken.as_str() && is_native => Self::Version1,
            _ => Self::OAuth,
        }
    }

    /// Returns the JSON body of an answer with tokens. `is_default` says whether the request asked for all scopes of
    /// the resource.
    pub(super) fn answer(self, grant: &Grant, tokens: Tokens, is_default: bool, now: UnixTime) -> Value {
        let mut answer = match self {
            // For a grant that began in a browser, the answer has only the fields of OAuth 2.0, even if the client may
            // also use the grant of native clients.
            Self::Version1 if grant.stay.is_none() => json!({
                "scope": grant.scopes.to_string(),
                "expires_in": ACCESS_LIFETIME.to_string(),
                "ext_expires_in": ACCESS_LIFETIME.to_string(),
                "expires_on": now.saturating_add_seconds(ACCESS_LIFETIME).seconds().to_string(),
                "not_before": now.seconds().to_string(),
            }),
            Self::Version2 => json!({
                "scope": written(grant, is_default),
                "expires_in": ACCESS_LIFETIME,
                "ext_expires_in": ACCESS_LIFETIME,
            }),
            Self::OAuth | Self::Version1 => json!({
                "scope": grant.scopes.to_string(),
                "expires_in": ACCESS_LIFETIME,
            }),
        };
        if let Some(fields) = answer.as_object_mut() {
            let resource = grant.resource.clone().filter(|_| self != Self::Version2);
            let required = [("token_type", Some("Bearer".to_owned())), ("access_token", Some(tokens.access))];
            let optional = [("id_token", tokens.id), ("refresh_token", tokens.refresh), ("resource", resource)];
            let all = required.into_iter().chain(optional);
            fields.extend(all.filter_map(|(name, value)| Some((name.to_owned(), value?.into()))));
        }
        answer
    }

    /// Returns the JSON body of an error response. For native clients, the body also has an error number, and
    /// identifiers with which an administrator finds the request in the log.
    pub(super) fn error(self, error: &OAuthError, code: Code, trace: Trace) -> Map<String, Value> {
        let mut body = Map::from_iter([("error".to_owned(), error.code.as_str().into())]);
        if self == Self::OAuth {
            body.insert("error_description".into(), error.description.as_ref().into());
            return body;
        }
        let Trace { request, correlation, now } = trace;
        let time = UnixTime::from_seconds(now.seconds()).to_string().replacen('T', " ", 1);
        let text = code.text(Some(&error.description));
        let text = format!("{text}\r\nTrace ID: {request}\r\nCorrelation ID: {correlation}\r\nTimestamp: {time}");
        let fields: [(&str, Value); 6] = [
            ("error_description", text.into()),
            ("error_codes", vec![code.number()].into()),
            ("timestamp", time.into()),
            ("trace_id", request.to_string().into()),
            ("correlation_id", correlation.to_string().into()),
            // The page at this address, by Microsoft, explains the error number.
            ("error_uri", format!("https://login.microsoftonline.com/error?code={}", code.number()).into()),
        ];
        body.extend(fields.map(|(name, value)| (name.to_owned(), value)));
        body
    }
}

/// Returns the `AADSTS` number of an error. The error `invalid_grant` has one number for an assertion, and another
/// number for a code or a refresh token.
pub(super) fn number(error: &OAuthError, grant_type: Option<&str>) -> Code {
    match error.code {
        ErrorCode::InvalidClient => Code::UnknownClient,
        ErrorCode::InvalidGrant if grant_type == Some(GrantType::Assertion.as_str()) => Code::InvalidAssertion,
        ErrorCode::InvalidGrant => Code::InvalidGrant,
        ErrorCode::InvalidScope => Code::InvalidScope,
        ErrorCode::InvalidTarget => Code::UnknownResource,
        ErrorCode::TemporarilyUnavailable => Code::Unavailable,
        ErrorCode::UnauthorizedClient => Code::UnauthorizedClient,
        ErrorCode::UnsupportedGrantType => Code::UnsupportedGrantType,
        _ => Code::InvalidRequest,
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::oidc::FirstFactor;
    use crate::oidc::grants::{Factors, Stay};
    use crate::oidc::scopes::Scopes;
    use crate::oidc::user::tests::user;

    const NOW: UnixTime = UnixTime::from_seconds(1_795_248_000);

    fn grant(stay: Option<Stay>) -> Grant {
        Grant {
            tenant: "contoso.test".into(),
            client_id: "native".into(),
            user: user(),
            scopes: Scopes::parse("openid profile api.read").unwrap(),
            resource: Some("https://api.contoso.test".into()),
            nonce: None,
            authenticated: 0,
            factors: Factors { first: FirstFactor::Ticket, one_time_code: false },
            stay,
            app_password: None,
        }
    }

    fn answer(dialect: Dialect, stay: Option<Stay>) -> Value {
        let tokens = Tokens { access: "ACCESS".into(), id: Some("ID".into()), refresh: Some("REFRESH".into()) };
        dialect.answer(&grant(stay), tokens, true, NOW)
    }

    fn golden(text: &str) -> Value {
        serde_json::from_str(text).unwrap()
    }

    #[test]
    fn answers_equal_the_golden_files() {
        assert_eq!(answer(Dialect::Version1, None), golden(include_str!("golden/token-1.json")));
        assert_eq!(answer(Dialect::Version2, None), golden(include_str!("golden/token-2.json")));
        assert_eq!(answer(Dialect::OAuth, None), golden(include_str!("golden/token-oauth.json")));
        let stay = Some(Stay { name: [7; 16], end: 1 });
        assert_eq!(answer(Dialect::Version1, stay), answer(Dialect::OAuth, None), "a grant of a browser");
    }

    #[test]
    fn errors_equal_the_golden_files() {
        let error = ErrorCode::InvalidGrant.because("the assertion was used before");
        let code = number(&error, Some(GrantType::Assertion.as_str()));
        let trace = Trace { request: Guid::from_bits(1), correlation: Guid::from_bits(2), now: NOW };
        let native = golden(include_str!("golden/error.json"));
        for dialect in [Dialect::Version1, Dialect::Version2] {
            assert_eq!(Value::from(dialect.error(&error, code, trace)), native);
        }
        let plain = golden(include_str!("golden/error-oauth.json"));
        assert_eq!(Value::from(Dialect::OAuth.error(&error, code, trace)), plain);
    }
}
