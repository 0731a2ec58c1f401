//! The scopes of version 2: a scope of an API begins with the API's resource, as in `https://api.contoso.test/read`. The scope
//! `https://api.contoso.test/.default` means all scopes of this API that the client is registered for.

use super::clients::{Clients, RegisteredClient};
use super::error::{ErrorCode, OAuthError};
use super::grants::Grant;
use super::parameters::Parameters;
use super::scopes::{self, Scopes};

/// The scopes and the resource for which the parameter `scope` of a request asks.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Asked {
    pub(super) resource: Option<String>,
    pub(super) scopes: Scopes,
    /// Whether the request asks for all scopes of the resource.
    pub(super) is_default: bool,
}

impl Asked {
    /// Reads the scopes of a request. Clients of version 2 always ask for the scopes of OpenID Connect, so this
    /// function drops those that the client is not registered for (RFC 6749 section 3.3). The token response tells the
    /// client which scopes the token has.
    ///
    /// # Errors
    /// Returns `invalid_target` for a resource that the client is not registered for. Returns `invalid_scope` for a
    /// scope that the client is not registered for, and for scopes of two resources.
    pub(super) fn read(client: &RegisteredClient, text: &str) -> Result<Self, OAuthError> {
        let scopes = Scopes::parse(text);
        let scopes = scopes.ok_or_else(|| ErrorCode::InvalidScope.because("the scope has a forbidden character"))?;
        let (mut resource, mut asked, mut is_default) = (None, Vec::new(), false);
        for scope in scopes.iter() {
            if scopes::is_of_openid(scope) {
                asked.extend(client.has_scope(scope).then(|| scope.to_owned()));
                continue;
            }
            let (of, name) = parts(client, scope)?;
            if let Some(of) = of {
                match &resource {
                    Some(other) if other != of => {
                        return Err(ErrorCode::InvalidScope.because("the scope names more than one resource"));
                    }
                    _ => resource = Some(of.to_owned()),
                }
            }
            match name {
                DEFAULT => {
                    is_default = true;
                    asked.extend(client.api_scopes().map(Into::into));
                }
                name if client.has_scope(name) => asked.push(name.into()),
                name => {
                    let fault = format!("the client is not registered for the scope {name}");
                    return Err(ErrorCode::InvalidScope.because(fault));
                }
            }
        }
        Ok(Self { resource, scopes: asked.into_iter().collect(), is_default })
    }
}

/// Converts the parameters of a request of version 2 to version 1: the resource is in `resource`, and `scope` has the
/// scopes of this resource. Does not convert a request with a scope that the client is not registered for, so the later
/// check refuses this scope.
pub(super) fn as_version1(parameters: Parameters, clients: &Clients) -> Parameters {
    let client = parameters.get("client_id").and_then(|id| clients.get(id));
    let asked = client.and_then(|client| Asked::read(client, parameters.get("scope")?).ok());
    match asked {
        Some(Asked { resource, scopes, .. }) => {
            parameters.with("scope", Some(scopes.to_string())).with("resource", resource)
        }
        None => parameters.with("resource", None),
    }
}

/// Splits a scope of version 2 into the resource and the scope of this resource.
fn parts<'s>(client: &RegisteredClient, scope: &'s str) -> Result<(Option<&'s str>, &'s str), OAuthError> {
    match scope.rsplit_once('/') {
        _ if client.has_scope(scope) => Ok((None, scope)),
        None => Ok((None, scope)),
        Some((resource, name)) => client.resource(Some(resource)).map(|_| (Some(resource), name)),
    }
}

/// Returns the scopes of a grant as version 2 writes them: each scope of an API begins with the resource.
pub(super) fn written(grant: &Grant, is_default: bool) -> String {
    let default = is_default.then_some(DEFAULT);
    let scopes = grant.scopes.iter().chain(default).map(|scope| match &grant.resource {
        Some(resource) if !scopes::is_of_openid(scope) => format!("{resource}/{scope}"),
        _ => scope.to_owned(),
    });
    scopes.collect::<Vec<_>>().join(" ")
}

const DEFAULT: &str = ".default";

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn client() -> RegisteredClient {
        let json = r#"{"id": "a", "grants": [], "scopes": ["openid", "profile", "read", "write"],
            "resources": ["https://api.test", "https://api.test/", "urn:api"]}"#;
        serde_json::from_str(json).unwrap()
    }

    fn read(text: &str) -> Result<(Option<String>, String, bool), ErrorCode> {
        let asked = Asked::read(&client(), text).map_err(|error| error.code)?;
        Ok((asked.resource, asked.scopes.to_string(), asked.is_default))
    }

    #[test]
    fn scope_parameter_of_version_2_is_split_into_the_resource_and_its_scopes() {
        for (text, resource, scopes, is_default) in [
            (
                "https://api.test/read openid profile offline_access",
                Some("https://api.test"),
                "openid profile read",
                false,
            ),
            ("https://api.test/.default", Some("https://api.test"), "read write", true),
            ("https://api.test//.default", Some("https://api.test/"), "read write", true),
            ("urn:api/write urn:api/read", Some("urn:api"), "read write", false),
            ("read", None, "read", false),
            ("openid offline_access", None, "openid", false),
            ("", None, "", false),
        ] {
            assert_eq!(read(text), Ok((resource.map(Into::into), scopes.into(), is_default)), "{text}");
        }
    }

    #[test]
    fn authorization_request_of_version_2_is_converted_to_the_parameters_resource_and_scope() {
        let clients = Clients::new(vec![client()]).unwrap();
        let of = |query: &str| {
            let parameters = as_version1(Parameters::parse(query.as_bytes()), &clients);
            let get = |name| parameters.get(name).map(str::to_owned);
            (get("scope"), get("resource"))
        };
        for (query, scope, resource) in [
            ("client_id=a&scope=urn:api/read+openid&resource=x", Some("openid read"), Some("urn:api")),
            ("client_id=a&scope=openid+offline_access&resource=urn:api", Some("openid"), None),
            ("client_id=a&scope=urn:other/read", Some("urn:other/read"), None),
            ("client_id=b&scope=urn:api/read", Some("urn:api/read"), None),
            ("client_id=a", None, None),
        ] {
            assert_eq!(of(query), (scope.map(Into::into), resource.map(Into::into)), "{query}");
        }
    }

    #[test]
    fn scope_is_refused_if_it_is_unknown_or_of_an_unknown_resource_or_if_two_resources_are_named() {
        for (text, code) in [
            ("https://other.test/.default", ErrorCode::InvalidTarget),
            ("https://api.test/delete", ErrorCode::InvalidScope),
            ("delete", ErrorCode::InvalidScope),
            ("urn:api/read https://api.test/read", ErrorCode::InvalidScope),
            ("urn:api/\"", ErrorCode::InvalidScope),
        ] {
            assert_eq!(read(text), Err(code), "{text}");
        }
    }
}
