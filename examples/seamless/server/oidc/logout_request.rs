//! The sign-out that an application asks for (OpenID Connect RP-Initiated Logout 1.0 section 2).
//!
//! The address of the sign-out page contains the checked request, encrypted with the server's secret. So the page and
//! its form need no ID token. A request is not bound to a browser, because an application may send any browser to this
//! server. If the request does not name the user of
//! the session, the page asks the user before the session ends.

use super::answer::with_query;
use super::clients::{Clients, RegisteredClient};
use super::error::{ErrorCode, OAuthError};
use super::parameters::Parameters;
use crate::store::{Kind, Records, open_text, seal_text};
use kerberos_sso::UnixTime;
use serde::{Deserialize, Serialize};

/// A sign-out request, after all checks of its parameters.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct LogoutRequest {
    tenant: String,
    /// The time of the request, in seconds since 1970.
    began: i64,
    /// The client that the ID token or the parameter `client_id` names.
    client_id: Option<String>,
    /// The subject of the ID token.
    pub(crate) subject: Option<String>,
    /// The address to which the server sends the browser after the sign-out, with the client's `state`.
    back: Option<Back>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Back {
    post_logout_redirect_uri: String,
    state: Option<String>,
}

/// The claims of `id_token_hint`. This server signed the token, which may have expired.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub(crate) struct Hint {
    aud: String,
    sub: String,
}

impl LogoutRequest {
    /// Reads the parameters of a request.
    ///
    /// # Errors
    /// Returns the error for the page. The server then sends the browser to no client, and the session goes on.
    pub(crate) fn parse(
        parameters: &Parameters,
        hint: Option<Hint>,
        (tenant, clients): (&str, &Clients),
        now: UnixTime,
    ) -> Result<Self, OAuthError> {
        parameters.check()?;
        let asked = parameters.get("client_id");
        let named = hint.as_ref().map(|hint| hint.aud.as_str());
        if let (Some(asked), Some(named)) = (asked, named)
            && asked != named
        {
            return Err(ErrorCode::InvalidRequest.because("id_token_hint is an ID token of another client"));
        }
        let client = match asked.or(named) {
            Some(id) => {
                let unknown = || ErrorCode::InvalidClient.because("the application is not registered here");
                Some(clients.get(id).ok_or_else(unknown)?)
            }
            None => None,
        };
        let back = parameters
            .get("post_logout_redirect_uri")
            .map(|uri| Back { post_logout_redirect_uri: uri.into(), state: parameters.get("state").map(Into::into) });
        if !back.as_ref().is_none_or(|back| client.is_some_and(|client| back.is_registered(client))) {
            let text =
                "the post_logout_redirect_uri is not registered for the client that id_token_hint or client_id names";
            return Err(ErrorCode::InvalidRequest.because(text));
        }
        Ok(Self {
            tenant: tenant.into(),
            began: now.seconds(),
            client_id: client.map(|client| client.id.clone()),
            subject: hint.map(|hint| hint.sub),
            back,
        })
    }

    /// Returns the client that the request names, if the tenant has this client.
    pub(crate) fn client<'c>(&self, clients: &'c Clients) -> Option<&'c RegisteredClient> {
        self.client_id.as_deref().and_then(|id| clients.get(id))
    }

    /// Returns the address to which the server sends the browser after the sign-out, if the client registered it.
    pub(crate) fn target(&self, clients: &Clients) -> Option<String> {
        let client = self.client(clients)?;
        let back = self.back.as_ref().filter(|back| back.is_registered(client))?;
        let uri = &back.post_logout_redirect_uri;
        Some(back.state.as_deref().map_or_else(|| uri.clone(), |state| with_query(uri, &[("state", state)])))
    }

    /// Returns the encrypted text form of the request, for the address of the page. Returns `None` if the request is
    /// too long.
    pub(crate) fn seal(&self, records: &Records) -> Option<String> {
        seal_text(records.secret(), Kind::Logout, self).filter(|text| text.len() <= MAX_SEALED)
    }

    /// Reads the encrypted text form of a request. The request must belong to this tenant, and must have begun in the
    /// last hour.
    pub(crate) fn open(records: &Records, sealed: &str, tenant: &str, now: UnixTime) -> Option<Self> {
        let sealed = Some(sealed).filter(|text| text.len() <= MAX_SEALED)?;
        let request: Self = open_text(records.secret(), Kind::Logout, sealed)?;
        let age = now.seconds_since(UnixTime::from_seconds(request.began));
        (request.tenant == tenant && (-MAX_AGE..MAX_AGE).contains(&age)).then_some(request)
    }
}

