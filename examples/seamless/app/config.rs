//! The configuration: the application's own address, its issuer, and the secret with which the client authenticates to
//! the issuer.

use openidconnect::url::{Host, Url};
use openidconnect::{IssuerUrl, PostLogoutRedirectUrl, RedirectUrl};
use std::fmt;
use zeroize::Zeroizing;

/// The configuration of the application.
///
/// ```
/// # fn main() -> Result<(), seamless_app::ConfigError> {
/// let config = seamless_app::Config::new("http://127.0.0.1:8080/contoso.test", "http://127.0.0.1:8081", "app")?
///     .with_secret("the secret that the issuer knows");
/// # Ok(())
/// # }
/// ```
pub struct Config {
    pub(crate) issuer: IssuerUrl,
    /// The origin of the application, without a slash at the end.
    pub(crate) address: String,
    /// The address to which the issuer sends the browser after a sign-in.
    pub(crate) redirect_uri: RedirectUrl,
    /// The address to which the issuer sends the browser after a sign-out.
    pub(crate) post_logout_redirect_uri: PostLogoutRedirectUrl,
    pub(crate) client_id: String,
    pub(crate) client_secret: Option<Zeroizing<String>>,
    pub(crate) certificates: Option<Vec<u8>>,
}

impl Config {
    /// Returns the configuration of a public client. `issuer` is the issuer's identifier, byte for byte as its tokens
    /// have it. `address` is the origin at which browsers reach the application, as in `https://app.contoso.test`.
    ///
    /// # Errors
    /// Returns an error if an address cannot be read, or if it is an address of plain HTTP that is not on the loopback
    /// interface.
    pub fn new(issuer: &str, address: &str, client_id: &str) -> Result<Self, ConfigError> {
        let issuer = IssuerUrl::new(issuer.to_owned()).map_err(|_| ConfigError::Address(issuer.to_owned()))?;
        protected(issuer.url())?;
        let url = Url::parse(address).map_err(|_| ConfigError::Address(address.to_owned()))?;
        protected(&url)?;
        if url.path() != "/" || url.query().is_some() || url.fragment().is_some() || !url.username().is_empty() {
            return Err(ConfigError::NotAnOrigin(address.to_owned()));
        }
        let address = url.origin().ascii_serialization();
        let unusable = |_| ConfigError::Address(address.clone());
        Ok(Self {
            redirect_uri: RedirectUrl::new(format!("{address}/callback")).map_err(unusable)?,
            post_logout_redirect_uri: PostLogoutRedirectUrl::new(format!("{address}/")).map_err(unusable)?,
            issuer,
            address,
            client_id: client_id.to_owned(),
            client_secret: None,
            certificates: None,
        })
    }

    /// Makes the client confidential: it authenticates to the issuer with this secret (RFC 6749 section 2.3.1).
    #[must_use]
    pub fn with_secret(self, secret: &str) -> Self {
        Self { client_secret: Some(Zeroizing::new(secret.to_owned())), ..self }
    }

    /// Trusts only servers whose certificate one of these authorities issued. `certificates` has the authorities in
    /// PEM. The application then does not trust the authorities of the operating system.
    #[must_use]
    pub fn trusting_only(self, certificates: Vec<u8>) -> Self {
        Self { certificates: Some(certificates), ..self }
    }

    /// Returns whether the application or its issuer uses TLS.
    pub(crate) fn has_tls(&self) -> bool {
        self.issuer.url().scheme() == "https" || self.address.starts_with("https://")
    }

    /// Returns the audience of the access tokens that the API accepts.
    pub(crate) fn api(&self) -> String {
        format!("{}/api", self.address)
    }
}

impl fmt::Debug for Config {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { issuer, address, client_id, .. } = self;
        formatter
            .debug_struct("Config")
            .field("issuer", issuer)
            .field("address", address)
            .field("client_id", client_id)
            .finish_non_exhaustive()
    }
}

/// Refuses plain HTTP, except on the loopback interface, where no other machine can read it.
pub(crate) fn protected(url: &Url) -> Result<(), ConfigError> {
    let is_loopback = match url.host() {
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        Some(Host::Domain(name)) => name == "localhost",
        None => false,
    };
    match url.scheme() {
        "https" if url.host().is_some() => Ok(()),
        "http" if is_loopback => Ok(()),
        "http" => Err(ConfigError::Unprotected(url.to_string())),
        _ => Err(ConfigError::Address(url.to_string())),
    }
}

/// The reason why a configuration cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ConfigError {
    /// The address is not an HTTP or HTTPS URL.
    #[error("`{0}` is not an address that begins with `https://` or `http://`")]
    Address(String),
    /// The address uses plain HTTP, and is not on the loopback interface.
    #[error("`{0}` is without TLS: plain HTTP is possible on the loopback interface only")]
    Unprotected(String),
    /// The address of the application has a path, a query or a user.
    #[error("`{0}` must be an origin, as in `https://app.contoso.test`")]
    NotAnOrigin(String),
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    const ISSUER: &str = "https://sso.test/contoso.test";

    #[test]
    fn issuer_without_tls_is_refused_except_on_loopback() {
        let error = |issuer| Config::new(issuer, "https://app.test", "app").err();
        assert_eq!(error("http://127.0.0.1:8080/contoso.test"), None);
        assert_eq!(error("http://[::1]:8080/contoso.test"), None);
        assert_eq!(error("http://localhost/contoso.test"), None);
        let refused = "http://sso.test/contoso.test";
        assert_eq!(error(refused), Some(ConfigError::Unprotected(refused.into())));
        assert_eq!(error("ldap://sso.test/"), Some(ConfigError::Address("ldap://sso.test/".into())));
        assert_eq!(error("contoso"), Some(ConfigError::Address("contoso".into())));
    }

    #[test]
    fn address_of_the_application_is_an_origin_without_a_slash_at_its_end() {
        let address = |address| Config::new(ISSUER, address, "app").map(|config| config.address);
        assert_eq!(address("https://app.test/"), Ok("https://app.test".into()));
        assert_eq!(address("http://127.0.0.1:8081"), Ok("http://127.0.0.1:8081".into()));
        for refused in ["https://app.test/path", "https://app.test/?a=b", "https://user@app.test"] {
            assert_eq!(address(refused), Err(ConfigError::NotAnOrigin(refused.into())));
        }
    }

    #[test]
    fn debug_text_does_not_have_the_secret() {
        let config = Config::new(ISSUER, "https://app.test", "app").unwrap().with_secret("of the client");
        assert!(!format!("{config:?}").contains("of the client"));
    }
}
