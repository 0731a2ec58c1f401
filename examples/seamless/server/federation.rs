//! The domains whose users sign in at a federation service such as AD FS instead of this server, and the facts that
//! native clients learn about a domain. These facts depend on the domain alone, never on the user.

use crate::tenants::{Tenant, Tenants};
use crate::user_name::UserName;
use serde::Deserialize;

/// The federation service of a domain.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Federation {
    /// The address of the service's WS-Trust metadata.
    pub(crate) metadata_url: String,
    /// The address at which the service accepts passwords by WS-Trust.
    pub(crate) active_auth_url: String,
    /// The address of the service's sign-in page. Without this field, this server sends clients no such address.
    pub(crate) sign_in_url: Option<String>,
    /// The name of the organisation.
    pub(crate) brand: String,
}

impl Federation {
    /// Returns which address is wrong, and why.
    pub(crate) fn fault(&self) -> Option<String> {
        let mut addresses = [&self.metadata_url, &self.active_auth_url].into_iter().chain(&self.sign_in_url);
        let wrong = addresses.find(|address| !address.starts_with("https://") || !address.is_ascii())?;
        Some(format!("{wrong}: the addresses of a federation service begin with https://"))
    }

    /// Returns whether this server is the federation service. This is the case if the service accepts passwords at one of this
    /// server's `origins`.
    pub(crate) fn is_at<'o>(&self, mut origins: impl Iterator<Item = &'o str>) -> bool {
        let rest = |origin| self.active_auth_url.strip_prefix(origin);
        origins.any(|origin: &str| rest(origin).is_some_and(|path| path.starts_with('/')))
    }
}

/// The service that signs in the users of a domain.
pub(crate) enum Namespace {
    /// This server.
    Managed(Box<Tenant>),
    /// Another service, which the configuration of a tenant names.
    Federated(Federation),
}

/// The facts that the server knows about the domain of a user name.
pub(crate) struct Realm {
    /// The user name as the client sent it.
    pub(crate) login: String,
    /// The domain as the client sent it. The text is empty if the name has no domain.
    pub(crate) domain: String,
    /// The service that signs in the users of the domain, or `None` if no tenant has the domain.
    pub(crate) namespace: Option<Namespace>,
}

impl Realm {
    /// Looks up the domain of a user principal name. A name in another form has no domain.
    pub(crate) fn of(tenants: &Tenants, login: &str) -> Self {
        let (domain, namespace) = match UserName::parse(login) {
            Some(user @ UserName::Principal { .. }) => {
                let suffix = user.suffix().unwrap_or_default().to_owned();
                let federated = tenants.federated(&suffix).map(Namespace::Federated);
                let namespace = federated.or_else(|| tenants.of_user(&user).map(Box::new).map(Namespace::Managed));
                (suffix, namespace)
            }
            _ => (String::new(), None),
        };
        Self { login: login.into(), domain, namespace }
    }

    /// Returns the kind of the namespace, as clients spell it.
    pub(crate) const fn namespace_type(&self) -> &'static str {
        match self.namespace {
            Some(Namespace::Managed(_)) => "Managed",
            Some(Namespace::Federated(_)) => "Federated",
            None => "Unknown",
        }
    }

    /// Returns the domain, or an empty text if no tenant has the domain.
    pub(crate) fn known_domain(&self) -> &str {
        if self.namespace.is_some() { &self.domain } else { "" }
    }

    /// Returns the federation service of the domain, if it is not this server.
    pub(crate) const fn federation(&self) -> Option<&Federation> {
        match &self.namespace {
            Some(Namespace::Federated(federation)) => Some(federation),
            _ => None,
        }
    }

    /// Returns the name of the organisation.
    pub(crate) fn brand(&self) -> Option<&str> {
        match &self.namespace {
            Some(Namespace::Managed(tenant)) => Some(&tenant.name),
            Some(Namespace::Federated(federation)) => Some(&federation.brand),
            None => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn federation_service_is_this_server_if_it_accepts_passwords_at_an_origin_of_this_server() {
        let of = |url: &str| Federation {
            metadata_url: String::new(),
            active_auth_url: url.into(),
            sign_in_url: None,
            brand: String::new(),
        };
        let ours = ["https://sso.test", "https://autologon.test"];
        for (url, expected) in [
            ("https://sso.test/contoso.test/winauth/trust/2005/usernamemixed", true),
            ("https://autologon.test/x", true),
            ("https://sso.test.evil.example/x", false),
            ("https://adfs.test/adfs/services/trust/2005/usernamemixed", false),
        ] {
            assert_eq!(of(url).is_at(ours.into_iter()), expected, "{url}");
        }
    }
}