impl Back {
    fn is_registered(&self, client: &RegisteredClient) -> bool {
        client.has_post_logout_redirect_uri(&self.post_logout_redirect_uri)
    }
}

/// The longest time from a request to its answer, in seconds.
const MAX_AGE: i64 = 60 * 60;

/// The longest text form, in octets. Proxies accept addresses of 8 KiB.
const MAX_SEALED: usize = 7 * 1024;

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    const NOW: UnixTime = UnixTime::from_seconds(1_795_248_000);
    const URI: &str = "post_logout_redirect_uri=https://app.test/bye%3Fx%3D1";

    fn clients() -> Clients {
        let json = r#"[
            {"id": "app", "redirect_uris": ["https://app.test/c"], "post_logout_redirect_uris": ["https://app.test/bye?x=1"]},
            {"id": "other", "redirect_uris": ["https://other.test/c"], "post_logout_redirect_uris": ["https://other.test/"]}
        ]"#;
        Clients::new(serde_json::from_str(json).unwrap()).unwrap()
    }

    fn parse(query: &str, hinted_client: Option<&str>) -> Result<LogoutRequest, OAuthError> {
        let hint = hinted_client.map(|id| Hint { aud: id.into(), sub: "s".into() });
        LogoutRequest::parse(&Parameters::parse(query.as_bytes()), hint, ("a.test", &clients()), NOW)
    }

    #[test]
    fn browser_goes_to_the_registered_uri_of_the_client_that_the_hint_or_client_id_names() {
        let target = |query: &str, hinted| parse(query, hinted).unwrap().target(&clients());
        let with_state = format!("{URI}&state=a+b");
        assert_eq!(target(&with_state, Some("app")).as_deref(), Some("https://app.test/bye?x=1&state=a+b"));
        assert_eq!(target(&format!("{URI}&client_id=app"), None).as_deref(), Some("https://app.test/bye?x=1"));
        assert_eq!((target("", None), target("state=x&client_id=app", Some("app"))), (None, None));
    }

    #[test]
    fn request_with_an_unknown_client_or_a_foreign_uri_is_refused() {
        use ErrorCode::*;
        for (query, hinted, code) in [
            (URI, None, InvalidRequest),
            (URI, Some("other"), InvalidRequest),
            ("post_logout_redirect_uri=https://app.test/bye&client_id=app", None, InvalidRequest),
            ("post_logout_redirect_uri=https://app.test/bye?x=1%26y&client_id=app", None, InvalidRequest),
            ("client_id=other", Some("app"), InvalidRequest),
            ("client_id=unknown", None, InvalidClient),
            ("", Some("unknown"), InvalidClient),
            ("client_id=app&client_id=app", None, InvalidRequest),
        ] {
            assert_eq!(parse(query, hinted).unwrap_err().code, code, "{query} {hinted:?}");
        }
    }

    #[test]
    fn sealed_request_is_opened_for_its_tenant_within_an_hour_and_never_after_a_change() {
        let (records, request) = (Records::for_tests(), parse(URI, Some("app")).unwrap());
        let sealed = request.seal(&records).unwrap();
        let open = |sealed: &str, tenant, seconds| {
            LogoutRequest::open(&records, sealed, tenant, NOW.saturating_add_seconds(seconds))
        };
        assert_eq!(open(&sealed, "a.test", 3_599), Some(request));
        assert_eq!((open(&sealed, "a.test", 3_600), open(&sealed, "b.test", 0)), (None, None));
        for changed in ["", "!", "AAAA", sealed.get(1..).unwrap()] {
            assert_eq!(open(changed, "a.test", 0), None, "{changed}");
        }
    }

    #[test]
    fn sealed_request_whose_uri_is_no_longer_registered_has_no_target() {
        let request = parse(URI, Some("app")).unwrap();
        let changed = r#"[{"id": "app", "redirect_uris": ["https://app.test/c"]}]"#;
        assert_eq!(request.target(&Clients::new(serde_json::from_str(changed).unwrap()).unwrap()), None);
    }
}
